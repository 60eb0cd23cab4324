//! All procedures against one port of one target, several at a time.

use super::{
    catalogue::{COUNT, Entry},
    compose::Path,
    config::{Config, Peer, Ports, Selection},
    draws::Draws,
    judge::Findings,
    procedure::{PROCEDURES, Procedure, Repetition},
    repeat::Runs,
    timer::Timer,
    trial::{Moment, Trial, Turn},
    verdict::{Reason, UNDETERMINED, Verdict},
    voice::{Dialect, Voice},
};
use crate::{
    engine::{Engine, Step},
    time::Instant,
    wire::packet::{Packet, Transport},
};

/// What a suite reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// What was found for an entry; it does not change any more.
    Verdict(Verdict),
    /// A procedure has ended.
    Progress {
        /// Its name.
        procedure: &'static str,
        /// How many have ended, with this one.
        done: usize,
        /// How many there are.
        of: usize,
    },
    /// The end.
    Summary(Summary),
}

/// The end of a suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The numbers of all entries, in the order of [`ENTRIES`](super::ENTRIES).
    pub results: [i8; COUNT],
    /// How many packets went either way.
    pub packets: u64,
    /// How many connections were opened.
    pub connections: u32,
    /// What answers at the target, as far as it is known.
    pub peer: Peer,
}

/// The engine. `PARALLEL` procedures run at a time.
#[derive(Debug)]
pub struct Suite<const PARALLEL: usize> {
    config: Config,
    draws: Draws,
    timer: Timer,
    packets: u64,
    connections: u32,
    slots: [Option<Slot>; PARALLEL],
    states: [State; PROCEDURES.len()],
    verdicts: [Option<Verdict>; COUNT],
    /// The entries that are decided, and not yet reported.
    unreported: Selection,
    /// Whether an answer has shown the version of the responder.
    versioned: bool,
    /// The procedure whose end is to be reported.
    ended: Option<&'static str>,
    summarised: bool,
}

/// A procedure that is under way.
#[derive(Debug)]
struct Slot {
    index: usize,
    port: u16,
    /// The identification of the next IPv4 header.
    id: u16,
    runs: Runs,
    trial: Trial,
}

/// How far a procedure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Running,
    Ended,
}

impl<const PARALLEL: usize> Suite<PARALLEL> {
    /// Makes the engine.
    #[must_use]
    pub fn new(mut config: Config) -> Self {
        let draws = Draws(config.seed);
        let faithful = config.dialect == Dialect::Classic { faithful: true };
        if faithful && config.peer == Peer::Unknown {
            config.peer = Peer::Responder; // as the original took every target for one
        }
        let mut suite = Self {
            config,
            draws,
            timer: Timer::default(),
            packets: 0,
            connections: 0,
            slots: [const { None }; PARALLEL],
            states: [State::Waiting; PROCEDURES.len()],
            verdicts: [const { None }; COUNT],
            unreported: Selection::NONE,
            versioned: false,
            ended: None,
            summarised: false,
        };
        suite.deselect();
        suite
    }

    /// Tells the numbers of all entries so far, −1 for what is not determined, in the order of
    /// [`ENTRIES`](super::ENTRIES).
    #[must_use]
    pub fn results(&self) -> [i8; COUNT] {
        let mut results = [UNDETERMINED; COUNT];
        for (result, verdict) in results.iter_mut().zip(&self.verdicts) {
            *result = verdict.as_ref().map_or(UNDETERMINED, |verdict| verdict.code.code);
        }
        results
    }

