//! The core for C: a packet to fields, options and text, and text to a packet.
//!
//! `include/tcpexposure.h` is made from this file, and a test holds it to that. Nothing here
//! allocates, and nothing is kept between calls.

use core::{
    ffi::c_char,
    fmt::{self, Write as _},
};

use tcpexposure_core::{
    craft::{self, Draft, Network},
    expression::{self, Diagnostic},
    summary::{Line, Style},
    wire::{
        options::{Item, Options},
        packet::{self, Packet},
    },
};

mod sys;

/// A TCP segment with its IP header. Numbers are in the machine's own byte order; places are
/// offsets in bytes from the IP header on.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpexposureSegment {
    /// 4 or 6.
    pub version: u8,
    /// Time to live, or hop limit.
    pub ttl: u8,
    /// The source address: 4 or 16 bytes of it count.
    pub source: [u8; 16],
    /// The destination address: 4 or 16 bytes of it count.
    pub destination: [u8; 16],
    /// The source port.
    pub source_port: u16,
    /// The destination port.
    pub destination_port: u16,
    /// The sequence number.
    pub seq: u32,
    /// The acknowledgement number.
    pub ack: u32,
    /// Twelve bits: FIN is 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128, AE 256, and
    /// three that are reserved.
    pub flags: u16,
    /// The window, unscaled.
    pub window: u16,
    /// The checksum as it stands.
    pub checksum: u16,
    /// The urgent pointer.
    pub urgent: u16,
    /// Whether the checksum is right: 1 yes, 0 no, -1 where it cannot be told.
    pub checksum_ok: i8,
    /// Whether any header is not what it should be.
    pub faulty: bool,
    /// Where the options begin.
    pub options: usize,
    /// How long they are.
    pub options_length: usize,
    /// Where the payload begins.
    pub payload: usize,
    /// How much of it is there.
    pub payload_length: usize,
}

/// One TCP option. Places are offsets from the start of the options.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpexposureOption {
    /// The kind.
    pub kind: u8,
    /// Whether its length cannot be; the data is then all that follows the kind, and this is the
    /// last.
    pub malformed: bool,
    /// Where the data begins. The data of the end of the list (kind 0) is what follows it.
    pub data: usize,
    /// How long it is.
    pub data_length: usize,
}

/// Reads the segment in `length` bytes that begin with an IP header. Gives false, and leaves
/// `segment` alone, where no whole TCP header is there.
///
/// # Safety
/// `bytes` is null or leads to `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tcpexposure_dissect(
    bytes: *const u8,
    length: usize,
    segment: Option<&mut TcpexposureSegment>,
) -> bool {
    // SAFETY: the caller keeps to the contract above.
    let bytes = unsafe { sys::slice(bytes, length) };
    match (fields(&Packet::from_ip(bytes)), segment) {
        (Some(found), Some(segment)) => *segment = found,
        (found, _) => return found.is_some(),
    }
    true
}

/// Gives the option at `*at`, which begins at 0, in `length` bytes of options, and moves `*at`
/// behind it. Gives false when there is no more.
///
/// # Safety
/// `options` is null or leads to `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tcpexposure_next_option(
    options: *const u8,
    length: usize,
    at: Option<&mut usize>,
    option: Option<&mut TcpexposureOption>,
) -> bool {
    // SAFETY: the caller keeps to the contract above.
    let options = unsafe { sys::slice(options, length) };
    let (Some(at), Some(option)) = (at, option) else {
        return false;
    };
    let Some(rest) = options.get(*at..).filter(|rest| !rest.is_empty()) else {
        return false;
    };
    let (kind, head, data, malformed) = match Options::new(rest).iter().next() {
        Some(Item::Nop) => (1, 1, 0, false),
        Some(Item::Option { kind, data }) => (kind, 2, data.len(), false),
        Some(Item::End) => (0, 1, rest.len() - 1, false),
        _ => (rest[0], 1, rest.len() - 1, true),
    };
    *option = TcpexposureOption { kind, malformed, data: *at + head, data_length: data };
    *at += head + data;
    true
}

/// Writes the packet's line as tcpdump prints it into `text`, cut to `size` bytes of which the last
/// is zero, and gives the length of the whole line.
///
/// # Safety
/// `bytes` is null or leads to `length` bytes, `text` is null or to room for `size`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tcpexposure_line(
    bytes: *const u8,
    length: usize,
    text: *mut c_char,
    size: usize,
) -> usize {
    // SAFETY: the caller keeps to the contract above.
    let (bytes, text) = unsafe { (sys::slice(bytes, length), sys::slice_mut(text.cast(), size)) };
    print(text, &Line::new(&Packet::from_ip(bytes), &Style::default()))
}

