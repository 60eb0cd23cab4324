//! What a segment says, field by field, and what of it differs from another.

use tcpexposure_core::{
    respond::v1::Account,
    summary::{self, Line, Style},
    wire::{
        packet::{Network, Packet},
        tcp::Segment,
    },
};

use crate::output::json::letters;

/// A field and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fact {
    name: String,
    /// What it says; nothing where the field is known to be absent.
    text: String,
}

/// What is said of a packet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    facts: Vec<Fact>,
    /// Whether there is more that is not told.
    partial: bool,
}

/// A word below an arrow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) mark: Mark,
}

/// What became of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// Nothing.
    Plain,
    /// It does not arrive so.
    Lost,
    /// It was not sent so.
    Changed,
}

impl Facts {
    /// Reads a packet.
    pub(super) fn of(packet: &Packet<'_>) -> Self {
        let mut facts = Self::default();
        match packet.tcp() {
            Some(segment) => {
                facts.ends(packet);
                facts.segment(segment);
                facts.network(&packet.network);
                if packet.checksum_ok() == Some(false) {
                    facts.add("cksum", "cksum wrong".to_owned());
                }
            }
            None => facts.add("line", Line::new(packet, &Style::default()).to_string()),
        }
        facts
    }

    /// Reads headers that somebody tells of: their checksums say nothing, and their lengths may
    /// not be those of what was sent.
    pub(super) fn told(packet: &Packet<'_>) -> Self {
        let mut facts = Self::of(packet);
        facts.facts.retain(|fact| fact.name != "cksum");
        facts
    }

    /// Reads what a SYN/ACK tells of the SYN.
    pub(super) fn account(account: &Account) -> Self {
        let mut facts = Self { partial: true, ..Self::default() };
        facts.add("flags", format!("[{}]", letters(account.flags)));
        facts.add("win", format!("win {}", account.window));
        let absent = |is: bool, text: String| if is { String::new() } else { text };
        facts.add("urg", absent(account.urgent == 0, format!("urg {}", account.urgent)));
        facts.add("mss", absent(account.mss == 0, format!("mss {}", account.mss)));
        facts.add("wscale", absent(account.scale == 255, format!("wscale {}", account.scale)));
        facts.add("length", format!("length {}", account.length));
        facts.add("class", class(account.traffic_class));
        facts
    }

    /// Forgets the length, where it is not that of one segment.
    pub(super) fn without_length(mut self) -> Self {
        self.facts.retain(|fact| fact.name != "length");
        self.partial = true;
        self
    }

    /// Tells all of it, without a comparison.
    pub(super) fn plain(&self) -> Vec<Piece> {
        self.said().map(|fact| piece(&fact.text, Mark::Plain)).collect()
    }

    /// Tells all of it, with what does not arrive so marked.
    pub(super) fn against(&self, arrived: &Self) -> Vec<Piece> {
        let marked = |fact: &Fact| {
            let lost = arrived.knows(&fact.name) && !arrived.facts.contains(fact);
            piece(&fact.text, if lost { Mark::Lost } else { Mark::Plain })
        };
        self.said().map(marked).collect()
    }

    /// Tells all of what arrived, with what was not sent so marked, and what is gone.
    pub(super) fn after(&self, sent: &Self) -> Vec<Piece> {
        let marked = |fact: &Fact| {
            let new = sent.knows(&fact.name) && !sent.facts.contains(fact);
            piece(&fact.text, if new { Mark::Changed } else { Mark::Plain })
        };
        let here = |fact: &&Fact| self.said().any(|other| other.name == fact.name);
        let gone = sent.said().filter(|fact| self.knows(&fact.name) && !here(fact));
        let gone = gone.map(|fact| piece(&format!("no {}", fact.text), Mark::Changed));
        self.said().map(marked).chain(gone).collect()
    }

    /// Gives what is there to be said.
    fn said(&self) -> impl Iterator<Item = &Fact> {
        self.facts.iter().filter(|fact| !fact.text.is_empty())
    }

    fn knows(&self, name: &str) -> bool {
        // Every router counts hops down.
        name != "hops" && (!self.partial || self.facts.iter().any(|fact| fact.name == name))
    }

    fn add(&mut self, name: &str, text: String) {
        self.facts.push(Fact { name: name.to_owned(), text });
    }

