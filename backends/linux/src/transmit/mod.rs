//! Sending many packets: a link that only sends, by the fastest way that the interface has.
//!
//! All ways put the same bytes on the wire; they differ in what a packet costs.

use std::{io, net::IpAddr, thread, time::Duration};

use tcpexposure_core::time::Instant;
use tcpexposure_link::{Cause, Error, Frame, Link, Statistics};

use self::{mmsg::Mmsg, raw::Raw, ring::Ring, xdp::Xdp};
use crate::{
    choose::raw_refuses,
    error::error,
    interface::{Counters, Framing, Interface},
    link::{Options, hop, macs, source},
    packet::Header,
    receive,
    route::Route,
};

mod mmsg;
mod raw;
mod ring;
mod xdp;

/// How to send many packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transmit {
    /// The fastest that the interface has.
    #[default]
    Auto,
    /// An AF_XDP socket; without copying, where the driver can, but for [`Self::Auto`], which does
    /// not take a queue away from the kernel.
    Xdp,
    /// A packet socket with a mapped ring, past the queueing discipline: TX_RING.
    Ring,
    /// A packet socket with many packets a system call, past the queueing discipline: sendmmsg(2).
    Mmsg,
    /// Raw IP sockets: the kernel routes each packet.
    Raw,
}

/// A link that only sends, to one next hop, whatever the packets' own addresses.
pub struct TransmitLink {
    lane: Any,
    /// The link-layer headers for IPv4 (and what is neither) and for IPv6.
    headers: [Header; 2],
    /// The bytes of each of them.
    header: usize,
    /// Whether any bytes go out as they are.
    faithful: bool,
    interface: Interface,
    source: IpAddr,
    mtu: usize,
    most: usize,
    description: String,
    before: Counters,
    committed: u64,
    /// How many of these have come since the last flush.
    queued: usize,
    sent: u64,
    broken: bool,
}

/// Opens a link that sends to the next hop towards `target`; `options.backend`, `interest` and
/// `reception` are without meaning here.
///
/// # Errors
/// [`Cause::Privilege`] without CAP_NET_RAW; [`Cause::NoRoute`], [`Cause::NoInterface`],
/// [`Cause::NoNeighbour`]; [`Cause::Unsupported`] where the way is not to be had.
pub fn open_transmit(
    target: IpAddr,
    options: &Options,
    way: Transmit,
) -> Result<TransmitLink, Error> {
    let route = Route::look_up(target, options.interface.as_deref(), options.source)?;
    let source = source(&route)?;
    let interface = &route.interface;
    let Choice { lane, headers, why } = choose(&route, options, way)?;
    let header = headers[0].bytes().len();
    let most = interface.mtu.min(lane.room().saturating_sub(header));
    Ok(TransmitLink {
        faithful: lane.is_faithful(),
        lane,
        headers,
        header,
        source,
        most,
        description: format!("{why}; from {source}"),
        before: Counters::of(interface.index)?,
        mtu: route.mtu,
        interface: route.interface,
        committed: 0,
        queued: 0,
        sent: 0,
        broken: false,
    })
}

impl TransmitLink {
    /// Tells in one line what was chosen, and why.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Tells the source address to send from.
    #[must_use]
    pub const fn source(&self) -> IpAddr {
        self.source
    }

    /// Tells the interface.
    #[must_use]
    pub const fn interface(&self) -> &Interface {
        &self.interface
    }

    /// Tells the largest IP packet that goes through, in bytes, as far as this machine knows.
    #[must_use]
    pub const fn mtu(&self) -> usize {
        self.mtu
    }

    fn doing(&self) -> String {
        format!("send on {}", self.interface.name)
    }

    /// Tells what came of the interface, if that is why the system refused.
    fn broke(&mut self, said: io::Error) -> Error {
        self.broken = true;
        let name = self.interface.name.clone();
        let cause = match Interface::numbered(self.interface.index) {
            Err(_) => Cause::NoInterface(name),
            Ok(now) if !now.up || !now.carrier => Cause::Down(name),
            Ok(_) => Cause::System(said),
        };
        error(self.doing(), cause)
    }

    /// Hands over what is queued, as far as one system call goes; `false` if nothing went.
    fn push_on(&mut self) -> Result<bool, Error> {
        match self.lane.kick() {
            Ok(count) => {
                self.sent += count as u64;
                Ok(count > 0)
            }
            Err(said) if said.kind() == io::ErrorKind::Interrupted => Ok(true),
            Err(said) if is_full(&said) => Ok(false),
            Err(said) => Err(self.broke(said)),
        }
    }

