//! The whole tool on a real wire: two namespaces joined by veth, a kernel and its web server at the
//! far end, tcpdump listening there.

use std::{
    fs,
    net::{IpAddr, SocketAddr},
    path::Path,
    process::{Command, Output},
};

use tcpexposure_lab::{Capture, Family, Lab, Program};

const TOOL: &str = env!("CARGO_BIN_EXE_tcpexposure");

/// Segments that no kernel would send.
const ODD: &[&str] = &[
    "S seq 7 <mss 1460,opt 253 0xaabb>",
    "S seq 7 <mss 1460,opt 254 len 0>",
    "S seq 7 cksum bad",
    "S seq 7 doff 4",
    "S seq 7 doff 15 <mss 1460>",
    "S seq 7 rsvd 5",
    "SFRPe. seq 4294967295 ack 5 urg 9",
    "none \"no flags at all\"",
    "P. seq 1:1001 len 1000 fill 0xaa (ttl 9)",
];

/// The same of IPv4.
const ODD_V4: &[&str] = &[
    "S seq 7 (ipopt 0x94040000)",
    "S seq 7 (id 0, frag 3, evil)",
    "S seq 7 (ipcksum bad)",
    "S seq 7 (tos 0xff, id 4660, MF)",
];

/// The same of IPv6.
const ODD_V6: &[&str] = &["S seq 7 (flow 0xabcde, class 0xff, hlim 3)"];

fn lab() -> Option<Lab> {
    Lab::row(2, &["tcpdump", "python3", "capsh"])
}

fn target(lab: &Lab, family: Family, port: u16) -> String {
    SocketAddr::new(lab.last_address(family), port).to_string()
}

fn send(lab: &Lab, arguments: &[&str]) -> Output {
    lab.first().run(TOOL, &[&["send"], arguments].concat())
}

/// Starts an ordinary web server at the far end, on both families.
fn web_server(lab: &Lab) -> Program {
    let code = "import http.server,socket,sys\n\
        class S(http.server.ThreadingHTTPServer):\n address_family=socket.AF_INET6\n\
        class H(http.server.BaseHTTPRequestHandler):\n \
        def do_GET(self):\n  self.send_response(200);self.end_headers();self.wfile.write(b'a page')\n\
        s=S(('::',80),H);print('ready',flush=True);s.serve_forever()";
    let server = lab.last().spawn("python3", &["-c", code]);
    server.wait_for("ready");
    server
}

/// Reads the IP packets of a capture of Ethernet frames, in the byte order of this machine.
fn packets(path: &Path) -> Vec<Vec<u8>> {
    let bytes = fs::read(path).unwrap();
    let mut rest = &bytes[24..];
    let mut packets = Vec::new();
    while rest.len() > 16 {
        let length = u32::from_le_bytes(rest[8..12].try_into().unwrap()) as usize;
        packets.push(rest[16 + 14..16 + length].to_vec());
        rest = &rest[16 + length..];
    }
    packets
}

