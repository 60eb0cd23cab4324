//! `probe` without any privilege: lists, dry runs, simulated paths, outputs, and what is refused.

use std::{
    collections::BTreeSet,
    env, fs,
    net::SocketAddr,
    path::PathBuf,
    process::{self, Command, Output},
};

use serde_json::Value;
use tcpexposure_link::savefile::Reader;

const TOOL: &str = env!("CARGO_BIN_EXE_tcpexposure");

/// A file that goes away with its owner.
struct Scrap(PathBuf);

impl Scrap {
    fn new(name: &str, text: &str) -> Self {
        let scrap = Self::none(name);
        fs::write(&scrap.0, text).unwrap();
        scrap
    }

    fn none(name: &str) -> Self {
        Self(env::temp_dir().join(format!("tcpexposure-probe-{}-{name}", process::id())))
    }

    fn name(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Scrap {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn probe(arguments: &[&str]) -> Output {
    Command::new(TOOL).arg("probe").args(arguments).output().unwrap()
}

/// Runs over a simulated path, which must succeed, and reads the findings.
fn findings(arguments: &[&str]) -> Vec<Value> {
    let output = probe(&[arguments, &["--json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Tells who answered, each once.
fn answered(findings: &[Value]) -> BTreeSet<String> {
    let pair = |f: &Value| format!("{} {}", f["saddr"].as_str().unwrap(), f["sport"]);
    let set: BTreeSet<_> = findings.iter().map(pair).collect();
    assert_eq!(set.len(), findings.len(), "somebody answered twice");
    set
}

fn refused(arguments: &[&str], code: i32, words: &str) {
    let output = probe(arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    assert!(said.contains(words), "{arguments:?}: {said}");
    let (sentence, hint) = said.trim_end().split_once("\nhint: ").expect("a hint");
    assert!(!sentence.contains('\n') && !hint.contains('\n'), "{arguments:?}: {said}");
}

#[test]
fn a_line_of_a_list_decides() {
    let allow = Scrap::new("allow", "# ours\n10.0.0.0/8 ; all of it\n\n2001:db8::/64\n");
    let block = Scrap::new("block", "\n10.1.2.0-10.1.2.9 # theirs\n2001:db8::9\n");
    let lists = ["-w", allow.name(), "-b", block.name()];
    let why = |address: &str| {
        let output = probe(&[&["why", address], &lists[..]].concat());
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, said) = why("10.1.2.7");
    let place = format!("10.1.2.7 is not probed: {}:2 blocks 10.1.2.0-10.1.2.9\n", block.name());
    assert_eq!((code, said), (Some(1), place));
    let (code, said) = why("10.1.2.10");
    let place = format!("10.1.2.10 is probed: {}:2 says 10.0.0.0/8", allow.name());
    assert!(code == Some(0) && said.starts_with(&place), "{said}");
    let (code, said) = why("2001:db8::9");
    assert!(code == Some(1) && said.contains(&format!("{}:3 blocks", block.name())), "{said}");
    let (code, said) = why("11.0.0.1");
    assert!(code == Some(1) && said.contains("not among the targets"), "{said}");
}

#[test]
fn what_is_blocked_gets_no_packet() {
    let allow = Scrap::new("few", "192.0.2.0/28\n192.0.2.4 # again\n2001:db8::/125\n");
    let block = Scrap::new("fewer", "192.0.2.3\n192.0.2.8/30\n2001:db8::1-2001:db8::3\n");
    let arguments = ["-w", allow.name(), "-b", block.name(), "--exclude", "192.0.2.0/31"];
    let found = answered(&findings(&[&arguments[..], &["--backend", "sim"]].concat()));
    let numbers = [2, 4, 5, 6, 7, 12, 13, 14, 15].map(|last| format!("192.0.2.{last} 80"));
    let more = ["", "4", "5", "6", "7"].map(|last| format!("2001:db8::{last} 80"));
    assert_eq!(found, numbers.into_iter().chain(more).collect());
}

#[test]
fn shards_are_disjoint_and_complete() {
    let whole = ["192.0.2.0/25", "-p", "80,443", "--backend", "sim", "-e", "7"];
    let all = answered(&findings(&whole));
    assert_eq!(all.len(), 256);
    let mut rest = all.clone();
    for shard in ["0", "1", "2"] {
        let part = findings(&[&whole[..], &["--shards", "3", "--shard", shard]].concat());
        for one in answered(&part) {
            assert!(rest.remove(&one), "{one} is in two shards");
        }
    }
    assert_eq!(rest, BTreeSet::new());
    let masscan = findings(&[&whole[..], &["--shards", "3/3"]].concat());
    let third = findings(&[&whole[..], &["--shards", "3", "--shard", "2"]].concat());
    assert_eq!(answered(&masscan), answered(&third));
}

#[test]
fn limits_and_retries() {
    let targets = ["192.0.2.0/24", "--backend"];
    let found = |more: &[&str]| findings(&[&targets[..], more].concat()).len();
    assert_eq!(found(&["sim", "-n", "10%"]), 26);
    assert_eq!(found(&["sim", "-N", "9"]), 9);
    assert_eq!(found(&["sim", "-r", "100", "-t", "1s"]), 100);
    assert_eq!(found(&["sim", "-B", "78400", "-t", "1s"]), 100);
    let lossy = found(&["sim:loss=30%"]);
    assert!((90..160).contains(&lossy), "{lossy} of 256 where half is lost");
    assert_eq!(found(&["sim:loss=30%", "--retries", "20"]), 256);
}

#[test]
fn a_seed_tells_the_order() {
    let order = |seed| {
        let output = probe(&["192.0.2.0/24", "-d", "-e", seed]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(order("1"), order("1"));
    assert_ne!(order("1"), order("2"));
    assert_eq!(order("1").lines().count(), 256);
}

#[test]
fn the_same_bytes_as_craft() {
    for (target, from, expressions) in [
        ("198.51.100.2", "192.0.2.1:4000", [ODD, ODD_V4].concat()),
        ("2001:db8::2", "[2001:db8::1]:4000", [ODD, ODD_V6].concat()),
    ] {
        let from: SocketAddr = from.parse().unwrap();
        for text in expressions {
            let scrap = Scrap::none("dry.pcapng");
            let source = from.ip().to_string();
            let arguments = [target, "-p", "81", "-S", &source, "-s", "4000", "--probe", text];
            let output =
                probe(&[&arguments[..], &["-d", "-O", "pcapng", "-o", scrap.name()]].concat());
            assert_eq!(output.status.code(), Some(0), "{text}: {output:?}");
            let mut reader = Reader::new(fs::File::open(&scrap.0).unwrap()).unwrap();
            let bytes = reader.read().unwrap().unwrap().bytes.to_vec();
            assert!(reader.read().is_none(), "{text}: more than one packet");
            let to = SocketAddr::new(target.parse().unwrap(), 81).to_string();
            assert_eq!(bytes, crafted(&to, &from.to_string(), text), "{text}");
        }
    }
}

fn crafted(to: &str, from: &str, expression: &str) -> Vec<u8> {
    let output =
        Command::new(TOOL).args(["craft", "--raw", to, expression, "--from", from]).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

#[test]
fn formats() {
    let fields = "saddr,classification,options";
    let run = ["192.0.2.0/29", "--backend", "sim", "-f", fields, "--probe", "S <mss 1460>"];
    let csv = probe(&[&run[..], &["-O", "csv"]].concat());
    let text = String::from_utf8(csv.stdout).unwrap();
    let mut lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.remove(0), "saddr,classification,options");
    assert!(lines.len() == 8 && lines.contains(&"192.0.2.7,synack,02040200"), "{text}");
    let json = findings(&run);
    assert!(json.iter().all(|one| one.as_object().unwrap().len() == 4), "{json:?}");
    let scrap = Scrap::none("frames.pcapng");
    let output = probe(&[&run[..], &["-o", scrap.name()]].concat());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let mut reader = Reader::new(fs::File::open(&scrap.0).unwrap()).unwrap();
    let mut count = 0;
    while let Some(record) = reader.read() {
        assert_eq!(record.unwrap().bytes[0] >> 4, 4);
        count += 1;
    }
    assert_eq!(count, 8);
    let help = probe(&["-f", "help"]);
    let help = String::from_utf8(help.stdout).unwrap();
    let names: Vec<_> = help.lines().filter_map(|line| line.split(' ').next()).collect();
    for name in CONTRACT.split(' ') {
        assert!(names.contains(&name), "{name} is missing");
    }
}

#[test]
fn the_account_of_a_run() {
    let scrap = Scrap::none("metadata");
    let arguments = ["192.0.2.0/28", "--backend", "sim", "-e", "5", "-m", scrap.name()];
    assert_eq!(probe(&arguments).status.code(), Some(0));
    let all: Value = serde_json::from_str(&fs::read_to_string(&scrap.0).unwrap()).unwrap();
    assert_eq!((&all["seed"], &all["targets"]), (&5.into(), &16.into()));
    assert_eq!((&all["shard"], &all["tainted"]), (&0.into(), &false.into()));
    let account = &all["account"];
    assert_eq!((&account["asked"], &account["found"]["synack"]), (&16.into(), &16.into()));
    assert_eq!((&account["read"], &account["written"]), (&16.into(), &16.into()));
    assert!(all["kernel"].as_str().is_some_and(|text| text.starts_with("Linux ")), "{all}");
}

#[test]
fn a_run_that_is_done_is_not_gone_on_with() {
    let place = Scrap::none("place");
    let arguments = ["192.0.2.0/28", "--backend", "sim", "--resume", place.name()];
    assert_eq!(findings(&arguments).len(), 16);
    let again = probe(&arguments);
    assert_eq!((again.status.code(), again.stdout.len()), (Some(0), 0), "{again:?}");
    let other = ["192.0.2.0/27", "--backend", "sim", "--resume", place.name()];
    refused(&other, 2, "belongs to another run");
    fs::write(&place.0, "{").unwrap();
    refused(&arguments, 2, "cannot go on from");
}

#[test]
fn a_run_that_was_stopped_is_gone_on_with() {
    let place = Scrap::none("half");
    let arguments =
        ["192.0.2.0/28", "--backend", "sim", "-r", "10", "--resume", place.name(), "--json"];
    let first = findings(&[&arguments[..7], &["-t", "1s"]].concat());
    let second = findings(&arguments[..7]);
    assert!((10..13).contains(&first.len()), "{first:?}");
    assert_eq!(first.len() + second.len(), 16);
    assert_eq!(answered(&[first, second].concat()).len(), 16);
}

#[test]
fn what_is_refused() {
    refused(&[], 2, "there is nothing to probe");
    refused(&["192.0.2.9-192.0.2.1"], 2, "is empty: it ends before it begins");
    refused(&["192.0.2.0/33"], 2, "is no prefix");
    refused(&["192.0.2.1", "-b", "/nonexistent"], 2, "cannot read /nonexistent");
    refused(&["192.0.2.1", "-w", "/"], 2, "cannot read /");
    let list = Scrap::new("bad", "192.0.2.1\nnonsense here\n");
    refused(&["-w", list.name()], 2, ":2: \"nonsense here\" is no address");
    fs::write(&list.0, b"192.0.2.1\n\xff\n").unwrap();
    refused(&["-b", list.name(), "192.0.2.1"], 2, "did not contain valid UTF-8");
    let empty = Scrap::new("empty", "# nothing\n");
    refused(&["-w", empty.name()], 2, "there is nothing to probe");
    refused(&["192.0.2.0/24", "--exclude", "192.0.0.0/16"], 2, "leaves none of the 256 addresses");
    refused(&["2001:db8::/64", "--yes"], 2, "more than 2^63 targets");
    refused(&["::/0", "--yes"], 2, "more than 2^63 targets");
    refused(&["10.0.0.0/8"], 2, "there is no blocklist");
    refused(&["192.0.2.1", "--shards", "2"], 2, "none is named");
    refused(&["192.0.2.1:80", "192.0.2.2:81"], 2, "on the same ports");
    refused(&["192.0.2.1", "-f", "nosuch", "--backend", "sim"], 2, "no field is called");
    refused(&["192.0.2.1", "-o", "/nonexistent/x"], 2, "cannot write /nonexistent/x");
    refused(&["192.0.2.1", "-s", "4,6", "--backend", "sim"], 2, "do not follow each other");
    let named = "IP 10.0.0.1.1 > 10.0.0.2.2: Flags [S], seq 5, win 7, length 0";
    refused(&["192.0.2.1", "--probe", named, "--backend", "sim"], 2, "names an address or a port");
    refused(&["192.0.2.1", "--backend", "sim:loss=100%"], 4, "no answer to any of 1 probes");
}

#[test]
fn overlaps_are_told_and_probed_once() {
    let arguments = ["192.0.2.0/28", "192.0.2.1", "-p", "80,80-81", "--backend", "sim"];
    let output = probe(&arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("192.0.2.1 (the command line) is listed twice"), "{said}");
    assert!(said.contains("port 80-81 is listed twice"), "{said}");
    assert_eq!(output.stdout.iter().filter(|byte| **byte == b'\n').count(), 32);
}

#[test]
fn a_full_disk_keeps_what_was_found() {
    let run = ["192.0.2.0/28", "--backend", "sim"];
    let full = |file: &[&str]| {
        let arguments = [&run[..], file].concat();
        refused(&arguments, 5, "No space left on device");
        probe(&arguments).stdout.iter().filter(|byte| **byte == b'\n').count()
    };
    full(&["-o", "/dev/full"]);
    assert_eq!(full(&["-m", "/dev/full"]), 16);
}

/// Segments whose numbers are stated, for otherwise they are cookies.
const ODD: &[&str] = &[
    "S seq 7 win 64240 <mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7>",
    "S seq 7 <mss 1460,opt 254 len 0>",
    "S seq 7 cksum bad",
    "S seq 7 doff 4",
    "S seq 7 rsvd 5",
    "SFRPe. seq 4294967295 ack 5 urg 9",
    "P. seq 1:1001 ack 3 len 1000 fill 0xaa",
];

/// The same of IPv4.
const ODD_V4: &[&str] = &["S seq 7 (id 7, DF, tos 0x2, ttl 5)", "S seq 7 (ipcksum bad)"];

/// The same of IPv6.
const ODD_V6: &[&str] = &["S seq 7 (flow 0xabcde, class 0xff, hlim 3)"];

/// The fields that scripts rely on.
const CONTRACT: &str = "saddr sport daddr dport family classification flags seq ack window ttl \
    ip_id tos options payload_len rtt_us checksum icmp_type icmp_code icmp_quoted_len quoted_addr \
    dup proof";
