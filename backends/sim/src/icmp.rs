//! ICMP errors as Linux writes them.

use std::net::IpAddr;

use tcpexposure_core::wire::{
    checksum::Sum,
    packet::{Network, Packet, Transport},
    protocol,
};

/// What an error says, in the numbers of both families.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Problem {
    v4: (u8, u8),
    v6: (u8, u8),
}

/// The time to live is over.
pub(crate) const TIME_EXCEEDED: Problem = Problem { v4: (11, 0), v6: (3, 0) };
/// An administrator forbids it.
pub(crate) const PROHIBITED: Problem = Problem { v4: (3, 13), v6: (1, 1) };

/// What a router puts into its errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quoting {
    /// As much of the packet as fits.
    #[default]
    Whole,
    /// The IP header and eight bytes, as RFC 792 asked for.
    Short,
    /// 128 bytes, and behind them the label that the packet came with and the interface it came by
    /// (RFC 4884, RFC 4950, RFC 5837).
    Labels,
}

/// Writes the error that `packet` provokes at the box with the address `from`.
///
/// It quotes as much as fits in 576 bytes (RFC 1812, section 4.3.2.3) or 1280 (RFC 4443, section
/// 2.4). There is none about an ICMP error, about a fragment other than the first, or to a sender
/// that is not one host.
pub(crate) fn error(
    problem: Problem,
    from: IpAddr,
    packet: &[u8],
    quoting: Quoting,
) -> Option<Vec<u8>> {
    let parsed = Packet::from_ip(packet);
    let provokes = match &parsed.transport {
        Transport::Icmp(message) => !message.is_error(),
        Transport::Fragment(_) => false,
        _ => true,
    };
    let (source, _) = parsed.addresses().filter(|_| provokes)?;
    if source.is_unspecified() || source.is_multicast() {
        return None;
    }
    match (&parsed.network, from, source) {
        (Network::V4(datagram), IpAddr::V4(from), IpAddr::V4(to)) => {
            let body = body(packet, quoting, 20, 548);
            let message = message(problem.v4, [0, units(quoting, 4)], &body, Sum::new());
            let mut header = [0; 20];
            header[0] = 0x45;
            header[1] = 0xc0 | datagram.header.tos() & 3;
            header[2..4].copy_from_slice(&length(20 + message.len()));
            header[8..10].copy_from_slice(&[64, protocol::ICMP]);
            header[12..16].copy_from_slice(&from.octets());
            header[16..].copy_from_slice(&to.octets());
            let sum = Sum::new().feed(&header).finish();
            header[10..12].copy_from_slice(&sum.to_be_bytes());
            Some([&header[..], &message].concat())
        }
        (Network::V6(_), IpAddr::V6(own), IpAddr::V6(to)) => {
            let body = body(packet, quoting, 40, 1232);
            let sum = Sum::new().pseudo(from, source, protocol::ICMPV6, 8 + body.len());
            let message = message(problem.v6, [units(quoting, 8), 0], &body, sum);
            let mut header = [0; 40];
            header[0] = 0x60;
            header[4..6].copy_from_slice(&length(message.len()));
            header[6..8].copy_from_slice(&[protocol::ICMPV6, 64]);
            header[8..24].copy_from_slice(&own.octets());
            header[24..].copy_from_slice(&to.octets());
            Some([&header[..], &message].concat())
        }
        _ => None,
    }
}

/// Writes what stands behind the ICMP header: at most `room` bytes of the packet, whose IP header
/// has `header`, and what else the router tells.
fn body(packet: &[u8], quoting: Quoting, header: usize, room: usize) -> Vec<u8> {
    let most = match quoting {
        Quoting::Whole => room,
        Quoting::Short => header + 8,
        Quoting::Labels => QUOTED,
    };
    let mut body = packet[..packet.len().min(most)].to_vec();
    if quoting == Quoting::Labels {
        let sum = Sum::new().feed(&[0x20, 0]).feed(&OBJECTS).finish();
        body.resize(QUOTED, 0);
        body.extend([0x20, 0]);
        body.extend(sum.to_be_bytes());
        body.extend(OBJECTS);
    }
    body
}

/// Tells the length of the quote in units of its family, where something stands behind it.
fn units(quoting: Quoting, unit: usize) -> u8 {
    let quoted = if quoting == Quoting::Labels { QUOTED } else { 0 };
    u8::try_from(quoted / unit).unwrap_or_default()
}

/// Writes the ICMP part, with the two first bytes of the rest of its header.
fn message((kind, code): (u8, u8), rest: [u8; 2], body: &[u8], pseudo: Sum) -> Vec<u8> {
    let mut message = [&[kind, code, 0, 0, rest[0], rest[1], 0, 0], body].concat();
    let sum = pseudo.feed(&message).finish();
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    message
}

fn length(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes()
}

/// How much of a packet is quoted before what else there is to tell (RFC 4884, section 3).
const QUOTED: usize = 128;

/// The label 24002, traffic class 5, and the interface et-0/0/1, number 7, MTU 9100.
const OBJECTS: [u8; 32] = [
    0, 8, 1, 1, 0x05, 0xdc, 0x2b, 1, // the label stack
    0, 24, 2, 0x0b, 0, 0, 0, 7, 12, b'e', b't', b'-', b'0', b'/', b'0', b'/', b'1', 0, 0, 0, 0, 0,
    0x23, 0x8c, // the interface
];

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use tcpexposure_core::craft::{self, Draft, Payload};

    use super::*;

    fn packet(source: IpAddr, destination: IpAddr, payload: usize) -> Vec<u8> {
        let draft = Draft {
            network: craft::Network::between(source, destination).unwrap(),
            payload: Payload::Fill { byte: 7, length: payload },
            ..Draft::default()
        };
        let mut buffer = vec![0; 2000];
        draft.write(&mut buffer).unwrap().to_vec()
    }

    #[test]
    fn errors_are_whole_and_quote_as_linux_does() {
        let v4 = packet(Ipv4Addr::LOCALHOST.into(), [192, 0, 2, 1].into(), 1400);
        let v6 = packet(Ipv6Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into(), 1400);
        let from4 = IpAddr::from([198, 18, 0, 1]);
        let from6 = IpAddr::from([0x2001, 2, 0, 0, 0, 0, 0, 1]);
        for (packet, from, total, quote) in [(v4, from4, 576, 548), (v6, from6, 1280, 1232)] {
            let error = error(TIME_EXCEEDED, from, &packet, Quoting::Whole).unwrap();
            assert_eq!(error.len(), total);
            let parsed = Packet::from_ip(&error);
            assert_eq!(parsed.checksum_ok(), Some(true));
            assert_eq!(parsed.fault, None);
            assert_eq!(parsed.addresses().unwrap().0, from);
            let Transport::Icmp(message) = parsed.transport else {
                panic!("no ICMP: {parsed:?}");
            };
            assert_eq!(message.body, &packet[..quote]);
            assert!(super::error(TIME_EXCEEDED, from, &error, Quoting::Whole).is_none());
        }
    }

    #[test]
    fn nobody_is_told_of_a_packet_without_a_sender() {
        let packet = packet(Ipv4Addr::UNSPECIFIED.into(), [192, 0, 2, 1].into(), 0);
        assert!(error(TIME_EXCEEDED, [198, 18, 0, 1].into(), &packet, Quoting::Whole).is_none());
    }
}
