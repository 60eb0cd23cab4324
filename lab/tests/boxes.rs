//! Every middlebox does to segments on the wire what it is there for, on IPv4 and IPv6, as tcpdump
//! sees it behind the box.

use tcpexposure_lab::{Family, Lab, MIDDLEBOXES, Middlebox, PROGRAMS, address, built};

/// What is sent through a box, and what is seen.
struct Case {
    name: &'static str,
    /// The segments, sent back to back by `tcpexposure send`.
    sent: &'static [&'static str],
    /// How many of them arrive.
    arrive: usize,
    /// What tcpdump says of those that arrive; `BOX` is the address of the box.
    seen: &'static [&'static str],
    /// What is said of the answer.
    answer: &'static str,
}

const fn case(
    name: &'static str,
    sent: &'static [&'static str],
    arrive: usize,
    seen: &'static [&'static str],
    answer: &'static str,
) -> Case {
    Case { name, sent, arrive, seen, answer }
}

const UNKNOWN: &str = "S seq 7 <mss 1460,opt 253 0xaabb>";
const PLAIN: &str = "S seq 7 <mss 1460>";
/// Four NOPs, in the place of an option of four bytes.
const NOPS: &str = "[mss 1460,nop,nop,nop,nop]";

const CASES: &[Case] = &[
    case("none", &[UNKNOWN], 1, &["[mss 1460,unknown-253 0xaabb]"], "Flags [R.]"),
    case("none", &["S seq 7 \"payload\""], 1, &["length 7"], "Flags [R.]"),
    case("optstrip", &[UNKNOWN], 1, &[NOPS], ""),
    case("optstrip", &[". seq 7 ack 9 <mss 1460,opt 254 0xaabb>"], 1, &[NOPS], ""),
    case(
        "optstrip-timestamp",
        &["S seq 7 <TS val 1 ecr 0,opt 253 0xaabb>"],
        1,
        &["[nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,unknown-253 0xaabb,eol]"],
        "",
    ),
    case("mss-clamp", &[PLAIN], 1, &["[mss 1200]"], ""),
    case("mss-clamp", &["S seq 7 <mss 512>"], 1, &["[mss 512]"], ""),
    case("mss-clamp-400", &["S seq 7 <mss 512>"], 1, &["[mss 400]"], ""),
    case("synproxy", &[UNKNOWN], 0, &[], "Flags [S.]"),
    case("masquerade", &[UNKNOWN], 1, &["BOX.", "seq 7,", "unknown-253 0xaabb"], "Flags [R.]"),
    case("ct-strict", &["P. seq 7 ack 9 \"data\""], 0, &[], ""),
    case("ct-strict", &[UNKNOWN], 1, &["unknown-253 0xaabb"], "Flags [R.]"),
    case("ct-liberal", &["P. seq 7 ack 9 \"data\""], 1, &["length 4"], "Flags [R]"),
    case("nft-reset-option", &[UNKNOWN], 1, &[NOPS], ""),
    case(
        "nft-timestamp-zero",
        &["S seq 7 <TS val 1 ecr 0,opt 253 0xaabb>"],
        1,
        &["[TS val 0 ecr 0,unknown-253 0xaabb"],
        "",
    ),
    case("nft-window", &["S seq 7 win 64240"], 1, &["win 1000,"], ""),
    case("nft-isn-shift", &[PLAIN], 1, &["seq 2147483655,"], "ack 8,"),
    // A reset whose acknowledgement is moved too: 8 on the way, 8 at the sender.
    case("nft-isn-shift-both", &[PLAIN], 1, &["seq 2147483655,"], "seq 2147483648, ack 8,"),
    case("drop-unknown-syn-option", &[UNKNOWN], 0, &[], ""),
    case("drop-unknown-syn-option", &["S seq 7 <opt 254 0xaabb>"], 0, &[], ""),
    case("drop-unknown-syn-option", &[PLAIN], 1, &["[mss 1460]"], "Flags [R.]"),
    case("reset-unknown-syn-option", &[UNKNOWN], 0, &[], "Flags [R.]"),
    case("reset-unknown-syn-option", &[PLAIN], 1, &["[mss 1460]"], "Flags [R.]"),
    case("prohibit-unknown-syn-option", &[UNKNOWN], 0, &[], "prohibited"),
    case("prohibit-unknown-syn-option", &[PLAIN], 1, &["[mss 1460]"], "Flags [R.]"),
    case("nft-reset-mptcp", &["S seq 7 <mss 1460,opt 30 0x0101>"], 1, &[NOPS], ""),
    case("nft-reset-mptcp", &[UNKNOWN], 1, &["unknown-253 0xaabb"], "Flags [R.]"),
    case("nft-reset-fastopen", &["S seq 7 <mss 1460,opt 34 0xaabb>"], 1, &[NOPS], ""),
    case("nft-reset-unassigned", &["S seq 7 <mss 1460,opt 114 0xaabb>"], 1, &[NOPS], ""),
    case("nft-reset-unassigned", &[UNKNOWN], 1, &["unknown-253 0xaabb"], "Flags [R.]"),
    case("nft-ce-mark", &[PLAIN], 1, &["3,"], "Flags [R.]"),
    // One hop less than what the box has set.
    case("ttl-set", &[PLAIN], 1, &["200"], "Flags [R.]"),
    case("drop-large", &[". seq 7 ack 9 len 1420 fill 0x61"], 0, &[], ""),
    case("drop-large", &[". seq 7 ack 9 len 1300 fill 0x61"], 1, &["length 1300"], "Flags [R]"),
    // Resets come back, which have no FIN.
    case("drop-fin-in", &["F. seq 7 ack 9"], 1, &["Flags [F.]"], "Flags [R]"),
    case("drop-http", &["P. seq 7 ack 9 \"GET / HTTP/1.1\""], 0, &[], ""),
    case("drop-http", &["P. seq 7 ack 9 \"HTTP/1.1 200\""], 0, &[], ""),
    case("drop-http", &["P. seq 7 ack 9 \"data\""], 1, &["length 4"], "Flags [R]"),
    case("drop-tls", &["P. seq 7 ack 9 0x160301"], 0, &[], ""),
    case("drop-tls", &["P. seq 7 ack 9 \"PRI * HTTP/2.0\""], 0, &[], ""),
    case("drop-tls", &["P. seq 7 ack 9 \"data\""], 1, &["length 4"], "Flags [R]"),
    case("forget-idle", &["P. seq 7 ack 9 \"data\""], 0, &[], ""),
    case("forget-idle", &[UNKNOWN], 1, &["unknown-253 0xaabb"], "Flags [R.]"),
    case("gro-in", &MERGEABLE, 2, &["length 500"], "Flags [R]"),
    case("drop-syn-payload", &["S seq 7 \"payload\""], 0, &[], ""),
    case("drop-syn-payload", &[PLAIN], 1, &["[mss 1460]"], "Flags [R.]"),
    case("haproxy", &[UNKNOWN], 0, &[], "Flags [S.]"),
    case("gro", &MERGEABLE, 1, &["length 1000"], ""),
    case("gro-resplit", &MERGEABLE, 2, &["length 500"], ""),
    case("retransmission-first", &RETRANSMISSION, 2, &["first one"], ""),
    case("retransmission-drop", &RETRANSMISSION, 1, &["first one"], ""),
    case("retransmission-drop", &[RETRANSMISSION[0], RETRANSMISSION[0]], 2, &["first one"], ""),
    case("retransmission-reset", &RETRANSMISSION, 1, &["first one"], "Flags [R], seq 9,"),
    case("hole-drop", &HOLE, 1, &["length 6"], ""),
    case("hole-drop", &[HOLE[0], ". seq 13 ack 9 \"second\""], 2, &["second"], ""),
    case("ack-hole-drop", &[". seq 7 ack 0 \"seen\""], 1, &["seen"], ""),
    case("ack-hole-drop", &[". seq 7 ack 9 \"unseen\""], 0, &[], ""),
    case("ack-hole-rewrite", &[". seq 7 ack 9 \"unseen\""], 1, &["ack 0,", "unseen"], ""),
    case(
        "syn-data-strip",
        &["S seq 7 \"payload\" <opt 253 0xaabb>"],
        1,
        &["unknown-253 0xaabb], length 0"],
        "ack 8,",
    ),
];

