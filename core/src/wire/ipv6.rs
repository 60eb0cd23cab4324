//! IPv6 (RFC 8200) and the walk over its extension headers.

use core::net::Ipv6Addr;

use zerocopy::{
    FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned,
    byteorder::network_endian::{U16, U32},
};

use super::protocol;

/// The IPv6 header (RFC 8200, section 3).
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-------+---------------+---------------------------------------+
/// |version| traffic class |              flow label               |
/// +-------+---------------+-------+---------------+---------------+
/// |        payload length         |  next header  |   hop limit   |
/// +-------------------------------+---------------+---------------+
/// |                       source (16 bytes)                       |
/// |                     destination (16 bytes)                    |
/// +---------------------------------------------------------------+
/// ```
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct Header {
    pub(crate) version_class_flow: U32,
    pub(crate) payload_length: U16,
    pub(crate) next_header: u8,
    pub(crate) hop_limit: u8,
    pub(crate) source: [u8; 16],
    pub(crate) destination: [u8; 16],
}

impl Header {
    /// The header's size in bytes.
    pub const LENGTH: usize = 40;

    /// Tells the version nibble.
    #[inline]
    #[must_use]
    pub fn version(&self) -> u8 {
        self.version_class_flow.get().to_be_bytes()[0] >> 4
    }

    /// Tells the traffic class: DSCP and ECN field.
    #[inline]
    #[must_use]
    pub fn traffic_class(&self) -> u8 {
        (self.version_class_flow.get() >> 20).to_be_bytes()[3]
    }

    /// Tells the flow label, 20 bits.
    #[inline]
    #[must_use]
    pub fn flow_label(&self) -> u32 {
        self.version_class_flow.get() & 0x000f_ffff
    }

    /// Tells the payload length that is declared: extension headers and what follows, in bytes.
    #[inline]
    #[must_use]
    pub fn payload_length(&self) -> u16 {
        self.payload_length.get()
    }

    /// Tells the kind of the header that follows.
    #[inline]
    #[must_use]
    pub const fn next_header(&self) -> u8 {
        self.next_header
    }

    /// Tells the hop limit.
    #[inline]
    #[must_use]
    pub const fn hop_limit(&self) -> u8 {
        self.hop_limit
    }

    /// Tells the source address.
    #[inline]
    #[must_use]
    pub const fn source(&self) -> Ipv6Addr {
        Ipv6Addr::from_octets(self.source)
    }

    /// Tells the destination address.
    #[inline]
    #[must_use]
    pub const fn destination(&self) -> Ipv6Addr {
        Ipv6Addr::from_octets(self.destination)
    }
}

/// An IPv6 packet: as much of it as there is.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// The fixed header.
    pub header: &'a Header,
    /// The extension headers that stand, one after the other.
    pub extensions: &'a [u8],
    /// The kind of what the payload holds: the last next-header value.
    pub upper: u8,
    /// The fragment offset in units of eight bytes, if there is a fragment header.
    pub fragment_offset: u16,
    /// What follows the extension headers, up to the declared end.
    pub payload: &'a [u8],
    /// The length of the payload before the capture was cut, as far as the packet tells.
    pub payload_length: usize,
}

impl<'a> Datagram<'a> {
    /// Walks the extension headers that stand.
    #[must_use]
    pub const fn walk(&self) -> Walk<'a> {
        Walk { next_header: self.header.next_header, rest: self.extensions }
    }

    /// Tells whether this is a fragment other than the first, so that no transport header is here.
    #[inline]
    #[must_use]
    pub const fn is_later_fragment(&self) -> bool {
        self.fragment_offset != 0
    }

    /// Tells the address that the upper layer's checksum counts as the destination: the last one
    /// of a source route that has segments left (RFC 8200, section 8.1), else the header's own.
    #[must_use]
    pub fn final_destination(&self) -> Ipv6Addr {
        self.walk().find_map(|extension| extension.routed_to()).unwrap_or(self.header.destination())
    }
}

/// One extension header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension<'a> {
    /// Which one it is.
    pub kind: u8,
    /// All of its bytes, the next-header field included.
    pub bytes: &'a [u8],
}

impl<'a> Extension<'a> {
    /// Reads the extension header of the given kind at the start of `bytes`.
    ///
    /// `None` when `kind` is no extension header or its bytes do not fit.
    #[inline]
    #[must_use]
    pub fn first(kind: u8, bytes: &'a [u8]) -> Option<Self> {
        Some(Self { kind, bytes: bytes.get(..length(kind, bytes)?)? })
    }

    /// Tells the kind of what follows.
    #[inline]
    #[must_use]
    pub fn next_header(&self) -> u8 {
        self.bytes.first().copied().unwrap_or(protocol::NO_NEXT_HEADER)
    }

    /// Tells offset (in units of eight bytes), more-fragments bit and identification, if this is a
    /// fragment header (RFC 8200, section 4.5).
    #[must_use]
    pub fn fragment(&self) -> Option<(u16, bool, u32)> {
        let &[_, _, high, low, a, b, c, d] = self.bytes else {
            return None;
        };
        let field = u16::from_be_bytes([high, low]);
        (self.kind == protocol::FRAGMENT).then_some((
            field >> 3,
            field & 1 != 0,
            u32::from_be_bytes([a, b, c, d]),
        ))
    }

    /// Tells the last address of a routing header of type 0 or 2 with segments left, or of a
    /// segment routing header (type 4, RFC 8754, where the list is in reverse).
    pub(crate) fn routed_to(&self) -> Option<Ipv6Addr> {
        let [_, _, kind, left, ..] = *self.bytes else {
            return None;
        };
        let list = self.bytes.get(8..).filter(|_| self.kind == protocol::ROUTING && left > 0)?;
        let address = match kind {
            0 | 2 => list.last_chunk::<16>(),
            4 => list.first_chunk::<16>(),
            _ => None,
        };
        address.copied().map(Ipv6Addr::from_octets)
    }
}

/// An iterator over extension headers.
#[derive(Clone, Copy, Debug)]
pub struct Walk<'a> {
    next_header: u8,
    rest: &'a [u8],
}

impl<'a> Walk<'a> {
    /// Begins at the header of kind `next_header` at the start of `bytes`.
    #[inline]
    #[must_use]
    pub const fn new(next_header: u8, bytes: &'a [u8]) -> Self {
        Self { next_header, rest: bytes }
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Extension<'a>;

    #[inline]
    fn next(&mut self) -> Option<Extension<'a>> {
        let extension = Extension::first(self.next_header, self.rest)?;
        self.next_header = extension.next_header();
        self.rest = self.rest.get(extension.bytes.len()..)?;
        Some(extension)
    }
}

/// Tells how long the extension header `kind` at the start of `bytes` is, if that can be told.
#[inline]
pub(crate) fn length(kind: u8, bytes: &[u8]) -> Option<usize> {
    let units = usize::from(*bytes.get(1)?);
    match kind {
        protocol::FRAGMENT => Some(8),
        protocol::AUTHENTICATION => Some(units.saturating_add(2) << 2),
        kind if protocol::is_extension(kind) => Some(units.saturating_add(1) << 3),
        _ => None,
    }
}
