//! What the tool may still do once its sockets are open, as the kernel and strace see it.

use std::{env, fs, path::PathBuf, process};

use tcpexposure_lab::{Family, Host, Lab, Program};

const TOOL: &str = env!("CARGO_BIN_EXE_tcpexposure");

/// A trace of system calls that is being written.
struct Trace {
    program: Program,
    path: PathBuf,
}

impl Trace {
    fn start(host: &Host, name: &str, command: &[&str]) -> Self {
        let path = env::temp_dir().join(format!("tcpx-{}-{name}.strace", process::id()));
        let strace = ["-f", "-qq", "-o", path.to_str().unwrap(), "--"];
        Self { program: host.spawn("strace", &[&strace, command].concat()), path }
    }

    /// Waits for the end, and gives the calls: the number of the thread is taken off each.
    fn end(mut self) -> (Option<i32>, Vec<String>) {
        let code = self.program.code();
        let text = fs::read_to_string(&self.path).unwrap();
        let call = |line: &str| line.split_once(' ').map(|(_, call)| call.trim_start().to_owned());
        (code, text.lines().filter_map(call).collect())
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Gives the calls that run a program, but for the one that ran the tool itself.
fn programs(calls: &[String]) -> Vec<&String> {
    calls.iter().filter(|call| call.starts_with("execve")).skip(1).collect()
}

/// Gives the calls that open something of the kernel's to write to it.
fn settings(calls: &[String]) -> Vec<&String> {
    let opens = |call: &&String| call.starts_with("open") || call.starts_with("creat");
    let kernels = |call: &&String| call.contains("\"/proc") || call.contains("\"/sys");
    let writes =
        |call: &&String| ["O_WRONLY", "O_RDWR", "O_CREAT"].iter().any(|w| call.contains(w));
    calls.iter().filter(|call| opens(call) && kernels(call) && writes(call)).collect()
}

/// Gives the calls behind the fence that made a socket which takes a capability.
fn late(calls: &[String]) -> Vec<&String> {
    let closed = calls.iter().rposition(|call| call.starts_with("capset"));
    let closed = closed.expect("capabilities are given up");
    let raw = |call: &&String| call.starts_with("socket(AF_PACKET") || call.contains("SOCK_RAW");
    let netlink = |call: &&String| call.starts_with("socket(AF_NETLINK");
    calls[closed..].iter().filter(|call| raw(call) && !netlink(call)).collect()
}

fn lab(programs: &[&str]) -> Option<Lab> {
    Lab::row(2, &[&["strace", "capsh"], programs].concat())
}

/// Looks at what the kernel says of each thread.
fn confined(program: &Program) {
    let tasks = fs::read_dir(format!("/proc/{}/task", program.id())).unwrap();
    let tasks: Vec<_> = tasks.map(|task| task.unwrap().path().join("status")).collect();
    assert!(!tasks.is_empty());
    for status in tasks.iter().filter_map(|path| fs::read_to_string(path).ok()) {
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
            assert_eq!(field(set).trim(), "0000000000000000", "{set} {status}");
        }
        assert_eq!(field("NoNewPrivs:").trim(), "1", "{status}");
        assert_eq!(field("Seccomp:").trim(), "2", "{status}");
    }
}

#[test]
fn no_capability_is_left_while_packets_come() {
    let Some(lab) = lab(&[]) else { return };
    for family in Family::BOTH {
        let target = lab.last_address(family).to_string();
        let responder = lab.last().spawn(TOOL, &["respond"]);
        responder.wait_for("serving ports");
        confined(&responder);
        let lost = ["--peer", "responder", "--port", "34343,9", "-v"];
        let mut run = lab.first().spawn(TOOL, &[&["test", &target], &lost[..]].concat());
        run.wait_for("procedures: syn");
        confined(&run);
        run.interrupt();
    }
    for arguments in [
        &["send", "10.77.0.99", "S", "-G", "02:00:00:00:00:01", "--timeout", "9s", "-v"][..],
        &["trace", "10.77.0.2", "--flows", "9", "-v"],
        &[
            "probe",
            "10.77.0.2",
            "-p",
            "1",
            "-t",
            "9",
            "-r",
            "1",
            "-P",
            "9",
            "-v",
            "-o",
            "/dev/null",
        ],
    ] {
        let run = lab.first().spawn(TOOL, arguments);
        run.wait_for("behind the fence with no capability; ");
        confined(&run);
    }
}

#[test]
fn nothing_of_the_kernels_is_written_and_no_program_is_run() {
    let Some(lab) = lab(&[]) else { return };
    let target = lab.last_address(Family::V4).to_string();
    let other = lab.last_address(Family::V6).to_string();
    let responder = Trace::start(lab.last(), "respond", &[TOOL, "respond"]);
    responder.program.wait_for("serving ports");
    let arguments = ["test", &target, &other, "--suite", "all", "--localise"];
    let run = Trace::start(lab.first(), "test", &[&[TOOL], &arguments[..]].concat());
    let (code, calls) = run.end();
    assert_eq!(code, Some(0), "{:#?}", calls.iter().rev().take(30).collect::<Vec<_>>());
    clean(&calls);
    lab.last().shell(&format!("pkill -INT -P {}", responder.program.id()));
    let (code, calls) = responder.end();
    assert_eq!(code, Some(0));
    clean(&calls);
}

fn clean(calls: &[String]) {
    assert!(calls.len() > 100, "{calls:#?}");
    assert_eq!(programs(calls), <Vec<&String>>::new());
    assert_eq!(settings(calls), <Vec<&String>>::new());
    assert_eq!(late(calls), <Vec<&String>>::new());
    assert!(calls.iter().any(|call| call.starts_with("landlock_restrict_self")), "{calls:#?}");
    assert!(calls.iter().any(|call| call.starts_with("seccomp(SECCOMP_SET_MODE_FILTER")));
}

#[test]
fn strace_shows_what_is_looked_for() {
    let Some(lab) = lab(&[]) else { return };
    let shell = "echo x > /proc/self/comm; /bin/true; /bin/true";
    let (code, calls) = Trace::start(lab.first(), "shell", &["sh", "-c", shell]).end();
    assert_eq!(code, Some(0), "{calls:#?}");
    assert!(!programs(&calls).is_empty() && !settings(&calls).is_empty(), "{calls:#?}");
}

#[test]
fn only_what_is_held_is_given_up() {
    let Some(lab) = lab(&[]) else { return };
    // As setcap gives them to an ordinary user: no CAP_SETPCAP, so that the bounding set stays.
    let line = format!("exec {TOOL} respond");
    let few = ["--drop=cap_setpcap,cap_dac_override", "--", "-c", &line];
    let responder = lab.last().spawn("capsh", &few);
    responder.wait_for("serving ports");
    let status = fs::read_to_string(format!("/proc/{}/status", responder.id())).unwrap();
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
        assert!(status.contains(&format!("{set}\t0000000000000000")), "{status}");
    }
}
