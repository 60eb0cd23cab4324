//! What there is on this machine, on these systems only: interfaces, routes, neighbours, a link to a
//! target, the reset guard.

mod guard;
#[expect(unsafe_code, reason = "system calls; each block is argued")]
mod sys;

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    thread,
    time::Duration,
};

pub use guard::Guard;
use tcpexposure_link::{Cause, Error, Frame, Link, Statistics, filter::Interest, frame::Macs};

use crate::{
    error::{error, on},
    interface::Interface,
    link::{BpfLink, Sending, Settings},
    route::{
        Route,
        message::{self, RTF_LLINFO},
    },
    system::System,
};

/// The system that this was compiled for.
#[must_use]
pub fn system() -> &'static System {
    sys::HERE
}

/// How a link is to be opened; the default leaves all to the system.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The only interface to use.
    pub interface: Option<String>,
    /// The source address, which need not be this machine's own.
    pub source: Option<IpAddr>,
    /// Whether to send by a raw IPv4 socket, so that the kernel finds the way.
    pub raw: bool,
    /// The next hop's hardware address; it is then not looked up.
    pub gateway_mac: Option<[u8; 6]>,
    /// What the kernel is to let through; everything, if absent.
    pub interest: Option<Interest>,
}

/// A link by a BPF device of this machine.
pub struct Opened {
    link: BpfLink<sys::Bpf>,
    source: IpAddr,
    description: String,
}

/// Opens a link to `target`.
///
/// # Errors
/// [`Cause::Privilege`] where /dev/bpf may not be opened; [`Cause::NoRoute`],
/// [`Cause::NoInterface`], [`Cause::NoNeighbour`]; [`Cause::Unsupported`] with the reason.
pub fn open(target: IpAddr, options: &Options) -> Result<Opened, Error> {
    let route = look_up(target, options.interface.as_deref(), options.source)?;
    let name = &route.interface.name;
    let source = route.source.ok_or_else(|| {
        let why = format!("{name} has no address to send from: give a source address");
        error(format!("send to {target}"), Cause::Unsupported(why))
    })?;
    let (sending, how) = if options.raw {
        (raw()?, format!("raw socket, hearing {name} by a BPF device: asked for"))
    } else {
        let macs = macs(&route, options.gateway_mac)?;
        (Sending::Frames(macs), format!("BPF device on {name}: every field goes out as written"))
    };
    let link = link(&route.interface, sending, options.interest.as_ref())?;
    Ok(Opened { link, source, description: format!("{how}; from {source}") })
}

/// Opens a link to whoever may come, on one interface: the one named, or the first that leads
/// anywhere. Answers go where the questions came from.
///
/// # Errors
/// As [`open`].
pub fn listen(options: &Options) -> Result<Opened, Error> {
    let interface = match &options.interface {
        Some(name) => named(name)?,
        None => busiest()?,
    };
    let name = &interface.name;
    let (sending, how) = match interface.mac {
        _ if options.raw => (raw()?, "answers by a raw socket"),
        Some(mac) => (Sending::Answers(mac), "answers go where the questions came from"),
        None => (Sending::Frames(None), "there are no hardware addresses"),
    };
    let description = format!("BPF device on {name}: {how}");
    let link = link(&interface, sending, options.interest.as_ref())?;
    let source = options.source.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    Ok(Opened { link, source, description })
}

/// Finds out whether a BPF device may be opened here; nothing is sent.
///
/// # Errors
/// [`Cause::Privilege`].
pub fn probe() -> Result<(), Error> {
    sys::Bpf::open().map(drop).map_err(|said| on("", "open a BPF device", said))
}

/// Finds out whether a raw socket may be opened here; nothing is sent.
///
/// # Errors
/// [`Cause::Privilege`].
pub fn probe_raw() -> Result<(), Error> {
    raw().map(drop)
}

/// Lists all interfaces with their addresses.
///
/// # Errors
/// When the system refuses.
pub fn interfaces() -> Result<Vec<Interface>, Error> {
    let entries = sys::interfaces().map_err(|said| on("", "list the interfaces", said))?;
    let mut interfaces = Interface::gather(sys::HERE, &entries);
    for interface in &mut interfaces {
        interface.mtu = sys::mtu(&interface.name).unwrap_or(0);
    }
    Ok(interfaces)
}

/// Asks the kernel for the way to `target`, on `interface` only and from `source` if given.
///
/// # Errors
/// [`Cause::NoRoute`], [`Cause::NoInterface`], or [`Cause::Unsupported`] when the interface is
/// down or does not lead there.
pub fn look_up(
    target: IpAddr,
    interface: Option<&str>,
    source: Option<IpAddr>,
) -> Result<Route, Error> {
    let interfaces = interfaces()?;
    let wanted = interface.map(named).transpose()?;
    let route = match (ask(target, &interfaces), wanted) {
        (Ok(route), Some(wanted)) if route.interface.index != wanted.index => {
            Route::on_link(target, &wanted)
        }
        (Err(_), Some(wanted)) => Route::on_link(target, &wanted),
        (route, _) => route,
    }?;
    if !route.interface.up {
        return Err(error(format!("find the way to {target}"), Cause::Down(route.interface.name)));
    }
    Ok(Route { source: source.or(route.source), ..route })
}

/// Tells the hardware address of a neighbour, and lets the kernel ask for it if need be.
///
/// # Errors
/// [`Cause::NoNeighbour`] when it does not answer.
pub fn resolve(neighbour: IpAddr, interface: &Interface) -> Result<[u8; 6], Error> {
    let doing = || format!("find the hardware address of {neighbour}");
    for _ in 0..TRIES {
        let known =
            known(neighbour, interface.index).map_err(|said| on(&interface.name, doing(), said))?;
        if let Some(mac) = known {
            return Ok(mac);
        }
        nudge(neighbour, interface).map_err(|said| on(&interface.name, doing(), said))?;
        thread::sleep(PAUSE);
    }
    Err(error(doing(), Cause::NoNeighbour(neighbour)))
}

