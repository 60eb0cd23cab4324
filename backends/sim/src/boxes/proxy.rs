//! A box at which connections end: it speaks TCP with both sides and copies the bytes.
//!
//! Both connections have the addresses and ports of the two ends. The far one is opened when the
//! near one stands, or, where only HTTP passes, when a request has begun. What arrives is
//! acknowledged at once, segment by segment, and sent on at once; a segment that begins before what
//! is expected is acknowledged and ignored; nothing is sent twice.

use std::borrow::Cow;

use tcpexposure_core::{
    craft::Network,
    time::Instant,
    wire::{
        options::kind,
        tcp::{Flags, Seq},
    },
};

use super::{
    content,
    flows::{Flow, Flows},
    options,
    order::Reassembler,
    refuse::Answer,
    segment::{Fate, Out, Policy, Segment},
    timestamps,
};
use crate::Direction;

/// The proxy.
#[derive(Debug)]
pub(crate) struct Proxy {
    /// Whether it speaks timestamps.
    stamps: bool,
    /// Whether it lets nothing but HTTP pass.
    http: bool,
    pairs: Flows<Pair>,
}

/// A connection with the initiator and one with the host.
#[derive(Debug)]
struct Pair {
    near: End,
    far: End,
    /// Whether what the initiator sends may pass.
    allowed: bool,
}

/// One connection.
#[derive(Debug)]
struct End {
    state: State,
    /// The way that what is sent travels.
    direction: Direction,
    /// The number of the next byte that is sent.
    next: Seq,
    /// What arrives.
    stream: Reassembler,
    /// The latest clock of the other side, if both sides speak timestamps.
    stamp: Option<u32>,
    /// The most payload and options that the other side takes in a segment.
    most: usize,
    /// What is to be sent.
    pending: Vec<u8>,
    /// Whether nothing comes after that.
    ends: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing was sent.
    Closed,
    /// The SYN or SYN-ACK was sent.
    Opening,
    /// It was answered.
    Open,
    /// The FIN was sent.
    Ended,
}

impl Proxy {
    pub(crate) fn new(stamps: bool, http: bool) -> Self {
        Self { stamps, http, pairs: Flows::default() }
    }
}

impl Policy for Proxy {
    fn judge(&mut self, out: &mut Out<'_>, segment: &mut Segment<'_>) -> Fate {
        let flow = Flow::of(out.visit.direction, segment);
        if !segment.intact() {
            return Fate::Drop;
        }
        if timestamps::opens(segment) && out.visit.direction == Direction::Outbound {
            self.accept(out, flow, segment);
            return Fate::Drop;
        }
        let Some(pair) = self.pairs.get(&flow) else {
            if !segment.is(Flags::RST) {
                Answer::Reset.give(out, segment);
            }
            return Fate::Drop;
        };
        let stands = match out.visit.direction {
            Direction::Outbound => pair.near_sent(out, flow, segment, self.stamps, self.http),
            Direction::Inbound => pair.far_sent(out, flow, segment),
        };
        if !stands {
            self.pairs.forget(&flow);
        }
        Fate::Drop
    }

    fn terminates(&self) -> bool {
        true
    }
}

impl Proxy {
    /// Answers the initiator's SYN; what it carries beside known options is ignored.
    fn accept(&mut self, out: &mut Out<'_>, flow: Flow, syn: &Segment<'_>) {
        let near = End {
            state: State::Opening,
            next: Seq(flow.number(b'h')),
            stream: syn.head.seq.add(1).into(),
            stamp: timestamps::read(syn).map(|(value, _)| value).filter(|_| self.stamps),
            most: maximum(syn),
            ..End::new(Direction::Inbound)
        };
        let mut answer = near.segment(out.visit.now, flow);
        answer.head.flags = Flags::SYN.with(Flags::ACK);
        answer.options = Cow::Owned(near.offer(out.visit.now, &answer, Some(syn)));
        let far = End::new(Direction::Outbound);
        self.pairs.enter(flow, Pair { near, far, allowed: !self.http });
        out.back(&answer);
    }
}

