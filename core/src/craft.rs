//! From a [`Draft`] to bytes.
//!
//! A draft holds every field of one TCP segment and its IP header. Lengths, offsets and checksums
//! are computed unless they are forced; whatever is forced goes onto the wire as it is given, right
//! or wrong. The segment is written once, into the caller's buffer.
//!
//! ```
//! use tcpexposure_core::{craft::{Draft, Ipv4, Network}, wire::{packet::Packet, tcp::Flags}};
//! let draft = Draft {
//!     network: Network::V4(Ipv4 {
//!         source: [192, 0, 2, 1].into(),
//!         destination: [198, 51, 100, 2].into(),
//!         ..Ipv4::default()
//!     }),
//!     source_port: 20001,
//!     destination_port: 34343,
//!     flags: Flags::SYN,
//!     ..Draft::default()
//! };
//! let mut buffer = [0; 64];
//! let bytes = draft.write(&mut buffer).unwrap();
//! let packet = Packet::from_ip(bytes);
//! assert_eq!(packet.checksum_ok(), Some(true));
//! assert_eq!(packet.tcp().unwrap().header.destination_port(), 34343);
//! ```

use core::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use zerocopy::{
    IntoBytes,
    byteorder::network_endian::{U16, U32},
};

use crate::wire::{
    checksum::Sum,
    ipv4, ipv6,
    packet::{self, Packet},
    protocol,
    tcp::{self, Flags, Seq},
};

/// One TCP segment with its IP header, every field of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draft<'a> {
    /// The IP header.
    pub network: Network<'a>,
    /// The source port.
    pub source_port: u16,
    /// The destination port.
    pub destination_port: u16,
    /// The sequence number.
    pub seq: Seq,
    /// The acknowledgement number, written whether or not the ACK flag is set.
    pub ack: Seq,
    /// All twelve flag and reserved bits.
    pub flags: Flags,
    /// The window, unscaled.
    pub window: u16,
    /// The urgent pointer, written whether or not the URG flag is set.
    pub urgent: u16,
    /// The option bytes as they are to stand. They are padded with zeroes to a multiple of four
    /// unless the data offset is forced.
    pub options: &'a [u8],
    /// The payload.
    pub payload: Payload<'a>,
    /// The data offset in units of four bytes, 0 to 15, or `None` for what the options take.
    pub data_offset: Option<u8>,
    /// The checksum.
    pub checksum: Checksum,
}

/// The IP header of a [`Draft`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network<'a> {
    /// IPv4.
    V4(Ipv4<'a>),
    /// IPv6.
    V6(Ipv6<'a>),
}

/// An IPv4 header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv4<'a> {
    /// The source address.
    pub source: Ipv4Addr,
    /// The destination address.
    pub destination: Ipv4Addr,
    /// The type of service octet.
    pub tos: u8,
    /// The identification.
    pub id: u16,
    /// The three flags.
    pub flags: ipv4::Flags,
    /// The fragment offset in units of eight bytes, of which the low 13 bits count.
    pub fragment_offset: u16,
    /// The time to live.
    pub ttl: u8,
    /// The protocol number.
    pub protocol: u8,
    /// The options, padded with zeroes to a multiple of four.
    pub options: &'a [u8],
    /// The version nibble.
    pub version: u8,
    /// The header length in units of four bytes, 0 to 15, or `None` for what the options take.
    pub header_length: Option<u8>,
    /// The total length, or `None` for the true one.
    pub total_length: Option<u16>,
    /// The header checksum.
    pub checksum: Checksum,
}

/// An IPv6 header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6<'a> {
    /// The source address.
    pub source: Ipv6Addr,
    /// The destination address.
    pub destination: Ipv6Addr,
    /// The traffic class.
    pub traffic_class: u8,
    /// The flow label, of which the low 20 bits count.
    pub flow_label: u32,
    /// The hop limit.
    pub hop_limit: u8,
    /// The kind of the first extension header, or TCP.
    pub next_header: u8,
    /// The extension headers as they are to stand, the last of them naming TCP.
    pub extensions: &'a [u8],
    /// The version nibble.
    pub version: u8,
    /// The payload length, or `None` for the true one.
    pub payload_length: Option<u16>,
}

