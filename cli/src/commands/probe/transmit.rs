//! The thread that sends.

use std::time::Duration;

use tcpexposure_core::{
    engine::{Engine as _, Step},
    scan::prober::Prober,
    time::Instant,
};
use tcpexposure_link::{Error, Link, Statistics};

use super::{plan::Plan, shared::Shared};

/// A sender.
pub(super) struct Sender<'a> {
    /// Sends.
    pub(super) link: &'a mut (dyn Link + Send),
    /// Tells what to send, and when.
    pub(super) prober: Prober<'a>,
    pub(super) plan: &'a Plan,
    pub(super) shared: &'a Shared,
}

/// How a thread has ended.
pub(super) struct Ended {
    /// What its link has counted.
    pub(super) statistics: Statistics,
    /// Whether it came to its end.
    pub(super) result: Result<(), Error>,
}

impl Ended {
    /// Takes what was counted even if something has failed.
    pub(super) fn new(result: Result<(), Error>, statistics: Result<Statistics, Error>) -> Self {
        match statistics {
            Ok(statistics) => Self { statistics, result },
            Err(error) => {
                Self { statistics: Statistics::default(), result: result.and(Err(error)) }
            }
        }
    }
}

impl Sender<'_> {
    /// Sends until all is sent or it is told not to, and tells what became of it.
    pub(super) fn run(mut self) -> Ended {
        let result = self.send();
        self.tell();
        self.shared.end(self.link.now());
        Ended::new(result, self.link.statistics())
    }

    fn send(&mut self) -> Result<(), Error> {
        let mut since = 0_u32;
        // What was polled is sent: its place is behind us.
        while !self.shared.halted() {
            let now = self.link.now();
            match self.prober.poll(now, self.link.slot()?) {
                Step::Send(length) => self.link.commit(length)?,
                Step::Wait(_) if self.prober.is_cooling() => break,
                Step::Wait(due) => {
                    self.link.flush()?;
                    self.tell();
                    // Nothing comes here: this is to sleep.
                    self.link.recv(due.min(now.after(GLANCE)))?;
                    since = LOOK;
                }
                Step::Done => break,
                Step::Emit(never) => match never {},
            }
            since += 1;
            if since >= LOOK {
                since = 0;
                self.look(now)?;
            }
        }
        self.link.flush()
    }

    /// Sees what others want, and tells them how far this is.
    fn look(&mut self, now: Instant) -> Result<(), Error> {
        self.link.flush()?;
        self.tell();
        let rate = self.plan.pace(self.shared.rate());
        if rate != self.prober.rate() {
            self.prober.set_rate(now, rate);
        }
        Ok(())
    }

    /// Tells how far this is, when all that was written has left us.
    fn tell(&self) {
        let position = self.plan.behind(self.prober.position());
        self.shared.advance(self.link.now(), self.prober.sent(), position);
    }
}

/// How long to sleep at most before looking up.
const GLANCE: Duration = Duration::from_millis(20);
/// How many packets to send before looking up.
const LOOK: u32 = 1024;
