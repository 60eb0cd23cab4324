//! Boxes that mind data: its boundaries, its order, its content.

use std::time::Duration;

use tcpexposure_core::{craft::Draft, wire::tcp::Flags};
use tcpexposure_sim::Direction::{Inbound, Outbound};

use crate::bench::{Bench, STAMPS, ack, both, data, rst, syn, syn_ack};

fn stamped(seq: u32, payload: &[u8]) -> Draft<'_> {
    ack(seq, 5001, STAMPS, payload)
}

#[test]
fn segments_are_cut() {
    let payload: Vec<u8> = (0..600_u16).map(|byte| byte.to_le_bytes()[0]).collect();
    let boxes = [
        ("split-options-all", [STAMPS, STAMPS, STAMPS]),
        ("split-options-first", [STAMPS, &[], &[]]),
        ("split-options-none", [&[], &[], &[]]),
    ];
    for (name, options) in boxes {
        both(name, |bench| {
            let fin = Flags::ACK.with(Flags::FIN);
            let whole = Draft { flags: fin, ..stamped(2000, &payload) };
            let last = Draft { flags: fin, ..ack(2512, 5001, options[2], &payload[512..]) };
            let parts = [
                (Outbound, ack(2000, 5001, options[0], &payload[..256])),
                (Outbound, ack(2256, 5001, options[1], &payload[256..512])),
                (Outbound, last),
            ];
            bench.check(Outbound, whole, &parts);
            bench.passes(Outbound, stamped(2000, &payload[..256]));
            bench.passes(Inbound, whole);
            bench.passes(Outbound, syn(STAMPS, &payload));
        });
    }
}

#[test]
fn bursts_are_merged() {
    for (name, options) in [("merge-options-first", STAMPS), ("merge-options-none", &[])] {
        both(name, |bench| {
            let other = Draft { source_port: 9, destination_port: 34343, ..data(2004, b"other") };
            bench.drops(Outbound, stamped(2000, b"four"));
            bench.drops(Outbound, other);
            bench.drops(Outbound, stamped(2004, b"five5"));
            bench.drops(Outbound, stamped(2010, b"gap"));
            bench.passes(Inbound, data(1, b"x"));
            bench.tick(&[
                (Outbound, ack(2000, 5001, options, b"fourfive5")),
                (Outbound, other),
                (Outbound, stamped(2010, b"gap")),
            ]);
            let large = [7; 1457];
            bench.drops(Outbound, data(2000, b"four"));
            bench.drops(Outbound, data(2004, &large));
            bench.tick(&[(Outbound, data(2000, b"four")), (Outbound, data(2004, &large))]);
        });
    }
}

fn from_host(seq: u32, payload: &[u8]) -> Draft<'_> {
    ack(seq, 1001, &[], payload)
}

#[test]
fn what_the_host_sends_is_cut_or_merged() {
    both("split-in", |bench| {
        let (long, first, rest) = ([7; 300], [7; 256], [7; 44]);
        let parts = [from_host(5001, &first), from_host(5257, &rest)];
        bench.check(Inbound, from_host(5001, &long), &parts.map(|part| (Inbound, part)));
        bench.passes(Outbound, data(1001, &long));
    });
    both("merge-in", |bench| {
        bench.drops(Inbound, from_host(5001, b"four"));
        bench.drops(Inbound, from_host(5005, b"five5"));
        bench.passes(Outbound, data(1, b"x"));
        bench.tick(&[(Inbound, from_host(5001, b"fourfive5"))]);
    });
}

#[test]
fn no_data_after_a_hole() {
    both("drop-hole", |bench| {
        bench.passes(Outbound, data(9000, b"unseen"));
        bench.passes(Outbound, syn(&[], b""));
        bench.passes(Outbound, data(1001, b"four"));
        bench.drops(Outbound, data(1006, b"late"));
        bench.passes(Outbound, ack(1006, 5001, &[], b""));
        bench.passes(Outbound, data(1001, b"again"));
        bench.passes(Outbound, data(1006, b"late"));
    });
    both("dupack-hole", |bench| {
        bench.passes(Outbound, syn(&[], b""));
        bench.check(Outbound, data(1006, b"late"), &[(Inbound, ack(5001, 1001, &[], b""))]);
        // What the host acknowledges is no hole, whatever came through this box.
        bench.passes(Inbound, ack(5001, 1006, &[], b""));
        bench.passes(Outbound, data(1006, b"late"));
    });
}

#[test]
fn held_until_the_hole_is_filled() {
    for (name, options) in [("reassemble-options-first", STAMPS), ("reassemble-options-none", &[])]
    {
        both(name, |bench| {
            bench.passes(Outbound, syn(&[], b""));
            bench.drops(Outbound, stamped(1005, b"two2"));
            bench.drops(Outbound, stamped(1009, b"three"));
            bench.drops(Outbound, stamped(1005, b"two2"));
            bench.check(
                Outbound,
                stamped(1001, b"one1"),
                &[
                    (Outbound, stamped(1001, b"one1")),
                    (Outbound, ack(1005, 5001, options, b"two2three")),
                ],
            );
            bench.passes(Outbound, stamped(1001, b"one1"));
        });
    }
}

