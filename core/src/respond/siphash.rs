//! SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012): a keyed hash that
//! cannot be foretold without its key.
//!
//! ```
//! use tcpexposure_core::respond::siphash::Key;
//! // The first vector of the algorithm's authors.
//! let key = Key::new([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
//! assert_eq!(key.hash(&[]), 0x726f_db47_dd0e_0e31);
//! ```

use core::fmt;

use byteorder::{ByteOrder as _, LittleEndian};

/// A secret key of 16 bytes. Its `Debug` form does not tell it.
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u64; 2]);

impl Key {
    /// Takes the key's bytes, which are to be random.
    #[must_use]
    pub const fn new(bytes: [u8; 16]) -> Self {
        let whole = u128::from_le_bytes(bytes);
        let [a, b, c, d, e, f, g, h, rest @ ..] = whole.to_le_bytes();
        Self([u64::from_le_bytes([a, b, c, d, e, f, g, h]), u64::from_le_bytes(rest)])
    }

    /// Hashes `bytes`.
    #[must_use]
    pub fn hash(&self, bytes: &[u8]) -> u64 {
        let mut state = State::new(self.0);
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            state.absorb(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        last[7] = bytes.len().to_le_bytes()[0];
        state.absorb(LittleEndian::read_u64(&last));
        state.finish()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Key(..)")
    }
}

struct State([u64; 4]);

impl State {
    const fn new([k0, k1]: [u64; 2]) -> Self {
        // "somepseudorandomlygeneratedbytes"
        Self([
            k0 ^ 0x736f_6d65_7073_6575,
            k1 ^ 0x646f_7261_6e64_6f6d,
            k0 ^ 0x6c79_6765_6e65_7261,
            k1 ^ 0x7465_6462_7974_6573,
        ])
    }

    #[inline]
    fn absorb(&mut self, word: u64) {
        self.0[3] ^= word;
        self.round();
        self.round();
        self.0[0] ^= word;
    }

    #[inline]
    fn finish(mut self) -> u64 {
        self.0[2] ^= 0xff;
        for _ in 0..4 {
            self.round();
        }
        self.0.iter().fold(0, |all, word| all ^ word)
    }

    #[inline]
    const fn round(&mut self) {
        let [mut v0, mut v1, mut v2, mut v3] = self.0;
        v0 = v0.wrapping_add(v1);
        v1 = v1.rotate_left(13) ^ v0;
        v0 = v0.rotate_left(32);
        v2 = v2.wrapping_add(v3);
        v3 = v3.rotate_left(16) ^ v2;
        v0 = v0.wrapping_add(v3);
        v3 = v3.rotate_left(21) ^ v0;
        v2 = v2.wrapping_add(v1);
        v1 = v1.rotate_left(17) ^ v2;
        v2 = v2.rotate_left(32);
        self.0 = [v0, v1, v2, v3];
    }
}

#[cfg(test)]
mod tests {
    use core::hash::Hasher as _;

    use super::*;

    /// The key and the messages of the paper, appendix A, and of the authors' `vectors.h`.
    #[test]
    fn the_vectors_of_the_authors() {
        let bytes: [u8; 64] = core::array::from_fn(|i| i.try_into().unwrap());
        let key = Key::new(bytes[..16].try_into().unwrap());
        let vectors = [
            (0, 0x726f_db47_dd0e_0e31),
            (1, 0x74f8_39c5_93dc_67fd),
            (7, 0xab02_00f5_8b01_d137),
            (8, 0x93f5_f579_9a93_2462),
            (15, 0xa129_ca61_49be_45e5),
            (63, 0x958a_324c_eb06_4572),
        ];
        for (length, expected) in vectors {
            assert_eq!(key.hash(&bytes[..length]), expected, "{length} bytes");
        }
    }

    #[test]
    fn the_key_is_not_shown() {
        assert_eq!(std::format!("{:?}", Key::new([7; 16])), "Key(..)");
    }

    proptest::proptest! {
        #[test]
        #[expect(deprecated, reason = "the one SipHash-2-4 at hand to compare with")]
        fn agrees_with_the_standard_library(key: [u8; 16], bytes: std::vec::Vec<u8>) {
            let (k0, k1) = (LittleEndian::read_u64(&key), LittleEndian::read_u64(&key[8..]));
            let mut theirs = core::hash::SipHasher::new_with_keys(k0, k1);
            theirs.write(&bytes);
            proptest::prop_assert_eq!(Key::new(key).hash(&bytes), theirs.finish());
        }
    }
}
