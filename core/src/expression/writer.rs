//! From a [`Draft`] to its expression.

use core::fmt;

use super::segment::FLAGS;
use crate::{
    craft::{Checksum, Draft, Ipv4, Ipv6, Network, Payload},
    wire::{
        ipv4,
        options::{Item, Options, View},
        tcp::Flags,
    },
};

/// Writes the short form of a draft, without addresses and ports. Nothing is lost: what is left out
/// is as in [`Draft::default`] and the default header of the IP version, and reading the text over
/// those gives the same packet.
///
/// # Errors
/// Those of `out`.
pub fn write(draft: &Draft<'_>, out: &mut impl fmt::Write) -> fmt::Result {
    flags(draft.flags, out)?;
    write!(out, " seq {}", draft.seq.0)?;
    if draft.flags.contains(Flags::ACK) || draft.ack.0 != 0 {
        write!(out, " ack {}", draft.ack.0)?;
    }
    write!(out, " win {}", draft.window)?;
    if draft.flags.contains(Flags::URG) || draft.urgent != 0 {
        write!(out, " urg {}", draft.urgent)?;
    }
    options(draft.options, out)?;
    payload(&draft.payload, out)?;
    checksum("cksum", draft.checksum, out)?;
    if let Some(words) = draft.data_offset {
        write!(out, " doff {words}")?;
    }
    if draft.flags.reserved() != 0 {
        write!(out, " rsvd {}", draft.flags.reserved())?;
    }
    match &draft.network {
        Network::V4(header) => ipv4(header, out),
        Network::V6(header) => ipv6(header, out),
    }
}

/// Writes the short form of a draft behind its addresses and ports: `IP 10.0.0.1.1234 > …: S`.
///
/// # Errors
/// Those of `out`.
pub fn write_full(draft: &Draft<'_>, out: &mut impl fmt::Write) -> fmt::Result {
    let version = match draft.network {
        Network::V4(_) => "IP",
        Network::V6(_) => "IP6",
    };
    let (source, destination) = (draft.network.source(), draft.network.destination());
    let (from, to) = (draft.source_port, draft.destination_port);
    write!(out, "{version} {source}.{from} > {destination}.{to}: ")?;
    write(draft, out)
}

impl fmt::Display for Draft<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(self, out)
    }
}

fn flags(flags: Flags, out: &mut impl fmt::Write) -> fmt::Result {
    if !FLAGS.iter().any(|(_, flag)| flags.contains(*flag)) {
        return out.write_str("none");
    }
    let set = FLAGS.iter().filter(|(_, flag)| flags.contains(*flag));
    set.map(|(letter, _)| *letter).try_for_each(|letter| out.write_char(letter))
}

fn options(bytes: &[u8], out: &mut impl fmt::Write) -> fmt::Result {
    let mut before = " <";
    for item in Options::new(bytes) {
        out.write_str(before)?;
        option(item, out)?;
        before = ",";
    }
    if bytes.is_empty() {
        return Ok(());
    }
    out.write_char('>')
}

fn option(item: Item<'_>, out: &mut impl fmt::Write) -> fmt::Result {
    match item.view() {
        View::End => out.write_str("eol"),
        View::Nop => out.write_str("nop"),
        View::MaximumSegmentSize(size) => write!(out, "mss {size}"),
        View::WindowScale(shift) => write!(out, "wscale {shift}"),
        View::SackPermitted => out.write_str("sackOK"),
        View::Sack(blocks) => {
            write!(out, "sack {} ", blocks.iter().len())?;
            let mut blocks = blocks.iter();
            blocks.try_for_each(|(left, right)| write!(out, "{{{left}:{right}}}"))
        }
        View::Timestamps { value, echo } => write!(out, "TS val {value} ecr {echo}"),
        View::FastOpen([]) => out.write_str("tfo cookiereq"),
        View::FastOpen(cookie) => {
            out.write_str("tfo cookie ")?;
            digits(cookie.iter().copied(), out)
        }
        View::Malformed([kind, length, rest @ ..]) => {
            write!(out, "opt {kind} len {length}")?;
            hex_unless_empty(rest, out)
        }
        View::Malformed(bytes) | View::Trailing(bytes) => {
            out.write_str("raw 0x")?;
            digits(bytes.iter().copied(), out)
        }
        _ => other_option(item, out),
    }
}

