//! One line a packet, as `tcpdump -nn` prints it.
//!
//! [`line()`] writes the text that tcpdump 4.99 writes for TCP over IPv4 and IPv6 and for the ICMP
//! errors that quote it, byte for byte but for these: where tcpdump would leave bytes out, the line
//! has the lossless form (`opt KIND …`, `raw 0x…`, `(ext 0x… next N)`); bits and lengths that it
//! does not show are shown where they are not as usual (`e` among the flags, `rsvd N`, `doff N`);
//! and there are no guesses about the payload from port numbers. A line of a TCP segment is an
//! [`expression`](crate::expression).
//!
//! ```
//! use tcpexposure_core::{expression, craft::Draft, summary::{Line, Style}, wire::packet::Packet};
//! let text = "IP 192.0.2.1.4000 > 192.0.2.2.80: Flags [S], seq 7, win 512, options [mss 1460], length 0";
//! let expression = expression::parse(text).unwrap();
//! let draft = expression.draft(Draft {
//!     network: tcpexposure_core::craft::Network::between(
//!         expression.source.unwrap(), expression.destination.unwrap()).unwrap(),
//!     source_port: expression.source_port.unwrap(),
//!     destination_port: expression.destination_port.unwrap(),
//!     ..Draft::default()
//! }).unwrap();
//! let mut buffer = [0; 100];
//! let packet = Packet::from_ip(draft.write(&mut buffer).unwrap());
//! assert_eq!(Line::new(&packet, &Style::default()).to_string(), text);
//! ```

use core::fmt::{self, Write};

use crate::{
    fault::{Kind, Layer},
    wire::{
        icmp::{Family, Message},
        options::Options,
        packet::{Network, Packet, Transport},
    },
};

mod diff;
mod dump;
mod extensions;
mod flow;
mod icmp;
mod ipv4_options;
mod link;
mod network;
mod options;
mod segment;
mod text;

use text::{Buffer, Sink};

pub use diff::diff;
pub use dump::{dump, dumped};
pub use flow::{Bases, Conversation, Flows, Memory, Relative, base, relative};

/// What a line tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// How much: `-v` is 1, `-vv` 2.
    pub verbose: u8,
    /// Whether the link-layer header is printed: `-e`.
    pub link: bool,
}

/// A packet's line with absolute numbers, to be displayed.
#[derive(Clone, Copy, Debug)]
pub struct Line<'p, 'a> {
    packet: &'p Packet<'a>,
    style: Style,
    base: Relative,
}

impl<'p, 'a> Line<'p, 'a> {
    /// Makes the line of a packet.
    #[must_use]
    pub fn new(packet: &'p Packet<'a>, style: &Style) -> Self {
        Self { packet, style: *style, base: Relative::default() }
    }

    /// Makes the numbers relative to `base`.
    #[must_use]
    pub const fn relative_to(self, base: Relative) -> Self {
        Self { base, ..self }
    }
}

impl fmt::Display for Line<'_, '_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        line(out, self.packet, &self.style, self.base)
    }
}

/// Writes a packet's line, two with `-v` and IPv4, without time stamp and line break.
///
/// # Errors
/// Those of `out`.
#[inline]
pub fn line<W: Write>(
    out: &mut W,
    packet: &Packet<'_>,
    style: &Style,
    base: Relative,
) -> fmt::Result {
    let mut buffer = Buffer::new(out);
    whole(&mut buffer, packet, style, base)?;
    buffer.flush()
}

/// Writes a line from the link layer on.
#[inline]
fn whole<W: Sink>(out: &mut W, packet: &Packet<'_>, style: &Style, base: Relative) -> fmt::Result {
    link::way(out, packet)?;
    if style.link {
        link::header(out, packet)?;
    } else if !packet.tags.is_empty() {
        link::announced(out, packet)?;
    }
    ip(out, packet, style, base, !style.link)
}

