//! Link layers: Ethernet II with stacked VLAN tags, and Linux "cooked" captures.

use zerocopy::{
    FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned,
    byteorder::network_endian::{U16, U32},
};

/// An Ethernet II header.
///
/// ```text
///  destination (6) | source (6) | ethertype (2)
/// ```
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct Header {
    destination: [u8; 6],
    source: [u8; 6],
    ethertype: U16,
}

impl Header {
    /// The header's size in bytes.
    pub const LENGTH: usize = 14;

    /// Makes a header.
    #[must_use]
    pub const fn new(destination: [u8; 6], source: [u8; 6], ethertype: u16) -> Self {
        Self { destination, source, ethertype: U16::new(ethertype) }
    }

    /// Tells the destination address.
    #[inline]
    #[must_use]
    pub const fn destination(&self) -> [u8; 6] {
        self.destination
    }

    /// Tells the source address.
    #[inline]
    #[must_use]
    pub const fn source(&self) -> [u8; 6] {
        self.source
    }

    /// Tells the protocol of what follows, or the kind of the tag that follows.
    #[inline]
    #[must_use]
    pub fn ethertype(&self) -> u16 {
        self.ethertype.get()
    }
}

/// A VLAN tag (IEEE 802.1Q): the ethertype before it is not part of it, the one after it is.
///
/// ```text
///  priority (3 bits) | drop eligible (1 bit) | identifier (12 bits) | ethertype (2 bytes)
/// ```
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct Tag {
    control: U16,
    ethertype: U16,
}

impl Tag {
    /// The tag's size in bytes.
    pub const LENGTH: usize = 4;

    /// Makes a tag from the 16 bits of control information and the ethertype that follows.
    #[must_use]
    pub const fn new(control: u16, ethertype: u16) -> Self {
        Self { control: U16::new(control), ethertype: U16::new(ethertype) }
    }

    /// Tells the priority code point, 0 to 7.
    #[inline]
    #[must_use]
    pub fn priority(&self) -> u8 {
        self.control.get().to_be_bytes()[0] >> 5
    }

    /// Tells whether the frame may be dropped first.
    #[inline]
    #[must_use]
    pub fn drop_eligible(&self) -> bool {
        self.control.get() & 0x1000 != 0
    }

    /// Tells the VLAN identifier, 0 to 4095.
    #[inline]
    #[must_use]
    pub fn identifier(&self) -> u16 {
        self.control.get() & 0x0fff
    }

    /// Tells the protocol of what follows, or the kind of the next tag.
    #[inline]
    #[must_use]
    pub fn ethertype(&self) -> u16 {
        self.ethertype.get()
    }
}

/// A header of the pseudo-link "Linux cooked capture" (LINKTYPE_LINUX_SLL).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct Cooked {
    packet_type: U16,
    hardware: U16,
    address_length: U16,
    address: [u8; 8],
    ethertype: U16,
}

impl Cooked {
    /// The header's size in bytes.
    pub const LENGTH: usize = 16;

    /// Tells the packet's way: 0 to us, 1 broadcast, 2 multicast, 3 to another host, 4 from us.
    #[inline]
    #[must_use]
    pub fn packet_type(&self) -> u16 {
        self.packet_type.get()
    }

    /// Tells the kind of device (an `ARPHRD_` number of Linux).
    #[inline]
    #[must_use]
    pub fn hardware(&self) -> u16 {
        self.hardware.get()
    }

    /// Tells the sender's link-layer address, at most eight bytes of it.
    #[inline]
    #[must_use]
    pub fn address(&self) -> &[u8] {
        self.address.get(..usize::from(self.address_length.get())).unwrap_or(&self.address)
    }

    /// Tells the length of the address that is declared, in bytes.
    #[inline]
    #[must_use]
    pub fn address_length(&self) -> u16 {
        self.address_length.get()
    }

    /// Tells all eight bytes of the address field, those behind the address too.
    #[inline]
    #[must_use]
    pub const fn address_field(&self) -> [u8; 8] {
        self.address
    }

    /// Tells the protocol of what follows.
    #[inline]
    #[must_use]
    pub fn ethertype(&self) -> u16 {
        self.ethertype.get()
    }
}

/// A header of the second version of the cooked capture (LINKTYPE_LINUX_SLL2).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct Cooked2 {
    ethertype: U16,
    reserved: U16,
    interface: U32,
    hardware: U16,
    packet_type: u8,
    address_length: u8,
    address: [u8; 8],
}

impl Cooked2 {
    /// The header's size in bytes.
    pub const LENGTH: usize = 20;

    /// Tells the protocol of what follows.
    #[inline]
    #[must_use]
    pub fn ethertype(&self) -> u16 {
        self.ethertype.get()
    }

    /// Tells the reserved bits, which should be zero.
    #[inline]
    #[must_use]
    pub fn reserved(&self) -> u16 {
        self.reserved.get()
    }

    /// Tells the number of the interface.
    #[inline]
    #[must_use]
    pub fn interface(&self) -> u32 {
        self.interface.get()
    }

    /// Tells the kind of device (an `ARPHRD_` number of Linux).
    #[inline]
    #[must_use]
    pub fn hardware(&self) -> u16 {
        self.hardware.get()
    }

    /// Tells the packet's way, as [`Cooked::packet_type`] does.
    #[inline]
    #[must_use]
    pub const fn packet_type(&self) -> u8 {
        self.packet_type
    }

    /// Tells the sender's link-layer address, at most eight bytes of it.
    #[inline]
    #[must_use]
    pub fn address(&self) -> &[u8] {
        self.address.get(..usize::from(self.address_length)).unwrap_or(&self.address)
    }

    /// Tells the length of the address that is declared, in bytes.
    #[inline]
    #[must_use]
    pub const fn address_length(&self) -> u8 {
        self.address_length
    }

    /// Tells all eight bytes of the address field, those behind the address too.
    #[inline]
    #[must_use]
    pub const fn address_field(&self) -> [u8; 8] {
        self.address
    }
}
