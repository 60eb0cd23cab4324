//! Boxes that change fields of the headers, or refuse segments for them.

use tcpexposure_core::{
    craft::{Draft, Ipv4, Ipv6, Network},
    wire::tcp::{Flags, Seq},
};
use tcpexposure_sim::Direction::{Inbound, Outbound};

use crate::bench::{Bench, ack, both, data, rst, syn, syn_ack};

#[test]
fn windows() {
    let quarter = |draft: Draft<'static>| Draft { window: draft.window / 4, ..draft };
    both("window-out", |bench| {
        bench.check(Outbound, data(1, b"x"), &[(Outbound, quarter(data(1, b"x")))]);
        bench.passes(Inbound, data(1, b"x"));
    });
    both("window-synack", |bench| {
        bench.check(Inbound, syn_ack(&[], b""), &[(Inbound, quarter(syn_ack(&[], b"")))]);
        bench.passes(Inbound, data(1, b"x"));
    });
}

#[test]
fn flags_and_pointers() {
    let changes = |name, from: Draft<'static>, to: Draft<'static>| {
        both(name, |bench| bench.check(Outbound, from, &[(Outbound, to)]));
    };
    let flags = |flags: Flags| Draft { flags: flags.with(Flags::ACK), ..data(1, b"x") };
    changes("clear-reserved", flags(Flags::RESERVED.with(Flags::AE)), flags(Flags::NONE));
    let urgent = Draft { urgent: 5, ..flags(Flags::URG) };
    changes("clear-urgent", urgent, data(1, b"x"));
    let stray = Draft { ack: Seq(9), urgent: 9, ..syn(&[], b"") };
    changes("clear-unused", stray, syn(&[], b""));
    changes("clear-unused", urgent, urgent);
    let ecn = Flags::ECE.with(Flags::CWR).with(Flags::AE);
    changes("ecn-bleach", flags(ecn.with(Flags::RESERVED)), flags(Flags::RESERVED));
    for (name, flag) in [("drop-reserved", Flags::RESERVED), ("drop-urgent", Flags::URG)] {
        both(name, |bench| {
            bench.drops(Outbound, flags(flag));
            bench.passes(Outbound, flags(Flags::NONE));
        });
    }
    both("drop-ecn-syn", |bench| {
        let ecn = Flags::SYN.with(Flags::ECE).with(Flags::CWR);
        bench.drops(Outbound, Draft { flags: ecn, ..syn(&[], b"") });
        bench.passes(Outbound, syn(&[], b""));
    });
    both("drop-flagless", |bench| {
        bench.drops(Outbound, Draft { flags: Flags::PSH, ..data(1, b"x") });
        bench.passes(Outbound, syn(&[], b""));
        bench.passes(Outbound, rst(1));
        bench.passes(Outbound, ack(1, 2, &[], b""));
    });
}

#[test]
fn fields_of_the_ip_header() {
    let with = |bench: &Bench, service: u8, left: u8| {
        let network = match bench.network(Outbound) {
            Network::V4(header) => Network::V4(Ipv4 { tos: service, ttl: left, ..header }),
            Network::V6(header) => {
                Network::V6(Ipv6 { traffic_class: service, hop_limit: left, ..header })
            }
        };
        Draft { network, ..data(1, b"x") }
    };
    let boxes = [
        ("ecn-bleach", (0xb9, 64), (0xb8, 64)),
        ("tos-zero", (0xb9, 64), (0, 64)),
        ("mark-ce", (0xb8, 64), (0xbb, 64)),
        ("ttl-set", (1, 9), (1, 200)),
    ];
    for (name, from, to) in boxes {
        both(name, |bench| {
            let (from, to) = (with(bench, from.0, from.1), with(bench, to.0, to.1));
            bench.check(Outbound, from, &[(Outbound, to)]);
        });
    }
}
