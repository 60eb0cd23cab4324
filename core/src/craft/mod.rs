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

use core::fmt;

use zerocopy::{
    IntoBytes,
    byteorder::network_endian::{U16, U32},
};

use crate::wire::{
    checksum::Sum,
    ipv4,
    packet::Packet,
    tcp::{self, Flags, Seq},
};

mod network;
mod payload;

pub use network::{Ipv4, Ipv6, Network};
pub use payload::Payload;

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

/// A checksum of a [`Draft`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Checksum {
    /// The right one.
    #[default]
    Computed,
    /// A wrong one: the right one with all bits turned, or 1 where that would be right too (0 and
    /// 0xffff are the same number in this arithmetic, RFC 1071).
    Bad,
    /// This one.
    Forced(u16),
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
                write!(out, "the packet takes {needed} bytes, the buffer has {present}")
            }
            Self::Options(length) => {
                write!(out, "the options take {length} bytes, a TCP header holds 40")
            }
            Self::IpOptions(length) => {
                write!(out, "the IP options take {length} bytes, an IPv4 header holds 40")
            }
            Self::Offset(value) => {
                write!(out, "a header length of {value} words does not fit in four bits")
            }
            Self::Length(length) => {
                write!(out, "the packet takes {length} bytes, an IP length field holds 65535")
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
        self.network.length().saturating_add(self.segment_length())
    }

    /// Tells whether a source route in the IP header names another destination than the header
    /// itself, which the checksum counts then (RFC 8200, section 8.1; RFC 791, section 3.1).
    #[must_use]
    pub fn is_routed(&self) -> bool {
        match &self.network {
            Network::V4(header) => ipv4::routed_to(header.options).is_some(),
            Network::V6(header) => header.routed_to().is_some(),
        }
    }

    /// Writes the segment at the start of `buffer` and gives it back.
    ///
    /// # Errors
    /// When the buffer is too small, or something does not fit its field and is not forced.
    pub fn write<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b [u8], Error> {
        self.check()?;
        let needed = self.length();
        let present = buffer.len();
        let packet = buffer.get_mut(..needed).ok_or(Error::Buffer { needed, present })?;
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
        tcp::Header::LENGTH.saturating_add(self.options_length()).saturating_add(self.payload.len())
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

impl Checksum {
    /// Tells what is written where `computed` is right.
    const fn of(self, computed: u16) -> u16 {
        match self {
            Self::Computed => computed,
            Self::Bad if computed == 0 || computed == u16::MAX => 1,
            Self::Bad => !computed,
            Self::Forced(value) => value,
        }
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

/// Rounds up to a multiple of four, unless the length field is forced.
const fn padded(length: usize, forced: bool) -> usize {
    if forced { length } else { length.saturating_add(3) & !3 }
}
