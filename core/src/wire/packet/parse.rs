//! The pass over the layers, one method each.

use zerocopy::FromBytes;

use super::{Link, Network, Packet, Start, Transport};
use crate::{
    fault::{Fault, Kind, Layer},
    wire::{
        ethernet::{self, Tag},
        icmp, ipv4, ipv6,
        options::Options,
        protocol, tcp,
    },
};

impl<'a> Packet<'a> {
    /// Notes a fault, unless there is one already.
    #[cold]
    fn fail(&mut self, layer: Layer, at: &[u8], within: usize, kind: Kind) {
        let offset = self.offset_of(at).saturating_add(within);
        self.fault.get_or_insert(Fault { layer, offset, kind });
    }

    /// Tells where `part`, a piece of the packet that reaches to the end of what is being read,
    /// begins.
    pub(super) fn offset_of(&self, part: &[u8]) -> usize {
        part.as_ptr().addr().saturating_sub(self.bytes.as_ptr().addr())
    }

    #[inline]
    pub(super) fn ethernet(&mut self, bytes: &'a [u8]) {
        let Ok((header, rest)) = ethernet::Header::ref_from_prefix(bytes) else {
            return self.truncated(Layer::Link, bytes, ethernet::Header::LENGTH);
        };
        self.link = Link::Ethernet(header);
        self.ethertype(header.ethertype(), rest);
    }

    #[inline]
    fn ethertype(&mut self, ethertype: u16, rest: &'a [u8]) {
        match ethertype {
            protocol::ETHERTYPE_IPV4 => self.ipv4(rest),
            protocol::ETHERTYPE_IPV6 => self.ipv6(rest),
            tag if protocol::is_vlan(tag) => self.vlan(rest),
            other => self.not_ip(other, rest),
        }
    }

    fn vlan(&mut self, bytes: &'a [u8]) {
        let (tags, _) = bytes.as_chunks::<{ Tag::LENGTH }>();
        let more = |tag: &[u8; 4]| protocol::is_vlan(u16::from_be_bytes([tag[2], tag[3]]));
        let count = tags.iter().take_while(|tag| more(tag)).count();
        let Ok((tags, rest)) = <[Tag]>::ref_from_prefix_with_elems(bytes, count.saturating_add(1))
        else {
            return self.truncated(Layer::Link, bytes, count.saturating_add(1).saturating_mul(4));
        };
        self.tags = tags;
        self.ethertype(tags.last().map_or(0, Tag::ethertype), rest);
    }

    pub(super) fn other_link(&mut self, start: Start, bytes: &'a [u8]) {
        match start {
            Start::LinuxSll => match ethernet::Cooked::ref_from_prefix(bytes) {
                Ok((header, rest)) => {
                    self.link = Link::Cooked(header);
                    self.ethertype(header.ethertype(), rest);
                }
                Err(_) => self.truncated(Layer::Link, bytes, ethernet::Cooked::LENGTH),
            },
            Start::LinuxSll2 => match ethernet::Cooked2::ref_from_prefix(bytes) {
                Ok((header, rest)) => {
                    self.link = Link::Cooked2(header);
                    self.ethertype(header.ethertype(), rest);
                }
                Err(_) => self.truncated(Layer::Link, bytes, ethernet::Cooked2::LENGTH),
            },
            Start::Ppp => self.ppp(bytes),
            _ => self.loopback(start, bytes),
        }
    }

    fn loopback(&mut self, start: Start, bytes: &'a [u8]) {
        let Some((family, rest)) = bytes.split_first_chunk::<4>() else {
            return self.truncated(Layer::Link, bytes, 4);
        };
        let family = if start == Start::Loop || family[0] == 0 && family[1] == 0 {
            u32::from_be_bytes(*family)
        } else {
            u32::from_le_bytes(*family)
        };
        self.link = Link::Protocol(family);
        // AF_INET is 2 everywhere, AF_INET6 is 10, 24, 28 or 30.
        match family {
            2 | 10 | 24 | 28 | 30 => self.ip(rest),
            other => self.not_ip(u16::try_from(other).unwrap_or(u16::MAX), rest),
        }
    }

    fn ppp(&mut self, bytes: &'a [u8]) {
        let framed = bytes.strip_prefix(&[0xff, 0x03]).unwrap_or(bytes);
        let Some((protocol, rest)) = framed.split_first_chunk::<2>() else {
            return self.truncated(Layer::Link, bytes, 4);
        };
        let protocol = u16::from_be_bytes(*protocol);
        self.link = Link::Protocol(protocol.into());
        match protocol {
            0x0021 => self.ipv4(rest),
            0x0057 => self.ipv6(rest),
            other => self.not_ip(other, rest),
        }
    }

