//! The stateless responder: one packet in, its answers out, nothing kept of the peer.
//!
//! Every answer is computed from the one packet that it answers, so that the initiator learns what
//! arrived from what comes back: the acknowledgement number is this segment's end and never
//! cumulative, options are answered one by one, and a [command](command::Command) in the payload
//! asks for a [`report`] of the headers as they were received and as they are sent.
//!
//! Two dialects share the machine. [`Dialect::Classic`] answers byte for byte as the TCPExposure of
//! 2011 did, so that its initiators work against it unchanged. It amplifies, and it answers anyone.
//! [`Dialect::Modern`] does neither:
//!
//! * the upper half of its sequence number is a keyed hash of addresses, ports and epoch
//!   ([`modern`]), the lower half tells what the SYN was like ([`v1::Told`]), and only an
//!   acknowledgement that proves knowledge of it earns more than was received: a report, or the
//!   second packet that answers a FIN;
//! * every other answer has at most the bytes of its request, counted from the IP header. This
//!   needs no accounting: each option is answered by one of its own length or not at all, and a
//!   SYN's payload by at most as many bytes;
//! * unknown options are answered [transformed](report::transform), never copied, so that a box
//!   which mirrors options is seen;
//! * a segment whose checksum is wrong gets no answer, unless it has an [order](v1::Order) and
//!   proves a handshake; nor does a SYN/ACK (two responders would
//!   answer each other's for ever).
//!
//! Both limit the [rate] of answers per source in a table of fixed size, count what they did, and
//! never answer a RST, a fragment, or a packet with a [fault](crate::fault).
//!
//! In IPv6 the report holds the IPv6 header and its extension headers where IPv4 has its header and
//! options, and data is answered by 572 bytes instead of 552, for the header is 20 bytes longer.
//!
//! ```
//! use tcpexposure_core::{
//!     craft::{Draft, Ipv4, Network},
//!     engine::{Engine, SLOT, Step},
//!     respond::{Config, Ports, Responder, siphash::Key},
//!     time::Instant,
//!     wire::{packet::Packet, tcp::Flags},
//! };
//! let network = Network::V4(Ipv4 {
//!     source: [192, 0, 2, 1].into(),
//!     destination: [192, 0, 2, 2].into(),
//!     ..Ipv4::default()
//! });
//! let syn = Draft { network, source_port: 4000, destination_port: 80, flags: Flags::SYN, ..Draft::default() };
//! let (mut buffer, mut slot) = ([0; 100], [0; SLOT]);
//! let mut responder = Responder::new(Config::modern(Ports::new(&[80]).unwrap(), Key::new([7; 16])));
//! responder.handle(Instant::ZERO, &Packet::from_ip(syn.write(&mut buffer).unwrap()));
//! let Step::Send(length) = responder.poll(Instant::ZERO, &mut slot) else { panic!() };
//! let answer = Packet::from_ip(&slot[..length]);
//! let flags = answer.tcp().unwrap().header.flags();
//! assert!(flags.contains(Flags::SYN) && flags.contains(Flags::ACK));
//! ```

use core::convert::Infallible;

use crate::{
    engine::{Engine, Step},
    time::Instant,
    wire::{
        packet::{Network, Packet},
        tcp::{Flags, Seq},
    },
};

pub mod classic;
pub mod command;
pub mod modern;
pub mod rate;
pub mod report;
pub mod siphash;
pub mod v1;

mod block;
mod http;
mod reply;
mod request;

use block::Block;
use rate::{Rate, Table};
use reply::Reply;
use request::Request;
use siphash::Key;

/// Which answers a responder gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Those of 2011, byte for byte.
    ///
    /// They amplify up to 12.5 times, and a forged packet can make two such responders answer each
    /// other's SYN/ACKs or FINs without end: for a closed lab, or with a [rate](Config::rate).
    Classic,
    /// Those that cannot be abused.
    Modern,
}

/// The ports that are answered, at most [`Ports::MAX`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ports(heapless::Vec<u16, { Self::MAX }>);

/// What a responder is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Which answers it gives.
    pub dialect: Dialect,
    /// The ports that it serves.
    pub ports: Ports,
    /// The secret from which sequence numbers, timestamps and table places are hashed. Take 16
    /// random bytes. All machines that answer for one address must share it.
    pub key: Key,
    /// How many answers each source gets, or `None` for no limit.
    pub rate: Option<Rate>,
}

/// What a responder has seen and done, in packets and in bytes from the IP header on.
///
/// What was received and is in no other count had no answer due: a RST, a pure acknowledgement, a
/// last hop in the classic dialect, a SYN/ACK in the modern one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets to one of the ports.
    pub received: u64,
    /// Packets that were answered.
    pub answered: u64,
    /// Packets that went unanswered because their source had had its share.
    pub refused: u64,
    /// Packets that went unanswered because they are faulty, a fragment, or from or to an address
    /// that nobody can answer.
    pub malformed: u64,
    /// Packets that went unanswered because their TCP checksum is wrong (modern only).
    pub bad_checksum: u64,
    /// Packets other than SYNs whose acknowledgement proved no handshake, so that they got at most
    /// as much as they brought (modern only).
    pub unproven: u64,
    /// Packets sent.
    pub sent: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
}

/// The engine. It is never done, reports nothing, and waits for packets only.
///
/// A packet that comes before the answers to the one before were polled replaces them; the
/// [contract](crate::engine) of the driver rules that out.
#[derive(Debug)]
pub struct Responder {
    config: Config,
    counters: Counters,
    table: Table,
    reply: Reply,
}

impl Ports {
    /// How many ports there can be.
    pub const MAX: usize = 16;