impl Pair {
    /// Takes what the initiator sent; false when the connection is over.
    fn near_sent(
        &mut self,
        out: &mut Out<'_>,
        flow: Flow,
        segment: &Segment<'_>,
        stamps: bool,
        http: bool,
    ) -> bool {
        if segment.is(Flags::RST) {
            self.far.reset(out, flow);
            return false;
        }
        if self.near.state == State::Opening && segment.head.ack == self.near.next.add(1) {
            self.near.next = segment.head.ack;
            self.near.state = State::Open;
            self.open(out, flow, stamps);
        }
        let first = segment.head.seq == self.near.stream.expected && !segment.payload.is_empty();
        if http && !self.allowed && first {
            if !content::is_http(&segment.payload) {
                self.near.reset(out, flow);
                return false;
            }
            self.allowed = true;
            self.open(out, flow, stamps);
        }
        let (arrived, ended) = self.near.take(out, flow, segment);
        self.far.relay(out, flow, &arrived, ended);
        true
    }

    /// Takes what the host sent; false when the connection is over.
    fn far_sent(&mut self, out: &mut Out<'_>, flow: Flow, segment: &Segment<'_>) -> bool {
        if segment.is(Flags::RST) {
            self.near.reset(out, flow);
            return false;
        }
        if segment.is(Flags::SYN) {
            if self.far.state == State::Opening {
                self.established(out, flow, segment);
            }
            return true;
        }
        let (arrived, ended) = self.far.take(out, flow, segment);
        self.near.relay(out, flow, &arrived, ended);
        true
    }

    /// Opens the connection with the host, if it may be and has not been.
    fn open(&mut self, out: &mut Out<'_>, flow: Flow, stamps: bool) {
        if !self.allowed || self.far.state != State::Closed {
            return;
        }
        self.far.state = State::Opening;
        self.far.next = Seq(flow.number(b'i'));
        self.far.stamp = stamps.then_some(0);
        let mut syn = self.far.segment(out.visit.now, flow);
        syn.head.flags = Flags::SYN;
        syn.head.ack = Seq(0);
        syn.options = Cow::Owned(self.far.offer(out.visit.now, &syn, None));
        out.send(Direction::Outbound, &syn);
    }

    /// Takes the host's SYN-ACK, and sends what has gathered.
    fn established(&mut self, out: &mut Out<'_>, flow: Flow, answer: &Segment<'_>) {
        let far = &mut self.far;
        far.state = State::Open;
        far.next = far.next.add(1);
        far.stream = answer.head.seq.add(1).into();
        far.most = maximum(answer);
        let stamp = timestamps::read(answer).map(|(value, _)| value);
        far.stamp = far.stamp.and(stamp);
        out.send(Direction::Outbound, &far.segment(out.visit.now, flow));
        far.relay(out, flow, &[], false);
    }
}

impl End {
    fn new(direction: Direction) -> Self {
        Self {
            state: State::Closed,
            direction,
            next: Seq(0),
            stream: Seq(0).into(),
            stamp: None,
            most: DEFAULT,
            pending: Vec::new(),
            ends: false,
        }
    }

    /// Takes a segment of the other side, acknowledges it if it takes up numbers, and gives what
    /// has become readable, and whether that is the end.
    fn take(&mut self, out: &mut Out<'_>, flow: Flow, segment: &Segment<'_>) -> (Vec<u8>, bool) {
        let mut arrived = Vec::new();
        let unsent = segment.is(Flags::ACK) && self.next.precedes(segment.head.ack);
        let empty = segment.end() == segment.head.seq;
        if matches!(self.state, State::Closed | State::Opening) || empty && !unsent {
            return (arrived, false);
        }
        if let Some((value, _)) = timestamps::read(segment) {
            self.stamp = self.stamp.map(|_| value);
        }
        let mut ended = false;
        if !unsent && segment.is(Flags::ACK) {
            let (seq, length) = (segment.head.seq, segment.length());
            if self.stream.expected == seq {
                self.stream.advance(seq.add(length));
                arrived.extend_from_slice(&segment.payload);
                while let Some(bytes) = self.stream.ready() {
                    arrived.extend(bytes);
                }
                ended = segment.is(Flags::FIN) && self.stream.expected == seq.add(length);
                self.stream.expected = self.stream.expected.add(ended.into());
            } else if self.stream.expected.precedes(seq) && length > 0 {
                self.stream.hold(seq, length, Some(segment.payload.to_vec()));
            }
        }
        out.send(self.direction, &self.segment(out.visit.now, flow));
        (arrived, ended)
    }

