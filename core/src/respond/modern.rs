//! The answers that cannot be abused.
//!
//! A SYN is answered with options of its own only: segment size, window scale, SACK-permitted and
//! timestamps where it offers them, every unknown option [transformed](transform). Window, segment
//! size and window scale are lowered as in 2011, so that what arrived is told even where the
//! SYN/ACK's options are lost; but each cause counts once, and they add up. The timestamp of an
//! answer is that of a clock (RFC 7323), except to a SYN with a timestamp echo, which is 0 in all
//! others' SYNs: there it is the echo, transformed. A FIN counts beside the data that it carries.
//!
//! ```
//! use tcpexposure_core::{respond::modern::ecn_answer, wire::tcp::Flags};
//! assert!(!ecn_answer(Flags::SYN, 0).contains(Flags::ECE)); // nobody asked
//! ```

use zerocopy::{Immutable, IntoBytes};

use super::{
    Body, Frame, Plan,
    block::Block,
    command::Command,
    http,
    report::{
        DATA_LOWERS, EXPECTED_ECHO, EXPECTED_ECHO_LOWERS, MSS, OTHER_ECHO_LOWERS, UNKNOWN_LOWERS,
        WINDOW, WINDOW_SCALE, transform,
    },
    request::Request,
    siphash::Key,
    v1::{Account, Order, Told},
};
use crate::{
    engine::SLOT,
    time::Instant,
    wire::{
        options::{Item, kind},
        packet::Network,
        tcp::{Flags, Seq},
    },
};

/// The time to live, or hop limit, of every packet.
pub const HOPS: u8 = 64;

/// How many bytes beyond the SYN/ACK an acknowledgement may be to prove the handshake. As the lower
/// half of the sequence number is no secret, one that is guessed does so with a probability of 1 in
/// some 21,800 (two epochs count), so that the expected gain of guessing stays far below 1.
pub const PROOF: u32 = 1 << 15;

/// Works out the answer.
pub(super) fn plan(request: &Request<'_>, key: &Key, now: Instant) -> Plan {
    let secret = Secret::new(request, key);
    let proven = secret.is_proven(request, now);
    let lowered = lowered(request);
    let clock = Clock::new(&secret, now, request);
    let order = request.order.filter(|_| proven);
    Plan {
        seq: if request.is_syn() {
            secret.isn(epoch(now), request.told())
        } else {
            request.header.ack()
        },
        ack: acknowledgement(request),
        flags: flags(request, order.as_ref()),
        window: WINDOW.wrapping_sub(lowered.into()),
        urgent: order.map_or(0, |order| order.urgent),
        options: match order {
            Some(order) if !order.options.is_empty() => Block::of(order.options),
            _ => options(request, lowered, &clock),
        },
        body: body(request, proven),
        room: if proven { SLOT } else { request.payload.len() },
        finish: proven && request.is_fin(),
        proven,
        frame: Frame {
            id: secret.id(request, now),
            hops: order.map(|order| order.hops).filter(|hops| *hops > 0).unwrap_or(HOPS),
            traffic_class: order.map_or(0, |order| order.traffic_class),
            dont_fragment: true,
            claimed: None,
        },
    }
}

/// Hashes the source to its place in the table of rates. Sources that have proven a handshake have
/// places apart, so that nobody can use up their share in their name; in IPv6 a source is a /64.
pub(super) fn place(request: &Request<'_>, key: &Key, proven: bool) -> u64 {
    let mut bytes = [PLACE, proven.into(), 0, 0, 0, 0, 0, 0, 0, 0];
    let source: &[u8] = match &request.network {
        Network::None => &[],
        Network::V4(datagram) => &datagram.header.source,
        Network::V6(datagram) => datagram.header.source.first_chunk::<8>().unwrap_or(&[0; 8]),
    };
    for (to, from) in bytes.iter_mut().skip(2).zip(source) {
        *to = *from;
    }
    key.hash(&bytes)
}

/// Tells the epoch: about 275 seconds. A handshake holds for the epoch of its SYN and the next.
const fn epoch(now: Instant) -> u64 {
    now.as_nanos() >> 38
}

/// Works out the flags beside ACK: those that are ordered; in a SYN/ACK those of ECN.
fn flags(request: &Request<'_>, order: Option<&Order<'_>>) -> Flags {
    if !request.is_syn() {
        return order.map_or(Flags::NONE, |order| order.flags.without(Flags::SYN.with(Flags::RST)));
    }
    ecn_answer(request.header.flags(), request.told().ecn())
}

