//! The machine: connect if need be, then one copy after the other.

use core::{net::IpAddr, time::Duration};

use super::{
    compare::{Fields, differences},
    place::End,
};
use crate::{
    craft::{Draft, Network},
    engine::{Engine, SLOT, Step},
    time::Instant,
    wire::{
        icmp,
        packet::{Packet, Transport},
        tcp::{Flags, Segment, Seq},
    },
};

/// What is traced, and how.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// The highest time to live.
    pub most: u8,
    /// How often a copy is sent that nobody answers.
    pub tries: u8,
    /// How many silent hops in a row end the trace.
    pub patience: u8,
    /// Whether the packet is sent inside a connection: it is opened by a plain SYN first, and the
    /// packet's numbers are set to follow the handshake.
    pub connect: bool,
}

/// What a copy with one time to live brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hop {
    /// The time to live.
    pub ttl: u8,
    /// How often it was sent.
    pub tries: u8,
    /// What came back.
    pub reply: Reply,
    /// What the error tells besides its quote: labels of MPLS, interfaces.
    pub objects: icmp::Objects,
}

/// What came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// An ICMP error that quotes the packet.
    Quote {
        /// Who sent it.
        from: IpAddr,
        /// How many bytes it quotes, from the IP header on.
        length: usize,
        /// The fields that the quote holds.
        known: Fields,
        /// Those of them that differ from what was sent.
        changed: Fields,
    },
    /// An ICMP error that says that the packet goes no further, by its type and code.
    Refused {
        /// Who sent it.
        from: IpAddr,
        /// The type.
        kind: u8,
        /// The code.
        code: u8,
    },
    /// A segment of the target, or of a box in its name.
    Target {
        /// Its flags.
        flags: Flags,
        /// The time to live that it arrived with.
        hops: u8,
    },
    /// Nothing.
    Silence,
}

/// What a trace reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A hop has been asked.
    Hop(Hop),
    /// The connection that the packet is to be sent in could not be opened.
    Unconnected,
}

/// The engine.
#[derive(Debug)]
pub struct Trace {
    config: Config,
    /// The packet, as it was last written.
    packet: [u8; SLOT],
    length: usize,
    phase: Phase,
    ttl: u8,
    tries: u8,
    silent: u8,
    /// Who answered for the hop before, and how many more answers it may owe to copies that were
    /// sent again too early.
    owed: Option<(IpAddr, u8)>,
    pending: bool,
    deadline: Instant,
    reply: Option<Reply>,
    objects: icmp::Objects,
    event: Option<Event>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Connect,
    Greet,
    Step,
    Farewell,
    Over,
}

impl Trace {
    /// Makes the engine; `None` when the packet does not fit a slot.
    #[must_use]
    pub fn new(config: Config, draft: &Draft<'_>) -> Option<Self> {
        let mut packet = [0; SLOT];
        let length = draft.write(&mut packet).ok()?.len();
        Some(Self {
            config,
            packet,
            length,
            phase: if config.connect { Phase::Connect } else { Phase::Step },
            ttl: 1,
            tries: 0,
            silent: 0,
            owed: None,
            pending: true,
            deadline: Instant::NEVER,
            reply: None,
            objects: icmp::Objects::NONE,
            event: None,
        })
    }

    /// Ends the trace; an open connection is reset.
    pub fn interrupt(&mut self) {
        self.finish();
    }

