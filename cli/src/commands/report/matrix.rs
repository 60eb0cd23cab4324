//! The verdicts of all runs in one table: entries against ports and IP versions.

use std::collections::BTreeMap;

use maud::{Markup, html};
use tcpexposure_core::experiment::{
    ENTRIES,
    modern::{ROWS, by_name},
};

use super::{
    findings::Finding,
    session::{Run, Sense, Session, Suite},
};

/// A table of verdicts.
struct Matrix<'a> {
    columns: Vec<Column>,
    rows: BTreeMap<Rank<'a>, Vec<Cell<'a>>>,
}

/// What a column is about: the target where there are few of them, else all targets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Column {
    head: String,
    port: u64,
}

/// The order of rows: that of the catalogue, then by name.
type Rank<'a> = (usize, &'a str);

/// The outcomes in one cell, how often each came, and which finding tells more.
type Cell<'a> = BTreeMap<(Sense, &'a str), (u64, Option<usize>)>;

/// Writes the table of a suite; nothing if it was not run.
pub(super) fn table(session: &Session, suite: Suite, findings: &[Finding<'_>]) -> Markup {
    let runs: Vec<&Run> = session.runs.iter().filter(|run| run.suite == suite).collect();
    if runs.is_empty() {
        return Markup::default();
    }
    let matrix = Matrix::new(&runs, findings);
    let name = suite.name();
    html! {
        div.wide tabindex="0" role="region" aria-label={ (name) ", all verdicts" } {
            table.matrix {
                caption { (name) }
                (matrix.head())
                (matrix.body(suite))
            }
        }
    }
}

impl<'a> Matrix<'a> {
    fn new(runs: &[&'a Run], findings: &[Finding<'a>]) -> Self {
        let few = columns(runs, Column::of);
        let (columns, name): (_, fn(&Run) -> Column) = if few.len() <= COLUMNS {
            (few, Column::of)
        } else {
            (columns(runs, Column::of_family), Column::of_family)
        };
        let mut rows: BTreeMap<_, Vec<Cell<'a>>> = BTreeMap::new();
        for run in runs {
            let column = columns.binary_search(&name(run)).unwrap_or_default();
            for verdict in &run.verdicts {
                let rank = rank(run.suite, &verdict.entry);
                let cells = rows.entry(rank).or_insert_with(|| vec![Cell::new(); columns.len()]);
                let key = (verdict.sense(), verdict.outcome.as_str());
                let cell = cells[column].entry(key).or_default();
                cell.0 += 1;
                let tells = |finding: &Finding<'_>| finding.tells(run.suite, verdict);
                cell.1 = cell.1.or_else(|| findings.iter().position(tells));
            }
        }
        Self { columns, rows }
    }

    fn head(&self) -> Markup {
        let groups = self.columns.chunk_by(|a, b| a.head == b.head);
        html! {
            thead {
                tr {
                    th rowspan="2" scope="col" { "Entry" }
                    @for group in groups {
                        th colspan=(group.len()) scope="colgroup" { (group[0].head) }
                    }
                }
                tr {
                    @for column in &self.columns { th scope="col" { "port " (column.port) } }
                }
            }
        }
    }

    fn body(&self, suite: Suite) -> Markup {
        let rows: Vec<_> = self.rows.iter().collect();
        let groups = rows.chunk_by(|a, b| group(suite, a.0.1) == group(suite, b.0.1));
        html! {
            @for rows in groups {
                tbody {
                    @if let Some(family) = group(suite, rows[0].0.1) {
                        tr { th.group colspan=(self.columns.len() + 1) scope="rowgroup" { (family) } }
                    }
                    @for ((_, name), cells) in rows {
                        tr {
                            th scope="row" title=[asks(suite, name)] { (name) }
                            @for cell in *cells { (outcomes(cell)) }
                        }
                    }
                }
            }
        }
    }
}

impl Column {
    fn of(run: &Run) -> Self {
        Self { head: format!("{} {}", run.family(), run.place()), port: run.port }
    }

    fn of_family(run: &Run) -> Self {
        Self { head: run.family().to_owned(), port: run.port }
    }
}

fn outcomes(cell: &Cell<'_>) -> Markup {
    let worst = cell.keys().map(|(sense, _)| *sense).min_by_key(|sense| *sense != Sense::Bad);
    html! {
        td class=[worst.map(Sense::class)] {
            @if cell.is_empty() { "not asked" }
            @for ((sense, word), (count, finding)) in cell {
                div {
                    span.sign aria-hidden="true" { (sign(*sense)) }
                    @match finding {
                        Some(index) => { a href={ "#finding-" (index + 1) } { (word) } }
                        None => { (word) }
                    }
                    @if *count > 1 { " ×" (count) }
                }
            }
        }
    }
}

/// What is shown beside a word, for those who do not see colours.
const fn sign(sense: Sense) -> &'static str {
    match sense {
        Sense::Good => "✓ ",
        Sense::Bad => "✗ ",
        Sense::Open => "? ",
    }
}

fn columns(runs: &[&Run], name: fn(&Run) -> Column) -> Vec<Column> {
    let mut columns: Vec<_> = runs.iter().map(|run| name(run)).collect();
    columns.sort();
    columns.dedup();
    columns
}

/// Tells where an entry stands.
pub(super) fn rank(suite: Suite, entry: &str) -> Rank<'_> {
    let place = match suite {
        Suite::Classic => ENTRIES.iter().position(|row| row.name == entry),
        Suite::Modern => ROWS.iter().position(|row| row.name == entry),
    };
    (place.unwrap_or(usize::MAX), entry)
}

/// Tells what an entry asks, if it is one that we know.
pub(super) fn asks(suite: Suite, entry: &str) -> Option<&'static str> {
    match suite {
        Suite::Classic => ENTRIES.iter().find(|row| row.name == entry).map(|row| row.asks),
        Suite::Modern => by_name(entry).map(|row| row.asks),
    }
}

fn group(suite: Suite, entry: &str) -> Option<&'static str> {
    let row = if suite == Suite::Modern { by_name(entry) } else { None };
    row.map(|row| row.family.word())
}

/// With more columns than these, targets are counted together.
const COLUMNS: usize = 8;
