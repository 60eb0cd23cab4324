//! Sequence numbers that prove themselves: SipHash-1-3 of addresses and ports.
//!
//! The message is the bytes as they stand in the probe's headers: source address, destination
//! address, source port, destination port; 12 bytes for IPv4, 36 for IPv6. A word of the hash is
//! eight of these bytes, the first the lowest, so that a word can be loaded from a header as it
//! lies there on a little-endian machine. The cookie is the low 32 bits of the hash.
//!
//! SipHash-1-3 is the variant with one round a word and three at the end of Aumasson and
//! Bernstein's "SipHash: a fast short-input PRF" (2012); 32 bits of it are all that a sequence
//! number holds, so a guess hits once in 2^32.
//!
//! ```
//! use tcpexposure_core::scan::cookie::{Cookies, Key};
//! let cookies = Cookies::new(Key::of_seed(1), [192, 0, 2, 1].into());
//! let cookie = cookies.of([198, 51, 100, 2].into(), 40000, 443);
//! assert_ne!(cookie, cookies.of([198, 51, 100, 2].into(), 40000, 80));
//! ```

use core::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use super::permute::mix;

/// A secret key of 16 bytes. Its `Debug` form does not tell it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Key([u64; 2]);

/// The cookies of one source address.
#[derive(Clone, Copy)]
pub struct Cookies {
    key: Key,
    source: IpAddr,
    /// The state after as much of the source as fills whole words.
    start: State,
    /// What of the source is left for the next word.
    head: u64,
}

impl Key {
    /// Takes the key's bytes, which are to be random.
    #[must_use]
    pub fn new(bytes: [u8; 16]) -> Self {
        Self(words(&bytes))
    }

    /// Makes the key that `seed` tells, for runs that are to be repeated. Whoever knows the seed
    /// knows the key.
    #[must_use]
    pub const fn of_seed(seed: u64) -> Self {
        Self([mix(seed, 5), mix(seed, 6)])
    }

    /// Tells the key's two words: its bytes in little-endian order.
    #[must_use]
    pub const fn words(&self) -> [u64; 2] {
        self.0
    }

    /// Makes a secret number for another purpose, of which the key cannot be told.
    #[must_use]
    pub const fn derive(&self, purpose: u64) -> u64 {
        State::new(self.0).absorb(purpose).finish(0, 8)
    }

    /// Tells the state of a hash before the first word of its message, for those who go on by other
    /// means.
    #[must_use]
    pub const fn state(&self) -> [u64; 4] {
        State::new(self.0).0
    }

    /// Hashes an address alone: its 4 or 16 bytes, low 32 bits of the hash.
    #[inline]
    #[must_use]
    pub fn address(&self, address: IpAddr) -> u32 {
        let state = State::new(self.0);
        truncate(match address {
            IpAddr::V4(address) => state.finish(u32::from_le_bytes(address.octets()).into(), 4),
            IpAddr::V6(address) => {
                let [a, b] = words(&address.octets());
                state.absorb(a).absorb(b).finish(0, 16)
            }
        })
    }
}

impl Cookies {
    /// Prepares the cookies of probes from `source`.
    #[must_use]
    pub fn new(key: Key, source: IpAddr) -> Self {
        let state = State::new(key.0);
        let (start, head) = match source {
            IpAddr::V4(address) => (state, u32::from_le_bytes(address.octets()).into()),
            IpAddr::V6(address) => {
                let [a, b] = words(&address.octets());
                (state.absorb(a).absorb(b), 0)
            }
        };
        Self { key, source, start, head }
    }

    /// Tells the source address.
    #[must_use]
    pub const fn source(&self) -> IpAddr {
        self.source
    }

    /// Tells the key.
    #[must_use]
    pub const fn key(&self) -> Key {
        self.key
    }

    /// Tells the state of the hash after as much of the source as fills whole words (all of an IPv6
    /// address, nothing of an IPv4 one), for those who go on by other means.
    #[must_use]
    pub const fn state(&self) -> [u64; 4] {
        self.start.0
    }

    /// Tells the cookie of a probe. Addresses of two families make one that no probe has.
    #[inline(always)]
    #[must_use]
    pub fn of(&self, destination: IpAddr, source_port: u16, destination_port: u16) -> u32 {
        match destination {
            IpAddr::V4(address) => self.of_v4(address, source_port, destination_port),
            IpAddr::V6(address) => self.of_v6(address, source_port, destination_port),
        }
    }

    #[inline(always)]
    pub(super) fn of_v4(&self, destination: Ipv4Addr, from: u16, to: u16) -> u32 {
        let both = u64::from(u32::from_le_bytes(destination.octets())) << 32 | self.head;
        truncate(self.start.absorb(both).finish(ports(from, to), 12))
    }

    #[inline(always)]
    pub(super) fn of_v6(&self, destination: Ipv6Addr, from: u16, to: u16) -> u32 {
        let [a, b] = words(&destination.octets());
        truncate(self.start.absorb(a).absorb(b).finish(ports(from, to), 36))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Key(..)")
    }
}

impl fmt::Debug for Cookies {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Cookies({}, ..)", self.source)
    }
}

/// The four words of a SipHash in progress.
#[derive(Clone, Copy)]
struct State([u64; 4]);

