//! pnet_packet: its views.

use pnet_packet::{
    Packet, PacketSize,
    ethernet::{EtherTypes, EthernetPacket},
    ip::IpNextHeaderProtocols,
    ipv4::Ipv4Packet,
    ipv6::Ipv6Packet,
    tcp::{TcpOptionNumbers, TcpOptionPacket, TcpPacket},
};

use crate::reading::{Options, Reading};

/// Reads a frame.
#[inline(always)]
#[must_use]
pub fn read(frame: &[u8]) -> Option<Reading> {
    let ethernet = EthernetPacket::new(frame)?;
    let packet = frame.get(14..)?;
    let mut reading = Reading::default();
    let segment = match ethernet.get_ethertype() {
        EtherTypes::Ipv4 => {
            let header = Ipv4Packet::new(packet)?;
            let fragment = header.get_fragment_offset();
            if header.get_next_level_protocol() != IpNextHeaderProtocols::Tcp || fragment != 0 {
                return None;
            }
            reading.source = header.get_source().to_bits().into();
            reading.destination = header.get_destination().to_bits().into();
            reading.ttl = header.get_ttl();
            let length = usize::from(header.get_header_length()) * 4;
            packet.get(length..usize::from(header.get_total_length()))?
        }
        EtherTypes::Ipv6 => {
            let header = Ipv6Packet::new(packet)?;
            if header.get_next_header() != IpNextHeaderProtocols::Tcp {
                return None;
            }
            reading.source = header.get_source().to_bits();
            reading.destination = header.get_destination().to_bits();
            reading.ttl = header.get_hop_limit();
            packet.get(40..)?.get(..usize::from(header.get_payload_length()))?
        }
        _ => return None,
    };
    let header = TcpPacket::new(segment)?;
    reading.source_port = header.get_source();
    reading.destination_port = header.get_destination();
    reading.seq = header.get_sequence();
    reading.ack = header.get_acknowledgement();
    reading.flags = header.get_flags();
    reading.window = header.get_window();
    reading.checksum = header.get_checksum();
    reading.urgent = header.get_urgent_ptr();
    reading.payload = header.payload().len();
    let length = usize::from(header.get_data_offset()) * 4;
    reading.options = options(segment.get(20..length)?);
    Some(reading)
}

/// Reads an option block, step by step as the library's own iterator does.
#[inline(always)]
#[must_use]
pub fn options(mut block: &[u8]) -> Options {
    let mut found = Options::default();
    while let Some(option) = TcpOptionPacket::new(block) {
        let data = option.payload();
        match (option.get_number(), data) {
            (TcpOptionNumbers::NOP, _) => found.nop(),
            (TcpOptionNumbers::EOL, _) => break,
            (TcpOptionNumbers::MSS, &[a, b]) => {
                found.maximum_segment_size(u16::from_be_bytes([a, b]));
            }
            (TcpOptionNumbers::WSCALE, &[shift]) => found.window_scale(shift),
            (TcpOptionNumbers::SACK_PERMITTED, []) => found.sack_permitted(),
            (TcpOptionNumbers::TIMESTAMPS, &[a, b, c, d, e, f, g, h]) => {
                found
                    .timestamps(u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
            }
            (TcpOptionNumbers::SACK, blocks) if !blocks.is_empty() && blocks.len() % 8 == 0 => {
                for &[a, b, c, d, e, f, g, h] in blocks.as_chunks::<8>().0 {
                    found.sack(u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
                }
            }
            (number, data) => found.other(number.0, data),
        }
        block = &block[option.packet_size().min(block.len())..];
    }
    found
}
