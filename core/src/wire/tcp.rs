//! TCP (RFC 9293).

use zerocopy::{
    FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned,
    byteorder::network_endian::{U16, U32},
};

use super::options::Options;

/// The fixed part of a TCP header (RFC 9293, section 3.1).
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-------------------------------+-------------------------------+
/// |          source port          |       destination port        |
/// +-------------------------------+-------------------------------+
/// |                        sequence number                        |
/// +---------------------------------------------------------------+
/// |                     acknowledgement number                    |
/// +-------+-----+-+-+-+-+-+-+-+-+-+-------------------------------+
/// | data  | re- |A|C|E|U|A|P|R|S|F|                               |
/// |offset |serv.|E|W|C|R|C|S|S|Y|I|            window             |
/// |       |     | |R|E|G|K|H|T|N|N|                               |
/// +-------+-----+-+-+-+-+-+-+-+-+-+-------------------------------+
/// |           checksum            |        urgent pointer         |
/// +-------------------------------+-------------------------------+
/// ```
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct Header {
    pub(crate) source_port: U16,
    pub(crate) destination_port: U16,
    pub(crate) seq: U32,
    pub(crate) ack: U32,
    pub(crate) offset_flags: U16,
    pub(crate) window: U16,
    pub(crate) checksum: U16,
    pub(crate) urgent: U16,
}

impl Header {
    /// The size of the fixed part in bytes.
    pub const LENGTH: usize = 20;
    /// The most that a header can take, options included.
    pub const MAX_LENGTH: usize = 60;

    /// Tells the source port.
    #[inline]
    #[must_use]
    pub fn source_port(&self) -> u16 {
        self.source_port.get()
    }

    /// Tells the destination port.
    #[inline]
    #[must_use]
    pub fn destination_port(&self) -> u16 {
        self.destination_port.get()
    }

    /// Tells the sequence number.
    #[inline]
    #[must_use]
    pub fn seq(&self) -> Seq {
        Seq(self.seq.get())
    }

    /// Tells the acknowledgement number, also where the ACK flag is not set.
    #[inline]
    #[must_use]
    pub fn ack(&self) -> Seq {
        Seq(self.ack.get())
    }

    /// Tells the header length that is declared, in bytes: 0 to 60.
    #[inline]
    #[must_use]
    pub fn data_offset(&self) -> usize {
        usize::from((self.offset_flags.get() >> 12) << 2)
    }

    /// Tells all twelve flag and reserved bits.
    #[inline]
    #[must_use]
    pub fn flags(&self) -> Flags {
        Flags::from_bits(self.offset_flags.get())
    }

    /// Tells the window, unscaled.
    #[inline]
    #[must_use]
    pub fn window(&self) -> u16 {
        self.window.get()
    }

    /// Tells the checksum as it stands.
    #[inline]
    #[must_use]
    pub fn checksum(&self) -> u16 {
        self.checksum.get()
    }

    /// Tells the urgent pointer, also where the URG flag is not set.
    #[inline]
    #[must_use]
    pub fn urgent(&self) -> u16 {
        self.urgent.get()
    }
}

/// The twelve bits between data offset and window: eight flags, AE, three reserved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(u16);

impl Flags {
    /// None set.
    pub const NONE: Self = Self(0);
    /// No more data from the sender.
    pub const FIN: Self = Self(0x001);
    /// Synchronise sequence numbers.
    pub const SYN: Self = Self(0x002);
    /// Reset the connection.
    pub const RST: Self = Self(0x004);
    /// Push.
    pub const PSH: Self = Self(0x008);
    /// The acknowledgement number counts.
    pub const ACK: Self = Self(0x010);
    /// The urgent pointer counts.
    pub const URG: Self = Self(0x020);
    /// Congestion was experienced (RFC 3168).
    pub const ECE: Self = Self(0x040);
    /// The congestion window was reduced (RFC 3168).
    pub const CWR: Self = Self(0x080);
    /// Accurate ECN (RFC 9768); once the nonce sum.
    pub const AE: Self = Self(0x100);
    /// The three bits that are reserved.
    pub const RESERVED: Self = Self(0xe00);

