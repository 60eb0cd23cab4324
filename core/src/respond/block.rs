//! The option block of an answer: what does not fit is left out.

use crate::wire::options::{MAX_LENGTH, kind};

/// At most 40 bytes of options.
#[derive(Debug)]
pub(super) struct Block(heapless::Vec<u8, MAX_LENGTH>);

impl Block {
    pub(super) const fn new() -> Self {
        Self(heapless::Vec::new())
    }

    /// Takes bytes as they are to stand.
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(heapless::Vec::from_slice(bytes).unwrap_or_default())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Appends an option, if there is room for all of it.
    pub(super) fn push(&mut self, kind: u8, data: &[u8]) {
        let Ok(length) = u8::try_from(data.len().saturating_add(2)) else {
            return;
        };
        if self.0.len().saturating_add(length.into()) <= MAX_LENGTH {
            let _ = self.0.extend_from_slice(&[kind, length]);
            let _ = self.0.extend_from_slice(data);
        }
    }

    /// Appends timestamps.
    pub(super) fn timestamps(&mut self, value: u32, echo: u32) {
        let [a, b, c, d] = value.to_be_bytes();
        let [e, f, g, h] = echo.to_be_bytes();
        self.push(kind::TIMESTAMPS, &[a, b, c, d, e, f, g, h]);
    }

    /// Appends NOPs up to a multiple of four.
    pub(super) fn align(&mut self) {
        while self.0.len() & 3 != 0 {
            let _ = self.0.push(kind::NOP);
        }
    }
}
