//! Writing numbers and addresses without the formatting machinery, which would take most of the
//! time of a line.

use core::{
    fmt::{self, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// What text is written to: a few characters at a time without a call for each.
pub(super) trait Sink: Write {
    /// Writes the first `length` of a few ASCII characters.
    #[inline]
    fn put<const N: usize>(&mut self, characters: [u8; N], length: usize) -> fmt::Result {
        let characters = characters.get(..length).unwrap_or_default();
        // Only ASCII comes here, so that nothing is ever lost by the check.
        core::str::from_utf8(characters).map_or(Err(fmt::Error), |text| self.write_str(text))
    }
}

/// Text on its way to `out`, put together in one piece.
pub(super) struct Buffer<'o, W> {
    out: &'o mut W,
    bytes: [u8; SIZE],
    length: usize,
}

impl<'o, W: Write> Buffer<'o, W> {
    #[inline]
    pub(super) fn new(out: &'o mut W) -> Self {
        Self { out, bytes: [0; SIZE], length: 0 }
    }

    /// Writes what is there to where it is going.
    #[inline]
    pub(super) fn flush(&mut self) -> fmt::Result {
        let bytes = self.bytes.get(..self.length).unwrap_or_default();
        self.length = 0;
        core::str::from_utf8(bytes).map_or(Err(fmt::Error), |text| self.out.write_str(text))
    }

    /// Writes what is there, and then `text`.
    #[cold]
    fn overflow(&mut self, text: &str) -> fmt::Result {
        self.flush()?;
        self.out.write_str(text)
    }
}

impl<W: Write> Write for Buffer<'_, W> {
    #[inline(always)] // a length that is known makes it a few instructions
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length.wrapping_add(text.len());
        let Some(room) = self.bytes.get_mut(self.length..end) else {
            return self.overflow(text);
        };
        room.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

impl<W: Write> Sink for Buffer<'_, W> {
    #[inline(always)]
    fn put<const N: usize>(&mut self, characters: [u8; N], length: usize) -> fmt::Result {
        let room = self.bytes.get_mut(self.length..).and_then(<[u8]>::first_chunk_mut);
        let Some(room) = room else {
            let characters = characters.get(..length).unwrap_or_default();
            return core::str::from_utf8(characters)
                .map_or(Err(fmt::Error), |text| self.overflow(text));
        };
        // All are written, and those that do not count are written over.
        *room = characters;
        self.length = self.length.wrapping_add(length);
        Ok(())
    }
}

/// Writes a decimal number.
#[inline]
pub(super) fn decimal<W: Sink>(out: &mut W, number: impl Into<u64>) -> fmt::Result {
    let number = number.into();
    let (high, low) = (number / EIGHT_DIGITS, eight(number % EIGHT_DIGITS));
    if high == 0 {
        let zeroes = (low.trailing_zeros() >> 3).min(7);
        return out.put(ascii(low >> (zeroes << 3)), 8_usize.wrapping_sub(zeroes as usize));
    }
    decimal(out, high)?;
    out.put(ascii(low), 8)
}

/// Spreads a number of eight decimal digits over eight bytes, the first digit in the lowest: halves
/// it, and again, each time for all parts at once.
#[inline]
const fn eight(number: u64) -> u64 {
    let fours = (number / 10_000) | (number % 10_000) << 32;
    let hundreds = (fours.wrapping_mul(10_486) >> 20) & 0x0000_007f_0000_007f;
    let twos = hundreds | fours.wrapping_sub(hundreds.wrapping_mul(100)) << 16;
    let tens = (twos.wrapping_mul(103) >> 10) & 0x000f_000f_000f_000f;
    tens | twos.wrapping_sub(tens.wrapping_mul(10)) << 8
}

/// Makes characters of eight digits.
#[inline]
const fn ascii(digits: u64) -> [u8; 8] {
    (digits | 0x3030_3030_3030_3030).to_le_bytes()
}

/// Writes a hexadecimal number, with leading zeroes up to `width` digits.
#[inline]
pub(super) fn hex<W: Sink>(out: &mut W, number: impl Into<u64>, width: usize) -> fmt::Result {
    let number = number.into();
    let digits = (64_u32.wrapping_sub(number.leading_zeros()).div_ceil(4) as usize).max(width);
    if digits > 8 {
        hex(out, number >> 32, digits.wrapping_sub(8))?;
    }
    let digits = digits.clamp(1, 8);
    let characters = nibbles(number) >> (64_usize.wrapping_sub(digits << 3) & 63);
    out.put(characters.to_le_bytes(), digits)
}

