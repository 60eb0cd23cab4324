//! `probe`: many targets, one segment each, as fast as the wire takes them; nothing is kept of them.

mod account;
mod arguments;
mod calibrate;
mod checkpoint;
mod dry;
mod fields;
mod ledger;
mod limits;
mod lists;
mod machine;
mod metadata;
mod outputs;
mod plan;
mod ports;
mod probes;
mod receive;
mod record;
mod session;
mod shared;
mod signals;
mod simulated;
mod status;
mod targets;
mod threads;
mod transmit;
mod way;
mod why;
mod wire;

use outputs::Format;
use plan::Plan;
use receive::Keep;
use way::Way;

use std::io::Write as _;

use crate::{
    exit::{Exit, Failure},
    fence::Fence,
    output::Output,
};

/// Probe many targets, fast, and keep nothing of them
///
/// Each target gets the segment of --probe once; an answer is known by the cookie in its
/// acknowledgement number. The order of targets is drawn from the seed.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Probe {
    #[command(subcommand)]
    question: Option<Question>,
    #[command(flatten)]
    selection: arguments::Selection,
    #[command(flatten)]
    sending: arguments::Sending,
    #[command(flatten)]
    amount: arguments::Amount,
    #[command(flatten)]
    reporting: arguments::Reporting,
}

/// What can be asked without probing.
#[derive(Debug, clap::Subcommand)]
enum Question {
    Why(why::Why),
}

impl Probe {
    pub(crate) fn run(&self, output: &mut Output) -> Result<Exit, Failure> {
        if let Some(Question::Why(why)) = &self.question {
            return why.run(output);
        }
        if self.reporting.output_fields == ["help"] {
            output.out.write_all(fields::help().as_bytes())?;
            return Ok(Exit::Done);
        }
        let format = self.format(output.json)?;
        let plan = Plan::new(self, output)?;
        if self.sending.dryrun {
            return dry::run(self, &plan, format, output);
        }
        if plan.start.is_some_and(|start| start.done) {
            output.warn("this run is done: nothing is left to be probed");
            return Ok(Exit::Done);
        }
        self.check(&plan)?;
        if self.sending.calibrate {
            return calibrate::run(self, &plan, output);
        }
        let path = self.reporting.output_file.as_deref();
        let sink = outputs::Plan::new(format, path, &self.reporting.output_fields)?;
        let sink = sink.open(plan.start.is_some())?;
        match &self.sending.backend {
            Way::Sim(description) => simulated::run(self, &plan, description, sink, output),
            _ => session::run(self, &plan, sink, output),
        }
    }

    /// Tells what findings look like.
    fn format(&self, json: bool) -> Result<Format, Failure> {
        let reporting = &self.reporting;
        let path = reporting.output_file.as_deref();
        let format = Format::choose(reporting.output_module, path, json);
        if reporting.resume.is_some() && !format.continues() {
            return Err(Failure::new(Exit::Usage, "files of columns cannot be gone on with")
                .hint("write -O jsonl or csv, and convert it when the run is done"));
        }
        Ok(format)
    }

    /// Tries out whether the probes can be made, before anything is opened.
    fn check(&self, plan: &Plan) -> Result<(), Failure> {
        let source = probes::Source::simulated(self, 1..=u16::MAX);
        plan.with_load(self, &source, |_| Ok(()))
    }

    /// Tells what is written when all links are open.
    fn fence(&self) -> Fence {
        let reporting = &self.reporting;
        Fence::default().file(reporting.resume.as_deref()).file(reporting.metadata_file.as_deref())
    }

    /// Tells what is kept of what is heard.
    fn keep(&self) -> Keep {
        let format = self.format(false).unwrap_or(Format::Text);
        Keep { frames: format.keeps_frames(), all: self.reporting.all }
    }
}
