//! The link itself: how it is opened, and how it keeps the [`Link`] contract.

use std::{
    collections::VecDeque,
    io,
    net::{IpAddr, Ipv4Addr},
    os::fd::{AsFd, AsRawFd, OwnedFd},
    time::Duration,
};

use tcpexposure_core::time::Instant;
use tcpexposure_link::{Cause, Error, Frame, Link, Refusal, Statistics};

use crate::{
    address::Address,
    choose::{Choice, Way, choose, raw_refuses},
    error::{error, system},
    filter::{Care, Interest},
    interface::{Framing, Interface},
    neighbour,
    packet::{self, Macs},
    queue::{Entry, Queue},
    raw,
    receive::{self, Receiver, Reception},
    route::Route,
    sys,
};

/// How a link is to be opened; the default leaves all to the system.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The only interface to use.
    pub interface: Option<String>,
    /// The source address, which need not be this machine's own.
    pub source: Option<IpAddr>,
    /// How to send.
    pub backend: Backend,
    /// The next hop's hardware address; it is then not looked up.
    pub gateway_mac: Option<[u8; 6]>,
    /// What the kernel is to let through; everything, if absent.
    pub interest: Option<Interest>,
    /// How to receive.
    pub reception: Reception,
}

impl Options {
    /// What is of interest to somebody who looks at what could be of interest, too.
    fn lenient(&self) -> Option<(&Interest, Care)> {
        self.interest.as_ref().map(|interest| (interest, Care::Lenient))
    }
}

/// How to send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// The way that changes no field, on the interface in question.
    #[default]
    Auto,
    /// Raw IP sockets only.
    Raw,
    /// A packet socket only.
    Packet,
}

/// A link over packet sockets and raw IP sockets.
pub struct LinuxLink {
    receiver: Receiver,
    senders: Senders,
    queue: Queue,
    interface: Option<Interface>,
    source: IpAddr,
    mtu: usize,
    description: String,
    committed: u64,
    sent: u64,
    /// What could not be sent, where there are many peers.
    refusals: Option<VecDeque<Refusal>>,
}

/// Opens a link to `target`.
///
/// It sends to that target, and hears the interface that leads there.
///
/// # Errors
/// [`Cause::Privilege`] without CAP_NET_RAW; [`Cause::NoRoute`], [`Cause::NoInterface`],
/// [`Cause::NoNeighbour`]; [`Cause::Unsupported`] with the reason.
pub fn open(target: IpAddr, options: &Options) -> Result<LinuxLink, Error> {
    let route = Route::look_up(target, options.interface.as_deref(), options.source)?;
    let source = source(&route)?;
    // To find the next hop may take a second: what came meanwhile is not part of the run.
    let (senders, how) = Senders::open(&route, options)?;
    let ring = matches!(options.reception, Reception::Ring | Reception::Xdp).then_some(RING);
    let receiver = Receiver::open(Some(&route.interface), options.lenient(), ring)?;
    let description = format!("{how}; from {source}");
    Ok(LinuxLink {
        receiver,
        senders,
        queue: Queue::new(),
        source,
        mtu: route.mtu,
        interface: Some(route.interface),
        description,
        committed: 0,
        sent: 0,
        refusals: None,
    })
}