/// A checksum of a [`Draft`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Checksum {
    /// The right one.
    #[default]
    Computed,
    /// A wrong one: the right one with all bits turned.
    Bad,
    /// This one.
    Forced(u16),
}

/// What a segment carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// One byte, so many times.
    Fill {
        /// The byte.
        byte: u8,
        /// How many times.
        length: usize,
    },
    /// Hexadecimal digits, two a byte; what stands before a missing digit counts.
    Hex(&'a str),
    /// Text with the escapes `\r \n \t \0 \\ \" \xNN`, without its quotes; a backslash before
    /// anything else stands for itself.
    Text(&'a str),
}

impl Default for Draft<'_> {
    fn default() -> Self {
        Self {
            network: Network::V4(Ipv4::default()),
            source_port: 0,
            destination_port: 0,
            seq: Seq(0),
            ack: Seq(0),
            flags: Flags::NONE,
            window: 65535,
            urgent: 0,
            options: &[],
            payload: Payload::default(),
            data_offset: None,
            checksum: Checksum::Computed,
        }
    }
}

impl Default for Ipv4<'_> {
    fn default() -> Self {
        Self {
            source: Ipv4Addr::UNSPECIFIED,
            destination: Ipv4Addr::UNSPECIFIED,
            tos: 0,
            id: 0,
            flags: ipv4::Flags::DF,
            fragment_offset: 0,
            ttl: 64,
            protocol: protocol::TCP,
            options: &[],
            version: 4,
            header_length: None,
            total_length: None,
            checksum: Checksum::Computed,
        }
    }
}

impl Default for Ipv6<'_> {
    fn default() -> Self {
        Self {
            source: Ipv6Addr::UNSPECIFIED,
            destination: Ipv6Addr::UNSPECIFIED,
            traffic_class: 0,
            flow_label: 0,
            hop_limit: 64,
            next_header: protocol::TCP,
            extensions: &[],
            version: 6,
            payload_length: None,
        }
    }
}

impl Default for Payload<'_> {
    fn default() -> Self {
        Self::Bytes(&[])
    }
}

/// Why a draft cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The buffer is too small.
    Buffer {
        /// The bytes needed.
        needed: usize,
        /// The bytes given.
        present: usize,
    },
    /// There are more than 40 bytes of TCP options, and the data offset is not forced.
    Options(usize),
    /// There are more than 40 bytes of IPv4 options, and the header length is not forced.
    IpOptions(usize),
    /// The data offset or header length that is forced does not fit in four bits.
    Offset(u8),
    /// The packet is longer than an IP length field can say, and that field is not forced.
    Length(usize),
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Buffer { needed, present } => {
                write!(
                    out,
                    "the packet takes {needed} bytes, the buffer has {present}"
                )
            }
            Self::Options(length) => {
                write!(
                    out,
                    "the options take {length} bytes, a TCP header holds 40"
                )
            }
            Self::IpOptions(length) => {
                write!(
                    out,
                    "the IP options take {length} bytes, an IPv4 header holds 40"
                )
            }
            Self::Offset(value) => {
                write!(
                    out,
                    "a header length of {value} words does not fit in four bits"
                )
            }
            Self::Length(length) => {
                write!(
                    out,
                    "the packet takes {length} bytes, an IP length field holds 65535"
                )
            }
        }
    }
}

impl core::error::Error for Error {}

impl<'a> Draft<'a> {
    /// Takes the fields of a packet that was read, so that writing them gives its bytes again, from
    /// the IP header to the declared end; `None` when no whole TCP header is there.
    #[must_use]
    pub fn of(packet: &Packet<'a>) -> Option<Self> {
        let segment = packet.tcp()?;
        let header = segment.header;
        Some(Self {
            network: Network::of(packet)?,
            source_port: header.source_port(),
            destination_port: header.destination_port(),
            seq: header.seq(),
            ack: header.ack(),
            flags: header.flags(),
            window: header.window(),
            urgent: header.urgent(),
            options: segment.options.bytes(),
            payload: Payload::Bytes(segment.payload),
            data_offset: u8::try_from(header.data_offset() >> 2).ok(),
            checksum: Checksum::Forced(header.checksum()),
        })
    }

    /// Tells the number of bytes that [`write`](Self::write) gives.
    #[must_use]
    pub fn length(&self) -> usize {
        self.network
            .header_length()
            .saturating_add(self.segment_length())
    }

