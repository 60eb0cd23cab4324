//! The classic dialect beyond the vectors: the table of section 4.8, IPv6, wrapping, and what
//! crashed or hung the original.

mod respond_peer;

use respond_peer::{PORT, V4, V6, ask_bytes, bytes, classic, data, draft, one, see, send};
use tcpexposure_core::{
    craft::{Draft, Ipv4, Ipv6, Network, Payload},
    respond::report::Report,
    wire::{
        packet::Packet,
        tcp::{Flags, Seq},
    },
};

const SYN_ACK: Flags = Flags::SYN.with(Flags::ACK);
const FIN_ACK: Flags = Flags::FIN.with(Flags::ACK);
const ACK: Seq = Seq(0x00ab_cdf0);
const S: u32 = 252_001;

/// One row of section 4.8: name, flags, payload length, and flags, seq and ack - S of the answers.
type Row<'a> = (&'a str, Flags, usize, &'a [(Flags, u32, u32)]);

#[test]
fn every_row_of_the_table_of_segments() {
    let isn = 0x00ab_cdef;
    let ack = ACK.0;
    let rows: &[Row<'_>] = &[
        ("SYN", Flags::SYN, 0, &[(SYN_ACK, isn, 1)]),
        ("SYN and data", Flags::SYN, 2, &[(SYN_ACK, isn, 1)]),
        (
            "SYN and FIN",
            Flags::SYN.with(Flags::FIN),
            0,
            &[(SYN_ACK, isn, 1), (SYN_ACK.with(Flags::FIN), isn, 1)],
        ),
        ("SYN/ACK", SYN_ACK, 0, &[(SYN_ACK, isn, 1)]),
        ("pure ACK", Flags::ACK, 0, &[]),
        ("one byte", Flags::ACK, 1, &[(Flags::ACK, ack, 1)]),
        ("three bytes", Flags::ACK, 3, &[(Flags::ACK, ack, 3)]),
        ("data", Flags::ACK, 100, &[(Flags::ACK, ack, 100)]),
        ("odd data", Flags::ACK, 101, &[(Flags::ACK, ack, 101)]),
        ("data without ACK", Flags::NONE, 10, &[(Flags::ACK, ack, 10)]),
        ("nothing at all", Flags::NONE, 0, &[]),
        ("FIN", FIN_ACK, 0, &[(Flags::ACK, ack, 1), (FIN_ACK, ack, 1)]),
        ("FIN and data", FIN_ACK, 100, &[(Flags::ACK, ack, 1), (FIN_ACK, ack, 1)]),
        ("RST", Flags::RST, 0, &[]),
        ("RST and data", Flags::RST.with(Flags::ACK), 100, &[]),
        ("RST and SYN", Flags::RST.with(Flags::SYN), 0, &[]),
    ];
    for addresses in [V4, V6] {
        for (name, flags, length, expected) in rows {
            let request = Draft {
                seq: Seq(S),
                flags: *flags,
                ..data(addresses, ACK, &[0x99; 200][..*length])
            };
            let answers = send(&mut classic(), 0, &request);
            let answers: Vec<_> = answers
                .iter()
                .map(|answer| see(answer))
                .map(|seen| (seen.flags, seen.seq, seen.ack.wrapping_sub(S)))
                .collect();
            assert_eq!(&answers, expected, "{name}");
        }
    }
}

#[test]
fn an_old_a_repeated_and_an_impossible_segment_are_answered_by_the_same_rule() {
    let mut responder = classic();
    for (seq, ack) in [(1, 7), (1, 7), (0x8000_0000, 0xffff_ffff), (S, 0)] {
        let request = Draft { seq: Seq(seq), ..data(V4, Seq(ack), &[0x99; 9]) };
        let seen = see(&one(send(&mut responder, 0, &request)));
        assert_eq!((seen.seq, seen.ack), (ack, seq.wrapping_add(9)));
    }
}