    /// Sends bytes on, and a FIN after the last.
    fn relay(&mut self, out: &mut Out<'_>, flow: Flow, bytes: &[u8], ends: bool) {
        self.pending.extend_from_slice(bytes);
        self.ends |= ends;
        if self.state != State::Open {
            return;
        }
        let pending = std::mem::take(&mut self.pending);
        let overhead = if self.stamp.is_some() { 12 } else { 0 };
        for chunk in pending.chunks(self.most.saturating_sub(overhead).max(1)) {
            let mut segment = self.segment(out.visit.now, flow);
            segment.head.flags = Flags::ACK.with(Flags::PSH);
            segment.payload = Cow::Owned(chunk.to_vec());
            self.next = segment.end();
            out.send(self.direction, &segment);
        }
        if self.ends {
            let mut segment = self.segment(out.visit.now, flow);
            segment.head.flags = Flags::ACK.with(Flags::FIN);
            self.next = segment.end();
            self.state = State::Ended;
            out.send(self.direction, &segment);
        }
    }

    /// Resets the connection, if there is one.
    fn reset(&mut self, out: &mut Out<'_>, flow: Flow) {
        if self.state != State::Closed {
            let mut segment = self.segment(out.visit.now, flow);
            segment.head.flags = Flags::RST.with(Flags::ACK);
            out.send(self.direction, &segment);
        }
    }

    /// Makes an acknowledgement of all that has arrived.
    fn segment(&self, now: Instant, flow: Flow) -> Segment<'static> {
        let mut segment = flow.segment(self.direction);
        segment.head.flags = Flags::ACK;
        segment.head.seq = self.next;
        segment.head.ack = self.stream.expected;
        segment.head.window = WINDOW;
        if let Some(echo) = self.stamp {
            timestamps::stamp(&mut segment, clock(now), echo);
        }
        segment
    }

    /// Writes the options of a SYN, or of a SYN-ACK: there none that were not offered.
    fn offer(&self, now: Instant, own: &Segment<'_>, asked: Option<&Segment<'_>>) -> Vec<u8> {
        let v4 = matches!(own.head.network, Network::V4(_));
        let size: u16 = if v4 { 1460 } else { 1440 };
        let asked = |kind| asked.is_none_or(|asked| options::find(asked, kind).is_some());
        let mut bytes = options::option(kind::MAXIMUM_SEGMENT_SIZE, &size.to_be_bytes());
        if asked(kind::SACK_PERMITTED) {
            bytes.extend(options::option(kind::SACK_PERMITTED, &[]));
        }
        if let Some(echo) = self.stamp {
            bytes.extend(timestamps::write(clock(now), echo));
        }
        if asked(kind::WINDOW_SCALE) {
            bytes.extend(options::option(kind::WINDOW_SCALE, &[7]));
        }
        options::pad(&mut bytes);
        bytes
    }
}

/// Tells the segment size that a SYN names.
fn maximum(syn: &Segment<'_>) -> usize {
    let size = options::find(syn, kind::MAXIMUM_SEGMENT_SIZE);
    let size = size.and_then(|size| size.try_into().ok()).map(u16::from_be_bytes);
    size.map_or(DEFAULT, |size| usize::from(size).max(LEAST))
}

/// Tells the time on the clock of timestamps: milliseconds.
fn clock(now: Instant) -> u32 {
    let millis = now.as_nanos() / 1_000_000;
    EPOCH.wrapping_add(u32::try_from(millis & 0xffff_ffff).unwrap_or(0))
}

/// The window of all segments.
const WINDOW: u16 = 28960;
/// The segment size of one who names none (RFC 9293, section 3.7.1).
const DEFAULT: usize = 536;
/// The segment size of one who names a smaller one.
const LEAST: usize = 64;
/// What the clock of timestamps shows when the simulation begins.
const EPOCH: u32 = 0x5eed_0000;