    /// Writes the segment at the start of `buffer` and gives it back.
    ///
    /// # Errors
    /// When the buffer is too small, or something does not fit its field and is not forced.
    pub fn write<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b [u8], Error> {
        self.check()?;
        let needed = self.length();
        let present = buffer.len();
        let packet = buffer
            .get_mut(..needed)
            .ok_or(Error::Buffer { needed, present })?;
        let mut out = Out { rest: packet };
        self.network.write(&mut out, self.segment_length());
        let sum = match self.checksum {
            Checksum::Forced(_) => Sum::new(),
            _ => self.network.pseudo(self.segment_length()),
        };
        self.write_segment(out.rest, sum);
        Ok(packet)
    }

    /// Refuses what does not fit its field and is not forced.
    fn check(&self) -> Result<(), Error> {
        match self.data_offset {
            Some(offset) if offset > 15 => Err(Error::Offset(offset)),
            None if self.options.len() > 40 => Err(Error::Options(self.options.len())),
            _ => self.network.check(self.segment_length()),
        }
    }

    /// Tells the room that the options take: padded, unless the data offset is forced.
    const fn options_length(&self) -> usize {
        padded(self.options.len(), self.data_offset.is_some())
    }

    fn segment_length(&self) -> usize {
        tcp::Header::LENGTH
            .saturating_add(self.options_length())
            .saturating_add(self.payload.len())
    }

    /// Writes header, options and payload, and then the checksum over them.
    fn write_segment(&self, segment: &mut [u8], pseudo: Sum) {
        let words = (self.options_length() >> 2).wrapping_add(5).to_le_bytes()[0];
        let offset = u16::from(self.data_offset.unwrap_or(words)) << 12;
        let mut header = tcp::Header {
            source_port: U16::new(self.source_port),
            destination_port: U16::new(self.destination_port),
            seq: U32::new(self.seq.0),
            ack: U32::new(self.ack.0),
            offset_flags: U16::new(offset | self.flags.bits()),
            window: U16::new(self.window),
            checksum: U16::ZERO,
            urgent: U16::new(self.urgent),
        };
        let Some((start, rest)) = segment.split_first_chunk_mut::<{ tcp::Header::LENGTH }>() else {
            return;
        };
        let mut out = Out { rest };
        out.padded(self.options, self.options_length());
        self.payload.write(out.rest);
        header.checksum.set(match self.checksum {
            Checksum::Forced(value) => value,
            other => other.of(pseudo.feed(header.as_bytes()).feed(rest).finish()),
        });
        start.copy_from_slice(header.as_bytes());
    }
}

impl<'a> Network<'a> {
    /// Makes the IP header between two addresses; `None` when they are of two families.
    #[must_use]
    pub fn between(source: IpAddr, destination: IpAddr) -> Option<Self> {
        match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => Some(Self::V4(Ipv4 {
                source,
                destination,
                ..Ipv4::default()
            })),
            (IpAddr::V6(source), IpAddr::V6(destination)) => Some(Self::V6(Ipv6 {
                source,
                destination,
                ..Ipv6::default()
            })),
            _ => None,
        }
    }

    /// Takes the fields of the IP header that was read.
    fn of(packet: &Packet<'a>) -> Option<Self> {
        match packet.network {
            packet::Network::None => None,
            packet::Network::V4(datagram) => Some(Self::V4(Ipv4::of(&datagram))),
            packet::Network::V6(datagram) => Some(Self::V6(Ipv6::of(&datagram))),
        }
    }

    /// Tells the source address.
    #[must_use]
    pub const fn source(&self) -> IpAddr {
        match self {
            Self::V4(header) => IpAddr::V4(header.source),
            Self::V6(header) => IpAddr::V6(header.source),
        }
    }

    /// Tells the destination address.
    #[must_use]
    pub const fn destination(&self) -> IpAddr {
        match self {
            Self::V4(header) => IpAddr::V4(header.destination),
            Self::V6(header) => IpAddr::V6(header.destination),
        }
    }

    const fn header_length(&self) -> usize {
        match self {
            Self::V4(header) => header.options_length().saturating_add(ipv4::Header::LENGTH),
            Self::V6(header) => header.extensions.len().saturating_add(ipv6::Header::LENGTH),
        }
    }

    fn check(&self, segment: usize) -> Result<(), Error> {
        match self {
            Self::V4(header) => header.check(segment),
            Self::V6(header) => header.check(segment),
        }
    }

    fn write(&self, out: &mut Out<'_>, segment: usize) {
        match self {
            Self::V4(header) => header.write(out, segment),
            Self::V6(header) => header.write(out, segment),
        }
    }

    fn pseudo(&self, segment: usize) -> Sum {
        let destination = match self {
            Self::V4(header) => IpAddr::V4(header.destination),
            Self::V6(header) => IpAddr::V6(header.final_destination()),
        };
        Sum::new().pseudo(self.source(), destination, protocol::TCP, segment)
    }
}

