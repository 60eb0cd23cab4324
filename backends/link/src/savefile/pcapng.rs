//! The next generation (draft-ietf-opsawg-pcapng).
//!
//! ```text
//! block: type (4) | total length (4) | body, padded to 4 | total length (4)
//! ```

use std::io::Read;

use super::{
    buffer::Buffer,
    reader::{Cause, Fault, Found, fill},
};

/// The type of a section header, which reads the same in both byte orders.
pub(super) const MAGIC: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

/// What the section says that is being read.
#[derive(Debug, Default)]
pub(super) struct Section {
    big: bool,
    interfaces: Vec<Interface>,
    /// What the section's header says in words.
    pub(super) comments: Vec<String>,
}

/// What an interface description says.
#[derive(Clone, Copy, Debug)]
struct Interface {
    link_type: u32,
    snapshot: usize,
    /// Units in a second, and seconds to be added.
    resolution: Resolution,
    offset: i64,
}

/// The unit of time stamps: a negative power of ten or of two.
#[derive(Clone, Copy, Debug)]
enum Resolution {
    Ten(u32),
    Two(u32),
}

impl Resolution {
    /// Turns a count of units into nanoseconds.
    fn nanos(self, units: u64) -> u64 {
        let wide = u128::from(units);
        let nanos = match self {
            Self::Ten(power @ 0..=9) => wide * 10_u128.pow(9 - power),
            Self::Ten(power) => wide / 10_u128.pow((power - 9).min(38)),
            Self::Two(power) => (wide * 1_000_000_000) >> power.min(127),
        };
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }
}

impl Section {
    /// Reads blocks up to the next packet.
    pub(super) fn read<R: Read>(&mut self, input: &mut Buffer<R>) -> Result<Option<Found>, Fault> {
        loop {
            let at = input.offset();
            let located = |(place, cause): Fault| (place.or(Some(at)), cause);
            if input.fill(1).map_err(|error| (None, Cause::System(error)))? == 0 {
                return Ok(None);
            }
            let length = self.block(input).map_err(located)?;
            if let Some(found) = self.packet(input.peek(length), length).map_err(located)? {
                return Ok(Some(found));
            }
            input.take(length);
        }
    }

    /// Fills one whole block, and tells its length.
    fn block<R: Read>(&mut self, input: &mut Buffer<R>) -> Result<usize, Fault> {
        fill(input, 12, "a block's header")?;
        let header = input.peek(12);
        if header[..4] == MAGIC {
            self.big = match header[8..12] {
                [0x1a, 0x2b, 0x3c, 0x4d] => true,
                [0x4d, 0x3c, 0x2b, 0x1a] => false,
                _ => return Err((None, Cause::NoCapture(None))),
            };
            self.interfaces.clear();
        }
        let length = self.u32(header, 4) as usize;
        if length < 12 || !length.is_multiple_of(4) || length > MOST {
            return Err((None, Cause::Length { of: "a block", length }));
        }
        fill(input, length, "a block")?;
        let trailer = self.u32(input.peek(length), length - 4) as usize;
        if trailer != length {
            return Err((None, Cause::Length { of: "the same block at its end", length: trailer }));
        }
        if input.peek(4) == MAGIC {
            self.comments = self.remarks(input.peek(length));
        }
        Ok(length)
    }

