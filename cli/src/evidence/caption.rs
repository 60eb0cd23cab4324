//! What is said of a packet: which question it belongs to, which step it is, and what it proves.

use std::collections::BTreeMap;

use tcpexposure_core::{
    experiment::{Verdict, modern::Finding},
    wire::{
        packet::{Packet, Transport},
        tcp::{Flags, Segment},
    },
};
use tcpexposure_link::tap::Direction;

use super::subject::Purpose;

/// Says in words what a packet is to a question.
pub(super) fn caption(
    direction: Direction,
    packet: &Packet<'_>,
    purpose: Option<Purpose>,
) -> String {
    let step = step(direction, packet);
    match purpose {
        None => format!("{step}; of no connection that is open"),
        Some(Purpose { name, control: true, .. }) => {
            format!("{name}, control: {step}; it must be answered before silence counts")
        }
        Some(Purpose { name, asks, .. }) => format!("{name}: {step}; {asks}"),
    }
}

/// Says in words which step of a connection a packet is.
fn step(direction: Direction, packet: &Packet<'_>) -> String {
    let way = match direction {
        Direction::Sent => "sent",
        Direction::Received => "received",
    };
    match &packet.transport {
        Transport::Tcp(segment) => format!("{way} {}", kind(segment)),
        Transport::Icmp(_) => format!("{way} an ICMP message"),
        _ => format!("{way} no TCP segment"),
    }
}

fn kind(segment: &Segment<'_>) -> String {
    let flags = segment.header.flags();
    let word = match () {
        () if flags.contains(Flags::SYN.with(Flags::ACK)) => "SYN/ACK",
        () if flags.contains(Flags::SYN) => "SYN",
        () if flags.contains(Flags::RST) => "reset",
        () if flags.contains(Flags::FIN) => "FIN",
        () if segment.payload.is_empty() => "acknowledgement",
        () => "segment",
    };
    match segment.payload.len() {
        0 => word.to_owned(),
        length => format!("{word} with {length} bytes"),
    }
}

/// What packets prove, by their numbers.
#[derive(Debug, Default)]
pub(crate) struct Proofs(BTreeMap<u64, Vec<String>>);

impl Proofs {
    /// Adds a verdict.
    pub(crate) fn verdict(&mut self, verdict: &Verdict) {
        let (name, code) = (verdict.entry.name(), &verdict.code);
        self.add(&verdict.evidence, &format!("{name} {}", code.outcome.word()), code.sentence);
    }

    /// Adds a finding.
    pub(crate) fn finding(&mut self, finding: &Finding) {
        let mut sentence = String::new();
        // Writing to a string does not fail.
        let _ = finding.write_sentence(&mut sentence);
        let what = format!("{} {}", finding.row.name, finding.outcome.word());
        self.add(&finding.evidence, &what, &sentence);
    }

    fn add(&mut self, packets: &[u64], what: &str, sentence: &str) {
        for number in packets {
            self.0.entry(*number).or_default().push(format!("evidence of {what}: {sentence}"));
        }
    }

    /// Makes the comment of a packet.
    pub(super) fn comment(&self, number: u64, caption: &str) -> String {
        let proofs = self.0.get(&number).into_iter().flatten();
        proofs.fold(caption.to_owned(), |text, proof| text + "\n" + proof)
    }
}
