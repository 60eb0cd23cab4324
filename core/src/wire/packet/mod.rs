//! One pass over all layers of a packet.
//!
//! ```
//! use tcpexposure_core::{craft::{Draft, Ipv4, Network}, wire::{packet::Packet, tcp::Flags}};
//! let network = Network::V4(Ipv4 {
//!     source: [192, 0, 2, 1].into(),
//!     destination: [192, 0, 2, 2].into(),
//!     ..Ipv4::default()
//! });
//! let syn = Draft { network, destination_port: 80, flags: Flags::SYN, ..Draft::default() };
//! let mut buffer = [0; 100];
//! let packet = Packet::from_ip(syn.write(&mut buffer).unwrap());
//! assert_eq!(packet.ports(), Some((syn.source_port, 80)));
//! assert_eq!(packet.checksum_ok(), Some(true));
//! assert_eq!(packet.fault, None);
//! ```

use core::net::IpAddr;

use zerocopy::IntoBytes;

use super::{
    checksum::Sum,
    ethernet::{self, Tag},
    icmp, ipv4, ipv6, protocol, tcp,
};
use crate::fault::Fault;

mod parse;
mod usual;

/// What the bytes of a frame begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Start {
    /// An Ethernet II header (LINKTYPE_ETHERNET).
    Ethernet,
    /// A header of a Linux cooked capture (LINKTYPE_LINUX_SLL).
    LinuxSll,
    /// A header of a Linux cooked capture, second version (LINKTYPE_LINUX_SLL2).
    LinuxSll2,
    /// An IPv4 or IPv6 header, told apart by its version (LINKTYPE_RAW).
    Ip,
    /// The address family in the capturing machine's byte order (LINKTYPE_NULL).
    Null,
    /// The address family in network byte order (LINKTYPE_LOOP).
    Loop,
    /// A PPP header, with or without its HDLC framing (LINKTYPE_PPP).
    Ppp,
}

/// What the kernel or the network card did to a packet before it came here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offload {
    /// What is known of the transport checksum.
    pub checksum: Checksummed,
    /// Whether this is several segments that were merged on reception, or one that was yet to be
    /// cut up for sending.
    pub segments: bool,
}

/// What is known of a transport checksum beside its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Checksummed {
    /// Nobody looked at it: the bytes count.
    #[default]
    Unknown,
    /// The kernel or the card found it right; the bytes may still differ after a merge.
    Valid,
    /// It was left to the sending card, so that the bytes hold only the pseudo-header's sum.
    Partial,
}

/// A packet, read once: every layer that stands, and the first fault.
///
/// Nothing is refused. Bytes that no layer takes are in [`rest`](Self::rest) (what could not be
/// read) and [`trailer`](Self::trailer) (what lies behind the declared end), so that all of the
/// frame can be told from the parts.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// What the bytes begin with.
    pub start: Start,
    /// All bytes captured.
    pub bytes: &'a [u8],
    /// The length on the wire, at least that of `bytes`.
    pub wire_len: usize,
    /// What was done to it on the way here.
    pub offload: Offload,
    /// The link-layer header.
    pub link: Link<'a>,
    /// The VLAN tags, outermost first.
    pub tags: &'a [Tag],
    /// The IP layer.
    pub network: Network<'a>,
    /// The layer above.
    pub transport: Transport<'a>,
    /// The bytes from the first header that does not stand.
    pub rest: &'a [u8],
    /// The bytes behind the end that the IP header declares: Ethernet padding, or data hidden there.
    pub trailer: &'a [u8],
    /// The first fault.
    pub fault: Option<Fault>,
}

