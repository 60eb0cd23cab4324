//! What a step of a scan costs, in nanoseconds, and the ratio of each part to a whole SYN.
//!
//! `cargo run --release -p tcpexposure-core --example scan_speed [ROUNDS]`
//!
//! Rounds of all measurements alternate, and the least of each is told: on a machine that is busy
//! otherwise, ratios hold and nanoseconds do not.

use std::{hint::black_box, net::IpAddr, time::Instant as Clock};

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

const STEPS: u32 = 20_000;
const LINUX: &str = "S win 64240 <mss 1460,sackOK,TS val now ecr 0,nop,wscale 7>";

fn template<'b>(text: &str, source: IpAddr, ports: Ports, buffer: &'b mut [u8]) -> Template<'b> {
    let expression = expression::parse(text).unwrap();
    let network = match source {
        IpAddr::V4(source) => Network::V4(Ipv4 { source, ..Ipv4::default() }),
        IpAddr::V6(source) => Network::V6(Ipv6 { source, ..Ipv6::default() }),
    };
    let draft = expression.draft(Draft { network, ..Draft::default() }).unwrap();
    let choice = Choice::only(Key::of_seed(1), ports);
    Template::new(&draft, &proving(&expression), choice, buffer).unwrap()
}

fn plan<'a>(space: Space<'a>, probes: Probes<'a>) -> Plan<'a> {
    let limits = Limits::default();
    Plan { space, probes, seed: 3, shard: Shard::WHOLE, rate: Rate::Unlimited, limits }
}

/// Makes the SYN/ACKs of the first targets.
fn replies(plan: Plan<'_>) -> Vec<Vec<u8>> {
    let mut prober = Prober::new(plan, Position::default());
    let mut slot = [0; 1500];
    let one = |_| {
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
    };
    (0..1000).map(one).collect()
}

type Measured<'m> = (&'static str, Box<dyn FnMut(u32) + 'm>, f64);

