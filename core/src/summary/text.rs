//! Writing numbers and addresses without the formatting machinery, which would take most of the
//! time of a line.

use core::{
    fmt::{self, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// Writes a decimal number.
#[inline]
pub(super) fn decimal<W: Write>(out: &mut W, number: impl Into<u64>) -> fmt::Result {
    let mut number = number.into();
    let mut digits = [b'0'; 20];
    let mut used = 0_usize;
    for digit in digits.iter_mut().rev() {
        *digit = b'0'.wrapping_add((number % 10).to_le_bytes()[0]);
        number /= 10;
        used = used.wrapping_add(1);
        if number == 0 {
            break;
        }
    }
    ascii(out, digits.get(20_usize.wrapping_sub(used)..))
}

/// Writes a hexadecimal number, with leading zeroes up to `width` digits.
#[inline]
pub(super) fn hex<W: Write>(out: &mut W, number: impl Into<u64>, width: usize) -> fmt::Result {
    let mut number = number.into();
    let mut digits = [b'0'; 16];
    let mut used = 0_usize;
    for digit in digits.iter_mut().rev() {
        *digit = nibble(number.to_le_bytes()[0]);
        number >>= 4;
        used = used.wrapping_add(1);
        if number == 0 {
            break;
        }
    }
    ascii(out, digits.get(16_usize.wrapping_sub(used.max(width.min(16)))..))
}

/// Writes bytes as pairs of hexadecimal digits.
pub(super) fn bytes<W: Write>(out: &mut W, bytes: &[u8]) -> fmt::Result {
    for byte in bytes {
        ascii(out, Some(&[nibble(byte >> 4), nibble(*byte)]))?;
    }
    Ok(())
}

/// Writes a hardware address.
pub(super) fn hardware<W: Write>(out: &mut W, address: &[u8]) -> fmt::Result {
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
pub(super) fn address<W: Write>(out: &mut W, address: IpAddr) -> fmt::Result {
    match address {
        IpAddr::V4(address) => v4(out, address),
        IpAddr::V6(address) => v6(out, address),
    }
}

pub(super) fn v4<W: Write>(out: &mut W, address: Ipv4Addr) -> fmt::Result {
    let [a, b, c, d] = address.octets();
    decimal(out, a)?;
    out.write_str(".")?;
    decimal(out, b)?;
    out.write_str(".")?;
    decimal(out, c)?;
    out.write_str(".")?;
    decimal(out, d)
}

/// Writes an IPv6 address as RFC 5952 has it: the longest run of zero groups, two at least and the
/// first of equals, is left out.
pub(super) fn v6<W: Write>(out: &mut W, address: Ipv6Addr) -> fmt::Result {
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

#[inline]
pub(super) const fn nibble(value: u8) -> u8 {
    match value & 0x0f {
        digit @ 0..=9 => b'0'.wrapping_add(digit),
        letter => b'a'.wrapping_add(letter.wrapping_sub(10)),
    }
}

#[inline]
fn ascii<W: Write>(out: &mut W, digits: Option<&[u8]>) -> fmt::Result {
    let digits = digits.unwrap_or_default();
    // Only ASCII comes here, so that nothing is ever lost by the check.
    core::str::from_utf8(digits).map_or(Err(fmt::Error), |text| out.write_str(text))
}