    /// Makes the flags from the low twelve bits.
    #[inline]
    #[must_use]
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits & 0x0fff)
    }

    /// Tells the twelve bits.
    #[inline]
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Tells the three reserved bits as a number, 0 to 7.
    #[inline]
    #[must_use]
    pub const fn reserved(self) -> u8 {
        (self.0 >> 9).to_be_bytes()[1]
    }

    /// Tells whether all of `other` are set.
    #[inline]
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Tells whether any of `other` is set.
    #[inline]
    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Adds `other`.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Takes `other` away.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// A sequence number: arithmetic is modulo 2^32, and order is that of RFC 9293, section 3.4.
///
/// There is no `Ord`, because the order of sequence numbers is not transitive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Seq(pub u32);

impl Seq {
    /// Tells the number `count` bytes further on.
    #[inline]
    #[must_use]
    pub const fn add(self, count: u32) -> Self {
        Self(self.0.wrapping_add(count))
    }

    /// Tells the number `count` bytes back.
    #[inline]
    #[must_use]
    pub const fn sub(self, count: u32) -> Self {
        Self(self.0.wrapping_sub(count))
    }

    /// Tells how many bytes lie between `earlier` and this number, going forward from `earlier`.
    #[inline]
    #[must_use]
    pub const fn since(self, earlier: Self) -> u32 {
        self.0.wrapping_sub(earlier.0)
    }

    /// Tells the distance from `other`: positive when this number comes after it.
    #[inline]
    #[must_use]
    pub const fn distance(self, other: Self) -> i32 {
        self.0.wrapping_sub(other.0).cast_signed()
    }

    /// Tells whether this number comes before `other`.
    #[inline]
    #[must_use]
    pub const fn precedes(self, other: Self) -> bool {
        self.distance(other) < 0
    }

    /// Tells the later of the two.
    #[must_use]
    pub const fn later(self, other: Self) -> Self {
        if self.precedes(other) { other } else { self }
    }
}

/// A TCP segment in a packet: as much of it as there is.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// The fixed part of the header.
    pub header: &'a Header,
    /// The option bytes, as many as the data offset declares and the packet holds.
    pub options: Options<'a>,
    /// The payload that is there. Where the data offset is below 20, all that follows the fixed
    /// header.
    pub payload: &'a [u8],
    /// The length of the payload before the capture was cut, as far as the packet tells.
    pub payload_length: usize,
}

impl Segment<'_> {
    /// Tells the sequence space that the segment takes: payload, SYN and FIN.
    #[must_use]
    pub fn sequence_length(&self) -> u32 {
        let flags = self.header.flags();
        let controls =
            u32::from(flags.contains(Flags::SYN)).wrapping_add(flags.contains(Flags::FIN).into());
        u32::try_from(self.payload_length).unwrap_or(u32::MAX).saturating_add(controls)
    }

    /// Tells the sequence number after the segment.
    #[must_use]
    pub fn end(&self) -> Seq {
        self.header.seq().add(self.sequence_length())
    }
}

/// The start of a TCP header that was cut short of 20 bytes, as ICMP errors quote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stub<'a> {
    /// The bytes that are there: fewer than 20.
    pub bytes: &'a [u8],
}

impl Stub<'_> {
    /// Tells the source port, if it is there.
    #[must_use]
    pub fn source_port(&self) -> Option<u16> {
        self.bytes.first_chunk().copied().map(u16::from_be_bytes)
    }

    /// Tells the destination port, if it is there.
    #[must_use]
    pub fn destination_port(&self) -> Option<u16> {
        self.bytes.get(2..)?.first_chunk().copied().map(u16::from_be_bytes)
    }

    /// Tells the sequence number, if it is there.
    #[must_use]
    pub fn seq(&self) -> Option<Seq> {
        self.bytes.get(4..)?.first_chunk().copied().map(u32::from_be_bytes).map(Seq)
    }

    /// Tells the acknowledgement number, if it is there.
    #[must_use]
    pub fn ack(&self) -> Option<Seq> {
        self.bytes.get(8..)?.first_chunk().copied().map(u32::from_be_bytes).map(Seq)
    }
}
