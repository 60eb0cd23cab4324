//! What tshark reads in the packets that we craft: good checksums and the same fields.

mod peer;

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    process::Command,
};

use peer::{Capture, Dice};
use tcpexposure_core::{
    craft::{Draft, Ipv4, Ipv6, Network, Payload},
    wire::{
        ipv4,
        options::{View, Writer},
        tcp::{Flags, Seq},
    },
};

const DRAFTS: usize = 3000;
const SEED: u64 = 0x7c9e;

const FIELDS: &[&str] = &[
    "ip.src",
    "ip.dst",
    "ip.dsfield",
    "ip.id",
    "ip.flags",
    "ip.frag_offset",
    "ip.ttl",
    "ip.len",
    "ip.checksum.status",
    "ipv6.src",
    "ipv6.dst",
    "ipv6.tclass",
    "ipv6.flow",
    "ipv6.hlim",
    "ipv6.plen",
    "tcp.srcport",
    "tcp.dstport",
    "tcp.seq_raw",
    "tcp.ack_raw",
    "tcp.hdr_len",
    "tcp.flags",
    "tcp.window_size_value",
    "tcp.checksum.status",
    "tcp.urgent_pointer",
    "tcp.len",
    "tcp.options",
    "tcp.payload",
];

#[test]
fn tshark_reads_what_was_meant() {
    if !peer::installed("tshark") {
        return;
    }
    let mut dice = Dice(SEED);
    let mut packets = Vec::new();
    let mut expected = Vec::new();
    for _ in 0..DRAFTS {
        let (packet, row) = random_packet(&mut dice);
        packets.push(packet);
        expected.push(row);
    }
    let capture = Capture::of("craft", &packets);
    let mut command = Command::new("tshark");
    command.arg("-r").arg(&capture.0).args([
        "-T",
        "fields",
        "-E",
        "separator=|",
        "-E",
        "occurrence=f",
    ]);
    for preference in [
        "tcp.check_checksum:TRUE",
        "ip.check_checksum:TRUE",
        "tcp.relative_sequence_numbers:FALSE",
        "tcp.analyze_sequence_numbers:FALSE",
        "tcp.desegment_tcp_streams:FALSE",
        "ip.defragment:FALSE",
    ] {
        command.args(["-o", preference]);
    }
    FIELDS.iter().for_each(|field| {
        command.args(["-e", field]);
    });
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), DRAFTS, "{}", String::from_utf8_lossy(&output.stderr));
    for (index, (line, row)) in lines.iter().zip(&expected).enumerate() {
        let read: Vec<&str> = line.split('|').collect();
        let wanted: Vec<&str> = row.iter().map(String::as_str).collect();
        for ((field, read), wanted) in FIELDS.iter().zip(&read).zip(&wanted) {
            assert_eq!(read, wanted, "seed {SEED:#x}, packet {index}, {field}");
        }
    }
}

/// Makes a packet, and the row that tshark should print for it.
fn random_packet(dice: &mut Dice) -> (Vec<u8>, Vec<String>) {
    let options = random_options(dice);
    let ip_options = vec![1; dice.below(11) * 4];
    let payload_length = dice.below(3) * dice.below(700);
    let payload = dice.bytes(payload_length);
    let v4 = dice.below(2) == 0;
    let network = if v4 { random_v4(dice, &ip_options) } else { random_v6(dice) };
    let draft = Draft {
        network,
        source_port: random_port(dice),
        destination_port: random_port(dice),
        seq: Seq(dice.u32()),
        ack: Seq(dice.u32()),
        flags: Flags::from_bits(dice.u16()),
        window: dice.u16(),
        urgent: dice.u16(),
        options: &options,
        payload: Payload::Bytes(&payload),
        ..Draft::default()
    };
    let bytes = draft.write(&mut [0; 2048]).unwrap().to_vec();
    let mut row = network_row(&draft, bytes.len(), &ip_options);
    let padded = options.len().next_multiple_of(4);
    let flags = draft.flags;
    row.extend([
        draft.source_port.to_string(),
        draft.destination_port.to_string(),
        draft.seq.0.to_string(),
        draft.ack.0.to_string(),
        (20 + padded).to_string(),
        format!("0x{:04x}", flags.bits()),
        draft.window.to_string(),
        "1".to_owned(),
        draft.urgent.to_string(),
        payload.len().to_string(),
        hex(&[&options[..], &vec![0; padded - options.len()]].concat()),
        // What a reset carries, tshark calls its cause (RFC 9293, section 3.5.2).
        if flags.contains(Flags::RST) { String::new() } else { hex(&payload) },
    ]);
    (bytes, row)
}

