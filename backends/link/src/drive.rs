//! The only loop.

use std::ops::ControlFlow;

use tcpexposure_core::{
    engine::{Engine, Step},
    time::Instant,
    wire::packet::Packet,
};

use crate::{Error, Link};

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The engine had finished.
    Done,
    /// The sink asked to stop.
    Stopped,
}

/// Runs `engine` over `link` until it has finished or `sink` asks to stop.
///
/// `sink` gets every event, and `None` each time the link has waited, so that a caller can stop a
/// run that has nothing to report.
///
/// Frames that are there are taken in before time moves on, each at the time of its arrival: a
/// process that the system has kept waiting does not take for lost what it has not read yet. The
/// answers to them go out together.
///
/// # Errors
/// Whatever the link says.
pub fn drive<E: Engine>(
    engine: &mut E,
    link: &mut impl Link,
    sink: impl FnMut(Option<E::Event>) -> ControlFlow<()>,
) -> Result<Outcome, Error> {
    let now = link.now();
    let mut driver = Driver { engine, link, sink, now };
    loop {
        let outcome = driver.round()?;
        if let ControlFlow::Break(outcome) = outcome {
            driver.link.flush()?;
            return Ok(outcome);
        }
    }
}

/// What a run consists of.
struct Driver<'a, E, L, S> {
    engine: &'a mut E,
    link: &'a mut L,
    sink: S,
    /// The time as the engine knows it, which never goes back.
    now: Instant,
}

impl<E, L, S> Driver<'_, E, L, S>
where
    E: Engine,
    L: Link,
    S: FnMut(Option<E::Event>) -> ControlFlow<()>,
{
    /// Takes in what is there, lets time move on, sends, and waits.
    fn round(&mut self) -> Result<ControlFlow<Outcome>, Error> {
        let present = self.link.now();
        for _ in 0..BATCH {
            match self.take(Instant::ZERO)? {
                Taken::Nothing => return self.wait(present),
                Taken::Frame => {}
                Taken::Last(outcome) => return Ok(ControlFlow::Break(outcome)),
            }
        }
        self.link.flush()?;
        Ok(self.pause())
    }

    /// Lets time move on to `present`, and waits for the next frame.
    fn wait(&mut self, present: Instant) -> Result<ControlFlow<Outcome>, Error> {
        self.now = self.now.max(present);
        let deadline = match self.advance()? {
            ControlFlow::Continue(deadline) => deadline,
            ControlFlow::Break(outcome) => return Ok(ControlFlow::Break(outcome)),
        };
        self.link.flush()?;
        match self.take(deadline)? {
            Taken::Last(outcome) => Ok(ControlFlow::Break(outcome)),
            Taken::Nothing | Taken::Frame => Ok(self.pause()),
        }
    }

    /// Takes in one frame that comes before `deadline`, and gives the engine its turn.
    fn take(&mut self, deadline: Instant) -> Result<Taken, Error> {
        let Some(frame) = self.link.recv(deadline)? else {
            return Ok(Taken::Nothing);
        };
        let packet = Packet::parse(frame.start, frame.bytes, frame.wire_len, frame.offload);
        self.engine.handle(frame.time, &packet);
        self.now = self.now.max(frame.time);
        Ok(match self.advance()? {
            ControlFlow::Continue(_) => Taken::Frame,
            ControlFlow::Break(outcome) => Taken::Last(outcome),
        })
    }

    /// Lets the engine do all that it can do now, and tells until when it waits.
    fn advance(&mut self) -> Result<ControlFlow<Outcome, Instant>, Error> {
        loop {
            match self.engine.poll(self.now, self.link.slot()?) {
                Step::Send(length) => self.link.commit(length)?,
                Step::Emit(event) => {
                    if (self.sink)(Some(event)).is_break() {
                        return Ok(ControlFlow::Break(Outcome::Stopped));
                    }
                }
                Step::Wait(deadline) => return Ok(ControlFlow::Continue(deadline)),
                Step::Done => return Ok(ControlFlow::Break(Outcome::Done)),
            }
        }
    }

    /// Asks the sink whether to go on.
    fn pause(&mut self) -> ControlFlow<Outcome> {
        match (self.sink)(None) {
            ControlFlow::Continue(()) => ControlFlow::Continue(()),
            ControlFlow::Break(()) => ControlFlow::Break(Outcome::Stopped),
        }
    }
}

/// What came of an attempt to take in a frame.
enum Taken {
    /// There was none.
    Nothing,
    Frame,
    /// There was one, and it ended the run.
    Last(Outcome),
}

/// The most frames that are taken in before their answers go out.
const BATCH: usize = 64;
