//! What was sent against what arrived.

use super::log::option;
use crate::{
    experiment::verdict::Outcome,
    wire::{
        options::kind,
        packet::{Network, Packet},
        tcp::Flags,
    },
};

/// What became of a field, and its values if they are numbers.
pub(crate) type Compared = (Outcome, Option<(u32, u32)>);

/// Compares numbers of which 0 is a value like others.
pub(crate) fn number(sent: u32, arrived: u32) -> Compared {
    if sent == arrived {
        (Outcome::Passed, None)
    } else {
        (Outcome::Changed, Some((sent, arrived)))
    }
}

/// Compares bits of which a cleared one is gone.
pub(crate) fn bits(sent: u32, arrived: u32) -> Compared {
    match (sent, arrived) {
        (sent, arrived) if sent == arrived => (Outcome::Passed, None),
        (_, 0) => (Outcome::Removed, None),
        _ => (Outcome::Changed, Some((sent, arrived))),
    }
}

/// Compares flags.
pub(crate) fn flags(mask: Flags, sent: Flags, arrived: Flags) -> Compared {
    let only = |flags: Flags| u32::from(flags.bits() & mask.bits());
    bits(only(sent), only(arrived))
}

/// Compares the data of options.
pub(crate) fn data(sent: Option<&[u8]>, arrived: Option<&[u8]>) -> Outcome {
    match (sent, arrived) {
        (sent, arrived) if sent == arrived => Outcome::Passed,
        (_, None) => Outcome::Removed,
        (_, Some(bytes)) if !bytes.is_empty() && bytes.iter().all(|byte| *byte == 0) => {
            Outcome::Zeroed
        }
        _ => Outcome::Changed,
    }
}

/// Compares the option of a kind in two segments.
pub(crate) fn options(kind: u8, sent: &Packet<'_>, arrived: &Packet<'_>) -> Option<Compared> {
    let (sent, arrived) = (sent.tcp()?, arrived.tcp()?);
    let outcome = data(option(sent.options.bytes(), kind), option(arrived.options.bytes(), kind));
    Some((outcome, None))
}

/// Compares how far SACK blocks lie from the acknowledgement number.
pub(crate) fn sack(sent: &Packet<'_>, arrived: &Packet<'_>) -> Option<Compared> {
    let distance = |packet: &Packet<'_>| {
        let segment = packet.tcp()?;
        let (left, _) = option(segment.options.bytes(), kind::SACK)?.split_first_chunk::<4>()?;
        Some(u32::from_be_bytes(*left).wrapping_sub(segment.header.ack().0))
    };
    Some(match distance(arrived) {
        None => (Outcome::Removed, None),
        Some(arrived) => number(distance(sent)?, arrived),
    })
}

/// Compares IP options or extension headers.
pub(crate) fn ip_options(sent: &Packet<'_>, arrived: &Packet<'_>) -> Compared {
    let bytes = |network: &Network<'_>| match network {
        Network::None => None,
        Network::V4(datagram) => Some(datagram.options.len()),
        Network::V6(datagram) => Some(datagram.extensions.len()),
    };
    match (bytes(&sent.network), bytes(&arrived.network)) {
        (sent, arrived) if sent == arrived => (Outcome::Passed, None),
        (_, None | Some(0)) => (Outcome::Removed, None),
        _ => (Outcome::Changed, None),
    }
}

/// Tells the type of service octet or traffic class, and the time to live or hop limit.
pub(crate) fn class_and_hops(packet: &Packet<'_>) -> (u8, u8) {
    match &packet.network {
        Network::None => (0, 0),
        Network::V4(datagram) => (datagram.header.tos(), datagram.header.ttl()),
        Network::V6(datagram) => (datagram.header.traffic_class(), datagram.header.hop_limit()),
    }
}

/// Tells the identification (IPv4) or the flow label (IPv6).
pub(crate) fn label(packet: &Packet<'_>) -> u32 {
    match &packet.network {
        Network::None => 0,
        Network::V4(datagram) => datagram.header.id().into(),
        Network::V6(datagram) => datagram.header.flow_label(),
    }
}
