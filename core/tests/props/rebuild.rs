//! Packets made again from what their views tell, field by field, and judged anew.

use tcpexposure_core::wire::{
    ethernet::{Cooked, Cooked2, Tag},
    icmp, ipv4, ipv6,
    options::{Item, Options, Writer},
    packet::{Link, Network, Packet, Start, Transport},
    protocol,
    tcp::{self, Segment, Stub},
};

/// Checks that the views of a packet tell all of its bytes, and that it has a fault if and only if
/// it should have one; so for the packet that it quotes.
pub(crate) fn check(packet: &Packet<'_>) {
    assert_eq!(bytes(packet), packet.bytes, "{packet:?}");
    if let Some(fault) = packet.fault {
        assert!(fault.offset <= packet.bytes.len(), "{packet:?}");
        assert!(!fault.to_string().is_empty());
    }
    if let Some(ip) = packet.ip_bytes() {
        let lost = packet.wire_len - packet.bytes.len();
        let version = matches!(packet.network, Network::V4(_));
        let sound = if version { sound_v4(ip) } else { sound_v6(ip) };
        assert_eq!(packet.fault.is_none(), sound.is_some(), "{lost} lost of {packet:?}");
    } else {
        assert!(packet.fault.is_some());
    }
    if packet.checksum_ok().is_some() && packet.offload == Default::default() {
        assert!(packet.transport_sum().is_some());
    }
    if let Transport::Tcp(segment) = &packet.transport {
        let malformed = |item| matches!(item, Item::Malformed { .. });
        let walked = walk(segment.options.bytes()).is_some();
        assert_ne!(segment.options.iter().any(malformed), walked, "{packet:?}");
    }
    if let Transport::Icmp(message) = &packet.transport {
        message.quote().iter().for_each(check);
    }
}

/// Makes the bytes of a packet from its views.
pub(crate) fn bytes(packet: &Packet<'_>) -> Vec<u8> {
    let mut all = link(packet);
    for tag in packet.tags {
        all.extend(tag_bytes(tag));
    }
    match &packet.network {
        Network::None => {}
        Network::V4(datagram) => {
            all.extend(header_v4(datagram.header));
            all.extend(datagram.options);
        }
        Network::V6(datagram) => {
            all.extend(header_v6(datagram.header));
            all.extend(datagram.walk().flat_map(|extension| extension.bytes));
        }
    }
    match &packet.transport {
        Transport::None => {}
        Transport::Tcp(segment) => all.extend(segment_bytes(segment)),
        Transport::Stub(stub) => all.extend(stub_bytes(stub)),
        Transport::Icmp(message) => all.extend(message_bytes(message)),
        Transport::Fragment(rest) => all.extend(*rest),
        Transport::Other { payload, .. } => all.extend(*payload),
    }
    all.extend(packet.rest);
    all.extend(packet.trailer);
    all
}

fn link(packet: &Packet<'_>) -> Vec<u8> {
    match packet.link {
        Link::None => Vec::new(),
        Link::Ethernet(header) => {
            let ends = [header.destination(), header.source()].concat();
            [&ends[..], &header.ethertype().to_be_bytes()].concat()
        }
        Link::Cooked(header) => cooked(header),
        Link::Cooked2(header) => cooked_2(header),
        Link::Protocol(number) => protocol_bytes(packet, number),
    }
}

/// What a link layer of four bytes or fewer holds. The number's byte order is the capturing
/// machine's, and the framing of PPP is optional: both are told by the packet's first bytes.
fn protocol_bytes(packet: &Packet<'_>, number: u32) -> Vec<u8> {
    let framed = packet.bytes.starts_with(&[0xff, 3]);
    let little = !packet.bytes.starts_with(&[0, 0]);
    match packet.start {
        Start::Ppp if framed => [&[0xff, 3], &number.to_be_bytes()[2..]].concat(),
        Start::Ppp => number.to_be_bytes()[2..].to_vec(),
        Start::Null if little => number.to_le_bytes().to_vec(),
        _ => number.to_be_bytes().to_vec(),
    }
}

fn cooked(header: &Cooked) -> Vec<u8> {
    let mut all = Vec::new();
    for field in [header.packet_type(), header.hardware(), header.address_length()] {
        all.extend(field.to_be_bytes());
    }
    assert!(header.address_field().starts_with(header.address()));
    all.extend(header.address_field());
    all.extend(header.ethertype().to_be_bytes());
    all
}

fn cooked_2(header: &Cooked2) -> Vec<u8> {
    let mut all = Vec::new();
    all.extend(header.ethertype().to_be_bytes());
    all.extend(header.reserved().to_be_bytes());
    all.extend(header.interface().to_be_bytes());
    all.extend(header.hardware().to_be_bytes());
    all.extend([header.packet_type(), header.address_length()]);
    assert!(header.address_field().starts_with(header.address()));
    all.extend(header.address_field());
    all
}

fn tag_bytes(tag: &Tag) -> [u8; 4] {
    let drop = u16::from(tag.drop_eligible()) << 12;
    let control = u16::from(tag.priority()) << 13 | drop | tag.identifier();
    let ([a, b], [c, d]) = (control.to_be_bytes(), tag.ethertype().to_be_bytes());
    [a, b, c, d]
}

