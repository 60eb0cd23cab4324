//! A run on a simulated path: one thread, one engine, no privilege, and no time that passes.

use std::ops::ControlFlow;

use serde_json::Value;
use tcpexposure_core::{
    engine::{Engine, Step},
    respond,
    scan::{
        finding::{Finding, Kept},
        scanner::Scanner,
    },
    time::Instant,
    wire::packet::Packet,
};
use tcpexposure_link::{Link as _, Outcome, drive};

use super::{
    Probe,
    account::Traffic,
    ledger::{Ledger, Progress},
    outputs::Sink,
    plan::Plan,
    probes::{Load, Source},
    receive::{Batch, Keep},
    record::{Frame, Record},
    signals::Signals,
    wire,
};
use crate::{
    backend::{self, Backend, Path},
    exit::{Exit, Failure},
    guards::Guards,
    output::Output,
};

/// A scanner that keeps the frame which it has handled last, and counts.
struct Recorder<'a> {
    scanner: Scanner<'a>,
    keep: Keep,
    heard: u64,
    frame: Option<Frame>,
}

/// Runs a plan over a simulated path to our own responder, which has all addresses and ports.
pub(super) fn run(
    probe: &Probe,
    plan: &Plan,
    description: &str,
    sink: Sink,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let signals = Signals::install()?;
    let backend = Backend::Sim(description.to_owned());
    let guards = ports(probe, plan, &backend)?;
    let served = &plan.ports[..plan.ports.len().min(respond::Ports::MAX)];
    let mut path = backend.open_any(served, &backend::Way::default(), &guards)?;
    output.detail(&path.description);
    probe.fence().close(output)?;
    let source = Source::simulated(probe, guards.ports());
    plan.with_load(probe, &source, |load| {
        let mut ledger = Ledger::open(probe, plan, sink, output);
        let (position, result) = over(&mut path, load, plan, probe.keep(), &mut ledger, &signals)?;
        let facts = [("way", Value::from(path.description.as_str())), ("source", source.json())];
        ledger.close(position, result, &facts, output)
    })
}

/// Takes the source ports, of which nobody is to be kept away.
pub(super) fn ports(probe: &Probe, plan: &Plan, backend: &Backend) -> Result<Guards, Failure> {
    let Some(ports) = &probe.sending.source_port else {
        return backend.guards(wire::SOURCES.max(plan.variants));
    };
    let list = wire::consecutive(ports)?;
    let count = u16::try_from(list.len()).unwrap_or(u16::MAX);
    Ok(Guards::unneeded(list.first().copied().unwrap_or_default(), count))
}

/// Drives the engine, and tells how far it has come.
fn over(
    path: &mut Path,
    load: Load<'_>,
    plan: &Plan,
    keep: Keep,
    ledger: &mut Ledger<'_>,
    signals: &Signals,
) -> Result<(u64, Result<(), Failure>), Failure> {
    let mut memory = vec![0; plan.memory()];
    let sent = plan.prober(load);
    let scanner = Scanner::new(sent, plan.position(plan.start()), &mut memory);
    let mut engine = Recorder { scanner, keep, heard: 0, frame: None };
    let result = drive_on(&mut engine, path, ledger, signals);
    let scanner = &engine.scanner;
    ledger.account.traffic = Traffic {
        asked: scanner.prober().sent(),
        heard: engine.heard,
        foreign: scanner.sieve().counters().foreign,
        ..Traffic::default()
    };
    Ok((plan.behind(scanner.prober().position()), result))
}

/// Drives the engine until it is done, or there are findings enough.
fn drive_on(
    engine: &mut Recorder<'_>,
    path: &mut Path,
    ledger: &mut Ledger<'_>,
    signals: &Signals,
) -> Result<(), Failure> {
    loop {
        let (mut enough, mut failure) = (false, None);
        let outcome = drive(engine, path, |event| {
            if let Some(batch) = event {
                match ledger.take(batch) {
                    Ok(full) => enough = full,
                    Err(error) => failure = Some(error),
                }
            }
            let stop = signals.stop() && !ledger.interrupted;
            if stop || enough || failure.is_some() {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        if let Some(failure) = failure {
            return Err(failure);
        }
        if outcome == Outcome::Done || enough {
            let (now, prober) = (path.now(), engine.scanner.prober());
            let position = ledger.behind(prober.position());
            return ledger.tick(Progress {
                now,
                at: now,
                sent: prober.sent(),
                position,
                cooling: true,
            });
        }
        ledger.interrupted = true;
        engine.scanner.prober_mut().stop(path.now());
    }
}

impl Recorder<'_> {
    /// Makes a batch of one finding.
    fn batch(&mut self, kept: Kept) -> Batch {
        let Finding { classification: class, time: until, .. } = kept.finding();
        let frame = self.frame.take().map(Box::new);
        let records =
            if self.keep.keeps(class) { vec![Record::from_kept(kept, frame)] } else { Vec::new() };
        Batch { records, classes: vec![class], until }
    }
}

impl Engine for Recorder<'_> {
    type Event = Batch;

    fn handle(&mut self, now: Instant, packet: &Packet<'_>) {
        self.heard += 1;
        self.frame = self.keep.frames.then(|| Frame::of(packet));
        self.scanner.handle(now, packet);
    }

    fn poll(&mut self, now: Instant, slot: &mut [u8]) -> Step<Batch> {
        match self.scanner.poll(now, slot) {
            Step::Send(length) => Step::Send(length),
            Step::Wait(until) => Step::Wait(until),
            Step::Done => Step::Done,
            Step::Emit(kept) => Step::Emit(self.batch(kept)),
        }
    }
}
