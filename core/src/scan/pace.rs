//! How fast to send: a token bucket that is filled in batches.
//!
//! Whole tokens and the exact remainder are kept apart, so that a rate holds over any length of
//! time. A sender that falls behind catches up by at most a fiftieth of a second.
//!
//! A rate in bits counts what a packet occupies on an Ethernet: preamble, header, padding to the
//! least frame, check sequence and the gap behind it ([`wire_bits`]).
//!
//! ```
//! use tcpexposure_core::{scan::pace::{Pace, Rate}, time::Instant};
//! let mut pace = Pace::new(Rate::Packets(10));
//! while pace.take(Instant::ZERO, 54).is_ok() {}
//! let next = pace.take(Instant::ZERO, 54).unwrap_err();
//! assert!(next > Instant::ZERO);
//! assert_eq!(pace.take(next, 54), Ok(()));
//! ```

use core::time::Duration;

use crate::time::Instant;

/// How fast to send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rate {
    /// As fast as the link takes it.
    #[default]
    Unlimited,
    /// So many packets a second.
    Packets(u64),
    /// So many bits a second, counted by [`wire_bits`].
    Bits(u64),
}

/// The bucket.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    rate: Rate,
    /// Packets, or bits.
    tokens: u64,
    /// What is earned beyond the tokens, in billionths of one.
    remainder: u64,
    /// When the tokens were counted.
    at: Option<Instant>,
}

/// Tells the bits that an IP packet of `length` bytes occupies on an Ethernet: at least 84 bytes, of
/// which 38 are not the packet's.
#[must_use]
pub fn wire_bits(length: usize) -> u64 {
    let bytes = u64::try_from(length).unwrap_or(u64::MAX).saturating_add(38).max(84);
    bytes.saturating_mul(8)
}

impl Pace {
    /// Makes a bucket that holds the first packet.
    #[must_use]
    pub const fn new(rate: Rate) -> Self {
        Self { rate, tokens: 0, remainder: 0, at: None }
    }

    /// Tells the rate.
    #[must_use]
    pub const fn rate(&self) -> Rate {
        self.rate
    }

    /// Sets another rate from now on. What was earned at the old one and has not been spent is lost.
    pub const fn set_rate(&mut self, now: Instant, rate: Rate) {
        *self = Self { rate, tokens: 0, remainder: 0, at: Some(now) };
    }

    /// Takes the tokens of one packet of `length` bytes.
    ///
    /// # Errors
    /// When there are too few: the time at which there will be enough for a batch.
    #[inline]
    pub fn take(&mut self, now: Instant, length: usize) -> Result<(), Instant> {
        let (cost, rate) = match self.rate {
            Rate::Unlimited => return Ok(()),
            Rate::Packets(rate) => (1, rate),
            Rate::Bits(rate) => (wire_bits(length), rate),
        };
        if self.tokens < cost {
            self.refill(now, cost, rate);
        }
        match self.tokens.checked_sub(cost) {
            Some(left) => {
                self.tokens = left;
                Ok(())
            }
            None => Err(self.due(now, cost, rate)),
        }
    }

    fn refill(&mut self, now: Instant, cost: u64, rate: u64) {
        let Some(at) = self.at.replace(now) else {
            self.tokens = cost;
            return;
        };
        let nanos = now.since(at).as_nanos();
        let earned = nanos.saturating_mul(rate.into()).saturating_add(self.remainder.into());
        let tokens = u64::try_from(earned / SECOND).unwrap_or(u64::MAX);
        let depth = (rate / 50).max(cost);
        self.tokens = self.tokens.saturating_add(tokens);
        self.remainder = u64::try_from(earned % SECOND).unwrap_or(0);
        if self.tokens > depth {
            (self.tokens, self.remainder) = (depth, 0);
        }
    }

