//! What `print` prints of captures, beside what tcpdump prints of them.

use std::{fs, path::PathBuf, process::Command};

use tcpexposure_core::{
    craft::{Checksum, Draft, Ipv4, Ipv6, Network, Payload},
    wire::{
        checksum::Sum,
        ipv4,
        packet::Start,
        protocol,
        tcp::{Flags, Seq},
    },
};
use tcpexposure_link::savefile;

const TOOL: &str = env!("CARGO_BIN_EXE_tcpexposure");

/// The ways to print that are compared.
const STYLES: &[&[&str]] = &[
    &["-t"],
    &["-t", "-S"],
    &["-t", "-v"],
    &["-t", "-vv", "-S"],
    &["-t", "-e"],
    &["-t", "-e", "-v"],
    &["-t", "-x"],
    &["-t", "-xx"],
    &["-t", "-X"],
    &["-t", "-XX"],
];

fn installed() -> bool {
    if Command::new("tcpdump").arg("--version").output().is_ok() {
        return true;
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "CI lacks tcpdump");
    eprintln!("skipped: tcpdump is not installed");
    false
}

/// A capture that goes away with its owner.
struct Capture(PathBuf);

impl Capture {
    fn of(name: &str, start: Start, frames: &[Vec<u8>]) -> Self {
        Self::cut(name, start, frames, usize::MAX)
    }

    /// Keeps the first `snapshot` bytes of each frame.
    fn cut(name: &str, start: Start, frames: &[Vec<u8>], snapshot: usize) -> Self {
        let name = format!("tcpexposure-{}-{name}.pcap", std::process::id());
        let path = std::env::temp_dir().join(name);
        let file = fs::File::create(&path).unwrap();
        let mut writer = savefile::Writer::new(file, savefile::Format::Pcap, start).unwrap();
        for (index, frame) in frames.iter().enumerate() {
            let kept = &frame[..frame.len().min(snapshot)];
            let time = 1_700_000_000_000_000_000 + index as u64 * 1_234_567;
            writer.write(time, kept, frame.len(), None).unwrap();
        }
        drop(writer.finish());
        Self(path)
    }

    fn lines(&self, program: &str, first: &[&str], style: &[&str]) -> Vec<String> {
        let output = Command::new(program).args(first).args(style).arg("-r").arg(&self.0).output();
        let output = output.unwrap();
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
    }

    /// Compares every style, line by line.
    fn compare(&self) {
        for style in STYLES {
            self.compare_in(style);
        }
    }

    fn compare_in(&self, style: &[&str]) {
        let theirs = self.lines("tcpdump", &["-nn"], style);
        let ours = self.lines(TOOL, &["print"], style);
        assert!(!theirs.is_empty());
        for (index, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
            assert_eq!(ours, theirs, "line {index} of {style:?}");
        }
        assert_eq!(ours.len(), theirs.len(), "{style:?}");
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

const V4: Ipv4<'_> = Ipv4 {
    source: std::net::Ipv4Addr::new(10, 0, 0, 1),
    destination: std::net::Ipv4Addr::new(10, 0, 0, 2),
    tos: 0,
    id: 1,
    flags: ipv4::Flags::DF,
    fragment_offset: 0,
    ttl: 64,
    protocol: protocol::TCP,
    options: &[],
    version: 4,
    header_length: None,
    total_length: None,
    checksum: Checksum::Computed,
};

fn v6() -> Ipv6<'static> {
    Ipv6 {
        source: "2001:db8::1".parse().unwrap(),
        destination: "2001:db8:0:1::2".parse().unwrap(),
        ..Ipv6::default()
    }
}

fn draft() -> Draft<'static> {
    Draft {
        network: Network::V4(V4),
        source_port: 40000,
        destination_port: 50000,
        seq: Seq(1000),
        ack: Seq(2000),
        flags: Flags::ACK,
        window: 512,
        ..Draft::default()
    }
}

fn write(draft: &Draft<'_>) -> Vec<u8> {
    draft.write(&mut vec![0; draft.length()]).unwrap().to_vec()
}

