//! The tables of questions in the documentation are those of the catalogues. `UPDATE=1` writes them.

use std::{fmt::Write as _, fs, path::Path, process::Command};

use serde_json::Value;

const TOOL: &str = env!("CARGO_BIN_EXE_tcpexposure");

fn listed(suite: &[&str]) -> Vec<Value> {
    let output =
        Command::new(TOOL).args(["test", "--list", "--json"]).args(suite).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap()
}

/// Makes the table of the 43 questions: what each asks, and the words of its codes.
fn of_2011() -> String {
    let mut table = String::from("| entry | what it asks | what it can say |\n|---|---|---|\n");
    for row in listed(&[]) {
        let mut words = Vec::new();
        for code in row["codes"].as_array().unwrap() {
            let word = text(code, "outcome");
            if !words.contains(&word) {
                words.push(word);
            }
        }
        let (entry, asks) = (text(&row, "entry"), text(&row, "asks"));
        writeln!(table, "| `{entry}` | {asks} | {} |", words.join(", ")).unwrap();
    }
    table
}

/// Makes the table of what each code of an entry means.
fn codes() -> String {
    let mut table = String::from("| entry | code | verdict | what it means |\n|---|---|---|---|\n");
    for row in listed(&[]) {
        for code in row["codes"].as_array().unwrap() {
            let (number, word) = (&code["code"], text(code, "outcome"));
            let (entry, sentence) = (text(&row, "entry"), text(code, "sentence"));
            writeln!(table, "| `{entry}` | {number} | {word} | {sentence} |").unwrap();
        }
    }
    table
}

/// Makes the table of today's questions.
fn of_today() -> String {
    let mut table =
        String::from("| entry | family | what it asks | defined in |\n|---|---|---|---|\n");
    for row in listed(&["--suite", "modern"]) {
        let cells = ["family", "asks", "reference"].map(|name| text(&row, name));
        writeln!(table, "| `{}` | {} |", text(&row, "entry"), cells.join(" | ")).unwrap();
    }
    table
}

/// Compares what stands between two marks of a text.
fn check(file: &str, mark: &str, table: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    let before = fs::read_to_string(&file).unwrap();
    let (begin, end) = (format!("<!-- {mark} -->\n"), format!("<!-- end of {mark} -->"));
    let (head, rest) = before.split_once(&begin).unwrap();
    let (_, tail) = rest.split_once(&end).unwrap();
    let now = format!("{head}{begin}\n{table}\n{end}{tail}");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&file, &now).unwrap();
    }
    assert!(
        fs::read_to_string(&file).unwrap() == now,
        "the {mark} of {} are others now; `UPDATE=1 cargo test` writes them",
        file.display()
    );
}

#[test]
fn the_tables_are_those_of_the_catalogues() {
    check("README.md", "questions of 2011", &of_2011());
    check("docs/guide/verdicts.md", "codes of 2011", &codes());
    check("docs/guide/verdicts.md", "questions of today", &of_today());
}
