//! Which way can send a packet unchanged.
//!
//! A raw IP socket hands the packet to the kernel's own output, which routes it and writes some
//! fields of IPv4 anew. A packet socket puts the bytes on the interface as they are.

use tcpexposure_core::wire::checksum::Sum;

/// A way to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A raw IP socket with the header included: raw(7).
    Raw,
    /// A packet socket: packet(7).
    Packet,
}

/// A way, and why it was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The way.
    pub way: Way,
    /// Why, in one sentence.
    pub reason: &'static str,
}

/// Chooses the way that sends `packet` unchanged: `preferred` if it can.
#[must_use]
pub fn choose(packet: &[u8], preferred: Way) -> Choice {
    match preferred {
        Way::Packet => Choice { way: Way::Packet, reason: "a packet socket sends any bytes" },
        Way::Raw => match raw_refuses(packet) {
            Some(reason) => Choice { way: Way::Packet, reason },
            None => Choice { way: Way::Raw, reason: "a raw socket sends these bytes unchanged" },
        },
    }
}

/// Tells why a raw IP socket cannot send `packet` unchanged, if it cannot.
///
/// Size is another matter: no way sends more than the MTU.
#[must_use]
pub fn raw_refuses(packet: &[u8]) -> Option<&'static str> {
    match packet.first().map(|byte| byte >> 4) {
        Some(4) => raw_v4_refuses(packet),
        Some(6) if packet.len() < 40 => Some("a raw socket refuses less than an IPv6 header"),
        Some(6) => None,
        _ => Some("a raw socket is for IP versions 4 and 6 only"),
    }
}

fn raw_v4_refuses(packet: &[u8]) -> Option<&'static str> {
    let Some(fixed) = packet.first_chunk::<20>() else {
        return Some("a raw socket refuses less than an IPv4 header");
    };
    let header_length = usize::from(fixed[0] & 0x0f) * 4;
    if header_length < 20 {
        return Some("a raw socket refuses an IPv4 header length below 20");
    }
    let Some(header) = packet.get(..header_length) else {
        return Some("a raw socket refuses an IPv4 header length beyond the packet's end");
    };
    if usize::from(u16::from_be_bytes([fixed[2], fixed[3]])) != packet.len() {
        return Some("a raw socket would correct the IPv4 total length");
    }
    if fixed[4..6] == [0, 0] && fixed[6] & DONT_FRAGMENT == 0 {
        return Some("a raw socket would fill in the IPv4 identification, which is 0 without DF");
    }
    if fixed[12..16] == [0; 4] {
        return Some("a raw socket would fill in the IPv4 source address");
    }
    if fixed[16..20] == [0; 4] {
        return Some("a raw socket takes 0.0.0.0 to mean this machine");
    }
    (fixed[10..12] != checksum(header)).then_some("a raw socket would correct the IPv4 checksum")
}

/// Computes the checksum of an IPv4 header as if its own field were zero.
fn checksum(header: &[u8]) -> [u8; 2] {
    Sum::new().feed(&header[..10]).feed(&header[12..]).finish().to_be_bytes()
}

/// The flag in byte 6 of an IPv4 header.
const DONT_FRAGMENT: u8 = 0x40;

#[cfg(test)]
mod tests {
    use super::*;

    fn v4() -> Vec<u8> {
        let mut packet = vec![0x45, 0, 0, 40, 0, 7, 0, 0, 64, 6, 0, 0];
        packet.extend([192, 0, 2, 1, 192, 0, 2, 2]);
        packet.extend([9; 20]);
        sealed(packet)
    }

    fn sealed(mut packet: Vec<u8>) -> Vec<u8> {
        let length = usize::from(packet[0] & 15) * 4;
        let sum = checksum(&packet[..length]);
        packet[10..12].copy_from_slice(&sum);
        packet
    }

    fn with(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut packet = v4();
        change(&mut packet);
        sealed(packet)
    }

    #[test]
    fn an_ordinary_packet_goes_the_preferred_way() {
        for way in [Way::Raw, Way::Packet] {
            assert_eq!(choose(&v4(), way).way, way);
        }
        let mut v6 = vec![0x60; 60];
        assert_eq!(choose(&v6, Way::Raw).way, Way::Raw);
        v6[4..6].copy_from_slice(&[1, 1]);
        assert_eq!(choose(&v6, Way::Raw).way, Way::Raw, "any IPv6 field");
    }

    #[test]
    fn what_the_kernel_would_write_anew_goes_by_packet_socket() {
        let cases: [(&str, Vec<u8>); 10] = [
            ("identification", with(|packet| packet[5] = 0)),
            ("source", with(|packet| packet[12..16].fill(0))),
            ("0.0.0.0", with(|packet| packet[16..20].fill(0))),
            ("total length", with(|packet| packet[3] = 41)),
            ("below 20", {
                let mut packet = v4();
                packet[0] = 0x44;
                packet
            }),
            ("beyond", {
                let mut packet = v4();
                packet.truncate(30);
                packet[0] = 0x4f;
                packet
            }),
            ("checksum", {
                let mut packet = v4();
                packet[11] ^= 1;
                packet
            }),
            ("less than an IPv4", v4()[..19].to_vec()),
            ("less than an IPv6", vec![0x60; 39]),
            ("versions 4 and 6", vec![0x55; 40]),
        ];
        for (word, packet) in cases {
            let choice = choose(&packet, Way::Raw);
            assert_eq!(choice.way, Way::Packet, "{word}");
            assert!(choice.reason.contains(word), "{word}: {}", choice.reason);
        }
    }

    #[test]
    fn what_it_leaves_alone_goes_by_raw_socket() {
        let zero_with_df = with(|packet| packet[4..8].copy_from_slice(&[0, 0, 0x40, 0]));
        let evil = with(|packet| packet[6] = 0x80);
        let fragment = with(|packet| packet[6..8].copy_from_slice(&[0x20, 9]));
        let options = with(|packet| {
            packet[0] = 0x46;
            packet[20..24].copy_from_slice(&[0x94, 4, 0, 0]);
        });
        for packet in [zero_with_df, evil, fragment, options] {
            assert_eq!(choose(&packet, Way::Raw).way, Way::Raw);
        }
    }

    #[test]
    fn an_empty_packet_is_judged_too() {
        assert!(raw_refuses(&[]).is_some());
    }
}
