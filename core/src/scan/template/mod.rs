//! One probe as bytes, and what of it changes from target to target.
//!
//! The draft is written once. Beside its bytes stand the sums of all that stays, so that a packet
//! costs the stores of what changes and two folds; nothing that was just written is read again.
//! Forced checksums stay what they are, wrong ones stay wrong.
//!
//! What changes always: destination address and port, and the source port where there is a choice.
//! What else is [generated](crate::expression::Generator) is a function of the key, the target, the
//! [place](Shot::place) of the packet in the scan and the time, so that the same shot is the same
//! bytes, whoever asks for it and how often.
//!
//! ```
//! use tcpexposure_core::{
//!     craft::{Draft, Ipv4, Network},
//!     expression,
//!     scan::{cookie::Key, targets::Target, template::{Choice, Ports, Shot, Template, proving}},
//!     time::Instant,
//!     wire::packet::Packet,
//! };
//! let expression = expression::parse("S win 1024 <mss 1460>").unwrap();
//! let source = Ipv4 { source: [192, 0, 2, 1].into(), ..Ipv4::default() };
//! let draft = expression
//!     .draft(Draft { network: Network::V4(source), ..Draft::default() })
//!     .unwrap();
//! let choice = Choice::only(Key::of_seed(1), Ports::range(40000, 40999).unwrap());
//! let mut bytes = [0; 60];
//! let template = Template::new(&draft, &proving(&expression), choice, &mut bytes).unwrap();
//! let target = Target { address: [198, 51, 100, 2].into(), port: 80, variant: 0 };
//! let mut slot = [0; 1500];
//! let shot = Shot { target, place: 0, repeat: 0, time: Instant::ZERO };
//! let length = template.write(&mut slot, &shot).unwrap();
//! let packet = Packet::from_ip(&slot[..length]);
//! assert_eq!(packet.checksum_ok(), Some(true));
//! let header = packet.tcp().unwrap().header;
//! assert_eq!(header.destination_port(), 80);
//! assert_eq!(header.seq().0, template.cookie(&target, header.source_port()));
//! ```

use core::{fmt, net::IpAddr, time::Duration};

use zerocopy::FromBytes;

use super::{
    cookie::{Cookies, Key},
    permute::{MULTIPLIER, mix},
    targets::Target,
};
use crate::{
    craft::{self, Draft},
    expression::{Expression, Generated, Generator, MOST, Place},
    time::Instant,
    wire::tcp::{self, Flags},
};

pub use ports::Ports;

use field::{Base, Field, Layer, bare, ip_base, still};
use ports::scale;
use version::Destination;

mod field;
pub mod layout;
mod ports;
mod version;

/// What a template depends on beside its draft.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// The secret from which cookies, hashes, random values and source ports are made.
    pub key: Key,
    /// The source ports.
    pub ports: Ports,
    /// Which of several probes this is, from 0.
    pub variant: u16,
    /// How many probes there are.
    pub variants: u16,
}

/// One packet to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shot {
    /// To whom.
    pub target: Target,
    /// Its place in the order of the scan, from 0, whatever the shard.
    pub place: u64,
    /// How often the same target has been asked before.
    pub repeat: u32,
    /// When it is sent.
    pub time: Instant,
}

/// A probe, written once.
#[derive(Clone, Debug)]
pub struct Template<'b> {
    bytes: &'b [u8],
    /// The same with zeroes up to 64 bytes, where they are no more: copied without a loop.
    block: Option<&'b [u8; BLOCK]>,
    cookies: Cookies,
    choice: Choice,
    /// The secrets of source ports and of random values.
    secrets: [u64; 2],
    /// Where the TCP header begins.
    tcp: usize,
    ip_base: Option<Base>,
    tcp_base: Option<Base>,
    /// Whether the destination counts in the TCP checksum; a source route's end does instead.
    routed: bool,
    seq_is_cookie: bool,
    fields: heapless::Vec<Field, FIELDS>,
    flags: Flags,
    sequence_length: u32,
    seq: Number,
    ack: Number,
    clock: bool,
}

