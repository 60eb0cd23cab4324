//! Judges: pure functions from a connection's log to codes and evidence.
//!
//! Each gives the original's numbers. Where the original had a fault that gave a wrong number, the
//! judge asks the voice whether it is to be faithful, and gives the right one if not; the row of
//! the catalogue says so.

use super::{
    catalogue::Entry,
    log::Stage,
    trial::Trial,
    verdict::{Evidence, OTHER_PORT, Outcome, UNDETERMINED, Verdict},
};

pub(crate) mod data;
pub(crate) mod hole;
pub(crate) mod merge;
pub(crate) mod rewrite;
pub(crate) mod syn;

/// A judge.
pub(crate) type Judge = fn(&Trial, &mut Findings);

/// What a judge found.
pub(crate) type Findings = heapless::Vec<Finding, 6>;

/// A number for an entry, and the packets that prove it.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) entry: Entry,
    pub(crate) code: i8,
    pub(crate) evidence: Evidence,
}

impl Finding {
    /// Corrects what was taken for silence: this packet answered, but from another port.
    pub(crate) fn answered_elsewhere(&mut self, number: u64) {
        let verdict = Verdict::new(self.entry, self.code, Evidence::new());
        if verdict.code.outcome == Outcome::Dropped {
            self.code = OTHER_PORT;
            let _ = self.evidence.push(number);
            self.evidence.sort_unstable();
        }
    }
}

/// Adds a finding for the entry with this index in the procedure's list, if there is one.
fn note(trial: &Trial, index: usize, code: i8, evidence: Evidence, findings: &mut Findings) {
    if let Some(entry) = trial.procedure.entries.get(index) {
        let _ = findings.push(Finding { entry: *entry, code, evidence });
    }
}

/// Tells whether sequence numbers are rewritten on the way out.
fn sequence(trial: &Trial, stage: Stage) -> (i8, Evidence) {
    let Some((answer, echo)) = trial.log.echo(stage) else {
        return (UNDETERMINED, Evidence::new());
    };
    let arrived = echo.received.seq;
    let mut sent = trial.log.sent(stage);
    // A later part of a segment that was cut up begins inside it.
    let same =
        sent.any(|sent| sent.seq == arrived || !trial.voice.faithful() && sent.covers(arrived));
    (i8::from(!same), trial.log.evidence(stage, [answer]))
}

/// Tells whether sequence numbers are rewritten on the way back.
fn incoming_sequence(trial: &Trial, stage: Stage) -> (i8, Evidence) {
    let Some((answer, echo)) = trial.log.echo(stage) else {
        return (UNDETERMINED, Evidence::new());
    };
    let same = answer.head.seq == echo.sent.seq;
    (i8::from(!same), trial.log.evidence(stage, [answer]))
}

/// Tells the most bytes of options and payload that arrived in one segment of a burst.
fn largest(trial: &Trial, stage: Stage) -> Option<u16> {
    let answers = trial.log.answers(stage);
    let echoes = answers.filter_map(|answer| answer.echo.as_ref());
    echoes.map(|echo| echo.received.length.saturating_add(u16::from(echo.received.options))).max()
}
