//! `report`: one page, for people, of what `test` and `probe` found.

mod capture;
mod chart;
mod draw;
mod facts;
mod findings;
mod ladder;
mod matrix;
mod page;
mod scan;
mod session;

use std::{fs, io::Write as _, path::PathBuf};

use crate::{
    exit::{Exit, Failure},
    output::Output,
};
use capture::Capture;
use session::Session;

/// Make one page to read of what `test --json` and `probe` found
///
/// The page needs no network and no script: it can be sent, printed and kept. With the packets of
/// a run (`test -w`) it draws what was sent, what arrived and what came back.
#[derive(Debug, clap::Args)]
pub(crate) struct Report {
    /// What was found, as JSON Lines; - is standard input
    #[arg(required = true, value_name = "JSONL")]
    files: Vec<PathBuf>,
    /// The packets of a run, as `test -w` wrote them; give one for each file, in their order
    #[arg(long, value_name = "CAPTURE")]
    packets: Vec<PathBuf>,
    /// Where the page goes; standard output if absent
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Report {
    pub(crate) fn run(&self, output: &mut Output) -> Result<Exit, Failure> {
        if self.packets.len() > self.files.len() {
            return Err(Failure::new(Exit::Usage, "there are more captures than files of results")
                .hint(
                    "give each file its own, in their order: --packets a.pcapng --packets b.pcapng",
                ));
        }
        let session = Session::read(&self.files)?;
        let captures: Vec<Capture> =
            self.packets.iter().map(|path| Capture::read(path)).collect::<Result<_, _>>()?;
        let page = page::page(&session, &captures).into_string();
        self.write(&page, output)?;
        Ok(Exit::Done)
    }

    fn write(&self, page: &str, output: &mut Output) -> Result<(), Failure> {
        let Some(path) = &self.output else { return Ok(output.out.write_all(page.as_bytes())?) };
        fs::write(path, page).map_err(|error| {
            Failure::new(Exit::Usage, format!("cannot write {}: {error}", path.display()))
                .hint("give a file that may be written, on a disk with room")
        })
    }
}
