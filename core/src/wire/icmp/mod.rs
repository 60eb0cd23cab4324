//! ICMP (RFC 792) and ICMPv6 (RFC 4443): the header, and the datagram that an error quotes.

mod extension;

use zerocopy::{
    FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned,
    byteorder::network_endian::{U16, U32},
};

use super::packet::{Offload, Packet, Start};

pub use extension::{Content, Extension, Extensions, Interface, Label, Objects};
use extension::{is_structure, objects};

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
            let (body, _) = self.parts();
            // Whoever quotes cuts: that the rest is missing is no fault of the datagram's.
            let whole = body.len().saturating_add(usize::from(u16::MAX));
            let quote = Packet::parse(Start::Ip, body, whole, Offload::default());
            let length = if body.len() < self.body.len() { body.len() } else { self.body_length };
            Packet { wire_len: length.max(body.len()), ..quote }
        })
    }

    /// Walks the objects of a multi-part message (RFC 4884): labels of MPLS (RFC 4950, class 1),
    /// interfaces (RFC 5837, class 2) and others.
    #[must_use]
    pub fn extensions(&self) -> Extensions<'a> {
        Extensions::of(objects(self.parts().1))
    }

    /// Cuts the body into the datagram that is quoted, and the extension structure behind it. Routers
    /// from before RFC 4884 put one behind 128 bytes and say nothing of it (section 5); only its
    /// checksum tells it from a quote.
    fn parts(&self) -> (&'a [u8], &'a [u8]) {
        let [first, second, ..] = self.header.rest().to_be_bytes();
        let length = match (self.family, self.header.kind) {
            (Family::V4, 3 | 11 | 12) => usize::from(second) << 2,
            (Family::V6, 1 | 3) => usize::from(first) << 3,
            _ => return (self.body, &[]),
        };
        let told = length > 0;
        let parts = self.body.split_at_checked(if told { length } else { UNTOLD });
        parts.filter(|parts| told || is_structure(parts.1)).unwrap_or((self.body, &[]))
    }
}

/// Where a structure stands that the length field does not tell of.
const UNTOLD: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    /// An error of Time Exceeded with 28 bytes padded to 128, and a label stack (RFC 4950).
    #[test]
    fn a_quote_ends_where_the_length_field_says() {
        let mut bytes = std::vec![11, 0, 0, 0, 0, 32, 0, 0];
        let mut quote = std::vec![0; 128];
        quote[..10].copy_from_slice(&[0x45, 0, 0, 60, 0, 1, 0, 0, 1, 6]);
        bytes.extend(&quote);
        bytes.extend([0x20, 0, 0, 0, 0, 8, 1, 1, 0, 1, 0x41, 1]);
        let (header, body) = Header::ref_from_prefix(&bytes).unwrap();
        let message = Message { family: Family::V4, header, body, body_length: body.len() };
        assert_eq!(message.quote().unwrap().bytes.len(), 128);
        let objects: std::vec::Vec<_> = message.extensions().collect();
        assert_eq!(objects, [Extension { class: 1, kind: 1, data: &[0, 1, 0x41, 1] }]);
        // Without the length, all of it is the quote (RFC 4884, section 5.1).
        bytes[5] = 0;
        let (header, body) = Header::ref_from_prefix(&bytes).unwrap();
        let message = Message { family: Family::V4, header, body, body_length: body.len() };
        assert_eq!(message.quote().unwrap().bytes.len(), 140);
        assert_eq!(message.extensions().count(), 0);
        // But for a structure whose checksum is right, as routers sent it before.
        let sum = super::super::checksum::Sum::default().feed(&bytes[136..]).finish();
        bytes[138..140].copy_from_slice(&sum.to_be_bytes());
        let (header, body) = Header::ref_from_prefix(&bytes).unwrap();
        let message = Message { family: Family::V4, header, body, body_length: body.len() };
        assert_eq!(message.quote().unwrap().bytes.len(), 128);
        assert_eq!(message.extensions().count(), 1);
        // A length beyond the end is none.
        bytes[5] = 200;
        let (header, body) = Header::ref_from_prefix(&bytes).unwrap();
        let message = Message { family: Family::V4, header, body, body_length: body.len() };
        assert_eq!(message.quote().unwrap().bytes.len(), 140);
    }
}