/// Writes an option by its number.
fn other_option(item: Item<'_>, out: &mut impl fmt::Write) -> fmt::Result {
    let Item::Option { kind, data } = item else {
        return Ok(());
    };
    write!(out, "opt {kind}")?;
    hex_unless_empty(data, out)
}

fn payload(payload: &Payload<'_>, out: &mut impl fmt::Write) -> fmt::Result {
    if payload.is_empty() {
        return Ok(());
    }
    if let Payload::Fill { byte, length } = payload {
        return write!(out, " len {length} fill {byte:#04x}");
    }
    if payload.bytes().all(is_text) {
        out.write_str(" \"")?;
        payload.bytes().try_for_each(|byte| character(byte, out))?;
        return out.write_char('"');
    }
    out.write_str(" 0x")?;
    digits(payload.bytes(), out)
}

fn character(byte: u8, out: &mut impl fmt::Write) -> fmt::Result {
    match byte {
        b'\r' => out.write_str("\\r"),
        b'\n' => out.write_str("\\n"),
        b'\t' => out.write_str("\\t"),
        b'\\' => out.write_str("\\\\"),
        b'"' => out.write_str("\\\""),
        other => out.write_char(char::from(other)),
    }
}

const fn is_text(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\r' | b'\n' | b'\t')
}

fn checksum(name: &str, checksum: Checksum, out: &mut impl fmt::Write) -> fmt::Result {
    match checksum {
        Checksum::Computed => Ok(()),
        Checksum::Bad => write!(out, " {name} bad"),
        Checksum::Forced(value) => write!(out, " {name} {value:#06x}"),
    }
}

fn ipv4(header: &Ipv4<'_>, out: &mut impl fmt::Write) -> fmt::Result {
    let usual = Ipv4::default();
    let mut list = List { out, open: false };
    list.number("ttl", header.ttl.into(), usual.ttl.into())?;
    list.number("id", header.id.into(), usual.id.into())?;
    list.hex("tos", header.tos.into(), usual.tos.into())?;
    if header.flags != usual.flags {
        ip_flags(header.flags, &mut list)?;
    }
    list.number("frag", (header.fragment_offset & 0x1fff).into(), 0)?;
    list.number("proto", header.protocol.into(), usual.protocol.into())?;
    list.number("ver", (header.version & 0x0f).into(), usual.version.into())?;
    list.forced("ihl", header.header_length.map(u16::from))?;
    list.forced("len", header.total_length)?;
    if header.checksum != Checksum::Computed {
        list.comma()?;
        checksum("ipcksum", header.checksum, list.out)?;
    }
    list.bytes("ipopt", header.options)?;
    list.close()
}

fn ip_flags(flags: ipv4::Flags, list: &mut List<'_, impl fmt::Write>) -> fmt::Result {
    if flags == ipv4::Flags::default() {
        return list.word("flags none");
    }
    let names = [(ipv4::Flags::DF, "DF"), (ipv4::Flags::MF, "MF"), (ipv4::Flags::RESERVED, "evil")];
    let mut set = names.iter().filter(|(flag, _)| flags.contains(*flag));
    set.try_for_each(|(_, name)| list.word(name))
}

fn ipv6(header: &Ipv6<'_>, out: &mut impl fmt::Write) -> fmt::Result {
    let usual = Ipv6::default();
    let mut list = List { out, open: false };
    list.number("hlim", header.hop_limit.into(), usual.hop_limit.into())?;
    list.hex("class", header.traffic_class.into(), 0)?;
    list.hex("flow", header.flow_label & 0x000f_ffff, 0)?;
    list.number("ver", (header.version & 0x0f).into(), usual.version.into())?;
    list.forced("len", header.payload_length)?;
    list.bytes("ext", header.extensions)?;
    let next = u32::from(header.next_header);
    let left_out = if header.extensions.is_empty() { usual.next_header.into() } else { u32::MAX };
    list.number("next", next, left_out)?;
    list.close()
}

