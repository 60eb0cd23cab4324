//! The bodies of the property tests. A body takes what a generator or a fuzzer gives it and panics
//! if the property does not hold.

use tcpexposure_core::{
    craft::{Draft, Ipv4, Ipv6, Network, Payload},
    expression,
    wire::{
        options::{Options, Writer},
        packet::Packet,
    },
};

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

/// An option block of up to 40 bytes is the same after its items, and after their views, are
/// written, and after it went through an expression.
pub(crate) fn option_block(block: &[u8]) {
    let block = &block[..block.len().min(40)];
    let mut buffer = [0; 40];
    let mut writer = Writer::new(&mut buffer);
    for item in Options::new(block) {
        writer.push(item).unwrap();
    }
    assert_eq!(writer.finish(), block);
    let mut buffer = [0; 40];
    let mut writer = Writer::new(&mut buffer);
    for item in Options::new(block) {
        item.view().write(&mut writer).unwrap();
    }
    assert_eq!(writer.finish(), block);
    draft_to_text_and_back(&Draft { options: block, ..Draft::default() });
}

/// A packet that holds a TCP header, however wrong its fields are, is the same after its draft is
/// written, and after the draft went through an expression.
pub(crate) fn packet(bytes: &[u8]) {
    let packet = Packet::from_ip(bytes);
    let Some(draft) = Draft::of(&packet) else {
        return;
    };
    let end = bytes.len() - packet.trailer.len();
    let mut buffer = vec![0; bytes.len() + 64];
    assert_eq!(draft.write(&mut buffer), Ok(&bytes[..end]), "{packet:?}");
    let extensions = match draft.network {
        Network::V4(_) => 0,
        Network::V6(header) => header.extensions.len(),
    };
    if extensions <= expression::CAPACITY {
        draft_to_text_and_back(&draft);
    }
}

/// What `print` says of a packet, unless that is `None`, is an expression, and `print` says the same
/// of the packet that comes of it. A line does not hold the payload, so zeroes of its length take
/// its place first.
pub(crate) fn printed_line(draft: &Draft<'_>, print: impl Fn(&[u8]) -> Option<String>) {
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
        Network::V4(header) => header.options.len() > 40 && header.header_length.is_none(),
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
