//! A box that hides the initiator behind its own address.

use std::{collections::BTreeMap, net::IpAddr};

use tcpexposure_core::{
    craft::Network,
    wire::{
        checksum::{self, Sum},
        packet::{self, Packet, Transport},
        protocol,
    },
};

use super::{Middlebox, Verdict, flows::Flow, segment::Segment};
use crate::{Direction, Visit};

/// Gives each connection the box's own address and a port of its own, and gives quotes in ICMP
/// errors the old ones again. What it does not know from the outside does not come in.
#[derive(Debug, Default)]
pub(crate) struct Nat {
    ports: BTreeMap<Flow, u16>,
    flows: BTreeMap<u16, Flow>,
    used: u16,
}

impl Middlebox for Nat {
    fn pass(&mut self, visit: Visit, packet: Vec<u8>, verdict: &mut Verdict) {
        let passed = match visit.direction {
            Direction::Outbound => self.out(visit, packet),
            Direction::Inbound => self.inn(visit, packet),
        };
        if let Some(packet) = passed {
            verdict.send(visit.direction, packet);
        }
    }
}

impl Nat {
    fn out(&mut self, visit: Visit, packet: Vec<u8>) -> Option<Vec<u8>> {
        let Some(mut segment) = Segment::read(&packet) else {
            return Some(packet);
        };
        let flow = Flow::of(Direction::Outbound, &segment);
        segment.head.source_port = self.port(flow);
        match &mut segment.head.network {
            Network::V4(header) => header.source = visit.v4(),
            Network::V6(header) => header.source = visit.v6(),
        }
        segment.write()
    }

    fn inn(&self, visit: Visit, mut packet: Vec<u8>) -> Option<Vec<u8>> {
        let own = visit.address(&packet);
        let parsed = Packet::from_ip(&packet);
        if parsed.addresses().is_none_or(|(_, to)| to != own) {
            return Some(packet);
        }
        if matches!(parsed.transport, Transport::Icmp(_)) {
            return self.quote(&mut packet, own).then_some(packet);
        }
        let mut segment = Segment::read(&packet)?;
        let flow = self.flows.get(&segment.head.destination_port)?;
        let (address, port) = flow.initiator;
        let known = Flow { initiator: flow.initiator, ..Flow::of(Direction::Inbound, &segment) };
        segment.head.destination_port = port;
        match (&mut segment.head.network, address) {
            (Network::V4(header), IpAddr::V4(address)) => header.destination = address,
            (Network::V6(header), IpAddr::V6(address)) => header.destination = address,
            _ => return None,
        }
        (known == *flow).then(|| segment.write()).flatten()
    }

    /// Tells the port that a connection has outside.
    fn port(&mut self, flow: Flow) -> u16 {
        if let Some(port) = self.ports.get(&flow) {
            return *port;
        }
        self.used = (self.used + 1) % PORTS;
        let port = FIRST + self.used;
        if let Some(before) = self.flows.insert(port, flow) {
            self.ports.remove(&before);
        }
        self.ports.insert(flow, port);
        port
    }

    /// Translates an ICMP error and the packet that it quotes; false if it is about nothing known.
    fn quote(&self, packet: &mut Vec<u8>, own: IpAddr) -> bool {
        let parsed = Packet::from_ip(packet);
        let Transport::Icmp(message) = parsed.transport else {
            return false;
        };
        let Some(quote) = message.quote() else {
            return false;
        };
        let end = packet.len() - parsed.trailer.len();
        let start = end - message.body.len();
        let (Some((from, to)), Some((port, _))) = (quote.addresses(), quote.ports()) else {
            return false;
        };
        let ours = |flow: &&Flow| from == own && to == flow.host.0;
        let Some(flow) = self.flows.get(&port).filter(ours) else {
            return false;
        };
        let (address, port) = flow.initiator;
        let ports = match quote.network {
            packet::Network::V4(datagram) => start + datagram.header.header_length(),
            packet::Network::V6(datagram) => start + 40 + datagram.extensions.len(),
            packet::Network::None => return false,
        };
        packet.truncate(end);
        Quote { packet, start, ports }.translate(address, port);
        true
    }
}

/// A packet that another one, of an ICMP error, quotes.
struct Quote<'p> {
    packet: &'p mut [u8],
    /// Where the quote begins.
    start: usize,
    /// Where its ports are.
    ports: usize,
}

impl Quote<'_> {
    /// Makes the initiator the source of what is quoted, and the receiver of the error.
    fn translate(&mut self, address: IpAddr, port: u16) {
        self.put(self.ports, &port.to_be_bytes(), true);
        let (message, whole) = (self.start - 8, self.packet.len());
        match address {
            IpAddr::V4(address) => {
                self.put(self.start + 12, &address.octets(), true);
                self.put(16, &address.octets(), false);
                for header in [self.start, 0] {
                    let end = header + usize::from(self.packet[header] & 15) * 4;
                    self.sum(header..end.min(whole), 10, Sum::new());
                }
                self.sum(message..whole, 2, Sum::new());
            }
            IpAddr::V6(address) => {
                self.put(self.start + 8, &address.octets(), true);
                self.put(24, &address.octets(), false);
                let Some((from, to)) = Packet::from_ip(self.packet).addresses() else {
                    return;
                };
                let sum = Sum::new().pseudo(from, to, protocol::ICMPV6, whole - message);
                self.sum(message..whole, 2, sum);
            }
        }
    }

    /// Writes a field; the checksum of the segment that is quoted follows if it counts the field
    /// and is there.
    fn put(&mut self, at: usize, bytes: &[u8], counts: bool) {
        let sum = self.ports + 16;
        for (at, new) in (at..).step_by(2).zip(bytes.as_chunks::<2>().0) {
            let Some(old) = self.packet.get_mut(at..at + 2) else {
                return;
            };
            let before = u16::from_be_bytes([old[0], old[1]]);
            old.copy_from_slice(new);
            if let Some(field) = self.packet.get_mut(sum..sum + 2).filter(|_| counts) {
                let value = u16::from_be_bytes([field[0], field[1]]);
                let value = checksum::update(value, before, u16::from_be_bytes(*new));
                field.copy_from_slice(&value.to_be_bytes());
            }
        }
    }

    /// Writes the checksum over `range` at the offset `at` in it.
    fn sum(&mut self, range: std::ops::Range<usize>, at: usize, sum: Sum) {
        let bytes = &mut self.packet[range];
        bytes[at..at + 2].fill(0);
        let sum = sum.feed(bytes).finish();
        bytes[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    }
}

/// The first port that is given.
const FIRST: u16 = 20000;
/// How many ports there are.
const PORTS: u16 = 40000;
