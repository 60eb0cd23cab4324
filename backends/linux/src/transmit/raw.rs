//! Raw IP sockets, for want of anything better.

use std::{io, os::fd::AsFd};

use tcpexposure_link::Error;

use super::Lane;
use crate::{
    choose::Way,
    link::{Options, is_same, open_raw},
    queue::Queue,
    raw,
    route::Route,
    sys,
};

/// Sockets of both versions, and a batch of packets.
pub(super) struct Raw {
    sender: raw::Sender,
    queue: Queue,
    /// How many of the batch have gone.
    gone: usize,
}

impl Raw {
    pub(super) fn open(route: &Route, options: &Options) -> Result<Self, Error> {
        Ok(Self { sender: open_raw(route, options)?, queue: Queue::new(), gone: 0 })
    }
}

impl Lane for Raw {
    fn slot(&mut self) -> &mut [u8] {
        if self.queue.is_full() { &mut [] } else { self.queue.slot() }
    }

    fn push(&mut self, length: usize) {
        // What has no address is of neither version, and refused before it comes here.
        if let Some(to) = self.sender.address(self.queue.packet(length)) {
            self.queue.push(length, &[], Way::Raw, to);
        }
    }

    fn waiting(&self) -> usize {
        self.queue.entries().len() - self.gone
    }

    fn kick(&mut self) -> io::Result<usize> {
        let entries = &self.queue.entries()[self.gone..];
        let Some(first) = entries.first() else {
            return Ok(0);
        };
        let fd = self.sender.fd(&first.to)?;
        let run = entries
            .iter()
            .take_while(|entry| self.sender.fd(&entry.to).is_ok_and(|other| is_same(other, fd)));
        let run = run.map(|entry| (self.queue.bytes(entry), Some(&entry.to)));
        let count = sys::send_many(fd.as_fd(), run)?;
        self.gone += count;
        if self.gone == self.queue.entries().len() {
            self.queue.clear();
            self.gone = 0;
        }
        Ok(count)
    }

    fn room(&self) -> usize {
        usize::MAX
    }

    fn is_faithful(&self) -> bool {
        false
    }
}
