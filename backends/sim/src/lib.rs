//! A simulated path: a link with a virtual clock, a row of middleboxes and a host at the far end.
//!
//! ```text
//!  engine ◄─► Sim ── wire ── box ── wire ── box ── wire ── host (an Engine)
//! ```
//!
//! Nothing here reads a clock or a random source: the same seed gives the same run. Time passes
//! only in [`Link::recv`](tcpexposure_link::Link::recv), which jumps to the next arrival.
//!
//! Every box is a hop, as a router is: it counts the time to live down before it looks at a packet,
//! and answers with an ICMP error from an address of its own when there is none left. A box at
//! which connections end takes their segments whatever their time to live.
//!
//! ```
//! use tcpexposure_sim::Setup;
//! let setup: Setup = "nat,strip-options,delay=50ms,loss=10%".parse().unwrap();
//! assert_eq!(setup.boxes.len(), 2);
//! let error = "strip-option".parse::<Setup>().unwrap_err();
//! assert_eq!(error.to_string(), "no box is called strip-option; strip-options is");
//! ```
#![forbid(unsafe_code)]

mod boxes;
mod hop;
mod icmp;
mod path;
mod random;
mod setup;
mod wire;

pub use boxes::{Middlebox, Row, Verdict, by_name, catalogue};
pub use hop::Visit;
pub use icmp::Quoting;
pub use path::Sim;
pub use random::Random;
pub use setup::{Setup, SetupError, parameters};
pub use wire::Wire;

/// Which way a packet travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From the initiator to the host.
    Outbound,
    /// From the host to the initiator.
    Inbound,
}

impl Direction {
    /// Tells the other way.
    #[must_use]
    pub const fn back(self) -> Self {
        match self {
            Self::Outbound => Self::Inbound,
            Self::Inbound => Self::Outbound,
        }
    }
}

/// The README, so that its example is compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
