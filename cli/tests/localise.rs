//! Where on a chain of five routers a box stands: `test --localise` and `trace` on a real kernel.

mod evidence;

use std::{process::Output, thread};

use serde_json::Value;
use tcpexposure_lab::{Family, Lab, Middlebox, PROGRAMS, Program};

const TOOL: &str = env!("CARGO_BIN_EXE_tcpexposure");
/// The router that is the box: the third hop.
const BOX: usize = 3;
/// How many chains there are at a time: they mostly wait.
const SIDE_BY_SIDE: usize = 4;

/// A box, a question, and the hops that the box stands between, as far as they can be told.
type Case = (&'static str, &'static str, Option<(u64, Option<u64>)>);

const AT_BOX: Option<(u64, Option<u64>)> = Some((3, Some(4)));

/// A box, the question that shows it, and where it is found: behind the hop that it is, or not at
/// all, because quotes do not tell.
const CASES: &[Case] = &[
    ("optstrip", "SynExperiment253", AT_BOX),
    ("optstrip", "DataExperiment253", AT_BOX),
    ("mss-clamp", "Mss1460", AT_BOX),
    ("nft-window", "Window", AT_BOX),
    ("nft-isn-shift", "SeqOut", AT_BOX),
    ("drop-unknown-syn-option", "SynExperiment253", AT_BOX),
    ("nft-reset-option", "SynExperiment253", AT_BOX),
    ("optstrip-timestamp", "SynTimestamps", AT_BOX),
    ("drop-syn-payload", "SynData512", AT_BOX),
    ("reset-unknown-syn-option", "SynExperiment253", AT_BOX),
    // It answers in the host's place, and what is behind it cannot be seen.
    ("synproxy", "SynExperiment253", Some((3, None))),
    ("haproxy", "SynExperiment253", Some((2, None))),
    ("masquerade", "Port", None),
];

fn lab() -> Option<(Lab, Program)> {
    let lab = Lab::row(7, PROGRAMS)?;
    let responder = lab.last().spawn(TOOL, &["respond", "--port", "34343"]);
    responder.wait_for("serving ports");
    Some((lab, responder))
}

fn objects(lab: &Lab, arguments: &[&str]) -> Vec<Value> {
    read(&lab.first().run(TOOL, arguments))
}

/// Runs a suite, whose evidence must say the same again.
fn tested(lab: &Lab, arguments: &[&str]) -> Vec<Value> {
    let file = evidence::file();
    let kept = ["-w", file.to_str().unwrap()];
    let output = lab.first().run(TOOL, &[arguments, &kept].concat());
    evidence::judge(&output, &file, &["--json"], &[]);
    read(&output)
}

fn read(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let objects = text.lines().map(serde_json::from_str).collect::<Result<_, _>>();
    objects.unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn place(lab: &Lab, target: &str, row: &str) -> Value {
    let arguments = ["--json", "test", target, "--suite", "modern", "--only", row, "--localise"];
    let all = tested(lab, &arguments);
    let found = all.iter().find(|object| object["type"] == "place" && object["entry"] == row);
    found.unwrap_or_else(|| panic!("no place for {row}: {all:?}")).clone()
}

#[test]
fn every_box_is_found_between_its_hops() {
    for some in CASES.chunks(SIDE_BY_SIDE) {
        thread::scope(|scope| some.iter().for_each(|case| drop(scope.spawn(|| is_found(case)))));
    }
}

fn is_found((name, row, expected): &Case) {
    let Some((lab, _responder)) = lab() else { return };
    let _box = Middlebox::named(name).stand(lab.host(BOX));
    for family in Family::BOTH {
        let found = place(&lab, &lab.last_address(family).to_string(), row);
        let ttl = |end: &str| found["place"][end]["ttl"].as_u64();
        match expected {
            Some((from, to)) => {
                let ends = (ttl("after"), ttl("before"));
                assert_eq!(ends, (Some(*from), *to), "{name}, {row}, {family:?}: {found}");
            }
            None => assert!(found["place"].is_null(), "{name}, {row}, {family:?}: {found}"),
        }
    }
}

/// What stands on another router, as lines of shell for either family, and what is then found of the
/// option stripper behind it: the hops it stands between, or the last hop that is known.
struct Scene {
    name: &'static str,
    router: usize,
    v4: &'static str,
    v6: &'static str,
    /// Who is asked, if not the last host.
    targets: Option<[&'static str; 2]>,
    /// Question, the hop before, the hop behind.
    found: &'static [(&'static str, u64, Option<u64>)],
}

