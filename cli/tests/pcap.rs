//! The tool through libpcap: the same verdicts as by Linux's own sockets, and one run captured by
//! our link, by libpcap and by tcpdump.
#![cfg(target_os = "linux")]

use std::{
    env, fs,
    net::IpAddr,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use tcpexposure_lab::{Family, Host, Lab, Middlebox, PROGRAMS, Program};
use tcpexposure_link::savefile::Reader;

const TOOL: &str = env!("CARGO_BIN_EXE_tcpexposure");

/// Boxes whose verdicts differ from each other's in every part of the suite.
const BOXES: [&str; 6] =
    ["none", "optstrip", "synproxy", "nft-window", "reset-unknown-syn-option", "haproxy"];

/// What our link captures: each way the packets, in order, without their link layer.
#[derive(Debug, Default, PartialEq, Eq)]
struct Run {
    sent: Vec<Vec<u8>>,
    received: Vec<Vec<u8>>,
}

fn responder(lab: &Lab) -> Program {
    let program = lab.last().spawn(TOOL, &["respond", "--port", "34343"]);
    program.wait_for("serving ports");
    program
}

/// Runs the suite, and gives its result line.
fn suite(lab: &Lab, family: Family, backend: &str, more: &[&str]) -> String {
    let target = lab.last_address(family).to_string();
    let fixed = ["test", &target, "--format", "classic", "--backend", backend];
    let output = lab.first().run(TOOL, &[&fixed, more].concat());
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find(|line| line.starts_with("Result: "));
    line.unwrap_or_else(|| panic!("no result: {output:?}")).to_owned()
}

#[test]
fn the_verdicts_through_libpcap_are_those_of_linux() {
    let boxes = BOXES.map(Middlebox::named);
    thread::scope(|scope| {
        for middlebox in boxes {
            scope.spawn(move || same_verdicts(middlebox));
        }
    });
}

fn same_verdicts(middlebox: &Middlebox) {
    let Some(lab) = Lab::row(3, PROGRAMS) else { return };
    let _box = middlebox.stand(lab.host(1));
    let _responder = responder(&lab);
    for family in Family::BOTH {
        let [own, theirs] = ["auto", "pcap"].map(|backend| suite(&lab, family, backend, &[]));
        assert_eq!(theirs, own, "{} {family:?}", middlebox.name);
        assert_eq!(own.split_whitespace().count(), 1 + 2 * 43, "{own}");
        println!("{} {family:?} {theirs}", middlebox.name);
    }
}

#[test]
fn three_captures_of_one_run_hold_the_same_packets() {
    let Some(lab) = Lab::row(3, &["tcpdump"]) else { return };
    let Some(dump) = example("dump") else { return };
    let _responder = responder(&lab);
    for family in Family::BOTH {
        for backend in ["auto", "pcap"] {
            let own = Scratch::new("own.pcapng");
            let theirs = Scratch::new("libpcap.pcap");
            let filter = "tcp or ip6 proto 6";
            let mut tcpdump = lab.first().capture("right", filter);
            let libpcap = start(lab.first(), &dump, &theirs, filter);
            suite(&lab, family, backend, &["-w", own.0.to_str().unwrap()]);
            let us = lab.first_address(family);
            let own = read(&own.0, us);
            let tcpdump = read(tcpdump.finish(), us);
            drop(libpcap);
            let theirs = read(&theirs.0, us);
            assert!(own.sent.len() > 200 && own.received.len() > 200, "{family:?} {backend}");
            assert_same(&theirs, &tcpdump, &format!("libpcap and tcpdump, {family:?} {backend}"));
            assert_same(&own, &tcpdump, &format!("ours and tcpdump, {family:?} {backend}"));
            let (sent, received) = (own.sent.len(), own.received.len());
            println!("{family:?} {backend}: {sent} sent and {received} received, three times");
        }
    }
}

/// Holds a capture against one that ended a little earlier or later.
fn assert_same(capture: &Run, other: &Run, what: &str) {
    for (name, these, those) in
        [("sent", &capture.sent, &other.sent), ("received", &capture.received, &other.received)]
    {
        let differs = these.iter().zip(those).position(|(this, that)| this != that);
        let pair = differs.map(|at| (at, &these[at], &those[at]));
        assert_eq!(pair, None, "{what}, {name}");
        assert!(these.len().abs_diff(those.len()) < 5, "{what}, {name}");
    }
}

fn start(host: &Host, dump: &str, file: &Scratch, filter: &str) -> Program {
    let program = host.spawn(dump, &["right", file.0.to_str().unwrap(), filter]);
    program.wait_for("listening on");
    program
}

fn read(path: &Path, us: IpAddr) -> Run {
    let mut run = Run::default();
    let mut reader = Reader::new(fs::File::open(path).unwrap()).unwrap();
    while let Some(record) = reader.read().map(Result::unwrap) {
        let packet = match record.link_type {
            1 => &record.bytes[14..],
            _ => record.bytes,
        };
        assert_eq!(record.wire_len, record.bytes.len());
        let (protocol, source): (u8, IpAddr) = match packet[0] >> 4 {
            4 => (packet[9], packet[12..].first_chunk::<4>().copied().unwrap().into()),
            _ => (packet[6], packet[8..].first_chunk::<16>().copied().unwrap().into()),
        };
        let way = if source == us { &mut run.sent } else { &mut run.received };
        // The others listen for TCP only; ours hears ICMP errors as well.
        if protocol == 6 {
            way.push(packet.to_vec());
        }
    }
    run
}

/// A file that goes away with this value.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        Self(env::temp_dir().join(format!("tcpx-{}-{name}", std::process::id())))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Builds an example of the libpcap backend, and tells where it is.
fn example(name: &str) -> Option<String> {
    let cargo = option_env!("CARGO").unwrap_or("cargo");
    let built = Command::new(cargo)
        .args(["build", "--locked", "-q", "-p", "tcpexposure-pcap", "--example", name])
        .status();
    assert!(built.is_ok_and(|status| status.success()), "the example {name} does not build");
    Some(Path::new(TOOL).parent()?.join("examples").join(name).to_str()?.to_owned())
}
