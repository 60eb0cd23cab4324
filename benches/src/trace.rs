//! What is read: traces of Ethernet frames, made from a seed, and blocks of options.

use std::net::{Ipv4Addr, Ipv6Addr};

use fastrand::Rng;
use tcpexposure_core::{
    craft::{Draft, Ipv4, Ipv6, Network, Payload},
    wire::{
        ethernet::Header,
        protocol,
        tcp::{Flags, Seq},
    },
};

/// A trace: frames, and what they are called.
#[derive(Clone, Debug)]
pub struct Trace {
    /// The name in tables.
    pub name: &'static str,
    /// The frames.
    pub frames: Vec<Vec<u8>>,
}

/// A layout of options, with how often it occurs in a mixed trace of known kinds and in one of all
/// kinds, out of a thousand.
struct Layout {
    name: &'static str,
    known: u16,
    all: u16,
    flags: Flags,
    /// The block. `T` bytes (see [`fill`]) are filled at random.
    block: &'static [u8],
    /// The most payload in bytes.
    payload: usize,
}

/// How many frames a trace of one kind has.
const ALIKE: usize = 64;
/// How many frames a mixed trace has.
const MIXED: usize = 1000;

impl Trace {
    /// Makes all traces: the two mixed ones first.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let mut traces = vec![
            Self::mixed("mixed", |layout| layout.known),
            Self::mixed("mixed, all kinds", |layout| layout.all),
        ];
        let alike = LAYOUTS.iter().filter(|layout| layout.known > 0);
        traces.extend(alike.map(|layout| Self::alike(layout.name, layout, false)));
        traces.push(Self::alike("SYN, IPv6", &LAYOUTS[0], true));
        traces.push(Self::alike("data, IPv6", &LAYOUTS[3], true));
        traces
    }

    /// Tells the number of bytes in all frames.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.frames.iter().map(|frame| frame.len() as u64).sum()
    }

    fn mixed(name: &'static str, weight: impl Fn(&Layout) -> u16) -> Self {
        let mut random = Rng::with_seed(1);
        let frame = |_| {
            let mut at = u64::from(random.u16(..1000));
            let chosen = LAYOUTS.iter().find(|layout| {
                let weight = u64::from(weight(layout));
                let here = at < weight;
                at = at.saturating_sub(weight);
                here
            });
            let v6 = random.u8(..10) < 3;
            frame(&mut random, chosen.expect("the weights sum to 1000"), v6)
        };
        Self { name, frames: (0..MIXED).map(frame).collect() }
    }

    fn alike(name: &'static str, layout: &Layout, v6: bool) -> Self {
        let mut random = Rng::with_seed(2);
        Self { name, frames: (0..ALIKE).map(|_| frame(&mut random, layout, v6)).collect() }
    }
}

/// Gives the option blocks that are read alone, by name.
#[must_use]
pub fn blocks() -> Vec<(&'static str, Vec<u8>)> {
    let mut random = Rng::with_seed(3);
    let mut typical = |at: usize| fill(&mut random, LAYOUTS[at].block);
    vec![
        ("SYN", typical(0)),
        ("ACK with timestamps", typical(2)),
        ("SACK", typical(4)),
        ("ten unknown kinds", (0..10).flat_map(|kind| [60 + kind, 4, 0xaa, kind]).collect()),
        ("all NOP", vec![1; 40]),
        ("malformed", vec![2, 4, 5, 0xb4, 4, 2, 1, 1, 8, 0, 0, 0x5a, 0x5b, 1, 1, 1]),
    ]
}

fn frame(random: &mut Rng, layout: &Layout, v6: bool) -> Vec<u8> {
    let mut short = || random.u16(..);
    let (source_port, window) = (short() | 0x8000, short());
    let last = short();
    let (network, ethertype) = if v6 {
        let ends = Ipv6 {
            source: Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, short(), 1),
            destination: Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, last),
            ..Ipv6::default()
        };
        (Network::V6(ends), protocol::ETHERTYPE_IPV6)
    } else {
        let ends = Ipv4 {
            source: Ipv4Addr::from_bits(0xc000_0200 | u32::from(short() & 0xff)),
            destination: Ipv4Addr::from_bits(0xc633_6400 | u32::from(last & 0xff)),
            id: short(),
            ..Ipv4::default()
        };
        (Network::V4(ends), protocol::ETHERTYPE_IPV4)
    };
    let options = fill(random, layout.block);
    let length = random.usize(..=layout.payload);
    let payload = fill(random, &vec![T; length]);
    let draft = Draft {
        network,
        source_port,
        destination_port: 443,
        seq: Seq(random.u32(..)),
        ack: Seq(random.u32(..)),
        flags: layout.flags,
        window,
        options: &options,
        payload: Payload::Bytes(&payload),
        ..Draft::default()
    };
    let mut bytes = vec![0; Header::LENGTH + draft.length()];
    let header = Header::new([2, 0, 0, 0, 0, 2], [2, 0, 0, 0, 0, 1], ethertype);
    let (link, packet) = bytes.split_at_mut(Header::LENGTH);
    link.copy_from_slice(zerocopy::IntoBytes::as_bytes(&header));
    draft.write(packet).expect("there is room");
    bytes
}

