//! What an initiator asks for.

use zerocopy::{
    FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned,
    byteorder::network_endian::{U16, U64},
};

use super::VERSION;
use crate::wire::{options::MAX_LENGTH, tcp::Flags};

/// An order for an answer.
///
/// ```text
///  magic "tcx1" (4) | version (1) | mode (1) | wrap (1) | options length (1)
///  nonce (8)
///  flags (2) | urgent pointer (2) | traffic class (1) | hops (1) | room (2)
///  options (0 to 40)
/// ```
///
/// ```
/// use tcpexposure_core::respond::v1::{Mode, Order};
/// let order = Order { nonce: 7, mode: Mode::Split, ..Order::default() };
/// let mut bytes = [0; Order::MAX_LENGTH];
/// let length = order.write(&mut bytes).unwrap();
/// assert_eq!(length, 24);
/// // It may stand behind anything.
/// let payload = [b"GET / HTTP/1.1\r\n\r\n", &bytes[..length]].concat();
/// assert_eq!(Order::find(&payload), Some(order));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Order<'a> {
    /// The segments that the answer is to consist of.
    pub mode: Mode,
    /// What the answer is to be dressed in.
    pub wrap: Wrap,
    /// A number that the answer is to prove it has seen.
    pub nonce: u64,
    /// Flags and reserved bits to set beside ACK. SYN and RST are not heeded.
    pub flags: Flags,
    /// The urgent pointer of the answer.
    pub urgent: u16,
    /// The type of service octet or traffic class of the answer.
    pub traffic_class: u8,
    /// The time to live or hop limit of the answer; 0 for the usual one.
    pub hops: u8,
    /// The payload bytes that the answer is to have, or 0 for as many as the report takes.
    pub room: u16,
    /// The options of the answer, as they are to stand; if there are none, those of the order's
    /// segment are answered one by one.
    pub options: &'a [u8],
}

/// The segments of an answer. All but [`Silent`](Self::Silent) carry the report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Mode {
    /// One.
    #[default]
    Plain,
    /// Two halves.
    Split,
    /// Three thirds, back to back, which a box may merge.
    Burst,
    /// One, behind a hole of [`HOLE`](super::HOLE) bytes in sequence space.
    Hole,
    /// One, and then its sequence space again with [other content](super::twist).
    Overlap,
    /// Two halves, the second first.
    Reordered,
    /// A pure acknowledgement with the options and flags of the order.
    Silent,
    /// One, and then a pure acknowledgement with FIN and the options of the order.
    Finish,
}

/// What an answer is dressed in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Wrap {
    /// Nothing.
    #[default]
    Bare,
    /// An HTTP/1.1 response with status 200.
    Http,
    /// A record of TLS application data.
    Tls,
}

impl Mode {
    /// All of them, by their numbers.
    pub const ALL: [Self; 8] = [
        Self::Plain,
        Self::Split,
        Self::Burst,
        Self::Hole,
        Self::Overlap,
        Self::Reordered,
        Self::Silent,
        Self::Finish,
    ];
}

impl Wrap {
    /// All of them, by their numbers.
    pub const ALL: [Self; 3] = [Self::Bare, Self::Http, Self::Tls];
}

impl<'a> Order<'a> {
    /// What an order begins with.
    pub const MAGIC: [u8; 4] = *b"tcx1";
    /// The length of an order without options.
    pub const LENGTH: usize = size_of::<Head>();
    /// The length of an order with all options.
    pub const MAX_LENGTH: usize = Self::LENGTH + MAX_LENGTH;

    /// Finds the first order of this version in a payload.
    #[must_use]
    pub fn find(payload: &'a [u8]) -> Option<Self> {
        let bytes = super::find(payload, Self::MAGIC)?;
        let (head, rest) = Head::ref_from_prefix(bytes).ok()?;
        if head.version != VERSION {
            return None;
        }
        Some(Self {
            mode: *Mode::ALL.get(usize::from(head.mode))?,
            wrap: *Wrap::ALL.get(usize::from(head.wrap))?,
            nonce: head.nonce.get(),
            flags: Flags::from_bits(head.flags.get()),
            urgent: head.urgent.get(),
            traffic_class: head.traffic_class,
            hops: head.hops,
            room: head.room.get(),
            options: rest.get(..head.options.into()).filter(|all| all.len() <= MAX_LENGTH)?,
        })
    }

    /// Writes the order to the start of `out` and tells its length; `None` when it does not fit or
    /// has too many options.
    pub fn write(&self, out: &mut [u8]) -> Option<usize> {
        let length = u8::try_from(self.options.len()).ok().filter(|length| *length <= 40)?;
        let head = Head {
            magic: Self::MAGIC,
            version: VERSION,
            mode: self.mode as u8,
            wrap: self.wrap as u8,
            options: length,
            nonce: U64::new(self.nonce),
            flags: U16::new(self.flags.bits()),
            urgent: U16::new(self.urgent),
            traffic_class: self.traffic_class,
            hops: self.hops,
            room: U16::new(self.room),
        };
        let (start, rest) = out.split_at_mut_checked(Self::LENGTH)?;
        rest.get_mut(..self.options.len())?.copy_from_slice(self.options);
        start.copy_from_slice(head.as_bytes());
        Self::LENGTH.checked_add(self.options.len())
    }
}

/// The fixed part of an order.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Head {
    magic: [u8; 4],
    version: u8,
    mode: u8,
    wrap: u8,
    options: u8,
    nonce: U64,
    flags: U16,
    urgent: U16,
    traffic_class: u8,
    hops: u8,
    room: U16,
}
