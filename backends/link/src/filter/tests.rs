use super::*;

const PEER4: [u8; 4] = [192, 0, 2, 9];
const PEER6: &str = "2001:db8::9";
const PORT: u16 = 40000;
/// Link-layer headers that tell less than the IP version does.
const HEADERS: &[(Start, &[u8])] = &[
    (Start::Null, &[2, 0, 0, 0]),
    (Start::Loop, &[0, 0, 0, 24]),
    (Start::Ppp, &[0xff, 0x03, 0x00, 0x21]),
    (Start::Ppp, &[0x00, 0x57]),
    (Start::LinuxSll, &[0; 16]),
    (Start::LinuxSll2, &[0; 20]),
];

fn interest() -> Interest {
    let peers = vec![[198, 51, 100, 1].into(), PEER4.into(), PEER6.parse().unwrap()];
    Interest { peers, ports: vec![80..=80, 39990..=PORT, 50000..=60000] }
}

/// An IPv4 packet from the peer; `body` is what follows the header and its options.
fn v4(protocol: u8, options: usize, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45 + (options / 4) as u8, 0, 0, 0, 0, 0, 0, 0, 64, protocol, 0, 0];
    packet.extend(PEER4);
    packet.extend([192, 0, 2, 1]);
    packet.extend(vec![1; options]);
    packet.extend(body);
    packet
}

/// An IPv6 packet from the peer.
fn v6(next: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0, 0, 0, next, 64];
    packet.extend(PEER6.parse::<Ipv6Addr>().unwrap().octets());
    packet.extend([0xfd; 16]);
    packet.extend(body);
    packet
}

fn tcp(to: u16) -> Vec<u8> {
    let mut segment = vec![0, 80];
    segment.extend(to.to_be_bytes());
    segment.resize(20, 0);
    segment
}

fn tagged(tags: &[u16], packet: &[u8]) -> Vec<u8> {
    let mut frame = vec![2; 12];
    for tag in tags {
        frame.extend(tag.to_be_bytes());
        frame.extend([0, 5]);
    }
    frame.extend(if packet[0] >> 4 == 4 { [8, 0] } else { [0x86, 0xdd] });
    frame.extend(packet);
    frame
}

/// Judges a packet under every framing, which must agree.
fn passes(interest: &Interest, packet: &[u8]) -> bool {
    assert_eq!(
        interest.assemble(Start::Ip, 4096),
        interest.assemble_with(Care::Lenient, Start::Ip, 4096)
    );
    passes_with(interest, packet, Care::Lenient)
}

fn passes_with(interest: &Interest, packet: &[u8], care: Care) -> bool {
    let ethernet = interest.assemble_with(care, Start::Ethernet, 4096).unwrap();
    let raw = interest.assemble_with(care, Start::Ip, 4096).unwrap();
    let verdict = run(&raw, packet) != 0;
    for (start, header) in HEADERS {
        let program = interest.assemble_with(care, *start, 1 << 16).unwrap();
        let frame = [*header, packet].concat();
        assert_eq!(run(&program, &frame) != 0, verdict, "{start:?} {packet:02x?}");
    }
    for tags in [&[][..], &[0x8100], &[0x88a8, 0x8100], &[0x9100, 0x88a8, 0x8100]] {
        assert_eq!(run(&ethernet, &tagged(tags, packet)) != 0, verdict, "{tags:x?} {packet:02x?}");
    }
    verdict
}

/// Whether a packet passes with each care: lenient, for a scan, exact.
fn each_care(packet: &[u8]) -> [bool; 3] {
    [Care::Lenient, Care::Scan, Care::Exact].map(|care| passes_with(&interest(), packet, care))
}

#[test]
fn tcp_from_a_peer_to_a_port_passes() {
    for port in [80, 39990, 39999, PORT, 50000, 60000] {
        assert!(passes(&interest(), &v4(6, 0, &tcp(port))), "{port}");
        assert!(passes(&interest(), &v4(6, 40, &tcp(port))), "{port} with IP options");
        assert!(passes(&interest(), &v6(6, &tcp(port))), "{port} v6");
    }
}

#[test]
fn tcp_to_other_ports_does_not() {
    for port in [0, 79, 81, 39989, PORT + 1, 49999, 60001, 65535] {
        assert!(!passes(&interest(), &v4(6, 0, &tcp(port))), "{port}");
        assert!(!passes(&interest(), &v6(6, &tcp(port))), "{port} v6");
    }
}

#[test]
fn tcp_from_others_does_not() {
    for byte in 12..16 {
        let mut packet = v4(6, 0, &tcp(PORT));
        packet[byte] ^= 1;
        assert!(!passes(&interest(), &packet), "{byte}");
    }
    for byte in 8..24 {
        let mut packet = v6(6, &tcp(PORT));
        packet[byte] ^= 1;
        assert!(!passes(&interest(), &packet), "{byte} v6");
    }
}

