//! A finding that has left the buffer it came in.

use tcpexposure_core::{
    scan::finding::{Finding, Kept},
    wire::packet::{Packet, Start},
};

/// A finding, and its frame where that is wanted.
#[derive(Clone, Debug)]
pub(super) struct Record {
    kept: Kept,
    /// The frame.
    pub(super) frame: Option<Box<Frame>>,
}

/// A frame as it came.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) start: Start,
    pub(super) bytes: Vec<u8>,
    pub(super) wire_len: usize,
}

impl Record {
    /// Copies a finding, and the packet that it is about if there is to be one.
    pub(super) fn new(finding: &Finding<'_>, packet: Option<&Packet<'_>>) -> Self {
        let frame = packet.map(|packet| Box::new(Frame::of(packet)));
        Self::from_kept(Kept::of(finding), frame)
    }

    /// Takes a finding that was copied already.
    pub(super) const fn from_kept(kept: Kept, frame: Option<Box<Frame>>) -> Self {
        Self { kept, frame }
    }

    /// Gives the finding.
    pub(super) fn finding(&self) -> Finding<'_> {
        self.kept.finding()
    }
}

impl Frame {
    /// Copies a frame.
    pub(super) fn of(packet: &Packet<'_>) -> Self {
        let Packet { start, wire_len, .. } = *packet;
        Self { start, bytes: packet.bytes.to_vec(), wire_len }
    }
}
