//! TCP/IP packets without loss, and the engines that speak them: `no_std`, no allocation, no I/O.
//!
//! ```text
//!   link (not here)                      core (no I/O, no clock, no heap)
//!   rx ──frame──► Packet::parse once ──► Engine::handle(now, &Packet) ──┐
//!   tx ◄──bytes in the lent slot─────◄── Engine::poll(now, slot)  ◄─────┘ state
//! ```
//!
//! * [`wire`]: the formats. [`wire::packet::Packet::parse`] reads a frame once and returns every
//!   layer that stands, with the first [`fault`]; nothing that can be measured is refused.
//! * [`craft`]: a [`craft::Draft`] holds every field of a segment; it is written once, into the
//!   caller's buffer. Lengths and checksums are computed unless they are forced wrong.
//! * [`expression`]: the text notation of a draft, tcpdump's own vocabulary.
//! * [`summary`]: one line a packet, as tcpdump prints it; a line is a valid expression.
//! * [`engine`]: the contract of the state machines, which take bytes and [`time`] as arguments.
//! * [`experiment`]: the 43 questions to a path and the suite that puts them.
//! * [`scan`]: stateless probing of many targets, and the sieve of what comes back.
//! * [`trace`]: where on the path a packet is changed, by copies with a rising time to live.
//! * [`respond`]: the stateless responder, and the report of what it received and sends.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic
    )
)]

#[cfg(test)]
extern crate std;

pub mod craft;
pub mod engine;
pub mod exchange;
pub mod experiment;
pub mod expression;
pub mod fault;
pub mod respond;
pub mod scan;
pub mod summary;
pub mod time;
pub mod trace;
pub mod wire;

/// The README, so that its example is compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
