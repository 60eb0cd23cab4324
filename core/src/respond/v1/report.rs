//! What a responder tells of a data segment, and of its own answer.

use zerocopy::{
    FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned,
    byteorder::network_endian::{U16, U64},
};

use super::{Mode, Order, VERSION, Wrap};
use crate::{
    respond::{report::copy, siphash::Key},
    wire::packet::{Offload, Packet, Start},
};

/// A report, as the initiator reads it.
///
/// ```text
///  magic "TCX1" (4) | version (1) | mode (1) | checksum (1) | merged (1)
///  nonce (8)
///  payload length (2) | length of the headers received (2) | of the headers sent (2) | 0 (2)
///  hash of the payload (8)
///  headers received | headers sent | seal (8) | filler
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// The mode that the answer was made in.
    pub mode: Mode,
    /// What the checksum of the segment was like on arrival.
    pub checksum: Checksum,
    /// Whether the responder's kernel or card merged segments, so that the length says nothing of
    /// the path.
    pub merged: bool,
    /// The length of the payload received.
    pub length: u16,
    /// The [hash](payload_hash) of the payload received.
    pub hash: u64,
    /// The headers received. There is no payload with them, but the length in them tells of it.
    pub received: Packet<'a>,
    /// The headers of the first segment of the answer, with checksums of 0 and no payload.
    pub sent: Packet<'a>,
    /// What follows the seal: [filler] if nobody changed it.
    pub filler: &'a [u8],
    /// Whether the seal is whole: nobody changed the report.
    pub sealed: bool,
}

/// What a responder found the checksum to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Checksum {
    /// Not known: the segment was merged or cut.
    Unknown,
    /// Right.
    Right,
    /// Wrong.
    Wrong,
}

/// A report, as the responder writes it.
#[derive(Clone, Copy, Debug)]
pub struct Content<'a> {
    /// What was ordered.
    pub order: &'a Order<'a>,
    /// What the checksum was like.
    pub checksum: Checksum,
    /// Whether segments were merged.
    pub merged: bool,
    /// The payload received.
    pub payload: &'a [u8],
    /// The IP header, its options or extension headers, the TCP header and its options as received.
    pub received: [&'a [u8]; 4],
    /// The headers of the answer.
    pub sent: &'a [u8],
}

/// The segments of an answer: offset in sequence space, first byte and end in the payload.
pub type Parts = heapless::Vec<(u32, usize, usize), 3>;

/// The length of a report without headers, seal and filler.
pub const HEADER: usize = size_of::<Head>();
/// The bytes of sequence space that [`Mode::Hole`] leaves out.
pub const HOLE: u32 = 100;

/// Hashes a payload; the key is the nonce, which both sides know.
#[must_use]
pub fn payload_hash(nonce: u64, payload: &[u8]) -> u64 {
    key(nonce).hash(payload)
}

/// Tells the byte of the filler at `index`.
#[must_use]
pub fn filler(nonce: u64, index: usize) -> u8 {
    let bytes = nonce.to_le_bytes();
    let byte = bytes.get(index & 7).copied().unwrap_or_default();
    byte.wrapping_add(index.to_le_bytes()[0]) | 0x80
}

/// Tells what a byte becomes in the retransmission with other content.
#[must_use]
pub const fn twist(byte: u8) -> u8 {
    byte ^ 0x15
}

impl Mode {
    /// Cuts a payload of so many bytes into the segments of an answer.
    #[must_use]
    pub fn parts(self, length: usize) -> Parts {
        let half = length >> 1;
        let third = length.checked_div(3).unwrap_or_default();
        let two = third.saturating_mul(2);
        let ranges: &[(usize, usize)] = match self {
            Self::Plain | Self::Hole | Self::Finish => &[(0, length)],
            Self::Overlap => &[(0, length), (0, length)],
            Self::Split => &[(0, half), (half, length)],
            Self::Reordered => &[(half, length), (0, half)],
            Self::Burst => &[(0, third), (third, two), (two, length)],
            Self::Silent => &[(0, 0)],
        };
        let hole = if self == Self::Hole { HOLE } else { 0 };
        let offset = |from: usize| u32::try_from(from).unwrap_or(u32::MAX).saturating_add(hole);
        ranges.iter().map(|&(from, end)| (offset(from), from, end)).collect()
    }
}

impl<'a> Report<'a> {
    /// What a report begins with.
    pub const MAGIC: [u8; 4] = *b"TCX1";

    /// Finds the report that answers the order with this nonce, dressed or not; `None` if there is
    /// none, or if it is not whole.
    #[must_use]
    pub fn find(payload: &'a [u8], nonce: u64) -> Option<Self> {
        let whole = super::find(payload, Self::MAGIC)?;
        let (head, rest) = Head::ref_from_prefix(whole).ok()?;
        if head.version != VERSION || head.nonce.get() != nonce {
            return None;
        }
        let (received, rest) = rest.split_at_checked(head.received.get().into())?;
        let (sent, rest) = rest.split_at_checked(head.sent.get().into())?;
        let (seal, filler) = rest.split_first_chunk::<8>()?;
        let sealed = whole.len().checked_sub(rest.len())?;
        Some(Self {
            mode: *Mode::ALL.get(usize::from(head.mode))?,
            checksum: match head.checksum {
                1 => Checksum::Right,
                2 => Checksum::Wrong,
                _ => Checksum::Unknown,
            },
            merged: head.merged != 0,
            length: head.length.get(),
            hash: head.hash.get(),
            received: headers(received),
            sent: headers(sent),
            filler,
            sealed: key(nonce).hash(whole.get(..sealed)?) == u64::from_be_bytes(*seal),
        })
    }
}

