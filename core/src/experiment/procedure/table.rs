//! The rows, and the words they are written in.

use super::{
    Burst, Dress, Only, Opening, Piece, Place, Procedure, Repetition, Size, Until, Word,
    command::{ACK_SYN, ACK_SYN_ECHO, DUPLICATE, ECHO, ECHO_INCONSISTENT, PLAIN, SILENT},
};
use crate::experiment::{catalogue::Entry, judge};

use Entry as E;
use Word::{
    LaterStamp, Mss, Negotiation, Nop, SackPermitted, Scale, Stamp, StampEcho, UnknownData,
    UnknownSyn,
};

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
