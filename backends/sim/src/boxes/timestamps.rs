//! Boxes that meddle with timestamps.

use std::borrow::Cow;

use tcpexposure_core::wire::{options::kind, tcp::Flags};

use super::{
    flows::{Flow, Flows},
    options,
    segment::{Fate, Out, Policy, Segment, When},
};

/// Gives the timestamps another value and echo.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub(crate) when: When,
    pub(crate) change: fn(u32, u32) -> (u32, u32),
}

impl Policy for Change {
    fn judge(&mut self, out: &mut Out<'_>, segment: &mut Segment<'_>) -> Fate {
        if self.when.holds(out.visit.direction, segment) {
            change(segment, self.change);
        }
        Fate::Pass
    }
}

/// Adds a constant to the initiator's clock, and takes it away from what the host echoes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shift(pub(crate) u32);

impl Policy for Shift {
    fn judge(&mut self, out: &mut Out<'_>, segment: &mut Segment<'_>) -> Fate {
        let by = self.0;
        match out.visit.direction {
            crate::Direction::Outbound => {
                change(segment, |value, echo| (value.wrapping_add(by), echo));
            }
            crate::Direction::Inbound => {
                change(segment, |value, echo| (value, echo.wrapping_sub(by)));
            }
        }
        Fate::Pass
    }
}

/// Removes the initiator's timestamps unless its SYN offered them.
#[derive(Debug, Default)]
pub(crate) struct Unnegotiated {
    offered: Flows<()>,
}

impl Policy for Unnegotiated {
    fn judge(&mut self, out: &mut Out<'_>, segment: &mut Segment<'_>) -> Fate {
        let flow = Flow::of(out.visit.direction, segment);
        let stamped = options::has(segment, options::timestamps);
        if When::SYN.holds(out.visit.direction, segment) {
            if stamped {
                self.offered.enter(flow, ());
            } else {
                self.offered.forget(&flow);
            }
        } else if stamped
            && When::OUT_LATER.holds(out.visit.direction, segment)
            && self.offered.get(&flow).is_none()
        {
            options::rewrite(segment, |kind, _| options::timestamps(kind).then(Vec::new));
        }
        Fate::Pass
    }
}

/// Changes the timestamps of a segment that has them.
pub(crate) fn change(segment: &mut Segment<'_>, change: impl Fn(u32, u32) -> (u32, u32)) {
    if read(segment).is_none() {
        return;
    }
    options::rewrite(segment, |kind, data| {
        let &[a, b, c, d, e, f, g, h] = data else {
            return None;
        };
        let (value, echo) =
            change(u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
        options::timestamps(kind).then(|| write(value, echo))
    });
}

/// Tells value and echo.
pub(crate) fn read(segment: &Segment<'_>) -> Option<(u32, u32)> {
    let &[a, b, c, d, e, f, g, h] = options::find(segment, kind::TIMESTAMPS)? else {
        return None;
    };
    Some((u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h])))
}

/// Writes the option.
pub(crate) fn write(value: u32, echo: u32) -> Vec<u8> {
    let data = (u64::from(value) << 32 | u64::from(echo)).to_be_bytes();
    options::option(kind::TIMESTAMPS, &data)
}

/// Puts timestamps with their two NOPs on a segment that has no other options.
pub(crate) fn stamp(segment: &mut Segment<'_>, value: u32, echo: u32) {
    let nops = [kind::NOP, kind::NOP];
    segment.options = Cow::Owned([&nops[..], &write(value, echo)].concat());
}

/// Tells whether this is the first segment of a connection.
pub(crate) const fn opens(segment: &Segment<'_>) -> bool {
    segment.is(Flags::SYN) && !segment.is(Flags::ACK)
}