const MERGEABLE: [&str; 2] =
    [". seq 7 ack 9 len 500 fill 0x61", ". seq 507 ack 9 len 500 fill 0x61"];
const RETRANSMISSION: [&str; 2] = [". seq 7 ack 9 \"first one\"", ". seq 7 ack 9 \"other one\""];
const HOLE: [&str; 2] = [". seq 7 ack 9 \"before\"", ". seq 99 ack 9 \"behind\""];

fn lab() -> Option<Lab> {
    Lab::row(3, &[PROGRAMS, &["tcpdump"]].concat())
}

fn send(lab: &Lab, tool: &str, family: Family, sent: &[&str]) -> String {
    let to = lab.last_address(family).to_string();
    let arguments = [&["send", &to, "--timeout", "250ms"], sent].concat();
    let output = lab.first().run(tool, &arguments);
    assert!(matches!(output.status.code(), Some(0 | 4)), "{sent:?}: {output:?}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    let answer = |line: &&str| line.contains(&format!(" {to}.80 > ")) || line.contains("ICMP");
    stdout.lines().filter(answer).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_box_does_on_the_wire_what_it_is_there_for() {
    if lab().is_none() {
        return;
    }
    let tool = built("tcpexposure", "tcpexposure");
    let mut wrong = Vec::new();
    for middlebox in MIDDLEBOXES.iter().filter(|middlebox| middlebox.name != "loss-10") {
        let cases: Vec<_> = CASES.iter().filter(|case| case.name == middlebox.name).collect();
        assert!(!cases.is_empty(), "{} has no case", middlebox.name);
        let Some(lab) = lab() else { return };
        let _program = middlebox.stand(lab.host(1));
        for family in Family::BOTH {
            for case in &cases {
                let mut capture = lab.last().capture("left", "dst port 80");
                let answer = send(&lab, &tool, family, case.sent);
                let text = capture.print(&["-nn", "-t", "-S", "-v", "-A"]).join("\n");
                let own = address(family, 1, 1).to_string();
                let good = text.matches("Flags [").count() == case.arrive
                    && case.seen.iter().all(|word| text.contains(&word.replace("BOX", &own)))
                    && answer.contains(case.answer)
                    && (middlebox.name == "gro" || !text.contains("incorrect"));
                if !good {
                    let sent = case.sent;
                    wrong.push(format!(
                        "{} {family:?} {sent:?}\narrived: {text}\nanswer: {answer}",
                        case.name
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn the_lossy_box_loses_a_tenth() {
    let Some(lab) = lab() else { return };
    let tool = built("tcpexposure", "tcpexposure");
    let _program = Middlebox::named("loss-10").stand(lab.host(1));
    for family in Family::BOTH {
        let mut capture = lab.last().capture("left", "dst port 80");
        let segments = [PLAIN; 400];
        send(&lab, &tool, family, &segments);
        let arrived = capture.print(&["-nn", "-t"]).len();
        assert!((310..400).contains(&arrived), "{family:?}: {arrived} of 400 arrived");
    }
}
