//! Packets: every byte is told, and a fault is named where there is one.

use std::collections::HashMap;

use tcpexposure_core::{
    craft::{Draft, Network},
    expression,
    summary::{self, Bases, Conversation, Flows, Memory, Relative, Style},
    wire::packet::{Checksummed, Offload, Packet, Start, Transport},
};

use super::{expression as text, rebuild};

/// Takes a byte that says how the frame came here, and the frame.
pub(crate) fn body(data: &[u8]) {
    let Some((&way, frame)) = data.split_first() else {
        return;
    };
    let start = STARTS[usize::from(way & 7)];
    let checksum = [Checksummed::Unknown, Checksummed::Valid, Checksummed::Partial];
    let checksum = checksum[usize::from(way >> 3 & 3) % 3];
    let lost = [0, 1, 40, 2000][usize::from(way >> 6)];
    let offload = Offload { checksum, segments: way & 0x20 != 0 };
    let packet = Packet::parse(start, frame, frame.len() + lost, offload);
    let read = |packet: &Packet<'_>| format!("{packet:?}");
    let read = Packet::read(start, frame, frame.len() + lost, offload, read);
    assert_eq!(read, format!("{packet:?}"));
    rebuild::check(&packet);
    if let Transport::Icmp(message) = &packet.transport {
        let told: usize = message.extensions().map(|one| 4 + one.data.len()).sum();
        assert!(told <= message.body.len(), "{message:?}");
    }
    lines(&packet);
    if start == Start::Ip {
        draft(frame);
    }
}

/// What the first byte of an input chooses from.
pub(crate) const STARTS: [Start; 8] = [
    Start::Ip,
    Start::Ethernet,
    Start::LinuxSll,
    Start::LinuxSll2,
    Start::Null,
    Start::Loop,
    Start::Ppp,
    Start::Ip,
];

/// A packet that holds a TCP header, however wrong its fields are, is the same after its draft is
/// written, and after the draft went through an expression.
pub(crate) fn draft(bytes: &[u8]) {
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
        text::draft_to_text_and_back(&draft);
    }
}

/// Every style has a line, and what is told of numbers does not depend on who remembers them.
fn lines(packet: &Packet<'_>) {
    let (mut few, mut many) = (Flows::<2>::default(), Table::default());
    for verbose in 0..=2 {
        for link in [false, true] {
            let style = Style { verbose, link };
            let base = summary::base(&mut few, packet, &style);
            assert_eq!(base, summary::base(&mut many, packet, &style));
            for base in [Relative::default(), base] {
                let mut line = String::new();
                summary::line(&mut line, packet, &style, base).unwrap();
                assert!(!line.is_empty());
            }
            let mut dump = String::new();
            let dumped = summary::dumped(packet, link);
            summary::dump(&mut dump, dumped, verbose > 0).unwrap();
            assert_eq!(
                dump.lines().count(),
                dumped.len().div_ceil(16) + usize::from(!dumped.is_empty())
            );
        }
    }
    let mut two = String::new();
    let changed = summary::diff(&mut two, packet, packet).unwrap();
    assert_eq!(changed, packet.tcp().is_none(), "{two}");
}

/// A memory of conversations without an end.
#[derive(Default)]
struct Table(HashMap<Conversation, Bases>);

impl Memory for Table {
    fn recall(&mut self, conversation: Conversation) -> (&mut Bases, bool) {
        let new = !self.0.contains_key(&conversation);
        (self.0.entry(conversation).or_default(), new)
    }
}