#[test]
fn retransmissions_of_other_content() {
    let sent = |bench: &mut Bench| {
        bench.passes(Outbound, data(1001, b"first"));
        bench.passes(Outbound, data(1006, b"second"));
        bench.passes(Outbound, data(1001, b"first"));
    };
    both("rtx-original", |bench| {
        sent(bench);
        bench.check(Outbound, data(1003, b"XXXX"), &[(Outbound, data(1003, b"rsts"))]);
        bench.check(Outbound, data(1006, b"XXXXXXYY"), &[(Outbound, data(1006, b"secondYY"))]);
        bench.check(Outbound, data(1012, b"ZZ"), &[(Outbound, data(1012, b"YY"))]);
    });
    both("rtx-ack", |bench| {
        sent(bench);
        bench.check(Outbound, data(1003, b"XXXX"), &[(Inbound, ack(5001, 1012, &[], b""))]);
    });
    both("rtx-drop", |bench| {
        sent(bench);
        bench.drops(Outbound, data(1003, b"XXXX"));
        bench.passes(Outbound, syn(&[], b""));
        bench.passes(Outbound, data(1003, b"XXXX"));
    });
    both("rtx-rst", |bench| {
        sent(bench);
        bench.check(Outbound, data(1003, b"XXXX"), &[(Inbound, rst(5001))]);
        bench.passes(Inbound, data(1003, b"XXXX"));
    });
}

#[test]
fn only_http_passes() {
    both("drop-non-http", |bench| {
        bench.drops(Outbound, data(1001, b"\xa1\xa1\xa1\xa1"));
        bench.passes(Outbound, data(1001, b"POST /hoge.cgi HTTP/1.1\r\n"));
        bench.passes(Outbound, ack(1001, 5001, &[], b""));
        bench.passes(Outbound, syn(&[], b"\xa1"));
        bench.passes(Inbound, syn_ack(&[], b"\xa1"));
    });
}

#[test]
fn contents() {
    both("drop-http", |bench| {
        bench.drops(Outbound, data(1001, b"GET / HTTP/1.1\r\n"));
        bench.drops(Inbound, ack(5001, 1001, &[], b"HTTP/1.1 200 OK\r\n"));
        bench.passes(Outbound, data(1001, b"four"));
    });
    both("change-content", |bench| {
        let (long, mut other) = ([b'a'; 301], [b'a'; 301]);
        other[300] = b'A';
        bench.check(Outbound, data(1001, &long), &[(Outbound, data(1001, &other))]);
        bench.check(Inbound, data(5001, &long), &[(Inbound, data(5001, &other))]);
        bench.passes(Outbound, data(1001, &long[..300]));
    });
    both("drop-large", |bench| {
        bench.drops(Outbound, data(1001, &[0; 1401]));
        bench.drops(Inbound, data(5001, &[0; 1401]));
        bench.passes(Outbound, data(1001, &[0; 1400]));
    });
}

#[test]
fn whole_connections() {
    both("drop-tcp", |bench| {
        bench.drops(Outbound, syn(&[], b""));
        bench.drops(Outbound, data(1001, b"four"));
        bench.passes(Inbound, syn_ack(&[], b""));
    });
    both("drop-fin-in", |bench| {
        let fin = Draft { flags: Flags::FIN.with(Flags::ACK), ..data(5001, b"") };
        bench.drops(Inbound, fin);
        bench.passes(Outbound, fin);
        bench.passes(Inbound, data(5001, b"four"));
    });
    both("forget-idle", |bench| {
        bench.drops(Outbound, data(1001, b"four"));
        bench.passes(Outbound, syn(&[], b""));
        for _ in 0..3 {
            bench.rest(Duration::from_millis(799));
            bench.passes(Inbound, data(5001, b"four"));
        }
        bench.rest(Duration::from_millis(800));
        bench.drops(Outbound, data(1001, b"four"));
        bench.passes(Outbound, syn(&[], b""));
    });
}

#[test]
fn checksums() {
    let bad = |draft| Draft { checksum: tcpexposure_core::craft::Checksum::Bad, ..draft };
    both("tcp-checksum-break", |bench| {
        let segment = data(1001, b"four");
        bench.check(Outbound, segment, &[(Outbound, bad(segment))]);
        bench.passes(Outbound, syn(&[], b""));
    });
    both("tcp-checksum-mend", |bench| {
        let segment = data(1001, b"four");
        bench.check(Outbound, bad(segment), &[(Outbound, segment)]);
    });
    both("drop-bad-checksum", |bench| {
        bench.drops(Outbound, bad(data(1001, b"four")));
        bench.passes(Outbound, data(1001, b"four"));
    });
    // A box that changes something else does not make a wrong checksum right.
    both("window-out", |bench| {
        let segment = bad(data(1001, b"four"));
        let changed = Draft { window: segment.window / 4, ..segment };
        bench.check(Outbound, segment, &[(Outbound, changed)]);
    });
}
