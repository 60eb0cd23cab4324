//! The one machine: connect, probe, collect, report, close. Every procedure runs on it.

mod transmit;

use core::time::Duration;

use super::{
    compose::{self, Path},
    config::Version,
    judge::Findings,
    log::{self, Answer, Echo, Head, Log, Seen, Stage},
    procedure::{Burst, Only, Place, Procedure},
    timer::Timer,
    voice::Voice,
};
use crate::{
    time::Instant,
    wire::{
        packet::Packet,
        tcp::{Flags, Seq},
    },
};

/// One connection of a procedure.
#[derive(Debug)]
pub(crate) struct Trial {
    pub(crate) procedure: &'static Procedure,
    pub(crate) voice: Voice,
    pub(crate) log: Log,
    phase: Phase,
    /// How often the phase's packets were sent.
    tries: u8,
    /// How many packets of this transmission are still to go out.
    pending: u8,
    /// Whether the wait was made longer.
    extended: bool,
    sent_at: Instant,
    deadline: Instant,
    /// Where the next burst begins, and what it acknowledges.
    next: (Seq, Seq),
    /// Where this transmission begins, and what it acknowledges.
    base: (Seq, Seq),
    mss: u16,
}

/// What the trial is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Connect,
    Greet,
    Settle,
    Probe(u8),
    Close,
    Farewell,
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

/// What is to be done when a wait has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Send the same again.
    Again,
    /// Send the same again further on.
    Forward,
    /// Go on with the next burst.
    Done,
    /// End the connection.
    Stop,
}

/// The time, the packet number and the timer, as they are at this moment.
#[derive(Debug)]
pub(crate) struct Moment<'a> {
    pub(crate) now: Instant,
    /// The number that the next packet gets.
    pub(crate) number: u64,
    pub(crate) timer: &'a mut Timer,
}

impl Trial {
    pub(crate) fn new(procedure: &'static Procedure, voice: Voice, now: Instant) -> Self {
        let start = (voice.isn, Seq(0));
        Self {
            procedure,
            voice,
            log: Log::default(),
            phase: Phase::Connect,
            tries: 1,
            pending: 1,
            extended: false,
            sent_at: now,
            deadline: now,
            next: start,
            base: start,
            mss: 0,
        }
    }

    /// Judges what has come in so far.
    pub(crate) fn findings(&self) -> Findings {
        let mut findings = Findings::new();
        (self.procedure.judge)(self, &mut findings);
        if let Some(number) = self.log.stray().filter(|_| !self.voice.faithful()) {
            findings.iter_mut().for_each(|finding| finding.answered_elsewhere(number));
        }
        findings
    }

    /// Tells whether something came back that only a responder sends.
    pub(crate) fn shows_responder(&self) -> bool {
        self.log.all().any(|answer| {
            let transformed = self.voice.is_modern() && answer.head.receipt == Seen::Right;
            answer.echo.is_some() || transformed || self.voice.responder.sent(&answer.head)
        })
    }

    /// Tells the version of the responder, as far as its answers show one. What another kind of
    /// server says may begin as a later version's report does, but not behind a responder's SYN/ACK.
    pub(crate) fn version(&self) -> Option<Version> {
        let known = self.log.all().find_map(|answer| answer.echo.as_ref()?.version);
        let greeted = self.log.syn_ack().is_some_and(|answer| {
            self.voice.responder.sent(&answer.head) || answer.head.receipt == Seen::Right
        });
        let later = || self.log.all().filter(|_| greeted).find_map(|answer| answer.later);
        known.or_else(later)
    }

    /// Tells the maximum segment size in use.
    pub(crate) const fn mss(&self) -> u16 {
        self.mss
    }