impl<'a> Ipv4<'a> {
    fn of(datagram: &ipv4::Datagram<'a>) -> Self {
        let header = datagram.header;
        Self {
            source: header.source(),
            destination: header.destination(),
            tos: header.tos(),
            id: header.id(),
            flags: header.flags(),
            fragment_offset: header.fragment_offset(),
            ttl: header.ttl(),
            protocol: header.protocol(),
            options: datagram.options,
            version: header.version(),
            header_length: u8::try_from(header.header_length() >> 2).ok(),
            total_length: Some(header.total_length()),
            checksum: Checksum::Forced(header.checksum()),
        }
    }

    const fn options_length(&self) -> usize {
        padded(self.options.len(), self.header_length.is_some())
    }

    fn length(&self, segment: usize) -> usize {
        segment
            .saturating_add(self.options_length())
            .saturating_add(ipv4::Header::LENGTH)
    }

    fn check(&self, segment: usize) -> Result<(), Error> {
        match self.header_length {
            Some(words) if words > 15 => return Err(Error::Offset(words)),
            None if self.options.len() > 40 => return Err(Error::IpOptions(self.options.len())),
            _ => {}
        }
        let length = self.length(segment);
        if self.total_length.is_none() && length > usize::from(u16::MAX) {
            return Err(Error::Length(length));
        }
        Ok(())
    }

    fn write(&self, out: &mut Out<'_>, segment: usize) {
        let words = (self.options_length() >> 2).wrapping_add(5).to_le_bytes()[0];
        let fragment = self.fragment_offset & 0x1fff | u16::from(self.flags.bits()) << 13;
        let mut header = ipv4::Header {
            version_ihl: self.version << 4 | self.header_length.unwrap_or(words) & 0x0f,
            tos: self.tos,
            total_length: U16::new(self.total_length.unwrap_or(truncate(self.length(segment)))),
            id: U16::new(self.id),
            fragment: U16::new(fragment),
            ttl: self.ttl,
            protocol: self.protocol,
            checksum: U16::ZERO,
            source: self.source.octets(),
            destination: self.destination.octets(),
        };
        header.checksum.set(match self.checksum {
            Checksum::Forced(value) => value,
            other => other.of(Sum::new()
                .feed(header.as_bytes())
                .feed(self.options)
                .finish()),
        });
        out.bytes(header.as_bytes());
        out.padded(self.options, self.options_length());
    }
}

impl<'a> Ipv6<'a> {
    fn of(datagram: &ipv6::Datagram<'a>) -> Self {
        let header = datagram.header;
        Self {
            source: header.source(),
            destination: header.destination(),
            traffic_class: header.traffic_class(),
            flow_label: header.flow_label(),
            hop_limit: header.hop_limit(),
            next_header: header.next_header(),
            extensions: datagram.extensions,
            version: header.version(),
            payload_length: Some(header.payload_length()),
        }
    }

    fn length(&self, segment: usize) -> usize {
        segment.saturating_add(self.extensions.len())
    }

    fn check(&self, segment: usize) -> Result<(), Error> {
        let length = self.length(segment);
        if self.payload_length.is_none() && length > usize::from(u16::MAX) {
            return Err(Error::Length(length));
        }
        Ok(())
    }

    fn write(&self, out: &mut Out<'_>, segment: usize) {
        let first = u32::from(self.version) << 28
            | u32::from(self.traffic_class) << 20
            | self.flow_label & 0x000f_ffff;
        let header = ipv6::Header {
            version_class_flow: U32::new(first),
            payload_length: U16::new(
                self.payload_length
                    .unwrap_or(truncate(self.length(segment))),
            ),
            next_header: self.next_header,
            hop_limit: self.hop_limit,
            source: self.source.octets(),
            destination: self.destination.octets(),
        };
        out.bytes(header.as_bytes());
        out.bytes(self.extensions);
    }

