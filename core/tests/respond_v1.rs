//! Version 1 of the conversation with the modern responder.

mod respond_peer;

use respond_peer::{Seen, V4, V6, data, draft, modern, one, see, send};
use tcpexposure_core::{
    craft::{Checksum as Sum, Draft, Ipv4, Network, Payload},
    respond::{
        Responder,
        report::transform,
        v1::{
            ACCOUNT, Account, Checksum, HOLE, Mode, Order, Report, Told, Wrap, filler,
            payload_hash, twist,
        },
    },
    wire::{
        packet::{self, Offload, Packet, Start},
        tcp::{Flags, Seq},
    },
};

const NONCE: u64 = 0x1122_3344_5566_7788;

fn shake(responder: &mut Responder, addresses: (&str, &str)) -> Seq {
    Seq(see(&one(send(responder, 0, &draft(addresses)))).seq).add(1)
}

fn payload(order: &Order<'_>) -> Vec<u8> {
    let mut bytes = vec![0; Order::MAX_LENGTH];
    let length = order.write(&mut bytes).unwrap();
    bytes.truncate(length);
    bytes
}

/// Shakes hands, sends one segment with the order, and gives the answers.
fn ask(addresses: (&str, &str), order: &Order<'_>) -> Vec<Vec<u8>> {
    let mut responder = modern();
    let ack = shake(&mut responder, addresses);
    send(&mut responder, 0, &data(addresses, ack, &payload(order)))
}

fn order(mode: Mode) -> Order<'static> {
    Order { mode, nonce: NONCE, ..Order::default() }
}

#[test]
fn an_order_is_what_it_was_wherever_it_stands() {
    for mode in Mode::ALL {
        for wrap in Wrap::ALL {
            let order = Order {
                mode,
                wrap,
                nonce: NONCE,
                flags: Flags::AE.with(Flags::RESERVED),
                urgent: 7,
                traffic_class: 3,
                hops: 9,
                room: 1000,
                options: &[253, 4, 1, 2],
            };
            let bytes = payload(&order);
            assert_eq!(Order::find(&bytes), Some(order));
            assert_eq!(Order::find(&[b"GET / HTTP/1.1\r\n\r\n", &bytes[..]].concat()), Some(order));
            assert_eq!(Order::find(&bytes[..bytes.len() - 1]), None, "cut");
        }
    }
    let mut bytes = payload(&order(Mode::Plain));
    for (at, wrong) in [(4, 2), (5, 8), (6, 3), (7, 41), (7, 1)] {
        let right = std::mem::replace(&mut bytes[at], wrong);
        assert_eq!(Order::find(&bytes), None, "{wrong} at {at}");
        bytes[at] = right;
    }
    assert!(Order { options: &[1; 41], ..Order::default() }.write(&mut [0; 99]).is_none());
    assert!(Order::default().write(&mut [0; 23]).is_none());
}

#[test]
fn a_report_holds_what_arrived_and_what_is_sent() {
    for addresses in [V4, V6] {
        let mut responder = modern();
        let ack = shake(&mut responder, addresses);
        let text = [b"POST /x HTTP/1.1\r\n\r\n", &payload(&order(Mode::Plain))[..]].concat();
        let request = Draft {
            options: &[254, 4, 7, 7, 1, 1, 1, 1],
            flags: Flags::ACK.with(Flags::PSH).with(Flags::AE),
            urgent: 9,
            ..data(addresses, ack, &text)
        };
        let bytes = respond_peer::bytes(&request);
        let answer = one(send(&mut responder, 0, &request));
        let seen = see(&answer);
        let report = Report::find(&seen.payload, NONCE).unwrap();
        assert!(report.sealed && !report.merged && report.filler.is_empty());
        assert_eq!((report.mode, report.checksum), (Mode::Plain, Checksum::Right));
        assert_eq!(usize::from(report.length), text.len());
        assert_eq!(report.hash, payload_hash(NONCE, &text));
        let headers = bytes.len() - text.len();
        assert_eq!(report.received.bytes, &bytes[..headers], "byte for byte");
        let sent = report.sent.tcp().unwrap();
        assert_eq!(sent.header.seq(), Seq(seen.seq));
        assert_eq!(sent.options.bytes(), seen.options);
        assert_eq!(seen.options[..4], [&[254, 4][..], &transformed(254, &[7, 7])].concat());
        assert!(Report::find(&seen.payload, NONCE + 1).is_none(), "of another order");
        assert!(Report::find(&text, NONCE).is_none(), "an order that comes back is no report");
    }
}

