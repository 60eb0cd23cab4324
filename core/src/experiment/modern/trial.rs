//! One question on one connection: connect, what comes before, the question, and a reset.

use core::{net::IpAddr, time::Duration};

use super::{
    catalogue::{Aspect, Before, Row, Step},
    log::{Answer, Log, Reported, account},
    shape::{Opt, Reply, Shape, Sketch, Text},
};
use crate::{
    craft::{Draft, Network},
    experiment::timer::Timer,
    respond::v1::{Mode, Told},
    time::Instant,
    wire::{
        packet::Packet,
        tcp::{Flags, Seq},
    },
};

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The row's question.
    Question,
    /// The same without what the question is about.
    Control,
}

/// Where a trial's connection runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub(crate) source: IpAddr,
    pub(crate) target: IpAddr,
    pub(crate) source_port: u16,
    pub(crate) port: u16,
    /// How long [`Before::Idle`] is.
    pub(crate) idle: Duration,
    /// Whether an ordinary server is asked, so that nothing is ordered.
    pub(crate) server: bool,
    /// Whether orders and reports are dressed in HTTP.
    pub(crate) http: bool,
}

/// The machine.
#[derive(Debug)]
pub(crate) struct Trial {
    pub(crate) row: &'static Row,
    pub(crate) purpose: Purpose,
    pub(crate) line: Line,
    pub(crate) log: Log,
    nonce: u64,
    account: bool,
    isn: Seq,
    phase: Phase,
    tries: u8,
    pending: bool,
    sent_at: Instant,
    deadline: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Connect,
    /// The third segment of the handshake.
    Greet,
    /// What comes before the question.
    Before,
    /// Silence.
    Rest,
    Question,
    Abandon,
    Over,
}

/// What a trial asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Turn {
    Send(usize),
    Wait(Instant),
    Over,
}

impl Trial {
    /// Begins a connection; `account` asks for an account beside what the row's SYN says.
    pub(crate) fn new(
        row: &'static Row,
        purpose: Purpose,
        line: Line,
        (nonce, isn): (u64, Seq),
        account: bool,
        now: Instant,
    ) -> Self {
        Self {
            row,
            purpose,
            line,
            log: Log::default(),
            nonce,
            account,
            isn,
            phase: Phase::Connect,
            tries: 0,
            pending: true,
            sent_at: now,
            deadline: now,
        }
    }

    /// Tells the SYN.
    pub(crate) fn syn(&self) -> Shape {
        match self.purpose {
            Purpose::Control if self.row.is_about_syn() => Shape::SYN,
            _ => self.row.syn,
        }
    }

    /// Tells the segment of the question, and the answer that is ordered.
    pub(crate) fn question(&self) -> (Shape, Reply) {
        let (mut shape, mut reply) = match (self.row.step, self.purpose) {
            (Step::Segment(shape, reply), Purpose::Question) => (shape, reply),
            (Step::Acknowledgement(shape), Purpose::Question) => (shape, Reply::PLAIN),
            (Step::Acknowledgement(_), Purpose::Control) => {
                (Shape::ACK.with_options(&[Opt::Account]), Reply::PLAIN)
            }
            _ => (Shape::DATA, Reply::PLAIN),
        };
        if self.line.http && shape.text == Text::Plain {
            shape.text = Text::Post;
            reply = reply.in_http();
        }
        (shape, reply)
    }

    /// Tells what the host says of the SYN as it arrived: by the number that it knows its own
    /// SYN/ACK by, which a box may have translated on the way.
    pub(crate) fn told(&self) -> Option<Told> {
        let report = self.log.report.as_ref()?;
        Some(Told::of_seq(report.seq.sub(1)))
    }

    /// Tells whether the connection works in the sense of its purpose.
    pub(crate) fn is_answered(&self) -> bool {
        if self.line.server || self.row.is_about_syn() && self.purpose == Purpose::Control {
            return self.log.syn_ack.is_some();
        }
        match self.row.step {
            Step::Acknowledgement(_) => self.log.account.is_some(),
            _ => self.log.report.is_some(),
        }
    }

    /// Tells whether what somebody else might have sent was answered by an acknowledgement of what
    /// had been sent before.
    pub(crate) fn is_challenged(&self) -> bool {
        let expected = self.place().map(|(seq, _)| seq);
        let challenge = |answer: &Answer| {
            answer.flags == Flags::ACK && answer.length == 0 && Some(answer.ack) == expected
        };
        self.log.answers.iter().any(challenge)
    }