/// The probes of a scan by IP version; each list holds the variants in order, or nothing where no
/// target is of that version.
#[derive(Clone, Copy, Debug)]
pub struct Probes<'a> {
    /// Those for IPv4.
    pub v4: &'a [Template<'a>],
    /// Those for IPv6.
    pub v6: &'a [Template<'a>],
}

/// Why a template cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The draft cannot be written.
    Draft(craft::Error),
    /// A generated field is none that the IP version has.
    Place(Place),
    /// There are more generated fields than a template holds.
    Fields,
}

/// A number of the probe, as far as it can be told again when an answer comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    Fixed(u32),
    Cookie,
    Hash,
    Unknown,
}

/// A number that an answer is to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) value: u32,
    /// Whether only the receiver of the probe can know it.
    pub(super) secret: bool,
}

/// Adds to what an expression generates the numbers by which answers prove themselves: a cookie as
/// sequence number unless that is stated, and one as acknowledgement number, if the ACK flag is set
/// and that is not stated, which a RST then returns (RFC 9293, section 3.10.7.1).
#[must_use]
pub fn proving(expression: &Expression<'_>) -> heapless::Vec<Generated, FIELDS> {
    let mut all: heapless::Vec<Generated, FIELDS> = expression.generated.iter().copied().collect();
    let stated = |place| expression.generated.iter().any(|one| one.place == place);
    let flags = expression.flags.unwrap_or_default();
    let seq = expression.seq.is_none() && !stated(Place::Seq);
    let ack = expression.ack.is_none() && !stated(Place::Ack) && flags.contains(Flags::ACK);
    for (place, wanted) in [(Place::Seq, seq), (Place::Ack, ack)] {
        if wanted {
            // Two more than an expression holds: there is room.
            let _ = all.push(Generated { place, generator: Generator::Cookie });
        }
    }
    all
}

impl Choice {
    /// Makes the choice of a single probe.
    #[must_use]
    pub const fn only(key: Key, ports: Ports) -> Self {
        Self { key, ports, variant: 0, variants: 1 }
    }

    /// Tells how many low bits of a time stamp tell the variant.
    const fn bits(&self) -> u32 {
        u16::BITS.wrapping_sub(self.variants.saturating_sub(1).leading_zeros())
    }
}

impl<'b> Template<'b> {
    /// Writes `draft` into `buffer`, without its destination and ports. A buffer of at least 64 bytes
    /// makes short packets faster to copy.
    ///
    /// # Errors
    /// When the draft cannot be written as it is, or a field cannot be generated.
    pub fn new(
        draft: &Draft<'_>,
        generated: &[Generated],
        choice: Choice,
        buffer: &'b mut [u8],
    ) -> Result<Self, Error> {
        let still = generated.iter().fold(bare(draft), |draft, one| still(draft, one.place));
        let bytes = still.write(buffer).map_err(Error::Draft)?;
        let length = bytes.len();
        let bytes = buffer.get(..length).unwrap_or_default();
        let block = buffer.first_chunk().filter(|_| length <= BLOCK);
        let tcp = still.network.length();
        let secret = |purpose| choice.key.derive(purpose);
        let mut template = Self {
            bytes,
            block,
            cookies: Cookies::new(choice.key, still.network.source()),
            choice,
            secrets: [secret(PORTS), secret(RANDOM)],
            tcp,
            ip_base: ip_base(&draft.network, bytes),
            tcp_base: Base::of(draft.checksum, bytes, tcp.saturating_add(16)),
            routed: still.is_routed(),
            seq_is_cookie: false,
            fields: heapless::Vec::new(),
            flags: draft.flags,
            sequence_length: sequence_length(draft),
            seq: Number::Fixed(draft.seq.0),
            ack: Number::Fixed(draft.ack.0),
            clock: false,
        };
        generated.iter().try_for_each(|one| template.add(one))?;
        Ok(template)
    }

