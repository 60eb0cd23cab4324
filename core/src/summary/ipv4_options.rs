//! IPv4 options in tcpdump's words, which are not those of its packets alone: an option that says
//! that it is longer than it is shows the bytes that follow it.

use core::{fmt, net::Ipv4Addr};

use super::{
    options::number,
    text::{Sink, decimal, v4},
};

/// Writes the options that `bytes` begins with, up to `length`; `bytes` goes on behind them, with
/// all that was captured. False when tcpdump goes no further because the capture ends.
pub(super) fn list<W: Sink>(out: &mut W, bytes: &[u8], length: usize) -> Result<bool, fmt::Error> {
    let mut at = 0_usize;
    let mut comma = "";
    while at < length {
        out.write_str(comma)?;
        comma = ",";
        let rest = bytes.get(at..).unwrap_or_default();
        let left = length.saturating_sub(at);
        let Some(taken) = one(out, rest, left)? else {
            return Ok(true);
        };
        if taken == 0 {
            out.write_str(" [|ip]")?;
            return Ok(false);
        }
        at = at.saturating_add(taken);
    }
    Ok(true)
}

/// Writes one option of at most `left` bytes; its length, 0 where the capture ends, and `None` when
/// it is the last that can be told.
fn one<W: Sink>(out: &mut W, rest: &[u8], left: usize) -> Result<Option<usize>, fmt::Error> {
    let Some(kind) = rest.first() else {
        return Ok(Some(0));
    };
    match NAMES.iter().find(|(known, _)| known == kind) {
        Some((_, name)) => out.write_str(name)?,
        None => number(out, "unknown ", (*kind).into())?,
    }
    let length = match (kind, rest.get(1)) {
        (0, _) => return Ok(None),
        (1, _) => return Ok(Some(1)),
        (_, None) if left < 2 => 0,
        (_, None) => return Ok(Some(0)),
        (_, Some(length)) => usize::from(*length),
    };
    if length < 2 || length > left {
        bad(out, " [bad length ", length)?;
        return Ok(None);
    }
    if rest.len() < length {
        out.write_str(" [truncated-option]")?;
        return Ok(None);
    }
    let whole = match kind {
        7 | 131 | 137 => route(out, rest, length)?,
        68 => stamps(out, rest, length)?,
        148 => alert(out, rest, length)?,
        _ => true,
    };
    Ok(Some(if whole { length } else { 0 }))
}

/// Writes a record of a route, or one to follow.
fn route<W: Sink>(out: &mut W, option: &[u8], length: usize) -> Result<bool, fmt::Error> {
    if length < 3 {
        return bad(out, " [bad length ", length).and(Ok(true));
    }
    if length & 3 != 3 {
        bad(out, " [bad length ", length)?;
    }
    let pointer = option.get(2).map_or(0, |pointer| usize::from(*pointer));
    if pointer < 4 || pointer & 3 != 0 || pointer > length.saturating_add(1) {
        bad(out, " [bad ptr ", pointer)?;
    }
    for at in (3..length).step_by(4) {
        out.write_str(" ")?;
        let Some(address) = option.get(at..).and_then(<[u8]>::first_chunk::<4>) else {
            return Ok(false);
        };
        v4(out, Ipv4Addr::from(*address))?;
        // A pointer of zero is taken for a large one.
        if pointer.wrapping_sub(1) > at {
            out.write_str(",")?;
        }
    }
    Ok(true)
}

/// Writes time stamps.
fn stamps<W: Sink>(out: &mut W, option: &[u8], length: usize) -> Result<bool, fmt::Error> {
    let (true, &[_, _, pointer, flags, ..]) = (length >= 4, option) else {
        return bad(out, "[bad length ", length).and(Ok(true));
    };
    out.write_str(" TS{")?;
    let (step, low) = if flags & 15 == 0 { (4, 3) } else { (8, 7) };
    if length.wrapping_sub(4) & low != 0 {
        bad(out, "[bad length ", length)?;
    }
    // Pointers count from one.
    let place = usize::from(pointer).wrapping_sub(1);
    let aligned = place.wrapping_sub(4) & low == 0;
    if pointer < 5 || !aligned || place > length.saturating_add(1) {
        bad(out, "[bad ptr ", pointer.into())?;
    }
    match STAMPS.get(usize::from(flags & 15)).filter(|name| !name.is_empty()) {
        None => bad(out, "[bad ts type ", usize::from(flags & 15))?,
        Some(name) => {
            out.write_str(name)?;
            if !stamp_list(out, option, length, step, place)? {
                return Ok(false);
            }
        }
    }
    if flags >> 4 != 0 {
        number(out, " [", u64::from(flags >> 4))?;
        out.write_str(" hops not recorded]} ")?;
    } else {
        out.write_str("}")?;
    }
    Ok(true)
}

/// Writes time stamps and their addresses, `step` bytes each; `^` stands where the next would go.
fn stamp_list<W: Sink>(
    out: &mut W,
    option: &[u8],
    length: usize,
    step: usize,
    place: usize,
) -> Result<bool, fmt::Error> {
    let mut at = 4_usize;
    while at < length {
        out.write_str(if place == at { " ^ " } else { " " })?;
        let Some((entry, [.., a, b, c, d])) =
            option.get(at..).and_then(|rest| Some((rest.first_chunk::<4>()?, rest.get(..step)?)))
        else {
            return Ok(false);
        };
        decimal(out, u32::from_be_bytes([*a, *b, *c, *d]))?;
        out.write_str("@")?;
        if step == 8 {
            v4(out, Ipv4Addr::from(*entry))?;
        }
        at = at.saturating_add(step);
    }
    if place == at { out.write_str(" ^ ").and(Ok(true)) } else { Ok(true) }
}

/// Writes a router alert's value (RFC 2113).
fn alert<W: Sink>(out: &mut W, option: &[u8], length: usize) -> Result<bool, fmt::Error> {
    if length < 4 {
        return bad(out, " [bad length ", length).and(Ok(true));
    }
    if let &[_, _, high, low, ..] = option
        && (high, low) != (0, 0)
    {
        number(out, " value ", u16::from_be_bytes([high, low]).into())?;
    }
    Ok(true)
}

fn bad<W: Sink>(out: &mut W, words: &str, value: usize) -> fmt::Result {
    number(out, words, u64::try_from(value).unwrap_or_default())?;
    out.write_str("]")
}

const NAMES: &[(u8, &str)] = &[
    (0, "EOL"),
    (1, "NOP"),
    (7, "RR"),
    (68, "timestamp"),
    (130, "security"),
    (131, "LSRR"),
    (137, "SSRR"),
    (148, "RA"),
];

/// The formats of time stamps, by number.
const STAMPS: [&str; 4] = ["TSONLY", "TS+ADDR", "", "PRESPEC"];
