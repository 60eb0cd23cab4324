//! The segment as boxes see it: read once, changed field by field, written once.

use std::{borrow::Cow, fmt::Debug};

use tcpexposure_core::{
    craft::{Checksum, Draft, Network, Payload},
    time::Instant,
    wire::{
        packet::Packet,
        tcp::{Flags, Seq},
    },
};

use super::{Middlebox, Verdict};
use crate::{Direction, Visit};

/// A TCP segment in the hands of a box.
///
/// Lengths and checksums are computed when it is written; a TCP checksum that was wrong is wrong
/// again, unless the box mends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment<'a> {
    /// All fields but the options and the payload.
    pub(crate) head: Draft<'a>,
    /// The options.
    pub(crate) options: Cow<'a, [u8]>,
    /// The payload.
    pub(crate) payload: Cow<'a, [u8]>,
}

/// A box that minds TCP segments only. Everything else passes: other protocols, fragments, and
/// whatever is malformed.
pub(crate) trait Policy: Debug {
    /// Judges a segment, and may change it. What `out` sends leaves before it does.
    fn judge(&mut self, out: &mut Out<'_>, segment: &mut Segment<'_>) -> Fate;

    /// As [`Middlebox::takes`], asked of TCP segments.
    fn terminates(&self) -> bool {
        false
    }

    /// As [`Middlebox::wake`].
    fn wake(&self) -> Option<Instant> {
        None
    }

    /// As [`Middlebox::tick`].
    fn tick(&mut self, _out: &mut Out<'_>) {}
}

/// What becomes of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It goes on, as it is now.
    Pass,
    /// It does not.
    Drop,
}

/// Where a box sends packets.
#[derive(Debug)]
pub(crate) struct Out<'v> {
    /// Where and when.
    pub(crate) visit: Visit,
    verdict: &'v mut Verdict,
}

/// Makes a box of a policy.
pub(crate) fn tcp(policy: impl Policy + 'static) -> Box<dyn Middlebox> {
    Box::new(Tcp(policy))
}

/// Makes a box that changes the segments for which `when` holds.
pub(crate) fn edit(when: When, change: fn(&mut Segment<'_>)) -> Box<dyn Middlebox> {
    tcp(Edit { when, change })
}

/// Which segments a box minds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct When {
    direction: Option<Direction>,
    phase: Phase,
}

/// When in the life of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Any,
    Handshake,
    Syn,
    SynAck,
    NotSyn,
    Data,
}

impl When {
    /// Always.
    pub(crate) const ALWAYS: Self = Self::new(None, Phase::Any);
    /// All that the initiator sends.
    pub(crate) const OUT: Self = Self::new(Some(Direction::Outbound), Phase::Any);
    /// All that the host sends.
    pub(crate) const IN: Self = Self::new(Some(Direction::Inbound), Phase::Any);
    /// SYNs and SYN-ACKs.
    pub(crate) const HANDSHAKE: Self = Self::new(None, Phase::Handshake);
    /// The initiator's SYN.
    pub(crate) const SYN: Self = Self::new(Some(Direction::Outbound), Phase::Syn);
    /// The host's SYN-ACK.
    pub(crate) const SYN_ACK: Self = Self::new(Some(Direction::Inbound), Phase::SynAck);
    /// What the initiator sends after its SYN.
    pub(crate) const OUT_LATER: Self = Self::new(Some(Direction::Outbound), Phase::NotSyn);
    /// What the host sends after its SYN-ACK.
    pub(crate) const IN_LATER: Self = Self::new(Some(Direction::Inbound), Phase::NotSyn);
    /// What the initiator sends with a payload after its SYN.
    pub(crate) const OUT_DATA: Self = Self::new(Some(Direction::Outbound), Phase::Data);
    /// What the host sends with a payload after its SYN-ACK.
    pub(crate) const IN_DATA: Self = Self::new(Some(Direction::Inbound), Phase::Data);
    /// What either sends with a payload after its SYN.
    pub(crate) const DATA: Self = Self::new(None, Phase::Data);

    const fn new(direction: Option<Direction>, phase: Phase) -> Self {
        Self { direction, phase }
    }

    /// Tells whether a segment that travels in `direction` is one of these.
    pub(crate) fn holds(self, direction: Direction, segment: &Segment<'_>) -> bool {
        let (syn, ack) = (segment.is(Flags::SYN), segment.is(Flags::ACK));
        self.direction.is_none_or(|wanted| wanted == direction)
            && match self.phase {
                Phase::Any => true,
                Phase::Handshake => syn,
                Phase::Syn => syn && !ack,
                Phase::SynAck => syn && ack,
                Phase::NotSyn => !syn,
                Phase::Data => !syn && !segment.payload.is_empty(),
            }
    }
}

impl<'a> Segment<'a> {
    /// Reads a whole TCP segment; `None` for anything else.
    pub(crate) fn read(packet: &'a [u8]) -> Option<Self> {
        let parsed = Packet::from_ip(packet);
        let right = parsed.checksum_ok()?;
        let mut head = Draft::of(&parsed).filter(|_| parsed.fault.is_none())?;
        let segment = parsed.tcp()?;
        head.data_offset = None;
        head.checksum = if right { Checksum::Computed } else { Checksum::Bad };
        match &mut head.network {
            Network::V4(header) => {
                header.header_length = None;
                header.total_length = None;
                header.checksum = Checksum::Computed;
            }
            Network::V6(header) => header.payload_length = None,
        }
        let options = Cow::Borrowed(segment.options.bytes());
        Some(Self { head, options, payload: Cow::Borrowed(segment.payload) })
    }