    /// Finds the packet in a block, if there is one; notes what an interface description says.
    fn packet(&mut self, block: &[u8], length: usize) -> Result<Option<Found>, Fault> {
        let body = length - 12;
        match self.u32(block, 0) {
            INTERFACE => {
                self.describe(block, body)?;
                Ok(None)
            }
            ENHANCED => {
                need(body, 20)?;
                let ticks = u64::from(self.u32(block, 12)) << 32 | u64::from(self.u32(block, 16));
                let lengths = (self.u32(block, 20), self.u32(block, 24));
                self.found(length, self.u32(block, 8), Some(ticks), lengths, 28).map(Some)
            }
            SIMPLE => {
                need(body, 4)?;
                let wire_len = self.u32(block, 8);
                let snapshot = self.interfaces.first().map_or(MOST, |first| first.snapshot);
                let kept = (wire_len as usize).min(snapshot).min(body - 4);
                let kept = u32::try_from(kept).unwrap_or(u32::MAX);
                self.found(length, 0, None, (kept, wire_len), 12).map(Some)
            }
            OBSOLETE => {
                need(body, 20)?;
                let interface = self.u32(block, 8);
                let interface = if self.big { interface >> 16 } else { interface & 0xffff };
                let ticks = u64::from(self.u32(block, 12)) << 32 | u64::from(self.u32(block, 16));
                let lengths = (self.u32(block, 20), self.u32(block, 24));
                self.found(length, interface, Some(ticks), lengths, 28).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn found(
        &self,
        length: usize,
        interface: u32,
        ticks: Option<u64>,
        (captured, wire_len): (u32, u32),
        skip: usize,
    ) -> Result<Found, Fault> {
        let known = self.interfaces.get(interface as usize);
        let known = known.ok_or((None, Cause::Interface(interface)))?;
        let captured = captured as usize;
        let behind = (length - skip).checked_sub(captured).filter(|behind| *behind >= 4);
        let behind = behind.ok_or((None, Cause::Length { of: "a packet", length: captured }))?;
        let time = ticks.map(|ticks| {
            let nanos = known.resolution.nanos(ticks);
            nanos.saturating_add_signed(known.offset.saturating_mul(1_000_000_000))
        });
        let (link_type, wire_len) = (known.link_type, wire_len as usize);
        Ok(Found { time, link_type, skip, captured, behind, wire_len })
    }

    fn describe(&mut self, block: &[u8], body: usize) -> Result<(), Fault> {
        need(body, 8)?;
        if self.interfaces.len() == INTERFACES {
            return Err((
                None,
                Cause::Length { of: "a list of interfaces", length: INTERFACES + 1 },
            ));
        }
        let snapshot = match self.u32(block, 12) as usize {
            0 => MOST,
            snapshot => snapshot,
        };
        let mut interface = Interface {
            link_type: self.u16(block, 8).into(),
            snapshot,
            resolution: Resolution::Ten(6),
            offset: 0,
        };
        for (code, value) in self.options(&block[16..8 + body]) {
            match (code, value) {
                (9, &[unit, ..]) if unit & 0x80 != 0 => {
                    interface.resolution = Resolution::Two((unit & 0x7f).into());
                }
                (9, &[unit, ..]) => interface.resolution = Resolution::Ten(unit.into()),
                (14, value) if value.len() == 8 => interface.offset = self.i64(value),
                _ => {}
            }
        }
        self.interfaces.push(interface);
        Ok(())
    }

    /// Reads the comments of a section's header.
    fn remarks(&self, block: &[u8]) -> Vec<String> {
        let options = block.get(24..block.len() - 4).unwrap_or_default();
        let comments = self.options(options).filter(|(code, _)| *code == 1);
        comments.map(|(_, text)| String::from_utf8_lossy(text).into_owned()).collect()
    }

    /// Walks options, up to their end or the first whose length cannot be.
    fn options<'a>(&self, mut rest: &'a [u8]) -> impl Iterator<Item = (u16, &'a [u8])> {
        std::iter::from_fn(move || {
            let after = rest.get(4..)?;
            let (code, length) = (self.u16(rest, 0), usize::from(self.u16(rest, 2)));
            let value = after.get(..length).filter(|_| code != 0)?;
            rest = after.get(length.next_multiple_of(4)..).unwrap_or_default();
            Some((code, value))
        })
    }

    fn u16(&self, bytes: &[u8], at: usize) -> u16 {
        let word = [bytes[at], bytes[at + 1]];
        if self.big { u16::from_be_bytes(word) } else { u16::from_le_bytes(word) }
    }

    fn u32(&self, bytes: &[u8], at: usize) -> u32 {
        let mut word = [0; 4];
        word.copy_from_slice(&bytes[at..at + 4]);
        if self.big { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
    }

    fn i64(&self, bytes: &[u8]) -> i64 {
        let mut word = [0; 8];
        word.copy_from_slice(&bytes[..8]);
        if self.big { i64::from_be_bytes(word) } else { i64::from_le_bytes(word) }
    }
}

/// Tells that a block's body is long enough for its fixed fields.
const fn need(body: usize, fixed: usize) -> Result<(), Fault> {
    if body < fixed {
        return Err((None, Cause::Length { of: "a block of this type", length: body + 12 }));
    }
    Ok(())
}

const INTERFACE: u32 = 1;
const OBSOLETE: u32 = 2;
const SIMPLE: u32 = 3;
const ENHANCED: u32 = 6;
/// What no block may have.
const MOST: usize = 1 << 24;
/// How many interfaces a section may describe.
const INTERFACES: usize = 1 << 16;
