//! Measurements of the core beside other libraries and hand-written references.
//!
//! A [`race::Race`] is one job on one input, done by several contenders. Before any is timed, all
//! must give the same answer; one that cannot is [named](race::Race::unfit) instead. The bench
//! `core` lets criterion measure each contender, and then lets all of a race take turns, a
//! millisecond each, so that what else the machine does falls on all alike: the table of ratios at
//! the end comes from these turns.

pub mod checksums;
pub mod decode;
pub mod engines;
pub mod jobs;
pub mod race;
pub mod reading;
pub mod scanning;
pub mod trace;

mod sys;
