//! Frames in memory shared with the kernel or the card: AF_XDP.

use std::io;

use tcpexposure_link::Error;

use super::{BATCH, Lane};
use crate::{
    address::Address,
    error::system,
    interface::Interface,
    packet,
    receive::enlarge,
    sys::{self, xsk},
};

/// An AF_XDP socket on an interface's first queue.
pub(super) struct Xdp {
    socket: xsk::Sender,
    chunk: usize,
    /// What waited when we looked last.
    waiting: usize,
    dropped: u64,
    /// How many were dropped one after the other.
    in_vain: u32,
}

impl Xdp {
    /// Opens a socket, without copying where `zero_copy` is asked for and the driver can.
    pub(super) fn open(interface: &Interface, zero_copy: bool) -> Result<Self, Error> {
        let doing = || format!("open an AF_XDP socket on {}", interface.name);
        let asked = [libc::XDP_ZEROCOPY, libc::XDP_COPY];
        let modes = if zero_copy { &asked[..] } else { &asked[1..] };
        let opened = modes.iter().map(|mode| Self::try_open(interface, *mode));
        let mut said = None;
        for result in opened {
            match result {
                Ok(lane) => return Ok(lane),
                Err(error) => said = Some(error),
            }
        }
        Err(system(doing(), said.unwrap_or_else(|| io::ErrorKind::Unsupported.into())))
    }

    fn try_open(interface: &Interface, mode: u16) -> io::Result<Self> {
        let room = packet::frame_room(interface).next_power_of_two();
        let chunk = room.clamp(LEAST_CHUNK, MOST_CHUNK);
        let socket = xsk::Sender::open(FRAMES, chunk)?;
        enlarge(socket.fd(), libc::SO_SNDBUFFORCE, libc::SO_SNDBUF);
        // Older kernels take a batch in several calls.
        let _ = xsk::set_budget(socket.fd(), BATCH as u32);
        let flags = mode | libc::XDP_USE_NEED_WAKEUP;
        xsk::bind(socket.fd(), &Address::xdp(interface.index, 0, flags))?;
        // Some drivers take the socket and then do not send until a program is attached, too.
        sys::kick(socket.fd())?;
        Ok(Self { socket, chunk, waiting: 0, dropped: 0, in_vain: 0 })
    }

    /// Tells whether the driver reads the frames where they are.
    pub(super) fn is_zero_copy(&self) -> bool {
        xsk::is_zero_copy(self.socket.fd())
    }
}

impl Lane for Xdp {
    fn has_slot(&mut self) -> bool {
        self.socket.has_slot()
    }

    fn slot(&mut self) -> &mut [u8] {
        self.socket.slot()
    }

    fn push(&mut self, length: usize) {
        self.socket.push(length);
        self.waiting += 1;
    }

    fn waiting(&self) -> usize {
        self.waiting
    }

    fn kick(&mut self) -> io::Result<usize> {
        if self.in_vain >= IN_VAIN {
            return Err(io::Error::from_raw_os_error(libc::ENETDOWN));
        }
        self.socket.publish();
        let result = if self.socket.is_asleep() { sys::kick(self.socket.fd()) } else { Ok(()) };
        self.socket.reap();
        let left = self.socket.waiting() as usize;
        let taken = self.waiting - left;
        self.waiting = left;
        match result {
            Err(said) if taken == 0 => Err(said),
            // The kernel took the last of these and could not send it.
            Err(said) if said.raw_os_error() == Some(libc::EBUSY) => {
                self.dropped += 1;
                self.in_vain = if taken > 1 { 1 } else { self.in_vain + 1 };
                Ok(taken)
            }
            _ => {
                self.in_vain = 0;
                Ok(taken)
            }
        }
    }

    fn room(&self) -> usize {
        self.chunk
    }

    fn dropped(&self) -> u64 {
        self.dropped
    }
}

/// How many frames there are: as many as an interface at the other end of a pair may hold back.
const FRAMES: u32 = 2048;
/// How many frames may be dropped one after the other before that counts as a failure.
const IN_VAIN: u32 = 256;
/// The least size of a frame that the kernel takes.
const LEAST_CHUNK: usize = 2048;
/// The largest: a page.
const MOST_CHUNK: usize = 4096;
