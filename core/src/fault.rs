//! What is wrong with a packet: where, and in which way.
//!
//! ```
//! use tcpexposure_core::{fault::{Fault, Kind, Layer}, wire::packet::Packet};
//! let packet = Packet::from_ip(&[0x45, 0, 0]);
//! let kind = Kind::Truncated { needed: 20, present: 3 };
//! assert_eq!(packet.fault, Some(Fault { layer: Layer::Ipv4, offset: 0, kind }));
//! ```

use core::fmt;

/// The first place at which a packet is not what its headers say.
///
/// A fault never hides data: [`Packet::parse`](crate::wire::packet::Packet::parse) returns every
/// layer that stands beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fault {
    /// The layer that is at fault.
    pub layer: Layer,
    /// The offset of the faulty field in bytes from the start of the captured bytes.
    pub offset: usize,
    /// What is wrong.
    pub kind: Kind,
}

/// A layer of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// The link-layer header, VLAN tags included.
    Link,
    /// The IPv4 header.
    Ipv4,
    /// The IPv6 header and its extension headers.
    Ipv6,
    /// The TCP header.
    Tcp,
    /// The ICMP header.
    Icmp,
    /// The ICMPv6 header.
    Icmpv6,
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The bytes end before the header does.
    Truncated {
        /// The bytes that the header needs.
        needed: usize,
        /// The bytes that are there.
        present: usize,
    },
    /// The first nibble is neither 4 nor 6, or not what the link layer announced.
    Version(u8),
    /// The IPv4 header length, in bytes, is below 20.
    HeaderLength(usize),
    /// The IP length field is below what the headers take, or zero (as in captures of packets that
    /// the network card was to cut up).
    LengthShort {
        /// The length declared.
        declared: usize,
        /// The least length that can be.
        least: usize,
    },
    /// The IP length field exceeds the bytes that the link delivered (and not only those captured).
    LengthLong {
        /// The length declared.
        declared: usize,
        /// The bytes that were delivered.
        delivered: usize,
    },
    /// The capture was cut: the packet was whole on the wire, but not all of it was kept.
    Cut {
        /// The bytes of the packet on the wire.
        declared: usize,
        /// The bytes that were kept.
        present: usize,
    },
    /// There are more IPv6 extension headers than any sender has reason to send.
    Extensions,
    /// The TCP data offset, in bytes, is below 20 or beyond the end of the segment.
    DataOffset {
        /// The header length declared, in bytes.
        declared: usize,
        /// The bytes that the segment has.
        segment: usize,
    },
    /// The link layer carries something other than IP.
    NotIp(u16),
}

impl fmt::Display for Layer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Link => "link layer",
            Self::Ipv4 => "IPv4",
            Self::Ipv6 => "IPv6",
            Self::Tcp => "TCP",
            Self::Icmp => "ICMP",
            Self::Icmpv6 => "ICMPv6",
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Truncated { needed, present } => {
                write!(out, "the header needs {needed} bytes, {present} are there")
            }
            Self::Version(version) => write!(out, "the version is {version}"),
            Self::HeaderLength(length) => {
                write!(out, "the header length is {length} bytes, below 20")
            }
            Self::LengthShort { declared, least } => {
                write!(out, "the length field says {declared}, the headers take {least}")
            }
            Self::LengthLong { declared, delivered } => {
                write!(out, "the length field says {declared}, {delivered} bytes came")
            }
            Self::Cut { declared, present } => {
                write!(out, "the capture kept {present} of {declared} bytes")
            }
            Self::Extensions => out.write_str("too many extension headers"),
            Self::DataOffset { declared, segment } => {
                write!(out, "the data offset says {declared} bytes, the segment has {segment}")
            }
            Self::NotIp(ethertype) => write!(out, "the protocol is 0x{ethertype:04x}, not IP"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} at byte {}: {}", self.layer, self.offset, self.kind)
    }
}

impl core::error::Error for Fault {}
