//! What every box does because it is a router: it counts the time to live down.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tcpexposure_core::{time::Instant, wire::checksum};

use crate::Direction;

/// Where and when a box sees a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visit {
    /// The time.
    pub now: Instant,
    /// The way the packet travels.
    pub direction: Direction,
    /// The number of the hop: the box nearest to the initiator is 1.
    pub hop: u8,
}

impl Visit {
    /// Tells the box's own IPv4 address, from the block of RFC 2544.
    #[must_use]
    pub const fn v4(&self) -> Ipv4Addr {
        Ipv4Addr::new(198, 18, 0, self.hop)
    }

    /// Tells the box's own IPv6 address, from the block of RFC 5180.
    #[must_use]
    pub const fn v6(&self) -> Ipv6Addr {
        Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0, self.hop as u16)
    }

    /// Tells the box's own address of the family that `packet` is of.
    #[must_use]
    pub fn address(&self, packet: &[u8]) -> IpAddr {
        if packet.first().is_some_and(|first| first >> 4 == 6) {
            self.v6().into()
        } else {
            self.v4().into()
        }
    }
}

/// Counts the time to live of a packet down; false when there is none left. Bytes that are no IP
/// packet are left alone.
pub(crate) fn count_down(packet: &mut [u8]) -> bool {
    match packet.first().map(|first| first >> 4) {
        Some(4) if packet.len() >= 20 => {
            if packet[8] <= 1 {
                return false;
            }
            let old = u16::from_be_bytes([packet[8], packet[9]]);
            packet[8] -= 1;
            let new = u16::from_be_bytes([packet[8], packet[9]]);
            let sum = u16::from_be_bytes([packet[10], packet[11]]);
            packet[10..12].copy_from_slice(&checksum::update(sum, old, new).to_be_bytes());
            true
        }
        Some(6) if packet.len() >= 40 => {
            let left = packet[7] > 1;
            packet[7] -= u8::from(left);
            left
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use tcpexposure_core::{
        craft::{Draft, Ipv4, Ipv6, Network},
        wire::packet::{self, Packet},
    };

    use super::*;

    #[test]
    fn both_families_are_counted_down_and_checksums_stay_right() {
        let v4 = Network::V4(Ipv4 { ttl: 2, ..Ipv4::default() });
        let v6 = Network::V6(Ipv6 { hop_limit: 2, ..Ipv6::default() });
        for network in [v4, v6] {
            let draft = Draft { network, ..Draft::default() };
            let mut buffer = [0; 80];
            let length = draft.write(&mut buffer).unwrap().len();
            assert!(count_down(&mut buffer[..length]));
            let packet = Packet::from_ip(&buffer[..length]);
            assert_eq!(packet.checksum_ok(), Some(true));
            if let packet::Network::V4(datagram) = packet.network {
                assert!(datagram.checksum_ok());
            }
            assert!(!count_down(&mut buffer[..length]));
        }
    }

    #[test]
    fn what_is_no_ip_is_left_alone() {
        for bytes in [&[][..], &[0x45, 0][..], &[0x60; 39][..], &[0; 60][..]] {
            let mut copy = bytes.to_vec();
            assert!(count_down(&mut copy));
            assert_eq!(copy, bytes);
        }
    }
}
