//! Many targets at a time, through one link.

use std::{cell::RefCell, collections::HashMap, ops::ControlFlow, slice, time::Duration};

use tcpexposure_core::{
    experiment::{Config, Event},
    time::Instant,
};
use tcpexposure_link::{Error, Frame, Link, Outcome, Refusal, drive};

use super::{
    Tally, Task, Test,
    many::{Many, Note},
    resolve::{Found, Resolver},
    targets::Address,
};
use crate::{
    backend::Path,
    exit::Failure,
    output::{Output, verdicts::Report},
};

/// Runs of which many are under way at a time.
struct Fleet<'a, const PARALLEL: usize> {
    test: &'a Test,
    task: &'a Task,
    addresses: slice::Iter<'a, Address>,
    resolver: Resolver,
    engine: Many<PARALLEL>,
    /// The runs that wait or are under way, by their number.
    runs: HashMap<u64, Run>,
    tickets: u64,
    tally: Tally,
}

/// A run that waits or is under way.
struct Run {
    address: Address,
    report: Report,
    begin: Instant,
}

/// A link that collects what it could not send, so that it ends no other run.
struct Sorting<'a> {
    path: &'a mut Path,
    refusals: &'a RefCell<Vec<Refusal>>,
}

impl Test {
    /// Tests many ports at a time. Results are printed as they come.
    pub(super) fn many(
        &self,
        addresses: &[Address],
        task: &Task,
        output: &mut Output,
    ) -> Result<Tally, Failure> {
        match self.parallel {
            1 => Fleet::<1>::new(self, addresses, task).run(output),
            2..4 => Fleet::<2>::new(self, addresses, task).run(output),
            4..8 => Fleet::<4>::new(self, addresses, task).run(output),
            8..16 => Fleet::<8>::new(self, addresses, task).run(output),
            _ => Fleet::<16>::new(self, addresses, task).run(output),
        }
    }
}

impl<'a, const PARALLEL: usize> Fleet<'a, PARALLEL> {
    fn new(test: &'a Test, addresses: &'a [Address], task: &'a Task) -> Self {
        Self {
            test,
            task,
            addresses: addresses.iter(),
            resolver: Resolver::new(Address::resolve),
            engine: Many::new(test.at_a_time.into()),
            runs: HashMap::new(),
            tickets: 0,
            tally: Tally::default(),
        }
    }

    fn run(mut self, output: &mut Output) -> Result<Tally, Failure> {
        let mut ports: Vec<u16> = self.addresses.as_slice().iter().map(Address::port).collect();
        ports.sort_unstable();
        ports.dedup();
        let mut path = self.test.backend.open_any(&ports, &self.test.way(), &self.task.guards)?;
        output.detail(&path.description);
        let (count, most) = (self.addresses.len(), self.test.at_a_time);
        output.remark(&format!("testing {count} ports, at most {most} at a time"));
        let refusals = RefCell::new(Vec::new());
        let mut link = Sorting { path: &mut path, refusals: &refusals };
        while self.supply(link.now())? {
            self.turn(&mut link, output)?;
            for Refusal { to, error } in refusals.take() {
                let failure = Failure::from(error);
                for ticket in self.engine.forget(to) {
                    self.fail(ticket, &failure)?;
                }
            }
            if self.task.stop.asked() && !self.tally.interrupted {
                self.interrupt();
            }
        }
        Ok(self.tally)
    }

    /// Sees to it that there are runs to start; tells whether there is anything left to do.
    fn supply(&mut self, now: Instant) -> Result<bool, Failure> {
        if self.tally.interrupted {
            return Ok(!self.engine.is_empty());
        }
        let open = self.engine.waiting() + self.resolver.pending();
        for address in self.addresses.by_ref().take(AHEAD.saturating_sub(open)) {
            self.resolver.ask(address.clone());
        }
        while self.resolver.pending() > 0 {
            // Where nothing is under way there is nothing else to wait for.
            let patience = if self.engine.is_empty() { GLANCE } else { Duration::ZERO };
            match self.resolver.next(patience) {
                Some(found) => self.queue(found, now)?,
                None if self.engine.is_empty() && !self.task.stop.asked() => {}
                None => break,
            }
        }
        Ok(!self.engine.is_empty() || self.resolver.pending() > 0)
    }

