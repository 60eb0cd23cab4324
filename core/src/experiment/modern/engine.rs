//! All questions to one port of one target, several at a time.

use core::{net::IpAddr, time::Duration};

use super::{
    ROWS,
    catalogue::{Applies, Aspect, Family, Row},
    judge, server,
    syn::{self, Guesses},
    trial::{Line, Purpose, Trial, Turn},
    verdict::{Finding, Why},
};
use crate::{
    engine::{Engine, Step},
    experiment::{
        config::{Peer, Ports},
        draws::Draws,
        timer::Timer,
        verdict::{Direction, Outcome},
    },
    time::Instant,
    wire::{
        packet::{Packet, Transport},
        tcp::Seq,
    },
};

/// What is measured, from where and how.
#[derive(Clone, Copy, Debug)]
pub struct ModernConfig {
    /// The address of the target.
    pub target: IpAddr,
    /// Its port.
    pub port: u16,
    /// Our own address, of the same family.
    pub source: IpAddr,
    /// Our own ports, which must be free and whose packets our kernel must not answer.
    pub ports: Ports,
    /// The rows that are wanted. The first, a plain connection, is always run.
    pub rows: Choice,
    /// What answers at the target.
    pub peer: Peer,
    /// Whether payloads are dressed in HTTP. They are in any case where a plain one brings no
    /// report and a dressed one does.
    pub http: bool,
    /// How long the silence is before which a box may forget a connection.
    pub idle: Duration,
    /// What random numbers are drawn from.
    pub seed: u64,
}

/// A set of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice(u128);

/// What a run reports.
#[derive(Clone, Debug)]
pub enum ModernEvent {
    /// What was found for a row; it does not change any more.
    Finding(Finding),
    /// The end.
    Summary(ModernSummary),
}

/// The end of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModernSummary {
    /// How many packets went either way.
    pub packets: u64,
    /// How many connections were opened.
    pub connections: u32,
    /// What answers at the target, as far as it is known.
    pub peer: Peer,
}

/// The engine. `PARALLEL` connections are open at a time.
#[derive(Debug)]
pub struct Modern<const PARALLEL: usize> {
    config: ModernConfig,
    draws: Draws,
    timer: Timer,
    packets: u64,
    connections: u32,
    slots: [Option<Slot>; PARALLEL],
    /// The rows that are still to be run.
    waiting: Choice,
    /// Whether the plain connection has been judged, and whether it worked.
    base: Option<bool>,
    ready: heapless::Deque<Finding, 4>,
    interrupted: bool,
    summarised: bool,
}

/// A row under way.
#[derive(Debug)]
struct Slot {
    port: u16,
    trial: Trial,
    /// How many connections have put the question.
    attempts: u8,
    /// How many controls have not been answered.
    repeats: u8,
    guesses: Guesses,
    /// Whether the guesses need no other connection.
    sure: bool,
    /// What stands if the control is answered.
    kept: Option<Finding>,
    /// Whether the question is put once more behind a control that was answered.
    confirming: bool,
}

impl Choice {
    /// No row.
    pub const NONE: Self = Self(0);
    /// Every row.
    pub const ALL: Self = Self((1 << ROWS.len()) - 1);

    /// Adds a row.
    #[must_use]
    pub fn with(self, row: &Row) -> Self {
        Self(self.0 | bit(row.index()))
    }

    /// Adds the rows of a family.
    #[must_use]
    pub fn with_family(self, family: Family) -> Self {
        ROWS.iter().filter(|row| row.family == family).fold(self, Self::with)
    }

    /// Tells whether a row is in it.
    #[must_use]
    pub fn contains(self, row: &Row) -> bool {
        self.0 & bit(row.index()) != 0
    }

    /// Tells how many rows are in it.
    #[must_use]
    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Tells whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Takes the first row out.
    fn pop(&mut self) -> Option<&'static Row> {
        let index = usize::try_from(self.0.trailing_zeros()).ok()?;
        let row = ROWS.get(index)?;
        self.0 &= self.0.wrapping_sub(1);
        Some(row)
    }
}

const fn bit(index: usize) -> u128 {
    1 << (index & 127)
}

impl<const PARALLEL: usize> Modern<PARALLEL> {
    /// Makes the engine.
    #[must_use]
    pub fn new(config: ModernConfig) -> Self {
        Self {
            draws: Draws(config.seed),
            timer: Timer::default(),
            packets: 0,
            connections: 0,
            slots: [const { None }; PARALLEL],
            waiting: Choice(config.rows.0 | 1),
            base: None,
            ready: heapless::Deque::new(),
            interrupted: false,
            summarised: false,
            config,
        }
    }

