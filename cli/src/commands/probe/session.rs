//! A run on a real wire: a thread that sends, a thread that listens, and this one, which writes
//! down what is found and keeps watch.

use std::{
    sync::mpsc::{Receiver, sync_channel},
    thread::{self, ScopedJoinHandle},
};

use serde_json::Value;
use tcpexposure_core::scan::{prober::Prober, sieve::Sieve};
use tcpexposure_link::{Error, Statistics};

use super::{
    Probe,
    ledger::{Ledger, Progress},
    machine,
    outputs::Sink,
    plan::Plan,
    probes::Load,
    receive::{Batch, Keep, Listener},
    shared::Shared,
    signals::Signals,
    transmit::Sender,
    wire::Wire,
};
use crate::{
    exit::{Exit, Failure},
    output::Output,
};

/// Runs a plan over a wire.
pub(super) fn run(
    probe: &Probe,
    plan: &Plan,
    sink: Sink,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let signals = Signals::install()?;
    let mut wire = Wire::open(probe, plan)?;
    output.detail(&wire.description);
    let source = wire.source.clone();
    plan.with_load(probe, &source, |load| {
        let backlog = machine::backlog();
        let shared = Shared::new(plan.rate, plan.start());
        let mut ledger = Ledger::open(probe, plan, sink, output);
        let result = over(&mut wire, load, plan, probe.keep(), &shared, &mut ledger, &signals)?;
        let backlog = backlog.zip(machine::backlog()).map(|(before, now)| now - before);
        let facts = [
            ("interface", Value::from(wire.interface.as_str())),
            ("offloads", machine::offloads(&wire.interface)),
            ("way", wire.description.as_str().into()),
            ("source", source.json()),
            ("dropped_by_backlog_of_machine", backlog.into()),
        ];
        ledger.close(shared.position().0, result, &facts, output)
    })
}

/// Starts both threads, and keeps watch until both have ended.
fn over(
    wire: &mut Wire,
    load: Load<'_>,
    plan: &Plan,
    keep: Keep,
    shared: &Shared,
    ledger: &mut Ledger<'_>,
    signals: &Signals,
) -> Result<Result<(), Failure>, Failure> {
    let mut memory = vec![0; plan.memory()];
    let prober = Prober::new(plan.prober(load)?, plan.position(plan.start()));
    let sieve = Sieve::new(load.space, load.probes, &mut memory);
    let Wire { transmit, receive, .. } = wire;
    Ok(thread::scope(|scope| {
        let (out, batches) = sync_channel(BATCHES);
        let listener = Listener { link: &mut **receive, sieve, keep, shared, out };
        let listening = scope.spawn(move || listener.run());
        let sender = Sender { link: &mut **transmit, prober, plan, shared };
        let sending = scope.spawn(move || sender.run());
        let watched = watch(&batches, plan, shared, ledger, signals);
        shared.halt();
        shared.close();
        drop(batches);
        let (sent, heard) = (join(sending), join(listening));
        ledger.account.asked = shared.sent();
        ledger.account.heard = shared.heard();
        ledger.account.foreign = shared.foreign();
        let sent = sent.map(|statistics| ledger.account.transmit = statistics);
        let heard = heard.map(|statistics| ledger.account.receive = statistics);
        watched.and(sent.map_err(Failure::from)).and(heard.map_err(Failure::from))
    }))
}

/// Writes down what is found until the listener has ended, which sends a batch now and then even
/// when it has found nothing.
fn watch(
    batches: &Receiver<Batch>,
    plan: &Plan,
    shared: &Shared,
    ledger: &mut Ledger<'_>,
    signals: &Signals,
) -> Result<(), Failure> {
    for batch in batches {
        let now = batch.until;
        if ledger.take(batch)? {
            shared.halt();
            shared.close();
        }
        if let Some(up) = signals.turn() {
            shared.turn(up);
        }
        if signals.stop() {
            ledger.interrupted = true;
            shared.halt();
        }
        let ended = shared.ended();
        if ended.is_some_and(|ended| now.since(ended) >= plan.limits.cooldown) {
            shared.close();
        }
        let (position, at) = shared.position();
        ledger.tick(Progress {
            now,
            at,
            sent: shared.sent(),
            position,
            cooling: ended.is_some(),
        })?;
    }
    Ok(())
}

/// Waits for a thread, and panics as it did.
fn join(thread: ScopedJoinHandle<'_, Result<Statistics, Error>>) -> Result<Statistics, Error> {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// How many batches may wait to be written down.
const BATCHES: usize = 256;
