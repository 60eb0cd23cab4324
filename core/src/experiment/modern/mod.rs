//! Today's questions: what a path does to the TCP of the last years.
//!
//! * [`ROWS`] is the catalogue: one row a question, with what is sent and what is looked at.
//! * A trial puts one question on one connection: SYN, perhaps data, and a reset. Where a responder
//!   answers, its [SYN/ACK's number](crate::respond::v1::Told) tells how the SYN arrived and its
//!   [report](crate::respond::v1::Report) how the data did; the answer is made to
//!   [order](crate::respond::v1::Order), so that the way back is asked about as well.
//! * An ordinary server's answers tell less: whether it negotiates what is offered, and whether the
//!   connection works with and without it.
//! * Silence counts only beside a control: a plain segment that is answered at the same time. Eight
//!   tries each keep loss from being taken for policy.
//! * [`Modern`] runs the rows against one port of one target, several at a time.
//!
//! ```
//! use tcpexposure_core::experiment::modern::ROWS;
//! let row = ROWS.iter().find(|row| row.name == "tcp.connect" || row.id == "tcp.connect").unwrap();
//! assert_eq!(row.reference, "RFC 9293");
//! ```

mod catalogue;
mod catalogue_table;
mod compare;
mod engine;
mod judge;
mod log;
mod server;
mod shape;
mod syn;
mod trial;
mod verdict;

pub use catalogue::{Applies, Aspect, Before, Family, Row, Step, by_name};
pub use catalogue_table::ROWS;
pub use engine::{Choice, Modern, ModernConfig, ModernEvent, ModernSummary};
pub use shape::{Opt, Reply, Shape, Sketch, Text};
pub use verdict::{Finding, Instead, Why};
