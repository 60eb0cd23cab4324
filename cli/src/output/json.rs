//! A packet as a JSON object: every field that is on the wire.

use serde_json::{Map, Value, json};
use tcpexposure_core::wire::{
    icmp,
    options::{Item, Options, View},
    packet::{Network, Packet, Transport},
    tcp,
};

/// Makes the object of one packet; `time` is in nanoseconds since the epoch.
pub(crate) fn packet(kind: &str, number: u64, time: Option<u64>, packet: &Packet<'_>) -> Value {
    let mut object = Map::new();
    object.insert("type".to_owned(), kind.into());
    object.insert("number".to_owned(), number.into());
    object.insert("time".to_owned(), time.into());
    object.insert("length".to_owned(), packet.wire_len.into());
    layers(&mut object, packet);
    if let Some(fault) = packet.fault {
        object.insert("fault".to_owned(), fault.to_string().into());
    }
    if !packet.rest.is_empty() {
        object.insert("rest".to_owned(), hex(packet.rest).into());
    }
    if !packet.trailer.is_empty() {
        object.insert("trailer".to_owned(), hex(packet.trailer).into());
    }
    Value::Object(object)
}

fn layers(object: &mut Map<String, Value>, packet: &Packet<'_>) {
    if !packet.tags.is_empty() {
        let tags: Vec<_> = packet.tags.iter().map(|tag| tag.identifier()).collect();
        object.insert("vlan".to_owned(), tags.into());
    }
    if let Some((source, destination)) = packet.addresses() {
        object.insert("source".to_owned(), source.to_string().into());
        object.insert("destination".to_owned(), destination.to_string().into());
    }
    if let Some(ip) = network(&packet.network) {
        object.insert("ip".to_owned(), ip);
    }
    if let Some((source, destination)) = packet.ports() {
        object.insert("source_port".to_owned(), source.into());
        object.insert("destination_port".to_owned(), destination.into());
    }
    match &packet.transport {
        Transport::Tcp(segment) => {
            object.insert("tcp".to_owned(), segment_object(segment, packet.checksum_ok()));
        }
        Transport::Icmp(message) => {
            object.insert("icmp".to_owned(), message_object(message, packet.checksum_ok()));
        }
        Transport::Fragment(payload) => {
            object.insert("payload".to_owned(), hex(payload).into());
        }
        Transport::Other { protocol, payload } => {
            object.insert("protocol".to_owned(), (*protocol).into());
            object.insert("payload".to_owned(), hex(payload).into());
        }
        Transport::Stub(stub) => {
            object.insert("tcp_stub".to_owned(), hex(stub.bytes).into());
        }
        Transport::None => {}
    }
}

fn network(network: &Network<'_>) -> Option<Value> {
    match network {
        Network::None => None,
        Network::V4(datagram) => {
            let header = datagram.header;
            Some(json!({
                "version": header.version(),
                "header_length": header.header_length(),
                "tos": header.tos(),
                "total_length": header.total_length(),
                "id": header.id(),
                "flags": header.flags().bits(),
                "fragment_offset": header.fragment_offset(),
                "ttl": header.ttl(),
                "protocol": header.protocol(),
                "checksum": header.checksum(),
                "checksum_ok": datagram.checksum_ok(),
                "options": hex(datagram.options),
            }))
        }
        Network::V6(datagram) => {
            let header = datagram.header;
            Some(json!({
                "version": header.version(),
                "traffic_class": header.traffic_class(),
                "flow_label": header.flow_label(),
                "payload_length": header.payload_length(),
                "next_header": header.next_header(),
                "hop_limit": header.hop_limit(),
                "extensions": hex(datagram.extensions),
            }))
        }
    }
}

fn segment_object(segment: &tcp::Segment<'_>, checksum_ok: Option<bool>) -> Value {
    let header = segment.header;
    json!({
        "seq": header.seq().0,
        "ack": header.ack().0,
        "data_offset": header.data_offset(),
        "flags": letters(header.flags()),
        "flags_bits": header.flags().bits(),
        "window": header.window(),
        "checksum": header.checksum(),
        "checksum_ok": checksum_ok,
        "urgent": header.urgent(),
        "options": options(segment.options),
        "options_raw": hex(segment.options.bytes()),
        "payload_length": segment.payload_length,
        "payload": hex(segment.payload),
    })
}

fn message_object(message: &icmp::Message<'_>, checksum_ok: Option<bool>) -> Value {
    let mut object = json!({
        "type": message.header.kind(),
        "code": message.header.code(),
        "checksum": message.header.checksum(),
        "checksum_ok": checksum_ok,
        "rest": message.header.rest(),
        "body_length": message.body_length,
    });
    if let (Some(quote), Some(fields)) = (message.quote(), object.as_object_mut()) {
        let mut quoted = Map::new();
        quoted.insert("length".to_owned(), quote.bytes.len().into());
        layers(&mut quoted, &quote);
        fields.insert("quote".to_owned(), Value::Object(quoted));
    }
    object
}

/// Lists the options: kind, and what the kind means where it is one that people look for.
fn options(options: Options<'_>) -> Value {
    options.iter().map(option).collect()
}

fn option(item: Item<'_>) -> Value {
    match (item.view(), item) {
        (View::MaximumSegmentSize(size), _) => json!({"kind": 2, "mss": size}),
        (View::WindowScale(shift), _) => json!({"kind": 3, "wscale": shift}),
        (View::Sack(blocks), _) => json!({"kind": 5, "sack": blocks.iter().collect::<Vec<_>>()}),
        (View::Timestamps { value, echo }, _) => json!({"kind": 8, "value": value, "echo": echo}),
        (_, Item::End) => json!({"kind": 0}),
        (_, Item::Nop) => json!({"kind": 1}),
        (_, Item::Option { kind, data }) => json!({"kind": kind, "data": hex(data)}),
        (_, Item::Malformed { rest }) => json!({"malformed": hex(rest)}),
        (_, Item::Trailing(rest)) => json!({"trailing": hex(rest)}),
    }
}

/// Tells the flags as tcpdump prints them.
pub(crate) fn letters(flags: tcp::Flags) -> String {
    let letters: String = LETTERS
        .iter()
        .filter(|(flag, _)| flags.contains(*flag))
        .map(|(_, letter)| letter)
        .collect();
    if letters.is_empty() { "none".to_owned() } else { letters }
}

/// Writes bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(*byte));
    }
    text
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The flags in the order in which tcpdump prints them.
const LETTERS: &[(tcp::Flags, char)] = &[
    (tcp::Flags::FIN, 'F'),
    (tcp::Flags::SYN, 'S'),
    (tcp::Flags::RST, 'R'),
    (tcp::Flags::PSH, 'P'),
    (tcp::Flags::ACK, '.'),
    (tcp::Flags::URG, 'U'),
    (tcp::Flags::ECE, 'E'),
    (tcp::Flags::CWR, 'W'),
    (tcp::Flags::AE, 'e'),
];
