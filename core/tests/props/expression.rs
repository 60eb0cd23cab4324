//! Expressions: what is read is what was written.

use tcpexposure_core::{
    craft::{Draft, Ipv4, Ipv6, Network, Payload},
    expression,
    fault::{Fault, Kind},
    summary::{Line, Style},
    wire::{
        packet::Packet,
        tcp::{Flags, Segment, Seq},
    },
};

/// Takes a text.
pub(crate) fn body(data: &[u8]) {
    if let Ok(text) = str::from_utf8(data) {
        any_text(text);
    }
}

/// Reading any text gives an expression or a diagnostic that points into the text; writing the
/// draft of the expression and reading that gives the same draft.
pub(crate) fn any_text(text: &str) {
    match expression::parse(text) {
        Ok(expression) => {
            for network in [Network::V4(Ipv4::default()), Network::V6(Ipv6::default())] {
                let defaults = Draft { network, ..Draft::default() };
                if let Ok(draft) = expression.draft(defaults) {
                    draft_to_text_and_back(&draft);
                }
            }
        }
        Err(diagnostic) => {
            assert!(diagnostic.offset + diagnostic.length <= text.len(), "{diagnostic:?}");
            assert!(text.is_char_boundary(diagnostic.offset));
            assert!(text.is_char_boundary(diagnostic.offset + diagnostic.length));
            let mut report = String::new();
            diagnostic.render(text, &mut report).unwrap();
            let lines: Vec<_> = report.lines().collect();
            assert!(lines.len() == 3 || lines.len() == 4, "{report}");
            assert!(lines[2].trim_start().chars().all(|c| c == '^'), "{report}");
        }
    }
}

/// A draft's text, read over the defaults, is the draft, and gives the same bytes.
pub(crate) fn draft_to_text_and_back(draft: &Draft<'_>) {
    let text = draft.to_string();
    let expression = match expression::parse(&text) {
        Ok(expression) => expression,
        Err(diagnostic) => {
            // Only what cannot be written as a packet either may fail.
            assert!(beyond(draft), "{text}: {diagnostic:?}");
            return;
        }
    };
    let back = expression.draft(defaults(draft)).unwrap();
    assert_eq!(bytes(&back.payload), bytes(&draft.payload), "{text}");
    let payload = Payload::default();
    assert_eq!(Draft { payload, ..back }, Draft { payload, ..*draft }, "{text}");
    let (mut one, mut two) = (vec![0; draft.length()], vec![0; draft.length()]);
    assert_eq!(draft.write(&mut one), back.write(&mut two), "{text}");
    addresses_to_text_and_back(draft);
}

/// The long form names the addresses and ports too.
fn addresses_to_text_and_back(draft: &Draft<'_>) {
    let mut text = String::new();
    expression::write_full(draft, &mut text).unwrap();
    let expression = expression::parse(&text).unwrap();
    assert_eq!(expression.source, Some(draft.network.source()), "{text}");
    assert_eq!(expression.destination, Some(draft.network.destination()), "{text}");
    assert_eq!(expression.source_port, Some(draft.source_port), "{text}");
    assert_eq!(expression.destination_port, Some(draft.destination_port), "{text}");
    assert_eq!(draft.to_string(), expression.draft(defaults(draft)).unwrap().to_string());
}

/// The long form of a packet's expression gives the same packet.
pub(crate) fn canonical_line(draft: &Draft<'_>) {
    printed_line(draft, |bytes| {
        let mut line = String::new();
        expression::write_full(&Draft::of(&Packet::from_ip(bytes))?, &mut line).unwrap();
        Some(line)
    });
}

/// The line of a packet is an expression of it, but for what a line does not tell.
pub(crate) fn summary_line(draft: &Draft<'_>, verbose: u8) {
    printed_line(&told(*draft, verbose), |bytes| {
        let packet = Packet::from_ip(bytes);
        let odd = |fault: Fault| !matches!(fault.kind, Kind::DataOffset { .. });
        let segment = packet.tcp()?;
        // Options that a small data offset makes payload are told no more than other payload.
        let hidden = segment.payload.iter().any(|byte| *byte != 0);
        if hidden || untold(segment, verbose) || packet.fault.is_some_and(odd) {
            return None;
        }
        Some(Line::new(&packet, &Style { verbose, link: false }).to_string())
    });
}