    /// Works on the queue until `done`, as long as there is any hope.
    fn work(&mut self, done: impl Fn(&mut Any) -> bool) -> Result<(), Error> {
        let (mut idle, mut since) = (0, None);
        while !done(&mut self.lane) {
            if self.push_on()? {
                (idle, since) = (0, None);
                continue;
            }
            let now = self.now();
            if now.since(*since.get_or_insert(now)) > PATIENCE {
                return Err(self.broke(io::Error::from_raw_os_error(libc::ENOBUFS)));
            }
            idle += 1;
            rest(idle);
        }
        Ok(())
    }

    /// Waits until there is a slot.
    #[cold]
    fn make_room(&mut self) -> Result<(), Error> {
        self.work(|lane| lane.has_slot())
    }

    /// Refuses what would not arrive as it is.
    fn check(&mut self, length: usize) -> Result<(), Error> {
        if length > self.most {
            let cause = Cause::TooLarge { size: length, most: self.most };
            return Err(error(self.doing(), cause));
        }
        if !self.faithful
            && let Some(reason) = raw_refuses(self.lane.slot().get(..length).unwrap_or_default())
        {
            let cause = Cause::Unsupported(format!("{reason}; use a packet socket"));
            return Err(error(self.doing(), cause));
        }
        Ok(())
    }
}

impl Link for TransmitLink {
    fn now(&self) -> Instant {
        receive::clock()
    }

    fn slot(&mut self) -> Result<&mut [u8], Error> {
        if !self.lane.has_slot() {
            self.make_room()?;
        }
        Ok(&mut self.lane.slot()[self.header..])
    }

    fn commit(&mut self, length: usize) -> Result<(), Error> {
        if !self.lane.has_slot() {
            self.make_room()?;
        }
        self.check(length)?;
        let slot = self.lane.slot();
        let is_v6 = slot.get(self.header).is_some_and(|byte| byte >> 4 == 6);
        self.headers[usize::from(is_v6)].write(slot);
        self.lane.push(self.header + length);
        self.committed += 1;
        self.queued += 1;
        if self.queued < BATCH { Ok(()) } else { self.flush() }
    }

    #[inline(never)]
    fn flush(&mut self) -> Result<(), Error> {
        self.work(|lane| lane.waiting() == 0)?;
        self.queued = 0;
        Ok(())
    }

    /// Hears nothing: sleeps until the deadline.
    fn recv(&mut self, deadline: Instant) -> Result<Option<Frame<'_>>, Error> {
        thread::sleep(deadline.since(self.now()));
        Ok(None)
    }

    fn statistics(&mut self) -> Result<Statistics, Error> {
        let sent = self.sent - self.lane.dropped();
        // What waits at a link that has failed will not go any more.
        let waiting = if self.broken { 0 } else { self.lane.waiting() as u64 };
        let now = Counters::of(self.interface.index).ok();
        Ok(Statistics {
            committed: Some(self.committed),
            sent: Some(sent),
            refused: Some(self.committed - sent - waiting),
            left: now.map(|now| now.sent - self.before.sent),
            ..Statistics::default()
        })
    }
}

/// A way for frames, with room for several.
trait Lane: Send {
    /// Tells whether there is room for one frame now.
    fn has_slot(&mut self) -> bool {
        !self.slot().is_empty()
    }

    /// Lends room for one frame; none of it if there is none now.
    fn slot(&mut self) -> &mut [u8];

    /// Queues the first `length` bytes of the slot.
    fn push(&mut self, length: usize);

    /// Tells how many frames wait for the kernel.
    fn waiting(&self) -> usize;

    /// Makes one system call, and tells how many frames the kernel took.
    fn kick(&mut self) -> io::Result<usize>;

    /// Tells how large a frame can be.
    fn room(&self) -> usize;

    /// Tells how many of the frames that the kernel took it dropped at once.
    fn dropped(&self) -> u64 {
        0
    }

    /// Tells whether any bytes go out as they are.
    fn is_faithful(&self) -> bool {
        true
    }
}

/// Any of the ways. There are a few calls a packet, which a match lets the compiler see through.
enum Any {
    Xdp(Xdp),
    Ring(Ring),
    Mmsg(Mmsg),
    Raw(Raw),
}

macro_rules! any {
    ($any:ident, $lane:ident => $call:expr) => {
        match $any {
            Self::Xdp($lane) => $call,
            Self::Ring($lane) => $call,
            Self::Mmsg($lane) => $call,
            Self::Raw($lane) => $call,
        }
    };
}

impl Lane for Any {
    #[inline]
    fn has_slot(&mut self) -> bool {
        any!(self, lane => lane.has_slot())
    }

