//! What was sent, what arrived and what came back, rung by rung.

use std::net::IpAddr;

use tcpexposure_core::{
    respond::{
        report,
        v1::{Account, Order, Report},
    },
    wire::{
        options::Item,
        packet::{Packet, Transport},
        tcp::Flags,
    },
};

use super::{
    capture::Capture,
    facts::{Facts, Mark, Piece},
    session::Verdict,
};

/// The picture of a finding.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ladder {
    /// From top to bottom.
    pub(super) rungs: Vec<Rung>,
    /// Whether it shows packets, and not only what the verdict says.
    pub(super) packets: bool,
}

/// One packet on its way.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rung {
    /// Its number in the capture.
    pub(super) number: Option<u64>,
    /// Whether it goes to the target.
    pub(super) out: bool,
    /// Between us and the path.
    pub(super) near: Leg,
    /// Between the path and the target.
    pub(super) far: Leg,
}

/// Half of a rung.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Leg {
    /// It was there so.
    Told(Vec<Piece>),
    /// Nobody tells what it was like.
    Untold,
    /// It did not come so far.
    Stopped,
    /// It did not come from there.
    Absent,
}

impl Ladder {
    /// Draws the packets that prove a finding; `None` if the capture does not hold them.
    pub(super) fn of_packets(
        verdict: &Verdict,
        target: &str,
        port: u64,
        capture: &Capture,
    ) -> Option<Self> {
        let target = target.parse().ok()?;
        let view = View { verdict, target, port, capture };
        let mut numbers = verdict.evidence.clone();
        if numbers.is_empty() || !numbers.iter().all(|number| view.holds(*number)) {
            return None;
        }
        numbers.extend(verdict.evidence.iter().filter_map(|number| view.question(*number)));
        numbers.sort_unstable();
        numbers.dedup();
        let rungs = numbers.iter().filter_map(|number| view.rung(*number, &numbers)).collect();
        Some(Self { rungs, packets: true })
    }

    /// Draws what the verdict says by itself.
    pub(super) fn of_verdict(verdict: &Verdict) -> Self {
        let inbound = verdict.direction.as_deref() == Some("inbound");
        let word = verdict.outcome.as_str();
        let (sent, arrived) = match verdict.values {
            Some((sent, arrived)) => (format!("the value {sent}"), format!("the value {arrived}")),
            None => ("as it was sent".to_owned(), word.to_owned()),
        };
        let plain = |text: &str| Leg::Told(vec![piece(text, Mark::Plain)]);
        let changed = |text: &str| Leg::Told(vec![piece(text, Mark::Changed)]);
        let rung = |out, near, far| Rung { number: None, out, near, far };
        let question = plain("the question");
        let rungs = match (word, inbound) {
            ("dropped", false) => vec![rung(true, question, Leg::Stopped)],
            ("dropped", true) => vec![
                rung(true, question, plain("the question")),
                rung(false, Leg::Stopped, plain("the answer")),
            ],
            ("reset", _) => vec![
                rung(true, question, Leg::Untold),
                rung(false, changed("a reset"), Leg::Untold),
            ],
            ("answered-by-box", _) => vec![
                rung(true, question, Leg::Untold),
                rung(false, changed("an answer of a box"), Leg::Absent),
            ],
            (_, false) => vec![
                rung(true, plain(&sent), changed(&arrived)),
                rung(false, plain("the answer, which tells"), plain("the answer")),
            ],
            (_, true) => vec![
                rung(true, question, plain("the question")),
                rung(false, changed(&arrived), plain(&sent)),
            ],
        };
        Self { rungs, packets: false }
    }

    /// Tells the picture in words.
    pub(super) fn words(&self) -> String {
        let rungs = self.rungs.iter().map(Rung::words);
        rungs.collect::<Vec<_>>().join(" ")
    }
}

impl Rung {
    fn words(&self) -> String {
        let number = self.number.map_or(String::new(), |number| format!("Packet {number}: "));
        let (way, first, second) = if self.out {
            ("to the target", &self.near, &self.far)
        } else {
            ("back", &self.far, &self.near)
        };
        format!("{number}{way}: {}; {}.", first.words("sent"), second.words("arrived"))
    }
}

