//! The exchange engine, driven by hand.

use std::time::Duration;

use tcpexposure_core::{
    craft::{Draft, Network},
    engine::{Engine, Step},
    exchange::{Event, Exchange, Policy, Request},
    time::Instant,
    wire::{
        packet::Packet,
        tcp::{Flags, Seq},
    },
};

const US: &str = "192.0.2.1";
const THEM: &str = "198.51.100.2";

fn segment(from: (&str, u16), to: (&str, u16), seq: u32, ack: u32, flags: Flags) -> Vec<u8> {
    let draft = Draft {
        network: Network::between(from.0.parse().unwrap(), to.0.parse().unwrap()).unwrap(),
        source_port: from.1,
        destination_port: to.1,
        seq: Seq(seq),
        ack: Seq(ack),
        flags,
        ..Draft::default()
    };
    draft.write(&mut [0; 100]).unwrap().to_vec()
}

fn syn(seq: u32) -> Vec<u8> {
    segment((US, 1000), (THEM, 80), seq, 0, Flags::SYN)
}

fn syn_ack(ack: u32) -> Vec<u8> {
    segment((THEM, 80), (US, 1000), 5, ack, Flags::SYN.with(Flags::ACK))
}

/// An ICMP time exceeded of a router that quotes the first `quoted` bytes of `packet`.
fn time_exceeded(packet: &[u8], quoted: usize) -> Vec<u8> {
    let mut bytes = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, 1, 0, 0, 203, 0, 113, 9, 192, 0, 2, 1];
    bytes.extend([11, 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend(&packet[..quoted]);
    let length = u16::try_from(bytes.len()).unwrap();
    bytes[2..4].copy_from_slice(&length.to_be_bytes());
    bytes
}

/// Makes a UDP datagram with the same addresses and ports.
fn as_udp(mut packet: Vec<u8>) -> Vec<u8> {
    packet[9] = 17;
    packet
}

/// Polls until the engine waits or is done, and lists what it did.
fn run(engine: &mut Exchange<'_, '_>, now: u64) -> Vec<Step<Event>> {
    let mut steps = Vec::new();
    for _ in 0..100 {
        let step = engine.poll(Instant::from_nanos(now), &mut [0; 1500]);
        steps.push(step);
        if matches!(step, Step::Wait(_) | Step::Done) {
            return steps;
        }
    }
    panic!("the engine does not come to rest: {steps:?}");
}

fn policy(retries: u32) -> Policy {
    Policy { timeout: Duration::from_nanos(100), retries, linger: Duration::ZERO }
}

#[test]
fn an_answer_ends_the_exchange_at_once() {
    let bytes = syn(7);
    let mut requests = [Request::new(&bytes)];
    let mut engine = Exchange::new(&mut requests, policy(0));
    assert_eq!(
        run(&mut engine, 0),
        [
            Step::Send(bytes.len()),
            Step::Emit(Event::Sent { request: 0, number: 1 }),
            Step::Wait(Instant::from_nanos(100)),
        ]
    );
    engine.handle(Instant::from_nanos(30), &Packet::from_ip(&syn_ack(8)));
    let rtt = Duration::from_nanos(30);
    assert_eq!(
        run(&mut engine, 30),
        [Step::Emit(Event::Answer { request: 0, number: 2, rtt, icmp: false }), Step::Done]
    );
}

#[test]
fn silence_is_met_with_retries_and_then_told() {
    let bytes = syn(7);
    let mut requests = [Request::new(&bytes)];
    let mut engine = Exchange::new(&mut requests, policy(1));
    run(&mut engine, 0);
    assert_eq!(run(&mut engine, 99), [Step::Wait(Instant::from_nanos(100))]);
    assert_eq!(run(&mut engine, 100)[0], Step::Send(bytes.len()));
    assert_eq!(run(&mut engine, 200), [Step::Emit(Event::Unanswered { request: 0 }), Step::Done]);
    assert_eq!((requests[0].attempts(), requests[0].answers()), (2, 0));
}

#[test]
fn an_answer_goes_to_the_request_that_it_acknowledges() {
    let (first, second) = (syn(7), syn(1000));
    let mut requests = [Request::new(&first), Request::new(&second)];
    let mut engine = Exchange::new(&mut requests, policy(0));
    run(&mut engine, 0);
    engine.handle(Instant::from_nanos(1), &Packet::from_ip(&syn_ack(8)));
    assert!(matches!(run(&mut engine, 1)[0], Step::Emit(Event::Answer { request: 0, .. })));
    engine.handle(Instant::from_nanos(2), &Packet::from_ip(&syn_ack(77)));
    assert!(matches!(run(&mut engine, 2)[0], Step::Emit(Event::Answer { request: 1, .. })));
}

#[test]
fn quotes_of_any_length_are_matched() {
    let (first, second) = (syn(7), syn(1000));
    for quoted in [28, 40] {
        let mut requests = [Request::new(&first), Request::new(&second)];
        let mut engine = Exchange::new(&mut requests, policy(0));
        run(&mut engine, 0);
        let error = time_exceeded(&first, quoted);
        engine.handle(Instant::from_nanos(1), &Packet::from_ip(&error));
        let step = run(&mut engine, 1)[0];
        assert!(
            matches!(step, Step::Emit(Event::Answer { request: 0, icmp: true, .. })),
            "{step:?}"
        );
    }
}

#[test]
fn strangers_are_no_answers() {
    let bytes = syn(7);
    let mut requests = [Request::new(&bytes)];
    let mut engine = Exchange::new(&mut requests, policy(0));
    run(&mut engine, 0);
    let strangers = [
        segment((THEM, 81), (US, 1000), 5, 8, Flags::SYN.with(Flags::ACK)),
        segment((THEM, 80), (US, 1001), 5, 8, Flags::SYN.with(Flags::ACK)),
        segment((US, 1000), (THEM, 80), 5, 8, Flags::SYN.with(Flags::ACK)),
        time_exceeded(&segment((US, 1001), (THEM, 80), 7, 0, Flags::SYN), 40),
        time_exceeded(&as_udp(syn(7)), 40),
    ];
    for stranger in &strangers {
        engine.handle(Instant::from_nanos(1), &Packet::from_ip(stranger));
        assert_eq!(run(&mut engine, 1), [Step::Wait(Instant::from_nanos(100))]);
    }
}

#[test]
fn answers_after_the_first_are_heard_while_lingering() {
    let bytes = syn(7);
    let mut requests = [Request::new(&bytes)];
    let linger = Duration::from_nanos(50);
    let mut engine = Exchange::new(&mut requests, Policy { linger, ..policy(0) });
    run(&mut engine, 0);
    engine.handle(Instant::from_nanos(10), &Packet::from_ip(&syn_ack(8)));
    assert_eq!(run(&mut engine, 10)[1], Step::Wait(Instant::from_nanos(60)));
    engine.handle(Instant::from_nanos(20), &Packet::from_ip(&syn_ack(8)));
    assert!(matches!(run(&mut engine, 20)[0], Step::Emit(Event::Answer { number: 3, .. })));
    assert_eq!(run(&mut engine, 60), [Step::Done]);
}
