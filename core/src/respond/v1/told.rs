//! What a SYN/ACK tells of the SYN that it answers.

use byteorder::{BigEndian, ByteOrder as _};

use crate::{
    respond::siphash::Key,
    wire::{
        options::{View, kind},
        packet::Network,
        tcp::{Flags, Segment, Seq},
    },
};

/// What the low half of a SYN/ACK's sequence number tells.
///
/// ```text
///  reserved (3) | AE | CWR | ECE | URG | PSH | FIN | ECN field (2) | hash of the rest (5)
/// ```
///
/// The rest is hashed with a key that everyone knows: option bytes, window, urgent pointer,
/// acknowledgement number, traffic class and payload length. Who knows what was sent can tell
/// whether it arrived so (wrongly in one of 32 cases), and try what else may have arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Told(pub u16);

/// The option kind by which a SYN asks for an account: an experiment (RFC 6994).
pub const ACCOUNT: u8 = kind::EXPERIMENT_1;

/// Tells the experiment identifier of an account.
#[must_use]
pub const fn exid() -> [u8; 2] {
    *b"tc"
}

/// All that a SYN/ACK tells of the SYN in an option, as far as the option's length reaches.
///
/// ```text
///  "tc" (2) | 0x81 (1) | flags (2) | hash of the options (2) | traffic class (1) | window (2)
///  segment size, or 0 (2) | urgent pointer (2) | payload length (2) | hops (1) | scale, or 255 (1)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Flags and reserved bits.
    pub flags: Flags,
    /// The [hash](Self::hash) of the option bytes.
    pub options: u16,
    /// The type of service octet or traffic class.
    pub traffic_class: u8,
    /// The window.
    pub window: u16,
    /// The maximum segment size, or 0 if there was none.
    pub mss: u16,
    /// The urgent pointer.
    pub urgent: u16,
    /// The payload's length.
    pub length: u16,
    /// The time to live or hop limit.
    pub hops: u8,
    /// The window scale, or 255 if there was none.
    pub scale: u8,
}

impl Told {
    /// Takes the low half of a sequence number.
    #[must_use]
    pub fn of_seq(seq: Seq) -> Self {
        let [_, _, a, b] = seq.0.to_be_bytes();
        Self(u16::from_be_bytes([a, b]))
    }

    /// Works out what is to be told of a SYN.
    #[must_use]
    pub fn of(network: &Network<'_>, syn: &Segment<'_>) -> Self {
        let bits = syn.header.flags().bits();
        // The upper seven are reserved bits, AE, CWR, ECE and URG without ACK; then PSH and FIN.
        let upper = (bits >> 5) << 2;
        let lower = (bits >> 2) & 2 | bits & 1;
        let class = traffic_class(network);
        let ecn = u16::from(class & 3);
        Self((upper | lower) << 7 | ecn << 5 | u16::from(rest(class, syn)))
    }

    /// Tells the flags and reserved bits of the SYN, but for ACK and RST.
    #[must_use]
    pub const fn flags(self) -> Flags {
        let bits = self.0 >> 7;
        Flags::from_bits((bits >> 2) << 5 | (bits & 2) << 2 | bits & 1 | Flags::SYN.bits())
    }

    /// Tells the ECN field of the SYN's IP header.
    #[must_use]
    pub const fn ecn(self) -> u8 {
        (self.0 >> 5 & 3) as u8
    }
}

impl Account {
    /// The bytes of data in the option when nothing is cut off.
    pub const LENGTH: usize = 18;
    /// What the request's third byte is.
    pub const ASKS: u8 = 0x01;
    /// What the answer's third byte is.
    pub const TELLS: u8 = 0x81;

    /// Tells whether an option asks for an account.
    #[must_use]
    pub fn is_asked(kind: u8, data: &[u8]) -> bool {
        kind == ACCOUNT && matches!(data, [b't', b'c', Self::ASKS, _, ..])
    }

