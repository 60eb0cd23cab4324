//! Reports, written and read.

mod respond_peer;

use proptest::prelude::*;
use respond_peer::{V4, V6, bytes, draft, unhex};
use tcpexposure_core::{
    craft::{Draft, Payload},
    respond::report::{Content, Report, transform},
    wire::packet::{Network, Packet},
};

/// The headers of a packet of which the last `payload` bytes are its payload.
fn split(packet: &[u8], payload: usize) -> [&[u8]; 4] {
    let head = packet.len() - payload;
    let ip = if packet[0] >> 4 == 4 { 20 } else { 40 };
    [&packet[..ip], &[], &packet[ip..ip + 20], &packet[ip + 20..head]]
}

fn ip_bytes(packet: &Packet<'_>) -> Vec<u8> {
    assert!(!matches!(packet.network, Network::None));
    packet.bytes.to_vec()
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        six: bool,
        http: bool,
        command in 0xa1_u8..=0xa3,
        words in 0_usize..=10,
        our_words in 0_usize..=10,
        length in 1_usize..300,
        spare in 0_usize..500,
    ) {
        let addresses = if six { V6 } else { V4 };
        let options = [1; 40];
        let payload = vec![command; length];
        let request = Draft {
            options: &options[..words * 4],
            payload: Payload::Bytes(&payload),
            ..draft(addresses)
        };
        let sent = Draft { options: &options[..our_words * 4], ..draft(addresses) };
        let (request, sent) = (bytes(&request), bytes(&sent));
        let received = split(&request, length);
        let fixed: usize = received.iter().map(|part| part.len()).sum::<usize>() + sent.len();
        let content = Content {
            received,
            sent: &sent,
            copy: &payload,
            http,
            target: fixed + 83 + spare,
        };
        let mut out = [0x5a; 1500];
        let written = content.write(&mut out);
        prop_assert_eq!(written, content.length());
        let report = Report::parse(&out[..written]).unwrap();
        prop_assert_eq!(report.http, http);
        prop_assert_eq!(ip_bytes(&report.received), &request[..request.len() - length]);
        prop_assert_eq!(ip_bytes(&report.sent), sent);
        let kept = length.min(report.copy.len());
        prop_assert_eq!(&report.copy[..kept], &payload[..kept]);
        prop_assert!(report.copy[kept..].iter().all(|byte| *byte == 0xab));
        prop_assert_eq!(report.received.tcp().unwrap().payload_length, length);
    }

    #[test]
    fn any_bytes_are_read_without_panic(payload: Vec<u8>) {
        let _ = Report::parse(&payload);
    }

    /// Bytes that begin like a report: cut anywhere and with bytes turned.
    #[test]
    fn hostile_reports_are_read_without_panic(
        http: bool,
        six: bool,
        cut in 0_usize..400,
        turned in prop::collection::vec((0_usize..400, any::<u8>()), 0..6),
    ) {
        let request = bytes(&draft(if six { V6 } else { V4 }));
        let content = Content {
            received: split(&request, 0),
            sent: &request,
            copy: &[0xa1; 9],
            http,
            target: 400,
        };
        let mut out = [0; 400];
        let written = content.write(&mut out);
        for (at, byte) in turned {
            out[at] = byte;
        }
        if let Some(report) = Report::parse(&out[..written.min(cut)]) {
            prop_assert!(!report.copy.is_empty());
            prop_assert!(report.received.tcp().is_some() && report.sent.tcp().is_some());
        }
    }

    #[test]
    fn a_report_is_cut_to_the_room_that_there_is(room in 0_usize..600, target in 0_usize..600) {
        let request = bytes(&draft(V4));
        let content = Content {
            received: split(&request, 0),
            sent: &request,
            copy: &[0xa1; 100],
            http: false,
            target,
        };
        let mut out = [0; 600];
        let written = content.write(&mut out[..room]);
        prop_assert_eq!(written, content.length().min(room));
        let mut whole = [0; 600];
        content.write(&mut whole);
        prop_assert_eq!(&out[..written], &whole[..written]);
    }

    #[test]
    fn no_byte_of_a_transformed_option_is_the_one_before_or_zero(kind: u8, data: Vec<u8>) {
        let transformed: Vec<_> = transform(kind, &data).collect();
        prop_assert_eq!(transformed.len(), data.len());
        for (before, after) in data.iter().zip(&transformed) {
            prop_assert!(*after != 0 && before != after);
        }
    }
}

#[test]
fn every_byte_value_at_every_place_is_transformed() {
    for kind in 0..=255 {
        for byte in 0..=255 {
            let data = [byte; 38];
            for length in [1, 2, 38] {
                assert!(transform(kind, &data[..length]).all(|after| after != 0 && after != byte));
            }
        }
    }
}

/// The rule as it is documented, so that another implementation can be checked against it.
#[test]
fn transform_by_its_own_words() {
    let zero: Vec<_> = transform(253, &[0; 4]).collect();
    let number = |i: u32| u8::try_from(1 + (29 * 253 + 31 * 4 + 37 * i) % 127).unwrap();
    assert_eq!(zero, [number(0), number(1), number(2), number(3)]);
    let masked: Vec<_> = transform(253, &zero).collect();
    assert!(masked.iter().zip(&zero).all(|(a, b)| *a == !*b));
}

#[test]
fn the_conditions_of_the_initiator() {
    let request = bytes(&draft(V4));
    let report = |command: &[u8]| [&request[..], &request, command].concat();
    assert!(Report::parse(&report(&[0xa1])).is_some());
    assert!(Report::parse(&report(&[])).is_none(), "no command byte");
    for command in [0xb2, 0xc1, 0xc2, 0x99, 0xab, 0] {
        assert!(Report::parse(&report(&[command])).is_none(), "{command:02x}");
    }
    assert!(Report::parse(&report(&[0xa1])[..79]).is_none(), "80 bytes at least");
    let mut other = report(&[0xa1]);
    other[9] = 17;
    assert!(Report::parse(&other).is_none(), "the first is not TCP");
    other = report(&[0xa1]);
    other[40 + 9] = 17;
    assert!(Report::parse(&other).is_none(), "the second is not TCP");
    other = report(&[0xa1]);
    other[32] = 0xf0;
    assert!(Report::parse(&other).is_none(), "the first TCP header takes the second");
    let versioned = [&[1][..], &report(&[0xa1])].concat();
    assert!(Report::parse(&versioned).is_none(), "a later version");
}

#[test]
fn a_report_of_2011() {
    let text = include_str!("data/responder-vectors.json");
    let (_, rest) = text
        .rsplit_once("data-468-a1-ts-mpdata")
        .map_or(("", ""), |(a, _)| a.rsplit_once("\"reply_hex\": [").unwrap());
    let answer = unhex(rest.split('"').nth(1).unwrap());
    let report = Report::parse(Packet::from_ip(&answer).tcp().unwrap().payload).unwrap();
    let received = report.received.tcp().unwrap();
    assert_eq!(received.options.bytes().len(), 28);
    assert_eq!(received.payload_length, 468);
    assert_eq!(report.sent.tcp().unwrap().options.bytes().len(), 20);
    assert_eq!(report.copy.len(), 512 - 20 - 68 - 60);
    assert!(!report.http);
}
