//! The path itself: time, loss, hops.

use std::{collections::VecDeque, time::Duration};

use tcpexposure_core::{
    craft::{Draft, Ipv4, Ipv6, Network},
    engine::{Engine, Step},
    time::Instant,
    wire::packet::{Packet, Transport},
};
use tcpexposure_link::Link;
use tcpexposure_sim::{Direction::Outbound, Setup, Sim};

use crate::bench::{Bench, both, data};

/// A host that sends back what it gets, and keeps when it came.
#[derive(Debug, Default)]
struct Mirror {
    got: Vec<(Instant, Vec<u8>)>,
    pending: VecDeque<Vec<u8>>,
}

impl Engine for Mirror {
    type Event = ();

    fn handle(&mut self, now: Instant, packet: &Packet<'_>) {
        self.got.push((now, packet.bytes.to_vec()));
        self.pending.push_back(packet.bytes.to_vec());
    }

    fn poll(&mut self, _: Instant, slot: &mut [u8]) -> Step<()> {
        let Some(bytes) = self.pending.pop_front() else {
            return Step::Wait(Instant::NEVER);
        };
        slot[..bytes.len()].copy_from_slice(&bytes);
        Step::Send(bytes.len())
    }
}

fn path(setup: &str) -> Sim<Mirror> {
    Sim::with(Mirror::default(), setup.parse::<Setup>().unwrap())
}

fn send(sim: &mut Sim<Mirror>, packet: &[u8]) {
    sim.slot().unwrap()[..packet.len()].copy_from_slice(packet);
    sim.commit(packet.len()).unwrap();
}

fn receive(sim: &mut Sim<Mirror>, seconds: u64) -> Vec<(Instant, Vec<u8>)> {
    let deadline = sim.now().after(Duration::from_secs(seconds));
    let mut got = Vec::new();
    while let Some(frame) = sim.recv(deadline).unwrap() {
        got.push((frame.time, frame.bytes.to_vec()));
    }
    assert_eq!(sim.now(), deadline);
    got
}

fn with_time_to_live(bench: &Bench, left: u8) -> Vec<u8> {
    let network = match bench.network(Outbound) {
        Network::V4(header) => Network::V4(Ipv4 { ttl: left, ..header }),
        Network::V6(header) => Network::V6(Ipv6 { hop_limit: left, ..header }),
    };
    bench.write(Outbound, &Draft { network, ..data(1, b"data") })
}

#[test]
fn a_clean_path_changes_nothing_and_takes_its_time() {
    both("router", |bench| {
        let packet = with_time_to_live(bench, 1);
        let mut sim = path("delay=50ms");
        send(&mut sim, &packet);
        let back = receive(&mut sim, 1);
        assert_eq!(back, [(Instant::from_nanos(100_000_000), packet.clone())]);
        assert_eq!(sim.host().got, [(Instant::from_nanos(50_000_000), packet)]);
        let error = sim.recv(Instant::NEVER).unwrap_err();
        assert!(error.to_string().contains("nothing is on its way"));
    });
}

#[test]
fn every_box_is_a_hop() {
    both("router", |bench| {
        let mut sim = path("router,strip-options,nat,delay=7ms");
        send(&mut sim, &with_time_to_live(bench, 4));
        receive(&mut sim, 1);
        let arrived = sim.host().got.len();
        assert_eq!(sim.host().got[0].0, Instant::from_nanos(7_000_000));
        for hop in 1..=3 {
            let packet = with_time_to_live(bench, hop);
            send(&mut sim, &packet);
            let back = receive(&mut sim, 1);
            let [(_, error)] = &back[..] else { panic!("{back:?}") };
            let parsed = Packet::from_ip(error);
            let (from, to) = parsed.addresses().unwrap();
            assert_eq!(to, bench.ends().0);
            let expected =
                if bench.v6 { format!("2001:2::{hop}") } else { format!("198.18.0.{hop}") };
            assert_eq!(from.to_string(), expected);
            let Transport::Icmp(message) = parsed.transport else { panic!("{parsed:?}") };
            assert_eq!(message.header.kind(), if bench.v6 { 3 } else { 11 });
            let mut quoted = packet.clone();
            quoted[if bench.v6 { 7 } else { 8 }] = 1;
            let differs = message.body.iter().zip(&quoted).filter(|(a, b)| a != b).count();
            // The checksum of the IPv4 header follows its time to live.
            assert!(differs <= if bench.v6 { 0 } else { 2 }, "{differs}");
        }
        assert_eq!(sim.host().got.len(), arrived);
    });
}

/// What a router's error quotes, and what it tells besides, for each kind of router.
#[test]
fn routers_differ_in_what_they_quote() {
    let told = ["MPLS label 24002 tc 5 ttl 1", "arrived at interface et-0/0/1 number 7 mtu 9100"];
    let kinds: [(&str, Option<usize>, &[&str]); 3] =
        [("router", None, &[]), ("short-quotes", Some(8), &[]), ("labels", None, &told)];
    for (name, cut, expected) in kinds {
        both(name, |bench| {
            let mut sim = path(name);
            let packet = with_time_to_live(bench, 1);
            send(&mut sim, &packet);
            let back = receive(&mut sim, 1);
            let parsed = Packet::from_ip(&back[0].1);
            assert_eq!((parsed.fault, parsed.checksum_ok()), (None, Some(true)));
            let Transport::Icmp(message) = parsed.transport else { panic!("{parsed:?}") };
            let quote = message.quote().unwrap();
            let header = if bench.v6 { 40 } else { 20 };
            let length = cut.map_or(packet.len(), |cut| header + cut);
            assert_eq!(quote.bytes[..length], packet[..length]);
            assert_eq!(quote.bytes.len() - quote.trailer.len(), length, "{name}");
            let objects: Vec<_> = message.extensions().map(|one| one.to_string()).collect();
            assert_eq!(objects, expected);
        });
    }
}

#[test]
fn connections_end_at_a_proxy_whatever_the_time_to_live() {
    both("router", |bench| {
        let mut sim = path("split-tcp");
        let packet = with_time_to_live(bench, 1);
        send(&mut sim, &packet);
        let back = receive(&mut sim, 1);
        assert!(Packet::from_ip(&back[0].1).tcp().is_some());
    });
}

#[test]
fn the_same_seed_loses_and_doubles_the_same() {
    let run = |seed: u32| {
        let mut sim = path(&format!("loss=20%,dup=10%,reorder=10%,delay=3ms,seed={seed}"));
        for number in 0..200_u8 {
            send(&mut sim, &[0x90, number]);
        }
        receive(&mut sim, 1)
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
    let got = run(3).len();
    assert!((120..190).contains(&got), "{got}");
}

#[test]
fn what_is_too_long_is_lost() {
    let mut sim = path("mtu=100");
    send(&mut sim, &[0x90; 101]);
    send(&mut sim, &[0x90; 100]);
    assert_eq!(receive(&mut sim, 1).len(), 1);
}