    /// Tells when there will be a thousandth of a second's tokens, at least those of one packet and
    /// at most those of a batch.
    fn due(&self, now: Instant, cost: u64, rate: u64) -> Instant {
        let wanted = (rate / 1000).clamp(cost, cost.saturating_mul(BATCH));
        let missing = u128::from(wanted.saturating_sub(self.tokens)).saturating_mul(SECOND);
        let missing = missing.saturating_sub(self.remainder.into());
        let rounded = missing.saturating_add(u128::from(rate).saturating_sub(1));
        let nanos = rounded.checked_div(rate.into()).and_then(|nanos| u64::try_from(nanos).ok());
        nanos.map_or(Instant::NEVER, |nanos| now.after(Duration::from_nanos(nanos)))
    }
}

/// How many packets a sender is to have tokens for when it has waited.
pub const BATCH: u64 = 64;

const SECOND: u128 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a sender that never falls behind, and counts its packets and their bits.
    fn run(pace: &mut Pace, from: Instant, until: Instant, length: usize) -> (u64, u64) {
        let (mut now, mut packets) = (from, 0);
        while now < until {
            match pace.take(now, length) {
                Ok(()) => packets += 1,
                Err(due) => {
                    assert!(due > now, "a wait that is none");
                    now = due;
                }
            }
        }
        (packets, packets * wire_bits(length))
    }

    const HOUR: Instant = Instant::from_nanos(3_600_000_000_000);

    #[test]
    fn exact_over_an_hour() {
        for rate in [1, 3, 7, 1000, 12_345] {
            let (packets, _) = run(&mut Pace::new(Rate::Packets(rate)), Instant::ZERO, HOUR, 40);
            let expected = rate * 3600;
            // The first packet is free, and the last batch may be a thousandth of a second off.
            assert!(packets.abs_diff(expected) <= 1 + rate / 1000, "{packets} of {expected}");
        }
        let (_, bits) = run(&mut Pace::new(Rate::Bits(1_000_000)), Instant::ZERO, HOUR, 40);
        assert!(bits.abs_diff(3_600_000_000) <= 1000 + 2 * wire_bits(40), "{bits}");
    }

    #[test]
    fn what_counts_as_bits() {
        assert_eq!([0, 40, 46, 47, 1500].map(wire_bits), [672, 672, 672, 680, 12_304]);
    }

    #[test]
    fn extremes() {
        let mut pace = Pace::new(Rate::Packets(0));
        assert_eq!(pace.take(Instant::ZERO, 40), Ok(()));
        assert_eq!(pace.take(HOUR, 40), Err(Instant::NEVER));
        let mut pace = Pace::new(Rate::Bits(u64::MAX));
        assert_eq!(pace.take(Instant::ZERO, usize::MAX), Ok(()));
        assert!(pace.take(Instant::NEVER, usize::MAX).is_ok());
        let mut pace = Pace::new(Rate::Unlimited);
        assert!((0..1000).all(|_| pace.take(Instant::ZERO, 40).is_ok()));
    }

    #[test]
    fn a_rate_is_changed_at_once() {
        let mut pace = Pace::new(Rate::Packets(10));
        let second = |count: u64| Instant::from_nanos(count * 1_000_000_000);
        assert_eq!(run(&mut pace, second(0), second(10), 40).0, 100);
        pace.set_rate(second(10), Rate::Packets(1000));
        let (packets, _) = run(&mut pace, second(10), second(20), 40);
        assert!(packets.abs_diff(10_000) <= 2, "{packets}");
        assert_eq!(pace.rate(), Rate::Packets(1000));
    }

    proptest::proptest! {
        /// Whatever the rate and however irregular the sender, no stretch of time has more than the
        /// rate and one bucket.
        #[test]
        fn never_more_than_the_rate(
            rate in 1..20_000_u64, steps in proptest::collection::vec(1..50_000_000_u64, 1..20)
        ) {
            let mut pace = Pace::new(Rate::Packets(rate));
            let (mut now, mut packets) = (0_u64, 0_u64);
            for step in steps {
                now += step;
                packets += (0..rate).take_while(|_| pace.take(Instant::from_nanos(now), 40).is_ok())
                    .count() as u64;
            }
            let earned = u128::from(now) * u128::from(rate) / SECOND;
            proptest::prop_assert!(u128::from(packets) <= earned + 1 + u128::from(rate / 50));
        }
    }
}