const BETWEEN: &[(&str, u64, Option<u64>)] =
    &[("SynExperiment253", 3, Some(4)), ("DataExperiment253", 3, Some(4))];

const SCENES: &[Scene] = &[
    Scene {
        name: "ports and addresses translated on the way there",
        router: 2,
        v4: "iptables-legacy -w -t nat -A POSTROUTING -o right -p tcp -j MASQUERADE --random-fully",
        v6: "ip6tables-legacy -w -t nat -A POSTROUTING -o right -p tcp -j MASQUERADE --random-fully",
        targets: None,
        found: BETWEEN,
    },
    Scene {
        name: "ports and addresses translated behind it",
        router: 4,
        v4: "iptables-legacy -w -t nat -A POSTROUTING -o right -p tcp -j MASQUERADE --random-fully",
        v6: "ip6tables-legacy -w -t nat -A POSTROUTING -o right -p tcp -j MASQUERADE --random-fully",
        targets: None,
        found: BETWEEN,
    },
    // Behind it all errors come in the name of the target that was asked.
    Scene {
        name: "the destination translated",
        router: 2,
        v4: "iptables-legacy -w -t nat -A PREROUTING -i left -d 10.77.99.9 -j DNAT --to-destination 10.77.5.2",
        v6: "ip6tables-legacy -w -t nat -A PREROUTING -i left -d fd77:99::9 -j DNAT --to-destination fd77:5::2",
        targets: Some(["10.77.99.9", "fd77:99::9"]),
        found: BETWEEN,
    },
    // No hop behind it is seen any more.
    Scene {
        name: "the time to live set",
        router: 2,
        v4: "iptables-legacy -w -t mangle -A FORWARD -i left -j TTL --ttl-set 200",
        v6: "ip6tables-legacy -w -t mangle -A FORWARD -i left -j HL --hl-set 200",
        targets: None,
        found: &[("SynExperiment253", 2, None), ("DataExperiment253", 2, None)],
    },
    // It is not seen itself, and all behind it are one hop nearer.
    Scene {
        name: "the time to live kept",
        router: 2,
        v4: "iptables-legacy -w -t mangle -A PREROUTING -i left -j TTL --ttl-inc 1",
        v6: "ip6tables-legacy -w -t mangle -A PREROUTING -i left -j HL --hl-inc 1",
        targets: None,
        found: &[("SynExperiment253", 2, Some(3)), ("DataExperiment253", 2, Some(3))],
    },
    // It answers the SYN, and it is its own SYN that lacks the option; data passes it.
    Scene {
        name: "handshakes made by a proxy",
        router: 2,
        v4: "iptables-legacy -w -t raw -A PREROUTING -i left -p tcp --syn -j CT --notrack
             iptables-legacy -w -A FORWARD -i left -p tcp -m conntrack --ctstate INVALID,UNTRACKED \
                -j SYNPROXY --sack-perm --timestamp --wscale 7 --mss 1460
             sysctl -qw net.netfilter.nf_conntrack_tcp_loose=0",
        v6: "ip6tables-legacy -w -t raw -A PREROUTING -i left -p tcp --syn -j CT --notrack
             ip6tables-legacy -w -A FORWARD -i left -p tcp -m conntrack --ctstate INVALID,UNTRACKED \
                -j SYNPROXY --sack-perm --timestamp --wscale 7 --mss 1460",
        targets: None,
        found: &[("SynExperiment253", 2, None), ("DataExperiment253", 3, Some(4))],
    },
];

#[test]
fn no_other_box_is_taken_for_it() {
    for some in SCENES.chunks(SIDE_BY_SIDE) {
        thread::scope(|scope| some.iter().for_each(|scene| drop(scope.spawn(|| play(scene)))));
    }
}

fn play(scene: &Scene) {
    let Some((lab, _responder)) = lab() else { return };
    let _box = Middlebox::named("optstrip").stand(lab.host(BOX));
    lab.host(scene.router).shell(scene.v4);
    lab.host(scene.router).shell(scene.v6);
    for (index, family) in Family::BOTH.into_iter().enumerate() {
        let target = match scene.targets {
            Some(targets) => {
                for host in 0..scene.router {
                    let next = tcpexposure_lab::address(family, host, 2);
                    lab.host(host).ip(&format!("route add {} via {next}", targets[index]));
                }
                targets[index].to_owned()
            }
            None => lab.last_address(family).to_string(),
        };
        for (row, after, before) in scene.found {
            let found = place(&lab, &target, row);
            let ttl = |end: &str| found["place"][end]["ttl"].as_u64();
            let ends = (ttl("after"), ttl("before"));
            assert_eq!(ends, (Some(*after), *before), "{}, {row}, {family:?}: {found}", scene.name);
        }
    }
}

