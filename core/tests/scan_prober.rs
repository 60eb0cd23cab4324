//! Every target once, whatever the ranges, the ports, the probes, the shards and the seed, and
//! wherever a run was cut.

use core::{net::IpAddr, time::Duration};
use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*};
use tcpexposure_core::{
    craft::{Draft, Ipv4, Ipv6, Network},
    engine::{Engine, Step},
    expression,
    scan::{
        Limits, Plan, Position, Prober, Scanner, Sieve,
        cookie::Key,
        pace::Rate,
        permute::Shard,
        targets::{Range, Space, Target},
        template::{Choice, Ports, Probes, Template, proving},
    },
    time::Instant,
    wire::{
        packet::Packet,
        tcp::{Flags, Seq},
    },
};

/// How often each target was asked.
type Asked = BTreeMap<(IpAddr, u16, u16), u32>;

/// What makes a scan: gaps and lengths of ranges of either version, ports, and the rest.
#[derive(Clone, Debug)]
struct Specification {
    v4: Vec<(u8, u8)>,
    v6: Vec<(u8, u8)>,
    ports: Vec<u16>,
    variants: u16,
    shards: u64,
    seed: u64,
    probes: u32,
}

prop_compose! {
    fn specification()(
        (v4, v6) in (vec((1_u8..9, 0_u8..12), 0..5), vec((1_u8..9, 0_u8..12), 0..4)),
        ports in proptest::collection::btree_set(any::<u16>(), 1..6),
        (variants, shards, seed, probes) in (1_u16..4, 1_u64..6, any::<u64>(), 1_u32..3),
    ) -> Specification {
        let v4 = if v4.is_empty() && v6.is_empty() { vec![(1, 0)] } else { v4 };
        let ports = ports.into_iter().collect();
        Specification { v4, v6, ports, variants, shards, seed, probes }
    }
}

/// Lays ranges one after the other, with gaps.
fn lay(base: u128, list: &[(u8, u8)], address: impl Fn(u128) -> IpAddr) -> Vec<Range> {
    let mut at = base;
    let lay = list.iter().map(|(gap, more)| {
        let first = at + u128::from(*gap);
        at = first + u128::from(*more);
        Range::new(address(first), address(at)).unwrap()
    });
    lay.collect()
}

impl Specification {
    fn ranges(&self) -> Vec<Range> {
        let v4 = |number| IpAddr::from(u32::try_from(number).unwrap().to_be_bytes());
        let mut ranges = lay(0xc633_6400, &self.v4, v4);
        let base = 0x2001_0db8_u128 << 96 | 0xfff0;
        ranges.extend(lay(base, &self.v6, |number| IpAddr::from(number.to_be_bytes())));
        // The order is for the space to find.
        ranges.reverse();
        ranges
    }

    fn expected(&self) -> Asked {
        let mut asked = Asked::new();
        for range in self.ranges() {
            for address in span(&range) {
                for port in &self.ports {
                    for variant in 0..self.variants {
                        assert_eq!(asked.insert((address, *port, variant), self.probes), None);
                    }
                }
            }
        }
        asked
    }

