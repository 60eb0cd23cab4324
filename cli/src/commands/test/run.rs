//! One run of the suite against one port.

use std::{ops::ControlFlow, path::Path};

use tcpexposure_core::experiment::{Config, Event, Suite};
use tcpexposure_link::{Link as _, Outcome, drive};

use crate::{
    backend,
    evidence::{Keeping, Recorder, account},
    exit::Failure,
    output::{
        Output,
        verdicts::{Format, Report},
    },
    stop::Stop,
};

/// What is to be run.
pub(super) struct Plan<'a> {
    pub(super) config: Config,
    /// The target, as it was named.
    pub(super) name: &'a str,
    /// Where the packets are kept.
    pub(super) write: Option<&'a Path>,
    pub(super) format: Format,
}

impl Plan<'_> {
    /// Runs the suite and prints what comes of it.
    pub(super) fn run(
        self,
        parallel: u8,
        path: backend::Path,
        stop: &Stop,
        output: &mut Output,
    ) -> Result<Report, Failure> {
        match parallel {
            1 => self.suite::<1>(path, stop, output),
            2..4 => self.suite::<2>(path, stop, output),
            4..8 => self.suite::<4>(path, stop, output),
            8..16 => self.suite::<8>(path, stop, output),
            _ => self.suite::<16>(path, stop, output),
        }
    }

    fn suite<const PARALLEL: usize>(
        self,
        mut path: backend::Path,
        stop: &Stop,
        output: &mut Output,
    ) -> Result<Report, Failure> {
        let suite = Box::new(Suite::<PARALLEL>::new(self.config.clone()));
        let mut keeping = Keeping::begin(self.write)?;
        let mut suite = Recorder::new(suite, keeping.as_mut());
        let begin = path.now();
        let mut report = Report::new(self.name, &self.config, self.format);
        let outcome = watch(&mut suite, &mut path, output, &mut report, &mut || stop.asked())?;
        if outcome == Outcome::Stopped {
            report.interrupted = true;
            suite.interrupt();
            watch(&mut suite, &mut path, output, &mut report, &mut || false)?;
        }
        output.settle();
        report.duration = path.now().since(begin);
        report.print(output)?;
        if let Some(keeping) = keeping {
            let run = account::Run::Suite(Box::new(self.config));
            let account =
                account::begin(&run, self.name, PARALLEL, &path.description, report.duration);
            keeping.finish(&report.proofs(), account, &path.statistics()?)?;
        }
        Ok(report)
    }
}

/// Drives a suite until it ends or somebody asks to stop.
fn watch<const PARALLEL: usize>(
    suite: &mut Recorder<'_, Suite<PARALLEL>>,
    path: &mut backend::Path,
    output: &mut Output,
    report: &mut Report,
    stop: &mut dyn FnMut() -> bool,
) -> Result<Outcome, Failure> {
    let mut failure = None;
    let outcome = drive(suite, path, |event| {
        let result = match event {
            Some(Event::Verdict(verdict)) => report.verdict(verdict, output),
            Some(Event::Progress { procedure, done, of }) => {
                output.detail(&format!("{done} of {of} procedures: {procedure}"));
                output.progress(done, of, procedure);
                Ok(())
            }
            Some(Event::Summary(summary)) => {
                report.summary = Some(summary);
                Ok(())
            }
            None if stop() => return ControlFlow::Break(()),
            None => Ok(()),
        };
        result.map_or_else(
            |error| {
                failure = Some(error);
                ControlFlow::Break(())
            },
            ControlFlow::Continue,
        )
    })?;
    failure.map_or(Ok(outcome), Err)
}
