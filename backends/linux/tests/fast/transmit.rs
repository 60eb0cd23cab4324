//! The links that only send: each way the same bytes, and an account of all of them.

use tcpexposure_link::{Cause, Error, Link};
use tcpexposure_linux::{Counters, Interface, Options, Transmit, TransmitLink, open_transmit};

use crate::{
    IP, PAIRS, expect,
    lab::{Capture, Machine, SYN, ip, isolated, join, run, segment, send},
    odd,
};

/// All ways, and how each describes itself.
const WAYS: [(Transmit, &str); 4] = [
    (Transmit::Xdp, "AF_XDP on v0, next hop "),
    (Transmit::Ring, "a mapped ring (TX_RING) on v0, next hop "),
    (Transmit::Mmsg, "batches (sendmmsg) on v0, next hop "),
    (Transmit::Raw, "raw sockets by way of v0: asked for"),
];

fn open(them: &str, way: Transmit) -> TransmitLink {
    open_transmit(ip(them), &Options::default(), way).unwrap()
}

#[test]
fn odd_packets_arrive_byte_for_byte_by_every_way() {
    isolated("transmit::odd_packets_arrive_byte_for_byte_by_every_way", || {
        let peer = Machine::new();
        join(&peer);
        for (way, description) in WAYS {
            for (us, them) in PAIRS {
                let mut link = open(them, way);
                assert_eq!((link.source(), link.mtu()), (ip(us), 1500));
                assert!(link.description().starts_with(description), "{}", link.description());
                let capture = Capture::start(Some(&peer), "v1", "in", IP);
                let mut refused = 0;
                for (what, packet) in odd(ip(us), ip(them)) {
                    link.slot().unwrap()[..packet.len()].copy_from_slice(&packet);
                    match link.commit(packet.len()) {
                        Ok(()) => {
                            link.flush().unwrap();
                            expect(&capture, what, &packet);
                        }
                        Err(Error { cause: Cause::Unsupported(_), .. }) => refused += 1,
                        Err(error) => panic!("{what} by {way:?}: {error}"),
                    }
                }
                let raw_v4 = way == Transmit::Raw && ip(us).is_ipv4();
                assert_eq!(refused, if raw_v4 { 7 } else { 0 }, "{way:?}");
            }
        }
    });
}

#[test]
fn the_fastest_way_is_chosen_and_the_reason_told() {
    isolated("transmit::the_fastest_way_is_chosen_and_the_reason_told", || {
        let peer = Machine::new();
        join(&peer);
        let link = open("10.99.0.2", Transmit::Auto);
        assert!(link.description().starts_with("AF_XDP on v0, next hop 10.99.0.2 at "));
        run("ip link set lo up");
        let link = open("127.0.0.1", Transmit::Auto);
        assert!(link.description().starts_with("raw sockets by way of lo: the kernel hears no"));
    });
}

#[test]
fn every_packet_of_a_burst_is_accounted_for() {
    isolated("transmit::every_packet_of_a_burst_is_accounted_for", || {
        const COUNT: u64 = 20_000;
        let peer = Machine::new();
        join(&peer);
        // Nobody is to answer, so that nothing but these packets crosses.
        run("echo 1 >/proc/sys/net/ipv6/conf/v0/disable_ipv6");
        peer.run("ip addr flush dev v1");
        run("ip neigh replace 10.99.0.2 lladdr 02:00:00:00:00:02 dev v0");
        let index = Interface::named("v0").unwrap().index;
        let packet = segment((ip("10.99.0.1"), 40020), (ip("10.99.0.2"), 9), SYN, &[]);
        for (way, _) in WAYS {
            let mut link = open("10.99.0.2", way);
            let before = Counters::of(index).unwrap();
            for _ in 0..COUNT {
                link.slot().unwrap()[..packet.len()].copy_from_slice(&packet);
                link.commit(packet.len()).unwrap();
            }
            link.flush().unwrap();
            let counts = link.statistics().unwrap();
            let after = Counters::of(index).unwrap();
            assert_eq!((counts.committed, counts.sent), (Some(COUNT), Some(COUNT)), "{way:?}");
            assert_eq!(counts.refused, Some(0), "{way:?}");
            // What the other end has no room for, the interface drops and counts.
            let (left, dropped) = (after.sent - before.sent, after.refused - before.refused);
            assert_eq!(left + dropped, COUNT, "{way:?}");
            assert!(counts.left.unwrap() >= left, "{way:?}");
        }
    });
}