/// Crafts the packet that a line describes, in the words of tcpdump and with both ends, as in
/// `IP 192.0.2.1.4000 > 192.0.2.2.80: Flags [S], win 512`. What is not said has its usual value.
///
/// Gives the packet's length, or 0 and a sentence in `error` when the line is not understood or
/// `size` bytes are too few.
///
/// # Safety
/// `line` is null or a string that a zero ends, `packet` is null or leads to room for `size` bytes,
/// `error` to room for `error_size`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tcpexposure_craft(
    line: *const c_char,
    packet: *mut u8,
    size: usize,
    error: *mut c_char,
    error_size: usize,
) -> usize {
    // SAFETY: the caller keeps to the contract above.
    let (line, packet, error) = unsafe {
        (sys::string(line), sys::slice_mut(packet, size), sys::slice_mut(error.cast(), error_size))
    };
    match craft(line, packet) {
        Ok(length) => length,
        Err(why) => {
            print(error, &why);
            0
        }
    }
}

/// Why a line was not crafted.
enum Refusal {
    Line(Diagnostic),
    Text(core::str::Utf8Error),
    Ends,
    Draft(craft::Error),
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(why) => why.fmt(out),
            Self::Text(why) => why.fmt(out),
            Self::Ends => out.write_str("the line does not say both addresses and ports"),
            Self::Draft(why) => why.fmt(out),
        }
    }
}

fn craft(line: &[u8], packet: &mut [u8]) -> Result<usize, Refusal> {
    let line = core::str::from_utf8(line).map_err(Refusal::Text)?;
    let found = expression::parse(line).map_err(Refusal::Line)?;
    let ends = found.source.zip(found.destination);
    let network = ends.and_then(|(from, to)| Network::between(from, to)).ok_or(Refusal::Ends)?;
    let ports = found.source_port.zip(found.destination_port);
    let (source_port, destination_port) = ports.ok_or(Refusal::Ends)?;
    let defaults = Draft { network, source_port, destination_port, ..Draft::default() };
    let draft = found.draft(defaults).map_err(Refusal::Line)?;
    draft.write(packet).map(<[u8]>::len).map_err(Refusal::Draft)
}

fn fields(packet: &Packet<'_>) -> Option<TcpexposureSegment> {
    let found = packet.tcp()?;
    let (version, ttl, ends) = match &packet.network {
        packet::Network::None => return None,
        packet::Network::V4(datagram) => {
            let header = datagram.header;
            let (from, to) = (header.source().octets(), header.destination().octets());
            (4, header.ttl(), (padded(&from), padded(&to)))
        }
        packet::Network::V6(datagram) => {
            let header = datagram.header;
            (6, header.hop_limit(), (header.source().octets(), header.destination().octets()))
        }
    };
    let (header, options) = (found.header, found.options.bytes());
    let whole = packet.bytes.len() - packet.trailer.len();
    let payload = whole - found.payload.len();
    Some(TcpexposureSegment {
        version,
        ttl,
        source: ends.0,
        destination: ends.1,
        source_port: header.source_port(),
        destination_port: header.destination_port(),
        seq: header.seq().0,
        ack: header.ack().0,
        flags: header.flags().bits(),
        window: header.window(),
        checksum: header.checksum(),
        urgent: header.urgent(),
        checksum_ok: packet.checksum_ok().map_or(-1, i8::from),
        faulty: packet.fault.is_some(),
        options: payload - options.len(),
        options_length: options.len(),
        payload,
        payload_length: found.payload.len(),
    })
}

fn padded(address: &[u8; 4]) -> [u8; 16] {
    let mut whole = [0; 16];
    whole[..4].copy_from_slice(address);
    whole
}

/// Writes text that a zero ends, as much of it as there is room for; tells how long it would be.
fn print(room: &mut [u8], text: &dyn fmt::Display) -> usize {
    let mut out = Room { room, length: 0 };
    let _ = write!(out, "{text}"); // it takes all
    let end = out.length.min(out.room.len().saturating_sub(1));
    if let Some(last) = out.room.get_mut(end) {
        *last = 0;
    }
    out.length
}

/// Room for text, which counts on where it ends.
struct Room<'r> {
    room: &'r mut [u8],
    length: usize,
}

impl fmt::Write for Room<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.room.get_mut(self.length..).unwrap_or_default();
        let taken = room.len().min(text.len());
        room[..taken].copy_from_slice(&text.as_bytes()[..taken]);
        self.length += text.len();
        Ok(())
    }
}