    /// Tells the row whose connection is on this port of ours, and whether it is the control.
    #[must_use]
    pub fn at_work(&self, port: u16) -> Option<(&'static Row, bool)> {
        let slot = self.slots.iter().flatten().find(|slot| slot.port == port)?;
        Some((slot.trial.row, slot.trial.purpose == Purpose::Control))
    }

    /// Ends the run: connections are reset, and what is not decided stays so.
    pub fn interrupt(&mut self) {
        self.interrupted = true;
        for slot in self.slots.iter_mut().flatten() {
            slot.trial.abandon();
        }
    }

    /// Tells how many rows have been asked for, and how many of them are not yet begun.
    #[must_use]
    pub const fn progress(&self) -> (u32, u32) {
        (self.config.rows.len(), self.waiting.len())
    }

    fn emit(&mut self, finding: Finding) {
        if self.config.rows.contains(finding.row) {
            let _ = self.ready.push_back(finding);
        }
    }

    /// Starts connections while there is room; findings of rows that need none are ready at once.
    fn fill(&mut self, now: Instant) {
        while self.ready.is_empty() && !self.waiting.is_empty() {
            let first = self.waiting.0 & 1 != 0;
            let busy = self.slots.iter().flatten().count();
            let room = busy < PARALLEL.min(self.config.ports.count.max(1).into());
            if !room || !first && self.base.is_none() {
                return;
            }
            let Some(row) = self.waiting.pop() else {
                return;
            };
            if row.applies == Applies::Server && self.config.peer != Peer::Server {
                continue;
            }
            match self.obstacle(row) {
                Some(finding) => self.emit(finding),
                None => self.open(row, now),
            }
        }
    }

    /// Tells what is found of a row that cannot be run.
    fn obstacle(&self, row: &'static Row) -> Option<Finding> {
        let v4 = self.config.target.is_ipv4();
        let server = self.config.peer == Peer::Server;
        let why = match row.applies {
            _ if self.interrupted => Why::Interrupted,
            Applies::V6 if v4 => Why::OtherFamily,
            Applies::V4 if !v4 => Why::OtherFamily,
            _ if server && !server::can_judge(row) => Why::NoResponder,
            _ if self.base == Some(false) && server => {
                return Some(Finding::new(row, Outcome::Offline, Direction::None));
            }
            _ if self.base == Some(false) => Why::NoControl,
            _ => return None,
        };
        Some(Finding::undetermined(row, why))
    }

    fn open(&mut self, row: &'static Row, now: Instant) {
        let (port, trial) = self.connect(row, Purpose::Question, false, now);
        let slot = Slot {
            port,
            trial,
            attempts: 1,
            repeats: 0,
            guesses: Guesses::ALL,
            sure: false,
            kept: None,
            confirming: false,
        };
        if let Some(place) = self.slots.iter_mut().find(|place| place.is_none()) {
            *place = Some(slot);
        }
    }

    fn connect(
        &mut self,
        row: &'static Row,
        purpose: Purpose,
        account: bool,
        now: Instant,
    ) -> (u16, Trial) {
        let port = self.next_port();
        self.connections = self.connections.saturating_add(1);
        let line = Line {
            source: self.config.source,
            target: self.config.target,
            source_port: port,
            port: self.config.port,
            idle: self.config.idle,
            server: self.config.peer == Peer::Server,
            http: self.config.http,
        };
        let numbers = (self.draws.next(), Seq(self.draws.word()));
        (port, Trial::new(row, purpose, line, numbers, account, now))
    }

    /// Tells the next port, but none that is in use.
    fn next_port(&self) -> u16 {
        let Ports { first, count } = self.config.ports;
        let turn = u16::try_from(self.connections & 0xffff).unwrap_or(0);
        let ports = (0..count.max(1)).map(|skipped| {
            let place = turn.wrapping_add(skipped).checked_rem(count);
            first.wrapping_add(place.unwrap_or(0))
        });
        let busy = |port: &u16| self.slots.iter().flatten().any(|slot| slot.port == *port);
        let mut free = ports.filter(|port| !busy(port));
        free.next().unwrap_or(first)
    }

