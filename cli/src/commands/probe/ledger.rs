//! The book of a run: writes down what is found, counts it, keeps the place, and closes the account.

use std::{path::Path, time::Duration};

use serde_json::Value;
use tcpexposure_core::{scan::prober::Position, time::Instant};

use super::{
    Probe,
    account::Account,
    checkpoint::{Checkpoint, Trail},
    metadata,
    outputs::Sink,
    plan::Plan,
    receive::Batch,
    record::Record,
    status::{Seen, Status},
};
use crate::{
    exit::{Exit, Failure},
    output::Output,
};

/// The book.
pub(super) struct Ledger<'a> {
    probe: &'a Probe,
    plan: &'a Plan,
    sink: Sink,
    /// What is counted.
    pub(super) account: Account,
    /// The results among what was written.
    results: u64,
    status: Status,
    trail: Trail,
    /// The steps that need not be taken again.
    settled: u64,
    /// When the last checkpoint was written.
    kept: Option<Instant>,
    /// When the run began, and what time it is.
    span: Option<(Instant, Instant)>,
    /// Whether somebody asked to stop.
    pub(super) interrupted: bool,
}

/// How far a run is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    /// Up to when all that was heard is known.
    pub(super) now: Instant,
    /// When sending was where it is said to be, or a little later.
    pub(super) at: Instant,
    /// Packets that were sent.
    pub(super) sent: u64,
    /// Steps that are behind.
    pub(super) position: u64,
    /// Whether all is sent.
    pub(super) cooling: bool,
}

impl<'a> Ledger<'a> {
    /// Opens the book.
    pub(super) fn open(probe: &'a Probe, plan: &'a Plan, sink: Sink, output: &Output) -> Self {
        let start = plan.start();
        Self {
            probe,
            plan,
            sink,
            account: Account::default(),
            results: 0,
            status: Status::new(output.verbosity, plan.total()),
            trail: Trail::from(start),
            settled: start,
            kept: None,
            span: None,
            interrupted: false,
        }
    }

    /// Writes findings down, and tells whether there are enough of them.
    pub(super) fn take(&mut self, mut batch: Batch) -> Result<bool, Failure> {
        batch.sorts.iter().for_each(|sort| self.account.count(*sort));
        let enough = self.cut(&mut batch.records);
        self.sink.write(&batch.records)?;
        Ok(enough)
    }

    /// Drops what comes after the last result that is wanted, and tells whether that one is there.
    fn cut(&mut self, records: &mut Vec<Record>) -> bool {
        let most = self.plan.limits.results.unwrap_or(u64::MAX);
        if self.results >= most {
            records.clear();
            return true;
        }
        let last = records.iter().position(|record| {
            self.results += u64::from(record.finding().is_result());
            self.results >= most
        });
        records.truncate(last.map_or(usize::MAX, |last| last + 1));
        last.is_some()
    }

    /// Tells people how far the run is, and keeps the place now and then.
    pub(super) fn tick(&mut self, progress: Progress) -> Result<(), Failure> {
        let Progress { now, at, sent, position, cooling } = progress;
        self.span = Some((self.span.map_or(now, |(begun, _)| begun), now));
        let found = self.account.results();
        self.status.tell(Seen { now, sent, found, lost: self.account.traffic.unheard(), cooling });
        if self.kept.is_some_and(|kept| now.since(kept) < INTERVAL) {
            return Ok(());
        }
        self.kept = Some(now);
        self.settled = self.trail.note(at, position, now, self.patience());
        self.keep(self.settled, false)
    }

    /// Tells how many steps are behind a position.
    pub(super) fn behind(&self, position: Position) -> u64 {
        self.plan.behind(position)
    }

    /// Closes the book, whatever has happened, and tells how the process is to end.
    pub(super) fn close(
        mut self,
        position: u64,
        result: Result<(), Failure>,
        facts: &[(&str, Value)],
        output: &mut Output,
    ) -> Result<Exit, Failure> {
        self.status.end();
        self.account.written = self.sink.written;
        // What failed once fails again: its first failure counts.
        let finished = match &result {
            Ok(()) => self.sink.finish(),
            Err(_) => self.sink.finish().or(Ok(())),
        };
        let kept = match result {
            Ok(()) => self.keep(position, position >= self.whole()),
            Err(_) => Ok(()),
        };
        let tainted = self.account.traffic.is_tainted(self.probe.reporting.drop_threshold);
        let exit = if self.interrupted || tainted { Exit::Partial } else { Exit::Done };
        let described = self.describe(facts, tainted, &result, output);
        result.map_err(Failure::midway)?;
        finished.map_err(Failure::midway)?;
        kept?;
        described?;
        if tainted {
            let percent = self.probe.reporting.drop_threshold;
            output.warn(&format!("tainted: more than {percent} % of the packets were lost here"));
        }
        self.judge(exit)
    }

    /// Tells how the process is to end when nothing has failed.
    fn judge(&self, exit: Exit) -> Result<Exit, Failure> {
        let silent = self.account.results() == 0 && self.account.traffic.asked > 0;
        if exit != Exit::Done || !silent {
            return Ok(exit);
        }
        let what = if self.account.unproven() > 0 { "proven answer" } else { "answer" };
        let message = format!("no {what} to any of {} probes", self.account.traffic.asked);
        Err(Failure::new(Exit::NoAnswer, message)
            .hint("see with `tcpexposure doctor TARGET` how a target is reached"))
    }

    /// Writes the account to where it is wanted.
    fn describe(
        &self,
        facts: &[(&str, Value)],
        tainted: bool,
        result: &Result<(), Failure>,
        output: &mut Output,
    ) -> Result<(), Failure> {
        let mut all = metadata::of(self.probe, self.plan, self.span);
        all.extend(facts.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        all.insert("account".to_owned(), self.account.json());
        all.insert("tainted".to_owned(), tainted.into());
        all.insert("interrupted".to_owned(), self.interrupted.into());
        let failure = result.as_ref().err().map(|failure| failure.message().to_owned());
        all.insert("failure".to_owned(), failure.into());
        output.remark(&self.account.text());
        if let Some(path) = &self.probe.reporting.metadata_file {
            metadata::write(path, all)?;
        }
        Ok(())
    }

    /// Keeps the place, if it is to be kept: first what was found, then how far that goes.
    fn keep(&mut self, position: u64, done: bool) -> Result<(), Failure> {
        let Some(path) = &self.probe.reporting.resume else { return Ok(()) };
        self.sink.sync()?;
        let before = self.plan.start.map_or(0, |start| start.findings);
        self.checkpoint(before + self.sink.written, position, done).write(Path::new(path))
    }

    fn checkpoint(&self, findings: u64, position: u64, done: bool) -> Checkpoint {
        let Plan { configuration, seed, .. } = *self.plan;
        Checkpoint { configuration, seed, position, findings, done }
    }

    /// Tells how many steps there are in all rounds.
    fn whole(&self) -> u64 {
        self.plan.steps().saturating_mul(u64::from(self.plan.limits.retries) + 1)
    }

    /// Tells how long answers may take to count.
    fn patience(&self) -> Duration {
        self.plan.limits.cooldown.max(INTERVAL / 2)
    }
}

/// How often the place is kept.
const INTERVAL: Duration = Duration::from_millis(500);
