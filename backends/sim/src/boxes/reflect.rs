//! Boxes that send unknown options of a SYN back, as some load balancers do.

use std::borrow::Cow;

use tcpexposure_core::wire::options::{Item, MAX_LENGTH, Options};

use super::{
    flows::{Flow, Flows},
    options,
    segment::{Fate, Out, Policy, Segment, When},
};

/// Takes the unknown options from a SYN, and puts them on the SYN-ACK.
#[derive(Debug, Default)]
pub(crate) struct Reflect {
    taken: Flows<Vec<u8>>,
}

impl Policy for Reflect {
    fn judge(&mut self, out: &mut Out<'_>, segment: &mut Segment<'_>) -> Fate {
        let flow = Flow::of(out.visit.direction, segment);
        if When::SYN.holds(out.visit.direction, segment) {
            self.taken.enter(flow, taken(segment));
            strip(segment);
        } else if When::SYN_ACK.holds(out.visit.direction, segment)
            && let Some(taken) = self.taken.get(&flow).filter(|taken| !taken.is_empty())
        {
            strip(segment);
            let mut all = [segment.options.as_ref(), taken].concat();
            options::pad(&mut all);
            if all.len() <= MAX_LENGTH {
                segment.options = Cow::Owned(all);
            }
        }
        Fate::Pass
    }
}

/// Gives the bytes of the unknown options.
fn taken(segment: &Segment<'_>) -> Vec<u8> {
    let unknown = Options::new(&segment.options).iter().filter_map(|item| match item {
        Item::Option { kind, data } if options::unknown(kind) => Some(options::option(kind, data)),
        _ => None,
    });
    unknown.flatten().collect()
}

fn strip(segment: &mut Segment<'_>) {
    if options::has(segment, options::unknown) {
        options::rewrite(segment, |kind, _| options::unknown(kind).then(Vec::new));
    }
}
