//! Which targets have answered, in memory that the caller lends.
//!
//! ```
//! use tcpexposure_core::scan::seen::Seen;
//! let mut words = [0; 16];
//! let mut seen = Seen::new(&mut words, 1024);
//! assert!(seen.is_exact());
//! assert!(!seen.contains(7));
//! seen.insert(7);
//! assert!(seen.contains(7));
//! ```

use super::permute::mix;

/// What has been seen.
///
/// Where the memory has a bit for each number it is exact. Where it has not, it remembers the
/// latest: a number that is told to be new may have been there long ago, but one that is told to be
/// known was.
#[derive(Debug)]
pub struct Seen<'a> {
    words: &'a mut [u64],
    exact: bool,
}

impl<'a> Seen<'a> {
    /// Takes memory, all zeroes, for numbers below `size`. [`words`](Self::words) tells how many
    /// are needed to be exact; none at all is allowed, and knows nothing.
    #[must_use]
    pub fn new(words: &'a mut [u64], size: u64) -> Self {
        let exact = usize::try_from(Self::words(size)).is_ok_and(|needed| needed <= words.len());
        Self { words, exact }
    }

    /// Tells how many words hold a bit for each number below `size`.
    #[must_use]
    pub const fn words(size: u64) -> u64 {
        size.div_ceil(64)
    }

    /// Tells whether every number has a bit of its own.
    #[must_use]
    pub const fn is_exact(&self) -> bool {
        self.exact
    }

    /// Tells whether `number` is known.
    #[inline]
    #[must_use]
    pub fn contains(&self, number: u64) -> bool {
        let (place, mark) = self.locate(number);
        let word = self.words.get(place).copied().unwrap_or(0);
        if self.exact { word & mark != 0 } else { word == mark }
    }

    /// Notes `number`; tells whether it was new.
    #[inline]
    pub fn insert(&mut self, number: u64) -> bool {
        let known = self.contains(number);
        let (place, mark) = self.locate(number);
        let exact = self.exact;
        if let Some(word) = self.words.get_mut(place) {
            *word = if exact { *word | mark } else { mark };
        }
        !known
    }

    /// Tells the word that a number has, and its bit there; or else the word that it shares with
    /// others, and what stands there if this number was the last of them.
    fn locate(&self, number: u64) -> (usize, u64) {
        if self.exact {
            let place = usize::try_from(number >> 6).unwrap_or(usize::MAX);
            return (place, 1_u64.wrapping_shl(number.to_le_bytes()[0].into()));
        }
        let length = u128::try_from(self.words.len()).unwrap_or(0);
        let place = u128::from(mix(number, 0)).wrapping_mul(length) >> 64;
        (usize::try_from(place).unwrap_or(usize::MAX), number.wrapping_add(1))
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, vec, vec::Vec};

    use super::*;

    #[test]
    fn exact_where_there_is_room() {
        let mut words = vec![0; 3];
        assert_eq!((Seen::words(192), Seen::words(193)), (3, 4));
        let mut seen = Seen::new(&mut words, 192);
        assert!(seen.is_exact());
        for number in (0..192).step_by(3) {
            assert!(seen.insert(number) && !seen.insert(number));
        }
        assert!((0..192).all(|number| seen.contains(number) == (number % 3 == 0)));
    }

    #[test]
    fn no_memory_knows_nothing() {
        let mut seen = Seen::new(&mut [], 5);
        assert!(seen.insert(0) && seen.insert(0));
    }

    proptest::proptest! {
        #[test]
        fn what_is_known_was_there(numbers: Vec<u16>) {
            let mut words = vec![0; 16];
            let mut seen = Seen::new(&mut words, 1 << 40);
            let mut truth = HashSet::new();
            for number in numbers.into_iter().map(u64::from) {
                let new = truth.insert(number);
                proptest::prop_assert!(seen.insert(number) || !new);
                proptest::prop_assert!(!seen.insert(number));
            }
        }
    }
}
