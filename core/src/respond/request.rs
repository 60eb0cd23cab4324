//! The packet being answered.

use zerocopy::IntoBytes as _;

use super::{
    command::Command,
    http, is_nobody, report,
    v1::{Account, Checksum, Order, Told},
};
use crate::wire::{
    ipv4, ipv6,
    options::{Item, Options},
    packet::{Network, Packet},
    tcp::{self, Flags},
};

/// A TCP segment that stands, and what its payload asks for.
pub(super) struct Request<'a> {
    pub(super) network: Network<'a>,
    pub(super) header: &'a tcp::Header,
    pub(super) options: Options<'a>,
    pub(super) payload: &'a [u8],
    /// The payload without its HTTP header.
    pub(super) body: &'a [u8],
    /// Whether the payload begins like HTTP.
    pub(super) http: bool,
    pub(super) command: Command,
    /// What is asked for in version 1; only in a segment without SYN.
    pub(super) order: Option<Order<'a>>,
    pub(super) checksum: Checksum,
    /// Whether our kernel or card merged it of several segments.
    pub(super) merged: bool,
    segment: tcp::Segment<'a>,
}

impl<'a> Request<'a> {
    /// Takes a packet; `None` if it is faulty, a fragment, or from or to nobody.
    pub(super) fn of(packet: &Packet<'a>) -> Option<Self> {
        let segment = packet.tcp()?;
        if packet.fault.is_some() || is_fragment(&packet.network) || is_nobody(packet) {
            return None;
        }
        let (body, http) = http::trim(segment.payload);
        let mut request = Self {
            network: packet.network,
            header: segment.header,
            options: segment.options,
            payload: segment.payload,
            body,
            http,
            command: Command::None,
            order: None,
            checksum: match packet.checksum_ok() {
                None => Checksum::Unknown,
                Some(true) => Checksum::Right,
                Some(false) => Checksum::Wrong,
            },
            merged: packet.offload.segments,
            segment: *segment,
        };
        if !request.is_syn() {
            request.order = Order::find(request.payload);
        }
        if request.may_command() {
            request.command = Command::of(request.payload, body);
        }
        Some(request)
    }

    pub(super) fn is_syn(&self) -> bool {
        self.header.flags().contains(Flags::SYN)
    }

    pub(super) fn is_fin(&self) -> bool {
        self.header.flags().contains(Flags::FIN)
    }

    pub(super) fn acknowledges(&self) -> bool {
        self.header.flags().contains(Flags::ACK)
    }

    /// Tells what our sequence number tells of it.
    pub(super) fn told(&self) -> Told {
        Told::of(&self.network, &self.segment)
    }

    /// Tells what an option tells of it.
    pub(super) fn account(&self) -> Account {
        Account::of(&self.network, &self.segment)
    }

    /// Tells whether its checksum is wrong.
    pub(super) fn is_wrong(&self) -> bool {
        self.checksum == Checksum::Wrong
    }

    /// Tells whether an option asks for an account of the segment.
    pub(super) fn asks_account(&self) -> bool {
        let mut items = self.options.iter();
        items.any(
            |item| matches!(item, Item::Option { kind, data } if Account::is_asked(kind, data)),
        )
    }

    /// Tells the time to live or the hop limit.
    pub(super) const fn hops(&self) -> u8 {
        match &self.network {
            Network::None => 0,
            Network::V4(datagram) => datagram.header.ttl(),
            Network::V6(datagram) => datagram.header.hop_limit(),
        }
    }

    /// Tells the payload length; a TCP payload always fits.
    pub(super) fn length(&self) -> u32 {
        u32::try_from(self.payload.len()).unwrap_or(u32::MAX)
    }

    /// Tells whether this is a SYN that asks for its data to be acknowledged, from one byte on.
    pub(super) fn wants_data_acknowledged(&self) -> bool {
        let asked = matches!(self.body.first(), Some(&(Command::ACK | Command::ACK_REPORT)));
        self.is_syn() && asked
    }

    /// Tells what part 1 of a report holds.
    pub(super) fn headers(&self) -> [&'a [u8]; 4] {
        let (header, options): (&[u8], &[u8]) = match &self.network {
            Network::None => (&[], &[]),
            Network::V4(datagram) => (datagram.header.as_bytes(), datagram.options),
            Network::V6(datagram) => (datagram.header.as_bytes(), datagram.extensions),
        };
        [header, options, self.header.as_bytes(), self.options.bytes()]
    }

    /// Tells how long a report is to be in an answer with so many bytes of options.
    pub(super) fn report_length(&self, options: usize) -> usize {
        if self.is_syn() { self.payload.len() } else { report::LENGTH.saturating_sub(options) }
    }

    /// Tells whether the payload is looked at: from 2 bytes on in a SYN, from 4 in another segment
    /// without FIN.
    fn may_command(&self) -> bool {
        match (self.is_syn(), self.is_fin()) {
            (true, _) => self.payload.len() >= 2,
            (false, fin) => !fin && self.payload.len() >= 4,
        }
    }
}

/// Tells the bytes of a packet from its IP header to its declared end.
pub(super) fn ip_length(packet: &Packet<'_>) -> u64 {
    let length = match &packet.network {
        Network::None => 0,
        Network::V4(datagram) => datagram
            .options
            .len()
            .saturating_add(ipv4::Header::LENGTH)
            .saturating_add(datagram.payload.len()),
        Network::V6(datagram) => datagram
            .extensions
            .len()
            .saturating_add(ipv6::Header::LENGTH)
            .saturating_add(datagram.payload.len()),
    };
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// Tells whether this is part of a packet only. A later one has no TCP header here anyway.
fn is_fragment(network: &Network<'_>) -> bool {
    match network {
        Network::None => false,
        Network::V4(datagram) => datagram.header.flags().contains(ipv4::Flags::MF),
        Network::V6(datagram) => datagram.walk().any(|extension| {
            extension.fragment().is_some_and(|(offset, more, _)| more || offset != 0)
        }),
    }
}
