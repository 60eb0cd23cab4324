//! Frames borrowed from a mapped ring, whose blocks come over one at a time: TPACKET_V3.

use std::{io, os::fd::BorrowedFd};

use tcpexposure_core::time::Instant;

use super::Heard;
use crate::{address::Origin, auxiliary, sys};

/// The ring.
pub(super) struct Blocks(sys::ring::Blocks);

impl Blocks {
    /// Gives a socket a ring of so many bytes, in which a packet as large as `mtu` finds room.
    pub(super) fn open(fd: BorrowedFd<'_>, bytes: usize, mtu: usize) -> io::Result<Self> {
        // Blocks that are not too large are filled within their time, so that none is wasted.
        let size = (mtu + SPARE).next_power_of_two().max(BLOCK);
        sys::ring::Blocks::open(fd, size, (bytes / size).max(1), TIMEOUT).map(Self)
    }

    /// Takes one frame from the ring.
    pub(super) fn take(&mut self) -> io::Result<Option<Heard>> {
        if self.0.advance() {
            Ok(read(self.0.frame()))
        } else {
            Err(io::ErrorKind::WouldBlock.into())
        }
    }

    pub(super) fn bytes(&mut self) -> &mut [u8] {
        self.0.frame()
    }
}

/// Reads a tpacket3_hdr of linux/if_packet.h and the sockaddr_ll behind it.
fn read(frame: &[u8]) -> Option<Heard> {
    let header: &[u8; HEADER] = frame.first_chunk()?;
    let word = |at: usize| {
        let bytes = [header[at], header[at + 1], header[at + 2], header[at + 3]];
        u32::from_ne_bytes(bytes)
    };
    let half = |at: usize| u16::from_ne_bytes([header[at], header[at + 1]]);
    let nanos = u64::from(word(SECONDS)) * 1_000_000_000 + u64::from(word(NANOS));
    let start = usize::from(half(MAC)).min(frame.len());
    let end = (start + word(CAPTURED) as usize).min(frame.len());
    let protocol = u16::from_be_bytes([header[PROTOCOL], header[PROTOCOL + 1]]);
    let loopback = half(HARDWARE) == libc::ARPHRD_LOOPBACK;
    Some(Heard {
        time: Instant::from_nanos(nanos),
        origin: Origin { protocol, direction: header[DIRECTION], loopback },
        offload: auxiliary::offload(word(STATUS)),
        tag: auxiliary::tag(word(STATUS), word(TCI) as u16, half(TPID)),
        at: start..end,
        wire_len: word(LENGTH) as usize,
    })
}

/// The least size of a block, in bytes.
const BLOCK: usize = 1 << 16;
/// What headers take of a block.
const SPARE: usize = 512;
/// How long a block waits for more once it has a frame, in milliseconds.
const TIMEOUT: u32 = 1;
// Offsets in tpacket3_hdr, and in the sockaddr_ll behind it.
const SECONDS: usize = 4;
const NANOS: usize = 8;
const CAPTURED: usize = 12;
const LENGTH: usize = 16;
const STATUS: usize = 20;
const MAC: usize = 24;
const TCI: usize = 32;
const TPID: usize = 36;
const PROTOCOL: usize = 48 + 2;
const HARDWARE: usize = 48 + 8;
const DIRECTION: usize = 48 + 10;
const HEADER: usize = 48 + 20;

#[cfg(test)]
mod tests {
    use tcpexposure_core::wire::packet::Checksummed;

    use super::*;

    fn frame(status: u32, captured: u32) -> Vec<u8> {
        let words = [0, 7, 9, captured, 60, status, 82 | 96 << 16, 0, 0x2005, 0x88a8, 0, 0];
        let mut bytes: Vec<u8> = words.iter().flat_map(|word: &u32| word.to_ne_bytes()).collect();
        bytes.extend([17, 0, 0x86, 0xdd, 3, 0, 0, 0, 1, 0, 4, 6]);
        bytes.resize(82 + 60, 0xaa);
        bytes
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn a_header_is_read() {
        let status = 1 | libc::TP_STATUS_VLAN_VALID | libc::TP_STATUS_VLAN_TPID_VALID;
        let heard = read(&frame(status | libc::TP_STATUS_CSUM_VALID, 60)).unwrap();
        assert_eq!(heard.time, Instant::from_nanos(7_000_000_009));
        assert_eq!(heard.origin, Origin { protocol: 0x86dd, direction: 4, loopback: false });
        assert_eq!((heard.at.clone(), heard.wire_len), (82..142, 60));
        assert_eq!(heard.tag, Some([0x88, 0xa8, 0x20, 5]));
        assert_eq!(heard.offload.checksum, Checksummed::Valid);
        assert_eq!(read(&frame(1, 60)).unwrap().tag, None);
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn lengths_that_cannot_be_do_no_harm() {
        assert_eq!(read(&frame(1, u32::MAX)).unwrap().at, 82..142);
        assert_eq!(read(&frame(1, 60)[..HEADER]).unwrap().at, HEADER..HEADER);
        assert_eq!(read(&frame(1, 60)[..HEADER - 1]), None);
    }
}
