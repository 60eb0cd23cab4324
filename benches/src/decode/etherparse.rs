//! etherparse: header slices, and the packet slice that finds the layers by itself.

use etherparse::{
    Ethernet2HeaderSlice, Ipv4HeaderSlice, Ipv6HeaderSlice, NetSlice, SlicedPacket, TcpHeaderSlice,
    TcpOptionElement, TcpOptionsIterator, TransportSlice,
};

use crate::reading::{Options, Reading};

/// Reads a frame by header slices.
#[inline(always)]
#[must_use]
pub fn read(frame: &[u8]) -> Option<Reading> {
    let ethernet = Ethernet2HeaderSlice::from_slice(frame).ok()?;
    let packet = frame.get(14..)?;
    let mut reading = Reading::default();
    let segment = match ethernet.ether_type().0 {
        0x0800 => {
            let header = Ipv4HeaderSlice::from_slice(packet).ok()?;
            if header.protocol().0 != 6 || header.fragments_offset().value() != 0 {
                return None;
            }
            v4(&header, &mut reading);
            packet.get(header.slice().len()..usize::from(header.total_len()))?
        }
        0x86dd => {
            let header = Ipv6HeaderSlice::from_slice(packet).ok()?;
            if header.next_header().0 != 6 {
                return None;
            }
            v6(&header, &mut reading);
            packet.get(40..)?.get(..usize::from(header.payload_length()))?
        }
        _ => return None,
    };
    let header = TcpHeaderSlice::from_slice(segment).ok()?;
    reading.source_port = header.source_port();
    reading.destination_port = header.destination_port();
    reading.seq = header.sequence_number();
    reading.ack = header.acknowledgment_number();
    reading.flags = header.slice()[13];
    reading.window = header.window_size();
    reading.checksum = header.checksum();
    reading.urgent = header.urgent_pointer();
    reading.payload = segment.len() - header.slice().len();
    reading.options = walk(header.options_iterator());
    Some(reading)
}

/// Reads a frame by the slice of the whole packet.
#[inline(always)]
#[must_use]
pub fn read_sliced(frame: &[u8]) -> Option<Reading> {
    let packet = SlicedPacket::from_ethernet(frame).ok()?;
    let mut reading = Reading::default();
    match &packet.net {
        Some(NetSlice::Ipv4(found)) => v4(&found.header(), &mut reading),
        Some(NetSlice::Ipv6(found)) => v6(&found.header(), &mut reading),
        _ => return None,
    }
    let Some(TransportSlice::Tcp(segment)) = &packet.transport else {
        return None;
    };
    reading.source_port = segment.source_port();
    reading.destination_port = segment.destination_port();
    reading.seq = segment.sequence_number();
    reading.ack = segment.acknowledgment_number();
    reading.flags = segment.slice()[13];
    reading.window = segment.window_size();
    reading.checksum = segment.checksum();
    reading.urgent = segment.urgent_pointer();
    reading.payload = segment.payload().len();
    reading.options = walk(segment.options_iterator());
    Some(reading)
}

/// Reads an option block.
#[inline(always)]
#[must_use]
pub fn options(block: &[u8]) -> Options {
    walk(TcpOptionsIterator::from_slice(block))
}

#[inline(always)]
fn v4(header: &Ipv4HeaderSlice<'_>, reading: &mut Reading) {
    reading.source = u32::from_be_bytes(header.source()).into();
    reading.destination = u32::from_be_bytes(header.destination()).into();
    reading.ttl = header.ttl();
}

#[inline(always)]
fn v6(header: &Ipv6HeaderSlice<'_>, reading: &mut Reading) {
    reading.source = u128::from_be_bytes(header.source());
    reading.destination = u128::from_be_bytes(header.destination());
    reading.ttl = header.hop_limit();
}

#[inline(always)]
fn walk(items: TcpOptionsIterator<'_>) -> Options {
    let mut found = Options::default();
    for item in items {
        match item {
            Ok(TcpOptionElement::Noop) => found.nop(),
            Ok(TcpOptionElement::MaximumSegmentSize(size)) => found.maximum_segment_size(size),
            Ok(TcpOptionElement::WindowScale(shift)) => found.window_scale(shift),
            Ok(TcpOptionElement::SelectiveAcknowledgementPermitted) => found.sack_permitted(),
            Ok(TcpOptionElement::SelectiveAcknowledgement((left, right), more)) => {
                found.sack(left, right);
                for (left, right) in more.into_iter().flatten() {
                    found.sack(left, right);
                }
            }
            Ok(TcpOptionElement::Timestamp(value, echo)) => found.timestamps(value, echo),
            Err(_) => found.malformed = true,
        }
    }
    found
}