    /// Tells the destination that the checksum counts: that of a source route, if there is one.
    fn final_destination(&self) -> Ipv6Addr {
        ipv6::Walk::new(self.next_header, self.extensions)
            .find_map(|extension| extension.routed_to())
            .unwrap_or(self.destination)
    }
}

impl Checksum {
    /// Tells what is written where `computed` is right.
    const fn of(self, computed: u16) -> u16 {
        match self {
            Self::Computed => computed,
            Self::Bad => !computed,
            Self::Forced(value) => value,
        }
    }
}

impl Payload<'_> {
    /// Tells the number of bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Fill { length, .. } => *length,
            Self::Hex(digits) => digits.len() >> 1,
            Self::Text(text) => Unescape {
                rest: text.as_bytes(),
            }
            .count(),
        }
    }

    /// Tells whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes the bytes to the start of `out`, as many as it holds.
    pub fn write(&self, out: &mut [u8]) {
        match self {
            Self::Bytes(bytes) => out
                .iter_mut()
                .zip(*bytes)
                .for_each(|(to, from)| *to = *from),
            Self::Fill { byte, length } => out.iter_mut().take(*length).for_each(|to| *to = *byte),
            Self::Hex(digits) => {
                let (pairs, _) = digits.as_bytes().as_chunks::<2>();
                let bytes = pairs.iter().map(|[a, b]| digit(*a) << 4 | digit(*b));
                out.iter_mut().zip(bytes).for_each(|(to, byte)| *to = byte);
            }
            Self::Text(text) => {
                let bytes = Unescape {
                    rest: text.as_bytes(),
                };
                out.iter_mut().zip(bytes).for_each(|(to, byte)| *to = byte);
            }
        }
    }
}

/// The bytes of a text with escapes.
struct Unescape<'a> {
    rest: &'a [u8],
}

impl Iterator for Unescape<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let (byte, rest) = match self.rest {
            [b'\\', b'x', a, b, rest @ ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => {
                (digit(*a) << 4 | digit(*b), rest)
            }
            [b'\\', b'r', rest @ ..] => (b'\r', rest),
            [b'\\', b'n', rest @ ..] => (b'\n', rest),
            [b'\\', b't', rest @ ..] => (b'\t', rest),
            [b'\\', b'0', rest @ ..] => (0, rest),
            [b'\\', byte @ (b'\\' | b'"'), rest @ ..] => (*byte, rest),
            [byte, rest @ ..] => (*byte, rest),
            [] => return None,
        };
        self.rest = rest;
        Some(byte)
    }
}

/// What is left of the buffer.
struct Out<'b> {
    rest: &'b mut [u8],
}

impl Out<'_> {
    /// Writes `bytes`; the buffer was found large enough before.
    fn bytes(&mut self, bytes: &[u8]) {
        let rest = core::mem::take(&mut self.rest);
        if let Some((to, rest)) = rest.split_at_mut_checked(bytes.len()) {
            to.copy_from_slice(bytes);
            self.rest = rest;
        }
    }

    /// Writes `bytes` and then zeroes up to `length`.
    fn padded(&mut self, bytes: &[u8], length: usize) {
        self.bytes(bytes);
        for _ in bytes.len()..length {
            self.bytes(&[0]);
        }
    }
}

/// Tells the value of a hexadecimal digit; 0 for anything else.
const fn digit(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => byte.wrapping_sub(b'0'),
        b'a'..=b'f' => byte.wrapping_sub(b'a').wrapping_add(10),
        b'A'..=b'F' => byte.wrapping_sub(b'A').wrapping_add(10),
        _ => 0,
    }
}

/// Rounds up to a multiple of four, unless the length field is forced.
const fn padded(length: usize, forced: bool) -> usize {
    if forced {
        length
    } else {
        length.saturating_add(3) & !3
    }
}

/// Cuts to the low 16 bits, which happens only where the length field is forced.
const fn truncate(length: usize) -> u16 {
    let [low, high, ..] = length.to_le_bytes();
    u16::from_le_bytes([low, high])
}