#[test]
fn sequence_numbers_wrap() {
    let cases: [(Flags, &[u8], u32); 4] = [
        (Flags::SYN, &[], 0),
        (Flags::SYN, &[0xc1; 8], 8),
        (Flags::ACK, &[0x99; 8], 7),
        (FIN_ACK, &[], 0),
    ];
    for (flags, payload, ack) in cases {
        let request = Draft { seq: Seq(u32::MAX), flags, ..data(V4, ACK, payload) };
        let answers = send(&mut classic(), 0, &request);
        assert_eq!(see(&answers[0]).ack, ack, "{flags:?}");
    }
    // 0xa2 makes a timestamp of 0 smaller, and MP_ACK adds beyond 64 bits.
    let stamp = [8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1];
    let request = Draft { options: &stamp, ..data(V4, ACK, &[0xa2; 8]) };
    let seen = see(&one(send(&mut classic(), 0, &request)));
    assert_eq!(seen.options[6..10], [0xff; 4]);
    let mut piece = [0xff; 16];
    piece[..2].copy_from_slice(&[31, 16]);
    piece[10..12].copy_from_slice(&[0, 2]);
    let request = Draft { options: &piece, ..data(V4, ACK, &[0x99; 8]) };
    let seen = see(&one(send(&mut classic(), 0, &request)));
    assert_eq!(seen.options, [32, 10, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1]);
}

#[test]
fn only_the_ports_that_are_served_and_not_the_last_hop() {
    let mut responder = classic();
    for (port, served) in [(PORT, true), (80, true), (443, false), (20001, false)] {
        let request = Draft { destination_port: port, ..draft(V4) };
        assert_eq!(send(&mut responder, 0, &request).len(), usize::from(served));
    }
    for addresses in [V4, V6] {
        for (hops, answers) in [(0, 1), (1, 0), (2, 1)] {
            let mut request = draft(addresses);
            match &mut request.network {
                Network::V4(header) => header.ttl = hops,
                Network::V6(header) => header.hop_limit = hops,
            }
            assert_eq!(send(&mut responder, 0, &request).len(), answers, "{hops}");
        }
    }
    let counters = responder.counters();
    assert_eq!(counters.received, 8);
    assert_eq!((counters.answered, counters.sent), (6, 6));
    assert_eq!((counters.malformed, counters.unproven, counters.refused), (0, 0, 0));
    assert_eq!(counters.bytes_in, 2 * 40 + 3 * 40 + 3 * 60);
    assert_eq!(counters.bytes_out, 2 * 52 + 2 * 52 + 2 * 72);
}

#[test]
fn a_wrong_tcp_checksum_is_not_looked_at() {
    let request = Draft { checksum: tcpexposure_core::craft::Checksum::Bad, ..draft(V4) };
    assert_eq!(send(&mut classic(), 0, &request).len(), 1);
}

