//! The records in a buffer that was read from a BPF device: bpf(4).
//!
//! Each is a struct bpf_hdr (on FreeBSD, once nanoseconds were asked for, a struct bpf_xhdr), the
//! bytes of a frame, and padding. The kernel tells the length of the header in the header, so that
//! fields which later versions append do no harm.

use std::ops::Range;

/// How a system lays a record out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Whether seconds and fraction of the time have eight bytes each, else four.
    pub wide: bool,
    /// The nanoseconds in one unit of the fraction.
    pub unit: u64,
    /// What records are aligned to, in bytes: BPF_ALIGNMENT.
    pub align: usize,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When the frame came, in nanoseconds since the Unix epoch.
    pub time: u64,
    /// Where its bytes are.
    pub at: Range<usize>,
    /// The length that it had on the wire, at least that of its bytes.
    pub wire_len: usize,
    /// Where the next record begins, at most the length of what was read.
    pub next: usize,
}

impl Layout {
    /// Reads the record at `start`; `None` when no whole header is there, or one that cannot be.
    ///
    /// A record that tells of more bytes than there are has those that there are.
    #[must_use]
    pub fn read(&self, buffer: &[u8], start: usize) -> Option<Record> {
        let header = buffer.get(start..)?;
        let (seconds, fraction) = self.time(header)?;
        let lengths = self.lengths_at();
        let captured = number(header, lengths)?;
        let wire_len = number(header, lengths + 4)?;
        let length = usize::from(u16::from_ne_bytes(field(header, lengths + 8)?));
        if length < lengths + 10 || length > header.len() {
            return None;
        }
        let first = start + length;
        let last = first.saturating_add(captured).min(buffer.len());
        let taken = length.saturating_add(captured).checked_next_multiple_of(self.align)?;
        Some(Record {
            time: seconds
                .saturating_mul(1_000_000_000)
                .saturating_add(fraction.saturating_mul(self.unit)),
            at: first..last,
            wire_len: wire_len.max(last - first),
            next: start.saturating_add(taken).min(buffer.len()),
        })
    }

    /// Walks over all records of a buffer.
    pub fn walk(self, buffer: &[u8]) -> impl Iterator<Item = Record> {
        let mut start = 0;
        std::iter::from_fn(move || {
            let record = self.read(buffer, start)?;
            start = record.next;
            Some(record)
        })
    }

    /// Tells where the lengths are: captured, on the wire, and of the header.
    #[must_use]
    pub const fn lengths_at(&self) -> usize {
        if self.wide { 16 } else { 8 }
    }

    fn time(&self, header: &[u8]) -> Option<(u64, u64)> {
        if self.wide {
            return Some((
                u64::from_ne_bytes(field(header, 0)?),
                u64::from_ne_bytes(field(header, 8)?),
            ));
        }
        let half = |at| Some(u32::from_ne_bytes(field(header, at)?).into());
        Some((half(0)?, half(4)?))
    }
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u32::from_ne_bytes(field(bytes, at)?)).ok()
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use crate::system::{ALL, FREEBSD, MACOS, NETBSD, OPENBSD};

    fn bytes(hex: &str) -> Vec<u8> {
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        (0..hex.len()).step_by(2).map(byte).collect()
    }

    /// Two frames of 5 and 3 bytes, the second of which was 60 bytes long, in each system's layout
    /// on a little-endian machine.
    #[test]
    #[cfg(target_endian = "little")]
    fn each_systems_records_are_read() {
        // struct bpf_xhdr: i64 and u64 of time, two u32, a u16; the header ends at 28 so that
        // what follows Ethernet's 14 bytes is aligned.
        let freebsd = "0100000000000000 0900000000000000 05000000 05000000 2200 0000000000000000\
                       aabbccddee 00\
                       0200000000000000 0700000000000000 03000000 3c000000 2200 0000000000000000 010203";
        let netbsd = freebsd;
        // Two u32 of time, two u32, a u16: 18 bytes, with no padding on macOS.
        let macos = "01000000 09000000 05000000 05000000 1200 aabbccddee 00\
                     02000000 07000000 03000000 3c000000 1200 010203";
        // Behind those, OpenBSD has ifidx, flowid, flags, drops and csumflags.
        let openbsd = "01000000 09000000 05000000 05000000 1c00 0100 0000 10 00 0000 0000 aabbccddee 000000\
                       02000000 07000000 03000000 3c000000 1c00 0100 0000 10 00 0000 0000 010203";
        for (system, hex, unit) in [
            (&FREEBSD, freebsd, 1),
            (&NETBSD, netbsd, 1000),
            (&MACOS, macos, 1000),
            (&OPENBSD, openbsd, 1000),
        ] {
            let buffer = bytes(&hex.replace(' ', ""));
            let records: Vec<_> = system.record.walk(&buffer).collect();
            let frames: Vec<_> = records.iter().map(|record| &buffer[record.at.clone()]).collect();
            assert_eq!(
                frames,
                [&[0xaa, 0xbb, 0xcc, 0xdd, 0xee][..], &[1, 2, 3]],
                "{}",
                system.name
            );
            let times: Vec<_> = records.iter().map(|record| record.time).collect();
            assert_eq!(
                times,
                [1_000_000_000 + 9 * unit, 2_000_000_000 + 7 * unit],
                "{}",
                system.name
            );
            assert_eq!(records.iter().map(|record| record.wire_len).collect::<Vec<_>>(), [5, 60]);
        }
    }

    #[test]
    fn a_buffer_cut_short_gives_what_is_there() {
        for system in ALL {
            let layout = system.record;
            let length = layout.lengths_at() + 10;
            let mut buffer = vec![0; length];
            buffer[layout.lengths_at()] = 9;
            buffer[layout.lengths_at() + 8..].copy_from_slice(&(length as u16).to_ne_bytes());
            buffer.extend([7; 9]);
            for end in 0..buffer.len() {
                let found =
                    layout.walk(&buffer[..end]).map(|record| record.at.len()).sum::<usize>();
                assert_eq!(found, end.saturating_sub(length), "{} {end}", system.name);
            }
        }
    }

    #[test]
    fn a_header_that_cannot_be_ends_the_walk() {
        for system in ALL {
            assert_eq!(system.record.walk(&[0; 64]).count(), 0, "a header of no length");
            assert_eq!(system.record.walk(&[0xff; 64]).count(), 0, "a header beyond the end");
        }
    }
}
