//! Boxes that change fields of the headers.

use tcpexposure_core::{
    craft::{Checksum, Network},
    wire::{
        options::kind,
        tcp::{Flags, Seq},
    },
};

use super::{
    Middlebox, Verdict,
    options::{self, option},
    segment::Segment,
};
use crate::{Quoting, Visit};

/// A hop and nothing else.
#[derive(Debug, Default)]
pub(crate) struct Router {
    /// What it puts into its errors.
    pub(crate) quoting: Quoting,
}

impl Middlebox for Router {
    fn pass(&mut self, visit: Visit, packet: Vec<u8>, verdict: &mut Verdict) {
        verdict.send(visit.direction, packet);
    }

    fn quoting(&self) -> Quoting {
        self.quoting
    }
}

/// Offers a quarter of the window.
pub(crate) fn window(segment: &mut Segment<'_>) {
    segment.head.window /= 4;
}

/// Lets no segment size pass that is above `SIZE`.
pub(crate) fn clamp<const SIZE: u16>(segment: &mut Segment<'_>) {
    size(segment, |size| size.min(SIZE));
}

/// Puts `SIZE` in the place of any segment size.
pub(crate) fn resize<const SIZE: u16>(segment: &mut Segment<'_>) {
    size(segment, |_| SIZE);
}

/// Clears what RFC 3168 and RFC 9768 added: the ECN field and the flags ECE, CWR and AE.
pub(crate) fn bleach(segment: &mut Segment<'_>) {
    let flags = Flags::ECE.with(Flags::CWR).with(Flags::AE);
    segment.head.flags = segment.head.flags.without(flags);
    *service(segment) &= !3;
}

/// Sets the ECN field to CE (RFC 3168, section 5).
pub(crate) fn mark(segment: &mut Segment<'_>) {
    *service(segment) |= 3;
}

/// Clears the type of service octet or traffic class.
pub(crate) fn clear_service(segment: &mut Segment<'_>) {
    *service(segment) = 0;
}

/// Sets the time to live to 200.
pub(crate) const fn set_ttl(segment: &mut Segment<'_>) {
    match &mut segment.head.network {
        Network::V4(header) => header.ttl = 200,
        Network::V6(header) => header.hop_limit = 200,
    }
}

/// Clears the bits that are reserved, AE among them as in older times.
pub(crate) const fn clear_reserved(segment: &mut Segment<'_>) {
    let bits = Flags::RESERVED.with(Flags::AE);
    segment.head.flags = segment.head.flags.without(bits);
}

/// Clears the urgent flag and pointer.
pub(crate) const fn clear_urgent(segment: &mut Segment<'_>) {
    segment.head.flags = segment.head.flags.without(Flags::URG);
    segment.head.urgent = 0;
}

/// Clears what counts only with flags that are not set: acknowledgement and urgent pointer.
pub(crate) const fn clear_unused(segment: &mut Segment<'_>) {
    if !segment.is(Flags::ACK) {
        segment.head.ack = Seq(0);
    }
    if !segment.is(Flags::URG) {
        segment.head.urgent = 0;
    }
}

/// Leaves a wrong checksum.
pub(crate) const fn break_checksum(segment: &mut Segment<'_>) {
    segment.head.checksum = Checksum::Bad;
}

/// Makes the checksum right, whatever it was.
pub(crate) const fn mend_checksum(segment: &mut Segment<'_>) {
    segment.head.checksum = Checksum::Computed;
}

fn size(segment: &mut Segment<'_>, change: impl Fn(u16) -> u16) {
    if options::find(segment, kind::MAXIMUM_SEGMENT_SIZE).is_none() {
        return;
    }
    options::rewrite(segment, |kind, data| {
        let size = change(u16::from_be_bytes(data.try_into().ok()?));
        let ours = kind == kind::MAXIMUM_SEGMENT_SIZE;
        ours.then(|| option(kind, &size.to_be_bytes()))
    });
}

const fn service<'s>(segment: &'s mut Segment<'_>) -> &'s mut u8 {
    match &mut segment.head.network {
        Network::V4(header) => &mut header.tos,
        Network::V6(header) => &mut header.traffic_class,
    }
}
