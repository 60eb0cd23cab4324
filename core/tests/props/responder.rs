//! The responder: no panic, no amplification, no endless conversation.

#[path = "../respond_peer/mod.rs"]
pub(super) mod respond_peer;

use arbitrary::{Arbitrary, Unstructured};
use respond_peer::{V4, V6, ask, ask_bytes, classic, draft, modern, one, see, send};
use tcpexposure_core::{
    craft::{Draft, Ipv4, Ipv6, Network, Payload},
    respond::{Responder, modern::PROOF},
    wire::{
        packet::{Checksummed, Offload, Packet, Start},
        tcp::{Flags, Seq},
    },
};

pub(crate) use respond_peer::PORT;

/// Takes one of the questions below and what it asks about.
pub(crate) fn body(data: &[u8]) {
    if let Ok(question) = Question::arbitrary(&mut Unstructured::new(data)) {
        match question {
            Question::Whole(segment) => {
                let segment = segment.bounded();
                never_amplifies(&segment);
                answers_of_2011(&segment);
                falls_silent(segment);
            }
            Question::Broken(segment, turned, cut) => {
                let turned: Vec<_> = turned.iter().map(|(at, to)| ((*at).into(), *to)).collect();
                broken(&segment.bounded(), &turned, cut.map(usize::from));
            }
            Question::Bytes { bytes, sure, ethernet, now } => survived(&bytes, sure, ethernet, now),
            Question::Two(first, second) => stateless(&first.bounded(), &second.bounded()),
        }
    }
}

#[derive(Arbitrary, Debug)]
enum Question {
    Whole(Any),
    Broken(Any, Vec<(u8, u8)>, Option<u8>),
    Bytes { bytes: Vec<u8>, sure: bool, ethernet: bool, now: u64 },
    Two(Any, Any),
}

/// Any segment, most of them such as get far.
#[derive(Arbitrary, Clone, Debug)]
pub(crate) struct Any {
    pub(crate) six: bool,
    pub(crate) flags: u16,
    pub(crate) near: Option<i32>,
    pub(crate) seq: u32,
    pub(crate) options: Vec<u8>,
    pub(crate) ip_options: usize,
    pub(crate) payload: Vec<u8>,
    pub(crate) now: u64,
    pub(crate) from_port: u16,
}

impl Any {
    /// Cuts what does not fit.
    fn bounded(mut self) -> Self {
        self.options.truncate(40);
        self.ip_options %= 11;
        self.payload.truncate(700);
        self
    }

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

/// What a modern responder sends is no more than what it was asked with, unless the peer proved
/// that it is there.
pub(crate) fn never_amplifies(segment: &Any) {
    let mut responder = modern();
    let proofs = segment.proofs(&mut responder);
    let request = segment.bytes(proofs[0]);
    let proven = proves(&Packet::from_ip(&request), proofs);
    let due = if proven { 1500 } else { request.len() };
    check(&mut responder, segment.now, &request, Offload::default(), due);
}

/// The same of a segment with bytes turned, of which the link says that its checksum is right.
pub(crate) fn broken(segment: &Any, turned: &[(usize, u8)], cut: Option<usize>) {
    let mut responder = modern();
    let mut request = segment.bytes(segment.seq);
    for (at, byte) in turned {
        if let Some(to) = request.get_mut(*at) {
            *to = *byte;
        }
    }
    request.truncate(cut.unwrap_or(request.len()));
    // Whether the turned packet proves anything is told by the counter: only what is unproven or a
    // SYN is held to the rule.
    let packet = Packet::parse(Start::Ip, &request, request.len(), SURE);
    let before = *responder.counters();
    let answers = ask(&mut responder, segment.now, &packet);
    let after = *responder.counters();
    let out: usize = answers.iter().map(Vec::len).sum();
    let syn = packet.tcp().is_some_and(|tcp| tcp.header.flags().contains(Flags::SYN));
    if after.unproven > before.unproven || syn {
        assert!(out <= ip_length(&request), "{request:02x?}");
    }
    assert_eq!(after.bytes_out, u64::try_from(out).unwrap());
}

/// No bytes make a responder panic.
pub(crate) fn survived(bytes: &[u8], sure: bool, ethernet: bool, now: u64) {
    let start = if ethernet { Start::Ethernet } else { Start::Ip };
    let offload = if sure { SURE } else { Offload::default() };
    let packet = Packet::parse(start, bytes, bytes.len(), offload);
    ask(&mut modern(), now, &packet);
    ask(&mut classic(), now, &packet);
}

/// The answers of a classic responder are well-formed.
pub(crate) fn answers_of_2011(segment: &Any) {
    check(&mut classic(), segment.now, &segment.bytes(0), Offload::default(), 3000);
}

/// Nobody can make two modern responders talk to each other for ever.
pub(crate) fn falls_silent(segment: Any) {
    let mut responders = [modern(), modern()];
    let segment = Any { from_port: PORT, ..segment };
    let proofs = segment.proofs(&mut responders[0]);
    let mut flying = vec![segment.bytes(proofs[0])];
    for turn in 0..6 {
        let responder = &mut responders[turn % 2];
        flying =
            flying.iter().flat_map(|packet| ask_bytes(responder, segment.now, packet)).collect();
    }
    assert!(flying.is_empty(), "{flying:02x?}");
}

/// The same packet gets the same answer whatever came before.
pub(crate) fn stateless(first: &Any, second: &Any) {
    for make in [modern, classic] {
        let request = second.bytes(first.seq);
        let alone = ask_bytes(&mut make(), second.now, &request);
        let mut responder = make();
        ask_bytes(&mut responder, first.now, &first.bytes(0));
        assert_eq!(ask_bytes(&mut responder, second.now, &request), alone);
    }
}

/// Tells whether a packet proves its handshake.
fn proves(packet: &Packet<'_>, proofs: [u32; 2]) -> bool {
    packet.tcp().is_some_and(|tcp| {
        let flags = tcp.header.flags();
        // Whatever the lower half of the number told.
        let first = |proof: u32| (proof.wrapping_sub(1) & 0xffff_0000).wrapping_add(1);
        let ack = tcp.header.ack().0;
        let near = |proof| ack.wrapping_sub(first(proof)) < PROOF + 0xffff;
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
