//! Ordinary hosts.

use std::{collections::VecDeque, convert::Infallible};

use tcpexposure_core::{
    craft::{Draft, Network},
    engine::{Engine, Step},
    time::Instant,
    wire::{
        packet::Packet,
        tcp::{Flags, Seq},
    },
};

/// What a host without responder does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Habit {
    /// It serves the port, and acknowledges what comes.
    Server,
    /// It refuses.
    Closed,
    /// It says nothing.
    Silent,
}

/// A host without responder.
#[derive(Debug)]
pub(crate) struct Ordinary {
    habit: Habit,
    out: VecDeque<Vec<u8>>,
}

impl Ordinary {
    pub(crate) const fn new(habit: Habit) -> Self {
        Self { habit, out: VecDeque::new() }
    }
}

impl Engine for Ordinary {
    type Event = Infallible;

    fn handle(&mut self, _now: Instant, packet: &Packet<'_>) {
        let Some(tcp) = packet.tcp() else { return };
        let flags = tcp.header.flags();
        let mute = self.habit == Habit::Silent || flags.contains(Flags::RST);
        if mute || tcp.sequence_length() == 0 {
            return;
        }
        let syn = flags.contains(Flags::SYN);
        let (source, target) = packet.addresses().unwrap();
        let more = match self.habit {
            Habit::Closed => Flags::RST,
            _ if syn => Flags::SYN,
            _ if flags.contains(Flags::FIN) => Flags::FIN,
            _ => Flags::NONE,
        };
        let draft = Draft {
            network: Network::between(target, source).unwrap(),
            source_port: tcp.header.destination_port(),
            destination_port: tcp.header.source_port(),
            seq: if syn { Seq(77) } else { tcp.header.ack() },
            // Without fast open the payload of a SYN is not acknowledged.
            ack: if syn { tcp.header.seq().add(1) } else { tcp.end() },
            flags: Flags::ACK.with(more),
            window: 64240,
            options: if syn { &[2, 4, 5, 0xb4] } else { &[] },
            ..Draft::default()
        };
        let mut slot = [0; 100];
        self.out.push_back(draft.write(&mut slot).unwrap().to_vec());
    }

    fn poll(&mut self, _now: Instant, slot: &mut [u8]) -> Step<Infallible> {
        let Some(bytes) = self.out.pop_front() else {
            return Step::Wait(Instant::NEVER);
        };
        slot[..bytes.len()].copy_from_slice(&bytes);
        Step::Send(bytes.len())
    }
}
