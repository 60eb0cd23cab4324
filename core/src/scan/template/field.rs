//! What of a packet is generated, and what of its checksums stays.

use core::net::{Ipv4Addr, Ipv6Addr};

use crate::{
    craft::{self, Checksum, Draft, Network},
    expression::{Generator, Place},
    wire::{
        checksum::fold16,
        tcp::{self, Seq},
    },
};

/// The sum of what stays.
#[derive(Clone, Copy, Debug)]
pub(super) struct Base {
    pub(super) sum: u16,
    pub(super) bad: bool,
}

/// Where a generated value goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) generator: Generator,
    pub(super) layer: Layer,
    /// Bytes from the start of the layer's header.
    pub(super) offset: usize,
    /// How many bytes.
    pub(super) width: usize,
    /// The time stamp option's value.
    pub(super) timestamp: bool,
    /// Tells the random values of one packet apart.
    pub(super) lane: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    Ip,
    Tcp,
    /// Bits of the first word of an IPv6 header: a shift and a mask.
    Word(u32, u32),
}

impl Base {
    /// Reads the right checksum at `offset` back; `None` where it is forced.
    pub(super) fn of(checksum: Checksum, bytes: &[u8], offset: usize) -> Option<Self> {
        let written = bytes.get(offset..)?.first_chunk::<2>().copied().map(u16::from_be_bytes)?;
        let bad = checksum == Checksum::Bad;
        (!matches!(checksum, Checksum::Forced(_))).then_some(Self { sum: !written, bad })
    }

    /// Tells the checksum with so much more.
    #[inline]
    pub(super) const fn with(self, more: u64) -> u16 {
        let sum = fold16(more.wrapping_add(self.sum as u64));
        if self.bad { wrong(sum) } else { !sum }
    }
}

/// Makes a wrong checksum, as a draft does: 0 and 0xffff are one number, so that the other of them
/// would be a right one.
#[cold]
const fn wrong(sum: u16) -> u16 {
    match sum {
        0 | u16::MAX => 1,
        sum => sum,
    }
}

impl Field {
    /// Finds where a place lies; `None` when the IP version has none such.
    pub(super) const fn at(
        place: Place,
        generator: Generator,
        v4: bool,
        lane: u64,
    ) -> Option<Self> {
        let (layer, offset, width) = match (place, v4) {
            (Place::Seq, _) => (Layer::Tcp, 4, 4),
            (Place::Ack, _) => (Layer::Tcp, 8, 4),
            (Place::Window, _) => (Layer::Tcp, 14, 2),
            (Place::Urgent, _) => (Layer::Tcp, 18, 2),
            (Place::Options { offset, width, .. }, _) => {
                (Layer::Tcp, tcp::Header::LENGTH.saturating_add(offset as usize), width as usize)
            }
            (Place::Id, true) => (Layer::Ip, 4, 2),
            (Place::HopLimit, true) => (Layer::Ip, 8, 1),
            (Place::TrafficClass, true) => (Layer::Ip, 1, 1),
            (Place::HopLimit, false) => (Layer::Ip, 7, 1),
            (Place::TrafficClass, false) => (Layer::Word(20, 0x0ff0_0000), 0, 4),
            (Place::FlowLabel, false) => (Layer::Word(0, 0x000f_ffff), 0, 4),
            (Place::Id, false) | (Place::FlowLabel, true) => return None,
        };
        let timestamp = matches!(place, Place::Options { timestamp: true, .. });
        Some(Self { generator, layer, offset, width, timestamp, lane })
    }

    /// Writes the low bytes of a value, and tells what they add to the sum of the header's words.
    pub(super) fn write(&self, frame: &mut [u8], header: usize, value: u32) -> Option<u64> {
        let begin = header.saturating_add(self.offset);
        let end = begin.saturating_add(self.width);
        let bytes = value.to_be_bytes();
        let bytes = bytes.get(bytes.len().checked_sub(self.width)?..)?;
        frame.get_mut(begin..end)?.copy_from_slice(bytes);
        let value = bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
        let odd = self.offset.wrapping_add(self.width) & 1 != 0;
        Some(if odd { value << 8 } else { value })
    }
}

/// Tells what stays of the IPv4 header.
pub(super) fn ip_base(network: &Network<'_>, bytes: &[u8]) -> Option<Base> {
    match network {
        Network::V4(header) => Base::of(header.checksum, bytes, 10),
        Network::V6(_) => None,
    }
}

/// Takes away what every packet has of its own, and makes wrong checksums right, so that what stays
/// of them can be told.
pub(super) fn bare<'a>(draft: &Draft<'a>) -> Draft<'a> {
    let network = match draft.network {
        Network::V4(header) => {
            let (destination, checksum) = (Ipv4Addr::UNSPECIFIED, right(header.checksum));
            Network::V4(craft::Ipv4 { destination, checksum, ..header })
        }
        Network::V6(header) => {
            Network::V6(craft::Ipv6 { destination: Ipv6Addr::UNSPECIFIED, ..header })
        }
    };
    let checksum = right(draft.checksum);
    Draft { network, source_port: 0, destination_port: 0, checksum, ..*draft }
}

const fn right(checksum: Checksum) -> Checksum {
    match checksum {
        Checksum::Bad => Checksum::Computed,
        other => other,
    }
}

/// Takes away a field that is generated. Option bytes hold zeroes already.
pub(super) const fn still(mut draft: Draft<'_>, place: Place) -> Draft<'_> {
    match (place, &mut draft.network) {
        (Place::Seq, _) => draft.seq = Seq(0),
        (Place::Ack, _) => draft.ack = Seq(0),
        (Place::Window, _) => draft.window = 0,
        (Place::Urgent, _) => draft.urgent = 0,
        (Place::Id, Network::V4(header)) => header.id = 0,
        (Place::HopLimit, Network::V4(header)) => header.ttl = 0,
        (Place::TrafficClass, Network::V4(header)) => header.tos = 0,
        (Place::HopLimit, Network::V6(header)) => header.hop_limit = 0,
        (Place::TrafficClass, Network::V6(header)) => header.traffic_class = 0,
        (Place::FlowLabel, Network::V6(header)) => header.flow_label = 0,
        _ => {}
    }
    draft
}
