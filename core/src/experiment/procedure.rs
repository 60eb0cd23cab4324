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

use super::{
    catalogue::Entry,
    judge::{self, Judge},
};

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

use Entry as E;
use Word::{
    LaterStamp, Mss, Negotiation, Nop, SackPermitted, Scale, Stamp, StampEcho, UnknownData,
    UnknownSyn,
};
use command::{ACK_SYN, ACK_SYN_ECHO, DUPLICATE, ECHO, ECHO_INCONSISTENT, PLAIN, SILENT};

const PLAIN_SYN: &[Word] = &[Mss, Stamp, SackPermitted, Scale, Nop];
const COMPACT_SYN: &[Word] = &[Mss, Stamp, SackPermitted, Scale, Nop, UnknownSyn];
const ALIGNED_SYN: &[Word] =
    &[Mss, Stamp, Nop, Nop, SackPermitted, Nop, Nop, Scale, Nop, UnknownSyn];
const ECHO_SYN: &[Word] = &[Mss, StampEcho, SackPermitted, Scale, Nop];
const BARE_SYN: &[Word] = &[Mss];
const NEGOTIATING_SYN: &[Word] = &[Mss, Negotiation];
const STAMPED_SYN: &[Word] = &[Mss, Stamp, Nop, Nop];
const STAMPED: &[Word] = &[Stamp, Nop, Nop];
const LATER: &[Word] = &[LaterStamp, Nop, Nop];
const UNKNOWN: &[Word] = &[UnknownData];

/// Waits of a SYN whose answer is all that is asked.
const PATIENT: &[u8] = &[1, 2, 4, 6];
/// Waits of a SYN that only opens the way, and of a first burst.
const DOUBLING: &[u8] = &[1, 2, 4, 8];
/// Waits of a burst that is judged.
const THRICE: &[u8] = &[2, 2, 2];
/// Wait of a burst that cannot be repeated on the same connection.
const ONCE: &[u8] = &[2];

const NEEDS_SYN: &[(Entry, &[i8])] = &[(E::Syn, &[0])];
const NEEDS_DATA: &[(Entry, &[i8])] = &[(E::Syn, &[0]), (E::Data, &[0])];

/// A SYN without payload, judged by itself.
const fn syn(options: &'static [Word]) -> Opening {
    Opening { options, payload: None, waits: PATIENT, settle: false }
}

/// A SYN with payload.
const fn loaded(fill: u8, length: u16) -> Opening {
    Opening { options: COMPACT_SYN, payload: Some((fill, length)), waits: PATIENT, settle: false }
}

/// A SYN that only opens the way.
const fn open(options: &'static [Word]) -> Opening {
    Opening { options, payload: None, waits: DOUBLING, settle: false }
}

/// A SYN that opens the way for segments that must not be held back.
const fn open_and_settle(options: &'static [Word]) -> Opening {
    Opening { settle: true, ..open(options) }
}

const fn piece(size: Size, fill: u8, options: &'static [Word], dress: Dress) -> Piece {
    Piece { size, fill, options, dress }
}

/// One segment whose echo is asked for.
const fn probe(pieces: &'static [Piece], only: Only) -> Burst {
    Burst { pieces, order: &[0], place: Place::Next, only, until: Until::Echo, waits: THRICE }
}

/// Three segments.
const fn three(pieces: &'static [Piece], order: &'static [u8]) -> Burst {
    Burst { pieces, order, place: Place::Next, only: Only::Always, until: Until::Echo, waits: ONCE }
}

/// The burst that a retransmission follows.
const fn lost(pieces: &'static [Piece]) -> Burst {
    Burst {
        pieces,
        order: &[0, 1],
        place: Place::Next,
        only: Only::Always,
        until: Until::Acks,
        waits: DOUBLING,
    }
}

/// The retransmission.
const fn again(pieces: &'static [Piece]) -> Burst {
    Burst {
        pieces,
        order: &[0],
        place: Place::Second,
        only: Only::Always,
        until: Until::EchoOrAck,
        waits: THRICE,
    }
}

/// The segment before a hole.
const fn before(pieces: &'static [Piece], until: Until) -> Burst {
    Burst { pieces, order: &[0], place: Place::Next, only: Only::Always, until, waits: DOUBLING }
}

