//! Relative sequence numbers, by tcpdump's rule.
//!
//! The first segment with an acknowledgement opens a conversation, and a later one with a SYN opens
//! it anew; both are printed with absolute numbers. Every segment after that is printed relative to
//! it, in both directions.

use core::{
    hash::{Hash, Hasher},
    net::IpAddr,
};

use super::Style;
use crate::wire::{
    icmp::Family,
    packet::{Packet, Transport},
    tcp::{Flags, Header, Segment, Seq},
};

/// A conversation's key: both ends, the smaller one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Conversation {
    low: (IpAddr, u16),
    high: (IpAddr, u16),
}

/// What the numbers of a conversation are relative to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bases {
    /// Of the data that the smaller end sends.
    low: Seq,
    /// Of the data that the greater end sends.
    high: Seq,
}

/// What the numbers of one segment are relative to; zero where they are absolute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Relative {
    /// What the sequence number is relative to.
    pub seq: u32,
    /// What the acknowledgement number is relative to.
    pub ack: u32,
    /// What the edges of SACK blocks are relative to.
    pub sack: u32,
}

/// A memory of conversations: a hash map, or [`Flows`] where there is no heap.
pub trait Memory {
    /// Recalls the bases of a conversation, or makes room for them and says that they are new.
    fn recall(&mut self, conversation: Conversation) -> (&mut Bases, bool);
}

/// Gives a hasher few and wide numbers, which is what it is fast with.
impl Hash for Conversation {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u32(u32::from(self.low.1) << 16 | u32::from(self.high.1));
        for (address, _) in [self.low, self.high] {
            match address {
                IpAddr::V4(address) => state.write_u32(address.to_bits()),
                IpAddr::V6(address) => state.write_u128(address.to_bits()),
            }
        }
    }
}

impl Conversation {
    /// Makes the key of a segment's conversation, and tells whether the sender is the smaller end.
    #[must_use]
    pub fn of(packet: &Packet<'_>) -> Option<(Self, bool)> {
        let ((from, to), (source, destination)) = (packet.addresses()?, packet.ports()?);
        let (from, to) = ((from, source), (to, destination));
        let forward = from <= to;
        let (low, high) = if forward { (from, to) } else { (to, from) };
        Some((Self { low, high }, forward))
    }
}

/// Tells what the numbers of a packet's line are relative to: those of its segment or, with `-v`,
/// of the segment that an ICMP error quotes, which tcpdump counts to the conversation too.
pub fn base(memory: &mut impl Memory, packet: &Packet<'_>, style: &Style) -> Relative {
    if let Transport::Icmp(message) = &packet.transport {
        return match message.quote().filter(|_| style.verbose > 0) {
            Some(quote) if message.family == Family::V4 => base(memory, &quote, &Style::default()),
            _ => Relative::default(),
        };
    }
    packet.tcp().map_or_else(Relative::default, |segment| relative(memory, packet, segment))
}

/// Tells what the numbers of a segment are relative to, and remembers what later ones will be.
pub fn relative(memory: &mut impl Memory, packet: &Packet<'_>, segment: &Segment<'_>) -> Relative {
    let flags = segment.header.flags();
    // tcpdump neither prints nor remembers the numbers of a header that is too short.
    if !flags.contains(Flags::ACK) || segment.header.data_offset() < Header::LENGTH {
        return Relative::default();
    }
    let Some((conversation, forward)) = Conversation::of(packet) else {
        return Relative::default();
    };
    let (bases, new) = memory.recall(conversation);
    if new || flags.contains(Flags::SYN) {
        let (seq, ack) = (segment.header.seq(), segment.header.ack().sub(1));
        *bases =
            if forward { Bases { low: seq, high: ack } } else { Bases { low: ack, high: seq } };
        // The segment that opens a conversation is absolute, but for its SACK blocks.
        return Relative { sack: ack.0, ..Relative::default() };
    }
    let (seq, ack) = if forward { (bases.low, bases.high) } else { (bases.high, bases.low) };
    Relative { seq: seq.0, ack: ack.0, sack: ack.0 }
}

/// A memory of `N` conversations without a heap (of one, where `N` is 0). When it is full, the one
/// that was silent the longest makes room.
#[derive(Debug)]
pub struct Flows<const N: usize> {
    /// Used only where `N` is 0.
    first: Place,
    rest: [Place; N],
    clock: u64,
}

impl<const N: usize> Default for Flows<N> {
    fn default() -> Self {
        Self { first: EMPTY, rest: [EMPTY; N], clock: 0 }
    }
}

impl<const N: usize> Memory for Flows<N> {
    fn recall(&mut self, conversation: Conversation) -> (&mut Bases, bool) {
        let known = self.rest.iter().position(|place| place.key == Some(conversation));
        let silent = || self.rest.iter().enumerate().min_by_key(|(_, place)| place.used);
        let at = known.or_else(|| silent().map(|(at, _)| at)).unwrap_or_default();
        self.clock = self.clock.wrapping_add(1);
        let place = self.rest.get_mut(at).unwrap_or(&mut self.first);
        let new = place.key != Some(conversation);
        (place.key, place.used) = (Some(conversation), self.clock);
        (&mut place.bases, new)
    }
}

/// A place for a conversation.
#[derive(Clone, Copy, Debug)]
struct Place {
    key: Option<Conversation>,
    bases: Bases,
    /// When it was asked for last; 0 if never.
    used: u64,
}

const EMPTY: Place = Place { key: None, bases: Bases { low: Seq(0), high: Seq(0) }, used: 0 };

#[cfg(test)]
mod tests {
    use super::*;

    fn conversation(port: u16) -> Conversation {
        let end = |port| (IpAddr::from([10, 0, 0, 1]), port);
        Conversation { low: end(port), high: end(65535) }
    }

    #[test]
    fn the_most_silent_conversation_makes_room() {
        let mut flows = Flows::<2>::default();
        let mut is_new = |port| flows.recall(conversation(port)).1;
        assert_eq!([1, 2, 1, 3, 1, 2].map(&mut is_new), [true, true, false, true, false, true]);
    }

    #[test]
    fn a_memory_of_none_keeps_one() {
        let mut flows = Flows::<0>::default();
        let mut is_new = |port| flows.recall(conversation(port)).1;
        assert_eq!([1, 1, 2, 1].map(&mut is_new), [true, false, true, true]);
    }
}
