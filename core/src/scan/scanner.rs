//! Both halves in one: for simulated paths, and where one thread is enough.

use core::convert::Infallible;

use super::{
    finding::Kept,
    prober::{Plan, Position, Prober},
    sieve::Sieve,
};
use crate::{
    engine::{Engine, Step},
    time::Instant,
    wire::packet::Packet,
};

/// The engine. It emits every finding and is done when the last answers have been waited for.
#[derive(Debug)]
pub struct Scanner<'a> {
    prober: Prober<'a>,
    sieve: Sieve<'a>,
    results: u64,
    report: Option<Kept>,
}

impl<'a> Scanner<'a> {
    /// Makes the engine. `memory` is to be zeroes; with [`Sieve::words`] of it, duplicates are told
    /// for certain, and retries pass over what has answered.
    #[must_use]
    pub fn new(plan: Plan<'a>, position: Position, memory: &'a mut [u64]) -> Self {
        let sieve = Sieve::new(plan.space, plan.probes, memory).patient(plan.limits.cooldown);
        Self { prober: Prober::new(plan, position), sieve, results: 0, report: None }
    }

    /// Tells the sending half.
    #[must_use]
    pub const fn prober(&self) -> &Prober<'a> {
        &self.prober
    }

    /// Tells the sending half, to change its rate or to stop it.
    pub const fn prober_mut(&mut self) -> &mut Prober<'a> {
        &mut self.prober
    }

    /// Tells the receiving half.
    #[must_use]
    pub const fn sieve(&self) -> &Sieve<'a> {
        &self.sieve
    }

    /// Tells how many targets have answered properly.
    #[must_use]
    pub const fn results(&self) -> u64 {
        self.results
    }
}

impl Engine for Scanner<'_> {
    type Event = Kept;

    fn handle(&mut self, now: Instant, packet: &Packet<'_>) {
        let Some(finding) = self.sieve.handle(now, packet) else {
            return;
        };
        self.results = self.results.wrapping_add(finding.classification.is_result().into());
        if self.prober.plan().limits.results.is_some_and(|most| self.results >= most) {
            self.prober.stop(now);
        }
        self.report = Some(Kept::of(&finding));
    }

    fn poll(&mut self, now: Instant, slot: &mut [u8]) -> Step<Kept> {
        if let Some(kept) = self.report.take() {
            return Step::Emit(kept);
        }
        let sieve = &self.sieve;
        match self.prober.poll_unless(now, slot, |number| sieve.answered(number)) {
            Step::Send(length) => {
                self.sieve.start(now);
                Step::Send(length)
            }
            Step::Wait(until) => Step::Wait(until),
            Step::Done => Step::Done,
            Step::Emit(never) => none(never),
        }
    }
}

/// There is no such event.
const fn none(never: Infallible) -> Step<Kept> {
    match never {}
}
