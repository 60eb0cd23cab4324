//! What `Packet::parse` makes of whole, odd and broken frames.

use tcpexposure_core::{
    fault::{Kind, Layer},
    wire::{
        icmp::Family,
        ipv4, ipv6,
        packet::{Checksummed, Link, Network, Offload, Packet, Start, Transport},
        protocol,
        tcp::{Flags, Seq},
    },
};

/// A SYN of 2011 with timestamps and an unknown option (header checksum 0, as a raw socket takes it).
const SYN: &str = "4500004812340000ff060000c0000201c63364024e2186270003d86100000000d0021f80fd6a0000\
                   02040200080a00cf1974000000000402030302011e0c0d0c0b0912345678abcd";

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn parse(start: Start, bytes: &[u8]) -> Packet<'_> {
    Packet::parse(start, bytes, bytes.len(), Offload::default())
}

fn v4<'a>(packet: &Packet<'a>) -> ipv4::Datagram<'a> {
    let Network::V4(datagram) = packet.network else { panic!("no IPv4: {packet:?}") };
    datagram
}

fn v6<'a>(packet: &Packet<'a>) -> ipv6::Datagram<'a> {
    let Network::V6(datagram) = packet.network else { panic!("no IPv6: {packet:?}") };
    datagram
}

fn fault(packet: &Packet<'_>) -> (Layer, usize, Kind) {
    let fault = packet.fault.expect("a fault");
    (fault.layer, fault.offset, fault.kind)
}

/// An IPv6 packet that carries `chain`, whose first header is of kind `next`.
fn ipv6_packet(next: u8, chain: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x60, 0, 0, 0, 0, 0, next, 64];
    bytes[4..6].copy_from_slice(&u16::try_from(chain.len()).unwrap().to_be_bytes());
    bytes.extend([0x20; 32]);
    bytes.extend(chain);
    bytes
}

/// The TCP header of [`SYN`].
fn tcp() -> Vec<u8> {
    unhex(SYN)[20..].to_vec()
}

#[test]
fn every_field_of_a_syn() {
    let bytes = unhex(SYN);
    let packet = Packet::from_ip(&bytes);
    assert!(packet.fault.is_none());
    let header = v4(&packet).header;
    assert_eq!((header.version(), header.header_length(), header.tos()), (4, 20, 0));
    assert_eq!((header.total_length(), header.id(), header.ttl()), (72, 0x1234, 255));
    assert_eq!(header.source().to_string(), "192.0.2.1");
    let segment = packet.tcp().unwrap();
    assert_eq!(packet.ports(), Some((20001, 34343)));
    assert_eq!((segment.header.seq(), segment.header.ack()), (Seq(252_001), Seq(0)));
    assert_eq!((segment.header.flags(), segment.header.window()), (Flags::SYN, 8064));
    assert_eq!(segment.options.iter().count(), 6);
    assert_eq!(segment.options.timestamps(), Some((13_572_468, 0)));
    assert_eq!(packet.checksum_ok(), Some(true));
    assert!(!v4(&packet).checksum_ok());
}

#[test]
fn twelve_flag_and_reserved_bits() {
    let mut bytes = unhex(SYN);
    for bits in 0..0x1000_u16 {
        let [high, low] = (0xd000 | bits).to_be_bytes();
        bytes[32..34].copy_from_slice(&[high, low]);
        let flags = Packet::from_ip(&bytes).tcp().unwrap().header.flags();
        assert_eq!(flags.bits(), bits);
        assert_eq!(flags.contains(Flags::AE), bits & 0x100 != 0);
        assert_eq!(u16::from(flags.reserved()), bits >> 9);
    }
}

#[test]
fn stacked_tags() {
    let mut bytes = unhex("020000000001 020000000002 88a8 a005 8100 0064 8100 1001 0800");
    bytes.extend(unhex(SYN));
    let packet = parse(Start::Ethernet, &bytes);
    let tags: Vec<_> =
        packet.tags.iter().map(|t| (t.identifier(), t.priority(), t.drop_eligible())).collect();
    assert_eq!(tags, [(5, 5, false), (100, 0, false), (1, 0, true)]);
    assert_eq!(packet.ports(), Some((20001, 34343)));
    let Link::Ethernet(header) = packet.link else { panic!("{packet:?}") };
    assert_eq!(header.ethertype(), protocol::ETHERTYPE_SERVICE_VLAN);
    let cut = parse(Start::Ethernet, &bytes[..20]);
    assert_eq!(fault(&cut), (Layer::Link, 14, Kind::Truncated { needed: 8, present: 6 }));
    assert_eq!(cut.rest.len(), 6);
}

