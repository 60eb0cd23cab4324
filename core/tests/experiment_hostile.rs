//! The suite against answers that nobody should believe.

use core::net::IpAddr;
use std::time::Duration;

use proptest::prelude::*;
use tcpexposure_core::{
    craft::{Checksum, Draft, Network, Payload},
    engine::{Engine, Step},
    experiment::{Config, Dialect, Event, Outcome, Peer, Ports, Selection, Suite},
    time::Instant,
    wire::{
        packet::Packet,
        tcp::{Flags, Seq},
    },
};

/// What is made of a packet that the suite sent.
#[derive(Clone, Debug)]
enum Answer {
    Nothing,
    /// A segment on the way back.
    Segment(Segment),
    /// The packet itself, turned round.
    Mirror {
        flags: u16,
    },
    /// Bytes without sense, and a packet with a bit turned.
    Noise(Vec<u8>),
    /// An ICMP error that quotes it.
    Icmp {
        kind: u8,
        length: usize,
    },
}

#[derive(Clone, Debug)]
struct Segment {
    flags: u16,
    seq: i32,
    ack: i32,
    window: u16,
    options: Vec<u8>,
    payload: Vec<u8>,
    offset: Option<u8>,
    flip: Option<(usize, u8)>,
    repeat: u8,
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        2 => Just(Answer::Nothing),
        8 => segment().prop_map(Answer::Segment),
        1 => any::<u16>().prop_map(|flags| Answer::Mirror { flags }),
        1 => prop::collection::vec(any::<u8>(), 0..120).prop_map(Answer::Noise),
        1 => (any::<u8>(), 0_usize..100).prop_map(|(kind, length)| Answer::Icmp { kind, length }),
    ]
}

fn segment() -> impl Strategy<Value = Segment> {
    let flags = prop_oneof![Just(0x12_u16), Just(0x10), Just(0x11), Just(0x14), 0_u16..0x1000];
    let near = || prop_oneof![Just(0), Just(1), -1500_i32..1500, any::<i32>()];
    let options = prop_oneof![
        Just(vec![2, 4, 2, 0]),
        Just(vec![2, 4, 0, 3, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0]),
        prop::collection::vec(any::<u8>(), 0..41),
    ];
    let payload = prop_oneof![
        Just(Vec::new()),
        prop::collection::vec(any::<u8>(), 0..600),
        prop::collection::vec(prop_oneof![Just(0x45), Just(0x50), Just(0xa1), Just(0)], 0..600),
    ];
    let offset = prop::option::weighted(0.1, 0_u8..16);
    let flip = prop::option::weighted(0.1, (0_usize..200, any::<u8>()));
    (flags, near(), near(), 0_u16..30_000, options, payload, offset, flip, 1_u8..4).prop_map(
        |(flags, seq, ack, window, options, payload, offset, flip, repeat)| Segment {
            flags,
            seq,
            ack,
            window,
            options,
            payload,
            offset,
            flip,
            repeat,
        },
    )
}

impl Answer {
    /// Makes the packets that answer `sent`.
    fn packets(&self, sent: &[u8]) -> Vec<Vec<u8>> {
        let packet = Packet::from_ip(sent);
        let tcp = packet.tcp().unwrap();
        let (source, target) = packet.addresses().unwrap();
        let mut draft = Draft {
            network: Network::between(target, source).unwrap(),
            source_port: tcp.header.destination_port(),
            destination_port: tcp.header.source_port(),
            ..Draft::default()
        };
        let mut slot = [0; 1500];
        match self {
            Self::Nothing => Vec::new(),
            Self::Noise(bytes) => vec![bytes.clone()],
            Self::Segment(segment) => {
                draft.flags = Flags::from_bits(segment.flags);
                draft.seq = Seq(tcp.header.ack().0.wrapping_add_signed(segment.seq));
                draft.ack = Seq(tcp.end().0.wrapping_add_signed(segment.ack));
                draft.window = segment.window;
                draft.options = &segment.options;
                draft.payload = Payload::Bytes(&segment.payload);
                draft.data_offset = segment.offset;
                let mut bytes = draft.write(&mut slot).unwrap().to_vec();
                if let Some((at, mask)) = segment.flip {
                    let at = at % bytes.len();
                    bytes[at] ^= mask;
                }
                vec![bytes; segment.repeat.into()]
            }
            Self::Mirror { flags } => {
                draft.flags = Flags::from_bits(*flags);
                draft.seq = tcp.header.ack();
                draft.ack = tcp.end();
                draft.options = tcp.options.bytes();
                draft.payload = Payload::Bytes(tcp.payload);
                draft.window = 1;
                vec![draft.write(&mut slot).unwrap().to_vec()]
            }
            Self::Icmp { kind, length } => {
                let mut bytes = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, 1, 0, 0, 10, 0, 0, 1];
                bytes.extend_from_slice(&[192, 0, 2, 1, *kind, 1, 0, 0, 0, 0, 0, 0]);
                bytes.extend_from_slice(&sent[..(*length).min(sent.len())]);
                vec![bytes]
            }
        }
    }
}

