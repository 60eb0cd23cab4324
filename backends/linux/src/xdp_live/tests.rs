//! The kernel's frames are core's, byte for byte. Needs the right to load programs; sends nothing.

use std::{env, net::IpAddr};

use proptest::{collection::vec, prelude::*, sample::select};
use tcpexposure_core::{
    craft::{Draft, Ipv4, Ipv6, Network},
    engine::{Engine, Step},
    expression,
    scan::{
        Limits, Prober,
        cookie::Key,
        pace::Rate,
        permute::Shard,
        targets::{Range, Space},
        template::{Choice, Ports, Probes, proving},
    },
    time::Instant,
};

use super::*;
use crate::packet::Macs;

/// Expressions that both IP versions have, then those of IPv4 and of IPv6.
const BOTH: &[&str] = &[
    "S",
    "S win 64240 <mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7>",
    "S <mss 1460,nop,TS val now ecr 0>",
    "S seq rand 1-4000000000 win rand 1-65535 <TS val now ecr inc>",
    ". seq 7 urg inc",
    ". ack hash(dst) (ttl rand 40-60)",
    "F. seq inc ack cookie win hash(dst)",
    "S <opt 253 rand 0-255,mss 1400,opt 254 cookie>  cksum bad",
    "S seq cookie cksum 0xbeef",
    "P. \"GET / HTTP/1.0\\r\\n\\r\\n\"",
    "S (tos inc)",
];
const V4: &[&str] = &[
    "S (id inc)",
    "S (id rand 1-65535, ttl 5, DF)",
    "S (ipcksum bad)",
    "S <mss 1> (ipopt 0x94040000, id hash(dst))",
];
const V6: &[&str] = &["S (flow rand 0-1048575)", "S (flow inc, tos rand 0-255)"];

/// A scan as text and numbers.
#[derive(Clone, Debug)]
struct Scan {
    ranges: Vec<Range>,
    ports: Vec<u16>,
    v4: Vec<&'static str>,
    v6: Vec<&'static str>,
    sources: Ports,
    seed: u64,
    shard: Shard,
    probes: u32,
}

impl Scan {
    /// Compares at these places of the scan.
    fn check(&self, places: &[u64]) {
        let seed = self.seed;
        let [v4, v6] = [("192.0.2.1", &self.v4), ("2001:db8:ffff::1", &self.v6)].map(
            |(source, list): (&str, &Vec<&'static str>)| {
                let variants = list.len() as u16;
                let one = |(variant, text): (u16, &&'static str)| {
                    let ports = self.sources.share(variant, variants);
                    let choice = Choice { key: Key::of_seed(seed), ports, variant, variants };
                    template(text, source.parse().unwrap(), choice)
                };
                (0..).zip(list).map(one).collect::<Vec<_>>()
            },
        );
        let mut ranges = self.ranges.clone();
        let space = Space::new(&mut ranges, &self.ports, v4.len() as u16).unwrap();
        let limits = Limits { probes: self.probes, ..Limits::default() };
        let probes = Probes { v4: &v4, v6: &v6 };
        let (rate, shard) = (Rate::Unlimited, self.shard);
        compare(&Plan { space, probes, seed, shard, rate, limits }, places);
    }
}

