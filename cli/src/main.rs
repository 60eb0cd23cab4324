//! The command line of tcpexposure: craft, send and print TCP segments.
#![forbid(unsafe_code)]

mod backend;
mod commands;
mod evidence;
mod exit;
mod fence;
mod guards;
mod input;
mod localise;
mod output;
mod stop;
mod target;
mod units;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    if std::env::args_os().len() <= 1 {
        return exit::report(commands::greet());
    }
    let arguments = match commands::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return exit::usage(&error),
    };
    exit::report(arguments.run())
}
