//! What a row of the catalogue says.

use super::{
    ROWS,
    shape::{Reply, Shape, Sketch},
    trial::IN_WINDOW,
};
use crate::{
    craft::Network,
    experiment::stake::{self, Stake},
    wire::tcp::Flags,
};

/// A question.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its name in results.
    pub name: &'static str,
    /// What its ids begin with, as in `tcp.opt.253.syn`.
    pub id: &'static str,
    /// Which family it belongs to.
    pub family: Family,
    /// Where its subject is defined.
    pub reference: &'static str,
    /// What is asked.
    pub asks: &'static str,
    /// What it is about, as the subject of a sentence.
    pub noun: &'static str,
    /// The IP version that it can be put in.
    pub applies: Applies,
    /// The SYN.
    pub syn: Shape,
    /// What comes between the handshake and the question.
    pub before: Before,
    /// What is sent behind the handshake.
    pub step: Step,
    /// What is looked at.
    pub aspect: Aspect,
    /// Why it matters, and what relies on it.
    pub stake: &'static Stake,
}

/// What rows have in common, so that they can be chosen together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is its own word")]
pub enum Family {
    Connect,
    Options,
    Zoo,
    Mptcp,
    Tfo,
    Ecn,
    Accecn,
    Reserved,
    Flags,
    Urgent,
    Payload,
    Mss,
    Mtu,
    Isn,
    Inbound,
    Dialect,
    Nat,
    Timer,
    Blind,
    Checksum,
    Ip,
}

/// Where a question can be put: the versions of IP, and what answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applies {
    /// Both.
    Both,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
    /// Both, but only to an ordinary server: a responder keeps no state that could be attacked.
    Server,
}

/// What comes between the handshake and the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// Nothing.
    Nothing,
    /// Plain data and its answer.
    Exchange,
    /// Silence, for as long as the configuration says.
    Idle,
    /// A reset that lies in the window but not at its edge, which a host does not heed (RFC 5961).
    Reset,
    /// Our FIN, after which the host may go on sending.
    HalfClose,
}

/// What is sent behind the handshake.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// Nothing: the SYN is the question.
    Nothing,
    /// This segment, which orders this answer.
    Segment(Shape, Reply),
    /// A pure acknowledgement, whose account is asked for.
    Acknowledgement(Shape),
    /// A segment with these flags as somebody sends who can but guess: its number lies in the
    /// window, and not at its edge (RFC 5961).
    Blind(Flags),
}

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aspect {
    /// Whether the question is answered at all.
    Arrival,
    /// On the SYN: the option of this kind, on its way out.
    SynOption(u8),
    /// On the SYN/ACK: the answer to the option of this kind, on its way back.
    SynAckOption(u8),
    /// On the SYN: these flags and reserved bits.
    SynFlags(Flags),
    /// On the SYN: the ECN field of its IP header.
    SynEcn,
    /// On the SYN: its payload.
    SynPayload,
    /// On the SYN/ACK: its payload.
    SynAckPayload,
    /// On the SYN/ACK: the flags by which it answers ECN and Accurate ECN.
    SynAckFlags,
    /// On the SYN: the segment size.
    SynMss,
    /// On the SYN: the window scale.
    SynScale,
    /// On the SYN: the window.
    SynWindow,
    /// On the segment: the option of this kind.
    Option(u8),
    /// On the segment: these flags and reserved bits.
    Flags(Flags),
    /// On the segment: the urgent pointer.
    Urgent,
    /// On the segment: these bits of the type of service octet or traffic class.
    Class(u8),
    /// On the segment: length and content of the payload.
    Payload,
    /// On the segment: whether its wrong checksum stays wrong.
    WrongSum,
    /// On the segment: the source address.
    Address,
    /// On the segment: the source port.
    Port,
    /// On the segment: the identification (IPv4).
    Id,
    /// On the segment: the time to live or hop limit, which is to be lower by the hops of an ICMP
    /// error or of the answer.
    Hops,
    /// On the segment: the flow label.
    FlowLabel,
    /// On the segment: the IP options or extension headers.
    IpOptions,
    /// On the segment: the sequence number.
    Seq,
    /// On the segment: SACK blocks, beside the acknowledgement number.
    Sack,
    /// On the answer: the option of this kind.
    AnswerOption(u8),
    /// On the answer: these flags and reserved bits.
    AnswerFlags(Flags),
    /// On the answer: the urgent pointer.
    AnswerUrgent,
    /// On the answer: these bits of the type of service octet or traffic class.
    AnswerClass(u8),
    /// On the answer: its content.
    AnswerPayload,
    /// On the answer: the sequence number.
    AnswerSeq,
    /// On the answer: the segments that it comes in.
    AnswerSegments,
    /// On the answer: that it is a challenge, an acknowledgement of what was sent before.
    Challenge,
}

