//! The modern dialect: what it tells, and whom.

mod respond_peer;

use std::time::Duration;

use respond_peer::{
    PORT, Seen, V4, V6, ask, ask_bytes, bytes, data, draft, modern, one, see, send,
};
use tcpexposure_core::{
    craft::{Checksum, Draft, Network, Payload},
    respond::{
        Config, Ports, Responder,
        rate::Rate,
        report::{Report, transform},
        siphash::Key,
    },
    wire::{
        packet::{Checksummed, Offload, Packet, Start},
        tcp::{Flags, Seq},
    },
};

const FIN_ACK: Flags = Flags::FIN.with(Flags::ACK);
const EPOCH: u64 = 1 << 38;

/// Shakes hands at `now`, and tells the number to acknowledge.
fn shake(responder: &mut Responder, now: u64, addresses: (&str, &str)) -> Seq {
    let seen = see(&one(send(responder, now, &draft(addresses))));
    Seq(seen.seq).add(1)
}

fn syn(options: &[u8], payload: &[u8]) -> Seen {
    let request = Draft { options, payload: Payload::Bytes(payload), ..draft(V4) };
    see(&one(send(&mut modern(), 0, &request)))
}

#[test]
fn a_bare_syn_gets_a_bare_syn_ack() {
    let seen = syn(&[], &[]);
    assert_eq!(seen.flags, Flags::SYN.with(Flags::ACK));
    assert_eq!((seen.ack, seen.window), (252_002, 32768));
    assert_eq!((seen.options, seen.payload), (vec![], vec![]));
}

#[test]
fn a_syn_ack_offers_what_the_syn_offers_in_its_order() {
    let seen = syn(&[4, 2, 3, 3, 7, 2, 4, 5, 0xb4, 1, 1, 1], &[]);
    assert_eq!(seen.options, [4, 2, 3, 3, 6, 2, 4, 2, 0, 1, 1, 1]);
    assert_eq!(syn(&[4, 2, 1, 1], &[]).options, [4, 2, 1, 1]);
    let wrong = [2, 3, 0, 3, 2, 4, 3, 0, 8, 4, 1, 1];
    assert_eq!(syn(&wrong, &[]).options, [], "known kinds of a wrong length");
    assert_eq!(syn(&wrong, &[]).window, 32768);
}

#[test]
fn only_a_syn_ack_makes_an_offer() {
    let options = [2, 4, 5, 0xb4, 3, 3, 7, 4, 2, 5, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1];
    for flags in [Flags::ACK, FIN_ACK] {
        let request = Draft { flags, options: &options, ..data(V4, Seq(1), b"data") };
        let seen = see(&one(send(&mut modern(), 0, &request)));
        assert_eq!((seen.options, seen.window), (vec![], 32768));
    }
}

#[test]
fn unknown_options_are_transformed_and_never_copied() {
    for (kind, data) in [
        (253, &[0xf9, 0x89, 1, 2][..]),
        (114, &[0; 10]),
        (30, &[0x81, 0]),
        (34, &[7; 8]),
        (69, &[1]),
        (31, &[0xff; 36]),
    ] {
        let length = u8::try_from(data.len() + 2).unwrap();
        let option = [&[kind, length][..], data].concat();
        let mut expected = vec![kind, length];
        expected.extend(transform(kind, data));
        let seen = syn(&option, &[]);
        assert_eq!(seen.options[..option.len()], expected);
        assert!(seen.options[option.len()..].iter().all(|byte| *byte == 1));
        assert_ne!(seen.options[2..option.len()], *data);
        assert_eq!(seen.window, 32766);
        let segment = Draft { options: &option, ..respond_peer::data(V4, Seq(77), b"x") };
        let seen = see(&one(send(&mut modern(), 0, &segment)));
        assert_eq!(seen.options[..option.len()], expected, "on data too");
        assert_eq!(seen.window, 32768);
    }
}

#[test]
fn an_option_without_content_is_told_by_the_side_channel_only() {
    let offer = [2, 4, 5, 0xb4, 3, 3, 7, 34, 2, 1, 1, 1];
    let seen = syn(&offer, &[]);
    assert_eq!(seen.options, [2, 4, 1, 0xfe, 3, 3, 4, 1]);
    assert_eq!(seen.window, 32766);
}

/// The options and payload of a SYN, by how much it lowers numbers, and the window scale left.
type Lowered<'a> = (&'a [&'a [u8]], &'a [u8], u16, u8);

