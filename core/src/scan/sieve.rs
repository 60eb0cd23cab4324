//! The receiving half: what a packet says about which target.
//!
//! A reply is taken for an answer when it holds the number that its probe asked for:
//!
//! * a segment with ACK acknowledges the probe (RFC 9293, section 3.10.7.3): all of it, or its SYN
//!   alone;
//! * a RST to a probe with ACK has that acknowledgement number as its sequence number, one to a
//!   probe without ACK acknowledges it (section 3.10.7.1). What some stacks send instead, the
//!   probe's own sequence number, is taken too, and so is a RST that lacks its ACK flag but has
//!   the number;
//! * an ICMP error quotes the probe's sequence number, which stands in the first eight bytes of the
//!   segment.
//!
//! At most four values of 2^32 pass, and where the probe's numbers are cookies nobody but the
//! receiver can tell them.
//!
//! A challenge ACK (RFC 5961, section 4) tells the numbers of a connection that the target believes
//! to have, which are not those of the probe, and echoes a time stamp of that connection: there is
//! nothing in it that proves it. A pure ACK between the right addresses and ports, ours being the
//! one that the key picks for this target, is reported without a [proof](Finding::proof), once a
//! target. It is [no result](Finding::is_result), it makes no duplicate of the proper answer that
//! follows, and it takes no room from what tells duplicates: whoever sends such ACKs hides nothing.
//! A [strict](Sieve::strict) sieve does not report it.
//!
//! ```
//! use tcpexposure_core::scan::Sieve;
//! // What a sieve must be lent to know of each of so many targets whether it has answered.
//! assert!(Sieve::words(1 << 16) >= (1 << 16) / 64);
//! ```

use core::{net::IpAddr, time::Duration};

use super::{
    finding::{Classification, Counters, Finding, Icmp, Proof},
    seen::Seen,
    targets::{Space, Target},
    template::{Expected, Probes, Template},
};
use crate::{
    fault,
    time::Instant,
    wire::{
        icmp,
        packet::{Network, Packet, Transport},
        tcp::{self, Flags, Seq},
    },
};

/// The sieve.
#[derive(Debug)]
pub struct Sieve<'a> {
    space: Space<'a>,
    probes: Probes<'a>,
    /// Two notes a target: of a segment, and of an ICMP error.
    seen: Seen<'a>,
    /// One note a target, of what proves nothing.
    unproven: Seen<'a>,
    patience: Option<Duration>,
    closed: bool,
    strict: bool,
    started: Option<Instant>,
    counters: Counters,
}

/// The ends of a flow as the probe had them, and the time stamp that the reply echoes.
#[derive(Clone, Copy)]
struct Flow {
    address: IpAddr,
    port: u16,
    source: IpAddr,
    source_port: u16,
    echo: Option<u32>,
}

/// A probe that a reply may answer.
#[derive(Clone, Copy)]
struct Candidate<'a> {
    template: &'a Template<'a>,
    target: Target,
    cookie: u32,
    source_port: u16,
    /// Whether it cannot be told from others.
    shared: bool,
}

impl<'a> Sieve<'a> {
    /// Makes a sieve for the answers to `probes`. `memory` is to be zeroes; it tells duplicates, all
    /// of them if it has [`words`](Self::words).
    #[must_use]
    pub fn new(space: Space<'a>, probes: Probes<'a>, memory: &'a mut [u64]) -> Self {
        let third = memory.len() / 3;
        let (unproven, proven) = memory.split_at_mut(third);
        Self {
            seen: Seen::new(proven, space.size().saturating_mul(2)),
            unproven: Seen::new(unproven, space.size()),
            space,
            probes,
            patience: None,
            closed: false,
            strict: false,
            started: None,
            counters: Counters::default(),
        }
    }

    /// Tells how many words of memory tell all duplicates of so many targets: three bits a target,
    /// for segments, for ICMP errors, and for what proves nothing.
    #[must_use]
    pub const fn words(size: u64) -> u64 {
        Seen::words(size).saturating_mul(3)
    }

    /// Takes for late what took longer than this, where the time can be told.
    #[must_use]
    pub const fn patient(self, patience: Duration) -> Self {
        Self { patience: Some(patience), ..self }
    }

    /// Takes only what proves itself by a number.
    #[must_use]
    pub const fn strict(self) -> Self {
        Self { strict: true, ..self }
    }

