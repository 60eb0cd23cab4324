//! Captures that a command writes of its own packets.

use std::{fs::File, io::BufWriter, path::Path};

use tcpexposure_core::{
    time::Instant,
    wire::packet::{Packet, Start},
};
use tcpexposure_link::{
    Statistics,
    savefile::{About, Format, Writer},
};

use crate::exit::{Exit, Failure};

/// A capture file that is being written: IP packets without link layer, for what is sent has none
/// before the link adds it.
pub(crate) struct Save {
    writer: Writer<BufWriter<File>>,
    name: String,
}

impl Save {
    /// Begins a capture; pcapng if the file's name ends so, else pcap.
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let file = File::create(path).map_err(|error| unwritable(&name, &error))?;
        let writer = Writer::new(BufWriter::new(file), Format::of(path), Start::Ip)
            .map_err(|error| unwritable(&name, &error))?;
        Ok(Self { writer, name })
    }

    /// Begins a capture in pcapng, whose section says more.
    pub(crate) fn described(path: &Path, about: &About<'_>) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let file = File::create(path).map_err(|error| unwritable(&name, &error))?;
        let writer = Writer::described(BufWriter::new(file), Start::Ip, about)
            .map_err(|error| unwritable(&name, &error))?;
        Ok(Self { writer, name })
    }

    /// Adds a packet, as its bytes.
    pub(crate) fn bytes(
        &mut self,
        nanos: u64,
        bytes: &[u8],
        wire_len: usize,
        comment: Option<&str>,
    ) -> Result<(), Failure> {
        self.writer
            .write(nanos, bytes, wire_len, comment)
            .map_err(|error| unwritable(&self.name, &error))
    }

    /// Adds what the link counted, as far as it counts.
    pub(crate) fn statistics(&mut self, nanos: u64, counts: &Statistics) -> Result<(), Failure> {
        let Some(received) = counts.received else { return Ok(()) };
        let dropped = counts.dropped.unwrap_or(0) + counts.missed.unwrap_or(0);
        self.writer
            .statistics(nanos, received, dropped)
            .map_err(|error| unwritable(&self.name, &error))
    }

    /// Adds a packet.
    pub(crate) fn packet(
        &mut self,
        time: Instant,
        packet: &Packet<'_>,
        comment: Option<&str>,
    ) -> Result<(), Failure> {
        let bytes = packet.ip_bytes().unwrap_or(packet.bytes);
        let cut = packet.wire_len.saturating_sub(packet.bytes.len());
        self.writer
            .write(time.as_nanos(), bytes, bytes.len() + cut, comment)
            .map_err(|error| unwritable(&self.name, &error))
    }

    /// Ends the capture.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        let file = self.writer.finish();
        file.into_inner().map(drop).map_err(|error| unwritable(&self.name, error.error()))
    }
}

fn unwritable(name: &str, error: &std::io::Error) -> Failure {
    Failure::new(Exit::Usage, format!("cannot write {name}: {error}"))
        .hint("give a file that may be written, on a disk with room")
}
