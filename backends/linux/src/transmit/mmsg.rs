//! Many frames a system call: sendmmsg(2) on a packet socket.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use tcpexposure_link::Error;

use super::Lane;
use crate::{
    address::Address,
    error::system,
    interface::{Framing, Interface},
    packet, sys,
};

/// A packet socket and a batch of frames.
pub(super) struct Mmsg {
    fd: OwnedFd,
    frames: Vec<u8>,
    /// The bytes from one frame to the next.
    stride: usize,
    lengths: Vec<usize>,
    /// How many of the batch have gone.
    gone: usize,
    /// Where there is no link layer to tell the protocol: the addresses for IPv4 and IPv6.
    protocols: Option<[Address; 2]>,
}

impl Mmsg {
    pub(super) fn open(interface: &Interface) -> Result<Self, Error> {
        let doing = || format!("open a packet socket on {}", interface.name);
        let fd = packet::bypass(interface).map_err(|said| system(doing(), said))?;
        let stride = packet::frame_room(interface).next_multiple_of(CACHE_LINE);
        let kinds = [libc::ETH_P_IP, libc::ETH_P_IPV6];
        let protocols = kinds.map(|kind| Address::packet(interface.index, kind as u16));
        Ok(Self {
            fd,
            frames: vec![0; stride * sys::BATCH],
            stride,
            lengths: Vec::with_capacity(sys::BATCH),
            gone: 0,
            protocols: (interface.framing != Framing::Ethernet).then_some(protocols),
        })
    }
}

impl Lane for Mmsg {
    fn slot(&mut self) -> &mut [u8] {
        let start = self.lengths.len() * self.stride;
        self.frames.get_mut(start..start + self.stride).unwrap_or_default()
    }

    fn push(&mut self, length: usize) {
        self.lengths.push(length);
    }

    fn waiting(&self) -> usize {
        self.lengths.len() - self.gone
    }

    fn kick(&mut self) -> io::Result<usize> {
        let frames = self.frames.chunks_exact(self.stride).zip(&self.lengths);
        let frames = frames.skip(self.gone).map(|(frame, length)| {
            let frame = &frame[..*length];
            let is_v6 = frame.first().is_some_and(|byte| byte >> 4 == 6);
            (frame, self.protocols.as_ref().map(|addresses| &addresses[usize::from(is_v6)]))
        });
        let count = sys::send_many(self.fd.as_fd(), frames)?;
        self.gone += count;
        if self.gone == self.lengths.len() {
            self.lengths.clear();
            self.gone = 0;
        }
        Ok(count)
    }

    fn room(&self) -> usize {
        self.stride
    }
}

const CACHE_LINE: usize = 64;
