//! An interest in libpcap's words against the program that we assemble ourselves: each is the
//! other's oracle.
#![cfg(unix)]

use std::{net::IpAddr, ops::RangeInclusive};

use pcap::{Capture, Linktype};
use proptest::{collection::vec, prelude::*, sample::select};
use tcpexposure_core::wire::packet::Start;
use tcpexposure_link::{
    filter::{Interest, run},
    frame::{Families, Header, Macs},
};
use tcpexposure_pcap::expression::words;

const PEERS: [&str; 4] = ["192.0.2.9", "198.51.100.1", "2001:db8::9", "fe80::1"];

const HEADERS: [(&str, Start, Header); 5] = [
    ("EN10MB", Start::Ethernet, Header::Ethernet(Macs { destination: [2; 6], source: [4; 6] })),
    ("RAW", Start::Ip, Header::None),
    ("NULL", Start::Null, Header::Null(Families { v4: 2, v6: 10 })),
    ("LOOP", Start::Loop, Header::Loop(Families { v4: 2, v6: 10 })),
    ("PPP", Start::Ppp, Header::Ppp),
];

fn ports() -> impl Strategy<Value = RangeInclusive<u16>> {
    (0u16..=4, 0u16..=4).prop_map(|(first, more)| first..=first + more)
}

fn interest() -> impl Strategy<Value = Interest> {
    let peer = select(&PEERS).prop_map(|peer| peer.parse::<IpAddr>().unwrap());
    (vec(peer, 0..4), vec(ports(), 0..4)).prop_map(|(peers, ports)| Interest { peers, ports })
}

/// Packets from the peers to the ports, more or less.
fn packet() -> impl Strategy<Value = Vec<u8>> {
    let protocol = select(&[6u8, 6, 6, 1, 58, 17, 0, 44, 60, 253]);
    let fragment = select(&[0u16, 0, 0x4000, 0x2000, 1, 0x8000]);
    let change = (any::<prop::sample::Index>(), any::<u8>());
    let kind = select(&[0u8, 1, 3, 4, 5, 6, 11, 12, 13, 127, 128, 255]);
    let parts = (protocol, fragment, select(&PEERS), 0u8..3, kind, 0u16..9, 0usize..30);
    (parts, prop::option::weighted(0.3, change)).prop_map(|(parts, change)| {
        let (protocol, fragment, peer, words, kind, port, length) = parts;
        let mut packet = match peer.parse::<IpAddr>().unwrap() {
            IpAddr::V4(peer) => {
                let mut packet = vec![0x45 + words, 0, 0, 40, 0, 7];
                packet.extend(fragment.to_be_bytes());
                packet.extend([64, protocol, 0, 0]);
                packet.extend(peer.octets());
                packet.extend([10, 0, 0, 1]);
                packet.extend(vec![1; usize::from(words) * 4]);
                packet
            }
            IpAddr::V6(peer) => {
                let mut packet = vec![0x60, 0, 0, 0, 0, 20, protocol, 64];
                packet.extend(peer.octets());
                packet.extend([0xfd; 16]);
                packet
            }
        };
        let mut body = vec![kind, 80];
        body.extend(port.to_be_bytes());
        body.resize(30, 0);
        packet.extend(&body[..length]);
        if let Some((place, byte)) = change {
            let place = place.index(packet.len());
            packet[place] = byte;
        }
        packet
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn libpcap_and_we_let_the_same_frames_through(
        interest in interest(),
        packets in vec(packet(), 40),
        framing in select(&HEADERS),
        optimized: bool,
    ) {
        let (name, start, header) = framing;
        let text = words(&interest, start);
        let dead = Capture::dead(Linktype::from_name(name).unwrap()).unwrap();
        let theirs = dead.compile(&text, optimized).unwrap();
        let ours = interest.assemble(start, 4096).unwrap();
        for packet in &packets {
            // Theirs goes by the header, ours by the version.
            prop_assume!(matches!(packet.first().map(|first| first >> 4), Some(4 | 6)));
            let frame = [header.write(packet).bytes(), packet].concat();
            let (theirs, ours) = (theirs.filter(&frame), run(&ours, &frame) != 0);
            prop_assert_eq!(theirs, ours, "{:?} {:02x?}\n{}", start, frame, text);
        }
    }
}

#[test]
fn every_tagged_frame_passes() {
    let interest = Interest { peers: vec!["192.0.2.9".parse().unwrap()], ports: vec![80..=80] };
    let dead = Capture::dead(Linktype::ETHERNET).unwrap();
    let program = dead.compile(&words(&interest, Start::Ethernet), true).unwrap();
    for kind in [[0x81, 0x00], [0x88, 0xa8], [0x91, 0x00]] {
        let frame = [&[2; 12], &kind[..], &[0, 5, 8, 0], &[0x45; 40]].concat();
        assert!(program.filter(&frame), "{kind:x?}");
    }
    assert!(!program.filter(&[&[2; 12][..], &[8, 6], &[0; 40]].concat()), "ARP");
}
