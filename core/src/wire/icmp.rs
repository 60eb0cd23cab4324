//! ICMP (RFC 792) and ICMPv6 (RFC 4443): the header, and the datagram that an error quotes.

use zerocopy::{
    FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned,
    byteorder::network_endian::{U16, U32},
};

use super::packet::{Offload, Packet, Start};

/// The eight bytes that all errors of both protocols begin with.
///
/// ```text
///  type (1) | code (1) | checksum (2) | rest of header (4)
/// ```
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct Header {
    kind: u8,
    code: u8,
    checksum: U16,
    rest: U32,
}

impl Header {
    /// The header's size in bytes.
    pub const LENGTH: usize = 8;

    /// Tells the type.
    #[inline]
    #[must_use]
    pub const fn kind(&self) -> u8 {
        self.kind
    }

    /// Tells the code.
    #[inline]
    #[must_use]
    pub const fn code(&self) -> u8 {
        self.code
    }

    /// Tells the checksum as it stands.
    #[inline]
    #[must_use]
    pub fn checksum(&self) -> u16 {
        self.checksum.get()
    }

    /// Tells the four bytes whose meaning depends on the type: next-hop MTU, pointer, gateway.
    #[inline]
    #[must_use]
    pub fn rest(&self) -> u32 {
        self.rest.get()
    }
}

/// Which of the two protocols a message is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// ICMP for IPv4.
    V4,
    /// ICMPv6.
    V6,
}

/// An ICMP or ICMPv6 message.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Which protocol it is of.
    pub family: Family,
    /// The header.
    pub header: &'a Header,
    /// What follows the header, as much as is there.
    pub body: &'a [u8],
    /// The length of the body before the capture was cut, as far as the packet tells.
    pub body_length: usize,
}

impl<'a> Message<'a> {
    /// Tells whether the message is an error, which quotes the datagram that caused it.
    #[must_use]
    pub const fn is_error(&self) -> bool {
        match self.family {
            Family::V4 => matches!(self.header.kind, 3 | 4 | 5 | 11 | 12),
            Family::V6 => self.header.kind < 128,
        }
    }

    /// Reads the datagram that an error quotes.
    ///
    /// Quotes are cut off more often than not; what is missing is named by the fault of the packet
    /// returned, and a TCP header of fewer than 20 bytes comes as a [`Stub`](super::tcp::Stub).
    #[must_use]
    pub fn quote(&self) -> Option<Packet<'a>> {
        self.is_error().then(|| {
            // Whoever quotes cuts: that the rest is missing is no fault of the datagram's.
            let whole = self.body.len().saturating_add(usize::from(u16::MAX));
            let quote = Packet::parse(Start::Ip, self.body, whole, Offload::default());
            Packet { wire_len: self.body_length.max(self.body.len()), ..quote }
        })
    }
}
