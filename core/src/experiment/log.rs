//! What went out and what came back on one connection: digests in a bounded log.

use heapless::Vec;

use super::{config::Version, verdict::Evidence, voice::Voice};
use crate::{
    respond::classic,
    respond::modern,
    respond::report::{self, Report},
    wire::{
        options::{Options, View},
        packet::{Network, Packet},
        tcp::{self, Flags, Seq},
    },
};

/// The packets of one connection.
#[derive(Debug, Default)]
pub(crate) struct Log {
    sent: Vec<Sent, 24>,
    answers: Vec<Answer, 32>,
    /// The numbers of ICMP errors.
    errors: Vec<u64, 2>,
    /// The first answer from another port of the target.
    stray: Option<u64>,
    /// Whether something could not be kept.
    pub(crate) overflow: bool,
}

/// What a packet belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The SYN.
    Opening,
    /// The time between the handshake and the first burst, and all that is judged by nobody.
    Aside,
    /// The burst of this index.
    Burst(u8),
}

/// A segment that was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) number: u64,
    pub(crate) stage: Stage,
    /// The piece of the burst.
    pub(crate) piece: u8,
    pub(crate) seq: Seq,
    pub(crate) ack: Seq,
    /// The payload's length.
    pub(crate) length: u16,
}

/// A segment that came back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    pub(crate) number: u64,
    pub(crate) stage: Stage,
    pub(crate) head: Head,
    /// The header echo in its payload, if there is a whole one.
    pub(crate) echo: Option<Echo>,
    /// Whether its payload begins as an echo does that quotes a SYN, whole or not.
    pub(crate) quotes_syn: bool,
    /// The version of the report that its payload may be, if it is none that can be read.
    pub(crate) later: Option<Version>,
}

/// A TCP header, its options looked through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) flags: Flags,
    pub(crate) seq: Seq,
    pub(crate) ack: Seq,
    pub(crate) window: u16,
    /// The payload's length.
    pub(crate) length: u16,
    /// The options' length.
    pub(crate) options: u8,
    pub(crate) mss: Option<u16>,
    pub(crate) scale: Option<u8>,
    /// The first timestamp: value and echo.
    pub(crate) stamp: Option<(u32, u32)>,
    pub(crate) stamps: u8,
    /// The unknown option, against what was sent.
    pub(crate) unknown: Seen,
    pub(crate) unknowns: u8,
    /// The unknown option, against what answers it.
    pub(crate) receipt: Seen,
}

/// A header echo: what the responder received, what it sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Echo {
    pub(crate) received: Head,
    pub(crate) sent: Head,
    /// The first two bytes of the payload that the responder received.
    pub(crate) copy: [u8; 2],
    /// The responder's version, as far as what it says that it sent shows one.
    pub(crate) version: Option<Version>,
}

/// What an option looked like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It was not there.
    #[default]
    Absent,
    /// It was there as expected.
    Right,
    /// Its values were cleared.
    Zero,
    /// It was a copy of what was sent, where something else was expected.
    Reflected,
    /// It had other values.
    Other,
}

impl Log {
    pub(crate) fn send(&mut self, sent: Sent) {
        self.overflow |= self.sent.push(sent).is_err();
    }

    pub(crate) fn answer(&mut self, answer: Answer) {
        self.overflow |= self.answers.push(answer).is_err();
    }

    /// Notes an ICMP error about a packet of this connection.
    pub(crate) fn error(&mut self, number: u64) {
        let _ = self.errors.push(number);
    }

    /// Notes an answer from another port of the target.
    pub(crate) fn note_stray(&mut self, number: u64) {
        self.stray.get_or_insert(number);
    }

    /// Tells the first answer from another port.
    pub(crate) const fn stray(&self) -> Option<u64> {
        self.stray
    }

    /// Tells what was sent in `stage`.
    pub(crate) fn sent(&self, stage: Stage) -> impl DoubleEndedIterator<Item = &Sent> + Clone {
        self.sent.iter().filter(move |sent| sent.stage == stage)
    }

    /// Tells what came back in `stage`.
    pub(crate) fn answers(&self, stage: Stage) -> impl Iterator<Item = &Answer> + Clone {
        self.answers.iter().filter(move |answer| answer.stage == stage)
    }

    /// Tells all that came back.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Answer> {
        self.answers.iter()
    }

    /// Tells the first SYN/ACK.
    pub(crate) fn syn_ack(&self) -> Option<&Answer> {
        self.answers(Stage::Opening).find(|answer| answer.head.flags.contains(SYN_ACK))
    }

    /// Finds the first reset in `stage`.
    pub(crate) fn reset(&self, stage: Stage) -> Option<&Answer> {
        self.answers(stage).find(|answer| answer.resets())
    }

    /// Tells the answers whose acknowledgement counts: no SYN, no FIN, no RST.
    pub(crate) fn acks(&self, stage: Stage) -> impl Iterator<Item = &Answer> + Clone {
        self.answers(stage).filter(|answer| answer.acknowledges())
    }

    /// Tells the latest acknowledgement.
    pub(crate) fn latest_ack(&self, stage: Stage) -> Option<&Answer> {
        self.acks(stage).reduce(
            |best, answer| {
                if best.head.ack.precedes(answer.head.ack) { answer } else { best }
            },
        )
    }

    /// Finds an acknowledgement of exactly `end`.
    pub(crate) fn exact(&self, stage: Stage, end: Seq) -> Option<&Answer> {
        self.acks(stage).find(|answer| answer.head.ack == end)
    }

    /// Tells the first header echo.
    pub(crate) fn echo(&self, stage: Stage) -> Option<(&Answer, &Echo)> {
        self.answers(stage).find_map(|answer| Some((answer, answer.echo.as_ref()?)))
    }

    /// Gathers packet numbers: the latest of what was sent in `stage`, ICMP errors, and these
    /// answers.
    pub(crate) fn evidence<'a>(
        &self,
        stage: Stage,
        answers: impl IntoIterator<Item = &'a Answer>,
    ) -> Evidence {
        let mut evidence = Evidence::new();
        let sent = self.sent(stage);
        let skip = sent.clone().count().saturating_sub(SENT_SHOWN);
        for number in sent.skip(skip).map(|sent| sent.number) {
            let _ = evidence.push(number);
        }
        for number in self.errors.iter().copied() {
            let _ = evidence.push(number);
        }
        for answer in answers {
            let _ = evidence.push(answer.number);
        }
        evidence.sort_unstable();
        evidence
    }
}

