//! What people tell a run while it goes on: to stop, to go faster, to go slower.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use signal_hook::{
    consts::{SIGUSR1, SIGUSR2},
    flag,
};

use crate::{
    exit::{Exit, Failure},
    stop::Stop,
};

/// The signals: SIGINT and SIGTERM, SIGUSR1, SIGUSR2.
pub(super) struct Signals {
    stop: Stop,
    faster: Arc<AtomicBool>,
    slower: Arc<AtomicBool>,
}

impl Signals {
    /// Listens for signals from now on.
    pub(super) fn install() -> Result<Self, Failure> {
        let signals =
            Self { stop: Stop::install()?, faster: Arc::default(), slower: Arc::default() };
        signals.register().map_err(|error| {
            Failure::new(Exit::Usage, format!("cannot listen for signals: {error}"))
                .hint("see whether something restricts this process")
        })?;
        Ok(signals)
    }

    /// Tells whether somebody asked to stop.
    pub(super) fn stop(&self) -> bool {
        self.stop.asked()
    }

    /// Tells whether somebody asked since the last time to go faster, or slower.
    pub(super) fn turn(&self) -> Option<bool> {
        let asked = |flag: &AtomicBool| flag.swap(false, Ordering::Relaxed);
        let (faster, slower) = (asked(&self.faster), asked(&self.slower));
        (faster != slower).then_some(faster)
    }

    fn register(&self) -> io::Result<()> {
        flag::register(SIGUSR1, Arc::clone(&self.faster))?;
        flag::register(SIGUSR2, Arc::clone(&self.slower)).map(drop)
    }
}
