//! The golden table: every box of the original's verdict table, and what the suite says of it.
//!
//! `data/verdicts-by-middlebox.json` holds what the unmodified original said of simple models of
//! middleboxes. The suite that is faithful to its faults says the same through the boxes of these
//! names. `data/verdicts.md` is what it, the mended and the modern suite say of every box; where they
//! differ, [`mended`] says why.

mod mended;
mod responder;
mod runs;

use runs::{Codes, FAITHFUL, Far, MENDED, MODERN, Run, difference, show, show_changes};
use tcpexposure_sim::{Row, catalogue};

/// A row of the original's table.
struct Original {
    model: String,
    http: bool,
    codes: Codes,
}

fn originals() -> Vec<Original> {
    let text = include_str!("../data/verdicts-by-middlebox.json");
    let table: serde_json::Value = serde_json::from_str(text).unwrap();
    let rows = table["results"].as_array().unwrap().iter().map(|row| Original {
        model: row["middlebox"].as_str().unwrap().to_owned(),
        http: row["http"].as_bool().unwrap(),
        codes: serde_json::from_value(row["differs_from_clean"].clone()).unwrap(),
    });
    rows.collect()
}

fn row(model: &str) -> &'static Row {
    let row = catalogue().iter().find(|row| row.model == Some(model));
    row.unwrap_or_else(|| panic!("no box is the model {model:?}"))
}

#[test]
fn the_faithful_suite_says_what_the_original_said() {
    let mut text = String::new();
    for Original { model, http, codes } in originals() {
        let name = row(&model).name;
        for far in [Far::Original, Far::Classic] {
            let got = Run { http, ..Run::new(FAITHFUL, far) }.both(&path(name));
            if let Some(difference) = difference(&got, &codes) {
                text += &format!("{name} (http {http}, {far:?}): {difference}\n");
            }
        }
    }
    assert!(text.is_empty(), "\n{text}");
}

/// One line a box: what the faithful suite says, where the mended one differs from it, where the
/// modern one differs from that, and why. `UPDATE=1` writes the file anew.
#[test]
fn the_golden_table() {
    let mut text = format!("{HEADING}\n{}\n", "|---".repeat(6) + "|");
    let mut explained = 0;
    let mut unexplained = String::new();
    for row in catalogue() {
        for http in [false, true] {
            if http && !mended::WITH_HTTP.contains(&row.name) {
                continue;
            }
            let [faithful, mended, modern] =
                [(FAITHFUL, Far::Classic), (MENDED, Far::Classic), (MODERN, Far::Modern)].map(
                    |(dialect, far)| Run { http, ..Run::new(dialect, far) }.both(&path(row.name)),
                );
            let key = (row.name, http);
            let (mut why, rest) = mended::explain(mended::CHANGES, key, &faithful, &mended);
            unexplained.extend(rest.map(|rest| format!("mended: {key:?}: {rest}\n")));
            let (more, rest) = mended::explain(mended::MODERN, key, &mended, &modern);
            unexplained.extend(rest.map(|rest| format!("modern: {key:?}: {rest}\n")));
            why.extend(more);
            explained += why.len();
            why.dedup();
            let notes = mended::NOTES.iter().filter(|(name, _)| *name == row.name);
            why.extend(notes.map(|(_, note)| *note));
            text += &format!(
                "| {}{} | {} | {} | {} | {} | {} |\n",
                row.name,
                if http { " (HTTP)" } else { "" },
                row.model.unwrap_or(""),
                show(&faithful),
                show_changes(&mended, &faithful),
                show_changes(&modern, &mended),
                why.join(" "),
            );
        }
    }
    assert!(unexplained.is_empty(), "beside what is explained:\n{unexplained}");
    let all = mended::CHANGES.len() + mended::MODERN.len();
    assert_eq!(explained, all, "a change is explained that there is not");
    compare(&text);
}