fn header_v4(header: &ipv4::Header) -> Vec<u8> {
    let length = u8::try_from(header.header_length() / 4).unwrap();
    let mut all = vec![header.version() << 4 | length, header.tos()];
    all.extend(header.total_length().to_be_bytes());
    all.extend(header.id().to_be_bytes());
    let fragment = u16::from(header.flags().bits()) << 13 | header.fragment_offset();
    all.extend(fragment.to_be_bytes());
    all.extend([header.ttl(), header.protocol()]);
    all.extend(header.checksum().to_be_bytes());
    all.extend(header.source().octets());
    all.extend(header.destination().octets());
    all
}

fn header_v6(header: &ipv6::Header) -> Vec<u8> {
    let class = u32::from(header.traffic_class()) << 20;
    let first = u32::from(header.version()) << 28 | class | header.flow_label();
    let mut all = first.to_be_bytes().to_vec();
    all.extend(header.payload_length().to_be_bytes());
    all.extend([header.next_header(), header.hop_limit()]);
    all.extend(header.source().octets());
    all.extend(header.destination().octets());
    all
}

fn segment_bytes(segment: &Segment<'_>) -> Vec<u8> {
    let header = segment.header;
    let mut all = Vec::new();
    all.extend(header.source_port().to_be_bytes());
    all.extend(header.destination_port().to_be_bytes());
    all.extend(header.seq().0.to_be_bytes());
    all.extend(header.ack().0.to_be_bytes());
    let offset = u16::try_from(header.data_offset() / 4).unwrap();
    all.extend((offset << 12 | header.flags().bits()).to_be_bytes());
    all.extend(header.window().to_be_bytes());
    all.extend(header.checksum().to_be_bytes());
    all.extend(header.urgent().to_be_bytes());
    all.extend(option_bytes(segment.options));
    all.extend(segment.payload);
    all
}

/// The option block, from the typed views.
fn option_bytes(options: Options<'_>) -> Vec<u8> {
    let mut buffer = [0; 40];
    let mut writer = Writer::new(&mut buffer);
    for item in options {
        item.view().write(&mut writer).unwrap();
    }
    writer.finish().to_vec()
}

fn stub_bytes(stub: &Stub<'_>) -> Vec<u8> {
    let ports = [stub.source_port(), stub.destination_port()];
    let numbers = [stub.seq(), stub.ack()];
    let mut all: Vec<u8> = ports.iter().flatten().flat_map(|port| port.to_be_bytes()).collect();
    all.extend(numbers.iter().flatten().flat_map(|number| number.0.to_be_bytes()));
    all.extend(&stub.bytes[all.len()..]);
    all
}

fn message_bytes(message: &icmp::Message<'_>) -> Vec<u8> {
    let header = message.header;
    let mut all = vec![header.kind(), header.code()];
    all.extend(header.checksum().to_be_bytes());
    all.extend(header.rest().to_be_bytes());
    all.extend(message.body);
    all
}

/// Reads IPv4 as strictly as a host: `None` unless everything fits.
fn sound_v4(bytes: &[u8]) -> Option<()> {
    let first = *bytes.first()?;
    let length = usize::from(first & 15) * 4;
    let total = usize::from(word(bytes, 2)?);
    if first >> 4 != 4 || length < 20 || total < length {
        return None;
    }
    let payload = bytes.get(..total)?.get(length..)?;
    if word(bytes, 6)? & 0x1fff != 0 {
        return Some(());
    }
    match *bytes.get(9)? {
        protocol::TCP => sound_tcp(payload),
        protocol::ICMP => payload.get(..8).map(drop),
        _ => Some(()),
    }
}

fn sound_v6(bytes: &[u8]) -> Option<()> {
    let header = bytes.get(..40)?;
    if header[0] >> 4 != 6 {
        return None;
    }
    let length = usize::from(word(bytes, 4)?);
    if length == 0 {
        return (header[6] == protocol::NO_NEXT_HEADER).then_some(());
    }
    sound_chain(header[6], bytes.get(40..40 + length)?, 0)
}

/// Walks over the extension headers, of which there are `before` already.
fn sound_chain(next: u8, bytes: &[u8], before: usize) -> Option<()> {
    let units = |unit: usize, more: usize| Some((usize::from(*bytes.get(1)?) + more) * unit);
    let length = match next {
        protocol::TCP => return sound_tcp(bytes),
        protocol::ICMPV6 => return bytes.get(..8).map(drop),
        protocol::FRAGMENT => 8,
        protocol::AUTHENTICATION => units(4, 2)?,
        0 | 43 | 60 | 135 | 139 | 140 => units(8, 1)?,
        _ => return Some(()),
    };
    let header = bytes.get(..length)?;
    if before == 64 {
        return None;
    }
    if next == protocol::FRAGMENT && word(header, 2)? >> 3 != 0 {
        return Some(());
    }
    sound_chain(header[0], &bytes[length..], before + 1)
}

fn sound_tcp(bytes: &[u8]) -> Option<()> {
    let length = usize::from(*bytes.get(12)? >> 4) * 4;
    (length >= tcp::Header::LENGTH && length <= bytes.len()).then_some(())
}

/// Walks over options; `None` where a length cannot be.
fn walk(options: &[u8]) -> Option<()> {
    match *options {
        [] | [0, ..] => Some(()),
        [1, ref rest @ ..] => walk(rest),
        [_, length, ..] if length >= 2 => walk(options.get(usize::from(length)..)?),
        _ => None,
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
}
