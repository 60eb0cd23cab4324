//! Sieves replies that nobody asked for, and counts those that are believed.
//!
//! `cargo run --release -p tcpexposure-core --example scan_spoof [MILLIONS [SEED]]`
//!
//! All of them come from addresses and ports that are asked, to our address and one of our ports; a
//! half is aimed at the very port from which the target is asked. Flags are those of a SYN/ACK, a
//! RST, a RST/ACK, an ACK, and random ones; every eighth is an ICMP error with a quote. The numbers
//! are random: at most four values of 2^32 pass. ACKs to the right port might be challenge ACKs,
//! which have no number to prove themselves by; they are set apart, one a target, and not accepted.

use std::{collections::BTreeMap, net::IpAddr, process::ExitCode};

use tcpexposure_core::{
    craft::{Draft, Ipv4, Network},
    expression,
    scan::{
        Classification, Finding, Sieve,
        cookie::Key,
        permute::mix,
        targets::{Range, Space, Target},
        template::{Choice, Ports, Probes, Template, proving},
    },
    time::Instant,
    wire::{
        checksum::Sum,
        packet::Packet,
        tcp::{Flags, Seq},
    },
};

/// A source of random numbers.
struct Random(u64, u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.1 += 1;
        mix(self.0, self.1)
    }
}

const HOME: [u8; 4] = [192, 0, 2, 1];

fn flags(random: u64) -> Flags {
    match random % 5 {
        0 => Flags::SYN.with(Flags::ACK),
        1 => Flags::RST,
        2 => Flags::RST.with(Flags::ACK),
        3 => Flags::ACK,
        _ => Flags::from_bits((random >> 8) as u16),
    }
}

fn segment(from: IpAddr, ports: (u16, u16), random: &mut Random) -> Draft<'static> {
    let (numbers, kind) = (random.next(), random.next());
    Draft {
        network: Network::between(from, HOME.into()).unwrap(),
        source_port: ports.0,
        destination_port: ports.1,
        seq: Seq(numbers as u32),
        ack: Seq((numbers >> 32) as u32),
        flags: flags(kind),
        ..Draft::default()
    }
}

/// Wraps a probe of ours, with a random sequence number, into an ICMP error.
fn quote(to: IpAddr, ports: (u16, u16), random: &mut Random, out: &mut [u8]) -> usize {
    let probe = Draft {
        network: Network::between(HOME.into(), to).unwrap(),
        source_port: ports.1,
        destination_port: ports.0,
        seq: Seq(random.next() as u32),
        flags: Flags::SYN,
        ..Draft::default()
    };
    let length = 20 + 8 + probe.write(&mut out[28..]).unwrap().len();
    out[20..28].copy_from_slice(&[3, 1, 0, 0, 0, 0, 0, 0]);
    let sum = Sum::new().feed(&out[20..length]).finish();
    out[22..24].copy_from_slice(&sum.to_be_bytes());
    out[..12].copy_from_slice(&[0x45, 0, 0, length as u8, 0, 0, 0, 0, 64, 1, 0, 0]);
    out[12..16].copy_from_slice(&[203, 0, 113, 9]);
    out[16..20].copy_from_slice(&HOME);
    let sum = Sum::new().feed(&out[..20]).finish();
    out[10..12].copy_from_slice(&sum.to_be_bytes());
    length
}

/// What was made of the replies.
#[derive(Default)]
struct Tally {
    classes: BTreeMap<&'static str, u64>,
    /// Those that hold a number of a probe.
    proven: u64,
    /// Those that are reported apart, and how many more of the same targets are not.
    apart: u64,
    repeated: u64,
    unmatched: u64,
}

impl Tally {
    fn take(&mut self, finding: &Finding<'_>) {
        let class = finding.classification;
        *self.classes.entry(class.name()).or_default() += 1;
        let count = match finding.proof {
            Some(_) => &mut self.proven,
            None if class == Classification::Unmatched => &mut self.unmatched,
            None if class == Classification::Duplicate => &mut self.repeated,
            None => &mut self.apart,
        };
        *count += 1;
    }

    /// Tells what came of so many replies, and whether no more were believed than chance lets in.
    fn judge(&self, count: u64) -> bool {
        let Self { proven, apart, repeated, unmatched, .. } = *self;
        let expected = count as f64 * 4.0 / 4_294_967_296.0;
        println!("{:?}", self.classes);
        println!("accepted: {proven}, of which at most {expected:.3} are to be expected");
        println!(
            "set apart as unproven challenge ACKs: {apart}, and {repeated} of the same targets"
        );
        assert_eq!(proven + apart + repeated + unmatched, count);
        proven as f64 <= expected + 3.0
    }
}

/// Writes a reply to some target, and tells its length.
fn reply(
    space: &Space<'_>,
    probe: &Template<'_>,
    random: &mut Random,
    out: &mut [u8; 128],
) -> usize {
    let whom = random.next();
    let target = space.at(whom % space.size()).unwrap();
    let Target { address, port, .. } = target;
    let aimed = whom >> 32 & 1 == 0;
    let any = probe.choice().ports.pick((whom >> 32) as u32);
    let our = if aimed { probe.source_port(&target) } else { any };
    match whom >> 60 {
        0 | 1 => quote(address, (port, our), random, out),
        _ => segment(address, (port, our), random).write(out).unwrap().len(),
    }
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>().unwrap());
    let count = arguments.next().unwrap_or(100) * 1_000_000;
    let seed = arguments.next().unwrap_or(1);
    let mut random = Random(seed, 0);
    let expression = expression::parse("S win 1024 <mss 1460>").unwrap();
    let network = Network::V4(Ipv4 { source: HOME.into(), ..Ipv4::default() });
    let draft = expression.draft(Draft { network, ..Draft::default() }).unwrap();
    let mut buffer = [0; 64];
    let ours = Ports::range(32768, 60999).unwrap();
    let choice = Choice::only(Key::of_seed(random.next()), ours);
    let probes = [Template::new(&draft, &proving(&expression), choice, &mut buffer).unwrap()];
    let mut ranges = [Range::prefix([198, 51, 0, 0].into(), 16).unwrap()];
    let space = Space::new(&mut ranges, &[80, 443], 1).unwrap();
    let mut memory = vec![0; usize::try_from(Sieve::words(space.size())).unwrap()];
    let mut sieve = Sieve::new(space, Probes { v4: &probes, v6: &[] }, &mut memory);
    let mut tally = Tally::default();
    let mut out = [0; 128];
    for _ in 0..count {
        let length = reply(&space, &probes[0], &mut random, &mut out);
        let packet = Packet::from_ip(&out[..length]);
        if let Some(finding) = sieve.handle(Instant::ZERO, &packet) {
            tally.take(&finding);
        }
    }
    println!("{count} replies, seed {seed}");
    if tally.judge(count) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
