//! The reader by which the others are judged: it shares no code with any, and takes what is there.

use super::Reading;

pub(super) fn read(frame: &[u8]) -> Option<Reading> {
    let mut ethertype = word(frame, 12)?;
    let mut rest = frame.get(14..)?;
    while matches!(ethertype, 0x8100 | 0x88a8 | 0x9100) {
        ethertype = word(rest, 2)?;
        rest = rest.get(4..)?;
    }
    match ethertype {
        0x0800 => version_4(rest),
        0x86dd => version_6(rest),
        _ => None,
    }
}

fn version_4(bytes: &[u8]) -> Option<Reading> {
    let header = usize::from(bytes.first()? & 15) * 4;
    let fragment = word(bytes, 6)? & 0x1fff != 0;
    if header < 20 || fragment || *bytes.get(9)? != 6 {
        return None;
    }
    // A length that cannot be says nothing of where the packet ends.
    let total = match usize::from(word(bytes, 2)?) {
        total if total < header => bytes.len(),
        total => total.min(bytes.len()),
    };
    segment(bytes.get(header..total)?)
}

fn version_6(bytes: &[u8]) -> Option<Reading> {
    let length = usize::from(word(bytes, 4)?);
    let mut next = *bytes.get(6)?;
    let rest = bytes.get(40..)?;
    let mut rest = if length == 0 { rest } else { &rest[..length.min(rest.len())] };
    loop {
        let length = match next {
            6 => return segment(rest),
            44 if word(rest, 2)? >> 3 != 0 => return None,
            44 => 8,
            51 => (usize::from(*rest.get(1)?) + 2) * 4,
            0 | 43 | 60 | 135 | 139 | 140 => (usize::from(*rest.get(1)?) + 1) * 8,
            _ => return None,
        };
        next = rest[0];
        rest = rest.get(length..)?;
    }
}

fn segment(bytes: &[u8]) -> Option<Reading> {
    let fixed = bytes.get(..20)?;
    let offset = usize::from(fixed[12] >> 4) * 4;
    let (options, payload) = bytes[20..].split_at(offset.clamp(20, bytes.len()) - 20);
    let (options, whole) = list(options);
    Some(Reading {
        ports: (word(fixed, 0)?, word(fixed, 2)?),
        seq: u32::from(word(fixed, 4)?) << 16 | u32::from(word(fixed, 6)?),
        ack: u32::from(word(fixed, 8)?) << 16 | u32::from(word(fixed, 10)?),
        flags: fixed[13],
        window: word(fixed, 14)?,
        options,
        fault: !whole || offset < 20 || offset > bytes.len(),
        payload: payload.len(),
    })
}

/// Lists options up to the end of the list, and tells whether all have a length that can be.
pub(super) fn list(mut rest: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let mut all = Vec::new();
    loop {
        match *rest {
            [] | [0, ..] => return (all, true),
            [1, ref after @ ..] => rest = after,
            [_, length, ..] if length >= 2 && usize::from(length) <= rest.len() => {
                let (option, after) = rest.split_at(length.into());
                all.push(option.to_vec());
                rest = after;
            }
            _ => return (all, false),
        }
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}
