//! The text notation of a [`Draft`]: tcpdump's own vocabulary.
//!
//! ```text
//! S win 64240 <mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7>
//! P. seq 1:19(18) ack 1 "GET / HTTP/1.0\r\n\r\n"
//! S <mss 1460,opt 253 0xaabb,opt 254 len 0>  cksum bad  doff 6  (ttl 5, id 7, DF, tos 0x2)
//! IP 10.0.0.1.1234 > 10.0.0.2.80: Flags [S], seq 5, win 7, options [mss 1460], length 0
//! ```
//!
//! One grammar reads both the short form and the lines that tcpdump prints: a time stamp, a link
//! header and what tcpdump makes of the payload are passed over. What a line leaves out and cannot
//! be made again (`[bad opt]`, the bytes of IP options) is refused rather than guessed.
//!
//! * Flags: letters of `S F R P . U E W e`, or `none`; they come first.
//! * Fields, in any order: `seq A`, `seq A:B`, `seq A:B(N)`, `ack N`, `win N`, `urg N`,
//!   `cksum bad|0xNNNN`, `doff N`, `rsvd N`.
//! * Data: `"text"`, `0xHEX`, `len N fill 0xNN`, or tcpdump's `length N` (checked against the data,
//!   else so many zeroes).
//! * Options in `<…>` or `[…]`: tcpdump's names, `opt KIND [len N] [0xHEX]`, `raw 0xHEX`. They are
//!   written as they stand, without padding.
//! * The IP header in `(…)`: `ttl`, `hlim`, `tos`, `class`, `id`, `DF`, `MF`, `evil`, `flags`,
//!   `frag` (in units of eight bytes), `ipcksum`, `ipopt`, `flow`, `len`, `ihl`, `ver`, `proto`,
//!   `ext 0xHEX next N`.
//!
//! Numbers are decimal or `0x…`; commas are optional; what is absent is left to the defaults.
//!
//! Where a number stands for `seq`, `ack`, `win`, `urg`, `id`, `ttl`, `hlim`, `tos`, `class`, `flow`,
//! the numbers of `TS`, `mss`, `wscale`, or behind the bytes of `opt KIND`, a [`Generator`] can
//! stand: `rand A-B`, `inc`, `hash(dst)`, `cookie` or `now`. A [`Draft`] does not hold what is
//! generated; [`scan::template`](crate::scan::template) does. `sport N` and `sport A-B` state the
//! source port, or a range of which each target gets one.
//!
//! ```
//! use tcpexposure_core::{craft::Draft, expression};
//! let text = "S win 512 <mss 1460,opt 253 0xaabb>";
//! let expression = expression::parse(text).unwrap();
//! let draft = expression.draft(Draft::default()).unwrap();
//! assert_eq!(draft.window, 512);
//! assert_eq!(draft.options, [2, 4, 5, 0xb4, 253, 4, 0xaa, 0xbb]);
//!
//! let error = expression::parse("S widn 512").unwrap_err();
//! let mut report = String::new();
//! error.render("S widn 512", &mut report).unwrap();
//! assert_eq!(report, "1:3: this word is not known\nS widn 512\n  ^^^^\nhint: did you mean `win`?\n");
//! ```

use core::net::IpAddr;

use crate::{
    craft::{self, Checksum, Draft, Payload},
    wire::{
        ipv4,
        tcp::{Flags, Seq},
    },
};

pub use diagnostic::{Diagnostic, Hint, Message};
pub use generator::{Generated, Generator, MOST, Place};
pub use writer::{write, write_full};

use diagnostic::Problem;
use lexer::Span;
use parser::Parser;

mod diagnostic;
mod generator;
mod head;
mod keyword;
mod lexer;
mod mptcp;
mod network;
mod number;
mod options;
mod parser;
mod segment;
mod writer;

/// The most bytes of options that an expression holds: of TCP, of IPv4, and of extension headers.
pub const CAPACITY: usize = 320;

/// Option bytes.
pub type Block = heapless::Vec<u8, CAPACITY>;

/// What a text states of one segment. What it does not state is `None`.
#[derive(Clone, Debug)]
pub struct Expression<'a> {
    /// The source address, which [`draft`](Self::draft) leaves to the caller.
    pub source: Option<IpAddr>,
    /// The destination address, likewise.
    pub destination: Option<IpAddr>,
    /// The source port, likewise.
    pub source_port: Option<u16>,
    /// The destination port, likewise.
    pub destination_port: Option<u16>,
    /// A range of source ports, first and last.
    pub source_ports: Option<(u16, u16)>,
    /// The fields that are made anew for each packet, and for which this holds no other value; in
    /// option bytes zeroes stand for them.
    pub generated: heapless::Vec<Generated, MOST>,
    /// The eight flags and AE.
    pub flags: Option<Flags>,
    /// The three reserved bits, 0 to 7.
    pub reserved: Option<u8>,
    /// The sequence number.
    pub seq: Option<Seq>,
    /// The acknowledgement number.
    pub ack: Option<Seq>,
    /// The window, unscaled.
    pub window: Option<u16>,
    /// The urgent pointer.
    pub urgent: Option<u16>,
    /// The option bytes.
    pub options: Option<Block>,
    /// The payload.
    pub payload: Option<Payload<'a>>,
    /// The data offset in units of four bytes, 0 to 15.
    pub data_offset: Option<u8>,
    /// The checksum.
    pub checksum: Option<Checksum>,
    /// The IP header.
    pub network: Network,
    text: &'a str,
    family: Option<(u8, Span)>,
}

