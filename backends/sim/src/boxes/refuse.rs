//! Boxes that do not let a segment pass.

use tcpexposure_core::wire::tcp::Flags;

use super::{
    options,
    segment::{Fate, Out, Policy, Segment, When},
};
use crate::{Quoting, icmp};

/// Refuses the segments for which `when` and `if_it` hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refuse {
    pub(crate) when: When,
    pub(crate) if_it: fn(&Segment<'_>) -> bool,
    pub(crate) answer: Answer,
}

/// What the sender is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Nothing.
    Silence,
    /// That the connection is reset.
    Reset,
    /// That an administrator forbids it.
    Icmp,
}

impl Policy for Refuse {
    fn judge(&mut self, out: &mut Out<'_>, segment: &mut Segment<'_>) -> Fate {
        if !self.when.holds(out.visit.direction, segment) || !(self.if_it)(segment) {
            return Fate::Pass;
        }
        self.answer.give(out, segment);
        Fate::Drop
    }
}

impl Answer {
    /// Tells the sender of the segment that is judged.
    pub(crate) fn give(self, out: &mut Out<'_>, segment: &Segment<'_>) {
        match self {
            Self::Silence => {}
            Self::Reset => out.back(&segment.reset()),
            Self::Icmp => {
                let error = segment.write().and_then(|packet| {
                    let from = out.visit.address(&packet);
                    icmp::error(icmp::PROHIBITED, from, &packet, Quoting::Whole)
                });
                if let Some(error) = error {
                    out.packet(out.visit.direction.back(), error);
                }
            }
        }
    }
}

/// Tells whether the segment has an option that is unknown.
pub(crate) fn unknown_option(segment: &Segment<'_>) -> bool {
    options::has(segment, options::unknown)
}

/// Tells whether the segment has a payload.
pub(crate) fn payload(segment: &Segment<'_>) -> bool {
    !segment.payload.is_empty()
}

/// Tells whether the payload is one that a tunnel's smaller MTU has no room for.
pub(crate) fn large(segment: &Segment<'_>) -> bool {
    segment.payload.len() > 1400
}

/// Tells whether the segment has FIN.
pub(crate) const fn fin(segment: &Segment<'_>) -> bool {
    segment.is(Flags::FIN)
}

/// Tells whether the segment has urgent data.
pub(crate) const fn urgent(segment: &Segment<'_>) -> bool {
    segment.is(Flags::URG)
}

/// Tells whether a reserved bit is set.
pub(crate) const fn reserved(segment: &Segment<'_>) -> bool {
    segment.head.flags.intersects(Flags::RESERVED)
}

/// Tells whether the segment asks for ECN.
pub(crate) const fn ecn(segment: &Segment<'_>) -> bool {
    segment.is(Flags::ECE.with(Flags::CWR))
}

/// Tells whether the checksum is wrong.
pub(crate) fn broken(segment: &Segment<'_>) -> bool {
    !segment.intact()
}

/// Tells whether the segment has none of the flags with which every segment should come.
pub(crate) const fn flagless(segment: &Segment<'_>) -> bool {
    !segment.head.flags.intersects(Flags::SYN.with(Flags::ACK).with(Flags::RST))
}
