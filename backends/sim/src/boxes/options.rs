//! Boxes that take offence at options.

use std::borrow::Cow;

use tcpexposure_core::wire::options::{Item, Options, kind};

use super::segment::{Fate, Out, Policy, Segment, When};

/// Changes the options of the chosen kinds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rewrite {
    pub(crate) when: When,
    pub(crate) kinds: fn(u8) -> bool,
    pub(crate) action: Action,
}

/// What is done to an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// It is removed, and the header shrinks.
    Remove,
    /// NOPs take its place, as TCPOPTSTRIP does it.
    Nop,
    /// Its data is set to zero.
    Zero,
    /// The lowest bit of each byte of its data is turned, but for the identifier of an experiment.
    Flip,
}

impl Policy for Rewrite {
    fn judge(&mut self, out: &mut Out<'_>, segment: &mut Segment<'_>) -> Fate {
        if self.when.holds(out.visit.direction, segment) && has(segment, self.kinds) {
            rewrite(segment, |kind, data| {
                (self.kinds)(kind).then(|| self.action.apply(kind, data))
            });
        }
        Fate::Pass
    }
}

impl Action {
    /// Gives the bytes that take the place of an option.
    fn apply(self, kind: u8, data: &[u8]) -> Vec<u8> {
        match self {
            Self::Remove => Vec::new(),
            Self::Nop => vec![kind::NOP; data.len() + 2],
            Self::Zero => option(kind, &vec![0; data.len()]),
            Self::Flip => {
                let experiment = matches!(kind, kind::EXPERIMENT_1 | kind::EXPERIMENT_2);
                let keep = if experiment { 2 } else { 0 };
                let flip = |(index, byte): (usize, &u8)| byte ^ u8::from(index >= keep);
                option(kind, &data.iter().enumerate().map(flip).collect::<Vec<_>>())
            }
        }
    }
}

/// Tells whether `kind` is none of the options that every stack has known for thirty years.
pub(crate) const fn unknown(kind: u8) -> bool {
    !matches!(kind, 0..=5 | 8)
}

/// Tells whether `kind` is that of timestamps.
pub(crate) const fn timestamps(kind: u8) -> bool {
    kind == kind::TIMESTAMPS
}

/// Tells whether the segment has an option of the chosen kinds.
pub(crate) fn has(segment: &Segment<'_>, kinds: fn(u8) -> bool) -> bool {
    Options::new(&segment.options)
        .iter()
        .any(|item| matches!(item, Item::Option { kind, .. } if kinds(kind)))
}

/// Tells the data of the first option of the given kind.
pub(crate) fn find<'s>(segment: &'s Segment<'_>, wanted: u8) -> Option<&'s [u8]> {
    Options::new(&segment.options).iter().find_map(|item| match item {
        Item::Option { kind, data } if kind == wanted => Some(data),
        _ => None,
    })
}

/// Puts what `change` gives in the place of each option for which it gives anything, and pads the
/// header with NOPs. Malformed options and what follows them stay.
pub(crate) fn rewrite(
    segment: &mut Segment<'_>,
    mut change: impl FnMut(u8, &[u8]) -> Option<Vec<u8>>,
) {
    let mut options = Vec::with_capacity(segment.options.len());
    for item in Options::new(&segment.options) {
        match item {
            Item::End => options.push(kind::END),
            Item::Nop => options.push(kind::NOP),
            Item::Option { kind, data } => match change(kind, data) {
                Some(bytes) => options.extend(bytes),
                None => options.extend(option(kind, data)),
            },
            Item::Malformed { rest } | Item::Trailing(rest) => options.extend(rest),
        }
    }
    pad(&mut options);
    segment.options = Cow::Owned(options);
}

/// Writes an option.
pub(crate) fn option(kind: u8, data: &[u8]) -> Vec<u8> {
    let length = u8::try_from(data.len() + 2).unwrap_or(u8::MAX);
    [&[kind, length], data].concat()
}

/// Adds NOPs up to a multiple of four bytes.
pub(crate) fn pad(options: &mut Vec<u8>) {
    options.resize(options.len().next_multiple_of(4), kind::NOP);
}