fn network_row(draft: &Draft<'_>, length: usize, ip_options: &[u8]) -> Vec<String> {
    match draft.network {
        Network::V4(header) => {
            let mut row = vec![
                header.source.to_string(),
                header.destination.to_string(),
                format!("0x{:02x}", header.tos),
                format!("0x{:04x}", header.id),
                format!("0x{:02x}", header.flags.bits()),
                "0".to_owned(),
                header.ttl.to_string(),
                length.to_string(),
                "1".to_owned(),
            ];
            assert!(ip_options.len() <= 40);
            row.extend(vec![String::new(); 6]);
            row
        }
        Network::V6(header) => {
            let mut row = vec![String::new(); 9];
            row.extend([
                header.source.to_string(),
                header.destination.to_string(),
                format!("0x{:08x}", header.traffic_class),
                format!("0x{:06x}", header.flow_label),
                header.hop_limit.to_string(),
                (length - 40).to_string(),
            ]);
            row
        }
    }
}

fn random_v4<'a>(dice: &mut Dice, options: &'a [u8]) -> Network<'a> {
    Network::V4(Ipv4 {
        source: random_v4_address(dice),
        destination: random_v4_address(dice),
        tos: dice.u8(),
        id: dice.u16(),
        flags: ipv4::Flags::from_bits(dice.u8() & 6), // a first fragment would have no payload row
        ttl: dice.u8(),
        options,
        ..Ipv4::default()
    })
}

fn random_v4_address(dice: &mut Dice) -> Ipv4Addr {
    Ipv4Addr::new(198, 18, dice.u8(), dice.u8())
}

fn random_v6(dice: &mut Dice) -> Network<'static> {
    let address = |low: u64| {
        let IpAddr::V6(base) = "2001:db8::".parse().unwrap() else { unreachable!() };
        Ipv6Addr::from_bits(base.to_bits() | u128::from(low))
    };
    Network::V6(Ipv6 {
        source: address(dice.roll() | 1),
        destination: address(dice.roll() | 1),
        traffic_class: dice.u8(),
        flow_label: dice.u32() & 0xf_ffff,
        hop_limit: dice.u8(),
        ..Ipv6::default()
    })
}

/// Makes a port that no dissector claims, so that the payload is printed as it is.
fn random_port(dice: &mut Dice) -> u16 {
    0xf000 | dice.u16() & 0x07ff
}

fn random_options(dice: &mut Dice) -> Vec<u8> {
    let mut buffer = [0; 40];
    let mut writer = Writer::new(&mut buffer);
    for _ in 0..dice.below(8) {
        let data = dice.bytes(9);
        let length = dice.below(9);
        let view = match dice.below(8) {
            0 => View::MaximumSegmentSize(dice.u16()),
            1 => View::WindowScale(dice.u8()),
            2 => View::SackPermitted,
            3 => View::Timestamps { value: dice.u32(), echo: dice.u32() },
            4 => View::FastOpen(&data[..8]),
            5 => View::Raw { kind: 100 + dice.u8() % 50, data: &data[..length] },
            6 => View::UserTimeout { minutes: dice.u8() & 1 == 1, timeout: dice.u16() & 0x7fff },
            _ => View::Nop,
        };
        if view.write(&mut writer).is_err() {
            break;
        }
    }
    writer.finish().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