fn transformed(kind: u8, data: &[u8]) -> Vec<u8> {
    transform(kind, data).collect()
}

#[test]
fn a_seal_tells_of_every_change() {
    let seen = see(&one(ask(V4, &order(Mode::Plain))));
    for at in 0..seen.payload.len() {
        let mut changed = seen.payload.clone();
        changed[at] ^= 0x20;
        let report = Report::find(&changed, NONCE);
        assert!(report.is_none_or(|report| !report.sealed), "byte {at}");
    }
}

#[test]
fn an_answer_is_cut_as_it_was_ordered() {
    for addresses in [V4, V6] {
        let room = |mode| Order { room: 700, ..order(mode) };
        let answers = |mode| -> Vec<Seen> {
            ask(addresses, &room(mode)).iter().map(|bytes| see(bytes)).collect()
        };
        let plain = answers(Mode::Plain).remove(0);
        assert_eq!(plain.payload.len(), 700);
        let (seq, whole) = (Seq(plain.seq), plain.payload.clone());
        let report = Report::find(&whole, NONCE).unwrap();
        for (index, byte) in report.filler.iter().enumerate() {
            assert_eq!(*byte, filler(NONCE, index));
        }
        // The mode stands in the report, so that each has a seal of its own.
        let parts = |mode| -> Vec<(u32, usize)> {
            let all = answers(mode);
            assert!(all.iter().all(|seen| seen.ack == plain.ack && seen.options == plain.options));
            all.iter().map(|seen| (Seq(seen.seq).since(seq), seen.payload.len())).collect()
        };
        assert_eq!(parts(Mode::Split), [(0, 350), (350, 350)]);
        assert_eq!(parts(Mode::Reordered), [(350, 350), (0, 350)]);
        assert_eq!(parts(Mode::Burst), [(0, 233), (233, 233), (466, 234)]);
        assert_eq!(parts(Mode::Hole), [(HOLE, 700)]);
        assert_eq!(parts(Mode::Silent), [(0, 0)]);
        assert_eq!(parts(Mode::Finish), [(0, 700), (700, 0)]);
        assert!(answers(Mode::Finish)[1].flags.contains(Flags::FIN));
        assert_eq!(parts(Mode::Overlap), [(0, 700), (0, 700)]);
        let both = answers(Mode::Overlap);
        let other: Vec<u8> = both[0].payload.iter().map(|byte| twist(*byte)).collect();
        assert_eq!(both[1].payload, other);
    }
}

#[test]
fn headers_of_the_answer_are_as_ordered() {
    let wanted = Order {
        flags: Flags::RESERVED.with(Flags::URG).with(Flags::SYN).with(Flags::RST),
        urgent: 3,
        traffic_class: 0x2d,
        hops: 5,
        options: &[253, 6, 9, 9, 9, 9, 1, 1],
        ..order(Mode::Plain)
    };
    for addresses in [V4, V6] {
        let answer = one(ask(addresses, &wanted));
        let seen = see(&answer);
        assert_eq!(seen.flags, Flags::RESERVED.with(Flags::URG).with(Flags::ACK));
        assert_eq!(seen.options, wanted.options);
        let packet = Packet::from_ip(&answer);
        assert_eq!(packet.tcp().unwrap().header.urgent(), 3);
        let (class, hops) = match &packet.network {
            packet::Network::V4(datagram) => (datagram.header.tos(), datagram.header.ttl()),
            packet::Network::V6(datagram) => {
                (datagram.header.traffic_class(), datagram.header.hop_limit())
            }
            packet::Network::None => panic!("no IP"),
        };
        assert_eq!((class, hops), (0x2d, 5));
    }
}

