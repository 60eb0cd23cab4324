//! `report`: the page of what was found, with and without packets, and of hostile input.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

const TOOL: &str = env!("CARGO_BIN_EXE_tcpexposure");

/// Runs the tool in a directory.
fn run(directory: &Path, arguments: &str) -> Output {
    Command::new(TOOL).current_dir(directory).args(arguments.split(' ')).output().unwrap()
}

#[track_caller]
fn page(directory: &Path, arguments: &str) -> String {
    let output = run(directory, &format!("report {arguments}"));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn refusal(directory: &Path, arguments: &str) -> String {
    let output = run(directory, &format!("report {arguments}"));
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("\nhint: "), "{text}");
    text
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/report")
}

fn directory(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("report-{name}"));
    fs::create_dir_all(&path).unwrap();
    path
}

/// Takes away the style and the version, and begins a line with each element.
fn body(page: &str) -> String {
    let (head, rest) = page.split_once("<style>").unwrap();
    let (_, rest) = rest.split_once("</style>").unwrap();
    let version = concat!("tcpexposure ", env!("CARGO_PKG_VERSION"));
    let text = format!("{head}{rest}").replace(version, "tcpexposure").replace("><", ">\n<");
    format!("{}\n", text.trim_end())
}

#[track_caller]
fn golden(name: &str, page: &str) {
    let path = data().join(name);
    let body = body(page);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &body).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap();
    let differs = expected.lines().zip(body.lines()).find(|(one, two)| one != two);
    assert!(expected == body, "{name} differs, `UPDATE=1 cargo test` renews it: {differs:?}");
}

/// Tests a path through a proxy that is simulated, and tells where its files are.
fn proxy(name: &str, arguments: &str) -> PathBuf {
    let directory = directory(name);
    let test = "test --json --backend sim:split-tcp --port 80 -w run.pcapng";
    let output = run(&directory, &format!("{test} {arguments}"));
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    fs::write(directory.join("run.jsonl"), output.stdout).unwrap();
    directory
}

#[test]
fn the_page_of_verdicts_is_as_it_was() {
    golden("hostile.html", &page(&data(), "hostile.jsonl"));
}

#[test]
fn the_page_of_a_scan_is_as_it_was() {
    golden("scan.html", &page(&data(), "scan.jsonl"));
}

#[test]
fn nothing_of_the_input_becomes_an_element() {
    let page = page(&data(), "hostile.jsonl scan.jsonl");
    for word in
        ["<script", "<img", "<b ", "<iframe", "<u>", "<i>", "<a href=javascript", "<svg onload"]
    {
        assert!(!page.contains(word), "{word}");
    }
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(page.contains("&lt;/th&gt;&lt;img src=x onerror=alert(2)&gt;"));
    // What is quoted within attributes stays there.
    assert!(!page.contains("onmouseover=alert(3)>"));
    assert_eq!(page.matches("</style>").count(), 1);
}

#[test]
fn a_page_fetches_nothing() {
    let page = page(&data(), "hostile.jsonl scan.jsonl");
    assert!(page.contains("default-src 'none'"));
    for word in [" src=", "url(", "@import", "<link", "href=\"http", "href=\"//"] {
        let quoted = page.replace("&lt;iframe src=", "").replace("&lt;img src=", "");
        assert!(!quoted.contains(word), "{word}");
    }
}

#[test]
fn the_ladder_of_a_proxy_shows_what_arrived() {
    let directory = proxy("classic", "--only DataOpt,IndAck,SynOpt");
    let with = page(&directory, "run.jsonl --packets run.pcapng");
    let without = page(&directory, "run.jsonl");
    assert!(with.contains("Packets of run.pcapng, by their numbers"));
    assert!(without.contains("Drawn from the verdict alone"));
    assert!(!without.contains("Packets of "));
    // The proxy takes off what it does not know, and sends by numbers of its own.
    let opt = with.split("<article").find(|article| article.contains(">DataOpt: ")).unwrap();
    assert!(opt.contains(r#"<tspan class="changed">≠ no unknown-253"#), "{opt}");
    assert!(opt.contains(r#"<tspan class="lost">unknown-253"#), "{opt}");
    assert!(opt.contains(r#"<tspan class="lost">seq "#), "{opt}");
    assert!(!opt.contains("≠ ttl"), "{opt}");
    // Each rung is told in words too.
    assert!(opt.contains("(not so on arrival)") && opt.contains("(changed)"), "{opt}");
}

#[test]
fn a_report_of_today_s_questions_tells_what_arrived() {
    let directory = proxy("modern", "--suite modern --only DataUnknown 2001:db8::2");
    let with = page(&directory, "run.jsonl --packets run.pcapng -q");
    let data = with.split("<article").find(|article| article.contains(">DataUnknown: ")).unwrap();
    assert!(data.contains(r#"<tspan class="changed">≠ no "#), "{data}");
    assert!(data.contains("2001:db8::2.80"), "{data}");
}

#[test]
fn packets_of_another_run_are_not_shown() {
    let directory = proxy("other", "--only SynOpt");
    let text = fs::read_to_string(directory.join("run.jsonl")).unwrap();
    fs::write(directory.join("run.jsonl"), text.replace("192.0.2.2", "192.0.2.77")).unwrap();
    let page = page(&directory, "run.jsonl --packets run.pcapng");
    assert!(page.contains("Drawn from the verdict alone"));
    assert!(!page.contains("Packets of run.pcapng"));
}

#[test]
fn many_targets_are_counted_together() {
    let directory = directory("many");
    let line = |target: u8, outcome: &str| {
        format!(
            r#"{{"type":"verdict","target":"192.0.2.{target}","port":80,"entry":"Syn","outcome":"{outcome}","id":"x","sentence":"It is {outcome}."}}"#
        )
    };
    let lines = (1..=20).map(|target| line(target, if target > 5 { "passed" } else { "dropped" }));
    fs::write(directory.join("run.jsonl"), lines.collect::<Vec<_>>().join("\n")).unwrap();
    let page = page(&directory, "run.jsonl");
    assert!(page.contains("passed ×15"), "{page}");
    assert!(page.contains("dropped</a> ×5"), "{page}");
    assert_eq!(page.matches("<article").count(), 1, "{page}");
}

#[test]
fn a_page_goes_to_a_file() {
    let directory = directory("file");
    let source = data().join("scan.jsonl");
    let text = page(&directory, &format!("{} -o page.html", source.display()));
    assert!(text.is_empty());
    assert!(
        fs::read_to_string(directory.join("page.html")).unwrap().starts_with("<!DOCTYPE html>")
    );
}

#[test]
fn what_cannot_be_read_is_told() {
    let directory = directory("bad");
    for (name, text) in [
        ("words.jsonl", "{}\nno JSON\n"),
        ("empty.jsonl", ""),
        ("one.jsonl", r#"{"type":"verdict"}"#),
        ("not.pcapng", "no capture"),
    ] {
        fs::write(directory.join(name), text).unwrap();
    }
    assert!(refusal(&directory, "absent.jsonl").contains("cannot read absent.jsonl"));
    assert!(refusal(&directory, "words.jsonl").contains("words.jsonl:2 is no JSON"));
    assert!(refusal(&directory, "empty.jsonl").contains("no verdict and no finding"));
    assert!(
        refusal(&directory, "one.jsonl --packets not.pcapng").contains("not.pcapng is damaged")
    );
    let many = "one.jsonl --packets a --packets b";
    assert!(refusal(&directory, many).contains("more captures than files"));
    assert!(refusal(&directory, "one.jsonl -o absent/page.html").contains("cannot write"));
}
