//! `completions`: what a shell needs to complete our arguments.

use std::io::Write as _;

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};

use super::Arguments;
use crate::{
    exit::{Exit, Failure},
    output::Output,
};

/// Print completions for a shell
///
/// As in: tcpexposure completions bash > ~/.local/share/bash-completion/completions/tcpexposure
#[derive(Debug, clap::Args)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(&self, output: &mut Output) -> Result<Exit, Failure> {
        // To write to memory cannot fail, whoever reads it.
        let mut script = Vec::new();
        generate(self.shell, &mut Arguments::command(), "tcpexposure", &mut script);
        output.out.write_all(&script)?;
        Ok(Exit::Done)
    }
}