    /// Judges a connection that has ended, and opens another if the question is still open.
    fn finish(&mut self, place: usize, now: Instant) {
        let Some(mut slot) = self.slots.get_mut(place).and_then(Option::take) else {
            return;
        };
        if self.interrupted {
            return self.emit(Finding::undetermined(slot.trial.row, Why::Interrupted));
        }
        let next = match slot.trial.purpose {
            Purpose::Question => self.judge(&mut slot),
            Purpose::Control => self.check(&mut slot),
        };
        let (purpose, account) = match next {
            Next::Settle(finding) => return self.settle(finding),
            Next::Question => (Purpose::Question, slot.attempts == ASKING),
            Next::Control => (Purpose::Control, false),
        };
        let (port, trial) = self.connect(slot.trial.row, purpose, account, now);
        if let Some(place) = self.slots.get_mut(place) {
            *place = Some(Slot { port, trial, ..slot });
        }
    }

    /// Judges a question.
    fn judge(&mut self, slot: &mut Slot) -> Next {
        let trial = &slot.trial;
        let row = trial.row;
        if row.aspect == Aspect::Arrival && row.index() == 0 {
            return self.judge_base(trial);
        }
        if trial.line.server {
            let silent = if trial.log.syn_ack.is_none() { None } else { server::judge(trial) };
            return match silent {
                Some(finding) if slot.repeats > 0 => {
                    Next::Settle(Finding { outcome: Outcome::Transient, ..finding })
                }
                Some(finding) => Next::Settle(finding),
                None => {
                    slot.kept = Some(Finding::of(trial, Outcome::Broken, Direction::None));
                    Next::Control
                }
            };
        }
        if let Aspect::SynOption(kind) | Aspect::SynAckOption(kind) = row.aspect {
            let (guesses, alone) = syn::guesses(trial, kind);
            slot.guesses = if alone { guesses } else { slot.guesses.and(guesses) };
            slot.sure |= alone;
        }
        let finding = judge::judge(trial, slot.guesses);
        let open = finding.instead.is_some()
            || matches!(
                finding.outcome,
                Outcome::Dropped | Outcome::Reset | Outcome::AnsweredByBox
            );
        let on_syn = matches!(row.aspect, Aspect::SynOption(_) | Aspect::SynAckOption(_));
        let sure = slot.sure || finding.outcome == Outcome::Passed && judge::is_echoed(trial);
        match () {
            // It may be the account that was asked for beside the question that is not let through.
            () if open && slot.attempts == ASKING => {
                slot.attempts = slot.attempts.saturating_add(1);
                Next::Question
            }
            () if open && slot.confirming => Next::Settle(finding),
            () if open => {
                slot.kept = Some(finding);
                Next::Control
            }
            () if on_syn && !sure && slot.attempts < ATTEMPTS => {
                slot.attempts = slot.attempts.saturating_add(1);
                Next::Question
            }
            () => Next::Settle(finding),
        }
    }

    /// Judges the plain connection, and learns what answers at the target.
    fn judge_base(&mut self, trial: &Trial) -> Next {
        let reported = trial.log.report.is_some();
        let greeted = trial.log.syn_ack.is_some();
        if greeted && !reported && !self.config.http && self.config.peer != Peer::Server {
            self.config.http = true;
            return Next::Question;
        }
        if self.config.peer == Peer::Unknown && greeted {
            self.config.peer = if reported { Peer::Responder } else { Peer::Server };
        }
        let server = self.config.peer == Peer::Server;
        self.base = Some(if server { greeted } else { reported });
        let (outcome, direction) = match (server, greeted, reported) {
            (true, true, _) => (Outcome::Works, Direction::None),
            (true, false, _) => (Outcome::Offline, Direction::None),
            (false, _, true) => (Outcome::Passed, Direction::None),
            _ => {
                let direction = Direction::None;
                return Next::Settle(Finding { direction, ..judge::silent(trial) });
            }
        };
        Next::Settle(Finding::of(trial, outcome, direction))
    }

