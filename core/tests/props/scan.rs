//! The sieve of a scan: only who holds the number of a probe proves that it answers it.

use arbitrary::{Arbitrary, Unstructured};
use tcpexposure_core::{
    craft::{Draft, Ipv4, Network},
    expression,
    scan::{
        Classification, Finding, Sieve,
        cookie::Key,
        finding::Proof,
        targets::{Range, Space, Target},
        template::{Choice, Ports, Probes, Shot, Template, proving},
    },
    time::Instant,
    wire::packet::{Packet, Transport},
};

use super::trial::Answer;

/// Takes the answers to a probe, one after the other.
pub(crate) fn body(data: &[u8]) {
    if let Ok(play) = Play::arbitrary(&mut Unstructured::new(data)) {
        let answers: Vec<_> = play.answers.into_iter().take(20).map(Answer::bounded).collect();
        let text = PROBES[usize::from(play.probe) % PROBES.len()];
        sieved(text, play.strict, play.last, &answers);
    }
}

#[derive(Arbitrary, Debug)]
struct Play {
    probe: u8,
    strict: bool,
    /// The last byte of the target's address.
    last: u8,
    answers: Vec<Answer>,
}

/// A SYN, one with data and time stamps, and a segment of no connection.
pub(crate) const PROBES: [&str; 3] =
    ["S win 1024 <mss 1460>", "S win 1024 <sackOK,TS val now ecr 0> len 5 fill 0x41", ". win 7"];

/// Every answer is of one class, and one that is said to be proven holds the probe's number.
pub(crate) fn sieved(text: &str, strict: bool, last: u8, answers: &[Answer]) {
    let Ok(expression) = expression::parse(text) else { panic!("{text}") };
    let v4 = Ipv4 { source: [192, 0, 2, 1].into(), ..Ipv4::default() };
    let defaults = Draft { network: Network::V4(v4), ..Draft::default() };
    let draft = expression.draft(defaults).unwrap();
    let choice = Choice::only(Key::of_seed(1), Ports::range(40000, 49999).unwrap());
    let mut bytes = [0; 200];
    let template = [Template::new(&draft, &proving(&expression), choice, &mut bytes).unwrap()];
    let mut ranges = [Range::prefix([198, 51, 100, 0].into(), 25).unwrap()];
    let space = Space::new(&mut ranges, &[80], 1).unwrap();
    let mut memory = vec![0; usize::try_from(Sieve::words(space.size())).unwrap()];
    let mut sieve = Sieve::new(space, Probes { v4: &template, v6: &[] }, &mut memory);
    if strict {
        sieve = sieve.strict();
    }
    sieve.start(Instant::ZERO);
    let target = Target { address: [198, 51, 100, last].into(), port: 80, variant: 0 };
    let shot = Shot { target, place: 0, repeat: 0, time: Instant::ZERO };
    let mut slot = [0; 1500];
    let length = template[0].write(&mut slot, &shot).unwrap();
    let probe = Packet::from_ip(&slot[..length]);
    let mut count = 0;
    for bytes in answers.iter().flat_map(|answer| answer.packets(&slot[..length])) {
        let packet = Packet::from_ip(&bytes);
        let now = Instant::from_nanos(1_000_000 * (count + 1));
        if let Some(finding) = sieve.handle(now, &packet) {
            judged(&finding, &packet, &probe, strict, last);
        }
        count += 1;
    }
    let counters = sieve.counters();
    let counted: u64 = Classification::ALL.iter().map(|one| counters.of(*one)).sum();
    assert_eq!(counted + counters.unproven + counters.foreign, count);
}

fn judged(finding: &Finding<'_>, packet: &Packet<'_>, probe: &Packet<'_>, strict: bool, last: u8) {
    let matched = finding.kind != Classification::Unmatched;
    assert_eq!(matched, finding.target.is_some());
    assert_eq!(matched, finding.proof.is_some() || finding.is_unproven());
    assert!(!matched || last < 128, "a target beyond the space: {finding:?}");
    // Every probe has a cookie.
    assert_ne!(finding.proof, Some(Proof::Ports));
    assert!(!finding.is_unproven() || !strict && !finding.is_result());
    if finding.proof == Some(Proof::Cookie) {
        assert!(holds(packet, probe), "{finding:?}");
    }
}

/// Tells whether a packet holds a number that only the receiver of the probe knows.
fn holds(packet: &Packet<'_>, probe: &Packet<'_>) -> bool {
    let sent = probe.tcp().unwrap();
    let (seq, ack) = (sent.header.seq(), sent.header.ack());
    match &packet.transport {
        Transport::Tcp(segment) => {
            let (its_seq, its_ack) = (segment.header.seq(), segment.header.ack());
            [seq, seq.add(1), sent.end()].contains(&its_ack) || [seq, ack].contains(&its_seq)
        }
        Transport::Stub(stub) => {
            stub.ack().is_some_and(|its| [seq.add(1), sent.end()].contains(&its))
        }
        Transport::Icmp(message) => message.quote().is_some_and(|quote| match quote.transport {
            Transport::Tcp(segment) => segment.header.seq() == seq,
            Transport::Stub(stub) => stub.seq() == Some(seq),
            _ => false,
        }),
        _ => false,
    }
}
