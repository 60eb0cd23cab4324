//! Packets for a raw IPv4 socket with the header included: ip(4).
//!
//! The kernel finds the way, and writes some fields anew. There is no such socket for IPv6 on these
//! systems: they write that header themselves.

use std::net::Ipv4Addr;

use tcpexposure_core::wire::checksum::Sum;

use crate::system::Order;

/// Tells why a raw socket cannot send `packet` unchanged, if it cannot.
///
/// Size is another matter: no way sends more than the MTU.
#[must_use]
pub fn refuses(packet: &[u8]) -> Option<&'static str> {
    match packet.first().map(|byte| byte >> 4) {
        Some(4) => {}
        Some(6) => return Some("these systems write the IPv6 header of a raw socket themselves"),
        _ => return Some("a raw socket is for IPv4 only"),
    }
    let Some(fixed) = packet.first_chunk::<20>() else {
        return Some("a raw socket refuses less than an IPv4 header");
    };
    let length = usize::from(fixed[0] & 0x0f) * 4;
    let Some(header) = packet.get(..length).filter(|_| length >= 20) else {
        return Some("a raw socket refuses a wrong IPv4 header length");
    };
    if usize::from(u16::from_be_bytes([fixed[2], fixed[3]])) != packet.len() {
        return Some("a raw socket refuses a wrong IPv4 total length");
    }
    if fixed[4..6] == [0, 0] {
        return Some("a raw socket would fill in the IPv4 identification, which is 0");
    }
    if fixed[12..16] == [0; 4] {
        return Some("a raw socket would fill in the IPv4 source address");
    }
    let sum = Sum::new().feed(&header[..10]).feed(&header[12..]).finish().to_be_bytes();
    (fixed[10..12] != sum).then_some("a raw socket would correct the IPv4 checksum")
}

/// Puts the two fields that some kernels want in their own byte order into it, and tells where the
/// packet is going; `None` for less than a header.
pub fn prepare(order: Order, packet: &mut [u8]) -> Option<Ipv4Addr> {
    let header = packet.first_chunk_mut::<20>()?;
    if order == Order::Host {
        for at in [2, 6] {
            let value = u16::from_be_bytes([header[at], header[at + 1]]);
            header[at..at + 2].copy_from_slice(&value.to_ne_bytes());
        }
    }
    Some(Ipv4Addr::from([header[16], header[17], header[18], header[19]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(change: impl FnOnce(&mut [u8])) -> Vec<u8> {
        let mut packet = vec![0x45, 0, 0, 40, 0x12, 0x34, 0x40, 0, 64, 6, 0, 0];
        packet.extend([192, 0, 2, 1, 192, 0, 2, 2]);
        packet.resize(40, 0);
        change(&mut packet);
        let length = usize::from(packet[0] & 15) * 4;
        let sum = Sum::new().feed(&packet[..length.min(40)]).finish().to_be_bytes();
        packet[10..12].copy_from_slice(&sum);
        packet
    }

    #[test]
    fn what_the_kernel_would_write_anew_is_refused() {
        assert_eq!(refuses(&packet(|_| {})), None);
        assert_eq!(refuses(&packet(|packet| packet[6..8].copy_from_slice(&[0x20, 9]))), None);
        let mut wrong = packet(|_| {});
        wrong[11] ^= 1;
        let cases = [
            ("identification", packet(|packet| packet[4..6].fill(0))),
            ("source", packet(|packet| packet[12..16].fill(0))),
            ("total length", packet(|packet| packet[3] = 41)),
            ("header length", packet(|packet| packet[0] = 0x44)),
            ("header length", packet(|packet| packet[0] = 0x4f)),
            ("checksum", wrong),
            ("less than", packet(|_| {})[..19].to_vec()),
            ("IPv6", vec![0x60; 60]),
            ("IPv4 only", vec![]),
        ];
        for (word, packet) in cases {
            assert!(refuses(&packet).is_some_and(|why| why.contains(word)), "{word}");
        }
    }

    #[test]
    fn length_and_offset_are_in_the_order_that_the_kernel_wants() {
        let mut network = packet(|packet| packet[6..8].copy_from_slice(&[0x20, 9]));
        let mut host = network.clone();
        assert_eq!(prepare(Order::Network, &mut network), Some([192, 0, 2, 2].into()));
        assert_eq!((&network[2..4], &network[6..8]), (&[0, 40][..], &[0x20, 9][..]));
        assert_eq!(prepare(Order::Host, &mut host), Some([192, 0, 2, 2].into()));
        assert_eq!(host[2..4], 40u16.to_ne_bytes());
        assert_eq!(host[6..8], 0x2009u16.to_ne_bytes());
        assert_eq!((&host[..2], &host[8..]), (&network[..2], &network[8..]));
        assert_eq!(prepare(Order::Host, &mut [0; 19]), None);
    }
}
