//! Stateless probing: the order of the targets, the cookie, the packet, and all three as one step.
//!
//! Beside each step stands a clock, so many cycles: 12 and 20 nanoseconds at 3.1 GHz, which is what
//! the two are allowed.

use std::{
    hash::Hasher as _,
    hint::black_box,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use siphasher::sip::SipHasher13;

use tcpexposure_core::{
    craft::{Draft, Ipv4, Ipv6, Network},
    expression,
    scan::{
        cookie::Key,
        permute::Permutation,
        targets::{Range, Space, Target},
        template::{Choice, Ports, Shot, Template, proving},
    },
    time::Instant,
    wire::tcp::Seq,
};

use self::reference::{Syn, cycles};
use crate::race::{Race, Role};

mod reference;

/// How many steps a round has.
const STEPS: u64 = 1000;
/// The source port.
const PORT: u16 = 40000;

/// Makes the races.
#[must_use]
pub fn races() -> Vec<Race> {
    let mut races = vec![permutation()];
    for (version, source, prefix, length) in [
        ("IPv4", IpAddr::from([192, 0, 2, 1]), IpAddr::from([10, 0, 0, 0]), 8),
        (
            "IPv6",
            [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1].into(),
            [0x2001, 0xdb8, 1, 0, 0, 0, 0, 0].into(),
            104,
        ),
    ] {
        let template = template(source, "S win 64240 <mss 1460>");
        let space = space(Range::prefix(prefix, length).expect("a prefix"));
        races.push(cookie(version, template, space));
        races.push(patch(version, source, space));
        races.push(step(version, template, space));
    }
    races
}

fn permutation() -> Race {
    let permutation = Permutation::new(1 << 24, 7);
    let mut next = 0;
    Race::new("permutation", "2^24", STEPS, 0).with("tcpexposure", Role::Ours, move || {
        next = (next + STEPS) & 0xff_ffff;
        (next..next + STEPS).fold(0, |sum, index| sum ^ permutation.at(index))
    })
}

fn cookie(
    version: &'static str,
    template: &'static Template<'static>,
    space: Space<'static>,
) -> Race {
    let targets: &'static [Target] = targets(space).leak();
    let key = template.cookies().key().words();
    let source = template.cookies().source();
    Race::new("cookie", version, STEPS, 0)
        .with("tcpexposure", Role::Ours, move || {
            let cookie = |target| u64::from(template.cookie(target, PORT));
            black_box(targets).iter().fold(0, |sum, target| sum ^ cookie(target))
        })
        .with("siphasher", Role::Peer, move || {
            let cookie = |target| u64::from(theirs(key, source, target) as u32);
            black_box(targets).iter().fold(0, |sum, target| sum ^ cookie(target))
        })
}

/// The hash of the same bytes by the crate of that name.
#[inline(always)]
fn theirs([k0, k1]: [u64; 2], source: IpAddr, target: &Target) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(k0, k1);
    match (source, target.address) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let mut bytes = [0; 12];
            bytes[..4].copy_from_slice(&source.octets());
            bytes[4..8].copy_from_slice(&destination.octets());
            bytes[8..10].copy_from_slice(&PORT.to_be_bytes());
            bytes[10..].copy_from_slice(&target.port.to_be_bytes());
            hasher.write(&bytes);
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let mut bytes = [0; 36];
            bytes[..16].copy_from_slice(&source.octets());
            bytes[16..32].copy_from_slice(&destination.octets());
            bytes[32..34].copy_from_slice(&PORT.to_be_bytes());
            bytes[34..].copy_from_slice(&target.port.to_be_bytes());
            hasher.write(&bytes);
        }
        _ => {}
    }
    hasher.finish()
}

/// The packet with all that changes, but for a cookie.
fn patch(version: &'static str, source: IpAddr, space: Space<'static>) -> Race {
    let template = template(source, "S seq 7 win 64240 <mss 1460>");
    let minimal: &'static Syn = Box::leak(Box::new(Syn::new(template.bytes())));
    let targets: &'static [Target] = targets(space).leak();
    for target in targets {
        let (mut ours, mut theirs) = ([0; 64], [0; 64]);
        let shot = Shot { target: *target, place: 0, repeat: 0, time: Instant::ZERO };
        assert_eq!(
            template.write(&mut ours, &shot),
            Some(by_hand(minimal, &mut theirs, target, 7))
        );
        assert_eq!(ours, theirs, "the packets");
    }
    let bytes = STEPS * template.bytes().len() as u64;
    let (mut ours, mut theirs) = ([0; 64], [0; 64]);
    Race::new("patch", version, STEPS, bytes)
        .with("tcpexposure", Role::Ours, move || {
            let mut sum = 0;
            for target in black_box(targets) {
                let shot = Shot { target: *target, place: 0, repeat: 0, time: Instant::ZERO };
                sum += template.write(black_box(&mut ours), &shot).unwrap_or_default() as u64;
            }
            sum
        })
        .with("reference", Role::Reference, move || {
            let mut sum = 0;
            for target in black_box(targets) {
                sum += by_hand(minimal, black_box(&mut theirs), target, 7) as u64;
            }
            sum
        })
        .with("38 cycles", Role::Reference, move || clock::<38>(bytes))
}

