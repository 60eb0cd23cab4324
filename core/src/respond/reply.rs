//! The answers to one packet, from plan to bytes.

use super::{
    Body, Frame, Plan,
    report::{self, Content},
    request::Request,
};
use crate::{
    craft::{self, Draft, Ipv4, Ipv6, Payload},
    engine::SLOT,
    wire::{
        ipv4,
        options::MAX_LENGTH,
        packet::Network,
        tcp::{self, Flags},
    },
};

/// Up to two packets that are to be sent: they differ in the FIN flag only.
#[derive(Debug)]
pub(super) struct Reply {
    /// All but options and payload.
    draft: Draft<'static>,
    options: heapless::Vec<u8, MAX_LENGTH>,
    payload: [u8; SLOT],
    length: usize,
    pending: Pending,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pending {
    Nothing,
    One,
    /// This one, and then the same with FIN.
    Two,
}

impl Reply {
    pub(super) fn new() -> Self {
        Self {
            draft: Draft::default(),
            options: heapless::Vec::new(),
            payload: [0; SLOT],
            length: 0,
            pending: Pending::Nothing,
        }
    }

    pub(super) const fn clear(&mut self) {
        self.pending = Pending::Nothing;
    }

    /// Takes on the answers to `request`.
    pub(super) fn load(&mut self, request: &Request<'_>, plan: &Plan) {
        let Some(network) = network(request, plan.frame) else {
            return;
        };
        let syn = if request.is_syn() { Flags::SYN } else { Flags::NONE };
        self.draft = Draft {
            network,
            source_port: request.header.destination_port(),
            destination_port: request.header.source_port(),
            seq: plan.seq,
            ack: plan.ack,
            flags: Flags::ACK.with(syn),
            window: plan.window,
            ..Draft::default()
        };
        self.options.clear();
        let _ = self.options.extend_from_slice(plan.options.bytes());
        self.length = self.body(request, plan);
        self.pending = if plan.finish { Pending::Two } else { Pending::One };
    }

    /// Writes the next packet, if there is one, and tells its length.
    pub(super) fn next(&mut self, slot: &mut [u8]) -> Option<usize> {
        if self.pending == Pending::Nothing {
            return None;
        }
        let draft = Draft {
            options: &self.options,
            payload: Payload::Bytes(self.payload.get(..self.length)?),
            ..self.draft
        };
        let length = draft.write(slot).ok().map(<[u8]>::len);
        self.pending = match self.pending {
            Pending::Two => Pending::One,
            _ => Pending::Nothing,
        };
        self.draft.flags = self.draft.flags.with(Flags::FIN);
        length
    }

    /// Writes the payload and tells its length.
    fn body(&mut self, request: &Request<'_>, plan: &Plan) -> usize {
        let head = head_length(&self.draft, &self.options);
        let room = plan.room.min(SLOT.saturating_sub(head));
        let out = self.payload.get_mut(..room).unwrap_or_default();
        match plan.body {
            Body::Nothing => 0,
            Body::Page(page) => report::copy(out, page),
            Body::Report { http } => {
                let mut content = Content {
                    received: request.headers(),
                    sent: NO_HEAD.get(..head).unwrap_or_default(),
                    copy: request.body,
                    http,
                    target: request.report_length(self.options.len()),
                };
                let segment = tcp::Header::LENGTH
                    .saturating_add(self.options.len())
                    .saturating_add(content.length().min(room));
                let claimed = plan.frame.claimed;
                let claimed = claimed.unwrap_or(u16::try_from(segment).unwrap_or(u16::MAX));
                let mut head = NO_HEAD;
                content.sent = claim(&self.draft, &self.options, claimed, &mut head);
                content.write(out)
            }
        }
    }
}

/// Makes the IP header of the way back.
fn network(request: &Request<'_>, frame: Frame) -> Option<craft::Network<'static>> {
    match &request.network {
        Network::None => None,
        Network::V4(datagram) => Some(craft::Network::V4(Ipv4 {
            source: datagram.header.destination(),
            destination: datagram.header.source(),
            id: frame.id,
            ttl: frame.hops,
            flags: if frame.dont_fragment { ipv4::Flags::DF } else { ipv4::Flags::NONE },
            ..Ipv4::default()
        })),
        Network::V6(datagram) => Some(craft::Network::V6(Ipv6 {
            source: datagram.header.destination(),
            destination: datagram.header.source(),
            hop_limit: frame.hops,
            ..Ipv6::default()
        })),
    }
}

/// Writes the headers of an answer as its own report tells them: with the length of the segment
/// that is claimed, and with checksums of 0, since they are not known yet.
fn claim<'b>(draft: &Draft<'_>, options: &[u8], claimed: u16, out: &'b mut [u8]) -> &'b [u8] {
    let network = match draft.network {
        craft::Network::V4(header) => craft::Network::V4(Ipv4 {
            total_length: Some(claimed.saturating_add(20)),
            checksum: craft::Checksum::Forced(0),
            ..header
        }),
        craft::Network::V6(header) => {
            craft::Network::V6(Ipv6 { payload_length: Some(claimed), ..header })
        }
    };
    let head = Draft { network, options, checksum: craft::Checksum::Forced(0), ..*draft };
    head.write(out).unwrap_or_default()
}

/// Tells the length of all headers.
fn head_length(draft: &Draft<'_>, options: &[u8]) -> usize {
    let head = Draft { options, ..*draft };
    head.length()
}

/// The longest header of an answer: IPv6 without extensions, TCP with all options.
const NO_HEAD: [u8; 100] = [0; 100];
