//! IPv4 (RFC 791).

use core::net::Ipv4Addr;

use zerocopy::{
    FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, byteorder::network_endian::U16,
};

/// The fixed part of an IPv4 header (RFC 791, section 3.1).
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-------+-------+---------------+-------------------------------+
/// |version|  IHL  |type of service|         total length          |
/// +-------+-------+---------------+-----+-------------------------+
/// |        identification         |flags|     fragment offset     |
/// +---------------+---------------+-----+-------------------------+
/// |      TTL      |   protocol    |        header checksum        |
/// +---------------+---------------+-------------------------------+
/// |                            source                             |
/// +---------------------------------------------------------------+
/// |                          destination                          |
/// +---------------------------------------------------------------+
/// ```
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct Header {
    pub(crate) version_ihl: u8,
    pub(crate) tos: u8,
    pub(crate) total_length: U16,
    pub(crate) id: U16,
    pub(crate) fragment: U16,
    pub(crate) ttl: u8,
    pub(crate) protocol: u8,
    pub(crate) checksum: U16,
    pub(crate) source: [u8; 4],
    pub(crate) destination: [u8; 4],
}

impl Header {
    /// The size of the fixed part in bytes.
    pub const LENGTH: usize = 20;
    /// The most that a header can take, options included.
    pub const MAX_LENGTH: usize = 60;

    /// Tells the version nibble.
    #[inline]
    #[must_use]
    pub const fn version(&self) -> u8 {
        self.version_ihl >> 4
    }

    /// Tells the header length that is declared, in bytes: 0 to 60.
    #[inline]
    #[must_use]
    pub const fn header_length(&self) -> usize {
        ((self.version_ihl & 0x0f) as usize) << 2
    }

    /// Tells the type of service octet: DSCP (RFC 2474) and ECN field (RFC 3168).
    #[inline]
    #[must_use]
    pub const fn tos(&self) -> u8 {
        self.tos
    }

    /// Tells the total length that is declared, in bytes.
    #[inline]
    #[must_use]
    pub fn total_length(&self) -> u16 {
        self.total_length.get()
    }

    /// Tells the identification.
    #[inline]
    #[must_use]
    pub fn id(&self) -> u16 {
        self.id.get()
    }

    /// Tells the three flag bits.
    #[inline]
    #[must_use]
    pub fn flags(&self) -> Flags {
        Flags(self.fragment.get().to_be_bytes()[0] >> 5)
    }

    /// Tells the fragment offset in units of eight bytes, 0 to 8191.
    #[inline]
    #[must_use]
    pub fn fragment_offset(&self) -> u16 {
        self.fragment.get() & 0x1fff
    }

    /// Tells the time to live.
    #[inline]
    #[must_use]
    pub const fn ttl(&self) -> u8 {
        self.ttl
    }

    /// Tells the protocol number.
    #[inline]
    #[must_use]
    pub const fn protocol(&self) -> u8 {
        self.protocol
    }

    /// Tells the header checksum as it stands.
    #[inline]
    #[must_use]
    pub fn checksum(&self) -> u16 {
        self.checksum.get()
    }

    /// Tells the source address.
    #[inline]
    #[must_use]
    pub const fn source(&self) -> Ipv4Addr {
        Ipv4Addr::from_octets(self.source)
    }

    /// Tells the destination address.
    #[inline]
    #[must_use]
    pub const fn destination(&self) -> Ipv4Addr {
        Ipv4Addr::from_octets(self.destination)
    }
}

/// The three flag bits of the IPv4 header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(u8);

impl Flags {
    /// None set.
    pub const NONE: Self = Self(0);
    /// More fragments follow.
    pub const MF: Self = Self(1);
    /// Do not fragment.
    pub const DF: Self = Self(2);
    /// The reserved bit, which RFC 3514 called evil.
    pub const RESERVED: Self = Self(4);

    /// Makes the flags from three bits: 4 reserved, 2 DF, 1 MF.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & 7)
    }

    /// Tells the three bits.
    #[inline]
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Tells whether all of `other` are set.
    #[inline]
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Adds `other`.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// An IPv4 datagram in a packet: as much of it as there is.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// The fixed part of the header.
    pub header: &'a Header,
    /// The IP options, as many bytes as are there, undecoded.
    pub options: &'a [u8],
    /// What the header declares to be its payload and is there.
    pub payload: &'a [u8],
    /// The length of the payload before the capture was cut, as far as the packet tells.
    pub payload_length: usize,
}

impl Datagram<'_> {
    /// Tells whether this is a fragment other than the first, so that no transport header is here.
    #[inline]
    #[must_use]
    pub fn is_later_fragment(&self) -> bool {
        self.header.fragment_offset() != 0
    }

    /// Tells the address that the upper layer's checksum counts as the destination: the last one
    /// of a source route (RFC 791, section 3.1) that is not at its end, else the header's own.
    #[must_use]
    pub fn final_destination(&self) -> Ipv4Addr {
        routed_to(self.options).unwrap_or(self.header.destination())
    }

    /// Tells whether the header checksum is right; false when not all of the header is there.
    #[must_use]
    pub fn checksum_ok(&self) -> bool {
        use super::checksum::Sum;
        Header::LENGTH.saturating_add(self.options.len()) == self.header.header_length()
            && Sum::new().feed(self.header.as_bytes()).feed(self.options).finish() == 0
    }
}

/// Tells the last address of the first source route in a header's options, loose or strict, if it is
/// whole and its pointer is not beyond it.
pub(crate) fn routed_to(mut options: &[u8]) -> Option<Ipv4Addr> {
    loop {
        options = match *options {
            [END, ..] | [] => return None,
            [NOP, ref rest @ ..] => rest,
            [LOOSE_ROUTE | STRICT_ROUTE, length, pointer, ..] => {
                let route = options.get(3..length.into()).filter(|_| pointer <= length)?;
                let (route, rest) = route.as_chunks();
                let last = route.last().filter(|_| rest.is_empty());
                return last.copied().map(Ipv4Addr::from_octets);
            }
            [_, length, ..] if length >= 2 => options.get(length.into()..)?,
            _ => return None,
        };
    }
}

const END: u8 = 0;
const NOP: u8 = 1;
const LOOSE_ROUTE: u8 = 131;
const STRICT_ROUTE: u8 = 137;
