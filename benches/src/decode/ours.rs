//! The core.

use tcpexposure_core::wire::{
    options::{self, Item, View, Visit, kind, view::SackBlocks},
    packet::{Network, Offload, Packet, Read, Start},
};

use crate::reading::{Options, Reading};

/// Reads a frame.
#[inline(always)]
#[must_use]
pub fn read(frame: &[u8]) -> Option<Reading> {
    Packet::read(Start::Ethernet, frame, frame.len(), Offload::default(), Fields)
}

/// What is told of a packet.
struct Fields;

impl<'a> Read<'a> for Fields {
    type Output = Option<Reading>;

    #[inline(always)]
    fn packet(self, packet: &Packet<'a>) -> Option<Reading> {
        fields(packet)
    }
}

#[inline(always)]
fn fields(packet: &Packet<'_>) -> Option<Reading> {
    let segment = packet.tcp()?;
    let (source, destination, ttl) = match &packet.network {
        Network::V4(datagram) => (
            datagram.header.source().to_bits().into(),
            datagram.header.destination().to_bits().into(),
            datagram.header.ttl(),
        ),
        Network::V6(datagram) => (
            datagram.header.source().to_bits(),
            datagram.header.destination().to_bits(),
            datagram.header.hop_limit(),
        ),
        Network::None => return None,
    };
    let header = segment.header;
    Some(Reading {
        source,
        destination,
        ttl,
        source_port: header.source_port(),
        destination_port: header.destination_port(),
        seq: header.seq().0,
        ack: header.ack().0,
        flags: header.flags().bits() as u8,
        window: header.window(),
        checksum: header.checksum(),
        urgent: header.urgent(),
        payload: segment.payload.len(),
        options: walk(segment.options),
    })
}

/// Reads an option block.
#[inline(always)]
#[must_use]
pub fn options(block: &[u8]) -> Options {
    walk(options::Options::new(block))
}

/// Reads an option block by the typed views.
#[inline(always)]
#[must_use]
pub fn options_typed(block: &[u8]) -> Options {
    walk_typed(options::Options::new(block))
}

#[inline(always)]
fn walk(options: options::Options<'_>) -> Options {
    options.gather(Sum::default()).0
}

#[inline(always)]
fn walk_typed(options: options::Options<'_>) -> Options {
    options.gather(Typed::default()).0
}

/// Sums options by kind and data.
#[derive(Default)]
struct Sum(Options);

/// Sums options by their typed views.
#[derive(Default)]
struct Typed(Options);

impl<'a> Visit<'a> for Sum {
    #[inline(always)]
    fn item(&mut self, item: Item<'a>) {
        let found = &mut self.0;
        match item {
            Item::Nop => found.nop(),
            Item::Option { kind, data } => match (kind, data) {
                (kind::MAXIMUM_SEGMENT_SIZE, &[a, b]) => {
                    found.maximum_segment_size(u16::from_be_bytes([a, b]));
                }
                (kind::WINDOW_SCALE, &[shift]) => found.window_scale(shift),
                (kind::SACK_PERMITTED, []) => found.sack_permitted(),
                (kind::TIMESTAMPS, &[a, b, c, d, e, f, g, h]) => found
                    .timestamps(u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h])),
                (kind::SACK, data) => {
                    let blocks = SackBlocks::new(data).into_iter().flat_map(SackBlocks::iter);
                    blocks.for_each(|(left, right)| found.sack(left, right));
                }
                (kind, data) => found.other(kind, data),
            },
            Item::End | Item::Trailing(_) => {}
            Item::Malformed { .. } => found.malformed = true,
        }
    }
}

impl<'a> Visit<'a> for Typed {
    #[inline(always)]
    fn item(&mut self, item: Item<'a>) {
        let found = &mut self.0;
        match item.view() {
            View::Nop => found.nop(),
            View::MaximumSegmentSize(size) => found.maximum_segment_size(size),
            View::WindowScale(shift) => found.window_scale(shift),
            View::SackPermitted => found.sack_permitted(),
            View::Timestamps { value, echo } => found.timestamps(value, echo),
            View::Sack(blocks) => blocks.iter().for_each(|(left, right)| found.sack(left, right)),
            View::End | View::Trailing(_) => {}
            View::Malformed(_) => found.malformed = true,
            _ => {
                if let Item::Option { kind, data } = item {
                    found.other(kind, data);
                }
            }
        }
    }
}
