//! The Internet checksum (RFC 1071), its pseudo-headers and its incremental update (RFC 1624).

use core::net::IpAddr;

/// A running ones' complement sum over fragments of any length, odd ones too.
///
/// ```
/// use tcpexposure_core::wire::checksum::Sum;
/// let whole = Sum::new().feed(b"an odd one").finish();
/// assert_eq!(whole, Sum::new().feed(b"an ").feed(b"odd").feed(b" one").finish());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// The sum of 16-bit words in the machine's own byte order, folded to 32 bits or fewer.
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
    #[inline]
    #[must_use]
    pub fn feed(self, bytes: &[u8]) -> Self {
        let part = fold32(words(bytes));
        let part = if self.odd { swap(part) } else { part };
        Self { acc: fold32(self.acc).wrapping_add(part), odd: self.odd ^ (bytes.len() & 1 == 1) }
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

/// Sums 32-bit words in the machine's byte order; a last odd byte counts as the first of a word.
#[inline]
fn words(bytes: &[u8]) -> u64 {
    let (blocks, rest) = bytes.as_chunks::<32>();
    let mut lanes = [0_u64; 8];
    for block in blocks {
        let (quads, _) = block.as_chunks::<4>();
        for (lane, quad) in lanes.iter_mut().zip(quads) {
            *lane = lane.wrapping_add(u32::from_ne_bytes(*quad).into());
        }
    }
    let mut sum = lanes.iter().fold(0_u64, |sum, lane| sum.wrapping_add(*lane));
    let (quads, rest) = rest.as_chunks::<4>();
    for quad in quads {
        sum = sum.wrapping_add(u32::from_ne_bytes(*quad).into());
    }
    let mut last = [0; 4];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    sum.wrapping_add(u32::from_ne_bytes(last).into())
}

/// Folds to at most 33 bits, so that many more such sums can be added.
#[inline]
const fn fold32(sum: u64) -> u64 {
    (sum & 0xffff_ffff).wrapping_add(sum >> 32)
}

/// Folds to 16 bits with end-around carry.
#[inline]
fn fold16(sum: u64) -> u16 {
    let sum = fold32(fold32(sum));
    let sum = (sum & 0xffff).wrapping_add(sum >> 16);
    let sum = (sum & 0xffff).wrapping_add(sum >> 16);
    let [a, b, ..] = sum.to_le_bytes();
    u16::from_le_bytes([a, b])
}

/// Swaps the bytes of the folded sum: what a fragment adds that begins at an odd place.
#[inline]
fn swap(sum: u64) -> u64 {
    fold16(sum).swap_bytes().into()
}

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
    fn a_megabyte_of_ones_does_not_wrap() {
        let bytes = std::vec![0xff_u8; 1 << 20];
        assert_eq!(Sum::new().feed(&bytes).finish(), 0);
    }

    proptest::proptest! {
        #[test]
        fn agrees_with_the_definition(bytes: Vec<u8>) {
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
