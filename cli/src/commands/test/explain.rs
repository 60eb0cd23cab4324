//! What a question asks, why it matters, and what relies on it: from the catalogues of both suites.

use serde_json::{Value, json};
use tcpexposure_core::experiment::{
    ENTRIES,
    catalogue::Row as Old,
    modern::{ROWS, Row as New},
    stake::{Rfc, Stake},
};

use super::Suite;
use crate::{
    exit::{Exit, Failure},
    output::{Output, text::paragraph},
};

/// Prints what is to be known of a question, of either suite where both have one of this name.
pub(super) fn print(name: &str, suite: Option<Suite>, output: &mut Output) -> Result<(), Failure> {
    let same = |other: &str| other.eq_ignore_ascii_case(name);
    let old = ENTRIES.iter().filter(|row| same(row.name) && suite != Some(Suite::Modern));
    let new = ROWS.iter().filter(|row| same(row.name) && suite != Some(Suite::Classic));
    let mut found = 0;
    for (index, entry) in old.map(Entry::Old).chain(new.map(Entry::New)).enumerate() {
        found += 1;
        if output.json {
            output.object(&entry.object())?;
            continue;
        }
        if index > 0 {
            output.line("")?;
        }
        entry.print(output)?;
    }
    if found > 0 {
        return Ok(());
    }
    Err(Failure::new(Exit::Usage, format!("no question is called {name:?}"))
        .hint("`tcpexposure test --suite all --list` lists them"))
}

/// A question of either suite.
enum Entry {
    Old(&'static Old),
    New(&'static New),
}

impl Entry {
    const fn name(&self) -> &'static str {
        match self {
            Self::Old(row) => row.name,
            Self::New(row) => row.name,
        }
    }

    const fn asks(&self) -> &'static str {
        match self {
            Self::Old(row) => row.asks,
            Self::New(row) => row.asks,
        }
    }

    const fn stake(&self) -> &'static Stake {
        match self {
            Self::Old(row) => row.stake,
            Self::New(row) => row.stake,
        }
    }

    fn print(&self, output: &mut Output) -> Result<(), Failure> {
        let whose = match self {
            Self::Old(_) => "one of the 43 questions of 2011".to_owned(),
            Self::New(row) => format!("of today's questions, family {}", row.family.word()),
        };
        output.line(&format!("{} - {whose}", self.name()))?;
        paragraph(output, "  asks        ", self.asks())?;
        match self {
            Self::Old(row) => {
                paragraph(output, "  how         ", row.about)?;
                if !row.mended.is_empty() {
                    paragraph(output, "  since 2011  ", row.mended)?;
                }
            }
            Self::New(row) => paragraph(output, "  defined in  ", row.reference)?,
        }
        paragraph(output, "  matters     ", self.stake().why)?;
        let rfcs: Vec<_> = self.stake().rfcs.iter().map(ToString::to_string).collect();
        paragraph(output, "  relied on   ", &format!("by {}", rfcs.join(", ")))?;
        if let Self::Old(row) = self {
            row.codes.iter().try_for_each(|code| {
                let head = format!("  {:>3}  {:<14}", code.code, code.outcome.word());
                paragraph(output, &head, code.sentence)
            })?;
        }
        Ok(())
    }

    fn object(&self) -> Value {
        let stake = self.stake();
        let rfc = |rfc: &Rfc| json!({"number": rfc.number, "about": rfc.about});
        json!({
            "type": "explanation",
            "suite": if matches!(self, Self::Old(_)) { "classic" } else { "modern" },
            "entry": self.name(),
            "asks": self.asks(),
            "matters": stake.why,
            "rfcs": stake.rfcs.iter().map(rfc).collect::<Vec<_>>(),
        })
    }
}
