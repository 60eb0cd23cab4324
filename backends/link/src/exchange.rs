//! Send packets and collect what comes back, in one call.

use std::{ops::ControlFlow, time::Duration};

use tcpexposure_core::{
    engine::{Engine, Step},
    exchange::{Event, Exchange, Policy, Request},
    time::Instant,
    wire::packet::{Offload, Packet, Start},
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
/// timeout has, or `each`, which sees every answer as it comes, breaks off.
///
/// # Errors
/// Whatever the link says.
pub fn exchange(
    link: &mut impl Link,
    packets: &[&[u8]],
    policy: Policy,
    mut each: impl FnMut(&Answer) -> ControlFlow<()>,
) -> Result<Vec<Answer>, Error> {
    let mut requests: Vec<Request<'_>> = packets.iter().map(|bytes| Request::new(bytes)).collect();
    let mut engine = Recorder { inner: Exchange::new(&mut requests, policy), last: None };
    let mut answers = Vec::new();
    drive(&mut engine, link, |event| {
        let Some(answer) = event.flatten() else { return ControlFlow::Continue(()) };
        let flow = each(&answer);
        answers.push(answer);
        flow
    })?;
    Ok(answers)
}

/// An exchange that keeps the packet which it has handled last.
struct Recorder<'r, 'a> {
    inner: Exchange<'r, 'a>,
    last: Option<Kept>,
}

impl Engine for Recorder<'_, '_> {
    type Event = Option<Answer>;

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
        match self.inner.poll(now, slot) {
            Step::Send(length) => Step::Send(length),
            Step::Wait(deadline) => Step::Wait(deadline),
            Step::Done => Step::Done,
            Step::Emit(Event::Answer { request, number, rtt, icmp }) => {
                let frame = self.last.take();
                Step::Emit(frame.map(|frame| Answer {
                    request,
                    number,
                    time: frame.time,
                    rtt,
                    icmp,
                    frame,
                }))
            }
            Step::Emit(_) => Step::Emit(None),
        }
    }
}