/// What a text states of the IP header.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// The type of service octet, or the traffic class.
    pub traffic_class: Option<u8>,
    /// The time to live, or the hop limit.
    pub hop_limit: Option<u8>,
    /// The protocol number, or the kind of the first extension header.
    pub protocol: Option<u8>,
    /// The version nibble.
    pub version: Option<u8>,
    /// The total length, or the payload length.
    pub length: Option<u16>,
    /// The identification (IPv4).
    pub id: Option<u16>,
    /// All three flags (IPv4).
    pub flags: Option<ipv4::Flags>,
    /// The fragment offset in units of eight bytes (IPv4).
    pub fragment_offset: Option<u16>,
    /// The header length in units of four bytes (IPv4).
    pub header_length: Option<u8>,
    /// The header checksum (IPv4).
    pub checksum: Option<Checksum>,
    /// The options (IPv4).
    pub options: Option<Block>,
    /// The flow label (IPv6).
    pub flow_label: Option<u32>,
    /// The extension headers (IPv6).
    pub extensions: Option<Block>,
}

/// Reads one expression.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse(text: &str) -> Result<Expression<'_>, Diagnostic> {
    Parser::new(text).parse().map_err(|problem| Diagnostic::new(text, problem))
}

impl<'a> Expression<'a> {
    /// Lays what is stated over `defaults`. Addresses and ports are those of `defaults`.
    ///
    /// # Errors
    /// When a field is stated that the IP version of `defaults` does not have.
    pub fn draft<'s>(&'s self, defaults: Draft<'s>) -> Result<Draft<'s>, Diagnostic> {
        let version = match defaults.network {
            craft::Network::V4(_) => 4,
            craft::Network::V6(_) => 6,
        };
        match self.family {
            Some((needs, span)) if needs != version => {
                let problem = Problem::new(span, Message::Family { needs });
                Err(Diagnostic::new(self.text, problem))
            }
            _ => Ok(self.over(defaults)),
        }
    }

    /// Tells the IP version that the text is bound to by an address or a field of the IP header.
    #[must_use]
    pub fn version(&self) -> Option<u8> {
        self.family.map(|(version, _)| version)
    }

    fn over<'s>(&'s self, defaults: Draft<'s>) -> Draft<'s> {
        Draft {
            network: match defaults.network {
                craft::Network::V4(header) => craft::Network::V4(self.network.v4(header)),
                craft::Network::V6(header) => craft::Network::V6(self.network.v6(header)),
            },
            source_port: defaults.source_port,
            destination_port: defaults.destination_port,
            seq: self.seq.unwrap_or(defaults.seq),
            ack: self.ack.unwrap_or(defaults.ack),
            flags: self.all_flags(defaults.flags),
            window: self.window.unwrap_or(defaults.window),
            urgent: self.urgent.unwrap_or(defaults.urgent),
            options: self.options.as_deref().unwrap_or(defaults.options),
            payload: self.payload.unwrap_or(defaults.payload),
            data_offset: self.data_offset.or(defaults.data_offset),
            checksum: self.checksum.unwrap_or(defaults.checksum),
        }
    }

    /// Joins the flags and the reserved bits.
    fn all_flags(&self, defaults: Flags) -> Flags {
        let low = self.flags.unwrap_or(defaults).without(Flags::RESERVED);
        let reserved = self.reserved.unwrap_or(defaults.reserved());
        low.with(Flags::from_bits(u16::from(reserved) << 9))
    }

    const fn new(text: &'a str) -> Self {
        Self {
            source: None,
            destination: None,
            source_port: None,
            destination_port: None,
            source_ports: None,
            generated: heapless::Vec::new(),
            flags: None,
            reserved: None,
            seq: None,
            ack: None,
            window: None,
            urgent: None,
            options: None,
            payload: None,
            data_offset: None,
            checksum: None,
            network: Network {
                traffic_class: None,
                hop_limit: None,
                protocol: None,
                version: None,
                length: None,
                id: None,
                flags: None,
                fragment_offset: None,
                header_length: None,
                checksum: None,
                options: None,
                flow_label: None,
                extensions: None,
            },
            text,
            family: None,
        }
    }
}

impl Network {
    fn v4<'s>(&'s self, defaults: craft::Ipv4<'s>) -> craft::Ipv4<'s> {
        craft::Ipv4 {
            source: defaults.source,
            destination: defaults.destination,
            tos: self.traffic_class.unwrap_or(defaults.tos),
            id: self.id.unwrap_or(defaults.id),
            flags: self.flags.unwrap_or(defaults.flags),
            fragment_offset: self.fragment_offset.unwrap_or(defaults.fragment_offset),
            ttl: self.hop_limit.unwrap_or(defaults.ttl),
            protocol: self.protocol.unwrap_or(defaults.protocol),
            options: self.options.as_deref().unwrap_or(defaults.options),
            version: self.version.unwrap_or(defaults.version),
            header_length: self.header_length.or(defaults.header_length),
            total_length: self.length.or(defaults.total_length),
            checksum: self.checksum.unwrap_or(defaults.checksum),
        }
    }

    fn v6<'s>(&'s self, defaults: craft::Ipv6<'s>) -> craft::Ipv6<'s> {
        craft::Ipv6 {
            source: defaults.source,
            destination: defaults.destination,
            traffic_class: self.traffic_class.unwrap_or(defaults.traffic_class),
            flow_label: self.flow_label.unwrap_or(defaults.flow_label),
            hop_limit: self.hop_limit.unwrap_or(defaults.hop_limit),
            next_header: self.protocol.unwrap_or(defaults.next_header),
            extensions: self.extensions.as_deref().unwrap_or(defaults.extensions),
            version: self.version.unwrap_or(defaults.version),
            payload_length: self.length.or(defaults.payload_length),
        }
    }
}