/// Compares the table with the file.
fn compare(table: &str) {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/verdicts.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(file, table).unwrap();
    }
    let golden = std::fs::read_to_string(file).unwrap();
    let differs = table.lines().zip(golden.lines()).find(|(now, golden)| now != golden);
    assert_eq!(differs, None, "`UPDATE=1 cargo test` writes what is now");
    assert_eq!(table.len(), golden.len());
}

fn path(name: &str) -> String {
    format!("{name},delay=5ms")
}

const HEADING: &str = "| box | model of the original's table | faithful suite \
                       | mended suite, where it differs \
                       | modern suite, where it differs from the mended | why |";

/// Rows of the specification's section 6.10 that the verdict table does not hold.
#[test]
fn further_rows_of_the_original() {
    let rows: &[(&str, &[(&str, i8)])] = &[
        ("strip-options-synack", &[("SynOpt", 6), ("SynOpt2", 6)]),
        ("zero-options-in", &[("SynOpt", 4), ("SynOpt2", 4), ("DataOpt", 7)]),
        ("change-options-in", &[("SynOpt", 5), ("SynOpt2", 5), ("DataOpt", 6)]),
        ("shift-timestamps", &[("DataKnownOpt", 9), ("TsHole", 4), ("InconTsEcr", 9)]),
        (
            "split-options-first",
            &[
                ("Split", 1),
                ("SplitKnownOpt", 2),
                ("SplitOpt", 2),
                ("PseudoRtx", 4),
                ("PseudoRtxL", 4),
                ("PseudoRtxS", 4),
                // The second part has the command without its timestamp: the responder dies.
                ("InconTsEcr", 1),
            ],
        ),
        ("correct-ack-unseen", &[("AckHole", 2)]),
        ("rtx-drop", &[("PseudoRtx", 1), ("PseudoRtxL", 1), ("PseudoRtxS", 1)]),
        ("rtx-rst", &[("PseudoRtx", 5), ("PseudoRtxL", 5), ("PseudoRtxS", 5)]),
        (
            "drop-synack-data",
            &[("SynAckData", 1), ("SynAckDataAdv", 1), ("SynAckData2", 1), ("SynAckData2Adv", 1)],
        ),
        ("reflect", &[("UnexpAwnd4Opt", 1)]),
        ("router", &[]),
        ("nat", &[]),
        ("nat-loose", &[]),
        ("mss-clamp", &[]),
    ];
    let mut text = String::new();
    for (name, codes) in rows {
        let expected = codes.iter().map(|(name, code)| ((*name).to_owned(), *code)).collect();
        let got = Run::new(FAITHFUL, Far::Original).both(&path(name));
        if let Some(difference) = difference(&got, &expected) {
            text += &format!("{name}: {difference}\n");
        }
    }
    assert!(text.is_empty(), "\n{text}");
}

/// The repetitions of the original absorb loss at random: nothing differs.
#[test]
fn random_loss_changes_nothing() {
    let mut text = String::new();
    for (loss, seed) in
        [3, 10, 20].into_iter().flat_map(|loss| (1..=8).map(move |seed| (loss, seed)))
    {
        for (dialect, far) in
            [(FAITHFUL, Far::Classic), (MENDED, Far::Classic), (MODERN, Far::Modern)]
        {
            let setup = format!("loss={loss}%,delay=5ms,seed={seed}");
            let run = Run { v6: seed & 1 == 0, ..Run::new(dialect, far) };
            if let Some(difference) = difference(&run.through(&setup), &Codes::new()) {
                text += &format!("{setup}, {dialect:?}: {difference}\n");
            }
        }
    }
    assert!(text.is_empty(), "\n{text}");
}

/// Every model of the table has its box, and no box claims to be a model that is not there.
#[test]
fn every_model_has_its_box() {
    let originals = originals();
    for original in &originals {
        row(&original.model);
    }
    for row in catalogue() {
        let known = |model| originals.iter().any(|original| original.model == model);
        let reflected = "unknown SYN option stripped and reflected on the SYN/ACK";
        assert!(row.model.is_none_or(|model| known(model) || model == reflected), "{}", row.name);
    }
}