fn template(text: &'static str, source: IpAddr, choice: Choice) -> Template<'static> {
    let expression = expression::parse(text).unwrap();
    let network = match source {
        IpAddr::V4(source) => Network::V4(Ipv4 { source, ..Ipv4::default() }),
        IpAddr::V6(source) => Network::V6(Ipv6 { source, ..Ipv6::default() }),
    };
    let draft = expression.draft(Draft { network, ..Draft::default() }).unwrap();
    let buffer = Vec::leak(vec![0; 200]);
    Template::new(&draft, &proving(&expression), choice, buffer).unwrap()
}

/// Runs both at the same places.
fn compare(plan: &Plan<'_>, places: &[u64]) {
    let macs = Some(Macs { destination: [2, 0, 0, 0, 0, 2], source: [2, 0, 0, 0, 0, 1] });
    let headers = [0x0800, 0x86dd].map(|kind| Header::new(macs, kind));
    let generation = match Generation::new(plan, &headers, 1) {
        Err(said) if said.raw_os_error() == Some(libc::EPERM) => {
            assert!(env::var("CI").as_deref() != Ok("true"), "no right to load eBPF programs");
            return eprintln!("skipped: no right to load eBPF programs");
        }
        other => other.unwrap(),
    };
    for place in places {
        let step = place % plan.shard.length(plan.space.size()).max(1);
        let position =
            Position { round: 1, step, repeat: (place % u64::from(generation.probes)) as u32 };
        compare_one(plan, &headers, &generation, position);
    }
}

fn compare_one(
    plan: &Plan<'_>,
    headers: &[Header; 2],
    generation: &Generation,
    position: Position,
) {
    let first = generation.aim(position).unwrap();
    let before = sys::clock() / 1000;
    let mut output = vec![0; generation.frame.len()];
    // What a frame holds that comes back.
    let dirt = vec![0xdd; generation.frame.len()];
    let tested = generation.program.test(&dirt, 1, &mut output).unwrap();
    let after = sys::clock() / 1000;
    let [next, skipped, ..] = generation.control.numbers::<4>().unwrap();
    assert_eq!((next, tested.verdict, skipped), (first + 1, verdict::REDIRECT as u32, 0));
    let ours = &output[..tested.length];
    let theirs = |micros: u64| {
        let mut slot = [0; 200];
        let now = Instant::from_nanos(micros * 1000);
        match Prober::new(*plan, position).poll(now, &mut slot) {
            Step::Send(length) => {
                let header = &headers[usize::from(slot[0] >> 4 == 6)];
                [header.bytes(), &slot[..length]].concat()
            }
            other => panic!("{other:?}"),
        }
    };
    // The clocks differ by the time that it takes to read them.
    let same = (before - 50..=after + 50).any(|micros| theirs(micros) == ours);
    assert!(same, "{position:?}\n ours {ours:02x?}\ntheirs {:02x?}", theirs(before));
}

fn range(first: &str, last: &str) -> Range {
    Range::new(first.parse().unwrap(), last.parse().unwrap()).unwrap()
}

fn simple(ranges: Vec<Range>, v4: &'static str, v6: &'static str) -> Scan {
    Scan {
        ranges,
        ports: vec![80],
        v4: vec![v4],
        v6: vec![v6],
        sources: Ports::range(40_000, 40_999).unwrap(),
        seed: 1,
        shard: Shard::WHOLE,
        probes: 1,
    }
}

#[test]
fn every_expression() {
    let v4 = vec![range("10.0.0.0", "10.255.255.255")];
    let v6 = vec![range("2001:db8::ffff:ffff:ff00:0", "2001:db8:0:1::ff")];
    let places: Vec<u64> = (0..20).map(|place| place * 7919).collect();
    for text in BOTH {
        simple(v4.clone(), text, text).check(&places);
        simple(v6.clone(), text, text).check(&places);
    }
    V4.iter().for_each(|text| simple(v4.clone(), text, "S").check(&places));
    V6.iter().for_each(|text| simple(v6.clone(), "S", text).check(&places));
}

#[test]
fn the_whole_of_ipv4_and_a_single_address() {
    let places = [0, 1, 2, 1 << 31, u64::from(u32::MAX), 12_345_678_901];
    simple(vec![range("0.0.0.0", "255.255.255.255")], "S", "S").check(&places);
    simple(vec![range("255.255.255.255", "255.255.255.255")], "S", "S").check(&places);
    simple(vec![range("::1", "::1")], "S", "S").check(&places);
    simple(vec![range("2001:db8::", "2001:db8::3fff:ffff:ffff:ffff")], "S", "S").check(&places);
}

#[test]
fn many_ranges() {
    let v4 =
        (0..20_000_u32).map(|i| Range::prefix((0x0a00_0000 + i * 512).to_be_bytes().into(), 24));
    let v6 = (0..100_u128)
        .map(|i| Range::prefix((0x2001_0db8 << 96 | i << 64).to_be_bytes().into(), 120));
    let ranges: Vec<Range> = v4.chain(v6).map(Result::unwrap).collect();
    let mut scan = simple(ranges, "S <TS val now ecr 0>", "S");
    scan.ports = vec![22, 80, 443];
    scan.check(&(0..2000).map(|place| place * 7919).collect::<Vec<_>>());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn as_core_would(
        pieces in vec((any::<bool>(), 0..1_u64 << 20, 1..1_u64 << 16), 1..12),
        ports in prop_oneof![
            2 => proptest::collection::btree_set(any::<u16>(), 1..2),
            1 => proptest::collection::btree_set(any::<u16>(), 1..70),
        ],
        v4 in vec(select([BOTH, V4].concat()), 4),
        v6 in vec(select([BOTH, V6].concat()), 4),
        variants in prop_oneof![Just(1_usize), 1..4_usize],
        (first, last, seed) in any::<(u16, u16, u64)>(),
        (shards, shard) in prop_oneof![Just((1_u64, 0_u64)), (1..9_u64, any::<u64>())],
        probes in prop_oneof![Just(1_u32), 1..4_u32],
        places in vec(any::<u64>(), 30),
    ) {
        Scan {
            ranges: ranges(&pieces),
            ports: ports.into_iter().collect(),
            v4: v4[..variants].to_vec(),
            v6: v6[..variants].to_vec(),
            sources: Ports::range(first.min(last), first.max(last)).unwrap(),
            seed,
            shard: Shard::new(shard % shards, shards).unwrap(),
            probes,
        }
        .check(&places);
    }
}

/// Lays ranges one after the other, (IPv6?, gap before, length), across the borders of words.
fn ranges(pieces: &[(bool, u64, u64)]) -> Vec<Range> {
    let (mut v4, mut v6) = (0x0a00_0000_u32, 0x2001_0db8_u128 << 96 | 0xffff_ffff_ff00_0000);
    let mut ranges = vec![];
    for (is_v6, gap, length) in pieces {
        let (first, last): (IpAddr, IpAddr) = if *is_v6 {
            let first = v6 + u128::from(*gap);
            v6 = first + u128::from(*length);
            (first.to_be_bytes().into(), (v6 - 1).to_be_bytes().into())
        } else {
            let first = v4 + *gap as u32;
            v4 = first + *length as u32;
            (first.to_be_bytes().into(), (v4 - 1).to_be_bytes().into())
        };
        ranges.push(Range::new(first, last).unwrap());
    }
    ranges
}
