//! The two ways to put the same questions: which options, numbers and content stand for what.

use super::{
    config::Version,
    draws::Draws,
    log::{Head, Seen},
    procedure::{Word, command},
};
use crate::{
    respond::report::{self, transform},
    wire::{
        options::{
            Item, MAX_LENGTH, Overflow, View, Writer,
            classic::{self, Classic},
            kind,
        },
        tcp::Seq,
    },
};

/// How the questions are put and how the answers are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// As in 2011: kinds 30 to 32, fixed numbers and content. A responder of 2011 understands it.
    Classic {
        /// Whether to judge as the original did, with the faults that gave a wrong number.
        faithful: bool,
    },
    /// With a kind for experiments (RFC 6994), and with random numbers and content. Timestamps are
    /// negotiated before they are used, and payload on a SYN comes without unknown options.
    Modern43,
}

/// The numbers of one connection.
#[derive(Clone, Debug)]
pub(crate) struct Voice {
    pub(crate) dialect: Dialect,
    /// The initial sequence number.
    pub(crate) isn: Seq,
    /// The window of every segment.
    pub(crate) window: u16,
    /// The timestamp.
    pub(crate) stamp: u32,
    /// The timestamp that jumps ahead.
    pub(crate) later: u32,
    /// The timestamp echo on a SYN.
    pub(crate) probe: u32,
    /// What modern options and content are drawn from.
    nonce: u64,
    /// The pieces of data that may be told of.
    spans: heapless::Vec<Span, PIECES>,
    /// The responder's numbers.
    pub(crate) responder: Responder,
}

/// What a responder's SYN/ACK holds when there is nothing to tell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Responder {
    pub(crate) window: u16,
    pub(crate) mss: u16,
    pub(crate) scale: u8,
    /// The timestamp, where it is always the same.
    pub(crate) stamp: Option<u32>,
}

/// What a responder tells by lowering the numbers of its SYN/ACK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// The SYN had payload.
    Payload,
    /// The SYN had the unknown option.
    Unknown,
    /// The SYN had the timestamp echo that was expected.
    Probe,
    /// The SYN had another timestamp echo.
    OtherEcho,
}

/// The numbers of a SYN/ACK that give a signal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signs {
    pub(crate) window: bool,
    pub(crate) mss: bool,
    pub(crate) scale: bool,
    pub(crate) stamp: bool,
}

/// Where a piece of data lies.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Span {
    /// The bytes before it.
    pub(crate) offset: u32,
    /// Its length.
    pub(crate) length: u16,
}

impl Dialect {
    /// Tells the identification of the IPv4 header behind one with `id`. Today's follow each other
    /// on a connection, as any host's do, for what merges segments wants them so; those of 2011 are
    /// random.
    pub(crate) fn next_id(self, id: u16, draws: &mut Draws) -> u16 {
        match self {
            Self::Classic { .. } => draws.short().max(1),
            Self::Modern43 => id.wrapping_add(1),
        }
    }
}

impl Voice {
    /// Draws the numbers of a connection.
    pub(crate) fn new(dialect: Dialect, draws: &mut Draws) -> Self {
        match dialect {
            Dialect::Classic { faithful } => Self {
                dialect,
                isn: Seq(252_001),
                window: 8064,
                stamp: 13_572_468,
                later: 0xffff_2468,
                probe: if faithful { UNEXPECTED_ECHO } else { report::EXPECTED_ECHO },
                nonce: 0,
                spans: heapless::Vec::new(),
                responder: Responder::CLASSIC,
            },
            Dialect::Modern43 => Self::drawn(draws),
        }
    }

    fn drawn(draws: &mut Draws) -> Self {
        let stamp = draws.word() | 1;
        Self {
            dialect: Dialect::Modern43,
            isn: Seq(draws.word()),
            window: 0x4000 | draws.short() & 0x3fff,
            stamp,
            later: stamp.wrapping_add(JUMP) | 1,
            probe: report::EXPECTED_ECHO,
            nonce: draws.next(),
            spans: heapless::Vec::new(),
            responder: Responder::MODERN,
        }
    }

    /// Tells whether the original's faults are wanted.
    pub(crate) fn faithful(&self) -> bool {
        self.dialect == Dialect::Classic { faithful: true }
    }

    /// Tells whether the modern dialect is spoken.
    pub(crate) fn is_modern(&self) -> bool {
        self.dialect == Dialect::Modern43
    }

    /// Tells the version of the responder that answers in this dialect.
    pub(crate) fn version(&self) -> Version {
        if self.is_modern() { Version::Modern } else { Version::Classic }
    }

