//! The option parser in a program without an operating system: no `std`, no allocation, and no
//! panic but the compiler's own promise that there is none to be had.
//!
//! `.ci/bare-metal` builds it for two machines and tells how large it is. Where there is an
//! operating system, it is an ordinary program that prints what it would have told.
#![cfg_attr(target_os = "none", no_std, no_main)]

use core::hint::black_box;

use tcpexposure_core::wire::{
    options::{Item, View},
    packet::Packet,
};

/// What a small device wants to know of a SYN: how much its peer takes in a segment, and by how
/// much its windows are shifted. Of options that it does not know, how many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Peer {
    maximum_segment_size: u16,
    shift: u8,
    unknown: u8,
}

/// Reads the options of the segment in a packet that begins with an IP header.
fn peer(packet: &[u8]) -> Option<Peer> {
    let packet = Packet::from_ip(packet);
    let mut peer = Peer { maximum_segment_size: 536, shift: 0, unknown: 0 };
    for item in packet.tcp()?.options {
        match (item, item.view()) {
            (_, View::MaximumSegmentSize(size)) => peer.maximum_segment_size = size,
            (_, View::WindowScale(shift)) => peer.shift = shift.min(14),
            (Item::Malformed { .. }, _) => return None,
            (_, View::Raw { .. }) => peer.unknown = peer.unknown.saturating_add(1),
            _ => {}
        }
    }
    Some(peer)
}

/// A SYN as it would come from a network card.
const SYN: [u8; 52] = [
    0x45, 0, 0, 52, 0, 0, 0x40, 0, 64, 6, 0, 0, 192, 0, 2, 1, 198, 51, 100, 2, // IPv4
    0x0f, 0xa0, 0, 80, 0, 0, 0, 7, 0, 0, 0, 0, 0x80, 2, 2, 0, 0, 0, 0, 0, // TCP
    2, 4, 5, 0xb4, 1, 3, 3, 7, 77, 4, 0xaa, 0xbb, // mss, nop, wscale, kind 77
];

#[cfg(not(target_os = "none"))]
fn main() {
    println!("{:?}", peer(black_box(&SYN)));
}

#[cfg(target_os = "none")]
mod bare {
    use super::{SYN, black_box, peer};

    /// Where the machine begins.
    #[unsafe(no_mangle)]
    extern "C" fn _start() -> ! {
        loop {
            black_box(peer(black_box(&SYN)));
        }
    }

    #[panic_handler]
    fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
        loop {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peer_is_known() {
        let expected = Peer { maximum_segment_size: 1460, shift: 7, unknown: 1 };
        assert_eq!(peer(&SYN), Some(expected));
    }

    #[test]
    fn what_is_malformed_is_nobody() {
        let mut syn = SYN;
        syn[49] = 1;
        assert_eq!(peer(&syn), None);
    }
}
