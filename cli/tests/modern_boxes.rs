//! Today's questions through real middleboxes, on IPv4 and IPv6, held against one table:
//! data/modern_boxes.txt. `UPDATE=1` writes it anew.

mod evidence;

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use serde_json::Value;
use tcpexposure_lab::{Family, Lab, MIDDLEBOXES, Middlebox, PROGRAMS};

const TOOL: &str = env!("CARGO_BIN_EXE_tcpexposure");
const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/modern_boxes.txt");
/// How many boxes are under test at a time; most of the time is waiting for what does not come.
const WORKERS: usize = 6;

/// Rows that depend on how fast a proxy reads and writes.
const TIMING: &[(&str, &[&str])] = &[("haproxy", &["InSplit", "InBurst", "InReordered"])];

/// What differs from a clean path, for each box and family.
type Rows = BTreeMap<(String, &'static str), String>;

/// Runs the suite through a box over both families.
fn through(middlebox: &Middlebox) -> Option<Vec<(&'static str, String)>> {
    let lab = Lab::row(3, PROGRAMS)?;
    let _program = middlebox.stand(lab.host(1));
    let responder = lab.last().spawn(TOOL, &["respond", "--port", "34343,80"]);
    responder.wait_for("serving ports");
    let timing = TIMING.iter().find(|(name, _)| *name == middlebox.name);
    let left_out = timing.map_or(&[][..], |(_, rows)| *rows);
    Some(Family::BOTH.map(|family| (name(family), findings(&lab, family, left_out))).into())
}

const fn name(family: Family) -> &'static str {
    match family {
        Family::V4 => "v4",
        Family::V6 => "v6",
    }
}

fn findings(lab: &Lab, family: Family, left_out: &[&str]) -> String {
    let target = lab.last_address(family).to_string();
    // Longer than the box remembers that forgets.
    let idle = ["--port", "34343", "--idle", "2500ms"];
    let file = evidence::file();
    let kept = ["-w", file.to_str().unwrap()];
    let arguments = [&["--json", "test", &target, "--suite", "modern"], &idle[..], &kept].concat();
    let output = lab.first().run(TOOL, &arguments);
    evidence::judge(&output, &file, &["--json"], &[]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut found: Vec<String> = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(|object: &Value| object["type"] == "verdict" && object["outcome"] != "passed")
        .filter(|object| !object["sentence"].as_str().unwrap_or("").contains("version of IP"))
        .filter(|object| !left_out.contains(&object["entry"].as_str().unwrap_or("")))
        .map(|object| {
            let word = |key: &str| object[key].as_str().unwrap_or("").to_owned();
            format!("{} {} {}", word("entry"), word("outcome"), word("direction")).trim().to_owned()
        })
        .collect();
    if !text.contains("\"summary\"") {
        return format!("no summary: {output:?}");
    }
    found.sort();
    found.join(", ")
}

fn measured() -> Option<Rows> {
    let rows = Mutex::new(Rows::new());
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(middlebox) = MIDDLEBOXES.get(next.fetch_add(1, Ordering::Relaxed)) {
            for (family, found) in through(middlebox)? {
                rows.lock().unwrap().insert((middlebox.name.to_owned(), family), found);
            }
        }
        Some(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect::<Option<()>>()
    })?;
    Some(rows.into_inner().unwrap())
}

#[test]
fn the_findings_through_every_box_are_those_of_the_table() {
    let Some(measured) = measured() else { return };
    let lines =
        measured.iter().map(|((name, family), found)| format!("{name} | {family} | {found}"));
    let text = lines.map(|line| line.trim_end().to_owned() + "\n").collect::<String>();
    text.lines().for_each(|line| println!("row: {line}"));
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(TABLE, &text).unwrap();
    }
    let table = std::fs::read_to_string(TABLE).unwrap();
    let pairs = text.lines().zip(table.lines());
    let differing: Vec<_> = pairs.filter(|(now, then)| now != then).collect();
    assert!(differing.is_empty(), "{differing:#?}");
    assert_eq!(text.len(), table.len());
}
