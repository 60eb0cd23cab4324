//! The sending half: which packet is next, and when.
//!
//! ```
//! use tcpexposure_core::scan::{Limits, Position};
//! // A scan that begins, of a thousand targets, each asked once more when it has not answered.
//! let limits = Limits { targets: Some(1000), retries: 1, ..Limits::default() };
//! let begun = Position::default();
//! assert_eq!((limits.probes, begun.round, begun.step), (1, 0, 0));
//! ```

use core::{convert::Infallible, time::Duration};

use super::{
    pace::{Pace, Rate},
    permute::{Permutation, Shard},
    targets::Space,
    template::{Probes, Shot, Template},
};
use crate::{
    engine::{Engine, Step},
    time::Instant,
    wire::packet::Packet,
};

/// What is to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// The targets.
    pub space: Space<'a>,
    /// The packets.
    pub probes: Probes<'a>,
    /// The order: the [permutation](Permutation) of the targets' numbers by this seed.
    pub seed: u64,
    /// Which part of the order.
    pub shard: Shard,
    /// How fast.
    pub rate: Rate,
    /// How much of it.
    pub limits: Limits,
}

/// When to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most targets of this shard to send to.
    pub targets: Option<u64>,
    /// The most results, each the first proper answer of a target.
    pub results: Option<u64>,
    /// The longest time of sending.
    pub time: Option<Duration>,
    /// How many packets each target gets, one right after the other; at least 1.
    pub probes: u32,
    /// How many times all targets that have not answered are asked again.
    pub retries: u32,
    /// How long to wait for answers after the last packet, and before a retry.
    pub cooldown: Duration,
}

/// How far a prober has come: the packet that is next. A prober that begins at a position sends all
/// that one which stopped there had left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The retry, 0 for the first time.
    pub round: u32,
    /// The step within the shard, from 0.
    pub step: u64,
    /// The packet to the target of this step, from 0.
    pub repeat: u32,
}

/// The engine. It takes no packets in and reports nothing.
#[derive(Clone, Debug)]
pub struct Prober<'a> {
    plan: Plan<'a>,
    permutation: Permutation,
    pace: Pace,
    position: Position,
    steps: u64,
    phase: Phase,
    started: Option<Instant>,
    sent: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Sending,
    /// Waiting for the answers of a round.
    Between(Instant),
    /// Waiting for the last answers.
    Cooling(Instant),
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            targets: None,
            results: None,
            time: None,
            probes: 1,
            retries: 0,
            cooldown: Duration::from_secs(8),
        }
    }
}

impl<'a> Prober<'a> {
    /// Makes a prober that begins at `position`; [`Position::default`] is the start.
    #[must_use]
    pub fn new(plan: Plan<'a>, position: Position) -> Self {
        let size = plan.space.size();
        let steps = plan.shard.length(size).min(plan.limits.targets.unwrap_or(u64::MAX));
        Self {
            permutation: Permutation::new(size, plan.seed),
            pace: Pace::new(plan.rate),
            position,
            steps,
            phase: Phase::Sending,
            started: None,
            sent: 0,
            plan,
        }
    }