    /// Appends an option to a segment that holds `span`; on a SYN the span is its payload.
    pub(crate) fn write(
        &self,
        word: Word,
        span: Span,
        out: &mut Writer<'_>,
    ) -> Result<(), Overflow> {
        match word {
            Word::Nop => View::Nop.write(out),
            Word::Mss => View::MaximumSegmentSize(MSS).write(out),
            Word::Scale => View::WindowScale(SCALE).write(out),
            Word::SackPermitted => View::SackPermitted.write(out),
            Word::Stamp => stamps(self.stamp, 0).write(out),
            Word::LaterStamp => stamps(self.later, 0).write(out),
            Word::StampEcho => stamps(self.stamp, self.probe).write(out),
            Word::Negotiation if self.is_modern() => {
                stamps(self.stamp, 0).write(out)?;
                out.align().map(|_| ())
            }
            Word::Negotiation => Ok(()),
            Word::UnknownSyn if !self.is_modern() => CAPABLE.write(out),
            Word::UnknownSyn if span.length > 0 => Ok(()),
            Word::UnknownSyn => out.option(KIND, &[&self.unknown_syn()]).map(|_| ()),
            Word::UnknownData if self.is_modern() => {
                out.option(KIND, &[&self.unknown_data(span)]).map(|_| ())
            }
            Word::UnknownData => data_option(span).write(out),
        }
    }

    /// Fills a payload that begins `offset` bytes into its burst.
    ///
    /// Where there is a command every byte is the command, so that each part of a segment that is
    /// cut up asks for the same. All else is random in the modern dialect, and no command.
    pub(crate) fn fill(&self, fill: u8, offset: u32, payload: &mut [u8]) {
        let plain = matches!(fill, command::PLAIN | command::SILENT);
        if !self.is_modern() || !plain {
            return payload.fill(fill);
        }
        let mut draws = Draws(self.nonce ^ u64::from(offset));
        for chunk in payload.chunks_mut(8) {
            for (byte, random) in chunk.iter_mut().zip(draws.next().to_be_bytes()) {
                *byte = NO_COMMAND | random;
            }
        }
    }

    /// Takes note of the pieces that go out next.
    pub(crate) fn announce(&mut self, spans: impl IntoIterator<Item = Span>) {
        self.spans = spans.into_iter().take(PIECES).collect();
    }

    /// Notes an option that is none of the usual ones.
    pub(crate) fn read(&self, item: Item<'_>, head: &mut Head) {
        if self.is_modern() {
            self.read_modern(item, head);
        } else {
            self.read_classic(item, head);
        }
    }

    fn read_classic(&self, item: Item<'_>, head: &mut Head) {
        let mut spans = self.spans.iter();
        match Classic::of(item) {
            Some(option @ Classic::Capable { token, initial }) => {
                let seen = compare(option == CAPABLE, token == 0 || initial == 0);
                head.note(seen, seen);
            }
            Some(option @ Classic::Data { sequence, .. }) => {
                let ours = spans.any(|span| data_option(*span) == option);
                head.note(compare(ours, sequence == 0), Seen::Absent);
            }
            Some(Classic::Ack { sequence }) => {
                let ours = spans.any(|span| end(*span) == sequence);
                head.receipt = head.receipt.better(compare(ours, sequence == 0));
            }
            None if item.kind() == Some(classic::CAPABLE) => head.note(Seen::Other, Seen::Other),
            None if item.kind() == Some(classic::DATA) => head.note(Seen::Other, Seen::Absent),
            None => {}
        }
    }

    fn read_modern(&self, item: Item<'_>, head: &mut Head) {
        let Item::Option { kind: KIND, data } = item else {
            return;
        };
        let answers = |sent: &[u8]| data.iter().copied().eq(transform(KIND, sent));
        let syn = self.unknown_syn();
        let mut spans = self.spans.iter().map(|span| self.unknown_data(*span));
        let sent = data == syn || spans.clone().any(|sent| data == sent);
        let answered = answers(&syn) || spans.any(|sent| answers(&sent));
        // What was cleared on the way out is answered as zeroes are.
        let zeroes = [0; MAX_LENGTH];
        let zero = data.iter().all(|byte| *byte == 0);
        let answers_zero = zeroes.get(..data.len()).is_some_and(answers);
        let receipt = if sent { Seen::Reflected } else { compare(answered, zero || answers_zero) };
        head.note(compare(sent, zero), receipt);
    }

    fn unknown_syn(&self) -> [u8; 10] {
        let [a, b, c, d, e, f, g, h] = Draws(self.nonce).next().to_be_bytes();
        let [x, y] = EXPERIMENT;
        [x, y, a, b, c, d, e, f, g, h]
    }

    fn unknown_data(&self, span: Span) -> [u8; 14] {
        let mut draws = Draws(self.nonce ^ u64::from(span.offset) << 16);
        let [a, b, c, d, e, f, g, h] = draws.next().to_be_bytes();
        let [i, j, k, l, ..] = draws.next().to_be_bytes();
        let [x, y] = EXPERIMENT;
        [x, y, a, b, c, d, e, f, g, h, i, j, k, l]
    }

    /// Tells by which of its numbers a SYN/ACK gives the signal.
    pub(crate) fn signs(&self, head: &Head, signal: Signal) -> Signs {
        let responder = self.responder;
        let gives = |lowered: Option<u8>| lowered.is_some_and(|by| self.gives(by, signal));
        let stamp = head.stamp.zip(responder.stamp);
        let stamp = stamp.map(|((value, _), own)| own.wrapping_sub(value));
        Signs {
            window: gives(responder.window_lowered(head)),
            mss: gives(responder.mss_lowered(head)),
            scale: gives(responder.scale_lowered(head)),
            stamp: gives(stamp.and_then(|by| u8::try_from(by).ok())),
        }
    }

