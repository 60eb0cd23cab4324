//! The 43 questions, one row each: what is asked, and what every answer means.
//!
//! The list of the command line, the names in results and the manual's table come from here. The
//! order is that of the original's result line. Numbers are the original's; a number that only the
//! mended judges give is marked in the row's `mended` text.
//!
//! ```
//! use tcpexposure_core::experiment::{COUNT, ENTRIES};
//! assert_eq!(ENTRIES.len(), COUNT);
//! let found = ENTRIES[7].entry.row().unwrap();
//! assert_eq!(found.name, ENTRIES[7].name);
//! ```

use super::{
    stake::{self, Stake},
    verdict::{Code, Direction, Outcome},
};

/// The name of an entry, in the order of the result line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "each is documented by its row in ENTRIES")]
pub enum Entry {
    Syn,
    SynOpt,
    SynOpt2,
    Data,
    DataKnownOpt,
    DataOpt,
    Split,
    SplitKnownOpt,
    SplitOpt,
    Coalesce,
    CoalesceKnownOpt,
    CoalesceOpt,
    CoalesceFq,
    CoalesceFqKnownOpt,
    CoalesceFqOpt,
    PseudoRtx,
    PseudoRtxL,
    PseudoRtxS,
    SeqHole,
    AckHole,
    SynTsEcr,
    TsHole,
    InconTsEcr,
    UnexpAwnd,
    UnexpAwnd4Opt,
    ChangeIncomingSeq,
    ChangeIncomingSeq4Opt,
    ChangeAwnd,
    ChangeAwnd4KnownOpt,
    ChangeAwnd4Opt,
    ChangeSeq,
    ChangeSeq4Opt,
    IndAck,
    IndAck4KnownOpt,
    IndAck4Opt,
    SynData,
    SynDataAdv,
    SynAckData,
    SynAckDataAdv,
    SynData2,
    SynData2Adv,
    SynAckData2,
    SynAckData2Adv,
}

/// The number of entries.
pub const COUNT: usize = 43;

/// A row of the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The entry.
    pub entry: Entry,
    /// Its name in results.
    pub name: &'static str,
    /// The procedure that gives it, by its name.
    pub procedure: &'static str,
    /// What is asked of the path.
    pub asks: &'static str,
    /// How it is asked, in one line.
    pub about: &'static str,
    /// Where the mended judges differ from the original's, and why; empty where they do not.
    pub mended: &'static str,
    /// What each number means.
    pub codes: &'static [Code],
    /// Why it matters, and what relies on it.
    pub stake: &'static Stake,
}

impl Entry {
    /// Tells the place in [`ENTRIES`] and in the result line.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Tells the row.
    #[must_use]
    pub fn row(self) -> Option<&'static Row> {
        ENTRIES.get(self.index())
    }

    /// Tells the name in results.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().map_or("", |row| row.name)
    }
}

/// Writes a code table: subject of the ids, then `code outcome direction word: sentence` rows.
macro_rules! codes {
    ($subject:literal: $($code:literal $outcome:ident $direction:ident $word:literal: $sentence:literal;)*) => {
        &[$(Code {
            code: $code,
            outcome: Outcome::$outcome,
            direction: Direction::$direction,
            id: concat!($subject, ".", $word),
            sentence: $sentence,
        }),*]
    };
}

/// Writes a row.
macro_rules! row {
    ($entry:ident $procedure:literal, $asks:literal, $about:literal, $codes:expr) => {
        row!($entry $procedure, $asks, $about, $codes, mended "")
    };
    ($entry:ident $procedure:literal, $asks:literal, $about:literal, $codes:expr, mended $mended:literal) => {
        Row {
            entry: Entry::$entry,
            name: stringify!($entry),
            procedure: $procedure,
            asks: $asks,
            about: $about,
            mended: $mended,
            codes: $codes,
            stake: stake::of(Entry::$entry),
        }
    };
}

