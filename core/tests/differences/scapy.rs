//! scapy's bytes: of frames that it takes apart and puts together again, and of segments that it
//! makes of the same fields as we do.

use std::{
    collections::BTreeMap,
    io::Write as _,
    process::{Command, Stdio},
};

use tcpexposure_core::{
    craft::{self, Draft, Ipv4, Ipv6, Payload},
    fault::Kind,
    wire::{
        ipv4,
        options::{Item, Options, View},
        packet::{Network, Offload, Packet, Start, Transport},
        tcp::{Flags, Seq},
    },
};

use super::{
    classes::build::{Dice, hex, unhex},
    frames, installed, listed,
};

/// Takes frames apart, forgets their bytes, and puts them together: a line of hexadecimal digits
/// each, or what went wrong.
const REBUILD: &str = r#"
import sys, logging
logging.getLogger("scapy").setLevel(logging.CRITICAL)
from scapy.all import Ether
for line in sys.stdin:
    try:
        packet = Ether(bytes.fromhex(line))
        packet.clear_cache()
        print(bytes(packet).hex())
    except Exception as error:
        print("error", type(error).__name__)
"#;

/// Makes segments of the arguments that every line holds.
const MAKE: &str = r#"
import sys, logging
logging.getLogger("scapy").setLevel(logging.CRITICAL)
from scapy.all import IP, IPv6, TCP, Raw
for line in sys.stdin:
    print(bytes(eval(line)).hex())
"#;

#[test]
fn every_difference_from_scapy_is_listed() {
    if !installed("/usr/bin/python3", &["-c", "import scapy"]) {
        return;
    }
    let frames = frames::all();
    let theirs = run(REBUILD, frames.iter().map(|frame| hex(&frame.bytes)));
    let mut found = BTreeMap::new();
    for (frame, theirs) in frames.iter().zip(&theirs) {
        if *theirs != hex(&frame.bytes) {
            let packet =
                Packet::parse(Start::Ethernet, &frame.bytes, frame.wire_len, Offload::default());
            let difference = difference(&packet).unwrap_or_else(|| {
                panic!("{} {theirs}: {packet:?} {}", frame.origin, hex(&frame.bytes))
            });
            assert!(!frame.sound || SOUND.contains(&difference), "{difference}: {packet:?}");
            *found.entry(difference).or_default() += 1;
        }
    }
    listed("scapy", &found, frames.len());
}

/// What scapy changes in frames that have no fault of the headers.
const SOUND: &[&str] = &["TCP options", "IPv4 options", "extension headers", "a quote cut short"];

/// Names what in a packet scapy does not write as it read it.
fn difference(packet: &Packet<'_>) -> Option<&'static str> {
    let kind = packet.fault.map(|fault| fault.kind);
    let odd = |item: Item<'_>| match item {
        Item::Trailing(rest) => rest.iter().any(|byte| *byte != 0),
        _ => matches!(item.view(), View::Malformed(_) | View::Raw { .. }),
    };
    Some(match (&packet.transport, &packet.network) {
        _ if matches!(kind, Some(Kind::HeaderLength(_) | Kind::Version(_))) => {
            "IPv4 header lengths"
        }
        (Transport::Icmp(_), _) => "a quote cut short",
        (Transport::Tcp(segment), _) if segment.options.iter().any(odd) => "TCP options",
        (Transport::Tcp(segment), _)
            if segment.header.data_offset() != 20 + segment.options.bytes().len() =>
        {
            "TCP options"
        }
        (Transport::Stub(_), _) | (_, Network::None) => "a header cut short",
        (_, Network::V4(datagram)) if !datagram.options.is_empty() => "IPv4 options",
        (_, Network::V6(datagram)) if !datagram.extensions.is_empty() => "extension headers",
        (Transport::None, Network::V6(_)) => "extension headers",
        (Transport::Other { .. }, _) => "other protocols",
        _ => return None,
    })
}

/// What both make of the same fields is the same, without exception.
#[test]
fn scapy_makes_the_same_bytes() {
    if !installed("/usr/bin/python3", &["-c", "import scapy"]) {
        return;
    }
    let mut dice = Dice(0x5ca9);
    let (mut ours, mut calls) = (Vec::new(), Vec::new());
    for _ in 0..500 {
        let (bytes, call) = segment(&mut dice);
        ours.push(hex(&bytes));
        calls.push(call);
    }
    let theirs = run(MAKE, calls.iter().cloned());
    for ((ours, theirs), call) in ours.iter().zip(&theirs).zip(&calls) {
        assert_eq!(ours, theirs, "{call}");
    }
}

