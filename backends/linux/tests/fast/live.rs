//! The generator in the kernel on real wires: the packets of core's prober, in its order, and an
//! account of all of them.

use std::{env, net::IpAddr};

use tcpexposure_core::{
    craft::{Draft, Ipv4, Ipv6, Network},
    engine::{Engine, Step},
    expression,
    scan::{
        Limits, Plan, Position, Prober,
        cookie::Key,
        pace::Rate,
        permute::Shard,
        targets::{Range, Space},
        template::{Choice, Ports, Probes, Template, proving},
    },
    time::Instant,
};
use tcpexposure_link::Cause;
use tcpexposure_linux::{
    Counters, Interface, Options,
    bpf::{Assembler, Kind, Mode, Program, verdict},
    xdp_live::Live,
};

use crate::lab::{Capture, Machine, argument, ip, isolated, join, linger, run, strip};

/// Two probes for each IP version, of different lengths; all is known but the time.
const PROBES: [&str; 2] = ["S win 1024 <mss 1460>", "S seq rand 1-4000000000 <TS val inc ecr 7>"];

fn templates(source: IpAddr) -> Vec<Template<'static>> {
    let network = match source {
        IpAddr::V4(source) => Network::V4(Ipv4 { source, ..Ipv4::default() }),
        IpAddr::V6(source) => Network::V6(Ipv6 { source, ..Ipv6::default() }),
    };
    let make = |(variant, text): (u16, &&'static str)| {
        let expression = expression::parse(text).unwrap();
        let draft = expression.draft(Draft { network, ..Draft::default() }).unwrap();
        let ports = Ports::range(40_000, 49_999).unwrap();
        let choice = Choice { key: Key::of_seed(3), ports, variant, variants: 2 };
        Template::new(&draft, &proving(&expression), choice, Vec::leak(vec![0; 200])).unwrap()
    };
    (0..).zip(&PROBES).map(make).collect()
}

