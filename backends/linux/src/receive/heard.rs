//! One frame as a packet socket tells it, wherever its bytes lie.

use std::ops::Range;

use tcpexposure_core::{time::Instant, wire::packet::Offload};

use crate::address::Origin;

/// One frame, and where it lies in the bytes that it was taken from.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) time: Instant,
    pub(super) origin: Origin,
    pub(super) offload: Offload,
    /// The outermost VLAN tag, if the kernel has taken it out.
    pub(super) tag: Option<[u8; TAG]>,
    /// Where it lies, with at least [`TAG`] bytes before it.
    pub(super) at: Range<usize>,
    pub(super) wire_len: usize,
}

impl Heard {
    /// Puts the VLAN tag of an Ethernet frame back where it was on the wire.
    pub(super) fn restore_tag(&mut self, bytes: &mut [u8]) {
        let Some(tag) = self.tag else {
            return;
        };
        if self.at.len() >= ADDRESSES && self.at.start >= TAG {
            let start = self.at.start - TAG;
            bytes.copy_within(self.at.start..self.at.start + ADDRESSES, start);
            bytes[start + ADDRESSES..start + ADDRESSES + TAG].copy_from_slice(&tag);
            self.at.start = start;
            self.wire_len += TAG;
        }
    }
}

/// The size of a VLAN tag.
pub(super) const TAG: usize = 4;
/// The size of both hardware addresses of an Ethernet header.
pub(super) const ADDRESSES: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(at: Range<usize>, tag: Option<[u8; TAG]>) -> Heard {
        let origin = Origin { protocol: 0x0800, direction: 0, loopback: false };
        let (time, offload) = (Instant::ZERO, Offload::default());
        Heard { time, origin, offload, tag, wire_len: at.len(), at }
    }

    #[test]
    fn a_tag_is_put_behind_the_addresses() {
        let mut bytes = [0xee; 24];
        for (value, byte) in bytes[6..24].iter_mut().enumerate() {
            *byte = value as u8;
        }
        let mut frame = heard(6..24, Some([0x81, 0, 0, 5]));
        frame.restore_tag(&mut bytes);
        assert_eq!((frame.at.clone(), frame.wire_len), (2..24, 22));
        let expected = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0x81, 0, 0, 5, 12, 13];
        assert_eq!(bytes[2..20], expected);
    }

    #[test]
    fn without_a_tag_or_room_nothing_moves() {
        for (at, tag) in [(6..24, None), (3..24, Some([1; 4])), (6..17, Some([1; 4]))] {
            let (mut bytes, mut frame) = ([7; 24], heard(at.clone(), tag));
            frame.restore_tag(&mut bytes);
            assert_eq!((frame, bytes), (heard(at, tag), [7; 24]));
        }
    }
}
