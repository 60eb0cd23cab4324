//! AF_XDP sockets: Documentation/networking/af_xdp.rst of Linux.
//!
//! All frames lie in one piece of memory that is shared with the kernel. A frame's place goes round
//! from ring to ring, and who took it from a ring last owns the frame. Each type here lends a frame
//! only while no ring holds it.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

use super::{integer, map::Map, option, ring::words, set_integer, set_option, socket};
use crate::address::Address;

/// A socket that sends.
pub(crate) struct Sender {
    sending: Ring,
    sent: Ring,
    /// The rings that the kernel asks for and that are not used.
    _fill: Ring,
    memory: Memory,
    /// The frames that no ring holds.
    free: Vec<u64>,
    fd: OwnedFd,
}

/// A socket that receives.
pub(crate) struct Receiver {
    arrived: Ring,
    fill: Ring,
    _sent: Ring,
    memory: Memory,
    /// The frame that was taken last: its place and its length.
    held: Option<(u64, usize)>,
    /// How many have been taken.
    taken: u64,
    fd: OwnedFd,
}

impl Sender {
    /// Opens a socket with `count` frames of `chunk` bytes, both powers of two; it is of no use
    /// until it is bound.
    pub(crate) fn open(count: u32, chunk: usize) -> io::Result<Self> {
        let fd = socket(libc::AF_XDP, libc::SOCK_RAW, 0)?;
        let memory = Memory::share(fd.as_fd(), count, chunk)?;
        let offsets = Offsets::read(fd.as_fd())?;
        let [fill, sent] = [(FILL, 1), (SENT, count)]
            .map(|(kind, count)| Ring::open(fd.as_fd(), kind, count, &offsets));
        let sending = Ring::open(fd.as_fd(), SENDING, count, &offsets)?;
        let free = (0..u64::from(count)).map(|index| index * chunk as u64).collect();
        Ok(Self { sending, sent: sent?, _fill: fill?, memory, free, fd })
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Lends a frame, an empty one if the kernel has them all.
    pub(crate) fn slot(&mut self) -> &mut [u8] {
        self.has_slot();
        let frame = self.free.last().map(|place| (*place, self.memory.chunk));
        // SAFETY: the free frames are those that were never sent and those that the kernel has
        // returned by the ring of what was sent; `push` takes this one off the list, for which the
        // borrow of `self` must have ended.
        unsafe { self.memory.frame(frame) }
    }

    /// Queues the first `length` bytes of the slot, to be [published](Self::publish).
    pub(crate) fn push(&mut self, length: usize) {
        // There are as many descriptors as frames, so that there is always room.
        if let Some(place) = self.free.pop() {
            self.sending.put_descriptor(place, length as u32);
        }
    }

    /// Tells whether there is a slot.
    pub(crate) fn has_slot(&mut self) -> bool {
        if self.free.is_empty() {
            self.reap();
        }
        !self.free.is_empty()
    }

    /// Shows the kernel what is queued, all at once: each look of one side at what the other has
    /// written costs both.
    pub(crate) fn publish(&self) {
        self.sending.publish();
    }

    /// Tells how many frames the kernel has not looked at yet.
    pub(crate) fn waiting(&self) -> u32 {
        self.sending.own.wrapping_sub(self.sending.other())
    }

    /// Tells whether the kernel wants to be woken to look.
    pub(crate) fn is_asleep(&self) -> bool {
        self.sending.flags() & libc::XDP_RING_NEED_WAKEUP != 0
    }

    /// Takes back the frames that have been sent. Done early, it has the same few frames go out
    /// again and again, which the processor then holds in its cache.
    pub(crate) fn reap(&mut self) {
        let end = self.sent.other();
        while self.sent.own != end {
            self.free.push(self.memory.start_of(self.sent.read(self.sent.at())));
            self.sent.own = self.sent.own.wrapping_add(1);
        }
        self.sent.publish();
    }
}

impl Receiver {
    /// Opens a socket with `count` frames of `chunk` bytes, both powers of two; it is of no use
    /// until it is bound and a program sends it frames.
    pub(crate) fn open(count: u32, chunk: usize) -> io::Result<Self> {
        let fd = socket(libc::AF_XDP, libc::SOCK_RAW, 0)?;
        let memory = Memory::share(fd.as_fd(), count, chunk)?;
        let offsets = Offsets::read(fd.as_fd())?;
        let mut fill = Ring::open(fd.as_fd(), FILL, count, &offsets)?;
        let sent = Ring::open(fd.as_fd(), SENT, 1, &offsets)?;
        let arrived = Ring::open(fd.as_fd(), ARRIVED, count, &offsets)?;
        for index in 0..u64::from(count) {
            fill.put(index * chunk as u64);
        }
        Ok(Self { arrived, fill, _sent: sent, memory, held: None, taken: 0, fd })
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Moves on to the next frame and gives back the one before; `false` if none has come.
    pub(crate) fn advance(&mut self) -> bool {
        if let Some((place, _)) = self.held.take() {
            self.fill.put(self.memory.start_of(place));
        }
        self.held = self.arrived.next().map(|at| {
            let length = self.arrived.map.word(at + 8).load(Ordering::Relaxed);
            (self.arrived.read(at), length as usize)
        });
        if self.held.is_some() {
            self.arrived.done();
            self.taken += 1;
        }
        self.held.is_some()
    }

    /// Lends the frame that was taken last.
    pub(crate) fn frame(&mut self) -> &mut [u8] {
        // SAFETY: the kernel has handed this frame over by the ring of what arrived, and gets it
        // back by `advance` only, for which the borrow of `self` must have ended.
        unsafe { self.memory.frame(self.held) }
    }

    /// Tells how many frames have arrived so far, and how many were lost for want of room.
    pub(crate) fn statistics(&self) -> io::Result<(u64, u64)> {
        let mut counts = [0; 48];
        let length = option(self.fd(), libc::SOL_XDP, libc::XDP_STATISTICS, &mut counts)?;
        let count = |index: usize| {
            let bytes = counts[..length].get(index * 8..)?.first_chunk()?;
            Some(u64::from_ne_bytes(*bytes))
        };
        // What finds no frame is dropped, what finds no room in the ring is counted apart.
        let dropped = count(0).unwrap_or(0) + count(3).unwrap_or(0);
        let waiting = self.arrived.other().wrapping_sub(self.arrived.own);
        Ok((self.taken + u64::from(waiting), dropped))
    }
}

/// Binds a socket to a queue, with patience: a queue stays taken for a while after its last socket
/// was closed.
pub(crate) fn bind(fd: BorrowedFd<'_>, address: &Address) -> io::Result<()> {
    for _ in 0..PATIENCE {
        match super::bind(fd, address) {
            Err(said) if said.raw_os_error() == Some(libc::EBUSY) => thread::sleep(BACK_OFF),
            result => return result,
        }
    }
    super::bind(fd, address)
}

/// Has the kernel take up to so many frames a call where it copies them, instead of 32:
/// XDP_MAX_TX_SKB_BUDGET, since Linux 6.17.
pub(crate) fn set_budget(fd: BorrowedFd<'_>, count: u32) -> io::Result<()> {
    let count = count.try_into().map_err(|_| io::ErrorKind::InvalidInput)?;
    set_integer(fd, libc::SOL_XDP, MAX_TX_SKB_BUDGET, count)
}

/// Tells whether the driver takes frames from the shared memory itself: XDP_OPTIONS.
pub(crate) fn is_zero_copy(fd: BorrowedFd<'_>) -> bool {
    let flags = integer(fd, libc::SOL_XDP, libc::XDP_OPTIONS).unwrap_or(0);
    flags as u32 & libc::XDP_OPTIONS_ZEROCOPY != 0
}

/// The memory in which the frames lie.
struct Memory {
    map: Map,
    /// The bytes of a frame, a power of two.
    chunk: usize,
}

impl Memory {
    /// Makes memory for `count` frames, and tells a socket of it.
    fn share(fd: BorrowedFd<'_>, count: u32, chunk: usize) -> io::Result<Self> {
        let length = chunk.checked_mul(count as usize).ok_or(io::ErrorKind::InvalidInput)?;
        let map = Map::fresh(length)?;
        // A xdp_umem_reg as all kernels know it: address, length, size of a frame, headroom. The
        // kernel pins the pages that it is told of here. They are the mapping's, which is used as
        // frames only; should the mapping go before the socket, the kernel still has its pages,
        // which nobody else has got meanwhile.
        let mut request = [map.address(), length as u64].map(u64::to_ne_bytes).concat();
        request.extend(words(&[chunk as u32, 0]));
        set_option(fd, libc::SOL_XDP, libc::XDP_UMEM_REG, &request)?;
        Ok(Self { map, chunk })
    }

