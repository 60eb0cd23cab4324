//! Many targets at a time, through one link.

use std::{cell::RefCell, collections::HashMap, ops::ControlFlow, slice, time::Duration};

use tcpexposure_core::{
    experiment::{Suite, modern::Modern},
    time::Instant,
};
use tcpexposure_link::{Error, Frame, Link, Outcome, Refusal, drive};

use super::{
    Tally, Task, Test,
    account::{Account, Aim},
    many::{Many, Note, Run},
    resolve::{Found, Resolver},
    targets::Address,
};
use crate::{
    backend::Path,
    exit::Failure,
    fence::Fence,
    output::{Output, findings::Findings, verdicts::Report},
};

/// Runs of which many are under way at a time.
struct Fleet<'a, R: Run, A> {
    test: &'a Test,
    task: &'a Task,
    addresses: slice::Iter<'a, Address>,
    resolver: Resolver,
    engine: Many<R>,
    /// The runs that wait or are under way, by their number.
    entries: HashMap<u64, Entry<A>>,
    tickets: u64,
    tally: Tally,
}

/// A run that waits or is under way.
struct Entry<A> {
    address: Address,
    account: A,
    begin: Instant,
}

/// A link that collects what it could not send, so that it ends no other run.
struct Sorting<'a, 'b> {
    path: &'a mut Path<'b>,
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
            1 => self.fleets::<1>(addresses, task, output),
            2..4 => self.fleets::<2>(addresses, task, output),
            4..8 => self.fleets::<4>(addresses, task, output),
            8..16 => self.fleets::<8>(addresses, task, output),
            _ => self.fleets::<16>(addresses, task, output),
        }
    }

    /// Puts the suites that are wanted to all ports, one suite after the other.
    fn fleets<const PARALLEL: usize>(
        &self,
        addresses: &[Address],
        task: &Task,
        output: &mut Output,
    ) -> Result<Tally, Failure> {
        let mut tally = Tally::default();
        let mut path = self.backend.open_any(&ports(addresses), &self.way(), &task.guards)?;
        output.detail(&path.description);
        Fence::default().names().close(output)?;
        if self.asks_of_2011() {
            let fleet = Fleet::<Suite<PARALLEL>, Report>::new(self, addresses, task);
            tally.join(fleet.run(path.lend(None)?, output)?);
        }
        if self.asks_today() && !tally.interrupted {
            let fleet = Fleet::<Modern<PARALLEL>, Findings>::new(self, addresses, task);
            tally.join(fleet.run(path.lend(None)?, output)?);
        }
        Ok(tally)
    }
}

impl<'a, R: Run, A: Account<R>> Fleet<'a, R, A> {
    fn new(test: &'a Test, addresses: &'a [Address], task: &'a Task) -> Self {
        Self {
            test,
            task,
            addresses: addresses.iter(),
            resolver: Resolver::new(Address::resolve),
            engine: Many::new(test.at_a_time.into()),
            entries: HashMap::new(),
            tickets: 0,
            tally: Tally::default(),
        }
    }

    fn run(mut self, mut path: Path<'_>, output: &mut Output) -> Result<Tally, Failure> {
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
            output.progress(self.tally.runs, count, "ports");
        }
        output.settle();
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
            // Each target gets numbers of its own.
            let salt = now.as_nanos() ^ self.tickets;
            let aim = Aim { address: &address, target, source, salt };
            A::config(self.test, &aim, self.task)
        });
        let config = match made {
            Ok(config) => config,
            Err(failure) => return self.tally.fail(&address, failure),
        };
        let account = A::open(&address.host, &config, self.task.format);
        self.entries.insert(self.tickets, Entry { address, account, begin: now });
        self.engine.queue(self.tickets, config);
        Ok(())
    }

    /// Drives all that is under way until somebody asks to stop, or more is to be queued.
    fn turn(&mut self, link: &mut Sorting<'_, '_>, output: &mut Output) -> Result<(), Failure> {
        let more = self.addresses.len() > 0 || self.resolver.pending() > 0;
        let (mut waiting, refusals) = (self.engine.waiting(), link.refusals);
        let (entries, tally, task) = (&mut self.entries, &mut self.tally, self.task);
        let mut failure = None;
        let outcome = drive(&mut self.engine, link, |note| {
            let result = match note {
                Some(note) => {
                    waiting -= usize::from(note.event.is_none());
                    take::<R, A>(note, entries, tally, output)
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
        match self.entries.remove(&ticket) {
            Some(entry) => self.tally.fail(&entry.address, failure.clone()),
            None => Ok(()),
        }
    }

    /// Ends all runs: what is known of them is printed.
    fn interrupt(&mut self) {
        self.tally.interrupted = true;
        self.engine.interrupt();
        self.entries.values_mut().for_each(|entry| entry.account.interrupt());
    }
}

/// Gives the ports of addresses, each of them once.
fn ports(addresses: &[Address]) -> Vec<u16> {
    let mut ports: Vec<u16> = addresses.iter().map(Address::port).collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

/// Takes in what a run reports, and prints what is to be printed.
fn take<R: Run, A: Account<R>>(
    note: Note<R::Event>,
    entries: &mut HashMap<u64, Entry<A>>,
    tally: &mut Tally,
    output: &mut Output,
) -> Result<(), Failure> {
    let Some(entry) = entries.get_mut(&note.ticket) else {
        return Ok(());
    };
    let Some(event) = note.event else {
        entry.begin = note.time;
        return Ok(());
    };
    if !entry.account.take(event, output)? {
        return Ok(());
    }
    match entries.remove(&note.ticket) {
        Some(entry) => entry.account.close(note.time.since(entry.begin), tally, output),
        None => Ok(()),
    }
}

impl Link for Sorting<'_, '_> {
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
