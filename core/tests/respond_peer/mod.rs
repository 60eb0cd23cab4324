//! What the tests of the responder share: a way to ask it, and segments to ask it with.

#![allow(dead_code, clippy::allow_attributes, reason = "each test uses a part of it")]

use std::net::IpAddr;

use tcpexposure_core::{
    craft::{Draft, Network, Payload},
    engine::{Engine, SLOT, Step},
    respond::{Config, Ports, Responder, siphash::Key},
    time::Instant,
    wire::{
        options::Options,
        packet::Packet,
        tcp::{Flags, Seq},
    },
};

pub(crate) const PORT: u16 = 34343;
pub(crate) const V4: (&str, &str) = ("192.0.2.1", "198.51.100.2");
pub(crate) const V6: (&str, &str) = ("2001:db8::1", "2001:db8:1::2");

pub(crate) fn classic() -> Responder {
    Responder::new(Config::classic(Ports::new(&[80, PORT]).unwrap()))
}

pub(crate) fn modern() -> Responder {
    let key = Key::new(*b"sixteen bytes  !");
    Responder::new(Config { rate: None, ..Config::modern(Ports::new(&[80, PORT]).unwrap(), key) })
}

/// Hands a packet over and takes the answers.
pub(crate) fn ask(responder: &mut Responder, now: u64, packet: &Packet<'_>) -> Vec<Vec<u8>> {
    let now = Instant::from_nanos(now);
    responder.handle(now, packet);
    let mut answers = Vec::new();
    loop {
        let mut slot = [0x5a; SLOT];
        match responder.poll(now, &mut slot) {
            Step::Send(length) => answers.push(slot[..length].to_vec()),
            Step::Wait(Instant::NEVER) => return answers,
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) fn ask_bytes(responder: &mut Responder, now: u64, bytes: &[u8]) -> Vec<Vec<u8>> {
    ask(responder, now, &Packet::from_ip(bytes))
}

/// A segment of a peer, before it is changed.
pub(crate) fn draft(addresses: (&str, &str)) -> Draft<'static> {
    let (source, destination): (IpAddr, IpAddr) =
        (addresses.0.parse().unwrap(), addresses.1.parse().unwrap());
    Draft {
        network: Network::between(source, destination).unwrap(),
        source_port: 20001,
        destination_port: PORT,
        seq: Seq(252_001),
        flags: Flags::SYN,
        ..Draft::default()
    }
}

/// A data segment that acknowledges `ack`.
pub(crate) fn data<'a>(addresses: (&str, &str), ack: Seq, payload: &'a [u8]) -> Draft<'a> {
    Draft {
        seq: Seq(252_002),
        ack,
        flags: Flags::ACK,
        payload: Payload::Bytes(payload),
        ..draft(addresses)
    }
}

pub(crate) fn bytes(draft: &Draft<'_>) -> Vec<u8> {
    draft.write(&mut [0; 3000]).unwrap().to_vec()
}

pub(crate) fn send(responder: &mut Responder, now: u64, draft: &Draft<'_>) -> Vec<Vec<u8>> {
    ask_bytes(responder, now, &bytes(draft))
}

/// The one answer.
pub(crate) fn one(answers: Vec<Vec<u8>>) -> Vec<u8> {
    assert_eq!(answers.len(), 1, "{answers:02x?}");
    answers.into_iter().next().unwrap()
}

/// The parts of an answer, which must be without a fault and with right checksums.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) flags: Flags,
    pub(crate) window: u16,
    pub(crate) options: Vec<u8>,
    pub(crate) payload: Vec<u8>,
}

pub(crate) fn see(bytes: &[u8]) -> Seen {
    let packet = Packet::from_ip(bytes);
    assert_eq!(packet.fault, None, "{bytes:02x?}");
    assert_eq!(packet.checksum_ok(), Some(true));
    assert_eq!(packet.trailer, b"");
    if let tcpexposure_core::wire::packet::Network::V4(datagram) = packet.network {
        assert!(datagram.checksum_ok());
    }
    let tcp = packet.tcp().unwrap();
    assert!(Options::new(tcp.options.bytes()).well_formed());
    Seen {
        seq: tcp.header.seq().0,
        ack: tcp.header.ack().0,
        flags: tcp.header.flags(),
        window: tcp.header.window(),
        options: tcp.options.bytes().to_vec(),
        payload: tcp.payload.to_vec(),
    }
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}