    fn sent(&self) -> Packet<'_> {
        Packet::from_ip(self.packet.get(..self.length).unwrap_or_default())
    }

    /// Changes the packet, field by field.
    fn rewrite(&mut self, change: impl FnOnce(&mut Draft<'_>)) -> Option<()> {
        let copy = self.packet;
        let sent = Packet::from_ip(copy.get(..self.length)?);
        let right = sent.checksum_ok() == Some(true);
        let mut draft = Draft::of(&sent)?;
        if right {
            draft.checksum = crate::craft::Checksum::Computed;
        }
        if let Network::V4(header) = &mut draft.network {
            header.checksum = crate::craft::Checksum::Computed;
        }
        change(&mut draft);
        self.length = draft.write(&mut self.packet).ok()?.len();
        Some(())
    }

    /// Writes what is due.
    fn write(&mut self, slot: &mut [u8]) -> Option<usize> {
        match self.phase {
            Phase::Step => {
                let ttl = self.ttl;
                self.rewrite(|draft| set_ttl(&mut draft.network, ttl))?;
                let bytes = self.packet.get(..self.length)?;
                slot.get_mut(..self.length)?.copy_from_slice(bytes);
                Some(self.length)
            }
            Phase::Connect => self.bare(Flags::SYN, slot),
            Phase::Greet => self.bare(Flags::ACK, slot),
            Phase::Farewell => self.bare(Flags::RST.with(Flags::ACK), slot),
            Phase::Over => None,
        }
    }

    /// Writes a segment of the same connection without options and payload.
    fn bare(&self, flags: Flags, slot: &mut [u8]) -> Option<usize> {
        let sent = self.sent();
        let segment = sent.tcp()?;
        let (source, target) = sent.addresses()?;
        let syn = flags.contains(Flags::SYN);
        let draft = Draft {
            network: Network::between(source, target)?,
            source_port: segment.header.source_port(),
            destination_port: segment.header.destination_port(),
            seq: if syn { segment.header.seq().sub(1) } else { segment.header.seq() },
            ack: if syn { Seq(0) } else { segment.header.ack() },
            flags,
            options: if syn { &[2, 4, 5, 0xb4] } else { &[] },
            ..Draft::default()
        };
        draft.write(slot).ok().map(<[u8]>::len)
    }

    fn transmit(&mut self, now: Instant, slot: &mut [u8]) -> Step<Event> {
        self.pending = false;
        self.tries = self.tries.saturating_add(1);
        // Routers that limit their errors let one pass each second.
        let wait = if self.tries > 1 { SLOW } else { FAST };
        self.deadline = now.after(wait);
        let Some(length) = self.write(slot) else {
            self.phase = Phase::Over;
            return Step::Done;
        };
        match self.phase {
            Phase::Greet => self.enter(Phase::Step),
            Phase::Farewell => self.phase = Phase::Over,
            _ => {}
        }
        Step::Send(length)
    }

    fn enter(&mut self, phase: Phase) {
        (self.phase, self.tries, self.pending) = (phase, 0, true);
    }

    fn finish(&mut self) {
        match self.phase {
            Phase::Step if self.config.connect => self.enter(Phase::Farewell),
            Phase::Farewell => {}
            _ => self.phase = Phase::Over,
        }
    }

    /// Acts on an answer, or on the end of a wait.
    fn advance(&mut self, now: Instant) {
        let expired = now >= self.deadline;
        let reply = self.reply.take();
        if reply.is_none() && !expired {
            return;
        }
        match (self.phase, reply) {
            (Phase::Connect, Some(Reply::Target { flags, .. })) if flags.contains(SYN_ACK) => {
                self.enter(Phase::Greet);
            }
            (Phase::Connect, reply) => {
                if reply.is_none() && self.tries < CONNECT {
                    self.pending = true;
                } else {
                    self.event = Some(Event::Unconnected);
                    self.phase = Phase::Over;
                }
            }
            (Phase::Step, None) if self.tries < self.config.tries => self.pending = true,
            (Phase::Step, reply) => self.step(reply.unwrap_or(Reply::Silence)),
            _ => {}
        }
    }

    /// Reports a hop and goes on to the next.
    fn step(&mut self, reply: Reply) {
        let objects = core::mem::take(&mut self.objects);
        self.event = Some(Event::Hop(Hop { ttl: self.ttl, tries: self.tries, reply, objects }));
        self.silent = if reply == Reply::Silence { self.silent.saturating_add(1) } else { 0 };
        self.owed = match reply {
            Reply::Quote { from, .. } => Some((from, self.tries.saturating_sub(1))),
            _ => None,
        };
        let done = matches!(reply, Reply::Target { .. } | Reply::Refused { .. })
            || self.silent >= self.config.patience
            || self.ttl >= self.config.most;
        if done {
            self.finish();
        } else {
            self.ttl = self.ttl.saturating_add(1);
            self.enter(Phase::Step);
        }
    }

    /// Whether this is the hop before that answers once more, for a copy that was sent again while
    /// its answer was on the way. IPv4 tells the copies apart by their identification; a mark in an
    /// IPv6 packet would change its flow, or what is asked.
    fn late(&mut self, from: IpAddr) -> bool {
        match &mut self.owed {
            Some((hop, owed)) if *hop == from && *owed > 0 && from.is_ipv6() => {
                *owed = owed.saturating_sub(1);
                true
            }
            _ => false,
        }
    }

    /// Reads an ICMP error that quotes our packet.
    fn quoted(&self, from: IpAddr, message: &icmp::Message<'_>) -> Option<Reply> {
        let quote = message.quote()?;
        let sent = self.sent();
        let known = quote.ports().is_none_or(|ports| Some(ports) == sent.ports());
        if quote.addresses() != sent.addresses() || !known || self.phase != Phase::Step {
            return None;
        }
        // An answer that comes late belongs to another copy.
        let id = |packet: &Packet<'_>| match &packet.network {
            crate::wire::packet::Network::V4(datagram) => Some(datagram.header.id()),
            _ => None,
        };
        if id(&quote) != id(&sent) {
            return None;
        }
        let (kind, code) = (message.header.kind(), message.header.code());
        let expired = match message.family {
            icmp::Family::V4 => kind == 11 && code == 0,
            icmp::Family::V6 => kind == 3 && code == 0,
        };
        if !expired {
            return Some(Reply::Refused { from, kind, code });
        }
        let (known, changed) = differences(&sent, &quote);
        let length = quote.bytes.len().saturating_sub(quote.trailer.len());
        Some(Reply::Quote { from, length, known, changed })
    }

    /// Whether a segment answers nothing that was sent within the connection: a window update, as
    /// boxes send them that made the handshake.
    fn is_aside(&self, segment: &Segment<'_>) -> bool {
        let sent = self.sent();
        let Some(asked) = sent.tcp().filter(|asked| !asked.payload.is_empty()) else {
            return false;
        };
        let (flags, ack) = (segment.header.flags(), segment.header.ack());
        let tells = flags.contains(Flags::RST) || !segment.payload.is_empty();
        let behind = usize::try_from(ack.since(asked.header.seq())).unwrap_or(usize::MAX);
        self.config.connect && !tells && !(1..=asked.payload.len()).contains(&behind)
    }

    /// Takes in a segment of the target.
    fn answered(&mut self, packet: &Packet<'_>) {
        let sent = self.sent();
        let ours = packet.ports().map(|(a, b)| (b, a)) == sent.ports();
        let Some(segment) = packet.tcp().filter(|_| ours) else {
            return;
        };
        let (flags, seq, ack) =
            (segment.header.flags(), segment.header.seq(), segment.header.ack());
        let hops = match &packet.network {
            crate::wire::packet::Network::V4(datagram) => datagram.header.ttl(),
            crate::wire::packet::Network::V6(datagram) => datagram.header.hop_limit(),
            crate::wire::packet::Network::None => 0,
        };
        if self.phase == Phase::Connect && flags.contains(SYN_ACK) {
            self.rewrite(|draft| (draft.seq, draft.ack) = (ack, seq.add(1)));
        } else if self.config.connect && flags.contains(Flags::SYN) {
            return; // the SYN/ACK once more
        } else if self.phase == Phase::Step && self.is_aside(segment) {
            return;
        }
        self.reply = Some(Reply::Target { flags, hops });
    }
}

