//! What was found for a row.

use core::fmt::{self, Write};

use super::{catalogue::Row, trial::Trial};
use crate::experiment::verdict::{Direction, Evidence, Outcome};

/// What was found for one row.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The row.
    pub row: &'static Row,
    /// The word.
    pub outcome: Outcome,
    /// The direction.
    pub direction: Direction,
    /// Why it is undetermined, if it is.
    pub why: Option<Why>,
    /// What was sent and what arrived, where both are numbers.
    pub values: Option<(u32, u32)>,
    /// What came instead of the answer that was waited for.
    pub instead: Option<Instead>,
    /// The numbers of the packets that prove it.
    pub evidence: Evidence,
    /// The source port of the connection that showed it; paths are chosen by it.
    pub port: Option<u16>,
}

/// What came instead of an answer that tells of the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Instead {
    /// An acknowledgement and no report: from a box, or from a host that does not know the connection.
    Acknowledgement,
    /// An answer from another port of the target: a NAT did not take the question, or the answer, for
    /// the connection's.
    OtherPort,
}

/// Why a row is undetermined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// What came back does not decide the question.
    Undecided,
    /// What the question builds on did not arrive.
    Dependency,
    /// The target is no responder of ours, which the question needs.
    NoResponder,
    /// The control was not answered either.
    NoControl,
    /// The question cannot be put in this IP version.
    OtherFamily,
    /// The run was ended before.
    Interrupted,
}

impl Finding {
    /// Makes a finding without evidence.
    #[must_use]
    pub fn new(row: &'static Row, outcome: Outcome, direction: Direction) -> Self {
        let evidence = Evidence::new();
        let (why, values, instead, port) = (None, None, None, None);
        Self { row, outcome, direction, why, values, instead, evidence, port }
    }

    /// Makes the finding of a connection, which proves it.
    pub(super) fn of(trial: &Trial, outcome: Outcome, direction: Direction) -> Self {
        let (evidence, port) = (trial.log.evidence(), Some(trial.line.source_port));
        Self { evidence, port, ..Self::new(trial.row, outcome, direction) }
    }

    /// Makes the finding of a row that could not be determined.
    #[must_use]
    pub fn undetermined(row: &'static Row, why: Why) -> Self {
        let finding = Self::new(row, Outcome::Undetermined, Direction::None);
        Self { why: Some(why), ..finding }
    }

    /// Writes the stable name of what was found, as in `tcp.opt.253.syn.outbound.removed`.
    ///
    /// # Errors
    /// When `out` refuses.
    pub fn write_id(&self, out: &mut impl Write) -> fmt::Result {
        out.write_str(self.row.id)?;
        if let Some(direction) = self.direction.word() {
            write!(out, ".{direction}")?;
        }
        write!(out, ".{}", self.outcome.word())
    }

    /// Writes what was found in one sentence.
    ///
    /// # Errors
    /// When `out` refuses.
    pub fn write_sentence(&self, out: &mut impl Write) -> fmt::Result {
        let noun = self.row.noun;
        if let Some(why) = self.why {
            return out.write_str(why.sentence());
        }
        if let (Outcome::Changed, Some((sent, arrived))) = (self.outcome, self.values) {
            return write!(out, "{noun}: changed{} from {sent} to {arrived}.", self.way());
        }
        if let Some(instead) = self.instead {
            return write!(out, "{noun}: {}.", instead.words());
        }
        let (before, after) = match self.outcome {
            Outcome::Passed => return write!(out, "{noun}: arrived as sent."),
            Outcome::Removed => ("removed", "."),
            Outcome::Changed => ("changed", "."),
            Outcome::Zeroed => ("cleared", "."),
            Outcome::Reflected => {
                ("came back as a copy", ", from something that does not understand it.")
            }
            Outcome::Dropped => ("lost", ", every time, while a plain segment was answered."),
            Outcome::Reset => ("answered by a reset", ", while a plain segment was not."),
            Outcome::AnsweredByBox => ("answered by a box", "."),
            Outcome::Split => ("arrived in more pieces", "."),
            Outcome::Merged => ("arrived in fewer pieces", "."),
            Outcome::Understood => ("understood by the server", "."),
            Outcome::Works => {
                ("does no harm", ": the server answers, but does not tell whether it arrived.")
            }
            Outcome::Broken => ("keeps the server from answering", ", which answers without."),
            Outcome::Offline => ("not answered", ", nor was a plain segment."),
            Outcome::Transient => ("answered", ", but a plain segment was not."),
            Outcome::Undetermined => ("not determined", "."),
        };
        write!(out, "{noun}: {before}{}{after}", self.way())
    }

    const fn way(&self) -> &'static str {
        match self.direction {
            Direction::Outbound => " on the way to the host",
            Direction::Inbound => " on the way back",
            Direction::Both => " on both ways",
            Direction::None => "",
        }
    }
}

impl Instead {
    const fn words(self) -> &'static str {
        match self {
            Self::Acknowledgement => {
                "acknowledged, but not reported, every time, while a plain segment was"
            }
            Self::OtherPort => {
                "answered from another port, every time: a NAT does not take it for the connection's"
            }
        }
    }
}

impl Why {
    /// Tells the reason in one sentence.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Undecided => "What came back does not decide the question.",
            Self::Dependency => "What the question builds on did not get through.",
            Self::NoResponder => {
                "The target runs no responder, and an ordinary server's answer does not decide the question."
            }
            Self::NoControl => "A plain segment beside it was not answered either.",
            Self::OtherFamily => "The question cannot be put in this version of IP.",
            Self::Interrupted => "The run ended before.",
        }
    }
}