    /// Tells the procedure whose connection is on this port of ours.
    #[must_use]
    pub fn at_work(&self, port: u16) -> Option<&'static str> {
        let mut slots = self.open_slots().filter(|slot| slot.port == port);
        slots.next().map(|slot| slot.runs.procedure().name)
    }

    /// Ends the run: connections are reset, and what is not decided stays so.
    pub fn interrupt(&mut self) {
        for (index, procedure) in PROCEDURES.iter().enumerate() {
            if self.state(index) != State::Ended {
                self.give_up(index, procedure, Reason::Interrupted);
            }
        }
        for slot in self.slots.iter_mut().flatten() {
            slot.trial.abandon();
        }
    }

    /// Marks what is not wanted, and not needed by what is wanted, as ended.
    fn deselect(&mut self) {
        let mut wanted = self.config.entries;
        // A procedure comes behind those that it needs, but for SynAckData, which is last.
        for procedure in PROCEDURES.iter().rev().chain(PROCEDURES.iter().rev()) {
            if procedure.entries.iter().any(|entry| wanted.contains(*entry)) {
                for (entry, _) in procedure.needs {
                    wanted = wanted.with(*entry);
                }
            }
        }
        for (state, procedure) in self.states.iter_mut().zip(&PROCEDURES) {
            if !procedure.entries.iter().any(|entry| wanted.contains(*entry)) {
                *state = State::Ended;
            }
        }
    }

    fn state(&self, index: usize) -> State {
        self.states.get(index).copied().unwrap_or(State::Ended)
    }

    fn set_state(&mut self, index: usize, to: State) {
        if let Some(state) = self.states.get_mut(index) {
            *state = to;
        }
    }

    /// Finds a procedure that can be started; those that repeat inside take longest and come first.
    fn ready(&mut self) -> Option<(usize, &'static Procedure)> {
        let inside = |procedure: &Procedure| matches!(procedure.repetition, Repetition::Inside(_));
        let first = PROCEDURES.iter().enumerate().filter(|(_, row)| inside(row));
        let then = PROCEDURES.iter().enumerate().filter(|(_, row)| !inside(row));
        for (index, procedure) in first.chain(then) {
            if self.state(index) != State::Waiting {
                continue;
            }
            match self.allowed(procedure) {
                Some(true) => return Some((index, procedure)),
                Some(false) => self.give_up(index, procedure, Reason::Dependency),
                None => {}
            }
        }
        None
    }

    /// Tells whether what a procedure needs is there; `None` while that is not known.
    fn allowed(&self, procedure: &Procedure) -> Option<bool> {
        for (entry, codes) in procedure.needs {
            let verdict = self.verdicts.get(entry.index())?.as_ref()?;
            if !codes.contains(&verdict.code.code) {
                return Some(false);
            }
        }
        Some(true)
    }

    fn give_up(&mut self, index: usize, procedure: &Procedure, reason: Reason) {
        for entry in procedure.entries {
            self.decide(Verdict::undetermined(*entry, reason));
        }
        self.end(index, procedure);
    }

    fn end(&mut self, index: usize, procedure: &Procedure) {
        self.set_state(index, State::Ended);
        self.ended = Some(procedure.name);
    }

    /// Keeps a verdict that is final.
    fn decide(&mut self, verdict: Verdict) {
        let entry = verdict.entry;
        let verdict = self.admit(verdict);
        if let Some(slot) = self.verdicts.get_mut(entry.index()) {
            *slot = Some(verdict);
            if self.config.entries.contains(entry) {
                self.unreported = self.unreported.with(entry);
            }
        }
    }

    /// Says what the peer's answers allow to say.
    fn admit(&self, verdict: Verdict) -> Verdict {
        match self.config.peer {
            Peer::Server => verdict.without_responder(),
            Peer::Foreign(_) => verdict.without_version(),
            Peer::Unknown | Peer::Responder => verdict,
        }
    }

    /// Starts procedures while there is room.
    fn fill(&mut self, now: Instant) {
        while let Some(free) = self.slots.iter().position(Option::is_none) {
            if self.open_slots().count() >= self.config.ports.count.max(1).into() {
                return; // each connection needs a port of its own
            }
            let Some((index, procedure)) = self.ready() else {
                return;
            };
            self.set_state(index, State::Running);
            let slot = self.open(index, Runs::new(procedure), now);
            if let Some(place) = self.slots.get_mut(free) {
                *place = Some(slot);
            }
        }
    }

    /// Opens a connection on the next port.
    fn open(&mut self, index: usize, runs: Runs, now: Instant) -> Slot {
        let port = self.next_port();
        self.connections = self.connections.saturating_add(1);
        let voice = Voice::new(self.config.dialect, &mut self.draws);
        let id = self.draws.short().max(1);
        Slot { index, port, id, trial: Trial::new(runs.procedure(), voice, now), runs }
    }

    /// Tells the next port, but none that is in use.
    fn next_port(&self) -> u16 {
        let Ports { first, count } = self.config.ports;
        let turn = u16::try_from(self.connections & 0xffff).unwrap_or(0);
        let turns = (0..count.max(1)).map(|skipped| {
            let turn = turn.wrapping_add(skipped).checked_rem(count);
            first.wrapping_add(turn.unwrap_or(0))
        });
        let mut free = turns.filter(|port| self.open_slots().all(|slot| slot.port != *port));
        free.next().unwrap_or(first)
    }

    fn open_slots(&self) -> impl Iterator<Item = &Slot> + Clone {
        self.slots.iter().flatten()
    }

    /// Lets the trials take their next steps; over if one of them has ended.
    fn turn(&mut self, now: Instant, buffer: &mut [u8]) -> Turn {
        let mut until = Instant::NEVER;
        for place in 0..PARALLEL {
            match self.step(place, now, buffer) {
                Some(Turn::Wait(at)) => until = until.min(at),
                Some(other) => return other,
                None => {}
            }
        }
        Turn::Wait(until)
    }

    /// Lets the trial in a slot take its next step. `None`: the slot has nothing left to do.
    fn step(&mut self, place: usize, now: Instant, buffer: &mut [u8]) -> Option<Turn> {
        let slot = self.slots.get_mut(place)?.as_mut()?;
        let id = slot.id;
        let path = Path {
            source: self.config.source,
            target: self.config.target,
            source_port: slot.port,
            target_port: self.config.port,
            host: self.config.http.as_deref(),
            id,
        };
        let mut moment =
            Moment { now, number: self.packets.saturating_add(1), timer: &mut self.timer };
        let turn = slot.trial.poll(&mut moment, &path, buffer);
        match turn {
            Turn::Send(_) => {
                self.packets = self.packets.saturating_add(1);
                slot.id = self.config.dialect.next_id(id, &mut self.draws);
            }
            Turn::Over => self.finish(place, now),
            Turn::Wait(_) => {}
        }
        Some(turn)
    }

    /// Judges a connection that has ended, and opens another if the rules ask for it.
    fn finish(&mut self, place: usize, now: Instant) {
        let Some(mut slot) = self.slots.get_mut(place).and_then(Option::take) else {
            return;
        };
        if self.state(slot.index) == State::Ended {
            return;
        }
        self.recognise(&slot.trial);
        if let Some(findings) = slot.runs.conclude(slot.trial.findings()) {
            self.settle(slot.index, slot.runs.procedure(), &findings);
            return;
        }
        let slot = self.open(slot.index, slot.runs, now);
        if let Some(place) = self.slots.get_mut(place) {
            *place = Some(slot);
        }
    }

    /// Learns from the end of a connection what answers at the target.
    fn recognise(&mut self, trial: &Trial) {
        let version = trial.version().filter(|_| !trial.voice.faithful() && !self.versioned);
        if let Some(version) = version.filter(|_| self.config.peer != Peer::Server) {
            self.versioned = true;
            if version != trial.voice.version() {
                return self.become_peer(Peer::Foreign(version));
            }
        }
        if self.config.peer == Peer::Unknown && trial.shows_responder() {
            self.config.peer = Peer::Responder;
        }
    }

    /// Takes the target for something that tells less than was thought.
    fn become_peer(&mut self, peer: Peer) {
        self.config.peer = peer;
        for index in 0..COUNT {
            let verdict = self.verdicts.get_mut(index).and_then(Option::take);
            let verdict = verdict.map(|verdict| self.admit(verdict));
            if let Some(place) = self.verdicts.get_mut(index) {
                *place = verdict;
            }
        }
    }

    /// Takes the target for an ordinary server if no answer of a responder has come by the end of
    /// the procedure that would bring one on any path that it can cross.
    fn conclude_peer(&mut self, own: Entry) {
        let silent = self
            .verdicts
            .first()
            .is_some_and(|verdict| verdict.as_ref().is_some_and(|verdict| verdict.code.code != 0));
        if self.config.peer != Peer::Unknown || own != Entry::Data || silent {
            return;
        }
        self.become_peer(Peer::Server);
    }

    fn settle(&mut self, index: usize, procedure: &Procedure, findings: &Findings) {
        for finding in findings {
            let evidence = finding.evidence.clone();
            self.decide(Verdict::new(finding.entry, finding.code, evidence));
        }
        self.conclude_peer(procedure.own());
        self.end(index, procedure);
    }

    /// Takes in the packet that an ICMP error quotes: it is evidence if it is one of ours.
    fn note_error(&mut self, quote: Option<Packet<'_>>) {
        let Some(quote) = quote else {
            return;
        };
        let config = &self.config;
        let ours = quote.addresses() == Some((config.source, config.target));
        let Some((local, port)) = quote.ports().filter(|_| ours) else {
            return;
        };
        let mut slots = self.slots.iter_mut().flatten();
        if let Some(slot) = slots.find(|slot| slot.port == local && port == config.port) {
            slot.trial.log.error(self.packets);
        }
    }

    /// Takes what is to be reported next.
    fn report(&mut self) -> Option<Event> {
        let data = PROCEDURES.iter().position(|row| row.own() == Entry::Data);
        let faithful = self.config.dialect == Dialect::Classic { faithful: true };
        let known = faithful
            || self.versioned
            || self.config.peer == Peer::Server
            || data.is_none_or(|data| self.state(data) == State::Ended);
        if let Some(entry) = self.unreported.pop_if(known) {
            let verdict = self.verdicts.get(entry.index())?.clone()?;
            return Some(Event::Verdict(verdict));
        }
        if let Some(procedure) = self.ended.take() {
            let ended = self.states.iter().filter(|state| **state == State::Ended);
            let (done, of) = (ended.count(), self.states.len());
            return Some(Event::Progress { procedure, done, of });
        }
        let over = self.slots.iter().all(Option::is_none);
        if self.summarised || !over || self.states.iter().any(|state| *state != State::Ended) {
            return None;
        }
        self.summarised = true;
        Some(Event::Summary(Summary {
            results: self.results(),
            packets: self.packets,
            connections: self.connections,
            peer: self.config.peer,
        }))
    }
}

impl<const PARALLEL: usize> Engine for Suite<PARALLEL> {
    type Event = Event;

    fn handle(&mut self, now: Instant, packet: &Packet<'_>) {
        self.packets = self.packets.saturating_add(1);
        if let Transport::Icmp(message) = &packet.transport {
            return self.note_error(message.quote());
        }
        let config = &self.config;
        let faithful = config.dialect == Dialect::Classic { faithful: true };
        let ours = packet.addresses() == Some((config.target, config.source));
        let Some((port, local)) = packet.ports().filter(|_| ours) else {
            return;
        };
        if packet.checksum_ok() == Some(false) && !faithful {
            return;
        }
        let mut moment = Moment { now, number: self.packets, timer: &mut self.timer };
        let mut slots = self.slots.iter_mut().flatten();
        match slots.find(|slot| slot.port == local) {
            Some(slot) if port == config.port => slot.trial.handle(&mut moment, packet),
            Some(slot) => slot.trial.stray(self.packets, packet),
            None => {}
        }
    }

    fn poll(&mut self, now: Instant, buffer: &mut [u8]) -> Step<Event> {
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