/// Sets the time to live, and an identification that goes with it.
const fn set_ttl(network: &mut Network<'_>, ttl: u8) {
    match network {
        Network::V4(header) => {
            header.ttl = ttl;
            header.id = header.id & 0xff00 | ttl as u16;
        }
        Network::V6(header) => header.hop_limit = ttl,
    }
}

impl Hop {
    /// Tells the hop, if somebody answered.
    #[must_use]
    pub const fn end(&self) -> Option<End> {
        match self.reply {
            Reply::Quote { from, .. } | Reply::Refused { from, .. } => {
                Some(End { ttl: self.ttl, address: Some(from) })
            }
            Reply::Target { .. } => Some(End { ttl: self.ttl, address: None }),
            Reply::Silence => None,
        }
    }
}

impl Engine for Trace {
    type Event = Event;

    fn handle(&mut self, _now: Instant, packet: &Packet<'_>) {
        let Some((from, to)) = packet.addresses() else {
            return;
        };
        let Some((source, target)) = self.sent().addresses() else {
            return;
        };
        if let Transport::Icmp(message) = &packet.transport {
            if let Some(reply) = self.quoted(from, message)
                && !self.late(from)
                && self.reply.is_none()
            {
                self.objects = icmp::Objects::keep(message.extensions());
                self.reply = Some(reply);
            }
        } else if (from, to) == (target, source) && packet.checksum_ok() != Some(false) {
            self.answered(packet);
        }
    }

    fn poll(&mut self, now: Instant, slot: &mut [u8]) -> Step<Event> {
        for _ in 0..STEPS {
            if let Some(event) = self.event.take() {
                return Step::Emit(event);
            }
            if self.phase == Phase::Over {
                return Step::Done;
            }
            if self.pending {
                return self.transmit(now, slot);
            }
            if self.reply.is_none() && now < self.deadline {
                return Step::Wait(self.deadline);
            }
            self.advance(now);
        }
        Step::Wait(now)
    }
}

const SYN_ACK: Flags = Flags::SYN.with(Flags::ACK);
/// The wait for the first try.
const FAST: Duration = Duration::from_millis(400);
/// The wait for further tries: routers let one error pass each second.
const SLOW: Duration = Duration::from_millis(1100);
/// How often a connection is tried.
const CONNECT: u8 = 8;
/// More steps than one packet can make a trace take.
const STEPS: u8 = 8;
