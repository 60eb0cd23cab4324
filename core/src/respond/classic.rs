//! The answers of 2011 (sections 4.2 to 4.6 of the specification), without its crashes.
//!
//! Where the original died or span, the answer is the one that its rules imply: timestamps that
//! follow `MP_CAPABLE` are known before it, an option that does not fit in 40 bytes is left out, a
//! length that cannot be ends the walk, numbers wrap, and a wrong echo of no timestamp is none.
//!
//! ```
//! use tcpexposure_core::{respond::classic, wire::tcp::Seq};
//! assert_eq!(classic::SEQ, Seq(0x00ab_cdef)); // that of every SYN/ACK
//! ```

use super::{
    Body, Frame, Plan,
    block::Block,
    command::Command,
    http,
    report::{
        DATA_LOWERS, EXPECTED_ECHO, EXPECTED_ECHO_LOWERS, MSS, OTHER_ECHO_LOWERS, UNKNOWN_LOWERS,
        WINDOW, WINDOW_SCALE,
    },
    request::Request,
};
use crate::{
    engine::SLOT,
    wire::{
        options::{
            Item, View,
            classic::{self, Classic},
            kind,
        },
        tcp::{Flags, Seq},
    },
};

/// The sequence number of every SYN/ACK.
pub const SEQ: Seq = Seq(0x00ab_cdef);
/// The timestamp of every answer, before a SYN/ACK lowers it.
pub const TIMESTAMP: u32 = 12_345_678;
/// The identification of every IPv4 packet.
pub const ID: u16 = 0x4321;
/// The time to live, or hop limit, of every packet.
pub const HOPS: u8 = 255;
/// The segment length that the header within a report claims: 552 less the IPv4 header.
pub const CLAIMED: u16 = 532;

/// Works out the answer.
pub(super) fn plan(request: &Request<'_>) -> Plan {
    let mut walk = Walk::new(request);
    for item in request.options.iter() {
        walk.item(item);
    }
    let (window, options) = walk.finish();
    Plan {
        seq: if request.is_syn() { SEQ } else { request.header.ack() },
        ack: acknowledgement(request),
        flags: Flags::NONE,
        window,
        urgent: 0,
        options,
        body: body(request),
        room: SLOT,
        finish: request.is_fin(),
        proven: true,
        frame: Frame {
            id: ID,
            hops: HOPS,
            traffic_class: 0,
            dont_fragment: false,
            claimed: Some(CLAIMED),
        },
    }
}

/// A SYN or a FIN counts one whatever it carries; the data of a SYN counts on request.
fn acknowledgement(request: &Request<'_>) -> Seq {
    let seq = request.header.seq();
    if request.command == Command::Duplicate {
        return seq;
    }
    let data = if request.wants_data_acknowledged() { request.length() } else { 0 };
    if request.is_syn() || request.is_fin() {
        seq.add(1).add(data)
    } else {
        seq.add(request.length())
    }
}

fn body(request: &Request<'_>) -> Body {
    match request.command {
        Command::Page => Body::Page(http::CLASSIC_PAGE),
        command if command.wants_report() => {
            Body::Report { http: request.http || command == Command::ReportHttp }
        }
        _ => Body::Nothing,
    }
}

/// The walk over the request's options, in order (section 4.3).
struct Walk<'r, 'a> {
    request: &'r Request<'a>,
    block: Block,
    /// What the window is lowered by.
    lowered: u16,
    /// Our timestamp.
    clock: u32,
    /// The peer's timestamp last seen.
    seen: Option<u32>,
    /// Whether the next timestamps were answered already, before an `MP_CAPABLE` that precedes
    /// them.
    early: bool,
}

impl<'r, 'a> Walk<'r, 'a> {
    fn new(request: &'r Request<'a>) -> Self {
        let data = request.is_syn() && !request.payload.is_empty();
        let lowered = if data { DATA_LOWERS } else { 0 };
        let mut walk = Self {
            request,
            block: Block::new(),
            lowered: lowered.into(),
            clock: TIMESTAMP.wrapping_sub(lowered.into()),
            seen: None,
            early: false,
        };
        if request.is_syn() {
            walk.restart(lowered);
        }
        walk
    }

    fn item(&mut self, item: Item<'_>) {
        if let View::Timestamps { value, echo } = item.view() {
            return self.timestamps(value, echo);
        }
        match (Classic::of(item), item) {
            (Some(Classic::Capable { .. }), Item::Option { data, .. }) => self.capable(data),
            (Some(Classic::Data { sequence, length, .. }), _) => {
                let next = sequence.wrapping_add(length.into());
                self.block.push(classic::ACK, &next.to_be_bytes());
            }
            _ => {}
        }
    }

    fn timestamps(&mut self, value: u32, echo: u32) {
        if core::mem::take(&mut self.early) {
            return;
        }
        self.note(value, echo);
        self.block.timestamps(self.clock, value);
    }

    /// Takes in the peer's timestamps; an echo in a SYN, which should be 0, begins the block anew.
    fn note(&mut self, value: u32, echo: u32) {
        self.seen = Some(value);
        if self.request.is_syn() && echo != 0 {
            let lower = match echo {
                EXPECTED_ECHO => EXPECTED_ECHO_LOWERS,
                _ => OTHER_ECHO_LOWERS,
            };
            self.restart(lower);
            self.lowered = self.lowered.wrapping_add(lower.into());
            self.clock = echo;
        }
    }

    /// Answers `MP_CAPABLE` by its copy; without payload it begins the block anew.
    fn capable(&mut self, data: &[u8]) {
        if self.request.payload.is_empty() {
            self.look_ahead();
            self.restart(UNKNOWN_LOWERS);
            let clock = self.clock.wrapping_sub(UNKNOWN_LOWERS.into());
            self.block.timestamps(clock, self.seen.unwrap_or(0));
            self.lowered = self.lowered.wrapping_add(UNKNOWN_LOWERS.into());
        }
        self.block.push(classic::CAPABLE, data);
    }

    /// Takes in timestamps that are still to come, if none came before.
    fn look_ahead(&mut self) {
        if self.seen.is_none()
            && let Some((value, echo)) = self.request.options.timestamps()
        {
            self.note(value, echo);
            self.early = true;
        }
    }

    fn restart(&mut self, lower: u8) {
        self.block.clear();
        let mss = MSS.wrapping_sub(lower.into()).to_be_bytes();
        self.block.push(kind::MAXIMUM_SEGMENT_SIZE, &mss);
        let scale = WINDOW_SCALE.wrapping_sub(lower);
        self.block.push(kind::WINDOW_SCALE, &[scale]);
        self.block.push(kind::SACK_PERMITTED, &[]);
    }

    /// Tells window and options.
    fn finish(mut self) -> (u16, Block) {
        if let (Command::ReportWrongEcho, Some(value)) = (self.request.command, self.seen) {
            self.block.clear();
            self.block.timestamps(TIMESTAMP, value.wrapping_sub(1));
        }
        self.block.align();
        let lowered = if self.request.is_syn() { self.lowered } else { 0 };
        (WINDOW.wrapping_sub(lowered), self.block)
    }
}
