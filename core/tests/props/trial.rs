//! The suites against answers that nobody should believe: no panic, an end, no false "passed".

use core::net::IpAddr;
use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use tcpexposure_core::{
    craft::{Draft, Network, Payload},
    engine::{Engine, SLOT, Step},
    experiment::{
        Config, Dialect, Event, Outcome, Peer, Ports, Selection, Suite,
        modern::{Choice, Modern, ModernConfig, ModernEvent},
    },
    time::Instant,
    wire::{
        packet::Packet,
        tcp::{Flags, Seq},
    },
};

/// Takes the answers that every packet gets in turn, and who is asked how.
pub(crate) fn body(data: &[u8]) {
    if let Ok(play) = Play::arbitrary(&mut Unstructured::new(data)) {
        let answers: Vec<_> = play.answers.into_iter().take(40).map(Answer::bounded).collect();
        let peer = [Peer::Unknown, Peer::Responder, Peer::Server][usize::from(play.peer % 3)];
        match play.suite % 4 {
            0 => nonsense_ends(Dialect::Classic { faithful: true }, peer, play.seed, &answers),
            1 => nonsense_never_passes(Dialect::Modern43, play.seed, &answers),
            2 => {
                let dialect = Dialect::Classic { faithful: false };
                nonsense_never_passes(dialect, play.seed, &answers);
            }
            _ => todays_questions(peer, play.seed, &answers),
        }
    }
}

#[derive(Arbitrary, Debug)]
struct Play {
    suite: u8,
    peer: u8,
    seed: u64,
    answers: Vec<Answer>,
}

/// No question is answered by nonsense, but for that whether a SYN is.
pub(crate) fn nonsense_never_passes(dialect: Dialect, seed: u64, answers: &[Answer]) {
    for (name, outcome) in run(config(dialect, Peer::Responder, seed), answers) {
        assert!(outcome != Outcome::Passed || name == "Syn", "{name}");
    }
}

/// Whoever is taken to answer, a suite comes to its end.
pub(crate) fn nonsense_ends(dialect: Dialect, peer: Peer, seed: u64, answers: &[Answer]) {
    run(config(dialect, peer, seed), answers);
}

/// The same of the modern suite.
pub(crate) fn todays_questions(peer: Peer, seed: u64, answers: &[Answer]) {
    let config = config(Dialect::Modern43, peer, seed);
    let mut suite = Modern::<4>::new(ModernConfig {
        target: config.target,
        port: config.port,
        source: config.source,
        ports: config.ports,
        rows: Choice::ALL,
        peer,
        http: false,
        idle: Duration::from_secs(1),
        seed,
    });
    let mut words = Vec::new();
    play(&mut suite, answers, |event| {
        if let ModernEvent::Finding(finding) = event {
            words.push((finding.row.name, finding.outcome));
        }
    });
    assert!(!words.is_empty());
}

/// What is made of a packet that the suite sent.
#[derive(Arbitrary, Clone, Debug)]
pub(crate) enum Answer {
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

#[derive(Arbitrary, Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) flags: u16,
    pub(crate) seq: i32,
    pub(crate) ack: i32,
    pub(crate) window: u16,
    pub(crate) options: Vec<u8>,
    pub(crate) payload: Vec<u8>,
    pub(crate) offset: Option<u8>,
    pub(crate) flip: Option<(usize, u8)>,
    pub(crate) repeat: u8,
}

impl Segment {
    /// Takes out the numbers by which a responder tells what arrived (window, segment size and time
    /// stamp, lowered a little): what has them is no nonsense.
    fn forget(&mut self) {
        self.window %= 30_000;
        for at in 0..self.options.len() {
            match self.options[at..] {
                [2, 4, 1, ref mut low, ..] => *low = 0,
                [8, 10, ref mut high, 0xbc, 0x61, _, ..] => *high = 1,
                _ => {}
            }
        }
    }
}

impl Answer {
    /// Cuts what does not fit.
    pub(super) fn bounded(self) -> Self {
        match self {
            Self::Segment(mut segment) => {
                segment.options.truncate(40);
                segment.payload.truncate(600);
                segment.forget();
                segment.offset = segment.offset.map(|words| words & 15);
                segment.repeat = segment.repeat % 3 + 1;
                Self::Segment(segment)
            }
            Self::Noise(mut bytes) => {
                bytes.truncate(120);
                Self::Noise(bytes)
            }
            other => other,
        }
    }

    /// Makes the packets that answer `sent`.
    pub(super) fn packets(&self, sent: &[u8]) -> Vec<Vec<u8>> {
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
    let mut words = Vec::new();
    play(&mut suite, answers, |event| {
        if let Event::Verdict(verdict) = event {
            words.push((verdict.entry.name(), verdict.code.outcome));
        }
    });
    words
}

/// Drives an engine whose packets are answered by `answers` in turn.
fn play<E: Engine>(engine: &mut E, answers: &[Answer], take: impl FnMut(E::Event)) {
    let mut turn = answers.iter().cycle();
    drive(engine, |_, sent| turn.next().unwrap_or(&Answer::Nothing).packets(sent), take);
}

/// Drives an engine, whose packets `answer` answers, to its end.
pub(super) fn drive<E: Engine>(
    engine: &mut E,
    mut answer: impl FnMut(Instant, &[u8]) -> Vec<Vec<u8>>,
    mut take: impl FnMut(E::Event),
) {
    let (mut now, mut slot) = (Instant::ZERO, [0; SLOT]);
    for _ in 0..200_000 {
        match engine.poll(now, &mut slot) {
            Step::Send(length) => {
                now = now.after(Duration::from_micros(50));
                for bytes in answer(now, &slot[..length]) {
                    engine.handle(now, &Packet::from_ip(&bytes));
                }
            }
            Step::Emit(event) => take(event),
            Step::Wait(at) => now = at.max(now),
            Step::Done => return,
        }
    }
    panic!("the engine does not end");
}

pub(crate) fn config(dialect: Dialect, peer: Peer, seed: u64) -> Config {
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
