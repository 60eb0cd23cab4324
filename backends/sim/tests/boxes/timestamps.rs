//! Boxes that meddle with timestamps.

use tcpexposure_sim::Direction::{Inbound, Outbound};

use crate::bench::{STAMPS, ack, both, syn, syn_ack};

#[test]
fn timestamps_are_removed() {
    for (name, direction) in [("strip-timestamps-out", Outbound), ("strip-timestamps-in", Inbound)]
    {
        both(name, |bench| {
            let segment = |options| ack(1, 2, options, b"data");
            bench.check(direction, segment(STAMPS), &[(direction, segment(&[1, 1, 1, 1]))]);
            bench.passes(direction.back(), segment(STAMPS));
        });
    }
    both("strip-timestamps-synack", |bench| {
        let rest = [1, 1, 1, 1];
        bench.check(Inbound, syn_ack(STAMPS, b""), &[(Inbound, syn_ack(&rest, b""))]);
        bench.passes(Outbound, syn(STAMPS, b""));
        bench.passes(Inbound, ack(1, 2, STAMPS, b""));
    });
}

#[test]
fn only_what_was_offered_may_come() {
    both("strip-timestamps-unnegotiated", |bench| {
        bench.passes(Outbound, syn(STAMPS, b""));
        bench.passes(Outbound, ack(1001, 2, STAMPS, b"x"));
        bench.passes(Outbound, syn(&[], b""));
        let bare = ack(1001, 2, &[1, 1, 1, 1], b"x");
        bench.check(Outbound, ack(1001, 2, STAMPS, b"x"), &[(Outbound, bare)]);
        bench.passes(Inbound, ack(1, 2, STAMPS, b"x"));
    });
}

#[test]
fn clocks_are_shifted() {
    // 100 + 1,000,000 = 0xf42a4, and 7 - 1,000,000 = 0xfff0bdc7
    let later = [1, 1, 8, 10, 0, 0x0f, 0x42, 0xa4, 0, 0, 0, 7];
    let echo = [1, 1, 8, 10, 0, 0, 0, 100, 0xff, 0xf0, 0xbd, 0xc7];
    let segment = |options| ack(1, 2, options, b"data");
    both("shift-timestamps-out", |bench| {
        bench.check(Outbound, segment(STAMPS), &[(Outbound, segment(&later))]);
        bench.passes(Inbound, segment(STAMPS));
    });
    both("shift-timestamps", |bench| {
        bench.check(Outbound, segment(STAMPS), &[(Outbound, segment(&later))]);
        bench.check(Inbound, segment(STAMPS), &[(Inbound, segment(&echo))]);
        bench.passes(Outbound, segment(&[]));
    });
}

#[test]
fn the_echo_of_a_syn_is_tampered_with() {
    for (name, echo) in [("clear-syn-tsecr", 0), ("change-syn-tsecr", 8)] {
        both(name, |bench| {
            let changed = [1, 1, 8, 10, 0, 0, 0, 100, 0, 0, 0, echo];
            bench.check(Outbound, syn(STAMPS, b""), &[(Outbound, syn(&changed, b""))]);
            bench.passes(Outbound, ack(1, 2, STAMPS, b""));
            bench.passes(Inbound, syn_ack(STAMPS, b""));
        });
    }
}