    /// Tells whether a number that is lowered by so much gives the signal: signals exclude each
    /// other in the classic dialect and add up in the modern one.
    fn gives(&self, by: u8, signal: Signal) -> bool {
        let amount = signal.lowers();
        if self.is_modern() { by <= MOST_LOWERED && by & amount != 0 } else { by == amount }
    }

    /// Tells the timestamp of a SYN/ACK that says that the echo on the SYN arrived.
    pub(crate) fn returned_probe(&self) -> u32 {
        if !self.is_modern() {
            return self.probe;
        }
        let bytes = self.probe.to_be_bytes();
        let bytes = transform(kind::TIMESTAMPS, &bytes);
        bytes.fold(0, |sum, byte| sum << 8 | u32::from(byte))
    }

    /// Tells the window of a SYN/ACK that gives this signal and no other.
    pub(crate) const fn signalling_window(&self, signal: Signal) -> u16 {
        self.responder.window.wrapping_sub(signal.lowers() as u16)
    }

    /// Tells the size at which a box cuts its segments that learned the maximum from a SYN/ACK
    /// with this signal.
    pub(crate) const fn cut(&self, signal: Signal) -> u16 {
        self.responder.mss.wrapping_sub(signal.lowers() as u16)
    }
}

impl Responder {
    const CLASSIC: Self = Self { stamp: Some(TIMESTAMP), ..Self::MODERN };
    const MODERN: Self =
        Self { window: report::WINDOW, mss: report::MSS, scale: report::WINDOW_SCALE, stamp: None };

    /// Tells whether a SYN/ACK's window, segment size and scale are a responder's, lowered by
    /// the same.
    pub(crate) fn sent(&self, head: &Head) -> bool {
        let window = self.window_lowered(head).filter(|by| *by <= MOST_LOWERED);
        window.is_some() && window == self.mss_lowered(head) && window == self.scale_lowered(head)
    }

    fn window_lowered(&self, head: &Head) -> Option<u8> {
        u8::try_from(self.window.wrapping_sub(head.window)).ok()
    }

    fn mss_lowered(&self, head: &Head) -> Option<u8> {
        u8::try_from(self.mss.wrapping_sub(head.mss?)).ok()
    }

    fn scale_lowered(&self, head: &Head) -> Option<u8> {
        self.scale.checked_sub(head.scale?)
    }
}

impl Signal {
    /// Tells by how much the numbers are lowered.
    const fn lowers(self) -> u8 {
        match self {
            Self::Payload => report::DATA_LOWERS,
            Self::Unknown => report::UNKNOWN_LOWERS,
            Self::Probe => report::EXPECTED_ECHO_LOWERS,
            Self::OtherEcho => report::OTHER_ECHO_LOWERS,
        }
    }
}

impl Signs {
    pub(crate) const fn any(self) -> bool {
        self.window || self.mss || self.scale || self.stamp
    }
}

const fn stamps(value: u32, echo: u32) -> View<'static> {
    View::Timestamps { value, echo }
}

fn data_option(span: Span) -> Classic {
    Classic::Data {
        sequence: DATA.wrapping_add(span.offset.into()),
        length: span.length,
        subflow: span.offset.wrapping_add(1),
    }
}

/// Tells where a piece ends in the data's own sequence space.
fn end(span: Span) -> u64 {
    let end = u64::from(span.offset).wrapping_add(span.length.into());
    DATA.wrapping_add(end)
}

const fn compare(right: bool, zero: bool) -> Seen {
    if right {
        Seen::Right
    } else if zero {
        Seen::Zero
    } else {
        Seen::Other
    }
}

/// The most that a SYN/ACK's numbers are lowered by.
const MOST_LOWERED: u8 = 7;
/// The timestamp of a responder of 2011, before it is lowered.
const TIMESTAMP: u32 = 12_345_678;
/// The timestamp echo that the original sent, though its responder expected another.
const UNEXPECTED_ECHO: u32 = 0x8000_1234;
/// The most pieces in a burst.
const PIECES: usize = 3;
/// The maximum segment size that is offered.
const MSS: u16 = 512;
/// The window scale that is offered.
const SCALE: u8 = 2;
/// The unknown option of a SYN of 2011.
const CAPABLE: Classic = Classic::Capable { token: 0x0d0c_0b09, initial: 0x1234_5678_abcd_0000 };
/// Where the data's own sequence space begins in 2011.
const DATA: u64 = 0x1234_5678_abcd_ef00;
/// The unknown option's kind today.
const KIND: u8 = kind::EXPERIMENT_1;
/// Its experiment identifier, which nobody else has.
const EXPERIMENT: [u8; 2] = *b"tX";
/// How far ahead the timestamp jumps: as far as in 2011.
const JUMP: u32 = 0xff30_0af4;
/// Bits that no command has.
const NO_COMMAND: u8 = 0xd0;
