//! ICMP and ICMPv6 errors in tcpdump's words.

use core::{
    fmt,
    net::{IpAddr, Ipv4Addr},
};

use super::{
    Style,
    dump::dump,
    options::number,
    text::{Sink, address, hex},
};
use crate::wire::{
    icmp::{Family, Message},
    packet::{Network, Packet},
    protocol,
};

/// Writes a message, but for the datagram that it quotes; false when tcpdump stops in the middle.
pub(super) fn message<W: Sink>(
    out: &mut W,
    message: &Message<'_>,
    packet: &Packet<'_>,
    style: &Style,
) -> Result<bool, fmt::Error> {
    let verbose = style.verbose > 0;
    let quote = message.quote();
    let quoted = quote.as_ref().and_then(Packet::addresses);
    let length = u64::try_from(message.body_length).unwrap_or_default().saturating_add(8);
    match message.family {
        Family::V4 => {
            let (kind, code) = (message.header.kind(), message.header.code());
            let addressed = quoted.is_some() || !matches!(kind, 3 | 5 | 11);
            if !addressed || (kind, code) == (3, 3) && quote.as_ref().and_then(port).is_none() {
                return out.write_str(" [|icmp]").and(Ok(false));
            }
            out.write_str("ICMP ")?;
            v4(out, message, quote.as_ref(), quoted.map(|(_, to)| to))?;
            number(out, ", length ", length)?;
            if verbose {
                wrong_checksum(out, message, packet)?;
            }
        }
        Family::V6 => {
            if verbose {
                sum_ok(out, message, packet)?;
            }
            out.write_str("ICMP6, ")?;
            let whole = v6(out, message, packet, quote.as_ref(), style)?;
            if whole && !verbose {
                number(out, ", length ", length)?;
            }
        }
    }
    Ok(true)
}

/// Writes the beginning of an ICMPv6 message whose header is cut, as tcpdump does.
pub(super) fn cut<W: Sink>(out: &mut W, bytes: &[u8]) -> fmt::Result {
    if let [kind, after @ ..] = bytes {
        out.write_str("ICMP6, ")?;
        out.write_str(match kind {
            1 if after.first() == Some(&4) => "destination unreachable, unreachable port",
            1 => "destination unreachable",
            2 => "packet too big",
            3 => "time exceeded in-transit",
            4 => "parameter problem",
            _ => "",
        })?;
    }
    out.write_str(" [|icmp6]")
}

fn v4<W: Sink>(
    out: &mut W,
    message: &Message<'_>,
    quote: Option<&Packet<'_>>,
    to: Option<IpAddr>,
) -> fmt::Result {
    let (kind, code, rest) = (message.header.kind(), message.header.code(), message.header.rest());
    let named = |out: &mut W| to.map_or(Ok(()), |to| address(out, to));
    match kind {
        3 => unreachable_v4(out, code, rest, quote, named),
        4 => out.write_str("source quench"),
        5 => {
            let (word, target) = match code {
                0 => ("redirect ", " to net "),
                1 => ("redirect ", " to host "),
                2 => ("redirect-tos ", " to net "),
                3 => ("redirect-tos ", " to host "),
                _ => ("", " to "),
            };
            if code > 3 {
                number(out, "redirect-#", code.into())?;
                out.write_str(" ")?;
            }
            out.write_str(word)?;
            named(out)?;
            out.write_str(target)?;
            address(out, IpAddr::V4(Ipv4Addr::from(rest)))
        }
        11 => match code {
            0 => out.write_str("time exceeded in-transit"),
            1 => out.write_str("ip reassembly time exceeded"),
            _ => number(out, "time exceeded-#", code.into()),
        },
        12 if code == 0 => number(out, "parameter problem - octet ", u64::from(rest >> 24)),
        12 => number(out, "parameter problem - code ", code.into()),
        0 | 8 => {
            out.write_str(if kind == 8 { "echo request" } else { "echo reply" })?;
            identifiers(out, rest)
        }
        _ => number(out, "type-#", kind.into()),
    }
}

