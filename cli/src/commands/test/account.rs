//! The accounts of runs of which many are under way, of either suite.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tcpexposure_core::{
    engine::Engine,
    experiment::{
        Config, Event, Suite,
        modern::{Modern, ModernConfig, ModernEvent},
    },
};

use super::{Tally, Task, Test, many::Run, targets::Address};
use crate::{
    exit::Failure,
    output::{
        Output,
        findings::Findings,
        verdicts::{Format, Report},
    },
};

/// What a run is told, and the account of what comes of it.
pub(super) trait Account<R: Run>: Sized {
    fn config(test: &Test, aim: &Aim<'_>, task: &Task) -> Result<R::Config, Failure>;
    fn open(host: &str, config: &R::Config, format: Format) -> Self;
    /// Takes in what a run reports, and prints what is to be printed; tells whether it was the end.
    fn take(&mut self, event: <R as Engine>::Event, output: &mut Output) -> Result<bool, Failure>;
    /// Notes that somebody asked to stop.
    fn interrupt(&mut self);
    /// Prints what remains.
    fn close(self, took: Duration, tally: &mut Tally, output: &mut Output) -> Result<(), Failure>;
}

/// Whom a run is about.
pub(super) struct Aim<'a> {
    pub(super) address: &'a Address,
    pub(super) target: SocketAddr,
    pub(super) source: IpAddr,
    /// What makes its random numbers its own.
    pub(super) salt: u64,
}

impl<const PARALLEL: usize> Account<Suite<PARALLEL>> for Report {
    fn config(test: &Test, aim: &Aim<'_>, task: &Task) -> Result<Config, Failure> {
        let config = test.config(aim.address, aim.target, aim.source, task)?;
        Ok(Config { seed: config.seed.rotate_left(1) ^ aim.salt, ..config })
    }

    fn open(host: &str, config: &Config, format: Format) -> Self {
        Self::new(host, config, format)
    }

    fn take(&mut self, event: Event, output: &mut Output) -> Result<bool, Failure> {
        match event {
            Event::Verdict(verdict) => self.verdict(verdict, output).map(|()| false),
            Event::Progress { .. } => Ok(false),
            Event::Summary(summary) => {
                self.summary = Some(summary);
                Ok(true)
            }
        }
    }

    fn interrupt(&mut self) {
        self.interrupted = true;
    }

    fn close(
        mut self,
        took: Duration,
        tally: &mut Tally,
        output: &mut Output,
    ) -> Result<(), Failure> {
        self.duration = took;
        self.print(output)?;
        tally.add(self.interfered(), self.interrupted, self.silence());
        Ok(())
    }
}

impl<const PARALLEL: usize> Account<Modern<PARALLEL>> for Findings {
    fn config(test: &Test, aim: &Aim<'_>, task: &Task) -> Result<ModernConfig, Failure> {
        let config = test.modern_config(aim.target, aim.source, task);
        Ok(ModernConfig { seed: config.seed.rotate_left(1) ^ aim.salt, ..config })
    }

    fn open(host: &str, config: &ModernConfig, format: Format) -> Self {
        Self::new(host, config, format == Format::Json)
    }

    fn take(&mut self, event: ModernEvent, output: &mut Output) -> Result<bool, Failure> {
        match event {
            ModernEvent::Finding(finding) => self.finding(finding, output).map(|()| false),
            ModernEvent::Summary(summary) => {
                self.summary = Some(summary);
                Ok(true)
            }
        }
    }

    fn interrupt(&mut self) {
        self.interrupted = true;
    }

    fn close(
        mut self,
        took: Duration,
        tally: &mut Tally,
        output: &mut Output,
    ) -> Result<(), Failure> {
        self.duration = took;
        self.print(output)?;
        tally.add(self.interfered(), self.interrupted, self.silence());
        Ok(())
    }
}