impl Family {
    /// All of them, in the catalogue's order.
    pub const ALL: [Self; 21] = [
        Self::Connect,
        Self::Options,
        Self::Zoo,
        Self::Mptcp,
        Self::Tfo,
        Self::Ecn,
        Self::Accecn,
        Self::Reserved,
        Self::Flags,
        Self::Urgent,
        Self::Payload,
        Self::Mss,
        Self::Mtu,
        Self::Isn,
        Self::Inbound,
        Self::Dialect,
        Self::Nat,
        Self::Timer,
        Self::Blind,
        Self::Checksum,
        Self::Ip,
    ];

    /// Tells the word by which it is chosen.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Options => "options",
            Self::Zoo => "zoo",
            Self::Mptcp => "mptcp",
            Self::Tfo => "tfo",
            Self::Ecn => "ecn",
            Self::Accecn => "accecn",
            Self::Reserved => "reserved",
            Self::Flags => "flags",
            Self::Urgent => "urgent",
            Self::Payload => "payload",
            Self::Mss => "mss",
            Self::Mtu => "mtu",
            Self::Isn => "isn",
            Self::Inbound => "inbound",
            Self::Dialect => "dialect",
            Self::Nat => "nat",
            Self::Timer => "timer",
            Self::Blind => "blind",
            Self::Checksum => "checksum",
            Self::Ip => "ip",
        }
    }

    /// Tells why most questions of the family matter.
    #[must_use]
    pub const fn stake(self) -> &'static Stake {
        match self {
            Self::Connect => &stake::CONNECTION,
            Self::Options => &stake::NEW_OPTIONS,
            Self::Zoo => &stake::TIMESTAMPS,
            Self::Mptcp => &stake::MULTIPATH,
            Self::Tfo => &stake::FAST_OPEN,
            Self::Ecn => &stake::ECN,
            Self::Accecn => &stake::ACCURATE_ECN,
            Self::Reserved => &stake::RESERVED_BITS,
            Self::Flags => &stake::FLAGS,
            Self::Urgent => &stake::URGENT,
            Self::Payload => &stake::SYN_PAYLOAD,
            Self::Mss => &stake::SEGMENT_SIZE,
            Self::Mtu => &stake::PACKET_SIZE,
            Self::Isn => &stake::SEQUENCE,
            Self::Inbound => &stake::BOUNDARIES,
            Self::Dialect => &stake::CONTENT,
            Self::Nat => &stake::ADDRESSES,
            Self::Timer => &stake::MEMORY,
            Self::Blind => &stake::BLIND_ATTACKS,
            Self::Checksum => &stake::CHECKSUM,
            Self::Ip => &stake::IP_FIELDS,
        }
    }
}

impl Row {
    /// Tells the place in [`ROWS`].
    #[must_use]
    pub fn index(&self) -> usize {
        ROWS.iter().position(|row| row.name == self.name).unwrap_or_default()
    }

    /// Tells whether the SYN itself is the question.
    #[must_use]
    pub const fn is_about_syn(&self) -> bool {
        matches!(self.step, Step::Nothing)
    }

    /// Writes the segment that the question is about into `slot` and tells its length; `None` when
    /// it does not fit, or cannot be sent in this IP version.
    #[must_use]
    pub fn write(&self, sketch: &Sketch, slot: &mut [u8]) -> Option<usize> {
        let v4 = matches!(sketch.network, Network::V4(_));
        if matches!((self.applies, v4), (Applies::V4, false) | (Applies::V6, true)) {
            return None;
        }
        match self.step {
            Step::Nothing => self.syn.write(sketch, &Reply::PLAIN, slot),
            Step::Segment(shape, reply) => shape.write(sketch, &reply, slot),
            Step::Acknowledgement(shape) => shape.write(sketch, &Reply::PLAIN, slot),
            Step::Blind(flags) => {
                let sketch = Sketch { seq: sketch.seq.add(IN_WINDOW), ..*sketch };
                Shape { flags, ..Shape::ACK }.write(&sketch, &Reply::PLAIN, slot)
            }
        }
    }

    /// Tells the answer that is ordered.
    #[must_use]
    pub const fn reply(&self) -> &Reply {
        match &self.step {
            Step::Segment(_, reply) => reply,
            _ => &Reply::PLAIN,
        }
    }
}

impl Aspect {
    /// Tells whether it is about the way back.
    #[must_use]
    pub const fn is_inbound(self) -> bool {
        matches!(
            self,
            Self::SynAckOption(_)
                | Self::SynAckPayload
                | Self::SynAckFlags
                | Self::AnswerOption(_)
                | Self::AnswerFlags(_)
                | Self::AnswerUrgent
                | Self::AnswerClass(_)
                | Self::AnswerPayload
                | Self::AnswerSeq
                | Self::AnswerSegments
        )
    }
}

/// Finds the row of this name, whatever the case of its letters.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.name.eq_ignore_ascii_case(name))
}