    /// Writes the packet; `None` when it has become too long.
    pub(crate) fn write(&self) -> Option<Vec<u8>> {
        let payload = Payload::Bytes(&self.payload);
        let draft = Draft { options: &self.options, payload, ..self.head };
        let mut packet = vec![0; draft.length()];
        draft.write(&mut packet).ok()?;
        Some(packet)
    }

    /// Makes a bare segment that answers this one: the way back, fresh headers, the
    /// acknowledgement of all that this one holds.
    pub(crate) fn answer(&self) -> Segment<'static> {
        let (from, to) = (self.head.network.destination(), self.head.network.source());
        let mut answer = Segment::bare(from, self.head.destination_port, to, self.head.source_port);
        answer.head.flags = Flags::ACK;
        answer.head.seq = self.head.ack;
        answer.head.ack = self.end();
        answer
    }

    /// Makes the segment that resets the connection from where this one went (RFC 9293, section
    /// 3.5.2).
    pub(crate) fn reset(&self) -> Segment<'static> {
        let mut reset = self.answer();
        reset.head.window = 0;
        if self.is(Flags::ACK) {
            reset.head.flags = Flags::RST;
            reset.head.ack = Seq(0);
        } else {
            reset.head.flags = Flags::RST.with(Flags::ACK);
            reset.head.seq = Seq(0);
        }
        reset
    }

    /// Makes an empty segment between two ends.
    pub(crate) fn bare(
        from: std::net::IpAddr,
        source_port: u16,
        to: std::net::IpAddr,
        destination_port: u16,
    ) -> Segment<'static> {
        let network = Network::between(from, to).unwrap_or(Draft::default().network);
        let head = Draft { network, source_port, destination_port, ..Draft::default() };
        Segment { head, options: Cow::Borrowed(&[]), payload: Cow::Borrowed(&[]) }
    }

    /// Tells whether all of `flags` are set.
    pub(crate) const fn is(&self, flags: Flags) -> bool {
        self.head.flags.contains(flags)
    }

    /// Tells whether the checksum was right.
    pub(crate) fn intact(&self) -> bool {
        self.head.checksum == Checksum::Computed
    }

    /// Tells the length of the payload, as sequence numbers count.
    pub(crate) fn length(&self) -> u32 {
        u32::try_from(self.payload.len()).unwrap_or(u32::MAX)
    }

    /// Tells the sequence number after the segment.
    pub(crate) fn end(&self) -> Seq {
        let controls = u32::from(self.is(Flags::SYN)) + u32::from(self.is(Flags::FIN));
        self.head.seq.add(self.length()).add(controls)
    }
}

impl<'v> Out<'v> {
    pub(crate) const fn new(visit: Visit, verdict: &'v mut Verdict) -> Self {
        Self { visit, verdict }
    }

    /// Sends a segment in the given direction; one that cannot be written is lost.
    pub(crate) fn send(&mut self, direction: Direction, segment: &Segment<'_>) {
        if let Some(packet) = segment.write() {
            self.packet(direction, packet);
        }
    }

    /// Sends a packet in the given direction.
    pub(crate) fn packet(&mut self, direction: Direction, packet: Vec<u8>) {
        self.verdict.send(direction, packet);
    }

    /// Sends a segment to where the one that is judged came from.
    pub(crate) fn back(&mut self, segment: &Segment<'_>) {
        self.send(self.visit.direction.back(), segment);
    }

    /// Sends a segment to where the one that is judged goes.
    pub(crate) fn on(&mut self, segment: &Segment<'_>) {
        self.send(self.visit.direction, segment);
    }
}

#[derive(Debug)]
struct Tcp<P>(P);

impl<P: Policy> Middlebox for Tcp<P> {
    fn pass(&mut self, visit: Visit, packet: Vec<u8>, verdict: &mut Verdict) {
        let Some(mut segment) = Segment::read(&packet) else {
            return verdict.send(visit.direction, packet);
        };
        let before = segment.clone();
        if self.0.judge(&mut Out::new(visit, verdict), &mut segment) == Fate::Drop {
            return;
        }
        let written = (segment != before).then(|| segment.write()).flatten();
        verdict.send(visit.direction, written.unwrap_or(packet));
    }

    fn takes(&self, packet: &[u8]) -> bool {
        self.0.terminates() && Segment::read(packet).is_some()
    }

    fn wake(&self) -> Option<Instant> {
        self.0.wake()
    }

    fn tick(&mut self, visit: Visit, verdict: &mut Verdict) {
        self.0.tick(&mut Out::new(visit, verdict));
    }
}

#[derive(Debug)]
struct Edit {
    when: When,
    change: fn(&mut Segment<'_>),
}

impl Policy for Edit {
    fn judge(&mut self, out: &mut Out<'_>, segment: &mut Segment<'_>) -> Fate {
        if self.when.holds(out.visit.direction, segment) {
            (self.change)(segment);
        }
        Fate::Pass
    }
}
