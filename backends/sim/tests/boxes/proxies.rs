//! Boxes at which connections end, or seem to.

use tcpexposure_core::{
    craft::{Draft, Payload},
    wire::{
        options::{Options, kind},
        packet::Packet,
        tcp::{Flags, Seq},
    },
};
use tcpexposure_sim::Direction::{self, Inbound, Outbound};

use crate::bench::{Bench, UNKNOWN, ack, both, data, syn, syn_ack};

/// A segment that left a box, in short.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    direction: Direction,
    flags: Flags,
    seq: u32,
    ack: u32,
    payload: Vec<u8>,
    options: Vec<u8>,
}

impl Seen {
    fn has(&self, kind: u8) -> bool {
        Options::new(&self.options).find(kind).is_some()
    }
}

fn give(bench: &mut Bench, direction: Direction, draft: Draft<'_>) -> Vec<Seen> {
    let packet = bench.write(direction, &draft);
    let left = bench.raw(direction, packet);
    let seen = left.iter().map(|(direction, bytes)| {
        let packet = Packet::from_ip(bytes);
        assert_eq!(packet.checksum_ok(), Some(true));
        let network = Draft::of(&packet).unwrap().network;
        let (from, to) =
            (bench.network(*direction).source(), bench.network(*direction).destination());
        assert_eq!((network.source(), network.destination()), (from, to));
        let segment = packet.tcp().unwrap();
        Seen {
            direction: *direction,
            flags: segment.header.flags(),
            seq: segment.header.seq().0,
            ack: segment.header.ack().0,
            payload: segment.payload.to_vec(),
            options: segment.options.bytes().to_vec(),
        }
    });
    seen.collect()
}

/// Opens a connection through a proxy; tells its own numbers towards the initiator and the host.
fn connect(bench: &mut Bench, options: &[u8], opens: bool) -> (u32, u32) {
    let [answer] = &give(bench, Outbound, syn(options, b"ignored"))[..] else { panic!() };
    assert_eq!(answer.direction, Inbound);
    assert_eq!(answer.flags, Flags::SYN.with(Flags::ACK));
    assert_eq!(answer.ack, 1001);
    assert!(answer.payload.is_empty() && !answer.has(253));
    let near = answer.seq.wrapping_add(1);
    let opened = give(bench, Outbound, ack(1001, near, &[], b""));
    if !opens {
        assert!(opened.is_empty());
        return (near, 0);
    }
    let [own] = &opened[..] else { panic!() };
    assert_eq!((own.direction, own.flags, own.ack), (Outbound, Flags::SYN, 0));
    assert!(!own.has(253));
    (near, own.seq.wrapping_add(1))
}

/// Lets the host answer the proxy's SYN.
fn answer(bench: &mut Bench, far: u32, options: &[u8]) -> Vec<Seen> {
    give(bench, Inbound, Draft { ack: Seq(far), ..syn_ack(options, b"") })
}

#[test]
fn a_split_connection() {
    for (name, stamps) in [("split-tcp", true), ("split-tcp-plain", false)] {
        both(name, |bench| {
            let (near, far) = connect(bench, UNKNOWN, true);
            let ready = answer(bench, far, &[2, 4, 0, 100]);
            assert_eq!(ready.len(), 1);
            assert_eq!((ready[0].flags, ready[0].ack), (Flags::ACK, 5001));
            let left = give(bench, Outbound, ack(1001, near, UNKNOWN, &[7; 150]));
            let short = left.iter().map(|seen| (seen.direction, seen.seq, seen.payload.len()));
            let expected =
                [(Inbound, near, 0), (Outbound, far, 100), (Outbound, far.wrapping_add(100), 50)];
            assert_eq!(short.collect::<Vec<_>>(), expected);
            assert_eq!(left[0].ack, 1151);
            assert!(left.iter().all(|seen| seen.options.is_empty()));
            // Old data is acknowledged and ignored, and so is what comes after a hole, until it fits.
            let old = give(bench, Outbound, ack(1001, near, &[], &[8; 200]));
            assert_eq!((old.len(), old[0].ack), (1, 1151));
            let ahead = give(bench, Outbound, ack(1161, near, &[], b"ahead"));
            assert_eq!((ahead.len(), ahead[0].ack), (1, 1151));
            let filled = give(bench, Outbound, ack(1151, near, &[], b"0123456789"));
            assert_eq!(filled[0].ack, 1166);
            assert_eq!(filled[1].payload, b"0123456789ahead");
            // An acknowledgement of what was never sent is answered, and its data not taken.
            let unsent = give(bench, Outbound, ack(1166, near.wrapping_add(9), &[], b"x"));
            assert_eq!((unsent.len(), unsent[0].seq, unsent[0].ack), (1, near, 1166));
            let back = give(bench, Inbound, ack(5001, far, &[], b"answer"));
            assert_eq!((back[0].direction, back[0].ack), (Outbound, 5007));
            assert_eq!((back[1].direction, back[1].seq), (Inbound, near));
            assert_eq!(back[1].payload, b"answer");
            let fin = Draft { flags: Flags::FIN.with(Flags::ACK), ..ack(1166, near, &[], b"") };
            let ended = give(bench, Outbound, fin);
            assert_eq!(ended[0].ack, 1167);
            assert!(ended[1].direction == Outbound && ended[1].flags.contains(Flags::FIN));
            assert!(!stamps || !ended[1].has(kind::TIMESTAMPS));
        });
    }
}