    /// Notes that a probe is sent. No time stamp is older than the first.
    pub const fn start(&mut self, now: Instant) {
        if self.started.is_none() {
            self.started = Some(now);
        }
    }

    /// Takes everything from now on for late.
    pub const fn close(&mut self) {
        self.closed = true;
    }

    /// Tells how many packets came of each sort.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Tells whether the target of this number has answered and proved it, as far as memory goes.
    #[inline]
    #[must_use]
    pub fn answered(&self, number: u64) -> bool {
        let bit = number.wrapping_mul(2);
        self.seen.contains(bit) || self.seen.contains(bit.wrapping_add(1))
    }

    /// Takes in one packet; `None` when it has nothing to do with the scan.
    pub fn handle<'p>(&mut self, now: Instant, packet: &Packet<'p>) -> Option<Finding<'p>> {
        let finding = self.find(now, packet).map(|finding| self.settle(finding));
        self.counters.count(finding.as_ref());
        finding
    }

    fn find<'p>(&self, now: Instant, packet: &Packet<'p>) -> Option<Finding<'p>> {
        match &packet.transport {
            Transport::Tcp(segment) => self.segment(now, packet, segment),
            Transport::Stub(stub) => self.stub(now, packet, stub),
            Transport::Icmp(message) => self.icmp(now, packet, message),
            _ => None,
        }
    }

    fn segment<'p>(
        &self,
        now: Instant,
        packet: &Packet<'p>,
        segment: &tcp::Segment<'p>,
    ) -> Option<Finding<'p>> {
        let echo = segment.options.timestamps().map(|(_, echo)| echo);
        let flow = Flow { echo, ..Flow::of(packet)? };
        let header = segment.header;
        let finding = Finding {
            flags: header.flags(),
            seq: header.seq(),
            ack: header.ack(),
            window: header.window(),
            options: segment.options.bytes(),
            payload_length: segment.payload_length,
            ..unmatched(now, packet, &flow)?
        };
        self.judge(packet, finding, &flow, |candidate| candidate.reply(segment))
    }

    /// Takes a segment of which not even the fixed header is whole.
    fn stub<'p>(
        &self,
        now: Instant,
        packet: &Packet<'p>,
        stub: &tcp::Stub<'p>,
    ) -> Option<Finding<'p>> {
        let flow = Flow::of(packet)?;
        let finding = Finding {
            seq: stub.seq().unwrap_or_default(),
            ack: stub.ack().unwrap_or_default(),
            ..unmatched(now, packet, &flow)?
        };
        self.judge(packet, finding, &flow, |candidate| {
            Some((Classification::BadHeader, Some(candidate.acknowledged(stub.ack()?)?)))
        })
    }

    fn icmp<'p>(
        &self,
        now: Instant,
        packet: &Packet<'p>,
        message: &icmp::Message<'p>,
    ) -> Option<Finding<'p>> {
        let quote = message.quote()?;
        let flow = Flow::of(&quote)?.back();
        let seq = match &quote.transport {
            Transport::Tcp(segment) => Some(segment.header.seq()),
            Transport::Stub(stub) => stub.seq(),
            _ => None,
        };
        let finding = Finding {
            icmp: Some(Icmp {
                kind: message.header.kind(),
                code: message.header.code(),
                quoted_length: message.body_length,
                quoted_address: flow.address,
            }),
            ..unmatched(now, packet, &flow)?
        };
        if finding.destination != flow.source {
            return None;
        }
        self.judge(packet, finding, &flow, |candidate| {
            Some((Classification::Icmp, Some(candidate.quoted(seq?)?)))
        })
    }

    /// Fills in the first probe that `judgement` takes the finding to answer, one that it proves to
    /// answer before all. It stays unmatched when there is none, and is dropped when no probe has
    /// our address and port.
    fn judge<'p>(
        &self,
        packet: &Packet<'p>,
        finding: Finding<'p>,
        flow: &Flow,
        judgement: impl Fn(&Candidate<'a>) -> Option<(Classification, Option<Proof>)>,
    ) -> Option<Finding<'p>> {
        let mut best = None;
        for candidate in self.candidates(flow) {
            best = best.or(Some(finding));
            let Some((kind, proof)) = judgement(&candidate) else { continue };
            let believed = proof == Some(Proof::Cookie) || !self.strict;
            if !believed || self.space.number(&candidate.target).is_none() {
                continue;
            }
            let kind = flaw(packet, finding.checksum).unwrap_or(kind);
            let found = Finding {
                classification: kind,
                kind,
                proof,
                target: Some(candidate.target),
                variant: (!candidate.shared).then_some(candidate.target.variant),
                rtt: self.age(candidate.template, finding.time, flow.echo),
                ..finding
            };
            if proof.is_some() {
                return Some(found);
            }
            best = best.filter(Finding::is_unproven).or(Some(found));
        }
        best
    }

    /// Finds the probes that have our address and port in a flow: one, unless several share their
    /// ports; then that whose mark an echoed time stamp bears, or else all of them.
    fn candidates(&self, flow: &Flow) -> impl Iterator<Item = Candidate<'a>> + use<'a> {
        let Flow { address, port, source, source_port, echo } = *flow;
        let all = self.probes.versed(address);
        let fits = move |template: &Template<'_>| {
            template.cookies().source() == source && template.choice().ports.contains(source_port)
        };
        let several = all.len() > 1 && all.iter().filter(|one| fits(one)).nth(1).is_some();
        let stamped = move |template: &Template<'_>| echo.is_some_and(|it| template.is_stamp(it));
        let told = several && all.iter().any(|one| fits(one) && stamped(one));
        let fitting = all.iter().filter(move |one| fits(one) && (!told || stamped(one)));
        fitting.map(move |template| {
            let variant = template.choice().variant;
            let target = Target { address, port, variant };
            let cookie = template.cookie(&target, source_port);
            Candidate { template, target, cookie, source_port, shared: several && !told }
        })
    }

    /// Tells how long ago the probe was sent whose time stamp is echoed; `None` when there is none,
    /// or when it would be older than the scan.
    fn age(&self, template: &Template<'_>, now: Instant, echo: Option<u32>) -> Option<Duration> {
        let age = template.age(now, echo?)?;
        let oldest = self.started.map_or(Duration::MAX, |started| now.since(started));
        // A whole microsecond may have begun before the first probe was sent.
        (age <= oldest.saturating_add(Duration::from_micros(1))).then_some(age)
    }

    /// Finds out whether a finding is the first of its target, and in time.
    fn settle<'p>(&mut self, finding: Finding<'p>) -> Finding<'p> {
        let Some(number) = finding.target.and_then(|target| self.space.number(&target)) else {
            return finding;
        };
        let bit = number.wrapping_mul(2).wrapping_add(finding.icmp.is_some().into());
        let fresh = match finding.proof {
            Some(_) => self.seen.insert(bit),
            None => !self.answered(number) && self.unproven.insert(number),
        };
        let slow = finding.rtt.zip(self.patience).is_some_and(|(rtt, patience)| rtt > patience);
        let classification = if !fresh {
            Classification::Duplicate
        } else if slow || self.closed {
            Classification::Late
        } else {
            finding.kind
        };
        Finding { classification, ..finding }
    }
}

