//! What an experiment says: a code, a word, a direction, a sentence and the packets that prove it.

use core::fmt;

use super::catalogue::{ENTRIES, Entry};

/// The word for what became of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It arrived as it was sent, and so did the answer.
    Passed,
    /// What was asked about was taken away; the rest arrived.
    Removed,
    /// It arrived with other values.
    Changed,
    /// It arrived with its values cleared.
    Zeroed,
    /// It came back as a copy of what was sent, from something that does not understand it.
    Reflected,
    /// Nothing came back, or an acknowledgement that tells of nothing.
    Dropped,
    /// A reset came back.
    Reset,
    /// A box on the path answered in the target's place.
    AnsweredByBox,
    /// It arrived in more pieces than it was sent in.
    Split,
    /// It arrived in fewer pieces than it was sent in.
    Merged,
    /// An ordinary server took up what was offered.
    Understood,
    /// An ordinary server answers with and without it.
    Works,
    /// An ordinary server answers without it, but not with it.
    Broken,
    /// An ordinary server answers neither with nor without it.
    Offline,
    /// An ordinary server answered with it, but not without it.
    Transient,
    /// It cannot be told.
    Undetermined,
}

/// On which way it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the initiator to the target.
    Outbound,
    /// From the target to the initiator.
    Inbound,
    /// On both ways.
    Both,
    /// It cannot be told, or nothing happened.
    None,
}

/// A row of an entry's code table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// The number: the original's, or one beyond its range where the row says so.
    pub code: i8,
    /// The word.
    pub outcome: Outcome,
    /// The direction.
    pub direction: Direction,
    /// A stable name for programs.
    pub id: &'static str,
    /// What it means, in one sentence.
    pub sentence: &'static str,
}

/// The numbers of the packets that prove a verdict: see [`engine`](crate::engine).
pub type Evidence = heapless::Vec<u64, 8>;

/// What was found for one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The entry.
    pub entry: Entry,
    /// What was found.
    pub code: Code,
    /// The packets that prove it.
    pub evidence: Evidence,
}

/// Why an entry is undetermined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The probe was made, and what came back does not decide.
    Undecided,
    /// An entry that must come first did not pass, and so the probe was not made.
    Dependency,
    /// The target is no responder of ours, which the probe needs.
    NoResponder,
    /// The target runs a responder of a version that does not answer what is asked.
    Version,
    /// The run was ended before.
    Interrupted,
}

impl Outcome {
    /// Tells the word, as it stands in results.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Removed => "removed",
            Self::Changed => "changed",
            Self::Zeroed => "zeroed",
            Self::Reflected => "reflected",
            Self::Dropped => "dropped",
            Self::Reset => "reset",
            Self::AnsweredByBox => "answered-by-box",
            Self::Split => "split",
            Self::Merged => "merged",
            Self::Understood => "understood",
            Self::Works => "works",
            Self::Broken => "broken",
            Self::Offline => "offline",
            Self::Transient => "transient",
            Self::Undetermined => "undetermined",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}

impl Direction {
    /// Tells the word, as it stands in results; `None` where there is no direction to tell.
    #[must_use]
    pub const fn word(self) -> Option<&'static str> {
        match self {
            Self::Outbound => Some("outbound"),
            Self::Inbound => Some("inbound"),
            Self::Both => Some("both"),
            Self::None => None,
        }
    }
}

impl Code {
    /// Makes the row of an entry that could not be determined.
    #[must_use]
    pub const fn undetermined(reason: Reason) -> Self {
        let (id, sentence) = match reason {
            Reason::Undecided => {
                ("undetermined.undecided", "What came back does not decide the question.")
            }
            Reason::Dependency => (
                "undetermined.dependency",
                "Not tried, because an entry that it builds on did not pass.",
            ),
            Reason::NoResponder => (
                "undetermined.no-responder",
                "The target runs no responder, and an ordinary server's answer does not decide the question.",
            ),
            Reason::Version => (
                "undetermined.version",
                "The target runs another version of the responder, which does not answer what is asked here.",
            ),
            Reason::Interrupted => ("undetermined.interrupted", "The run ended before."),
        };
        Self {
            code: UNDETERMINED,
            outcome: Outcome::Undetermined,
            direction: Direction::None,
            id,
            sentence,
        }
    }
}