#[test]
fn other_beginnings() {
    let ip = unhex(SYN);
    for (start, head) in [
        (Start::LinuxSll, "0000 0001 0006 020000000001 0000 0800"),
        (Start::LinuxSll2, "0800 0000 00000002 0001 00 06 020000000001 0000"),
        (Start::Null, "02000000"),
        (Start::Null, "00000002"),
        (Start::Loop, "00000002"),
        (Start::Ppp, "ff030021"),
        (Start::Ppp, "0021"),
        (Start::Ip, ""),
    ] {
        let bytes = [unhex(head), ip.clone()].concat();
        let packet = parse(start, &bytes);
        assert_eq!(packet.ports(), Some((20001, 34343)), "{start:?}");
        let wanting = unhex(head).len().saturating_sub(1);
        let cut = parse(start, &bytes[..wanting]);
        assert!(cut.fault.is_some() && cut.tcp().is_none(), "{start:?}");
    }
    let arp = unhex("ffffffffffff 020000000002 0806 0001");
    let packet = parse(Start::Ethernet, &arp);
    assert_eq!(fault(&packet), (Layer::Link, 14, Kind::NotIp(0x0806)));
    assert_eq!(packet.rest, [0, 1]);
}

#[test]
fn ipv4_lengths() {
    let with_length = |length: u16| {
        let mut bytes = unhex(SYN);
        bytes[2..4].copy_from_slice(&length.to_be_bytes());
        bytes.extend(b"more");
        bytes
    };
    let bytes = with_length(72);
    assert_eq!(Packet::from_ip(&bytes).trailer, b"more");
    let bytes = with_length(0);
    let packet = Packet::from_ip(&bytes);
    assert_eq!(fault(&packet), (Layer::Ipv4, 2, Kind::LengthShort { declared: 0, least: 20 }));
    assert_eq!(packet.tcp().unwrap().payload, b"more");
    let bytes = with_length(19);
    let packet = Packet::from_ip(&bytes);
    assert_eq!(fault(&packet), (Layer::Ipv4, 2, Kind::LengthShort { declared: 19, least: 20 }));
    assert!(packet.tcp().is_some());
    let bytes = with_length(100);
    let packet = Packet::from_ip(&bytes);
    assert_eq!(fault(&packet), (Layer::Ipv4, 2, Kind::LengthLong { declared: 100, delivered: 76 }));
    assert_eq!(packet.tcp().unwrap().payload_length, 28);
    let packet = Packet::parse(Start::Ip, &bytes, 100, Offload::default());
    assert_eq!(fault(&packet), (Layer::Ipv4, 2, Kind::Cut { declared: 100, present: 76 }));
    assert_eq!(packet.checksum_ok(), None);
}

#[test]
fn ipv4_header_lengths() {
    let mut bytes = unhex(SYN);
    bytes[0] = 0x43;
    let packet = Packet::from_ip(&bytes);
    assert_eq!(fault(&packet), (Layer::Ipv4, 0, Kind::HeaderLength(12)));
    assert!(packet.tcp().is_none());
    assert_eq!((v4(&packet).header.id(), packet.rest.len()), (0x1234, 52));
    let mut bytes = unhex(SYN);
    bytes[0] = 0x4f;
    let packet = Packet::from_ip(&bytes[..50]);
    assert_eq!(fault(&packet), (Layer::Ipv4, 0, Kind::Truncated { needed: 60, present: 50 }));
    assert_eq!(v4(&packet).options.len(), 30);
}

#[test]
fn data_offsets() {
    let with_offset = |words: u8| {
        let mut bytes = unhex(SYN);
        bytes[32] = words << 4;
        bytes
    };
    let bytes = with_offset(4);
    let packet = Packet::from_ip(&bytes);
    assert_eq!(fault(&packet), (Layer::Tcp, 32, Kind::DataOffset { declared: 16, segment: 52 }));
    let segment = packet.tcp().unwrap();
    assert_eq!((segment.options.bytes().len(), segment.payload.len()), (0, 32));
    let bytes = with_offset(15);
    let packet = Packet::from_ip(&bytes);
    assert_eq!(fault(&packet), (Layer::Tcp, 32, Kind::DataOffset { declared: 60, segment: 52 }));
    let segment = packet.tcp().unwrap();
    assert_eq!((segment.options.bytes().len(), segment.payload.len()), (32, 0));
}

