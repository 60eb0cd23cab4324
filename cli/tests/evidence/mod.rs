//! Runs whose evidence is judged again.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output, id},
    sync::atomic::{AtomicU32, Ordering},
};

const TOOL: &str = env!("CARGO_BIN_EXE_tcpexposure");

/// Names a file that no other run has.
pub(crate) fn file() -> PathBuf {
    static NUMBERS: AtomicU32 = AtomicU32::new(0);
    let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("tcpexposure-evidence-{}-{number}.pcapng", id()))
}

/// Judges the evidence of a run by the file alone: it must say what the run said, and end as it did.
pub(crate) fn judge(live: &Output, file: &PathBuf, before: &[&str], behind: &[&str]) {
    let again = Command::new(TOOL).args(before).arg("judge").arg(file).args(behind).output();
    let again = again.unwrap();
    assert!(file.exists(), "no evidence: {live:?}");
    fs::remove_file(file).unwrap();
    assert_eq!(String::from_utf8_lossy(&again.stdout), String::from_utf8_lossy(&live.stdout));
    assert_eq!(again.status.code(), live.status.code(), "{again:?}");
}
