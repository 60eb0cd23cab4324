//! What became of a segment on its way.

use core::fmt::{self, Write};

use super::{
    Relative, Style, line, network,
    options::{self, number},
    segment::{is_filled, letters},
    text::{Buffer, Sink, bytes, hex},
};
use crate::wire::{
    ipv4,
    packet::{Network, Packet},
    tcp::{Flags, Segment},
};

/// Writes what was sent and, in a second line, what of it was seen to be different: each change
/// stands below the field that it changed, and `-` below one that is gone. Tells whether there is
/// any; where there is none, the second line says `unchanged`.
///
/// ```text
/// IP 192.0.2.1.4000 > 192.0.2.2.80: Flags [S], seq 7,   win 512, length 0 (ttl 64, id 1, flags [DF], tos 0x0)
///                                              seq 981,                    ttl 61
/// ```
///
/// The first line is an [`expression`](crate::expression); numbers are absolute. Where one of the
/// two is no whole TCP segment, both are written as [`line()`] has them.
///
/// # Errors
/// Those of `out`.
pub fn diff<W: Write>(
    out: &mut W,
    sent: &Packet<'_>,
    seen: &Packet<'_>,
) -> Result<bool, fmt::Error> {
    let (Some(first), Some(second)) = (Side::of(sent), Side::of(seen)) else {
        let (style, base) = (Style::default(), Relative::default());
        line(out, sent, &style, base)?;
        out.write_str("\n")?;
        return line(out, seen, &style, base).and(Ok(true));
    };
    let mut buffer = Buffer::new(out);
    let changed = rows(&mut buffer, &first, &second)?;
    buffer.flush().and(Ok(changed))
}

/// Writes both lines, and tells whether anything was changed.
fn rows<W: Sink>(
    out: &mut W,
    first: &Side<'_, '_>,
    second: &Side<'_, '_>,
) -> Result<bool, fmt::Error> {
    let mut row = Row { out, blanks: 0 };
    for field in FIELDS {
        row.sent(*field, first, second)?;
    }
    row.blanks = 0;
    row.text(|out| out.write_str(")\n"))?;
    let mut changed = false;
    for field in FIELDS {
        changed |= row.seen(*field, first, second)?;
    }
    if !changed {
        row.blanks = 0;
        row.text(|out| out.write_str("unchanged"))?;
    }
    Ok(changed)
}

/// One of the two packets.
struct Side<'p, 'a> {
    packet: &'p Packet<'a>,
    segment: &'p Segment<'a>,
}

/// A column.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Ends,
    Flags,
    Checksum,
    Seq,
    Ack,
    Window,
    Urgent,
    Options,
    Reserved,
    DataOffset,
    Length,
    /// The time to live or hop limit, first of the IP header.
    Hops,
    Id,
    Fragment,
    Class,
    Flow,
    /// The options of IPv4, or the extension headers of IPv6.
    NetworkOptions,
}

/// The columns in their order.
const FIELDS: &[Field] = &[
    Field::Ends,
    Field::Flags,
    Field::Checksum,
    Field::Seq,
    Field::Ack,
    Field::Window,
    Field::Urgent,
    Field::Options,
    Field::Reserved,
    Field::DataOffset,
    Field::Length,
    Field::Hops,
    Field::Id,
    Field::Fragment,
    Field::Class,
    Field::Flow,
    Field::NetworkOptions,
];

