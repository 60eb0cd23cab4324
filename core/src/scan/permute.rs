//! A keyed permutation of `0..size` that is computed, not stored.
//!
//! A Feistel network of four rounds over the bits that the size takes, walked on until it falls
//! below the size: at most twice on average. Any place can be asked for at any time, so a scan is
//! resumed from one number, and shards take every so-manieth place of the same permutation.
//!
//! The arithmetic is that of [`Permutation::at`] and of nothing else in this crate, so that a
//! program elsewhere (in the kernel, say) can do the same: [`Permutation::keys`],
//! [`Permutation::widths`] and [`MULTIPLIER`] are all that it needs.
//!
//! ```
//! use tcpexposure_core::scan::permute::Permutation;
//! let permutation = Permutation::new(5, 7);
//! let mut order: Vec<u64> = (0..5).map(|index| permutation.at(index)).collect();
//! order.sort_unstable();
//! assert_eq!(order, [0, 1, 2, 3, 4]);
//! ```

use core::num::NonZero;

/// A permutation of `0..size`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permutation {
    size: u64,
    /// The number of bits in the low half and in the high half; the high half has as many or one
    /// more.
    low: u32,
    high: u32,
    keys: [u64; 4],
}

/// One of several parts of a scan: part `index` of `count` takes the places `index`, `index +
/// count`, and so on. All parts together take every place once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: u64,
    count: NonZero<u64>,
}

impl Permutation {
    /// Makes the permutation of `0..size`, with `size` at most 2^63, that `seed` tells.
    #[must_use]
    pub const fn new(size: u64, seed: u64) -> Self {
        let bits = u64::BITS.wrapping_sub(size.saturating_sub(1).leading_zeros());
        let low = bits >> 1;
        let keys = [mix(seed, 1), mix(seed, 2), mix(seed, 3), mix(seed, 4)];
        Self { size, low, high: bits.wrapping_sub(low), keys }
    }

    /// Tells how many places there are.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Tells the four round keys.
    #[must_use]
    pub const fn keys(&self) -> [u64; 4] {
        self.keys
    }

    /// Tells the number of bits of the low half and of the high half.
    #[must_use]
    pub const fn widths(&self) -> (u32, u32) {
        (self.low, self.high)
    }

    /// Tells what stands at the place `index`. A place that is not below the size holds itself.
    #[inline]
    #[must_use]
    pub const fn at(&self, index: u64) -> u64 {
        if index >= self.size {
            return index;
        }
        let mut value = self.forward(index);
        while value >= self.size {
            value = self.forward(value);
        }
        value
    }

    /// Tells the place at which `value` stands: the inverse of [`at`](Self::at).
    #[must_use]
    pub const fn place(&self, value: u64) -> u64 {
        if value >= self.size {
            return value;
        }
        let mut index = self.backward(value);
        while index >= self.size {
            index = self.backward(index);
        }
        index
    }

    #[inline]
    const fn forward(&self, value: u64) -> u64 {
        let [a, b, c, d] = self.keys;
        let (low_mask, high_mask) = self.masks();
        let (mut low, mut high) = (value & low_mask, value >> self.low);
        high ^= round(low, a) & high_mask;
        low ^= round(high, b) & low_mask;
        high ^= round(low, c) & high_mask;
        low ^= round(high, d) & low_mask;
        high << self.low | low
    }

    const fn backward(&self, value: u64) -> u64 {
        let [a, b, c, d] = self.keys;
        let (low_mask, high_mask) = self.masks();
        let (mut low, mut high) = (value & low_mask, value >> self.low);
        low ^= round(high, d) & low_mask;
        high ^= round(low, c) & high_mask;
        low ^= round(high, b) & low_mask;
        high ^= round(low, a) & high_mask;
        high << self.low | low
    }

    #[inline]
    const fn masks(&self) -> (u64, u64) {
        ((1_u64 << self.low).wrapping_sub(1), (1_u64 << self.high).wrapping_sub(1))
    }
}

impl Shard {
    /// The whole, as one part.
    pub const WHOLE: Self = Self { index: 0, count: NonZero::<u64>::MIN };