/// The other way of a conversation.
fn back(draft: Draft<'_>) -> Draft<'_> {
    let network = match draft.network {
        Network::V4(h) => Network::V4(Ipv4 { source: h.destination, destination: h.source, ..h }),
        Network::V6(h) => Network::V6(Ipv6 { source: h.destination, destination: h.source, ..h }),
    };
    Draft {
        network,
        source_port: draft.destination_port,
        destination_port: draft.source_port,
        seq: draft.ack,
        ack: draft.seq,
        ..draft
    }
}

fn ethernet(packet: &[u8], tags: &[u8]) -> Vec<u8> {
    let ethertype: &[u8] = if packet[0] >> 4 == 6 { &[0x86, 0xdd] } else { &[8, 0] };
    [&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1], tags, ethertype, packet].concat()
}

#[test]
fn all_combinations_of_flags() {
    if !installed() {
        return;
    }
    let mut packets = Vec::new();
    for bits in 0..=255 {
        for network in [Network::V4(V4), Network::V6(v6())] {
            for payload in [&b""[..], b"some data"] {
                let flags = Flags::from_bits(bits);
                let payload = Payload::Bytes(payload);
                let seq = Seq(u32::MAX - u32::from(bits));
                packets.push(write(&Draft { network, flags, payload, seq, urgent: 7, ..draft() }));
            }
        }
    }
    Capture::of("flags", Start::Ip, &packets).compare();
}

#[test]
fn conversations_with_relative_numbers() {
    if !installed() {
        return;
    }
    let mut packets = Vec::new();
    for (port, isn) in [(40000, 1), (40001, u32::MAX - 3), (40002, 0x7fff_fff0)] {
        for network in [Network::V4(V4), Network::V6(v6())] {
            let base = Draft { network, source_port: port, ..draft() };
            let syn = Draft { seq: Seq(isn), ack: Seq(0), flags: Flags::SYN, ..base };
            let both = Flags::SYN.with(Flags::ACK);
            let syn_ack = back(Draft { seq: Seq(isn + 1), ack: Seq(77), flags: both, ..base });
            packets.extend([write(&syn), write(&syn_ack)]);
            for step in 0..5_u32 {
                let payload = Payload::Fill { byte: 0x55, length: 10 * step as usize };
                let seq = Seq(isn).add(1 + 100 * step);
                let data = Draft { seq, ack: Seq(78 + step), payload, ..base };
                let block = [seq.add(30).0.to_be_bytes(), seq.add(60).0.to_be_bytes()].concat();
                let options = [&[1, 1, 5, 10], &block[..]].concat();
                let answer = Draft { options: &options, payload: Payload::default(), ..back(data) };
                packets.extend([write(&data), write(&answer)]);
            }
            packets.push(write(&Draft { flags: Flags::FIN.with(Flags::ACK), ..base }));
        }
    }
    let capture = Capture::of("relative", Start::Ip, &packets);
    capture.compare();
    for style in [&[][..], &["-tt"], &["-ttt"], &["-tttt"], &["-ttttt"], &["-c", "3"]] {
        capture.compare_in(style);
    }
}

#[test]
fn all_options_that_tcpdump_knows() {
    if !installed() {
        return;
    }
    let mut packets = Vec::new();
    for (options, flags) in OPTIONS {
        let options = unhex(options);
        let flags = Flags::from_bits(*flags);
        packets.push(write(&Draft { options: &options, flags, ..draft() }));
    }
    Capture::of("options", Start::Ip, &packets).compare();
}

