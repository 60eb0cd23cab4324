//! Options by the rules of their kinds.
//!
//! ```
//! use tcpexposure_core::wire::options::{Options, View};
//! let views: Vec<_> = Options::new(&[2, 4, 5, 0xb4, 1, 3, 3, 7]).iter().map(|item| item.view()).collect();
//! assert_eq!(views, [View::MaximumSegmentSize(1460), View::Nop, View::WindowScale(7)]);
//! ```

use byteorder::{BigEndian, ByteOrder};

use super::{Item, Overflow, Writer, kind, mptcp};

/// An option as its kind defines it.
///
/// An option whose length is not one that its kind allows is [`View::Raw`], as is any kind that is
/// not listed here. [`View::write`] gives back the bytes that were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View<'a> {
    /// End of the option list.
    End,
    /// No operation.
    Nop,
    /// Maximum segment size in bytes (RFC 9293, section 3.7.1).
    MaximumSegmentSize(u16),
    /// Window scale: the shift count, at most 14 by the rules (RFC 7323, section 2).
    WindowScale(u8),
    /// Selective acknowledgement is permitted (RFC 2018, section 2).
    SackPermitted,
    /// Selective acknowledgement blocks (RFC 2018, section 3).
    Sack(SackBlocks<'a>),
    /// Timestamps (RFC 7323, section 3).
    Timestamps {
        /// The sender's clock.
        value: u32,
        /// The clock value that is echoed.
        echo: u32,
    },
    /// MD5 signature (RFC 2385).
    Md5(&'a [u8; 16]),
    /// Quick-start response (RFC 4782, section 4.1).
    QuickStart {
        /// Reserved bits (4) and rate request (4).
        rate: u8,
        /// The difference of the TTLs.
        ttl_difference: u8,
        /// The nonce (30 bits) and two reserved bits.
        nonce: u32,
    },
    /// User timeout (RFC 5482, section 3).
    UserTimeout {
        /// Whether the unit is the minute, else the second.
        minutes: bool,
        /// The timeout, 15 bits.
        timeout: u16,
    },
    /// TCP authentication option (RFC 5925, section 2.2).
    Authentication {
        /// The key in use.
        key_id: u8,
        /// The key that the sender is ready to receive.
        next_key_id: u8,
        /// The message authentication code.
        code: &'a [u8],
    },
    /// Multipath TCP (RFC 8684, RFC 6824).
    Mptcp(mptcp::Mptcp<'a>),
    /// Fast open (RFC 7413, section 4.1.1): empty asks for a cookie.
    FastOpen(&'a [u8]),
    /// Encryption negotiation suboptions (RFC 8547, section 4).
    EncryptionNegotiation(&'a [u8]),
    /// Accurate ECN counters (RFC 9768, section 3.2.3).
    AccEcn(AccEcn<'a>),
    /// An experiment with its identifier (RFC 6994, section 3.1): 16 bits; where 32 are in use, the
    /// other half is the beginning of the data.
    Experiment {
        /// 253 or 254.
        kind: u8,
        /// The identifier.
        id: u16,
        /// What follows.
        data: &'a [u8],
    },
    /// Any other kind, or a length that the kind does not allow.
    Raw {
        /// The kind.
        kind: u8,
        /// What follows the length byte.
        data: &'a [u8],
    },
    /// An option whose length cannot be, and all that follows.
    Malformed(&'a [u8]),
    /// Bytes after the end of the option list.
    Trailing(&'a [u8]),
}

impl<'a> View<'a> {
    /// Reads an item.
    #[inline]
    #[must_use]
    pub fn of(item: Item<'a>) -> Self {
        match item {
            Item::End => Self::End,
            Item::Nop => Self::Nop,
            Item::Option { kind, data } => {
                Self::known(kind, data).unwrap_or(Self::Raw { kind, data })
            }
            Item::Malformed { rest } => Self::Malformed(rest),
            Item::Trailing(bytes) => Self::Trailing(bytes),
        }
    }

    #[inline]
    fn known(kind: u8, data: &'a [u8]) -> Option<Self> {
        match (kind, data) {
            (kind::MAXIMUM_SEGMENT_SIZE, &[a, b]) => {
                Some(Self::MaximumSegmentSize(u16::from_be_bytes([a, b])))
            }
            (kind::WINDOW_SCALE, &[shift]) => Some(Self::WindowScale(shift)),
            (kind::SACK_PERMITTED, []) => Some(Self::SackPermitted),
            (kind::SACK, blocks) => SackBlocks::new(blocks).map(Self::Sack),
            (kind::TIMESTAMPS, &[a, b, c, d, e, f, g, h]) => Some(Self::Timestamps {
                value: u32::from_be_bytes([a, b, c, d]),
                echo: u32::from_be_bytes([e, f, g, h]),
            }),
            (kind::MPTCP, data) => mptcp::Mptcp::parse(data).map(Self::Mptcp),
            (kind::FAST_OPEN, cookie) => Some(Self::FastOpen(cookie)),
            _ => Self::rare(kind, data),
        }
    }

    fn rare(kind: u8, data: &'a [u8]) -> Option<Self> {
        match (kind, data) {
            (kind::MD5, digest) => digest.try_into().ok().map(Self::Md5),
            (kind::QUICK_START, &[rate, ttl_difference, a, b, c, d]) => {
                let nonce = u32::from_be_bytes([a, b, c, d]);
                Some(Self::QuickStart { rate, ttl_difference, nonce })
            }
            (kind::USER_TIMEOUT, field @ [_, _]) => {
                let field = BigEndian::read_u16(field);
                Some(Self::UserTimeout { minutes: field >> 15 != 0, timeout: field & 0x7fff })
            }
            (kind::AUTHENTICATION, &[key_id, next_key_id, ref code @ ..]) => {
                Some(Self::Authentication { key_id, next_key_id, code })
            }
            (kind::ENCRYPTION_NEGOTIATION, suboptions) => {
                Some(Self::EncryptionNegotiation(suboptions))
            }
            (kind::ACC_ECN_0 | kind::ACC_ECN_1, counters) => {
                AccEcn::new(kind == kind::ACC_ECN_1, counters).map(Self::AccEcn)
            }
            (kind::EXPERIMENT_1 | kind::EXPERIMENT_2, &[a, b, ref data @ ..]) => {
                Some(Self::Experiment { kind, id: u16::from_be_bytes([a, b]), data })
            }
            _ => None,
        }
    }

    /// Appends the option to `out`.
    ///
    /// # Errors
    /// When there is no room.
    pub fn write(&self, out: &mut Writer<'_>) -> Result<(), Overflow> {
        match *self {
            Self::End => out.push(Item::End),
            Self::Nop => out.push(Item::Nop),
            Self::MaximumSegmentSize(size) => {
                out.option(kind::MAXIMUM_SEGMENT_SIZE, &[&size.to_be_bytes()])
            }
            Self::WindowScale(shift) => out.option(kind::WINDOW_SCALE, &[&[shift]]),
            Self::SackPermitted => out.option(kind::SACK_PERMITTED, &[]),
            Self::Sack(blocks) => out.option(kind::SACK, &[blocks.bytes]),
            Self::Timestamps { value, echo } => {
                out.option(kind::TIMESTAMPS, &[&value.to_be_bytes(), &echo.to_be_bytes()])
            }
            Self::Md5(digest) => out.option(kind::MD5, &[digest]),
            Self::QuickStart { rate, ttl_difference, nonce } => {
                out.option(kind::QUICK_START, &[&[rate, ttl_difference], &nonce.to_be_bytes()])
            }
            Self::UserTimeout { minutes, timeout } => {
                let field = timeout & 0x7fff | u16::from(minutes) << 15;
                out.option(kind::USER_TIMEOUT, &[&field.to_be_bytes()])
            }
            Self::Authentication { key_id, next_key_id, code } => {
                out.option(kind::AUTHENTICATION, &[&[key_id, next_key_id], code])
            }
            Self::Mptcp(option) => out.option(kind::MPTCP, &[option.bytes()]),
            Self::FastOpen(cookie) => out.option(kind::FAST_OPEN, &[cookie]),
            Self::EncryptionNegotiation(data) => out.option(kind::ENCRYPTION_NEGOTIATION, &[data]),
            Self::AccEcn(counters) => out.option(counters.kind(), &[counters.bytes]),
            Self::Experiment { kind, id, data } => out.option(kind, &[&id.to_be_bytes(), data]),
            Self::Raw { kind, data } => out.option(kind, &[data]),
            Self::Malformed(bytes) | Self::Trailing(bytes) => out.bytes(bytes),
        }?;
        Ok(())
    }
}

/// The blocks of a selective acknowledgement: one to thirty-one pairs of sequence numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SackBlocks<'a> {
    bytes: &'a [u8],
}

impl<'a> SackBlocks<'a> {
    /// Takes the option's data; `None` unless it is a whole number of blocks, at least one.
    #[inline]
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Option<Self> {
        if bytes.is_empty() || bytes.len() & 7 != 0 { None } else { Some(Self { bytes }) }
    }

    /// Walks the blocks: left edge, right edge.
    #[inline]
    pub fn iter(self) -> impl ExactSizeIterator<Item = (u32, u32)> + Clone + use<'a> {
        let (blocks, _) = self.bytes.as_chunks::<8>();
        blocks.iter().map(|&[a, b, c, d, e, f, g, h]| {
            (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]))
        })
    }
}

/// Accurate ECN byte counters: none to three, of 24 bits each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccEcn<'a> {
    first_is_ect1: bool,
    bytes: &'a [u8],
}

impl<'a> AccEcn<'a> {
    /// Takes the option's data; `None` unless it is at most three whole counters.
    #[must_use]
    pub const fn new(first_is_ect1: bool, bytes: &'a [u8]) -> Option<Self> {
        if matches!(bytes.len(), 0 | 3 | 6 | 9) {
            Some(Self { first_is_ect1, bytes })
        } else {
            None
        }
    }

    /// Tells the option kind: order 0 begins with the ECT(0) counter, order 1 with ECT(1).
    #[must_use]
    pub const fn kind(self) -> u8 {
        if self.first_is_ect1 { kind::ACC_ECN_1 } else { kind::ACC_ECN_0 }
    }

    /// Tells the counters in the order in which they stand: first ECT, CE, other ECT.
    pub fn iter(self) -> impl ExactSizeIterator<Item = u32> + Clone + use<'a> {
        let (counters, _) = self.bytes.as_chunks::<3>();
        counters.iter().map(|&[a, b, c]| u32::from_be_bytes([0, a, b, c]))
    }

    /// Tells the counters by what they count: ECT(0), CE, ECT(1).
    #[must_use]
    pub fn counters(self) -> (Option<u32>, Option<u32>, Option<u32>) {
        let mut counters = self.iter();
        let (first, ce, last) = (counters.next(), counters.next(), counters.next());
        if self.first_is_ect1 { (last, ce, first) } else { (first, ce, last) }
    }
}
