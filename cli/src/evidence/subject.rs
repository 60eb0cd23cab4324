//! What can be recorded and replayed: the suites.

use tcpexposure_core::{
    engine::Engine,
    experiment::{ENTRIES, Suite, modern::Modern},
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