/// Tells whether a segment has a number that its line leaves out, as where a wrong length made
/// others of its bytes the header than those of the draft.
fn untold(segment: &Segment<'_>, verbose: u8) -> bool {
    let (header, flags) = (segment.header, segment.header.flags());
    let marked = flags.intersects(Flags::SYN.with(Flags::FIN).with(Flags::RST));
    let seq = verbose > 1 || marked || !segment.payload.is_empty();
    !seq && header.seq() != Seq(0)
        || !flags.contains(Flags::ACK) && header.ack() != Seq(0)
        || !flags.contains(Flags::URG) && header.urgent() != 0
}

/// Leaves out the fields that a line does not tell, so that checksums do not give them away.
fn told(draft: Draft<'_>, verbose: u8) -> Draft<'_> {
    let marked = Flags::SYN.with(Flags::FIN).with(Flags::RST);
    // A data offset that is forced may swallow the payload.
    let data = draft.data_offset.is_none() && !draft.payload.is_empty();
    let seq = verbose > 1 || draft.flags.intersects(marked) || data;
    let network = match draft.network {
        Network::V4(header) => {
            Network::V4(Ipv4 { ttl: header.ttl.max(1), header_length: None, ..header })
        }
        other => other,
    };
    Draft {
        network,
        seq: if seq { draft.seq } else { Seq(0) },
        ack: if draft.flags.contains(Flags::ACK) { draft.ack } else { Seq(0) },
        urgent: if draft.flags.contains(Flags::URG) { draft.urgent } else { 0 },
        ..draft
    }
}

/// What `print` says of a packet, unless that is `None`, is an expression, and `print` says the same
/// of the packet that comes of it. A line does not hold the payload, so zeroes of its length take
/// its place first.
fn printed_line(draft: &Draft<'_>, print: impl Fn(&[u8]) -> Option<String>) {
    let length = draft.payload.len();
    let draft = Draft { payload: Payload::Fill { byte: 0, length }, ..*draft };
    let mut buffer = vec![0; draft.length()];
    let Ok(bytes) = draft.write(&mut buffer) else {
        return;
    };
    let Some(line) = print(bytes) else {
        return;
    };
    let expression = expression::parse(&line).unwrap_or_else(|error| {
        let mut report = String::new();
        error.render(&line, &mut report).unwrap();
        panic!("{report}");
    });
    let (source, destination) = expression.source.zip(expression.destination).unwrap();
    let (from, to) = (expression.source_port, expression.destination_port);
    let again = expression
        .draft(Draft {
            network: Network::between(source, destination).unwrap(),
            source_port: from.unwrap(),
            destination_port: to.unwrap(),
            ..Draft::default()
        })
        .unwrap();
    let mut buffer = vec![0; again.length()];
    assert_eq!(print(again.write(&mut buffer).unwrap()), Some(line));
}

/// Tells whether a draft holds more than an expression or a packet can.
fn beyond(draft: &Draft<'_>) -> bool {
    let ip = match draft.network {
        Network::V4(header) => match header.header_length {
            None => header.options.len() > 40,
            Some(words) => words > 15,
        },
        Network::V6(header) => header.extensions.len() > expression::CAPACITY,
    };
    ip || draft.options.len() > 40 && draft.data_offset.is_none()
        || draft.options.len() > expression::CAPACITY
        || draft.payload.len() > 65535
        || draft.data_offset.is_some_and(|words| words > 15)
}

fn defaults<'a>(draft: &Draft<'_>) -> Draft<'a> {
    let network = Network::between(draft.network.source(), draft.network.destination());
    Draft {
        network: network.unwrap(),
        source_port: draft.source_port,
        destination_port: draft.destination_port,
        ..Draft::default()
    }
}

fn bytes(payload: &Payload<'_>) -> Vec<u8> {
    let mut bytes = vec![0; payload.len()];
    payload.write(&mut bytes);
    assert!(payload.bytes().eq(bytes.iter().copied()));
    bytes
}
