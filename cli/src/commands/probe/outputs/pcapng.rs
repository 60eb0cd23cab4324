//! Findings as the frames that they are.

use std::{borrow::Cow, io};

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
        let class = finding.classification.name();
        let comment = match finding.is_unproven() {
            true => Cow::Owned(format!("{class}, unproven")),
            false => Cow::Borrowed(class),
        };
        let nanos = finding.time.as_nanos();
        self.0.write_from(frame.start, nanos, &frame.bytes, frame.wire_len, Some(&comment))
    }
}
