//! The evidence of a run: every packet with what it proves, and what it takes to judge it again.
//!
//! While a suite runs, a [`Recorder`] stands around it and keeps all that goes in and out. The suite
//! is a pure state machine, so that the same packets at the same times make it find the same: the
//! file holds the packets, and in comments of its section an [account] of the rest. A
//! [`replay`](replay::replay) puts them in again, and compares what then goes out with what went out.

pub(crate) mod account;
mod caption;
mod recorder;
pub(crate) mod replay;
mod subject;

pub(crate) use caption::Proofs;
pub(crate) use recorder::{Keeping, Recorder};
pub(crate) use subject::{Follower, Subject};
