//! Being asked to stop: SIGINT (Ctrl-C) and SIGTERM.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
};

use crate::exit::{Exit, Failure};

/// Whether somebody asked to stop. To ask twice ends the process at once.
#[derive(Clone, Debug)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Listens for signals from now on.
    pub(crate) fn install() -> Result<Self, Failure> {
        let asked = Arc::new(AtomicBool::new(false));
        register(&asked).map_err(|error| {
            Failure::new(Exit::Usage, format!("cannot listen for signals: {error}"))
                .hint("see whether something restricts this process")
        })?;
        Ok(Self(asked))
    }

    /// Tells whether somebody asked to stop.
    pub(crate) fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

fn register(asked: &Arc<AtomicBool>) -> io::Result<()> {
    for signal in [SIGINT, SIGTERM] {
        // The order counts: the first signal finds the flag unset, and only then sets it.
        flag::register_conditional_shutdown(signal, Exit::Partial as i32, Arc::clone(asked))?;
        flag::register(signal, Arc::clone(asked))?;
    }
    Ok(())
}