    /// Gives the numbers that the SYN was drawn from.
    pub(crate) fn first_sketch(&self) -> Option<Sketch> {
        self.sketch(self.isn, Seq(0))
    }

    /// Gives the numbers that the question was drawn from.
    pub(crate) fn question_sketch(&self) -> Option<Sketch> {
        let (seq, ack) = self.place()?;
        self.sketch(seq, ack)
    }

    fn sketch(&self, seq: Seq, ack: Seq) -> Option<Sketch> {
        let line = &self.line;
        let mut network = Network::between(line.source, line.target)?;
        if let Network::V4(header) = &mut network {
            let [a, b, ..] = self.nonce.to_le_bytes();
            header.id = u16::from_le_bytes([a, b]) | 1;
        }
        Some(Sketch {
            nonce: self.nonce,
            network,
            source_port: line.source_port,
            port: line.port,
            seq,
            ack,
            account: self.account,
        })
    }

    /// Tells where the next byte of ours is, and what we acknowledge.
    fn place(&self) -> Option<(Seq, Seq)> {
        let greeting = self.log.syn_ack.as_ref()?;
        let fin = self.row.before == Before::HalfClose
            && self.purpose == Purpose::Question
            && matches!(self.phase, Phase::Rest | Phase::Question | Phase::Abandon);
        let end = greeting.seq.add(1).add(greeting.length.into());
        Some((greeting.ack.add(fin.into()), end))
    }

    /// Takes in a segment of this connection.
    pub(crate) fn handle(
        &mut self,
        now: Instant,
        number: u64,
        timer: &mut Timer,
        packet: &Packet<'_>,
    ) {
        let Some(answer) = Answer::of(number, packet) else {
            return;
        };
        if answer.flags.contains(Flags::RST) {
            return self.refused(now, &answer);
        }
        match self.phase {
            Phase::Connect if self.greets(&answer) => {
                if self.tries == 1 {
                    timer.sample(now.since(self.sent_at));
                }
                self.log.syn_ack = Some(answer);
            }
            Phase::Before | Phase::Rest | Phase::Question => {
                self.collect(now, answer, packet, timer)
            }
            _ => {}
        }
    }

    /// Takes in a segment from another port of the target: it may acknowledge what we sent.
    pub(crate) fn stray(&mut self, number: u64, packet: &Packet<'_>) {
        let acked = packet.tcp().map(|segment| segment.header.ack().since(self.isn));
        if acked.is_some_and(|acked| (1..=FARTHEST).contains(&acked)) {
            self.log.stray.get_or_insert(number);
        }
    }

    /// Tells whether the question was acknowledged.
    pub(crate) fn is_acknowledged(&self) -> bool {
        let after = |answer: &Answer| {
            self.place().is_some_and(|(seq, _)| (1..=FARTHEST).contains(&answer.ack.since(seq)))
        };
        self.log.answers.iter().any(after)
    }

    /// Keeps a reset, and waits a little for what may come behind it.
    fn refused(&mut self, now: Instant, answer: &Answer) {
        if !matches!(self.phase, Phase::Abandon | Phase::Over) {
            self.log.reset.get_or_insert(answer.number);
            self.deadline = self.deadline.min(now.after(AFTER_RESET));
        }
    }

    fn greets(&self, answer: &Answer) -> bool {
        let most = self.syn().text.length().saturating_add(1);
        let acked = (1..=most).contains(&answer.ack.since(self.isn));
        answer.flags.contains(Flags::SYN.with(Flags::ACK)) && acked
    }

    fn collect(&mut self, now: Instant, answer: Answer, packet: &Packet<'_>, timer: &Timer) {
        if answer.flags.contains(Flags::SYN) {
            return;
        }
        let payload = packet.tcp().map_or(&[][..], |segment| segment.payload);
        if let Some(found) = account(&answer.options) {
            self.log.account.get_or_insert(found);
        }
        let wrap = self.question().1.wrap;
        if let Some(report) = Reported::find(answer.number, payload, self.nonce, wrap) {
            self.log.report.get_or_insert(report);
        } else if self.log.answers.is_empty() && self.log.report.is_none() && payload.is_empty() {
            // Somebody acknowledges; the report may be a little longer on its way.
            let later = now.after(timer.timeout().max(PATIENCE));
            self.deadline = self.deadline.max(later);
        }
        self.log.answer(answer);
    }