/// Tells the flags of a SYN/ACK that answer ECN and Accurate ECN on a SYN with these flags and this
/// ECN field in its IP header (RFC 3168, section 6.1.1; RFC 9768, table 2).
#[must_use]
pub fn ecn_answer(flags: Flags, field: u8) -> Flags {
    let (ae, cwr, ece) = (Flags::AE, Flags::CWR, Flags::ECE);
    if flags.contains(ae.with(cwr).with(ece)) {
        let told = [cwr, cwr.with(ece), ae, ae.with(cwr)];
        return told.get(usize::from(field)).copied().unwrap_or(Flags::NONE);
    }
    let classic = flags.contains(cwr.with(ece)) && !flags.contains(ae);
    if classic { ece } else { Flags::NONE }
}

fn acknowledgement(request: &Request<'_>) -> Seq {
    let seq = request.header.seq();
    if request.command == Command::Duplicate {
        return seq;
    }
    match (request.is_syn(), request.wants_data_acknowledged()) {
        (true, true) => seq.add(1).add(request.length()),
        (true, false) => seq.add(1),
        (false, _) => seq.add(request.length()).add(request.is_fin().into()),
    }
}

fn body(request: &Request<'_>, proven: bool) -> Body {
    match request.command {
        _ if proven && request.order.is_some() => Body::Ordered,
        Command::Page if proven => Body::Page(http::MODERN_PAGE),
        command if command.wants_report() && (proven || request.is_syn()) => {
            Body::Report { http: request.http || command == Command::ReportHttp }
        }
        _ => Body::Nothing,
    }
}

/// Works out by how much a SYN/ACK lowers its numbers.
fn lowered(request: &Request<'_>) -> u8 {
    if !request.is_syn() {
        return 0;
    }
    let data = if request.payload.is_empty() { 0 } else { DATA_LOWERS };
    let options = request.options.iter().map(|item| match Answer::to(item) {
        Answer::Unknown { .. } => UNKNOWN_LOWERS,
        Answer::Timestamps { echo, .. } => match echo {
            0 => 0,
            EXPECTED_ECHO => EXPECTED_ECHO_LOWERS,
            _ => OTHER_ECHO_LOWERS,
        },
        _ => 0,
    });
    options.fold(data, |sum, lower| sum | lower)
}

/// Answers option by option, each by one of its own length or not at all.
fn options(request: &Request<'_>, lowered: u8, clock: &Clock<'_>) -> Block {
    let mut block = Block::new();
    for item in request.options.iter() {
        match Answer::to(item) {
            Answer::Handshake(kind) if request.is_syn() => match kind {
                kind::MAXIMUM_SEGMENT_SIZE => {
                    block.push(kind, &MSS.wrapping_sub(lowered.into()).to_be_bytes());
                }
                kind::WINDOW_SCALE => block.push(kind, &[WINDOW_SCALE.saturating_sub(lowered)]),
                other => block.push(other, &[]),
            },
            Answer::Timestamps { value, echo } => {
                let ours =
                    if request.is_syn() && echo != 0 { transformed(echo) } else { clock.read() };
                block.timestamps(ours, value.wrapping_sub(clock.error));
            }
            Answer::Unknown { kind, data } if Account::is_asked(kind, data) => {
                let account = request.account().data();
                block.push(kind, account.get(..data.len()).unwrap_or(&account));
            }
            Answer::Unknown { kind, data } if !data.is_empty() => {
                let data: heapless::Vec<u8, 40> = transform(kind, data).take(40).collect();
                block.push(kind, &data);
            }
            _ => {}
        }
    }
    block.align();
    block
}

/// Transforms a timestamp echo as the content of an option of four bytes.
fn transformed(echo: u32) -> u32 {
    let bytes = echo.to_be_bytes();
    let bytes = transform(kind::TIMESTAMPS, &bytes);
    bytes.fold(0, |sum, byte| sum << 8 | u32::from(byte))
}

/// How an option of the request is answered.
enum Answer<'a> {
    Nothing,
    /// By our own value, in a SYN/ACK.
    Handshake(u8),
    Timestamps {
        value: u32,
        echo: u32,
    },
    Unknown {
        kind: u8,
        data: &'a [u8],
    },
}

