//! A NAT that lets pass, as it is, what it does not take for a connection's.

use std::collections::BTreeSet;

use tcpexposure_core::wire::tcp::Flags;

use super::{Middlebox, Verdict, flows::Flow, nat::Nat, segment::Segment};
use crate::{Direction, Visit};

/// Translates connections, but not their segments without any flag; an answer to such a one is a
/// connection of its own for it, and gets another port.
#[derive(Debug, Default)]
pub(crate) struct LooseNat {
    nat: Nat,
    /// The connections that have passed as they are.
    untranslated: BTreeSet<Flow>,
}

impl Middlebox for LooseNat {
    fn pass(&mut self, visit: Visit, packet: Vec<u8>, verdict: &mut Verdict) {
        match self.loosely(visit.direction, &packet) {
            Some(packet) => verdict.send(visit.direction, packet),
            None => self.nat.pass(visit, packet, verdict),
        }
    }
}

impl LooseNat {
    /// Lets a packet pass that is no connection's; `None` for one that is to be translated.
    fn loosely(&mut self, direction: Direction, packet: &[u8]) -> Option<Vec<u8>> {
        let mut segment = Segment::read(packet)?;
        let flow = Flow::of(direction, &segment);
        match direction {
            Direction::Outbound if segment.head.flags == Flags::NONE => {
                self.untranslated.insert(flow);
            }
            Direction::Inbound if self.untranslated.contains(&flow) => {
                segment.head.source_port = OTHER;
            }
            _ => return None,
        }
        segment.write()
    }
}

/// The port that an answer gets.
const OTHER: u16 = 600;