/// Writes the options of a segment as a line has them between its brackets.
///
/// # Errors
/// Those of `out`.
pub fn option_list<W: Write>(out: &mut W, list: Options<'_>) -> fmt::Result {
    let mut buffer = Buffer::new(out);
    options::list(&mut buffer, list, 0, true, false)?;
    buffer.flush()
}

#[inline]
fn ip<W: Sink>(
    out: &mut W,
    packet: &Packet<'_>,
    style: &Style,
    base: Relative,
    named: bool,
) -> fmt::Result {
    if headers(out, packet, style, named)?.is_none() {
        return Ok(());
    }
    let Transport::Icmp(found) = &packet.transport else {
        return above(out, packet, style, base);
    };
    // What a quote quotes in its turn is left out, so that the depth is bounded.
    let whole = icmp::message(out, found, packet, style)?;
    if whole { quoted(out, found, style, base, named) } else { Ok(()) }
}

/// Writes the IP header and both ends; `None` when tcpdump goes no further.
#[inline]
fn headers<W: Sink>(
    out: &mut W,
    packet: &Packet<'_>,
    style: &Style,
    named: bool,
) -> Result<Option<()>, fmt::Error> {
    match &packet.network {
        Network::None => return nothing(out, packet, named).map(|()| None),
        Network::V4(datagram) => {
            if !network::v4(out, packet, datagram, style, named)? {
                return Ok(None);
            }
        }
        Network::V6(datagram) => network::v6(out, packet, datagram, style, named)?,
    }
    network::ends(out, packet, style).map(Some)
}

/// Writes what an IP packet carries.
#[inline]
fn above<W: Sink>(out: &mut W, packet: &Packet<'_>, style: &Style, base: Relative) -> fmt::Result {
    match &packet.transport {
        Transport::Tcp(found) => segment::segment(out, packet, found, style, base),
        Transport::Stub(found) => segment::stub(out, found),
        Transport::Icmp(found) => icmp::message(out, found, packet, style).map(|_| ()),
        Transport::Fragment(_) => fragment(out, packet),
        _ => network::other(out, packet),
    }
}

/// Writes the datagram that an ICMP error quotes, as tcpdump does with `-v`: for IPv4 only.
fn quoted<W: Sink>(
    out: &mut W,
    message: &Message<'_>,
    style: &Style,
    base: Relative,
    named: bool,
) -> fmt::Result {
    let v4 = message.family == Family::V4;
    let Some(quote) = message.quote().filter(|_| v4 && style.verbose > 0) else {
        return Ok(());
    };
    out.write_str("\n\t")?;
    match quote.network {
        Network::None if message.body.len() < 4 => out.write_str(" [|icmp]"),
        _ => {
            headers(out, &quote, style, named)?.map_or(Ok(()), |()| above(out, &quote, style, base))
        }
    }
}

/// Writes that there is no transport header in a fragment.
fn fragment<W: Sink>(out: &mut W, packet: &Packet<'_>) -> fmt::Result {
    match &packet.network {
        Network::V4(datagram) => {
            options::number(out, "ip-proto-", datagram.header.protocol().into())
        }
        _ => Ok(()),
    }
}

/// Writes what can be said of a packet without an IP header.
#[cold]
fn nothing<W: Sink>(out: &mut W, packet: &Packet<'_>, named: bool) -> fmt::Result {
    let Some(fault) = packet.fault else {
        return out.write_str("[nothing]");
    };
    match (fault.kind, fault.layer) {
        (Kind::NotIp(ethertype), _) => link::not_ip(out, packet, ethertype),
        (Kind::Truncated { .. }, Layer::Ipv4) => {
            let named = named && !packet.rest.is_empty();
            out.write_str(if named { "IP  [|ip]" } else { " [|ip]" })
        }
        (Kind::Truncated { .. }, Layer::Ipv6) => out.write_str(" [|ip6]"),
        (Kind::Truncated { .. }, Layer::Link) => out.write_str(link::cut(packet)),
        (kind, _) => write!(out, "[{kind}]"),
    }
}