    /// Looks at a control: silence counts only if it was answered.
    fn check(&mut self, slot: &mut Slot) -> Next {
        let row = slot.trial.row;
        let lost = |kept: &Finding| kept.outcome == Outcome::Dropped || kept.instead.is_some();
        if slot.trial.is_answered() && slot.kept.as_ref().is_some_and(lost) && !slot.confirming {
            slot.confirming = true; // it may have been a moment at which nothing came through
            return Next::Question;
        }
        if slot.trial.is_answered() {
            let kept = slot.kept.take();
            return Next::Settle(kept.unwrap_or(Finding::undetermined(row, Why::Undecided)));
        }
        slot.repeats = slot.repeats.saturating_add(1);
        let bare = matches!(row.step, super::Step::Acknowledgement(_));
        if slot.repeats <= REPEATS && !bare {
            return Next::Question;
        }
        if slot.trial.line.server {
            return Next::Settle(Finding::new(row, Outcome::Offline, Direction::None));
        }
        if slot.trial.log.syn_ack.is_none() && !row.is_about_syn() {
            return Next::Settle(Finding::undetermined(row, Why::Dependency));
        }
        Next::Settle(Finding::undetermined(row, Why::NoControl))
    }

    fn settle(&mut self, finding: Finding) {
        self.emit(finding);
    }

    /// Lets the trials take their next steps; over if one of them has ended.
    fn turn(&mut self, now: Instant, buffer: &mut [u8]) -> Turn {
        let mut until = Instant::NEVER;
        for place in 0..PARALLEL {
            let number = self.packets.saturating_add(1);
            let Some(slot) = self.slots.get_mut(place).and_then(Option::as_mut) else {
                continue;
            };
            match slot.trial.poll(now, number, &self.timer, buffer) {
                Turn::Wait(at) => until = until.min(at),
                Turn::Send(length) => {
                    self.packets = number;
                    return Turn::Send(length);
                }
                Turn::Over => {
                    self.finish(place, now);
                    return Turn::Over;
                }
            }
        }
        Turn::Wait(until)
    }

    /// Takes in the packet that an ICMP error quotes: it is evidence if it is one of ours.
    fn note_error(&mut self, quote: Option<Packet<'_>>) {
        let Some(quote) = quote else {
            return;
        };
        let ours = quote.addresses() == Some((self.config.source, self.config.target));
        let Some((local, port)) = quote.ports().filter(|_| ours) else {
            return;
        };
        let mut slots = self.slots.iter_mut().flatten();
        if let Some(slot) = slots.find(|slot| slot.port == local && port == self.config.port) {
            slot.trial.log.error.get_or_insert(self.packets);
        }
    }

    fn report(&mut self) -> Option<ModernEvent> {
        if let Some(finding) = self.ready.pop_front() {
            return Some(ModernEvent::Finding(finding));
        }
        let over = self.waiting.is_empty() && self.slots.iter().all(Option::is_none);
        if self.summarised || !over {
            return None;
        }
        self.summarised = true;
        let (packets, connections) = (self.packets, self.connections);
        Some(ModernEvent::Summary(ModernSummary { packets, connections, peer: self.config.peer }))
    }
}

/// What follows a connection.
enum Next {
    Settle(Finding),
    /// The question once more.
    Question,
    /// A control.
    Control,
}

impl<const PARALLEL: usize> Engine for Modern<PARALLEL> {
    type Event = ModernEvent;

    fn handle(&mut self, now: Instant, packet: &Packet<'_>) {
        self.packets = self.packets.saturating_add(1);
        if let Transport::Icmp(message) = &packet.transport {
            return self.note_error(message.quote());
        }
        let ours = packet.addresses() == Some((self.config.target, self.config.source));
        let Some((port, local)) = packet.ports().filter(|_| ours) else {
            return;
        };
        if packet.checksum_ok() == Some(false) {
            return;
        }
        let mut slots = self.slots.iter_mut().flatten();
        let slot = slots.find(|slot| slot.port == local);
        match slot {
            Some(slot) if port == self.config.port => {
                slot.trial.handle(now, self.packets, &mut self.timer, packet);
            }
            Some(slot) => slot.trial.stray(self.packets, packet),
            None => {}
        }
    }

    fn poll(&mut self, now: Instant, buffer: &mut [u8]) -> Step<ModernEvent> {
        loop {
            self.fill(now);
            if let Some(event) = self.report() {
                return Step::Emit(event);
            }
            if self.summarised {
                return Step::Done;
            }
            match self.turn(now, buffer) {
                Turn::Send(length) => return Step::Send(length),
                Turn::Wait(until) => return Step::Wait(until),
                Turn::Over => {}
            }
        }
    }
}

/// Which of the connections that put a question asks for an account beside it.
const ASKING: u8 = 2;
/// How many connections put a question whose answer leaves guesses.
const ATTEMPTS: u8 = 7;
/// How often a question is put again whose control was not answered.
const REPEATS: u8 = 1;
