//! Answers per source, in a table of fixed size.
//!
//! Each source is hashed with the secret key to one place in each of two rows, and is refused only
//! when both places are full: a flood from one source takes others along only where they meet in
//! both. A place is one number, the time at which all of its answers will have been paid for (the
//! generic cell rate algorithm of ITU-T I.371).
//!
//! ```
//! use tcpexposure_core::respond::{Config, Ports, rate::Rate, siphash::Key};
//! let mut config = Config::modern(Ports::new(&[80]).unwrap(), Key::new([7; 16]));
//! config.rate = Some(Rate { per_second: 10, burst: 20 });
//! ```

use crate::time::Instant;

/// How many answers a source gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many a second, in the long run.
    pub per_second: u32,
    /// How many at once.
    pub burst: u32,
}

impl Rate {
    /// 2,000 a second, 4,000 at once: three full runs of the suite at the same time.
    pub const DEFAULT: Self = Self { per_second: 2_000, burst: 4_000 };

    fn interval(self) -> u64 {
        1_000_000_000_u64.checked_div(self.per_second.into()).unwrap_or(u64::MAX)
    }
}

impl Default for Rate {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What the sources have had.
#[derive(Debug)]
pub(super) struct Table {
    rows: [[u64; PLACES]; 2],
}

impl Table {
    pub(super) const fn new() -> Self {
        Self { rows: [[0; PLACES]; 2] }
    }

    /// Tells whether the source that hashes to `hash` gets one more answer now, and books it.
    pub(super) fn admit(&mut self, now: Instant, rate: Rate, hash: u64) -> bool {
        let interval = rate.interval();
        let now = now.as_nanos();
        let ahead = interval.saturating_mul(rate.burst.into());
        let limit = now.saturating_add(ahead);
        let [a, b, c, d, ..] = hash.to_le_bytes();
        let mut admitted = false;
        for (row, place) in self.rows.iter_mut().zip([[a, b], [c, d]]) {
            let Some(paid) = row.get_mut(usize::from(u16::from_le_bytes(place)) % PLACES) else {
                continue;
            };
            let next = (*paid).max(now).saturating_add(interval);
            if next <= limit {
                *paid = next;
                admitted = true;
            }
        }
        admitted
    }
}

/// The places in a row.
const PLACES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 10, burst: 5 };

    fn admitted(table: &mut Table, nanos: u64, hash: u64, tries: usize) -> usize {
        let now = Instant::from_nanos(nanos);
        (0..tries).filter(|_| table.admit(now, RATE, hash)).count()
    }

    #[test]
    fn a_burst_and_then_the_rate() {
        let mut table = Table::new();
        assert_eq!(admitted(&mut table, 0, 7, 100), 5);
        assert_eq!(admitted(&mut table, 99_999_999, 7, 100), 0);
        assert_eq!(admitted(&mut table, 100_000_000, 7, 100), 1);
        assert_eq!(admitted(&mut table, 10_000_000_000, 7, 100), 5);
    }

    #[test]
    fn a_full_place_in_one_row_refuses_nobody() {
        let mut table = Table::new();
        assert_eq!(admitted(&mut table, 0, 0x0001_0001, 100), 5);
        assert_eq!(admitted(&mut table, 0, 0x0002_0001, 100), 5);
        assert_eq!(admitted(&mut table, 0, 0x0002_0003, 100), 5);
        assert_eq!(admitted(&mut table, 0, 0x0002_0001, 100), 0);
    }

    #[test]
    fn extremes_do_not_wrap() {
        let mut table = Table::new();
        let none = Rate { per_second: 0, burst: 0 };
        assert!(!table.admit(Instant::ZERO, none, 1));
        let all = Rate { per_second: u32::MAX, burst: u32::MAX };
        assert!(table.admit(Instant::NEVER, all, 1));
    }
}
