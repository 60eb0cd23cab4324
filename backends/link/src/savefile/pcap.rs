//! The classic format (draft-ietf-opsawg-pcap).
//!
//! ```text
//! magic (4) | version (2 + 2) | reserved (8) | snapshot length (4) | link type (4)
//! then per packet: seconds (4) | fraction (4) | captured (4) | original length (4) | bytes
//! ```

use std::io::Read;

use super::{
    buffer::Buffer,
    reader::{Cause, Fault, Found, fill},
};

/// What the file header says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    shape: Shape,
    link_type: u32,
    most: usize,
}

/// What the magic number says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    big: bool,
    /// Nanoseconds in the unit of the fraction.
    unit: u64,
}

impl Shape {
    fn u32(self, bytes: &[u8], at: usize) -> u32 {
        let mut word = [0; 4];
        word.copy_from_slice(&bytes[at..at + 4]);
        if self.big { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
    }
}

impl Header {
    /// Tells byte order and unit by the magic number.
    pub(super) fn shape(magic: &[u8]) -> Option<Shape> {
        let (big, unit) = match magic {
            [0xa1, 0xb2, 0xc3, 0xd4] => (true, 1000),
            [0xd4, 0xc3, 0xb2, 0xa1] => (false, 1000),
            [0xa1, 0xb2, 0x3c, 0x4d] => (true, 1),
            [0x4d, 0x3c, 0xb2, 0xa1] => (false, 1),
            _ => return None,
        };
        Some(Shape { big, unit })
    }

    pub(super) fn parse<R: Read>(input: &mut Buffer<R>, shape: Shape) -> Result<Self, Cause> {
        fill(input, HEADER, "the file header").map_err(|(_, cause)| cause)?;
        let bytes = input.take(HEADER);
        let snapshot = shape.u32(bytes, 16) as usize;
        // The high bits tell of a frame check sequence.
        let link_type = shape.u32(bytes, 20) & 0xffff;
        Ok(Self { shape, link_type, most: snapshot.clamp(LEAST, MOST) })
    }

    pub(super) fn read<R: Read>(&self, input: &mut Buffer<R>) -> Result<Option<Found>, Fault> {
        if input.fill(1).map_err(|error| (None, Cause::System(error)))? == 0 {
            return Ok(None);
        }
        fill(input, RECORD, "a packet's header")?;
        let header = input.peek(RECORD);
        let word = |at| self.shape.u32(header, at);
        let (seconds, fraction) = (u64::from(word(0)), u64::from(word(4)));
        let (captured, wire_len) = (word(8) as usize, word(12) as usize);
        if captured > self.most {
            return Err((None, Cause::Length { of: "a packet", length: captured }));
        }
        fill(input, RECORD + captured, "a packet")?;
        Ok(Some(Found {
            time: Some(seconds * 1_000_000_000 + fraction * self.shape.unit),
            link_type: self.link_type,
            skip: RECORD,
            captured,
            behind: 0,
            wire_len,
        }))
    }
}

const HEADER: usize = 24;
const RECORD: usize = 16;
/// What any packet may have, however small the snapshot length is said to be: some writers say 0.
const LEAST: usize = 1 << 18;
/// What no packet may have, however large the snapshot length is said to be.
const MOST: usize = 1 << 24;
