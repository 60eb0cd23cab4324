//! A window on a stream: as many bytes as are asked for in one piece, read in large blocks.

use std::io::{self, Read};

/// The window.
#[derive(Debug)]
pub(super) struct Buffer<R> {
    input: R,
    bytes: Vec<u8>,
    /// What has been taken of `bytes`.
    taken: usize,
    /// What has been filled of `bytes`.
    filled: usize,
    /// How much of the stream lies before `bytes`.
    before: u64,
}

impl<R: Read> Buffer<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, bytes: vec![0; BLOCK], taken: 0, filled: 0, before: 0 }
    }

    /// Tells the offset in the stream of the next byte that will be taken.
    pub(super) const fn offset(&self) -> u64 {
        self.before + self.taken as u64
    }

    /// Reads until `length` bytes can be taken, and tells how many there are: fewer only at the
    /// end of the stream.
    pub(super) fn fill(&mut self, length: usize) -> io::Result<usize> {
        while self.filled - self.taken < length {
            if self.bytes.len() - self.taken < length {
                self.make_room(length);
            }
            match self.input.read(&mut self.bytes[self.filled..]) {
                Ok(0) => break,
                Ok(count) => self.filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok((self.filled - self.taken).min(length))
    }

    /// Shows the next `length` bytes, which have been filled, without taking them.
    pub(super) fn peek(&self, length: usize) -> &[u8] {
        &self.bytes[self.taken..self.filled][..length]
    }

    /// Takes the next `length` bytes, which have been filled.
    pub(super) fn take(&mut self, length: usize) -> &[u8] {
        let from = self.taken;
        self.taken += length;
        &self.bytes[from..self.filled][..length]
    }

    fn make_room(&mut self, length: usize) {
        self.bytes.copy_within(self.taken..self.filled, 0);
        self.before += self.taken as u64;
        self.filled -= self.taken;
        self.taken = 0;
        if self.bytes.len() < length {
            self.bytes.resize(length, 0);
        }
    }
}

/// How much is asked of the system at once.
const BLOCK: usize = 1 << 20;
