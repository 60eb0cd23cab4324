//! The threads of a run: one that sends, one that listens, and the caller's, which takes what is
//! found. They share numbers and a channel of bounded length, and no lock.

use std::{
    sync::mpsc::{Receiver, sync_channel},
    thread::{self, ScopedJoinHandle},
};

use tcpexposure_core::scan::{Prober, Sieve};

use super::{
    account::Traffic,
    plan::Plan,
    probes::Load,
    receive::{Batch, Keep, Listener},
    shared::Shared,
    transmit::{Conductor, Ended, Sender},
    wire::{Generate, Wire},
};
use crate::exit::Failure;

/// What the threads need.
#[derive(Clone, Copy)]
pub(super) struct Work<'a> {
    pub(super) plan: &'a Plan,
    pub(super) load: Load<'a>,
    pub(super) keep: Keep,
    pub(super) shared: &'a Shared,
}

/// Makes what generates packets in the kernel, where that is asked for.
pub(super) fn generator(wire: &Wire, work: Work<'_>) -> Result<Option<Box<dyn Generate>>, Failure> {
    let Work { plan, load, .. } = work;
    wire.generator.as_ref().map(|make| make(&plan.prober(load))).transpose()
}

/// Sends and listens until both have ended, while `watch` takes what is found. When that returns,
/// the threads are told to end.
pub(super) fn run(
    wire: &mut Wire,
    generator: Option<Box<dyn Generate>>,
    work: Work<'_>,
    watch: impl FnOnce(&Receiver<Batch>) -> Result<(), Failure>,
) -> (Traffic, Result<(), Failure>) {
    let Work { plan, load, keep, shared } = work;
    let mut memory = vec![0; plan.memory()];
    let sieve = Sieve::new(load.space, load.probes, &mut memory);
    let Wire { transmit, receive, .. } = wire;
    let start = plan.position(plan.start());
    thread::scope(|scope| {
        let (out, batches) = sync_channel(BATCHES);
        let listener = Listener { link: &mut **receive, sieve, keep, shared, out };
        let listening = scope.spawn(move || listener.run());
        let link = &mut **transmit;
        let sending = scope.spawn(move || match generator {
            Some(generator) => {
                Conductor { generator, clock: link, plan, shared, position: start, sent: 0 }.run()
            }
            None => {
                Sender { link, prober: Prober::new(plan.prober(load), start), plan, shared }.run()
            }
        });
        let watched = watch(&batches);
        shared.halt();
        shared.close();
        drop(batches);
        let (sent, heard) = (join(sending), join(listening));
        let traffic = Traffic {
            asked: shared.sent(),
            heard: shared.heard(),
            foreign: shared.foreign(),
            transmit: sent.statistics,
            receive: heard.statistics,
        };
        let ended = sent.result.and(heard.result).map_err(Failure::from);
        (traffic, watched.and(ended))
    })
}

/// Waits for a thread, and panics as it did.
fn join(thread: ScopedJoinHandle<'_, Ended>) -> Ended {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// How many batches may wait to be taken.
const BATCHES: usize = 256;
