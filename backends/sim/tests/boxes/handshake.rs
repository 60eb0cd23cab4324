//! Boxes that mind payloads and segment sizes of SYNs.

use tcpexposure_sim::Direction::{Inbound, Outbound};

use crate::bench::{ack, both, rst_ack, syn, syn_ack};

#[test]
fn payloads_of_syns() {
    both("strip-syn-data", |bench| {
        bench.check(Outbound, syn(&[], b"data"), &[(Outbound, syn(&[], b""))]);
        bench.passes(Inbound, syn_ack(&[], b"data"));
    });
    both("drop-syn-data", |bench| {
        bench.drops(Outbound, syn(&[], b"data"));
        bench.passes(Outbound, syn(&[], b""));
        bench.passes(Outbound, ack(1, 2, &[], b"data"));
    });
    both("rst-syn-data", |bench| {
        bench.check(Outbound, syn(&[], b"data"), &[(Inbound, rst_ack(0, 1005))]);
        bench.passes(Outbound, syn(&[], b""));
    });
    both("strip-synack-data", |bench| {
        bench.check(Inbound, syn_ack(&[], b"data"), &[(Inbound, syn_ack(&[], b""))]);
        bench.passes(Outbound, syn(&[], b"data"));
    });
    both("drop-synack-data", |bench| {
        bench.drops(Inbound, syn_ack(&[], b"data"));
        bench.passes(Inbound, syn_ack(&[], b""));
    });
}

#[test]
fn segment_sizes() {
    let size = |size: u16| [&[2, 4], &size.to_be_bytes()[..]].concat();
    let clamp = |name, from: u16, out: u16, inn: u16| {
        both(name, |bench| {
            let (from, out, inn) = (size(from), size(out), size(inn));
            bench.check(Outbound, syn(&from, b""), &[(Outbound, syn(&out, b""))]);
            bench.check(Inbound, syn_ack(&from, b""), &[(Inbound, syn_ack(&inn, b""))]);
            bench.passes(Outbound, syn(&[4, 2, 1, 1], b""));
            bench.passes(Outbound, ack(1, 2, &from, b""));
        });
    };
    clamp("mss-clamp", 1460, 1200, 1200);
    clamp("mss-clamp", 512, 512, 512);
    clamp("mss-400-syn", 512, 400, 512);
    clamp("mss-459-synack", 512, 512, 459);
    clamp("mss-1460-synack", 512, 512, 1460);
}
