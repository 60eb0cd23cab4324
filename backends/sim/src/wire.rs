//! What a stretch of wire does to packets: delay, loss, duplication, reordering, size limit.

use std::time::Duration;

use tcpexposure_core::time::Instant;

use crate::Random;

/// The qualities of a stretch of wire, the same both ways. Chances are in a million.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wire {
    /// The time a packet takes.
    pub delay: Duration,
    /// The chance that a packet is lost.
    pub loss: u32,
    /// The chance that a packet comes twice.
    pub duplication: u32,
    /// The chance that a packet takes twice the delay, and a millisecond at least.
    pub reordering: u32,
    /// The largest packet that passes; longer ones are lost without a word.
    pub mtu: usize,
}

impl Default for Wire {
    fn default() -> Self {
        Self { delay: Duration::ZERO, loss: 0, duplication: 0, reordering: 0, mtu: 65535 }
    }
}

impl Wire {
    /// Tells how many copies of a packet of `length` bytes that leaves now arrive, and when.
    pub(crate) fn carry(&self, now: Instant, length: usize, random: &mut Random) -> (u8, Instant) {
        let lost = length > self.mtu || random.chance(self.loss);
        let doubled = random.chance(self.duplication);
        let late = random.chance(self.reordering);
        let extra = if late { self.delay.max(Duration::from_millis(1)) } else { Duration::ZERO };
        let copies = if lost { 0 } else { 1 + u8::from(doubled) };
        (copies, now.after(self.delay).after(extra))
    }
}
