//! Where results go, and where remarks go.

pub(crate) mod findings;
pub(crate) mod hops;
pub(crate) mod json;
pub(crate) mod lines;
pub(crate) mod packets;
pub(crate) mod progress;
pub(crate) mod save;
pub(crate) mod stamp;
pub(crate) mod text;
pub(crate) mod verdicts;

use std::io::{self, BufWriter, IsTerminal as _, StdoutLock, Write};

use anstream::AutoStream;
use clap::ColorChoice;
use progress::Progress;

use crate::exit::{Exit, Failure};

/// How much is said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verbosity {
    /// Less.
    pub(crate) quiet: bool,
    /// More, in steps.
    pub(crate) verbose: u8,
}

/// Results on stdout, through one large buffer; remarks on stderr.
#[derive(Debug)]
pub(crate) struct Output {
    /// The way to stdout.
    pub(crate) out: BufWriter<StdoutLock<'static>>,
    /// Whether results are JSON Lines.
    pub(crate) json: bool,
    /// How much is said.
    pub(crate) verbosity: Verbosity,
    /// Whether results have colour.
    pub(crate) colour: bool,
    progress: Progress,
}

impl Output {
    pub(crate) fn new(json: bool, verbosity: Verbosity, colour: ColorChoice) -> Self {
        let out = BufWriter::with_capacity(BUFFER, io::stdout().lock());
        let colour = match colour {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            // That heeds NO_COLOR and what is known of the terminal.
            ColorChoice::Auto => AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never,
        };
        Self { out, json, verbosity, colour, progress: Progress::default() }
    }

    /// Tells somebody at a terminal that so much of a whole is done, and what was done last.
    pub(crate) fn progress(&mut self, done: usize, of: usize, what: &str) {
        self.progress.tell(self.verbosity, done, of, what);
    }

    /// Tells no more how much is done.
    pub(crate) fn settle(&mut self) {
        self.progress.end();
    }

    /// Prints one result, and lets it be seen at once.
    pub(crate) fn line(&mut self, line: &str) -> Result<(), Failure> {
        let Self { out, progress, .. } = self;
        Ok(progress.aside(|| writeln!(out, "{line}").and_then(|()| out.flush()))?)
    }

    /// Prints one object on a line of its own, and lets it be seen at once.
    pub(crate) fn object(&mut self, object: &serde_json::Value) -> Result<(), Failure> {
        self.line(&object.to_string())
    }

    /// Says something on stderr that is not a result: with `-v`, or to somebody at a terminal.
    pub(crate) fn remark(&self, remark: &str) {
        let shown = self.verbosity.verbose > 0 || io::stderr().is_terminal();
        if shown && !self.verbosity.quiet {
            self.progress.aside(|| eprintln!("{remark}"));
        }
    }

    /// Says on stderr that something was not taken as it stands, unless nobody wants to hear.
    pub(crate) fn warn(&self, warning: &str) {
        if !self.verbosity.quiet {
            self.progress.aside(|| eprintln!("{warning}"));
        }
    }

    /// Says on stderr how something is done, with `-v` only.
    pub(crate) fn detail(&self, detail: &str) {
        if self.verbosity.verbose > 0 {
            eprintln!("{detail}");
        }
    }

    /// Writes what is still in the buffer.
    pub(crate) fn finish(mut self, exit: Result<Exit, Failure>) -> Result<Exit, Failure> {
        self.settle();
        let flushed = self.out.flush();
        let exit = exit?;
        flushed?;
        Ok(exit)
    }
}

/// The size of the buffer.
const BUFFER: usize = 1 << 16;