impl Verdict {
    /// Looks up what `code` means for `entry`; a code that its table does not hold is undetermined.
    #[must_use]
    pub fn new(entry: Entry, code: i8, evidence: Evidence) -> Self {
        let rows = ENTRIES.get(entry.index()).map_or(&[][..], |row| row.codes);
        let found = rows.iter().chain([&ANSWERED_ELSEWHERE]).find(|row| row.code == code);
        let undecided = Code::undetermined(Reason::Undecided);
        Self { entry, code: *found.unwrap_or(&undecided), evidence }
    }

    /// Says what an ordinary server's answer allows to say: whether a SYN was answered. All else
    /// needs a responder.
    #[must_use]
    pub(crate) fn without_responder(self) -> Self {
        let silent = matches!(self.code.outcome, Outcome::Dropped | Outcome::Reset);
        let code = match self.entry {
            Entry::Syn => return self,
            Entry::Data if self.code.outcome == Outcome::Dropped => return self,
            entry if ON_SYN.contains(&entry) && silent => return self,
            entry if OPTION_ON_SYN.contains(&entry) && self.answered() => OPTION_ANSWERED,
            entry if DATA_ON_SYN.contains(&entry) && self.answered() => DATA_ANSWERED,
            _ => return Self::undetermined(self.entry, Reason::NoResponder),
        };
        Self { code, ..self }
    }

    /// Says what the answers of another version of the responder allow to say: whether a SYN was
    /// answered.
    #[must_use]
    pub(crate) fn without_version(self) -> Self {
        let silent = matches!(self.code.outcome, Outcome::Dropped | Outcome::Reset);
        match self.entry {
            Entry::Syn => self,
            entry if ON_SYN.contains(&entry) && silent => self,
            _ if self.code.id == Code::undetermined(Reason::Interrupted).id => self,
            entry => Self::undetermined(entry, Reason::Version),
        }
    }

    /// Tells whether the probe was made and answered.
    const fn answered(&self) -> bool {
        self.code.code != UNDETERMINED
    }

    /// Makes the verdict of an entry that could not be determined.
    #[must_use]
    pub const fn undetermined(entry: Entry, reason: Reason) -> Self {
        Self { entry, code: Code::undetermined(reason), evidence: Evidence::new() }
    }
}

/// The number of an entry that was not determined.
pub const UNDETERMINED: i8 = -1;

/// The number, for every entry, of an answer that came from another port than was asked; beyond the
/// original's.
pub(crate) const OTHER_PORT: i8 = 20;

/// The entries that ask whether a SYN with an unknown option is answered.
const OPTION_ON_SYN: [Entry; 2] = [Entry::SynOpt, Entry::SynOpt2];
/// The entries that ask whether a SYN with payload is answered.
const DATA_ON_SYN: [Entry; 2] = [Entry::SynData, Entry::SynData2];
/// The entries whose SYN may go unanswered.
const ON_SYN: [Entry; 11] = [
    Entry::SynOpt,
    Entry::SynOpt2,
    Entry::SynTsEcr,
    Entry::SynData,
    Entry::SynDataAdv,
    Entry::SynData2,
    Entry::SynData2Adv,
    Entry::SynAckData,
    Entry::SynAckDataAdv,
    Entry::SynAckData2,
    Entry::SynAckData2Adv,
];

const ANSWERED_ELSEWHERE: Code = Code {
    code: OTHER_PORT,
    outcome: Outcome::Changed,
    direction: Direction::None,
    id: "tcp.port.other",
    sentence: "The answer came from another port: a NAT does not take the segment for the connection's.",
};

const OPTION_ANSWERED: Code = Code {
    code: 0,
    outcome: Outcome::Passed,
    direction: Direction::None,
    id: "tcp.opt.unknown.syn.answered",
    sentence: "The SYN with the unknown option was answered; whether the option arrived, an ordinary server does not tell.",
};

const DATA_ANSWERED: Code = Code {
    code: 0,
    outcome: Outcome::Passed,
    direction: Direction::None,
    id: "tcp.syn.payload.answered",
    sentence: "The SYN with payload was answered; whether the payload arrived, an ordinary server does not tell.",
};
