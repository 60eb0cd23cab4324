//! smoltcp: its checked views.

use smoltcp::wire::{
    EthernetFrame, EthernetProtocol, IpProtocol, Ipv4Packet, Ipv6Packet, TcpOption, TcpPacket,
};

use crate::reading::{Options, Reading};

/// Reads a frame.
#[inline(always)]
#[must_use]
pub fn read(frame: &[u8]) -> Option<Reading> {
    let ethernet = EthernetFrame::new_checked(frame).ok()?;
    let mut reading = Reading::default();
    let segment = match ethernet.ethertype() {
        EthernetProtocol::Ipv4 => {
            let packet = Ipv4Packet::new_checked(ethernet.payload()).ok()?;
            if packet.next_header() != IpProtocol::Tcp || packet.frag_offset() != 0 {
                return None;
            }
            reading.source = packet.src_addr().to_bits().into();
            reading.destination = packet.dst_addr().to_bits().into();
            reading.ttl = packet.hop_limit();
            packet.payload()
        }
        EthernetProtocol::Ipv6 => {
            let packet = Ipv6Packet::new_checked(ethernet.payload()).ok()?;
            if packet.next_header() != IpProtocol::Tcp {
                return None;
            }
            reading.source = packet.src_addr().to_bits();
            reading.destination = packet.dst_addr().to_bits();
            reading.ttl = packet.hop_limit();
            packet.payload()
        }
        _ => return None,
    };
    let header = TcpPacket::new_checked(segment).ok()?;
    reading.source_port = header.src_port();
    reading.destination_port = header.dst_port();
    reading.seq = header.seq_number().0 as u32;
    reading.ack = header.ack_number().0 as u32;
    reading.flags = u8::from(header.cwr()) << 7
        | u8::from(header.ece()) << 6
        | u8::from(header.urg()) << 5
        | u8::from(header.ack()) << 4
        | u8::from(header.psh()) << 3
        | u8::from(header.rst()) << 2
        | u8::from(header.syn()) << 1
        | u8::from(header.fin());
    reading.window = header.window_len();
    reading.checksum = header.checksum();
    reading.urgent = header.urgent_at();
    reading.payload = header.payload().len();
    reading.options = options(header.options());
    Some(reading)
}

/// Reads an option block.
#[inline(always)]
#[must_use]
pub fn options(mut block: &[u8]) -> Options {
    let mut found = Options::default();
    while !block.is_empty() {
        let Ok((rest, option)) = TcpOption::parse(block) else {
            found.malformed = true;
            break;
        };
        match option {
            TcpOption::EndOfList => break,
            TcpOption::NoOperation => found.nop(),
            TcpOption::MaxSegmentSize(size) => found.maximum_segment_size(size),
            TcpOption::WindowScale(shift) => found.window_scale(shift),
            TcpOption::SackPermitted => found.sack_permitted(),
            TcpOption::SackRange(ranges) => {
                for (left, right) in ranges.into_iter().flatten() {
                    found.sack(left, right);
                }
            }
            TcpOption::TimeStamp { tsval, tsecr } => found.timestamps(tsval, tsecr),
            TcpOption::Unknown { kind, data } => found.other(kind, data),
        }
        block = rest;
    }
    found
}