/// The rows.
pub const ENTRIES: [Row; COUNT] = [
    row!(Syn "syn",
        "Does the port answer at all?",
        "A SYN with the usual options.",
        SYN),
    row!(SynOpt "syn_opt",
        "Does an unknown option on a SYN arrive, and does its answer come back?",
        "The same SYN with an unknown option behind the usual ones, unaligned; then data whose echo refines the verdict.",
        SYN_OPTION,
        mended "Code 7 tells an option that came back as a copy from something that is no responder: one that gives no signal, or, in the modern suite, that does not transform it."),
    row!(SynOpt2 "syn_opt2",
        "The same, with every option on a 32-bit boundary?",
        "The SYN of SynOpt with each group of options aligned by NOPs.",
        SYN_OPTION,
        mended "Code 7 as in SynOpt."),
    row!(Data "data",
        "Does data without options arrive, and does its answer come back?",
        "One segment of the maximum size, whose answer echoes the headers.",
        DATA),
    row!(DataKnownOpt "data_known_opt",
        "Does a timestamp on data arrive unchanged, and does its echo come back?",
        "One segment with a timestamp, of the maximum size less the option.",
        DATA_KNOWN,
        mended "The modern suite negotiates timestamps on the SYN; the classic one, as the original, does not."),
    row!(DataOpt "data_opt",
        "Does an unknown option on data arrive unchanged, and does its answer come back?",
        "One segment with an unknown option, of the maximum size less the option.",
        DATA_OPTION),
    row!(Split "data",
        "Is a segment of the maximum size cut up?",
        "The size of the segment that the responder echoes, in Data.",
        SPLIT),
    row!(SplitKnownOpt "data_known_opt",
        "If a segment with a timestamp is cut up, which parts keep it?",
        "Sizes and options of the answers in DataKnownOpt.",
        SPLIT_OPTION),
    row!(SplitOpt "data_opt",
        "If a segment with an unknown option is cut up, which parts keep it?",
        "Sizes and options of the answers in DataOpt.",
        SPLIT_OPTION),
    row!(Coalesce "coalesce",
        "Are small segments merged?",
        "Three segments in a row, on up to ten connections; the echo of the first tells its size on arrival.",
        COALESCE),
    row!(CoalesceKnownOpt "coalesce_known_opt",
        "If segments with timestamps are merged, do the options survive?",
        "Coalesce with a timestamp on each segment.",
        COALESCE_OPTION,
        mended "Options are counted in the header that arrived and compared with the segments that it covers."),
    row!(CoalesceOpt "coalesce_opt",
        "If segments with unknown options are merged, do the options survive?",
        "Coalesce with an unknown option on each segment.",
        COALESCE_OPTION,
        mended "As CoalesceKnownOpt."),
    row!(CoalesceFq "coalesce_fq",
        "Are segments merged that had to wait for one before them?",
        "Three segments of which the first is sent last, so that a reassembling box queues two.",
        COALESCE,
        mended "In HTTP mode the segment with the command has an HTTP header of its own, so that a box that wants HTTP does not decide the verdict."),
    row!(CoalesceFqKnownOpt "coalesce_fq_known_opt",
        "The same with timestamps: do the options survive?",
        "CoalesceFq with a timestamp on each segment.",
        COALESCE_OPTION,
        mended "As CoalesceFq and CoalesceKnownOpt."),
    row!(CoalesceFqOpt "coalesce_fq_opt",
        "The same with unknown options: do the options survive?",
        "CoalesceFq with an unknown option on each segment.",
        COALESCE_OPTION,
        mended "As CoalesceFq and CoalesceKnownOpt."),
    row!(PseudoRtx "pseudo_rtx",
        "Does a retransmission with other content arrive as it was sent?",
        "Two segments of which the second seems lost; then its sequence space again with other content.",
        RETRANSMISSION),
    row!(PseudoRtxL "pseudo_larger_rtx",
        "The same, when the retransmission is longer than the original?",
        "As PseudoRtx, 16 bytes longer.",
        RETRANSMISSION),
    row!(PseudoRtxS "pseudo_smaller_rtx",
        "The same, when the retransmission is shorter than the original?",
        "As PseudoRtx, 16 bytes shorter.",
        RETRANSMISSION),
    row!(SeqHole "seq_hole",
        "Does data behind a hole in sequence space arrive?",
        "One segment, then one that leaves a gap before it.",
        SEQUENCE_HOLE),
    row!(AckHole "ack_hole",
        "Does a segment arrive that acknowledges data never seen on the path?",
        "One segment, then one whose acknowledgement is beyond what the responder sent.",
        ACK_HOLE,
        mended "A reset is code 4, even where its sequence number is the one asked for."),
    row!(SynTsEcr "syn_tsecr",
        "Does a timestamp echo on a SYN, which should be zero, arrive and come back?",
        "The SYN of Syn with a non-zero TSecr.",
        SYN_ECHO,
        mended "The initiator sends the value that the responder expects, so that code 6 is told from 5."),
    row!(TsHole "ts_hole",
        "Does data arrive whose timestamp jumps far ahead?",
        "Two segments back to back with timestamps some 2^32 apart.",
        STAMP_HOLE,
        mended "In HTTP mode the second segment has an HTTP header of its own; the modern suite negotiates timestamps on the SYN."),
    row!(InconTsEcr "incon_tsecr",
        "Does an answer come back whose timestamp echo is one too small?",
        "As DataKnownOpt, but the responder is told to echo a wrong value.",
        DATA_INCONSISTENT,
        mended "A timestamp that was removed on the way out is code 2; the original's responder died of it, and the verdict was 1."),
    row!(UnexpAwnd "syn",
        "Is the window of the SYN/ACK the responder's?",
        "The window of the SYN/ACK in Syn.",
        SYN_WINDOW),
    row!(UnexpAwnd4Opt "syn_opt",
        "The same, where the SYN had an unknown option?",
        "The window of the SYN/ACK in SynOpt.",
        SYN_WINDOW),
    row!(ChangeIncomingSeq "data",
        "Are sequence numbers rewritten on the way back?",
        "The sequence number of the answer in Data against the one in its echo.",
        INCOMING_SEQUENCE),
    row!(ChangeIncomingSeq4Opt "syn_opt",
        "The same, on a connection whose SYN had an unknown option?",
        "The follow-up data of SynOpt.",
        INCOMING_SEQUENCE),
    row!(ChangeAwnd "data",
        "Is the window rewritten on the way out?",
        "The window that arrived in Data.",
        WINDOW),
    row!(ChangeAwnd4KnownOpt "data_known_opt",
        "The same, on data with a timestamp?",
        "The window that arrived in DataKnownOpt.",
        WINDOW),
    row!(ChangeAwnd4Opt "data_opt",
        "The same, on data with an unknown option?",
        "The window that arrived in DataOpt.",
        WINDOW),
    row!(ChangeSeq "data",
        "Are sequence numbers rewritten on the way out?",
        "The sequence number that arrived in Data.",
        SEQUENCE),
    row!(ChangeSeq4Opt "syn_opt",
        "The same, on a connection whose SYN had an unknown option?",
        "The follow-up data of SynOpt.",
        SEQUENCE),
    row!(IndAck "data",
        "Does a box acknowledge data in the target's place?",
        "A bare acknowledgement in Data, where the responder's own carries payload.",
        INDIRECT,
        mended "Resets, SYN/ACKs and acknowledgements of nothing new do not count; without an echo the entry is undetermined."),
    row!(IndAck4KnownOpt "data_known_opt",
        "The same, for data with a timestamp?",
        "A bare acknowledgement in DataKnownOpt.",
        INDIRECT,
        mended "As IndAck."),
    row!(IndAck4Opt "data_opt",
        "The same, for data with an unknown option?",
        "A bare acknowledgement in DataOpt.",
        INDIRECT,
        mended "As IndAck."),
    row!(SynData "syn_data",
        "Does payload on a SYN arrive?",
        "128 bytes on the SYN of SynOpt, which the responder notes and does not acknowledge.",
        SYN_DATA,
        mended "The modern suite sends the payload without the unknown option, so that only the payload decides."),
    row!(SynDataAdv "syn_data_ackadv",
        "The same, when the SYN/ACK acknowledges the payload?",
        "128 bytes on the SYN of SynOpt, which the responder acknowledges.",
        SYN_DATA,
        mended "As SynData."),
    row!(SynAckData "synack_data",
        "Does payload on a SYN/ACK come back?",
        "128 bytes on the SYN of SynOpt, which the responder answers with as many.",
        SYN_ACK_DATA,
        mended "Code 4 tells payload that is not the responder's; the original did not look."),
    row!(SynAckDataAdv "synack_data_ackadv",
        "The same, when the SYN/ACK acknowledges the payload too?",
        "As SynAckData, with the payload acknowledged.",
        SYN_ACK_DATA,
        mended "As SynAckData."),
    row!(SynData2 "syn_data2",
        "Does a larger payload on a SYN arrive?",
        "As SynData, with 512 bytes.",
        SYN_DATA,
        mended "As SynData."),
    row!(SynData2Adv "syn_data2_ackadv",
        "The same, when the SYN/ACK acknowledges it?",
        "As SynDataAdv, with 512 bytes.",
        SYN_DATA,
        mended "As SynData."),
    row!(SynAckData2 "synack_data2",
        "Does a larger payload on a SYN/ACK come back?",
        "As SynAckData, with 512 bytes.",
        SYN_ACK_DATA,
        mended "As SynAckData."),
    row!(SynAckData2Adv "synack_data2_ackadv",
        "The same, when the SYN/ACK acknowledges the payload too?",
        "As SynAckDataAdv, with 512 bytes.",
        SYN_ACK_DATA,
        mended "As SynAckData."),
];

