//! The thread that sends.

use std::time::Duration;

use tcpexposure_core::{
    engine::{Engine as _, Step},
    scan::{
        Position, Prober,
        pace::{Pace, Rate},
    },
    time::Instant,
};
use tcpexposure_link::{Error, Link, Statistics};

use super::{plan::Plan, shared::Shared, wire::Generate};

/// A sender.
pub(super) struct Sender<'a> {
    /// Sends.
    pub(super) link: &'a mut (dyn Link + Send),
    /// Tells what to send, and when.
    pub(super) prober: Prober<'a>,
    pub(super) plan: &'a Plan,
    pub(super) shared: &'a Shared,
}

/// A sender whose packets are made elsewhere.
pub(super) struct Conductor<'a> {
    /// Makes and sends them.
    pub(super) generator: Box<dyn Generate>,
    /// Tells the time.
    pub(super) clock: &'a mut (dyn Link + Send),
    pub(super) plan: &'a Plan,
    pub(super) shared: &'a Shared,
    /// The packet that is next.
    pub(super) position: Position,
    /// How many were made.
    pub(super) sent: u64,
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
        let (mut since, mut now) = (0_u32, Instant::ZERO);
        // What was polled is sent: its place is behind us.
        while !self.shared.halted() {
            if since.is_multiple_of(MOMENT) {
                now = self.link.now();
            }
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

impl Conductor<'_> {
    /// Sends until all is sent or it is told not to, and tells what became of it.
    pub(super) fn run(mut self) -> Ended {
        let result = self.rounds();
        self.tell();
        self.shared.end(self.clock.now());
        Ended::new(result, self.generator.statistics())
    }

    fn rounds(&mut self) -> Result<(), Error> {
        let limits = self.plan.limits;
        let over = limits.time.map_or(Instant::NEVER, |time| self.clock.now().after(time));
        loop {
            self.round(over)?;
            let now = self.clock.now();
            if self.shared.halted() || now >= over || self.position.round >= limits.retries {
                return Ok(());
            }
            self.position = Position { round: self.position.round + 1, ..Position::default() };
            self.sleep(now.after(limits.cooldown).min(over))?;
        }
    }

    /// Sends to the end of the round, by as many at a time as the pace allows.
    fn round(&mut self, over: Instant) -> Result<(), Error> {
        let mut pace = Pace::new(self.plan.pace(self.shared.rate()));
        let (mut stretch, mut last) = (STRETCH, self.clock.now());
        while !self.shared.halted() && self.position.step < self.plan.steps() {
            let now = self.clock.now();
            if now >= over {
                break;
            }
            let rate = self.plan.pace(self.shared.rate());
            if rate != pace.rate() {
                pace.set_rate(now, rate);
                last = now;
            }
            let (count, due) = self.allowed(&mut pace, last, now, stretch);
            last = now;
            if count == 0 {
                self.sleep(due.min(over))?;
                continue;
            }
            let (next, made) = self.generator.send(self.position, count)?;
            (self.position, self.sent) = (next, self.sent + made);
            self.tell();
            let took = self.clock.now().since(now);
            if took > LONG {
                stretch = (stretch / 2).max(STRETCH);
            } else if count == stretch {
                stretch = stretch.saturating_mul(2);
            }
        }
        Ok(())
    }

    /// Tells how many packets the pace allows, at most `most`, and when there will be more.
    ///
    /// A call of the kernel takes tens of milliseconds, however few packets it makes: what was
    /// earned meanwhile is counted glance by glance, for a bucket does not hold as much.
    fn allowed(&self, pace: &mut Pace, last: Instant, now: Instant, most: u64) -> (u64, Instant) {
        if pace.rate() == Rate::Unlimited {
            return (most, now);
        }
        let length = self.generator.length();
        let (mut count, mut at) = (0, if now.since(last) > LONG { now } else { last });
        while count < most {
            match pace.take(at, length) {
                Ok(()) => count += 1,
                Err(due) if at >= now => return (count, due),
                Err(_) => at = at.after(GLANCE / 2).min(now),
            }
        }
        (count, now)
    }

    /// Sleeps, but not for so long that nobody could wake it.
    fn sleep(&mut self, until: Instant) -> Result<(), Error> {
        loop {
            let now = self.clock.now();
            if now >= until || self.shared.halted() {
                return Ok(());
            }
            self.clock.recv(until.min(now.after(GLANCE)))?;
        }
    }

    fn tell(&self) {
        let position = self.plan.behind(self.position);
        self.shared.advance(self.clock.now(), self.sent, position);
    }
}

/// How many packets are made elsewhere at a time at first; more, as long as that is quickly done.
const STRETCH: u64 = 1 << 15;
/// How long a call of the kernel is to take at most, about.
const LONG: Duration = Duration::from_millis(400);
/// How long to sleep at most before looking up.
const GLANCE: Duration = Duration::from_millis(20);
/// How many packets are of one moment: they wait longer for the rest of their batch than it takes to
/// make them.
const MOMENT: u32 = 16;
/// How many packets to send before looking up.
const LOOK: u32 = 1024;