/// Runs a suite whose packets are answered by `answers` in turn, and gives the verdicts' words.
fn run(config: Config, answers: &[Answer]) -> Vec<(&'static str, Outcome)> {
    let mut suite = Suite::<4>::new(config);
    let mut now = Instant::ZERO;
    let mut slot = [0; 1500];
    let mut turn = answers.iter().cycle();
    let mut words = Vec::new();
    for _ in 0..200_000 {
        match suite.poll(now, &mut slot) {
            Step::Send(length) => {
                now = now.after(Duration::from_micros(50));
                for bytes in turn.next().unwrap().packets(&slot[..length]) {
                    suite.handle(now, &Packet::from_ip(&bytes));
                }
            }
            Step::Emit(Event::Verdict(verdict)) => {
                words.push((verdict.entry.name(), verdict.code.outcome));
            }
            Step::Emit(_) => {}
            Step::Wait(at) => now = at.max(now),
            Step::Done => return words,
        }
    }
    panic!("the suite does not end");
}

fn config(dialect: Dialect, peer: Peer, seed: u64) -> Config {
    Config {
        target: IpAddr::from([198, 51, 100, 2]),
        port: 80,
        source: IpAddr::from([192, 0, 2, 1]),
        ports: Ports { first: 20000, count: 256 },
        dialect,
        http: None,
        entries: Selection::ALL,
        peer,
        seed,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn nonsense_never_passes(
        answers in prop::collection::vec(answer(), 1..40),
        modern in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let dialect = if modern { Dialect::Modern43 } else { Dialect::Classic { faithful: false } };
        for (name, outcome) in run(config(dialect, Peer::Responder, seed), &answers) {
            prop_assert!(outcome != Outcome::Passed || name == "Syn", "{name}");
        }
    }

    #[test]
    fn nonsense_panics_in_no_dialect(
        answers in prop::collection::vec(answer(), 1..40),
        peer in prop::sample::select(vec![Peer::Unknown, Peer::Responder, Peer::Server]),
        seed in any::<u64>(),
    ) {
        run(config(Dialect::Classic { faithful: true }, peer, seed), &answers);
        run(config(Dialect::Modern43, peer, seed), &answers);
    }
}

#[test]
fn a_bad_checksum_is_no_answer() {
    let bad = |sent: &[u8]| {
        let packet = Packet::from_ip(sent);
        let tcp = packet.tcp().unwrap();
        let (source, target) = packet.addresses().unwrap();
        let draft = Draft {
            network: Network::between(target, source).unwrap(),
            source_port: 80,
            destination_port: tcp.header.source_port(),
            ack: tcp.end(),
            flags: Flags::SYN.with(Flags::ACK),
            checksum: Checksum::Bad,
            ..Draft::default()
        };
        let mut slot = [0; 100];
        draft.write(&mut slot).unwrap().to_vec()
    };
    let mut suite = Suite::<1>::new(config(Dialect::Modern43, Peer::Responder, 1));
    let (mut now, mut slot) = (Instant::ZERO, [0; 1500]);
    loop {
        match suite.poll(now, &mut slot) {
            Step::Send(length) => suite.handle(now, &Packet::from_ip(&bad(&slot[..length]))),
            Step::Wait(at) => now = at,
            Step::Emit(_) => {}
            Step::Done => break,
        }
    }
    assert_eq!(suite.results()[0], 1);
}