const SYN: &[Code] = codes!("tcp.syn":
    0 Passed None "passed": "The SYN was answered.";
    1 Dropped None "dropped": "The SYN was not answered.";
    2 Reset None "reset": "The SYN was answered by a reset.";
);

const SYN_OPTION: &[Code] = codes!("tcp.opt.unknown.syn":
    0 Passed None "passed": "The unknown option went there and its answer came back.";
    1 Dropped None "dropped": "The SYN with the unknown option was not answered.";
    2 Reset None "reset": "The SYN with the unknown option was answered by a reset.";
    3 Removed Outbound "removed": "The unknown option was removed from the SYN, or a box answered in the target's place.";
    4 Zeroed None "zeroed": "The unknown option came back with its content cleared.";
    5 Changed None "changed": "The unknown option came back with other content.";
    6 Removed Inbound "removed-from-answer": "The unknown option reached the target, and the SYN/ACK lost it.";
    7 Reflected Inbound "reflected": "The unknown option came back as a copy, from a box that does not understand it.";
);

const DATA: &[Code] = codes!("tcp.data":
    0 Passed None "passed": "Data went there and its answer came back.";
    1 Dropped None "dropped": "Data was not acknowledged.";
    2 Reset None "reset": "Data was answered by a reset.";
);

const DATA_KNOWN: &[Code] = codes!("tcp.opt.timestamp":
    0 Passed None "passed": "The timestamp went there unchanged and its echo came back.";
    1 Dropped None "dropped": "Data with a timestamp was not acknowledged.";
    2 Removed Outbound "removed": "The timestamp was removed on the way out.";
    3 Changed Outbound "changed": "The timestamp was changed on the way out, and so is its echo.";
    4 Zeroed Outbound "zeroed": "The timestamp was cleared on the way out.";
    5 Removed Inbound "removed-from-answer": "The timestamp of the answer was removed.";
    6 Changed Inbound "echo-changed": "The echo of the timestamp was changed on the way back.";
    7 Zeroed Inbound "echo-zeroed": "The echo of the timestamp was cleared on the way back.";
    8 Reset None "reset": "Data with a timestamp was answered by a reset.";
    9 Changed Both "translated": "The timestamp was changed on the way out and translated on the way back, or a box speaks its own.";
);