    /// Makes the plan of each shard and gives it to `with`.
    fn plans(&self, mut with: impl FnMut(Plan<'_>)) {
        let expression = expression::parse("S").unwrap();
        let proving = proving(&expression);
        let mut buffers = vec![[0; 60]; usize::from(self.variants) * 2];
        let mut templates = vec![];
        for (at, buffer) in (0_u16..).zip(&mut buffers) {
            let variant = at / 2;
            let ports = Ports::range(50000, 50099).unwrap().share(variant, self.variants);
            let key = Key::of_seed(self.seed);
            let choice = Choice { key, ports, variant, variants: self.variants };
            let network = if at % 2 == 0 {
                Network::V4(Ipv4 { source: [192, 0, 2, 1].into(), ..Ipv4::default() })
            } else {
                Network::V6(Ipv6 { source: [7; 16].into(), ..Ipv6::default() })
            };
            let draft = expression.draft(Draft { network, ..Draft::default() }).unwrap();
            templates.push(Template::new(&draft, &proving, choice, buffer).unwrap());
        }
        let (v4, v6): (Vec<_>, Vec<_>) =
            templates.into_iter().partition(|one| one.cookies().source().is_ipv4());
        let mut ranges = self.ranges();
        let space = Space::new(&mut ranges, &self.ports, self.variants).unwrap();
        for shard in 0..self.shards {
            with(Plan {
                space,
                probes: Probes { v4: &v4, v6: &v6 },
                seed: self.seed,
                shard: Shard::new(shard, self.shards).unwrap(),
                rate: Rate::Unlimited,
                limits: Limits { probes: self.probes, ..Limits::default() },
            });
        }
    }
}

fn span(range: &Range) -> impl Iterator<Item = IpAddr> {
    let number = |address| match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    };
    let v4 = range.first().is_ipv4();
    (number(range.first())..=number(range.last())).map(move |number| match u32::try_from(number) {
        Ok(number) if v4 => IpAddr::from(number.to_be_bytes()),
        _ => IpAddr::from(number.to_be_bytes()),
    })
}

/// Notes whom a packet asks, which has to be right otherwise.
fn note(asked: &mut Asked, bytes: &[u8], variants: u16) {
    let packet = Packet::from_ip(bytes);
    assert_eq!(packet.checksum_ok(), Some(true));
    let (_, address) = packet.addresses().unwrap();
    let (source, port) = packet.ports().unwrap();
    *asked.entry((address, port, (source - 50000) % variants)).or_default() += 1;
}

