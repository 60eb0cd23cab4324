//! Today's questions to one port.

use std::{
    net::{IpAddr, SocketAddr},
    ops::ControlFlow,
};

use serde_json::Value;
use tcpexposure_core::experiment::{
    Ports,
    modern::{Choice, Family, Modern, ModernConfig, ModernEvent, by_name},
};
use tcpexposure_link::{Link as _, Outcome, Statistics, drive};

use super::{Task, Test, localise::OnPath, paths::Paths, targets::Address};
use crate::{
    backend::Path,
    evidence::{Keeping, Recorder, account},
    exit::{Exit, Failure},
    localise::localise,
    output::{Output, findings::Findings, verdicts::Format},
    stop::Stop,
};

impl Test {
    /// Puts today's questions to one port of one target, and prints what comes of it, and where on
    /// the path it is if that is asked.
    pub(super) fn modern(
        &self,
        address: &Address,
        task: &Task,
        paths: &mut Paths<'_>,
        output: &mut Output,
    ) -> Result<Findings, Failure> {
        let (mut findings, mut evidence) = self.ask(address, task, paths, output)?;
        let mut result = Ok(());
        if self.localise && !findings.interrupted {
            if let Some(evidence) = &mut evidence {
                evidence.account["localised"] = true.into();
            }
            let mut flows = OnPath { address, task, paths, evidence: evidence.as_mut() };
            result = localise(findings.all(), &mut flows, |row, place| {
                output.detail(&format!("{}: {place}", row.name));
            })
            .and_then(|places| findings.places(&places, output));
        }
        // Whatever came of it, what was kept is kept.
        evidence.map_or(Ok(()), |evidence| evidence.finish(&findings))?;
        result.map(|()| findings)
    }

    fn ask(
        &self,
        address: &Address,
        task: &Task,
        paths: &mut Paths<'_>,
        output: &mut Output,
    ) -> Result<(Findings, Option<Evidence>), Failure> {
        let (target, path) = paths.to(address)?;
        output.detail(&path.description);
        output.remark(&format!("testing {} port {}", target.ip(), target.port()));
        let config = self.modern_config(target, path.source.ip(), task);
        let findings = Findings::new(&address.host, &config, task.format == Format::Json);
        let keeping = Keeping::begin(self.write.as_deref())?;
        let run = Run { name: &address.host, config, findings, keeping };
        match self.parallel {
            1 => run.with::<1>(path, &task.stop, output),
            2..4 => run.with::<2>(path, &task.stop, output),
            4..8 => run.with::<4>(path, &task.stop, output),
            8..16 => run.with::<8>(path, &task.stop, output),
            _ => run.with::<16>(path, &task.stop, output),
        }
    }

    pub(super) fn modern_config(
        &self,
        target: SocketAddr,
        source: IpAddr,
        task: &Task,
    ) -> ModernConfig {
        ModernConfig {
            target: target.ip(),
            port: target.port(),
            source,
            ports: Ports { first: task.guards.first(), count: Ports::WANTED },
            rows: task.rows,
            peer: self.peer(),
            http: self.http.is_some(),
            idle: self.idle,
            seed: task.seed,
        }
    }
}

/// Gives the rows that are wanted: by name, or by family.
pub(super) fn choice(names: &[String]) -> Result<Choice, Failure> {
    if names.is_empty() {
        return Ok(Choice::ALL);
    }
    names.iter().try_fold(Choice::NONE, |choice, name| {
        let family =
            Family::ALL.into_iter().find(|family| family.word().eq_ignore_ascii_case(name));
        match (family, by_name(name)) {
            (Some(family), _) => Ok(choice.with_family(family)),
            (None, Some(row)) => Ok(choice.with(row)),
            (None, None) => Err(Failure::new(
                Exit::Usage,
                format!("no question and no family of questions is called {name:?}"),
            )
            .hint("`tcpexposure test --suite modern --list` lists them")),
        }
    })
}

/// What is kept of a run, to be completed.
pub(super) struct Evidence {
    keeping: Keeping,
    account: Value,
    statistics: Statistics,
}

impl Evidence {
    /// Gives where packets go that are followed.
    pub(super) const fn keeping(&mut self) -> &mut Keeping {
        &mut self.keeping
    }

    fn finish(self, findings: &Findings) -> Result<(), Failure> {
        self.keeping.finish(&findings.proofs(), self.account, &self.statistics)
    }
}

/// A run that is under way.
struct Run<'a> {
    /// The target, as it was named.
    name: &'a str,
    config: ModernConfig,
    findings: Findings,
    keeping: Option<Keeping>,
}

impl Run<'_> {
    fn with<const PARALLEL: usize>(
        mut self,
        mut path: Path,
        stop: &Stop,
        output: &mut Output,
    ) -> Result<(Findings, Option<Evidence>), Failure> {
        let suite = Box::new(Modern::<PARALLEL>::new(self.config));
        let mut keeping = self.keeping.take();
        let mut suite = Recorder::new(suite, keeping.as_mut());
        let begin = path.now();
        let stopped = &mut || stop.asked();
        if self.watch(&mut suite, &mut path, output, stopped)? == Outcome::Stopped {
            self.findings.interrupted = true;
            suite.interrupt();
            self.watch(&mut suite, &mut path, output, &mut || false)?;
        }
        output.settle();
        self.findings.duration = path.now().since(begin);
        self.findings.print(output)?;
        let Some(keeping) = keeping else { return Ok((self.findings, None)) };
        let (run, took) = (account::Run::Modern(self.config), self.findings.duration);
        let account = account::begin(&run, self.name, PARALLEL, &path.description, took);
        let evidence = Evidence { keeping, account, statistics: path.statistics()? };
        Ok((self.findings, Some(evidence)))
    }

    /// Drives a suite until it ends or somebody asks to stop.
    fn watch<const PARALLEL: usize>(
        &mut self,
        suite: &mut Recorder<'_, Modern<PARALLEL>>,
        path: &mut Path,
        output: &mut Output,
        stop: &mut dyn FnMut() -> bool,
    ) -> Result<Outcome, Failure> {
        let mut failure = None;
        let outcome = drive(suite, path, |event| {
            let result = match event {
                Some(ModernEvent::Finding(finding)) => {
                    let done = self.findings.all().len() + 1;
                    output.progress(done, self.config.rows.len() as usize, finding.row.name);
                    self.findings.finding(finding, output)
                }
                Some(ModernEvent::Summary(summary)) => {
                    self.findings.summary = Some(summary);
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
}
