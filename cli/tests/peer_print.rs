//! `print` beside tcpdump, on captures that other programs wrote: scapy, editcap, tcpdump itself.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

const TOOL: &str = env!("CARGO_BIN_EXE_tcpexposure");

/// What scapy writes: the same packets in every format that it has.
const SCRIPT: &str = r#"
import sys
from scapy.all import *
from scapy.utils import wrpcap, wrpcapng
packets, now = [], 1700000000.25
def add(network, step=0.013337, **fields):
    global now
    now += step
    data = fields.pop("data", b"")
    packet = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / network / TCP(**fields) / data
    packet = Ether(bytes(packet))
    packet.time = now
    packets.append(packet)
def talk(there, back):
    up, down = dict(sport=40000, dport=4080), dict(sport=4080, dport=40000)
    syn = [("MSS", 1460), ("SAckOK", b""), ("Timestamp", (1, 0)), ("NOP", None), ("WScale", 7)]
    later = [("NOP", None), ("NOP", None), ("Timestamp", (2, 1))]
    sack = [("NOP", None), ("NOP", None), ("SAck", (20, 30, 40, 50))]
    add(there, **up, seq=4294967290, flags="S", window=64240, options=syn)
    add(back, **down, seq=1000, ack=4294967291, flags="SA", window=65535, options=syn)
    add(there, **up, seq=4294967291, ack=1001, flags="A", options=later)
    add(there, **up, seq=4294967291, ack=1001, flags="PA", data=b"GET / HTTP/1.0\r\n\r\n")
    add(back, **down, seq=1001, ack=13, flags="A", options=sack)
    add(back, **down, seq=1001, ack=13, flags="PAECU", urgptr=3, data=b"x" * 37)
    add(back, **down, seq=1038, ack=13, flags="FA", step=-0.5)
    add(there, **up, seq=13, ack=1039, flags="RA", step=3601.75)
    add(there, **up, seq=13, flags="R", chksum=0x1234)
a, b = "10.0.0.1", "192.0.2.80"
talk(IP(src=a, dst=b, id=7, flags="DF", tos=2, ttl=9), IP(src=b, dst=a, id=0))
a, b = "2001:db8::1", "2001:db8:0:1::80"
talk(IPv6(src=a, dst=b, fl=0x12345, tc=3), IPv6(src=b, dst=a))
talk(Dot1Q(vlan=5, prio=3) / IPv6(src=b, dst=a), Dot1Q(vlan=5) / IPv6(src=a, dst=b))
wrpcap("scapy-little.pcap", packets)
wrpcap("scapy-big.pcap", packets, endianness=">")
wrpcap("scapy-nano.pcap", packets, nano=True)
wrpcapng("scapy.pcapng", packets)
"#;

const STYLES: &[&[&str]] = &[
    &[],
    &["-t"],
    &["-tt"],
    &["-ttt"],
    &["-tttt"],
    &["-ttttt"],
    &["-S"],
    &["-e"],
    &["-v"],
    &["-vv", "-e", "-S"],
    &["-x"],
    &["-xx"],
    &["-X"],
    &["-XX", "-t"],
    &["-c", "3"],
];

#[test]
fn captures_of_scapy_editcap_and_tcpdump() {
    let Some(python) = python() else { return skip("python3 with scapy") };
    for program in ["tcpdump", "editcap"] {
        if !runs(program, &["--version"]) {
            return skip(program);
        }
    }
    let room = Room::new();
    room.run(&python, &["-c", SCRIPT]);
    for (format, name) in
        [("pcapng", "editcap.pcapng"), ("nsecpcap", "editcap-nano.pcap"), ("pcap", "editcap.pcap")]
    {
        room.run("editcap", &["-F", format, "scapy-nano.pcap", name]);
    }
    room.run("editcap", &["-s", "100", "scapy-little.pcap", "cut.pcapng"]);
    room.run("tcpdump", &["-r", "scapy-big.pcap", "-w", "tcpdump.pcap"]);
    let mut captures = 0;
    for entry in fs::read_dir(&room.0).unwrap() {
        compare(&entry.unwrap().path());
        captures += 1;
    }
    assert_eq!(captures, 9);
}

/// Compares all styles, in a time zone with summer time.
fn compare(capture: &Path) {
    for style in STYLES {
        let lines = |program: &str, first: &[&str]| {
            let output = Command::new(program)
                .args(first)
                .arg(capture)
                .args(*style)
                .env("TZ", "Europe/Berlin")
                .output()
                .unwrap();
            assert!(output.status.success(), "{program} {capture:?} {style:?}: {output:?}");
            String::from_utf8(output.stdout).unwrap()
        };
        let theirs = lines("tcpdump", &["-nn", "-r"]);
        let ours = lines(TOOL, &["print", "-nn", "-r"]);
        assert!(!theirs.is_empty());
        for (ours, theirs) in ours.lines().zip(theirs.lines()) {
            assert_eq!(ours, theirs, "{capture:?} {style:?}");
        }
        assert_eq!(ours.len(), theirs.len(), "{capture:?} {style:?}");
    }
}

/// Finds the Python that has scapy, which need not be the first.
fn python() -> Option<String> {
    ["python3", "/usr/bin/python3"]
        .into_iter()
        .find(|python| runs(python, &["-c", "import scapy"]))
        .map(str::to_owned)
}

fn runs(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}

fn skip(missing: &str) {
    assert!(env::var("CI").as_deref() != Ok("true"), "CI lacks {missing}");
    eprintln!("skipped: {missing} is not installed");
}

/// A directory that goes away with its owner.
struct Room(PathBuf);

impl Room {
    fn new() -> Self {
        let path = env::temp_dir().join(format!("tcpexposure-peer-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let output = Command::new(program).args(arguments).current_dir(&self.0).output().unwrap();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
