//! The packets of a run, by their numbers.

use std::{fs::File, path::Path};

use tcpexposure_core::wire::packet::{Offload, Packet, Start};
use tcpexposure_link::savefile::{ReadError, Reader};

use crate::exit::{Exit, Failure};

/// A capture in memory.
#[derive(Debug, Default)]
pub(super) struct Capture {
    /// The file's name.
    pub(super) name: String,
    frames: Vec<Frame>,
}

/// A packet as it was captured.
#[derive(Debug)]
struct Frame {
    start: Start,
    bytes: Vec<u8>,
    wire_len: usize,
}

impl Capture {
    /// Reads a pcap or pcapng file.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|error| {
            Failure::new(Exit::Usage, format!("cannot read {name}: {error}"))
                .hint("give the file that `test -w` wrote")
        })?;
        let mut reader = Reader::new(file).map_err(|error| damaged(&name, &error))?;
        let mut capture = Self { name, frames: Vec::new() };
        while let Some(record) = reader.read() {
            let record = record.map_err(|error| damaged(&capture.name, &error))?;
            if capture.frames.len() == MOST {
                let message = format!("{} holds more than {MOST} packets", capture.name);
                return Err(Failure::new(Exit::Usage, message)
                    .hint("give the capture of the run alone, as `test -w` writes it"));
            }
            // Packets that cannot be read are counted all the same.
            let start = record.start.unwrap_or(Start::Ip);
            let bytes = if record.start.is_some() { record.bytes.to_vec() } else { Vec::new() };
            capture.frames.push(Frame { start, bytes, wire_len: record.wire_len });
        }
        Ok(capture)
    }

    /// Gives the packet of a number; the first is 1.
    pub(super) fn packet(&self, number: u64) -> Option<Packet<'_>> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        let frame = self.frames.get(index)?;
        Some(Packet::parse(frame.start, &frame.bytes, frame.wire_len, Offload::default()))
    }

    /// Tells how many there are.
    pub(super) fn count(&self) -> u64 {
        u64::try_from(self.frames.len()).unwrap_or(u64::MAX)
    }
}

fn damaged(name: &str, error: &ReadError) -> Failure {
    Failure::new(Exit::Usage, format!("{name} is damaged: {error}"))
        .hint("--packets takes the pcap or pcapng file that `test -w` wrote")
}

/// As many packets as one run has, and many times more.
const MOST: usize = 1 << 20;