impl State {
    #[inline]
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
    const fn absorb(self, word: u64) -> Self {
        let [v0, v1, v2, v3] = self.0;
        let [v0, v1, v2, v3] = Self([v0, v1, v2, v3 ^ word]).round().0;
        Self([v0 ^ word, v1, v2, v3])
    }

    /// Adds the bytes that fill no word, and the length of the message, and tells the hash.
    #[inline]
    const fn finish(self, rest: u64, length: u64) -> u64 {
        let [v0, v1, v2, v3] = self.absorb(rest | length << 56).0;
        let [v0, v1, v2, v3] = Self([v0, v1, v2 ^ 0xff, v3]).round().round().round().0;
        v0 ^ v1 ^ v2 ^ v3
    }

    #[inline]
    const fn round(self) -> Self {
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
        Self([v0, v1, v2, v3])
    }
}

/// Cuts sixteen bytes into two words.
#[inline]
fn words(bytes: &[u8; 16]) -> [u64; 2] {
    let [a, b, c, d, e, f, g, h, rest @ ..] = *bytes;
    [u64::from_le_bytes([a, b, c, d, e, f, g, h]), u64::from_le_bytes(rest)]
}

/// Puts both ports into a word, as they stand in the header.
#[inline]
fn ports(source: u16, destination: u16) -> u64 {
    let [a, b] = source.to_be_bytes();
    let [c, d] = destination.to_be_bytes();
    u32::from_le_bytes([a, b, c, d]).into()
}

#[inline]
const fn truncate(hash: u64) -> u32 {
    let [a, b, c, d, ..] = hash.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use core::{
        hash::Hasher as _,
        net::{Ipv4Addr, Ipv6Addr},
    };
    use std::vec::Vec;

    use super::*;

    /// The algorithm of the paper, section 2, for any number of rounds.
    fn reference(key: Key, bytes: &[u8], each: usize, last: usize) -> u64 {
        let mut state = State::new(key.0);
        let mut padded = bytes.to_vec();
        padded.resize(bytes.len() / 8 * 8 + 8, 0);
        *padded.last_mut().unwrap() = u8::try_from(bytes.len() & 0xff).unwrap();
        for word in padded.chunks(8) {
            let word = u64::from_le_bytes(word.try_into().unwrap());
            state.0[3] ^= word;
            (0..each).for_each(|_| state = state.round());
            state.0[0] ^= word;
        }
        state.0[2] ^= 0xff;
        (0..last).for_each(|_| state = state.round());
        state.0.into_iter().fold(0, |all, word| all ^ word)
    }

    fn message(source: IpAddr, destination: IpAddr, ports: [u16; 2]) -> Vec<u8> {
        let octets = |address| match address {
            IpAddr::V4(address) => Ipv4Addr::octets(&address).to_vec(),
            IpAddr::V6(address) => Ipv6Addr::octets(&address).to_vec(),
        };
        let mut bytes = octets(source);
        bytes.extend(octets(destination));
        ports.iter().for_each(|port| bytes.extend(port.to_be_bytes()));
        bytes
    }

    #[test]
    fn neither_key_nor_state_is_shown() {
        let key = Key::new([7; 16]);
        assert_eq!(std::format!("{key:?}"), "Key(..)");
        let cookies = Cookies::new(key, Ipv4Addr::LOCALHOST.into());
        assert_eq!(std::format!("{cookies:?}"), "Cookies(127.0.0.1, ..)");
    }

    proptest::proptest! {
        /// The reference is that of the standard library where that has one: SipHash-2-4 with any
        /// key, and its default hasher, SipHash-1-3 with the key of zeroes.
        #[test]
        #[expect(deprecated, reason = "the one SipHash-2-4 at hand to compare with")]
        fn the_reference_agrees_with_the_standard_library(key: [u8; 16], bytes: Vec<u8>) {
            let key = Key::new(key);
            let mut theirs = core::hash::SipHasher::new_with_keys(key.0[0], key.0[1]);
            theirs.write(&bytes);
            proptest::prop_assert_eq!(reference(key, &bytes, 2, 4), theirs.finish());
            let mut theirs = std::hash::DefaultHasher::new();
            theirs.write(&bytes);
            proptest::prop_assert_eq!(reference(Key([0; 2]), &bytes, 1, 3), theirs.finish());
        }

        #[test]
        fn cookies_agree_with_the_reference(
            key: [u8; 16], v4: [[u8; 4]; 2], v6: [[u8; 16]; 2], ports: [u16; 2]
        ) {
            let key = Key::new(key);
            let v4 = v4.map(IpAddr::from);
            let v6 = v6.map(IpAddr::from);
            for [source, destination] in [v4, v6] {
                let expected = reference(key, &message(source, destination, ports), 1, 3);
                let cookie = Cookies::new(key, source).of(destination, ports[0], ports[1]);
                proptest::prop_assert_eq!(cookie, truncate(expected));
            }
            for address in [v4[0], v6[0]] {
                let mut bytes = message(address, address, ports);
                bytes.truncate((bytes.len() - 4) / 2);
                proptest::prop_assert_eq!(key.address(address), truncate(reference(key, &bytes, 1, 3)));
            }
            let purpose = u64::from(ports[0]);
            let expected = reference(key, &purpose.to_le_bytes(), 1, 3);
            proptest::prop_assert_eq!(key.derive(purpose), expected);
        }
    }
}
