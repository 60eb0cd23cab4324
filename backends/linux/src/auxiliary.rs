//! What the kernel tells beside a packet: control messages of cmsg(3), read without pointers.

use tcpexposure_core::wire::packet::{Checksummed, Offload};

/// What the kernel told beside a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Auxiliary {
    /// When it arrived, in nanoseconds since the Unix epoch.
    pub(crate) time: Option<u64>,
    /// What was done to it.
    pub(crate) offload: Offload,
    /// The outermost VLAN tag, type and value, which the kernel has taken out of the bytes.
    pub(crate) tag: Option<[u8; 4]>,
}

impl Auxiliary {
    /// Reads the control messages of one packet.
    pub(crate) fn read(mut control: &[u8]) -> Self {
        let mut auxiliary = Self::default();
        while let Some((kind, data, rest)) = split(control) {
            match kind {
                TIMESTAMP => auxiliary.time = time(data),
                AUXDATA => auxiliary.read_packet(data),
                _ => {}
            }
            control = rest;
        }
        auxiliary
    }

    /// Reads a tpacket_auxdata of linux/if_packet.h.
    fn read_packet(&mut self, data: &[u8]) {
        let Some(status) = data.first_chunk().map(|status| u32::from_ne_bytes(*status)) else {
            return;
        };
        self.offload = offload(status);
        if let (Some(tci), Some(kind)) = (half(data, 16), half(data, 18)) {
            self.tag = tag(status, tci, kind);
        }
    }
}

/// Reads what a status (TP_STATUS_… of linux/if_packet.h) tells of a packet.
pub(crate) fn offload(status: u32) -> Offload {
    let checksum = if status & libc::TP_STATUS_CSUMNOTREADY != 0 {
        Checksummed::Partial
    } else if status & libc::TP_STATUS_CSUM_VALID != 0 {
        Checksummed::Valid
    } else {
        Checksummed::Unknown
    };
    Offload { checksum, segments: status & TP_STATUS_GSO_TCP != 0 }
}

/// Makes the VLAN tag that the kernel has taken out from its value and type, if the status says
/// that there was one.
pub(crate) fn tag(status: u32, tci: u16, kind: u16) -> Option<[u8; 4]> {
    let named = status & libc::TP_STATUS_VLAN_TPID_VALID != 0;
    let ([a, b], [c, d]) = (if named { kind } else { VLAN }.to_be_bytes(), tci.to_be_bytes());
    (status & libc::TP_STATUS_VLAN_VALID != 0).then_some([a, b, c, d])
}

/// The level and type of a control message.
type Kind = (i32, i32);

/// Splits off the first control message: its kind, its data, and the rest.
fn split(control: &[u8]) -> Option<(Kind, &[u8], &[u8])> {
    let length = usize::from_ne_bytes(*control.first_chunk()?);
    let level = i32::from_ne_bytes(control.get(WORD..WORD + 4)?.try_into().ok()?);
    let kind = i32::from_ne_bytes(control.get(WORD + 4..WORD + 8)?.try_into().ok()?);
    let data = control.get(WORD + 8..length)?;
    let rest = control.get(length.next_multiple_of(WORD)..).unwrap_or_default();
    Some(((level, kind), data, rest))
}

/// Reads a timespec.
fn time(data: &[u8]) -> Option<u64> {
    const HALF: usize = size_of::<libc::timespec>() / 2;
    let seconds = number(data.get(..HALF)?)?;
    let nanos = number(data.get(HALF..2 * HALF)?)?;
    seconds.checked_mul(1_000_000_000)?.checked_add(nanos)
}

fn number(bytes: &[u8]) -> Option<u64> {
    match bytes.len() {
        4 => Some(u32::from_ne_bytes(bytes.try_into().ok()?).into()),
        _ => Some(u64::from_ne_bytes(bytes.try_into().ok()?)),
    }
}

fn half(data: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(data.get(at..at + 2)?.try_into().ok()?))
}

/// The size and alignment of a control message's length.
const WORD: usize = size_of::<usize>();
const TIMESTAMP: Kind = (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS);
const AUXDATA: Kind = (libc::SOL_PACKET, libc::PACKET_AUXDATA);
/// The EtherType of a VLAN tag, where an old kernel does not tell it.
const VLAN: u16 = 0x8100;
/// Since Linux 5.19; libc does not have it.
const TP_STATUS_GSO_TCP: u32 = 1 << 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn message((level, kind): Kind, data: &[u8]) -> Vec<u8> {
        let mut bytes = (WORD + 8 + data.len()).to_ne_bytes().to_vec();
        bytes.extend(level.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(WORD), 0);
        bytes
    }

    fn packet(status: u32, tci: u16, tpid: u16) -> Vec<u8> {
        let mut data = status.to_ne_bytes().to_vec();
        data.extend([0; 12]);
        data.extend(tci.to_ne_bytes());
        data.extend(tpid.to_ne_bytes());
        message(AUXDATA, &data)
    }

    #[test]
    fn time_and_offload_are_read_whatever_else_there_is() {
        let mut control = message((1, 99), &[1, 2, 3]);
        let time = [7i64.to_ne_bytes(), 9i64.to_ne_bytes()].concat();
        control.extend(message(TIMESTAMP, &time[..size_of::<libc::timespec>()]));
        control.extend(packet(0x109, 0, 0));
        let read = Auxiliary::read(&control);
        assert_eq!(read.time, Some(7_000_000_009));
        assert_eq!(read.offload.checksum, Checksummed::Partial);
        assert!(read.offload.segments);
        assert_eq!(read.tag, None);
    }

    #[test]
    fn checksums_seen_by_the_kernel_are_told() {
        assert_eq!(Auxiliary::read(&packet(0x81, 0, 0)).offload.checksum, Checksummed::Valid);
        assert_eq!(Auxiliary::read(&packet(1, 0, 0)).offload, Offload::default());
    }

    #[test]
    fn tags_are_read_with_or_without_their_type() {
        let status = libc::TP_STATUS_VLAN_VALID;
        let tag = Auxiliary::read(&packet(status, 0x2005, 0)).tag;
        assert_eq!(tag, Some([0x81, 0, 0x20, 5]));
        let status = status | libc::TP_STATUS_VLAN_TPID_VALID;
        let tag = Auxiliary::read(&packet(status, 0, 0x88a8)).tag;
        assert_eq!(tag, Some([0x88, 0xa8, 0, 0]));
    }

    #[test]
    fn control_messages_cut_short_are_passed_over() {
        let whole = packet(0x109, 0, 0);
        for length in 0..whole.len() {
            Auxiliary::read(&whole[..length]);
        }
        assert_eq!(Auxiliary::read(&[0xff; 64]), Auxiliary::default());
        assert_eq!(Auxiliary::read(&[0; 64]), Auxiliary::default());
    }
}
