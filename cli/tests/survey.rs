//! Today's questions to many ordinary servers at a time: the kernel's own endpoints, of which it is
//! known what they understand.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    io::Write as _,
    process::{Output, Stdio},
};

use serde_json::Value;
use tcpexposure_lab::{Family, Lab, Program};

const TOOL: &str = env!("CARGO_BIN_EXE_tcpexposure");

/// The servers: one that speaks Multipath TCP, one that gives out cookies, one that does neither.
const PORTS: [u16; 3] = [8001, 8002, 8003];
const SERVERS: &str = "
import socket, time
listeners = []
def listen(port, protocol, queue):
    one = socket.socket(socket.AF_INET6, socket.SOCK_STREAM, protocol)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if queue:
        one.setsockopt(socket.IPPROTO_TCP, 23, queue)
    one.bind(('::', port))
    one.listen(4096)
    listeners.append(one)
listen(8001, 262, 0)
listen(8002, 0, 64)
listen(8003, 0, 0)
print('serving', flush=True)
time.sleep(600)
";

fn lab() -> Option<(Lab, Program)> {
    let lab = Lab::row(3, &["python3", "tcpdump"])?;
    let far = lab.last();
    far.sysctl("net.ipv4.tcp_fastopen=3");
    far.sysctl("net.ipv4.tcp_ecn=1");
    far.sysctl("net.ipv4.tcp_max_syn_backlog=65536");
    far.sysctl("net.core.somaxconn=65536");
    let servers = far.spawn("python3", &["-u", "-c", SERVERS]);
    servers.wait_for("serving");
    Some((lab, servers))
}

/// Puts questions to the targets of a list.
fn survey(lab: &Lab, list: &str, only: &str) -> Output {
    let arguments = ["--json", "test", "-f", "-", "--suite", "modern", "--only", only];
    let mut command = lab.first().command(TOOL);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(list.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// Gives the words that were found, by port and question, of the targets of one family.
fn words(output: &Output, v4: bool) -> BTreeMap<(u64, String), BTreeSet<String>> {
    let mut all: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let object: Value = serde_json::from_str(line).unwrap();
        let target = object["target"].as_str().unwrap();
        if object["type"] == "verdict" && target.contains('.') == v4 {
            let word = object["outcome"].as_str().unwrap().to_owned();
            let key = (object["port"].as_u64().unwrap(), object["entry"].as_str().unwrap().into());
            all.entry(key).or_default().insert(word);
        }
    }
    all
}

#[test]
fn the_kernels_endpoints_are_told_for_what_they_are() {
    let Some((lab, _servers)) = lab() else { return };
    let mut list = String::new();
    for family in Family::BOTH {
        let target = lab.last_address(family);
        for port in PORTS {
            writeln!(list, "{}", std::net::SocketAddr::new(target, port)).unwrap();
        }
    }
    let output = survey(&lab, &list, "mptcp,tfo,ecn,accecn,blind,connect");
    // Of what each server understands; of the rest it says nothing.
    let known =
        [(8001, "MpCapable"), (8002, "TfoRequest"), (8002, "TfoExperiment"), (8002, "TfoCookie")];
    let everywhere = ["EcnSyn", "BlindReset", "BlindSyn"];
    for v4 in [true, false] {
        let words = words(&output, v4);
        assert!(!words.is_empty(), "{output:?}");
        for ((port, entry), said) in &words {
            let understood = known.contains(&(*port, entry)) || everywhere.contains(&&**entry);
            let expected = match &**entry {
                _ if understood => ["understood"],
                _ if said.contains("undetermined") => ["undetermined"],
                _ => ["works"],
            };
            assert!(said.iter().eq(expected), "{port} {entry} (IPv4: {v4}): {said:?}");
        }
        for (port, entry) in known {
            assert!(words.contains_key(&(port, entry.to_owned())), "{port} {entry}");
        }
        for (port, entry) in
            PORTS.into_iter().flat_map(|port| everywhere.map(|entry| (port, entry)))
        {
            assert!(words.contains_key(&(port.into(), entry.to_owned())), "{port} {entry}");
        }
    }
}
