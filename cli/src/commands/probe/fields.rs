//! The fields of a finding: one table for all formats.

use std::{
    fmt::{self, Write as _},
    net::IpAddr,
};

use serde::ser::{Serialize, Serializer};
use tcpexposure_core::{
    scan::finding::{Classification, Finding, Icmp, Proof},
    summary,
    wire::{options::Options, tcp::Flags},
};

use crate::{
    exit::{Exit, Failure},
    output::json::letters,
};

/// A field.
#[derive(Debug)]
pub(super) struct Field {
    /// Its name.
    pub(super) name: &'static str,
    /// What it tells.
    about: &'static str,
    /// What its values are.
    #[cfg_attr(not(feature = "columns"), expect(dead_code, reason = "columns have types"))]
    pub(super) kind: Kind,
    /// Reads it.
    value: for<'a> fn(&Finding<'a>) -> Value<'a>,
}

/// What the values of a field are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    Flag,
    Text,
}

/// A value; its `Display` is what stands in a table.
#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    None,
    Number(u64),
    Flag(bool),
    Word(&'static str),
    Address(IpAddr),
    Letters(Flags),
    Bytes(&'a [u8]),
    Options(&'a [u8]),
}

/// The fields that are reported, in order.
pub(super) type Selected = Vec<&'static Field>;

/// Chooses fields by their names; `short` tells that few are wanted where none is named.
pub(super) fn select(names: &[String], short: bool) -> Result<Selected, Failure> {
    let find = |name: &str| FIELDS.iter().find(|field| field.name == name);
    if names.is_empty() && short {
        return Ok(SHORT.iter().filter_map(|name| find(name)).collect());
    }
    if names.is_empty() || names == ["all"] {
        return Ok(FIELDS.iter().collect());
    }
    let chosen = names.iter().map(|name| find(name.trim()).ok_or(name));
    chosen.collect::<Result<_, _>>().map_err(|name| {
        Failure::new(Exit::Usage, format!("no field is called {name:?}"))
            .hint("`tcpexposure probe -f help` lists the fields")
    })
}

/// Describes all fields, a line each.
pub(super) fn help() -> String {
    FIELDS.iter().fold(String::new(), |mut text, field| {
        let _ = writeln!(text, "{:<17}{}", field.name, field.about);
        text
    })
}

impl Field {
    /// Reads the field.
    pub(super) fn of<'a>(&self, finding: &Finding<'a>) -> Value<'a> {
        (self.value)(finding)
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Number(number) => number.fmt(out),
            Self::Flag(flag) => flag.fmt(out),
            Self::Word(word) => out.write_str(word),
            Self::Address(address) => address.fmt(out),
            Self::Letters(flags) => out.write_str(&letters(*flags)),
            Self::Bytes(bytes) => digits(bytes, out),
            Self::Options(bytes) => summary::option_list(out, Options::new(bytes)),
        }
    }
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => to.serialize_none(),
            Self::Number(number) => to.serialize_u64(*number),
            Self::Flag(flag) => to.serialize_bool(*flag),
            Self::Word(word) => to.serialize_str(word),
            _ => to.collect_str(self),
        }
    }
}

impl<N: Into<u64>> From<N> for Value<'_> {
    fn from(number: N) -> Self {
        Self::Number(number.into())
    }
}

/// Writes two hexadecimal digits a byte.
fn digits(bytes: &[u8], out: &mut fmt::Formatter<'_>) -> fmt::Result {
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble & 15)]);
    bytes.iter().try_for_each(|byte| {
        out.write_char(digit(byte >> 4))?;
        out.write_char(digit(*byte))
    })
}

/// Reads a field of a segment.
fn tcp<'a>(finding: &Finding<'a>, value: Value<'a>) -> Value<'a> {
    if finding.icmp.is_some() { Value::None } else { value }
}

/// Reads a field of an ICMP error.
fn icmp<'a>(finding: &Finding<'a>, value: impl Fn(&Icmp) -> Value<'a>) -> Value<'a> {
    finding.icmp.as_ref().map_or(Value::None, value)
}

fn maybe<'a>(value: Option<impl Into<Value<'a>>>) -> Value<'a> {
    value.map_or(Value::None, Into::into)
}

const fn count<'a>(number: usize) -> Value<'a> {
    Value::Number(number as u64)
}

const fn field(
    name: &'static str,
    about: &'static str,
    kind: Kind,
    value: for<'a> fn(&Finding<'a>) -> Value<'a>,
) -> Field {
    Field { name, about, kind, value }
}

use Kind::{Flag, Number, Text};

/// All fields.
pub(super) const FIELDS: &[Field] = &[
    field("time", "nanoseconds since the epoch", Number, |f| f.time.as_nanos().into()),
    field("saddr", "who answered", Text, |f| Value::Address(f.source)),
    field("sport", "the port that was probed", Number, |f| f.source_port.into()),
    field("daddr", "our address", Text, |f| Value::Address(f.destination)),
    field("dport", "our port", Number, |f| f.destination_port.into()),
    field("family", "4 or 6", Number, |f| Value::Number(if f.source.is_ipv4() { 4 } else { 6 })),
    field("classification", "what kind of answer it is", Text, |f| {
        Value::Word(f.classification.name())
    }),
    field("proof", "what shows that it is an answer: cookie, ports or none", Text, |f| {
        Value::Word(f.proof.map_or("none", Proof::name))
    }),
    field("flags", "flags as tcpdump prints them", Text, |f| tcp(f, Value::Letters(f.flags))),
    field("seq", "sequence number", Number, |f| tcp(f, f.seq.0.into())),
    field("ack", "acknowledgement number", Number, |f| tcp(f, f.ack.0.into())),
    field("window", "window, unscaled", Number, |f| tcp(f, f.window.into())),
    field("ttl", "time to live or hop limit", Number, |f| f.hops.into()),
    field("ip_id", "identification (IPv4)", Number, |f| maybe(f.id)),
    field("tos", "type of service or traffic class", Number, |f| f.tos.into()),
    field("options", "the bytes of the TCP options", Text, |f| tcp(f, Value::Bytes(f.options))),
    field("options_decoded", "the options in tcpdump's words", Text, |f| {
        tcp(f, Value::Options(f.options))
    }),
    field("payload_len", "bytes of payload", Number, |f| tcp(f, count(f.payload_length))),
    field("rtt_us", "microseconds since the probe, where it is echoed", Number, |f| {
        maybe(f.rtt.map(|rtt| u64::try_from(rtt.as_micros()).unwrap_or(u64::MAX)))
    }),
    field("checksum", "whether the checksum is right", Flag, |f| {
        f.checksum.map_or(Value::None, Value::Flag)
    }),
    field("icmp_type", "type of an ICMP error", Number, |f| icmp(f, |icmp| icmp.kind.into())),
    field("icmp_code", "code of an ICMP error", Number, |f| icmp(f, |icmp| icmp.code.into())),
    field("icmp_quoted_len", "bytes of the probe that it quotes", Number, |f| {
        icmp(f, |icmp| count(icmp.quoted_length))
    }),
    field("quoted_addr", "the address that was probed, by what it quotes", Text, |f| {
        icmp(f, |icmp| Value::Address(icmp.quoted_address))
    }),
    field("dup", "whether the like came before", Flag, |f| {
        Value::Flag(f.classification == Classification::Duplicate)
    }),
];

/// What is reported where nothing is chosen, to people.
pub(super) const SHORT: &[&str] = &[
    "saddr",
    "sport",
    "classification",
    "proof",
    "flags",
    "rtt_us",
    "quoted_addr",
    "options_decoded",
];