    #[inline]
    fn slot(&mut self) -> &mut [u8] {
        any!(self, lane => lane.slot())
    }

    #[inline]
    fn push(&mut self, length: usize) {
        any!(self, lane => lane.push(length));
    }

    fn waiting(&self) -> usize {
        any!(self, lane => lane.waiting())
    }

    fn kick(&mut self) -> io::Result<usize> {
        any!(self, lane => lane.kick())
    }

    fn room(&self) -> usize {
        any!(self, lane => lane.room())
    }

    fn dropped(&self) -> u64 {
        any!(self, lane => lane.dropped())
    }

    fn is_faithful(&self) -> bool {
        any!(self, lane => lane.is_faithful())
    }
}

/// What was chosen.
struct Choice {
    lane: Any,
    headers: [Header; 2],
    why: String,
}

fn choose(route: &Route, options: &Options, way: Transmit) -> Result<Choice, Error> {
    let interface = &route.interface;
    let name = &interface.name;
    match (way, interface.framing) {
        (Transmit::Raw, _) => by_raw(route, options, "asked for"),
        (Transmit::Auto, Framing::Other) => {
            by_raw(route, options, "the kernel writes its link layer")
        }
        (Transmit::Auto, _) if interface.loopback => {
            by_raw(route, options, "the kernel hears no packet socket there over IPv4")
        }
        (_, Framing::Other) => {
            let why = format!("{name} has a link-layer header of a kind that is not written");
            Err(error("open a packet socket", Cause::Unsupported(why)))
        }
        (Transmit::Ring | Transmit::Xdp, Framing::Ip) => {
            let why = format!("{name} has no link layer, by which the kernel tells frames apart");
            Err(error("open a ring", Cause::Unsupported(why)))
        }
        (Transmit::Auto, Framing::Ip) => by_packet(route, options, Transmit::Mmsg),
        (Transmit::Auto, Framing::Ethernet) => by_best(route, options),
        (_, _) => by_packet(route, options, way),
    }
}

/// Takes the fastest of those that can be opened, and tells why not a faster one.
fn by_best(route: &Route, options: &Options) -> Result<Choice, Error> {
    let why = match by_packet(route, options, Transmit::Auto) {
        Err(error) if !matches!(error.cause, Cause::NoNeighbour(_)) => error.cause,
        choice => return choice,
    };
    let second = by_packet(route, options, Transmit::Ring)
        .or_else(|_| by_packet(route, options, Transmit::Mmsg))?;
    Ok(Choice { why: format!("{} (no AF_XDP: {why})", second.why), ..second })
}

fn by_raw(route: &Route, options: &Options, why: &str) -> Result<Choice, Error> {
    let name = &route.interface.name;
    let lane = Any::Raw(Raw::open(route, options)?);
    let why = format!("raw sockets by way of {name}: {why}");
    Ok(Choice { lane, headers: [Header::NONE; 2], why })
}

fn by_packet(route: &Route, options: &Options, way: Transmit) -> Result<Choice, Error> {
    let macs = macs(route, options)?;
    let interface = &route.interface;
    let (lane, what) = match way {
        Transmit::Auto | Transmit::Xdp => {
            let lane = Xdp::open(interface, way == Transmit::Xdp)?;
            let manner = if lane.is_zero_copy() { "AF_XDP, zero-copy," } else { "AF_XDP" };
            (Any::Xdp(lane), manner)
        }
        Transmit::Ring => (Any::Ring(Ring::open(interface)?), "a mapped ring (TX_RING)"),
        _ => (Any::Mmsg(Mmsg::open(interface)?), "batches (sendmmsg)"),
    };
    let why = format!("{what} on {}{}", interface.name, hop(route, macs));
    let headers = [libc::ETH_P_IP, libc::ETH_P_IPV6].map(|kind| Header::new(macs, kind as u16));
    Ok(Choice { lane, headers, why })
}

/// The queue of the card or of the kernel is full for a moment.
fn is_full(said: &io::Error) -> bool {
    let number = said.raw_os_error();
    matches!(number, Some(libc::ENOBUFS | libc::EAGAIN | libc::ENOMEM | libc::EBUSY))
}

/// Lets others run, and after a while sleeps.
fn rest(idle: u32) {
    match idle {
        0..EAGER => thread::yield_now(),
        _ => thread::sleep(BACK_OFF),
    }
}

/// How many frames are handed to the kernel at once.
const BATCH: usize = 64;
/// How often to try again at once when nothing moves.
const EAGER: u32 = 100;
/// How long to rest after that.
const BACK_OFF: Duration = Duration::from_micros(100);
/// How long to try in all.
const PATIENCE: Duration = Duration::from_secs(1);
