//! The Internet checksum (RFC 1071), its pseudo-headers and its incremental update (RFC 1624).

use core::net::IpAddr;

use zerocopy::transmute;

/// A running ones' complement sum over fragments of any length, odd ones too.
///
/// ```
/// use tcpexposure_core::wire::checksum::Sum;
/// let whole = Sum::new().feed(b"an odd one").finish();
/// assert_eq!(whole, Sum::new().feed(b"an ").feed(b"odd").feed(b" one").finish());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// The sum of 64-bit words in the machine's own byte order, whose carry comes around.
    acc: u64,
    /// Whether an odd number of bytes has been added.
    odd: bool,
}

impl Sum {
    /// Starts at zero.
    #[inline]
    #[must_use]
    pub const fn new() -> Self {
        Self { acc: 0, odd: false }
    }

    /// Adds `bytes`, as if they stood right after those added before.
    #[inline(always)] // so that what is known of the state is known here
    #[must_use]
    pub fn feed(self, bytes: &[u8]) -> Self {
        let part = words(bytes);
        let part = if self.odd { swap(part) } else { part };
        Self { acc: plus(self.acc, part), odd: self.odd ^ (bytes.len() & 1 == 1) }
    }

    /// Adds one 16-bit number at an even place.
    #[inline]
    #[must_use]
    pub fn add_u16(self, value: u16) -> Self {
        self.feed(&value.to_be_bytes())
    }

    /// Adds the pseudo-header of an upper layer of `length` bytes: RFC 9293, section 3.1 for IPv4,
    /// RFC 8200, section 8.1 for IPv6. Addresses of two families add what they have.
    #[must_use]
    pub fn pseudo(self, source: IpAddr, destination: IpAddr, protocol: u8, length: usize) -> Self {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        let [a, b, c, d] = length.to_be_bytes();
        self.address(source).address(destination).feed(&[a, b, c, d, 0, protocol])
    }

    /// Tells the checksum: the complement of the sum, in host byte order.
    #[inline]
    #[must_use]
    pub fn finish(self) -> u16 {
        let folded = fold16(self.acc);
        !u16::from_be_bytes(folded.to_ne_bytes())
    }

    fn address(self, address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => self.feed(&address.octets()),
            IpAddr::V6(address) => self.feed(&address.octets()),
        }
    }
}

/// Tells the checksum after a 16-bit field that it covers changed from `old` to `new` (RFC 1624,
/// equation 3).
#[inline]
#[must_use]
pub fn update(checksum: u16, old: u16, new: u16) -> u16 {
    let sum = u64::from(!checksum).wrapping_add((!old).into()).wrapping_add(new.into());
    !fold16(sum)
}

/// Tells the checksum after an aligned 32-bit field that it covers changed from `old` to `new`.
#[must_use]
pub fn update_u32(checksum: u16, old: u32, new: u32) -> u16 {
    let [a, b, c, d] = old.to_be_bytes();
    let [e, f, g, h] = new.to_be_bytes();
    let high = update(checksum, u16::from_be_bytes([a, b]), u16::from_be_bytes([e, f]));
    update(high, u16::from_be_bytes([c, d]), u16::from_be_bytes([g, h]))
}

/// Sums words in the machine's byte order; a last odd byte counts as the first of a word.
#[inline(always)] // a length that is known makes it a few instructions
fn words(bytes: &[u8]) -> u64 {
    if bytes.len() < MANY { few(bytes) } else { many(bytes) }
}

/// Sums many bytes, in a way that the compiler makes vectors of; inlined, it would not always.
///
/// The lower halves of 32-bit words overflow into the upper ones; but what is due to the upper ones
/// is known, and so are the lower ones of a run that is short enough.
#[inline(never)]
fn many(bytes: &[u8]) -> u64 {
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    let mut sum = 0_u64;
    for run in blocks.chunks(RUN) {
        let (words, _) = run.as_flattened().as_chunks::<4>();
        let (first, second) = words.split_at(words.len() / 2);
        let (mut all, mut upper) = ((0_u32, 0_u32), (0_u32, 0_u32));
        for (a, b) in first.iter().zip(second) {
            let (a, b) = (u32::from_ne_bytes(*a), u32::from_ne_bytes(*b));
            all = (all.0.wrapping_add(a), all.1.wrapping_add(b));
            upper = (upper.0.wrapping_add(a >> 16), upper.1.wrapping_add(b >> 16));
        }
        let (all, upper) = (all.0.wrapping_add(all.1), upper.0.wrapping_add(upper.1));
        let lower = all.wrapping_sub(upper << 16);
        sum = sum.wrapping_add(lower.into()).wrapping_add(upper.into());
    }
    if rest.is_empty() { sum } else { plus(sum, few(rest)) }
}

/// Sums bytes by words of 64 bits: where there are some, in four sums that need not wait for each
/// other, and what is left by halves of the step before.
#[inline(always)]
fn few(bytes: &[u8]) -> u64 {
    let (mut sum, mut rest) = (0, bytes);
    if let Some(begun) = some(bytes) {
        (sum, rest) = begun;
    }
    if let Some((block, after)) = rest.split_first_chunk::<32>() {
        (sum, rest) = (plus(sum, four(transmute!(*block))), after);
    }
    if let Some((block, after)) = rest.split_first_chunk::<16>() {
        let [a, b]: [u64; 2] = transmute!(*block);
        (sum, rest) = (plus(sum, plus(a, b)), after);
    }
    if let Some((word, after)) = rest.split_first_chunk() {
        (sum, rest) = (plus(sum, u64::from_ne_bytes(*word)), after);
    }
    match bytes.last_chunk() {
        _ if rest.is_empty() => sum,
        Some(whole) => plus(sum, ending(whole, rest)),
        None => plus(sum, last(rest)),
    }
}