/// Routers that send but one error a second to each host, as they do by default.
#[test]
fn slow_routers_are_waited_for() {
    let Some((lab, _responder)) = lab() else { return };
    let _box = Middlebox::named("optstrip").stand(lab.host(BOX));
    for router in 1..6 {
        lab.host(router).sysctl("net.ipv4.icmp_ratelimit=1000");
        lab.host(router).sysctl("net.ipv6.icmp.ratelimit=1000");
    }
    let rows = ["SynExperiment253", "SynExperiment254", "DataExperiment253"];
    for family in Family::BOTH {
        let target = lab.last_address(family).to_string();
        let only = rows.join(",");
        let arguments =
            ["--json", "test", &target, "--suite", "modern", "--only", &only, "--localise"];
        let all = tested(&lab, &arguments);
        for row in rows {
            let found =
                all.iter().find(|object| object["type"] == "place" && object["entry"] == row);
            let place = &found.unwrap_or_else(|| panic!("no place for {row}: {all:?}"))["place"];
            let ends = (place["after"]["ttl"].as_u64(), place["before"]["ttl"].as_u64());
            assert_eq!(ends, (Some(3), Some(4)), "{row}, {family:?}: {place}");
        }
    }
}

/// A web server that knows nothing of us: the change is found by quotes alone.
#[test]
fn a_trace_needs_nothing_of_the_target() {
    let Some((lab, _responder)) = lab() else { return };
    let _box = Middlebox::named("optstrip").stand(lab.host(BOX));
    for family in Family::BOTH {
        let target = lab.last_address(family).to_string();
        let port = match family {
            Family::V4 => format!("{target}:34343"),
            Family::V6 => format!("[{target}]:34343"),
        };
        let all = objects(&lab, &["--json", "trace", &port, "S <mss 1460,opt 253 0xaabbccddee00>"]);
        let hops: Vec<_> = all.iter().filter(|object| object["type"] == "hop").collect();
        assert_eq!(hops.len(), 6, "five routers and the target: {all:?}");
        let changed = |hop: &Value| {
            hop["changed"].as_array().is_some_and(|all| all.iter().any(|word| word == "options"))
        };
        let first = hops.iter().position(|hop| changed(hop));
        assert_eq!(first, Some(BOX), "{all:?}");
        let place = all.iter().find(|object| object["field"] == "options").unwrap();
        assert_eq!(place["place"]["after"]["ttl"], 3, "{all:?}");
    }
}

/// Two routers side by side, one of which strips options: flows differ, and what is found in one is
/// looked for in the same.
#[test]
fn balanced_paths_are_told_apart() {
    let Some((mut lab, _responder)) = lab() else { return };
    let beside = lab.beside(BOX);
    let _box = Middlebox::named("optstrip").stand(lab.host(BOX));
    for (family, beside) in Family::BOTH.into_iter().zip(beside) {
        let target = lab.last_address(family);
        let boxed = tcpexposure_lab::address(family, BOX - 1, 2);
        let port = std::net::SocketAddr::new(target, 34343).to_string();
        let all = objects(&lab, &["--json", "trace", &port, "--flows", "12"]);
        let balance = all.iter().find(|object| object["type"] == "balance");
        let routers = balance.unwrap_or_else(|| panic!("no balance: {all:?}"))["routers"].clone();
        for address in [beside, boxed] {
            let flows = |router: &Value| router["address"] == address.to_string();
            assert!(routers.as_array().unwrap().iter().any(flows), "{address}: {routers}");
        }
        localised(&lab, &target.to_string(), boxed);
    }
}

/// Asks until a run's connection has gone by way of the box; then so has the trace.
fn localised(lab: &Lab, target: &str, boxed: std::net::IpAddr) {
    let question = ["--suite", "modern", "--only", "SynExperiment253", "--localise"];
    let mut found = 0;
    for _ in 0..12 {
        let all = tested(lab, &[&["--json", "test", target][..], &question].concat());
        let Some(place) = all.iter().find(|object| object["type"] == "place") else { continue };
        let (after, before) = (&place["place"]["after"], &place["place"]["before"]);
        assert_eq!((&after["ttl"], &before["ttl"]), (&3.into(), &4.into()), "{all:?}");
        assert_eq!(after["address"], boxed.to_string(), "{all:?}");
        found += 1;
    }
    assert!(found > 0, "no connection went by way of the box");
}
