//! What can be recorded and replayed: the suites, and what follows a packet.

use tcpexposure_core::{
    engine::{Engine, Step},
    experiment::{
        ENTRIES, Suite,
        modern::{Modern, Row},
    },
    time::Instant,
    trace::{Event, Trace},
    wire::packet::Packet,
};

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Purpose {
    /// The question.
    pub(crate) name: &'static str,
    /// What it asks.
    pub(crate) asks: &'static str,
    /// Whether the connection is the control, without what the question is about.
    pub(crate) control: bool,
}

/// A suite.
pub(crate) trait Subject: Engine {
    /// Tells what the connection on a port of ours is for.
    fn purpose(&self, port: u16) -> Option<Purpose>;

    /// Ends the run.
    fn interrupt(&mut self);
}

impl<const PARALLEL: usize> Subject for Suite<PARALLEL> {
    fn purpose(&self, port: u16) -> Option<Purpose> {
        let procedure = self.at_work(port)?;
        let row = ENTRIES.iter().find(|row| row.procedure == procedure)?;
        Some(Purpose { name: procedure, asks: row.asks, control: false })
    }

    fn interrupt(&mut self) {
        self.interrupt();
    }
}

impl<const PARALLEL: usize> Subject for Modern<PARALLEL> {
    fn purpose(&self, port: u16) -> Option<Purpose> {
        let (row, control) = self.at_work(port)?;
        Some(Purpose { name: row.name, asks: row.asks, control })
    }

    fn interrupt(&mut self) {
        self.interrupt();
    }
}

/// What follows the packet of a question.
pub(crate) struct Follower {
    tracer: Trace,
    question: &'static str,
}

impl Follower {
    /// Follows for a question.
    pub(crate) const fn new(tracer: Trace, row: &Row) -> Self {
        Self { tracer, question: row.name }
    }
}

impl Engine for Follower {
    type Event = Event;

    fn handle(&mut self, now: Instant, packet: &Packet<'_>) {
        self.tracer.handle(now, packet);
    }

    fn poll(&mut self, now: Instant, slot: &mut [u8]) -> Step<Event> {
        self.tracer.poll(now, slot)
    }
}

impl Subject for Follower {
    fn purpose(&self, _port: u16) -> Option<Purpose> {
        Some(Purpose {
            name: self.question,
            asks: "its packet with a rising time to live, to see where it is changed or lost",
            control: false,
        })
    }

    /// Nothing is to be ended.
    fn interrupt(&mut self) {}
}
