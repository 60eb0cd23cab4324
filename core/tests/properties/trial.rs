//! Properties of the suites, over generated answers.

use proptest::prelude::*;
use tcpexposure_core::{
    craft::{Checksum, Draft, Network},
    engine::{Engine, Step},
    experiment::{Dialect, Peer, Suite},
    time::Instant,
    wire::{packet::Packet, tcp::Flags},
};

use crate::props::{
    scan,
    trial::{self, Answer, Segment, config},
};

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

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn nonsense_never_passes(
        answers in prop::collection::vec(answer(), 1..40),
        modern in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let dialect = if modern { Dialect::Modern43 } else { Dialect::Classic { faithful: false } };
        trial::nonsense_never_passes(dialect, seed, &answers);
    }

    #[test]
    fn nonsense_panics_in_no_dialect(
        answers in prop::collection::vec(answer(), 1..40),
        peer in prop::sample::select(vec![Peer::Unknown, Peer::Responder, Peer::Server]),
        seed in any::<u64>(),
    ) {
        trial::nonsense_ends(Dialect::Classic { faithful: true }, peer, seed, &answers);
        trial::nonsense_ends(Dialect::Modern43, peer, seed, &answers);
        trial::todays_questions(peer, seed, &answers);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn only_the_number_of_a_probe_proves_an_answer(
        answers in prop::collection::vec(answer(), 1..20),
        probe in prop::sample::select(scan::PROBES.to_vec()),
        strict: bool,
        last: u8,
    ) {
        scan::sieved(probe, strict, last, &answers);
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
