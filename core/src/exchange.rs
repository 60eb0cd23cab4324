//! Send packets and see what comes back: the engine behind `send`.
//!
//! All requests go out back to back. An answer is a TCP segment whose addresses and ports mirror a
//! request's, or an ICMP error that quotes one. Where several requests share a 4-tuple, an answer
//! belongs to the one whose end it acknowledges, or else to the latest sent. A request is sent
//! again when it has gone unanswered for the timeout; the engine is done as soon as every request
//! has its answer, and at the latest when the last timeout has passed.
//!
//! ```
//! use tcpexposure_core::{engine::{Engine, SLOT, Step}, exchange::{Event, Exchange, Policy, Request}, time::Instant};
//! use tcpexposure_core::{craft::{Draft, Ipv4, Network}, wire::tcp::Flags};
//! let network = Network::V4(Ipv4 {
//!     source: [192, 0, 2, 1].into(),
//!     destination: [192, 0, 2, 2].into(),
//!     ..Ipv4::default()
//! });
//! let syn = Draft { network, source_port: 4000, destination_port: 80, flags: Flags::SYN, ..Draft::default() };
//! let (mut buffer, mut slot) = ([0; 100], [0; SLOT]);
//! let mut requests = [Request::new(syn.write(&mut buffer).unwrap())];
//! let mut exchange = Exchange::new(&mut requests, Policy::default());
//! assert_eq!(exchange.poll(Instant::ZERO, &mut slot), Step::Send(40));
//! let sent = exchange.poll(Instant::ZERO, &mut slot);
//! assert_eq!(sent, Step::Emit(Event::Sent { request: 0, number: 1 }));
//! ```

use core::{net::IpAddr, time::Duration};

use crate::{
    engine::{Engine, Step},
    time::Instant,
    wire::{
        packet::{Packet, Transport},
        tcp::Seq,
    },
};

/// One packet to be sent, and what became of it.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The IP packet.
    pub bytes: &'a [u8],
    key: Option<Key>,
    sent: Option<Instant>,
    attempts: u32,
    answers: u32,
    given_up: bool,
}

/// When to send again and when to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How long to wait for an answer after each sending.
    pub timeout: Duration,
    /// How often an unanswered request is sent again.
    pub retries: u32,
    /// How long to go on listening for further answers once every request has one.
    pub linger: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(1), retries: 0, linger: Duration::ZERO }
    }
}

/// What the exchange reports. Packets are named by their numbers: see [`engine`](crate::engine).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A request went out.
    Sent {
        /// Its place in the list of requests.
        request: usize,
        /// The packet's number.
        number: u64,
    },
    /// An answer came.
    Answer {
        /// The request that it answers.
        request: usize,
        /// The answer's packet number.
        number: u64,
        /// The time since the request was last sent.
        rtt: Duration,
        /// Whether it is an ICMP error, else a TCP segment.
        icmp: bool,
    },
    /// A request was sent as often as the policy says, and nothing came.
    Unanswered {
        /// Its place in the list of requests.
        request: usize,
    },
}

/// The engine. The caller lends the requests, which hold their state too.
#[derive(Debug)]
pub struct Exchange<'r, 'a> {
    requests: &'r mut [Request<'a>],
    policy: Policy,
    packets: u64,
    report: Option<Event>,
    linger: Option<Instant>,
}

/// What tells a request's answers: the mirrored addresses and ports, and the number after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    ports: Option<(u16, u16)>,
    seq: Option<Seq>,
    end: Option<Seq>,
}

impl<'a> Request<'a> {
    /// Takes an IP packet. One that cannot be read as TCP is sent all the same, and only an ICMP
    /// error that quotes its addresses can answer it.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        let key = Key::of(&Packet::from_ip(bytes));
        Self { bytes, key, sent: None, attempts: 0, answers: 0, given_up: false }
    }

    /// Tells how many answers have come.
    #[must_use]
    pub const fn answers(&self) -> u32 {
        self.answers
    }

    /// Tells how often it was sent.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    const fn settled(&self) -> bool {
        self.answers > 0 || self.given_up
    }
}