const DATA_INCONSISTENT: &[Code] = codes!("tcp.opt.timestamp.inconsistent":
    0 Passed None "passed": "The wrong echo came back as the responder sent it.";
    1 Dropped None "dropped": "No answer came back whose echo is wrong.";
    2 Removed Outbound "removed": "The timestamp was removed on the way out.";
    3 Changed Outbound "changed": "The timestamp was changed on the way out.";
    4 Zeroed Outbound "zeroed": "The timestamp was cleared on the way out.";
    5 Removed Inbound "removed-from-answer": "The timestamp of the answer was removed.";
    6 Changed Inbound "echo-changed": "The wrong echo was changed on the way back.";
    7 Zeroed Inbound "echo-zeroed": "The wrong echo was cleared on the way back.";
    8 Reset None "reset": "A reset came back.";
    9 Changed Both "translated": "The timestamp was changed on the way out and translated on the way back, or a box speaks its own.";
);

const DATA_OPTION: &[Code] = codes!("tcp.opt.unknown.data":
    0 Passed None "passed": "The unknown option went there and its answer came back.";
    1 Dropped None "dropped": "Data with the unknown option was not acknowledged.";
    2 Removed Outbound "removed": "The unknown option was removed on the way out.";
    3 Changed Outbound "changed": "The unknown option was changed on the way out.";
    4 Zeroed Outbound "zeroed": "The unknown option was cleared on the way out.";
    5 Removed Inbound "removed-from-answer": "The unknown option of the answer was removed.";
    6 Changed Inbound "answer-changed": "The unknown option of the answer was changed.";
    7 Zeroed Inbound "answer-zeroed": "The unknown option of the answer was cleared.";
    8 Reset None "reset": "Data with the unknown option was answered by a reset.";
    9 Changed None "other": "The unknown option came to harm in a way that the echo does not explain.";
);

