//! Today's questions through every box.
//!
//! `data/modern.md` is what the modern suite says of every box, beside what it says of a clean
//! path: everything passes. `UPDATE=1` writes it anew.

mod mirrors;
mod run;

use std::collections::BTreeSet;

use run::{Run, V4, V6};
use tcpexposure_core::experiment::modern::{Applies, ROWS};

#[test]
fn a_clean_path_passes_everything() {
    for addresses in [V4, V6] {
        let said = Run::new("delay=5ms").addresses(addresses).all();
        let asked = ROWS.iter().filter(|row| row.applies != Applies::Server);
        assert_eq!(said.len(), asked.count());
        for (name, said) in said {
            assert!(said == "passed" || said == "undetermined (OtherFamily)", "{name}: {said}");
        }
    }
}

#[test]
fn a_tenth_lost_each_way_changes_nothing() {
    for seed in 0..30 {
        let path = format!("delay=5ms,loss=10%,dup=2%,seed={seed}");
        for (name, said) in Run::new(&path).all() {
            let fine = said == "passed" || said == "undetermined (OtherFamily)";
            assert!(fine, "{path}: {name}: {said}");
        }
    }
}

#[test]
fn the_golden_table() {
    let mut seen = BTreeSet::new();
    let mut table = String::from("| box | what the modern suite says beside passed |\n|---|---|\n");
    for row in tcpexposure_sim::catalogue() {
        let path = format!("{},delay=5ms", row.name);
        let [v4, v6] = [V4, V6].map(|addresses| Run::new(&path).addresses(addresses).findings());
        let decided = v4.iter().chain(&v6).filter(|(_, said)| !said.starts_with("undetermined"));
        seen.extend(decided.map(|(name, _)| *name));
        let mut lines: Vec<String> = Vec::new();
        for (name, said) in &v4 {
            let other = v6.get(name).filter(|other| *other != said);
            let other = other.map(|other| format!(" (IPv6: {other})")).unwrap_or_default();
            lines.push(format!("{name} {said}{other}"));
        }
        lines.extend(
            v6.iter()
                .filter(|(name, _)| !v4.contains_key(*name))
                .map(|(name, said)| format!("{name} {said} (IPv6 only)")),
        );
        table += &format!("| {} | {} |\n", row.name, lines.join(", "));
    }
    compare(&table);
    let asked = ROWS.iter().filter(|row| row.applies != Applies::Server);
    let unseen: Vec<_> = asked.map(|row| row.name).filter(|name| !seen.contains(name)).collect();
    assert!(unseen.is_empty(), "no box shows {unseen:?}");
}

fn compare(table: &str) {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/modern.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(file, table).unwrap();
    }
    let golden = std::fs::read_to_string(file).unwrap();
    let differs = table.lines().zip(golden.lines()).find(|(now, golden)| now != golden);
    assert_eq!(differs, None, "`UPDATE=1 cargo test` writes what is now");
    assert_eq!(table.len(), golden.len());
}
