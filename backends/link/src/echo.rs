//! Packets of our own that loopback hands back.

use std::collections::VecDeque;

/// Packets of our own that loopback will hand back, and that are not to be heard.
#[derive(Debug, Default)]
pub struct Echoes {
    enabled: bool,
    packets: VecDeque<Vec<u8>>,
}

impl Echoes {
    /// Begins to remember, if `enabled`: elsewhere than on loopback nothing comes back.
    #[must_use]
    pub const fn new(enabled: bool) -> Self {
        Self { enabled, packets: VecDeque::new() }
    }

    /// Notes an IP packet that is sent.
    pub fn sent(&mut self, packet: &[u8]) {
        if self.enabled {
            let oldest = if self.packets.len() == MOST { self.packets.pop_front() } else { None };
            let mut room = oldest.unwrap_or_default();
            room.clear();
            room.extend_from_slice(packet);
            self.packets.push_back(room);
        }
    }

    /// Tells whether an IP packet is one of those, which is then forgotten.
    pub fn take(&mut self, packet: &[u8]) -> bool {
        let place = self.packets.iter().position(|sent| sent == packet);
        place.is_some_and(|place| self.packets.remove(place).is_some())
    }
}

/// How many sent packets are remembered.
const MOST: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echo_is_taken_once() {
        let mut echoes = Echoes::new(true);
        echoes.sent(&[1]);
        echoes.sent(&[2]);
        echoes.sent(&[1]);
        assert!(!echoes.take(&[3]));
        assert!(echoes.take(&[1]) && echoes.take(&[1]) && !echoes.take(&[1]));
        assert!(echoes.take(&[2]));
    }

    #[test]
    fn old_echoes_are_forgotten() {
        let mut echoes = Echoes::new(true);
        for byte in 0..=255 {
            echoes.sent(&[byte]);
        }
        echoes.sent(&[0, 0]);
        assert!(!echoes.take(&[0]) && echoes.take(&[1]));
        let mut elsewhere = Echoes::new(false);
        elsewhere.sent(&[1]);
        assert!(!elsewhere.take(&[1]));
    }
}
