//! Memory that the kernel reads and writes beside us: mmap(2).

use std::{
    io,
    ops::Range,
    os::fd::{AsRawFd, BorrowedFd},
    ptr::{self, NonNull},
    slice,
    sync::atomic::AtomicU32,
};

use libc::{c_int, c_void};

/// A mapping, which is taken away when it is dropped.
pub(super) struct Map {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: a mapping belongs to the process, not to the thread that made it; whoever owns the value
// is the only one of this process to touch it.
unsafe impl Send for Map {}

impl Map {
    /// Maps `length` bytes of what `fd` has at `offset`.
    pub(super) fn of(fd: BorrowedFd<'_>, length: usize, offset: u64) -> io::Result<Self> {
        let offset = offset.try_into().map_err(|_| io::ErrorKind::InvalidInput)?;
        Self::make(fd.as_raw_fd(), length, offset, libc::MAP_SHARED)
    }

    /// Maps `length` fresh bytes, all zero.
    pub(super) fn fresh(length: usize) -> io::Result<Self> {
        Self::make(-1, length, 0, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS)
    }

    fn make(fd: c_int, length: usize, offset: libc::off_t, flags: c_int) -> io::Result<Self> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let flags = flags | libc::MAP_POPULATE;
        // SAFETY: with a null hint, mmap(2) makes a new mapping and touches none that exists.
        let start = unsafe { libc::mmap(ptr::null_mut(), length, access, flags, fd, offset) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { start, length })
    }

    /// Tells the address, for the kernel.
    pub(super) fn address(&self) -> u64 {
        self.start.as_ptr().addr() as u64
    }

    /// Tells how many bytes there are.
    pub(super) const fn len(&self) -> usize {
        self.length
    }

    /// Lends a word that the kernel may change at any time.
    ///
    /// # Panics
    /// If it is not inside, or not aligned.
    pub(super) fn word(&self, at: usize) -> &AtomicU32 {
        &self.words::<1>(at)[0]
    }

    /// Lends words that follow each other, each of which the kernel may change at any time.
    ///
    /// # Panics
    /// If they are not all inside, or not aligned.
    pub(super) fn words<const N: usize>(&self, at: usize) -> &[AtomicU32; N] {
        let length = size_of::<[AtomicU32; N]>();
        let inside = at <= self.length && self.length - at >= length;
        assert!(at.is_multiple_of(4) && inside, "word at {at}");
        // SAFETY: the words lie inside the mapping, which is aligned to pages and lives as long as
        // the borrow of `self`; `at` is a multiple of four; an atomic word has the layout of a word.
        // Nobody in this process accesses the words that the kernel changes in any other way than
        // this one, see `bytes_mut`.
        unsafe { &*self.start.as_ptr().add(at).cast::<[AtomicU32; N]>() }
    }

    /// Lends bytes.
    ///
    /// # Safety
    /// Nobody, the kernel included, reads or writes them while they are borrowed.
    ///
    /// # Panics
    /// If they are not inside.
    pub(super) unsafe fn bytes_mut(&mut self, at: Range<usize>) -> &mut [u8] {
        assert!(at.start <= at.end && at.end <= self.length, "bytes at {at:?}");
        // SAFETY: the bytes lie inside the mapping, which lives as long as the borrow of `self`
        // and whose bytes are all initialised; `self` is borrowed mutably, so that there is no
        // other borrow, and the caller rules out access by the kernel.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr().add(at.start), at.len()) }
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: start and length are those of a mapping that is ours alone, and no borrow of it
        // outlives `self`.
        let result = unsafe { libc::munmap(self.start.as_ptr().cast::<c_void>(), self.length) };
        debug_assert_eq!(result, 0, "a whole mapping can be taken away");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;

    #[test]
    fn fresh_memory_is_zero_and_keeps_what_is_written() {
        let mut map = Map::fresh(8192).unwrap();
        assert_eq!((map.len(), map.word(8188).load(Ordering::Relaxed)), (8192, 0));
        // SAFETY: nobody else has this memory.
        unsafe { map.bytes_mut(4..8) }.copy_from_slice(&7u32.to_ne_bytes());
        assert_eq!(map.word(4).load(Ordering::Relaxed), 7);
        // SAFETY: as above.
        assert_eq!(unsafe { map.bytes_mut(0..8) }[..4], [0; 4]);
        assert_eq!(map.address() % 4096, 0);
    }

    #[test]
    #[should_panic(expected = "word at 8189")]
    fn a_word_across_the_end_is_refused() {
        Map::fresh(8192).unwrap().word(8189);
    }

    #[test]
    #[should_panic(expected = "word at 8192")]
    fn a_word_behind_the_end_is_refused() {
        Map::fresh(8192).unwrap().word(8192);
    }
}
