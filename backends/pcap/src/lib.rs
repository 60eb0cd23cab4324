//! libpcap as a wire: capture and injection behind one [`Link`](tcpexposure_link::Link), on every
//! system that has it.
//!
//! libpcap knows interfaces, not routes: the caller says by which interface to go, and for Ethernet
//! between which hardware addresses. It does not tell what the card left undone either, so that
//! segments from this very machine, or through virtual cards, may seem to have wrong checksums
//! until the offloads are off.
#![cfg(unix)]
#![forbid(unsafe_code)]

mod error;
pub mod expression;
mod link;

pub use link::{Options, PcapLink, open, probe};
