//! Many targets at a time, through one link.

use std::{collections::HashMap, ops::ControlFlow, slice};

use tcpexposure_core::{
    experiment::{Config, Event},
    time::Instant,
};
use tcpexposure_link::{Link as _, Outcome, drive};

use super::{Tally, Task, Test, many::Many, targets::Address};
use crate::{
    backend::Path,
    exit::Failure,
    output::{Output, verdicts::Report},
};

/// Runs that are under way, by their place.
type Reports = HashMap<usize, (Report, Instant)>;

impl Test {
    /// Tests many ports at a time. Results are printed as they come.
    pub(super) fn many(
        &self,
        addresses: &[Address],
        task: &Task,
        output: &mut Output,
    ) -> Result<Tally, Failure> {
        let mut ports: Vec<u16> = addresses.iter().map(Address::port).collect();
        ports.sort_unstable();
        ports.dedup();
        let mut path = self.backend.open_any(&ports, &self.way(), &task.guards)?;
        output.detail(&path.description);
        output.remark(&format!("testing {} ports, {AT_A_TIME} at a time", addresses.len()));
        let (mut engine, mut reports) = (Many::new(AT_A_TIME), Reports::new());
        let mut tally = Tally::default();
        let mut waiting = addresses.iter();
        loop {
            while !tally.interrupted && engine.has_room() {
                let now = path.now();
                match self.start(&mut waiting, &mut engine, now, task) {
                    Ok(Some((place, report))) => drop(reports.insert(place, (report, now))),
                    Ok(None) => break,
                    Err((address, failure)) => tally.fail(address, failure)?,
                }
            }
            let outcome = turn(&mut engine, &mut path, &mut reports, &mut tally, task, output)?;
            if outcome == Outcome::Done && (tally.interrupted || waiting.len() == 0) {
                return Ok(tally);
            }
            if task.stop.asked() && !tally.interrupted {
                tally.interrupted = true;
                reports.values_mut().for_each(|(report, _)| report.interrupted = true);
                engine.interrupt();
            }
        }
    }

    /// Starts the next test; `None` when there is none.
    fn start<'a>(
        &self,
        waiting: &mut slice::Iter<'a, Address>,
        engine: &mut Many,
        now: Instant,
        task: &Task,
    ) -> Result<Option<(usize, Report)>, (&'a Address, Failure)> {
        for address in waiting {
            let make = || {
                let target = address.resolve()?;
                let source = self.backend.source(target.ip(), &self.way())?;
                let config = self.config(address, target, source, task)?;
                // Each target gets numbers of its own.
                let seed = config.seed.rotate_left(1) ^ now.as_nanos() ^ engine.started();
                Ok(Config { seed, ..config })
            };
            let config = make().map_err(|failure| (address, failure))?;
            let report = Report::new(&address.host, &config, task.format);
            // A target that has several names is passed over while it is tested under another.
            if let Some(place) = engine.start(config) {
                return Ok(Some((place, report)));
            }
        }
        Ok(None)
    }
}

/// Drives all that is under way until one of them ends, or somebody asks to stop.
fn turn(
    engine: &mut Many,
    path: &mut Path,
    reports: &mut Reports,
    tally: &mut Tally,
    task: &Task,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let mut failure = None;
    let mut ended = None;
    let outcome = drive(engine, path, |event| {
        let Some((place, event)) = event else {
            let stop = task.stop.asked() && !tally.interrupted;
            return if stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        };
        let Some((report, _)) = reports.get_mut(&place) else {
            return ControlFlow::Continue(());
        };
        match event {
            Event::Verdict(verdict) => match report.verdict(verdict, output) {
                Ok(()) => return ControlFlow::Continue(()),
                Err(error) => failure = Some(error),
            },
            Event::Progress { .. } => return ControlFlow::Continue(()),
            Event::Summary(summary) => {
                report.summary = Some(summary);
                ended = Some(place);
            }
        }
        ControlFlow::Break(())
    })?;
    if let Some((mut report, begin)) = ended.and_then(|place| reports.remove(&place)) {
        report.duration = path.now().since(begin);
        report.print(output)?;
        tally.add(report.interfered(), report.interrupted, report.silence());
    }
    failure.map_or(Ok(outcome), Err)
}

/// How many targets are tested at a time.
const AT_A_TIME: usize = 256;