impl Content<'_> {
    /// Tells the length without filler and dress.
    #[must_use]
    pub fn length(&self) -> usize {
        let parts = self.received.iter().map(|part| part.len());
        parts.fold(HEADER.saturating_add(8).saturating_add(self.sent.len()), usize::saturating_add)
    }

    /// Writes the dressed report, filled up to the room that was ordered, to the start of `out`,
    /// and tells its length; `None` if it does not fit.
    pub fn write(&self, out: &mut [u8]) -> Option<usize> {
        let room = usize::from(self.order.room).min(out.len());
        let body = self.length().max(room.saturating_sub(self.order.wrap.length()));
        let head = self.order.wrap.head(body)?;
        let (dress, rest) = out.split_at_mut_checked(head.len())?;
        dress.copy_from_slice(&head);
        self.body(rest.get_mut(..body)?)?;
        head.len().checked_add(body)
    }

    fn body(&self, out: &mut [u8]) -> Option<()> {
        let head = self.head();
        let [a, b, c, d] = self.received;
        let mut written = 0_usize;
        for part in [head.as_bytes(), a, b, c, d, self.sent] {
            written = written.saturating_add(copy(out.get_mut(written..)?, part));
        }
        let seal = key(self.order.nonce).hash(out.get(..written)?);
        let (place, rest) = out.get_mut(written..)?.split_first_chunk_mut::<8>()?;
        *place = seal.to_be_bytes();
        for (index, byte) in rest.iter_mut().enumerate() {
            *byte = filler(self.order.nonce, index);
        }
        Some(())
    }

    fn head(&self) -> Head {
        let length = |length: usize| U16::new(u16::try_from(length).unwrap_or(u16::MAX));
        let received = self.received.iter().map(|part| part.len());
        Head {
            magic: Report::MAGIC,
            version: VERSION,
            mode: self.order.mode as u8,
            checksum: self.checksum as u8,
            merged: self.merged.into(),
            nonce: U64::new(self.order.nonce),
            length: length(self.payload.len()),
            received: length(received.fold(0, usize::saturating_add)),
            sent: length(self.sent.len()),
            reserved: U16::ZERO,
            hash: U64::new(payload_hash(self.order.nonce, self.payload)),
        }
    }
}

/// The fixed part of a report.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Head {
    magic: [u8; 4],
    version: u8,
    mode: u8,
    checksum: u8,
    merged: u8,
    nonce: U64,
    length: U16,
    received: U16,
    sent: U16,
    reserved: U16,
    hash: U64,
}

impl Wrap {
    /// Takes the dress off a payload; `None` if it is not as the responder made it.
    #[must_use]
    pub fn strip(self, payload: &[u8]) -> Option<&[u8]> {
        match self {
            Self::Bare => Some(payload),
            Self::Tls => {
                let (head, body) = payload.split_first_chunk::<5>()?;
                let [a, b] = u16::try_from(body.len()).ok()?.to_be_bytes();
                (*head == [0x17, 3, 3, a, b]).then_some(body)
            }
            Self::Http => {
                let rest = payload.strip_prefix(HTTP)?;
                let end = rest.windows(4).position(|four| four == b"\r\n\r\n")?;
                rest.get(end.checked_add(4)?..)
            }
        }
    }

    /// Tells the most bytes that the dress takes.
    const fn length(self) -> usize {
        match self {
            Self::Bare => 0,
            Self::Http => HTTP_HEAD,
            Self::Tls => 5,
        }
    }

    /// Writes what stands before a body of so many bytes.
    fn head(self, body: usize) -> Option<heapless::Vec<u8, HTTP_HEAD>> {
        use core::fmt::Write as _;
        let mut head = heapless::Vec::new();
        match self {
            Self::Bare => {}
            Self::Http => {
                head.extend_from_slice(HTTP).ok()?;
                let mut decimal = heapless::String::<8>::new();
                write!(decimal, "{body}\r\n\r\n").ok()?;
                head.extend_from_slice(decimal.as_bytes()).ok()?;
            }
            Self::Tls => {
                let [a, b] = u16::try_from(body).ok()?.to_be_bytes();
                head.extend_from_slice(&[0x17, 3, 3, a, b]).ok()?;
            }
        }
        Some(head)
    }
}

/// Reads headers that were sent with a payload that is not here.
fn headers(bytes: &[u8]) -> Packet<'_> {
    let whole = bytes.len().saturating_add(usize::from(u16::MAX));
    Packet::parse(Start::Ip, bytes, whole, Offload::default())
}

/// Makes the key of a nonce.
fn key(nonce: u64) -> Key {
    let [a, b, c, d, e, f, g, h] = nonce.to_be_bytes();
    Key::new([a, b, c, d, e, f, g, h, b't', b'c', b'x', b'p', b'o', b's', b'e', b'd'])
}

const HTTP: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: ";
/// The most bytes of an HTTP header.
const HTTP_HEAD: usize = HTTP.len() + 8;
