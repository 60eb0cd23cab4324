//! When a procedure is run again, and which of its results stands.

use super::{
    catalogue::Entry,
    judge::Findings,
    procedure::{Procedure, Repetition},
    verdict::UNDETERMINED,
};

/// The runs of one procedure.
#[derive(Debug)]
pub(crate) struct Runs {
    procedure: &'static Procedure,
    /// The first of the two runs that must agree, or the best of those that repeat inside.
    first: Option<Findings>,
    /// Whether this run takes the place of one that gave nothing.
    spare: bool,
    /// How many runs there were, or pairs of runs.
    rounds: u8,
}

impl Runs {
    pub(crate) const fn new(procedure: &'static Procedure) -> Self {
        Self { procedure, first: None, spare: false, rounds: 0 }
    }

    pub(crate) const fn procedure(&self) -> &'static Procedure {
        self.procedure
    }

    /// Takes the result of a run. Gives back the result that stands, or nothing if another run is
    /// needed.
    pub(crate) fn conclude(&mut self, findings: Findings) -> Option<Findings> {
        if let Repetition::Inside(most) = self.procedure.repetition {
            return self.inside(findings, most);
        }
        if code(&findings, self.procedure.key()) == UNDETERMINED && !self.spare {
            self.spare = true;
            return None;
        }
        self.spare = false;
        if self.stands(&findings) {
            return Some(findings);
        }
        let Some(first) = self.first.take() else {
            self.first = Some(findings);
            return None;
        };
        self.rounds = self.rounds.saturating_add(1);
        if agree(&first, &findings) || self.rounds >= ROUNDS {
            return Some(first);
        }
        None
    }

    /// Gives back the first positive result, or the best after so many connections.
    fn inside(&mut self, findings: Findings, most: u8) -> Option<Findings> {
        self.rounds = self.rounds.saturating_add(1);
        let own = code(&findings, self.procedure.own());
        let known = |best: &Findings| code(best, self.procedure.own()) != UNDETERMINED;
        if own > 0 {
            return Some(findings);
        }
        if own != UNDETERMINED || !self.first.as_ref().is_some_and(known) {
            self.first = Some(findings);
        }
        if self.rounds < most {
            return None;
        }
        self.first.take()
    }

    /// Tells whether a result stands without another run.
    fn stands(&self, findings: &Findings) -> bool {
        let own = code(findings, self.procedure.own());
        let known = |entries: &[Entry]| {
            let mut entries = entries.iter();
            entries.all(|entry| code(findings, *entry) != UNDETERMINED)
        };
        match self.procedure.repetition {
            Repetition::Unless(codes, entries) => !codes.contains(&own) && known(entries),
            Repetition::Zero(entries) => own == 0 && known(entries),
            Repetition::Inside(_) | Repetition::Never => false,
        }
    }
}

/// Tells the code for an entry.
pub(crate) fn code(findings: &Findings, entry: Entry) -> i8 {
    let found = findings.iter().find(|finding| finding.entry == entry);
    found.map_or(UNDETERMINED, |finding| finding.code)
}

fn agree(a: &Findings, b: &Findings) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a.entry, a.code) == (b.entry, b.code))
}

/// The most pairs of runs.
const ROUNDS: u8 = 2;
