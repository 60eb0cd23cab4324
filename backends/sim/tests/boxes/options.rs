//! Boxes that take offence at options.

use tcpexposure_sim::Direction::{Inbound, Outbound};

use crate::bench::{CLASSIC, UNKNOWN, ack, both, rst, rst_ack, syn, syn_ack};

#[test]
fn strippers_strip_where_their_names_say() {
    // syn, syn-ack, data out, data in
    let boxes = [
        ("strip-options", [true, true, true, true]),
        ("strip-options-syn", [true, true, false, false]),
        ("strip-options-syn-out", [true, false, false, false]),
        ("strip-options-synack", [false, true, false, false]),
        ("strip-options-data-out", [false, false, true, false]),
        ("strip-options-data-in", [false, false, false, true]),
        ("router", [false; 4]),
    ];
    let rest = [2, 4, 2, 0, 4, 2, 1, 1];
    for (name, strips) in boxes {
        both(name, |bench| {
            let pick = |strips| if strips { &rest[..] } else { UNKNOWN };
            bench.check(Outbound, syn(UNKNOWN, b""), &[(Outbound, syn(pick(strips[0]), b""))]);
            bench.check(
                Inbound,
                syn_ack(UNKNOWN, b""),
                &[(Inbound, syn_ack(pick(strips[1]), b""))],
            );
            let data = |options| ack(1, 2, options, b"data");
            let kept = |strips| if strips { &[][..] } else { CLASSIC };
            bench.check(Outbound, data(CLASSIC), &[(Outbound, data(kept(strips[2])))]);
            bench.check(Inbound, data(CLASSIC), &[(Inbound, data(kept(strips[3])))]);
            bench.passes(Outbound, syn(&[2, 4, 2, 0], b"x"));
        });
    }
}

#[test]
fn one_kind_is_stripped() {
    let all = [30, 4, 1, 1, 114, 4, 7, 7, 253, 4, 9, 9];
    let boxes = [
        ("strip-mptcp", [114, 4, 7, 7, 253, 4, 9, 9]),
        ("strip-unassigned", [30, 4, 1, 1, 253, 4, 9, 9]),
    ];
    for (name, rest) in boxes {
        both(name, |bench| {
            bench.check(Outbound, syn(&all, b""), &[(Outbound, syn(&rest, b""))]);
            bench.check(Inbound, ack(1, 2, &all, b"x"), &[(Inbound, ack(1, 2, &rest, b"x"))]);
        });
    }
}

#[test]
fn nops_take_the_place() {
    both("nop-options", |bench| {
        let nops = [2, 4, 2, 0, 1, 1, 1, 1, 1, 1, 4, 2];
        bench.check(Outbound, syn(UNKNOWN, b""), &[(Outbound, syn(&nops, b""))]);
        bench.check(Inbound, ack(1, 2, CLASSIC, b"x"), &[(Inbound, ack(1, 2, &[1; 16], b"x"))]);
    });
}

#[test]
fn data_of_options_is_zeroed() {
    let zero = [2, 4, 2, 0, 253, 6, 0, 0, 0, 0, 4, 2];
    for (name, direction) in [("zero-options-out", Outbound), ("zero-options-in", Inbound)] {
        both(name, |bench| {
            let segment = |options| ack(1, 2, options, b"data");
            bench.check(direction, segment(UNKNOWN), &[(direction, segment(&zero))]);
            bench.passes(direction.back(), segment(UNKNOWN));
        });
    }
}

#[test]
fn data_of_options_is_changed() {
    // The identifier of an experiment stays, and so does the kind.
    let experiment = [2, 4, 2, 0, 253, 6, 0xaa, 0xbb, 0x10, 0x23, 4, 2];
    let classic = [31, 16, 0x13, 0x35, 0x57, 0x79, 0xaa, 0xcc, 0xee, 1, 0, 0xf1, 1, 1, 1, 0];
    for (name, direction) in [("change-options-out", Outbound), ("change-options-in", Inbound)] {
        both(name, |bench| {
            let segment = |options| ack(1, 2, options, b"data");
            bench.check(direction, segment(UNKNOWN), &[(direction, segment(&experiment))]);
            bench.check(direction, segment(CLASSIC), &[(direction, segment(&classic))]);
            bench.passes(direction.back(), segment(UNKNOWN));
        });
    }
}

#[test]
fn all_options_of_a_syn() {
    both("strip-syn-options", |bench| {
        bench.check(Outbound, syn(UNKNOWN, b"x"), &[(Outbound, syn(&[], b"x"))]);
        bench.passes(Inbound, syn_ack(UNKNOWN, b""));
        bench.passes(Outbound, ack(1, 2, UNKNOWN, b""));
    });
}

#[test]
fn unknown_options_come_back() {
    both("reflect", |bench| {
        let rest = [2, 4, 2, 0, 4, 2, 1, 1];
        bench.check(Outbound, syn(UNKNOWN, b""), &[(Outbound, syn(&rest, b""))]);
        let reflected = [2, 4, 2, 0, 253, 6, 0xaa, 0xbb, 0x11, 0x22, 1, 1];
        bench.check(Inbound, syn_ack(&[2, 4, 2, 0], b""), &[(Inbound, syn_ack(&reflected, b""))]);
        bench.passes(Outbound, ack(1001, 5001, UNKNOWN, b""));
    });
}

#[test]
fn refused_for_an_option() {
    both("drop-syn-option", |bench| {
        bench.drops(Outbound, syn(UNKNOWN, b""));
        bench.passes(Outbound, syn(&[2, 4, 2, 0], b""));
        bench.passes(Outbound, ack(1, 2, UNKNOWN, b"x"));
    });
    both("drop-data-option", |bench| {
        bench.drops(Outbound, ack(1, 2, UNKNOWN, b"x"));
        bench.passes(Outbound, syn(UNKNOWN, b""));
        bench.passes(Inbound, ack(1, 2, UNKNOWN, b"x"));
    });
    both("rst-unknown-option", |bench| {
        bench.check(Outbound, syn(UNKNOWN, b"abc"), &[(Inbound, rst_ack(0, 1004))]);
        bench.check(Outbound, ack(1, 2, UNKNOWN, b"x"), &[(Inbound, rst(2))]);
        bench.passes(Outbound, syn(&[2, 4, 2, 0], b""));
    });
}

#[test]
fn refused_by_icmp() {
    use tcpexposure_core::wire::packet::{Packet, Transport};
    both("icmp-reject", |bench| {
        let packet = bench.write(Outbound, &syn(UNKNOWN, b""));
        let left = bench.raw(Outbound, packet.clone());
        let [(Inbound, error)] = &left[..] else { panic!("{left:?}") };
        let parsed = Packet::from_ip(error);
        assert_eq!(parsed.checksum_ok(), Some(true));
        let Transport::Icmp(message) = parsed.transport else { panic!("{parsed:?}") };
        let expected = if bench.v6 { (1, 1) } else { (3, 13) };
        assert_eq!((message.header.kind(), message.header.code()), expected);
        assert_eq!(message.body, packet);
        bench.passes(Outbound, syn(&[], b""));
    });
}