fn crafted(to: &str, from: &str, expression: &str) -> Vec<u8> {
    let output =
        Command::new(TOOL).args(["craft", to, expression, "--from", from]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let digits = text.trim().as_bytes();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

fn tcp_from(family: Family, source: IpAddr) -> String {
    match family {
        Family::V4 => format!("ip src {source} and ip proto 6"),
        Family::V6 => format!("ip6 src {source} and ip6 proto 6"),
    }
}

#[test]
fn what_arrives_is_what_craft_printed() {
    let Some(lab) = lab() else { return };
    for family in Family::BOTH {
        let odd = if family == Family::V4 { ODD_V4 } else { ODD_V6 };
        let expressions: Vec<&str> = ODD.iter().chain(odd).copied().collect();
        let source = lab.first_address(family);
        let from = SocketAddr::new(source, 4000).to_string();
        let to = target(&lab, family, 80);
        let mut capture = lab.last().capture("left", &tcp_from(family, source));
        for expression in &expressions {
            let output = send(&lab, &[&to, expression, "--from", &from, "--timeout", "50ms"]);
            let code = output.status.code();
            assert!(matches!(code, Some(0 | 4)), "{expression}: {output:?}");
        }
        let arrived = packets(capture.finish());
        let wanted: Vec<_> = expressions.iter().map(|text| crafted(&to, &from, text)).collect();
        for ((text, arrived), wanted) in expressions.iter().zip(&arrived).zip(&wanted) {
            assert_eq!(arrived, wanted, "{family:?} {text}");
        }
        assert_eq!(arrived.len(), wanted.len());
    }
}

#[test]
fn an_open_port_answers_and_our_kernel_is_silent() {
    let Some(lab) = lab() else { return };
    let _server = web_server(&lab);
    for family in Family::BOTH {
        let mut capture = lab.last().capture("left", "tcp or ip6 proto 6");
        let to = target(&lab, family, 80);
        let output = send(&lab, &[&to, "S seq 7 win 64240 <mss 1460,sackOK>"]);
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(text.contains("Flags [S.]") && text.contains("ack 8,"), "{text}");
        no_reset_from_us(&lab, family, &mut capture);
    }
}

#[test]
fn a_closed_port_and_a_silent_one() {
    let Some(lab) = lab() else { return };
    let to = target(&lab, Family::V4, 81);
    let output = send(&lab, &[&to, "S seq 7"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("Flags [R.]"));
    lab.last().shell("ip route add blackhole 10.77.0.1/32 || ip route add prohibit 192.0.2.0/24");
    let unreachable = send(&lab, &["192.0.2.1:80", "S"]);
    assert_eq!(unreachable.status.code(), Some(2), "{unreachable:?}");
    let said = String::from_utf8_lossy(&unreachable.stderr);
    assert!(said.contains("no route to 192.0.2.1") && said.contains("hint:"), "{said}");
    let silent = send(&lab, &["10.77.0.99:80", "S", "--timeout", "100ms"]);
    let said = String::from_utf8_lossy(&silent.stderr);
    assert!(said.contains("10.77.0.99 does not answer"), "{said}");
}

#[test]
fn the_handshake_of_2010_fetches_a_page() {
    let Some(lab) = lab() else { return };
    let Some(example) = example("handshake") else { return };
    let _server = web_server(&lab);
    for family in Family::BOTH {
        for without in ["", "cap_net_admin"] {
            let mut capture = lab.last().capture("left", "tcp or ip6 proto 6");
            let host = lab.last_address(family).to_string();
            let output = if without.is_empty() {
                lab.first().run(&example, &[&host])
            } else {
                let line = format!("exec {example} {host}");
                lab.first().run("capsh", &["--drop=cap_net_admin", "--", "-c", &line])
            };
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success(), "{family:?} {without}: {output:?}");
            for word in ["Flags [S.]", "Flags [P.]", "Flags [F"] {
                assert!(text.contains(word) || text.contains("Flags [FP.]"), "{word}: {text}");
            }
            no_reset_from_us(&lab, family, &mut capture);
        }
    }
}

fn no_reset_from_us(lab: &Lab, family: Family, capture: &mut Capture) {
    let us = format!("{}.", lab.first_address(family));
    let lines = capture.print(&["-nn", "-t"]);
    let ours: Vec<_> = lines.iter().filter(|line| line.contains(&format!(" {us}"))).collect();
    assert!(!ours.is_empty(), "nothing was captured");
    for line in &lines {
        let from_us = line.split(" > ").next().is_some_and(|from| from.contains(&us));
        assert!(!(from_us && line.contains("Flags [R")), "our kernel spoke: {lines:#?}");
    }
}

/// Finds an example of this workspace beside the tool, built when it is not.
fn example(name: &str) -> Option<String> {
    let path = Path::new(TOOL).parent()?.join("examples").join(name);
    if !path.exists() {
        let cargo = option_env!("CARGO").unwrap_or("cargo");
        let built = Command::new(cargo)
            .args(["build", "--locked", "-q", "-p", "tcpexposure-linux", "--example", name])
            .status();
        assert!(built.is_ok_and(|status| status.success()), "the example {name} does not build");
    }
    Some(path.to_str()?.to_owned())
}
