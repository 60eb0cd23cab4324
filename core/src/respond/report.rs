//! What a responder tells of what it received, both directions: reports, numbers that it lowers, and
//! options that it transforms.
//!
//! A report of version 0 is that of 2011 (section 4.6 of the specification):
//!
//! | Bytes | Content |
//! |---|---|
//! | 0 or more | the header of an HTTP response whose content the rest is |
//! | 40 to 120, more in IPv6 | the request's IP and TCP headers with all options, as they arrived |
//! | 40 to 100 | the answer's IP and TCP headers with all options, TCP checksum 0 |
//! | the rest | the request's payload, without HTTP header, from the command byte on |
//!
//! The last part is cut, or filled up with 0xAB, to the length that the report is to have. In
//! IPv6 the IP header is the fixed header and all extension headers.
//!
//! Version 0 has no version byte: it begins with the version nibble of IP, 4 or 6. A later version
//! begins with a byte from 1 to 15, which [`version`] tells apart and [`Report::parse`] does not accept.
//!
//! ```
//! use tcpexposure_core::respond::report::{Report, transform};
//! assert!(Report::parse(b"not a report").is_none());
//! // An unknown option comes back as another one, so that a mirror is told from a responder.
//! assert!(transform(253, &[1, 2]).ne([1, 2]));
//! ```

use super::{command::Command, http};
use crate::wire::{
    ipv4, ipv6,
    packet::{Network, Offload, Packet, Start},
    tcp,
};

/// The bytes of options and report together in the answer to a data segment.
pub const LENGTH: usize = 512;

/// The byte that fills up a report.
pub const FILLER: u8 = 0xab;

/// The window of every answer, before a SYN/ACK lowers it.
///
/// A SYN/ACK tells by its numbers what the SYN had, for they outlast a box that takes off options
/// on the way back: window, segment size and window scale are lowered (section 4.4).
pub const WINDOW: u16 = 32768;
/// The segment size that is offered, before it is lowered.
pub const MSS: u16 = 512;
/// The window scale that is offered, before it is lowered, to 0 at the least.
pub const WINDOW_SCALE: u8 = 6;
/// What a SYN with data lowers them by.
pub const DATA_LOWERS: u8 = 1;
/// What a SYN with an unknown option lowers them by (in the classic dialect: with `MP_CAPABLE` and
/// without data).
pub const UNKNOWN_LOWERS: u8 = 2;
/// What a SYN with the timestamp echo [`EXPECTED_ECHO`] lowers them by.
pub const EXPECTED_ECHO_LOWERS: u8 = 2;
/// What a SYN with another timestamp echo than 0 lowers them by.
pub const OTHER_ECHO_LOWERS: u8 = 4;
/// The timestamp echo of a SYN that the responder tells from others.
pub const EXPECTED_ECHO: u32 = 0xffff_0000;

/// Tells the modern answer to an unknown option: as many bytes as its data, none of which is 0 or
/// what it was.
///
/// Byte `i` of an option of kind `k` with `n` bytes of data is XORed with
/// `1 + (29 k + 31 n + 37 i) mod 127`; if this gives 0 it becomes the complement of that number.
/// Both sides can work this out, and no box that repeats what it saw does. An option without data
/// cannot be told from its copy, and is not answered.
pub fn transform(kind: u8, data: &[u8]) -> impl Iterator<Item = u8> {
    let start = usize::from(kind).wrapping_mul(29).wrapping_add(data.len().wrapping_mul(31));
    data.iter().enumerate().map(move |(index, byte)| {
        let number = start.wrapping_add(index.wrapping_mul(37)) % 127;
        let mask = number.wrapping_add(1).to_le_bytes()[0];
        match byte ^ mask {
            0 => !mask,
            other => other,
        }
    })
}

/// A report, as the initiator reads it.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// The headers that the responder received. There is no payload with them, but
    /// [`payload_length`](tcp::Segment::payload_length) tells how long it was.
    pub received: Packet<'a>,
    /// The headers that the responder sent, as far as it knew them. The length in them is the true
    /// one in the modern dialect, and 552 bytes in the classic dialect whatever was sent.
    pub sent: Packet<'a>,
    /// The payload that the responder received, from the command byte on, as much as there was room
    /// for, and [`FILLER`] behind it.
    pub copy: &'a [u8],
    /// Whether it came as an HTTP response.
    pub http: bool,
}

/// The parts of a report, as the responder writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content<'a> {
    /// The IP header, its options or extension headers, the TCP header and its options as received.
    pub received: [&'a [u8]; 4],
    /// All headers as sent.
    pub sent: &'a [u8],
    /// The request's payload from the command byte on.
    pub copy: &'a [u8],
    /// Whether it is to be an HTTP response.
    pub http: bool,
    /// The length that it is to have, HTTP header included.
    ///
    /// Where the headers alone are longer, the copy loses as many bytes at its end as they are too
    /// long, and the report is longer than this (as in 2011).
    pub target: usize,
}

