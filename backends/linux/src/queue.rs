//! Packets that wait to be sent, one behind the other in one buffer, each with headroom for the
//! link-layer header.

use std::ops::Range;

use crate::{address::Address, choose::Way, sys};

/// Packets that wait to be sent.
pub(crate) struct Queue {
    arena: Vec<u8>,
    tail: usize,
    entries: Vec<Entry>,
}

/// One packet that waits.
pub(crate) struct Entry {
    /// How it is to be sent.
    pub(crate) way: Way,
    /// To whom.
    pub(crate) to: Address,
    at: Range<usize>,
}

impl Queue {
    pub(crate) fn new() -> Self {
        Self { arena: vec![0; ARENA], tail: 0, entries: Vec::with_capacity(sys::BATCH) }
    }

    /// Tells whether it must be sent before there is another slot.
    pub(crate) fn is_full(&self) -> bool {
        self.entries.len() == sys::BATCH || self.slot_at().end > self.arena.len()
    }

    /// Lends room for a packet; the queue must not be full.
    pub(crate) fn slot(&mut self) -> &mut [u8] {
        let at = self.slot_at();
        &mut self.arena[at]
    }

    /// Tells the first `length` bytes of the slot.
    pub(crate) fn packet(&self, length: usize) -> &[u8] {
        let start = self.slot_at().start;
        &self.arena[start..start + length]
    }

    /// Queues the first `length` bytes of the slot behind `header`.
    pub(crate) fn push(&mut self, length: usize, header: &[u8], way: Way, to: Address) {
        let packet = self.slot_at().start;
        let at = packet - header.len()..packet + length;
        self.arena[at.start..packet].copy_from_slice(header);
        self.tail = at.end.next_multiple_of(CACHE_LINE);
        self.entries.push(Entry { way, to, at });
    }

    /// Tells what waits, in order.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Tells the bytes of one that waits, link-layer header included.
    pub(crate) fn bytes(&self, entry: &Entry) -> &[u8] {
        &self.arena[entry.at.clone()]
    }

    /// Forgets what waits.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.tail = 0;
    }

    const fn slot_at(&self) -> Range<usize> {
        let start = self.tail + HEADROOM;
        start..start + SLOT
    }
}

/// Room for the link-layer header.
const HEADROOM: usize = 16;
/// Room for the largest packet that loopback takes.
const SLOT: usize = 1 << 16;
/// Room for a batch of ordinary packets before the last slot.
const ARENA: usize = sys::BATCH * 2048 + HEADROOM + SLOT;
const CACHE_LINE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_stay_apart_and_in_order() {
        let mut queue = Queue::new();
        let mut count = 0u8;
        while !queue.is_full() {
            assert!(queue.slot().len() >= SLOT);
            queue.slot()[..1500].fill(count);
            assert_eq!(queue.packet(1500), [count; 1500]);
            queue.push(1500, &[0xee; 14], Way::Packet, Address::EMPTY);
            count += 1;
        }
        assert_eq!(usize::from(count), sys::BATCH);
        for (index, entry) in queue.entries().iter().enumerate() {
            let (header, packet) = queue.bytes(entry).split_at(14);
            assert_eq!((header, packet), (&[0xee; 14][..], &[index as u8; 1500][..]));
        }
        queue.clear();
        assert!(queue.entries().is_empty() && !queue.is_full());
    }

    #[test]
    fn large_packets_fill_it_sooner() {
        let mut queue = Queue::new();
        queue.push(SLOT, &[], Way::Raw, Address::EMPTY);
        assert_eq!(queue.bytes(&queue.entries()[0]).len(), SLOT);
        queue.push(SLOT, &[], Way::Raw, Address::EMPTY);
        assert!(queue.is_full());
    }
}
