//! The answers to one packet, from plan to bytes.

use super::{
    Body, Frame, Plan,
    report::{self, Content},
    request::Request,
    v1::{self, Mode, twist},
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

/// Up to three packets that are to be sent: they differ in place, payload and FIN flag only.
#[derive(Debug)]
pub(super) struct Reply {
    /// All but options and payload.
    draft: Draft<'static>,
    options: heapless::Vec<u8, MAX_LENGTH>,
    payload: [u8; SLOT],
    /// The packets that are still to go out, the next one last.
    pending: heapless::Vec<Part, 3>,
}

/// One packet of the answer.
#[derive(Clone, Copy, Debug)]
struct Part {
    /// Where it lies behind the answer's sequence number.
    offset: u32,
    /// Its bytes of the payload.
    range: (usize, usize),
    /// Whether it ends the connection.
    finish: bool,
    /// Whether its payload is another than before.
    twisted: bool,
}

impl Reply {
    pub(super) fn new() -> Self {
        Self {
            draft: Draft::default(),
            options: heapless::Vec::new(),
            payload: [0; SLOT],
            pending: heapless::Vec::new(),
        }
    }

    pub(super) fn clear(&mut self) {
        self.pending.clear();
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
            flags: plan.flags.with(Flags::ACK).with(syn),
            window: plan.window,
            urgent: plan.urgent,
            ..Draft::default()
        };
        self.options.clear();
        let _ = self.options.extend_from_slice(plan.options.bytes());
        let length = self.body(request, plan);
        let mode = match &request.order {
            Some(order) if matches!(plan.body, Body::Ordered) => order.mode,
            _ => Mode::Plain,
        };
        self.cut(mode, length, plan.finish || mode == Mode::Finish);
    }

    /// Lays out the packets: those of the mode, and one with FIN, which is the same once more where
    /// the request had one.
    fn cut(&mut self, mode: Mode, length: usize, finish: bool) {
        self.pending.clear();
        let whole = Part { offset: 0, range: (0, length), finish, twisted: false };
        if finish {
            let end = u32::try_from(length).unwrap_or(u32::MAX);
            let behind = Part { offset: end, range: (length, length), ..whole };
            let _ = self.pending.push(if mode == Mode::Finish { behind } else { whole });
        }
        let parts = mode.parts(length);
        for (index, &(offset, from, end)) in parts.iter().enumerate().rev() {
            let twisted = mode == Mode::Overlap && index > 0;
            let _ = self.pending.push(Part { offset, range: (from, end), finish: false, twisted });
        }
    }

    /// Writes the next packet, if there is one, and tells its length.
    pub(super) fn next(&mut self, slot: &mut [u8]) -> Option<usize> {
        let part = self.pending.pop()?;
        let (from, end) = part.range;
        let payload = self.payload.get_mut(from..end)?;
        if part.twisted {
            payload.iter_mut().for_each(|byte| *byte = twist(*byte));
        }
        let finish = if part.finish { Flags::FIN } else { Flags::NONE };
        let draft = Draft {
            seq: self.draft.seq.add(part.offset),
            flags: self.draft.flags.with(finish),
            options: &self.options,
            payload: Payload::Bytes(payload),
            ..self.draft
        };
        draft.write(slot).ok().map(<[u8]>::len)
    }

    /// Writes the payload and tells its length.
    fn body(&mut self, request: &Request<'_>, plan: &Plan) -> usize {
        let head = head_length(&self.draft, &self.options);
        let room = plan.room.min(SLOT.saturating_sub(head));
        let out = self.payload.get_mut(..room).unwrap_or_default();
        match plan.body {
            Body::Nothing => 0,
            Body::Page(page) => report::copy(out, page),
            Body::Ordered => ordered(&self.draft, &self.options, request, out).unwrap_or(0),
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

/// Writes the report that is ordered and tells its length.
fn ordered(
    draft: &Draft<'_>,
    options: &[u8],
    request: &Request<'_>,
    out: &mut [u8],
) -> Option<usize> {
    let order = request.order.as_ref().filter(|order| order.mode != Mode::Silent)?;
    let mut head = NO_HEAD;
    let claimed = u16::try_from(tcp::Header::LENGTH.saturating_add(options.len())).ok()?;
    let content = v1::Content {
        order,
        checksum: request.checksum,
        merged: request.merged,
        payload: request.payload,
        received: request.headers(),
        sent: claim(draft, options, claimed, &mut head),
    };
    content.write(out)
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
            tos: frame.traffic_class,
            flags: if frame.dont_fragment { ipv4::Flags::DF } else { ipv4::Flags::NONE },
            ..Ipv4::default()
        })),
        Network::V6(datagram) => Some(craft::Network::V6(Ipv6 {
            source: datagram.header.destination(),
            destination: datagram.header.source(),
            hop_limit: frame.hops,
            traffic_class: frame.traffic_class,
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
