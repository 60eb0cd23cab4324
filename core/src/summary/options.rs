//! TCP options in tcpdump's words, or in ours where tcpdump's leave bytes out.

use core::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use super::text::{Sink, address, bytes, decimal, hex};
use crate::wire::options::{
    Item, Options, View, kind,
    mptcp::{DataSequence, Mptcp, Subtype},
};

/// Writes the options of a segment, the brackets not included. The edges of SACK blocks are told
/// relative to `sack`. `padded` tells that the list fills its header, so that zeroes at its end go
/// without saying, and `cut` that not all of the segment was captured.
#[inline]
pub(super) fn list<W: Sink>(
    out: &mut W,
    options: Options<'_>,
    sack: u32,
    padded: bool,
    cut: bool,
) -> fmt::Result {
    let mut comma = false;
    for item in options {
        // tcpdump says nothing of what follows the end of the list.
        if let Item::Trailing(rest) = item
            && padded
            && is_padding(rest)
        {
            return Ok(());
        }
        if comma {
            out.write_str(",")?;
        }
        comma = true;
        one(out, item, sack, cut)?;
    }
    Ok(())
}

/// Tells whether these are the zeroes up to the next multiple of four, which need not be said.
fn is_padding(rest: &[u8]) -> bool {
    rest.len() < 4 && rest.iter().all(|byte| *byte == 0)
}

#[inline]
fn one<W: Sink>(out: &mut W, item: Item<'_>, sack: u32, cut: bool) -> fmt::Result {
    match item.view() {
        View::End => out.write_str("eol"),
        View::Nop => out.write_str("nop"),
        View::MaximumSegmentSize(size) => number(out, "mss ", size.into()),
        View::WindowScale(shift) => number(out, "wscale ", shift.into()),
        View::SackPermitted => out.write_str("sackOK"),
        View::Timestamps { value, echo } => {
            number(out, "TS val ", value.into())?;
            number(out, " ecr ", echo.into())
        }
        View::Sack(blocks) => {
            number(out, "sack ", u64::try_from(blocks.iter().len()).unwrap_or_default())?;
            out.write_str(" ")?;
            for (left, right) in blocks.iter() {
                number(out, "{", left.wrapping_sub(sack).into())?;
                number(out, ":", right.wrapping_sub(sack).into())?;
                out.write_str("}")?;
            }
            Ok(())
        }
        _ => rare(out, item, cut),
    }
}

fn rare<W: Sink>(out: &mut W, item: Item<'_>, cut: bool) -> fmt::Result {
    match item.view() {
        View::Md5(digest) => {
            out.write_str("md5 ")?;
            let why = if cut { "snaplen too short" } else { "shared secret not supplied with -M" };
            out.write_str(why)?;
            out.write_str(", can't check - ")?;
            bytes(out, digest)
        }
        View::UserTimeout { minutes, timeout } => {
            let field = timeout | u16::from(minutes) << 15;
            // tcpdump takes the lowest bit for the unit, RFC 5482 the highest.
            let unit = if field & 1 == 1 { 60 } else { 1 };
            out.write_str("uto 0x")?;
            hex(out, field, 1)?;
            number(out, " ", u64::from(field >> 1).saturating_mul(unit))
        }
        View::Authentication { key_id, next_key_id, code } => {
            number(out, "tcp-ao keyid ", key_id.into())?;
            number(out, " rnextkeyid ", next_key_id.into())?;
            prefixed(out, " mac 0x", code)
        }
        View::FastOpen([]) => out.write_str("tfo  cookiereq"),
        View::FastOpen(cookie) if is_cookie(cookie) => prefixed(out, "tfo  cookie ", cookie),
        View::Experiment { kind: kind::EXPERIMENT_2, id: FAST_OPEN_ID, data: [] } => {
            out.write_str("exp-tfo cookiereq")
        }
        View::Experiment { kind: kind::EXPERIMENT_2, id: FAST_OPEN_ID, data }
            if is_cookie(data) =>
        {
            prefixed(out, "exp-tfo cookie ", data)
        }
        View::Experiment { kind: kind::EXPERIMENT_2, id, data: [] } if id != FAST_OPEN_ID => {
            out.write_str("exp-")?;
            hex(out, id, 4)
        }
        View::Mptcp(option) => match mptcp(out, &option) {
            None => any(out, kind::MPTCP, option.bytes()),
            Some(result) => result,
        },
        View::Malformed(rest) => malformed(out, rest),
        View::Trailing(rest) => prefixed(out, "raw 0x", rest),
        _ => match item {
            Item::Option { kind, data } => unnamed(out, kind, data),
            _ => Ok(()),
        },
    }
}