    /// Takes in a packet of this connection, the one numbered `moment.number`.
    pub(crate) fn handle(&mut self, moment: &mut Moment<'_>, packet: &Packet<'_>) {
        let Some(segment) = packet.tcp() else {
            return;
        };
        let length = u16::try_from(segment.payload.len()).unwrap_or(u16::MAX);
        let head = Head::of(segment, length, &self.voice);
        let Some(stage) = self.stage(&head) else {
            return;
        };
        if self.tries == 1 && self.log.answers(stage).next().is_none() {
            moment.timer.sample(moment.now.since(self.sent_at));
        }
        self.log.answer(Answer {
            number: moment.number,
            stage,
            head,
            echo: Echo::parse(segment.payload, &self.voice),
            quotes_syn: log::quotes_syn(segment.payload),
            later: log::later(segment.payload),
        });
        self.notice(moment, &head);
    }

    /// Takes in a segment from another port of the target: it may acknowledge what we sent.
    pub(crate) fn stray(&mut self, number: u64, packet: &Packet<'_>) {
        let acked = packet.tcp().map(|segment| segment.header.ack().since(self.voice.isn));
        if acked.is_some_and(|acked| (1..=FARTHEST).contains(&acked)) {
            self.log.note_stray(number);
        }
    }

    /// Tells what a segment that arrives now belongs to.
    fn stage(&self, head: &Head) -> Option<Stage> {
        match self.phase {
            Phase::Connect if self.greets(head) => Some(Stage::Opening),
            // Another answer to the SYN, or the same once more.
            Phase::Greet | Phase::Settle | Phase::Probe(_) if head.flags.contains(Flags::SYN) => {
                Some(Stage::Opening)
            }
            Phase::Probe(index) => Some(Stage::Burst(index)),
            Phase::Greet | Phase::Settle => Some(Stage::Aside),
            Phase::Close if self.is_straggler(head) => self.last_stage(),
            Phase::Close => Some(Stage::Aside),
            _ => None,
        }
    }

    /// Tells whether a segment can be an answer to the SYN. A SYN/ACK must acknowledge it, or the
    /// original's eyes must be looking.
    fn greets(&self, head: &Head) -> bool {
        let payload = self.procedure.opening.payload;
        let most = payload.map_or(1, |(_, length)| u32::from(length).saturating_add(1));
        let acked = head.ack.since(self.voice.isn);
        let answers = (1..=most).contains(&acked);
        let duplicate = payload.is_some() && acked == 0;
        head.flags.contains(Flags::RST) || answers || duplicate || self.voice.faithful()
    }

    /// Tells whether a segment that arrives during the close belongs to the last burst: all but
    /// the answers to the FIN.
    const fn is_straggler(&self, head: &Head) -> bool {
        let closing = head.flags.intersects(Flags::FIN.with(Flags::RST).with(Flags::SYN));
        !closing && head.ack.distance(self.base.0) <= 0
    }

    fn last_stage(&self) -> Option<Stage> {
        let count = self.procedure.bursts.len();
        let last = count.checked_sub(1).and_then(|last| u8::try_from(last).ok());
        last.map(Stage::Burst)
    }

    /// Acts on what ends a wait before its time.
    fn notice(&mut self, moment: &Moment<'_>, head: &Head) {
        if self.phase == Phase::Connect && head.flags.contains(Flags::RST) {
            self.deadline = self.deadline.min(moment.now.after(AFTER_RESET));
        }
        let opened = head.window > 0 && !head.flags.contains(Flags::SYN);
        if self.phase == Phase::Settle && opened && !self.procedure.opening.settle {
            self.deadline = moment.now;
        }
    }

    /// Tells the next step.
    pub(crate) fn poll(
        &mut self,
        moment: &mut Moment<'_>,
        path: &Path<'_>,
        slot: &mut [u8],
    ) -> Turn {
        for _ in 0..PHASES {
            if self.phase == Phase::Over {
                return Turn::Over;
            }
            if self.pending > 0 {
                return self.transmit(moment, path, slot);
            }
            if !self.advance(moment) {
                return Turn::Wait(self.deadline);
            }
        }
        Turn::Wait(moment.now)
    }

    /// Moves on if there is reason to; tells whether it did.
    fn advance(&mut self, moment: &Moment<'_>) -> bool {
        let expired = moment.now >= self.deadline;
        match self.phase {
            Phase::Connect => self.connecting(expired, moment),
            Phase::Greet => self.greeted(moment),
            Phase::Settle => self.settling(expired),
            Phase::Probe(index) => self.probing(index, expired, moment),
            Phase::Close => self.closing(expired),
            Phase::Farewell | Phase::Abandon => {
                self.phase = Phase::Over;
                true
            }
            Phase::Over => false,
        }
    }

