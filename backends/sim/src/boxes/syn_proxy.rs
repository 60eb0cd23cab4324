//! A box that answers SYNs for the host, as SYNPROXY of netfilter does: it lets the host see the
//! connection only when the initiator has answered, and shifts the numbers from then on.

use std::borrow::Cow;

use tcpexposure_core::wire::{
    options::kind,
    tcp::{Flags, Seq},
};

use super::{
    flows::{Flow, Flows},
    numbers, options,
    segment::{Fate, Out, Policy, Segment},
    timestamps,
};
use crate::Direction;

/// The box.
#[derive(Debug, Default)]
pub(crate) struct SynProxy {
    flows: Flows<Shield>,
}

/// A connection.
#[derive(Debug)]
struct Shield {
    state: State,
    /// The number with which the box answers.
    cookie: Seq,
    /// The initiator's SYN number.
    initial: Seq,
    /// Which known options the initiator offered, as they stand in the box's own SYN.
    offered: Vec<u8>,
    /// The initiator's clock, if it offered timestamps.
    stamp: Option<u32>,
    /// How far the host's numbers are from those of the box.
    numbers: u32,
    /// How far the host's clock is from that of the box.
    clock: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The initiator has not answered yet.
    Cookie,
    /// The host has not answered yet.
    Connecting,
    Open,
}

impl Policy for SynProxy {
    fn judge(&mut self, out: &mut Out<'_>, segment: &mut Segment<'_>) -> Fate {
        let (flow, direction) = (Flow::of(out.visit.direction, segment), out.visit.direction);
        if !segment.intact() {
            return Fate::Drop;
        }
        if timestamps::opens(segment) && direction == Direction::Outbound {
            self.answer(out, flow, segment);
            return Fate::Drop;
        }
        match (self.flows.get(&flow), direction) {
            (None, _) => Fate::Drop,
            (Some(shield), Direction::Outbound) => shield.out(out, flow, segment),
            (Some(shield), Direction::Inbound) => shield.inn(out, flow, segment),
        }
    }
}

impl SynProxy {
    /// Answers a SYN with a window of nothing, and of the options with those that it knows.
    fn answer(&mut self, out: &mut Out<'_>, flow: Flow, syn: &Segment<'_>) {
        let cookie = Seq(flow.number(b'c'));
        let stamp = timestamps::read(syn).map(|(value, _)| value);
        let mut answer = syn.answer();
        answer.head.flags = Flags::SYN.with(Flags::ACK);
        answer.head.seq = cookie;
        answer.head.ack = syn.head.seq.add(1);
        answer.head.window = 0;
        answer.options = Cow::Owned(known(syn, stamp.map(|value| (CLOCK, value))));
        out.back(&answer);
        self.flows.enter(
            flow,
            Shield {
                state: State::Cookie,
                cookie,
                initial: syn.head.seq,
                offered: known(syn, stamp.map(|value| (value, 0))),
                stamp,
                numbers: 0,
                clock: 0,
            },
        );
    }
}

impl Shield {
    fn out(&mut self, out: &mut Out<'_>, flow: Flow, segment: &mut Segment<'_>) -> Fate {
        let answers = segment.is(Flags::ACK) && segment.head.ack == self.cookie.add(1);
        match self.state {
            State::Cookie if answers => {
                self.state = State::Connecting;
                out.on(&self.syn(flow));
                Fate::Drop
            }
            State::Cookie => Fate::Drop,
            // The host has not answered: its SYN-ACK may be lost, or that SYN.
            State::Connecting => {
                out.on(&self.syn(flow));
                Fate::Drop
            }
            State::Open => {
                let (numbers, clock) = (self.numbers, self.clock);
                numbers::acknowledge(segment, true, |seq| seq.add(numbers));
                if self.stamp.is_some() {
                    timestamps::change(segment, |value, echo| (value, echo.wrapping_add(clock)));
                }
                Fate::Pass
            }
        }
    }

    fn inn(&mut self, out: &mut Out<'_>, flow: Flow, segment: &mut Segment<'_>) -> Fate {
        if self.state == State::Connecting {
            if segment.is(Flags::SYN.with(Flags::ACK)) {
                self.established(out, flow, segment);
                return Fate::Drop;
            }
            return if segment.is(Flags::RST) { Fate::Pass } else { Fate::Drop };
        }
        if segment.is(Flags::SYN) || self.state == State::Cookie {
            return Fate::Drop;
        }
        let clock = self.clock;
        segment.head.seq = segment.head.seq.sub(self.numbers);
        if self.stamp.is_some() {
            timestamps::change(segment, |value, echo| (value.wrapping_sub(clock), echo));
        }
        Fate::Pass
    }

    /// Makes the SYN that the host sees: the initiator's number, the box's options.
    fn syn(&self, flow: Flow) -> Segment<'static> {
        let mut syn = flow.segment(Direction::Outbound);
        syn.head.flags = Flags::SYN;
        syn.head.seq = self.initial;
        syn.head.ack = self.cookie;
        syn.head.window = 64240;
        syn.options = Cow::Owned(self.offered.clone());
        syn
    }

    /// Takes the host's SYN-ACK, answers it, and opens the initiator's window.
    fn established(&mut self, out: &mut Out<'_>, flow: Flow, answer: &Segment<'_>) {
        self.state = State::Open;
        self.numbers = answer.head.seq.since(self.cookie);
        let stamp = timestamps::read(answer).map(|(value, _)| value);
        self.clock = stamp.map_or(0, |value| value.wrapping_sub(CLOCK));
        let (next, window) = (self.initial.add(1), answer.head.window);
        let mut third = flow.segment(Direction::Outbound);
        (third.head.seq, third.head.ack) = (next, answer.head.seq.add(1));
        let mut update = flow.segment(Direction::Inbound);
        (update.head.seq, update.head.ack) = (self.cookie.add(1), next);
        for segment in [&mut third, &mut update] {
            (segment.head.flags, segment.head.window) = (Flags::ACK, window);
        }
        if let (Some(own), Some(host)) = (self.stamp, stamp) {
            timestamps::stamp(&mut third, own, host);
            timestamps::stamp(&mut update, CLOCK, own);
        }
        out.send(Direction::Outbound, &third);
        out.send(Direction::Inbound, &update);
    }
}

/// Writes those options that the box knows and the SYN has.
fn known(syn: &Segment<'_>, stamps: Option<(u32, u32)>) -> Vec<u8> {
    let has = |kind| options::find(syn, kind).is_some();
    let mut bytes = Vec::new();
    if has(kind::MAXIMUM_SEGMENT_SIZE) {
        bytes.extend(options::option(kind::MAXIMUM_SEGMENT_SIZE, &1460_u16.to_be_bytes()));
    }
    if has(kind::SACK_PERMITTED) {
        bytes.extend(options::option(kind::SACK_PERMITTED, &[]));
    }
    if let Some((value, echo)) = stamps {
        bytes.extend(timestamps::write(value, echo));
    }
    if has(kind::WINDOW_SCALE) {
        bytes.extend(options::option(kind::WINDOW_SCALE, &[7]));
    }
    options::pad(&mut bytes);
    bytes
}

/// What the box's clock of timestamps always shows.
const CLOCK: u32 = 0x0c00_c1e0;
