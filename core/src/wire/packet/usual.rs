//! The short way through a frame as nearly all are: TCP over IPv4 without options, or over IPv6
//! without extension headers, with every length as it should be. What is not so goes the long way;
//! both give the same packet.

use zerocopy::FromBytes;

use super::{Link, Network, Offload, Packet, Read, Start, Transport};
use crate::wire::{
    ethernet, ipv4, ipv6,
    options::Options,
    protocol::{self, ETHERTYPE_IPV4, ETHERTYPE_IPV6},
    tcp,
};

/// An IP layer, its payload, and what lies behind its end.
type Layer<'a> = (Network<'a>, &'a [u8], &'a [u8]);

impl<'a> Packet<'a> {
    /// Reads a usual frame and gives it to `reader`; `None` for any other.
    ///
    /// The reader has a place of its own for each version of IP: what it asks for is known there.
    #[inline(always)]
    pub(super) fn usual<R: Read<'a>>(
        start: Start,
        bytes: &'a [u8],
        wire_len: usize,
        offload: Offload,
        reader: R,
    ) -> Result<R::Output, R> {
        let (link, ethertype, rest) = match start {
            Start::Ethernet => match ethernet::Header::ref_from_prefix(bytes) {
                Ok((header, rest)) => (Link::Ethernet(header), header.ethertype(), rest),
                Err(_) => return Err(reader),
            },
            Start::Ip => match bytes.first().map(|first| first >> 4) {
                Some(4) => (Link::None, ETHERTYPE_IPV4, bytes),
                _ => (Link::None, ETHERTYPE_IPV6, bytes),
            },
            _ => return Err(reader),
        };
        let frame = Frame { start, bytes, wire_len: wire_len.max(bytes.len()), offload, link };
        match ethertype {
            ETHERTYPE_IPV4 => frame.read(ipv4(rest), reader),
            ETHERTYPE_IPV6 => frame.read(ipv6(rest), reader),
            _ => Err(reader),
        }
    }
}

/// What is known of a frame before its IP layer is read.
struct Frame<'a> {
    start: Start,
    bytes: &'a [u8],
    wire_len: usize,
    offload: Offload,
    link: Link<'a>,
}

impl<'a> Frame<'a> {
    #[inline(always)]
    fn read<R: Read<'a>>(self, layer: Option<Layer<'a>>, reader: R) -> Result<R::Output, R> {
        let Some((network, payload, trailer)) = layer else { return Err(reader) };
        let Some(segment) = segment(payload) else { return Err(reader) };
        Ok(reader.packet(&Packet {
            start: self.start,
            bytes: self.bytes,
            wire_len: self.wire_len,
            offload: self.offload,
            link: self.link,
            tags: &[],
            network,
            transport: Transport::Tcp(segment),
            rest: &[],
            trailer,
            fault: None,
        }))
    }
}

#[inline(always)]
fn ipv4(bytes: &[u8]) -> Option<Layer<'_>> {
    let (header, after) = ipv4::Header::ref_from_prefix(bytes).ok()?;
    if header.version_ihl != 0x45
        || header.protocol() != protocol::TCP
        || header.fragment_offset() != 0
    {
        return None;
    }
    let length = usize::from(header.total_length()).checked_sub(ipv4::Header::LENGTH)?;
    let (payload, trailer) = after.split_at_checked(length)?;
    let (options, payload_length) = (&[][..], length);
    let datagram = ipv4::Datagram { header, options, payload, payload_length };
    Some((Network::V4(datagram), payload, trailer))
}

#[inline(always)]
fn ipv6(bytes: &[u8]) -> Option<Layer<'_>> {
    let (header, after) = ipv6::Header::ref_from_prefix(bytes).ok()?;
    let length = usize::from(header.payload_length());
    if header.version() != 6 || header.next_header() != protocol::TCP || length == 0 {
        return None;
    }
    let (payload, trailer) = after.split_at_checked(length)?;
    let datagram = ipv6::Datagram {
        header,
        extensions: &[],
        upper: protocol::TCP,
        fragment_offset: 0,
        payload,
        payload_length: length,
    };
    Some((Network::V6(datagram), payload, trailer))
}

#[inline(always)]
fn segment(bytes: &[u8]) -> Option<tcp::Segment<'_>> {
    let (header, after) = tcp::Header::ref_from_prefix(bytes).ok()?;
    let length = header.data_offset().checked_sub(tcp::Header::LENGTH)?;
    let (options, payload) = after.split_at_checked(length)?;
    let options = Options::new(options);
    Some(tcp::Segment { header, options, payload, payload_length: payload.len() })
}

#[cfg(test)]
mod tests {
    use std::{format, vec::Vec};

    use super::*;
    use crate::craft::{Draft, Ipv6, Network, Payload};

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config::with_cases(4096))]
        #[test]
        fn both_ways_give_the_same(
            v6: bool,
            ethernet: bool,
            options in proptest::collection::vec(0_u8.., 0..40),
            payload in proptest::collection::vec(0_u8.., 0..20),
            change in proptest::option::of((0_usize..100, 0_u8..)),
            cut in proptest::option::of(0_usize..130),
            padding in 0_usize..8,
            more in 0_usize..8,
        ) {
            let network = if v6 { Network::V6(Ipv6::default()) } else { Draft::default().network };
            let payload = Payload::Bytes(&payload);
            let draft = Draft { network, options: &options, payload, ..Draft::default() };
            let mut buffer = [0; 200];
            let mut bytes = Vec::new();
            if ethernet {
                let ethertype = if v6 { ETHERTYPE_IPV6 } else { ETHERTYPE_IPV4 };
                bytes.extend([[0; 12].as_slice(), &ethertype.to_be_bytes()].concat());
            }
            bytes.extend(draft.write(&mut buffer).unwrap());
            bytes.resize(bytes.len() + padding, 0);
            if let Some((at, value)) = change {
                let at = at % bytes.len();
                bytes[at] = value;
            }
            bytes.truncate(cut.unwrap_or(usize::MAX));
            let start = if ethernet { Start::Ethernet } else { Start::Ip };
            let (wire_len, offload) = (bytes.len() + more, Offload::default());
            let long = Packet::unusual(start, &bytes, wire_len, offload);
            let same = |packet: &Packet<'_>| format!("{packet:?}");
            if let Ok(short) = Packet::usual(start, &bytes, wire_len, offload, same) {
                proptest::prop_assert_eq!(short, format!("{long:?}"));
            }
            let whole = cut.is_none() && change.is_none();
            proptest::prop_assert!(!whole || long.fault.is_none());
        }
    }
}
