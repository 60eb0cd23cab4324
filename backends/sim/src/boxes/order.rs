//! Boxes that insist on a contiguous sequence space.

use tcpexposure_core::wire::tcp::{Flags, Seq};

use super::{
    flows::{Flow, Flows},
    segment::{Fate, Out, Policy, Segment, When},
    segmentation::{Keep, Merger},
};
use crate::Direction;

/// Lets no data pass that comes after a hole.
#[derive(Debug)]
pub(crate) struct NoHoles {
    /// Whether the box asks for the missing bytes with an acknowledgement.
    asks: bool,
    expected: Flows<Seq>,
}

impl NoHoles {
    pub(crate) fn new(asks: bool) -> Self {
        Self { asks, expected: Flows::default() }
    }
}

impl Policy for NoHoles {
    fn judge(&mut self, out: &mut Out<'_>, segment: &mut Segment<'_>) -> Fate {
        let flow = Flow::of(out.visit.direction, segment);
        let Some(expected) = follow(&mut self.expected, flow, out.visit.direction, segment) else {
            return Fate::Pass;
        };
        if !When::OUT_DATA.holds(out.visit.direction, segment) {
            return Fate::Pass;
        }
        if expected.precedes(segment.head.seq) {
            if self.asks {
                let mut answer = segment.answer();
                answer.head.ack = *expected;
                out.back(&answer);
            }
            return Fate::Drop;
        }
        *expected = expected.later(segment.end());
        Fate::Pass
    }
}

/// Holds data that comes after a hole until the hole is filled, and merges what it held.
#[derive(Debug)]
pub(crate) struct Reassemble {
    keep: Keep,
    flows: Flows<Reassembler>,
}

impl Reassemble {
    pub(crate) fn new(keep: Keep) -> Self {
        Self { keep, flows: Flows::default() }
    }
}

impl Policy for Reassemble {
    fn judge(&mut self, out: &mut Out<'_>, segment: &mut Segment<'_>) -> Fate {
        let (flow, direction) = (Flow::of(out.visit.direction, segment), out.visit.direction);
        let Some(stream) = follow(&mut self.flows, flow, direction, segment) else {
            return Fate::Pass;
        };
        if !When::OUT_DATA.holds(direction, segment) {
            return Fate::Pass;
        }
        if stream.expected.precedes(segment.head.seq) {
            stream.hold(segment.head.seq, segment.length(), segment.write());
            return Fate::Drop;
        }
        stream.advance(segment.end());
        out.on(segment);
        let mut merger = Merger::new(MOST, self.keep);
        while let Some(packet) = stream.ready() {
            merger.add(packet);
        }
        merger.finish().for_each(|packet| out.packet(direction, packet));
        Fate::Drop
    }
}

/// Pieces of a stream that came before their turn.
#[derive(Debug)]
pub(crate) struct Reassembler {
    /// The number that is next.
    pub(crate) expected: Seq,
    held: Vec<Piece>,
}

#[derive(Debug)]
struct Piece {
    seq: Seq,
    length: u32,
    bytes: Vec<u8>,
}

impl From<Seq> for Reassembler {
    fn from(expected: Seq) -> Self {
        Self { expected, held: Vec::new() }
    }
}

impl Reassembler {
    /// Keeps a piece of the stream, unless it has one that begins there or holds too many.
    pub(crate) fn hold(&mut self, seq: Seq, length: u32, bytes: Option<Vec<u8>>) {
        let new = self.held.iter().all(|piece| piece.seq != seq);
        if let Some(bytes) = bytes.filter(|_| new && self.held.len() < HELD) {
            self.held.push(Piece { seq, length, bytes });
        }
    }

    /// Moves on to `end`, if that is further on.
    pub(crate) fn advance(&mut self, end: Seq) {
        self.expected = self.expected.later(end);
    }

    /// Gives the piece whose turn it is, and forgets those that came too late.
    pub(crate) fn ready(&mut self) -> Option<Vec<u8>> {
        let expected = self.expected;
        self.held.retain(|piece| !piece.seq.precedes(expected));
        let index = self.held.iter().position(|piece| piece.seq == expected)?;
        let piece = self.held.swap_remove(index);
        self.expected = expected.add(piece.length);
        Some(piece.bytes)
    }
}

/// What can follow the sequence numbers of a stream.
trait Follow: From<Seq> {
    fn advance(&mut self, end: Seq);
}

impl Follow for Seq {
    fn advance(&mut self, end: Seq) {
        *self = self.later(end);
    }
}

impl Follow for Reassembler {
    fn advance(&mut self, end: Seq) {
        Self::advance(self, end);
    }
}

/// Follows the initiator's numbers: they begin with its SYN, and what the host acknowledges has
/// arrived, however that came about. Connections that began unseen are not followed.
fn follow<'f, S: Follow>(
    flows: &'f mut Flows<S>,
    flow: Flow,
    direction: Direction,
    segment: &Segment<'_>,
) -> Option<&'f mut S> {
    if When::SYN.holds(direction, segment) {
        flows.enter(flow, segment.head.seq.add(1).into());
    }
    let state = flows.get(&flow)?;
    if direction == Direction::Inbound && segment.is(Flags::ACK) && !segment.is(Flags::RST) {
        state.advance(segment.head.ack);
    }
    Some(state)
}

/// The most payload that a merged segment holds.
const MOST: usize = 1460;
/// The most pieces of one stream that are held.
const HELD: usize = 64;