#[test]
fn a_split_connection_with_timestamps() {
    let stamps = [8, 10, 0, 0, 0, 100, 0, 0, 0, 0, 1, 1];
    both("split-tcp", |bench| {
        let (near, far) = connect(bench, &stamps, true);
        answer(bench, far, &[8, 10, 0, 0, 9, 9, 0, 0, 0, 0, 1, 1]);
        let left = give(bench, Outbound, ack(1001, near, &stamps, b"x"));
        assert_eq!(left[0].options[8..], [0, 0, 0, 100]);
        assert_eq!(left[1].options[8..], [0, 0, 9, 9]);
    });
    both("split-tcp-plain", |bench| {
        let (near, far) = connect(bench, &stamps, true);
        answer(bench, far, &stamps);
        let left = give(bench, Outbound, ack(1001, near, &stamps, b"x"));
        assert!(left.iter().all(|seen| seen.options.is_empty()));
    });
}

#[test]
fn data_waits_for_the_host() {
    both("split-tcp", |bench| {
        let (near, far) = connect(bench, &[], true);
        let early = give(bench, Outbound, ack(1001, near, &[], b"early"));
        assert_eq!(early.len(), 1);
        let left = answer(bench, far, &[]);
        assert_eq!(left[1].payload, b"early");
        let rst = Draft { flags: Flags::RST, ..ack(5001, 0, &[], b"") };
        let reset = give(bench, Inbound, rst);
        assert!(reset.len() == 1 && reset[0].direction == Inbound);
        assert!(reset[0].flags.contains(Flags::RST));
        // Nothing is known of the connection any more.
        let unknown = give(bench, Outbound, ack(1006, near, &[], b"x"));
        assert!(unknown.len() == 1 && unknown[0].flags.contains(Flags::RST));
    });
}

#[test]
fn http_only() {
    both("http-proxy", |bench| {
        let (near, _) = connect(bench, &[], false);
        let reset = give(bench, Outbound, ack(1001, near, &[], b"\xa1\xa1"));
        let [reset] = &reset[..] else { panic!("{reset:?}") };
        assert_eq!(reset.direction, Inbound);
        assert_eq!(reset.flags, Flags::RST.with(Flags::ACK));
        let (near, _) = connect(bench, &[], false);
        let left = give(bench, Outbound, ack(1001, near, &[], b"GET / HTTP/1.1\r\n"));
        assert_eq!((left.len(), left[1].flags), (2, Flags::ACK));
        assert_eq!(left[0].flags, Flags::SYN);
        let far = left[0].seq.wrapping_add(1);
        let passed = answer(bench, far, &[]);
        assert_eq!(passed[1].payload, b"GET / HTTP/1.1\r\n");
    });
}

#[test]
fn a_syn_proxy_shifts_the_host() {
    both("syn-proxy", |bench| {
        let options = [2, 4, 2, 0, 253, 4, 1, 2, 8, 10, 0, 0, 0, 100, 0, 0, 0, 0, 1, 1];
        let left = give(bench, Outbound, syn(&options, b"ignored"));
        let [answer] = &left[..] else { panic!("{left:?}") };
        let cookie = answer.seq;
        assert_eq!((answer.direction, answer.ack), (Inbound, 1001));
        assert!(
            answer.has(kind::TIMESTAMPS) && !answer.has(253) && !answer.has(kind::WINDOW_SCALE)
        );
        bench.drops(Outbound, ack(1001, 77, &[], b""));
        let third = ack(1001, cookie.wrapping_add(1), &[], b"");
        let left = give(bench, Outbound, third);
        let [own] = &left[..] else { panic!("{left:?}") };
        assert_eq!((own.direction, own.flags, own.seq), (Outbound, Flags::SYN, 1000));
        assert_eq!(own.ack, cookie);
        let opened = give(bench, Inbound, syn_ack(&[8, 10, 0, 0, 9, 9, 0, 0, 0, 100, 1, 1], b""));
        let short = opened.iter().map(|seen| (seen.direction, seen.flags, seen.seq, seen.ack));
        let expected = [
            (Outbound, Flags::ACK, 1001, 5001),
            (Inbound, Flags::ACK, cookie.wrapping_add(1), 1001),
        ];
        assert_eq!(short.collect::<Vec<_>>(), expected);
        let box_clock = &opened[1].options[4..8];
        // Data passes both ways, unknown options and all, in the numbers of the other side.
        let left = give(bench, Outbound, ack(1001, cookie.wrapping_add(1), UNKNOWN, b"data"));
        assert_eq!((left[0].seq, left[0].ack), (1001, 5001));
        assert_eq!(left[0].options, UNKNOWN);
        let stamped = [8, 10, 0, 0, 9, 9, 0, 0, 0, 100, 1, 1];
        let left = give(bench, Inbound, ack(5001, 1005, &stamped, b"back"));
        assert_eq!((left[0].seq, left[0].ack), (cookie.wrapping_add(1), 1005));
        assert_eq!(&left[0].options[2..6], box_clock);
        assert_eq!(left[0].payload, b"back");
        bench.drops(Outbound, Draft { source_port: 9, destination_port: 9, ..data(1, b"x") });
        let bad = tcpexposure_core::craft::Checksum::Bad;
        bench.drops(Outbound, Draft { checksum: bad, ..data(1001, b"x") });
        let sack = [1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 2];
        let left = give(bench, Outbound, ack(1005, cookie, &sack, b""));
        let shifted = 5000_u32.wrapping_sub(cookie).wrapping_add(1).to_be_bytes();
        assert_eq!(left[0].options[4..8], shifted);
        let reset = Draft { flags: Flags::RST, payload: Payload::default(), ..data(1005, b"") };
        assert_eq!(give(bench, Outbound, reset)[0].seq, 1005);
    });
}
