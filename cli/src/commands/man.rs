//! `man`: a manual page for each command, made from what its arguments are defined by.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use clap::{Command, CommandFactory as _};
use clap_mangen::{
    Man as Page,
    roff::{Roff, bold, roman},
};
use tcpexposure_core::experiment::{ENTRIES, modern::ROWS};

use super::{Arguments, recipes::RECIPES};
use crate::{
    exit::{Exit, Failure},
    output::Output,
};

/// Print manual pages
///
/// All of them, or that of one command, as in: tcpexposure man test | man -l -
#[derive(Debug, clap::Args)]
pub(crate) struct Man {
    /// The command whose page is wanted, as in `test` or `probe why`; `tcpexposure` is the first page
    command: Vec<String>,
    /// Write each page to a file of its own in this directory
    #[arg(short, long, value_name = "DIR", conflicts_with = "command")]
    directory: Option<PathBuf>,
}

impl Man {
    pub(crate) fn run(&self, output: &mut Output) -> Result<Exit, Failure> {
        let mut pages = pages()?;
        if let Some(directory) = &self.directory {
            write(directory, &pages)?;
            return Ok(Exit::Done);
        }
        if !self.command.is_empty() {
            let name = self.command.join("-");
            let full = format!("tcpexposure-{name}.1");
            pages.retain(|(file, _)| *file == full || *file == format!("{name}.1"));
        }
        if pages.is_empty() {
            let message = format!("there is no command {:?}", self.command.join(" "));
            return Err(Failure::new(Exit::Usage, message).hint("see `tcpexposure --help`"));
        }
        for (_, page) in &pages {
            output.out.write_all(page)?;
        }
        Ok(Exit::Done)
    }
}

/// Makes all pages, each with the name of its file.
fn pages() -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let mut all = Arguments::command().disable_help_subcommand(true);
    all.build();
    let mut pages = Vec::new();
    add(&all, &mut pages)?;
    Ok(pages)
}

fn add(command: &Command, pages: &mut Vec<(String, Vec<u8>)>) -> io::Result<()> {
    let page = Page::new(command.clone()).manual("tcpexposure");
    let mut bytes = Vec::new();
    page.render(&mut bytes)?;
    more(command.get_name()).to_writer(&mut bytes)?;
    pages.push((page.get_filename(), bytes));
    command.get_subcommands().try_for_each(|command| add(command, pages))
}

/// Gives the sections that no argument tells of.
fn more(command: &str) -> Roff {
    let mut page = Roff::new();
    match command {
        "tcpexposure" => {
            page.control("SH", ["EXAMPLES"]);
            RECIPES.iter().for_each(|(line, about)| item(&mut page, line, about));
            page.control("SH", ["EXIT STATUS"]);
            STATUSES.iter().for_each(|(status, about)| item(&mut page, status, about));
        }
        "test" => {
            page.control("SH", ["QUESTIONS OF 2011"]);
            ENTRIES.iter().for_each(|row| item(&mut page, row.name, row.asks));
            page.control("SH", ["QUESTIONS OF TODAY"]);
            for row in ROWS {
                item(&mut page, row.name, &format!("{} ({})", row.asks, row.reference));
            }
        }
        _ => {}
    }
    page
}

fn item(page: &mut Roff, name: &str, about: &str) {
    page.control("TP", []).text([bold(name)]).text([roman(about)]);
}

fn write(directory: &Path, pages: &[(String, Vec<u8>)]) -> Result<(), Failure> {
    let all = || {
        fs::create_dir_all(directory)?;
        pages.iter().try_for_each(|(name, page)| fs::write(directory.join(name), page))
    };
    all().map_err(|error: io::Error| {
        let message = format!("cannot write to {}: {error}", directory.display());
        Failure::new(Exit::Usage, message).hint("name a directory that may be written")
    })
}

/// What the statuses mean.
const STATUSES: &[(&str, &str)] = &[
    ("0", "Done, and nothing to report."),
    ("1", "Done, and the path interfered, or an expectation failed."),
    ("2", "Usage, or bad input."),
    ("3", "No privilege."),
    ("4", "No answer from the target."),
    ("5", "Only a part was done: interrupted, or more was lost than the stated threshold."),
];
