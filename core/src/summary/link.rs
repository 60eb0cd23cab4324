//! Link-layer headers, as `-e` prints them.

use core::fmt;

use super::{
    options::number,
    text::{Sink, hardware, hex},
};
use crate::wire::{
    packet::{Link, Packet, Start},
    protocol,
};

/// Writes the link-layer header.
pub(super) fn header<W: Sink>(out: &mut W, packet: &Packet<'_>) -> fmt::Result {
    match packet.link {
        Link::None if packet.start == Start::Ip => out.write_str("ip: "),
        Link::None => Ok(()),
        Link::Ethernet(header) => {
            hardware(out, &header.source())?;
            out.write_str(" > ")?;
            hardware(out, &header.destination())?;
            out.write_str(", ")?;
            if packet.tags.is_empty() && protocol::is_vlan(header.ethertype()) {
                // The tag is cut.
                return Ok(());
            }
            ethertype(out, header.ethertype())?;
            length(out, packet)?;
            tags(out, packet)
        }
        Link::Cooked(header) => {
            let (_, right) = ways(header.packet_type());
            out.write_str(right)?;
            cooked(out, header.address(), header.ethertype(), packet)
        }
        Link::Cooked2(header) => {
            number(out, "ifindex ", header.interface().into())?;
            cooked(out, header.address(), header.ethertype(), packet)
        }
        Link::Protocol(family) if packet.start == Start::Ppp => {
            out.write_str(match family {
                0x21 => "IP (0x0021)",
                0x57 => "IP6 (0x0057)",
                _ => "unknown",
            })?;
            length(out, packet)
        }
        Link::Protocol(family) => {
            out.write_str(if family == 2 { "AF IPv4 (" } else { "AF IPv6 (" })?;
            super::text::decimal(out, family)?;
            out.write_str(")")?;
            length(out, packet)
        }
    }
}

fn cooked<W: Sink>(out: &mut W, address: &[u8], protocol: u16, packet: &Packet<'_>) -> fmt::Result {
    out.write_str(" ")?;
    if address.len() == 6 {
        hardware(out, address)?;
        out.write_str(" ")?;
    }
    ethertype(out, protocol)?;
    length(out, packet)?;
    tags(out, packet)
}

fn tags<W: Sink>(out: &mut W, packet: &Packet<'_>) -> fmt::Result {
    let coded = matches!(packet.link, Link::Ethernet(_));
    for tag in packet.tags {
        number(out, "vlan ", tag.identifier().into())?;
        number(out, ", p ", tag.priority().into())?;
        out.write_str(if tag.drop_eligible() { ", DEI, " } else { ", " })?;
        if coded {
            ethertype(out, tag.ethertype())?;
        } else {
            out.write_str("ethertype ")?;
            out.write_str(name(tag.ethertype()))?;
        }
        out.write_str(", ")?;
    }
    Ok(())
}

/// Writes what is told of tags without `-e`: of those behind a cooked header, what they announce.
pub(super) fn announced<W: Sink>(out: &mut W, packet: &Packet<'_>) -> fmt::Result {
    if !matches!(packet.link, Link::Cooked(_) | Link::Cooked2(_)) {
        return Ok(());
    }
    packet.tags.iter().try_for_each(|tag| {
        out.write_str("ethertype ")?;
        out.write_str(name(tag.ethertype()))?;
        out.write_str(", ")
    })
}

fn ethertype<W: Sink>(out: &mut W, ethertype: u16) -> fmt::Result {
    out.write_str("ethertype ")?;
    out.write_str(name(ethertype))?;
    out.write_str(" (0x")?;
    hex(out, ethertype, 4)?;
    out.write_str(")")
}

/// Writes the length of the whole frame.
fn length<W: Sink>(out: &mut W, packet: &Packet<'_>) -> fmt::Result {
    number(out, ", length ", u64::try_from(packet.wire_len).unwrap_or_default())?;
    out.write_str(": ")
}

/// Tells what tcpdump writes where the link-layer header is cut.
pub(super) const fn cut(packet: &Packet<'_>) -> &'static str {
    match (packet.link, packet.start) {
        (Link::None, Start::Ethernet) => " [|ether]",
        (Link::None, Start::LinuxSll) => " [|sll]",
        (Link::None, Start::LinuxSll2) => " [|sll2]",
        (Link::None, Start::Ppp) => " [|ppp]",
        (Link::None, _) => " [|null]",
        _ => " [|vlan]",
    }
}

/// Writes what is not IP: its name, and how long it is.
pub(super) fn not_ip<W: Sink>(out: &mut W, packet: &Packet<'_>, ethertype: u16) -> fmt::Result {
    let known = name(ethertype);
    if known == "Unknown" {
        out.write_str("ethertype Unknown (0x")?;
        hex(out, ethertype, 4)?;
        out.write_str(")")?;
    } else {
        out.write_str(known)?;
    }
    number(out, ", length ", u64::try_from(packet.rest.len()).unwrap_or_default())
}

fn name(ethertype: u16) -> &'static str {
    let known = ETHERTYPES.iter().find(|(known, _)| *known == ethertype);
    known.map_or("Unknown", |(_, name)| name)
}

/// Writes the way that a packet of the second cooked format went, which tcpdump prints always. The
/// interface's name before it would be one of this machine, not of the one that captured.
#[inline]
pub(super) fn way<W: Sink>(out: &mut W, packet: &Packet<'_>) -> fmt::Result {
    let Link::Cooked2(header) = packet.link else { return Ok(()) };
    out.write_str("?     ")?;
    out.write_str(ways(header.packet_type().into()).0)
}

/// Tells the way of a cooked packet: with spaces at the right and at the left.
fn ways(packet_type: u16) -> (&'static str, &'static str) {
    match packet_type {
        0 => ("In  ", " In"),
        1 => ("B   ", "  B"),
        2 => ("M   ", "  M"),
        3 => ("P   ", "  P"),
        4 => ("Out ", "Out"),
        _ => ("?   ", "  ?"),
    }
}

const ETHERTYPES: &[(u16, &str)] = &[
    (protocol::ETHERTYPE_IPV4, "IPv4"),
    (protocol::ETHERTYPE_ARP, "ARP"),
    (protocol::ETHERTYPE_VLAN, "802.1Q"),
    (protocol::ETHERTYPE_IPV6, "IPv6"),
    (0x8847, "MPLS unicast"),
    (0x8863, "PPPoE D"),
    (0x8864, "PPPoE S"),
    (0x888e, "EAPOL"),
    (protocol::ETHERTYPE_SERVICE_VLAN, "802.1Q-QinQ"),
    (0x88cc, "LLDP"),
    (protocol::ETHERTYPE_OLD_SERVICE_VLAN, "802.1Q-9100"),
    (protocol::ETHERTYPE_OLD_VLAN, "802.1Q-9200"),
];
