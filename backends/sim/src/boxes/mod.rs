//! Middleboxes as nodes of a simulated path.

mod acknowledgements;
mod catalogue;
mod content;
mod flows;
mod headers;
mod loose_nat;
mod nat;
mod numbers;
mod options;
mod order;
mod proxy;
mod reflect;
mod refuse;
mod retransmission;
mod segment;
mod segmentation;
mod syn_proxy;
mod timestamps;

use tcpexposure_core::time::Instant;

use crate::{Direction, Quoting, Visit};

pub use catalogue::{Row, by_name, catalogue};

/// A box on the path: packets in, packets out, in either direction.
pub trait Middlebox: std::fmt::Debug {
    /// Takes a packet, whose time to live has been counted down, and tells what leaves the box.
    fn pass(&mut self, visit: Visit, packet: Vec<u8>, verdict: &mut Verdict);

    /// Tells whether the packet ends at this box, so that its time to live does not count.
    fn takes(&self, _packet: &[u8]) -> bool {
        false
    }

    /// Tells what the box puts into its errors.
    fn quoting(&self) -> Quoting {
        Quoting::Whole
    }

    /// Tells when the box wants to act by itself.
    fn wake(&self) -> Option<Instant> {
        None
    }

    /// Acts by itself, at the time that [`wake`](Self::wake) told or later; that time is over then.
    fn tick(&mut self, _visit: Visit, _verdict: &mut Verdict) {}
}

/// What leaves a box.
#[derive(Debug, Default)]
pub struct Verdict {
    pub(crate) packets: Vec<(Direction, Vec<u8>)>,
}

impl Verdict {
    /// Sends `packet` on in `direction`.
    pub fn send(&mut self, direction: Direction, packet: Vec<u8>) {
        self.packets.push((direction, packet));
    }

    /// Takes what has left so far, in order.
    pub fn take(&mut self) -> Vec<(Direction, Vec<u8>)> {
        std::mem::take(&mut self.packets)
    }
}
