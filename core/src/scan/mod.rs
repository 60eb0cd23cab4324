//! Stateless probing: one packet to each of many targets, in an order that looks like none, and
//! the sieve that tells their answers from everything else.
//!
//! ```text
//!  Permutation ─ place → number ─► Space ─ number → target ─► Template ─ target → bytes ─► wire
//!                                                                cookie ▲
//!  Finding ◄─ class, proof, time ─ Sieve ◄──── Packet ◄───── answers ───┘
//! ```
//!
//! Nothing is kept of a probe that was sent: its answer proves itself by the
//! [cookie](cookie::Cookies) in its sequence number, and tells the time by the probe's own time
//! stamp where it echoes one.

pub mod cookie;
pub mod finding;
pub mod pace;
pub mod permute;
pub mod prober;
pub mod scanner;
pub mod seen;
pub mod sieve;
pub mod targets;
pub mod template;

pub use finding::{Classification, Finding, Kept};
pub use prober::{Limits, Plan, Position, Prober};
pub use scanner::Scanner;
pub use sieve::Sieve;
