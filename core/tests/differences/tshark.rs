//! tshark's fields as JSON.

use std::{
    collections::{BTreeMap, HashMap},
    process::Command,
};

use tcpexposure_core::{
    fault::{Kind, Layer},
    wire::{
        ipv4,
        packet::{Network, Offload, Packet, Start, Transport},
    },
};

use super::{
    frames::{self, Capture, Frame},
    installed, listed,
};

/// The values of a field, of the outermost header first.
type Fields = HashMap<String, Vec<String>>;

const FIELDS: &[&str] = &[
    "vlan.id",
    "ip.hdr_len",
    "ip.dsfield",
    "ip.len",
    "ip.id",
    "ip.flags",
    "ip.frag_offset",
    "ip.ttl",
    "ip.proto",
    "ip.checksum",
    "ip.src",
    "ip.dst",
    "ipv6.version",
    "ipv6.tclass",
    "ipv6.flow",
    "ipv6.plen",
    "ipv6.nxt",
    "ipv6.hlim",
    "ipv6.src",
    "ipv6.dst",
    "tcp.srcport",
    "tcp.dstport",
    "tcp.seq_raw",
    "tcp.ack_raw",
    "tcp.hdr_len",
    "tcp.flags",
    "tcp.window_size_value",
    "tcp.checksum",
    "tcp.urgent_pointer",
    "tcp.len",
    "tcp.options",
];

#[test]
fn every_difference_from_tshark_is_listed() {
    if !installed("tshark", &["--version"]) {
        return;
    }
    let frames = frames::all();
    let theirs = read(&frames);
    assert_eq!(theirs.len(), frames.len());
    let mut found = BTreeMap::new();
    for (frame, theirs) in frames.iter().zip(&theirs) {
        let packet =
            Packet::parse(Start::Ethernet, &frame.bytes, frame.wire_len, Offload::default());
        let ours = ours(&packet);
        let differ = |field: &&str| first(theirs, field) != ours.get(*field).map(String::as_str);
        let fields: Vec<&str> = FIELDS.iter().copied().filter(|field| differ(field)).collect();
        if fields.is_empty() {
            continue;
        }
        let difference = difference(&packet, theirs, &fields).unwrap_or_else(|| {
            let both = fields.iter().map(|field| (field, first(theirs, field), ours.get(*field)));
            let both: Vec<_> = both.collect();
            panic!("{}: {both:?}, {:?}, {:02x?}", frame.origin, packet.fault, frame.bytes)
        });
        *found.entry(difference).or_default() += 1;
    }
    listed("tshark", &found, frames.len());
}

fn first<'t>(fields: &'t Fields, name: &str) -> Option<&'t str> {
    fields.get(name)?.first().map(String::as_str)
}

