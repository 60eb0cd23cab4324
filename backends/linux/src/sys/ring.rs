//! The rings of packet sockets: Documentation/networking/packet_mmap.rst of Linux.
//!
//! A frame or block has one owner at a time, the kernel or the user, which its status word tells.
//! Each type here lends memory only while it is the user's.

use std::{io, ops::Range, os::fd::BorrowedFd, sync::atomic::Ordering};

use super::{map::Map, set_integer, set_option};

/// Blocks of frames that arrive, each handed over whole: TPACKET_V3.
pub(crate) struct Blocks {
    map: Map,
    size: usize,
    count: usize,
    /// The block that is read, or the one that comes next.
    block: usize,
    /// Whether that block is ours.
    held: bool,
    /// How many of its frames have not been read.
    left: u32,
    /// Where the frame lies that comes next.
    next: usize,
    /// The frame that was read last, empty if there is none.
    frame: Range<usize>,
}

impl Blocks {
    /// Gives a socket `count` blocks of `size` bytes, a multiple of the page size; one that is not
    /// full is handed over when it has been filling for `timeout` milliseconds.
    pub(crate) fn open(
        fd: BorrowedFd<'_>,
        size: usize,
        count: usize,
        timeout: u32,
    ) -> io::Result<Self> {
        set_integer(fd, libc::SOL_PACKET, libc::PACKET_VERSION, V3)?;
        let length = size.checked_mul(count).ok_or(io::ErrorKind::InvalidInput)?;
        // The frame size is for the kernel's checks only: frames lie close together.
        let frames = length / FRAME;
        let [size32, count32, frames32] = [size, count, frames].map(|value| value as u32);
        let request = [size32, count32, FRAME as u32, frames32, timeout, 0, 0];
        set_option(fd, libc::SOL_PACKET, libc::PACKET_RX_RING, &words(&request))?;
        let map = Map::of(fd, length, 0)?;
        Ok(Self { map, size, count, block: 0, held: false, left: 0, next: 0, frame: 0..0 })
    }

    /// Moves on to the next frame; `false` if none has come. Blocks that have been read to the end
    /// are given back.
    pub(crate) fn advance(&mut self) -> bool {
        loop {
            if self.left > 0 {
                self.step();
                return true;
            }
            if !self.turn() {
                return false;
            }
        }
    }

    /// Lends the frame that was read last, from the kernel's header on.
    pub(crate) fn frame(&mut self) -> &mut [u8] {
        let at = if self.held { self.frame.clone() } else { 0..0 };
        // SAFETY: `frame` lies inside the block that is read (see `step`), `held` says that the
        // block is ours, and the kernel does not touch a block until it is given back, which only
        // `turn` does, for which the borrow of `self` must have ended.
        unsafe { self.map.bytes_mut(at) }
    }

    /// Gives a block back that has been read, and takes the next if it is ready.
    fn turn(&mut self) -> bool {
        if self.held {
            self.held = false;
            // What was read of the block is read before the kernel may write there.
            self.map.word(self.status()).store(libc::TP_STATUS_KERNEL, Ordering::Release);
            self.block = (self.block + 1) % self.count;
        }
        let start = self.block * self.size;
        let status = self.map.word(self.status()).load(Ordering::Acquire);
        self.held = status & libc::TP_STATUS_USER != 0;
        if self.held {
            self.left = self.map.word(start + BLOCK_FRAMES).load(Ordering::Relaxed);
            self.next = start + self.map.word(start + BLOCK_FIRST).load(Ordering::Relaxed) as usize;
        }
        self.held
    }

    /// Takes the next frame of the block that is held.
    fn step(&mut self) {
        let word = |at| self.map.word(self.next + at).load(Ordering::Relaxed) as usize;
        let end = (self.block + 1) * self.size;
        let [low, high, ..] =
            self.map.word(self.next + V3_MAC).load(Ordering::Relaxed).to_ne_bytes();
        let length = usize::from(u16::from_ne_bytes([low, high])) + word(V3_SNAP);
        self.frame = self.next..(self.next + length).clamp(self.next, end);
        let further = word(V3_NEXT);
        self.left -= 1;
        self.next += further;
    }

