//! The list of what is asked.

use serde_json::{Value, json};
use tcpexposure_core::experiment::{Code, ENTRIES, catalogue::Row, modern::ROWS};

use crate::{
    exit::Failure,
    output::{Output, text::paragraph},
};

/// Prints a row for each question.
pub(super) fn print(output: &mut Output) -> Result<(), Failure> {
    for row in &ENTRIES {
        if output.json {
            output.object(&object(row))?;
        } else {
            paragraph(output, &format!("{:<23}", row.name), row.asks)?;
        }
    }
    Ok(())
}

/// Prints a row for each of today's questions.
pub(super) fn print_modern(output: &mut Output) -> Result<(), Failure> {
    for row in ROWS {
        if output.json {
            output.object(&json!({
                "type": "entry",
                "suite": "modern",
                "entry": row.name,
                "family": row.family.word(),
                "id": row.id,
                "reference": row.reference,
                "asks": row.asks,
            }))?;
        } else {
            let (name, family) = (row.name, row.family.word());
            let asks = format!("{} ({})", row.asks, row.reference);
            paragraph(output, &format!("{name:<23}{family:<10}"), &asks)?;
        }
    }
    Ok(())
}

fn object(row: &Row) -> Value {
    let code = |code: &Code| {
        json!({
            "code": code.code,
            "outcome": code.outcome.word(),
            "direction": code.direction.word(),
            "id": code.id,
            "sentence": code.sentence,
        })
    };
    json!({
        "type": "entry",
        "entry": row.name,
        "procedure": row.procedure,
        "asks": row.asks,
        "about": row.about,
        "mended": row.mended,
        "codes": row.codes.iter().map(code).collect::<Vec<_>>(),
    })
}