const SPLIT: &[Code] = codes!("tcp.segment":
    0 Passed None "whole": "The segment arrived in one piece.";
    1 Split Outbound "split": "The segment was cut up.";
);

const SPLIT_OPTION: &[Code] = codes!("tcp.segment.option":
    0 Passed None "whole": "The segment arrived in one piece.";
    1 Split Outbound "split-all": "The segment was cut up, and every part has the option.";
    2 Split Outbound "split-some": "The segment was cut up, and some parts have the option.";
    3 Split Outbound "split-none": "The segment was cut up, and no part has the option.";
    4 Split Outbound "split-more": "The segment was cut up, and there are more options than parts.";
);

const COALESCE: &[Code] = codes!("tcp.segments":
    0 Passed None "separate": "The segments arrived one by one.";
    1 Merged Outbound "merged": "Segments were merged.";
);

const COALESCE_OPTION: &[Code] = codes!("tcp.segments.option":
    0 Passed None "separate": "The segments arrived one by one.";
    1 Merged Outbound "merged-all": "Segments were merged, and all options were kept.";
    2 Merged Outbound "merged-some": "Segments were merged, and some options were kept.";
    3 Merged Outbound "merged-none": "Segments were merged, and no option was kept.";
    4 Merged Outbound "merged-more": "Segments were merged, and there are more options than were sent.";
);

const RETRANSMISSION: &[Code] = codes!("tcp.retransmission":
    0 Passed None "passed": "The retransmission arrived with its new content.";
    1 Dropped None "dropped": "The retransmission with other content was not answered.";
    2 AnsweredByBox None "answered": "A box acknowledged the data itself.";
    3 Changed Outbound "old-content": "The retransmission arrived with the old content.";
    4 Split Outbound "resized": "The new content arrived in a segment of another size.";
    5 Reset None "reset": "The retransmission with other content was answered by a reset.";
    6 Changed None "other": "The retransmission was disturbed in another way.";
);

const SEQUENCE_HOLE: &[Code] = codes!("tcp.hole.sequence":
    0 Passed None "passed": "Data behind a hole arrived.";
    1 Dropped None "dropped": "Data behind a hole was not acknowledged.";
    2 AnsweredByBox None "answered": "A box wants the missing data first.";
    3 Changed None "other": "Data behind a hole was acknowledged in another way.";
);

const ACK_HOLE: &[Code] = codes!("tcp.hole.ack":
    0 Passed None "passed": "A segment that acknowledges unseen data arrived.";
    1 Dropped None "dropped": "A segment that acknowledges unseen data was not answered.";
    2 AnsweredByBox None "corrected": "A box corrected the acknowledgement, or answered itself.";
    3 Changed None "other": "The answer has another sequence number.";
    4 Reset None "reset": "A segment that acknowledges unseen data was answered by a reset.";
);

const SYN_ECHO: &[Code] = codes!("tcp.opt.timestamp.syn-echo":
    0 Passed None "passed": "The timestamp echo arrived on the SYN and was returned.";
    1 Dropped None "dropped": "The SYN with a timestamp echo was not answered.";
    2 Reset None "reset": "The SYN with a timestamp echo was answered by a reset.";
    3 Removed Outbound "removed": "The timestamp was removed from the SYN.";
    4 Zeroed Outbound "zeroed": "The timestamp echo was cleared on the SYN.";
    5 Changed Outbound "changed": "The timestamp echo was changed on the SYN.";
    6 Changed Inbound "answer-changed": "The timestamp echo arrived, and the SYN/ACK's timestamp is not the responder's.";
    7 AnsweredByBox None "answered": "The SYN/ACK has the timestamp of a box.";
);

