//! What holds for any packet: no panic, no amplification, no endless conversation.

mod respond_peer;

use proptest::prelude::*;
use respond_peer::{PORT, V4, V6, ask, ask_bytes, classic, draft, modern, one, see, send};
use tcpexposure_core::{
    craft::{Draft, Ipv4, Ipv6, Network, Payload},
    respond::Responder,
    wire::{
        packet::{Checksummed, Offload, Packet, Start},
        tcp::{Flags, Seq},
    },
};

/// Any segment, most of them such as get far.
#[derive(Clone, Debug)]
struct Any {
    six: bool,
    flags: u16,
    near: Option<i32>,
    seq: u32,
    options: Vec<u8>,
    ip_options: usize,
    payload: Vec<u8>,
    now: u64,
    from_port: u16,
}

fn any_payload() -> impl Strategy<Value = Vec<u8>> {
    let command = prop::sample::select(vec![
        &b"\xa1"[..],
        b"\xa2",
        b"\xa3",
        b"\xb2",
        b"\xc1",
        b"\xc2",
        b"POST / HTTP/1.1\r\n\r\n\xa1",
        b"GET /hoge.cgi",
        b"HTTP",
        b"",
    ]);
    (command, prop::collection::vec(any::<u8>(), 0..700))
        .prop_map(|(command, rest)| [command, &rest].concat())
}

fn any_options() -> impl Strategy<Value = Vec<u8>> {
    let option = prop_oneof![
        Just(vec![2, 4, 5, 0xb4]),
        Just(vec![3, 3, 7]),
        Just(vec![4, 2]),
        Just(vec![1]),
        any::<[u8; 8]>().prop_map(|data| [&[8, 10][..], &data].concat()),
        any::<[u8; 10]>().prop_map(|data| [&[30, 12][..], &data].concat()),
        any::<[u8; 14]>().prop_map(|data| [&[31, 16][..], &data].concat()),
        any::<(u8, u8)>().prop_map(|(kind, data)| vec![kind, 3, data]),
        any::<Vec<u8>>(),
    ];
    prop::collection::vec(option, 0..6).prop_map(|options| {
        let mut bytes = options.concat();
        bytes.truncate(40);
        bytes
    })
}

prop_compose! {
    fn any_segment()(
        six: bool,
        flags in prop_oneof![
            Just(0x002_u16), Just(0x010), Just(0x011), Just(0x018), Just(0x003), 0_u16..4096
        ],
        near in prop::option::of(-3_i32..40_000),
        seq: u32,
        options in any_options(),
        ip_options in 0_usize..=10,
        payload in any_payload(),
        now: u64,
        from_port in prop_oneof![Just(PORT), any::<u16>()],
    ) -> Any {
        Any { six, flags, near, seq, options, ip_options, payload, now, from_port }
    }
}

impl Any {
    fn addresses(&self) -> (&'static str, &'static str) {
        if self.six { V6 } else { V4 }
    }

    /// The numbers that prove a handshake, of this epoch and the one before.
    fn proofs(&self, responder: &mut Responder) -> [u32; 2] {
        [self.now, self.now.saturating_sub(1 << 38)].map(|now| {
            let request = Draft { source_port: self.from_port, ..draft(self.addresses()) };
            let answer = one(send(responder, now, &request));
            see(&answer).seq.wrapping_add(1)
        })
    }

    fn bytes(&self, proof: u32) -> Vec<u8> {
        let ip = [1; 40];
        let extension = [6, 0, 1, 4, 0, 0, 0, 0];
        let base = draft(self.addresses());
        let network = match base.network {
            Network::V4(header) => {
                Network::V4(Ipv4 { options: &ip[..self.ip_options * 4], ..header })
            }
            Network::V6(header) if self.ip_options & 1 == 0 => {
                Network::V6(Ipv6 { next_header: 60, extensions: &extension, ..header })
            }
            other => other,
        };
        let ack = self.near.map_or(self.seq, |near| proof.wrapping_add_signed(near));
        let draft = Draft {
            network,
            source_port: self.from_port,
            seq: Seq(self.seq),
            ack: Seq(ack),
            flags: Flags::from_bits(self.flags),
            options: &self.options,
            payload: Payload::Bytes(&self.payload),
            ..base
        };
        respond_peer::bytes(&draft)
    }
}

/// Tells whether a packet proves its handshake.
fn proves(packet: &Packet<'_>, proofs: [u32; 2]) -> bool {
    packet.tcp().is_some_and(|tcp| {
        let flags = tcp.header.flags();
        let near = |proof: u32| tcp.header.ack().0.wrapping_sub(proof) < 32_768;
        flags.contains(Flags::ACK) && !flags.contains(Flags::SYN) && proofs.into_iter().any(near)
    })
}

