//! Findings as lines for people.

use std::io::{self, Write as _};

use super::{Layout, file::Shared};
use crate::commands::probe::{
    fields::{Selected, Value},
    record::Record,
};

/// Fields with a space between.
pub(super) struct Text {
    pub(super) fields: Selected,
    pub(super) file: Shared,
}

impl Layout for Text {
    fn record(&mut self, record: &Record) -> io::Result<()> {
        let finding = record.finding();
        for (place, field) in self.fields.iter().enumerate() {
            let gap = if place == 0 { "" } else { " " };
            match field.of(&finding) {
                Value::None | Value::Options([]) | Value::Bytes([]) => {
                    write!(self.file, "{gap}-")?;
                }
                value => write!(self.file, "{gap}{value}")?,
            }
        }
        self.file.write_all(b"\n")
    }
}