    /// Works out the account of a SYN.
    #[must_use]
    pub fn of(network: &Network<'_>, syn: &Segment<'_>) -> Self {
        let mut account = Self {
            flags: syn.header.flags(),
            options: Self::hash(syn.options.bytes()),
            traffic_class: traffic_class(network),
            window: syn.header.window(),
            mss: 0,
            urgent: syn.header.urgent(),
            length: u16::try_from(syn.payload.len()).unwrap_or(u16::MAX),
            hops: hops(network),
            scale: u8::MAX,
        };
        for item in syn.options {
            match item.view() {
                View::MaximumSegmentSize(mss) => account.mss = mss,
                View::WindowScale(scale) => account.scale = scale,
                _ => {}
            }
        }
        account
    }

    /// Hashes option bytes, with a key that everyone knows.
    #[must_use]
    pub fn hash(options: &[u8]) -> u16 {
        let [a, b, ..] = OPEN.hash(options).to_le_bytes();
        u16::from_le_bytes([a, b])
    }

    /// Writes the option's data.
    #[must_use]
    pub fn data(&self) -> [u8; Self::LENGTH] {
        let [f, g] = self.flags.bits().to_be_bytes();
        let [o, p] = self.options.to_be_bytes();
        let [w, x] = self.window.to_be_bytes();
        let [m, n] = self.mss.to_be_bytes();
        let [u, v] = self.urgent.to_be_bytes();
        let [l, k] = self.length.to_be_bytes();
        let [t, c] = exid();
        let class = self.traffic_class;
        [t, c, Self::TELLS, f, g, o, p, class, w, x, m, n, u, v, l, k, self.hops, self.scale]
    }

    /// Reads the option's data; `None` unless all of it is there.
    #[must_use]
    pub fn parse(kind: u8, data: &[u8]) -> Option<Self> {
        let data: &[u8; Self::LENGTH] = data.first_chunk().filter(|_| kind == ACCOUNT)?;
        let &[b't', b'c', Self::TELLS, f, g, o, p, class, w, x, m, n, u, v, l, k, hops, scale] =
            data
        else {
            return None;
        };
        Some(Self {
            flags: Flags::from_bits(u16::from_be_bytes([f, g])),
            options: u16::from_be_bytes([o, p]),
            traffic_class: class,
            window: u16::from_be_bytes([w, x]),
            mss: u16::from_be_bytes([m, n]),
            urgent: u16::from_be_bytes([u, v]),
            length: u16::from_be_bytes([l, k]),
            hops,
            scale,
        })
    }
}

/// Tells five bits of what else a SYN had.
fn rest(class: u8, syn: &Segment<'_>) -> u8 {
    let mut bytes = [0; 13];
    let length = u32::try_from(syn.payload.len()).unwrap_or(u32::MAX);
    BigEndian::write_u16(&mut bytes, syn.header.window());
    for (to, from) in bytes.iter_mut().skip(2).zip(
        syn.header
            .urgent()
            .to_be_bytes()
            .into_iter()
            .chain(syn.header.ack().0.to_be_bytes())
            .chain(length.to_be_bytes())
            .chain([class >> 2]),
    ) {
        *to = from;
    }
    let hash = OPEN.hash(&bytes) ^ OPEN.hash(syn.options.bytes());
    hash.to_le_bytes()[0] & 0x1f
}

fn traffic_class(network: &Network<'_>) -> u8 {
    match network {
        Network::None => 0,
        Network::V4(datagram) => datagram.header.tos(),
        Network::V6(datagram) => datagram.header.traffic_class(),
    }
}

fn hops(network: &Network<'_>) -> u8 {
    match network {
        Network::None => 0,
        Network::V4(datagram) => datagram.header.ttl(),
        Network::V6(datagram) => datagram.header.hop_limit(),
    }
}

/// The key that everyone knows.
const OPEN: Key = Key::new(*b"tcpexposure told");