    fn connecting(&mut self, expired: bool, moment: &Moment<'_>) -> bool {
        if let Some(answer) = self.log.syn_ack() {
            let head = answer.head;
            self.mss = head.mss.unwrap_or(DEFAULT_MSS).clamp(LEAST_MSS, MOST_MSS);
            self.next = (head.ack, head.seq.add(1));
            self.base = self.next;
            self.enter(Phase::Greet, 1);
            return true;
        }
        if expired && self.may_repeat(self.procedure.opening.waits, moment.timer) {
            self.repeat(1);
            return true;
        }
        if expired {
            self.phase = Phase::Over;
        }
        expired
    }

    /// Decides, after the handshake, whether to let things settle. The original waits a second
    /// after every handshake; the mended suite does where the row asks for it, and where the peer's
    /// window is closed.
    fn greeted(&mut self, moment: &Moment<'_>) -> bool {
        let closed = self.log.syn_ack().is_some_and(|answer| answer.head.window == 0);
        let settle = self.procedure.opening.settle || self.voice.faithful();
        let wait = if closed || settle { moment.timer.settling(closed) } else { Duration::ZERO };
        self.enter(Phase::Settle, 0);
        self.deadline = moment.now.after(wait);
        true
    }

    fn settling(&mut self, expired: bool) -> bool {
        if self.log.reset(Stage::Aside).is_some() {
            self.enter(Phase::Abandon, 1);
            return true;
        }
        if expired {
            self.begin(0);
        }
        expired
    }

    /// Begins the burst of this index, or the close if there is none.
    fn begin(&mut self, index: u8) {
        let Some(burst) = self.burst(index) else {
            self.base = self.next;
            return self.enter(Phase::Close, 1);
        };
        let refined = burst.only == Only::Always
            || self.findings().first().is_some_and(|finding| finding.code > 2);
        if !refined {
            return self.enter(Phase::Close, 1);
        }
        self.base = self.place(burst, index);
        let mss = self.mss;
        let spans = (0..burst.pieces.len()).filter_map(|piece| compose::span(burst, piece, mss));
        self.voice.announce(spans);
        self.enter(Phase::Probe(index), burst.pieces.len());
    }

    /// Tells where a burst begins and what it acknowledges.
    fn place(&self, burst: &Burst, index: u8) -> (Seq, Seq) {
        let (seq, ack) = self.next;
        let size = burst.pieces.first().map_or(0, |piece| piece.size.bytes(self.mss));
        let hole = u32::from(size);
        match burst.place {
            Place::Next => (seq, ack),
            Place::BeyondHole => (seq.add(hole), ack),
            Place::AckBeyond => (seq, ack.add(hole)),
            Place::Second => {
                let before = Stage::Burst(index.saturating_sub(1));
                let second = self.log.sent(before).find(|sent| sent.piece == 1);
                let second = second.map_or(seq, |sent| sent.seq);
                (if second.precedes(seq) { second } else { seq }, ack)
            }
        }
    }

    fn probing(&mut self, index: u8, expired: bool, moment: &Moment<'_>) -> bool {
        let Some(burst) = self.burst(index) else {
            return false;
        };
        let stage = Stage::Burst(index);
        let complete = burst.until.complete(&self.log, stage, self.voice.faithful());
        if !complete && !expired {
            return false;
        }
        let next = if complete { Next::Done } else { burst.until.expired(&self.log, stage) };
        self.follow(next, index, burst, moment);
        true
    }