    /// Tells where the frame begins that a place lies in.
    const fn start_of(&self, place: u64) -> u64 {
        place & !(self.chunk as u64 - 1)
    }

    /// Lends `length` bytes at a place, none if there is no frame or they are not inside.
    ///
    /// # Safety
    /// As [`Map::bytes_mut`], for these bytes.
    unsafe fn frame(&mut self, frame: Option<(u64, usize)>) -> &mut [u8] {
        let (place, length) = frame.unwrap_or_default();
        let start = usize::try_from(place).unwrap_or(usize::MAX);
        let inside = start.checked_add(length).is_some_and(|end| end <= self.map.len());
        let at = if inside { start..start + length } else { 0..0 };
        // SAFETY: the caller has promised it; an empty range is nobody's.
        unsafe { self.map.bytes_mut(at) }
    }
}

/// One ring: what one side puts in, the other takes out.
struct Ring {
    map: Map,
    kind: Kind,
    offsets: [usize; 4],
    mask: u32,
    /// Our own side's index.
    own: u32,
}

/// What is known of a kind of ring.
#[derive(Clone, Copy)]
struct Kind {
    /// The option that makes it.
    name: libc::c_int,
    /// Its place among [`Offsets`].
    place: usize,
    /// Where it is mapped.
    page: u64,
    /// The bytes of an entry.
    width: usize,
    /// Whether we put in, else we take out.
    ours: bool,
}

impl Ring {
    fn open(fd: BorrowedFd<'_>, kind: Kind, count: u32, offsets: &Offsets) -> io::Result<Self> {
        let size = count.try_into().map_err(|_| io::ErrorKind::InvalidInput)?;
        set_integer(fd, libc::SOL_XDP, kind.name, size)?;
        let offsets = offsets.0[kind.place];
        let map = Map::of(fd, offsets[ENTRIES] + count as usize * kind.width, kind.page)?;
        Ok(Self { map, kind, offsets, mask: count - 1, own: 0 })
    }