/// Runs a prober for at most so many packets, on a clock that jumps to where it waits; tells when
/// and where it ended.
fn run(
    prober: &mut Prober<'_>,
    from: Instant,
    most: usize,
    mut each: impl FnMut(Instant, &[u8]),
) -> (Instant, bool) {
    let (mut now, mut slot, mut sent) = (from, [0; 1500], 0);
    while sent < most {
        match prober.poll(now, &mut slot) {
            Step::Send(length) => {
                each(now, &slot[..length]);
                sent += 1;
            }
            Step::Wait(until) => {
                assert!(until > now);
                now = until;
            }
            Step::Done => return (now, true),
            Step::Emit(never) => match never {},
        }
    }
    (now, false)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_target_as_often_as_asked_and_shards_complete_each_other(spec in specification()) {
        let mut asked = Asked::new();
        let mut sizes = vec![];
        spec.plans(|plan| {
            let mut prober = Prober::new(plan, Position::default());
            run(&mut prober, Instant::ZERO, usize::MAX, |_, bytes| note(&mut asked, bytes, spec.variants));
            assert_eq!(prober.sent(), prober.steps() * u64::from(spec.probes));
            sizes.push(prober.steps());
        });
        prop_assert_eq!(asked, spec.expected());
        let most = sizes.iter().max().unwrap();
        prop_assert!(sizes.iter().all(|size| most - size <= 1), "{:?}", sizes);
    }

    /// A run that is cut again and again, and goes on where it was, is one run.
    #[test]
    fn a_run_that_was_cut_is_the_run_that_was_not(spec in specification(), cuts in vec(0_usize..60, 0..12)) {
        spec.plans(|plan| {
            let (mut whole, mut parts) = (vec![], vec![]);
            run(&mut Prober::new(plan, Position::default()), Instant::ZERO, usize::MAX, |_, bytes| whole.push(bytes.to_vec()));
            let mut position = Position::default();
            for cut in &cuts {
                let mut prober = Prober::new(plan, position);
                run(&mut prober, Instant::ZERO, *cut, |_, bytes| parts.push(bytes.to_vec()));
                position = prober.position();
            }
            run(&mut Prober::new(plan, position), Instant::ZERO, usize::MAX, |_, bytes| parts.push(bytes.to_vec()));
            assert_eq!(whole, parts);
        });
    }

    /// A run that was killed some packets after its position was kept repeats those and loses none.
    #[test]
    fn a_run_that_was_killed_repeats_at_most_an_interval(
        spec in specification(), kills in vec((0_usize..60, 0_usize..20), 0..8)
    ) {
        spec.plans(|plan| {
            let (mut whole, mut parts) = (vec![], vec![]);
            run(&mut Prober::new(plan, Position::default()), Instant::ZERO, usize::MAX, |_, bytes| whole.push(bytes.to_vec()));
            let (mut position, mut repeated) = (Position::default(), 0);
            for (kept, lost) in &kills {
                let mut prober = Prober::new(plan, position);
                run(&mut prober, Instant::ZERO, *kept, |_, bytes| parts.push(bytes.to_vec()));
                position = prober.position();
                run(&mut prober, Instant::ZERO, *lost, |_, bytes| parts.push(bytes.to_vec()));
                repeated += lost;
            }
            run(&mut Prober::new(plan, position), Instant::ZERO, usize::MAX, |_, bytes| parts.push(bytes.to_vec()));
            assert!(parts.len() <= whole.len() + repeated);
            parts.sort();
            parts.dedup();
            whole.sort();
            whole.dedup();
            assert_eq!(whole, parts);
        });
    }

    /// No packet is early, and the last is not late.
    #[test]
    fn the_pace_is_kept(spec in specification(), rate in 1_u64..100_000) {
        spec.plans(|plan| {
            let plan = Plan { rate: Rate::Packets(rate), ..plan };
            let mut times = vec![];
            run(&mut Prober::new(plan, Position::default()), Instant::ZERO, usize::MAX, |now, _| times.push(now.as_nanos()));
            for (count, time) in (0_u64..).zip(&times) {
                assert!(u128::from(count) * 1_000_000_000 <= (u128::from(*time) + 1) * u128::from(rate));
            }
            let last = times.last().copied().unwrap_or(0);
            assert!(last <= times.len() as u64 * 1_000_000_000 / rate + 1_000_000);
        });
    }
}