fn unreachable_v4<W: Sink>(
    out: &mut W,
    code: u8,
    rest: u32,
    quote: Option<&Packet<'_>>,
    named: impl Fn(&mut W) -> fmt::Result,
) -> fmt::Result {
    let (before, after) = UNREACHABLE_V4.get(usize::from(code)).copied().unwrap_or(("", ""));
    out.write_str(before)?;
    named(out)?;
    match code {
        2 => {
            let protocol = quote.and_then(Packet::protocol).unwrap_or_default();
            number(out, " protocol ", protocol.into())?;
            out.write_str(" unreachable")
        }
        3 => {
            unreachable_port(out, quote)?;
            out.write_str(" unreachable")
        }
        4 if rest & 0xffff != 0 => {
            number(out, " unreachable - need to frag (mtu ", u64::from(rest & 0xffff))?;
            out.write_str(")")
        }
        0..=15 => out.write_str(after),
        _ => number(out, " unreachable - #", code.into()),
    }
}

/// Writes the port that a quoted datagram was for.
fn unreachable_port<W: Sink>(out: &mut W, quote: Option<&Packet<'_>>) -> fmt::Result {
    match quote.and_then(Packet::protocol) {
        Some(protocol::TCP) => out.write_str(" tcp")?,
        Some(protocol::UDP) => out.write_str(" udp")?,
        other => number(out, " protocol ", other.unwrap_or_default().into())?,
    }
    number(out, " port ", quote.and_then(port).unwrap_or_default().into())
}

/// Tells the port that a quoted datagram was for: where TCP has it, with any protocol of IPv4.
fn port(quote: &Packet<'_>) -> Option<u16> {
    let payload = match &quote.network {
        Network::V4(datagram) => datagram.payload,
        Network::V6(datagram) if matches!(datagram.upper, protocol::TCP | protocol::UDP) => {
            datagram.payload
        }
        _ => return None,
    };
    payload.get(2..)?.first_chunk().copied().map(u16::from_be_bytes)
}

/// Writes an ICMPv6 message; false when tcpdump stops in the middle of it.
fn v6<W: Sink>(
    out: &mut W,
    message: &Message<'_>,
    packet: &Packet<'_>,
    quote: Option<&Packet<'_>>,
    style: &Style,
) -> Result<bool, fmt::Error> {
    let (kind, code, rest) = (message.header.kind(), message.header.code(), message.header.rest());
    if let Some((what, words)) = unquoted(kind, code, quote) {
        out.write_str(what)?;
        out.write_str(words.trim_end_matches([',', ' ']))?;
        out.write_str(" [|icmp6]")?;
        return Ok(false);
    }
    match kind {
        1 if code > 4 => {
            number(out, "destination unreachable, unknown unreach code (", code.into())?;
            out.write_str(")")?;
            return unknown(out, packet, style);
        }
        1 => unreachable_v6(out, code, quote)?,
        2 => number(out, "packet too big, mtu ", rest.into())?,
        3 => exceeded_v6(out, code, quote)?,
        4 => parameter_v6(out, code, rest)?,
        128 | 129 => {
            out.write_str(if kind == 128 { "echo request" } else { "echo reply" })?;
            identifiers(out, rest)?;
        }
        _ => number(out, "type-#", kind.into())?,
    }
    Ok(true)
}

/// Tells the words of a message that says too little about the packet it quotes.
fn unquoted(
    kind: u8,
    code: u8,
    quote: Option<&Packet<'_>>,
) -> Option<(&'static str, &'static str)> {
    let known = match (kind, code) {
        (1, 4) => quote.and_then(port).is_some(),
        _ => quote.and_then(Packet::addresses).is_some(),
    };
    match (kind, code) {
        _ if known => None,
        (1, 0..=4) => Some((UNREACHABLE, words(&UNREACHABLE_V6, code))),
        (3, 0) => Some(("time exceeded in-transit", "")),
        (4, _) => Some(("parameter problem", "")),
        _ => None,
    }
}

fn unreachable_v6<W: Sink>(out: &mut W, code: u8, quote: Option<&Packet<'_>>) -> fmt::Result {
    out.write_str(UNREACHABLE)?;
    out.write_str(words(&UNREACHABLE_V6, code))?;
    let Some((from, to)) = quote.and_then(Packet::addresses) else { return Ok(()) };
    address(out, to)?;
    match code {
        2 => {
            out.write_str(", source address ")?;
            address(out, from)
        }
        4 => unreachable_port(out, quote),
        _ => Ok(()),
    }
}

