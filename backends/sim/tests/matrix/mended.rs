//! Where the mended suite says something else than the faithful one, and the modern one something
//! else than the mended, and why.

use crate::runs::{self, Codes};

/// A number that changed: box, HTTP mode, entries, the mended number, and why.
pub(crate) type Change = (&'static str, bool, &'static [&'static str], i8, &'static str);

/// From the faithful suite to the mended.
pub(crate) const CHANGES: &[Change] = &[
    ("strip-timestamps-in", false, &["SynTsEcr"], 6, CONSTANTS),
    ("strip-timestamps-synack", false, &["SynTsEcr"], 6, CONSTANTS),
    ("rst-ack-unseen", false, &["AckHole"], 4, RESETS),
    (
        "drop-non-http",
        true,
        &["CoalesceFq", "CoalesceFqKnownOpt", "CoalesceFqOpt", "TsHole"],
        0,
        DRESS,
    ),
    ("split-tcp", false, &["CoalesceFqKnownOpt"], 2, STAMPS),
    ("http-proxy", false, &["IndAck"], -1, INDIRECT),
    ("rst-unknown-option", false, &["IndAck4Opt"], -1, INDIRECT),
    ("http-proxy", true, &["CoalesceKnownOpt", "CoalesceFqKnownOpt"], 2, STAMPS),
    ("http-proxy", true, &["CoalesceFqOpt"], -1, BURIED),
    ("strip-timestamps-out", false, &["InconTsEcr"], 2, ANSWERED),
    ("strip-timestamps-unnegotiated", false, &["InconTsEcr"], 2, ANSWERED),
    ("split-options-none", false, &["InconTsEcr"], 2, ANSWERED),
    ("split-tcp-plain", false, &["InconTsEcr"], 2, ANSWERED),
    ("reflect", false, &["SynOpt", "SynOpt2"], 7, REFLECTED),
    ("reflect", false, &["UnexpAwnd4Opt"], 0, AGREES),
];

/// From the mended suite to the modern, which puts the questions in the options and numbers of
/// today, to a responder of today.
pub(crate) const MODERN: &[Change] = &[
    ("strip-mptcp", false, &["SynOpt", "SynOpt2"], 0, KINDS),
    ("drop-syn-option", false, SYN_DATA, 0, APART),
    ("rst-unknown-option", false, SYN_DATA, 0, APART),
    ("icmp-reject", false, SYN_DATA, 0, APART),
    ("strip-timestamps-unnegotiated", false, &["DataKnownOpt", "TsHole", "InconTsEcr"], 0, OFFERED),
    ("change-syn-tsecr", false, &["SynData", "SynDataAdv", "SynData2", "SynData2Adv"], 0, SUM),
    ("split-tcp", false, &["SplitKnownOpt"], 1, STAMPED),
    ("split-tcp", false, &["TsHole"], 4, STAMPED),
    ("split-tcp", false, &["InconTsEcr"], 3, STAMPED),
    ("http-proxy", true, &["SplitKnownOpt"], 1, STAMPED),
    ("http-proxy", true, &["TsHole"], 4, STAMPED),
    ("http-proxy", true, &["InconTsEcr"], 3, STAMPED),
    ("tcp-checksum-break", false, &["Data"], 1, CHECKED),
    ("tcp-checksum-break", false, AFTER_DATA, -1, CHECKED),
];

const SYN_DATA: &[&str] = &[
    "SynData",
    "SynDataAdv",
    "SynAckData",
    "SynAckDataAdv",
    "SynData2",
    "SynData2Adv",
    "SynAckData2",
    "SynAckData2Adv",
];
/// The entries that are not tried when data does not pass.
const AFTER_DATA: &[&str] = &[
    "DataKnownOpt",
    "DataOpt",
    "Split",
    "SplitKnownOpt",
    "SplitOpt",
    "Coalesce",
    "CoalesceKnownOpt",
    "CoalesceOpt",
    "CoalesceFq",
    "CoalesceFqKnownOpt",
    "CoalesceFqOpt",
    "PseudoRtx",
    "PseudoRtxL",
    "PseudoRtxS",
    "SeqHole",
    "AckHole",
    "TsHole",
    "InconTsEcr",
    "ChangeIncomingSeq",
    "ChangeIncomingSeq4Opt",
    "ChangeAwnd",
    "ChangeAwnd4KnownOpt",
    "ChangeAwnd4Opt",
    "ChangeSeq",
    "ChangeSeq4Opt",
    "IndAck",
    "IndAck4KnownOpt",
    "IndAck4Opt",
];

const KINDS: &str = "Today's kinds are not those of 2011, of which 30 is Multipath TCP now.";
const APART: &str = "SYNs with data have no unknown option any more (9.2, 7).";
const OFFERED: &str = "Timestamps on data were offered in the SYN (9.2, 13).";
const SUM: &str = "The signals of a SYN/ACK can be told apart, whichever of them there are.";
const STAMPED: &str =
    "Timestamps were offered in the SYN (9.2, 13), so that the box's own segments bear them.";
const CHECKED: &str = "The responder answers no segment whose checksum is wrong (9.1, 11).";

const CONSTANTS: &str = "Initiator and responder agree on the timestamp echo (9.2, 1), so an echo \
                         that arrived and whose answer lost its timestamp is told from one that was changed.";
const RESETS: &str =
    "A RST is no proof that the acknowledgement passed (9.2, 2); it has a number of its own.";
const DRESS: &str = "Each segment of a burst begins with an HTTP header of its own (9.2, 14).";
const STAMPS: &str = "Only what the responder received counts, not the timestamps of the box's own segments (9.2, 5).";
const ANSWERED: &str = "The responder answers a command for a wrong echo that came without timestamps (9.2, 4), so that they are known to be gone.";
const REFLECTED: &str = "An option that comes back without the responder's signal is a reflection (9.1, 9); it has a number of its own.";
const AGREES: &str = "The window agrees with that.";
const BURIED: &str = "Each segment begins with an HTTP header of its own (9.2, 14), and the box cuts the stream so that the second segment's header, with the command behind it, begins none.";
const INDIRECT: &str = "A RST is no acknowledgement (9.2, 3).";

/// What there is to say of a row beside that.
pub(crate) const NOTES: &[(&str, &str)] = &[
    (
        "mss-459-synack",
        "The original died of the odd payloads that follow (9.2, 8); neither suite does.",
    ),
    (
        "isn-shift-sack",
        "No entry looks at SACK blocks, so that this box and the one above look the same.",
    ),
];

/// The boxes that are tried with HTTP headers too.
pub(crate) const WITH_HTTP: &[&str] = &["drop-non-http", "http-proxy"];

/// Gives the reasons for which two rows differ, and what they do not explain.
pub(crate) fn explain(
    changes: &'static [Change],
    (name, http): (&str, bool),
    before: &Codes,
    after: &Codes,
) -> (Vec<&'static str>, Option<String>) {
    let mut expected = before.clone();
    let mut why = Vec::new();
    for (.., entries, code, reason) in
        changes.iter().filter(|(of, mode, ..)| (*of, *mode) == (name, http))
    {
        expected.extend(entries.iter().map(|entry| ((*entry).to_owned(), *code)));
        why.push(*reason);
    }
    expected.retain(|_, code| *code != 0);
    (why, runs::difference(after, &expected))
}