#[test]
fn headers_of_ip() {
    if !installed() {
        return;
    }
    let mut packets = Vec::new();
    for tos in [0, 1, 2, 3, 0xb8, 0xff] {
        packets.push(write(&Draft { network: Network::V4(Ipv4 { tos, ..V4 }), ..draft() }));
        let class = Ipv6 { traffic_class: tos, flow_label: u32::from(tos) << 7, ..v6() };
        packets.push(write(&Draft { network: Network::V6(class), ..draft() }));
    }
    for flags in 0..8 {
        let flags = ipv4::Flags::from_bits(flags);
        for fragment_offset in [0, 5] {
            let header = Ipv4 { flags, fragment_offset, id: 0xffff, ttl: 0, ..V4 };
            packets.push(write(&Draft { network: Network::V4(header), ..draft() }));
        }
    }
    for checksum in [Checksum::Bad, Checksum::Forced(0), Checksum::Forced(0xffff)] {
        packets.push(write(&Draft { checksum, ..draft() }));
        packets.push(write(&Draft { network: Network::V6(v6()), checksum, ..draft() }));
        packets.push(write(&Draft { network: Network::V4(Ipv4 { checksum, ..V4 }), ..draft() }));
    }
    for text in
        ["::", "::1", "::ffff:1.2.3.4", "::1.2.3.4", "1:0:0:2::", "1::2:0:0:3", "fe80::1:2:3:4"]
    {
        let source = text.parse().unwrap();
        packets.push(write(&Draft { network: Network::V6(Ipv6 { source, ..v6() }), ..draft() }));
    }
    Capture::of("ip", Start::Ip, &packets).compare();
}

#[test]
fn link_layers() {
    if !installed() {
        return;
    }
    let (v4, v6) = (write(&draft()), write(&Draft { network: Network::V6(v6()), ..draft() }));
    let padded = [v4.clone(), b"trailing".to_vec()].concat();
    let mut frames: Vec<Vec<u8>> =
        [&v4, &v6, &padded].iter().map(|packet| ethernet(packet, &[])).collect();
    for tags in
        ["8100 0005", "8100 a005", "8100 f005", "88a8 0005 8100 0064", "9100 0005 8100 0064"]
    {
        frames.push(ethernet(&v4, &unhex(tags)));
        frames.push(ethernet(&v6, &unhex(tags)));
    }
    Capture::of("ethernet", Start::Ethernet, &frames).compare();
    for (start, v4_head, v6_head) in [
        (
            Start::LinuxSll,
            "0000 0001 0006 020000000001 0000 0800",
            "0004 0001 0006 020000000001 0000 86dd",
        ),
        (
            Start::LinuxSll2,
            "0800 0000 7fffffff 0001 00 06 020000000001 0000",
            "86dd 0000 7fffffff 0001 04 06 020000000001 0000",
        ),
        (Start::Null, "02000000", "1e000000"),
        (Start::Loop, "00000002", "0000001e"),
        (Start::Ppp, "ff030021", "ff030057"),
    ] {
        let frames = [[unhex(v4_head), v4.clone()].concat(), [unhex(v6_head), v6.clone()].concat()];
        Capture::of(&format!("{start:?}"), start, &frames).compare();
    }
}

#[test]
fn icmp_errors() {
    if !installed() {
        return;
    }
    let quote = write(&Draft { flags: Flags::SYN, options: &[2, 4, 5, 0xb4], ..draft() });
    let mut packets = Vec::new();
    let kinds = [(3, 0..17), (11, 0..3), (4, 0..1), (5, 0..5), (12, 0..3), (0, 0..1), (8, 0..1)];
    for (kind, codes) in kinds {
        for code in codes {
            for rest in [0, 0x0000_05dc, 0x1400_0000] {
                packets.push(icmp_v4(kind, code, rest, &quote));
                packets.push(icmp_v4(kind, code, rest, &quote[..28]));
            }
        }
    }
    let quote = write(&Draft { network: Network::V6(v6()), flags: Flags::SYN, ..draft() });
    for (kind, codes) in [(1, 0..5), (2, 0..1), (3, 0..3), (4, 0..4), (128, 0..1), (129, 0..1)] {
        for code in codes {
            packets.push(icmp_v6(kind, code, 1280, &quote));
            packets.push(icmp_v6(kind, code, 40, &quote[..48]));
        }
    }
    Capture::of("icmp", Start::Ip, &packets).compare();
}