    /// Takes part `index`, counted from 0, of `count`; `None` when there is no such part.
    #[must_use]
    pub const fn new(index: u64, count: u64) -> Option<Self> {
        match NonZero::new(count) {
            Some(count) if index < count.get() => Some(Self { index, count }),
            _ => None,
        }
    }

    /// Tells which part this is, from 0.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// Tells how many parts there are.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count.get()
    }

    /// Tells how many of `size` places this part takes.
    #[must_use]
    pub fn length(&self, size: u64) -> u64 {
        size.saturating_sub(self.index).div_ceil(self.count.get())
    }

    /// Tells the `step`th place that this part takes, from 0.
    #[inline]
    #[must_use]
    pub const fn place(&self, step: u64) -> u64 {
        self.index.wrapping_add(step.wrapping_mul(self.count.get()))
    }
}

/// The multiplier of the round function, an odd number: a round takes the half that is hashed, XORs
/// the key, multiplies modulo 2^64, and takes the low bits of the product's upper half.
pub const MULTIPLIER: u64 = 0xd6e8_feb8_6659_fd93;

#[inline]
const fn round(half: u64, key: u64) -> u64 {
    (half ^ key).wrapping_mul(MULTIPLIER) >> 32
}

/// Makes the `lane`th of many unrelated numbers out of a seed (Steele, Lea and Flood, "Fast
/// splittable pseudorandom number generators", 2014, with the finaliser of Stafford's variant 13).
#[must_use]
pub const fn mix(seed: u64, lane: u64) -> u64 {
    let x = seed.wrapping_add(lane.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}

#[cfg(test)]
mod tests {
    use std::{vec, vec::Vec};

    use super::*;

    #[test]
    fn every_small_size_is_permuted() {
        for size in 0..600 {
            for seed in 0..8 {
                let permutation = Permutation::new(size, seed);
                let mut order: Vec<u64> = (0..size).map(|index| permutation.at(index)).collect();
                order.sort_unstable();
                assert!(order.into_iter().eq(0..size), "size {size}, seed {seed}");
            }
        }
    }

    #[test]
    fn the_greatest_size() {
        let permutation = Permutation::new(1 << 63, 9);
        assert_eq!(permutation.widths(), (31, 32));
        for index in [0, 1, u64::MAX >> 1] {
            assert_eq!(permutation.place(permutation.at(index)), index);
        }
        assert_eq!(permutation.at(u64::MAX), u64::MAX);
    }

    #[test]
    fn the_order_is_that_of_the_seed_and_no_other() {
        let order = |seed| (0..64).map(|i| Permutation::new(64, seed).at(i)).collect::<Vec<_>>();
        assert_eq!(order(1), order(1));
        let different = (2..50).filter(|seed| order(*seed) != order(1)).count();
        assert_eq!(different, 48);
    }

    /// Of 65,536 consecutive places in the whole of IPv4, each /8 gets about 256: no network is met
    /// by a burst.
    #[test]
    fn neighbours_are_spread() {
        for seed in 0..20 {
            let permutation = Permutation::new(1 << 32, seed);
            let mut hits = vec![0_u32; 256];
            for index in 0..65536 {
                hits[usize::try_from(permutation.at(index) >> 24).unwrap()] += 1;
            }
            // Ten standard deviations of a random choice.
            assert!(hits.iter().all(|hits| hits.abs_diff(256) < 160), "seed {seed}: {hits:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn the_place_of_what_stands_at_a_place(size in 1..=1_u64 << 63, index: u64, seed: u64) {
            let permutation = Permutation::new(size, seed);
            let index = index % size;
            let value = permutation.at(index);
            proptest::prop_assert!(value < size);
            proptest::prop_assert_eq!(permutation.place(value), index);
        }

        #[test]
        fn shards_are_disjoint_and_complete(size in 0..2000_u64, count in 1..50_u64) {
            let mut taken = vec![0_u8; usize::try_from(size).unwrap()];
            for index in 0..count {
                let shard = Shard::new(index, count).unwrap();
                for step in 0..shard.length(size) {
                    taken[usize::try_from(shard.place(step)).unwrap()] += 1;
                }
            }
            proptest::prop_assert!(taken.into_iter().all(|times| times == 1));
            proptest::prop_assert_eq!(Shard::new(count, count), None);
        }
    }
}