#[test]
fn fragments() {
    let mut bytes = unhex(SYN);
    bytes[6] = 0x20;
    let first = Packet::from_ip(&bytes);
    assert_eq!(first.ports(), Some((20001, 34343)));
    assert_eq!(first.checksum_ok(), None);
    bytes[7] = 0x10;
    let later = Packet::from_ip(&bytes);
    assert!(matches!(later.transport, Transport::Fragment(rest) if rest.len() == 52));
    assert_eq!(v4(&later).header.fragment_offset(), 16);
}

#[test]
fn the_walk_over_extension_headers() {
    // hop-by-hop, routing, destination options, authentication, fragment, mobility, HIP, shim6
    let mut chain =
        unhex("2b00 0104 00000000 | 3c00 0000 00000000 | 3301 0104 000000000000000000000000");
    chain.extend(unhex("2c04 0000 00000001 00000002 000000000000000000000000"));
    chain.extend(unhex(
        "8700 0001 00000007 | 8b00 0000 00000000 | 8c00 0000 00000000 | 0600 0000 00000000",
    ));
    chain.extend(tcp());
    let bytes = ipv6_packet(protocol::HOP_BY_HOP, &chain);
    let packet = Packet::from_ip(&bytes);
    assert!(packet.fault.is_none(), "{:?}", packet.fault);
    assert_eq!(packet.ports(), Some((20001, 34343)));
    let kinds: Vec<u8> = v6(&packet).walk().map(|extension| extension.kind).collect();
    assert_eq!(kinds, [0, 43, 60, 51, 44, 135, 139, 140]);
    assert_eq!(packet.checksum_ok(), None, "more fragments follow");
}

#[test]
fn broken_chains() {
    let end = ipv6_packet(protocol::HOP_BY_HOP, &unhex("3b00 0104 00000000 0600 0000"));
    let packet = Packet::from_ip(&end);
    assert!(
        matches!(packet.transport, Transport::Other { protocol: 59, payload } if payload.len() == 4)
    );
    let long = ipv6_packet(protocol::HOP_BY_HOP, &unhex("0609 0104 00000000"));
    let packet = Packet::from_ip(&long);
    assert_eq!(fault(&packet), (Layer::Ipv6, 40, Kind::Truncated { needed: 80, present: 8 }));
    assert_eq!(packet.rest.len(), 8);
    let many = ipv6_packet(protocol::DESTINATION_OPTIONS, &unhex("3c00010400000000").repeat(100));
    let packet = Packet::from_ip(&many);
    assert_eq!(fault(&packet), (Layer::Ipv6, 40 + 64 * 8, Kind::Extensions));
    assert_eq!(v6(&packet).extensions.len() + packet.rest.len(), 800);
    let later = ipv6_packet(protocol::FRAGMENT, &unhex("0600 0010 00000007 01020304"));
    let packet = Packet::from_ip(&later);
    assert!(matches!(packet.transport, Transport::Fragment([1, 2, 3, 4])));
    assert_eq!(v6(&packet).fragment_offset, 2);
}

#[test]
fn a_source_route_moves_the_checksum_to_its_end() {
    let last = "2001:db8::9".parse::<std::net::Ipv6Addr>().unwrap();
    let segment = tcp();
    let route = [unhex("0602 0001 00000000"), last.octets().to_vec()].concat();
    let mut bytes = ipv6_packet(protocol::ROUTING, &[route, segment].concat());
    let sum = Packet::from_ip(&bytes).transport_sum().unwrap().finish();
    let at = 40 + 24 + 16;
    let stored = u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    let fixed = tcpexposure_core::wire::checksum::update(sum, stored, 0);
    bytes[at..at + 2].copy_from_slice(&fixed.to_be_bytes());
    assert_eq!(Packet::from_ip(&bytes).checksum_ok(), Some(true));
    assert_eq!(v6(&Packet::from_ip(&bytes)).final_destination(), last);
    bytes[40 + 3] = 0; // no segments left: the header's own destination counts
    assert_eq!(Packet::from_ip(&bytes).checksum_ok(), Some(false));
}

#[test]
fn quotes_of_every_length() {
    let quoted = unhex(SYN);
    for length in 0..=quoted.len() {
        let mut bytes = unhex("45c0 0000 0001 0000 4001 0000 cb007109 c0000201 0b00 0000 00000000");
        bytes.extend(&quoted[..length]);
        let total = u16::try_from(bytes.len()).unwrap().to_be_bytes();
        bytes[2..4].copy_from_slice(&total);
        let packet = Packet::from_ip(&bytes);
        let Transport::Icmp(message) = packet.transport else { panic!("{packet:?}") };
        assert_eq!((message.family, message.header.kind()), (Family::V4, 11));
        let quote = message.quote().unwrap();
        assert_eq!(quote.bytes.len(), length);
        assert_eq!(quote.ports().is_some(), length >= 24, "{length}");
        assert_eq!(quote.tcp().is_some(), length >= 40, "{length}");
        assert_eq!(quote.fault.is_none(), length == quoted.len(), "{length}");
    }
}

