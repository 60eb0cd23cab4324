//! Findings as JSON, an object a line.

use std::io::{self, Write as _};

use serde::ser::{Serialize, SerializeMap as _, Serializer};
use tcpexposure_core::scan::finding::Finding;

use super::{Layout, file::Shared};
use crate::commands::probe::{
    fields::{Field, Selected},
    record::Record,
};

/// JSON Lines.
pub(super) struct Lines {
    pub(super) fields: Selected,
    pub(super) file: Shared,
}

/// A finding as an object.
struct Object<'a>(&'a [&'static Field], Finding<'a>);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("type", "finding")?;
        for field in self.0 {
            map.serialize_entry(field.name, &field.of(&self.1))?;
        }
        map.end()
    }
}

impl Layout for Lines {
    fn record(&mut self, record: &Record) -> io::Result<()> {
        serde_json::to_writer(&mut self.file, &Object(&self.fields, record.finding()))?;
        self.file.write_all(b"\n")
    }
}