#[test]
fn side_channels_add_up() {
    let offer = [2, 4, 5, 0xb4, 3, 3, 7, 1];
    let unknown = [253, 4, 9, 9];
    let expected = [8, 10, 0, 0, 0, 1, 0xff, 0xff, 0, 0, 1, 1];
    let other = [8, 10, 0, 0, 0, 1, 0, 0, 0, 9, 1, 1];
    let cases: [Lowered<'_>; 7] = [
        (&[&offer], b"", 0, 6),
        (&[&offer], b"d", 1, 5),
        (&[&offer, &unknown], b"", 2, 4),
        (&[&offer, &expected], b"", 2, 4),
        (&[&offer, &other], b"", 4, 2),
        (&[&offer, &unknown, &other], b"", 6, 0),
        (&[&offer, &unknown, &other], b"d", 7, 0),
    ];
    for (options, payload, lowered, scale) in cases {
        let seen = syn(&options.concat(), payload);
        assert_eq!(seen.window, 32768 - lowered);
        assert_eq!(seen.options[2..4], (512 - lowered).to_be_bytes());
        assert_eq!(seen.options[6], scale);
    }
}

#[test]
fn timestamps_run_by_milliseconds_from_a_start_of_the_connection() {
    let stamp = [8, 10, 0, 0, 0, 5, 0, 0, 0, 0, 1, 1];
    let mut responder = modern();
    let mut clock = |port: u16, now: u64, flags: Flags| {
        let request =
            Draft { source_port: port, flags, options: &stamp, ..data(V4, Seq(1), b"data") };
        let seen = see(&one(send(&mut responder, now, &request)));
        assert_eq!(seen.options[..2], [8, 10]);
        assert_eq!(seen.options[6..], [0, 0, 0, 5, 1, 1]);
        u32::from_be_bytes(seen.options[2..6].try_into().unwrap())
    };
    let start = clock(1000, 0, Flags::SYN);
    assert_eq!(clock(1000, 999_999, Flags::ACK), start);
    assert_eq!(clock(1000, 5_000_000, Flags::ACK), start.wrapping_add(5));
    // 2^32 ms later it has wrapped.
    assert_eq!(clock(1000, 4_294_967_296_000_000, Flags::ACK), start);
    assert_ne!(clock(1001, 0, Flags::SYN), start);
}

#[test]
fn a_timestamp_echo_on_a_syn_comes_back_transformed() {
    let seen = syn(&[8, 10, 0, 0, 0, 5, 0x80, 0, 0x12, 0x34, 1, 1], &[]);
    let expected: Vec<_> = transform(8, &[0x80, 0, 0x12, 0x34]).collect();
    assert_eq!(seen.options[2..6], expected);
    assert_eq!(seen.options[6..10], [0, 0, 0, 5]);
}

#[test]
fn the_handshake_proves_for_this_epoch_and_the_next() {
    for addresses in [V4, V6] {
        let mut responder = modern();
        let begun = 7 * EPOCH + 1;
        let ack = shake(&mut responder, begun, addresses);
        let mut length = |now: u64, ack: Seq| {
            let request = data(addresses, ack, &[0xa1; 20]);
            let seen = see(&one(send(&mut responder, now, &request)));
            assert_eq!((seen.seq, seen.ack), (ack.0, 252_022));
            seen.payload.len()
        };
        assert_eq!(length(begun, ack), 512);
        assert_eq!(length(begun, ack.add(32_767)), 512, "a hole in the acknowledgements");
        // What lies below the upper half of the ISN is no secret, and proves nothing.
        let upper = Seq(ack.sub(1).0 & 0xffff_0000);
        assert_eq!(length(begun, upper.add(65_536 + 32_767)), 512);
        assert_eq!(length(begun, upper.add(65_536 + 32_768)), 0, "too far");
        assert_eq!(length(begun, upper), 0, "the upper half itself");
        assert_eq!(length(begun, Seq(0)), 0);
        assert_eq!(length(8 * EPOCH - 1, ack), 512);
        assert_eq!(length(8 * EPOCH, ack), 512);
        assert_eq!(length(9 * EPOCH - 1, ack), 512);
        assert_eq!(length(9 * EPOCH, ack), 0, "over");
        assert_eq!(length(6 * EPOCH, ack), 0, "not yet");
        assert_eq!(responder.counters().unproven, 5);
    }
}

#[test]
fn numbers_differ_by_key_connection_and_epoch_and_not_by_time() {
    let isn = |responder: &mut Responder, now: u64, port: u16, addresses| {
        let request = Draft { source_port: port, ..draft(addresses) };
        see(&one(send(responder, now, &request))).seq
    };
    let mut responder = modern();
    let first = isn(&mut responder, 0, 1000, V4);
    assert_eq!(isn(&mut responder, EPOCH - 1, 1000, V4), first, "again");
    let mut other = Responder::new(Config::modern(Ports::new(&[PORT]).unwrap(), Key::new([1; 16])));
    let others = [
        isn(&mut responder, EPOCH, 1000, V4),
        isn(&mut responder, 0, 1001, V4),
        isn(&mut responder, 0, 1000, V6),
        isn(&mut responder, 0, 1000, (V4.0, "198.51.100.3")),
        isn(&mut responder, 0, 1000, ("192.0.2.2", V4.1)),
        isn(&mut other, 0, 1000, V4),
    ];
    assert!(!others.contains(&first));
}

