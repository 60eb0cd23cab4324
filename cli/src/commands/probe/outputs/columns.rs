//! Findings as columns: Arrow and Parquet files.

use std::{
    fmt::Write as _,
    io::{self, Write},
    sync::Arc,
};

use arrow_array::{
    ArrayRef, RecordBatch,
    builder::{BooleanBuilder, StringBuilder, UInt64Builder},
};
use arrow_ipc::writer::FileWriter;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use parquet::{
    arrow::ArrowWriter, basic::Compression, errors::ParquetError,
    file::properties::WriterProperties,
};

use super::{Layout, file::Shared};
use crate::commands::probe::{
    fields::{Kind, Selected, Value},
    record::Record,
};

/// Columns that are being filled.
pub(super) struct Columns {
    fields: Selected,
    schema: SchemaRef,
    columns: Vec<Column>,
    rows: usize,
    writer: Writer,
    cell: String,
}

enum Column {
    Numbers(UInt64Builder),
    Flags(BooleanBuilder),
    Texts(StringBuilder),
}

enum Writer {
    // Both are large.
    Arrow(Box<FileWriter<File>>),
    Parquet(Box<ArrowWriter<File>>),
}

type File = Box<dyn Write + Send>;

impl Columns {
    /// Begins an Arrow file.
    pub(super) fn arrow(fields: Selected, file: &Shared) -> io::Result<Self> {
        let schema = schema(&fields);
        let writer = FileWriter::try_new(file.sendable()?, &schema).map_err(of_arrow)?;
        Ok(Self::new(fields, schema, Writer::Arrow(Box::new(writer))))
    }

    /// Begins a Parquet file.
    pub(super) fn parquet(fields: Selected, file: &Shared) -> io::Result<Self> {
        let schema = schema(&fields);
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let writer = ArrowWriter::try_new(file.sendable()?, Arc::clone(&schema), Some(properties))
            .map_err(of_parquet)?;
        Ok(Self::new(fields, schema, Writer::Parquet(Box::new(writer))))
    }

    fn new(fields: Selected, schema: SchemaRef, writer: Writer) -> Self {
        let columns = fields.iter().map(|field| Column::new(field.kind)).collect();
        Self { fields, schema, columns, rows: 0, writer, cell: String::new() }
    }

    /// Writes the rows that are there as one batch.
    fn batch(&mut self) -> io::Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        self.rows = 0;
        let columns = self.columns.iter_mut().map(Column::finish).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(of_arrow)?;
        match &mut self.writer {
            Writer::Arrow(writer) => writer.write(&batch).map_err(of_arrow),
            Writer::Parquet(writer) => writer.write(&batch).map_err(of_parquet),
        }
    }
}

impl Layout for Columns {
    fn record(&mut self, record: &Record) -> io::Result<()> {
        let finding = record.finding();
        for (field, column) in self.fields.iter().zip(&mut self.columns) {
            column.push(field.of(&finding), &mut self.cell);
        }
        self.rows += 1;
        if self.rows == BATCH { self.batch() } else { Ok(()) }
    }

    fn finish(&mut self) -> io::Result<()> {
        self.batch()?;
        match &mut self.writer {
            Writer::Arrow(writer) => writer.finish().map_err(of_arrow),
            Writer::Parquet(writer) => writer.finish().map(drop).map_err(of_parquet),
        }
    }
}

impl Column {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Number => Self::Numbers(UInt64Builder::new()),
            Kind::Flag => Self::Flags(BooleanBuilder::new()),
            Kind::Text => Self::Texts(StringBuilder::new()),
        }
    }

    fn push(&mut self, value: Value<'_>, cell: &mut String) {
        match (self, value) {
            (Self::Numbers(numbers), Value::Number(number)) => numbers.append_value(number),
            (Self::Numbers(numbers), _) => numbers.append_null(),
            (Self::Flags(flags), Value::Flag(flag)) => flags.append_value(flag),
            (Self::Flags(flags), _) => flags.append_null(),
            (Self::Texts(texts), Value::None) => texts.append_null(),
            (Self::Texts(texts), value) => {
                cell.clear();
                // Writing into memory does not fail.
                let _ = write!(cell, "{value}");
                texts.append_value(&cell);
            }
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Numbers(numbers) => Arc::new(numbers.finish()),
            Self::Flags(flags) => Arc::new(flags.finish()),
            Self::Texts(texts) => Arc::new(texts.finish()),
        }
    }
}

fn schema(fields: &Selected) -> SchemaRef {
    let column = |kind| match kind {
        Kind::Number => DataType::UInt64,
        Kind::Flag => DataType::Boolean,
        Kind::Text => DataType::Utf8,
    };
    let fields = fields.iter().map(|field| Field::new(field.name, column(field.kind), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn of_arrow(error: ArrowError) -> io::Error {
    match error {
        ArrowError::IoError(_, error) => error,
        other => io::Error::other(other),
    }
}

fn of_parquet(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(error) => match error.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    }
}

/// How many rows make a batch.
const BATCH: usize = 8192;
