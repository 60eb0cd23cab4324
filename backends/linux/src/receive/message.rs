//! One system call for each frame: recvmsg(2).

use std::{io, os::fd::BorrowedFd};

use tcpexposure_core::time::Instant;

use super::{Heard, SNAP, TAG, clock, enlarge};
use crate::{auxiliary::Auxiliary, sys};

/// Room for one frame, and for what the kernel tells beside it.
pub(super) struct Messages {
    buffer: Vec<u8>,
    control: Box<sys::Control>,
}

impl Messages {
    /// Makes a socket tell what is needed.
    pub(super) fn open(fd: BorrowedFd<'_>) -> io::Result<Self> {
        sys::set_integer(fd, libc::SOL_PACKET, libc::PACKET_AUXDATA, 1)?;
        sys::set_integer(fd, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1)?;
        enlarge(fd, libc::SO_RCVBUFFORCE, libc::SO_RCVBUF);
        Ok(Self { buffer: vec![0; TAG + SNAP], control: Box::new(sys::Control([0; 256])) })
    }

    /// Takes one frame from the socket.
    pub(super) fn take(&mut self, fd: BorrowedFd<'_>) -> io::Result<Option<Heard>> {
        let got = sys::receive_message(fd, &mut self.buffer[TAG..], &mut self.control)?;
        let Some(origin) = got.from.to_origin() else {
            return Ok(None);
        };
        let Auxiliary { time, offload, tag } = Auxiliary::read(&self.control.0[..got.control]);
        let time = time.map_or_else(clock, Instant::from_nanos);
        let at = TAG..TAG + got.length.min(SNAP);
        Ok(Some(Heard { time, origin, offload, tag, at, wire_len: got.length }))
    }

    pub(super) fn bytes(&mut self) -> &mut [u8] {
        &mut self.buffer
    }
}
