//! What came back on one connection.

use super::shape::Block;
use crate::{
    experiment::verdict::Evidence,
    respond::v1::{Account, Checksum, Report, Wrap},
    wire::{
        options::Item,
        packet::{Network, Packet},
        tcp::{Flags, Seq},
    },
};

/// What came back.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    /// The numbers of the last packets that were sent.
    sent: heapless::Deque<u64, 3>,
    /// The first SYN/ACK.
    pub(crate) syn_ack: Option<Answer>,
    /// The answers to the question, each of its kind once.
    pub(crate) answers: heapless::Vec<Answer, 6>,
    /// The report.
    pub(crate) report: Option<Reported>,
    /// The account in an answer to a pure acknowledgement.
    pub(crate) account: Option<Account>,
    /// The first reset.
    pub(crate) reset: Option<u64>,
    /// The first ICMP error.
    pub(crate) error: Option<u64>,
    /// The first answer from another port of the target.
    pub(crate) stray: Option<u64>,
}

/// A segment that came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) number: u64,
    pub(crate) flags: Flags,
    pub(crate) seq: Seq,
    pub(crate) ack: Seq,
    pub(crate) urgent: u16,
    pub(crate) class: u8,
    pub(crate) hops: u8,
    pub(crate) length: u16,
    /// The first bytes of the payload.
    pub(crate) start: [u8; 4],
    pub(crate) options: Block,
}

/// A report, kept.
#[derive(Clone, Debug)]
pub(crate) struct Reported {
    pub(crate) number: u64,
    /// The headers that the host received.
    pub(crate) headers: heapless::Vec<u8, 176>,
    /// The sequence number that the host sent it with.
    pub(crate) seq: Seq,
    pub(crate) checksum: Checksum,
    pub(crate) merged: bool,
    pub(crate) length: u16,
    pub(crate) hash: u64,
    /// Whether seal and dress are whole.
    pub(crate) whole: bool,
}

impl Log {
    /// Notes that a packet was sent.
    pub(crate) fn send(&mut self, number: u64) {
        if self.sent.is_full() {
            let _ = self.sent.pop_front();
        }
        let _ = self.sent.push_back(number);
    }

    /// Keeps an answer to the question, unless one like it is there.
    pub(crate) fn answer(&mut self, answer: Answer) {
        let alike = |known: &&Answer| {
            (known.seq, known.length, known.start, known.flags)
                == (answer.seq, answer.length, answer.start, answer.flags)
        };
        if self.answers.iter().find(alike).is_none() {
            let _ = self.answers.push(answer);
        }
    }

    /// Gathers the packets that prove a finding.
    pub(crate) fn evidence(&self) -> Evidence {
        let answers = self.answers.iter().map(|answer| answer.number);
        let first = self.syn_ack.as_ref().map(|answer| answer.number);
        let others = [
            first,
            self.report.as_ref().map(|report| report.number),
            self.reset,
            self.error,
            self.stray,
        ];
        let mut all: heapless::Vec<u64, 16> = heapless::Vec::new();
        for number in self.sent.iter().copied().chain(others.into_iter().flatten()).chain(answers) {
            if !all.contains(&number) {
                let _ = all.push(number);
            }
        }
        all.sort_unstable();
        all.iter().copied().take(8).collect()
    }
}

impl Answer {
    /// Takes what is kept of a segment.
    pub(crate) fn of(number: u64, packet: &Packet<'_>) -> Option<Self> {
        let segment = packet.tcp()?;
        let (class, hops) = match &packet.network {
            Network::None => return None,
            Network::V4(datagram) => (datagram.header.tos(), datagram.header.ttl()),
            Network::V6(datagram) => (datagram.header.traffic_class(), datagram.header.hop_limit()),
        };
        Some(Self {
            number,
            flags: segment.header.flags(),
            seq: segment.header.seq(),
            ack: segment.header.ack(),
            urgent: segment.header.urgent(),
            class,
            hops,
            length: u16::try_from(segment.payload.len()).unwrap_or(u16::MAX),
            start: segment.payload.first_chunk().copied().unwrap_or_default(),
            options: Block::from_slice(segment.options.bytes()).unwrap_or_default(),
        })
    }
}

impl Reported {
    /// Finds the report that answers an order with this nonce and this dress.
    pub(crate) fn find(number: u64, payload: &[u8], nonce: u64, wrap: Wrap) -> Option<Self> {
        let report = Report::find(payload, nonce)?;
        let sent = report.sent.tcp()?;
        let dressed = wrap.strip(payload).is_some_and(|body| body.starts_with(&Report::MAGIC));
        let filler = report.filler.iter().enumerate();
        let filled =
            filler.into_iter().all(|(at, byte)| *byte == crate::respond::v1::filler(nonce, at));
        Some(Self {
            number,
            headers: heapless::Vec::from_slice(report.received.bytes).ok()?,
            seq: sent.header.seq(),
            checksum: report.checksum,
            merged: report.merged,
            length: report.length,
            hash: report.hash,
            whole: report.sealed && dressed && filled,
        })
    }
}

/// Finds the data of the first option of a kind.
pub(crate) fn option(options: &[u8], wanted: u8) -> Option<&[u8]> {
    crate::wire::options::Options::new(options).iter().find_map(|item| match item {
        Item::Option { kind, data } if kind == wanted => Some(data),
        _ => None,
    })
}

/// Finds an account among options.
pub(crate) fn account(options: &[u8]) -> Option<Account> {
    crate::wire::options::Options::new(options).iter().find_map(|item| match item {
        Item::Option { kind, data } => Account::parse(kind, data),
        _ => None,
    })
}
