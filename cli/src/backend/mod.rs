//! The one choice of a way to the wire: what each system has is in a file of its own.

#[cfg_attr(not(feature = "pcap"), path = "without_pcap.rs")]
mod pcap;
mod sim;
#[cfg_attr(target_os = "linux", path = "linux.rs")]
#[cfg_attr(
    any(target_os = "macos", target_os = "freebsd", target_os = "netbsd", target_os = "openbsd"),
    path = "bsd.rs"
)]
mod system;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    ops::RangeInclusive,
    str::FromStr,
    time::Duration,
};

use tcpexposure_core::time::Instant;
use tcpexposure_link::{Error, Frame, Link, Refusal, Statistics};
use tcpexposure_sim::Setup;

pub(crate) use sim::own_address;

use crate::{
    exit::{Exit, Failure},
    guards::Guards,
};

/// What `--backend` asks for.
#[derive(Clone, Debug)]
pub(crate) enum Backend {
    /// The best that works for the target.
    Auto,
    /// Raw IP sockets.
    Raw,
    /// A packet socket.
    Packet,
    /// A BPF device.
    Bpf,
    /// libpcap.
    Pcap,
    /// A simulated path, by its description.
    Sim(String),
}

/// How to reach the target.
#[derive(Debug, Default)]
pub(crate) struct Way<'a> {
    /// The only interface to use.
    pub(crate) interface: Option<&'a str>,
    /// The source address.
    pub(crate) source: Option<IpAddr>,
    /// The source port; any free one if absent.
    pub(crate) port: Option<u16>,
    /// The next hop's hardware address.
    pub(crate) mac: Option<[u8; 6]>,
    /// Whether the host of a simulated path answers as in 2011.
    pub(crate) classic: bool,
}

/// An open way to the target.
pub(crate) struct Path<'a> {
    link: Box<dyn Link + 'a>,
    /// The address and port to send from.
    pub(crate) source: SocketAddr,
    /// What was chosen, and why.
    pub(crate) description: String,
    /// Keeps the kernel silent on the source port.
    _guard: Option<Guards>,
}

/// The first step towards a target, for what knows interfaces but no routes.
#[cfg(feature = "pcap")]
struct Hop {
    interface: String,
    source: IpAddr,
    /// For Ethernet.
    macs: Option<tcpexposure_link::frame::Macs>,
    mtu: usize,
    loopback: bool,
}

/// What a system has opened: a link, the address to send from, and what was chosen and why.
struct Opened {
    link: Box<dyn Link>,
    source: IpAddr,
    description: String,
}

/// The name of a backend, and why it cannot be used here, if so.
pub(crate) type Ability = (&'static str, Result<(), Failure>);

/// Tries out each backend, without sending anything.
pub(crate) fn abilities() -> Vec<Ability> {
    let mut abilities = system::abilities();
    abilities.extend([("pcap", pcap::probe()), ("sim", Ok(()))]);
    abilities
}

impl FromStr for Backend {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, rest) = text.split_once(':').unwrap_or((text, ""));
        match name {
            "sim" => {
                rest.parse::<Setup>().map_err(|error| error.to_string())?;
                Ok(Self::Sim(rest.to_owned()))
            }
            _ if !rest.is_empty() => Err(format!("{name} takes nothing after a colon")),
            "auto" => Ok(Self::Auto),
            "raw" => Ok(Self::Raw),
            "packet" => Ok(Self::Packet),
            "bpf" => Ok(Self::Bpf),
            "pcap" => Ok(Self::Pcap),
            _ => Err(format!(
                "{text:?} is no backend: auto, raw, packet, bpf, pcap and sim[:BOX,…] are"
            )),
        }
    }
}

impl Backend {
    /// Opens the way to `target`, and guards the source port where there is a kernel to be kept
    /// silent.
    pub(crate) fn open(&self, target: SocketAddr, way: &Way<'_>) -> Result<Path<'static>, Failure> {
        match self {
            Self::Sim(description) => sim::open(description, target, way),
            real => real.open_real(target, way),
        }
    }

    /// Opens the way to `target` from many ports, which are guarded already.
    pub(crate) fn open_from(
        &self,
        target: SocketAddr,
        way: &Way<'_>,
        guards: &Guards,
    ) -> Result<Path<'static>, Failure> {
        match self {
            Self::Sim(description) => {
                sim::open(description, target, &Way { port: Some(guards.first()), ..*way })
            }
            real => real.link(target, way, guards),
        }
    }