fn ip_length(bytes: &[u8]) -> usize {
    let word = |at: usize| usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
    match bytes[0] >> 4 {
        4 => word(2).min(bytes.len()),
        _ => (word(4) + 40).min(bytes.len()),
    }
}

/// Asks, and checks that what comes back is well-formed and no more than is due.
fn check(responder: &mut Responder, now: u64, request: &[u8], offload: Offload, due: usize) {
    let packet = Packet::parse(Start::Ip, request, request.len(), offload);
    let answers = ask(responder, now, &packet);
    let total: usize = answers.iter().map(Vec::len).sum();
    assert!(total <= due, "{total} for {due}: {request:02x?} {answers:02x?}");
    for answer in answers {
        let answer = see(&answer);
        assert!(answer.flags.contains(Flags::ACK));
        assert!(!answer.flags.contains(Flags::RST));
    }
}

const SURE: Offload = Offload { checksum: Checksummed::Valid, segments: false };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_modern_responder_never_amplifies(segment in any_segment()) {
        let mut responder = modern();
        let proofs = segment.proofs(&mut responder);
        let request = segment.bytes(proofs[0]);
        let proven = proves(&Packet::from_ip(&request), proofs);
        let due = if proven { 1500 } else { request.len() };
        check(&mut responder, segment.now, &request, Offload::default(), due);
    }

    /// A well-formed segment with bytes turned, of which the link says that its checksum is right.
    #[test]
    fn nor_when_the_packet_is_broken(
        segment in any_segment(),
        turned in prop::collection::vec((0_usize..120, any::<u8>()), 0..5),
        cut in prop::option::of(0_usize..200),
    ) {
        let mut responder = modern();
        let mut request = segment.bytes(segment.seq);
        for (at, byte) in turned {
            if let Some(to) = request.get_mut(at) {
                *to = byte;
            }
        }
        request.truncate(cut.unwrap_or(request.len()));
        // Whether the turned packet proves anything is told by the counter: only what is unproven
        // or a SYN is held to the rule.
        let packet = Packet::parse(Start::Ip, &request, request.len(), SURE);
        let before = *responder.counters();
        let answers = ask(&mut responder, segment.now, &packet);
        let after = *responder.counters();
        let out: usize = answers.iter().map(Vec::len).sum();
        let syn = packet.tcp().is_some_and(|tcp| tcp.header.flags().contains(Flags::SYN));
        if after.unproven > before.unproven || syn {
            prop_assert!(out <= ip_length(&request), "{request:02x?}");
        }
        prop_assert_eq!(after.bytes_out, u64::try_from(out).unwrap());
    }

    #[test]
    fn any_bytes_are_survived(bytes: Vec<u8>, sure: bool, ethernet: bool, now: u64) {
        let start = if ethernet { Start::Ethernet } else { Start::Ip };
        let offload = if sure { SURE } else { Offload::default() };
        let packet = Packet::parse(start, &bytes, bytes.len(), offload);
        ask(&mut modern(), now, &packet);
        ask(&mut classic(), now, &packet);
    }

    #[test]
    fn a_classic_responder_answers_well_formed_segments(segment in any_segment()) {
        check(&mut classic(), segment.now, &segment.bytes(0), Offload::default(), 3000);
    }

    /// Nobody can make two responders talk to each other for ever.
    #[test]
    fn two_modern_responders_fall_silent(segment in any_segment()) {
        let mut responders = [modern(), modern()];
        let segment = Any { from_port: PORT, ..segment };
        let proofs = segment.proofs(&mut responders[0]);
        let mut flying = vec![segment.bytes(proofs[0])];
        for turn in 0..6 {
            let responder = &mut responders[turn % 2];
            flying = flying
                .iter()
                .flat_map(|packet| ask_bytes(responder, segment.now, packet))
                .collect();
        }
        prop_assert!(flying.is_empty(), "{flying:02x?}");
    }

    /// The same packet gets the same answer whatever came before: there is no state.
    #[test]
    fn answers_do_not_depend_on_what_came_before(
        first in any_segment(),
        second in any_segment(),
    ) {
        for make in [modern, classic] {
            let request = second.bytes(first.seq);
            let alone = ask_bytes(&mut make(), second.now, &request);
            let mut responder = make();
            ask_bytes(&mut responder, first.now, &first.bytes(0));
            prop_assert_eq!(ask_bytes(&mut responder, second.now, &request), alone);
        }
    }
}