impl<'a> Report<'a> {
    /// Reads the payload of an answer by the rules of section 4.6; `None` if it is no report of
    /// version 0, or one of a command that the initiator does not send for one (0xa1 to 0xa3).
    ///
    /// The headers stand as far as their own lengths go, and nothing else in them is checked.
    #[must_use]
    pub fn parse(payload: &'a [u8]) -> Option<Self> {
        let (body, http) = http::trim(payload);
        let (received, rest) = headers(body)?;
        let (sent, copy) = headers(rest)?;
        match *copy.first()? {
            Command::REPORT | Command::REPORT_WRONG_ECHO | Command::REPORT_HTTP => {
                Some(Self { received, sent, copy, http })
            }
            _ => None,
        }
    }
}

/// Tells the version of what may be a report, by its first byte; `None` if it is none.
#[must_use]
pub fn version(payload: &[u8]) -> Option<u8> {
    match http::trim(payload).0.first()? {
        0x40..=0x4f | 0x60..=0x6f => Some(0),
        later @ 1..=15 => Some(*later),
        _ => None,
    }
}

impl Content<'_> {
    /// Tells the length of the whole.
    #[must_use]
    pub fn length(&self) -> usize {
        let http = self.http_header();
        match self.target.checked_sub(self.fixed(&http)) {
            Some(_) => self.target,
            None => self.fixed(&http).saturating_add(self.copied(&http).len()),
        }
    }

    /// Writes the report to the start of `out`, cut to its length, and tells how much was written.
    pub fn write(&self, out: &mut [u8]) -> usize {
        let http = self.http_header();
        let [a, b, c, d] = self.received;
        let copied = self.copied(&http);
        let mut written = 0_usize;
        for part in [http.as_bytes(), a, b, c, d, self.sent, copied] {
            let rest = out.get_mut(written..).unwrap_or_default();
            written = written.saturating_add(copy(rest, part));
        }
        let rest = out.get_mut(written..self.target.min(out.len()));
        let rest = rest.unwrap_or_default();
        rest.fill(FILLER);
        written.saturating_add(rest.len())
    }

    fn http_header(&self) -> http::Header {
        if self.http { http::ok(self.target) } else { http::Header::new() }
    }

    /// Tells the length of all headers.
    fn fixed(&self, http: &http::Header) -> usize {
        let received = self.received.iter();
        received.fold(http.len().saturating_add(self.sent.len()), |sum, part| {
            sum.saturating_add(part.len())
        })
    }

    /// Tells what of the copy is written.
    fn copied(&self, http: &http::Header) -> &[u8] {
        let fixed = self.fixed(http);
        let length = match self.target.checked_sub(fixed) {
            Some(room) => room.min(self.copy.len()),
            None => {
                let over = fixed.saturating_sub(self.target);
                self.copy.len().saturating_sub(over)
            }
        };
        self.copy.get(..length).unwrap_or_default()
    }
}

/// Writes what fits of `from` to the start of `to`, and tells how much that is.
pub(super) fn copy(to: &mut [u8], from: &[u8]) -> usize {
    let length = from.len().min(to.len());
    if let (Some(to), Some(from)) = (to.get_mut(..length), from.get(..length)) {
        to.copy_from_slice(from);
    }
    length
}

/// Takes an IP and a TCP header with all options off `bytes`, and reads them as a packet of which
/// the capture kept no more.
fn headers(bytes: &[u8]) -> Option<(Packet<'_>, &[u8])> {
    let packet = Packet::from_ip(bytes);
    let segment = packet.tcp()?;
    let (network, declared) = match &packet.network {
        Network::None => return None,
        Network::V4(datagram) => (
            ipv4::Header::LENGTH.checked_add(datagram.options.len())?,
            datagram.header.total_length().into(),
        ),
        Network::V6(datagram) => (
            ipv6::Header::LENGTH.checked_add(datagram.extensions.len())?,
            usize::from(datagram.header.payload_length()).checked_add(ipv6::Header::LENGTH)?,
        ),
    };
    let transport = segment.header.data_offset();
    let read = tcp::Header::LENGTH.checked_add(segment.options.bytes().len())?;
    if transport != read {
        return None;
    }
    let (mine, rest) = bytes.split_at_checked(network.checked_add(transport)?)?;
    let packet = Packet::parse(Start::Ip, mine, declared, Offload::default());
    Some((packet, rest))
}
