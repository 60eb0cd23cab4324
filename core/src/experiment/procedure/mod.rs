//! The 28 procedures, one row each: what is sent, in which order, how often, and who judges it.
//!
//! A procedure opens a connection with a SYN of its own, sends up to two bursts of segments, and
//! closes. Everything that tells one procedure from another stands in its row; the
//! trial that runs them knows none of them.
//!
//! ```
//! use tcpexposure_core::experiment::{ENTRIES, PROCEDURES};
//! // Each question belongs to a procedure, and a procedure may answer several.
//! assert!(PROCEDURES.len() < ENTRIES.len());
//! ```

mod table;

use super::{catalogue::Entry, judge::Judge};
pub use table::PROCEDURES;

/// A procedure.
#[derive(Clone, Copy, Debug)]
pub struct Procedure {
    /// Its name.
    pub name: &'static str,
    /// What the SYN looks like.
    pub opening: Opening,
    /// What is sent on the connection.
    pub bursts: &'static [Burst],
    /// The entries that it gives; the first is its own.
    pub entries: &'static [Entry],
    /// The entries that must have one of these codes before it runs.
    pub needs: &'static [(Entry, &'static [i8])],
    /// When its result stands.
    pub repetition: Repetition,
    pub(crate) judge: Judge,
}

/// A SYN.
#[derive(Clone, Copy, Debug)]
pub struct Opening {
    /// Its options, in order.
    pub options: &'static [Word],
    /// Its payload: the byte that fills it, and its length.
    pub payload: Option<(u8, u16)>,
    /// The waits between transmissions, in units of the retransmission timeout.
    pub waits: &'static [u8],
    /// Whether to let things settle after the handshake, so that a box that connects onward only
    /// then does not hold back what follows.
    pub settle: bool,
}

/// An option, by its purpose; each dialect has its own kind and values for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// No operation.
    Nop,
    /// The maximum segment size.
    Mss,
    /// The window scale.
    Scale,
    /// Selective acknowledgement is permitted.
    SackPermitted,
    /// A timestamp with an echo of zero.
    Stamp,
    /// A timestamp that jumps far ahead.
    LaterStamp,
    /// A timestamp with an echo that a SYN should not have.
    StampEcho,
    /// A timestamp on a SYN, where the dialect negotiates timestamps before it uses them.
    Negotiation,
    /// The unknown option of a SYN.
    UnknownSyn,
    /// The unknown option of data, which tells the data's place and length.
    UnknownData,
}

/// Segments that are sent back to back, and what is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Burst {
    /// The segments in sequence order.
    pub pieces: &'static [Piece],
    /// The order of transmission.
    pub order: &'static [u8],
    /// Where in sequence space it begins.
    pub place: Place,
    /// Whether it is sent at all.
    pub only: Only,
    /// When the evidence is in.
    pub until: Until,
    /// The waits between transmissions, in units of the retransmission timeout.
    pub waits: &'static [u8],
}

/// A segment.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    /// The payload's length.
    pub size: Size,
    /// The byte that fills the payload: a command or nothing at all.
    pub fill: u8,
    /// Its options.
    pub options: &'static [Word],
    /// Whether it begins with an HTTP header in HTTP mode.
    pub dress: Dress,
}

/// A payload's length, relative to the maximum segment size.
#[derive(Clone, Copy, Debug)]
pub enum Size {
    /// The size that the SYN/ACK tells, less so many bytes.
    Full(u16),
    /// The same, but 512 at most.
    Capped(u16),
    /// Half of that, less so many bytes.
    Half(u16),
}

/// Where a burst begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// At what was acknowledged last.
    Next,
    /// Behind a hole of one segment.
    BeyondHole,
    /// At what was acknowledged last, acknowledging one segment that never was.
    AckBeyond,
    /// At the second segment of the burst before, or before it if less was acknowledged.
    Second,
}

/// Whether a burst is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Only {
    /// Always.
    Always,
    /// If the SYN's own verdict is above 2, so that the echo can refine it.
    Refining,
}

/// What ends the wait for a burst, and what makes it be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// An echo and exact acknowledgements of all pieces. Sent again while they are not
    /// acknowledged, and further on when they are but no echo came.
    Echo,
    /// An acknowledgement of every piece; one at all is enough not to send again.
    Acks,
    /// An echo; sent again until one comes.
    FirstEcho,
    /// An exact acknowledgement; one at all is enough not to send again.
    Exact,
    /// An answer that begins at what the burst acknowledges; any answer is enough not to send
    /// again.
    Answer,
    /// An echo; any acknowledgement is enough not to send again.
    EchoOrAck,
    /// As [`Echo`](Self::Echo), but not sent further on. The original gave up when the first piece
    /// was not acknowledged; sending again only keeps a lost packet from deciding.
    Pair,
}

/// Which segments of a burst begin with an HTTP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dress {
    /// None.
    Never,
    /// One whose length covers the whole burst.
    Whole,
    /// One of its own.
    Own,
    /// One of its own, which the original left out.
    Mended,
    /// One of its own, for which the original asked the responder to answer as if there were one.
    Late,
}

/// When the result of a procedure stands without another run.
#[derive(Clone, Copy, Debug)]
pub enum Repetition {
    /// It repeats inside, on up to so many connections, until one is positive.
    Inside(u8),
    /// When its own entry has none of these codes, and none of these entries is undetermined.
    Unless(&'static [i8], &'static [Entry]),
    /// When its own entry is 0, and none of these entries is undetermined.
    Zero(&'static [Entry]),
    /// Never: two runs must agree.
    Never,
}

impl Procedure {
    /// Tells the entry that the procedure is named for.
    #[must_use]
    pub fn own(&self) -> Entry {
        self.entries.first().copied().unwrap_or(Entry::Syn)
    }

    /// Tells the entry whose lack calls for another run: the original takes another one for `data`.
    #[must_use]
    pub fn key(&self) -> Entry {
        match self.own() {
            Entry::Data => Entry::ChangeSeq,
            own => own,
        }
    }
}

impl Size {
    /// Tells the length for a maximum segment size.
    #[must_use]
    pub fn bytes(self, mss: u16) -> u16 {
        let size = match self {
            Self::Full(less) => mss.saturating_sub(less),
            Self::Capped(less) => mss.min(CAP).saturating_sub(less),
            Self::Half(less) => (mss.min(CAP) >> 1).saturating_sub(less),
        };
        size.max(LEAST)
    }
}

/// The commands that a responder understands as the first byte of a payload.
pub mod command {
    /// Nothing: plain acknowledgement.
    pub const PLAIN: u8 = 0x99;
    /// Nothing, on a SYN.
    pub const SILENT: u8 = 0xaa;
    /// Echo the headers.
    pub const ECHO: u8 = 0xa1;
    /// Echo the headers, and answer with a timestamp echo one too small.
    pub const ECHO_INCONSISTENT: u8 = 0xa2;
    /// Echo the headers in an HTTP answer.
    pub const ECHO_HTTP: u8 = 0xa3;
    /// Answer with a duplicate acknowledgement.
    pub const DUPLICATE: u8 = 0xb2;
    /// Acknowledge the payload of the SYN.
    pub const ACK_SYN: u8 = 0xc1;
    /// Acknowledge the payload of the SYN and echo the headers.
    pub const ACK_SYN_ECHO: u8 = 0xc2;
}

/// The most that a capped size counts.
const CAP: u16 = 512;
/// The shortest payload in which a responder looks for a command.
const LEAST: u16 = 4;