/// What crashed or hung the original, beside the two vectors, and what the rules imply.
#[test]
fn options_that_crashed_the_original() {
    const OFFER: &[u8] = &[2, 4, 2, 0, 3, 3, 6, 4, 2];
    let stamp = [8, 10, 0, 0, 0, 5, 0, 0, 0, 0];
    let stamped = [8, 10, 0, 0xbc, 0x61, 0x4e, 0, 0, 0, 5];
    let capable = [30, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
    let lowered = [2, 4, 1, 0xfe, 3, 3, 4, 4, 2, 8, 10, 0, 0xbc, 0x61, 0x4c, 0, 0, 0];
    let cases: [(&str, Vec<u8>, Vec<u8>); 6] = [
        (
            "a length of 0 ends the walk",
            [&stamp[..], &[254, 0, 8, 10]].concat(),
            [OFFER, &stamped, &[1]].concat(),
        ),
        (
            "a length beyond the block ends the walk",
            [&stamp[..], &[254, 250]].concat(),
            [OFFER, &stamped, &[1]].concat(),
        ),
        (
            "the end of the list ends the walk",
            [&[0, 0][..], &stamp].concat(),
            [OFFER, &[1, 1, 1]].concat(),
        ),
        (
            "an option that does not fit is left out",
            [stamp, stamp, stamp, stamp].concat(),
            [OFFER, &stamped, &stamped, &stamped, &[1]].concat(),
        ),
        (
            "a length above 127 is not negative",
            [&[254, 0x80][..], &stamp].concat(),
            [OFFER, &[1, 1, 1]].concat(),
        ),
        (
            "MP_CAPABLE before TIMESTAMP, the echo is the one expected",
            [&capable[..], &[8, 10, 0, 0, 0, 5, 0xff, 0xff, 0, 0]].concat(),
            [&lowered[..11], &[0xff, 0xfe, 0xff, 0xfe, 0, 0, 0, 5], &capable, &[1]].concat(),
        ),
    ];
    for (name, options, expected) in cases {
        let request = Draft { options: &options, ..draft(V4) };
        let seen = see(&one(send(&mut classic(), 0, &request)));
        assert_eq!(seen.options, expected, "{name}");
    }
}

#[test]
fn the_order_of_options_does_not_change_what_a_syn_ack_tells() {
    let stamp = [8, 10, 0, 0, 0, 5, 0, 0, 0, 7];
    let capable = [30, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
    let answer = |options: &[u8]| {
        let request = Draft { options, ..draft(V4) };
        let seen = see(&one(send(&mut classic(), 0, &request)));
        (seen.window, seen.options)
    };
    let forth = answer(&[&stamp[..], &capable].concat());
    assert_eq!(forth, answer(&[&capable[..], &stamp].concat()));
    assert_eq!(forth.0, 32768 - 4 - 2);
    assert_eq!(forth.1[..11], [2, 4, 1, 0xfe, 3, 3, 4, 4, 2, 8, 10]);
    assert_eq!(forth.1[11..19], [0, 0, 0, 5, 0, 0, 0, 5], "7 less 2; the echo");
}

#[test]
fn the_ipv4_header_may_have_options() {
    let options = [1; 40];
    let mut request = data(V4, ACK, &[0xa1; 100]);
    let Network::V4(header) = request.network else { unreachable!() };
    for length in [4, 12, 40] {
        request.network = Network::V4(Ipv4 { options: &options[..length], ..header });
        let seen = see(&one(send(&mut classic(), 0, &request)));
        assert_eq!(seen.payload.len(), 512);
        let sent = bytes(&request);
        assert_eq!(seen.payload[..40 + length], sent[..40 + length]);
        let report = Report::parse(&seen.payload).unwrap();
        assert_eq!(report.received.tcp().unwrap().payload_length, 100);
    }
}

#[test]
fn a_report_in_ipv6_has_the_headers_of_ipv6() {
    let hop_by_hop = [60, 0, 1, 4, 0, 0, 0, 0];
    let destination = [6, 0, 1, 4, 0, 0, 0, 0];
    let extensions = [hop_by_hop, destination].concat();
    for length in [0, 16] {
        let mut request = data(V6, ACK, &[0xa1; 300]);
        let Network::V6(header) = request.network else { unreachable!() };
        request.network = Network::V6(Ipv6 {
            next_header: if length == 0 { 6 } else { 0 },
            extensions: &extensions[..length],
            flow_label: 0x12345,
            ..header
        });
        let answer = one(send(&mut classic(), 0, &request));
        assert_eq!(answer.len(), 572);
        let seen = see(&answer);
        let sent = bytes(&request);
        let head = 60 + length;
        assert_eq!(seen.payload[..head], sent[..head], "received, verbatim");
        let mut ours = answer[..60].to_vec();
        ours[56..58].fill(0); // the checksum is not known yet
        assert_eq!(seen.payload[head..head + 60], ours, "sent, and 532 is the true length");
        assert_eq!(seen.payload[head + 60..head + 360], [0xa1; 300]);
        assert!(seen.payload[head + 360..].iter().all(|byte| *byte == 0xab));
        let report = Report::parse(&seen.payload).unwrap();
        assert_eq!(report.received.tcp().unwrap().payload_length, 300);
        assert_eq!(report.sent.tcp().unwrap().header.seq(), ACK);
    }
}

#[test]
fn side_channels_are_the_same_in_ipv6() {
    let stamp = [2, 4, 2, 0, 8, 10, 0, 0xcf, 0x19, 0x74, 0, 0, 0, 0, 4, 2, 3, 3, 2, 1];
    let echo = [8, 10, 0, 0xcf, 0x19, 0x74, 0x80, 0, 0x12, 0x34, 1, 1];
    let capable = [30, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
    let cases: [(&[u8], &[u8]); 6] = [
        (&stamp, b""),
        (&echo, b""),
        (&capable, b""),
        (&capable, b"\xaa\xaa"),
        (&capable, &[0xa1; 128]),
        (&stamp, &[0xc2; 512]),
    ];
    for (options, payload) in cases {
        let answer = |addresses| {
            let request = Draft { options, payload: Payload::Bytes(payload), ..draft(addresses) };
            see(&one(send(&mut classic(), 0, &request)))
        };
        let (four, six) = (answer(V4), answer(V6));
        assert_eq!((four.window, four.ack, four.options), (six.window, six.ack, six.options));
        assert_eq!(four.payload.is_empty(), six.payload.is_empty());
        if payload.len() == 512 {
            assert_eq!((four.payload.len(), six.payload.len()), (512, 512));
        }
    }
}

#[test]
fn a_syn_longer_than_a_slot_gets_a_report_that_fits() {
    for addresses in [V4, V6] {
        let payload = [0xa1; 2000];
        let request = Draft { payload: Payload::Bytes(&payload), ..draft(addresses) };
        let answer = one(send(&mut classic(), 0, &request));
        assert_eq!(answer.len(), 1500);
        assert!(Report::parse(&see(&answer).payload).is_some());
    }
}

#[test]
fn an_odd_report_is_sent_as_well() {
    let request = Draft { payload: Payload::Bytes(&[0xa1; 301]), ..draft(V4) };
    let seen = see(&one(send(&mut classic(), 0, &request)));
    assert_eq!(seen.payload.len(), 301);
}

#[test]
fn http_dressing() {
    let post = b"POST /hoge.cgi HTTP/1.1\r\nHost: a\r\n\r\n";
    let report = |body: &[u8]| {
        let payload = [&post[..], body].concat();
        see(&one(send(&mut classic(), 0, &data(V6, ACK, &payload))))
    };
    let seen = report(&[0xa1; 50]);
    assert!(seen.payload.starts_with(b"HTTP/1.1 200 OK\r\n"));
    assert_eq!(seen.payload.len(), 512);
    let parsed = Report::parse(&seen.payload).unwrap();
    assert!(parsed.http);
    assert_eq!(parsed.copy[..51], [&[0xa1; 50][..], &[0xab]].concat());
    assert_eq!(report(b"\x99\x99").payload, b"", "a plain ACK is never dressed");
    assert_eq!(report(b"").payload, b"");
    let forced = see(&one(send(&mut classic(), 0, &data(V6, ACK, &[0xa3; 50]))));
    assert!(forced.payload.starts_with(b"HTTP/1.1 200 OK\r\n"));
}

/// Breaks a packet.
type Break = fn(&mut Vec<u8>);

#[test]
fn malformed_packets_and_fragments_get_no_answer() {
    let whole = bytes(&data(V4, ACK, &[0xa1; 40]));
    let mut responder = classic();
    let broken: [(&str, Break); 7] = [
        ("cut short", |b| b.truncate(60)),
        ("cut in the TCP header", |b| b.truncate(30)),
        ("data offset 4", |b| b[32] = 0x40),
        ("data offset beyond the end", |b| {
            b[32] = 0xf0;
            b.truncate(50);
        }),
        ("total length 39", |b| b[3] = 39),
        ("more fragments", |b| b[6] = 0x20),
        ("from a multicast address", |b| b[12] = 224),
    ];
    for (name, breaks) in broken {
        let mut packet = whole.clone();
        breaks(&mut packet);
        assert_eq!(ask_bytes(&mut responder, 0, &packet), [[0_u8; 0]; 0], "{name}");
    }
    assert_eq!(responder.counters().malformed, 7);
    // A second and later fragment has no ports, so that nobody can say that it is for us.
    let mut later = whole.clone();
    later[7] = 5;
    assert!(ask_bytes(&mut responder, 0, &later).is_empty());
    assert_eq!(responder.counters().received, 7);
    // Padding of the link behind the declared end is not part of the packet.
    let padded = [&whole[..], &[0; 20]].concat();
    let answer = one(ask_bytes(&mut responder, 0, &padded));
    assert_eq!(answer, one(ask_bytes(&mut responder, 0, &whole)));
    assert_eq!(Packet::from_ip(&answer).fault, None);
}

#[test]
fn a_fragment_of_ipv6_gets_no_answer_and_an_atomic_one_does() {
    for (offset_and_more, answers) in [(0_u8, 1), (1, 0)] {
        let fragment = [6, 0, 0, offset_and_more, 1, 2, 3, 4];
        let base = data(V6, ACK, b"data");
        let Network::V6(header) = base.network else { unreachable!() };
        let request = Draft {
            network: Network::V6(Ipv6 { next_header: 44, extensions: &fragment, ..header }),
            ..base
        };
        assert_eq!(send(&mut classic(), 0, &request).len(), answers);
    }
}