/// A link-layer header.
#[derive(Clone, Copy, Debug)]
pub enum Link<'a> {
    /// None: the bytes begin with IP, or not even the link-layer header is whole.
    None,
    /// Ethernet II.
    Ethernet(&'a ethernet::Header),
    /// Linux cooked capture.
    Cooked(&'a ethernet::Cooked),
    /// Linux cooked capture, second version.
    Cooked2(&'a ethernet::Cooked2),
    /// The address family of a BSD loopback, or the protocol field of PPP.
    Protocol(u32),
}

/// An IP layer.
#[derive(Clone, Copy, Debug)]
pub enum Network<'a> {
    /// None stands.
    None,
    /// IPv4.
    V4(ipv4::Datagram<'a>),
    /// IPv6.
    V6(ipv6::Datagram<'a>),
}

/// What an IP packet carries.
#[derive(Clone, Copy, Debug)]
pub enum Transport<'a> {
    /// None stands.
    None,
    /// A TCP segment.
    Tcp(tcp::Segment<'a>),
    /// The first bytes of a TCP header that was cut short.
    Stub(tcp::Stub<'a>),
    /// An ICMP or ICMPv6 message.
    Icmp(icmp::Message<'a>),
    /// A fragment other than the first.
    Fragment(&'a [u8]),
    /// Another protocol.
    Other {
        /// Its number.
        protocol: u8,
        /// What follows.
        payload: &'a [u8],
    },
}

/// What takes a packet from [`Packet::read`]: a closure, or a type of the caller's own, whose method
/// can be inlined into each of the places that call it.
pub trait Read<'a> {
    /// What it makes of a packet.
    type Output;

    /// Takes the packet.
    fn packet(self, packet: &Packet<'a>) -> Self::Output;
}

impl<'a, F: FnOnce(&Packet<'a>) -> O, O> Read<'a> for F {
    type Output = O;

    #[inline(always)]
    fn packet(self, packet: &Packet<'a>) -> O {
        self(packet)
    }
}

impl<'a> Packet<'a> {
    /// Reads a frame that begins with `start`. `wire_len` is the length it had on the wire, where
    /// the capture kept less; it is taken to be at least that of `bytes`.
    #[inline(always)] // so that a field that the caller does not read is not written
    #[must_use]
    pub fn parse(start: Start, bytes: &'a [u8], wire_len: usize, offload: Offload) -> Self {
        let copy = |packet: &Self| *packet;
        match Self::usual(start, bytes, wire_len, offload, copy) {
            Ok(packet) => packet,
            // Field by field, because a packet that has a place in memory keeps it.
            Err(_) => Self { ..Self::unusual(start, bytes, wire_len, offload) },
        }
    }

    /// Reads a frame, as [`parse`](Self::parse) does, and gives it to `reader`: the fastest way where
    /// a reader is inlined, because it then has a place for IPv4, one for IPv6 and one for all that is
    /// unusual, and in the first two no layer is in question.
    #[inline(always)]
    pub fn read<R: Read<'a>>(
        start: Start,
        bytes: &'a [u8],
        wire_len: usize,
        offload: Offload,
        reader: R,
    ) -> R::Output {
        match Self::usual(start, bytes, wire_len, offload, reader) {
            Ok(output) => output,
            Err(reader) => reader.packet(&Self::unusual(start, bytes, wire_len, offload)),
        }
    }

    /// Reads any frame.
    #[inline(never)]
    fn unusual(start: Start, bytes: &'a [u8], wire_len: usize, offload: Offload) -> Self {
        let mut packet = Self {
            start,
            bytes,
            wire_len: wire_len.max(bytes.len()),
            offload,
            link: Link::None,
            tags: &[],
            network: Network::None,
            transport: Transport::None,
            rest: &[],
            trailer: &[],
            fault: None,
        };
        match start {
            Start::Ip => packet.ip(bytes),
            Start::Ethernet => packet.ethernet(bytes),
            other => packet.other_link(other, bytes),
        }
        packet
    }

    /// Reads bytes that begin with an IP header and were not cut.
    #[inline]
    #[must_use]
    pub fn from_ip(bytes: &'a [u8]) -> Self {
        Self::parse(Start::Ip, bytes, bytes.len(), Offload::default())
    }

    /// Tells the bytes from the IP header on, if one stands.
    #[must_use]
    pub fn ip_bytes(&self) -> Option<&'a [u8]> {
        let header = match &self.network {
            Network::None => return None,
            Network::V4(datagram) => datagram.header.as_bytes(),
            Network::V6(datagram) => datagram.header.as_bytes(),
        };
        self.bytes.get(self.offset_of(header)..)
    }

    /// Tells the TCP segment, if there is one.
    #[inline]
    #[must_use]
    pub const fn tcp(&self) -> Option<&tcp::Segment<'a>> {
        if let Transport::Tcp(segment) = &self.transport { Some(segment) } else { None }
    }

    /// Tells the source and destination address of the IP header.
    #[must_use]
    pub const fn addresses(&self) -> Option<(IpAddr, IpAddr)> {
        match &self.network {
            Network::None => None,
            Network::V4(datagram) => Some((
                IpAddr::V4(datagram.header.source()),
                IpAddr::V4(datagram.header.destination()),
            )),
            Network::V6(datagram) => Some((
                IpAddr::V6(datagram.header.source()),
                IpAddr::V6(datagram.header.destination()),
            )),
        }
    }

    /// Tells the protocol that the IP header, or the last extension header, announces.
    #[must_use]
    pub const fn protocol(&self) -> Option<u8> {
        match &self.network {
            Network::None => None,
            Network::V4(datagram) => Some(datagram.header.protocol()),
            Network::V6(datagram) => Some(datagram.upper),
        }
    }

    /// Tells the source and destination port, of a cut TCP header too.
    #[must_use]
    pub fn ports(&self) -> Option<(u16, u16)> {
        match &self.transport {
            Transport::Tcp(tcp) => Some((tcp.header.source_port(), tcp.header.destination_port())),
            Transport::Stub(stub) => Some((stub.source_port()?, stub.destination_port()?)),
            _ => None,
        }
    }

    /// Judges the transport checksum by its bytes and by what the kernel said of it.
    ///
    /// `None` when it cannot be told: no TCP or ICMP here, a fragment, a capture that was cut, or a
    /// checksum that was left to the network card.
    #[must_use]
    pub fn checksum_ok(&self) -> Option<bool> {
        match self.offload.checksum {
            Checksummed::Partial => None,
            Checksummed::Valid => Some(true),
            Checksummed::Unknown => Some(self.transport_sum()?.finish() == 0),
        }
    }

    /// Sums the transport layer with its pseudo-header; zero after complement means right.
    ///
    /// `None` under the conditions of [`checksum_ok`](Self::checksum_ok), but for offloads.
    #[must_use]
    pub fn transport_sum(&self) -> Option<Sum> {
        let (payload, whole, protocol, fragmented) = match &self.network {
            Network::None => return None,
            Network::V4(d) => {
                let more = d.header.flags().contains(ipv4::Flags::MF);
                (d.payload, d.payload_length, d.header.protocol(), more || d.is_later_fragment())
            }
            Network::V6(d) => {
                let fragmented = d.walk().any(|extension| {
                    extension.fragment().is_some_and(|(offset, more, _)| more || offset != 0)
                });
                (d.payload, d.payload_length, d.upper, fragmented)
            }
        };
        if fragmented || payload.len() != whole {
            return None;
        }
        match protocol {
            protocol::ICMP => Some(Sum::new().feed(payload)),
            protocol::TCP | protocol::ICMPV6 => {
                let (source, destination) = self.checksum_addresses()?;
                Some(Sum::new().pseudo(source, destination, protocol, whole).feed(payload))
            }
            _ => None,
        }
    }

    /// Tells the addresses that the pseudo-header counts.
    fn checksum_addresses(&self) -> Option<(IpAddr, IpAddr)> {
        let (source, destination) = self.addresses()?;
        match &self.network {
            Network::V4(datagram) if !datagram.options.is_empty() => {
                Some((source, IpAddr::V4(datagram.final_destination())))
            }
            Network::V6(datagram) if !datagram.extensions.is_empty() => {
                Some((source, IpAddr::V6(datagram.final_destination())))
            }
            _ => Some((source, destination)),
        }
    }
}
