//! ICMP errors: what they quote is read as far as it goes.

use tcpexposure_core::{
    craft::{Draft, Network},
    wire::{
        icmp::Family,
        packet::{Packet, Transport},
        protocol,
    },
};

use super::{packet, rebuild};

/// Takes two bytes that tell the kind of error and how much it quotes, and the packet quoted.
pub(crate) fn body(data: &[u8]) {
    let Some(([kind, length], quoted)) = data.split_first_chunk() else {
        return;
    };
    for family in [Family::V4, Family::V6] {
        let length = usize::from(*length).min(quoted.len());
        error(family, *kind, &quoted[..length], quoted);
    }
}

/// An error that quotes the beginning of a packet tells what that beginning tells.
fn error(family: Family, kind: u8, quote: &[u8], whole: &[u8]) {
    let bytes = message(family, kind, quote);
    let packet = Packet::from_ip(&bytes);
    rebuild::check(&packet);
    packet::body(&[&[0], &bytes[..]].concat());
    let Transport::Icmp(found) = packet.transport else { panic!("{packet:?}") };
    assert_eq!((found.header.kind(), found.body), (kind, quote));
    let Some(read) = found.quote() else {
        assert!(!found.is_error());
        return;
    };
    assert_eq!(read.bytes, quote);
    let original = Packet::from_ip(whole);
    if let (Some(read), Some(original)) = (read.addresses(), original.addresses()) {
        assert_eq!(read, original);
    }
    if let (Some(read), Some(original)) = (read.tcp(), original.tcp()) {
        assert_eq!(read.header, original.header);
        assert!(original.options.bytes().starts_with(read.options.bytes()));
    }
    assert!(Draft::of(&read).is_none_or(|draft| match draft.network {
        Network::V4(header) => quote.len() >= 40 + header.options.len().min(40),
        Network::V6(header) => quote.len() >= 60 + header.extensions.len(),
    }));
}

/// Makes the IP packet of an ICMP message.
fn message(family: Family, kind: u8, body: &[u8]) -> Vec<u8> {
    let head = match family {
        Family::V4 => {
            let [high, low] = u16::try_from(28 + body.len()).unwrap().to_be_bytes();
            let head = [0x45, 0, high, low, 0, 0, 0, 0, 64, protocol::ICMP, 0, 0];
            [&head[..], &[10, 0, 0, 1, 10, 0, 0, 2]].concat()
        }
        Family::V6 => {
            let [high, low] = u16::try_from(8 + body.len()).unwrap().to_be_bytes();
            let head = [0x60, 0, 0, 0, high, low, protocol::ICMPV6, 64];
            [&head[..], &[0x20; 32]].concat()
        }
    };
    [&head[..], &[kind, 0, 0, 0, 0, 0, 5, 0xdc], body].concat()
}