impl Field {
    /// Tells what stands before the field in the first line.
    const fn lead(self) -> &'static str {
        match self {
            Self::Ends => "",
            Self::Flags => " ",
            Self::Hops => " (",
            _ => ", ",
        }
    }

    /// Tells whether both sides agree.
    fn same(self, a: &Side<'_, '_>, b: &Side<'_, '_>) -> bool {
        let (one, two) = (a.segment.header, b.segment.header);
        let visible = |flags: Flags| flags.without(Flags::RESERVED);
        match self {
            Self::Ends => {
                a.packet.addresses() == b.packet.addresses() && a.packet.ports() == b.packet.ports()
            }
            Self::Flags => visible(one.flags()) == visible(two.flags()),
            Self::Checksum => is_bad(a) == is_bad(b),
            Self::Seq => one.seq() == two.seq(),
            Self::Ack => one.ack() == two.ack(),
            Self::Window => one.window() == two.window(),
            Self::Urgent => one.urgent() == two.urgent(),
            Self::Options => a.segment.options == b.segment.options,
            Self::Reserved => one.flags().reserved() == two.flags().reserved(),
            Self::DataOffset => a.offset() == b.offset(),
            Self::Length => {
                let payload = |side: &Side<'_, '_>| side.segment.payload_length;
                payload(a) == payload(b) && a.segment.payload == b.segment.payload
            }
            _ => self.same_network(&a.packet.network, &b.packet.network),
        }
    }

    fn same_network(self, a: &Network<'_>, b: &Network<'_>) -> bool {
        match (a, b) {
            (Network::V4(a), Network::V4(b)) => {
                let (one, two) = (a.header, b.header);
                let place = |header: &ipv4::Header| (header.flags(), header.fragment_offset());
                match self {
                    Self::Hops => one.ttl() == two.ttl(),
                    Self::Id => one.id() == two.id(),
                    Self::Fragment => place(one) == place(two),
                    Self::Class => one.tos() == two.tos(),
                    _ => a.options == b.options,
                }
            }
            (Network::V6(a), Network::V6(b)) => {
                let (one, two) = (a.header, b.header);
                match self {
                    Self::Hops => one.hop_limit() == two.hop_limit(),
                    Self::Class => one.traffic_class() == two.traffic_class(),
                    Self::Flow => one.flow_label() == two.flow_label(),
                    Self::NetworkOptions => a.extensions == b.extensions,
                    _ => true,
                }
            }
            // Translated from one to the other: all of it is told.
            _ => false,
        }
    }

    /// Writes the field, or nothing where there is nothing to tell.
    fn write<W: Sink>(self, out: &mut W, side: &Side<'_, '_>) -> fmt::Result {
        let (segment, header) = (side.segment, side.segment.header);
        let flags = header.flags();
        match self {
            Self::Ends => {
                let v6 = matches!(side.packet.network, Network::V6(_));
                out.write_str(if v6 { "IP6 " } else { "IP " })?;
                network::pair(out, side.packet)
            }
            Self::Flags => {
                out.write_str("Flags [")?;
                letters(out, flags)?;
                out.write_str("]")
            }
            Self::Checksum if is_bad(side) => prefixed(out, "cksum 0x", header.checksum(), 4),
            Self::Seq => sequence(out, segment),
            Self::Ack if flags.contains(Flags::ACK) || header.ack().0 != 0 => {
                number(out, "ack ", header.ack().0.into())
            }
            Self::Window => number(out, "win ", header.window().into()),
            Self::Urgent if flags.contains(Flags::URG) || header.urgent() != 0 => {
                number(out, "urg ", header.urgent().into())
            }
            Self::Options if !segment.options.bytes().is_empty() => {
                out.write_str("options [")?;
                options::list(out, segment.options, 0, is_filled(segment), false)?;
                out.write_str("]")
            }
            Self::Reserved if flags.reserved() != 0 => {
                number(out, "rsvd ", flags.reserved().into())
            }
            Self::DataOffset => {
                side.offset().map_or(Ok(()), |offset| number(out, "doff ", wide(offset >> 2)))
            }
            Self::Length => number(out, "length ", wide(segment.payload_length)),
            _ => self.write_network(out, &side.packet.network),
        }
    }

    fn write_network<W: Sink>(self, out: &mut W, network: &Network<'_>) -> fmt::Result {
        match (self, network) {
            (Self::Hops, Network::V4(d)) => number(out, "ttl ", d.header.ttl().into()),
            (Self::Hops, Network::V6(d)) => number(out, "hlim ", d.header.hop_limit().into()),
            (Self::Id, Network::V4(d)) => number(out, "id ", d.header.id().into()),
            (Self::Fragment, Network::V4(d)) => fragment(out, d.header),
            (Self::Class, Network::V4(d)) => prefixed(out, "tos 0x", d.header.tos(), 1),
            (Self::Class, Network::V6(d)) => prefixed(out, "class 0x", d.header.traffic_class(), 2),
            (Self::Flow, Network::V6(d)) if d.header.flow_label() != 0 => {
                prefixed(out, "flow 0x", d.header.flow_label(), 5)
            }
            (Self::NetworkOptions, Network::V4(d)) if !d.options.is_empty() => {
                out.write_str("ipopt 0x")?;
                bytes(out, d.options)
            }
            (Self::NetworkOptions, Network::V6(d)) if !d.extensions.is_empty() => {
                out.write_str("ext 0x")?;
                bytes(out, d.extensions)?;
                number(out, " next ", d.header.next_header().into())
            }
            _ => Ok(()),
        }
    }
}

impl<'p, 'a> Side<'p, 'a> {
    fn of(packet: &'p Packet<'a>) -> Option<Self> {
        Some(Self { packet, segment: packet.tcp()? })
    }

    /// Tells the data offset, if it is not where the options end.
    fn offset(&self) -> Option<usize> {
        (!is_filled(self.segment)).then(|| self.segment.header.data_offset())
    }
}

