//! `test` over simulated paths: formats, verdicts and exit statuses, without privileges.

use std::{
    fs,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

const TOOL: &str = env!("CARGO_BIN_EXE_tcpexposure");

/// Runs the tool with arguments that are parted by spaces.
fn run(arguments: &str) -> Output {
    Command::new(TOOL).args(arguments.split(' ')).output().unwrap()
}

#[track_caller]
fn stdout(arguments: &str, exit: i32) -> String {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(exit), "{arguments}: {output:?}");
    assert!(output.stderr.is_empty(), "{arguments}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn stderr(arguments: &str, exit: i32) -> String {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(exit), "{arguments}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// Reads the original's line: its names, and the numbers that are not 0.
fn results(line: &str) -> (Vec<&str>, Vec<(&str, i8)>) {
    let words: Vec<&str> = line.strip_prefix("Result: ").unwrap().split(' ').collect();
    let (pairs, rest) = words.as_chunks::<2>();
    assert!(rest.is_empty(), "{line}");
    let pairs = pairs.iter().map(|[name, code]| (*name, code.parse().unwrap()));
    let (names, codes): (Vec<_>, Vec<(&str, i8)>) = pairs.map(|pair| (pair.0, pair)).unzip();
    (names, codes.into_iter().filter(|(_, code)| *code != 0).collect())
}

fn objects(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_clean_path_in_the_original_form() {
    for arguments in [
        "",
        " --suite classic",
        " --suite classic --faithful",
        " --http=example.org",
        " --parallel 1",
        " --parallel 28",
        " 2001:db8::2",
    ] {
        let text = stdout(&format!("test --backend sim --format classic{arguments}"), 0);
        let (names, codes) = results(text.trim_end());
        assert_eq!(names.len(), 43);
        assert_eq!((names[0], names[42]), ("Syn", "SynAckData2Adv"));
        assert_eq!(codes, [], "{arguments}");
    }
}

#[test]
fn a_clean_path_as_a_table() {
    let text = stdout("test --backend sim", 0);
    let rows = text.lines().take_while(|line| !line.is_empty());
    let rows: Vec<&str> = rows.filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(rows.len(), 43);
    assert!(rows.iter().all(|row| row.contains(" passed ")), "{text}");
    assert!(text.contains("43 passed, 0 interfered with, 0 undetermined"), "{text}");
    assert!(text.lines().all(|line| line.len() <= 80), "{text}");
}

#[test]
fn a_clean_path_as_json() {
    for format in ["--json", "--format json"] {
        let objects = objects(&stdout(&format!("test --backend sim {format}"), 0));
        let (summary, verdicts) = objects.split_last().unwrap();
        assert_eq!(verdicts.len(), 43);
        for verdict in verdicts {
            assert_eq!(verdict["type"], "verdict");
            assert_eq!((&verdict["code"], &verdict["port"]), (&0.into(), &34343.into()));
            assert!(!verdict["evidence"].as_array().unwrap().is_empty(), "{verdict}");
        }
        assert_eq!(summary["type"], "summary");
        assert_eq!((&summary["passed"], &summary["interfered"]), (&43.into(), &0.into()));
        assert_eq!(summary["results"].as_object().unwrap().len(), 43);
    }
}

#[test]
fn a_box_that_strips_options() {
    #[expect(clippy::disallowed_methods, reason = "the time that a user waits")]
    let begin = Instant::now();
    let text = stdout("test --backend sim:strip-options", 1);
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    assert!(text.contains("40 passed, 3 interfered with, 0 undetermined"), "{text}");
    assert!(text.contains("New TCP options do not get through"), "{text}");
    assert!(text.lines().all(|line| line.len() <= 80), "{text}");

    let text = stdout("test --backend sim:strip-options --format classic", 1);
    let (_, codes) = results(text.trim_end());
    assert_eq!(codes, [("SynOpt", 3), ("SynOpt2", 3), ("DataOpt", 2)]);

    let objects = objects(&stdout("test --backend sim:strip-options --json", 1));
    let verdict = objects.iter().find(|object| object["entry"] == "SynOpt").unwrap();
    assert_eq!(verdict["outcome"], "removed");
    assert_eq!(verdict["direction"], "outbound");
    assert_eq!(verdict["id"], "tcp.opt.unknown.syn.removed");
}

#[test]
fn ports_and_targets_have_a_line_each() {
    let text = stdout("test 192.0.2.7 [2001:db8::7]:80 -p 80,443 --backend sim --json", 0);
    let summaries = objects(&text).into_iter().filter(|object| object["type"] == "summary");
    let summaries: Vec<_> =
        summaries.map(|summary| (summary["target"].clone(), summary["port"].clone())).collect();
    let expected = [("192.0.2.7", 80), ("192.0.2.7", 443), ("2001:db8::7", 80)];
    assert_eq!(summaries, expected.map(|(target, port)| (target.into(), port.into())));
}

#[test]
fn targets_from_a_file() {
    let path = std::env::temp_dir().join(format!("tcpexposure-hosts-{}", std::process::id()));
    fs::write(&path, "# lab\n192.0.2.1\n192.0.2.1\n\n  192.0.2.2:80 # web\n").unwrap();
    let text = stdout(&format!("test -f {} --backend sim --format classic", path.display()), 0);
    assert_eq!(text.lines().count(), 2);
    for line in text.lines() {
        assert_eq!(results(line).1, []);
    }
    let lines: String = (1..=250).map(|last| format!("198.51.100.{last}\n")).collect();
    fs::write(&path, lines).unwrap();
    let arguments = "--only SynOpt --backend sim:strip-options --json -p 80,443";
    let text = stdout(&format!("test -f {} {arguments}", path.display()), 1);
    let found = objects(&text);
    assert_eq!(found.len(), 1000);
    let verdicts = found.iter().filter(|object| object["type"] == "verdict");
    assert!(verdicts.clone().all(|verdict| verdict["outcome"] == "removed"));
    assert_eq!(verdicts.count(), 500);
    fs::write(&path, "192.0.2.1\na b\n").unwrap();
    let text = stderr(&format!("test -f {} --backend sim", path.display()), 2);
    assert!(text.contains(":2: \"a b\" is neither") && text.contains("hint: "), "{text}");
    fs::remove_file(path).unwrap();
}

#[test]
fn some_questions_only() {
    let text = stdout("test --backend sim:strip-options --only synopt,Data --json", 1);
    let names: Vec<Value> = objects(&text).iter().map(|object| object["entry"].clone()).collect();
    assert_eq!(names.len(), 3, "{text}");
    for name in ["SynOpt", "Data"] {
        assert!(names.contains(&name.into()), "{text}");
    }
    assert!(stderr("test --backend sim --only Nothing", 2).contains("hint: "));
}

#[test]
fn the_list_has_a_row_for_each_question() {
    let text = stdout("test --list", 0);
    assert_eq!(text.lines().filter(|line| !line.starts_with(' ')).count(), 43);
    assert!(text.starts_with("Syn                    Does the port answer at all?\n"), "{text}");
    let objects = objects(&stdout("test --list --json", 0));
    assert_eq!(objects.len(), 43);
    assert!(objects.iter().all(|object| object["codes"][0]["outcome"] == "passed"));
}

#[test]
fn no_answer() {
    let text = stderr("test --backend sim:loss=100%", 4);
    assert!(text.contains("no answer from 192.0.2.2 port 34343: tried "), "{text}");
    assert!(text.contains("\nhint: "), "{text}");
    let output = run("test --backend sim:loss=100% --format classic");
    assert_eq!(output.status.code(), Some(4));
    let line = String::from_utf8(output.stdout).unwrap();
    assert!(line.starts_with("Result: Syn 1 SynOpt -1 "), "{line}");
}

#[test]
fn evidence_is_found_in_the_capture() {
    let path = std::env::temp_dir().join(format!("tcpexposure-{}.pcapng", std::process::id()));
    let name = path.display();
    let text = stdout(&format!("test --backend sim --only Syn --json -w {name}"), 0);
    let evidence = objects(&text)[0]["evidence"].clone();
    let packets = stdout(&format!("print {name} --json"), 0);
    let packets = objects(&packets);
    let flags = |index: usize| {
        let number = evidence[index].as_u64().unwrap();
        packets[usize::try_from(number).unwrap() - 1]["tcp"]["flags"].clone()
    };
    assert_eq!((flags(0), flags(1)), ("S".into(), "S.".into()));
    fs::remove_file(path).unwrap();
}

#[test]
fn what_cannot_be_done_is_said() {
    for (arguments, word) in [
        ("test", "no target"),
        ("test --backend sim --faithful", "--suite classic"),
        ("test -p 80,81 --backend sim -w /tmp/never.pcap", "one run only"),
        ("test --backend sim:strip-option", "strip-options is"),
        ("test --backend sim -p 0", "0 is not in"),
        ("test -f /nowhere --backend sim", "cannot read /nowhere"),
        ("respond -p 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", "17 ports are too many"),
        ("respond --rate 0", "out of range"),
    ] {
        let text = stderr(arguments, 2);
        assert!(text.contains(word), "{arguments}: {text}");
    }
}

#[test]
fn todays_questions_on_a_clean_path() {
    let text = stdout("test --backend sim --suite modern", 0);
    assert!(text.contains("122 passed, 0 interfered with, 1 undetermined"), "{text}");
}

#[test]
fn todays_questions_by_family_and_name() {
    let text =
        stdout("test --backend sim:ecn-bleach --suite modern --only SynEct,accecn --json", 1);
    let objects = objects(&text);
    let (summary, verdicts) = objects.split_last().unwrap();
    assert_eq!(summary["interfered"], 4, "{text}");
    assert!(verdicts.iter().all(|verdict| verdict["family"] == "accecn"), "{text}");
    let id = |id: &str| verdicts.iter().any(|verdict| verdict["id"] == id);
    assert!(id("ip.ecn.ect0.syn.outbound.removed"), "{text}");
    let said = stderr("test --backend sim --suite modern --only nothing", 2);
    assert!(said.contains("hint: `tcpexposure test --suite modern --list`"), "{said}");
}

#[test]
fn both_suites_in_one_run() {
    let text = stdout("test --backend sim --suite all --json", 0);
    let summaries = objects(&text).into_iter().filter(|object| object["type"] == "summary");
    assert_eq!(summaries.count(), 2, "{text}");
}

fn fits(text: &str) {
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn every_question_is_explained_in_both_suites() {
    for (suite, count) in [("classic", 43), ("modern", 125)] {
        let list = objects(&stdout(&format!("test --suite {suite} --list --json"), 0));
        assert_eq!(list.len(), count, "{suite}");
        for row in list {
            let name = row["entry"].as_str().unwrap();
            let text = stdout(&format!("test --suite {suite} --explain {name}"), 0);
            fits(&text);
            let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(joined.starts_with(&format!("{name} - ")), "{text}");
            let asks = format!(" asks {} ", row["asks"].as_str().unwrap());
            assert!(joined.contains(&asks) && joined.contains(" matters "), "{text}");
            assert!(joined.contains(" relied on by RFC "), "{text}");
            let said =
                objects(&stdout(&format!("test --suite {suite} --explain {name} --json"), 0));
            assert_eq!(said.len(), 1, "{name}");
            assert_eq!((&said[0]["entry"], &said[0]["asks"]), (&row["entry"], &row["asks"]));
            assert!(!said[0]["rfcs"].as_array().unwrap().is_empty(), "{name}");
        }
    }
}

#[test]
fn everything_fits_eighty_columns() {
    let boxes = ["", ":nat", ":strip-options", ":split-tcp", ":loss=100%"];
    for (suite, path) in
        ["classic", "modern", "all"].iter().flat_map(|suite| boxes.map(|path| (suite, path)))
    {
        let output = run(&format!("test --suite {suite} --backend sim{path}"));
        assert!(matches!(output.status.code(), Some(0 | 1 | 4)), "{path}: {output:?}");
        fits(&String::from_utf8(output.stdout).unwrap());
        fits(&stdout(&format!("test --suite {suite} --list"), 0));
    }
    fits(&stdout("test --suite modern --backend sim:strip-options --localise", 1));
}

#[test]
fn colour_is_there_where_it_is_wanted() {
    let plain = stdout("test --backend sim:strip-options", 1);
    assert!(!plain.contains('\x1b'), "a pipe wants none: {plain}");
    let colourful = stdout("test --backend sim:strip-options --color always", 1);
    assert!(colourful.contains("\x1b[32mpassed\x1b[0m"), "{colourful}");
    assert!(colourful.contains("\x1b[31mremoved\x1b[0m"), "{colourful}");
    let mut stripped = colourful;
    for code in ["\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[0m"] {
        stripped = stripped.replace(code, "");
    }
    assert_eq!(stripped, plain, "colour is all that differs");
}

/// Runs a line of shell on a terminal, and gives what is seen there.
fn on_a_terminal(line: &str) -> Option<String> {
    let mut script = Command::new("script");
    script.args(["-qefc", line, "/dev/null"]).env_remove("NO_COLOR").env("TERM", "xterm");
    let Ok(output) = script.stdin(Stdio::null()).output() else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "script is not installed");
        eprintln!("skipped: script is not installed");
        return None;
    };
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn a_terminal_has_colour_unless_somebody_wants_none() {
    let line = format!("{TOOL} test --backend sim:strip-options");
    let Some(seen) = on_a_terminal(&line) else { return };
    assert!(seen.contains("\x1b[32mpassed\x1b[0m"), "{seen:?}");
    for line in [format!("NO_COLOR=1 {line}"), format!("{line} --color never")] {
        let seen = on_a_terminal(&line).unwrap();
        assert!(seen.contains("passed") && !seen.contains("\x1b[32m"), "{seen:?}");
    }
}

#[test]
fn progress_is_for_terminals() {
    let path = std::env::temp_dir().join(format!("tcpx-{}-terminal", std::process::id()));
    for (suite, whole) in [("classic", "/28 "), ("modern", "/125 ")] {
        let line = format!("test --suite {suite} --backend sim");
        let shown =
            |more: &str| on_a_terminal(&format!("{TOOL} {line}{more} > {}", path.display()));
        let Some(seen) = shown("") else { return };
        assert!(seen.contains(whole), "{seen:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), stdout(&line, 0), "results are the same");
        for silent in [" -q", " -v"] {
            let seen = shown(silent).unwrap();
            assert!(!seen.contains(whole), "{silent}: {seen:?}");
        }
        assert!(run(&line).stderr.is_empty(), "{line}");
    }
    fs::remove_file(&path).unwrap();
}