impl Leg {
    fn words(&self, what: &str) -> String {
        match self {
            Self::Told(pieces) => {
                let texts: Vec<_> = pieces.iter().map(Piece::words).collect();
                format!("{what} {}", texts.join(", "))
            }
            Self::Untold => format!("what was {what} is not told"),
            Self::Stopped => "it does not arrive".to_owned(),
            Self::Absent => "it does not come from the target".to_owned(),
        }
    }
}

impl Piece {
    fn words(&self) -> String {
        match self.mark {
            Mark::Plain => self.text.clone(),
            Mark::Lost => format!("{} (not so on arrival)", self.text),
            Mark::Changed => format!("{} (changed)", self.text),
        }
    }
}

/// A finding and the capture that proves it.
struct View<'a> {
    verdict: &'a Verdict,
    target: IpAddr,
    port: u64,
    capture: &'a Capture,
}

impl View<'_> {
    /// Tells whether a packet may belong to this finding.
    fn holds(&self, number: u64) -> bool {
        let Some(packet) = self.capture.packet(number) else { return false };
        let Some((from, to)) = packet.addresses() else { return false };
        let ours = packet.ports().is_none_or(|(source, destination)| {
            from == self.target && u64::from(source) == self.port
                || to == self.target && u64::from(destination) == self.port
        });
        ours || matches!(packet.transport, Transport::Icmp(_))
    }

    /// Finds the segment that an answer reports on, if the evidence does not hold it.
    fn question(&self, number: u64) -> Option<u64> {
        let answer = self.capture.packet(number)?;
        if self.is_out(&answer) {
            return None;
        }
        let found = self.asked(&answer, number)?;
        self.reported(&found.1, &answer).map(|_| found.0)
    }

    /// Finds the last segment with data, or the last SYN, on the connection of an answer.
    fn asked(&self, answer: &Packet<'_>, number: u64) -> Option<(u64, Packet<'_>)> {
        let numbers = (1..number).rev();
        let mut asked = numbers.filter_map(|at| Some((at, self.capture.packet(at)?)));
        asked.find(|(_, packet)| {
            is_answer(packet, answer)
                && packet.tcp().is_some_and(|segment| {
                    let syn = segment.header.flags().contains(SYN);
                    syn || !segment.payload.is_empty()
                })
                && self.reported(packet, answer).is_some()
        })
    }

    /// Reads from an answer as what a segment arrived.
    fn reported(&self, asked: &Packet<'_>, answer: &Packet<'_>) -> Option<Told> {
        let (sent, got) = (asked.tcp()?, answer.tcp()?);
        let is_syn = |flags: Flags| flags.contains(SYN);
        if is_syn(sent.header.flags()) || is_syn(got.header.flags()) {
            let both = is_syn(sent.header.flags()) && is_syn(got.header.flags());
            let account = got.options.iter().filter(|_| both).find_map(account)?;
            return Some(Told { arrived: Facts::account(&account), answered: None });
        }
        if let Some(order) = Order::find(sent.payload) {
            let report = Report::find(got.payload, order.nonce)?;
            return Some(Told::new(&report.received, &report.sent));
        }
        let report = report::Report::parse(got.payload)?;
        Some(Told::new(&report.received, &report.sent))
    }

    fn is_out(&self, packet: &Packet<'_>) -> bool {
        packet.addresses().is_some_and(|(_, to)| to == self.target)
    }

    fn rung(&self, number: u64, shown: &[u64]) -> Option<Rung> {
        let packet = self.capture.packet(number)?;
        let out = self.is_out(&packet);
        let facts = Facts::of(&packet);
        let (near, far) = if out {
            self.sent(&packet, &facts, number, shown)
        } else {
            self.came(&packet, &facts, number)
        };
        Some(Rung { number: Some(number), out, near: Leg::Told(near), far })
    }

    /// Tells what a packet was like that we sent, and as what it arrived.
    fn sent(
        &self,
        packet: &Packet<'_>,
        facts: &Facts,
        number: u64,
        shown: &[u64],
    ) -> (Vec<Piece>, Leg) {
        let answers = shown.iter().filter(|at| **at > number);
        let told = answers.filter_map(|at| Some((*at, self.capture.packet(*at)?)));
        let mut told = told.filter(|(_, answer)| is_answer(packet, answer));
        let told = told.find_map(|(at, answer)| {
            // A repeated segment is told of by its last copy.
            let (asked, _) = self.asked(&answer, at)?;
            (asked == number).then(|| self.reported(packet, &answer)).flatten()
        });
        match told {
            Some(told) => (facts.against(&told.arrived), Leg::Told(told.arrived.after(facts))),
            None if self.is_lost(packet, number) => (facts.plain(), Leg::Stopped),
            None => (facts.plain(), Leg::Untold),
        }
    }

    /// Tells what an answer was like when it came, and as what it was sent.
    fn came(&self, answer: &Packet<'_>, facts: &Facts, number: u64) -> (Vec<Piece>, Leg) {
        let asked = self.asked(answer, number);
        let told = asked.and_then(|(_, packet)| self.reported(&packet, answer));
        match told.and_then(|told| told.answered) {
            Some(sent) => (facts.after(&sent), Leg::Told(sent.against(facts))),
            None if self.verdict.outcome == "answered-by-box" => (facts.plain(), Leg::Absent),
            None => (facts.plain(), Leg::Untold),
        }
    }

    /// Tells whether the finding is a loss on the way out, and nothing follows this packet.
    fn is_lost(&self, packet: &Packet<'_>, number: u64) -> bool {
        let outbound = self.verdict.direction.as_deref() != Some("inbound");
        let behind = number.saturating_add(1)..=self.capture.count();
        let mut answers = behind.filter_map(|at| self.capture.packet(at));
        outbound
            && self.verdict.outcome == "dropped"
            && !answers.any(|answer| is_answer(packet, &answer))
    }
}

