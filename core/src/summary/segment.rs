//! A TCP segment's line, from the flags on.

use core::fmt;

use super::{
    Style,
    flow::Relative,
    network,
    options::{self, number},
    text::{Sink, hex},
};
use crate::fault::Kind;
use crate::wire::{
    options::Item,
    packet::{Checksummed, Network, Packet},
    tcp::{Flags, Header, Segment, Stub},
};

/// Writes a segment.
#[inline]
pub(super) fn segment<W: Sink>(
    out: &mut W,
    packet: &Packet<'_>,
    segment: &Segment<'_>,
    style: &Style,
    base: Relative,
) -> fmt::Result {
    let header = segment.header;
    let flags = header.flags();
    out.write_str("Flags [")?;
    letters(out, flags)?;
    out.write_str("]")?;
    if style.verbose > 0 {
        checksum(out, packet, header)?;
    }
    let length = u64::try_from(segment.payload_length).unwrap_or_default();
    if length > 0 || style.verbose > 1 || flags.intersects(MARKED) {
        let seq = header.seq().sub(base.seq);
        number(out, ", seq ", seq.0.into())?;
        if length > 0 {
            let end = seq.add(u32::try_from(segment.payload_length).unwrap_or_default());
            number(out, ":", end.0.into())?;
        }
    }
    if flags.contains(Flags::ACK) {
        number(out, ", ack ", header.ack().sub(base.ack).0.into())?;
    }
    number(out, ", win ", header.window().into())?;
    if flags.contains(Flags::URG) {
        number(out, ", urg ", header.urgent().into())?;
    }
    if !segment.options.bytes().is_empty() {
        out.write_str(", options [")?;
        let cut = segment.payload.len() < segment.payload_length;
        options::list(out, segment.options, base.sack, is_filled(segment), cut)?;
        out.write_str("]")?;
    }
    oddities(out, packet, segment)?;
    network::leftovers(out, packet, style)?;
    number(out, ", length ", length)?;
    if style.verbose > 0 && flags.contains(Flags::RST) && length > 0 {
        reset_cause(out, segment)?;
    }
    Ok(())
}

/// Writes what tcpdump does not show, where there is any: it would be lost else.
#[inline]
fn oddities<W: Sink>(out: &mut W, packet: &Packet<'_>, segment: &Segment<'_>) -> fmt::Result {
    let header = segment.header;
    let reserved = header.flags().reserved();
    if reserved != 0 {
        number(out, ", rsvd ", reserved.into())?;
    }
    if is_cut(packet, segment) {
        // The header is whole on the wire: only the capture is not.
        let ended = is_filled(segment) || segment.options.iter().any(|item| item == Item::End);
        return if ended { Ok(()) } else { out.write_str(" [|tcp]") };
    }
    if !is_filled(segment) {
        let words = u64::try_from(header.data_offset() >> 2).unwrap_or_default();
        number(out, ", doff ", words)?;
    }
    Ok(())
}

/// Tells whether the header was whole on the wire, but perhaps not in the capture.
#[inline]
fn is_cut(packet: &Packet<'_>, segment: &Segment<'_>) -> bool {
    let Some(Kind::Cut { .. }) = packet.fault.map(|fault| fault.kind) else {
        return false;
    };
    let length = match &packet.network {
        Network::None => 0,
        Network::V4(datagram) => datagram.payload_length,
        Network::V6(datagram) => datagram.payload_length,
    };
    (Header::LENGTH..=length).contains(&segment.header.data_offset())
}

/// Tells whether the data offset is where the options end.
#[inline]
pub(super) fn is_filled(segment: &Segment<'_>) -> bool {
    segment.header.data_offset() == Header::LENGTH.saturating_add(segment.options.bytes().len())
}

/// Writes the letters of the flags.
#[inline]
pub(super) fn letters<W: Sink>(out: &mut W, flags: Flags) -> fmt::Result {
    let Some(common) = COMMON.iter().find(|(known, _)| *known == flags) else {
        let mut none = true;
        for (flag, letter) in LETTERS {
            if flags.contains(*flag) {
                out.write_str(letter)?;
                none = false;
            }
        }
        return if none { out.write_str("none") } else { Ok(()) };
    };
    out.write_str(common.1)
}

/// Writes the checksum, and whether it is right where that can be told.
fn checksum<W: Sink>(out: &mut W, packet: &Packet<'_>, header: &Header) -> fmt::Result {
    // tcpdump takes every packet with a fragment header for one of several.
    let Some(sum) = packet.transport_sum().filter(|_| !network::is_fragment(packet)) else {
        return Ok(());
    };
    out.write_str(", cksum 0x")?;
    hex(out, header.checksum(), 4)?;
    let partial = packet.offload.checksum == Checksummed::Partial;
    let off = sum.finish();
    if off == 0 && !partial {
        return out.write_str(" (correct)");
    }
    // What the field would have to be for the sum to come out right.
    let right = crate::wire::checksum::update(off, header.checksum(), 0);
    out.write_str(" (incorrect -> 0x")?;
    hex(out, right, 4)?;
    out.write_str(")")
}

/// Writes what a reset carries as text: RFC 9293, section 3.5.2.
fn reset_cause<W: Sink>(out: &mut W, segment: &Segment<'_>) -> fmt::Result {
    let (payload, length) = (segment.payload, segment.payload_length);
    out.write_str(if payload.len() < length { " [!RST" } else { " [RST" })?;
    if length > RESET_TEXT {
        out.write_str("+")?;
    }
    out.write_str(" ")?;
    let shown = payload.get(..RESET_TEXT);
    for byte in shown.unwrap_or(payload) {
        character(out, *byte)?;
    }
    out.write_str("]")
}

/// Writes a byte as tcpdump does in text: control characters with `^`, high bytes with `M-`.
fn character<W: Sink>(out: &mut W, byte: u8) -> fmt::Result {
    let low = byte & 0x7f;
    if byte != low {
        out.write_str("M-")?;
    }
    if low.is_ascii_graphic() || low == b' ' {
        return out.write_char(low.into());
    }
    out.write_str("^")?;
    out.write_char((low ^ 0x40).into())
}

/// Writes that a header is cut, as tcpdump does: with a space more where the ports are there.
pub(super) fn stub<W: Sink>(out: &mut W, stub: &Stub<'_>) -> fmt::Result {
    out.write_str(if stub.destination_port().is_some() { " [|tcp]" } else { "[|tcp]" })
}

/// The flags whose segments have their sequence number told even without data.
const MARKED: Flags = Flags::SYN.with(Flags::FIN).with(Flags::RST);

/// How much of a reset's text is shown.
const RESET_TEXT: usize = 30;

/// The combinations that most segments have.
const COMMON: &[(Flags, &str)] = &[
    (Flags::ACK, "."),
    (Flags::PSH.with(Flags::ACK), "P."),
    (Flags::SYN, "S"),
    (Flags::SYN.with(Flags::ACK), "S."),
];

const LETTERS: &[(Flags, &str)] = &[
    (Flags::FIN, "F"),
    (Flags::SYN, "S"),
    (Flags::RST, "R"),
    (Flags::PSH, "P"),
    (Flags::ACK, "."),
    (Flags::URG, "U"),
    (Flags::ECE, "E"),
    (Flags::CWR, "W"),
    (Flags::AE, "e"),
];
