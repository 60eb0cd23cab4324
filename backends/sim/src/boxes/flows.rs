//! What boxes remember: a state per connection, and not for ever.

use std::{
    collections::{BTreeMap, VecDeque},
    net::IpAddr,
    time::Duration,
};

use tcpexposure_core::{time::Instant, wire::tcp::Flags};

use super::segment::{Fate, Out, Policy, Segment};
use crate::Direction;

/// The two ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Flow {
    /// The end that sends outbound: address and port.
    pub(crate) initiator: (IpAddr, u16),
    /// The end that sends inbound.
    pub(crate) host: (IpAddr, u16),
}

impl Flow {
    /// Tells the connection of a segment that travels in `direction`.
    pub(crate) fn of(direction: Direction, segment: &Segment<'_>) -> Self {
        let source = (segment.head.network.source(), segment.head.source_port);
        let destination = (segment.head.network.destination(), segment.head.destination_port);
        match direction {
            Direction::Outbound => Self { initiator: source, host: destination },
            Direction::Inbound => Self { initiator: destination, host: source },
        }
    }

    /// Makes an empty segment that travels in `direction`.
    pub(crate) fn segment(&self, direction: Direction) -> Segment<'static> {
        let (from, to) = match direction {
            Direction::Outbound => (self.initiator, self.host),
            Direction::Inbound => (self.host, self.initiator),
        };
        Segment::bare(from.0, from.1, to.0, to.1)
    }

    /// Tells a number that is the flow's own, and another one for each `salt` (FNV-1a).
    pub(crate) fn number(&self, salt: u8) -> u32 {
        let mut hash = 0x811c_9dc5_u32 ^ u32::from(salt);
        let mut feed = |bytes: &[u8]| {
            for byte in bytes {
                hash = (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
            }
        };
        for (address, port) in [self.initiator, self.host] {
            match address {
                IpAddr::V4(address) => feed(&address.octets()),
                IpAddr::V6(address) => feed(&address.octets()),
            }
            feed(&port.to_be_bytes());
        }
        hash ^ hash >> 15
    }
}

/// A state per flow. The flow that was entered first is forgotten when there are too many.
#[derive(Debug)]
pub(crate) struct Flows<S> {
    states: BTreeMap<Flow, S>,
    order: VecDeque<Flow>,
}

impl<S> Default for Flows<S> {
    fn default() -> Self {
        Self { states: BTreeMap::new(), order: VecDeque::new() }
    }
}

impl<S> Flows<S> {
    pub(crate) fn get(&mut self, flow: &Flow) -> Option<&mut S> {
        self.states.get_mut(flow)
    }

    /// Enters a state, in the place of the one that the flow had, and gives that one back.
    pub(crate) fn enter(&mut self, flow: Flow, state: S) -> Option<S> {
        let before = self.states.insert(flow, state);
        if before.is_none() {
            self.order.push_back(flow);
            if self.order.len() > MOST {
                let oldest = self.order.pop_front();
                return oldest.and_then(|oldest| self.states.remove(&oldest));
            }
        }
        before
    }

    /// Gives the state of a flow, which `make` makes where there is none.
    pub(crate) fn or_enter(&mut self, flow: Flow, make: impl FnOnce() -> S) -> Option<&mut S> {
        if !self.states.contains_key(&flow) {
            self.enter(flow, make());
        }
        self.states.get_mut(&flow)
    }

    pub(crate) fn forget(&mut self, flow: &Flow) {
        if self.states.remove(flow).is_some() {
            self.order.retain(|other| other != flow);
        }
    }
}

/// A box that forgets a connection of which nothing was heard for a while, and drops what comes
/// without a SYN for a connection that it does not know.
#[derive(Debug, Default)]
pub(crate) struct Forgetful {
    heard: Flows<Instant>,
}

impl Policy for Forgetful {
    fn judge(&mut self, out: &mut Out<'_>, segment: &mut Segment<'_>) -> Fate {
        let (flow, now) = (Flow::of(out.visit.direction, segment), out.visit.now);
        let known = self.heard.get(&flow).is_some_and(|heard| now < heard.after(MEMORY));
        if !known && !segment.is(Flags::SYN) {
            return Fate::Drop;
        }
        self.heard.enter(flow, now);
        Fate::Pass
    }
}

/// How long a [`Forgetful`] box remembers.
const MEMORY: Duration = Duration::from_millis(800);

/// The most flows that a box remembers.
const MOST: usize = 16384;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_flow_is_forgotten() {
        let mut flows = Flows::default();
        let flow = |port| Flow {
            initiator: ([10, 0, 0, 1].into(), port),
            host: ([10, 0, 0, 2].into(), 80),
        };
        for port in 0..=u16::try_from(MOST).unwrap() {
            flows.enter(flow(port), port);
        }
        assert_eq!(flows.get(&flow(0)), None);
        assert_eq!(flows.get(&flow(1)), Some(&mut 1));
        assert_eq!(flows.states.len(), MOST);
        flows.forget(&flow(1));
        assert_eq!(flows.order.len(), MOST - 1);
    }
}
