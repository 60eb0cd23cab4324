//! IPv6 extension headers in tcpdump's words.

use core::{fmt, net::Ipv6Addr};

use super::{
    Style,
    options::number,
    text::{Sink, decimal, hex, v6},
};
use crate::wire::{
    ipv6::{Datagram, Extension},
    protocol,
};

/// Writes the extension headers that stand, and the name of the first that does not.
pub(super) fn chain<W: Sink>(out: &mut W, datagram: &Datagram<'_>, style: &Style) -> fmt::Result {
    let verbose = style.verbose > 0;
    let mut left = datagram.payload_length.saturating_add(datagram.extensions.len());
    for extension in datagram.walk() {
        left = left.saturating_sub(extension.bytes.len());
        match extension.kind {
            protocol::HOP_BY_HOP | protocol::DESTINATION_OPTIONS => {
                let hops = extension.kind == protocol::HOP_BY_HOP;
                out.write_str(if hops { "HBH " } else { "DSTOPT " })?;
                if verbose {
                    let options = extension.bytes.get(2..).unwrap_or_default();
                    list(out, options, datagram.header.payload_length())?;
                    out.write_str(" ")?;
                }
            }
            protocol::FRAGMENT => fragment(out, &extension, left, verbose)?,
            protocol::ROUTING => route(out, &extension, verbose)?,
            protocol::AUTHENTICATION => out.write_str("AH ")?,
            other => {
                number(out, "EXT", other.into())?;
                out.write_str(" ")?;
            }
        }
    }
    if !protocol::is_extension(datagram.upper) || datagram.is_later_fragment() {
        return Ok(());
    }
    out.write_str(match datagram.upper {
        protocol::HOP_BY_HOP => " [|hbhopt]",
        protocol::DESTINATION_OPTIONS => " [|dstopt]",
        protocol::FRAGMENT => " [|frag]",
        protocol::ROUTING => " [|srcrt]",
        _ => " [|ip6]",
    })
}

fn fragment<W: Sink>(
    out: &mut W,
    extension: &Extension<'_>,
    left: usize,
    verbose: bool,
) -> fmt::Result {
    let (offset, _, id) = extension.fragment().unwrap_or_default();
    out.write_str("frag (")?;
    if verbose {
        out.write_str("0x")?;
        hex(out, id, 8)?;
        out.write_str(":")?;
    }
    decimal(out, u64::from(offset) << 3)?;
    number(out, "|", u64::try_from(left).unwrap_or_default())?;
    out.write_str(if offset == 0 { ") " } else { ")" })
}

fn route<W: Sink>(out: &mut W, extension: &Extension<'_>, verbose: bool) -> fmt::Result {
    let &[_, length, kind, left, a, b, c, d, ref list @ ..] = extension.bytes else {
        return Ok(());
    };
    number(out, "RT6 (len=", length.into())?;
    number(out, ", type=", kind.into())?;
    if kind == 0 {
        out.write_str(" [Deprecated]")?;
    }
    number(out, ", segleft=", left.into())?;
    match kind {
        0 | 2 => {
            let reserved = u32::from_be_bytes([a, b, c, d]);
            if verbose || reserved != 0 {
                out.write_str(", rsv=0x")?;
                hex(out, reserved, 1)?;
            }
        }
        4 => {
            number(out, ", last-entry=", a.into())?;
            if verbose || b != 0 {
                out.write_str(", flags=0x")?;
                hex(out, b, 1)?;
            }
            out.write_str(", tag=")?;
            hex(out, u16::from_be_bytes([c, d]), 1)?;
        }
        // tcpdump goes no further.
        _ => return out.write_str(") "),
    }
    for (index, address) in list.as_chunks::<16>().0.iter().enumerate() {
        number(out, ", [", u64::try_from(index).unwrap_or_default())?;
        out.write_str("]")?;
        v6(out, Ipv6Addr::from(*address))?;
    }
    out.write_str(") ")
}

/// Writes the options of a hop-by-hop or destination header.
fn list<W: Sink>(out: &mut W, options: &[u8], payload_length: u16) -> fmt::Result {
    let mut rest = options;
    while let [kind, after @ ..] = rest {
        if *kind == 0 {
            out.write_str("(pad1)")?;
            rest = after;
            continue;
        }
        let Some((length, data)) = after.split_first() else { break };
        let Some((data, behind)) = data.split_at_checked(usize::from(*length)) else { break };
        rest = behind;
        match (kind, data) {
            (1, _) => out.write_str("(padn)")?,
            (5, &[high, low]) => {
                out.write_str("(rtalert: 0x")?;
                hex(out, u16::from_be_bytes([high, low]), 4)?;
                out.write_str(") ")?;
            }
            (0xc2, &[a, b, c, d]) => {
                number(out, "(jumbo: ", u32::from_be_bytes([a, b, c, d]).into())?;
                let excess = payload_length != 0;
                out.write_str(if excess { " - payload len != 0) " } else { ") " })?;
            }
            (0xc9, address) if address.len() == 16 => {
                out.write_str("(homeaddr: ")?;
                let address = address.first_chunk::<16>().copied().unwrap_or_default();
                v6(out, Ipv6Addr::from(address))?;
                out.write_str(")")?;
            }
            _ => {
                out.write_str("(opt_type 0x")?;
                hex(out, *kind, 2)?;
                number(out, ": len=", (*length).into())?;
                out.write_str(")")?;
            }
        }
    }
    Ok(())
}