/// Writes an option of a kind that has no view, or of a length that its kind does not allow.
fn unnamed<W: Sink>(out: &mut W, kind: u8, data: &[u8]) -> fmt::Result {
    match (kind, data) {
        (6 | 7 | 11 | 12, &[a, b, c, d]) => {
            let name = match kind {
                6 => "echo ",
                7 => "echoreply ",
                11 => "cc ",
                _ => "ccnew ",
            };
            number(out, name, u32::from_be_bytes([a, b, c, d]).into())
        }
        (kind::SACK, []) => out.write_str("sack 0 "),
        (20, &[capabilities, id]) => {
            out.write_str("scps cap ")?;
            hex(out, capabilities, 2)?;
            number(out, " id ", id.into())
        }
        (kind, data) if is_named(kind) => any(out, kind, data),
        (kind, data) => {
            number(out, "unknown-", kind.into())?;
            prefixed(out, " 0x", data)
        }
    }
}

/// Writes `opt KIND 0x…`, which holds any option.
fn any<W: Sink>(out: &mut W, kind: u8, data: &[u8]) -> fmt::Result {
    number(out, "opt ", kind.into())?;
    prefixed(out, " 0x", data)
}

/// Writes an option whose length byte is wrong, and all that follows it.
fn malformed<W: Sink>(out: &mut W, rest: &[u8]) -> fmt::Result {
    match rest {
        [kind, length, data @ ..] => {
            number(out, "opt ", (*kind).into())?;
            number(out, " len ", (*length).into())?;
            prefixed(out, " 0x", data)
        }
        rest => prefixed(out, "raw 0x", rest),
    }
}

/// Writes a multipath option; nothing, and `None`, where tcpdump's words would leave bytes out.
fn mptcp<W: Sink>(out: &mut W, option: &Mptcp<'_>) -> Option<fmt::Result> {
    let bytes = option.bytes();
    let low = bytes.first()? & 0x0f;
    let length = u64::try_from(bytes.len()).unwrap_or_default().saturating_add(2);
    let mut words = Words { out, length };
    Some(match option.subtype() {
        Subtype::Capable {
            version: 0 | 1,
            flags: 0x01 | 0x81,
            sender,
            receiver,
            data_length,
            ..
        } if data_length.is_none() => {
            words.capable(low, bytes.get(1)? & 0x80 != 0, sender, receiver)
        }
        Subtype::JoinSyn { address, token, nonce, .. } if low <= 1 => {
            words.join(low, address, "token", token.into(), 1, nonce)
        }
        Subtype::JoinSynAck { address, code, nonce, .. } if low <= 1 => {
            words.join(low, address, "hmac", code, 1, nonce)
        }
        Subtype::JoinAck { code } if low == 0 && bytes.get(1) == Some(&0) => {
            words.begin("join hmac 0x").and_then(|()| super::text::bytes(words.out, code))
        }
        Subtype::DataSequence(signal) if low == 0 && bytes.get(1)? >> 5 == 0 => {
            if !signal.is_plain() {
                return None;
            }
            words.data_sequence(&signal)
        }
        Subtype::AddAddress { flags, address_id, address, port, code } => {
            words.add_address(flags, address_id, address, port, code)?
        }
        Subtype::RemoveAddress { addresses } if low == 0 => words.remove_address(addresses),
        Subtype::Priority { backup, address } if low <= 1 => words.priority(backup, address),
        Subtype::Fail { sequence } if low == 0 && bytes.get(1) == Some(&0) => {
            words.begin("fail seq ").and_then(|()| decimal(words.out, sequence))
        }
        Subtype::FastClose { key } if low == 0 && bytes.get(1) == Some(&0) => {
            words.begin("fast-close key 0x").and_then(|()| hex(words.out, key, 1))
        }
        _ => return None,
    })
}

/// What a multipath option is written with.
struct Words<'o, W> {
    out: &'o mut W,
    length: u64,
}

