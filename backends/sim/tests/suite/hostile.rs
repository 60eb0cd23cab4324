//! A box that tells lies, and one that makes a responder's reports those of another version.

use tcpexposure_core::{
    craft::{Checksum, Draft, Payload},
    wire::packet::Packet,
};
use tcpexposure_sim::{Direction, Middlebox, Random, Verdict, Visit};

/// Sends a changed copy before or behind each packet that comes back, half of them with right
/// checksums.
#[derive(Debug)]
pub(crate) struct Liar(pub(crate) Random);

impl Middlebox for Liar {
    fn pass(&mut self, visit: Visit, packet: Vec<u8>, verdict: &mut Verdict) {
        if visit.direction == Direction::Outbound {
            return verdict.send(visit.direction, packet);
        }
        let mut lie = packet.clone();
        for _ in 0..=self.0.bits() % 3 {
            let at = usize::try_from(self.0.bits()).unwrap() % lie.len();
            lie[at] ^= 1 << (self.0.bits() % 8);
        }
        if self.0.bits() & 1 == 0 {
            lie = repaired(&lie).unwrap_or(lie);
        }
        let mut both = [packet, lie];
        if self.0.bits() & 1 == 0 {
            both.reverse();
        }
        for packet in both {
            verdict.send(visit.direction, packet);
        }
    }
}

/// Makes reports begin as those of version 2 do.
#[derive(Debug)]
pub(crate) struct Second;

impl Middlebox for Second {
    fn pass(&mut self, visit: Visit, packet: Vec<u8>, verdict: &mut Verdict) {
        let changed = if visit.direction == Direction::Inbound { second(&packet) } else { None };
        verdict.send(visit.direction, changed.unwrap_or(packet));
    }
}

fn second(bytes: &[u8]) -> Option<Vec<u8>> {
    let packet = Packet::from_ip(bytes);
    let mut payload = packet.tcp()?.payload.to_vec();
    *payload.first_mut()? = 2;
    let draft = Draft::of(&packet)?;
    let draft = Draft { checksum: Checksum::Computed, payload: Payload::Bytes(&payload), ..draft };
    let mut slot = [0; 2000];
    draft.write(&mut slot).ok().map(<[u8]>::to_vec)
}

/// Puts right checksums on a packet.
fn repaired(bytes: &[u8]) -> Option<Vec<u8>> {
    let draft = Draft { checksum: Checksum::Computed, ..Draft::of(&Packet::from_ip(bytes))? };
    let mut slot = [0; 2000];
    draft.write(&mut slot).ok().map(<[u8]>::to_vec)
}