    /// Tells what is to be sent.
    #[must_use]
    pub const fn plan(&self) -> &Plan<'a> {
        &self.plan
    }

    /// Tells the packet that is next.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.position
    }

    /// Tells how many steps a round has: the targets of this shard, within the limits.
    #[must_use]
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// Tells how many packets this prober has written.
    #[must_use]
    pub const fn sent(&self) -> u64 {
        self.sent
    }

    /// Tells whether all is sent, or sending was stopped.
    #[must_use]
    pub const fn is_cooling(&self) -> bool {
        matches!(self.phase, Phase::Cooling(_))
    }

    /// Tells when it will be done, once all is sent.
    #[must_use]
    pub const fn end(&self) -> Option<Instant> {
        if let Phase::Cooling(end) = self.phase { Some(end) } else { None }
    }

    /// Tells the rate.
    #[must_use]
    pub const fn rate(&self) -> Rate {
        self.pace.rate()
    }

    /// Sets another rate from now on.
    pub const fn set_rate(&mut self, now: Instant, rate: Rate) {
        self.pace.set_rate(now, rate);
    }

    /// Stops sending and begins to wait for the last answers.
    pub fn stop(&mut self, now: Instant) {
        if !self.is_cooling() {
            self.phase = Phase::Cooling(now.after(self.plan.limits.cooldown));
        }
    }

    /// Does as [`Engine::poll`], but passes over the targets whose number `answered` knows.
    #[inline]
    pub fn poll_unless(
        &mut self,
        now: Instant,
        slot: &mut [u8],
        answered: impl Fn(u64) -> bool,
    ) -> Step<Infallible> {
        loop {
            match self.phase {
                Phase::Sending => {}
                Phase::Between(end) | Phase::Cooling(end) if now < end => return Step::Wait(end),
                Phase::Between(_) => self.phase = Phase::Sending,
                Phase::Cooling(_) => return Step::Done,
            }
            if let Some(step) = self.send(now, slot, &answered) {
                return step;
            }
        }
    }

    /// Writes the next packet; `None` when there is none, and the phase has changed.
    #[inline]
    fn send(
        &mut self,
        now: Instant,
        slot: &mut [u8],
        answered: &impl Fn(u64) -> bool,
    ) -> Option<Step<Infallible>> {
        let started = *self.started.get_or_insert(now);
        let over = self.plan.limits.time.map(|time| started.after(time));
        if over.is_some_and(|over| over <= now) {
            self.stop(now);
            return None;
        }
        while self.position.step < self.steps {
            let Some((shot, template)) = self.aim(now, answered) else {
                self.next_step();
                continue;
            };
            if let Err(due) = self.pace.take(now, template.bytes().len()) {
                return Some(Step::Wait(over.map_or(due, |over| over.min(due))));
            }
            let written = template.write(slot, &shot);
            self.advance();
            if let Some(length) = written {
                self.sent = self.sent.wrapping_add(1);
                return Some(Step::Send(length));
            }
        }
        self.finish_round(now);
        None
    }

    /// Finds the target of this step; `None` when it has answered, or has no probe.
    #[inline]
    fn aim(
        &self,
        now: Instant,
        answered: &impl Fn(u64) -> bool,
    ) -> Option<(Shot, &'a Template<'a>)> {
        let Position { round, step, repeat } = self.position;
        let place = self.plan.shard.place(step);
        let number = self.permutation.at(place);
        if answered(number) {
            return None;
        }
        let target = self.plan.space.at(number)?;
        let template = self.plan.probes.of(&target)?;
        let repeat = round.wrapping_mul(self.plan.limits.probes).wrapping_add(repeat);
        Some((Shot { target, place, repeat, time: now }, template))
    }

    #[inline]
    const fn advance(&mut self) {
        self.position.repeat = self.position.repeat.wrapping_add(1);
        if self.position.repeat >= self.plan.limits.probes {
            self.next_step();
        }
    }

    const fn next_step(&mut self) {
        self.position.repeat = 0;
        self.position.step = self.position.step.wrapping_add(1);
    }

    fn finish_round(&mut self, now: Instant) {
        if self.position.round >= self.plan.limits.retries {
            return self.stop(now);
        }
        let round = self.position.round.wrapping_add(1);
        self.position = Position { round, ..Position::default() };
        self.phase = Phase::Between(now.after(self.plan.limits.cooldown));
    }
}

impl Engine for Prober<'_> {
    type Event = Infallible;

    fn handle(&mut self, _now: Instant, _packet: &Packet<'_>) {}

    #[inline]
    fn poll(&mut self, now: Instant, slot: &mut [u8]) -> Step<Infallible> {
        self.poll_unless(now, slot, |_| false)
    }
}