    /// Tells the packet without what changes, from the IP header on.
    #[must_use]
    pub const fn bytes(&self) -> &'b [u8] {
        self.bytes
    }

    /// Tells the cookies of the source address.
    #[must_use]
    pub const fn cookies(&self) -> &Cookies {
        &self.cookies
    }

    /// Tells what the template depends on beside its draft.
    #[must_use]
    pub const fn choice(&self) -> &Choice {
        &self.choice
    }

    /// Tells the flags.
    #[must_use]
    pub const fn flags(&self) -> Flags {
        self.flags
    }

    /// Tells the sequence space that the probe takes: payload, SYN and FIN.
    #[must_use]
    pub const fn sequence_length(&self) -> u32 {
        self.sequence_length
    }

    /// Tells whether only a receiver of the probe can answer it, because its sequence number is
    /// secret, or its acknowledgement number where a RST returns that.
    #[must_use]
    pub fn is_proving(&self) -> bool {
        let secret = |number| matches!(number, Number::Cookie | Number::Hash);
        secret(self.seq) || self.flags.contains(Flags::ACK) && secret(self.ack)
    }

    /// Tells what generates fields other than the sequence number's cookie.
    pub fn generators(&self) -> impl Iterator<Item = Generator> + use<'_, 'b> {
        self.fields.iter().map(|field| field.generator)
    }

    /// Tells the secret number that [`source_port`](Self::source_port) hashes with.
    #[must_use]
    pub const fn port_secret(&self) -> u64 {
        let [ports, _] = self.secrets;
        ports
    }

    /// Tells the source port of a target's probes.
    ///
    /// For IPv4 the hash is `h(h(secret, address), port)` and for IPv6 `h(h(h(secret, high),
    /// low), port)`, where `h(x, y) = z ^ z >> 32` with `z = (x ^ y) × MULTIPLIER` modulo 2^64; its
    /// low 32 bits [pick](Ports::pick) the port.
    #[inline(always)]
    #[must_use]
    pub fn source_port(&self, target: &Target) -> u16 {
        match target.address {
            IpAddr::V4(address) => self.port_to(address, target.port),
            IpAddr::V6(address) => self.port_to(address, target.port),
        }
    }

    #[inline(always)]
    fn port_to(&self, address: impl Destination, port: u16) -> u16 {
        if self.choice.ports.count() == 1 {
            return self.choice.ports.first();
        }
        let hash = stir(address.stir(self.port_secret()), port.into());
        self.choice.ports.pick(low(hash))
    }

    /// Tells the cookie of a target's probes from the given port.
    #[inline(always)]
    #[must_use]
    pub fn cookie(&self, target: &Target, source_port: u16) -> u32 {
        self.cookies.of(target.address, source_port, target.port)
    }

    /// Copies the packet to the start of `slot` and makes it the one of `shot`; tells its length.
    /// What stands behind it in the first 64 bytes of the slot may be lost.
    ///
    /// `None` when the slot is too small or the target is not of the IP version.
    #[inline(always)] // so that the shot stays in registers
    pub fn write(&self, slot: &mut [u8], shot: &Shot) -> Option<usize> {
        match (self.block, slot.first_chunk_mut()) {
            (Some(block), Some(start)) => *start = *block,
            _ => slot.get_mut(..self.bytes.len())?.copy_from_slice(self.bytes),
        }
        self.patch(slot, shot)
    }

    /// Makes the packet of `shot` out of one that this template wrote before; tells its length.
    ///
    /// `None` when the frame is too small or the target is not of the IP version.
    #[inline(always)] // so that the shot stays in registers
    pub fn patch(&self, frame: &mut [u8], shot: &Shot) -> Option<usize> {
        match (self.cookies.source(), shot.target.address) {
            (IpAddr::V4(_), IpAddr::V4(address)) => self.patch_to(address, frame, shot),
            (IpAddr::V6(_), IpAddr::V6(address)) => self.patch_to(address, frame, shot),
            _ => None,
        }
    }

    #[inline(always)]
    fn patch_to(&self, address: impl Destination, frame: &mut [u8], shot: &Shot) -> Option<usize> {
        let port = shot.target.port;
        let source_port = self.port_to(address, port);
        let mut sums = Sums { ip: 0, tcp: u64::from(source_port).wrapping_add(port.into()) };
        let mut cookie = 0;
        if self.seq_is_cookie || !self.fields.is_empty() {
            cookie = address.cookie(&self.cookies, source_port, port);
        }
        if !self.fields.is_empty() {
            // Copies, so that the others need no place in memory.
            sums = self.generate(frame, &Shot { ..*shot }, cookie, Sums { ..sums })?;
        }
        address.write(self, frame, &mut sums)?;
        let (header, _) = tcp::Header::mut_from_prefix(frame.get_mut(self.tcp..)?).ok()?;
        header.source_port.set(source_port);
        header.destination_port.set(port);
        if self.seq_is_cookie {
            header.seq.set(cookie);
            sums.tcp = sums.tcp.wrapping_add(cookie.into());
        }
        if let Some(base) = self.tcp_base {
            header.checksum.set(base.with(sums.tcp));
        }
        Some(self.bytes.len())
    }

    /// Writes the generated fields and adds them up.
    #[inline(never)]
    fn generate(&self, frame: &mut [u8], shot: &Shot, cookie: u32, mut sums: Sums) -> Option<Sums> {
        for field in &self.fields {
            let value = self.value(field, shot, cookie);
            match field.layer {
                Layer::Ip => sums.ip = sums.ip.wrapping_add(field.write(frame, 0, value)?),
                Layer::Tcp => {
                    sums.tcp = sums.tcp.wrapping_add(field.write(frame, self.tcp, value)?)
                }
                Layer::Word(shift, mask) => {
                    let word = frame.first_chunk_mut::<4>()?;
                    let kept = u32::from_be_bytes(*word) & !mask;
                    *word = (kept | value.wrapping_shl(shift) & mask).to_be_bytes();
                }
            }
        }
        Some(sums)
    }

    fn value(&self, field: &Field, shot: &Shot, cookie: u32) -> u32 {
        match field.generator {
            Generator::Random { low: least, high } => {
                let [_, secret] = self.secrets;
                let seed = secret ^ u64::from(shot.repeat).rotate_left(40);
                let lane = shot.place.wrapping_mul(1 << 5).wrapping_add(field.lane);
                let span = u64::from(high).saturating_sub(least.into()).saturating_add(1);
                least.wrapping_add(low(scale(low(mix(seed, lane)), span)))
            }
            Generator::Increment => low(shot.place),
            Generator::Hash => self.choice.key.address(shot.target.address),
            Generator::Cookie => cookie,
            Generator::Now if field.timestamp => self.stamp(shot.time),
            Generator::Now => low(micros(shot.time)),
        }
    }

    /// Makes the time stamp of a probe: microseconds, above the bits that tell the variant.
    fn stamp(&self, time: Instant) -> u32 {
        low(micros(time).wrapping_shl(self.choice.bits())) | u32::from(self.choice.variant)
    }

    /// Tells whether an echo is that of a time stamp of this probe, by its low bits.
    pub(super) fn is_stamp(&self, echo: u32) -> bool {
        let mask = 1_u32.wrapping_shl(self.choice.bits()).wrapping_sub(1);
        self.clock && echo & mask == u32::from(self.choice.variant)
    }

    /// Tells how long ago a time stamp was made, as far as its bits reach back; `None` when it is
    /// none of this probe's.
    pub(super) fn age(&self, now: Instant, echo: u32) -> Option<Duration> {
        if !self.is_stamp(echo) {
            return None;
        }
        let age = self.stamp(now).wrapping_sub(echo).wrapping_shr(self.choice.bits());
        Some(Duration::from_micros(age.into()))
    }

    /// Tells the probe's sequence number, if it can be told again.
    pub(super) fn expected_seq(&self, target: &Target, cookie: u32) -> Option<Expected> {
        self.expected(self.seq, target, cookie)
    }

    /// Tells the probe's acknowledgement number, if it can be told again.
    pub(super) fn expected_ack(&self, target: &Target, cookie: u32) -> Option<Expected> {
        self.expected(self.ack, target, cookie)
    }

    fn expected(&self, number: Number, target: &Target, cookie: u32) -> Option<Expected> {
        match number {
            Number::Fixed(value) => Some(Expected { value, secret: false }),
            Number::Cookie => Some(Expected { value: cookie, secret: true }),
            Number::Hash => {
                let value = self.choice.key.address(target.address);
                Some(Expected { value, secret: true })
            }
            Number::Unknown => None,
        }
    }

    fn add(&mut self, generated: &Generated) -> Result<(), Error> {
        let Generated { place, generator } = *generated;
        let number = match generator {
            Generator::Cookie => Number::Cookie,
            Generator::Hash => Number::Hash,
            _ => Number::Unknown,
        };
        match place {
            Place::Seq => self.seq = number,
            Place::Ack => self.ack = number,
            Place::Options { timestamp: true, .. } => self.clock |= generator == Generator::Now,
            _ => {}
        }
        if (place, generator) == (Place::Seq, Generator::Cookie) {
            self.seq_is_cookie = true;
            return Ok(());
        }
        let lane = u64::try_from(self.fields.len()).unwrap_or(0);
        let v4 = self.cookies.source().is_ipv4();
        let field = Field::at(place, generator, v4, lane).ok_or(Error::Place(place))?;
        self.fields.push(field).map_err(|_| Error::Fields)
    }
}