#[test]
fn a_batch_goes_out_in_order_by_every_way() {
    isolated("transmit::a_batch_goes_out_in_order_by_every_way", || {
        let peer = Machine::new();
        join(&peer);
        for (way, _) in WAYS {
            let mut link = open("fd99::2", way);
            let capture = Capture::start(Some(&peer), "v1", "in", "ip6 proto 6");
            let packets: Vec<_> = (0..300)
                .map(|n| segment((link.source(), 1000 + n), (ip("fd99::2"), 9), SYN, &[]))
                .collect();
            for packet in &packets {
                link.slot().unwrap()[..packet.len()].copy_from_slice(packet);
                link.commit(packet.len()).unwrap();
            }
            link.flush().unwrap();
            for (number, packet) in packets.iter().enumerate() {
                expect(&capture, &format!("{number} by {way:?}"), packet);
            }
        }
    });
}

/// Sends until it cannot.
fn send_until_refused(link: &mut TransmitLink, packet: &[u8]) -> Error {
    (0..10_000)
        .find_map(|_| {
            link.slot().unwrap()[..packet.len()].copy_from_slice(packet);
            link.commit(packet.len()).and_then(|()| link.flush()).err()
        })
        .expect("it never failed")
}

#[test]
fn an_interface_that_goes_down_is_told_once_and_plainly() {
    isolated("transmit::an_interface_that_goes_down_is_told_once_and_plainly", || {
        let peer = Machine::new();
        join(&peer);
        let packet = segment((ip("10.99.0.1"), 40021), (ip("10.99.0.2"), 9), SYN, &[]);
        for (way, _) in &WAYS[..3] {
            for (down, up) in [("v0 down", "v0 up"), ("v1 down", "v1 up")] {
                let mut link = open("10.99.0.2", *way);
                send(&mut link, &packet);
                let at = |what: &str| {
                    let line = format!("ip link set {what}");
                    if what.starts_with("v0") { run(&line) } else { peer.run(&line) }
                };
                at(down);
                let error = send_until_refused(&mut link, &packet);
                assert!(matches!(error.cause, Cause::Down(_)), "{way:?} {down}: {error}");
                assert_eq!(error.to_string(), "cannot send on v0: interface v0 is down");
                let counts = link.statistics().unwrap();
                let [committed, sent, refused] =
                    [counts.committed, counts.sent, counts.refused].map(Option::unwrap);
                assert_eq!(committed, sent + refused, "{way:?} {down}");
                assert!(sent >= 1 && refused >= 1, "{way:?} {down}: {counts:?}");
                at(up);
                run("ip neigh replace 10.99.0.2 lladdr 02:00:00:00:00:02 dev v0");
            }
        }
        for (way, _) in &WAYS[..3] {
            let mut link = open("10.99.0.2", *way);
            run("ip link del v0");
            let error = send_until_refused(&mut link, &packet);
            let gone = "cannot send on v0: no interface is called v0";
            assert_eq!(error.to_string(), gone, "{way:?}");
            join(&peer);
        }
    });
}

#[test]
fn what_does_not_fit_is_refused() {
    isolated("transmit::what_does_not_fit_is_refused", || {
        let peer = Machine::new();
        join(&peer);
        for (way, _) in WAYS {
            let mut link = open("10.99.0.2", way);
            assert!(link.slot().unwrap().len() >= 1500, "{way:?}");
            let error = link.commit(1501).unwrap_err();
            assert!(matches!(error.cause, Cause::TooLarge { size: 1501, most: 1500 }), "{error}");
            let large = segment((link.source(), 40022), (ip("10.99.0.2"), 9), SYN, &[]);
            send(&mut link, &large);
        }
        run("ip link set v0 mtu 9000");
        peer.run("ip link set v1 mtu 9000");
        let capture = Capture::start(Some(&peer), "v1", "in", IP);
        for (way, most) in [(Transmit::Xdp, 4082), (Transmit::Ring, 9000), (Transmit::Mmsg, 9000)] {
            let mut link = open("10.99.0.2", way);
            let error = link.commit(most + 1).unwrap_err();
            assert!(matches!(error.cause, Cause::TooLarge { .. }), "{way:?}: {error}");
            let mut packet = segment((link.source(), 40023), (ip("10.99.0.2"), 9), SYN, &[]);
            packet.resize(most, 7);
            packet[2..4].copy_from_slice(&(most as u16).to_be_bytes());
            crate::seal(&mut packet);
            send(&mut link, &packet);
            assert_eq!(capture.next()[14..][..1986], packet[..1986], "{way:?}");
        }
    });
}