impl Sent {
    /// Tells the sequence number behind it.
    pub(crate) fn end(&self) -> Seq {
        self.seq.add(u32::from(self.length))
    }

    /// Tells whether `seq` lies in it.
    pub(crate) fn covers(&self, seq: Seq) -> bool {
        seq.since(self.seq) < u32::from(self.length.max(1))
    }
}

impl Answer {
    pub(crate) fn resets(&self) -> bool {
        self.head.flags.contains(Flags::RST)
    }

    /// Tells whether it is neither SYN nor FIN nor RST.
    pub(crate) fn acknowledges(&self) -> bool {
        !self.head.flags.intersects(Flags::SYN.with(Flags::FIN).with(Flags::RST))
    }

    /// Tells the sequence number behind its payload.
    pub(crate) fn end(&self) -> Seq {
        self.head.seq.add(u32::from(self.head.length))
    }
}

impl Seen {
    /// Tells the more telling of two options of one kind in one header: what is right, before what
    /// is wrong, before what is cleared.
    pub(crate) const fn better(self, other: Self) -> Self {
        if other.rank() > self.rank() { other } else { self }
    }

    const fn rank(self) -> u8 {
        match self {
            Self::Absent => 0,
            Self::Zero => 1,
            Self::Other => 2,
            Self::Reflected => 3,
            Self::Right => 4,
        }
    }
}

impl Head {
    /// Looks through a segment with `length` bytes of payload.
    pub(crate) fn of(segment: &tcp::Segment<'_>, length: u16, voice: &Voice) -> Self {
        let header = segment.header;
        let mut head = Self {
            flags: header.flags(),
            seq: header.seq(),
            ack: header.ack(),
            window: header.window(),
            length,
            options: u8::try_from(segment.options.bytes().len()).unwrap_or(u8::MAX),
            mss: None,
            scale: None,
            stamp: None,
            stamps: 0,
            unknown: Seen::Absent,
            unknowns: 0,
            receipt: Seen::Absent,
        };
        head.options(segment.options, voice);
        head
    }

    /// Looks through a header in an echo.
    fn quoted(packet: &Packet<'_>, voice: &Voice) -> Option<Self> {
        let segment = packet.tcp()?;
        let length = u16::try_from(segment.payload_length).ok()?;
        Some(Self::of(segment, length, voice))
    }

    /// Notes an unknown option, as it compares with what was sent and with what answers that.
    pub(crate) fn note(&mut self, sent: Seen, receipt: Seen) {
        self.unknown = self.unknown.better(sent);
        self.unknowns = self.unknowns.saturating_add(1);
        self.receipt = self.receipt.better(receipt);
    }

    fn options(&mut self, options: Options<'_>, voice: &Voice) {
        for item in options {
            match item.view() {
                View::MaximumSegmentSize(mss) => self.mss = self.mss.or(Some(mss)),
                View::WindowScale(scale) => self.scale = self.scale.or(Some(scale)),
                View::Timestamps { value, echo } => {
                    self.stamp = self.stamp.or(Some((value, echo)));
                    self.stamps = self.stamps.saturating_add(1);
                }
                _ => voice.read(item, self),
            }
        }
    }
}

impl Echo {
    /// Reads the payload of an answer; `None` when no whole echo is there.
    pub(crate) fn parse(payload: &[u8], voice: &Voice) -> Option<Self> {
        let report = Report::parse(payload)?;
        Some(Self {
            received: Head::quoted(&report.received, voice)?,
            sent: Head::quoted(&report.sent, voice)?,
            copy: *report.copy.first_chunk()?,
            version: match hops(&report.sent) {
                classic::HOPS => Some(Version::Classic),
                modern::HOPS => Some(Version::Modern),
                _ => None,
            },
        })
    }
}

/// Tells the version that reports begin with which this dialect knows nothing of.
pub(crate) fn later(payload: &[u8]) -> Option<Version> {
    report::version(payload).filter(|version| *version > 0).map(Version::Later)
}

const fn hops(packet: &Packet<'_>) -> u8 {
    match &packet.network {
        Network::None => 0,
        Network::V4(datagram) => datagram.header.ttl(),
        Network::V6(datagram) => datagram.header.hop_limit(),
    }
}

/// Tells whether a payload begins with the headers of a SYN.
pub(crate) fn quotes_syn(payload: &[u8]) -> bool {
    let packet = Packet::from_ip(payload);
    let segment = packet.tcp();
    segment.is_some_and(|segment| segment.header.flags().contains(Flags::SYN))
}

const SYN_ACK: Flags = Flags::SYN.with(Flags::ACK);
/// How many sent segments are named as evidence.
const SENT_SHOWN: usize = 3;
