//! The verdicts through real middleboxes: client, box and server in namespaces, on IPv4 and IPv6,
//! held against one table, data/middleboxes.txt.

mod evidence;

use std::{
    collections::BTreeMap,
    process::Output,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use tcpexposure_lab::{Family, Lab, MIDDLEBOXES, Middlebox, PROGRAMS, Program};

const TOOL: &str = env!("CARGO_BIN_EXE_tcpexposure");
const TABLE: &str = include_str!("data/middleboxes.txt");
/// How many boxes are under test at a time; most of the time is waiting for what does not come.
const WORKERS: usize = 10;
const ENTRIES: usize = 43;

/// A box, a family and the entries that differ from 0, as in the table.
type Rows = BTreeMap<(String, &'static str), String>;

fn lab() -> Option<Lab> {
    Lab::row(3, PROGRAMS)
}

fn name(family: Family) -> &'static str {
    match family {
        Family::V4 => "v4",
        Family::V6 => "v6",
    }
}

/// Starts the responder at the far end.
fn responder(lab: &Lab) -> Program {
    let program = lab.last().spawn(TOOL, &["respond", "--port", "34343,80"]);
    program.wait_for("serving ports");
    program
}

/// Runs the suite through a box, and gives the entries that differ from 0 for each family.
fn verdicts(middlebox: &Middlebox) -> Option<Vec<(&'static str, String)>> {
    let lab = lab()?;
    let _program = middlebox.stand(lab.host(1));
    let _responder = responder(&lab);
    let lab = &lab;
    let run = |family| (name(family), entries(&suite(lab, family)));
    Some(thread::scope(|scope| {
        let runs = Family::BOTH.map(|family| scope.spawn(move || run(family)));
        runs.map(|run| run.join().unwrap()).into()
    }))
}

/// Runs the suite, and judges its evidence again.
fn suite(lab: &Lab, family: Family) -> Output {
    let (target, file) = (lab.last_address(family).to_string(), evidence::file());
    let arguments = ["test", &target, "--port", "34343", "--format", "classic", "-w"];
    let output = lab.first().run(TOOL, &[&arguments[..], &[file.to_str().unwrap()]].concat());
    evidence::judge(&output, &file, &[], &["--format", "classic"]);
    output
}

/// Picks what differs from 0 in the result line.
fn entries(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout);
    let Some(line) = text.lines().find_map(|line| line.strip_prefix("Result: ")) else {
        return format!("no result, {output:?}");
    };
    let words: Vec<&str> = line.split_whitespace().collect();
    if words.len() != 2 * ENTRIES {
        return format!("{} words, not {}: {line}", words.len(), 2 * ENTRIES);
    }
    let differing = words.chunks(2).filter(|pair| pair[1] != "0");
    differing.map(|pair| pair.join(" ")).collect::<Vec<_>>().join(", ")
}

/// Reads the table: box | families | entries that differ from 0 | reason.
fn table() -> Rows {
    let mut rows = Rows::new();
    for line in TABLE.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let [middlebox, family, entries, reason] = columns[..] else {
            panic!("four columns are wanted: {line}");
        };
        assert!(!reason.is_empty(), "without a reason: {line}");
        for each in Family::BOTH.map(name) {
            if family == each || family == "both" {
                let before = rows.insert((middlebox.to_owned(), each), entries.to_owned());
                assert!(before.is_none(), "twice: {line}");
            }
        }
    }
    rows
}

/// Runs the suite through every box but the one that loses.
fn measured() -> Option<Rows> {
    let boxes: Vec<_> = MIDDLEBOXES.iter().filter(|each| each.name != "loss-10").collect();
    let rows = Mutex::new(Rows::new());
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(middlebox) = boxes.get(next.fetch_add(1, Ordering::Relaxed)) {
            for (family, entries) in verdicts(middlebox)? {
                rows.lock().unwrap().insert((middlebox.name.to_owned(), family), entries);
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
fn the_verdicts_through_every_box_are_those_of_the_table() {
    let Some(measured) = measured() else { return };
    let expected = table();
    let mut differences = 0;
    for ((middlebox, family), entries) in &measured {
        println!("row: {middlebox} | {family} | {entries}");
        let wanted = expected.get(&(middlebox.clone(), *family));
        if wanted != Some(entries) {
            differences += 1;
            eprintln!("{middlebox} {family}: {entries:?}, but the table has {wanted:?}");
        }
    }
    assert!(expected.keys().eq(measured.keys()), "the boxes are not those of the table");
    assert_eq!(differences, 0);
}

#[test]
fn a_tenth_of_the_packets_lost_changes_no_verdict() {
    let Some(verdicts) = verdicts(Middlebox::named("loss-10")) else { return };
    for (family, entries) in &verdicts {
        println!("row: loss-10 | {family} | {entries}");
    }
    assert!(verdicts.iter().all(|(_, entries)| entries.is_empty()), "{verdicts:?}");
}