    fn ends(&mut self, packet: &Packet<'_>) {
        let (Some((from, to)), Some((source, destination))) = (packet.addresses(), packet.ports())
        else {
            return;
        };
        self.add("from", format!("{from}.{source}"));
        self.add("to", format!("> {to}.{destination}"));
    }

    fn segment(&mut self, segment: &Segment<'_>) {
        let header = segment.header;
        self.add("flags", format!("[{}]", letters(header.flags())));
        self.add("seq", format!("seq {}", header.seq().0));
        if header.ack().0 != 0 {
            self.add("ack", format!("ack {}", header.ack().0));
        }
        self.add("win", format!("win {}", header.window()));
        if header.urgent() != 0 {
            self.add("urg", format!("urg {}", header.urgent()));
        }
        let mut options = String::new();
        let _ = summary::option_list(&mut options, segment.options); // a String takes all
        for option in options.split(',').filter(|option| !option.is_empty()) {
            self.add(kind(option), option.to_owned());
        }
        self.add("length", format!("length {}", segment.payload_length));
    }

    fn network(&mut self, network: &Network<'_>) {
        match network {
            Network::None => {}
            Network::V4(datagram) => {
                self.add("hops", format!("ttl {}", datagram.header.ttl()));
                self.add("class", class(datagram.header.tos()));
                let options = datagram.options.len();
                self.add("ipopt", length("IP options", options));
            }
            Network::V6(datagram) => {
                self.add("hops", format!("hlim {}", datagram.header.hop_limit()));
                self.add("class", class(datagram.header.traffic_class()));
                self.add("ipopt", length("extension headers", datagram.extensions.len()));
            }
        }
    }
}

/// Names an option by what stands before its values.
pub(super) fn kind(option: &str) -> &str {
    let blanks = if option.starts_with("opt ") { 2 } else { 1 };
    let end = option.match_indices(' ').nth(blanks - 1);
    end.map_or(option, |(end, _)| &option[..end])
}

fn class(value: u8) -> String {
    if value == 0 { String::new() } else { format!("tos {value:#04x}") }
}

fn length(what: &str, bytes: usize) -> String {
    if bytes == 0 { String::new() } else { format!("{bytes} bytes of {what}") }
}

fn piece(text: &str, mark: Mark) -> Piece {
    Piece { text: text.to_owned(), mark }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(values: &[(&str, &str)]) -> Facts {
        let mut facts = Facts::default();
        values.iter().for_each(|(name, text)| facts.add(name, (*text).to_owned()));
        facts
    }

    fn marks(pieces: &[Piece]) -> Vec<(&str, Mark)> {
        pieces.iter().map(|piece| (&piece.text[..], piece.mark)).collect()
    }

    #[test]
    fn what_differs_is_marked() {
        let sent =
            facts(&[("win", "win 1"), ("mss", "mss 1460"), ("opt", "opt 1"), ("hops", "64")]);
        let here = facts(&[("win", "win 1"), ("mss", "mss 1380"), ("hops", "60")]);
        let (plain, lost, changed) = (Mark::Plain, Mark::Lost, Mark::Changed);
        assert_eq!(
            marks(&sent.against(&here)),
            [("win 1", plain), ("mss 1460", lost), ("opt 1", lost), ("64", plain)]
        );
        assert_eq!(
            marks(&here.after(&sent)),
            [("win 1", plain), ("mss 1380", changed), ("60", plain), ("no opt 1", changed)]
        );
    }

    #[test]
    fn what_is_not_told_is_not_marked() {
        let sent = facts(&[("win", "win 1"), ("seq", "seq 7"), ("mss", "mss 1460")]);
        let told = Facts { partial: true, ..facts(&[("win", "win 1"), ("mss", "")]) };
        assert_eq!(
            marks(&sent.against(&told)),
            [("win 1", Mark::Plain), ("seq 7", Mark::Plain), ("mss 1460", Mark::Lost)]
        );
        assert_eq!(
            marks(&told.after(&sent)),
            [("win 1", Mark::Plain), ("no mss 1460", Mark::Changed)]
        );
    }

    #[test]
    fn options_are_named_by_their_kind() {
        let names = ["mss 1460", "nop", "opt 254 0x01", "opt 254", "unknown-253 0xaa", ""];
        assert_eq!(names.map(kind), ["mss", "nop", "opt 254", "opt 254", "unknown-253", ""]);
    }
}