    /// Tells the other side's index.
    fn other(&self) -> u32 {
        let at = self.offsets[if self.kind.ours { CONSUMER } else { PRODUCER }];
        self.map.word(at).load(Ordering::Acquire)
    }

    fn flags(&self) -> u32 {
        self.map.word(self.offsets[FLAGS]).load(Ordering::Relaxed)
    }

    /// Tells where the next entry is that can be taken out.
    fn next(&self) -> Option<usize> {
        (self.other() != self.own).then(|| self.at())
    }

    /// Goes on to the next entry, and shows that.
    fn done(&mut self) {
        self.own = self.own.wrapping_add(1);
        self.publish();
    }

    /// Shows the other side how far we are: what was done to the entries before is done before it
    /// sees that.
    fn publish(&self) {
        let at = self.offsets[if self.kind.ours { PRODUCER } else { CONSUMER }];
        self.map.word(at).store(self.own, Ordering::Release);
    }

    /// Puts in the place of a frame; there must be room.
    fn put(&mut self, place: u64) {
        write(self.map.words(self.at()).each_ref(), place);
        self.done();
    }

    /// Puts in the place and length of a frame, to be published; there must be room.
    fn put_descriptor(&mut self, place: u64, length: u32) {
        let [first, second, size, options] = self.map.words(self.at());
        write([first, second], place);
        size.store(length, Ordering::Relaxed);
        options.store(0, Ordering::Relaxed);
        self.own = self.own.wrapping_add(1);
    }

    fn at(&self) -> usize {
        self.offsets[ENTRIES] + (self.own & self.mask) as usize * self.kind.width
    }

    fn read(&self, at: usize) -> u64 {
        let [first, second] = self.map.words(at);
        let [a, b, c, d] = first.load(Ordering::Relaxed).to_ne_bytes();
        let [e, f, g, h] = second.load(Ordering::Relaxed).to_ne_bytes();
        u64::from_ne_bytes([a, b, c, d, e, f, g, h])
    }
}

/// Writes a number of two words.
fn write([first, second]: [&AtomicU32; 2], value: u64) {
    let [a, b, c, d, e, f, g, h] = value.to_ne_bytes();
    first.store(u32::from_ne_bytes([a, b, c, d]), Ordering::Relaxed);
    second.store(u32::from_ne_bytes([e, f, g, h]), Ordering::Relaxed);
}

/// Where each kind of ring has its indices, its entries and its flags.
struct Offsets([[usize; 4]; 4]);

impl Offsets {
    /// Asks the kernel: XDP_MMAP_OFFSETS.
    fn read(fd: BorrowedFd<'_>) -> io::Result<Self> {
        let mut bytes = [0; 128];
        let length = option(fd, libc::SOL_XDP, libc::XDP_MMAP_OFFSETS, &mut bytes)?;
        if length < bytes.len() {
            // Before Linux 5.4 there were no flags.
            return Err(io::Error::from_raw_os_error(libc::EOPNOTSUPP));
        }
        let mut numbers = bytes.chunks_exact(8).map(|chunk| {
            let number = chunk.first_chunk().copied().unwrap_or_default();
            usize::try_from(u64::from_ne_bytes(number)).unwrap_or(0)
        });
        Ok(Self([(); 4].map(|()| [(); 4].map(|()| numbers.next().unwrap_or(0)))))
    }
}

/// XDP_MAX_TX_SKB_BUDGET of if_xdp.h.
const MAX_TX_SKB_BUDGET: libc::c_int = 9;
/// How often to try to get a queue.
const PATIENCE: u32 = 20;
/// How long to wait for it.
const BACK_OFF: Duration = Duration::from_millis(10);
// Places in xdp_ring_offset.
const PRODUCER: usize = 0;
const CONSUMER: usize = 1;
const ENTRIES: usize = 2;
const FLAGS: usize = 3;
// The kinds of rings; the places are those in xdp_mmap_offsets.
const ARRIVED: Kind = Kind { name: libc::XDP_RX_RING, place: 0, page: 0, width: 16, ours: false };
const SENDING: Kind =
    Kind { name: libc::XDP_TX_RING, place: 1, page: 0x8000_0000, width: 16, ours: true };
const FILL: Kind =
    Kind { name: libc::XDP_UMEM_FILL_RING, place: 2, page: 0x1_0000_0000, width: 8, ours: true };
const SENT: Kind = Kind {
    name: libc::XDP_UMEM_COMPLETION_RING,
    place: 3,
    page: 0x1_8000_0000,
    width: 8,
    ours: false,
};
