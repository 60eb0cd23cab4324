//! The way between an engine and a wire: one [`Link`] trait, one loop ([`drive`]), capture files
//! ([`savefile`]), a link around a link that shows what crosses it ([`tap`]), and what the backends
//! share: filters for the kernel ([`filter`]), link-layer headers ([`frame`]), echoes of loopback
//! ([`echo`]).
#![forbid(unsafe_code)]

mod drive;
pub mod echo;
mod exchange;
pub mod filter;
pub mod frame;
pub mod savefile;
pub mod tap;

use std::net::IpAddr;

pub use drive::{Outcome, drive};
pub use exchange::{Answer, Seen, exchange, until};
use tcpexposure_core::{
    time::Instant,
    wire::packet::{Offload, Start},
};

/// A way to a wire.
///
/// Engines speak IP. A link lends a slot for one IP packet, keeps headroom before it for its own
/// link-layer header, and sends when it is told to. What arrives is handed over with the link-layer
/// header that came with it.
pub trait Link {
    /// Reads the clock: nanoseconds since the Unix epoch on a wire, since the start on a simulated
    /// path.
    fn now(&self) -> Instant;

    /// Lends room for one IP packet, at least [`SLOT`](tcpexposure_core::engine::SLOT) bytes.
    ///
    /// # Errors
    /// When no room can be made, because the wire does not take what is queued.
    fn slot(&mut self) -> Result<&mut [u8], Error>;

    /// Queues the first `length` bytes of the slot for sending.
    ///
    /// # Errors
    /// When the packet cannot be sent as it is.
    fn commit(&mut self, length: usize) -> Result<(), Error>;

    /// Sends what is queued.
    ///
    /// # Errors
    /// When the system refuses.
    fn flush(&mut self) -> Result<(), Error>;

    /// Waits for one frame until `deadline`; `None` when the time has come, or earlier when the
    /// wait was interrupted by a signal.
    ///
    /// # Errors
    /// When the system refuses, or the interface has gone.
    fn recv(&mut self, deadline: Instant) -> Result<Option<Frame<'_>>, Error>;

    /// Takes the next packet that could not be sent, where that fails no other: a link to many peers
    /// keeps what concerns one of them, and its calls succeed.
    fn refusal(&mut self) -> Option<Refusal> {
        None
    }

    /// Tells what came of the packets so far, as far as this wire can tell.
    ///
    /// # Errors
    /// When the system refuses.
    fn statistics(&mut self) -> Result<Statistics, Error> {
        Ok(Statistics::default())
    }
}

/// A packet that could not be sent.
#[derive(Debug)]
pub struct Refusal {
    /// Where it was going.
    pub to: IpAddr,
    /// Why.
    pub error: Error,
}

/// What became of the packets since the link was opened; `None` where nobody counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Packets that were committed.
    pub committed: Option<u64>,
    /// Packets that the kernel took.
    pub sent: Option<u64>,
    /// Packets that the kernel refused or dropped before the interface had them.
    pub refused: Option<u64>,
    /// Packets that the interface says it has sent, by whomever.
    pub left: Option<u64>,
    /// Frames that passed the filter and found room.
    pub received: Option<u64>,
    /// Frames that passed the filter and were lost for want of room.
    pub dropped: Option<u64>,
    /// Frames that the interface lost before any filter saw them.
    pub missed: Option<u64>,
}

/// A link behind a pointer.
impl<L: Link + ?Sized> Link for Box<L> {
    fn now(&self) -> Instant {
        (**self).now()
    }

    fn slot(&mut self) -> Result<&mut [u8], Error> {
        (**self).slot()
    }

    fn commit(&mut self, length: usize) -> Result<(), Error> {
        (**self).commit(length)
    }

    fn flush(&mut self) -> Result<(), Error> {
        (**self).flush()
    }

    fn recv(&mut self, deadline: Instant) -> Result<Option<Frame<'_>>, Error> {
        (**self).recv(deadline)
    }

    fn refusal(&mut self) -> Option<Refusal> {
        (**self).refusal()
    }

    fn statistics(&mut self) -> Result<Statistics, Error> {
        (**self).statistics()
    }
}

/// A link that is lent.
impl<L: Link + ?Sized> Link for &mut L {
    fn now(&self) -> Instant {
        (**self).now()
    }

    fn slot(&mut self) -> Result<&mut [u8], Error> {
        (**self).slot()
    }

    fn commit(&mut self, length: usize) -> Result<(), Error> {
        (**self).commit(length)
    }

    fn flush(&mut self) -> Result<(), Error> {
        (**self).flush()
    }

    fn recv(&mut self, deadline: Instant) -> Result<Option<Frame<'_>>, Error> {
        (**self).recv(deadline)
    }

    fn refusal(&mut self) -> Option<Refusal> {
        (**self).refusal()
    }

    fn statistics(&mut self) -> Result<Statistics, Error> {
        (**self).statistics()
    }
}

/// One frame that arrived.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// When it arrived.
    pub time: Instant,
    /// What the bytes begin with.
    pub start: Start,
    /// The bytes.
    pub bytes: &'a [u8],
    /// The length on the wire, at least that of `bytes`.
    pub wire_len: usize,
    /// What the kernel or the card did to it before it came here.
    pub offload: Offload,
}

/// Why a link could not do what it was asked.
#[derive(Debug)]
pub struct Error {
    /// What was tried, as in "send on eth0".
    pub doing: String,
    /// What came of it.
    pub cause: Cause,
}

/// The kinds of failure that a user acts on differently.
#[derive(Debug)]
pub enum Cause {
    /// The process may not do this.
    Privilege,
    /// There is no interface of this name.
    NoInterface(String),
    /// The routing table has no way to the address.
    NoRoute(IpAddr),
    /// The next hop does not answer to ARP or neighbour discovery.
    NoNeighbour(IpAddr),
    /// The packet is larger than the link takes.
    TooLarge {
        /// The packet's size in bytes.
        size: usize,
        /// The most that the link takes.
        most: usize,
    },
    /// This backend cannot send the packet as it was asked to, for the reason given.
    Unsupported(String),
    /// The interface was switched off, or nobody is at its other end.
    Down(String),
    /// Anything else that the system said.
    System(std::io::Error),
}

impl std::fmt::Display for Error {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "cannot {}: {}", self.doing, self.cause)
    }
}

impl std::fmt::Display for Cause {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Privilege => out.write_str("no privilege"),
            Self::NoInterface(name) => write!(out, "no interface is called {name}"),
            Self::NoRoute(address) => write!(out, "no route to {address}"),
            Self::NoNeighbour(address) => {
                write!(out, "the next hop {address} does not answer")
            }
            Self::TooLarge { size, most } => {
                write!(out, "the packet has {size} bytes, the link takes {most}")
            }
            Self::Unsupported(reason) => out.write_str(reason),
            Self::Down(name) => write!(out, "interface {name} is down"),
            Self::System(error) => write!(out, "{error}"),
        }
    }
}

impl std::error::Error for Error {}

/// The README, so that its example is compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
