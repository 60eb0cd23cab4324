//! Frames in a mapped ring: TX_RING in packet(7).

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use tcpexposure_link::Error;

use super::Lane;
use crate::{error::system, interface::Interface, packet, sys};

/// A packet socket with a ring.
pub(super) struct Ring {
    // The ring is taken away before the socket.
    frames: sys::ring::Frames,
    fd: OwnedFd,
    room: usize,
}

impl Ring {
    pub(super) fn open(interface: &Interface) -> Result<Self, Error> {
        let doing = || format!("open a ring on {}", interface.name);
        Self::try_open(interface).map_err(|said| system(doing(), said))
    }

    fn try_open(interface: &Interface) -> io::Result<Self> {
        let fd = packet::bypass(interface)?;
        let size = packet::frame_room(interface).saturating_add(HEADER).next_power_of_two();
        let size = size.max(LEAST);
        let frames = sys::ring::Frames::open(fd.as_fd(), size, (BYTES / size).clamp(16, MOST))?;
        Ok(Self { frames, fd, room: size - HEADER })
    }
}

impl Lane for Ring {
    fn slot(&mut self) -> &mut [u8] {
        self.frames.slot()
    }

    fn push(&mut self, length: usize) {
        self.frames.push(length);
    }

    fn waiting(&self) -> usize {
        self.frames.waiting()
    }

    fn kick(&mut self) -> io::Result<usize> {
        let result = if self.frames.waiting() == 0 { Ok(()) } else { sys::kick(self.fd.as_fd()) };
        match (self.frames.taken(), result) {
            (0, Err(said)) => Err(said),
            (count, _) => Ok(count),
        }
    }

    fn room(&self) -> usize {
        self.room
    }
}

/// The bytes of a ring of ordinary frames: few enough to stay in the processor's cache.
const BYTES: usize = 1 << 19;
/// The most frames.
const MOST: usize = 256;
/// The least size of a frame.
const LEAST: usize = 2048;
/// The kernel's own header before a frame.
const HEADER: usize = 32;
