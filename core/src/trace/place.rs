//! From the hops of a trace to the place of a change.

use core::{fmt, net::IpAddr};

use super::{
    compare::Field,
    engine::{Hop, Reply},
};

/// A hop that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// The time to live that reached it.
    pub ttl: u8,
    /// Its address, as far as it told it.
    pub address: Option<IpAddr>,
}

/// Where something was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Behind the arrival at the first of these hops (or at ourselves), and before that at the
    /// second.
    Between(Option<End>, End),
    /// Behind the arrival at this hop: by a box that nobody behind it tells of, by one that answers
    /// in the host's place, or by the host itself.
    Behind(Option<End>),
    /// It cannot be told.
    Unknown(Reason),
}

/// Why a place cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Whoever translates addresses translates quotes back.
    Translated,
    /// No quote was long enough.
    Short,
    /// Nobody sent a quote.
    Silent,
    /// The hops contradict each other: packets take different ways.
    Contradiction,
}

/// Says where a field was changed that is known to have been changed.
#[must_use]
pub fn locate(hops: &[Hop], field: Field) -> Place {
    if matches!(field, Field::Addresses | Field::Ports) {
        return Place::Unknown(Reason::Translated);
    }
    let (mut same, mut changed, mut quoted) = (None, None, false);
    for hop in hops {
        let Reply::Quote { from, known, changed: differs, .. } = hop.reply else {
            continue;
        };
        quoted = true;
        if !known.contains(field) {
            continue;
        }
        let end = End { ttl: hop.ttl, address: Some(from) };
        match (differs.contains(field), changed) {
            (true, None) => changed = Some(end),
            (false, None) => same = Some(end),
            // It was changed before, and is not any more.
            (false, Some(_)) => return Place::Unknown(Reason::Contradiction),
            (true, Some(_)) => {}
        }
    }
    match (same, changed) {
        (same, Some(changed)) => Place::Between(same, changed),
        (Some(_), None) => Place::Behind(same),
        (None, None) if quoted => Place::Unknown(Reason::Short),
        (None, None) => Place::Unknown(Reason::Silent),
    }
}

/// Says where packets are lost or refused that a control is not: behind the last hop that quotes
/// them, and before the first behind it that quotes the control. Whoever refuses them does so in
/// its own name or in the host's, and what it sends tells nothing of how far they came. Nothing can
/// be told where the two do not take the same way.
#[must_use]
pub fn locate_loss(hops: &[Hop], control: &[Hop]) -> Place {
    if part(hops, control) {
        return Place::Unknown(Reason::Contradiction);
    }
    let quotes = |hop: &&Hop| matches!(hop.reply, Reply::Quote { .. });
    let last = hops.iter().rfind(quotes).and_then(Hop::end);
    let reached = last.map_or(0, |end| end.ttl);
    let mut further = control.iter().filter(|hop| hop.ttl > reached);
    match (last, further.clone().find(quotes).and_then(Hop::end)) {
        (last, Some(next)) => Place::Between(last, next),
        (None, None) if further.all(|hop| hop.reply == Reply::Silence) => {
            Place::Unknown(Reason::Silent)
        }
        (last, None) => Place::Behind(last),
    }
}

/// Tells whether two flows take different ways: different hops quote them as far away.
#[must_use]
pub fn part(one: &[Hop], other: &[Hop]) -> bool {
    let quoter = |hop: &Hop| match hop.reply {
        Reply::Quote { from, .. } => Some((hop.ttl, from)),
        _ => None,
    };
    let differs = |(ttl, from)| {
        other.iter().filter_map(quoter).any(|(far, router)| far == ttl && router != from)
    };
    one.iter().filter_map(quoter).any(differs)
}

impl fmt::Display for End {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            Some(address) => write!(out, "hop {} ({address})", self.ttl),
            None => write!(out, "hop {}", self.ttl),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Between(None, end) => write!(out, "before {end}"),
            Self::Between(Some(from), to) => write!(out, "between {from} and {to}"),
            Self::Behind(Some(end)) => {
                write!(out, "behind {end}: by the far end, or by a box in front of it")
            }
            Self::Behind(None) => out.write_str("by the far end, or by a box in front of it"),
            Self::Unknown(reason) => out.write_str(match reason {
                Reason::Translated => "not known: who translates addresses translates quotes back",
                Reason::Short => "not known: no router quotes enough of the packet",
                Reason::Silent => "not known: no router tells",
                Reason::Contradiction => "not known: packets take different ways",
            }),
        }
    }
}
