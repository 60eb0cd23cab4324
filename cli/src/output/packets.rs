//! The packets of an exchange, as `send` shows them.

use std::{io::Write as _, path::Path};

use serde_json::json;
use tcpexposure_core::{time::Instant, wire::packet::Packet};

use super::{Output, json, lines::Lines, save::Save, stamp};
use crate::exit::Failure;

/// What is said of a packet that went out.
pub(crate) const SENT: &str = "sent";

/// What is said of a packet that came back.
pub(crate) const ANSWER: &str = "answer";

/// Shows packets as they are sent and as they come, and keeps them in a file if asked to.
pub(crate) struct Packets {
    lines: Lines,
    stamps: stamp::Stamps,
    save: Option<Save>,
}

impl Packets {
    pub(crate) fn new(verbose: u8, path: Option<&Path>) -> Result<Self, Failure> {
        Ok(Self {
            lines: Lines::new(verbose, false, false),
            stamps: stamp::Stamps::new(stamp::Style::Clock),
            save: path.map(Save::create).transpose()?,
        })
    }

    /// Shows one packet: `kind` is what JSON calls it.
    pub(crate) fn show(
        &mut self,
        output: &mut Output,
        kind: &'static str,
        number: u64,
        time: Instant,
        packet: &Packet<'_>,
    ) -> Result<(), Failure> {
        if let Some(save) = &mut self.save {
            save.packet(time, packet, Some(kind))?;
        }
        if output.verbosity.quiet && kind == SENT {
            return Ok(());
        }
        if output.json {
            return output.object(&json::packet(kind, number, Some(time.as_nanos()), packet));
        }
        self.stamps.print(time.as_nanos(), &mut output.out)?;
        self.lines.print(packet, &mut output.out)?;
        Ok(output.out.flush()?)
    }

    /// Tells that nothing came back.
    pub(crate) fn silence(&self, output: &mut Output, request: usize) -> Result<(), Failure> {
        if output.json {
            return output.object(&json!({"type": "unanswered", "request": request}));
        }
        Ok(())
    }

    /// Ends the file.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        self.save.map_or(Ok(()), Save::finish)
    }
}