#[test]
fn answers_are_dressed() {
    let dressed = |wrap| {
        let order = Order { wrap, room: 600, ..order(Mode::Plain) };
        see(&one(ask(V4, &order))).payload
    };
    let http = dressed(Wrap::Http);
    let end = http.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let head = std::str::from_utf8(&http[..end]).unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains(&format!("Content-Length: {}\r\n", http.len() - end)), "{head}");
    let tls = dressed(Wrap::Tls);
    assert_eq!(tls[..3], [0x17, 3, 3]);
    assert_eq!(usize::from(u16::from_be_bytes([tls[3], tls[4]])), tls.len() - 5);
    for payload in [http, tls] {
        assert!(Report::find(&payload, NONCE).unwrap().sealed);
        assert!((590..=600).contains(&payload.len()), "{}", payload.len());
    }
}

#[test]
fn without_a_proven_handshake_there_is_no_report() {
    let mut responder = modern();
    for mode in Mode::ALL {
        let text = payload(&Order { room: 1400, ..order(mode) });
        let request = data(V4, Seq(5), &text);
        for answer in send(&mut responder, 0, &request) {
            assert!(see(&answer).payload.is_empty());
            assert!(answer.len() <= respond_peer::bytes(&request).len());
        }
    }
    assert_eq!(responder.counters().unproven, 8);
}

#[test]
fn a_wrong_checksum_is_told_to_the_proven_only() {
    let mut responder = modern();
    let ack = shake(&mut responder, V4);
    let text = payload(&order(Mode::Plain));
    let wrong = Draft { checksum: Sum::Bad, ..data(V4, ack, &text) };
    let seen = see(&one(send(&mut responder, 0, &wrong)));
    assert_eq!(Report::find(&seen.payload, NONCE).unwrap().checksum, Checksum::Wrong);
    let unproven = Draft { ack: Seq(1), ..wrong };
    assert!(send(&mut responder, 0, &unproven).is_empty());
    assert!(
        send(&mut responder, 0, &Draft { payload: Payload::Bytes(b"data"), ..wrong }).is_empty()
    );
    assert_eq!(responder.counters().bad_checksum, 2);
}

#[test]
fn a_merged_segment_is_told() {
    let mut responder = modern();
    let ack = shake(&mut responder, V4);
    let text = payload(&order(Mode::Plain));
    let bytes = respond_peer::bytes(&data(V4, ack, &text));
    let offload = Offload { segments: true, ..Offload::default() };
    let packet = Packet::parse(Start::Ip, &bytes, bytes.len(), offload);
    let seen = see(&one(respond_peer::ask(&mut responder, 0, &packet)));
    assert!(Report::find(&seen.payload, NONCE).unwrap().merged);
}

/// All twelve bits but SYN, ACK and RST, alone and with an ECN field.
#[test]
fn a_syn_ack_tells_flags_and_ecn_by_its_number() {
    for bit in [0, 0x001, 0x008, 0x020, 0x040, 0x080, 0x100, 0x200, 0x400, 0x800] {
        for ecn in 0..4 {
            let flags = Flags::SYN.with(Flags::from_bits(bit));
            let Network::V4(header) = draft(V4).network else { panic!("IPv4") };
            let network = Network::V4(Ipv4 { tos: ecn | 0xb8, ..header });
            let syn = Draft { flags, network, ..draft(V4) };
            let told = Told::of_seq(Seq(see(&send(&mut modern(), 0, &syn)[0]).seq));
            assert_eq!((told.flags(), told.ecn()), (flags, ecn), "{bit:x}");
        }
    }
}

#[test]
fn a_syn_ack_tells_the_rest_by_a_hash() {
    let told = |syn: &Draft<'_>| Told::of_seq(Seq(see(&one(send(&mut modern(), 0, syn))).seq));
    let plain = draft(V4);
    let shapes = [
        Draft { window: 1, ..plain },
        Draft { window: 2, ..plain },
        Draft { urgent: 1, ..plain },
        Draft { ack: Seq(1), ..plain },
        Draft { options: &[2, 4, 5, 0xb4], ..plain },
        Draft { options: &[2, 4, 5, 0xb5], ..plain },
        Draft { options: &[1, 1, 1, 1], ..plain },
        Draft { payload: Payload::Bytes(b"payload"), ..plain },
    ];
    let all: std::collections::HashSet<_> = shapes.iter().map(told).collect();
    assert!(all.len() >= 6, "one in 32 may be alike: {all:?}");
    assert_eq!(told(&plain), told(&Draft { seq: Seq(9), source_port: 5, ..plain }));
}

