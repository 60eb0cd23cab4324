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
    let mut driver = Driver { engine, link, sink, now: Instant::ZERO };
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
    /// The time as the engine knows it, which never goes back during a run.
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

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use tcpexposure_core::wire::packet::{Offload, Start};

    use super::*;
    use crate::Frame;

    /// A wire whose reader is late: the clock is far ahead of the frames that wait.
    struct Late {
        frames: VecDeque<(u64, Vec<u8>)>,
        now: u64,
        slot: [u8; 64],
        queued: usize,
        /// How many packets each flush sent.
        flushes: Vec<usize>,
    }

    impl Link for Late {
        fn now(&self) -> Instant {
            Instant::from_nanos(self.now)
        }

        fn slot(&mut self) -> Result<&mut [u8], Error> {
            Ok(&mut self.slot)
        }

        fn commit(&mut self, _: usize) -> Result<(), Error> {
            self.queued += 1;
            Ok(())
        }

        fn flush(&mut self) -> Result<(), Error> {
            self.flushes.push(std::mem::take(&mut self.queued));
            Ok(())
        }

        fn recv(&mut self, deadline: Instant) -> Result<Option<Frame<'_>>, Error> {
            let Some((time, bytes)) = self.frames.pop_front() else {
                self.now = self.now.max(deadline.as_nanos());
                return Ok(None);
            };
            let time = Instant::from_nanos(time);
            let bytes: &[u8] = bytes.leak();
            let offload = Offload::default();
            Ok(Some(Frame { time, start: Start::Ip, bytes, wire_len: bytes.len(), offload }))
        }
    }

    /// Answers each packet, and tells the times at which it was asked; gives up at 1,000.
    #[derive(Default)]
    struct Patient {
        handled: usize,
        due: usize,
        times: Vec<(u64, usize)>,
    }

    impl Engine for Patient {
        type Event = ();

        fn handle(&mut self, _: Instant, _: &Packet<'_>) {
            self.handled += 1;
            self.due += 1;
        }

        fn poll(&mut self, now: Instant, _: &mut [u8]) -> Step<()> {
            if self.due > 0 {
                self.due -= 1;
                return Step::Send(1);
            }
            self.times.push((now.as_nanos(), self.handled));
            let over = now.as_nanos() >= 1_000;
            if over { Step::Done } else { Step::Wait(Instant::from_nanos(1_000)) }
        }
    }

    #[test]
    fn what_waits_to_be_read_is_read_before_time_moves_on() {
        let frames = [5, 7, 6, 9].map(|time| (time, vec![0x45])).into();
        let mut link = Late { frames, now: 2_000, slot: [0; 64], queued: 0, flushes: Vec::new() };
        let mut engine = Patient::default();
        let outcome = drive(&mut engine, &mut link, |_| ControlFlow::Continue(())).unwrap();
        assert_eq!(outcome, Outcome::Done);
        assert_eq!(engine.times, [(5, 1), (7, 2), (7, 3), (9, 4), (2_000, 4)]);
        assert_eq!(link.flushes, [4], "the answers go out together");
    }

    #[test]
    fn a_flood_is_answered_in_batches_and_can_be_stopped() {
        let frames = (0..1_000).map(|time| (time, vec![0x45])).collect();
        let mut link = Late { frames, now: 0, slot: [0; 64], queued: 0, flushes: Vec::new() };
        let (mut engine, mut pauses) = (Patient::default(), 0);
        let outcome = drive(&mut engine, &mut link, |_| {
            pauses += 1;
            if pauses == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert_eq!(outcome.unwrap(), Outcome::Stopped);
        assert_eq!(link.flushes, [BATCH, BATCH, BATCH, 0]);
        assert_eq!(engine.handled, 3 * BATCH);
    }
}
