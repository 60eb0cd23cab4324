//! The engine behind `send`: whatever comes back, every request is told of once, and the end comes.

use core::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use tcpexposure_core::{
    craft::{Draft, Network},
    engine::{Engine, SLOT, Step},
    exchange::{Event, Exchange, Policy, Request},
    time::Instant,
    wire::{packet::Packet, tcp::Seq},
};

/// Takes requests and what is made of each as it goes out.
pub(crate) fn body(data: &[u8]) {
    if let Ok(play) = Play::arbitrary(&mut Unstructured::new(data)) {
        told_once(&play);
    }
}

#[derive(Arbitrary, Debug)]
struct Play {
    requests: Vec<Vec<u8>>,
    retries: u8,
    answers: Vec<Answer>,
}

#[derive(Arbitrary, Clone, Debug)]
enum Answer {
    Nothing,
    Noise(Vec<u8>),
    Segment { flags: u16, near: i8 },
    Icmp { kind: u8, length: u8 },
}

fn told_once(play: &Play) {
    let mut requests: Vec<_> = play.requests.iter().take(8).map(|r| Request::new(r)).collect();
    let count = requests.len();
    let (timeout, linger) = (Duration::from_secs(1), Duration::from_millis(10));
    let retries = u32::from(play.retries % 4);
    let mut exchange = Exchange::new(&mut requests, Policy { timeout, retries, linger });
    let (mut now, mut slot) = (Instant::ZERO, [0; SLOT]);
    let (mut sent, mut given_up) = (vec![0; count], vec![0; count]);
    let mut flying = Vec::new();
    let mut answers = play.answers.iter().cycle();
    for _ in 0..1000 {
        match exchange.poll(now, &mut slot) {
            Step::Send(length) => {
                flying.extend(answers.next().and_then(|answer| answer.to(&slot[..length])));
            }
            Step::Emit(Event::Sent { request, .. }) => sent[request] += 1,
            Step::Emit(Event::Unanswered { request }) => given_up[request] += 1,
            Step::Emit(Event::Answer { request, .. }) => assert!(request < count),
            Step::Wait(at) => {
                assert!(at > now);
                match flying.pop() {
                    Some(bytes) => exchange.handle(now, &Packet::from_ip(&bytes)),
                    None => now = at,
                }
            }
            Step::Done => return settled(&requests, &sent, &given_up, retries),
        }
    }
    panic!("the exchange does not end");
}

fn settled(requests: &[Request<'_>], sent: &[u32], given_up: &[u32], retries: u32) {
    for ((request, sent), given_up) in requests.iter().zip(sent).zip(given_up) {
        assert!(*sent == request.attempts() && *sent <= retries + 1);
        assert_eq!(*given_up == 1, request.answers() == 0, "{request:?}");
    }
}

impl Answer {
    /// Makes the packet that answers `sent`, if there is one.
    fn to(&self, sent: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Nothing => None,
            Self::Noise(bytes) => Some(bytes.clone()),
            Self::Segment { flags, near } => {
                let packet = Packet::from_ip(sent);
                let tcp = packet.tcp()?;
                let (source, destination) = packet.addresses()?;
                let ack = Seq(tcp.end().0.wrapping_add_signed((*near).into()));
                let draft = Draft {
                    network: Network::between(destination, source)?,
                    source_port: tcp.header.destination_port(),
                    destination_port: tcp.header.source_port(),
                    flags: tcpexposure_core::wire::tcp::Flags::from_bits(*flags),
                    ack,
                    ..Draft::default()
                };
                Some(draft.write(&mut [0; 100]).ok()?.to_vec())
            }
            Self::Icmp { kind, length } => {
                let head = [0x45, 0, 0, 0, 0, 0, 0, 0, 64, 1, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
                let quote = &sent[..usize::from(*length).min(sent.len())];
                Some([&head[..], &[*kind, 1, 0, 0, 0, 0, 0, 0], quote].concat())
            }
        }
    }
}
