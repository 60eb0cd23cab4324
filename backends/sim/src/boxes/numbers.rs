//! Boxes that rewrite sequence numbers, as firewalls do that distrust the initial ones.

use tcpexposure_core::wire::{
    options::kind,
    tcp::{Flags, Seq},
};

use super::{
    flows::Flow,
    options,
    segment::{Fate, Out, Policy, Segment},
};
use crate::Direction;

/// Shifts the sequence numbers of one end, and translates the acknowledgements of the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shift {
    /// Whose numbers: those of what travels this way.
    pub(crate) of: Direction,
    /// By how much.
    pub(crate) by: By,
    /// Whether SACK blocks are translated too.
    pub(crate) sack: bool,
}

/// A distance between sequence numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum By {
    /// The same one for all connections.
    Constant(u32),
    /// One for each connection.
    Flow,
}

impl Policy for Shift {
    fn judge(&mut self, out: &mut Out<'_>, segment: &mut Segment<'_>) -> Fate {
        let by = match self.by {
            By::Constant(by) => by,
            By::Flow => {
                let salt = if self.of == Direction::Outbound { b'i' } else { b'h' };
                Flow::of(out.visit.direction, segment).number(salt)
            }
        };
        if out.visit.direction == self.of {
            segment.head.seq = segment.head.seq.add(by);
        } else {
            acknowledge(segment, self.sack, |seq| seq.sub(by));
        }
        Fate::Pass
    }
}

/// Several policies, one after the other in the direction of travel.
#[derive(Debug)]
pub(crate) struct Both<A, B>(pub(crate) A, pub(crate) B);

impl<A: Policy, B: Policy> Policy for Both<A, B> {
    fn judge(&mut self, out: &mut Out<'_>, segment: &mut Segment<'_>) -> Fate {
        match self.0.judge(out, segment) {
            Fate::Pass => self.1.judge(out, segment),
            Fate::Drop => Fate::Drop,
        }
    }
}

/// Translates what a segment acknowledges.
pub(crate) fn acknowledge(segment: &mut Segment<'_>, sack: bool, translate: impl Fn(Seq) -> Seq) {
    if segment.is(Flags::ACK) {
        segment.head.ack = translate(segment.head.ack);
    }
    if sack && options::find(segment, kind::SACK).is_some() {
        options::rewrite(segment, |kind, data| {
            let (edges, []) = data.as_chunks::<4>() else {
                return None;
            };
            let edge = |edge: &[u8; 4]| translate(Seq(u32::from_be_bytes(*edge))).0.to_be_bytes();
            let data = edges.iter().flat_map(edge).collect::<Vec<_>>();
            (kind == kind::SACK).then(|| options::option(kind, &data))
        });
    }
}
