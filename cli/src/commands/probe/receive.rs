//! The thread that listens.

use std::{mem, sync::mpsc::SyncSender, time::Duration};

use tcpexposure_core::{
    scan::{finding::Classification, sieve::Sieve},
    time::Instant,
    wire::packet::Packet,
};
use tcpexposure_link::{Error, Link};

use super::{account::Sort, record::Record, shared::Shared, transmit::Ended};

/// What is kept of what is heard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keep {
    /// The frames too.
    pub(super) frames: bool,
    /// What is late, came before or answers nothing too.
    pub(super) all: bool,
}

/// Findings on their way to the output, and what was counted on the way.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Those that are kept.
    pub(super) records: Vec<Record>,
    /// The sort of each finding, kept or not.
    pub(super) sorts: Vec<Sort>,
    /// Up to when all that was heard is in this batch or in one before.
    pub(super) until: Instant,
}

/// A listener.
pub(super) struct Listener<'a> {
    /// Listens.
    pub(super) link: &'a mut (dyn Link + Send),
    /// Tells what is an answer.
    pub(super) sieve: Sieve<'a>,
    pub(super) keep: Keep,
    pub(super) shared: &'a Shared,
    /// Takes what is found.
    pub(super) out: SyncSender<Batch>,
}

impl Keep {
    /// Tells whether findings of a class are kept.
    pub(super) fn keeps(self, class: Classification) -> bool {
        self.all || class.is_result()
    }
}

impl Listener<'_> {
    /// Listens until it is told not to, and hands over what it finds in batches.
    pub(super) fn run(mut self) -> Ended {
        let result = self.listen();
        Ended::new(result, self.link.statistics())
    }

    fn listen(&mut self) -> Result<(), Error> {
        let mut batch = Batch::default();
        let (mut now, mut begun, mut heard) = (self.link.now(), Instant::ZERO, 0_u64);
        self.sieve.start(now);
        while !self.shared.closed() {
            let ripe = match self.link.recv(now.after(GLANCE))? {
                None => {
                    now = self.link.now();
                    true
                }
                Some(frame) => {
                    now = frame.time;
                    heard += 1;
                    if batch.sorts.is_empty() {
                        begun = now;
                    }
                    let packet =
                        Packet::parse(frame.start, frame.bytes, frame.wire_len, frame.offload);
                    batch.take(&mut self.sieve, now, &packet, self.keep);
                    batch.sorts.len() >= BATCH || now.since(begun) >= PATIENCE
                }
            };
            if ripe {
                self.shared.hear(heard, self.sieve.counters().foreign);
                batch.until = now;
                // Nobody takes it when the run has failed elsewhere.
                if self.out.send(mem::take(&mut batch)).is_err() {
                    break;
                }
            }
        }
        self.shared.hear(heard, self.sieve.counters().foreign);
        batch.until = now;
        // As above.
        let _ = self.out.send(batch);
        Ok(())
    }
}

impl Batch {
    fn take(&mut self, sieve: &mut Sieve<'_>, now: Instant, packet: &Packet<'_>, keep: Keep) {
        let Some(finding) = sieve.handle(now, packet) else { return };
        self.sorts.push(Sort::of(&finding));
        if keep.keeps(finding.classification) {
            self.records.push(Record::new(&finding, keep.frames.then_some(packet)));
        }
    }
}

/// How long to listen before looking up.
const GLANCE: Duration = Duration::from_millis(20);
/// How long a finding waits for others.
const PATIENCE: Duration = Duration::from_millis(100);
/// How many findings make a batch.
const BATCH: usize = 512;