    /// Queues the run for an address that was looked up.
    fn queue(&mut self, (address, found): Found, now: Instant) -> Result<(), Failure> {
        self.tickets += 1;
        let made = found.and_then(|target| {
            let source = self.test.backend.source(target.ip(), &self.test.way())?;
            let config = self.test.config(&address, target, source, self.task)?;
            // Each target gets numbers of its own.
            let seed = config.seed.rotate_left(1) ^ now.as_nanos() ^ self.tickets;
            Ok(Config { seed, ..config })
        });
        let config = match made {
            Ok(config) => config,
            Err(failure) => return self.tally.fail(&address, failure),
        };
        let report = Report::new(&address.host, &config, self.task.format);
        self.runs.insert(self.tickets, Run { address, report, begin: now });
        self.engine.queue(self.tickets, config);
        Ok(())
    }

    /// Drives all that is under way until somebody asks to stop, or more is to be queued.
    fn turn(&mut self, link: &mut Sorting<'_>, output: &mut Output) -> Result<(), Failure> {
        let more = self.addresses.len() > 0 || self.resolver.pending() > 0;
        let (mut waiting, refusals) = (self.engine.waiting(), link.refusals);
        let (runs, tally, task) = (&mut self.runs, &mut self.tally, self.task);
        let mut failure = None;
        let outcome = drive(&mut self.engine, link, |note| {
            let result = match note {
                Some(note) => {
                    waiting -= usize::from(note.event.is_none());
                    take(note, runs, tally, output)
                }
                None => Ok(()),
            };
            let stop = task.stop.asked() && !tally.interrupted || !refusals.borrow().is_empty();
            let supply = more && !tally.interrupted && waiting < AHEAD / 2;
            match result {
                Err(error) => failure = Some(error),
                Ok(()) if stop || supply => {}
                Ok(()) => return ControlFlow::Continue(()),
            }
            ControlFlow::Break(())
        })?;
        debug_assert!(outcome == Outcome::Stopped || self.engine.is_empty());
        failure.map_or(Ok(()), Err)
    }

    /// Ends a run to which nothing can be sent.
    fn fail(&mut self, ticket: u64, failure: &Failure) -> Result<(), Failure> {
        match self.runs.remove(&ticket) {
            Some(run) => self.tally.fail(&run.address, failure.clone()),
            None => Ok(()),
        }
    }

    /// Ends all runs: what is known of them is printed.
    fn interrupt(&mut self) {
        self.tally.interrupted = true;
        self.engine.interrupt();
        self.runs.values_mut().for_each(|run| run.report.interrupted = true);
    }
}

/// Takes in what a run reports, and prints what is to be printed.
fn take(
    note: Note,
    runs: &mut HashMap<u64, Run>,
    tally: &mut Tally,
    output: &mut Output,
) -> Result<(), Failure> {
    let Some(run) = runs.get_mut(&note.ticket) else {
        return Ok(());
    };
    let summary = match note.event {
        None => {
            run.begin = note.time;
            return Ok(());
        }
        Some(Event::Verdict(verdict)) => return run.report.verdict(verdict, output),
        Some(Event::Progress { .. }) => return Ok(()),
        Some(Event::Summary(summary)) => summary,
    };
    if let Some(Run { mut report, begin, .. }) = runs.remove(&note.ticket) {
        report.summary = Some(summary);
        report.duration = note.time.since(begin);
        report.print(output)?;
        tally.add(report.interfered(), report.interrupted, report.silence());
    }
    Ok(())
}

impl Link for Sorting<'_> {
    fn now(&self) -> Instant {
        self.path.now()
    }

    fn slot(&mut self) -> Result<&mut [u8], Error> {
        self.path.slot()
    }

    fn commit(&mut self, length: usize) -> Result<(), Error> {
        self.path.commit(length)
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.path.flush()?;
        self.refusals.borrow_mut().extend(std::iter::from_fn(|| self.path.refusal()));
        Ok(())
    }

    fn recv(&mut self, deadline: Instant) -> Result<Option<Frame<'_>>, Error> {
        self.path.recv(deadline)
    }
}

/// How many targets are looked up before their turn comes.
const AHEAD: usize = 256;
/// How long to wait for a name before looking whether somebody asks to stop.
const GLANCE: Duration = Duration::from_millis(100);