/// A line with columns; blanks are written only where something follows them.
struct Row<'o, W> {
    out: &'o mut W,
    blanks: usize,
}

impl<W: Sink> Row<'_, W> {
    fn text(&mut self, text: impl FnOnce(&mut W) -> fmt::Result) -> fmt::Result {
        for _ in 0..core::mem::take(&mut self.blanks) {
            self.out.write_str(" ")?;
        }
        text(self.out)
    }

    fn sent(&mut self, field: Field, sent: &Side<'_, '_>, seen: &Side<'_, '_>) -> fmt::Result {
        let (lead, own) = (field.lead(), width(field, sent));
        let full = column(field, sent, seen);
        if own > 0 {
            // A comma stands right behind what is before it, and the blanks after the comma.
            let (comma, space) = lead.split_at(usize::from(lead.starts_with(',')));
            self.out.write_str(comma)?;
            self.text(|out| out.write_str(space))?;
            field.write(self.out, sent)?;
        } else if full > 0 {
            self.blanks = self.blanks.saturating_add(lead.len());
        }
        self.blanks = self.blanks.saturating_add(full.saturating_sub(own));
        Ok(())
    }

    /// Writes a field if it was changed, and tells whether it was.
    fn seen(
        &mut self,
        field: Field,
        sent: &Side<'_, '_>,
        seen: &Side<'_, '_>,
    ) -> Result<bool, fmt::Error> {
        let (full, same) = (column(field, sent, seen), field.same(sent, seen));
        if full == 0 {
            return Ok(!same);
        }
        self.blanks = self.blanks.saturating_add(field.lead().len());
        if same {
            self.blanks = self.blanks.saturating_add(full);
            return Ok(false);
        }
        self.text(|_| Ok(()))?;
        let used = change(&mut *self.out, field, sent, seen)?;
        self.blanks = full.saturating_sub(used);
        Ok(true)
    }
}

/// Writes what a field was changed to; its width.
fn change<W: Sink>(
    out: &mut W,
    field: Field,
    sent: &Side<'_, '_>,
    seen: &Side<'_, '_>,
) -> Result<usize, fmt::Error> {
    let own = width(field, seen);
    if own == 0 {
        let gone = if field == Field::Checksum { "cksum right" } else { "-" };
        return out.write_str(gone).and(Ok(gone.len()));
    }
    field.write(out, seen)?;
    let (one, two) = (sent.segment.payload, seen.segment.payload);
    if field != Field::Length || sent.segment.payload_length != seen.segment.payload_length {
        return Ok(own);
    }
    let at = one.iter().zip(two).take_while(|(a, b)| a == b).count();
    let mut note = Width(0);
    number(&mut note, DATA, wide(at))?;
    number(out, DATA, wide(at))?;
    Ok(own.saturating_add(note.0))
}

const DATA: &str = ", data differ from byte ";

/// Tells how wide a column is.
fn column(field: Field, sent: &Side<'_, '_>, seen: &Side<'_, '_>) -> usize {
    let plain = width(field, sent).max(width(field, seen));
    if plain == 0 || field.same(sent, seen) {
        return plain;
    }
    plain.max(change(&mut Width(0), field, sent, seen).unwrap_or_default())
}

fn width(field: Field, side: &Side<'_, '_>) -> usize {
    let mut width = Width(0);
    let _ = field.write(&mut width, side);
    width.0
}

/// Counts what is written.
struct Width(usize);

impl Write for Width {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = self.0.saturating_add(text.len());
        Ok(())
    }
}

impl Sink for Width {}

fn sequence<W: Sink>(out: &mut W, segment: &Segment<'_>) -> fmt::Result {
    let seq = segment.header.seq();
    number(out, "seq ", seq.0.into())?;
    match u32::try_from(segment.payload_length) {
        Ok(length @ 1..) => number(out, ":", seq.add(length).0.into()),
        _ => Ok(()),
    }
}

fn fragment<W: Sink>(out: &mut W, header: &ipv4::Header) -> fmt::Result {
    out.write_str("flags [")?;
    out.write_str(network::flags(header.flags()))?;
    out.write_str("]")?;
    match header.fragment_offset() {
        0 => Ok(()),
        offset => number(out, ", frag ", offset.into()),
    }
}

fn prefixed<W: Sink>(out: &mut W, word: &str, value: impl Into<u64>, digits: usize) -> fmt::Result {
    out.write_str(word)?;
    hex(out, value, digits)
}

fn is_bad(side: &Side<'_, '_>) -> bool {
    side.packet.checksum_ok() == Some(false)
}

fn wide(length: usize) -> u64 {
    u64::try_from(length).unwrap_or_default()
}
