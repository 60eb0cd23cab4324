//! A box that hides the initiator.

use std::net::IpAddr;

use tcpexposure_core::{
    craft::{Draft, Network},
    wire::{
        packet::{self, Packet, Transport},
        tcp::Flags,
    },
};
use tcpexposure_sim::{
    Direction::{Inbound, Outbound},
    Visit, by_name,
};

use crate::bench::{HOST, INITIATOR, UNKNOWN, ack, both, data, syn, syn_ack};

#[test]
fn addresses_and_ports_are_translated_and_nothing_else() {
    both("nat", |bench| {
        let (_, host) = bench.ends();
        let own: IpAddr =
            if bench.v6 { "2001:2::1".parse().unwrap() } else { [198, 18, 0, 1].into() };
        let draft = syn(UNKNOWN, b"data");
        let outside = Draft {
            network: Network::between(own, host).unwrap(),
            source_port: 20001,
            destination_port: HOST,
            ..draft
        };
        bench.check(Outbound, draft, &[(Outbound, outside)]);
        let answer = Draft {
            network: Network::between(host, own).unwrap(),
            source_port: HOST,
            destination_port: 20001,
            ..syn_ack(UNKNOWN, b"")
        };
        bench.check(Inbound, answer, &[(Inbound, syn_ack(UNKNOWN, b""))]);
        // The same connection keeps its port, another one gets the next.
        bench.check(Outbound, draft, &[(Outbound, outside)]);
        let other = Draft { source_port: INITIATOR + 7, destination_port: HOST, ..draft };
        bench.check(Outbound, other, &[(Outbound, Draft { source_port: 20002, ..outside })]);
        // What nobody asked for does not come in: another port, another host's port.
        bench.drops(Inbound, Draft { destination_port: 4711, ..answer });
        bench.drops(Inbound, Draft { source_port: 4711, ..answer });
        bench.passes(Inbound, ack(1, 2, &[], b"not for the box"));
    });
}

#[test]
fn what_has_no_flags_is_let_through_and_answered_from_another_port() {
    both("nat-loose", |bench| {
        let question = Draft { flags: Flags::NONE, ..data(1, b"none") };
        bench.passes(Inbound, ack(1, 5, &[], b"not asked for"));
        bench.passes(Outbound, question);
        let answer = ack(1, 5, &[], b"");
        let moved = Draft { source_port: 600, destination_port: INITIATOR, ..answer };
        bench.check(Inbound, answer, &[(Inbound, moved)]);
        let outside = bench.raw(Outbound, bench.write(Outbound, &syn(UNKNOWN, b""))).remove(0).1;
        assert_eq!(Packet::from_ip(&outside).ports(), Some((20001, HOST)));
    });
}

#[test]
fn quotes_are_translated_back() {
    both("nat", |bench| {
        let (initiator, _) = bench.ends();
        let packet = bench.write(Outbound, &data(1, b"quoted"));
        let outside = bench.raw(Outbound, packet.clone()).remove(0).1;
        // The next hop finds that its time to live is over, and says so.
        let mut error = by_name("icmp-reject").unwrap();
        let mut verdict = tcpexposure_sim::Verdict::default();
        let with_option = {
            let parsed = Packet::from_ip(&outside);
            let mut draft = Draft::of(&parsed).unwrap();
            draft.options = UNKNOWN;
            draft.data_offset = None;
            draft.checksum = tcpexposure_core::craft::Checksum::Computed;
            match &mut draft.network {
                Network::V4(header) => {
                    header.total_length = None;
                    header.checksum = tcpexposure_core::craft::Checksum::Computed;
                }
                Network::V6(header) => header.payload_length = None,
            }
            let mut buffer = [0; 200];
            draft.write(&mut buffer).unwrap().to_vec()
        };
        let visit = Visit { now: bench.now, direction: Outbound, hop: 2 };
        error.pass(visit, with_option, &mut verdict);
        let error = verdict.take().remove(0).1;
        let left = bench.raw(Inbound, error);
        let [(Inbound, error)] = &left[..] else { panic!("{left:?}") };
        let parsed = Packet::from_ip(error);
        assert_eq!(parsed.checksum_ok(), Some(true));
        assert_eq!(parsed.addresses().unwrap().1, initiator);
        if let packet::Network::V4(datagram) = parsed.network {
            assert!(datagram.checksum_ok());
        }
        let Transport::Icmp(message) = parsed.transport else { panic!() };
        let inside = bench.write(Outbound, &Draft { options: UNKNOWN, ..data(1, b"quoted") });
        assert_eq!(message.body, inside);
    });
}

#[test]
fn errors_about_nothing_known_do_not_come_in() {
    both("nat", |bench| {
        let mut reject = by_name("icmp-reject").unwrap();
        let mut verdict = tcpexposure_sim::Verdict::default();
        let own: IpAddr =
            if bench.v6 { "2001:2::1".parse().unwrap() } else { [198, 18, 0, 1].into() };
        let stray = Draft {
            network: Network::between(own, bench.ends().1).unwrap(),
            source_port: 4711,
            destination_port: HOST,
            flags: Flags::SYN,
            ..syn(UNKNOWN, b"")
        };
        let packet = bench.write(Outbound, &stray);
        reject.pass(Visit { now: bench.now, direction: Outbound, hop: 2 }, packet, &mut verdict);
        let error = verdict.take().remove(0).1;
        assert_eq!(bench.raw(Inbound, error), []);
    });
}