/// Makes a segment with computed lengths and checksums, and scapy's words for it.
fn segment(dice: &mut Dice) -> (Vec<u8>, String) {
    let (network, ip) = if dice.one_in(2) { version_4(dice) } else { version_6(dice) };
    let options = options(dice);
    let length = dice.pick(&[0, 0, 1, 7, 100]);
    let payload = dice.bytes(length);
    let draft = Draft {
        network,
        source_port: dice.u16(),
        destination_port: dice.u16(),
        seq: Seq(dice.u32()),
        ack: Seq(dice.u32()),
        flags: Flags::from_bits(dice.u16()),
        window: dice.u16(),
        urgent: dice.u16(),
        options: &options,
        payload: Payload::Bytes(&payload),
        ..Draft::default()
    };
    let flags = draft.flags.bits();
    let call = format!(
        "{ip}/TCP(sport={},dport={},seq={},ack={},reserved={},flags={},window={},urgptr={},options=[{}])\
         /Raw(bytes.fromhex('{}'))",
        draft.source_port,
        draft.destination_port,
        draft.seq.0,
        draft.ack.0,
        flags >> 9,
        flags & 0x1ff,
        draft.window,
        draft.urgent,
        items(&options),
        hex(&payload),
    );
    (draft.write(&mut [0; 300]).unwrap().to_vec(), call)
}

fn version_4(dice: &mut Dice) -> (craft::Network<'static>, String) {
    let (source, destination) = ("198.18.0.1", "198.18.0.2");
    let header = Ipv4 {
        source: source.parse().unwrap(),
        destination: destination.parse().unwrap(),
        tos: dice.u8(),
        id: dice.u16(),
        flags: ipv4::Flags::from_bits(dice.u8()),
        ttl: dice.u8(),
        ..Ipv4::default()
    };
    let call = format!(
        "IP(src='{source}',dst='{destination}',tos={},id={},flags={},ttl={})",
        header.tos,
        header.id,
        header.flags.bits(),
        header.ttl
    );
    (craft::Network::V4(header), call)
}

fn version_6(dice: &mut Dice) -> (craft::Network<'static>, String) {
    let (source, destination) = ("2001:db8::1", "2001:db8::2");
    let header = Ipv6 {
        source: source.parse().unwrap(),
        destination: destination.parse().unwrap(),
        traffic_class: dice.u8(),
        flow_label: dice.u32() & 0xf_ffff,
        hop_limit: dice.u8(),
        ..Ipv6::default()
    };
    let call = format!(
        "IPv6(src='{source}',dst='{destination}',tc={},fl={},hlim={})",
        header.traffic_class, header.flow_label, header.hop_limit
    );
    (craft::Network::V6(header), call)
}

/// Options that both can hold: of kinds that scapy has no form for, and NOPs.
fn options(dice: &mut Dice) -> Vec<u8> {
    let mut all = Vec::new();
    for _ in 0..dice.below(5) {
        let (kind, length) = (100 + dice.u8() % 50, dice.below(7));
        let data = dice.bytes(length);
        match dice.below(3) {
            0 => all.push(1),
            1 => all.extend(unhex("020405b4")),
            _ => all.extend([&[kind, u8::try_from(length + 2).unwrap()], &data[..]].concat()),
        }
    }
    all
}

/// Writes options as scapy has them.
fn items(options: &[u8]) -> String {
    let mut all = String::new();
    for item in Options::new(options) {
        all += &match item {
            Item::Nop => "('NOP',None),".to_owned(),
            Item::Option { kind: 2, data } => {
                format!("('MSS',{}),", u16::from_be_bytes([data[0], data[1]]))
            }
            Item::Option { kind, data } => format!("({kind},bytes.fromhex('{}')),", hex(data)),
            other => panic!("{other:?}"),
        };
    }
    all
}

/// Gives lines to a script, and takes as many.
fn run(script: &str, lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut python = Command::new("/usr/bin/python3")
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = python.stdin.take().unwrap();
    let lines: Vec<String> = lines.collect();
    let (count, text) = (lines.len(), lines.join("\n") + "\n");
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = python.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let all: Vec<_> =
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(all.len(), count);
    all
}