    const fn status(&self) -> usize {
        self.block * self.size + BLOCK_STATUS
    }
}

/// Frames that are to be sent, in the order in which they were filled: TPACKET_V2.
pub(crate) struct Frames {
    map: Map,
    size: usize,
    count: usize,
    /// The frame that is filled next.
    next: usize,
    /// How many before it the kernel has not taken.
    waiting: usize,
}

impl Frames {
    /// Gives a socket `count` frames of `size` bytes, a power of two and at least a page in all.
    pub(crate) fn open(fd: BorrowedFd<'_>, size: usize, count: usize) -> io::Result<Self> {
        set_integer(fd, libc::SOL_PACKET, libc::PACKET_VERSION, V2)?;
        let length = size.checked_mul(count).ok_or(io::ErrorKind::InvalidInput)?;
        let block = size.max(BLOCK);
        let request = [block, length / block, size, count].map(|value| value as u32);
        set_option(fd, libc::SOL_PACKET, libc::PACKET_TX_RING, &words(&request))?;
        Ok(Self { map: Map::of(fd, length, 0)?, size, count, next: 0, waiting: 0 })
    }

    /// Tells whether the next frame can be filled.
    pub(crate) fn is_free(&self) -> bool {
        self.waiting < self.count
            && self.map.word(self.status(self.next)).load(Ordering::Acquire)
                == libc::TP_STATUS_AVAILABLE
    }

    /// Lends the next frame's room for data, empty if the kernel has it.
    pub(crate) fn slot(&mut self) -> &mut [u8] {
        let start = self.next * self.size;
        let at = if self.is_free() { start + V2_DATA..start + self.size } else { 0..0 };
        // SAFETY: the frame's status says that it is ours, and the kernel does not touch it until
        // `push` says otherwise, for which the borrow of `self` must have ended.
        unsafe { self.map.bytes_mut(at) }
    }

    /// Marks the first `length` bytes of the next frame for sending; it must be free.
    pub(crate) fn push(&mut self, length: usize) {
        let start = self.next * self.size;
        self.map.word(start + V2_LENGTH).store(length as u32, Ordering::Relaxed);
        // What was written to the frame is written before the kernel may read it.
        let status = self.map.word(self.status(self.next));
        status.store(libc::TP_STATUS_SEND_REQUEST, Ordering::Release);
        self.next = (self.next + 1) % self.count;
        self.waiting += 1;
    }

    /// Tells how many frames wait for the kernel.
    pub(crate) const fn waiting(&self) -> usize {
        self.waiting
    }

    /// Looks how many of those that were waiting the kernel has taken.
    pub(crate) fn taken(&mut self) -> usize {
        let before = self.waiting;
        while self.waiting > 0 {
            let oldest = (self.next + self.count - self.waiting) % self.count;
            let status = self.map.word(self.status(oldest)).load(Ordering::Acquire);
            if status & (libc::TP_STATUS_SEND_REQUEST | libc::TP_STATUS_WRONG_FORMAT) != 0 {
                break;
            }
            self.waiting -= 1;
        }
        before - self.waiting
    }

    const fn status(&self, frame: usize) -> usize {
        frame * self.size
    }
}

/// Lays out words as the kernel reads them.
pub(super) fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

const V2: libc::c_int = libc::tpacket_versions::TPACKET_V2 as libc::c_int;
const V3: libc::c_int = libc::tpacket_versions::TPACKET_V3 as libc::c_int;
/// The frame size that a V3 ring is said to have.
const FRAME: usize = 2048;
/// The least size of a block of frames to be sent.
const BLOCK: usize = 1 << 16;
// Offsets in tpacket_block_desc.
const BLOCK_STATUS: usize = 8;
const BLOCK_FRAMES: usize = 12;
const BLOCK_FIRST: usize = 16;
// Offsets in tpacket3_hdr; the link layer's has two bytes only.
const V3_NEXT: usize = 0;
const V3_SNAP: usize = 12;
const V3_MAC: usize = 24;
// Offsets in tpacket2_hdr, and of the data behind it.
const V2_LENGTH: usize = 4;
const V2_DATA: usize = 32;
