//! Findings as a table of comma-separated values.

use std::{fmt::Write as _, io};

use super::{Layout, file::Shared};
use crate::commands::probe::{fields::Selected, record::Record};

/// A table.
pub(super) struct Table {
    fields: Selected,
    writer: csv::Writer<Shared>,
    cell: String,
}

impl Table {
    /// Begins a table, or goes on with one that has its line of names.
    pub(super) fn new(fields: Selected, file: Shared, fresh: bool) -> io::Result<Self> {
        let mut writer = csv::Writer::from_writer(file);
        if fresh {
            writer.write_record(fields.iter().map(|field| field.name))?;
            writer.flush()?;
        }
        Ok(Self { fields, writer, cell: String::new() })
    }
}

impl Layout for Table {
    fn record(&mut self, record: &Record) -> io::Result<()> {
        let finding = record.finding();
        for field in &self.fields {
            self.cell.clear();
            // Writing into memory does not fail.
            let _ = write!(self.cell, "{}", field.of(&finding));
            self.writer.write_field(&self.cell)?;
        }
        Ok(self.writer.write_record(None::<&[u8]>)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}