fn exceeded_v6<W: Sink>(out: &mut W, code: u8, quote: Option<&Packet<'_>>) -> fmt::Result {
    match (code, quote.and_then(Packet::addresses)) {
        (0, to) => {
            out.write_str("time exceeded in-transit for ")?;
            to.map_or(Ok(()), |(_, to)| address(out, to))
        }
        (1, _) => out.write_str("time exceeded in-transit (reassembly)"),
        _ => {
            number(out, "time exceeded in-transit, unknown code (", code.into())?;
            out.write_str(")")
        }
    }
}

fn parameter_v6<W: Sink>(out: &mut W, code: u8, octet: u32) -> fmt::Result {
    if code > 3 {
        return number(out, "parameter problem, code-#", code.into());
    }
    out.write_str("parameter problem, ")?;
    out.write_str(words(&PARAMETER_V6, code))?;
    number(out, " - octet ", octet.into())
}

/// Tells the words of a code.
fn words(table: &[&'static str], code: u8) -> &'static str {
    table.get(usize::from(code)).copied().unwrap_or_default()
}

/// Writes the bytes of an ICMPv6 message that tcpdump does not know, as it does.
fn unknown<W: Sink>(out: &mut W, packet: &Packet<'_>, style: &Style) -> Result<bool, fmt::Error> {
    match &packet.network {
        Network::V6(datagram) if style.verbose < 2 => dump(out, datagram.payload, false)?,
        _ => {}
    }
    Ok(false)
}

fn identifiers<W: Sink>(out: &mut W, rest: u32) -> fmt::Result {
    number(out, ", id ", u64::from(rest >> 16))?;
    number(out, ", seq ", u64::from(rest & 0xffff))
}

/// Writes that the checksum of an ICMP message is wrong, if it is.
fn wrong_checksum<W: Sink>(out: &mut W, message: &Message<'_>, packet: &Packet<'_>) -> fmt::Result {
    let Some(off) = packet.transport_sum().map(|sum| sum.finish()).filter(|off| *off != 0) else {
        return Ok(());
    };
    let stated = message.header.checksum();
    out.write_str(" (wrong icmp cksum ")?;
    hex(out, stated, 1)?;
    out.write_str(" (->")?;
    hex(out, crate::wire::checksum::update(off, stated, 0), 1)?;
    out.write_str(")!)")
}

/// Writes whether the checksum of an ICMPv6 message is right, if that can be told.
fn sum_ok<W: Sink>(out: &mut W, message: &Message<'_>, packet: &Packet<'_>) -> fmt::Result {
    let Some(off) = packet.transport_sum().map(|sum| sum.finish()) else {
        return Ok(());
    };
    if off == 0 {
        return out.write_str("[icmp6 sum ok] ");
    }
    let stated = message.header.checksum();
    out.write_str("[bad icmp6 cksum 0x")?;
    hex(out, stated, 4)?;
    out.write_str(" -> 0x")?;
    hex(out, crate::wire::checksum::update(off, stated, 0), 4)?;
    out.write_str("!] ")
}

/// What stands before and behind the destination, by code.
const UNREACHABLE_V4: [(&str, &str); 16] = [
    ("net ", " unreachable"),
    ("host ", " unreachable"),
    ("", ""),
    ("", ""),
    ("", " unreachable - need to frag"),
    ("", " unreachable - source route failed"),
    ("net ", " unreachable - unknown"),
    ("host ", " unreachable - unknown"),
    ("", " unreachable - source host isolated"),
    ("net ", " unreachable - admin prohibited"),
    ("host ", " unreachable - admin prohibited"),
    ("net ", " unreachable - tos prohibited"),
    ("host ", " unreachable - tos prohibited"),
    ("host ", " unreachable - admin prohibited filter"),
    ("host ", " unreachable - host precedence violation"),
    ("host ", " unreachable - precedence cutoff"),
];

const UNREACHABLE: &str = "destination unreachable, ";

const UNREACHABLE_V6: [&str; 5] = [
    "unreachable route ",
    " unreachable prohibited ",
    "beyond scope ",
    "unreachable address ",
    "unreachable port, ",
];

const PARAMETER_V6: [&str; 4] = ["erroneous", "next header", "option", "incomplete header chain"];
