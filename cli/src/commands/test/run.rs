//! One run of the suite against one port.

use std::{cell::RefCell, ops::ControlFlow, path::Path, rc::Rc};

use tcpexposure_core::{
    experiment::{Config, Event, Suite},
    wire::packet::Packet,
};
use tcpexposure_link::{
    Link as _, Outcome, drive,
    tap::{Crossing, Direction},
};

use crate::{
    backend,
    exit::Failure,
    output::{
        Output,
        packets::{ANSWER, SENT},
        save::Save,
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

/// A capture that is being written, until the first failure.
type Capture = Rc<RefCell<Result<Save, Failure>>>;

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
        path: backend::Path,
        stop: &Stop,
        output: &mut Output,
    ) -> Result<Report, Failure> {
        let keeping = Keeping::begin(self.write)?;
        let mut path = keeping.tap(path);
        let mut report = Report::new(self.name, &self.config, self.format);
        let mut suite = Box::new(Suite::<PARALLEL>::new(self.config));
        let begin = path.now();
        let outcome = watch(&mut suite, &mut path, output, &mut report, &mut || stop.asked())?;
        if outcome == Outcome::Stopped {
            report.interrupted = true;
            suite.interrupt();
            watch(&mut suite, &mut path, output, &mut report, &mut || false)?;
        }
        output.settle();
        report.duration = path.now().since(begin);
        report.print(output)?;
        drop(path);
        keeping.finish()?;
        Ok(report)
    }
}

/// Keeps the packets of a run, if they are wanted.
pub(super) struct Keeping(Option<Capture>);

impl Keeping {
    /// Creates the capture file.
    pub(super) fn begin(file: Option<&Path>) -> Result<Self, Failure> {
        let save = file.map(Save::create).transpose()?;
        Ok(Self(save.map(|save| Rc::new(RefCell::new(Ok(save))))))
    }

    /// Lets all that crosses a path be kept.
    pub(super) fn tap<'a>(&self, path: backend::Path<'a>) -> backend::Path<'a> {
        let Some(capture) = &self.0 else { return path };
        let capture = Rc::clone(capture);
        path.tapped(move |crossing| keep(&capture, &crossing))
    }

    /// Completes the file; the path must be gone by then.
    pub(super) fn finish(self) -> Result<(), Failure> {
        let capture = self.0.and_then(Rc::into_inner).map(RefCell::into_inner);
        capture.transpose()?.map_or(Ok(()), Save::finish)
    }
}

/// Drives a suite until it ends or somebody asks to stop.
fn watch<const PARALLEL: usize>(
    suite: &mut Suite<PARALLEL>,
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

/// Adds a packet to a capture.
fn keep(capture: &Capture, crossing: &Crossing<'_>) {
    let mut capture = capture.borrow_mut();
    let Ok(save) = &mut *capture else { return };
    let frame = &crossing.frame;
    let packet = Packet::parse(frame.start, frame.bytes, frame.wire_len, frame.offload);
    let comment = match crossing.direction {
        Direction::Sent => SENT,
        Direction::Received => ANSWER,
    };
    if let Err(failure) = save.packet(frame.time, &packet, Some(comment)) {
        *capture = Err(failure);
    }
}