/// The segment behind a hole.
const fn behind(place: Place, until: Until) -> Burst {
    Burst { pieces: FULL_PLAIN, order: &[0], place, only: Only::Always, until, waits: THRICE }
}

const FOLLOW_UP: &[Burst] =
    &[probe(&[piece(Size::Full(0), ECHO, &[], Dress::Whole)], Only::Always)];
const REFINE: &[Burst] = &[probe(&[piece(Size::Full(0), ECHO, &[], Dress::Whole)], Only::Refining)];
const REFINE_UNDRESSED: &[Burst] =
    &[probe(&[piece(Size::Full(0), ECHO, &[], Dress::Mended)], Only::Refining)];

const FULL_PLAIN: &[Piece] = &[piece(Size::Capped(12), PLAIN, &[], Dress::Whole)];

/// Three pieces in sequence order: two small and a large one, the command in the first.
macro_rules! in_order {
    ($less:literal, $options:expr) => {
        &[
            piece(Size::Half($less), ECHO, $options, Dress::Whole),
            piece(Size::Half($less), PLAIN, $options, Dress::Never),
            piece(Size::Capped($less), PLAIN, $options, Dress::Never),
        ]
    };
}

/// A large piece and two small ones, the command in the first small one.
macro_rules! large_first {
    ($less:literal, $options:expr) => {
        &[
            piece(Size::Capped($less), PLAIN, $options, Dress::Whole),
            piece(Size::Half($less), ECHO, $options, Dress::Late),
            piece(Size::Half($less), PLAIN, $options, Dress::Never),
        ]
    };
}

const SEQUENCE: &[u8] = &[0, 1, 2];
const FIRST_LAST: &[u8] = &[1, 2, 0];

/// A row of the table whose SYN is judged.
macro_rules! syn_row {
    ($name:literal, $opening:expr, $bursts:expr, [$($entry:ident),*], $judge:path, $repetition:expr, $needs:expr) => {
        Procedure {
            name: $name,
            opening: $opening,
            bursts: $bursts,
            entries: &[$(E::$entry),*],
            needs: $needs,
            repetition: $repetition,
            judge: $judge,
        }
    };
}

/// A row of the table that sends three segments, on up to ten connections.
macro_rules! three_row {
    ($name:literal, $syn:expr, $pieces:expr, $order:expr, $entry:ident, $judge:path) => {
        syn_row!(
            $name,
            open_and_settle($syn),
            &[three($pieces, $order)],
            [$entry],
            $judge,
            Repetition::Inside(10),
            NEEDS_DATA
        )
    };
}

/// A row of the table that needs Data to have passed.
macro_rules! data_row {
    ($name:literal, $syn:expr, $bursts:expr, [$($entry:ident),*], $judge:path, $repetition:expr) => {
        syn_row!($name, open($syn), $bursts, [$($entry),*], $judge, $repetition, NEEDS_DATA)
    };
}

const UNANSWERED: &[i8] = &[1, 2];
const UNKNOWN_CODE: &[i8] = &[-1];
const ZERO: Repetition = Repetition::Zero(&[]);

