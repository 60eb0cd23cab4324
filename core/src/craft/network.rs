//! The IP header of a draft.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use zerocopy::{
    IntoBytes,
    byteorder::network_endian::{U16, U32},
};

use super::{Checksum, Error, Out, padded};
use crate::wire::{
    checksum::Sum,
    ipv4, ipv6,
    packet::{self, Packet},
    protocol,
};

/// The IP header of a [`Draft`](super::Draft).
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

impl<'a> Network<'a> {
    /// Makes the IP header between two addresses; `None` when they are of two families.
    #[must_use]
    pub fn between(source: IpAddr, destination: IpAddr) -> Option<Self> {
        match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                Some(Self::V4(Ipv4 { source, destination, ..Ipv4::default() }))
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                Some(Self::V6(Ipv6 { source, destination, ..Ipv6::default() }))
            }
            _ => None,
        }
    }

    /// Takes the fields of the IP header that was read.
    pub(super) fn of(packet: &Packet<'a>) -> Option<Self> {
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

    /// Tells how many bytes the header takes, options or extension headers included.
    #[must_use]
    pub const fn length(&self) -> usize {
        match self {
            Self::V4(header) => header.options_length().saturating_add(ipv4::Header::LENGTH),
            Self::V6(header) => header.extensions.len().saturating_add(ipv6::Header::LENGTH),
        }
    }

    pub(super) fn check(&self, segment: usize) -> Result<(), Error> {
        match self {
            Self::V4(header) => header.check(segment),
            Self::V6(header) => header.check(segment),
        }
    }

    pub(super) fn write(&self, out: &mut Out<'_>, segment: usize) {
        match self {
            Self::V4(header) => header.write(out, segment),
            Self::V6(header) => header.write(out, segment),
        }
    }

    pub(super) fn pseudo(&self, segment: usize) -> Sum {
        let destination = match self {
            Self::V4(header) => {
                IpAddr::V4(ipv4::routed_to(header.options).unwrap_or(header.destination))
            }
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
        segment.saturating_add(self.options_length()).saturating_add(ipv4::Header::LENGTH)
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
            other => other.of(Sum::new().feed(header.as_bytes()).feed(self.options).finish()),
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
            payload_length: U16::new(self.payload_length.unwrap_or(truncate(self.length(segment)))),
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
        self.routed_to().unwrap_or(self.destination)
    }

    pub(super) fn routed_to(&self) -> Option<Ipv6Addr> {
        ipv6::Walk::new(self.next_header, self.extensions)
            .find_map(|extension| extension.routed_to())
    }
}

/// Cuts to the low 16 bits, which happens only where the length field is forced.
const fn truncate(length: usize) -> u16 {
    let [low, high, ..] = length.to_le_bytes();
    u16::from_le_bytes([low, high])
}
