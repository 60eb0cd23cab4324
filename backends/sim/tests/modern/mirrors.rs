//! Targets that send back what they got: nobody there understands anything.

use std::{net::IpAddr, time::Duration};

use tcpexposure_core::{
    craft::{Draft, Network, Payload},
    engine::{Engine, SLOT, Step},
    experiment::{
        Outcome, Peer, Ports,
        modern::{Choice, Family, Finding, Modern, ModernConfig, ModernEvent},
    },
    time::Instant,
    wire::{
        packet::Packet,
        tcp::{Flags, Seq},
    },
};

use super::run::{PORT, V4, V6};

const TARGETS: u64 = 10_000;

/// What a mirror does to what it got before it sends it back.
#[derive(Clone, Copy, Debug)]
struct Mirror {
    /// Whether options come back in reverse order, by kinds.
    scrambled: bool,
    /// What every byte of an option behind its length and its first byte is replaced by.
    blank: Option<u8>,
    /// Whether the flags come back too.
    flags: bool,
    /// Whether payload on the SYN is acknowledged.
    takes_payload: bool,
    /// Whether later segments come back, too.
    echoes: bool,
}

impl Mirror {
    fn of(target: u64) -> Self {
        Self {
            scrambled: target & 1 != 0,
            blank: [None, None, Some(0), Some(1)][(target >> 1 & 3) as usize],
            flags: target >> 3 & 1 != 0,
            takes_payload: target >> 4 & 1 != 0,
            echoes: target >> 5 & 1 != 0,
        }
    }

    /// Gives the options of a SYN as they come back.
    fn options(self, received: &[u8]) -> Vec<u8> {
        let mut all: Vec<Vec<u8>> = Vec::new();
        let mut rest = received;
        while let [kind, tail @ ..] = rest {
            let length = match (kind, tail) {
                (0 | 1, _) => 1,
                (_, [length, ..]) => usize::from(*length).clamp(2, rest.len()),
                _ => 1,
            };
            let (option, others) = rest.split_at(length);
            all.push(option.to_vec());
            rest = others;
        }
        if self.scrambled {
            all.reverse();
        }
        if let Some(blank) = self.blank {
            all.iter_mut()
                .for_each(|option| option.iter_mut().skip(3).for_each(|byte| *byte = blank));
        }
        all.concat()
    }

    /// Answers a packet.
    fn answer(self, packet: &Packet<'_>, out: &mut [u8]) -> Option<usize> {
        let (segment, (from, to)) = (packet.tcp()?, packet.addresses()?);
        let received = segment.header.flags();
        if received.contains(Flags::RST) {
            return None;
        }
        let syn = received.contains(Flags::SYN);
        let payload = u32::try_from(segment.payload.len()).unwrap();
        if !syn && (payload == 0 || !self.echoes) {
            return None;
        }
        let options = self.options(segment.options.bytes());
        let echoed = if self.flags { received } else { Flags::NONE };
        let draft = Draft {
            network: Network::between(to, from)?,
            source_port: segment.header.destination_port(),
            destination_port: segment.header.source_port(),
            seq: if syn { Seq(7) } else { segment.header.ack() },
            ack: match (syn, self.takes_payload) {
                (true, false) => segment.header.seq().add(1),
                (true, true) => segment.header.seq().add(1 + payload),
                (false, _) => segment.header.seq().add(payload),
            },
            flags: if syn { echoed.with(Flags::SYN).with(Flags::ACK) } else { Flags::ACK },
            options: &options,
            payload: Payload::Bytes(if syn { &[] } else { segment.payload }),
            ..Draft::default()
        };
        draft.write(out).ok().map(<[u8]>::len)
    }
}

/// Runs everything that can be asked of a server, over a path without delay.
fn survey(target: u64) -> Vec<Finding> {
    let mirror = Mirror::of(target);
    let (source, host) = if target.is_multiple_of(3) { V6 } else { V4 };
    let parse = |text: &str| -> IpAddr { text.parse().unwrap() };
    let families = [Family::Options, Family::Zoo, Family::Mptcp, Family::Tfo];
    let more = [Family::Ecn, Family::Accecn, Family::Reserved, Family::Flags, Family::Blind];
    let rows = families.into_iter().chain(more).fold(Choice::NONE, Choice::with_family);
    let mut engine = Modern::<8>::new(ModernConfig {
        target: parse(host),
        port: PORT,
        source: parse(source),
        ports: Ports { first: 20_000, count: 1000 },
        rows,
        peer: if target.is_multiple_of(2) { Peer::Unknown } else { Peer::Server },
        http: false,
        idle: Duration::from_secs(1),
        seed: target.wrapping_mul(0x9e37_79b9_7f4a_7c15),
    });
    let (mut now, mut findings) = (Instant::ZERO, Vec::new());
    let (mut slot, mut answer) = ([0; SLOT], [0; SLOT]);
    loop {
        match engine.poll(now, &mut slot) {
            Step::Send(length) => {
                let sent = Packet::from_ip(&slot[..length]);
                if let Some(length) = mirror.answer(&sent, &mut answer) {
                    engine.handle(now, &Packet::from_ip(&answer[..length]));
                }
            }
            Step::Emit(ModernEvent::Finding(finding)) => findings.push(finding),
            Step::Emit(ModernEvent::Summary(_)) => {}
            Step::Wait(until) => now = until,
            Step::Done => return findings,
        }
    }
}

#[test]
fn no_mirror_is_taken_for_capable() {
    let mut reflected = 0;
    for target in 0..TARGETS {
        for finding in survey(target) {
            let outcome = finding.outcome;
            let false_word = matches!(outcome, Outcome::Understood | Outcome::Passed);
            assert!(
                !false_word,
                "{target}, {:?}: {}: {outcome:?}",
                Mirror::of(target),
                finding.row.name
            );
            reflected += u64::from(outcome == Outcome::Reflected);
        }
    }
    assert!(reflected > 5 * TARGETS, "the mirrors are seen as such: {reflected}");
}