    /// Takes the ports; `None` when there are too many.
    #[must_use]
    pub fn new(ports: &[u16]) -> Option<Self> {
        heapless::Vec::from_slice(ports).ok().map(Self)
    }

    /// Tells the ports.
    #[must_use]
    pub fn as_slice(&self) -> &[u16] {
        &self.0
    }

    /// Tells whether `port` is among them.
    #[must_use]
    pub fn contains(&self, port: u16) -> bool {
        self.0.contains(&port)
    }
}

impl Config {
    /// Answers as in 2011, without limit. The key counts only if a limit is set.
    #[must_use]
    pub const fn classic(ports: Ports) -> Self {
        Self { dialect: Dialect::Classic, ports, key: Key::new([0; 16]), rate: None }
    }

    /// Answers in the modern dialect with the [default rate](Rate::default).
    #[must_use]
    pub const fn modern(ports: Ports, key: Key) -> Self {
        Self { dialect: Dialect::Modern, ports, key, rate: Some(Rate::DEFAULT) }
    }
}

impl Responder {
    /// Makes the engine. It takes about 20 KiB, all of it inline, and never more.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { config, counters: Counters::default(), table: Table::new(), reply: Reply::new() }
    }

    /// Tells what it was told to do.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Tells what it has done.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Tells whether a packet is for us, counting it.
    fn takes(&mut self, packet: &Packet<'_>) -> bool {
        let ours = packet.ports().is_some_and(|(_, port)| self.config.ports.contains(port));
        if ours {
            self.counters.received = self.counters.received.wrapping_add(1);
            let length = request::ip_length(packet);
            self.counters.bytes_in = self.counters.bytes_in.wrapping_add(length);
        }
        ours
    }

    /// Tells whether the rules of the dialect ask for an answer.
    fn admits(&mut self, request: &Request<'_>) -> bool {
        let due = !request.header.flags().contains(Flags::RST)
            && (!request.payload.is_empty() || request.is_syn() || request.is_fin());
        match self.config.dialect {
            Dialect::Classic => due && request.hops() != 1,
            Dialect::Modern if request.is_wrong() && request.order.is_none() => {
                self.counters.bad_checksum = self.counters.bad_checksum.wrapping_add(1);
                false
            }
            Dialect::Modern => {
                (due || request.asks_account()) && !(request.is_syn() && request.acknowledges())
            }
        }
    }

    fn answer(&mut self, now: Instant, request: &Request<'_>) {
        let plan = match self.config.dialect {
            Dialect::Classic => classic::plan(request),
            Dialect::Modern => modern::plan(request, &self.config.key, now),
        };
        if request.is_wrong() && !plan.proven {
            self.counters.bad_checksum = self.counters.bad_checksum.wrapping_add(1);
            return;
        }
        if !request.is_syn() && !plan.proven {
            self.counters.unproven = self.counters.unproven.wrapping_add(1);
        }
        if let Some(rate) = self.config.rate {
            let place = modern::place(request, &self.config.key, plan.proven);
            if !self.table.admit(now, rate, place) {
                self.counters.refused = self.counters.refused.wrapping_add(1);
                return;
            }
        }
        self.counters.answered = self.counters.answered.wrapping_add(1);
        self.reply.load(request, &plan);
    }
}

impl Engine for Responder {
    type Event = Infallible;

    fn handle(&mut self, now: Instant, packet: &Packet<'_>) {
        self.reply.clear();
        if !self.takes(packet) {
            return;
        }
        let Some(request) = Request::of(packet) else {
            self.counters.malformed = self.counters.malformed.wrapping_add(1);
            return;
        };
        if self.admits(&request) {
            self.answer(now, &request);
        }
    }

    fn poll(&mut self, _now: Instant, slot: &mut [u8]) -> Step<Infallible> {
        let Some(length) = self.reply.next(slot) else {
            return Step::Wait(Instant::NEVER);
        };
        self.counters.sent = self.counters.sent.wrapping_add(1);
        let bytes = u64::try_from(length).unwrap_or(u64::MAX);
        self.counters.bytes_out = self.counters.bytes_out.wrapping_add(bytes);
        Step::Send(length)
    }
}

/// What is to be answered, as a dialect has worked it out.
struct Plan {
    seq: Seq,
    ack: Seq,
    /// The flags beside ACK, and SYN where the request has it.
    flags: Flags,
    window: u16,
    urgent: u16,
    options: Block,
    body: Body,
    /// The most bytes of payload.
    room: usize,
    /// Whether a second packet with FIN follows.
    finish: bool,
    /// Whether the source is known to receive what is sent to it; always so in the classic dialect.
    proven: bool,
    frame: Frame,
}

/// What an answer carries.
#[derive(Clone, Copy)]
enum Body {
    Nothing,
    /// A report, which is an HTTP response or not.
    Report {
        http: bool,
    },
    /// What the request's order asks for.
    Ordered,
    /// These bytes.
    Page(&'static [u8]),
}

/// The fields of an answer's IP header that are not the request's.
#[derive(Clone, Copy)]
struct Frame {
    id: u16,
    hops: u8,
    traffic_class: u8,
    dont_fragment: bool,
    /// The segment length (header and payload) that the header within a report claims, or `None`
    /// for the true one.
    claimed: Option<u16>,
}

/// Tells whether nobody can be answered who uses this address.
fn is_nobody(packet: &Packet<'_>) -> bool {
    match &packet.network {
        Network::None => true,
        Network::V4(datagram) => {
            let ends = [datagram.header.source(), datagram.header.destination()];
            ends.iter().any(|end| end.is_multicast() || end.is_broadcast() || end.is_unspecified())
        }
        Network::V6(datagram) => {
            let ends = [datagram.header.source(), datagram.header.destination()];
            ends.iter().any(|end| end.is_multicast() || end.is_unspecified())
        }
    }
}
