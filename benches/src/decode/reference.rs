//! The references: the least that a reader of these fields does, with every bound checked once, in
//! safe code. One has short cuts for the two layouts of options that nearly every segment has.

use crate::reading::{Options, Reading};

/// Reads a frame, with short cuts for the usual options.
#[inline(always)]
#[must_use]
pub fn read(frame: &[u8]) -> Option<Reading> {
    frame_with(frame, options)
}

/// Reads a frame, each option one by one.
#[inline(always)]
#[must_use]
pub fn read_generic(frame: &[u8]) -> Option<Reading> {
    frame_with(frame, options_generic)
}

/// Reads an option block, with short cuts for the usual ones.
#[inline(always)]
#[must_use]
pub fn options(block: &[u8]) -> Options {
    let mut found = Options::default();
    if let Some((start, rest)) = block.split_first_chunk::<12>()
        && start[..4] == [1, 1, 8, 10]
    {
        found.nop();
        found.nop();
        found.timestamps(be32(start, 4), be32(start, 8));
        if !rest.is_empty() {
            walk(rest, &mut found);
        }
        return found;
    }
    if let Ok(syn) = <&[u8; 20]>::try_from(block)
        && syn[..2] == [2, 4]
        && syn[4..8] == [4, 2, 8, 10]
        && syn[16..19] == [1, 3, 3]
    {
        found.maximum_segment_size(be16(syn, 2));
        found.sack_permitted();
        found.timestamps(be32(syn, 8), be32(syn, 12));
        found.nop();
        found.window_scale(syn[19]);
        return found;
    }
    walk(block, &mut found);
    found
}

/// Reads an option block, each option one by one.
#[inline(always)]
#[must_use]
pub fn options_generic(block: &[u8]) -> Options {
    let mut found = Options::default();
    walk(block, &mut found);
    found
}

#[inline(always)]
fn frame_with(frame: &[u8], options: impl Fn(&[u8]) -> Options) -> Option<Reading> {
    let (ethernet, packet) = frame.split_first_chunk::<14>()?;
    let mut reading = Reading::default();
    let segment = match be16(ethernet, 12) {
        0x0800 => {
            let (header, _) = packet.split_first_chunk::<20>()?;
            let length = usize::from(header[0] & 15) * 4;
            if header[0] >> 4 != 4 || length < 20 || header[9] != 6 {
                return None;
            }
            if be16(header, 6) & 0x1fff != 0 {
                return None;
            }
            reading.source = be32(header, 12).into();
            reading.destination = be32(header, 16).into();
            reading.ttl = header[8];
            packet.get(length..usize::from(be16(header, 2)))?
        }
        0x86dd => {
            let (header, body) = packet.split_first_chunk::<40>()?;
            if header[0] >> 4 != 6 || header[6] != 6 {
                return None;
            }
            reading.source = be128(header, 8);
            reading.destination = be128(header, 24);
            reading.ttl = header[7];
            body.get(..usize::from(be16(header, 4)))?
        }
        _ => return None,
    };
    let (header, after) = segment.split_first_chunk::<20>()?;
    let length = usize::from(header[12] >> 4) * 4;
    let (block, payload) = after.split_at_checked(length.checked_sub(20)?)?;
    reading.source_port = be16(header, 0);
    reading.destination_port = be16(header, 2);
    reading.seq = be32(header, 4);
    reading.ack = be32(header, 8);
    reading.flags = header[13];
    reading.window = be16(header, 14);
    reading.checksum = be16(header, 16);
    reading.urgent = be16(header, 18);
    reading.payload = payload.len();
    reading.options = options(block);
    Some(reading)
}

#[inline(always)]
fn walk(mut block: &[u8], found: &mut Options) {
    while let Some((&kind, after)) = block.split_first() {
        if kind == 1 {
            found.nop();
            block = after;
            continue;
        }
        if kind == 0 {
            return;
        }
        let length = after.first().map_or(0, |length| usize::from(*length));
        let Some(([_, _, data @ ..], rest)) = block.split_at_checked(length) else {
            found.malformed = true;
            return;
        };
        match (kind, data) {
            (8, &[a, b, c, d, e, f, g, h]) => {
                found
                    .timestamps(u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
            }
            (2, &[a, b]) => found.maximum_segment_size(u16::from_be_bytes([a, b])),
            (3, &[shift]) => found.window_scale(shift),
            (4, []) => found.sack_permitted(),
            (5, blocks) if !blocks.is_empty() && blocks.len() % 8 == 0 => {
                for edges in blocks.as_chunks::<8>().0 {
                    found.sack(be32(edges, 0), be32(edges, 4));
                }
            }
            _ => found.other(kind, data),
        }
        block = rest;
    }
}

#[inline(always)]
fn be16<const N: usize>(bytes: &[u8; N], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

#[inline(always)]
fn be32<const N: usize>(bytes: &[u8; N], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[inline(always)]
fn be128<const N: usize>(bytes: &[u8; N], at: usize) -> u128 {
    let mut word = [0; 16];
    word.copy_from_slice(&bytes[at..at + 16]);
    u128::from_be_bytes(word)
}