impl<'r, 'a> Exchange<'r, 'a> {
    /// Makes the engine.
    #[must_use]
    pub const fn new(requests: &'r mut [Request<'a>], policy: Policy) -> Self {
        Self { requests, policy, packets: 0, report: None, linger: None }
    }

    /// Finds the next request to be sent, for the first time or again.
    fn due(&mut self, now: Instant) -> Option<(usize, &mut Request<'a>)> {
        let timeout = self.policy.timeout;
        self.requests.iter_mut().enumerate().find(|(_, request)| {
            !request.settled() && request.sent.is_none_or(|sent| sent.after(timeout) <= now)
        })
    }

    fn send(&mut self, now: Instant, slot: &mut [u8]) -> Option<Step<Event>> {
        let limit = self.policy.retries.saturating_add(1);
        let (index, request) = self.due(now)?;
        let room = slot.get_mut(..request.bytes.len());
        let Some(room) = room.filter(|_| request.attempts < limit) else {
            request.given_up = true;
            return Some(Step::Emit(Event::Unanswered { request: index }));
        };
        room.copy_from_slice(request.bytes);
        request.sent = Some(now);
        request.attempts = request.attempts.saturating_add(1);
        let length = request.bytes.len();
        self.packets = self.packets.saturating_add(1);
        self.report = Some(Event::Sent { request: index, number: self.packets });
        Some(Step::Send(length))
    }

    /// Tells when the next request falls due.
    fn deadline(&self) -> Option<Instant> {
        let open = self.requests.iter().filter(|request| !request.settled());
        open.filter_map(|request| request.sent).min().map(|sent| sent.after(self.policy.timeout))
    }

    /// Finds the request that a packet answers, and whether the packet is an ICMP error.
    fn answered(&self, packet: &Packet<'_>) -> Option<(usize, bool)> {
        if let Transport::Icmp(message) = &packet.transport {
            let quoted = Key::of(&message.quote()?)?;
            return self.best(|key| key.quoted_by(&quoted)).map(|index| (index, true));
        }
        let answer = Key::of(packet)?;
        let ack = packet.tcp()?.header.ack();
        self.best(|key| {
            let exact = key.end == Some(ack);
            answer.mirrors(key).then_some(u8::from(exact))
        })
        .map(|index| (index, false))
    }

    /// Finds the latest of the requests that have been sent and fit best.
    fn best(&self, fit: impl Fn(&Key) -> Option<u8>) -> Option<usize> {
        let sent = self.requests.iter().enumerate().filter(|(_, request)| request.sent.is_some());
        sent.filter_map(|(index, request)| Some((fit(request.key.as_ref()?)?, index)))
            .max()
            .map(|(_, index)| index)
    }
}

impl Engine for Exchange<'_, '_> {
    type Event = Event;

    fn handle(&mut self, now: Instant, packet: &Packet<'_>) {
        self.packets = self.packets.saturating_add(1);
        let Some((index, icmp)) = self.answered(packet) else {
            return;
        };
        let Some(request) = self.requests.get_mut(index) else {
            return;
        };
        request.answers = request.answers.saturating_add(1);
        let rtt = request.sent.map_or(Duration::ZERO, |sent| now.since(sent));
        let number = self.packets;
        self.report = Some(Event::Answer { request: index, number, rtt, icmp });
    }

    fn poll(&mut self, now: Instant, slot: &mut [u8]) -> Step<Event> {
        if let Some(event) = self.report.take() {
            return Step::Emit(event);
        }
        if let Some(step) = self.send(now, slot) {
            return step;
        }
        if let Some(deadline) = self.deadline() {
            return Step::Wait(deadline);
        }
        let answered = self.requests.iter().any(|request| request.answers > 0);
        let linger = if answered { self.policy.linger } else { Duration::ZERO };
        let end = *self.linger.get_or_insert(now.after(linger));
        if end <= now { Step::Done } else { Step::Wait(end) }
    }
}

impl Key {
    fn of(packet: &Packet<'_>) -> Option<Self> {
        let (source, destination) = packet.addresses()?;
        let (seq, end) = match &packet.transport {
            Transport::Tcp(segment) => (Some(segment.header.seq()), Some(segment.end())),
            Transport::Stub(stub) => (stub.seq(), None),
            _ => (None, None),
        };
        let protocol = packet.protocol()?;
        Some(Self { source, destination, protocol, ports: packet.ports(), seq, end })
    }

    /// Tells whether this is the way back of `request`.
    fn mirrors(&self, request: &Self) -> bool {
        self.source == request.destination
            && self.destination == request.source
            && self.ports.map(|(source, destination)| (destination, source)) == request.ports
    }

    /// Tells how well an ICMP quote fits this request: addresses must, ports where the quote has
    /// them, and the sequence number tells requests of one flow apart.
    fn quoted_by(&self, quote: &Self) -> Option<u8> {
        let same = (self.source, self.destination, self.protocol)
            == (quote.source, quote.destination, quote.protocol);
        let ports = quote.ports.is_none() || quote.ports == self.ports;
        let exact = quote.seq.is_some() && quote.seq == self.seq;
        (same && ports).then_some(u8::from(exact))
    }
}
