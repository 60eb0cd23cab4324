//! IP headers: what tcpdump prints of them with `-v`, and the two ends.

use core::fmt;

use super::{
    Style, extensions, icmp, ipv4_options,
    options::number,
    text::{Sink, address, bytes, decimal, hex},
};
use crate::fault::Kind;
use crate::wire::{
    checksum::Sum,
    ipv4, ipv6,
    packet::{Network, Packet, Transport},
    protocol,
};

/// Writes `IP` and, with `-v`, the header; false when tcpdump goes no further.
#[inline]
pub(super) fn v4<W: Sink>(
    out: &mut W,
    packet: &Packet<'_>,
    datagram: &ipv4::Datagram<'_>,
    style: &Style,
    named: bool,
) -> Result<bool, fmt::Error> {
    if named {
        out.write_str("IP ")?;
    }
    if let Some(fault) = packet.fault
        && !v4_fault(out, packet, datagram, style, fault.kind)?
    {
        return Ok(false);
    }
    if style.verbose > 0 {
        if !v4_header(out, packet, datagram)? {
            return Ok(false);
        }
        out.write_str(")\n    ")?;
    }
    Ok(true)
}

/// Writes what is wrong with an IPv4 header; false when tcpdump goes no further.
#[cold]
fn v4_fault<W: Sink>(
    out: &mut W,
    packet: &Packet<'_>,
    datagram: &ipv4::Datagram<'_>,
    style: &Style,
    kind: Kind,
) -> Result<bool, fmt::Error> {
    let wide = |length: usize| u64::try_from(length).unwrap_or_default();
    let header = datagram.header;
    match kind {
        Kind::HeaderLength(length) => {
            number(out, "bad-hlen ", wide(length))?;
            return Ok(false);
        }
        Kind::LengthShort { declared, .. } => {
            // tcpdump stops here; a card that was to cut up the packet leaves zero in the field.
            number(out, "bad-len ", wide(declared))?;
            out.write_str("! ")?;
        }
        Kind::LengthLong { declared, delivered } => {
            missing(out, "truncated-ip - ", declared, delivered)?;
            out.write_str(" ")?;
        }
        Kind::Truncated { .. } if is_cut(datagram) => {
            let declared = usize::from(header.total_length());
            if declared > packet.wire_len {
                missing(out, "truncated-ip - ", declared, packet.wire_len)?;
                out.write_str(" ")?;
            }
            if declared.min(packet.wire_len) < header.header_length() {
                number(out, "bad-len ", wide(declared.min(packet.wire_len)))?;
                return Ok(false);
            }
            if style.verbose == 0 {
                let present = datagram.options.len().saturating_add(ipv4::Header::LENGTH);
                number(out, " [remaining caplen(", wide(present))?;
                number(out, ") < header length(", wide(header.header_length()))?;
                out.write_str(")] [|ip]")?;
                return Ok(false);
            }
        }
        _ => {}
    }
    Ok(true)
}

/// Tells whether the bytes end before the header does.
fn is_cut(datagram: &ipv4::Datagram<'_>) -> bool {
    datagram.options.len().saturating_add(ipv4::Header::LENGTH) < datagram.header.header_length()
}

fn v4_header<W: Sink>(
    out: &mut W,
    packet: &Packet<'_>,
    datagram: &ipv4::Datagram<'_>,
) -> Result<bool, fmt::Error> {
    let header = datagram.header;
    out.write_str("(tos 0x")?;
    hex(out, header.tos(), 1)?;
    out.write_str(match header.tos() & 3 {
        1 => ",ECT(1)",
        2 => ",ECT(0)",
        3 => ",CE",
        _ => "",
    })?;
    if header.ttl() > 0 {
        number(out, ", ttl ", header.ttl().into())?;
    }
    number(out, ", id ", header.id().into())?;
    number(out, ", offset ", u64::from(header.fragment_offset()) << 3)?;
    out.write_str(", flags [")?;
    out.write_str(flags(header.flags()))?;
    out.write_str("], proto ")?;
    out.write_str(name(header.protocol(), PROTOCOLS))?;
    number(out, " (", header.protocol().into())?;
    number(out, "), length ", header.total_length().into())?;
    let options = header.header_length().saturating_sub(ipv4::Header::LENGTH);
    if options > 0 {
        out.write_str(", options (")?;
        let bytes = packet.ip_bytes().and_then(|bytes| bytes.get(ipv4::Header::LENGTH..));
        if !ipv4_options::list(out, bytes.unwrap_or_default(), options)? {
            return Ok(false);
        }
        out.write_str(")")?;
    }
    if !is_cut(datagram) {
        bad_checksum(out, datagram)?;
    }
    Ok(true)
}

