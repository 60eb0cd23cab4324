//! Every box, with bytes that nobody should send.

use proptest::prelude::*;
use tcpexposure_core::time::Instant;
use tcpexposure_sim::{
    Direction::{self, Inbound, Outbound},
    Verdict, Visit, by_name, catalogue,
};

use crate::bench::{Bench, CLASSIC, STAMPS, UNKNOWN, both, data, syn, syn_ack};

/// Gives all packets to a fresh box of each row, and lets it act after each.
fn feed(packets: &[(Direction, Vec<u8>)]) {
    for row in catalogue() {
        let mut middlebox = row.make();
        let mut now = Instant::ZERO;
        for (direction, packet) in packets {
            let mut verdict = Verdict::default();
            let visit = Visit { now, direction: *direction, hop: 1 };
            middlebox.takes(packet);
            middlebox.pass(visit, packet.clone(), &mut verdict);
            if let Some(wake) = middlebox.wake() {
                now = wake;
                middlebox.tick(Visit { now, ..visit }, &mut verdict);
                assert_eq!(middlebox.wake(), None, "{} would hang a path", row.name);
            }
            let length = verdict.take().iter().map(|(_, packet)| packet.len()).sum::<usize>();
            assert!(length < 200_000, "{} floods the path", row.name);
        }
    }
}

/// Segments that are well-formed, and of one connection.
fn seeds() -> Vec<(Direction, Vec<u8>)> {
    let seeds = std::cell::RefCell::new(Vec::new());
    both("router", |bench| {
        for options in [UNKNOWN, CLASSIC, STAMPS, &[]] {
            let push = |direction, draft| {
                seeds.borrow_mut().push((direction, bench.write(direction, &draft)));
            };
            push(Outbound, syn(options, b""));
            push(Outbound, syn(options, b"data"));
            push(Inbound, syn_ack(options, b""));
            push(Outbound, tcpexposure_core::craft::Draft { options, ..data(1001, &[0xa1; 600]) });
            push(Inbound, tcpexposure_core::craft::Draft { options, ..data(5001, &[7; 600]) });
        }
        seeds.borrow_mut().push((Inbound, quote(bench)));
    });
    seeds.into_inner()
}

/// An ICMP error about the first connection behind `nat`.
fn quote(bench: &Bench) -> Vec<u8> {
    let mut nat = by_name("nat").unwrap();
    let mut reject = by_name("icmp-reject").unwrap();
    let mut verdict = Verdict::default();
    let visit = Visit { now: Instant::ZERO, direction: Outbound, hop: 1 };
    nat.pass(visit, bench.write(Outbound, &syn(UNKNOWN, b"")), &mut verdict);
    let outside = verdict.take().remove(0).1;
    reject.pass(Visit { hop: 2, ..visit }, outside, &mut verdict);
    verdict.take().remove(0).1
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn noise_passes_or_is_dropped(
        packets in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..120)), 1..6)
    ) {
        let way = |outbound| if outbound { Outbound } else { Inbound };
        feed(&packets.into_iter().map(|(out, bytes)| (way(out), bytes)).collect::<Vec<_>>());
    }

    #[test]
    fn damaged_segments_in_any_order(
        picks in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..12)
    ) {
        let seeds = seeds();
        let packets = picks.iter().map(|(seed, at, byte, how)| {
            let (direction, mut packet) = seed.get(&seeds).clone();
            let at = at.index(packet.len().min(80));
            match how {
                0 => {}
                1 => packet.truncate(at),
                2 => packet[at] = *byte,
                _ => mend(&mut packet, at, *byte),
            }
            (direction, packet)
        });
        feed(&packets.collect::<Vec<_>>());
    }
}

/// Changes a byte of the segment, and makes its checksum right again, so that boxes read it.
fn mend(packet: &mut [u8], at: usize, byte: u8) {
    use tcpexposure_core::wire::checksum;
    let start = if packet[0] >> 4 == 4 { 20 } else { 40 };
    let (at, sum) = ((start + at % 60) & !1, start + 16);
    let Some(&[high, low]) = packet.get(at..at + 2) else {
        return;
    };
    if at == sum {
        return;
    }
    let old = u16::from_be_bytes([high, low]);
    let new = u16::from_be_bytes([high ^ byte, low]);
    let value = u16::from_be_bytes([packet[sum], packet[sum + 1]]);
    packet[at] = high ^ byte;
    packet[sum..sum + 2].copy_from_slice(&checksum::update(value, old, new).to_be_bytes());
}

/// What is no whole TCP segment passes every box as it is.
#[test]
fn other_protocols_pass() {
    let mut udp = vec![0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 198, 51, 100, 2];
    udp.extend([0, 1, 0, 2, 0, 8, 0, 0]);
    let garbage = vec![0x95, 1, 2, 3];
    for row in catalogue() {
        for packet in [&udp, &garbage, &Vec::new()] {
            for direction in [Outbound, Inbound] {
                let mut verdict = Verdict::default();
                let visit = Visit { now: Instant::ZERO, direction, hop: 1 };
                row.make().pass(visit, packet.clone(), &mut verdict);
                assert_eq!(verdict.take(), [(direction, packet.clone())], "{}", row.name);
            }
        }
    }
}
