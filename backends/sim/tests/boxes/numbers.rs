//! Boxes that rewrite sequence numbers, and boxes that mind acknowledgements.

use tcpexposure_core::{craft::Draft, wire::packet::Packet};
use tcpexposure_sim::Direction::{Inbound, Outbound};

use crate::bench::{ack, both, data, rst, syn, syn_ack};

#[test]
fn a_million_is_added_one_way() {
    for (name, direction) in [("isn-shift-out", Outbound), ("isn-shift-in", Inbound)] {
        both(name, |bench| {
            let back = direction.back();
            bench.check(
                direction,
                ack(1, 2, &[], b"x"),
                &[(direction, ack(1_000_001, 2, &[], b"x"))],
            );
            bench.check(back, ack(1, 2, &[], b"x"), &[(back, ack(1, 0xfff0_bdc2, &[], b"x"))]);
        });
    }
    both("isn-shift-out", |bench| {
        let shifted = Draft { seq: syn(&[], b"").seq.add(1_000_000), ..syn(&[], b"") };
        bench.check(Outbound, syn(&[], b""), &[(Outbound, shifted)]);
        bench.check(Outbound, rst(7), &[(Outbound, rst(1_000_007))]);
    });
}

#[test]
fn both_ends_are_shifted_and_sack_blocks_only_if_it_says_so() {
    for (name, repairs) in [("isn-shift", false), ("isn-shift-sack", true)] {
        both(name, |bench| {
            let shift = |bench: &mut crate::bench::Bench, direction, draft: Draft<'_>| {
                let packet = bench.write(direction, &draft);
                let left = bench.raw(direction, packet);
                let left = Draft::of(&Packet::from_ip(&left[0].1)).unwrap().seq;
                left.since(draft.seq)
            };
            let out = shift(bench, Outbound, syn(&[], b""));
            let inn = shift(bench, Inbound, syn_ack(&[], b""));
            assert!(out != 0 && inn != 0 && out != inn);
            assert_eq!(shift(bench, Outbound, data(2000, b"x")), out);
            let edges = |by: u32| {
                let edge = |edge: u32| edge.wrapping_sub(by).to_be_bytes();
                [&[1, 1, 5, 10], &edge(3000)[..], &edge(3100)].concat()
            };
            let repaired = edges(if repairs { out } else { 0 });
            let unrepaired = edges(0);
            let from = ack(5001, 2000, &unrepaired, b"");
            let to = ack(5001_u32.wrapping_add(inn), 2000_u32.wrapping_sub(out), &repaired, b"");
            bench.check(Inbound, from, &[(Inbound, to)]);
        });
    }
}

#[test]
fn data_is_acknowledged_early() {
    both("early-ack", |bench| {
        let segment = data(2000, b"four");
        bench.check(
            Outbound,
            segment,
            &[(Inbound, ack(5001, 2004, &[], b"")), (Outbound, segment)],
        );
        bench.passes(Outbound, ack(2000, 5001, &[], b""));
        bench.passes(Outbound, syn(&[], b"data"));
        bench.passes(Inbound, ack(1, 2, &[], b"data"));
    });
}

#[test]
fn acknowledgements_of_unseen_bytes() {
    let ahead = ack(1001, 5504, &[], b"data");
    let boxes = [
        ("drop-ack-unseen", vec![]),
        ("rst-ack-unseen", vec![(Inbound, rst(5504))]),
        ("reply-ack-unseen", vec![(Inbound, ack(5004, 1001, &[], b""))]),
        ("correct-ack-unseen", vec![(Outbound, ack(1001, 5004, &[], b"data"))]),
    ];
    for (name, expected) in boxes {
        both(name, |bench| {
            bench.passes(Outbound, ahead);
            bench.passes(Inbound, syn_ack(&[], b""));
            bench.passes(Outbound, ack(1001, 5001, &[], b""));
            bench.passes(Inbound, ack(5001, 1001, &[], b"abc"));
            bench.passes(Outbound, ack(1001, 5004, &[], b"data"));
            bench.check(Outbound, ahead, &expected);
        });
    }
}
