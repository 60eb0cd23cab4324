//! The options of 2010, before multipath TCP had numbers: kinds 30 to 32 as the original
//! TCPExposure laid them out. They are those of no RFC, and apart from the [registry's
//! kinds](super::kind) for that reason.
//!
//! ```
//! use tcpexposure_core::wire::options::{classic, kind};
//! assert_eq!(classic::CAPABLE, kind::MPTCP); // a number that was given away later
//! ```

use byteorder::{BigEndian, ByteOrder};

use super::{Item, Overflow, Writer};

/// The kind of [`Classic::Capable`].
pub const CAPABLE: u8 = 30;
/// The kind of [`Classic::Data`].
pub const DATA: u8 = 31;
/// The kind of [`Classic::Ack`].
pub const ACK: u8 = 32;

/// An option of the classic set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Classic {
    /// `MP_CAPABLE`, length 12.
    Capable {
        /// The connection's token.
        token: u32,
        /// The initial data sequence number; its low 16 bits are not on the wire and read as 0.
        initial: u64,
    },
    /// `MP_DATA`, length 16.
    Data {
        /// The data sequence number.
        sequence: u64,
        /// The length of the data, in bytes.
        length: u16,
        /// The sequence number within the subflow.
        subflow: u32,
    },
    /// `MP_ACK`, length 10.
    Ack {
        /// The data sequence number that is expected next.
        sequence: u64,
    },
}

impl Classic {
    /// Reads an item; `None` unless it is of the classic set, kind and length.
    #[must_use]
    pub fn of(item: Item<'_>) -> Option<Self> {
        let Item::Option { kind, data } = item else {
            return None;
        };
        match (kind, data.len()) {
            (CAPABLE, 10) => Some(Self::Capable {
                token: BigEndian::read_u32(data),
                initial: BigEndian::read_u48(data.get(4..)?) << 16,
            }),
            (DATA, 14) => Some(Self::Data {
                sequence: BigEndian::read_u64(data),
                length: BigEndian::read_u16(data.get(8..)?),
                subflow: BigEndian::read_u32(data.get(10..)?),
            }),
            (ACK, 8) => Some(Self::Ack { sequence: BigEndian::read_u64(data) }),
            _ => None,
        }
    }

    /// Appends the option to `out`.
    ///
    /// # Errors
    /// When there is no room.
    pub fn write(self, out: &mut Writer<'_>) -> Result<(), Overflow> {
        match self {
            Self::Capable { token, initial } => {
                let [a, b, c, d, e, f, _, _] = initial.to_be_bytes();
                out.option(CAPABLE, &[&token.to_be_bytes(), &[a, b, c, d, e, f]])
            }
            Self::Data { sequence, length, subflow } => out.option(
                DATA,
                &[&sequence.to_be_bytes(), &length.to_be_bytes(), &subflow.to_be_bytes()],
            ),
            Self::Ack { sequence } => out.option(ACK, &[&sequence.to_be_bytes()]),
        }?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::options::Options;

    #[test]
    fn the_option_of_the_2011_syn() {
        let bytes = [0x1e, 12, 0x0d, 0x0c, 0x0b, 9, 0x12, 0x34, 0x56, 0x78, 0xab, 0xcd];
        let item = Options::new(&bytes).iter().next().unwrap();
        let option = Classic::of(item).unwrap();
        let capable = Classic::Capable { token: 0x0d0c_0b09, initial: 0x1234_5678_abcd_0000 };
        assert_eq!(option, capable);
        let mut buffer = [0; 40];
        let mut writer = Writer::new(&mut buffer);
        option.write(&mut writer).unwrap();
        assert_eq!(writer.finish(), bytes);
    }
}