impl Flow {
    /// Reads the flow that a packet answers.
    fn of(packet: &Packet<'_>) -> Option<Self> {
        let (address, source) = packet.addresses()?;
        let (port, source_port) = packet.ports()?;
        Some(Self { address, port, source, source_port, echo: None })
    }

    /// Turns it round: what a quote of the probe itself tells.
    const fn back(self) -> Self {
        Self {
            address: self.source,
            port: self.source_port,
            source: self.address,
            source_port: self.port,
            echo: None,
        }
    }
}

impl Candidate<'_> {
    /// Judges a segment by its flags.
    fn reply(&self, segment: &tcp::Segment<'_>) -> Option<(Classification, Option<Proof>)> {
        let header = segment.header;
        let flags = header.flags();
        if flags.contains(Flags::RST) {
            return self.reset(header).map(|(class, proof)| (class, Some(proof)));
        }
        if !flags.contains(Flags::ACK) {
            return None;
        }
        let proof = self.acknowledged(header.ack());
        if flags.contains(Flags::SYN) {
            let class = if segment.payload_length > 0 {
                Classification::SynAckData
            } else if flags.contains(Flags::ECE) {
                Classification::SynAckEce
            } else {
                Classification::SynAck
            };
            return Some((class, Some(proof?)));
        }
        let pure = segment.payload_length == 0 && !flags.intersects(CONTROLS);
        let challenge = pure && self.is_syn() && self.is_aimed();
        (proof.is_some() || challenge).then_some((Classification::ChallengeAck, proof))
    }

    /// Judges a RST.
    fn reset(&self, header: &tcp::Header) -> Option<(Classification, Proof)> {
        let flags = header.flags();
        if self.template.flags().contains(Flags::ACK)
            && let Some(expected) = self.template.expected_ack(&self.target, self.cookie)
            && header.seq().0 == expected.value
        {
            return Some((Classification::Rst, self.proof(&expected)?));
        }
        if flags.contains(Flags::ACK) {
            let proof = self.acknowledged(header.ack()).or_else(|| self.quoted(header.ack()))?;
            return Some((Classification::Rst, proof));
        }
        let proof = self.acknowledged(header.ack()).or_else(|| self.quoted(header.seq()))?;
        Some((Classification::RstBare, proof))
    }

    /// Judges a number that is to acknowledge the probe, or its SYN alone.
    fn acknowledged(&self, ack: Seq) -> Option<Proof> {
        let expected = self.template.expected_seq(&self.target, self.cookie)?;
        let advance = ack.since(Seq(expected.value));
        let syn = self.template.flags().contains(Flags::SYN) && advance == 1;
        let all = advance == self.template.sequence_length();
        (syn || all).then(|| self.proof(&expected)).flatten()
    }

    /// Judges a number that is to be the probe's own.
    fn quoted(&self, seq: Seq) -> Option<Proof> {
        let expected = self.template.expected_seq(&self.target, self.cookie)?;
        (seq.0 == expected.value).then(|| self.proof(&expected)).flatten()
    }

    /// Tells what a number proves that was met.
    fn proof(&self, expected: &Expected) -> Option<Proof> {
        if expected.secret { Some(Proof::Cookie) } else { self.is_aimed().then_some(Proof::Ports) }
    }

    /// Tells whether our port is the one that the key picks for this target.
    fn is_aimed(&self) -> bool {
        self.template.source_port(&self.target) == self.source_port
    }

    /// Tells whether the probe would open a connection.
    fn is_syn(&self) -> bool {
        let flags = self.template.flags();
        flags.contains(Flags::SYN) && !flags.intersects(Flags::ACK.with(Flags::RST))
    }
}