#[test]
fn captures_that_were_cut() {
    if !installed() {
        return;
    }
    let data = Payload::Fill { byte: 7, length: 600 };
    let frames: Vec<_> = [Network::V4(V4), Network::V6(v6())]
        .into_iter()
        .map(|network| ethernet(&write(&Draft { network, payload: data, ..draft() }), &[]))
        .collect();
    for snapshot in [74, 96, 128, 300] {
        let capture = Capture::cut(&format!("cut{snapshot}"), Start::Ethernet, &frames, snapshot);
        for style in [&["-t"][..], &["-t", "-v"], &["-t", "-e"], &["-t", "-x"]] {
            capture.compare_in(style);
        }
    }
}

/// A capture that ends within the options is not taken for a wrong data offset.
#[test]
fn captures_cut_within_the_options() {
    let options = unhex("020405b4 0402 080a000000010000000001030307");
    let packet = write(&Draft { options: &options, ..draft() });
    for kept in 41..59 {
        let capture =
            Capture::cut(&format!("within{kept}"), Start::Ip, std::slice::from_ref(&packet), kept);
        let line = capture.lines(TOOL, &["print"], &["-t"]).join("\n");
        assert!(line.ends_with(" [|tcp], length 0") && !line.contains("doff"), "{line}");
    }
}

/// What tcpdump leaves out is there all the same: the only places at which the lines differ.
#[test]
fn where_ours_says_more() {
    let options = |text: &str| unhex(text);
    for (draft, wanted) in [
        (
            Draft { options: &options("fe00"), data_offset: None, ..draft() },
            "options [opt 254 len 0 0x0000], length 0",
        ),
        (
            Draft { options: &options("fe01"), ..draft() },
            "options [opt 254 len 1 0x0000], length 0",
        ),
        (
            Draft { options: &options("020405b4fe28aabb"), ..draft() },
            "options [mss 1460,opt 254 len 40 0xaabb], length 0",
        ),
        (
            Draft { options: &options("0205aabbcc010101"), ..draft() },
            "options [opt 2 0xaabbcc,nop,nop,nop], length 0",
        ),
        (
            Draft { options: &options("fe06abcd1234"), ..draft() },
            "options [opt 254 0xabcd1234,eol], length 0",
        ),
        (
            Draft { options: &options("0001020304050607"), ..draft() },
            "options [eol,raw 0x01020304050607], length 0",
        ),
        (Draft { options: &options("1e048001"), ..draft() }, "options [opt 30 0x8001], length 0"),
        (
            Draft { flags: Flags::from_bits(0x0b02), ..draft() },
            "Flags [Se], seq 1000, win 512, rsvd 5, length 0",
        ),
        (
            Draft { data_offset: Some(4), ..draft() },
            "Flags [.], ack 2000, win 512, doff 4, length 0",
        ),
        (
            Draft { data_offset: Some(15), ..draft() },
            "Flags [.], ack 2000, win 512, doff 15, length 0",
        ),
    ] {
        let capture = Capture::of(&format!("more{}", wanted.len()), Start::Ip, &[write(&draft)]);
        let line = capture.lines(TOOL, &["print"], &["-t"]).join("\n");
        assert!(line.ends_with(wanted), "{line}");
    }
}

fn icmp_v4(kind: u8, code: u8, rest: u32, body: &[u8]) -> Vec<u8> {
    let mut message = [&[kind, code, 0, 0], &rest.to_be_bytes()[..], body].concat();
    let sum = Sum::new().feed(&message).finish();
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let mut packet = unhex("4500 0000 0007 0000 4001 0000 0a000009 0a000001");
    let length = u16::try_from(20 + message.len()).unwrap();
    packet[2..4].copy_from_slice(&length.to_be_bytes());
    let sum = Sum::new().feed(&packet).finish();
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    [packet, message].concat()
}

