//! The experiments: 43 questions to a path, put by 28 procedures, all of them run by one machine.
//!
//! * [`catalogue`]: what is asked and what each answer means. [`procedure`]: what is sent.
//!   Adding an experiment is adding rows to these two tables and, at most, a judge.
//! * A trial runs one procedure on one connection: connect, probe, collect, report, close. What
//!   comes back is kept as digests in a bounded log, and judges are pure functions of that log.
//! * [`Suite`] runs the procedures against one port of one target, several at a time, each
//!   connection on a source port of its own, repeats them as the original did, and reports
//!   [`Verdict`]s with the numbers of the packets that prove them.
//!
//! Waits end when the evidence is in. Otherwise they end by a retransmission timer that follows the
//! measured round trip (RFC 6298).
//!
//! ```
//! use tcpexposure_core::experiment::{COUNT, ENTRIES};
//! assert_eq!(ENTRIES.len(), COUNT);
//! let found = ENTRIES[7].entry.row().unwrap();
//! assert_eq!(found.name, ENTRIES[7].name);
//! ```

pub mod catalogue;
mod compose;
mod config;
mod draws;
mod judge;
mod log;
pub mod modern;
pub mod procedure;
mod repeat;
pub mod stake;
mod suite;
mod timer;
mod trial;
mod until;
mod verdict;
mod voice;

pub use catalogue::{COUNT, ENTRIES, Entry};
pub use config::{Config, Host, Peer, Ports, Selection, Version};
pub use procedure::PROCEDURES;
pub use suite::{Event, Suite, Summary};
pub use verdict::{Code, Direction, Evidence, Outcome, Reason, UNDETERMINED, Verdict};
pub use voice::Dialect;