#[test]
fn without_ack_flag_nothing_is_proven() {
    let mut responder = modern();
    let ack = shake(&mut responder, 0, V4);
    for flags in [Flags::NONE, Flags::PSH, Flags::URG] {
        let request = Draft { flags, ..data(V4, ack, &[0xa1; 600]) };
        let seen = see(&one(send(&mut responder, 0, &request)));
        assert_eq!((seen.seq, seen.payload.len()), (ack.0, 0));
    }
}

#[test]
fn a_report_tells_the_true_headers() {
    for addresses in [V4, V6] {
        let mut responder = modern();
        let ack = shake(&mut responder, 0, addresses);
        let stamp = [8, 10, 0, 0, 0, 5, 0, 0, 0, 0, 253, 4, 7, 7, 1, 1];
        let request = Draft { options: &stamp, ..data(addresses, ack, &[0xa1; 33]) };
        let answer = one(send(&mut responder, 0, &request));
        assert_eq!(answer.len(), if addresses == V4 { 552 } else { 572 });
        let seen = see(&answer);
        let report = Report::parse(&seen.payload).unwrap();
        let sent = bytes(&request);
        assert_eq!(report.received.bytes, &sent[..sent.len() - 33]);
        let head = answer.len() - seen.payload.len();
        let mut ours = answer[..head].to_vec();
        ours[head - 16 - 4..head - 16 - 2].fill(0);
        let mut told = report.sent.bytes.to_vec();
        if addresses == V4 {
            ours[10..12].fill(0);
            told[10..12].fill(0);
        }
        assert_eq!(told, ours);
        assert_eq!(report.sent.tcp().unwrap().payload_length, seen.payload.len());
        assert_eq!(report.copy[..34], [&[0xa1; 33][..], &[0xab]].concat());
    }
}

#[test]
fn commands_keep_their_meaning() {
    let stamp = [8, 10, 0, 0, 0, 5, 0, 0, 0, 0, 1, 1];
    let mut responder = modern();
    let ack = shake(&mut responder, 0, V4);
    let mut answer = |options: &[u8], payload: &[u8]| {
        let request = Draft { options, ..data(V4, ack, payload) };
        see(&one(send(&mut responder, 0, &request)))
    };
    assert_eq!(answer(&stamp, &[0xa2; 8]).options[6..10], [0, 0, 0, 4]);
    assert_eq!(answer(&stamp, &[0xa2; 8]).payload.len(), 500);
    assert_eq!(answer(&[], &[0xa2; 8]).payload.len(), 512);
    assert!(answer(&[], &[0xa3; 8]).payload.starts_with(b"HTTP/1.1 200 OK"));
    assert_eq!(answer(&[], &[0xb2; 8]).ack, 252_002);
    assert_eq!(answer(&[], &[0xc2; 8]).payload.len(), 512);
    assert_eq!(answer(&[], &[0xc1; 8]).payload.len(), 0);
    assert_eq!(answer(&[], &[0x99; 8]).ack, 252_010);
    let page = answer(&[], b"GET /hoge.cgi HTTP/1.1\r\n\r\n").payload;
    assert_eq!(page.len(), 316);
    assert!(page.windows(9).any(|word| word == b"responder"));
    assert_eq!(answer(&[], b"GET / HTTP/1.1\r\n\r\n").payload.len(), 0);
    let unproven = data(V4, Seq(5), b"GET /hoge.cgi HTTP/1.1\r\n\r\n");
    assert_eq!(see(&one(send(&mut responder, 0, &unproven))).payload.len(), 0);
}

#[test]
fn the_data_of_a_syn() {
    let plain = syn(&[], &[0xaa; 100]);
    assert_eq!((plain.ack, plain.payload.len()), (252_002, 0));
    let acknowledged = syn(&[], &[0xc1; 100]);
    assert_eq!((acknowledged.ack, acknowledged.payload.len()), (252_102, 0));
    let both = syn(&[], &[0xc2; 600]);
    assert_eq!((both.ack, both.payload.len()), (252_602, 600));
    let report = syn(&[], &[0xa1; 512]);
    assert_eq!((report.ack, report.payload.len()), (252_002, 512));
    assert!(Report::parse(&report.payload).is_some());
    let cut = syn(&[], &[0xa1; 20]);
    assert_eq!(cut.payload.len(), 20, "no more than there was");
    assert_eq!(cut.payload[..2], [0x45, 0]);
}

