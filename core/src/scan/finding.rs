//! What came back, told in one piece.
//!
//! ```
//! use tcpexposure_core::scan::Classification;
//! assert!(Classification::SynAck.is_open());
//! assert!(!Classification::Rst.is_open());
//! for class in Classification::ALL {
//!     assert!(!class.name().is_empty());
//! }
//! ```

use core::{fmt, net::IpAddr, time::Duration};

use super::targets::Target;
use crate::{
    time::Instant,
    wire::tcp::{Flags, Seq},
};

/// What a packet says to a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding<'a> {
    /// When it arrived.
    pub time: Instant,
    /// The class, [`Late`](Classification::Late) and [`Duplicate`](Classification::Duplicate) too.
    pub classification: Classification,
    /// The class apart from those two: that which the packet would have if it were the first and in
    /// time.
    pub kind: Classification,
    /// What shows that a probe was answered; `None` for what is unmatched, and for a challenge ACK
    /// that holds no number of the probe.
    pub proof: Option<Proof>,
    /// The target that was asked, or that an unproven challenge ACK pretends to be; `None` for what
    /// is unmatched.
    pub target: Option<Target>,
    /// Which probe was answered; `None` where several share their source ports and nothing else
    /// tells, so that the target's is one that it can be.
    pub variant: Option<u16>,
    /// Who sent the packet.
    pub source: IpAddr,
    /// To whom it was sent.
    pub destination: IpAddr,
    /// The port that was asked: the source port of a segment, the destination port that an ICMP
    /// error quotes.
    pub source_port: u16,
    /// Our own port: the destination port of a segment, the source port that an ICMP error quotes.
    pub destination_port: u16,
    /// The flags; none of an ICMP error.
    pub flags: Flags,
    /// The sequence number; 0 of an ICMP error.
    pub seq: Seq,
    /// The acknowledgement number; 0 of an ICMP error.
    pub ack: Seq,
    /// The window, unscaled; 0 of an ICMP error.
    pub window: u16,
    /// The time to live or hop limit with which the packet came.
    pub hops: u8,
    /// The identification (IPv4).
    pub id: Option<u16>,
    /// The type of service octet or traffic class.
    pub tos: u8,
    /// The bytes of the TCP options, right or wrong, up to 40.
    pub options: &'a [u8],
    /// The length of the TCP payload on the wire.
    pub payload_length: usize,
    /// The time since the probe was sent, in steps of a microsecond, where the reply echoes the
    /// probe's time stamp.
    pub rtt: Option<Duration>,
    /// Whether the transport checksum is right; `None` when it cannot be told, as with a packet
    /// that was cut.
    pub checksum: Option<bool>,
    /// What an ICMP error says.
    pub icmp: Option<Icmp>,
}

/// The classes of replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Classification {
    /// A SYN/ACK.
    SynAck,
    /// A SYN/ACK with ECE: the host takes part in ECN (RFC 3168, section 6.1.1).
    SynAckEce,
    /// A SYN/ACK that carries data.
    SynAckData,
    /// A RST as RFC 9293, section 3.10.7.1 has it.
    Rst,
    /// A RST to a probe without ACK that lacks the ACK flag, and yet holds a number of the probe.
    RstBare,
    /// A segment without SYN and RST: a challenge ACK (RFC 5961, section 4), or the answer to a
    /// probe that is no SYN.
    ChallengeAck,
    /// An ICMP error that quotes the probe.
    Icmp,
    /// The checksum is wrong.
    BadChecksum,
    /// The IP or TCP header is not what it says: a data offset below 5 or beyond the segment, a
    /// length that cannot be. Options do not count; [`Finding::options`] has them as they came.
    BadHeader,
    /// It came when the scan had stopped waiting for it.
    Late,
    /// The target has answered before.
    Duplicate,
    /// To us, but no answer to any probe.
    Unmatched,
}