#[expect(clippy::disallowed_methods, reason = "it measures time")]
fn measure(all: &mut [Measured<'_>], rounds: u32) {
    for _ in 0..rounds {
        for (_, step, least) in all.iter_mut() {
            let begun = Clock::now();
            (0..STEPS).for_each(&mut *step);
            *least = least.min(begun.elapsed().as_secs_f64() * 1e9 / f64::from(STEPS));
        }
    }
}

fn main() {
    let rounds = std::env::args().nth(1).map_or(200, |rounds| rounds.parse().unwrap());
    let v4: IpAddr = [192, 0, 2, 1].into();
    let v6: IpAddr = "2001:db8::1".parse().unwrap();
    let mut buffers = [[0; 100]; 5];
    let [a, b, c, d, e] = &mut buffers;
    let plain = [template("S win 64240 <mss 1460>", v4, Ports::one(40000), a)];
    let linux = [template(LINUX, v4, Ports::range(32768, 61000).unwrap(), b)];
    let bare = template("S seq 5 win 64240 <mss 1460>", v4, Ports::one(40000), c);
    let plain6 = [template("S win 64240 <mss 1460>", v6, Ports::one(40000), d)];
    let linux6 = [template(LINUX, v6, Ports::range(32768, 61000).unwrap(), e)];
    let mut all = [Range::prefix([0, 0, 0, 0].into(), 0).unwrap()];
    let one = Space::new(&mut all, &[80], 1).unwrap();
    let mut all = [Range::prefix([0, 0, 0, 0].into(), 0).unwrap()];
    let ports: Vec<u16> = (1..=1000).collect();
    let many = Space::new(&mut all, &ports, 1).unwrap();
    let mut cut: Vec<Range> = (0..5000_u32)
        .map(|at| {
            let address = |low: u32| IpAddr::from((at * 800_000 + low).to_be_bytes());
            Range::new(address(0), address(700_000)).unwrap()
        })
        .collect();
    let cut = Space::new(&mut cut, &[80], 1).unwrap();
    let mut wide = [Range::prefix("2001:db8::".parse().unwrap(), 80).unwrap()];
    let wide = Space::new(&mut wide, &[80], 1).unwrap();
    let permutation = Permutation::new(1 << 32, 7);
    let odd = Permutation::new((1 << 31) + 1, 7);
    let cookies = [Cookies::new(Key::of_seed(1), v4), Cookies::new(Key::of_seed(1), v6)];
    let target = |address| Target { address, port: 80, variant: 0 };
    let to4 = |at: u32| target(IpAddr::from(at.wrapping_mul(2_654_435_761).to_be_bytes()));
    let to6 = |at: u32| target(IpAddr::from((u128::from(at) << 64 | 7).to_be_bytes()));
    let shot = |target| Shot { target, place: 1, repeat: 0, time: Instant::from_nanos(5) };
    let none = Probes { v4: &[], v6: &[] };
    let plans = [
        plan(one, Probes { v4: &plain, ..none }),
        plan(one, Probes { v4: &linux, ..none }),
        plan(many, Probes { v4: &linux, ..none }),
        plan(cut, Probes { v4: &linux, ..none }),
        plan(wide, Probes { v6: &plain6, ..none }),
        plan(wide, Probes { v6: &linux6, ..none }),
    ];
    let probers = plans.map(|plan| Prober::new(plan, Position::default()));
    let [mut p0, mut p1, mut p2, mut p3, mut p4, mut p5] = probers;
    let answers = replies(plans[1]);
    let mut memory = vec![0; 1 << 22];
    let mut sieve = Sieve::new(one, plans[1].probes, &mut memory);
    let mut frames = [[0_u8; 1500]; 4];
    let [f0, f1, f2, f3] = &mut frames;
    plain[0].write(f0, &shot(to4(1))).unwrap();
    bare.write(f1, &shot(to4(1))).unwrap();
    plain6[0].write(f2, &shot(to6(1))).unwrap();
    linux[0].write(f3, &shot(to4(1))).unwrap();
    let mut slots = vec![[0_u8; 1500]; 6];
    let [s0, s1, s2, s3, s4, s5] = &mut slots[..] else { unreachable!() };
    let poll = |prober: &mut Prober<'_>, slot: &mut [u8]| {
        black_box(prober.poll(Instant::from_nanos(7), slot));
    };
    let plain = &plain[0];
    let mut measured: Vec<Measured<'_>> = vec![
        (
            "permutation of 2^32",
            Box::new(|at| {
                black_box(permutation.at(black_box(at.into())));
            }),
            f64::MAX,
        ),
        (
            "permutation of 2^31 + 1",
            Box::new(|at| {
                black_box(odd.at(black_box(at.into())));
            }),
            f64::MAX,
        ),
        (
            "target of a number, 1 range",
            Box::new(|at| {
                black_box(one.at(black_box(at.into())));
            }),
            f64::MAX,
        ),
        (
            "target of a number, 5,000 ranges",
            Box::new(|at| {
                black_box(cut.at(black_box(u64::from(at) * 150_000)));
            }),
            f64::MAX,
        ),
        (
            "cookie, IPv4",
            Box::new(|at| {
                black_box(cookies[0].of(black_box(to4(at).address), 40000, 80));
            }),
            f64::MAX,
        ),
        (
            "cookie, IPv6",
            Box::new(|at| {
                black_box(cookies[1].of(black_box(to6(at).address), 40000, 80));
            }),
            f64::MAX,
        ),
        (
            "patch without cookie, IPv4",
            Box::new(|at| {
                black_box(bare.patch(f1, black_box(&shot(to4(at)))));
            }),
            f64::MAX,
        ),
        (
            "patch with cookie, IPv4",
            Box::new(|at| {
                black_box(plain.patch(f0, black_box(&shot(to4(at)))));
            }),
            f64::MAX,
        ),
        (
            "patch with cookie, IPv6",
            Box::new(|at| {
                black_box(plain6[0].patch(f2, black_box(&shot(to6(at)))));
            }),
            f64::MAX,
        ),
        (
            "patch with cookie, ports and time",
            Box::new(|at| {
                black_box(linux[0].patch(f3, black_box(&shot(to4(at)))));
            }),
            f64::MAX,
        ),
        ("whole step, <mss>", Box::new(|_| poll(&mut p0, s0)), f64::MAX),
        ("whole step, Linux's SYN, ports", Box::new(|_| poll(&mut p1, s1)), f64::MAX),
        ("whole step, 1,000 ports", Box::new(|_| poll(&mut p2, s2)), f64::MAX),
        ("whole step, 5,000 ranges", Box::new(|_| poll(&mut p3, s3)), f64::MAX),
        ("whole step, IPv6", Box::new(|_| poll(&mut p4, s4)), f64::MAX),
        ("whole step, IPv6, Linux's SYN, ports", Box::new(|_| poll(&mut p5, s5)), f64::MAX),
        (
            "sieve of a SYN/ACK, parsing included",
            Box::new(|at| {
                let bytes = &answers[at as usize % answers.len()];
                black_box(
                    sieve
                        .handle(Instant::from_nanos(9_000_000), &Packet::from_ip(black_box(bytes))),
                );
            }),
            f64::MAX,
        ),
    ];
    measure(&mut measured, rounds);
    let unit =
        measured.iter().find(|(name, ..)| *name == "whole step, <mss>").map_or(1.0, |one| one.2);
    for (name, _, least) in &measured {
        println!("{name:40} {least:6.1} ns  {:5.2}", least / unit);
    }
}
