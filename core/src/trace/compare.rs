//! What a quote tells of a packet.

use core::fmt;

use crate::wire::{
    packet::{Network, Packet, Transport},
    tcp,
};

/// A part of a packet that is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Field {
    /// The type of service octet or traffic class.
    Class,
    /// The identification and the flags of the IPv4 header.
    Id,
    /// The flow label.
    FlowLabel,
    /// The IP options or extension headers.
    IpOptions,
    /// The total length.
    Length,
    /// The addresses.
    Addresses,
    /// The ports.
    Ports,
    /// The sequence number.
    Seq,
    /// The acknowledgement number.
    Ack,
    /// Data offset, flags and reserved bits.
    Flags,
    /// The window.
    Window,
    /// The checksum.
    Checksum,
    /// The urgent pointer.
    Urgent,
    /// The TCP options.
    Options,
    /// The payload.
    Payload,
}

/// A set of fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Fields(u16);

impl Field {
    /// All of them, in the order in which they stand in a packet.
    pub const ALL: [Self; 15] = [
        Self::Class,
        Self::Id,
        Self::FlowLabel,
        Self::IpOptions,
        Self::Length,
        Self::Addresses,
        Self::Ports,
        Self::Seq,
        Self::Ack,
        Self::Flags,
        Self::Window,
        Self::Checksum,
        Self::Urgent,
        Self::Options,
        Self::Payload,
    ];

    /// Tells the word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Class => "tos",
            Self::Id => "id",
            Self::FlowLabel => "flow",
            Self::IpOptions => "ip-options",
            Self::Length => "length",
            Self::Addresses => "addresses",
            Self::Ports => "ports",
            Self::Seq => "seq",
            Self::Ack => "ack",
            Self::Flags => "flags",
            Self::Window => "win",
            Self::Checksum => "cksum",
            Self::Urgent => "urg",
            Self::Options => "options",
            Self::Payload => "payload",
        }
    }
}

impl Fields {
    /// No field.
    pub const NONE: Self = Self(0);
    /// Every field.
    pub const ALL: Self = Self(0x7fff);

    /// Tells whether a field is in it.
    #[must_use]
    pub const fn contains(self, field: Field) -> bool {
        self.0 & 1 << field as u8 != 0
    }

    /// Adds the fields of another set.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Tells whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Walks the fields.
    pub fn iter(self) -> impl Iterator<Item = Field> {
        Field::ALL.into_iter().filter(move |field| self.contains(*field))
    }
}

impl From<Field> for Fields {
    fn from(field: Field) -> Self {
        Self(1 << field as u8)
    }
}

impl fmt::Display for Fields {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, field) in self.iter().enumerate() {
            out.write_str(if index > 0 { ", " } else { "" })?;
            out.write_str(field.word())?;
        }
        Ok(())
    }
}

/// What is known, and what of it differs.
#[derive(Debug, Default)]
struct Tally {
    known: Fields,
    changed: Fields,
}

impl Tally {
    fn note(&mut self, field: Field, same: bool) {
        self.known = self.known.with(field.into());
        if !same {
            self.changed = self.changed.with(field.into());
        }
    }

    /// Notes a field that a quote may be too short for.
    fn note_part<T: PartialEq>(&mut self, field: Field, sent: &T, quoted: Option<T>) {
        if let Some(quoted) = quoted {
            self.note(field, *sent == quoted);
        }
    }
}

/// Compares a quote with what was sent, and tells the fields that the quote holds and those of them
/// that differ. The time to live and the IPv4 checksum, which every hop changes, do not count.
#[must_use]
pub fn differences(sent: &Packet<'_>, quote: &Packet<'_>) -> (Fields, Fields) {
    let mut tally = Tally::default();
    network(&mut tally, sent, quote);
    if let Some(segment) = sent.tcp() {
        match &quote.transport {
            Transport::Tcp(quoted) => whole(&mut tally, segment, quoted),
            Transport::Stub(quoted) => stub(&mut tally, segment, quoted),
            _ => {}
        }
    }
    (tally.known, tally.changed)
}

fn network(tally: &mut Tally, sent: &Packet<'_>, quote: &Packet<'_>) {
    match (&sent.network, &quote.network) {
        (Network::V4(sent), Network::V4(quote)) => {
            tally.note(Field::Class, sent.header.tos() == quote.header.tos());
            let id = |header: &crate::wire::ipv4::Header| (header.id(), header.flags().bits());
            tally.note(Field::Id, id(sent.header) == id(quote.header));
            tally.note(Field::Length, sent.header.total_length() == quote.header.total_length());
            tally.note(Field::IpOptions, sent.options == quote.options);
        }
        (Network::V6(sent), Network::V6(quote)) => {
            tally.note(Field::Class, sent.header.traffic_class() == quote.header.traffic_class());
            tally.note(Field::FlowLabel, sent.header.flow_label() == quote.header.flow_label());
            let length = sent.header.payload_length() == quote.header.payload_length();
            tally.note(Field::Length, length);
            tally.note(Field::IpOptions, sent.extensions == quote.extensions);
        }
        _ => return,
    }
    tally.note(Field::Addresses, sent.addresses() == quote.addresses());
}

fn whole(tally: &mut Tally, sent: &tcp::Segment<'_>, quoted: &tcp::Segment<'_>) {
    let (a, b) = (sent.header, quoted.header);
    let ports = |header: &tcp::Header| (header.source_port(), header.destination_port());
    tally.note(Field::Ports, ports(a) == ports(b));
    tally.note(Field::Seq, a.seq() == b.seq());
    tally.note(Field::Ack, a.ack() == b.ack());
    let flags = |header: &tcp::Header| (header.flags(), header.data_offset());
    tally.note(Field::Flags, flags(a) == flags(b));
    tally.note(Field::Window, a.window() == b.window());
    tally.note(Field::Checksum, a.checksum() == b.checksum());
    tally.note(Field::Urgent, a.urgent() == b.urgent());
    let (sent_options, options) = (sent.options.bytes(), quoted.options.bytes());
    let length = b.data_offset().saturating_sub(tcp::Header::LENGTH);
    if options.len() >= length {
        tally.note(Field::Options, sent_options == options);
    } else if !sent_options.starts_with(options) {
        // Cut, but what is there differs.
        tally.note(Field::Options, false);
    }
    let (sent, quoted) = (sent.payload, quoted.payload);
    if options.len() >= length && !quoted.is_empty() {
        tally.note(Field::Payload, sent.starts_with(quoted));
    }
}

fn stub(tally: &mut Tally, sent: &tcp::Segment<'_>, quoted: &tcp::Stub<'_>) {
    let header = sent.header;
    let ports = quoted.source_port().zip(quoted.destination_port());
    tally.note_part(Field::Ports, &(header.source_port(), header.destination_port()), ports);
    tally.note_part(Field::Seq, &header.seq(), quoted.seq());
    tally.note_part(Field::Ack, &header.ack(), quoted.ack());
}
