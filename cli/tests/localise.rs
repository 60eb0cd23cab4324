//! Where on a chain of five routers a box stands: `test --localise` and `trace` on a real kernel.

use serde_json::Value;
use tcpexposure_lab::{Family, Lab, Middlebox, PROGRAMS, Program};

const TOOL: &str = env!("CARGO_BIN_EXE_tcpexposure");
/// The router that is the box: the third hop.
const BOX: usize = 3;

/// A box, a question, and the hops that the box stands between.
type Case = (&'static str, &'static str, Option<(u64, u64)>);

/// A box, the question that shows it, and where it is found: behind the hop that it is, or not at
/// all, because quotes do not tell.
const CASES: &[Case] = &[
    ("optstrip", "SynExperiment253", Some((3, 4))),
    ("optstrip", "DataExperiment253", Some((3, 4))),
    ("mss-clamp", "Mss1460", Some((3, 4))),
    ("nft-window", "Window", Some((3, 4))),
    ("nft-isn-shift", "SeqOut", Some((3, 4))),
    ("drop-unknown-syn-option", "SynExperiment253", Some((3, 4))),
    ("masquerade", "Port", None),
];

fn lab() -> Option<(Lab, Program)> {
    let lab = Lab::row(7, PROGRAMS)?;
    let responder = lab.last().spawn(TOOL, &["respond", "--port", "34343"]);
    responder.wait_for("serving ports");
    Some((lab, responder))
}

fn objects(lab: &Lab, arguments: &[&str]) -> Vec<Value> {
    let output = lab.first().run(TOOL, arguments);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let objects = text.lines().map(serde_json::from_str).collect::<Result<_, _>>();
    objects.unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn place(lab: &Lab, target: &str, row: &str) -> Value {
    let arguments = ["--json", "test", target, "--suite", "modern", "--only", row, "--localise"];
    let all = objects(lab, &arguments);
    let found = all.iter().find(|object| object["type"] == "place" && object["entry"] == row);
    found.unwrap_or_else(|| panic!("no place for {row}: {all:?}")).clone()
}

#[test]
fn every_box_is_found_between_its_hops() {
    for (name, row, expected) in CASES {
        let Some((lab, _responder)) = lab() else { return };
        let _box = Middlebox::named(name).stand(lab.host(BOX));
        for family in Family::BOTH {
            let found = place(&lab, &lab.last_address(family).to_string(), row);
            let ttl = |end: &str| found["place"][end]["ttl"].as_u64();
            match expected {
                Some((from, to)) => assert_eq!(
                    (ttl("after"), ttl("before")),
                    (Some(*from), Some(*to)),
                    "{name}, {row}, {family:?}: {found}"
                ),
                None => assert!(found["place"].is_null(), "{name}, {row}, {family:?}: {found}"),
            }
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
