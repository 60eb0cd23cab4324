//! Scans over simulated paths: the engine, driven by the loop that drives it on a wire.

use std::{collections::BTreeMap, net::IpAddr, ops::ControlFlow, time::Duration};

use tcpexposure_core::{
    craft::{Draft, Ipv4, Ipv6, Network},
    expression,
    respond::{self, Responder, siphash},
    scan::{
        Classification, Kept, Limits, Plan, Position, Scanner, Sieve,
        cookie::Key,
        finding::Proof,
        pace::Rate,
        permute::Shard,
        targets::{Range, Space},
        template::{Choice, Ports, Probes, Template, proving},
    },
};
use tcpexposure_link::{Link as _, Outcome, drive};
use tcpexposure_sim::{Middlebox, Sim, Wire, by_name};

const SYN: &str = "S win 64240 <mss 1460,sackOK,TS val now ecr 0,nop,wscale 7>";

/// Answers for every address, on two ports.
fn host() -> Responder {
    let ports = respond::Ports::new(&[80, 443]).unwrap();
    let key = siphash::Key::new([7; 16]);
    Responder::new(respond::Config { rate: None, ..respond::Config::modern(ports, key) })
}

struct Scan {
    found: Vec<Kept>,
    sent: u64,
    results: u64,
    time: Duration,
}

impl Scan {
    /// Probes 256 addresses of either IP version, or both, on both ports.
    fn new(
        text: &str,
        v4: bool,
        v6: bool,
        limits: Limits,
        rate: Rate,
        mut path: Sim<Responder>,
    ) -> Self {
        let expression = expression::parse(text).unwrap();
        let choice = Choice::only(Key::of_seed(5), Ports::range(40000, 49999).unwrap());
        let source6: IpAddr = "2001:db8::1".parse().unwrap();
        let source4 = IpAddr::from([192, 0, 2, 1]);
        let network = |source| match source {
            IpAddr::V4(source) => Network::V4(Ipv4 { source, ..Ipv4::default() }),
            IpAddr::V6(source) => Network::V6(Ipv6 { source, ..Ipv6::default() }),
        };
        let draft = |source| {
            expression.draft(Draft { network: network(source), ..Draft::default() }).unwrap()
        };
        let proving = proving(&expression);
        let (mut one, mut two) = ([0; 128], [0; 128]);
        let v4_probes = [Template::new(&draft(source4), &proving, choice, &mut one).unwrap()];
        let v6_probes = [Template::new(&draft(source6), &proving, choice, &mut two).unwrap()];
        let mut ranges = vec![];
        if v4 {
            ranges.push(Range::prefix([198, 51, 100, 0].into(), 24).unwrap());
        }
        if v6 {
            ranges.push(Range::prefix("2001:db8:1::".parse().unwrap(), 120).unwrap());
        }
        let space = Space::new(&mut ranges, &[80, 443], 1).unwrap();
        let probes = Probes { v4: &v4_probes, v6: &v6_probes };
        let plan = Plan { space, probes, seed: 9, shard: Shard::WHOLE, rate, limits };
        let mut memory = vec![0; usize::try_from(Sieve::words(space.size())).unwrap()];
        let mut scanner = Scanner::new(plan, Position::default(), &mut memory);
        let mut found = vec![];
        let outcome = drive(&mut scanner, &mut path, |event| {
            found.extend(event);
            ControlFlow::Continue(())
        });
        assert_eq!(outcome.unwrap(), Outcome::Done);
        let time = Duration::from_nanos(path.now().as_nanos());
        Self { found, sent: scanner.prober().sent(), results: scanner.results(), time }
    }

    fn classes(&self) -> BTreeMap<&'static str, usize> {
        let mut classes = BTreeMap::new();
        for kept in &self.found {
            *classes.entry(kept.finding().classification.name()).or_default() += 1;
        }
        classes
    }

    /// Tells how many different targets have answered properly, and that none did twice.
    fn targets(&self) -> usize {
        let proper = self.found.iter().filter(|kept| kept.finding().is_result());
        let mut targets: Vec<_> = proper.map(|kept| kept.finding().target.unwrap()).collect();
        let all = targets.len();
        targets.sort_by_key(|target| (target.address, target.port));
        targets.dedup();
        assert_eq!(targets.len(), all);
        all
    }
}

fn path(boxes: &[&str], wire: Wire) -> Sim<Responder> {
    let boxes: Vec<Box<dyn Middlebox>> = boxes.iter().map(|name| by_name(name).unwrap()).collect();
    Sim::through(host(), boxes, wire, 3)
}

fn wire() -> Wire {
    Wire { delay: Duration::from_millis(20), ..Wire::default() }
}