    /// Tells the next step.
    pub(crate) fn poll(
        &mut self,
        now: Instant,
        number: u64,
        timer: &Timer,
        slot: &mut [u8],
    ) -> Turn {
        for _ in 0..PHASES {
            if self.phase == Phase::Over {
                return Turn::Over;
            }
            if self.pending {
                return self.transmit(now, number, timer, slot);
            }
            if !self.advance(now) {
                return Turn::Wait(self.deadline);
            }
        }
        Turn::Wait(now)
    }

    /// Moves on if there is reason to, and tells whether it did.
    fn advance(&mut self, now: Instant) -> bool {
        let expired = now >= self.deadline;
        match self.phase {
            Phase::Connect => self.connecting(expired),
            Phase::Greet => self.greeted(now),
            Phase::Before => self.preparing(expired, now),
            Phase::Rest => {
                if expired {
                    self.enter(Phase::Question);
                }
                expired
            }
            Phase::Question => self.asking(expired),
            Phase::Abandon => {
                self.phase = Phase::Over;
                true
            }
            Phase::Over => false,
        }
    }

    fn connecting(&mut self, expired: bool) -> bool {
        if self.log.syn_ack.is_some() {
            let bare = matches!(self.row.step, Step::Acknowledgement(_))
                && self.row.before == Before::Nothing;
            // The question may be the third segment itself.
            let blind = matches!(self.row.step, Step::Blind(_));
            self.enter(match (self.line.server && !blind, bare) {
                (true, _) => Phase::Abandon,
                (false, true) => Phase::Question,
                (false, false) => Phase::Greet,
            });
            return true;
        }
        self.again_or_over(expired)
    }

    /// Sends once more, or gives up.
    fn again_or_over(&mut self, expired: bool) -> bool {
        if !expired {
            return false;
        }
        if self.log.reset.is_none() && usize::from(self.tries) < WAITS.len() {
            self.pending = true;
        } else if self.phase == Phase::Connect {
            self.phase = Phase::Over;
        } else {
            self.enter(Phase::Abandon);
        }
        true
    }

    fn greeted(&mut self, now: Instant) -> bool {
        let before = match self.purpose {
            Purpose::Question => self.row.before,
            Purpose::Control => Before::Nothing,
        };
        match before {
            Before::Nothing => self.enter(Phase::Question),
            Before::Idle => {
                self.enter(Phase::Rest);
                self.pending = false;
                self.deadline = now.after(self.line.idle);
            }
            Before::Exchange | Before::Reset | Before::HalfClose => self.enter(Phase::Before),
        }
        true
    }

    fn preparing(&mut self, expired: bool, now: Instant) -> bool {
        let done = match self.row.before {
            Before::Exchange => self.log.report.is_some(),
            Before::HalfClose => !self.log.answers.is_empty(),
            _ => true,
        };
        if !done {
            return self.again_or_over(expired);
        }
        self.log.answers.clear();
        if self.row.before != Before::Exchange {
            self.log.report = None;
        }
        self.enter(Phase::Rest);
        self.pending = false;
        self.deadline = now;
        true
    }

    fn asking(&mut self, expired: bool) -> bool {
        if self.is_complete() {
            self.enter(Phase::Abandon);
            return true;
        }
        // Who acknowledges again and again without a report has none to give.
        let empty = self.log.answers.iter().all(|answer| answer.length == 0);
        let mute = self.log.report.is_none() && !self.log.answers.is_empty() && empty;
        let blind = matches!(self.row.step, Step::Blind(_));
        if expired && (mute || blind) && self.tries >= MUTE {
            self.enter(Phase::Abandon);
            return true;
        }
        self.again_or_over(expired)
    }

    /// Tells whether all that is waited for has come.
    fn is_complete(&self) -> bool {
        match (self.row.step, self.purpose) {
            (Step::Acknowledgement(_), _) => self.log.account.is_some(),
            (Step::Blind(_), _) => self.is_challenged(),
            (Step::Segment(_, reply), Purpose::Question) if reply.mode == Mode::Silent => {
                // A box may acknowledge in the host's name.
                super::judge::is_passed(self) || self.tries > 1 && !self.log.answers.is_empty()
            }
            (Step::Segment(shape, _), Purpose::Question) if !shape.flags.contains(Flags::ACK) => {
                !self.log.answers.is_empty()
            }
            (_, Purpose::Question) if self.row.aspect == Aspect::AnswerSegments => {
                super::judge::segments(self).is_some_and(|missing| missing == 0)
            }
            (Step::Segment(_, reply), Purpose::Question) if reply.mode == Mode::Finish => {
                let fin = |answer: &Answer| answer.flags.contains(Flags::FIN);
                self.log.report.is_some() && self.log.answers.iter().any(fin)
            }
            _ => self.log.report.is_some(),
        }
    }

