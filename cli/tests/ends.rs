//! How runs of `test` end on a real wire: interrupted, without any answer, against an ordinary
//! server, and with targets of which some cannot be reached.

use std::{collections::BTreeMap, fs, process::Output, thread};

use serde_json::Value;
use tcpexposure_lab::{Family, Lab, Program};

const TOOL: &str = env!("CARGO_BIN_EXE_tcpexposure");

fn lab(hosts: usize) -> Option<Lab> {
    Lab::row(hosts, &["nft", "tcpdump", "python3"])
}

/// Puts rules for nft in the path of what a router forwards.
fn forward(lab: &Lab, rules: &str) {
    lab.host(1).shell(&format!(
        "nft 'table inet m {{ chain f {{ type filter hook forward priority 0
            {rules}
        }}
        }}'"
    ));
}

fn responder(lab: &Lab) -> Program {
    let program = lab.last().spawn(TOOL, &["respond"]);
    program.wait_for("serving ports");
    program
}

fn web_server(lab: &Lab) -> Program {
    let program = lab.last().spawn("python3", &["-m", "http.server", "--bind", "::", "8080"]);
    let ready = "i=0; until ss -Hltn sport = :8080 | grep -q .; do \
                 i=$((i+1)); test $i -lt 1000; sleep 0.01; done";
    lab.last().shell(ready);
    program
}

fn test(lab: &Lab, arguments: &[&str]) -> Output {
    lab.first().run(TOOL, &[&["test"], arguments].concat())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Tells the addresses and ports of ours that a SYN went out from, and whether a FIN or a reset did
/// too. The answer to the SYN may come behind the reset, which the peer has taken by then.
fn ends(lines: &[String], ours: &str) -> BTreeMap<String, bool> {
    let mut ends = BTreeMap::new();
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        let [_, from, _, _, _, flags, ..] = words[..] else { continue };
        if from.starts_with(ours) {
            let ended = flags.starts_with("[R") || flags.starts_with("[F");
            *ends.entry(from.to_owned()).or_insert(false) |= ended;
        }
    }
    ends
}

#[test]
fn an_interrupted_run_says_what_it_knows_and_resets_its_connections() {
    let Some(lab) = lab(3) else { return };
    let _responder = responder(&lab);
    // The handshake gets through, data does not: the run waits for answers to it.
    forward(&lab, "iifname left @th,100,4 0 tcp flags & (syn | rst) == 0 meta length > 60 drop");
    for family in Family::BOTH {
        let ours = lab.first_address(family).to_string();
        let target = lab.last_address(family).to_string();
        let mut capture = lab.host(1).capture("left", "tcp or ip6 proto 6");
        let mut run = lab.first().spawn(TOOL, &["test", &target, "--peer", "responder", "-v"]);
        run.wait_for("procedures: syn");
        let said = run.interrupt().join("\n");
        assert_eq!(run.code(), Some(5), "{said}");
        let passed = said.lines().find(|line| line.starts_with("Syn "));
        assert!(passed.is_some_and(|line| line.contains("passed")), "{said}");
        assert!(said.contains("interrupted"), "{said}");
        assert!(said.contains("The run ended before."), "{said}");
        let lines = capture.print(&["-nn", "-t", "-S"]);
        let ends = ends(&lines, &ours);
        assert!(!ends.is_empty(), "no connection was opened: {lines:#?}");
        for (port, ended) in ends {
            assert!(ended, "{port} is left open: {lines:#?}");
        }
        assert!(lines.iter().any(|line| line.contains("Flags [R.]")), "{lines:#?}");
    }
}

#[test]
fn no_answer_at_all_says_what_was_tried() {
    let Some(lab) = lab(3) else { return };
    forward(&lab, "drop");
    thread::scope(|scope| {
        for family in Family::BOTH {
            let lab = &lab;
            scope.spawn(move || {
                let target = lab.last_address(family).to_string();
                let output = test(lab, &[&target]);
                assert_eq!(output.status.code(), Some(4), "{output:?}");
                assert!(output.stdout.is_empty(), "{output:?}");
                let said = text(&output.stderr);
                let what = format!("no answer from {target} port 34343: tried ");
                assert!(said.contains(&what) && said.contains("\nhint: "), "{said}");
            });
        }
    });
}