#[test]
fn every_one_of_many_peers_is_heard() {
    let v4s = (0..200u32).map(|n| IpAddr::from(Ipv4Addr::from_bits(0xcb00_7100 + n)));
    let v6s = (0..200u128).map(|n| IpAddr::from(Ipv6Addr::from_bits(0x2001_0db8 << 96 | n << 40)));
    let interest = Interest { peers: v4s.chain(v6s).collect(), ports: vec![PORT..=PORT] };
    for peer in &interest.peers {
        let packet = match peer {
            IpAddr::V4(peer) => {
                let mut packet = v4(6, 0, &tcp(PORT));
                packet[12..16].copy_from_slice(&peer.octets());
                packet
            }
            IpAddr::V6(peer) => {
                let mut packet = v6(6, &tcp(PORT));
                packet[8..24].copy_from_slice(&peer.octets());
                packet
            }
        };
        assert!(passes(&interest, &packet), "{peer}");
    }
    assert!(!passes(&interest, &v4(6, 0, &tcp(PORT))));
    assert!(!passes(&interest, &v6(6, &tcp(PORT))));
}

#[test]
fn an_empty_interest_is_in_all_tcp() {
    for port in [0, 80, 65535] {
        assert!(passes(&Interest::default(), &v4(6, 8, &tcp(port))));
        assert!(passes(&Interest::default(), &v6(6, &tcp(port))));
    }
    assert!(!passes(&Interest::default(), &v4(17, 0, &tcp(80))));
    assert!(!passes(&Interest::default(), &v6(17, &tcp(80))));
}

#[test]
fn fragments_of_tcp_from_a_peer_pass() {
    for field in [0x2000u16, 0x0001, 0x1fff, 0x2010] {
        let mut packet = v4(6, 0, &[0xff; 8]);
        packet[6..8].copy_from_slice(&field.to_be_bytes());
        assert!(passes(&interest(), &packet), "{field:#x}");
        packet[12] ^= 1;
        assert!(!passes(&interest(), &packet), "{field:#x} of another");
    }
    let mut whole = v4(6, 0, &tcp(1));
    whole[6] = 0xc0;
    assert!(!passes(&interest(), &whole), "DF and the reserved bit are no fragment");
}

#[test]
fn icmp_errors_pass_from_anybody() {
    let passing: Vec<u8> = (0..=255)
        .filter(|kind| {
            let mut packet = v4(1, 0, &[*kind, 0, 0, 0]);
            packet[13] ^= 1;
            passes(&interest(), &packet)
        })
        .collect();
    assert_eq!(passing, [3, 4, 5, 11, 12]);
    let passing: Vec<u8> = (0..=255)
        .filter(|kind| {
            let mut packet = v6(58, &[*kind, 0, 0, 0]);
            packet[9] ^= 1;
            passes(&interest(), &packet)
        })
        .collect();
    assert_eq!(passing, (0..128).collect::<Vec<u8>>());
    assert!(passes(&interest(), &v4(1, 12, &[11, 0])), "with IP options");
    let mut fragment = v4(1, 0, &[99; 8]);
    fragment[7] = 1;
    assert!(passes(&interest(), &fragment), "a later fragment of one");
}

#[test]
fn extension_headers_pass_from_anybody() {
    for next in [0, 43, 44, 51, 60, 135, 139, 140, 253] {
        let mut packet = v6(next, &[6, 0, 0, 0, 0, 0, 0, 0]);
        assert!(passes(&interest(), &packet), "{next}");
        packet[10] ^= 1;
        assert!(passes(&interest(), &packet), "{next} of another");
    }
}

#[test]
fn what_is_cut_short_or_absurd_passes_if_it_may_be_ours() {
    for length in 0..4 {
        assert!(passes(&interest(), &v4(6, 0, &tcp(1)[..length])), "{length}");
        assert!(passes(&interest(), &v6(6, &tcp(1)[..length])), "{length} v6");
    }
    let mut packet = v4(6, 0, &tcp(1));
    packet[0] = 0x44;
    assert!(passes(&interest(), &packet), "a header of 16 bytes");
    packet[12] ^= 1;
    assert!(!passes(&interest(), &packet), "one of another");
}

#[test]
fn tcp_passes_with_every_care() {
    for (port, expected) in [(PORT, [true; 3]), (PORT + 1, [false; 3])] {
        for options in [0, 4, 40] {
            assert_eq!(each_care(&v4(6, options, &tcp(port))), expected, "{port} {options}");
        }
        assert_eq!(each_care(&v6(6, &tcp(port))), expected, "{port} v6");
    }
}

