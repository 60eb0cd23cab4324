//! tcpexposure-core.

use tcpexposure_core::{
    fault::{Kind, Layer},
    wire::{
        options::Item,
        packet::{Offload, Packet, Start},
    },
};

use super::Reading;

pub(super) fn read(frame: &[u8], wire_len: usize) -> Option<Reading> {
    let packet = Packet::parse(Start::Ethernet, frame, wire_len, Offload::default());
    let segment = packet.tcp()?;
    let header = segment.header;
    let (mut options, mut malformed) = (Vec::new(), false);
    for item in segment.options {
        match item {
            Item::Option { kind, data } => {
                let length = u8::try_from(data.len() + 2).unwrap();
                options.push([&[kind, length], data].concat());
            }
            Item::Malformed { .. } => malformed = true,
            Item::Nop | Item::End | Item::Trailing(_) => {}
        }
    }
    // The first fault may be one of the layer below.
    let declared = header.data_offset();
    let there = 20 + segment.options.bytes().len();
    let offset = declared < 20 || declared > there;
    if let Some(fault) = packet.fault.filter(|fault| fault.layer == Layer::Tcp) {
        assert!(offset && matches!(fault.kind, Kind::DataOffset { .. }));
    }
    Some(Reading {
        ports: (header.source_port(), header.destination_port()),
        seq: header.seq().0,
        ack: header.ack().0,
        flags: header.flags().bits().to_be_bytes()[1],
        window: header.window(),
        options,
        fault: malformed || offset,
        payload: segment.payload.len(),
    })
}