fn bad_checksum<W: Sink>(out: &mut W, datagram: &ipv4::Datagram<'_>) -> fmt::Result {
    use zerocopy::IntoBytes as _;
    let header = datagram.header;
    let off = Sum::new().feed(header.as_bytes()).feed(datagram.options).finish();
    if off == 0 {
        return Ok(());
    }
    out.write_str(", bad cksum ")?;
    hex(out, header.checksum(), 1)?;
    out.write_str(" (->")?;
    hex(out, crate::wire::checksum::update(off, header.checksum(), 0), 1)?;
    out.write_str(")!")
}

/// Writes `IP6` and, with `-v`, the header.
#[inline]
pub(super) fn v6<W: Sink>(
    out: &mut W,
    packet: &Packet<'_>,
    datagram: &ipv6::Datagram<'_>,
    style: &Style,
    named: bool,
) -> fmt::Result {
    let header = datagram.header;
    if named {
        out.write_str("IP6 ")?;
    }
    if let Some(Kind::LengthLong { declared, delivered }) = packet.fault.map(|fault| fault.kind) {
        missing(out, "truncated-ip6 - ", declared, delivered)?;
    }
    if style.verbose == 0 {
        return Ok(());
    }
    out.write_str("(")?;
    if header.traffic_class() != 0 {
        out.write_str("class 0x")?;
        hex(out, header.traffic_class(), 2)?;
        out.write_str(", ")?;
    }
    if header.flow_label() != 0 {
        out.write_str("flowlabel 0x")?;
        hex(out, header.flow_label(), 5)?;
        out.write_str(", ")?;
    }
    number(out, "hlim ", header.hop_limit().into())?;
    out.write_str(", next-header ")?;
    out.write_str(name(header.next_header(), NEXT_HEADERS))?;
    number(out, " (", header.next_header().into())?;
    number(out, ") payload length: ", header.payload_length().into())?;
    out.write_str(") ")
}

/// Tells whether an IPv6 packet has a fragment header.
pub(super) fn is_fragment(packet: &Packet<'_>) -> bool {
    match &packet.network {
        Network::V6(datagram) => datagram.walk().any(|next| next.kind == protocol::FRAGMENT),
        _ => false,
    }
}

/// Writes the bytes that the words above leave out, so that the line can be read back.
pub(super) fn leftovers<W: Sink>(out: &mut W, packet: &Packet<'_>, style: &Style) -> fmt::Result {
    match &packet.network {
        Network::V4(datagram) if style.verbose > 0 && !datagram.options.is_empty() => {
            out.write_str(", (ipopt 0x")?;
            bytes(out, datagram.options)?;
            out.write_str(")")
        }
        Network::V6(datagram) if !datagram.extensions.is_empty() => {
            out.write_str(", (ext 0x")?;
            bytes(out, datagram.extensions)?;
            if style.verbose == 0 {
                number(out, " next ", datagram.header.next_header().into())?;
            }
            out.write_str(")")
        }
        _ => Ok(()),
    }
}

