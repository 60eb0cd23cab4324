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
///
/// It sends by the batch, and then takes in what has come before it sends on, so that at full speed
/// answers do not pile up. A flood of packets holds it up for so many packets at a time, not longer.
#[derive(Debug)]
pub struct Scanner<'a> {
    prober: Prober<'a>,
    sieve: Sieve<'a>,
    results: u64,
    report: Option<Kept>,
    /// How many packets may be sent before the next look at what has come.
    batch: u32,
    /// How many packets may come before the next is sent; the last that came has to be followed.
    patience: u32,
    arrived: bool,
}

impl<'a> Scanner<'a> {
    /// Makes the engine. `memory` is to be zeroes; with [`Sieve::words`] of it, duplicates are told
    /// for certain, and retries pass over what has answered.
    #[must_use]
    pub fn new(plan: Plan<'a>, position: Position, memory: &'a mut [u64]) -> Self {
        let sieve = Sieve::new(plan.space, plan.probes, memory).patient(plan.limits.cooldown);
        Self {
            prober: Prober::new(plan, position),
            sieve,
            results: 0,
            report: None,
            batch: BATCH,
            patience: PATIENCE,
            arrived: false,
        }
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

    /// Tells whether what has come goes before what is to be sent.
    const fn yields(&mut self) -> bool {
        let more = self.arrived && self.patience > 0;
        let full = self.batch == 0;
        if more {
            self.patience = self.patience.wrapping_sub(1);
        } else {
            self.patience = PATIENCE;
        }
        if full {
            self.batch = BATCH;
        }
        self.arrived = false;
        more || full
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
        self.arrived = true;
        let Some(finding) = self.sieve.handle(now, packet) else {
            return;
        };
        self.results = self.results.wrapping_add(finding.is_result().into());
        if self.prober.plan().limits.results.is_some_and(|most| self.results >= most) {
            self.prober.stop(now);
        }
        self.report = Some(Kept::of(&finding));
    }

    fn poll(&mut self, now: Instant, slot: &mut [u8]) -> Step<Kept> {
        if let Some(kept) = self.report.take() {
            return Step::Emit(kept);
        }
        if self.yields() {
            return Step::Wait(now);
        }
        let sieve = &self.sieve;
        match self.prober.poll_unless(now, slot, |number| sieve.answered(number)) {
            Step::Send(length) => {
                self.sieve.start(now);
                self.batch = self.batch.saturating_sub(1);
                Step::Send(length)
            }
            Step::Wait(until) => Step::Wait(until),
            Step::Done => Step::Done,
            Step::Emit(never) => none(never),
        }
    }
}

/// How many packets are sent in a row.
const BATCH: u32 = 64;
/// How many packets are taken in in a row, while there is something to be sent.
const PATIENCE: u32 = 256;

/// There is no such event.
const fn none(never: Infallible) -> Step<Kept> {
    match never {}
}