/// Puts random bytes in the places marked with [`T`].
fn fill(random: &mut Rng, block: &[u8]) -> Vec<u8> {
    let byte = |byte: &u8| if *byte == T { random.u8(..) } else { *byte };
    block.iter().map(byte).collect()
}

/// The mark of a random byte; no layout has it for itself.
const T: u8 = 0xee;

const ACK: Flags = Flags::ACK;
const PUSH: Flags = Flags::ACK.with(Flags::PSH);

/// The layouts. What other systems send is from their documentation and from captures.
#[rustfmt::skip]
const LAYOUTS: &[Layout] = &[
    Layout { name: "SYN", known: 60, all: 60, flags: Flags::SYN, payload: 0,
        block: &[2, 4, 5, 0xb4, 4, 2, 8, 10, T, T, T, T, 0, 0, 0, 0, 1, 3, 3, 7] },
    Layout { name: "SYN-ACK", known: 50, all: 50, flags: Flags::SYN.with(Flags::ACK), payload: 0,
        block: &[2, 4, 5, 0xb4, 4, 2, 8, 10, T, T, T, T, T, T, T, T, 1, 3, 3, 7] },
    Layout { name: "ACK", known: 330, all: 130, flags: ACK, payload: 0,
        block: &[1, 1, 8, 10, T, T, T, T, T, T, T, T] },
    Layout { name: "data", known: 370, all: 220, flags: PUSH, payload: 1448,
        block: &[1, 1, 8, 10, T, T, T, T, T, T, T, T] },
    Layout { name: "SACK", known: 60, all: 50, flags: ACK, payload: 0,
        block: &[1, 1, 8, 10, T, T, T, T, T, T, T, T, 1, 1, 5, 18,
            T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T] },
    Layout { name: "no options", known: 90, all: 40, flags: Flags::RST.with(ACK), payload: 0,
        block: &[] },
    Layout { name: "SYN of Windows", known: 20, all: 20, flags: Flags::SYN, payload: 0,
        block: &[2, 4, 5, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2] },
    Layout { name: "SYN of macOS", known: 20, all: 20, flags: Flags::SYN, payload: 0,
        block: &[2, 4, 5, 0xb4, 1, 3, 3, 6, 1, 1, 8, 10, T, T, T, T, 0, 0, 0, 0, 4, 2, 0, 0] },
    Layout { name: "four SACK blocks", known: 0, all: 50, flags: ACK, payload: 0,
        block: &[1, 1, 5, 34, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T,
            T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T] },
    Layout { name: "fast open", known: 0, all: 60, flags: Flags::SYN, payload: 200,
        block: &[2, 4, 5, 0xb4, 4, 2, 8, 10, T, T, T, T, 0, 0, 0, 0, 1, 3, 3, 7,
            34, 10, T, T, T, T, T, T, T, T, 1, 1] },
    Layout { name: "MPTCP SYN", known: 0, all: 60, flags: Flags::SYN, payload: 0,
        block: &[2, 4, 5, 0xb4, 4, 2, 8, 10, T, T, T, T, 0, 0, 0, 0, 1, 3, 3, 7, 30, 4, 1, 1] },
    Layout { name: "MPTCP data", known: 0, all: 80, flags: PUSH, payload: 1400,
        block: &[1, 1, 8, 10, T, T, T, T, T, T, T, T,
            30, 18, 0x20, 5, T, T, T, T, T, T, T, T, T, T, 0, 20, 1, 1] },
    Layout { name: "MD5", known: 0, all: 50, flags: PUSH, payload: 100,
        block: &[1, 1, 19, 18, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T] },
    Layout { name: "AccECN", known: 0, all: 60, flags: ACK, payload: 0,
        block: &[1, 1, 8, 10, T, T, T, T, T, T, T, T, 172, 11, T, T, T, T, T, T, T, T, T, 1] },
    Layout { name: "experiment", known: 0, all: 50, flags: Flags::SYN, payload: 0,
        block: &[2, 4, 5, 0xb4, 253, 8, 0xf9, 0x89, T, T, T, T, 1, 1, 4, 2] },
];
