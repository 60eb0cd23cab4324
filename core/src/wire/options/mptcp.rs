//! Multipath TCP: version 1 (RFC 8684, section 3) and version 0 (RFC 6824).
//!
//! The two versions share most layouts. Where they differ (the acknowledgement's address in
//! `ADD_ADDR`, the codes of `MP_PRIO`) the length tells which one it is.
//!
//! ```
//! use tcpexposure_core::wire::options::{Options, View, mptcp::Subtype};
//! let capable = Options::new(&[30, 4, 0x01, 0x81]).iter().next().unwrap();
//! let View::Mptcp(option) = capable.view() else { panic!() };
//! assert!(matches!(option.subtype(), Subtype::Capable { version: 1, flags: 0x81, sender: None, .. }));
//! ```

use byteorder::{BigEndian, ByteOrder};

/// The data of an option of kind 30, of any subtype and any length from one byte up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mptcp<'a> {
    bytes: &'a [u8],
    subtype: Subtype<'a>,
}

/// What the option says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subtype<'a> {
    /// `MP_CAPABLE` (0): lengths 4, 12, 20, 22 and 24.
    Capable {
        /// The version, 0 or 1.
        version: u8,
        /// The flags A to H.
        flags: u8,
        /// The sender's key.
        sender: Option<u64>,
        /// The receiver's key.
        receiver: Option<u64>,
        /// The length of the data that the segment carries (version 1).
        data_length: Option<u16>,
        /// The checksum over that data.
        checksum: Option<u16>,
    },
    /// `MP_JOIN` (1) on a SYN, length 12.
    JoinSyn {
        /// Whether the path is a backup.
        backup: bool,
        /// The address identifier.
        address: u8,
        /// The receiver's token.
        token: u32,
        /// The sender's random number.
        nonce: u32,
    },
    /// `MP_JOIN` (1) on a SYN-ACK, length 16.
    JoinSynAck {
        /// Whether the path is a backup.
        backup: bool,
        /// The address identifier.
        address: u8,
        /// The first 64 bits of the sender's message authentication code.
        code: u64,
        /// The sender's random number.
        nonce: u32,
    },
    /// `MP_JOIN` (1) on the third segment, length 24.
    JoinAck {
        /// The sender's message authentication code.
        code: &'a [u8; 20],
    },
    /// Data sequence signal `DSS` (2).
    DataSequence(DataSequence),
    /// `ADD_ADDR` (3).
    AddAddress {
        /// The low nibble of the first byte: the echo flag in version 1, the IP version in 0.
        flags: u8,
        /// The address identifier.
        address_id: u8,
        /// The address: 4 or 16 bytes.
        address: &'a [u8],
        /// The port.
        port: Option<u16>,
        /// The truncated message authentication code (version 1).
        code: Option<u64>,
    },
    /// `REMOVE_ADDR` (4).
    RemoveAddress {
        /// The address identifiers.
        addresses: &'a [u8],
    },
    /// `MP_PRIO` (5).
    Priority {
        /// Whether the path is to be a backup.
        backup: bool,
        /// The path (version 0 only).
        address: Option<u8>,
    },
    /// `MP_FAIL` (6).
    Fail {
        /// The data sequence number of the failure.
        sequence: u64,
    },
    /// `MP_FASTCLOSE` (7).
    FastClose {
        /// The receiver's key.
        key: u64,
    },
    /// `MP_TCPRST` (8, version 1).
    Reset {
        /// The flags U, V, W and T.
        flags: u8,
        /// The reason.
        reason: u8,
    },
    /// `MP_EXPERIMENTAL` (15, version 1).
    Experimental {
        /// The low nibble of the first byte.
        flags: u8,
        /// What follows.
        data: &'a [u8],
    },
    /// Any other subtype, or a length that the subtype does not allow.
    Other {
        /// The subtype, 0 to 15.
        subtype: u8,
    },
}

/// A data sequence signal (RFC 8684, section 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataSequence {
    /// The five flags: F 16, m 8, M 4, a 2, A 1.
    pub flags: u8,
    /// The data acknowledgement, of 32 or 64 bits as flag a says.
    pub ack: Option<u64>,
    /// The mapping of this segment's payload.
    pub mapping: Option<Mapping>,
}

impl DataSequence {
    /// Tells whether the widths of the numbers can be told from the option's length and the numbers
    /// themselves: both of 64 bits, both of 32, or the sequence number of 64 and the
    /// acknowledgement of 32, which is how stacks send them.
    pub(crate) const fn is_plain(&self) -> bool {
        let (ack_long, sequence_long) = (self.flags & 2 != 0, self.flags & 8 != 0);
        match (self.ack, self.mapping) {
            (Some(ack), Some(_)) => {
                let large = ack > 0xffff_ffff;
                ack_long == sequence_long || sequence_long && !large || ack_long && large
            }
            (Some(_), None) => !sequence_long,
            (None, Some(_)) => !ack_long,
            (None, None) => !ack_long && !sequence_long,
        }
    }
}

/// A mapping of subflow to data sequence space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The data sequence number, of 32 or 64 bits as flag m says.
    pub sequence: u64,
    /// The sequence number relative to the subflow.
    pub subflow: u32,
    /// The length in bytes.
    pub length: u16,
    /// The checksum.
    pub checksum: Option<u16>,
}

