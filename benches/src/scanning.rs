//! Stateless probing: the order of the targets, the cookie, the packet, and all three as one step.

use std::{hint::black_box, net::IpAddr};

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
};

use crate::race::{Race, Role};

/// How many steps a round has.
const STEPS: u64 = 1000;

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
        let template = template(source);
        let space = space(Range::prefix(prefix, length).expect("a prefix"));
        races.push(cookie(version, template, space));
        races.push(patch(version, template, space));
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
    let targets = targets(space);
    Race::new("cookie", version, STEPS, 0).with("tcpexposure", Role::Ours, move || {
        let cookie = |target| u64::from(template.cookie(target, 40000));
        black_box(&targets).iter().fold(0, |sum, target| sum ^ cookie(target))
    })
}

/// The packet with all that changes, its cookie included.
fn patch(
    version: &'static str,
    template: &'static Template<'static>,
    space: Space<'static>,
) -> Race {
    let targets = targets(space);
    let bytes = STEPS * template.bytes().len() as u64;
    let mut slot = [0; 64];
    Race::new("template", version, STEPS, bytes).with("tcpexposure", Role::Ours, move || {
        let mut sum = 0;
        for target in black_box(&targets) {
            let shot = Shot { target: *target, place: 0, repeat: 0, time: Instant::ZERO };
            sum += template.write(black_box(&mut slot), &shot).unwrap_or_default() as u64;
        }
        sum
    })
}

fn step(
    version: &'static str,
    template: &'static Template<'static>,
    space: Space<'static>,
) -> Race {
    let permutation = Permutation::new(space.size(), 7);
    let mut next = 0;
    let mut slot = [0; 64];
    let bytes = STEPS * template.bytes().len() as u64;
    Race::new("scan step", version, STEPS, bytes).with("tcpexposure", Role::Ours, move || {
        next = (next + STEPS) % (space.size() - STEPS);
        let mut sum = 0;
        for place in next..next + STEPS {
            let Some(target) = space.at(permutation.at(place)) else { continue };
            let shot = Shot { target, place, repeat: 0, time: Instant::ZERO };
            sum += template.write(black_box(&mut slot), &shot).unwrap_or_default() as u64;
        }
        sum
    })
}

/// The SYN of a Linux host without time stamps, from one port.
fn template(source: IpAddr) -> &'static Template<'static> {
    let network = match source {
        IpAddr::V4(source) => Network::V4(Ipv4 { source, ..Ipv4::default() }),
        IpAddr::V6(source) => Network::V6(Ipv6 { source, ..Ipv6::default() }),
    };
    let expression = expression::parse("S win 64240 <mss 1460>").expect("an expression");
    let draft = expression.draft(Draft { network, ..Draft::default() }).expect("a draft");
    let ports = Ports::range(40000, 40000).expect("a port");
    let choice = Choice::only(Key::of_seed(1), ports);
    let buffer = vec![0; 64].leak();
    let template = Template::new(&draft, &proving(&expression), choice, buffer);
    Box::leak(Box::new(template.expect("a template")))
}

fn space(range: Range) -> Space<'static> {
    Space::new(vec![range].leak(), &[443], 1).expect("targets")
}

fn targets(space: Space<'static>) -> Vec<Target> {
    (0..STEPS).filter_map(|number| space.at(number * 7919 % space.size())).collect()
}