const STAMP_HOLE: &[Code] = codes!("tcp.hole.timestamp":
    0 Passed None "passed": "Both timestamps arrived and came back.";
    1 Dropped None "dropped": "The segment whose timestamp jumps was not acknowledged.";
    2 Reset None "reset": "The segment whose timestamp jumps was answered by a reset.";
    3 Removed Outbound "removed-repaired": "The timestamp was removed on the way out, and a box put its echo back.";
    4 Changed Outbound "changed-repaired": "The timestamp was changed on the way out and translated on the way back.";
    5 Zeroed Outbound "zeroed-repaired": "The timestamp was cleared on the way out, and a box put its echo back.";
    6 Removed Outbound "removed": "The timestamp was removed on the way out.";
    7 Changed Outbound "changed": "The timestamp was changed on the way out.";
    8 Zeroed Outbound "zeroed": "The timestamp was cleared on the way out.";
    9 Changed Inbound "echo-changed": "The timestamp arrived, and its echo did not come back.";
);

const SYN_WINDOW: &[Code] = codes!("tcp.window.syn-ack":
    0 Passed None "passed": "The window of the SYN/ACK is the responder's.";
    1 Changed Inbound "changed": "The window of the SYN/ACK is not the responder's.";
);

const INCOMING_SEQUENCE: &[Code] = codes!("tcp.sequence.inbound":
    0 Passed None "passed": "Sequence numbers come back unchanged.";
    1 Changed Inbound "changed": "Sequence numbers are rewritten on the way back.";
);

const WINDOW: &[Code] = codes!("tcp.window":
    0 Passed None "passed": "The window arrived unchanged.";
    1 Changed Outbound "changed": "The window was changed on the way out.";
);

const SEQUENCE: &[Code] = codes!("tcp.sequence.outbound":
    0 Passed None "passed": "Sequence numbers arrived unchanged.";
    1 Changed Outbound "changed": "Sequence numbers are rewritten on the way out.";
);

const INDIRECT: &[Code] = codes!("tcp.ack":
    0 Passed None "direct": "Only the target acknowledged.";
    1 AnsweredByBox None "indirect": "A box acknowledged data in the target's place.";
);

const SYN_DATA: &[Code] = codes!("tcp.syn.payload":
    0 Passed None "passed": "The payload of the SYN arrived.";
    1 Dropped None "dropped": "The SYN with payload was not answered.";
    2 Reset None "reset": "The SYN with payload was answered by a reset.";
    3 Removed Outbound "removed": "The payload was removed from the SYN, or a box answered in the target's place.";
);

const SYN_ACK_DATA: &[Code] = codes!("tcp.syn-ack.payload":
    0 Passed None "passed": "The payload of the SYN/ACK came back.";
    1 Dropped None "dropped": "The SYN that asks for payload on its answer was not answered.";
    2 Reset None "reset": "The SYN that asks for payload on its answer was answered by a reset.";
    3 Removed None "removed": "The SYN/ACK came without payload.";
    4 Changed None "changed": "The SYN/ACK came with payload that the responder did not send.";
);

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn rows_stand_at_their_index() {
        for (index, row) in ENTRIES.iter().enumerate() {
            assert_eq!(row.entry.index(), index, "{}", row.name);
        }
    }

    #[test]
    fn every_table_begins_with_passed_and_has_no_code_twice() {
        for row in &ENTRIES {
            let codes: HashSet<i8> = row.codes.iter().map(|code| code.code).collect();
            assert_eq!(codes.len(), row.codes.len(), "{}", row.name);
            assert_eq!(row.codes[0].outcome, Outcome::Passed, "{}", row.name);
            assert!(
                row.codes.iter().all(|code| (code.outcome == Outcome::Passed) == (code.code == 0))
            );
        }
    }

    #[test]
    fn texts_are_sentences() {
        for row in &ENTRIES {
            assert!(row.asks.ends_with('?') && row.about.ends_with('.'), "{}", row.name);
            assert!(row.codes.iter().all(|code| code.sentence.ends_with('.')));
        }
    }
}
