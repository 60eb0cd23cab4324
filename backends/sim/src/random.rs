//! A small deterministic random source.

/// A seeded generator (SplitMix64, Steele, Lea and Flood 2014): good enough to lose packets by.
#[derive(Clone, Copy, Debug)]
pub struct Random(u64);

impl Random {
    /// Starts from `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Gives the next 64 bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Tells whether something happens that has the given chance in a million.
    pub const fn chance(&mut self, per_million: u32) -> bool {
        per_million != 0 && self.bits() % 1_000_000 < per_million as u64
    }
}