/// What an answer tells.
struct Told {
    arrived: Facts,
    /// As what the answer itself was sent.
    answered: Option<Facts>,
}

impl Told {
    fn new(received: &Packet<'_>, sent: &Packet<'_>) -> Self {
        Self { arrived: Facts::told(received), answered: Some(Facts::told(sent).without_length()) }
    }
}

/// Tells whether one packet goes the other way on the same connection.
fn is_answer(packet: &Packet<'_>, answer: &Packet<'_>) -> bool {
    let swapped = answer.addresses().map(|(from, to)| (to, from));
    let ports = answer.ports().map(|(from, to)| (to, from));
    packet.addresses() == swapped && packet.ports() == ports
}

fn account(item: Item<'_>) -> Option<Account> {
    match item {
        Item::Option { kind, data } => Account::parse(kind, data),
        _ => None,
    }
}

fn piece(text: &str, mark: Mark) -> Piece {
    Piece { text: text.to_owned(), mark }
}

const SYN: Flags = Flags::SYN;

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(outcome: &str, direction: Option<&str>, values: Option<(u64, u64)>) -> String {
        let direction = direction.map(str::to_owned);
        let outcome = outcome.to_owned();
        let verdict = Verdict { outcome, direction, values, ..Verdict::default() };
        Ladder::of_verdict(&verdict).words()
    }

    #[test]
    fn a_verdict_alone_is_drawn() {
        assert_eq!(
            drawn("dropped", Some("outbound"), None),
            "to the target: sent the question; it does not arrive."
        );
        assert_eq!(
            drawn("changed", Some("outbound"), Some((1460, 1380))),
            "to the target: sent the value 1460; arrived the value 1380 (changed). \
             back: sent the answer; arrived the answer, which tells."
        );
        assert!(drawn("removed", Some("inbound"), None).ends_with("arrived removed (changed)."));
        assert!(drawn("answered-by-box", None, None).contains("does not come from the target"));
    }
}