/// Writes both ends, with ports where they are known and follow the IP header at once.
#[inline]
pub(super) fn ends<W: Sink>(out: &mut W, packet: &Packet<'_>, style: &Style) -> fmt::Result {
    let Some((source, destination)) = packet.addresses() else {
        return Ok(());
    };
    let walked = match &packet.network {
        Network::V6(datagram)
            if !datagram.extensions.is_empty() || protocol::is_extension(datagram.upper) =>
        {
            Some(datagram)
        }
        _ => None,
    };
    let ports = packet.ports();
    let near = ports.filter(|_| walked.is_none());
    address(out, source)?;
    if let Some((port, _)) = near {
        number(out, ".", port.into())?;
    }
    out.write_str(" > ")?;
    address(out, destination)?;
    if let Some((_, port)) = near {
        number(out, ".", port.into())?;
    }
    out.write_str(": ")?;
    let Some(datagram) = walked else {
        return Ok(());
    };
    extensions::chain(out, datagram, style)?;
    let Some((from, to)) = ports else {
        if matches!(packet.transport, Transport::Stub(_)) {
            address(out, source)?;
            out.write_str(" > ")?;
            address(out, destination)?;
            out.write_str(": ")?;
        }
        return Ok(());
    };
    decimal(out, from)?;
    number(out, " > ", to.into())?;
    out.write_str(": ")
}

/// Writes both ends with their ports, whatever stands between the headers.
pub(super) fn pair<W: Sink>(out: &mut W, packet: &Packet<'_>) -> fmt::Result {
    let (Some((source, destination)), Some((from, to))) = (packet.addresses(), packet.ports())
    else {
        return Ok(());
    };
    address(out, source)?;
    number(out, ".", from.into())?;
    out.write_str(" > ")?;
    address(out, destination)?;
    number(out, ".", to.into())?;
    out.write_str(":")
}

/// Tells the flags of an IPv4 header in tcpdump's words.
pub(super) fn flags(flags: ipv4::Flags) -> &'static str {
    FLAGS.get(usize::from(flags.bits())).copied().unwrap_or_default()
}

/// Writes what a packet without TCP or ICMP carries.
pub(super) fn other<W: Sink>(out: &mut W, packet: &Packet<'_>) -> fmt::Result {
    match &packet.transport {
        Transport::Other { protocol: protocol::NO_NEXT_HEADER, .. } => {
            out.write_str("no next header")
        }
        Transport::Other { protocol, payload } => {
            number(out, " ip-proto-", (*protocol).into())?;
            number(out, " ", u64::try_from(payload.len()).unwrap_or_default())
        }
        _ => match (&packet.network, packet.protocol()) {
            (Network::V4(datagram), _) if is_cut(datagram) => out.write_str(" [|ip]"),
            (Network::V4(_), Some(protocol::ICMP)) => out.write_str(" [|icmp]"),
            (Network::V6(_), Some(protocol::ICMPV6)) => icmp::cut(out, packet.rest),
            _ => Ok(()),
        },
    }
}

fn missing<W: Sink>(out: &mut W, words: &str, declared: usize, delivered: usize) -> fmt::Result {
    number(out, words, u64::try_from(declared.saturating_sub(delivered)).unwrap_or_default())?;
    out.write_str(" bytes missing!")
}

fn name(number: u8, names: &'static [(u8, &'static str)]) -> &'static str {
    names.iter().find(|(known, _)| *known == number).map_or("unknown", |(_, name)| name)
}

/// The flags in tcpdump's words, by their three bits.
const FLAGS: [&str; 8] = ["none", "+", "DF", "+, DF", "rsvd", "+, rsvd", "DF, rsvd", "+, DF, rsvd"];

/// The protocols that tcpdump knows by name after IPv4.
const PROTOCOLS: &[(u8, &str)] = &[
    (0, "Options"),
    (1, "ICMP"),
    (2, "IGMP"),
    (4, "IPIP"),
    (6, "TCP"),
    (8, "EGP"),
    (9, "IGRP"),
    (17, "UDP"),
    (33, "DCCP"),
    (41, "IPv6"),
    (43, "Routing"),
    (44, "Fragment"),
    (46, "RSVP"),
    (47, "GRE"),
    (50, "ESP"),
    (51, "AH"),
    (55, "Mobile IP"),
    (58, "ICMPv6"),
    (88, "EIGRP"),
    (89, "OSPF"),
    (103, "PIM"),
    (108, "Compressed IP"),
    (112, "VRRP"),
    (113, "PGM"),
    (132, "SCTP"),
    (135, "Mobility"),
    (240, "Carp"),
];

/// The same after IPv6.
const NEXT_HEADERS: &[(u8, &str)] = PROTOCOLS;
