//! Boxes that mind acknowledgements.

use tcpexposure_core::wire::tcp::{Flags, Seq};

use super::{
    flows::{Flow, Flows},
    refuse::Answer,
    segment::{Fate, Out, Policy, Segment, When},
};
use crate::Direction;

/// Acknowledges the initiator's data before the host can, and lets it pass.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Early;

impl Policy for Early {
    fn judge(&mut self, out: &mut Out<'_>, segment: &mut Segment<'_>) -> Fate {
        if When::OUT_DATA.holds(out.visit.direction, segment) && !segment.is(Flags::RST) {
            out.back(&segment.answer());
        }
        Fate::Pass
    }
}

/// Minds acknowledgements of bytes that the host has not sent through this box.
#[derive(Debug)]
pub(crate) struct Unseen {
    action: Action,
    sent: Flows<Seq>,
}

/// What is done with an acknowledgement of bytes that were never seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// The segment is dropped.
    Drop,
    /// It is dropped, and the initiator gets a RST.
    Reset,
    /// It is dropped, and the initiator gets an acknowledgement with the true numbers.
    Answer,
    /// It passes with the true number.
    Correct,
}

impl Unseen {
    pub(crate) fn new(action: Action) -> Self {
        Self { action, sent: Flows::default() }
    }
}

impl Policy for Unseen {
    fn judge(&mut self, out: &mut Out<'_>, segment: &mut Segment<'_>) -> Fate {
        let flow = Flow::of(out.visit.direction, segment);
        if out.visit.direction == Direction::Inbound {
            self.see(flow, segment);
            return Fate::Pass;
        }
        let Some(sent) = self.sent.get(&flow).copied() else {
            return Fate::Pass;
        };
        let unseen = segment.is(Flags::ACK) && sent.precedes(segment.head.ack);
        if !unseen || segment.is(Flags::SYN) || segment.is(Flags::RST) {
            return Fate::Pass;
        }
        self.action.take(out, segment, sent)
    }
}

impl Unseen {
    /// Notes what the host has sent.
    fn see(&mut self, flow: Flow, segment: &Segment<'_>) {
        if segment.is(Flags::RST) {
            return;
        }
        if segment.is(Flags::SYN) {
            self.sent.enter(flow, segment.end());
        } else if let Some(sent) = self.sent.get(&flow) {
            *sent = sent.later(segment.end());
        }
    }
}

impl Action {
    fn take(self, out: &mut Out<'_>, segment: &mut Segment<'_>, sent: Seq) -> Fate {
        match self {
            Self::Drop => {}
            Self::Reset => Answer::Reset.give(out, segment),
            Self::Answer => {
                let mut answer = segment.answer();
                answer.head.seq = sent;
                answer.head.ack = segment.head.seq;
                out.back(&answer);
            }
            Self::Correct => {
                segment.head.ack = sent;
                return Fate::Pass;
            }
        }
        Fate::Drop
    }
}