/// The rows, in the order in which the original runs them.
pub const PROCEDURES: [Procedure; 28] = [
    syn_row!(
        "syn",
        syn(PLAIN_SYN),
        &[],
        [Syn, UnexpAwnd],
        judge::syn::plain,
        Repetition::Unless(UNANSWERED, &[]),
        &[]
    ),
    syn_row!(
        "syn_opt",
        syn(COMPACT_SYN),
        FOLLOW_UP,
        [SynOpt, UnexpAwnd4Opt, ChangeSeq4Opt, ChangeIncomingSeq4Opt],
        judge::syn::option,
        Repetition::Unless(UNANSWERED, &[E::ChangeSeq4Opt, E::ChangeIncomingSeq4Opt]),
        NEEDS_SYN
    ),
    syn_row!(
        "syn_opt2",
        syn(ALIGNED_SYN),
        &[],
        [SynOpt2],
        judge::syn::option,
        Repetition::Unless(UNANSWERED, &[]),
        NEEDS_SYN
    ),
    syn_row!(
        "syn_tsecr",
        syn(ECHO_SYN),
        REFINE,
        [SynTsEcr],
        judge::syn::echo,
        Repetition::Unless(UNANSWERED, &[]),
        NEEDS_SYN
    ),
    syn_row!(
        "data",
        open(BARE_SYN),
        &[probe(&[piece(Size::Full(0), ECHO, &[], Dress::Whole)], Only::Always)],
        [Data, Split, ChangeAwnd, IndAck, ChangeSeq, ChangeIncomingSeq],
        judge::data::plain,
        Repetition::Zero(&[E::IndAck, E::ChangeSeq, E::ChangeAwnd, E::ChangeIncomingSeq, E::Split]),
        NEEDS_SYN
    ),
    data_row!(
        "data_known_opt",
        NEGOTIATING_SYN,
        &[probe(&[piece(Size::Full(12), ECHO, STAMPED, Dress::Whole)], Only::Always)],
        [DataKnownOpt, SplitKnownOpt, ChangeAwnd4KnownOpt, IndAck4KnownOpt],
        judge::data::stamped,
        Repetition::Unless(
            UNKNOWN_CODE,
            &[E::IndAck4KnownOpt, E::ChangeAwnd4KnownOpt, E::SplitKnownOpt]
        )
    ),
    data_row!(
        "data_opt",
        BARE_SYN,
        &[probe(&[piece(Size::Full(16), ECHO, UNKNOWN, Dress::Whole)], Only::Always)],
        [DataOpt, SplitOpt, ChangeAwnd4Opt, IndAck4Opt],
        judge::data::unknown,
        Repetition::Unless(UNKNOWN_CODE, &[E::IndAck4Opt, E::ChangeAwnd4Opt, E::SplitOpt])
    ),
    three_row!("coalesce", BARE_SYN, in_order!(12, &[]), SEQUENCE, Coalesce, judge::merge::plain),
    three_row!(
        "coalesce_fq",
        BARE_SYN,
        large_first!(12, &[]),
        FIRST_LAST,
        CoalesceFq,
        judge::merge::plain
    ),
    three_row!(
        "coalesce_known_opt",
        STAMPED_SYN,
        in_order!(12, STAMPED),
        SEQUENCE,
        CoalesceKnownOpt,
        judge::merge::stamped
    ),
    three_row!(
        "coalesce_fq_known_opt",
        STAMPED_SYN,
        large_first!(12, STAMPED),
        FIRST_LAST,
        CoalesceFqKnownOpt,
        judge::merge::stamped
    ),
    three_row!(
        "coalesce_opt",
        BARE_SYN,
        in_order!(28, UNKNOWN),
        SEQUENCE,
        CoalesceOpt,
        judge::merge::unknown
    ),
    three_row!(
        "coalesce_fq_opt",
        BARE_SYN,
        large_first!(28, UNKNOWN),
        FIRST_LAST,
        CoalesceFqOpt,
        judge::merge::unknown
    ),
    data_row!(
        "pseudo_rtx",
        BARE_SYN,
        &[
            lost(&[
                piece(Size::Capped(12), PLAIN, &[], Dress::Own),
                piece(Size::Capped(12), DUPLICATE, &[], Dress::Own)
            ]),
            again(&[piece(Size::Capped(12), ECHO, &[], Dress::Own)]),
        ],
        [PseudoRtx],
        judge::rewrite::retransmission,
        Repetition::Never
    ),
    data_row!(
        "pseudo_larger_rtx",
        BARE_SYN,
        &[
            lost(&[
                piece(Size::Capped(12), PLAIN, &[], Dress::Own),
                piece(Size::Capped(28), DUPLICATE, &[], Dress::Own)
            ]),
            again(&[piece(Size::Capped(12), ECHO, &[], Dress::Own)]),
        ],
        [PseudoRtxL],
        judge::rewrite::retransmission,
        Repetition::Never
    ),
    data_row!(
        "pseudo_smaller_rtx",
        BARE_SYN,
        &[
            lost(&[
                piece(Size::Capped(12), PLAIN, &[], Dress::Own),
                piece(Size::Capped(12), DUPLICATE, &[], Dress::Own)
            ]),
            again(&[piece(Size::Capped(28), ECHO, &[], Dress::Own)]),
        ],
        [PseudoRtxS],
        judge::rewrite::retransmission,
        Repetition::Never
    ),
    data_row!(
        "seq_hole",
        BARE_SYN,
        &[before(FULL_PLAIN, Until::Exact), behind(Place::BeyondHole, Until::Exact)],
        [SeqHole],
        judge::hole::sequence,
        ZERO
    ),
    data_row!(
        "ack_hole",
        BARE_SYN,
        &[
            before(&[piece(Size::Capped(12), ECHO, &[], Dress::Whole)], Until::FirstEcho),
            behind(Place::AckBeyond, Until::Answer),
        ],
        [AckHole],
        judge::hole::ack,
        ZERO
    ),
    data_row!(
        "ts_hole",
        NEGOTIATING_SYN,
        &[Burst {
            pieces: &[
                piece(Size::Capped(12), PLAIN, STAMPED, Dress::Whole),
                piece(Size::Capped(12), ECHO, LATER, Dress::Mended),
            ],
            order: &[0, 1],
            place: Place::Next,
            only: Only::Always,
            until: Until::Pair,
            waits: THRICE,
        }],
        [TsHole],
        judge::hole::stamp,
        ZERO
    ),
    data_row!(
        "incon_tsecr",
        NEGOTIATING_SYN,
        &[probe(&[piece(Size::Full(12), ECHO_INCONSISTENT, STAMPED, Dress::Whole)], Only::Always)],
        [InconTsEcr],
        judge::data::inconsistent,
        ZERO
    ),
    syn_row!(
        "syn_data",
        loaded(SILENT, 128),
        REFINE_UNDRESSED,
        [SynData],
        judge::syn::data,
        ZERO,
        NEEDS_SYN
    ),
    syn_row!(
        "syn_data_ackadv",
        loaded(ACK_SYN, 128),
        REFINE_UNDRESSED,
        [SynDataAdv],
        judge::syn::data,
        ZERO,
        NEEDS_SYN
    ),
    syn_row!(
        "synack_data",
        loaded(ECHO, 128),
        &[],
        [SynAckData],
        judge::syn::answer_data,
        ZERO,
        &[(E::Syn, &[0]), (E::SynData, &[0, 3])]
    ),
    syn_row!(
        "synack_data_ackadv",
        loaded(ACK_SYN_ECHO, 128),
        &[],
        [SynAckDataAdv],
        judge::syn::answer_data,
        ZERO,
        &[(E::Syn, &[0]), (E::SynDataAdv, &[0, 3])]
    ),
    syn_row!(
        "syn_data2",
        loaded(SILENT, 512),
        REFINE_UNDRESSED,
        [SynData2],
        judge::syn::data,
        ZERO,
        NEEDS_SYN
    ),
    syn_row!(
        "syn_data2_ackadv",
        loaded(ACK_SYN, 512),
        REFINE_UNDRESSED,
        [SynData2Adv],
        judge::syn::data,
        ZERO,
        NEEDS_SYN
    ),
    syn_row!(
        "synack_data2",
        loaded(ECHO, 512),
        &[],
        [SynAckData2],
        judge::syn::answer_data,
        ZERO,
        &[(E::Syn, &[0]), (E::SynData2, &[0, 3])]
    ),
    syn_row!(
        "synack_data2_ackadv",
        loaded(ACK_SYN_ECHO, 512),
        &[],
        [SynAckData2Adv],
        judge::syn::answer_data,
        ZERO,
        &[(E::Syn, &[0]), (E::SynData2Adv, &[0, 3])]
    ),
];

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::experiment::catalogue::ENTRIES;

    #[test]
    fn every_entry_comes_from_exactly_the_procedure_that_its_row_names() {
        for row in &ENTRIES {
            let from: Vec<_> = PROCEDURES
                .iter()
                .filter(|procedure| procedure.entries.contains(&row.entry))
                .map(|procedure| procedure.name)
                .collect();
            assert_eq!(from, [row.procedure], "{}", row.name);
        }
    }

    #[test]
    fn bursts_send_every_piece_once() {
        for burst in PROCEDURES.iter().flat_map(|procedure| procedure.bursts) {
            let mut order = burst.order.to_vec();
            order.sort_unstable();
            let all: Vec<u8> = (0..).take(burst.pieces.len()).collect();
            assert_eq!(order, all);
        }
    }
}