#[test]
fn accurate_ecn_tells_the_field_of_the_syn() {
    let told = |flags: Flags, ecn| {
        let Network::V4(header) = draft(V4).network else { panic!("IPv4") };
        let network = Network::V4(Ipv4 { tos: ecn, ..header });
        let seen = see(&one(send(&mut modern(), 0, &Draft { flags, network, ..draft(V4) })));
        seen.flags.without(Flags::SYN.with(Flags::ACK))
    };
    let (ae, cwr, ece) = (Flags::AE, Flags::CWR, Flags::ECE);
    let accurate = Flags::SYN.with(ae).with(cwr).with(ece);
    // RFC 9768, table 2: Not-ECT, ECT(1), ECT(0), CE.
    assert_eq!(told(accurate, 0), cwr);
    assert_eq!(told(accurate, 1), cwr.with(ece));
    assert_eq!(told(accurate, 2), ae);
    assert_eq!(told(accurate, 3), ae.with(cwr));
    assert_eq!(told(Flags::SYN.with(cwr).with(ece), 0), ece, "RFC 3168");
    for other in [ae, cwr, ece, ae.with(cwr), ae.with(ece)] {
        assert_eq!(told(Flags::SYN.with(other), 3), Flags::NONE);
    }
}

#[test]
fn an_account_is_as_long_as_its_request() {
    for length in 4..=38_u8 {
        let mut option = vec![0; usize::from(length) + 2];
        option[..5].copy_from_slice(&[ACCOUNT, length + 2, b't', b'c', Account::ASKS]);
        let options = [&[2, 4, 5, 0xb4][..], &option].concat();
        let options = if options.len() > 40 { option } else { options };
        let syn = Draft { options: &options, window: 777, urgent: 3, ..draft(V4) };
        let bytes = respond_peer::bytes(&syn);
        let answer = one(send(&mut modern(), 0, &syn));
        assert!(answer.len() <= bytes.len(), "{length}");
        let seen = see(&answer);
        let packet = Packet::from_ip(&answer);
        let account = packet.tcp().unwrap().options.iter().find_map(|item| match item {
            tcpexposure_core::wire::options::Item::Option { kind, data } => {
                Account::parse(kind, data)
            }
            _ => None,
        });
        assert_eq!(account.is_some(), usize::from(length) >= Account::LENGTH, "{seen:?}");
        if let Some(account) = account {
            let padded = Packet::from_ip(&bytes).tcp().unwrap().options.bytes().to_vec();
            let mss = if options[0] == 2 { 1460 } else { 0 };
            let expected = Account {
                flags: Flags::SYN,
                options: Account::hash(&padded),
                traffic_class: 0,
                window: 777,
                mss,
                urgent: 3,
                length: 0,
                hops: 64,
                scale: 255,
            };
            assert_eq!(account, expected);
        }
    }
}

#[test]
fn a_pure_acknowledgement_is_answered_only_if_it_asks_for_an_account() {
    let mut responder = modern();
    let ack = shake(&mut responder, V6);
    let mut options = vec![ACCOUNT, 20, b't', b'c', Account::ASKS];
    options.resize(20, 0);
    let request = Draft { options: &options, ..data(V6, ack, &[]) };
    let answer = one(send(&mut responder, 0, &request));
    let seen = see(&answer);
    assert_eq!((seen.flags, seen.payload.len()), (Flags::ACK, 0));
    assert!(Account::parse(ACCOUNT, &seen.options[2..]).is_some());
    // The answer, sent back, asks for nothing: two responders do not answer each other.
    let back = Draft { options: &seen.options, ..data(V6, ack, &[]) };
    assert!(send(&mut responder, 0, &back).is_empty());
    assert!(send(&mut responder, 0, &data(V6, ack, &[])).is_empty());
}
