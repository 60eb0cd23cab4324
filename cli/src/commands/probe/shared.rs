//! What the threads of a run tell each other: numbers, each written by one of them, and no lock.

use std::sync::atomic::{
    AtomicBool, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

use tcpexposure_core::time::Instant;

/// The numbers.
#[derive(Debug)]
pub(super) struct Shared {
    /// The rate that is asked for now, in the unit of the run's pace; 0 for as fast as it goes.
    rate: AtomicU64,
    /// Probes that the link took.
    sent: AtomicU64,
    /// Probes of all rounds that need not be sent again if the run ends now.
    position: AtomicU64,
    /// When sending was at the position, or a little later.
    at: AtomicU64,
    /// Whether to send no more.
    halt: AtomicBool,
    /// When the last probe went out; 0 until then.
    ended: AtomicU64,
    /// Whether to listen no more.
    close: AtomicBool,
    /// Packets that have nothing to do with the run.
    foreign: AtomicU64,
    /// Frames that the link handed over.
    heard: AtomicU64,
}

impl Shared {
    /// Begins behind `position` probes.
    pub(super) fn new(rate: u64, position: u64) -> Self {
        Self {
            rate: rate.into(),
            sent: 0.into(),
            position: position.into(),
            at: 0.into(),
            halt: false.into(),
            ended: 0.into(),
            close: false.into(),
            foreign: 0.into(),
            heard: 0.into(),
        }
    }

    pub(super) fn rate(&self) -> u64 {
        self.rate.load(Relaxed)
    }

    /// Makes the rate five in a hundred higher or lower; there is nothing to be made of no limit.
    pub(super) fn turn(&self, up: bool) -> u64 {
        let rate = self.rate();
        let step = rate.div_ceil(20);
        let new = if up { rate.saturating_add(step) } else { rate.saturating_sub(step) };
        let new = if rate == 0 { 0 } else { new.max(1) };
        self.rate.store(new, Relaxed);
        new
    }

    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Relaxed)
    }

    /// Tells how far sending is, and when it was there, or a little later.
    pub(super) fn position(&self) -> (u64, Instant) {
        let position = self.position.load(Acquire);
        (position, Instant::from_nanos(self.at.load(Relaxed)))
    }

    /// Tells how far sending is.
    pub(super) fn advance(&self, now: Instant, sent: u64, position: u64) {
        self.sent.store(sent, Relaxed);
        // The time before the position: who sees the position sees this time, or a later one.
        self.at.store(now.as_nanos(), Relaxed);
        self.position.store(position, Release);
    }

    /// Asks to send no more.
    pub(super) fn halt(&self) {
        self.halt.store(true, Relaxed);
    }

    pub(super) fn halted(&self) -> bool {
        self.halt.load(Relaxed)
    }

    /// Tells that all is sent.
    pub(super) fn end(&self, now: Instant) {
        self.ended.store(now.as_nanos().max(1), Relaxed);
    }

    /// Tells when all was sent.
    pub(super) fn ended(&self) -> Option<Instant> {
        let nanos = self.ended.load(Relaxed);
        (nanos > 0).then(|| Instant::from_nanos(nanos))
    }

    /// Asks to listen no more.
    pub(super) fn close(&self) {
        self.close.store(true, Relaxed);
    }

    pub(super) fn closed(&self) -> bool {
        self.close.load(Relaxed)
    }

    /// Tells how much was heard.
    pub(super) fn hear(&self, heard: u64, foreign: u64) {
        self.heard.store(heard, Relaxed);
        self.foreign.store(foreign, Relaxed);
    }

    pub(super) fn heard(&self) -> u64 {
        self.heard.load(Relaxed)
    }

    pub(super) fn foreign(&self) -> u64 {
        self.foreign.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_goes_up_and_down() {
        let shared = Shared::new(100, 0);
        assert_eq!((shared.turn(true), shared.turn(false)), (105, 99));
        let slow = Shared::new(1, 0);
        assert_eq!((slow.turn(false), slow.turn(true)), (1, 2));
        assert_eq!(Shared::new(0, 0).turn(true), 0);
    }
}