/// What shows that a packet answers a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Proof {
    /// It holds a number that only the receiver of the probe can know: a guess hits once in 2^32.
    Cookie,
    /// It holds the number of the probe, which is fixed, and comes to the port that the key picks:
    /// all that such a probe can ask for, and what also one can write who guesses the port.
    Ports,
}

/// What an ICMP error says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Icmp {
    /// The type.
    pub kind: u8,
    /// The code.
    pub code: u8,
    /// How many bytes of the probe it quotes, from the IP header on.
    pub quoted_length: usize,
    /// The destination address in the quote.
    pub quoted_address: IpAddr,
}

/// How many packets came of each sort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets that are no answer to anything: of other protocols, or not to our address and ports.
    pub foreign: u64,
    /// Packets that are [set apart](Finding::is_unproven). They are counted in no class.
    pub unproven: u64,
    counts: [u64; 12],
}

/// A finding with option bytes of its own, which outlives the packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    finding: Finding<'static>,
    options: heapless::Vec<u8, 40>,
}

impl Finding<'_> {
    /// Tells whether this counts as a result: the first proper answer of a target, by what it
    /// proves.
    #[must_use]
    pub const fn is_result(&self) -> bool {
        self.classification.is_result() && self.proof.is_some()
    }

    /// Tells whether this is set apart: it is to the right port, as a challenge ACK is, and nothing
    /// shows that it was asked for.
    #[must_use]
    pub const fn is_unproven(&self) -> bool {
        self.target.is_some() && self.proof.is_none()
    }
}

impl Proof {
    /// Tells the name that records have.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cookie => "cookie",
            Self::Ports => "ports",
        }
    }
}

impl Classification {
    /// All classes.
    pub const ALL: [Self; 12] = [
        Self::SynAck,
        Self::SynAckEce,
        Self::SynAckData,
        Self::Rst,
        Self::RstBare,
        Self::ChallengeAck,
        Self::Icmp,
        Self::BadChecksum,
        Self::BadHeader,
        Self::Late,
        Self::Duplicate,
        Self::Unmatched,
    ];

    /// Tells the name that records have.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SynAck => "synack",
            Self::SynAckEce => "synack-ece",
            Self::SynAckData => "synack-data",
            Self::Rst => "rst",
            Self::RstBare => "rst-bare",
            Self::ChallengeAck => "challenge-ack",
            Self::Icmp => "icmp",
            Self::BadChecksum => "bad-checksum",
            Self::BadHeader => "bad-header",
            Self::Late => "late",
            Self::Duplicate => "duplicate",
            Self::Unmatched => "unmatched",
        }
    }

    /// Tells whether this says that the port is open: one of the three classes of SYN/ACKs.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::SynAck | Self::SynAckEce | Self::SynAckData)
    }

    /// Tells whether findings of this class can be [results](Finding::is_result).
    #[must_use]
    pub const fn is_result(self) -> bool {
        !matches!(self, Self::Late | Self::Duplicate | Self::Unmatched)
    }
}

impl fmt::Display for Classification {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl Counters {
    /// Tells how many packets were of a class.
    #[must_use]
    pub fn of(&self, class: Classification) -> u64 {
        self.counts.get(class as usize).copied().unwrap_or(0)
    }

    /// Counts a packet, and what it was found to be.
    pub(super) fn count(&mut self, finding: Option<&Finding<'_>>) {
        let count = match finding {
            None => Some(&mut self.foreign),
            Some(finding) if finding.is_unproven() => Some(&mut self.unproven),
            Some(finding) => self.counts.get_mut(finding.classification as usize),
        };
        if let Some(count) = count {
            *count = count.wrapping_add(1);
        }
    }
}

impl Kept {
    /// Copies a finding.
    #[must_use]
    pub fn of(finding: &Finding<'_>) -> Self {
        let options = finding.options.iter().copied().take(40).collect();
        Self { finding: Finding { options: &[], ..*finding }, options }
    }

    /// Tells the finding.
    #[must_use]
    pub fn finding(&self) -> Finding<'_> {
        Finding { options: &self.options, ..self.finding }
    }
}