    #[cold]
    fn not_ip(&mut self, ethertype: u16, rest: &'a [u8]) {
        self.rest = rest;
        self.fail(Layer::Link, rest, 0, Kind::NotIp(ethertype));
    }

    #[cold]
    fn truncated(&mut self, layer: Layer, bytes: &'a [u8], needed: usize) {
        self.rest = bytes;
        self.fail(layer, bytes, 0, Kind::Truncated { needed, present: bytes.len() });
    }

    #[inline]
    pub(super) fn ip(&mut self, bytes: &'a [u8]) {
        match bytes.first().map(|first| first >> 4) {
            Some(4) => self.ipv4(bytes),
            Some(6) => self.ipv6(bytes),
            Some(version) => {
                self.rest = bytes;
                self.fail(Layer::Link, bytes, 0, Kind::Version(version));
            }
            None => self.truncated(Layer::Ipv4, bytes, ipv4::Header::LENGTH),
        }
    }

    #[inline]
    fn ipv4(&mut self, bytes: &'a [u8]) {
        let Ok((header, after)) = ipv4::Header::ref_from_prefix(bytes) else {
            return self.truncated(Layer::Ipv4, bytes, ipv4::Header::LENGTH);
        };
        let length = header.header_length();
        if header.version() != 4 {
            self.fail(Layer::Ipv4, bytes, 0, Kind::Version(header.version()));
        }
        if length < ipv4::Header::LENGTH {
            self.fail(Layer::Ipv4, bytes, 0, Kind::HeaderLength(length));
            self.rest = after;
            let (options, payload) = after.split_at(0);
            let payload_length = payload.len();
            self.network = Network::V4(ipv4::Datagram { header, options, payload, payload_length });
            return;
        }
        let Some((options, body)) = after.split_at_checked(length.wrapping_sub(20)) else {
            let (options, payload) = after.split_at(after.len());
            self.network =
                Network::V4(ipv4::Datagram { header, options, payload, payload_length: 0 });
            let kind = Kind::Truncated { needed: length, present: bytes.len() };
            return self.fail(Layer::Ipv4, bytes, 0, kind);
        };
        let declared = usize::from(header.total_length());
        let (payload, payload_length) = self.bounded(Layer::Ipv4, bytes, length, declared, body);
        let datagram = ipv4::Datagram { header, options, payload, payload_length };
        self.network = Network::V4(datagram);
        if datagram.is_later_fragment() {
            self.transport = Transport::Fragment(payload);
        } else {
            self.transport(header.protocol(), payload, payload_length);
        }
    }

    /// Cuts the body of an IP packet at its declared end, and tells the length it had on the wire.
    /// `declared` counts from the start of the header that `bytes` begins with.
    #[inline]
    fn bounded(
        &mut self,
        layer: Layer,
        bytes: &'a [u8],
        header: usize,
        declared: usize,
        body: &'a [u8],
    ) -> (&'a [u8], usize) {
        let Some(length) = declared.checked_sub(header).filter(|_| declared != 0) else {
            self.length_short(layer, bytes, declared, header);
            return (body, body.len().saturating_add(self.uncaptured()));
        };
        if let Some((payload, trailer)) = body.split_at_checked(length) {
            self.trailer = trailer;
            return (payload, length);
        }
        self.length_long(layer, bytes, declared);
        (body, length)
    }

    /// Tells how many bytes the capture left out.
    #[inline]
    const fn uncaptured(&self) -> usize {
        self.wire_len.saturating_sub(self.bytes.len())
    }

    #[cold]
    fn length_short(&mut self, layer: Layer, bytes: &[u8], declared: usize, least: usize) {
        let at = if layer == Layer::Ipv4 { 2 } else { 4 };
        self.fail(layer, bytes, at, Kind::LengthShort { declared, least });
    }

    #[cold]
    fn length_long(&mut self, layer: Layer, bytes: &[u8], declared: usize) {
        let delivered = bytes.len().saturating_add(self.uncaptured());
        let at = if layer == Layer::Ipv4 { 2 } else { 4 };
        if delivered >= declared {
            self.fail(layer, bytes, at, Kind::Cut { declared, present: bytes.len() });
        } else {
            self.fail(layer, bytes, at, Kind::LengthLong { declared, delivered });
        }
    }