impl<W: Sink> Words<'_, W> {
    fn begin(&mut self, words: &str) -> fmt::Result {
        number(self.out, "mptcp ", self.length)?;
        self.out.write_str(" ")?;
        self.out.write_str(words)
    }

    fn capable(
        &mut self,
        version: u8,
        checksum: bool,
        sender: Option<u64>,
        receiver: Option<u64>,
    ) -> fmt::Result {
        self.begin("capable v")?;
        decimal(self.out, version)?;
        if checksum {
            self.out.write_str(" csum")?;
        }
        let Some(sender) = sender else { return Ok(()) };
        self.out.write_str(" {0x")?;
        hex(self.out, sender, 1)?;
        if let Some(receiver) = receiver {
            self.out.write_str(",0x")?;
            hex(self.out, receiver, 1)?;
        }
        self.out.write_str("}")
    }

    fn join(
        &mut self,
        backup: u8,
        id: u8,
        name: &str,
        value: u64,
        width: usize,
        nonce: u32,
    ) -> fmt::Result {
        self.begin("join")?;
        self.out.write_str(if backup == 1 { " backup" } else { "" })?;
        number(self.out, " id ", id.into())?;
        self.out.write_str(" ")?;
        self.out.write_str(name)?;
        self.out.write_str(" 0x")?;
        hex(self.out, value, width)?;
        self.out.write_str(" nonce 0x")?;
        hex(self.out, nonce, 1)
    }

    fn data_sequence(&mut self, signal: &DataSequence) -> fmt::Result {
        self.begin("dss")?;
        if signal.flags & 0x10 != 0 {
            self.out.write_str(" fin")?;
        }
        if let Some(ack) = signal.ack {
            number(self.out, " ack ", ack)?;
        }
        let Some(mapping) = signal.mapping else {
            return Ok(());
        };
        number(self.out, " seq ", mapping.sequence)?;
        number(self.out, " subseq ", mapping.subflow.into())?;
        number(self.out, " len ", mapping.length.into())?;
        let Some(checksum) = mapping.checksum else {
            return Ok(());
        };
        self.out.write_str(" csum 0x")?;
        hex(self.out, checksum, 1)
    }

    fn add_address(
        &mut self,
        flags: u8,
        id: u8,
        octets: &[u8],
        port: Option<u16>,
        code: Option<u64>,
    ) -> Option<fmt::Result> {
        let to = match (<[u8; 4]>::try_from(octets), <[u8; 16]>::try_from(octets)) {
            (Ok(octets), _) => IpAddr::V4(Ipv4Addr::from(octets)),
            (_, Ok(octets)) => IpAddr::V6(Ipv6Addr::from(octets)),
            _ => return None,
        };
        let name = match (flags, to) {
            (0, _) => "v1",
            (1, _) => "v1-echo",
            (4, IpAddr::V4(_)) => "v0-ip4",
            (6, IpAddr::V6(_)) => "v0-ip6",
            _ => return None,
        };
        Some(self.address(name, id, to, port, code))
    }

    fn address(
        &mut self,
        name: &str,
        id: u8,
        to: IpAddr,
        port: Option<u16>,
        code: Option<u64>,
    ) -> fmt::Result {
        self.begin("add-addr ")?;
        self.out.write_str(name)?;
        number(self.out, " id ", id.into())?;
        self.out.write_str(" ")?;
        address(self.out, to)?;
        if let Some(port) = port {
            number(self.out, ":", port.into())?;
        }
        let Some(code) = code else { return Ok(()) };
        self.out.write_str(" hmac 0x")?;
        hex(self.out, code, 1)
    }

    fn remove_address(&mut self, addresses: &[u8]) -> fmt::Result {
        self.begin("rem-addr id")?;
        addresses.iter().try_for_each(|id| number(self.out, " ", (*id).into()))
    }

    fn priority(&mut self, backup: bool, id: Option<u8>) -> fmt::Result {
        self.begin(if backup { "prio backup" } else { "prio non-backup" })?;
        id.map_or(Ok(()), |id| number(self.out, " id ", id.into()))
    }
}

/// Writes a word and a number.
#[inline]
pub(super) fn number<W: Sink>(out: &mut W, word: &str, number: u64) -> fmt::Result {
    out.write_str(word)?;
    decimal(out, number)
}

/// Writes a word and bytes; nothing where there are none.
fn prefixed<W: Sink>(out: &mut W, word: &str, data: &[u8]) -> fmt::Result {
    if data.is_empty() {
        return Ok(());
    }
    out.write_str(word)?;
    bytes(out, data)
}

/// Tells whether tcpdump takes this for a cookie: an even number of bytes, 4 to 16.
fn is_cookie(cookie: &[u8]) -> bool {
    cookie.len() & 1 == 0 && (4..=16).contains(&cookie.len())
}

/// Tells whether tcpdump has a name for this kind, so that it does not print its bytes.
const fn is_named(kind: u8) -> bool {
    matches!(kind, 2..=8 | 11..=13 | 19 | 20 | 28..=30 | 34 | 254)
}

/// The identifier of fast open among experiments (RFC 7413, appendix B).
const FAST_OPEN_ID: u16 = 0xf989;