/// Opens a link to whoever may come, on one interface or on all, as a responder needs it.
///
/// It sends by raw IP sockets, so that the kernel finds the way to each peer. A packet that cannot
/// be sent is a [refusal](Link::refusal), since the next goes elsewhere.
///
/// # Errors
/// As [`open`].
pub fn listen(options: &Options) -> Result<LinuxLink, Error> {
    let interface = options.interface.as_deref().map(Interface::named).transpose()?;
    if options.backend == Backend::Packet {
        let why = "a packet socket needs a target to find the next hop".to_owned();
        return Err(error("listen", Cause::Unsupported(why)));
    }
    let ring = (options.reception != Reception::Message).then_some(RING);
    let receiver = Receiver::open(interface.as_ref(), options.lenient(), ring)?;
    let name = interface.as_ref().map_or("all interfaces", |interface| &interface.name);
    let manner = receiver.manner();
    let description =
        format!("raw sockets, hearing {name} by {manner}: the kernel finds the way to each peer");
    // Bound to loopback, a raw socket reaches nobody else; unbound, it reaches all.
    let bound = interface.as_ref().filter(|interface| !interface.loopback);
    let raw = raw::Sender::open(bound).map_err(|said| system("open a raw socket", said))?;
    Ok(LinuxLink {
        receiver,
        senders: Senders { packet: None, raw: Some(raw) },
        queue: Queue::new(),
        source: options.source.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        mtu: interface.as_ref().map_or(LARGEST, |interface| interface.mtu),
        interface,
        description,
        committed: 0,
        sent: 0,
        refusals: Some(VecDeque::new()),
    })
}

impl LinuxLink {
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

    /// Tells the interface; none if all are heard.
    #[must_use]
    pub const fn interface(&self) -> Option<&Interface> {
        self.interface.as_ref()
    }

    /// Tells the largest IP packet that goes through, in bytes, as far as this machine knows.
    #[must_use]
    pub const fn mtu(&self) -> usize {
        self.mtu
    }

    /// Tells how `packet` would be sent, and why.
    ///
    /// # Errors
    /// [`Cause::Unsupported`] when it would not arrive on the wire unchanged.
    pub fn choice(&self, packet: &[u8]) -> Result<Choice, Error> {
        self.senders.choice(packet).map_err(|reason| {
            error(self.doing(), Cause::Unsupported(format!("{reason}; use a packet socket")))
        })
    }

