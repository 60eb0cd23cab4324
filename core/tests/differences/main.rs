//! What tshark and scapy make of the packets of all classes and of the fuzzers' corpus, beside what
//! we do: the same, but for the differences that `docs/differences.md` lists.

#[path = "../classes/mod.rs"]
mod classes;
mod frames;
mod scapy;
mod tshark;

use std::{
    collections::BTreeMap,
    env,
    process::{Command, Stdio},
};

/// The list, whose rows begin with the name of a difference.
const LISTED: &str = include_str!("../../../docs/differences.md");

/// Checks that the differences found are those that a section lists, no more and no fewer.
fn listed(section: &str, found: &BTreeMap<&str, usize>, of: usize) {
    for (difference, count) in found {
        println!("{count:6} of {of}: {difference}");
    }
    let text = LISTED.split("\n## ").find(|text| text.starts_with(section)).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let mut listed: Vec<_> = rows.skip(1).collect();
    listed.sort_unstable();
    assert_eq!(listed, found.keys().copied().collect::<Vec<_>>(), "{section}");
}

/// Tells whether a program runs. Where it does not, the test that asked is skipped with a word; in
/// CI that is a failure.
fn installed(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if command.status().is_ok_and(|status| status.success()) {
        return true;
    }
    assert!(env::var_os("CI").is_none_or(|ci| ci != "true"), "CI lacks {program}");
    eprintln!("skipped: {program} is not installed");
    false
}