#[test]
fn all_of_two_networks() {
    for rate in [Rate::Unlimited, Rate::Packets(10_000), Rate::Bits(5_000_000)] {
        let scan = Scan::new(SYN, true, true, Limits::default(), rate, path(&[], wire()));
        assert_eq!((scan.sent, scan.results, scan.targets()), (1024, 1024, 1024));
        assert_eq!(scan.classes(), [("synack", 1024)].into());
        for kept in &scan.found {
            let finding = kept.finding();
            assert_eq!(finding.rtt, Some(Duration::from_millis(40)));
            assert_eq!((finding.proof, finding.checksum), (Some(Proof::Cookie), Some(true)));
            assert!(!finding.options.is_empty());
        }
        // The cooldown, and what the rate takes.
        assert!(scan.time >= Duration::from_secs(8) && scan.time < Duration::from_secs(9));
    }
}

#[test]
fn what_comes_twice_counts_once() {
    let wire = Wire { duplication: 300_000, reordering: 100_000, ..wire() };
    let scan = Scan::new(SYN, true, false, Limits::default(), Rate::Unlimited, path(&[], wire));
    assert_eq!((scan.sent, scan.targets()), (512, 512));
    let classes = scan.classes();
    assert!(classes["duplicate"] > 50, "{classes:?}");
    assert_eq!(classes["synack"], 512);
}

#[test]
fn retries_find_what_was_lost_and_nothing_else() {
    let wire = Wire { loss: 200_000, ..wire() };
    let limits = Limits { cooldown: Duration::from_secs(1), ..Limits::default() };
    let once = Scan::new(SYN, false, true, limits, Rate::Unlimited, path(&[], wire));
    assert!((256..420).contains(&once.targets()), "{}", once.targets());
    let limits = Limits { retries: 12, ..limits };
    let again = Scan::new(SYN, false, true, limits, Rate::Unlimited, path(&[], wire));
    assert_eq!(again.targets(), 512);
    // Each round asks for what is left: a geometric series, 512 / (1 - 0.36).
    assert!((700..920).contains(&again.sent), "{}", again.sent);
    assert!(again.classes().keys().all(|class| ["synack", "duplicate"].contains(class)));
}

#[test]
fn numbers_that_are_rewritten_both_ways_still_prove() {
    for boxes in [&["isn-shift"][..], &["nat"], &["router", "mss-clamp"]] {
        let scan =
            Scan::new(SYN, true, false, Limits::default(), Rate::Unlimited, path(boxes, wire()));
        assert_eq!(scan.classes(), [("synack", 512)].into(), "{boxes:?}");
    }
}

#[test]
fn routers_where_the_time_to_live_ends() {
    let text = "S <mss 1460> (ttl 2)";
    let boxes = ["router", "router", "router"];
    let limits = Limits::default();
    for (v4, v6) in [(true, false), (false, true)] {
        let scan = Scan::new(text, v4, v6, limits, Rate::Unlimited, path(&boxes, wire()));
        assert_eq!((scan.classes(), scan.targets()), ([("icmp", 512)].into(), 512));
        for kept in &scan.found {
            let finding = kept.finding();
            let icmp = finding.icmp.unwrap();
            assert_eq!((icmp.kind, icmp.code), (if v4 { 11 } else { 3 }, 0));
            assert_eq!(Some(icmp.quoted_address), finding.target.map(|target| target.address));
            assert_ne!(finding.source, icmp.quoted_address);
        }
    }
}

#[test]
fn a_probe_with_a_wrong_checksum_is_answered_by_nobody() {
    let limits = Limits::default();
    let text = "S <mss 1460> cksum bad";
    let scan = Scan::new(text, true, true, limits, Rate::Unlimited, path(&[], wire()));
    assert_eq!((scan.sent, scan.found.len()), (1024, 0));
    let mended = path(&["tcp-checksum-mend"], wire());
    let scan = Scan::new(text, true, true, limits, Rate::Unlimited, mended);
    assert_eq!(scan.classes(), [("synack", 1024)].into());
}

#[test]
fn late_is_what_comes_after_the_cooldown() {
    let slow = Wire { delay: Duration::from_millis(900), ..Wire::default() };
    let limits = Limits { cooldown: Duration::from_secs(1), ..Limits::default() };
    let scan = Scan::new(SYN, true, false, limits, Rate::Packets(128), path(&[], slow));
    let classes = scan.classes();
    // One second and eight tenths is more than the cooldown, also for the first of four seconds.
    assert!(classes["late"] > 200, "{classes:?}");
    assert_eq!((classes.len(), scan.results), (1, 0));
    assert!(scan.found.iter().all(|kept| kept.finding().kind == Classification::SynAck));
}