fn small() -> Specification {
    Specification {
        v4: vec![(1, 99)],
        v6: vec![],
        ports: vec![80],
        variants: 1,
        shards: 1,
        seed: 1,
        probes: 1,
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn limits() {
    small().plans(|plan| {
        let run_with = |limits: Limits, rate| {
            let plan = Plan { limits, rate, ..plan };
            let mut prober = Prober::new(plan, Position::default());
            let (end, done) = run(&mut prober, Instant::ZERO, usize::MAX, |_, _| ());
            assert!(done);
            (prober.sent(), end.since(Instant::ZERO))
        };
        let limits = Limits { cooldown: SECOND * 3, ..Limits::default() };
        assert_eq!(run_with(limits, Rate::Unlimited), (100, SECOND * 3));
        let few = Limits { targets: Some(7), ..limits };
        assert_eq!(run_with(few, Rate::Unlimited), (7, SECOND * 3));
        let many = Limits { targets: Some(700), probes: 2, ..limits };
        assert_eq!(run_with(many, Rate::Unlimited), (200, SECOND * 3));
        let short = Limits { time: Some(SECOND * 4), ..limits };
        // The first at once, then one a second, none at the end of the fourth.
        assert_eq!(run_with(short, Rate::Packets(1)), (4, SECOND * 7));
        let again = Limits { retries: 2, ..limits };
        assert_eq!(run_with(again, Rate::Unlimited), (300, SECOND * 9));
    });
}

#[test]
fn a_rate_that_is_changed_while_running() {
    small().plans(|plan| {
        let plan = Plan { rate: Rate::Packets(1), ..plan };
        let mut prober = Prober::new(plan, Position::default());
        let (now, _) = run(&mut prober, Instant::ZERO, 10, |_, _| ());
        assert_eq!(now.since(Instant::ZERO), SECOND * 9);
        prober.set_rate(now, Rate::Packets(10));
        let (end, _) = run(&mut prober, now, 10, |_, _| ());
        assert_eq!(end.since(now), SECOND);
        prober.stop(end);
        assert_eq!((prober.is_cooling(), prober.end()), (true, Some(end.after(SECOND * 8))));
    });
}

#[test]
fn bits_are_those_of_the_wire() {
    small().plans(|plan| {
        let plan = Plan { rate: Rate::Bits(672), ..plan };
        let mut prober = Prober::new(plan, Position::default());
        let (now, _) = run(&mut prober, Instant::ZERO, 100, |_, _| ());
        assert_eq!(now.since(Instant::ZERO), SECOND * 99);
    });
}

/// Answers a probe with a SYN/ACK.
fn reply(bytes: &[u8]) -> Vec<u8> {
    let packet = Packet::from_ip(bytes);
    let (source, target) = packet.addresses().unwrap();
    let header = packet.tcp().unwrap().header;
    let draft = Draft {
        network: Network::between(target, source).unwrap(),
        source_port: header.destination_port(),
        destination_port: header.source_port(),
        seq: Seq(7),
        ack: header.seq().add(1),
        flags: Flags::SYN.with(Flags::ACK),
        ..Draft::default()
    };
    let mut buffer = [0; 40];
    draft.write(&mut buffer).unwrap().to_vec()
}

/// Runs a scanner against hosts of which some answer; tells how often each was asked, and who
/// answered.
fn scan(scanner: &mut Scanner<'_>, answers: impl Fn(&Target) -> bool) -> (Asked, Vec<Target>) {
    let (mut now, mut slot) = (Instant::ZERO, [0; 1500]);
    let (mut asked, mut found) = (Asked::new(), vec![]);
    loop {
        match scanner.poll(now, &mut slot) {
            Step::Send(length) => {
                note(&mut asked, &slot[..length], 1);
                let (_, address) = Packet::from_ip(&slot[..length]).addresses().unwrap();
                if answers(&Target { address, port: 80, variant: 0 }) {
                    scanner.handle(now, &Packet::from_ip(&reply(&slot[..length])));
                }
            }
            Step::Emit(kept) => found.extend(kept.finding().target),
            Step::Wait(until) => now = until,
            Step::Done => return (asked, found),
        }
    }
}

#[test]
fn only_what_has_not_answered_is_asked_again() {
    small().plans(|plan| {
        let mut memory = vec![0; usize::try_from(Sieve::words(plan.space.size())).unwrap()];
        let plan = Plan { limits: Limits { retries: 3, ..plan.limits }, ..plan };
        let even = |target: &Target| match target.address {
            IpAddr::V4(address) => address.to_bits() % 2 == 0,
            IpAddr::V6(_) => unreachable!(),
        };
        let mut scanner = Scanner::new(plan, Position::default(), &mut memory);
        let (asked, found) = scan(&mut scanner, even);
        assert_eq!((found.len(), scanner.results()), (50, 50));
        for ((address, port, variant), times) in asked {
            let answered = even(&Target { address, port, variant });
            assert_eq!(times, if answered { 1 } else { 4 }, "{address}");
        }
    });
}

#[test]
fn so_many_results_are_enough() {
    small().plans(|plan| {
        let mut memory = vec![0; usize::try_from(Sieve::words(plan.space.size())).unwrap()];
        let plan = Plan { limits: Limits { results: Some(20), ..plan.limits }, ..plan };
        let mut scanner = Scanner::new(plan, Position::default(), &mut memory);
        let (asked, found) = scan(&mut scanner, |_| true);
        assert_eq!((asked.len(), found.len()), (20, 20));
        assert!(scanner.prober().is_cooling());
    });
}