/// The parenthesis of the IP header, which opens with its first field.
struct List<'o, W> {
    out: &'o mut W,
    open: bool,
}

impl<W: fmt::Write> List<'_, W> {
    fn comma(&mut self) -> fmt::Result {
        let before = if self.open { "," } else { " (" };
        self.open = true;
        self.out.write_str(before)
    }

    fn word(&mut self, word: &str) -> fmt::Result {
        let first = !self.open;
        self.comma()?;
        self.out.write_str(if first { "" } else { " " })?;
        self.out.write_str(word)
    }

    fn number(&mut self, name: &str, value: u32, usual: u32) -> fmt::Result {
        if value == usual {
            return Ok(());
        }
        self.word(name)?;
        write!(self.out, " {value}")
    }

    fn hex(&mut self, name: &str, value: u32, usual: u32) -> fmt::Result {
        if value == usual {
            return Ok(());
        }
        self.word(name)?;
        write!(self.out, " {value:#x}")
    }

    fn forced(&mut self, name: &str, value: Option<u16>) -> fmt::Result {
        match value {
            Some(value) => self.number(name, value.into(), u32::MAX),
            None => Ok(()),
        }
    }

    fn bytes(&mut self, name: &str, bytes: &[u8]) -> fmt::Result {
        if bytes.is_empty() {
            return Ok(());
        }
        self.word(name)?;
        hex_unless_empty(bytes, self.out)
    }

    fn close(self) -> fmt::Result {
        self.out.write_str(if self.open { ")" } else { "" })
    }
}

fn hex_unless_empty(bytes: &[u8], out: &mut impl fmt::Write) -> fmt::Result {
    if bytes.is_empty() {
        return Ok(());
    }
    out.write_str(" 0x")?;
    digits(bytes.iter().copied(), out)
}

fn digits(mut bytes: impl Iterator<Item = u8>, out: &mut impl fmt::Write) -> fmt::Result {
    bytes.try_for_each(|byte| write!(out, "{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use std::string::{String, ToString};

    use super::*;
    use crate::wire::tcp::Seq;

    #[test]
    fn what_is_as_usual_is_left_out() {
        assert_eq!(Draft::default().to_string(), "none seq 0 win 65535");
        let mut text = String::new();
        write_full(&Draft::default(), &mut text).unwrap();
        assert_eq!(text, "IP 0.0.0.0.0 > 0.0.0.0.0: none seq 0 win 65535");
    }

    #[test]
    fn everything() {
        let draft = Draft {
            seq: Seq(1),
            ack: Seq(2),
            flags: Flags::from_bits(0xfff),
            window: 3,
            urgent: 4,
            options: &[2, 4, 5, 0xb4, 253, 4, 0xaa, 0xbb, 77, 2, 254, 0, 1],
            payload: Payload::Bytes(b"a\"\r\n"),
            data_offset: Some(6),
            checksum: Checksum::Bad,
            network: Network::V4(Ipv4 {
                flags: ipv4::Flags::default(),
                ttl: 5,
                checksum: Checksum::Forced(10),
                options: &[1, 2],
                ..Ipv4::default()
            }),
            ..Draft::default()
        };
        let text = "FSRP.UEWe seq 1 ack 2 win 3 urg 4 \
                    <mss 1460,opt 253 0xaabb,opt 77,opt 254 len 0 0x01> \"a\\\"\\r\\n\" \
                    cksum bad doff 6 rsvd 7 (ttl 5, flags none, ipcksum 0x000a, ipopt 0x0102)";
        assert_eq!(draft.to_string(), text);
    }

    #[test]
    fn version_6() {
        let draft = Draft {
            flags: Flags::SYN,
            payload: Payload::Fill { byte: 0x41, length: 9 },
            network: Network::V6(Ipv6 {
                flow_label: 0x12345,
                next_header: 60,
                extensions: &[6, 0, 1, 4, 0, 0, 0, 0],
                ..Ipv6::default()
            }),
            ..Draft::default()
        };
        let text = "S seq 0 win 65535 len 9 fill 0x41 \
                    (flow 0x12345, ext 0x0600010400000000, next 60)";
        assert_eq!(draft.to_string(), text);
    }
}
