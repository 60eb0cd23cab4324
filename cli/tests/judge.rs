//! Verdicts from the evidence alone: of runs through every simulated box, and of files that were
//! changed since.

mod evidence;

use std::{
    fs,
    path::Path,
    process::{Command, Output},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use tcpexposure_sim::catalogue;

const TOOL: &str = env!("CARGO_BIN_EXE_tcpexposure");
const WORKERS: usize = 4;

fn run(arguments: &[&str]) -> Output {
    Command::new(TOOL).args(arguments).output().unwrap()
}

/// Runs a suite, and judges it again.
fn judged(target: &str, path: &str, more: &[&str]) {
    let (file, backend) = (evidence::file(), format!("sim:{path}"));
    let kept = ["-w", file.to_str().unwrap()];
    let base = ["--json", "test", target, "--backend", &backend];
    let live = run(&[&base[..], more, &kept].concat());
    evidence::judge(&live, &file, &["--json"], &[]);
}

/// The 43 questions over one family and today's over the other, each box with both by turns.
#[test]
fn every_box_is_judged_the_same_again() {
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(row) = catalogue().get(next.fetch_add(1, Ordering::Relaxed)) {
            let path = format!("router,{},router", row.name);
            judged("192.0.2.1", &path, &["--suite", "modern", "--localise"]);
            judged("2001:db8::1", row.name, &[]);
        }
    };
    thread::scope(|scope| (0..WORKERS).for_each(|_| drop(scope.spawn(work))));
}

#[test]
fn whatever_is_asked_is_judged_the_same_again() {
    let paths = ["loss=10%,delay=20ms,seed=5", "reorder=20%,dup=5%,delay=3ms,seed=9"];
    let asked: [&[&str]; 6] = [
        &["--suite", "classic"],
        &["--suite", "classic", "--faithful"],
        &["--only", "SynOpt,Data", "--parallel", "1"],
        &["--http=www.example.org", "--parallel", "16"],
        &["--suite", "modern", "--only", "mptcp,tfo", "--parallel", "2"],
        &["--suite", "modern", "--peer", "server", "--http=x", "--idle", "2s"],
    ];
    for path in paths {
        asked.into_iter().for_each(|more| judged("192.0.2.1", path, more));
    }
}

/// Writes the evidence of a run through a box.
fn evidence_of(path: &str) -> std::path::PathBuf {
    let file = evidence::file();
    let backend = format!("sim:{path}");
    run(&["test", "192.0.2.9", "--backend", &backend, "-w", file.to_str().unwrap()]);
    file
}

fn judge(file: &Path) -> (Option<i32>, String) {
    let output = run(&["judge", file.to_str().unwrap()]);
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Finds the place of each packet's bytes in a file: behind the header of its block.
fn packets(bytes: &[u8]) -> Vec<(usize, usize)> {
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let (mut at, mut found) = (0, Vec::new());
    while at < bytes.len() {
        if word(at) == 6 {
            found.push((at + 28, word(at + 20)));
        }
        at += word(at + 4);
    }
    found
}

#[test]
fn a_packet_that_was_changed_is_noticed() {
    let file = evidence_of("strip-options");
    let bytes = fs::read(&file).unwrap();
    assert_eq!(judge(&file).0, Some(1));
    let mut noticed = 0;
    for (number, (at, length)) in packets(&bytes).into_iter().enumerate().step_by(37) {
        let mut changed = bytes.clone();
        changed[at + length - 1] ^= 0x55;
        fs::write(&file, &changed).unwrap();
        let source = &bytes[at + 12..at + 16];
        let (code, said) = judge(&file);
        // What we sent is compared; of what came, the checksum is wrong now and it counts no more.
        if source == [192, 0, 2, 9] {
            continue;
        }
        assert_eq!(code, Some(2), "packet {}: {said}", number + 1);
        assert!(said.contains("is not what the run"), "{said}");
        noticed += 1;
    }
    assert!(noticed > 5, "{noticed}");
    fs::remove_file(&file).unwrap();
}

#[test]
fn what_is_no_evidence_is_told_so() {
    let file = evidence_of("router");
    let whole = fs::read(&file).unwrap();
    let (at, length) = packets(&whole)[9];
    let end = at + length.next_multiple_of(4);
    let block = (
        at - 28,
        at - 28 + u32::from_le_bytes(whole[at - 24..at - 20].try_into().unwrap()) as usize,
    );
    assert!(end <= block.1);
    let without = [&whole[..block.0], &whole[block.1..]].concat();
    let cases: [(&[u8], &str); 4] = [
        (&without, "packets, and tells of"),
        (&whole[..whole.len() - 5], "cannot read"),
        (b"no capture", "cannot read"),
        (&[], "cannot read"),
    ];
    for (bytes, said) in cases {
        fs::write(&file, bytes).unwrap();
        let (code, text) = judge(&file);
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains(said) && text.contains("hint: "), "{text}");
    }
    fs::remove_file(&file).unwrap();
}

#[test]
fn a_capture_without_an_account_is_told_so() {
    let file = evidence::file();
    let name = file.to_str().unwrap();
    run(&["craft", "192.0.2.1:80", "S", "-w", name]);
    let (code, text) = judge(&file);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("holds no account of a test"), "{text}");
    fs::remove_file(&file).unwrap();
}