/// Names the difference between what tshark tells of a frame and what we do.
fn difference(packet: &Packet<'_>, theirs: &Fields, fields: &[&str]) -> Option<&'static str> {
    let only = |names: &[&str]| fields.iter().all(|field| names.contains(field));
    let gone = |field: &str| fields.contains(&field) && first(theirs, field).is_none();
    let fault = packet.fault;
    let is = |layer, test: fn(Kind) -> bool| {
        fault.is_some_and(|fault| fault.layer == layer && test(fault.kind))
    };
    let truncated = |kind| matches!(kind, Kind::Truncated { .. });
    let offset = packet.tcp().map_or(20, |segment| segment.header.data_offset());
    Some(match () {
        () if only(&["vlan.id"]) => "service tags",
        () if matches!(packet.transport, Transport::Icmp(_)) => "what an ICMP error quotes",
        () if is(Layer::Ipv4, truncated) && gone("ip.id") => "IPv4 header lengths",
        () if matches!(packet.network, Network::None) => "a header cut short",
        () if matches!(packet.transport, Transport::Stub(_)) => "a header cut short",
        () if gone("ip.id") || gone("ip.len") => "IPv4 header lengths",
        () if only(&["ip.len"]) => "IPv4 total length 0",
        () if only(&["ipv6.src", "ipv6.dst"]) => "addresses with dots",
        () if gone("tcp.srcport")
            && is(Layer::Ipv6, |kind| matches!(kind, Kind::LengthShort { declared: 0, .. })) =>
        {
            "IPv6 payload length 0"
        }
        () if gone("tcp.srcport") && matches!(packet.network, Network::V6(_)) => {
            "IPv6 extension headers"
        }
        () if gone("tcp.srcport") => "IPv4 options",
        () if offset < 20 => "a data offset below 5",
        () if first(theirs, "tcp.options") == Some("<MISSING>") => "a capture cut in the options",
        () if only(&["tcp.len"]) && is(Layer::Tcp, |_| true) => "a data offset beyond the segment",
        () if only(&["tcp.len"]) && is_fragment(packet) => "the payload of a first fragment",
        () if only(&["tcp.len"]) => "a length above what was delivered",
        () => return None,
    })
}

fn is_fragment(packet: &Packet<'_>) -> bool {
    match &packet.network {
        Network::None => false,
        Network::V4(datagram) => datagram.header.flags().contains(ipv4::Flags::MF),
        Network::V6(datagram) => datagram.walk().any(|header| header.fragment().is_some()),
    }
}

/// Asks tshark for the fields of every frame.
fn read(frames: &[Frame]) -> Vec<Fields> {
    let capture = Capture::of("differences", frames);
    let mut command = Command::new("tshark");
    command.args(["-T", "json", "-r"]).arg(&capture.0);
    for preference in [
        "tcp.relative_sequence_numbers:FALSE",
        "tcp.analyze_sequence_numbers:FALSE",
        "tcp.desegment_tcp_streams:FALSE",
        "ip.defragment:FALSE",
        "ipv6.defragment:FALSE",
    ] {
        command.args(["-o", preference]);
    }
    for field in FIELDS {
        command.args(["-e", field]);
    }
    let output = command.output().unwrap();
    let packets: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    packets
        .into_iter()
        .map(|packet| {
            let layers = packet["_source"]["layers"].clone();
            serde_json::from_value(layers).unwrap_or_default()
        })
        .collect()
}

/// Writes the same of a packet.
fn ours(packet: &Packet<'_>) -> HashMap<&'static str, String> {
    let mut all = HashMap::new();
    if let Some(tag) = packet.tags.first() {
        all.insert("vlan.id", tag.identifier().to_string());
    }
    match &packet.network {
        Network::None => {}
        Network::V4(datagram) => {
            let header = datagram.header;
            all.extend([
                ("ip.hdr_len", header.header_length().to_string()),
                ("ip.dsfield", format!("0x{:02x}", header.tos())),
                ("ip.len", header.total_length().to_string()),
                ("ip.id", format!("0x{:04x}", header.id())),
                ("ip.flags", format!("0x{:02x}", header.flags().bits())),
                ("ip.frag_offset", header.fragment_offset().to_string()),
                ("ip.ttl", header.ttl().to_string()),
                ("ip.proto", header.protocol().to_string()),
                ("ip.checksum", format!("0x{:04x}", header.checksum())),
                ("ip.src", header.source().to_string()),
                ("ip.dst", header.destination().to_string()),
            ]);
        }
        Network::V6(datagram) => {
            let header = datagram.header;
            all.extend([
                ("ipv6.version", header.version().to_string()),
                ("ipv6.tclass", format!("0x{:08x}", header.traffic_class())),
                ("ipv6.flow", format!("0x{:06x}", header.flow_label())),
                ("ipv6.plen", header.payload_length().to_string()),
                ("ipv6.nxt", header.next_header().to_string()),
                ("ipv6.hlim", header.hop_limit().to_string()),
                ("ipv6.src", header.source().to_string()),
                ("ipv6.dst", header.destination().to_string()),
            ]);
        }
    }
    if let Some(segment) = packet.tcp() {
        let header = segment.header;
        all.extend([
            ("tcp.srcport", header.source_port().to_string()),
            ("tcp.dstport", header.destination_port().to_string()),
            ("tcp.seq_raw", header.seq().0.to_string()),
            ("tcp.ack_raw", header.ack().0.to_string()),
            ("tcp.hdr_len", header.data_offset().to_string()),
            ("tcp.flags", format!("0x{:04x}", header.flags().bits())),
            ("tcp.window_size_value", header.window().to_string()),
            ("tcp.checksum", format!("0x{:04x}", header.checksum())),
            ("tcp.urgent_pointer", header.urgent().to_string()),
            ("tcp.len", segment.payload_length.to_string()),
        ]);
        let options = segment.options.bytes();
        if !options.is_empty() {
            all.insert("tcp.options", options.iter().map(|b| format!("{b:02x}")).collect());
        }
    }
    all
}
