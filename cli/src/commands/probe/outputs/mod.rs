//! Where findings go, in the format that was asked for.

#[cfg(feature = "columns")]
mod columns;
mod csv;
mod file;
mod jsonl;
mod pcapng;
mod text;

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use super::{
    fields::{self, Selected},
    record::Record,
};
use crate::exit::{Exit, Failure};

/// The format of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// A line of fields for people
    Text,
    /// One JSON object a line
    #[value(alias = "json")]
    Jsonl,
    /// Comma-separated values under a line of names
    Csv,
    /// The frames themselves, with their classification as a comment
    Pcapng,
    /// An Arrow file (IPC), which is whole when the run has ended
    #[cfg(feature = "columns")]
    Arrow,
    /// A Parquet file, which is whole when the run has ended
    #[cfg(feature = "columns")]
    Parquet,
}

/// What is known of an output before it is opened.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) format: Format,
    pub(super) path: Option<PathBuf>,
    pub(super) fields: Selected,
}

/// An open output.
pub(super) struct Sink {
    layout: Box<dyn Layout>,
    file: file::Shared,
    name: String,
    /// How many findings were written.
    pub(super) written: u64,
}

/// A way to write findings.
trait Layout {
    /// Writes one.
    fn record(&mut self, record: &Record) -> io::Result<()>;

    /// Hands over what was kept back, as far as the format lets it.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Writes what stands at the end.
    fn finish(&mut self) -> io::Result<()> {
        self.flush()
    }
}

impl Format {
    /// Tells the format by what was asked for, else by a file's name.
    pub(super) fn choose(asked: Option<Self>, path: Option<&Path>, json: bool) -> Self {
        let by_name = || match path?.extension()?.to_str()? {
            "jsonl" | "json" => Some(Self::Jsonl),
            "csv" => Some(Self::Csv),
            "pcapng" => Some(Self::Pcapng),
            #[cfg(feature = "columns")]
            "arrow" => Some(Self::Arrow),
            #[cfg(feature = "columns")]
            "parquet" => Some(Self::Parquet),
            _ => None,
        };
        let usual = if json { Self::Jsonl } else { Self::Text };
        asked.or_else(by_name).unwrap_or(usual)
    }

    /// Tells whether a file of this format can be gone on with.
    pub(super) const fn continues(self) -> bool {
        matches!(self, Self::Text | Self::Jsonl | Self::Csv | Self::Pcapng)
    }

    /// Tells whether the frames are needed.
    pub(super) const fn keeps_frames(self) -> bool {
        matches!(self, Self::Pcapng)
    }
}

impl Plan {
    /// Makes a plan from what the command line says.
    pub(super) fn new(
        format: Format,
        path: Option<&Path>,
        names: &[String],
    ) -> Result<Self, Failure> {
        let fields = fields::select(names, format == Format::Text)?;
        Ok(Self { format, path: path.map(Path::to_owned), fields })
    }

    /// Opens the output; one that is gone on with keeps what is whole in it.
    pub(super) fn open(&self, resume: bool) -> Result<Sink, Failure> {
        let name = match &self.path {
            Some(path) => path.display().to_string(),
            None => "the output".to_owned(),
        };
        let open = || -> io::Result<_> {
            let mut file = file::Shared::open(self.path.as_deref(), resume, self.format)?;
            let fresh = file.is_empty();
            let layout = self.layout(file.clone(), fresh)?;
            file.flush()?;
            Ok((layout, file))
        };
        let (layout, file) = open().map_err(|error| unwritable(Exit::Usage, &name, &error))?;
        Ok(Sink { layout, file, name, written: 0 })
    }

    fn layout(&self, file: file::Shared, fresh: bool) -> io::Result<Box<dyn Layout>> {
        let fields = self.fields.clone();
        Ok(match self.format {
            Format::Text => Box::new(text::Text { fields, file }),
            Format::Jsonl => Box::new(jsonl::Lines { fields, file }),
            Format::Csv => Box::new(csv::Table::new(fields, file, fresh)?),
            Format::Pcapng => Box::new(pcapng::Frames::new(file)?),
            #[cfg(feature = "columns")]
            Format::Arrow => Box::new(columns::Columns::arrow(fields, &file)?),
            #[cfg(feature = "columns")]
            Format::Parquet => Box::new(columns::Columns::parquet(fields, &file)?),
        })
    }
}

impl Sink {
    /// Writes findings, and lets them be seen.
    pub(super) fn write(&mut self, records: &[Record]) -> Result<(), Failure> {
        let mut write = || -> io::Result<()> {
            records.iter().try_for_each(|record| self.layout.record(record))?;
            self.layout.flush()?;
            self.file.flush()
        };
        let written = write();
        written.map_err(|error| self.failed(&error))?;
        self.written += records.len() as u64;
        Ok(())
    }

    /// Waits until the disk has all that was written.
    pub(super) fn sync(&mut self) -> Result<(), Failure> {
        let synced = self.file.sync();
        synced.map_err(|error| self.failed(&error))
    }

    /// Ends the output.
    pub(super) fn finish(&mut self) -> Result<(), Failure> {
        let finished = self.layout.finish().and_then(|()| self.file.flush());
        finished.map_err(|error| self.failed(&error))
    }

    /// Leaves only whole findings in the file, and tells what went wrong.
    fn failed(&mut self, error: &io::Error) -> Failure {
        self.file.mend();
        unwritable(Exit::Partial, &self.name, error)
    }
}

/// Tells that an output cannot be written.
pub(super) fn unwritable(exit: Exit, name: &str, error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return io::Error::from(io::ErrorKind::BrokenPipe).into();
    }
    Failure::new(exit, format!("cannot write {name}: {error}"))
        .hint("give a file that may be written, on a disk with room")
}