    fn follow(&mut self, next: Next, index: u8, burst: &Burst, moment: &Moment<'_>) {
        let may_repeat = self.may_repeat(burst.waits, moment.timer);
        match next {
            Next::Again | Next::Forward if may_repeat => {
                if next == Next::Forward {
                    self.move_on(Stage::Burst(index));
                    self.base = self.next;
                }
                self.repeat(burst.pieces.len());
            }
            Next::Again | Next::Forward if !self.extended && !may_repeat => {
                self.extended = true;
                self.deadline = self.deadline.max(self.sent_at.after(LAST_WAIT));
                self.deadline = self.deadline.max(moment.now);
            }
            Next::Done => {
                self.move_on(Stage::Burst(index));
                self.begin(index.saturating_add(1));
            }
            _ => self.enter(Phase::Abandon, 1),
        }
    }

    /// Tells whether there may be another transmission. What is sent three or four times by the
    /// original is sent once more by the mended suite: on a path that loses a tenth each way, three
    /// are too few in one of 150 cases.
    fn may_repeat(&self, waits: &[u8], timer: &Timer) -> bool {
        let more = waits.len() > 1 && timer.is_measured() && !self.voice.faithful();
        let more = usize::from(more);
        usize::from(self.tries) < waits.len().saturating_add(more)
    }

    /// Moves to what was acknowledged and received in `stage`.
    fn move_on(&mut self, stage: Stage) {
        if let Some(answer) = self.log.latest_ack(stage) {
            self.next.0 = answer.head.ack;
        }
        let ends = self.log.acks(stage).map(Answer::end);
        self.next.1 = ends.fold(self.next.1, Seq::later);
    }

    fn closing(&mut self, expired: bool) -> bool {
        let past = self.base.0.add(1);
        let reset = self.log.reset(Stage::Aside).is_some();
        match self.farewell(past) {
            _ if reset => self.phase = Phase::Over,
            Some(end) => {
                self.base = (past, end.add(1));
                self.enter(Phase::Farewell, 1);
            }
            None if expired && usize::from(self.tries) < CLOSING.len() => self.repeat(1),
            None if expired => self.enter(Phase::Abandon, 1),
            None => return false,
        }
        true
    }

    /// Tells the end of the peer's FIN, once ours is acknowledged too.
    fn farewell(&self, past: Seq) -> Option<Seq> {
        let mut answers = self.log.answers(Stage::Aside);
        let acked = answers.clone().any(|answer| answer.head.ack == past);
        let fin = answers.find(|answer| answer.head.flags.contains(FIN_ACK));
        fin.map(Answer::end).filter(|_| acked)
    }

    /// Ends the connection at once, with a reset.
    pub(crate) fn abandon(&mut self) {
        if self.phase == Phase::Connect {
            self.base = (self.voice.isn.add(1), Seq(0));
        }
        if self.phase != Phase::Over {
            self.enter(Phase::Abandon, 1);
        }
    }

    fn burst(&self, index: u8) -> Option<&'static Burst> {
        self.procedure.bursts.get(usize::from(index))
    }

    /// Enters a phase that begins with so many packets.
    fn enter(&mut self, phase: Phase, packets: usize) {
        self.phase = phase;
        self.tries = 0;
        self.extended = false;
        self.repeat(packets);
    }

    /// Starts a transmission of so many packets.
    fn repeat(&mut self, packets: usize) {
        self.pending = u8::try_from(packets).unwrap_or(u8::MAX);
        self.tries = self.tries.saturating_add(1);
    }
}

const FIN_ACK: Flags = Flags::FIN.with(Flags::ACK);
/// What a host that tells no maximum segment size is taken to accept.
const DEFAULT_MSS: u16 = 512;
/// The smallest maximum segment size that is used: three pieces with options still have payload.
const LEAST_MSS: u16 = 88;
/// The largest maximum segment size that is used: an IPv6 packet of it fits the slot.
const MOST_MSS: u16 = 1440;
/// How long a SYN/ACK may come after a reset.
const AFTER_RESET: Duration = Duration::from_millis(250);
/// How long the answer to a burst that is not sent again may take at least.
const LAST_WAIT: Duration = Duration::from_secs(1);
/// Waits for the close.
const CLOSING: &[u8] = &[1, 1];
/// More steps than one packet can make a trial take.
const PHASES: u8 = 8;
/// More bytes than a connection sends.
const FARTHEST: u32 = 1 << 16;