    /// Opens a way to whoever is named later, on any of these ports.
    pub(crate) fn open_any(
        &self,
        ports: &[u16],
        way: &Way<'_>,
        guards: &Guards,
    ) -> Result<Path<'static>, Failure> {
        let source = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), guards.first());
        match self {
            Self::Sim(description) => {
                let link = sim::open_any(description, ports, way)?;
                let description = format!("a simulated path ({description}) to our own responder");
                Ok(Path { link, source, description, _guard: None })
            }
            Self::Packet | Self::Bpf | Self::Pcap => {
                Err(Failure::new(Exit::Usage, "this backend leads to one next hop only")
                    .hint("test many targets with --backend raw"))
            }
            Self::Auto | Self::Raw => {
                let Listener { link, description } =
                    Listener::open(way.interface, vec![guards.ports()])?;
                let description = format!("{description}; {}", guards.description());
                Ok(Path { link, source, description, _guard: None })
            }
        }
    }

    /// Tells the address to send from to a target.
    pub(crate) fn source(&self, target: IpAddr, way: &Way<'_>) -> Result<IpAddr, Failure> {
        match self {
            Self::Sim(_) => Ok(own_address(target)),
            _ => system::routed(target, way),
        }
    }

    /// Takes source ports that follow each other, where there is a kernel to be kept silent.
    pub(crate) fn guards(&self, count: u16) -> Result<Guards, Failure> {
        match self {
            Self::Sim(_) => Ok(Guards::unneeded(SIMULATED_PORTS, count)),
            _ => Guards::range(count),
        }
    }

    /// Tells what random numbers are to be drawn from: on a simulated path, the same each time.
    pub(crate) fn seed(&self) -> Result<u64, Failure> {
        match self {
            Self::Sim(description) => Ok(description.parse::<Setup>().unwrap_or_default().seed),
            _ => getrandom::u64().map_err(|error| {
                Failure::new(Exit::Usage, format!("cannot draw random numbers: {error}"))
                    .hint("see whether /dev/urandom can be read")
            }),
        }
    }

    /// Tells whether our own responder is known to answer.
    pub(crate) const fn is_simulated(&self) -> bool {
        matches!(self, Self::Sim(_))
    }

    fn open_real(&self, target: SocketAddr, way: &Way<'_>) -> Result<Path<'static>, Failure> {
        let guards = Guards::one(way.port)?;
        let path = self.link(target, way, &guards)?;
        Ok(Path { _guard: Some(guards), ..path })
    }

    fn link(
        &self,
        target: SocketAddr,
        way: &Way<'_>,
        guards: &Guards,
    ) -> Result<Path<'static>, Failure> {
        let Opened { link, source, description } = match self {
            Self::Pcap => pcap::open(target.ip(), way, guards.ports())?,
            _ => system::open(self, target.ip(), way, guards.ports())?,
        };
        let source = SocketAddr::new(source, guards.first());
        let description = format!("{description}; {}", guards.description());
        Ok(Path { link, source, description, _guard: None })
    }
}

impl<'a> Path<'a> {
    /// Lends the path, from another port if one is named; what came before is not heard.
    pub(crate) fn lend(&mut self, port: Option<u16>) -> Result<Path<'_>, Failure> {
        let begin = self.link.now();
        while self.link.recv(Instant::ZERO)?.is_some_and(|frame| frame.time < begin) {}
        let source = SocketAddr::new(self.source.ip(), port.unwrap_or(self.source.port()));
        let description = self.description.clone();
        Ok(Path { link: Box::new(&mut self.link), source, description, _guard: None })
    }
}

/// A way to whoever may come.
pub(crate) struct Listener {
    link: Box<dyn Link>,
    /// What was chosen, and why.
    pub(crate) description: String,
}

impl Listener {
    /// Listens for what comes to ports that are guarded already.
    pub(crate) fn open(
        interface: Option<&str>,
        ports: Vec<RangeInclusive<u16>>,
    ) -> Result<Self, Failure> {
        system::listen(interface, ports)
    }
}

impl Link for Listener {
    fn now(&self) -> Instant {
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

    /// Waits for a short time only: a signal that comes just before a wait does not end it.
    fn recv(&mut self, deadline: Instant) -> Result<Option<Frame<'_>>, Error> {
        let soon = self.link.now().after(GLANCE);
        self.link.recv(deadline.min(soon))
    }

    fn refusal(&mut self) -> Option<Refusal> {
        self.link.refusal()
    }

    fn statistics(&mut self) -> Result<Statistics, Error> {
        self.link.statistics()
    }
}

/// How long a listener waits before it looks whether it is to stop.
const GLANCE: Duration = Duration::from_millis(500);
/// The first of many source ports on a simulated path.
const SIMULATED_PORTS: u16 = 20_000;

impl Link for Path<'_> {
    fn now(&self) -> Instant {
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

    fn recv(&mut self, deadline: Instant) -> Result<Option<Frame<'_>>, Error> {
        self.link.recv(deadline)
    }

    fn refusal(&mut self) -> Option<Refusal> {
        self.link.refusal()
    }

    fn statistics(&mut self) -> Result<Statistics, Error> {
        self.link.statistics()
    }
}
