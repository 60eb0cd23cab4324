//! Any drafts: right ones, odd ones, and ones that cannot be written.

use proptest::{collection::vec, option, prelude::*, sample::select};
use tcpexposure_core::{
    craft::{Checksum, Draft, Ipv4, Ipv6, Network, Payload},
    wire::{
        ipv4, protocol,
        tcp::{Flags, Seq},
    },
};

pub(crate) fn option_bytes() -> impl Strategy<Value = Vec<u8>> {
    let kinds = vec![0_u8, 1, 2, 3, 4, 5, 8, 19, 27, 28, 29, 30, 34, 69, 172, 174, 253, 254];
    let lengths = vec![0_u8, 1, 2, 3, 4, 5, 6, 8, 10, 11, 12, 16, 18, 20, 22, 24, 26, 34];
    (select(kinds), select(lengths), vec(any::<u8>(), 32)).prop_map(|(kind, length, data)| {
        let mut bytes = vec![kind, length];
        bytes.extend_from_slice(&data[..usize::from(length).saturating_sub(2)]);
        bytes.truncate(if kind < 2 { 1 } else { 40 });
        bytes
    })
}

/// What a draft borrows, and what it does not.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) draft: Draft<'static>,
    pub(crate) options: Vec<u8>,
    ip: Vec<u8>,
    payload: Carried,
}

#[derive(Clone, Debug)]
enum Carried {
    Bytes(Vec<u8>),
    Fill(u8, usize),
    Text(String),
}

impl Parts {
    pub(crate) fn draft(&self) -> Draft<'_> {
        let mut draft: Draft<'_> = self.draft;
        draft.options = &self.options;
        draft.payload = match &self.payload {
            Carried::Bytes(bytes) => Payload::Bytes(bytes),
            Carried::Fill(byte, length) => Payload::Fill { byte: *byte, length: *length },
            Carried::Text(text) => Payload::Text(text),
        };
        match &mut draft.network {
            Network::V4(header) => header.options = &self.ip,
            Network::V6(header) => header.extensions = &self.ip,
        }
        draft
    }
}

prop_compose! {
    pub(crate) fn parts()(
        network in network(),
        ports in any::<(u16, u16)>(),
        numbers in any::<(u32, u32, u16, u16)>(),
        flags in any::<u16>(),
        options in prop_oneof![
            vec(any::<u8>(), 0..48),
            vec(option_bytes(), 0..6).prop_map(|parts| parts.concat()),
        ],
        (ip, payload) in (ip_bytes(), carried()),
        data_offset in option::of(0_u8..16),
        checksum in checksum(),
    ) -> Parts {
        let (network, ip) = match (network, ip) {
            (Network::V6(header), (next_header, ip)) if !ip.is_empty() => {
                (Network::V6(Ipv6 { next_header, ..header }), ip)
            }
            (network, (_, ip)) => (network, ip),
        };
        let draft = Draft {
            network,
            source_port: ports.0,
            destination_port: ports.1,
            seq: Seq(numbers.0),
            ack: Seq(numbers.1),
            flags: Flags::from_bits(flags),
            window: numbers.2,
            urgent: numbers.3,
            options: &[],
            payload: Payload::default(),
            data_offset,
            checksum,
        };
        Parts { draft, options, ip, payload }
    }
}

fn carried() -> impl Strategy<Value = Carried> {
    prop_oneof![
        vec(any::<u8>(), 0..64).prop_map(Carried::Bytes),
        "[ -~\r\n\t]{0,40}".prop_map(|text| Carried::Bytes(text.into_bytes())),
        (any::<u8>(), 0_usize..2000).prop_map(|(byte, length)| Carried::Fill(byte, length)),
        "(\\\\[rntx0\"\\\\]|\\PC|\\\\x[0-9a-f]{2}){0,30}".prop_map(Carried::Text),
    ]
}

fn ip_bytes() -> impl Strategy<Value = (u8, Vec<u8>)> {
    let blank = |next: u8| vec![next, 0, 1, 4, 0, 0, 0, 0];
    prop_oneof![
        4 => Just((protocol::TCP, vec![])),
        1 => Just((0, blank(protocol::TCP))),
        1 => Just((60, [blank(0), blank(protocol::TCP)].concat())),
        1 => Just((60, [blank(43), vec![6, 2, 0, 1, 0, 0, 0, 0], vec![0x20; 16]].concat())),
        1 => any::<u32>().prop_map(|id| (44, [&[6, 0, 0, 0][..], &id.to_be_bytes()].concat())),
        1 => (any::<u8>(), vec(any::<u8>(), 0..44)),
    ]
}

fn checksum() -> impl Strategy<Value = Checksum> {
    prop_oneof![
        2 => Just(Checksum::Computed),
        1 => Just(Checksum::Bad),
        1 => any::<u16>().prop_map(Checksum::Forced),
    ]
}

fn network() -> impl Strategy<Value = Network<'static>> {
    prop_oneof![version_4().prop_map(Network::V4), version_6().prop_map(Network::V6)]
}

prop_compose! {
    fn version_4()(
        addresses in any::<([u8; 4], [u8; 4])>(),
        (tos, id, flags) in (any::<u8>(), any::<u16>(), 0_u8..8),
        fragment_offset in prop_oneof![3 => Just(0), 1 => 0_u16..0x2000],
        (ttl, protocol) in (any::<u8>(), prop_oneof![3 => Just(protocol::TCP), 1 => any::<u8>()]),
        version in prop_oneof![3 => Just(4), 1 => 0_u8..16],
        header_length in option::weighted(0.3, 0_u8..16),
        total_length in option::weighted(0.3, any::<u16>()),
        checksum in checksum(),
    ) -> Ipv4<'static> {
        Ipv4 {
            source: addresses.0.into(),
            destination: addresses.1.into(),
            tos,
            id,
            flags: ipv4::Flags::from_bits(flags),
            fragment_offset,
            ttl,
            protocol,
            options: &[],
            version,
            header_length,
            total_length,
            checksum,
        }
    }
}

prop_compose! {
    fn version_6()(
        addresses in any::<([u8; 16], [u8; 16])>(),
        (traffic_class, flow_label, hop_limit) in (any::<u8>(), 0_u32..0x10_0000, any::<u8>()),
        next_header in prop_oneof![3 => Just(protocol::TCP), 1 => any::<u8>()],
        version in prop_oneof![3 => Just(6), 1 => 0_u8..16],
        payload_length in option::weighted(0.3, any::<u16>()),
    ) -> Ipv6<'static> {
        Ipv6 {
            source: addresses.0.into(),
            destination: addresses.1.into(),
            traffic_class,
            flow_label,
            hop_limit,
            next_header,
            extensions: &[],
            version,
            payload_length,
        }
    }
}