#[test]
fn what_offloading_left_of_the_checksum() {
    let mut bytes = unhex(SYN);
    bytes[36] ^= 1;
    let judge = |checksum| {
        let offload = Offload { checksum, segments: false };
        Packet::parse(Start::Ip, &bytes, bytes.len(), offload).checksum_ok()
    };
    assert_eq!(judge(Checksummed::Unknown), Some(false));
    assert_eq!(judge(Checksummed::Valid), Some(true));
    assert_eq!(judge(Checksummed::Partial), None);
}

#[test]
fn sequence_numbers_wrap() {
    assert_eq!(Seq(u32::MAX).add(2), Seq(1));
    assert_eq!(Seq(1).since(Seq(u32::MAX)), 2);
    assert!(Seq(u32::MAX).precedes(Seq(0)) && !Seq(0).precedes(Seq(u32::MAX)));
    assert_eq!(Seq(5).later(Seq(u32::MAX - 5)), Seq(5));
    assert_eq!(Seq(3).sub(5), Seq(u32::MAX - 1));
}

proptest::proptest! {
    /// Whatever the bytes: no panic, and the parts lie within the frame and do not overlap.
    #[test]
    fn any_bytes(bytes: Vec<u8>, extra: u8, start in 0..7) {
        let starts = [
            Start::Ethernet, Start::LinuxSll, Start::LinuxSll2, Start::Ip, Start::Null, Start::Loop,
            Start::Ppp,
        ];
        let start = starts[usize::try_from(start).unwrap()];
        let whole = bytes.len() + usize::from(extra);
        check(&Packet::parse(start, &bytes, whole, Offload::default()));
    }

    /// The same behind a version nibble that leads somewhere.
    #[test]
    fn any_ip_bytes(mut bytes: Vec<u8>, six: bool, next in 0_usize..12) {
        if let Some(first) = bytes.first_mut() {
            *first = if six { 0x60 } else { 0x45 };
        }
        let kinds = [6, 6, 6, 1, 58, 0, 43, 44, 51, 60, 135, 140];
        if let Some(byte) = bytes.get_mut(if six { 6 } else { 9 }) {
            *byte = kinds[next];
        }
        check(&Packet::from_ip(&bytes));
    }
}

/// Checks what holds for every packet.
fn check(packet: &Packet<'_>) {
    let parts = match &packet.transport {
        Transport::None => vec![],
        Transport::Tcp(segment) => {
            assert_eq!(
                segment.options.iter().map(length).sum::<usize>(),
                segment.options.bytes().len()
            );
            vec![20, segment.options.bytes().len(), segment.payload.len()]
        }
        Transport::Stub(stub) => vec![stub.bytes.len()],
        Transport::Icmp(message) => {
            let _ = message.quote().map(|quote| check(&quote));
            vec![8, message.body.len()]
        }
        Transport::Fragment(rest) => vec![rest.len()],
        Transport::Other { payload, .. } => vec![payload.len()],
    };
    let network = match &packet.network {
        Network::None => 0,
        Network::V4(datagram) => 20 + datagram.options.len(),
        Network::V6(datagram) => 40 + datagram.extensions.len(),
    };
    let link = match packet.link {
        Link::None => 0,
        Link::Ethernet(_) => 14,
        Link::Cooked(_) => 16,
        Link::Cooked2(_) => 20,
        Link::Protocol(_) if packet.start == Start::Ppp => {
            2 + 2 * usize::from(packet.bytes.starts_with(&[0xff, 3]))
        }
        Link::Protocol(_) => 4,
    } + 4 * packet.tags.len();
    let sum =
        link + network + parts.iter().sum::<usize>() + packet.rest.len() + packet.trailer.len();
    assert_eq!(sum, packet.bytes.len(), "every byte is in one part: {packet:?}");
    let _ = packet.checksum_ok();
    if let Some(fault) = packet.fault {
        assert!(fault.offset <= packet.bytes.len());
        assert!(!fault.to_string().is_empty());
    }
}

fn length(item: tcpexposure_core::wire::options::Item<'_>) -> usize {
    use tcpexposure_core::wire::options::Item;
    match item {
        Item::End | Item::Nop => 1,
        Item::Option { data, .. } => 2 + data.len(),
        Item::Malformed { rest } | Item::Trailing(rest) => rest.len(),
    }
}
