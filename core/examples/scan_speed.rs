//! What a step of a scan costs, in nanoseconds, and the ratio of each part to a whole SYN.
//!
//! `cargo run --release -p tcpexposure-core --example scan_speed [ROUNDS]`
//!
//! Rounds of all measurements alternate, and the least of each is told: on a machine that is busy
//! otherwise, ratios hold and nanoseconds do not.

use std::{array, hint::black_box, iter, net::IpAddr, time::Instant as Clock};

use tcpexposure_core::{
    craft::{Draft, Ipv4, Ipv6, Network},
    engine::{Engine, Step},
    expression,
    scan::{
        Limits, Plan, Position, Prober, Sieve,
        cookie::{Cookies, Key},
        pace::Rate,
        permute::{Permutation, Shard},
        targets::{Range, Space, Target},
        template::{Choice, Ports, Probes, Shot, Template, proving},
    },
    time::Instant,
    wire::{
        packet::Packet,
        tcp::{Flags, Seq},
    },
};

/// One measurement.
struct Measured {
    name: &'static str,
    step: Box<dyn FnMut(u32)>,
    /// The least nanoseconds that a step took.
    least: f64,
}

/// What is measured with: templates, and spaces of targets. All live as long as the program.
#[derive(Clone, Copy)]
struct Kit {
    plain: &'static [Template<'static>],
    linux: &'static [Template<'static>],
    bare: &'static [Template<'static>],
    plain6: &'static [Template<'static>],
    linux6: &'static [Template<'static>],
    /// All of IPv4, one port.
    one: Space<'static>,
    /// All of IPv4, a thousand ports.
    many: Space<'static>,
    /// Five thousand ranges of IPv4.
    cut: Space<'static>,
    /// A prefix of IPv6.
    wide: Space<'static>,
}

impl Kit {
    fn new() -> Self {
        let [v4, v6] = sources();
        let all = || Range::prefix([0, 0, 0, 0].into(), 0).unwrap();
        let (one, some) = (Ports::one(40000), Ports::range(32768, 61000).unwrap());
        let plain = "S win 64240 <mss 1460>";
        let cut = (0..5000_u32).map(|at| {
            let address = |low: u32| IpAddr::from((at * 800_000 + low).to_be_bytes());
            Range::new(address(0), address(700_000)).unwrap()
        });
        let wide = Range::prefix("2001:db8::".parse().unwrap(), 80).unwrap();
        Self {
            plain: template(plain, v4, one),
            linux: template(LINUX, v4, some),
            bare: template("S seq 5 win 64240 <mss 1460>", v4, one),
            plain6: template(plain, v6, one),
            linux6: template(LINUX, v6, some),
            one: space(iter::once(all()), 80..=80),
            many: space(iter::once(all()), 1..=1000),
            cut: space(cut, 80..=80),
            wide: space(iter::once(wide), 80..=80),
        }
    }
}

impl Measured {
    fn new(name: &'static str, step: impl FnMut(u32) + 'static) -> Self {
        Self { name, step: Box::new(step), least: f64::MAX }
    }

    /// Measures a function of the step's number.
    fn of<T>(name: &'static str, step: impl Fn(u32) -> T + 'static) -> Self {
        Self::new(name, move |at| {
            black_box(step(black_box(at)));
        })
    }

    /// Measures the patching of a frame.
    fn patch(
        name: &'static str,
        template: &'static [Template<'static>],
        shot: impl Fn(u32) -> Shot + 'static,
    ) -> Self {
        let template = &template[0];
        let mut frame = [0; 1500];
        template.write(&mut frame, &shot(1)).unwrap();
        Self::new(name, move |at| {
            black_box(template.patch(&mut frame, black_box(&shot(at))));
        })
    }

    /// Measures all that a probe takes.
    fn whole(name: &'static str, plan: Plan<'static>) -> Self {
        let mut prober = Prober::new(plan, Position::default());
        let mut slot = [0; 1500];
        Self::new(name, move |_| {
            black_box(prober.poll(Instant::from_nanos(7), &mut slot));
        })
    }
}

fn sources() -> [IpAddr; 2] {
    [[192, 0, 2, 1].into(), "2001:db8::1".parse().unwrap()]
}

fn template(text: &str, source: IpAddr, ports: Ports) -> &'static [Template<'static>] {
    let expression = expression::parse(text).unwrap();
    let network = match source {
        IpAddr::V4(source) => Network::V4(Ipv4 { source, ..Ipv4::default() }),
        IpAddr::V6(source) => Network::V6(Ipv6 { source, ..Ipv6::default() }),
    };
    let draft = expression.draft(Draft { network, ..Draft::default() }).unwrap();
    let choice = Choice::only(Key::of_seed(1), ports);
    let buffer = Box::leak(Box::new([0; 100]));
    let made = Template::new(&draft, &proving(&expression), choice, buffer).unwrap();
    Box::leak(Box::new([made]))
}

fn space(ranges: impl Iterator<Item = Range>, ports: impl Iterator<Item = u16>) -> Space<'static> {
    let (ranges, ports): (Vec<_>, Vec<_>) = (ranges.collect(), ports.collect());
    Space::new(ranges.leak(), ports.leak(), 1).unwrap()
}

