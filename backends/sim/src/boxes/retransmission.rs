//! Boxes that remember what was sent, and compare it with what is sent again.

use std::borrow::Cow;

use tcpexposure_core::wire::tcp::Seq;

use super::{
    flows::{Flow, Flows},
    refuse::Answer,
    segment::{Fate, Out, Policy, Segment, When},
};

/// Minds retransmissions that are not what was sent first.
#[derive(Debug)]
pub(crate) struct Consistent {
    action: Action,
    streams: Flows<Stream>,
}

/// What is done with a retransmission of other content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// The content that came first takes its place.
    Original,
    /// It is dropped.
    Drop,
    /// It is dropped and acknowledged.
    Acknowledge,
    /// It is dropped, and the initiator gets a RST.
    Reset,
}

/// What was sent, from some number on, without a gap.
#[derive(Debug)]
struct Stream {
    start: Seq,
    bytes: Vec<u8>,
}

impl Consistent {
    pub(crate) fn new(action: Action) -> Self {
        Self { action, streams: Flows::default() }
    }
}

impl Policy for Consistent {
    fn judge(&mut self, out: &mut Out<'_>, segment: &mut Segment<'_>) -> Fate {
        let flow = Flow::of(out.visit.direction, segment);
        if When::SYN.holds(out.visit.direction, segment) {
            self.streams.forget(&flow);
        }
        if !When::OUT_DATA.holds(out.visit.direction, segment) {
            return Fate::Pass;
        }
        let make = || Stream { start: segment.head.seq, bytes: Vec::new() };
        let Some(stream) = self.streams.or_enter(flow, make) else {
            return Fate::Pass;
        };
        if let Some(original) = stream.differs(segment) {
            match self.action {
                Action::Original => segment.payload = Cow::Owned(original),
                Action::Drop => return Fate::Drop,
                Action::Reset => {
                    Answer::Reset.give(out, segment);
                    return Fate::Drop;
                }
                Action::Acknowledge => {
                    let mut answer = segment.answer();
                    answer.head.ack = stream.end().later(segment.end());
                    out.back(&answer);
                    return Fate::Drop;
                }
            }
        }
        stream.note(segment);
        Fate::Pass
    }
}

impl Stream {
    fn end(&self) -> Seq {
        self.start.add(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX))
    }

    /// Gives the payload as it was sent first, if it is not the same now.
    fn differs(&self, segment: &Segment<'_>) -> Option<Vec<u8>> {
        let at = |index: u32| {
            let offset = segment.head.seq.add(index).distance(self.start);
            usize::try_from(offset).ok().and_then(|offset| self.bytes.get(offset)).copied()
        };
        let bytes = (0..).zip(segment.payload.iter());
        let original = bytes.map(|(index, byte)| at(index).unwrap_or(*byte)).collect::<Vec<_>>();
        (original != *segment.payload).then_some(original)
    }

    /// Notes what is new in a segment. After a hole, or when there is too much, it begins anew.
    fn note(&mut self, segment: &Segment<'_>) {
        let end = self.end();
        if end.precedes(segment.head.seq) || self.bytes.len() > MOST {
            *self = Self { start: segment.head.seq, bytes: segment.payload.to_vec() };
        } else if let Ok(old) = usize::try_from(end.distance(segment.head.seq)) {
            self.bytes.extend_from_slice(segment.payload.get(old..).unwrap_or_default());
        }
    }
}

/// The most bytes that are remembered of a stream.
const MOST: usize = 65536;