impl<'a> Probes<'a> {
    /// Finds the probe for a target.
    #[inline]
    #[must_use]
    pub fn of(&self, target: &Target) -> Option<&'a Template<'a>> {
        self.versed(target.address).get(usize::from(target.variant))
    }

    /// Tells the probes of the address's IP version.
    #[inline]
    #[must_use]
    pub const fn versed(&self, address: IpAddr) -> &'a [Template<'a>] {
        match address {
            IpAddr::V4(_) => self.v4,
            IpAddr::V6(_) => self.v6,
        }
    }
}

/// What is to be added to the sums of what stays.
struct Sums {
    ip: u64,
    tcp: u64,
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Draft(error) => error.fmt(out),
            Self::Place(_) => out.write_str("a generated field is not of the target's IP version"),
            Self::Fields => write!(out, "a probe has at most {FIELDS} generated fields"),
        }
    }
}

impl core::error::Error for Error {}

fn sequence_length(draft: &Draft<'_>) -> u32 {
    let data = u32::try_from(draft.payload.len()).unwrap_or(u32::MAX);
    let controls = [Flags::SYN, Flags::FIN].map(|flag| u32::from(draft.flags.contains(flag)));
    controls.into_iter().fold(data, u32::saturating_add)
}

/// Hashes two words into one that spreads both.
#[inline]
const fn stir(a: u64, b: u64) -> u64 {
    let product = (a ^ b).wrapping_mul(MULTIPLIER);
    product ^ product >> 32
}

#[inline]
const fn low(value: u64) -> u32 {
    let [a, b, c, d, ..] = value.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

const fn micros(time: Instant) -> u64 {
    time.as_nanos() / 1000
}

/// The most generated fields of a template: those of an expression, and the two that prove.
pub const FIELDS: usize = MOST + 2;

/// How many bytes are copied at once.
const BLOCK: usize = 64;

// The purposes of secrets.
const PORTS: u64 = 1;
const RANDOM: u64 = 2;