    fn transmit(&mut self, now: Instant, number: u64, timer: &Timer, slot: &mut [u8]) -> Turn {
        self.pending = false;
        self.tries = self.tries.saturating_add(1);
        let units = WAITS.get(usize::from(self.tries).saturating_sub(1)).copied().unwrap_or(1);
        self.sent_at = now;
        self.deadline = now.after(timer.timeout().saturating_mul(units));
        match self.write(slot) {
            Some(length) => {
                if !matches!(self.phase, Phase::Greet | Phase::Abandon) {
                    self.log.send(number);
                }
                Turn::Send(length)
            }
            None => {
                self.phase = Phase::Over;
                Turn::Over
            }
        }
    }

    fn write(&self, slot: &mut [u8]) -> Option<usize> {
        let plain = Reply::PLAIN;
        match self.phase {
            Phase::Connect => self.syn().write(&self.first_sketch()?, &plain, slot),
            Phase::Greet => Shape::ACK.write(&self.question_sketch()?, &plain, slot),
            Phase::Before => self.write_before(slot),
            Phase::Question if matches!(self.row.step, Step::Blind(_)) => {
                self.row.write(&self.question_sketch()?, slot)
            }
            Phase::Question => {
                let (shape, reply) = self.question();
                shape.write(&self.question_sketch()?, &reply, slot)
            }
            Phase::Abandon => self.reset(0, slot),
            Phase::Rest | Phase::Over => None,
        }
    }

    fn write_before(&self, slot: &mut [u8]) -> Option<usize> {
        let sketch = self.question_sketch()?;
        match self.row.before {
            Before::Exchange if self.line.http => {
                let post = Shape::DATA.with_text(Text::Post);
                post.write(&sketch, &Reply::PLAIN.in_http(), slot)
            }
            Before::Exchange => Shape::DATA.write(&sketch, &Reply::PLAIN, slot),
            Before::HalfClose => {
                let fin = Shape { text: Text::Nothing, ..Shape::FIN };
                fin.write(&sketch, &Reply::PLAIN, slot)
            }
            _ => self.reset(IN_WINDOW, slot),
        }
    }

    /// Writes a reset that lies so far beyond the next byte.
    fn reset(&self, beyond: u32, slot: &mut [u8]) -> Option<usize> {
        let sketch = self.question_sketch().or_else(|| self.sketch(self.isn.add(1), Seq(0)))?;
        let flags = if sketch.ack == Seq(0) { Flags::RST } else { Flags::RST.with(Flags::ACK) };
        let draft = Draft {
            network: sketch.network,
            source_port: sketch.source_port,
            destination_port: sketch.port,
            seq: sketch.seq.add(beyond),
            ack: sketch.ack,
            flags,
            window: 0,
            ..Draft::default()
        };
        draft.write(slot).ok().map(<[u8]>::len)
    }

    /// Ends the connection at once, with a reset.
    pub(crate) fn abandon(&mut self) {
        if self.phase != Phase::Over {
            self.enter(Phase::Abandon);
        }
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.tries = 0;
        self.pending = true;
    }
}

impl Text {
    /// Tells the most bytes that a SYN with this payload can have acknowledged.
    const fn length(self) -> u32 {
        match self {
            Self::OnSyn(length) | Self::Asking(length) => length as u32,
            _ => 0,
        }
    }
}

/// The waits between transmissions, in units of the retransmission timeout.
const WAITS: [u32; 8] = [1, 1, 1, 2, 2, 2, 2, 2];
/// How often a question is sent that is acknowledged and brings no report.
const MUTE: u8 = 4;
/// How long an answer may come behind a reset.
const AFTER_RESET: Duration = Duration::from_millis(250);
/// How long a report may come behind an acknowledgement.
const PATIENCE: Duration = Duration::from_millis(500);
/// How far within the window the reset is that a host does not heed.
pub(super) const IN_WINDOW: u32 = 1000;
/// More bytes than a connection sends.
const FARTHEST: u32 = 4096;
/// More steps than one packet can make a trial take.
const PHASES: u8 = 8;
