//! The decoders: from the bytes of an Ethernet frame to a [`Reading`],
//! each by the means that its library recommends where speed counts. Every one of them skips what
//! its library does not offer and tells the same fields.

pub mod etherparse;
pub mod ours;
pub mod pnet;
pub mod reference;
pub mod smoltcp;

use crate::reading::{Options, Reading};

/// A decoder of Ethernet frames; `None` when it refuses the packet.
pub type Decode = fn(&[u8]) -> Option<Reading>;

/// A decoder of option blocks.
pub type DecodeOptions = fn(&[u8]) -> Options;