impl<'a> Answer<'a> {
    fn to(item: Item<'a>) -> Self {
        let Item::Option { kind, data } = item else {
            return Self::Nothing;
        };
        match (kind, data) {
            (kind::MAXIMUM_SEGMENT_SIZE, [_, _])
            | (kind::WINDOW_SCALE, [_])
            | (kind::SACK_PERMITTED, []) => Self::Handshake(kind),
            (kind::TIMESTAMPS, &[a, b, c, d, e, f, g, h]) => Self::Timestamps {
                value: u32::from_be_bytes([a, b, c, d]),
                echo: u32::from_be_bytes([e, f, g, h]),
            },
            (
                kind::MAXIMUM_SEGMENT_SIZE
                | kind::WINDOW_SCALE
                | kind::SACK_PERMITTED
                | kind::SACK
                | kind::TIMESTAMPS,
                _,
            ) => Self::Nothing,
            _ => Self::Unknown { kind, data },
        }
    }
}

/// Our timestamps: milliseconds from a start that differs by connection (RFC 7323, section 5.4),
/// and by how much the echo is to be wrong.
struct Clock<'s> {
    secret: &'s Secret<'s>,
    now: Instant,
    error: u32,
}

impl<'s> Clock<'s> {
    fn new(secret: &'s Secret<'s>, now: Instant, request: &Request<'_>) -> Self {
        let wrong = request.command == Command::ReportWrongEcho;
        Self { secret, now, error: wrong.into() }
    }

    fn read(&self) -> u32 {
        let start = low(self.secret.hash(CLOCK, 0));
        low(self.now.as_nanos() / 1_000_000).wrapping_add(start)
    }
}

/// What hashes to secret numbers of one connection.
struct Secret<'k> {
    key: &'k Key,
    connection: u64,
}

/// What a connection is known by; IPv4 addresses are mapped to IPv6.
#[derive(IntoBytes, Immutable)]
#[repr(C)]
struct Ends {
    source: [u8; 16],
    destination: [u8; 16],
    ports: [[u8; 2]; 2],
}

/// What is hashed for one number of a connection.
#[derive(IntoBytes, Immutable)]
#[repr(C)]
struct Question {
    connection: [u8; 8],
    number: [u8; 8],
    purpose: u8,
}

impl<'k> Secret<'k> {
    fn new(request: &Request<'_>, key: &'k Key) -> Self {
        let (source, destination) = match &request.network {
            Network::None => ([0; 16], [0; 16]),
            Network::V4(datagram) => (
                datagram.header.source().to_ipv6_mapped().octets(),
                datagram.header.destination().to_ipv6_mapped().octets(),
            ),
            Network::V6(datagram) => (datagram.header.source, datagram.header.destination),
        };
        let ends = Ends {
            source,
            destination,
            ports: [
                request.header.source_port().to_be_bytes(),
                request.header.destination_port().to_be_bytes(),
            ],
        };
        Self { key, connection: key.hash(ends.as_bytes()) }
    }

    fn hash(&self, purpose: u8, number: u64) -> u64 {
        let question = Question {
            connection: self.connection.to_be_bytes(),
            number: number.to_be_bytes(),
            purpose,
        };
        self.key.hash(question.as_bytes())
    }

    /// Works out a sequence number whose lower half tells of the SYN.
    fn isn(&self, epoch: u64, told: Told) -> Seq {
        Seq(low(self.hash(ISN, epoch)) & 0xffff_0000 | u32::from(told.0))
    }

    /// Tells whether the sender has seen our SYN/ACK of this epoch or the one before.
    fn is_proven(&self, request: &Request<'_>, now: Instant) -> bool {
        let epoch = epoch(now);
        let ack = request.header.ack();
        let fits =
            |epoch| ack.since(self.isn(epoch, Told(0)).add(1)) < PROOF.saturating_add(0xffff);
        request.acknowledges() && !request.is_syn() && (fits(epoch) || fits(epoch.wrapping_sub(1)))
    }

    fn id(&self, request: &Request<'_>, now: Instant) -> u16 {
        let number = now.as_nanos() ^ u64::from(request.header.checksum()) << 48;
        let [a, b, ..] = self.hash(ID, number).to_le_bytes();
        u16::from_le_bytes([a, b])
    }
}

/// Tells the low 32 bits.
const fn low(number: u64) -> u32 {
    let [a, b, c, d, ..] = number.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// The purposes of hashes, so that none gives away another.
const ISN: u8 = 1;
const CLOCK: u8 = 2;
const ID: u8 = 3;
const PLACE: u8 = 4;
