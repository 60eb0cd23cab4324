//! Writing options.

use core::fmt;

use super::{Item, kind};

/// Writes options into a buffer, one after the other and without padding of its own.
#[derive(Debug)]
pub struct Writer<'b> {
    buffer: &'b mut [u8],
    length: usize,
}

/// The buffer, or the option's length byte, is too small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overflow {
    /// The bytes needed.
    pub needed: usize,
    /// The bytes that there are.
    pub present: usize,
}

impl fmt::Display for Overflow {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} bytes are needed, there is room for {}", self.needed, self.present)
    }
}

impl core::error::Error for Overflow {}

impl<'b> Writer<'b> {
    /// Writes from the start of `buffer`. Give 40 bytes for what a TCP header can hold.
    #[must_use]
    pub const fn new(buffer: &'b mut [u8]) -> Self {
        Self { buffer, length: 0 }
    }

    /// Appends an item, exactly as [`Items`](super::Items) would read it.
    ///
    /// # Errors
    /// When the buffer is full; nothing of the item is written then.
    pub fn push(&mut self, item: Item<'_>) -> Result<&mut Self, Overflow> {
        match item {
            Item::End => self.bytes(&[kind::END]),
            Item::Nop => self.bytes(&[kind::NOP]),
            Item::Option { kind, data } => self.option(kind, &[data]),
            Item::Malformed { rest } | Item::Trailing(rest) => self.bytes(rest),
        }
    }

    /// Appends an option whose data is given in parts.
    ///
    /// # Errors
    /// When the buffer is full or the data is longer than 253 bytes; nothing is written then.
    pub fn option(&mut self, kind: u8, parts: &[&[u8]]) -> Result<&mut Self, Overflow> {
        let data = parts.iter().fold(0_usize, |sum, part| sum.saturating_add(part.len()));
        let total = data.saturating_add(2);
        let Ok(length) = u8::try_from(total) else {
            return Err(Overflow { needed: total, present: 255 });
        };
        self.room(total)?;
        self.bytes(&[kind, length])?;
        for part in parts {
            self.bytes(part)?;
        }
        Ok(self)
    }

    /// Appends bytes as they are.
    ///
    /// # Errors
    /// When the buffer is full; nothing is written then.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<&mut Self, Overflow> {
        let end = self.room(bytes.len())?;
        if let Some(slot) = self.buffer.get_mut(self.length..end) {
            slot.copy_from_slice(bytes);
        }
        self.length = end;
        Ok(self)
    }

    /// Appends NOPs up to a multiple of four bytes.
    ///
    /// # Errors
    /// When the buffer is full.
    pub fn align(&mut self) -> Result<&mut Self, Overflow> {
        while self.length & 3 != 0 {
            self.bytes(&[kind::NOP])?;
        }
        Ok(self)
    }

    /// Tells the number of bytes written.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.length
    }

    /// Tells whether nothing has been written.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Gives the bytes written.
    #[must_use]
    pub fn finish(self) -> &'b [u8] {
        self.buffer.get(..self.length).unwrap_or_default()
    }

    /// Tells where `more` bytes would end.
    fn room(&self, more: usize) -> Result<usize, Overflow> {
        let needed = self.length.saturating_add(more);
        let present = self.buffer.len();
        if needed > present { Err(Overflow { needed, present }) } else { Ok(needed) }
    }
}