/// Spreads the low 32 bits of a number over eight hexadecimal characters, the first in the lowest
/// byte.
#[inline]
const fn nibbles(number: u64) -> u64 {
    let halves = (number & 0xffff) | (number & 0xffff_0000) << 16;
    let bytes = (halves & 0x0000_00ff_0000_00ff) | (halves & 0x0000_ff00_0000_ff00) << 8;
    let digits = (bytes & 0x000f_000f_000f_000f) | (bytes & 0x00f0_00f0_00f0_00f0) << 4;
    // Six more than nine carries into the next nibble.
    let letters = (digits.wrapping_add(0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101;
    let lift = letters.wrapping_mul((b'a' - b'0' - 10) as u64);
    digits.wrapping_add(0x3030_3030_3030_3030).wrapping_add(lift).swap_bytes()
}

/// Writes bytes as pairs of hexadecimal digits.
pub(super) fn bytes<W: Sink>(out: &mut W, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| hex(out, *byte, 2))
}

/// Writes a hardware address.
pub(super) fn hardware<W: Sink>(out: &mut W, address: &[u8]) -> fmt::Result {
    for (index, byte) in address.iter().enumerate() {
        if index > 0 {
            out.write_str(":")?;
        }
        bytes(out, core::slice::from_ref(byte))?;
    }
    Ok(())
}

/// Writes an address.
#[inline]
pub(super) fn address<W: Sink>(out: &mut W, address: IpAddr) -> fmt::Result {
    match address {
        IpAddr::V4(address) => v4(out, address),
        IpAddr::V6(address) => v6(out, address),
    }
}

#[inline]
pub(super) fn v4<W: Sink>(out: &mut W, address: Ipv4Addr) -> fmt::Result {
    let [a, b, c, d] = address.octets();
    for octet in [a, b, c] {
        let (characters, length) = octet_and_dot(octet);
        out.put(characters, length)?;
    }
    let (characters, length) = octet_and_dot(d);
    out.put(characters, length.wrapping_sub(1))
}

/// Gives the decimal digits of a byte with a dot behind them, and how many characters these are.
#[inline]
const fn octet_and_dot(octet: u8) -> ([u8; 4], usize) {
    let octet = octet as u32;
    let (hundreds, rest) = (octet / 100, octet % 100);
    let digits = hundreds | (rest / 10) << 8 | (rest % 10) << 16;
    let zeroes = (digits | 1 << 16).trailing_zeros() >> 3;
    let characters = (digits | 0x2e30_3030) >> (zeroes << 3);
    (characters.to_le_bytes(), 4_usize.wrapping_sub(zeroes as usize))
}

/// Writes an IPv6 address as RFC 5952 has it: the longest run of zero groups, two at least and the
/// first of equals, is left out.
pub(super) fn v6<W: Sink>(out: &mut W, address: Ipv6Addr) -> fmt::Result {
    let groups = address.segments();
    let [.., c, d, e, f] = address.octets();
    if let [0, 0, 0, 0, 0, 0xffff, ..] = groups {
        out.write_str("::ffff:")?;
        return v4(out, Ipv4Addr::new(c, d, e, f));
    }
    if matches!(groups, [0, 0, 0, 0, 0, 0, high, _] if high != 0) {
        out.write_str("::")?;
        return v4(out, Ipv4Addr::new(c, d, e, f));
    }
    let (start, length) = longest_zeroes(&groups);
    let mut colon = false;
    for (index, group) in groups.iter().enumerate() {
        if length > 1 && index == start {
            out.write_str("::")?;
            colon = false;
        }
        if length > 1 && index >= start && index < start.wrapping_add(length) {
            continue;
        }
        if colon {
            out.write_str(":")?;
        }
        hex(out, *group, 1)?;
        colon = true;
    }
    Ok(())
}

fn longest_zeroes(groups: &[u16; 8]) -> (usize, usize) {
    let (mut best, mut run) = ((0, 0_usize), (0, 0_usize));
    for (index, group) in groups.iter().enumerate() {
        run = match (group, run.1) {
            (0, 0) => (index, 1),
            (0, length) => (run.0, length.wrapping_add(1)),
            _ => (0, 0),
        };
        if run.1 > best.1 {
            best = run;
        }
    }
    best
}

/// What decimal numbers are cut into.
const EIGHT_DIGITS: u64 = 100_000_000;

/// What a line takes that is not unusually long.
const SIZE: usize = 256;

#[cfg(test)]
mod tests {
    use std::{
        format,
        string::{String, ToString as _},
    };

    use super::*;

    fn written(write: impl Fn(&mut Buffer<'_, String>) -> fmt::Result) -> String {
        let mut out = String::new();
        let mut buffer = Buffer::new(&mut out);
        write(&mut buffer).unwrap();
        buffer.flush().unwrap();
        out
    }

    #[test]
    fn numbers_of_every_length() {
        let powers = (0..20).map(|power| 10_u64.pow(power));
        let numbers = powers.flat_map(|power| [power - 1, power, power + 1, power.wrapping_mul(9)]);
        for number in numbers.chain([0, u64::MAX]) {
            assert_eq!(written(|out| decimal(out, number)), number.to_string());
            for width in 0..=16 {
                let expected = format!("{number:0width$x}");
                assert_eq!(written(|out| hex(out, number, width)), expected);
            }
        }
    }

    #[test]
    fn every_octet() {
        for octet in 0..=255 {
            let address = Ipv4Addr::new(octet, 255 - octet, 0, octet);
            assert_eq!(written(|out| v4(out, address)), format!("{address}"));
        }
    }

    #[test]
    fn what_is_longer_than_the_buffer_goes_out_in_pieces() {
        let text = "0123456789".repeat(3);
        let long = "x".repeat(2 * SIZE);
        let all = written(|out| {
            (0..40).try_for_each(|number: u64| {
                out.write_str(&text)?;
                decimal(out, number)
            })?;
            out.write_str(&long)
        });
        let expected: String = (0..40).map(|number| format!("{text}{number}")).collect();
        assert_eq!(all, expected + &long);
    }

    proptest::proptest! {
        #[test]
        fn any_number(number: u64, width in 0_usize..=16, shift in 0_u32..64) {
            let number = number >> shift;
            proptest::prop_assert_eq!(written(|out| decimal(out, number)), number.to_string());
            let expected = format!("{number:0width$x}");
            proptest::prop_assert_eq!(written(|out| hex(out, number, width)), expected);
        }

        #[test]
        fn any_address(bits: u128, mask: u128) {
            let address = Ipv6Addr::from_bits(bits & mask);
            proptest::prop_assert_eq!(written(|out| v6(out, address)), format!("{address}"));
        }
    }
}
