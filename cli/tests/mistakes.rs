//! What people get wrong, and what they are told: one sentence, and one hint that can be acted on.

use std::{
    fs,
    process::{Command, Output},
};

const TOOL: &str = env!("CARGO_BIN_EXE_tcpexposure");

/// Runs the tool without any privilege.
fn run(line: &str) -> Output {
    let words: Vec<_> = line.split('\t').collect();
    Command::new(TOOL).args(words).stdin(std::process::Stdio::null()).output().unwrap()
}

/// Mistakes of usage, with arguments separated by tabs, and a word of the hint.
const USAGE: &[(&str, &str)] = &[
    ("tset\tx", "`test`"),
    ("bogus", "COMMAND"),
    ("--colour\tnever\ttest", "`--color`"),
    ("--color\tmaybe\tdoctor", "auto, always, never"),
    ("send", "write tcpexposure send"),
    ("send\texample.org", "write tcpexposure send"),
    ("send\ta:b\tS", "--help"),
    ("send\t192.0.2.1\tA", "use `.` for ACK"),
    ("send\t192.0.2.1\tS <mss>", "hint"),
    ("send\t--backend\tsim:nosuch\t192.0.2.1\tS", "--help"),
    ("send\t--backend\tcarrier\t192.0.2.1\tS", "--help"),
    ("send\t--backend\tsim\t--from\t2001:db8::1\t192.0.2.1\tS", "name a host"),
    ("send\t--backend\tbpf\t192.0.2.1\tS", "packet"),
    ("send\t-i\tnosuch0\t192.0.2.1\tS", "tcpexposure doctor"),
    ("send\t-G\tzz\t192.0.2.1\tS", "--help"),
    ("send\t--timeout\t9x\t192.0.2.1\tS", "--help"),
    ("send\tnowhere.invalid\tS", "give an address"),
    ("send\t--backend\tsim\t-w\t/nosuch/x.pcap\t192.0.2.1\tS", "may be written"),
    ("craft\t192.0.2.1", "write tcpexposure craft"),
    ("craft\t192.0.2.1\tS len 70000", "hint"),
    ("print\t/nosuch/file", "file that exists"),
    ("print\tREADME.md\t--port\tx", "--help"),
    ("test", "--backend sim"),
    ("test\t--port\t0\t192.0.2.1", "--help"),
    ("test\t--suite\tclasik\t192.0.2.1", "`classic`"),
    ("test\t--only\tSynOtp\t192.0.2.1", "--list"),
    ("test\t--suite\tmodern\t--only\tnone\t192.0.2.1", "--list"),
    ("test\t--explain\tnone", "--list"),
    ("test\t--faithful\t192.0.2.1", "--suite classic"),
    ("test\t--suite\tmodern\t--format\tclassic\t192.0.2.1", "--format"),
    ("test\t-f\t/nosuch/hosts", "file that exists"),
    ("test\t-w\tx.pcapng\t192.0.2.1\t192.0.2.2", "one target"),
    ("test\t--backend\tsim\t-w\t/nosuch/x.pcapng", "may be written"),
    ("test\t--http=a b\t192.0.2.1", "--http"),
    ("trace", "write tcpexposure trace"),
    ("trace\t192.0.2.1\tSX", "hint"),
    ("trace\t--max-ttl\t999\t192.0.2.1", "--help"),
    ("respond\t--port\t99999", "--help"),
    ("respond\t--rate\tfast", "--help"),
    ("probe", "hint"),
    ("probe\t192.0.2.0/99", "hint"),
    ("probe\t192.0.2.1\t-p\tx", "hint"),
    ("probe\t192.0.2.1\t-p\t80\t-r\tmany", "--help"),
    ("probe\t192.0.2.1\t-p\t80\t-b\t/nosuch/list", "hint"),
    ("probe\t192.0.2.1\t-p\t80\t-O\txml", "hint"),
    ("probe\t192.0.2.1\t-p\t80\t-f\tnosuch\t--backend\tsim", "hint"),
    ("probe\t192.0.2.1\t-p\t80\t-o\t/nosuch/x\t--backend\tsim", "may be written"),
    ("probe\twhy", "write tcpexposure probe why"),
    ("doctor\tnowhere.invalid", "give an address"),
    ("man\tnosuch", "--help"),
    ("man\t-d\t/proc/nosuch", "may be written"),
    ("completions\tksh", "zsh"),
    ("completions", "write tcpexposure completions"),
];

#[test]
fn every_mistake_ends_in_one_hint() {
    let mut wrong = Vec::new();
    for (line, word) in USAGE {
        let output = run(line);
        let said = String::from_utf8(output.stderr).unwrap();
        let hints = said.lines().filter(|line| line.starts_with("hint: ")).count();
        let last = said.lines().last().unwrap_or_default();
        let good = output.status.code() == Some(2)
            && output.stdout.is_empty()
            && said.starts_with("tcpexposure: ")
            && hints == 1
            && last.starts_with("hint: ")
            && last.contains(word);
        if !good {
            wrong.push(format!("{line}: {:?} {said}", output.status.code()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_missing_privilege_is_told_with_the_line_that_gives_it() {
    let nobody = ["--bounding-set=-all", "--inh-caps=-all", "--"];
    for line in [
        "send\t127.0.0.1\tS",
        "test\t127.0.0.1",
        "trace\t127.0.0.1",
        "respond",
        "probe\t127.0.0.1\t-p\t80",
    ] {
        let mut command = Command::new("setpriv");
        command.args(nobody).arg(TOOL).args(line.split('\t'));
        let Ok(output) = command.output() else {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "setpriv is not installed");
            return eprintln!("skipped: setpriv is not installed");
        };
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{line}: {said}");
        let real = fs::canonicalize(TOOL).unwrap();
        let mend = format!("hint: sudo setcap cap_net_raw,cap_net_admin=ep {}", real.display());
        assert_eq!(said.lines().last(), Some(mend.as_str()), "{line}");
    }
}

#[test]
fn nothing_at_all_gives_five_recipes() {
    let output = Command::new(TOOL).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), 5, "{text}");
    assert!(
        text.lines().all(|line| line.starts_with("tcpexposure ") && line.len() <= 80),
        "{text}"
    );
}

#[test]
fn pages_and_completions_know_every_command() {
    let text = |output: Output| String::from_utf8(output.stdout).unwrap();
    let pages = text(run("man"));
    let commands = ["print", "craft", "send", "test", "trace", "respond", "probe", "doctor", "man"];
    for command in commands {
        assert!(pages.contains(&format!(".TH tcpexposure-{command} 1")), "{command}");
        for shell in ["bash", "zsh", "fish"] {
            assert!(
                text(run(&format!("completions\t{shell}"))).contains(command),
                "{shell} {command}"
            );
        }
    }
    let page = text(run("man\tprobe\twhy"));
    assert!(page.contains(".TH tcpexposure-probe-why 1") && !page.contains("respond 1"));
    let page = text(run("man\ttest"));
    for entry in ["SynOpt", "AckHole", "MpCapable"] {
        assert!(page.contains(entry), "{entry}");
    }
    let directory = std::env::temp_dir().join(format!("tcpx-{}-man", std::process::id()));
    assert!(run(&format!("man\t--directory\t{}", directory.display())).status.success());
    let files = fs::read_dir(&directory).unwrap().count();
    assert_eq!(files, pages.matches(".TH ").count());
    fs::remove_dir_all(&directory).unwrap();
}