/// Scans these prefixes with both probes.
fn with_plan(prefixes: &[(&str, u8)], probes: u32, body: impl FnOnce(&Plan<'_>)) {
    let (v4, v6) = (templates(ip("10.99.0.1")), templates(ip("fd99::1")));
    let mut ranges: Vec<Range> = prefixes
        .iter()
        .map(|(prefix, length)| Range::prefix(ip(prefix), *length).unwrap())
        .collect();
    let space = Space::new(&mut ranges, &[80, 443], 2).unwrap();
    let plan = Plan {
        space,
        probes: Probes { v4: &v4, v6: &v6 },
        seed: 11,
        shard: Shard::WHOLE,
        rate: Rate::Unlimited,
        limits: Limits { probes, ..Limits::default() },
    };
    body(&plan);
}

/// Opens a generator towards the other machine, unless that is not allowed here.
fn open(plan: &Plan<'_>) -> Option<Live> {
    match Live::open(ip("10.99.0.2"), &Options::default(), plan) {
        Err(error) if matches!(error.cause, Cause::Privilege) => {
            assert!(env::var("CI").as_deref() != Ok("true"), "{error}");
            eprintln!("skipped: {error}");
            None
        }
        live => Some(live.unwrap()),
    }
}

/// Two machines that have nothing else to say to each other.
fn pair() -> Machine {
    let peer = Machine::new();
    join(&peer);
    run("echo 1 >/proc/sys/net/ipv6/conf/v0/disable_ipv6");
    run("ip link set v0 address 02:00:00:00:00:01");
    run("ip neigh replace 10.99.0.2 lladdr 02:00:00:00:00:02 dev v0");
    peer.run("ip addr flush dev v1; echo 1 >/proc/sys/net/ipv6/conf/v1/disable_ipv6");
    peer
}

#[test]
#[ignore = "a helper: judges what v1 receives, in the driver"]
fn helper_judges() {
    let mut code = Assembler::new();
    code.give(if argument() == "pass" { verdict::PASS } else { verdict::DROP });
    let program = Program::load(Kind::Xdp, &code).unwrap();
    let index = Interface::named("v1").unwrap().index;
    let _link = program.attach(index, Mode::Native).unwrap();
    println!("READY");
    linger();
}

#[test]
fn the_packets_are_those_of_the_prober_in_its_order() {
    isolated("live::the_packets_are_those_of_the_prober_in_its_order", || {
        let peer = pair();
        let prefixes = [("10.1.0.0", 26), ("10.3.0.0", 25), ("fd98::ff00", 121)];
        with_plan(&prefixes, 2, |plan| {
            let Some(mut live) = open(plan) else { return };
            let _judge = peer.help("live::helper_judges", "pass");
            let capture = Capture::start(Some(&peer), "v1", "in", "tcp or ip6");
            let mut prober = Prober::new(*plan, Position::default());
            let (mut position, mut total) = (Position::default(), 0);
            loop {
                let counts = live.run(position, 300).unwrap();
                assert_eq!((counts.sent, counts.refused), (Some(counts.made), Some(0)));
                for _ in 0..counts.made {
                    let mut slot = [0; 200];
                    let step = prober.poll(Instant::ZERO, &mut slot);
                    let Step::Send(length) = step else { panic!("{step:?}") };
                    assert_eq!(strip(&capture.next()), &slot[..length], "at {position:?}");
                }
                assert_eq!(counts.next, prober.position());
                position = counts.next;
                total += counts.made;
                if counts.made < 300 {
                    break;
                }
            }
            assert_eq!((total, position.step), (2 * plan.space.size(), plan.space.size()));
            assert_eq!(live.statistics().unwrap().committed, Some(total));
        });
    });
}

#[test]
fn every_packet_is_accounted_for() {
    isolated("live::every_packet_is_accounted_for", || {
        const COUNT: u64 = 100_000;
        let peer = pair();
        with_plan(&[("10.0.0.0", 8)], 1, |plan| {
            let Some(mut live) = open(plan) else { return };
            let _judge = peer.help("live::helper_judges", "drop");
            let index = Interface::named("v0").unwrap().index;
            let before = Counters::of(index).unwrap();
            let counts = live.run(Position { step: 5, ..Position::default() }, COUNT).unwrap();
            let after = Counters::of(index).unwrap();
            assert_eq!((counts.made, counts.skipped, counts.next.step), (COUNT, 0, COUNT + 5));
            let (sent, refused) = (counts.sent.unwrap(), counts.refused.unwrap());
            assert_eq!(sent + refused, COUNT);
            // The interface counts what its other end has received.
            assert_eq!(after.sent - before.sent, sent);
        });
    });
}

#[test]
fn who_takes_no_redirected_frames_is_told() {
    isolated("live::who_takes_no_redirected_frames_is_told", || {
        let peer = pair();
        with_plan(&[("10.0.0.0", 8)], 1, |plan| {
            let Some(mut live) = open(plan) else { return };
            let error = live.run(Position::default(), 100).unwrap_err();
            let text = error.to_string();
            assert!(text.starts_with("cannot send on v0: v0 takes no redirected frames"), "{text}");
            let judge = peer.help("live::helper_judges", "drop");
            assert_eq!(live.run(Position::default(), 100).unwrap().sent, Some(100));
            judge.kill();
            peer.run("ip link set v1 down");
            let error = live.run(Position::default(), 100).unwrap_err();
            assert!(matches!(&error.cause, Cause::Down(name) if name == "v0"), "{error}");
            run("ip link del v0");
            let error = live.run(Position::default(), 100).unwrap_err();
            assert!(matches!(&error.cause, Cause::NoInterface(name) if name == "v0"), "{error}");
        });
        let error = with_loopback();
        assert!(error.to_string().contains("lo is no Ethernet"), "{error}");
    });
}

fn with_loopback() -> tcpexposure_link::Error {
    let mut error = None;
    with_plan(&[("127.0.0.0", 8)], 1, |plan| {
        error = Live::open(ip("127.0.0.1"), &Options::default(), plan).err();
    });
    error.unwrap()
}
