//! A run on a real wire: two threads, and this one, which writes down what is found.

use std::sync::mpsc::Receiver;

use serde_json::Value;

use super::{
    Probe,
    ledger::{Ledger, Progress},
    machine,
    outputs::Sink,
    plan::Plan,
    receive::Batch,
    shared::Shared,
    signals::Signals,
    threads::{self, Work},
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
        let work = Work { plan, load, keep: probe.keep(), shared: &shared };
        let generator = threads::generator(&wire, work)?;
        probe.fence().programs(wire.programs()).close(output)?;
        let watch =
            |batches: &Receiver<Batch>| watch(batches, plan, &shared, &mut ledger, &signals);
        let (traffic, result) = threads::run(&mut wire, generator, work, watch);
        ledger.account.traffic = traffic;
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
        let ((position, at), sent, cooling) = (shared.position(), shared.sent(), ended.is_some());
        ledger.tick(Progress { now, at, sent, position, cooling })?;
    }
    Ok(())
}