impl<'a> Mptcp<'a> {
    /// Reads the option's data; `None` if it is empty.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let subtype = bytes.first()? >> 4;
        let known = match subtype {
            0 => capable(bytes),
            1 => join(bytes),
            2 => data_sequence(bytes),
            3 => add_address(bytes),
            _ => rest(subtype, bytes),
        };
        Some(Self { bytes, subtype: known.unwrap_or(Subtype::Other { subtype }) })
    }

    /// Tells the option's data.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Tells what the option says.
    #[must_use]
    pub const fn subtype(&self) -> Subtype<'a> {
        self.subtype
    }
}

fn capable(bytes: &[u8]) -> Option<Subtype<'_>> {
    let &[first, flags, ref after @ ..] = bytes else {
        return None;
    };
    let (sender, after) = optional::<8>(after)?;
    let (receiver, after) = optional::<8>(after)?;
    let (data_length, after) = optional::<2>(after)?;
    let (checksum, after) = optional::<2>(after)?;
    after.is_empty().then(|| Subtype::Capable {
        version: first & 0x0f,
        flags,
        sender: sender.map(BigEndian::read_u64),
        receiver: receiver.map(BigEndian::read_u64),
        data_length: data_length.map(BigEndian::read_u16),
        checksum: checksum.map(BigEndian::read_u16),
    })
}

fn join(bytes: &[u8]) -> Option<Subtype<'_>> {
    let &[first, address, ref after @ ..] = bytes else {
        return None;
    };
    let backup = first & 1 != 0;
    match after.len() {
        8 => Some(Subtype::JoinSyn {
            backup,
            address,
            token: BigEndian::read_u32(after),
            nonce: BigEndian::read_u32(after.get(4..)?),
        }),
        12 => Some(Subtype::JoinSynAck {
            backup,
            address,
            code: BigEndian::read_u64(after),
            nonce: BigEndian::read_u32(after.get(8..)?),
        }),
        20 => Some(Subtype::JoinAck { code: after.try_into().ok()? }),
        _ => None,
    }
}

fn data_sequence(bytes: &[u8]) -> Option<Subtype<'_>> {
    let &[_, flags, ref after @ ..] = bytes else {
        return None;
    };
    let flags = flags & 0x1f;
    let (ack, after) = number(after, flags & 1 != 0, flags & 2 != 0)?;
    let (sequence, after) = number(after, flags & 4 != 0, flags & 8 != 0)?;
    let mapping = match sequence {
        None if after.is_empty() => None,
        None => return None,
        Some(sequence) => {
            let (subflow, after) = after.split_first_chunk::<4>()?;
            let (length, after) = after.split_first_chunk::<2>()?;
            let (checksum, after) = optional::<2>(after)?;
            if !after.is_empty() {
                return None;
            }
            Some(Mapping {
                sequence,
                subflow: u32::from_be_bytes(*subflow),
                length: u16::from_be_bytes(*length),
                checksum: checksum.map(BigEndian::read_u16),
            })
        }
    };
    Some(Subtype::DataSequence(DataSequence { flags, ack, mapping }))
}

fn add_address(bytes: &[u8]) -> Option<Subtype<'_>> {
    let &[first, address_id, ref after @ ..] = bytes else {
        return None;
    };
    let (size, port, code) = match after.len() {
        4 | 16 => (after.len(), false, false),
        6 | 18 => (after.len().wrapping_sub(2), true, false),
        12 | 24 => (after.len().wrapping_sub(8), false, true),
        14 | 26 => (after.len().wrapping_sub(10), true, true),
        _ => return None,
    };
    let (address, after) = after.split_at_checked(size)?;
    let (port, after) = if port { optional::<2>(after)? } else { (None, after) };
    Some(Subtype::AddAddress {
        flags: first & 0x0f,
        address_id,
        address,
        port: port.map(BigEndian::read_u16),
        code: code.then(|| BigEndian::read_u64(after)),
    })
}

fn rest(subtype: u8, bytes: &[u8]) -> Option<Subtype<'_>> {
    match (subtype, bytes) {
        (4, &[_, ref addresses @ ..]) if !addresses.is_empty() => {
            Some(Subtype::RemoveAddress { addresses })
        }
        (5, &[first]) => Some(Subtype::Priority { backup: first & 1 != 0, address: None }),
        (5, &[first, address]) => {
            Some(Subtype::Priority { backup: first & 1 != 0, address: Some(address) })
        }
        (6, [_, _, sequence @ ..]) if sequence.len() == 8 => {
            Some(Subtype::Fail { sequence: BigEndian::read_u64(sequence) })
        }
        (7, [_, _, key @ ..]) if key.len() == 8 => {
            Some(Subtype::FastClose { key: BigEndian::read_u64(key) })
        }
        (8, &[first, reason]) => Some(Subtype::Reset { flags: first & 0x0f, reason }),
        (15, &[first, ref data @ ..]) => Some(Subtype::Experimental { flags: first & 0x0f, data }),
        _ => None,
    }
}

/// Takes `N` bytes if there are any bytes; `None` if there are some but too few.
fn optional<const N: usize>(bytes: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    if bytes.is_empty() {
        return Some((None, bytes));
    }
    bytes.split_at_checked(N).map(|(field, rest)| (Some(field), rest))
}

/// Takes a number of 4 or 8 bytes if it is announced.
fn number(bytes: &[u8], present: bool, long: bool) -> Option<(Option<u64>, &[u8])> {
    if !present {
        return Some((None, bytes));
    }
    let (field, rest) = bytes.split_at_checked(if long { 8 } else { 4 })?;
    let value = field.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    Some((Some(value), rest))
}
