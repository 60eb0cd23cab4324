//! The commands, one file each.

mod completions;
mod craft;
mod doctor;
mod judge;
mod man;
mod print;
mod probe;
mod recipes;
mod report;
mod respond;
mod segments;
mod send;
mod test;
pub(crate) mod trace;

pub(crate) use segments::SOURCE_PORT;

use crate::{
    exit::{Exit, Failure},
    output::{Output, Verbosity},
};

/// What do the boxes between two hosts do to TCP?
#[derive(Debug, clap::Parser)]
#[command(name = "tcpexposure", version, arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// Print JSON Lines: one object a line
    #[arg(long, global = true)]
    json: bool,
    /// Say less
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Say more; twice, still more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: clap::ColorChoice,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Print(print::Print),
    Craft(craft::Craft),
    Send(send::Send),
    Test(test::Test),
    Judge(judge::Judge),
    Trace(trace::Trace),
    Respond(respond::Respond),
    Probe(Box<probe::Probe>),
    Report(report::Report),
    Doctor(doctor::Doctor),
    Man(man::Man),
    Completions(completions::Completions),
}

impl Arguments {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        let verbosity = Verbosity { quiet: self.quiet, verbose: self.verbose };
        let mut output = Output::new(self.json, verbosity, self.color);
        let exit = match &self.command {
            Command::Print(command) => command.run(&mut output),
            Command::Craft(command) => command.run(&mut output),
            Command::Send(command) => command.run(&mut output),
            Command::Test(command) => command.run(&mut output),
            Command::Judge(command) => command.run(&mut output),
            Command::Trace(command) => command.run(&mut output),
            Command::Respond(command) => command.run(&mut output),
            Command::Probe(command) => command.run(&mut output),
            Command::Report(command) => command.run(&mut output),
            Command::Doctor(command) => command.run(&mut output),
            Command::Man(command) => command.run(&mut output),
            Command::Completions(command) => command.run(&mut output),
        };
        output.finish(exit)
    }
}

/// Says what to begin with, to somebody who has named no command.
pub(crate) fn greet() -> Result<Exit, Failure> {
    let mut output =
        Output::new(false, Verbosity { quiet: false, verbose: 0 }, clap::ColorChoice::Auto);
    let exit = recipes::print(&mut output);
    output.finish(exit)
}