/// Begins a finding by what the IP header says.
fn unmatched<'p>(now: Instant, packet: &Packet<'p>, flow: &Flow) -> Option<Finding<'p>> {
    let (source, destination) = packet.addresses()?;
    let (hops, id, tos) = match &packet.network {
        Network::None => return None,
        Network::V4(datagram) => {
            let header = datagram.header;
            (header.ttl(), Some(header.id()), header.tos())
        }
        Network::V6(datagram) => {
            (datagram.header.hop_limit(), None, datagram.header.traffic_class())
        }
    };
    Some(Finding {
        time: now,
        classification: Classification::Unmatched,
        kind: Classification::Unmatched,
        proof: None,
        target: None,
        variant: None,
        source,
        destination,
        source_port: flow.port,
        destination_port: flow.source_port,
        flags: Flags::NONE,
        seq: Seq(0),
        ack: Seq(0),
        window: 0,
        hops,
        id,
        tos,
        options: &[],
        payload_length: 0,
        rtt: None,
        checksum: checksum(packet),
        icmp: None,
    })
}

/// Judges the checksums: the transport's, and that of an IPv4 header.
fn checksum(packet: &Packet<'_>) -> Option<bool> {
    match &packet.network {
        Network::V4(datagram) if !datagram.checksum_ok() => Some(false),
        _ => packet.checksum_ok(),
    }
}

/// Tells what is wrong with a packet that otherwise is an answer. That a capture was cut, or that
/// the card merged several segments, is no fault of the sender's.
fn flaw(packet: &Packet<'_>, checksum: Option<bool>) -> Option<Classification> {
    let wrong = packet.fault.is_some_and(|fault| match fault.kind {
        fault::Kind::Cut { .. } => false,
        fault::Kind::LengthShort { .. } => !packet.offload.segments,
        _ => true,
    });
    if wrong {
        Some(Classification::BadHeader)
    } else {
        (checksum == Some(false)).then_some(Classification::BadChecksum)
    }
}

/// The flags that a challenge ACK does not have.
const CONTROLS: Flags = Flags::from_bits(0x02f); // URG, PSH, RST, SYN, FIN