#[test]
fn a_fin_counts_beside_its_data_and_is_answered_twice_only_if_proven() {
    let mut responder = modern();
    let ack = shake(&mut responder, 0, V4);
    let mut answers = |ack: Seq, payload: &[u8]| -> Vec<_> {
        let request = Draft { flags: FIN_ACK, ..data(V4, ack, payload) };
        let answers = send(&mut responder, 0, &request);
        let seen = answers.iter().map(|answer| see(answer));
        seen.map(|seen| (seen.flags, seen.ack)).collect()
    };
    assert_eq!(answers(ack, b""), [(Flags::ACK, 252_003), (FIN_ACK, 252_003)]);
    assert_eq!(answers(ack, b"four"), [(Flags::ACK, 252_007), (FIN_ACK, 252_007)]);
    assert_eq!(answers(Seq(9), b"four"), [(Flags::ACK, 252_007)]);
}

#[test]
fn some_segments_get_no_answer() {
    let mut responder = modern();
    let ack = shake(&mut responder, 0, V4);
    for flags in [
        Flags::ACK,
        Flags::NONE,
        Flags::RST,
        Flags::RST.with(Flags::ACK),
        Flags::SYN.with(Flags::ACK),
        Flags::SYN.with(Flags::RST),
    ] {
        let request = Draft { flags, ..data(V4, ack, b"") };
        assert!(send(&mut responder, 0, &request).is_empty(), "{flags:?}");
    }
    let mut last = draft(V4);
    if let Network::V4(header) = &mut last.network {
        header.ttl = 1;
    }
    assert_eq!(send(&mut responder, 0, &last).len(), 1, "the last hop counts here");
}

#[test]
fn a_wrong_checksum_is_counted_and_not_answered() {
    let mut responder = modern();
    let wrong = bytes(&Draft { checksum: Checksum::Bad, ..draft(V4) });
    let mut answers = |checksum| {
        let offload = Offload { checksum, segments: false };
        let packet = Packet::parse(Start::Ip, &wrong, wrong.len(), offload);
        ask(&mut responder, 0, &packet).len()
    };
    assert_eq!(answers(Checksummed::Unknown), 0);
    assert_eq!(answers(Checksummed::Valid), 1, "the kernel knows better");
    assert_eq!(answers(Checksummed::Partial), 1, "it is yet to be computed");
    assert_eq!(responder.counters().bad_checksum, 1);
}

#[test]
fn each_source_has_its_rate_and_a_proven_one_its_own() {
    let rate = Rate { per_second: 10, burst: 3 };
    let mut responder = Responder::new(Config {
        rate: Some(rate),
        ..Config::modern(Ports::new(&[PORT]).unwrap(), Key::new([3; 16]))
    });
    let ack = shake(&mut responder, 0, V4);
    let flood = |responder: &mut Responder, now, addresses| -> usize {
        let answers = (0..50).map(|_| send(responder, now, &draft(addresses)).len());
        answers.sum()
    };
    assert_eq!(flood(&mut responder, 0, V4), 2);
    assert_eq!(flood(&mut responder, 0, ("192.0.2.77", V4.1)), 3);
    assert_eq!(flood(&mut responder, 0, V6), 3);
    assert_eq!(flood(&mut responder, 0, ("2001:db8::77", V6.1)), 0, "the same /64");
    assert_eq!(flood(&mut responder, 0, ("2001:db8:0:1::1", V6.1)), 3);
    let report = one(send(&mut responder, 0, &data(V4, ack, &[0xa1; 8])));
    assert_eq!(report.len(), 552, "spoofed SYNs do not use up the share of the proven");
    let second = u64::try_from(Duration::from_secs(1).as_nanos()).unwrap();
    assert_eq!(flood(&mut responder, second, V4), 3);
    assert_eq!(responder.counters().refused, 48 + 47 + 47 + 50 + 47 + 47);
}

#[test]
fn the_ip_header_is_of_today() {
    let mut responder = modern();
    let mut ids: Vec<_> = (0..32_u64)
        .map(|now| {
            let answer = one(send(&mut responder, now, &draft(V4)));
            assert_eq!(answer[6..9], [0x40, 0, 64]);
            [answer[4], answer[5]]
        })
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert!(ids.len() > 28, "{ids:?}");
}

#[test]
fn padding_and_a_hidden_trailer_earn_nothing() {
    let mut responder = modern();
    let padded = [&bytes(&draft(V4))[..], &[0xa1; 500]].concat();
    assert_eq!(one(ask_bytes(&mut responder, 0, &padded)).len(), 40);
    assert_eq!(responder.counters().bytes_in, 40);
}