    /// Lets the kernel pass only what is of interest, from now on.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn narrow(&self, interest: &Interest) -> Result<(), Error> {
        self.receiver.narrow(interest)
    }

    /// Tells how many frames were lost for want of room so far.
    pub fn drops(&mut self) -> u64 {
        self.receiver.statistics().ok().and_then(|counts| counts.dropped).unwrap_or_default()
    }

    /// The most that any way takes: the interface's MTU, whatever is known of the path.
    fn most(&self) -> usize {
        self.interface.as_ref().map_or(LARGEST, |interface| interface.mtu).min(LARGEST)
    }

    fn doing(&self) -> String {
        self.interface
            .as_ref()
            .map_or_else(|| "send".to_owned(), |interface| format!("send on {}", interface.name))
    }

    fn check_size(&self, size: usize) -> Result<(), Error> {
        let most = self.most();
        if size <= most {
            return Ok(());
        }
        Err(error(self.doing(), Cause::TooLarge { size, most }))
    }

    /// Queues the first `length` bytes of the slot.
    fn enqueue(&mut self, length: usize) -> Result<(), Error> {
        self.check_size(length)?;
        let packet = self.queue.packet(length);
        match (self.choice(packet)?.way, &self.senders) {
            (Way::Packet, Senders { packet: Some(sender), .. }) => {
                let (header, to) = sender.address(packet);
                self.receiver.sent(packet);
                self.queue.push(length, header.bytes(), Way::Packet, to);
            }
            (Way::Raw, Senders { raw: Some(sender), .. }) => {
                if let Some(to) = sender.address(packet) {
                    self.receiver.sent(packet);
                    self.queue.push(length, &[], Way::Raw, to);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Sends what is queued, counting what went.
    fn send_queued(&mut self) -> Result<(), Error> {
        let (mut done, mut patience) = (0, PATIENCE);
        while let Some(first) = self.queue.entries().get(done) {
            match self.send_alike(done) {
                Ok(count) => {
                    done += count;
                    self.sent += count as u64;
                }
                Err(said) if said.kind() == io::ErrorKind::Interrupted => {}
                Err(said) if is_full(&said) && patience > 0 => {
                    patience -= 1;
                    std::thread::sleep(BACK_OFF);
                }
                Err(said) => {
                    // A firewall's refusal reads like a missing privilege, which the open sockets
                    // disprove.
                    let error = error(self.doing(), Cause::System(said));
                    self.refuse(Some(first.to), error)?;
                    done += 1;
                }
            }
        }
        Ok(())
    }

    /// Sends what is queued from this place on and goes by the same socket, and tells how much went.
    fn send_alike(&self, from: usize) -> io::Result<usize> {
        let entries = self.queue.entries().get(from..).unwrap_or_default();
        let Some(first) = entries.first() else { return Ok(0) };
        let fd = self.senders.fd(first)?;
        let alike = |entry: &&Entry| self.senders.fd(entry).is_ok_and(|other| is_same(other, fd));
        let run = entries.iter().take_while(alike);
        sys::send_many(fd.as_fd(), run.map(|entry| (self.queue.bytes(entry), Some(&entry.to))))
    }

    /// Keeps what could not be sent, where others can; else it is an error.
    fn refuse(&mut self, to: Option<Address>, error: Error) -> Result<(), Error> {
        let to = to.and_then(Address::to_socket_address);
        let (Some(refusals), Some(to)) = (&mut self.refusals, to) else {
            return Err(error);
        };
        if refusals.len() == REFUSALS {
            refusals.pop_front();
        }
        refusals.push_back(Refusal { to: to.ip(), error });
        Ok(())
    }
}

impl Link for LinuxLink {
    fn now(&self) -> Instant {
        receive::clock()
    }

    fn slot(&mut self) -> Result<&mut [u8], Error> {
        if self.queue.is_full() {
            self.flush()?;
        }
        Ok(self.queue.slot())
    }

    fn commit(&mut self, length: usize) -> Result<(), Error> {
        self.committed += 1;
        let Err(error) = self.enqueue(length) else { return Ok(()) };
        let sender = self.senders.raw.as_ref();
        let to = sender.and_then(|sender| sender.address(self.queue.packet(length)));
        self.refuse(to, error)
    }

    fn flush(&mut self) -> Result<(), Error> {
        let result = self.send_queued();
        self.queue.clear();
        result
    }

    fn recv(&mut self, deadline: Instant) -> Result<Option<Frame<'_>>, Error> {
        self.receiver.recv(deadline)
    }

    fn refusal(&mut self) -> Option<Refusal> {
        self.refusals.as_mut()?.pop_front()
    }

    fn statistics(&mut self) -> Result<Statistics, Error> {
        let queued = self.queue.entries().len() as u64;
        Ok(Statistics {
            committed: Some(self.committed),
            sent: Some(self.sent),
            refused: Some(self.committed - self.sent - queued),
            ..self.receiver.statistics()?
        })
    }
}

/// The ways that are open; where both are, raw comes first.
struct Senders {
    packet: Option<packet::Sender>,
    raw: Option<raw::Sender>,
}

impl Senders {
    /// Opens what the route and the options ask for, and tells why.
    fn open(route: &Route, options: &Options) -> Result<(Self, String), Error> {
        let interface = &route.interface;
        let name = &interface.name;
        match (options.backend, interface.framing) {
            (Backend::Raw, _) => {
                let why = format!("raw sockets by way of {name}: asked for");
                Ok((Self { packet: None, raw: Some(open_raw(route, options)?) }, why))
            }
            (Backend::Packet, Framing::Other) => {
                let why = format!("{name} has a link-layer header of a kind that is not written");
                Err(error("open a packet socket", Cause::Unsupported(why)))
            }
            (Backend::Auto, Framing::Other) => {
                let why = format!("raw sockets by way of {name}: the kernel writes its link layer");
                Ok((Self { packet: None, raw: Some(open_raw(route, options)?) }, why))
            }
            (Backend::Auto, _) if interface.loopback => {
                let (packet, _) = open_packet(route, options)?;
                let raw = open_raw(route, options)?;
                let why = format!(
                    "raw sockets on {name}, where the kernel hears no packet socket over IPv4; \
                     a packet socket for what raw sockets would change"
                );
                Ok((Self { packet: Some(packet), raw: Some(raw) }, why))
            }
            (Backend::Auto | Backend::Packet, _) => {
                let (packet, to) = open_packet(route, options)?;
                let why = format!("packet socket on {name}{to}: every field goes out as written");
                Ok((Self { packet: Some(packet), raw: None }, why))
            }
        }
    }

    fn choice(&self, packet: &[u8]) -> Result<Choice, &'static str> {
        match (&self.packet, &self.raw) {
            (Some(_), Some(_)) => Ok(choose(packet, Way::Raw)),
            (Some(_), None) => Ok(choose(packet, Way::Packet)),
            (None, _) => raw_refuses(packet).map_or_else(|| Ok(choose(packet, Way::Raw)), Err),
        }
    }

    fn fd(&self, entry: &Entry) -> io::Result<&OwnedFd> {
        let missing = || io::Error::from(io::ErrorKind::NotConnected);
        match entry.way {
            Way::Packet => Ok(self.packet.as_ref().ok_or_else(missing)?.fd()),
            Way::Raw => self.raw.as_ref().ok_or_else(missing)?.fd(&entry.to),
        }
    }
}

/// Opens raw sockets, bound to the interface where that is needed.
pub(crate) fn open_raw(route: &Route, options: &Options) -> Result<raw::Sender, Error> {
    let needs_scope = matches!(route.target, IpAddr::V6(target) if target.is_unicast_link_local());
    let bound = (options.interface.is_some() || needs_scope) && !route.local;
    raw::Sender::open(bound.then_some(&route.interface))
        .map_err(|said| system("open a raw socket", said))
}

/// Opens a packet socket, and tells the next hop in words.
fn open_packet(route: &Route, options: &Options) -> Result<(packet::Sender, String), Error> {
    let macs = macs(route, options)?;
    let sender = packet::Sender::open(&route.interface, macs).map_err(|said| {
        system(format!("open a packet socket on {}", route.interface.name), said)
    })?;
    Ok((sender, hop(route, macs)))
}

/// Tells the next hop in words.
pub(crate) fn hop(route: &Route, macs: Option<Macs>) -> String {
    macs.map_or_else(String::new, |macs| {
        let [a, b, c, d, e, f] = macs.destination;
        let hop = route.next_hop();
        format!(", next hop {hop} at {a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
    })
}

/// Tells the hardware addresses of frames, where there are any.
pub(crate) fn macs(route: &Route, options: &Options) -> Result<Option<Macs>, Error> {
    let interface = &route.interface;
    if interface.framing != Framing::Ethernet {
        return Ok(None);
    }
    let source = interface.mac.unwrap_or_default();
    let destination = match options.gateway_mac {
        Some(mac) => mac,
        None if interface.loopback || interface.no_arp => source,
        None => neighbour::resolve(route.next_hop(), interface)?,
    };
    Ok(Some(Macs { destination, source }))
}

/// Tells the address to send from.
pub(crate) fn source(route: &Route) -> Result<IpAddr, Error> {
    route.source.ok_or_else(|| {
        let name = &route.interface.name;
        let why = format!("{name} has no address to send from: give a source address");
        error(format!("send to {}", route.target), Cause::Unsupported(why))
    })
}

/// Tells whether two are one.
pub(crate) fn is_same(one: &OwnedFd, other: &OwnedFd) -> bool {
    one.as_raw_fd() == other.as_raw_fd()
}

/// The queue of the card or of the kernel is full for a moment.
fn is_full(said: &io::Error) -> bool {
    matches!(said.raw_os_error(), Some(libc::ENOBUFS | libc::EAGAIN | libc::ENOMEM))
}

/// The largest IP packet without extensions.
const LARGEST: usize = 65_535;
/// The bytes of a ring: as many as wait at a socket without one.
const RING: usize = 4 << 20;
/// The most refusals that are kept.
const REFUSALS: usize = 256;
/// How often to try again when a queue is full.
const PATIENCE: u32 = 2000;
/// How long to let a full queue drain.
const BACK_OFF: Duration = Duration::from_micros(500);