/// An ICMP error of a type that quotes a packet.
fn quoting(kind: u8, packet: &[u8]) -> Vec<u8> {
    [&[kind, 0, 0, 0, 0, 0, 0, 0], packet].concat()
}

#[test]
fn a_scan_hears_errors_that_quote_its_own_packets_only() {
    let from = |port: u16| [port.to_be_bytes(), 80u16.to_be_bytes(), [0; 2], [0; 2]].concat();
    for (port, expected) in
        [(80, [true; 3]), (39990, [true; 3]), (PORT, [true; 3]), (PORT + 1, [true, false, false])]
    {
        for (options, kind) in [(0, 3), (4, 4), (40, 5), (0, 11), (0, 12)] {
            let error = v4(1, 0, &quoting(kind, &v4(6, options, &from(port))));
            assert_eq!(each_care(&error), expected, "{port} {options} {kind}");
            let error = v4(1, 8, &quoting(kind, &v4(6, options, &from(port))));
            assert_eq!(each_care(&error), expected, "{port} {options} {kind} with options");
        }
        for kind in 1..=4 {
            let error = v6(58, &quoting(kind, &v6(6, &from(port))));
            assert_eq!(each_care(&error), expected, "{port} {kind} v6");
        }
    }
    for other in [v4(1, 0, &quoting(8, &v4(6, 0, &from(PORT)))), v6(58, &quoting(128, &[0; 48]))] {
        assert_eq!(each_care(&other), [false; 3], "no error");
    }
    let udp =
        [v4(1, 0, &quoting(3, &v4(17, 0, &from(PORT)))), v6(58, &quoting(1, &v6(17, &from(PORT))))];
    for error in udp {
        assert_eq!(each_care(&error), [true, false, false], "of UDP");
    }
}

#[test]
fn what_is_in_doubt_is_heard_unless_that_takes_it_from_the_kernel() {
    let doubtful = [true, true, false];
    let mut fragment = v4(6, 0, &[0xff; 8]);
    fragment[6] = 0x20;
    assert_eq!(each_care(&fragment), doubtful, "a fragment of TCP");
    assert_eq!(each_care(&v4(6, 0, &[0, 80])), doubtful, "TCP without ports");
    let mut absurd = v4(6, 0, &tcp(1));
    absurd[0] = 0x44;
    assert_eq!(each_care(&absurd), doubtful, "a header of 16 bytes");
    for extension in [0, 43, 44, 60] {
        assert_eq!(each_care(&v6(extension, &[6, 0, 0, 0, 0, 0, 0, 0])), doubtful, "{extension}");
        assert_eq!(each_care(&v6(extension, &[60, 0, 0, 0, 0, 0, 0, 0])), doubtful, "a second one");
        let multicast = v6(extension, &[58, 0, 5, 2, 0, 0, 1, 0, 143]);
        assert_eq!(each_care(&multicast), [true, false, false], "what the kernel says of itself");
        let quote = v6(extension, &[6, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(each_care(&v6(58, &quoting(1, &quote))), doubtful, "{extension} in a quote");
    }
    let mut later = v4(1, 0, &[3; 8]);
    later[7] = 1;
    assert_eq!(each_care(&later), [true, false, false], "a later fragment of an error");
    assert_eq!(each_care(&v6(89, &[0; 20])), [true, false, false], "another protocol");
}

#[test]
fn other_things_do_not_pass() {
    let ethernet = interest().assemble(Start::Ethernet, 4096).unwrap();
    let mut arp = tagged(&[], &v4(6, 0, &tcp(PORT)));
    arp[12..14].copy_from_slice(&[8, 6]);
    assert_eq!(run(&ethernet, &arp), 0);
    assert_eq!(run(&ethernet, &[]), 0);
    assert!(!passes(&interest(), &v4(17, 0, &tcp(PORT))));
    assert!(!passes(&interest(), &v4(2, 0, &tcp(PORT))));
    let four = tagged(&[0x8100; 4], &v4(6, 0, &tcp(PORT)));
    assert_ne!(run(&ethernet, &four), 0, "more tags than are read");
}

#[test]
fn a_program_too_long_for_the_kernel_is_none() {
    let ports = (0..2000).map(|n| n * 3..=n * 3).collect();
    assert!(Interest { peers: vec![], ports }.assemble(Start::Ip, 4096).is_none());
    assert!(interest().assemble(Start::Ethernet, 512).is_some());
    let longer = Interest { peers: vec![], ports: (0..100).map(|n| n * 3..=n * 3).collect() };
    assert!(
        longer.assemble(Start::Ip, 512).is_none() && longer.assemble(Start::Ip, 4096).is_some()
    );
}

#[test]
fn the_deaf_program_hears_nothing() {
    assert_eq!(run(&NOTHING, &v4(6, 0, &tcp(PORT))), 0);
}