/// Plans to ask all of a space by one template.
fn plan(space: Space<'static>, template: &'static [Template<'static>]) -> Plan<'static> {
    let probes = match template[0].cookies().source() {
        IpAddr::V4(_) => Probes { v4: template, v6: &[] },
        IpAddr::V6(_) => Probes { v4: &[], v6: template },
    };
    let limits = Limits::default();
    Plan { space, probes, seed: 3, shard: Shard::WHOLE, rate: Rate::Unlimited, limits }
}

fn shot(address: IpAddr) -> Shot {
    let target = Target { address, port: 80, variant: 0 };
    Shot { target, place: 1, repeat: 0, time: Instant::from_nanos(5) }
}

fn shot4(at: u32) -> Shot {
    shot(IpAddr::from(at.wrapping_mul(2_654_435_761).to_be_bytes()))
}

fn shot6(at: u32) -> Shot {
    shot(IpAddr::from((u128::from(at) << 64 | 7).to_be_bytes()))
}

/// Makes the SYN/ACKs of the first targets.
fn replies(plan: Plan<'_>) -> [Vec<u8>; 1000] {
    let mut prober = Prober::new(plan, Position::default());
    let mut slot = [0; 1500];
    array::from_fn(|_| {
        let Step::Send(length) = prober.poll(Instant::from_nanos(5_000_000), &mut slot) else {
            unreachable!()
        };
        let probe = Draft::of(&Packet::from_ip(&slot[..length])).unwrap();
        let between = Network::between(probe.network.destination(), probe.network.source());
        let reply = Draft {
            network: between.unwrap(),
            source_port: probe.destination_port,
            destination_port: probe.source_port,
            ack: Seq(probe.seq.0.wrapping_add(1)),
            flags: Flags::SYN.with(Flags::ACK),
            options: &[2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0x13, 0x88, 1, 3, 3, 7],
            ..Draft::default()
        };
        let mut buffer = [0; 100];
        reply.write(&mut buffer).unwrap().to_vec()
    })
}

/// The way from a step to a target, and its cookie.
fn parts(kit: Kit) -> Vec<Measured> {
    let permutation = Permutation::new(1 << 32, 7);
    let odd = Permutation::new((1 << 31) + 1, 7);
    let [v4, v6] = sources().map(|source| Cookies::new(Key::of_seed(1), source));
    vec![
        Measured::of("permutation of 2^32", move |at| permutation.at(at.into())),
        Measured::of("permutation of 2^31 + 1", move |at| odd.at(at.into())),
        Measured::of("target of a number, 1 range", move |at| kit.one.at(at.into())),
        Measured::of("target of a number, 5,000 ranges", move |at| {
            kit.cut.at(u64::from(at) * 150_000)
        }),
        Measured::of("cookie, IPv4", move |at| v4.of(shot4(at).target.address, 40000, 80)),
        Measured::of("cookie, IPv6", move |at| v6.of(shot6(at).target.address, 40000, 80)),
    ]
}

fn patches(kit: Kit) -> Vec<Measured> {
    vec![
        Measured::patch("patch without cookie, IPv4", kit.bare, shot4),
        Measured::patch("patch with cookie, IPv4", kit.plain, shot4),
        Measured::patch("patch with cookie, IPv6", kit.plain6, shot6),
        Measured::patch("patch with cookie, ports and time", kit.linux, shot4),
    ]
}

fn steps(kit: Kit) -> Vec<Measured> {
    vec![
        Measured::whole(UNIT, plan(kit.one, kit.plain)),
        Measured::whole("whole step, Linux's SYN, ports", plan(kit.one, kit.linux)),
        Measured::whole("whole step, 1,000 ports", plan(kit.many, kit.linux)),
        Measured::whole("whole step, 5,000 ranges", plan(kit.cut, kit.linux)),
        Measured::whole("whole step, IPv6", plan(kit.wide, kit.plain6)),
        Measured::whole("whole step, IPv6, Linux's SYN, ports", plan(kit.wide, kit.linux6)),
    ]
}

fn sieve(kit: Kit) -> Measured {
    let plan = plan(kit.one, kit.linux);
    let answers = replies(plan);
    let mut sieve = Sieve::new(plan.space, plan.probes, vec![0; 1 << 22].leak());
    Measured::new("sieve of a SYN/ACK, parsing included", move |at| {
        let packet = Packet::from_ip(black_box(&answers[at as usize % answers.len()]));
        black_box(sieve.handle(Instant::from_nanos(9_000_000), &packet));
    })
}

#[expect(clippy::disallowed_methods, reason = "it measures time")]
fn measure(all: &mut [Measured], rounds: u32) {
    for _ in 0..rounds {
        for one in all.iter_mut() {
            let begun = Clock::now();
            (0..STEPS).for_each(&mut one.step);
            one.least = one.least.min(begun.elapsed().as_secs_f64() * 1e9 / f64::from(STEPS));
        }
    }
}

fn main() {
    let rounds = std::env::args().nth(1).map_or(200, |rounds| rounds.parse().unwrap());
    let kit = Kit::new();
    let groups = [parts(kit), patches(kit), steps(kit), vec![sieve(kit)]];
    let mut all: Vec<_> = groups.into_iter().flatten().collect();
    measure(&mut all, rounds);
    let unit = all.iter().find(|one| one.name == UNIT).map_or(1.0, |one| one.least);
    for Measured { name, least, .. } in &all {
        println!("{name:40} {least:6.1} ns  {:5.2}", least / unit);
    }
}

const STEPS: u32 = 20_000;
/// What the others are compared to.
const UNIT: &str = "whole step, <mss>";
const LINUX: &str = "S win 64240 <mss 1460,sackOK,TS val now ecr 0,nop,wscale 7>";