    #[inline]
    fn ipv6(&mut self, bytes: &'a [u8]) {
        let Ok((header, after)) = ipv6::Header::ref_from_prefix(bytes) else {
            return self.truncated(Layer::Ipv6, bytes, ipv6::Header::LENGTH);
        };
        if header.version() != 6 {
            self.fail(Layer::Ipv6, bytes, 0, Kind::Version(header.version()));
        }
        let declared = match usize::from(header.payload_length()) {
            0 if header.next_header() == protocol::NO_NEXT_HEADER => ipv6::Header::LENGTH,
            0 => 0, // a jumbogram (RFC 2675), or a packet that the card was to cut up
            length => length.saturating_add(ipv6::Header::LENGTH),
        };
        let (body, length) =
            self.bounded(Layer::Ipv6, bytes, ipv6::Header::LENGTH, declared, after);
        let datagram = ipv6::Datagram {
            header,
            extensions: &[],
            upper: header.next_header(),
            fragment_offset: 0,
            payload: body,
            payload_length: length,
        };
        if protocol::is_extension(datagram.upper) {
            return self.extensions(datagram);
        }
        self.network = Network::V6(datagram);
        self.transport(datagram.upper, body, length);
    }

    /// Walks the extension headers, from the datagram that has all of them in its payload.
    fn extensions(&mut self, mut datagram: ipv6::Datagram<'a>) {
        let body = datagram.payload;
        let mut taken = 0_usize;
        let mut count = 0_usize;
        let mut whole = true;
        while protocol::is_extension(datagram.upper) && datagram.fragment_offset == 0 {
            let Some(extension) = ipv6::Extension::first(datagram.upper, datagram.payload) else {
                let present = datagram.payload.len();
                let needed = ipv6::length(datagram.upper, datagram.payload).unwrap_or(8);
                self.fail(Layer::Ipv6, datagram.payload, 0, Kind::Truncated { needed, present });
                whole = false;
                break;
            };
            if count == EXTENSIONS {
                self.fail(Layer::Ipv6, datagram.payload, 0, Kind::Extensions);
                whole = false;
                break;
            }
            count = count.wrapping_add(1);
            taken = taken.wrapping_add(extension.bytes.len());
            datagram.upper = extension.next_header();
            datagram.fragment_offset = extension.fragment().map_or(0, |(offset, ..)| offset);
            (datagram.extensions, datagram.payload) =
                body.split_at_checked(taken).unwrap_or((body, &[]));
        }
        datagram.payload_length = datagram.payload_length.saturating_sub(taken);
        self.network = Network::V6(datagram);
        if !whole {
            self.rest = datagram.payload;
        } else if datagram.is_later_fragment() {
            self.transport = Transport::Fragment(datagram.payload);
        } else {
            self.transport(datagram.upper, datagram.payload, datagram.payload_length);
        }
    }

    #[inline]
    fn transport(&mut self, protocol: u8, payload: &'a [u8], length: usize) {
        match protocol {
            protocol::TCP => self.segment(payload, length),
            protocol::ICMP if matches!(self.network, Network::V4(_)) => {
                self.message(icmp::Family::V4, payload, length);
            }
            protocol::ICMPV6 if matches!(self.network, Network::V6(_)) => {
                self.message(icmp::Family::V6, payload, length);
            }
            _ => self.transport = Transport::Other { protocol, payload },
        }
    }

    #[inline]
    fn segment(&mut self, bytes: &'a [u8], length: usize) {
        let Ok((header, after)) = tcp::Header::ref_from_prefix(bytes) else {
            let kind = Kind::Truncated { needed: tcp::Header::LENGTH, present: bytes.len() };
            self.fail(Layer::Tcp, bytes, 0, kind);
            self.transport = Transport::Stub(tcp::Stub { bytes });
            return;
        };
        let declared = header.data_offset();
        let (options, payload) = match declared.checked_sub(tcp::Header::LENGTH) {
            Some(length) => after.split_at_checked(length).unwrap_or_else(|| {
                self.offset_fault(bytes, declared);
                (after, &[])
            }),
            None => {
                self.offset_fault(bytes, declared);
                (&[][..], after)
            }
        };
        let payload_length = length.saturating_sub(declared.max(tcp::Header::LENGTH));
        self.transport = Transport::Tcp(tcp::Segment {
            header,
            options: Options::new(options),
            payload,
            payload_length,
        });
    }

    #[cold]
    fn offset_fault(&mut self, bytes: &[u8], declared: usize) {
        let kind = Kind::DataOffset { declared, segment: bytes.len() };
        self.fail(Layer::Tcp, bytes, 12, kind);
    }

    #[inline]
    fn message(&mut self, family: icmp::Family, bytes: &'a [u8], length: usize) {
        let Ok((header, body)) = icmp::Header::ref_from_prefix(bytes) else {
            let layer = if family == icmp::Family::V4 { Layer::Icmp } else { Layer::Icmpv6 };
            return self.truncated(layer, bytes, icmp::Header::LENGTH);
        };
        let body_length = length.saturating_sub(icmp::Header::LENGTH);
        self.transport = Transport::Icmp(icmp::Message { family, header, body, body_length });
    }
}

/// The most extension headers that are walked. RFC 8200, section 4.1 knows seven in a packet.
const EXTENSIONS: usize = 64;
