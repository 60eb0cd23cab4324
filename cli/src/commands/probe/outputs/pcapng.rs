//! Findings as the frames that they are.

use std::io;

use tcpexposure_core::wire::packet::Start;
use tcpexposure_link::savefile::{Format, Writer};

use super::{Layout, file::Shared};
use crate::commands::probe::record::Record;

/// A capture.
pub(super) struct Frames(Writer<Shared>);

impl Frames {
    /// Begins a capture, or a section of one: a file may hold several, one behind the other.
    pub(super) fn new(file: Shared) -> io::Result<Self> {
        Ok(Self(Writer::new(file, Format::Pcapng, Start::Ethernet)?))
    }
}

impl Layout for Frames {
    fn record(&mut self, record: &Record) -> io::Result<()> {
        let Some(frame) = &record.frame else { return Ok(()) };
        let finding = record.finding();
        let comment = Some(finding.classification.name());
        let nanos = finding.time.as_nanos();
        self.0.write_from(frame.start, nanos, &frame.bytes, frame.wire_len, comment)
    }
}