fn icmp_v6(kind: u8, code: u8, rest: u32, body: &[u8]) -> Vec<u8> {
    let (from, to) = ("2001:db8::9".parse().unwrap(), "2001:db8::1".parse().unwrap());
    let mut message = [&[kind, code, 0, 0], &rest.to_be_bytes()[..], body].concat();
    let sum = Sum::new().pseudo(from, to, protocol::ICMPV6, message.len()).feed(&message).finish();
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let mut packet = unhex(
        "6000 0000 0000 3a40 20010db8000000000000000000000009 20010db8000000000000000000000001",
    );
    packet[4..6].copy_from_slice(&u16::try_from(message.len()).unwrap().to_be_bytes());
    [packet, message].concat()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

/// Options in hexadecimal, and the flags of the segment that carries them.
const OPTIONS: &[(&str, u16)] = &[
    ("020405b4", 0x02),
    ("01030307", 0x02),
    ("04020101", 0x02),
    ("020405b4 0402 080a000000010000000001030307", 0x02),
    ("0101 080a 00000001 00000002", 0x10),
    ("0101 050a 00000400 00000500", 0x10),
    ("0101 0512 00000400 00000500 00000600 00000700", 0x10),
    ("0101 0522 00000400 00000500 00000600 00000700 00000800 00000900 00000a00 00000b00", 0x10),
    ("0502", 0x10),
    ("0101 0606 aabbccdd 0706 aabbccdd", 0x02),
    ("0b06 aabbccdd 0c06 aabbccdd", 0x02),
    ("1312 abababababababababababababababab", 0x02),
    ("1404 0102", 0x02),
    ("1c04 0005", 0x02),
    ("1c04 8005", 0x02),
    ("1d04 0102", 0x02),
    ("1d10 0102 aabbccddeeff001122334455", 0x02),
    ("1e04 0181", 0x02),
    ("1e04 0101", 0x02),
    ("1e0c 0181 aabbccddeeff0011", 0x12),
    ("1e0c 0001 aabbccddeeff0011", 0x02),
    ("1e14 0181 aabbccddeeff0011 1122334455667788", 0x10),
    ("1e0c 1005 aabbccdd 11223344", 0x02),
    ("1e0c 1105 aabbccdd 11223344", 0x02),
    ("1e10 1005 aabbccddeeff0011 11223344", 0x12),
    ("1e18 1000 0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a", 0x10),
    ("1e04 2000", 0x10),
    ("1e08 2001 aabbccdd", 0x10),
    ("1e0c 2003 aabbccddeeff0011", 0x10),
    ("1e0e 2004 aabbccdd 11223344 0005", 0x10),
    ("1e14 2005 aabbccdd eeff0011 11223344 0005 1234", 0x10),
    ("1e1c 200f aabbccddeeff0011 aabbccddeeff0011 11223344 0005 1234", 0x10),
    ("1e1c 201f aabbccddeeff0011 aabbccddeeff0011 11223344 0005 1234", 0x10),
    ("1e08 3005 c0000201", 0x10),
    ("1e0a 3005 c0000201 0050", 0x10),
    ("1e10 3005 c0000201 aabbccddeeff0011", 0x10),
    ("1e12 3005 c0000201 0050 aabbccddeeff0011", 0x10),
    ("1e08 3105 c0000201", 0x10),
    ("1e08 3405 c0000201", 0x10),
    ("1e14 3005 20010db8000000000000000000000001", 0x10),
    ("1e1e 3005 20010db8000000000000000000000001 0050 aabbccddeeff0011", 0x10),
    ("1e04 4005", 0x10),
    ("1e06 4005 0607", 0x10),
    ("1e03 50", 0x10),
    ("1e03 51", 0x10),
    ("1e04 5105", 0x10),
    ("1e0c 6000 aabbccddeeff0011", 0x10),
    ("1e0c 7000 aabbccddeeff0011", 0x10),
    ("2202", 0x02),
    ("220a 1122334455667788", 0x02),
    ("2212 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0x02),
    ("fe04 f989", 0x02),
    ("fe08 f989 11223344", 0x02),
    ("fe04 abcd", 0x02),
    ("fd04 aabb", 0x02),
    ("fd02", 0x02),
    ("fd03 aa", 0x02),
    ("1b08 0102aabbccdd", 0x02),
    ("ac0b aabbccddeeff001122", 0x02),
    ("ae02", 0x02),
    ("4503 aa", 0x02),
    ("0e03 aa 0f05 aabbcc", 0x02),
    ("0000", 0x02),
    ("01", 0x02),
    ("", 0x02),
];