/// Sums blocks of four words, if there are some, and tells what is left.
#[inline(always)]
fn some(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (blocks, rest) = bytes.as_chunks::<32>();
    let (first, blocks) = blocks.split_first().filter(|_| bytes.len() >= SOME)?;
    let mut sums: [u64; 4] = transmute!(*first);
    for block in blocks {
        let ([a, b, c, d], [e, f, g, h]): (_, [u64; 4]) = (sums, transmute!(*block));
        sums = [plus(a, e), plus(b, f), plus(c, g), plus(d, h)];
    }
    Some((four(sums), rest))
}

#[inline(always)]
const fn four([a, b, c, d]: [u64; 4]) -> u64 {
    plus(plus(a, b), plus(c, d))
}

/// Sums the `rest` of bytes that end with `end`: what stands before it is shifted out.
#[inline]
fn ending(end: &[u8; 8], rest: &[u8]) -> u64 {
    let before = 8_u32.wrapping_sub(rest.len() as u32).wrapping_mul(8);
    let word = u64::from_le_bytes(*end).checked_shr(before).unwrap_or(0);
    u64::from_ne_bytes(word.to_le_bytes())
}

/// Sums fewer than eight bytes.
#[inline]
fn last(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<4>();
    let word = words.first().map_or(0, |word| u32::from_ne_bytes(*word));
    let (pairs, rest) = rest.as_chunks::<2>();
    let pair = pairs.first().map_or(0, |pair| u16::from_ne_bytes(*pair));
    let byte = rest.first().map_or(0, |byte| u16::from_ne_bytes([*byte, 0]));
    u64::from(word).wrapping_add(pair.into()).wrapping_add(byte.into())
}

/// Adds with end-around carry.
#[inline]
const fn plus(a: u64, b: u64) -> u64 {
    let (sum, carry) = a.overflowing_add(b);
    sum.wrapping_add(carry as u64)
}

/// Folds with end-around carry: added to itself with its halves exchanged, the upper half is the
/// sum of both, and what the lower half carries into it is the carry that comes around.
#[inline]
const fn fold32(sum: u64) -> u32 {
    (sum.wrapping_add(sum.rotate_left(32)) >> 32) as u32
}

/// Folds to 16 bits.
#[inline]
pub(crate) const fn fold16(sum: u64) -> u16 {
    let sum = fold32(sum);
    (sum.wrapping_add(sum.rotate_left(16)) >> 16) as u16
}

/// Swaps the bytes of the folded sum: what a fragment adds that begins at an odd place.
#[inline]
fn swap(sum: u64) -> u64 {
    fold16(sum).swap_bytes().into()
}

/// The bytes that make vectors.
const BLOCK: usize = 64;
/// How many blocks are summed before 16-bit halves could overflow 32 bits.
const RUN: usize = (1 << 16) / (BLOCK / 4);
/// From this many bytes on, four words at a time pay.
const SOME: usize = 64;
/// From this many bytes on, vectors pay.
const MANY: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// RFC 1071, section 1, word by word.
    fn reference(bytes: &[u8]) -> u16 {
        let mut sum = 0_u32;
        for pair in bytes.chunks(2) {
            sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !u16::try_from(sum).unwrap()
    }

    #[test]
    fn the_example_of_rfc_1071() {
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(Sum::new().feed(&bytes).finish(), !0xddf2);
    }

    #[test]
    fn megabytes_of_ones_do_not_wrap() {
        let bytes = std::vec![0xff_u8; 5 << 20];
        assert_eq!(Sum::new().feed(&bytes).finish(), 0);
    }

    proptest::proptest! {
        #[test]
        fn agrees_with_the_definition(
            bytes in proptest::collection::vec(0_u8.., 0..600)
        ) {
            proptest::prop_assert_eq!(Sum::new().feed(&bytes).finish(), reference(&bytes));
        }

        #[test]
        fn fragments_add_up(bytes: Vec<u8>, a: usize, b: usize) {
            let (a, b) = (a % (bytes.len() + 1), b % (bytes.len() + 1));
            let (a, b) = (a.min(b), a.max(b));
            let sum = Sum::new().feed(&bytes[..a]).feed(&bytes[a..b]).feed(&bytes[b..]);
            proptest::prop_assert_eq!(sum.finish(), reference(&bytes));
        }

        #[test]
        fn update_agrees_with_summing_again(
            mut bytes in proptest::collection::vec(0_u8.., 4..64), at: usize, new: u32
        ) {
            let at = (at % (bytes.len() - 3)) & !1;
            bytes.extend([1, 2]); // not all zero: there +0 and -0 differ (RFC 1624, section 3)
            let before = reference(&bytes);
            let field = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
            bytes[at..at + 4].copy_from_slice(&new.to_be_bytes());
            proptest::prop_assert_eq!(update_u32(before, field, new), reference(&bytes));
        }
    }
}