/// The verdict of each entry, and the summary.
fn verdicts(output: &Output) -> (BTreeMap<String, String>, Value) {
    let lines = text(&output.stdout);
    let objects: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let word = |object: &Value, key: &str| object[key].as_str().unwrap().to_owned();
    let verdicts = objects.iter().filter(|object| object["type"] == "verdict");
    let ids = verdicts.map(|object| (word(object, "entry"), word(object, "id"))).collect();
    (ids, objects.last().unwrap().clone())
}

#[test]
fn an_ordinary_server_is_judged_by_what_it_can_tell() {
    let Some(lab) = lab(2) else { return };
    let _server = web_server(&lab);
    let answered = [
        ("Syn", "tcp.syn.passed"),
        ("SynOpt", "tcp.opt.unknown.syn.answered"),
        ("SynOpt2", "tcp.opt.unknown.syn.answered"),
        ("SynData", "tcp.syn.payload.answered"),
        ("SynData2", "tcp.syn.payload.answered"),
    ];
    for family in Family::BOTH {
        let target = lab.last_address(family).to_string();
        for peer in ["server", "auto"] {
            let arguments = [&target, "--port", "8080", "--peer", peer, "--format", "json"];
            let output = test(&lab, &arguments);
            assert_eq!(output.status.code(), Some(0), "{family:?} {peer}: {output:?}");
            let (verdicts, summary) = verdicts(&output);
            assert_eq!(verdicts.len(), 43, "{family:?} {peer}");
            assert_eq!(summary["peer"], "server", "{family:?} {peer}");
            for (entry, id) in verdicts {
                let known = answered.iter().find(|(name, _)| *name == entry);
                let expected = known.map_or("undetermined.no-responder", |(_, id)| id);
                assert_eq!(id, expected, "{family:?} {peer} {entry}");
            }
        }
    }
}

#[test]
fn a_responder_of_2011_is_told_from_an_ordinary_server() {
    let Some(lab) = lab(2) else { return };
    let responder = lab.last().spawn(TOOL, &["respond", "--classic"]);
    responder.wait_for("serving ports");
    for family in Family::BOTH {
        let target = lab.last_address(family).to_string();
        let output = test(&lab, &[&target]);
        let said = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(said.contains("a responder of 2011 answers there"), "{said}");
        assert!(said.contains("another version of the responder"), "{said}");
        let output = test(&lab, &[&target, "--suite", "classic"]);
        assert!(text(&output.stdout).contains("43 passed"), "{output:?}");
    }
}

#[test]
fn a_target_that_cannot_be_reached_ends_no_other_run() {
    let Some(lab) = lab(2) else { return };
    let _responder = responder(&lab);
    // The kernel refuses to send to one of them, has no route to another, and a name has no address.
    lab.first().shell(
        "nft 'table ip o { chain o { type filter hook output priority 0
            ip daddr 10.77.0.77 drop
        }
        }'",
    );
    let hosts = ["10.77.0.77", "10.77.0.2", "198.51.100.1", "nowhere.invalid", "fd77:0::2"];
    let file = std::env::temp_dir().join(format!("tcpx-hosts-{}", std::process::id()));
    fs::write(&file, hosts.join("\n")).unwrap();
    let output = test(&lab, &["-f", file.to_str().unwrap(), "--format", "json"]);
    fs::remove_file(&file).unwrap();
    let (said, printed) = (text(&output.stderr), text(&output.stdout));
    assert_eq!(output.status.code(), Some(5), "{said}");
    for host in ["10.77.0.77", "198.51.100.1", "nowhere.invalid"] {
        let line = format!("tcpexposure: {host} port 34343: cannot ");
        assert!(said.contains(&line), "{host}: {said}");
    }
    let summaries: Vec<Value> = printed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|object: &Value| object["type"] == "summary")
        .collect();
    assert_eq!(summaries.len(), 2, "{printed}");
    assert!(summaries.iter().all(|summary| summary["passed"] == 43), "{summaries:#?}");
}
