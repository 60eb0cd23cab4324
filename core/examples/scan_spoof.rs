//! Sieves replies that nobody asked for, and counts those that are believed.
//!
//! `cargo run --release -p tcpexposure-core --example scan_spoof [MILLIONS [SEED]]`
//!
//! All of them come from addresses and ports that are asked, to our address and one of our ports; a
//! half is aimed at the very port from which the target is asked. Flags are those of a SYN/ACK, a
//! RST, a RST/ACK, an ACK, and random ones; every eighth is an ICMP error with a quote. The numbers
//! are random: at most four values of 2^32 pass.

use std::{collections::BTreeMap, net::IpAddr, process::ExitCode};

use tcpexposure_core::{
    craft::{Draft, Ipv4, Network},
    expression,
    scan::{
        Classification, Sieve,
        cookie::Key,
        finding::Proof,
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
    let mut sieve = Sieve::new(space, Probes { v4: &probes, v6: &[] }, &mut []);
    let mut out = [0; 128];
    let mut classes = BTreeMap::<&str, u64>::new();
    let mut proofs = [0_u64; 2];
    for _ in 0..count {
        let whom = random.next();
        let target = space.at(whom % space.size()).unwrap();
        let Target { address, port, .. } = target;
        let aimed = whom >> 32 & 1 == 0;
        let our =
            if aimed { probes[0].source_port(&target) } else { ours.pick((whom >> 32) as u32) };
        let length = match whom >> 60 {
            0 | 1 => quote(address, (port, our), &mut random, &mut out),
            _ => segment(address, (port, our), &mut random).write(&mut out).unwrap().len(),
        };
        let packet = Packet::from_ip(&out[..length]);
        let Some(finding) = sieve.handle(Instant::ZERO, &packet) else { continue };
        *classes.entry(finding.classification.name()).or_default() += 1;
        match finding.proof {
            Some(Proof::Cookie) => proofs[0] += 1,
            Some(Proof::Ports) => proofs[1] += 1,
            None => {}
        }
    }
    let [cookie, challenge] = proofs;
    let expected = count as f64 * 4.0 / 4_294_967_296.0;
    println!("{count} replies, seed {seed}: {classes:?}");
    println!(
        "believed by their numbers: {cookie}, of which at most {expected:.3} are to be expected"
    );
    println!(
        "challenge ACKs believed by their ports alone: {challenge} (a strict sieve takes none)"
    );
    let unmatched = classes.get(Classification::Unmatched.name()).copied().unwrap_or(0);
    assert_eq!(unmatched + cookie + challenge, count);
    if cookie as f64 <= expected + 3.0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
