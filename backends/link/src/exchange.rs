//! Send packets and collect what comes back, in one call.

use std::{ops::ControlFlow, time::Duration};

use tcpexposure_core::{
    engine::{Engine, Step},
    exchange::{Event, Exchange, Policy, Request},
    time::Instant,
    wire::{
        packet::{Offload, Packet, Start},
        tcp::Flags,
    },
};

use crate::{Error, Link, drive};

/// A packet that came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The place of the packet that it answers in the list that was sent.
    pub request: usize,
    /// The number of the packet among all that crossed the link during the exchange, from 1.
    pub number: u64,
    /// When it arrived.
    pub time: Instant,
    /// The time since the packet that it answers was last sent.
    pub rtt: Duration,
    /// Whether it is an ICMP error, else a TCP segment.
    pub icmp: bool,
    frame: Kept,
}

/// What happens during an exchange.
#[derive(Clone, Copy, Debug)]
pub enum Seen<'a> {
    /// A packet went out.
    Sent {
        /// Its place in the list.
        request: usize,
        /// Its number among all that crossed the link.
        number: u64,
        /// When.
        time: Instant,
    },
    /// A packet came back.
    Answer(&'a Answer),
    /// A packet was sent as often as the policy says, and nothing came back.
    Unanswered {
        /// Its place in the list.
        request: usize,
    },
}

/// What is kept of a frame.
#[derive(Clone, Debug)]
struct Kept {
    time: Instant,
    start: Start,
    bytes: Vec<u8>,
    wire_len: usize,
    offload: Offload,
}

impl Answer {
    /// Reads the answer.
    #[must_use]
    pub fn packet(&self) -> Packet<'_> {
        let frame = &self.frame;
        Packet::parse(frame.start, &frame.bytes, frame.wire_len, frame.offload)
    }
}

/// Sends IP packets back to back and collects the answers: segments with mirrored addresses and
/// ports, and ICMP errors that quote a packet.
///
/// Returns as soon as every packet has its answer and `policy.linger` has passed, or the last
/// timeout has, or `each`, which sees all that happens as it does, breaks off.
///
/// # Errors
/// Whatever the link says.
pub fn exchange(
    link: &mut impl Link,
    packets: &[&[u8]],
    policy: Policy,
    mut each: impl FnMut(Seen<'_>) -> ControlFlow<()>,
) -> Result<Vec<Answer>, Error> {
    let mut requests: Vec<Request<'_>> = packets.iter().map(|bytes| Request::new(bytes)).collect();
    let mut engine = Recorder { inner: Exchange::new(&mut requests, policy), last: None };
    let mut answers = Vec::new();
    drive(&mut engine, link, |event| match event {
        None => ControlFlow::Continue(()),
        Some(Recorded::Sent { request, number, time }) => {
            each(Seen::Sent { request, number, time })
        }
        Some(Recorded::Unanswered { request }) => each(Seen::Unanswered { request }),
        Some(Recorded::Answer(answer)) => {
            let flow = each(Seen::Answer(&answer));
            answers.push(answer);
            flow
        }
    })?;
    Ok(answers)
}

/// Makes an `each` for [`exchange`] that breaks off at the first answer with any of these flags.
pub fn until(flags: Flags) -> impl FnMut(Seen<'_>) -> ControlFlow<()> {
    move |seen| match seen {
        Seen::Answer(answer) => {
            let found = answer.packet().tcp().map_or(Flags::NONE, |tcp| tcp.header.flags());
            if found.intersects(flags) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
        _ => ControlFlow::Continue(()),
    }
}

/// An exchange that keeps the packet which it has handled last.
struct Recorder<'r, 'a> {
    inner: Exchange<'r, 'a>,
    last: Option<Kept>,
}

/// What the recorder reports: as [`Seen`], but with what was kept.
enum Recorded {
    Sent { request: usize, number: u64, time: Instant },
    Answer(Answer),
    Unanswered { request: usize },
}

impl Recorder<'_, '_> {
    /// Joins what the exchange says to the packet that made it say so.
    fn record(&mut self, now: Instant, event: Event) -> Option<Recorded> {
        match event {
            Event::Sent { request, number } => Some(Recorded::Sent { request, number, time: now }),
            Event::Unanswered { request } => Some(Recorded::Unanswered { request }),
            Event::Answer { request, number, rtt, icmp } => {
                let frame = self.last.take()?;
                let time = frame.time;
                Some(Recorded::Answer(Answer { request, number, time, rtt, icmp, frame }))
            }
        }
    }
}

impl Engine for Recorder<'_, '_> {
    type Event = Recorded;

    fn handle(&mut self, now: Instant, packet: &Packet<'_>) {
        self.last = Some(Kept {
            time: now,
            start: packet.start,
            bytes: packet.bytes.to_vec(),
            wire_len: packet.wire_len,
            offload: packet.offload,
        });
        self.inner.handle(now, packet);
    }

    fn poll(&mut self, now: Instant, slot: &mut [u8]) -> Step<Self::Event> {
        loop {
            return match self.inner.poll(now, slot) {
                Step::Send(length) => Step::Send(length),
                Step::Wait(deadline) => Step::Wait(deadline),
                Step::Done => Step::Done,
                Step::Emit(event) => match self.record(now, event) {
                    Some(recorded) => Step::Emit(recorded),
                    None => continue,
                },
            };
        }
    }
}