/// Tells the hardware addresses of frames towards a target; none where frames have none.
///
/// # Errors
/// As [`resolve`].
pub fn macs(route: &Route, gateway: Option<[u8; 6]>) -> Result<Option<Macs>, Error> {
    let interface = &route.interface;
    let Some(source) = interface.mac.filter(|_| !interface.loopback) else {
        return Ok(None);
    };
    let destination = match gateway {
        Some(mac) => mac,
        None => resolve(route.next_hop(), interface)?,
    };
    Ok(Some(Macs { destination, source }))
}

impl Opened {
    /// Tells in one line what was chosen, and why.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Tells the source address to send from; unspecified after [`listen`] without one.
    #[must_use]
    pub const fn source(&self) -> IpAddr {
        self.source
    }
}

impl Link for Opened {
    fn now(&self) -> tcpexposure_core::time::Instant {
        self.link.now()
    }

    fn slot(&mut self) -> Result<&mut [u8], Error> {
        self.link.slot()
    }

    fn commit(&mut self, length: usize) -> Result<(), Error> {
        self.link.commit(length)
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.link.flush()
    }

    fn recv(
        &mut self,
        deadline: tcpexposure_core::time::Instant,
    ) -> Result<Option<Frame<'_>>, Error> {
        self.link.recv(deadline)
    }

    fn statistics(&mut self) -> Result<Statistics, Error> {
        self.link.statistics()
    }
}

fn link(
    interface: &Interface,
    sending: Sending,
    interest: Option<&Interest>,
) -> Result<BpfLink<sys::Bpf>, Error> {
    let name = &interface.name;
    let device =
        sys::Bpf::open().map_err(|said| on(name, format!("open a BPF device on {name}"), said))?;
    let mtu = if interface.mtu == 0 { LARGEST } else { interface.mtu.min(LARGEST) };
    let loopback = interface.loopback;
    BpfLink::new(
        device,
        Settings { system: sys::HERE, interface: name, mtu, loopback, sending, interest },
    )
}

fn raw() -> Result<Sending, Error> {
    let socket = sys::Raw::open().map_err(|said| on("", "open a raw socket", said))?;
    Ok(Sending::Raw(Box::new(socket)))
}

fn named(name: &str) -> Result<Interface, Error> {
    let found = interfaces()?.into_iter().find(|interface| interface.name == name);
    found.ok_or_else(|| error(format!("use interface {name}"), Cause::NoInterface(name.to_owned())))
}

/// Finds an interface to listen on: the first that is up, has an address and leads elsewhere.
fn busiest() -> Result<Interface, Error> {
    let leads = |one: &Interface| one.up && !one.loopback && !one.addresses.is_empty();
    interfaces()?.into_iter().find(leads).ok_or_else(|| {
        let why = "no interface is up: name one".to_owned();
        error("listen", Cause::Unsupported(why))
    })
}

fn ask(target: IpAddr, interfaces: &[Interface]) -> Result<Route, Error> {
    let mut found = None;
    let answered = |bytes: &[u8]| {
        let own = |answer: &message::Message<'_>| answer.answers(sys::pid(), SEQUENCE);
        found = message::walk(sys::HERE, bytes)
            .find(own)
            .map(|answer| Route::read(sys::HERE, target, &answer, interfaces));
        found.is_some()
    };
    let question = message::question(sys::HERE, target, SEQUENCE);
    let asked = sys::ask_route(&question, PATIENCE, answered);
    match (found, asked) {
        (Some(route), _) => route,
        // ESRCH and ENETUNREACH: there is no such route.
        (None, Err(said)) if said.kind() != io::ErrorKind::PermissionDenied => {
            Err(error(format!("find the way to {target}"), Cause::NoRoute(target)))
        }
        (None, asked) => {
            let said = asked.err().unwrap_or_else(|| io::ErrorKind::NotFound.into());
            Err(on("", format!("find the way to {target}"), said))
        }
    }
}

/// Looks a neighbour up among those that the kernel knows.
fn known(neighbour: IpAddr, index: u16) -> io::Result<Option<[u8; 6]>> {
    let families = &sys::HERE.families;
    let family = if neighbour.is_ipv4() { families.v4 } else { families.v6 };
    let list = sys::routes(family, RTF_LLINFO)?;
    Ok(message::walk(sys::HERE, &list)
        .filter(|entry| entry.destination() == Some(neighbour))
        .filter(|entry| entry.index() == index)
        .find_map(|entry| entry.neighbour()?.mac))
}

/// Sends an empty datagram to the discard port, so that the kernel looks the neighbour up.
fn nudge(neighbour: IpAddr, interface: &Interface) -> io::Result<()> {
    let any: SocketAddr = match neighbour {
        IpAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        IpAddr::V6(_) => (std::net::Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let mut to = SocketAddr::new(neighbour, DISCARD);
    if let SocketAddr::V6(to) = &mut to
        && to.ip().is_unicast_link_local()
    {
        to.set_scope_id(interface.index.into());
    }
    UdpSocket::bind(any)?.send_to(&[], to).map(drop)
}

/// The number of our question to the routing socket; each has a socket of its own.
const SEQUENCE: u32 = 1;
/// How long the kernel may think.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often a neighbour is looked for, and how long in between.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(100);
/// The discard service of RFC 863.
const DISCARD: u16 = 9;
/// The largest IP packet without extensions.
const LARGEST: usize = 65_535;