/// Target, cookie and packet.
fn step(
    version: &'static str,
    template: &'static Template<'static>,
    space: Space<'static>,
) -> Race {
    let minimal: &'static Syn = Box::leak(Box::new(Syn::new(template.bytes())));
    let permutation = Permutation::new(space.size(), 7);
    let (mut next, mut then) = (0, 0);
    let (mut ours, mut theirs) = ([0; 64], [0; 64]);
    let first = space.ranges()[0].first();
    let bytes = STEPS * template.bytes().len() as u64;
    Race::new("scan step", version, STEPS, bytes)
        .with("tcpexposure", Role::Ours, move || {
            next = (next + STEPS) % (space.size() - STEPS);
            let mut sum = 0;
            for place in next..next + STEPS {
                let Some(target) = space.at(permutation.at(place)) else { continue };
                let shot = Shot { target, place, repeat: 0, time: Instant::ZERO };
                sum += template.write(black_box(&mut ours), &shot).unwrap_or_default() as u64;
            }
            sum
        })
        .with("reference", Role::Reference, move || {
            then = (then + STEPS) % (space.size() - STEPS);
            let mut sum = 0;
            for place in then..then + STEPS {
                let target = after(first, permutation.at(place));
                let cookie = template.cookies().of(target.address, PORT, target.port);
                sum += by_hand(minimal, black_box(&mut theirs), &target, cookie) as u64;
            }
            sum
        })
        .with("62 cycles", Role::Reference, move || clock::<62>(bytes))
}

#[inline(always)]
fn by_hand(minimal: &Syn, slot: &mut [u8; 64], target: &Target, seq: u32) -> usize {
    let ports = [PORT, target.port];
    match target.address {
        IpAddr::V4(address) => minimal.v4(slot, address.to_bits(), ports, seq),
        IpAddr::V6(address) => minimal.v6(slot, address.to_bits(), ports, seq),
    }
}

/// The target so far behind the first.
#[inline(always)]
fn after(first: IpAddr, number: u64) -> Target {
    let address = match first {
        IpAddr::V4(first) => Ipv4Addr::from_bits(first.to_bits() + number as u32).into(),
        IpAddr::V6(first) => Ipv6Addr::from_bits(first.to_bits() + u128::from(number)).into(),
    };
    Target { address, port: 443, variant: 0 }
}

/// Spends so many cycles a step: a clock, by which a time is told on a machine whose speed changes.
fn clock<const COUNT: u64>(result: u64) -> u64 {
    let mut value = black_box(result);
    for _ in 0..STEPS {
        value = cycles::<COUNT>(value);
    }
    black_box(value);
    result
}

/// A SYN, from one port.
fn template(source: IpAddr, text: &str) -> &'static Template<'static> {
    let network = match source {
        IpAddr::V4(source) => Network::V4(Ipv4 { source, ..Ipv4::default() }),
        IpAddr::V6(source) => Network::V6(Ipv6 { source, ..Ipv6::default() }),
    };
    let expression = expression::parse(text).expect("an expression");
    let draft = expression.draft(Draft { network, ..Draft::default() }).expect("a draft");
    let ports = Ports::one(PORT);
    let choice = Choice::only(Key::of_seed(1), ports);
    let buffer = vec![0; 64].leak();
    let proving = if draft.seq == Seq(0) { proving(&expression) } else { heapless::Vec::new() };
    let template = Template::new(&draft, &proving, choice, buffer);
    Box::leak(Box::new(template.expect("a template")))
}

fn space(range: Range) -> Space<'static> {
    Space::new(vec![range].leak(), &[443], 1).expect("targets")
}

fn targets(space: Space<'static>) -> Vec<Target> {
    (0..STEPS).filter_map(|number| space.at(number * 7919 % space.size())).collect()
}
