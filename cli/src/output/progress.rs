//! The line on a terminal that tells how far a run is, and goes away with it.

use std::io::{self, IsTerminal as _};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Verbosity;

/// A line that is written over, where somebody looks.
#[derive(Debug, Default)]
pub(crate) struct Progress(Option<ProgressBar>);

impl Progress {
    /// Tells that so much of a whole is done, and what was done last.
    pub(super) fn tell(&mut self, verbosity: Verbosity, done: usize, of: usize, what: &str) {
        if self.0.is_none() && !verbosity.quiet && verbosity.verbose == 0 && is_watched() {
            let bar = ProgressBar::with_draw_target(Some(of as u64), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template(LINE);
            self.0 =
                Some(style.map_or_else(|_| bar.clone(), |style| bar.clone().with_style(style)));
        }
        if let Some(bar) = &self.0 {
            bar.set_length(of as u64);
            bar.set_message(what.to_owned());
            bar.set_position(done as u64);
        }
    }

    /// Prints something else on the terminal.
    pub(super) fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        match &self.0 {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    /// Takes the line away.
    pub(super) fn end(&mut self) {
        if let Some(bar) = self.0.take() {
            bar.finish_and_clear();
        }
    }
}

fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// How the line looks.
const LINE: &str = "{elapsed:>4} [{bar:30}] {pos}/{len} {msg}";
