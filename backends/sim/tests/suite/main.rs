//! The suite over simulated paths, against our own responder and against ordinary hosts.

mod host;
mod hostile;
mod run;

use std::{collections::BTreeMap, time::Duration};

use host::{Habit, Ordinary};
use hostile::{Liar, Second};
use run::{ALL, MENDED, Run, Way, config, http, responder, run, run_until, wire};
use tcpexposure_core::{
    experiment::{COUNT, Config, Dialect, Entry, Outcome, Peer, Selection, Version},
    wire::{
        options::{classic, kind},
        packet::Packet,
        tcp::Flags,
    },
};
use tcpexposure_sim::{Middlebox, Random, Sim, Wire, by_name};

fn clean(config: Config) -> Run {
    let host = responder(config.dialect);
    run(config, Sim::new(host, 1))
}

fn through(name: &str, config: Config) -> Run {
    let host = responder(config.dialect);
    let boxes = vec![by_name(name).unwrap()];
    run(config, Sim::through(host, boxes, wire(5), 1))
}

#[test]
fn a_clean_path_gives_43_zeros() {
    for dialect in ALL {
        for v6 in [false, true] {
            for config in [config(dialect, v6), http(config(dialect, v6))] {
                let what = format!("{dialect:?}, v6 {v6}, http {:?}", config.http);
                let run = clean(config);
                assert_eq!(run.differences(), [], "{what}");
                assert_eq!(run.verdicts.len(), COUNT, "{what}");
                assert_eq!(run.peer, Peer::Responder, "{what}");
            }
        }
    }
}

#[test]
fn a_path_of_100_ms_takes_at_most_12_s() {
    for dialect in ALL {
        let path = Sim::through(responder(dialect), Vec::new(), wire(50), 1);
        let run = run(config(dialect, false), path);
        assert_eq!(run.differences(), []);
        assert!(run.time <= Duration::from_secs(12), "{:?}", run.time);
    }
}

#[test]
fn a_loss_of_10_percent_each_way_changes_nothing() {
    for dialect in ALL {
        for seed in 0..30 {
            let wire = Wire { loss: 100_000, ..wire(5) };
            let path = Sim::through(responder(dialect), Vec::new(), wire, seed);
            let config = Config { seed, ..config(dialect, seed & 1 == 0) };
            let run = run(config, path);
            assert_eq!(run.differences(), [], "{dialect:?}, seed {seed}");
        }
    }
}

#[test]
fn duplicates_and_late_packets_change_nothing() {
    for dialect in ALL {
        for seed in 0..30 {
            let wire = Wire { duplication: 100_000, reordering: 30_000, ..wire(5) };
            let path = Sim::through(responder(dialect), Vec::new(), wire, seed);
            let run = run(config(dialect, seed & 1 == 0), path);
            assert_eq!(run.differences(), [], "{dialect:?}, seed {seed}");
        }
    }
}

/// What a box removes does not pass because another box lies about it.
#[test]
fn lies_make_nothing_pass_that_did_not() {
    for dialect in ALL {
        for seed in 0..40 {
            let liar = Box::new(Liar(Random::new(seed)));
            let boxes: Vec<Box<dyn Middlebox>> = vec![liar, by_name("strip-options").unwrap()];
            let path = Sim::through(responder(dialect), boxes, wire(5), seed);
            let run = run(config(dialect, seed & 1 == 0), path);
            for name in ["SynOpt", "SynOpt2", "DataOpt"] {
                let outcome = run.verdict(name).code.outcome;
                assert_ne!(outcome, Outcome::Passed, "{name}, {dialect:?}, seed {seed}");
            }
        }
    }
}

#[test]
fn a_host_that_does_not_answer_ends_the_run() {
    for (habit, code, id) in
        [(Habit::Silent, 1, "tcp.syn.dropped"), (Habit::Closed, 2, "tcp.syn.reset")]
    {
        for dialect in ALL {
            let host = Sim::through(Ordinary::new(habit), Vec::new(), wire(5), 1);
            let run = run(config(dialect, false), host);
            assert_eq!(run.results[0], code);
            assert_eq!(run.id("Syn"), id);
            assert_eq!(run.verdicts.len(), COUNT);
            assert!(run.results[1..].iter().all(|code| *code == -1));
            assert_eq!(run.id("SynOpt"), "undetermined.dependency");
            assert!(run.time <= Duration::from_secs(27), "{:?}", run.time);
        }
    }
}

#[test]
fn an_ordinary_server_is_judged_by_what_it_can_tell() {
    for dialect in [MENDED, Dialect::Modern43] {
        let host = Sim::through(Ordinary::new(Habit::Server), Vec::new(), wire(5), 1);
        let run = run(config(dialect, false), host);
        assert_eq!(run.peer, Peer::Server);
        let answered: Vec<_> = run
            .verdicts
            .iter()
            .filter(|verdict| verdict.code.outcome == Outcome::Passed)
            .map(|verdict| (verdict.entry.name(), verdict.code.id))
            .collect();
        let option = "tcp.opt.unknown.syn.answered";
        let data = "tcp.syn.payload.answered";
        let expected = [
            ("Syn", "tcp.syn.passed"),
            ("SynOpt", option),
            ("SynOpt2", option),
            ("SynData", data),
            ("SynData2", data),
        ];
        assert_eq!(answered, expected);
        let rest = run.verdicts.iter().filter(|verdict| verdict.code.code != 0);
        assert!(rest.clone().all(|verdict| verdict.code.id == "undetermined.no-responder"));
        assert_eq!(rest.count(), COUNT - expected.len());
    }
}

/// The entries that are judged all the same where another version of the responder answers.
fn other_version(config: Config, host: Dialect, boxes: Vec<Box<dyn Middlebox>>, is: Version) {
    let what = format!("{:?} asks {host:?}, {:?}", config.dialect, config.peer);
    let run = run(config, Sim::through(responder(host), boxes, wire(5), 1));
    assert_eq!(run.peer, Peer::Foreign(is), "{what}");
    assert_eq!(run.verdicts.len(), COUNT, "{what}");
    for verdict in &run.verdicts {
        let expected = match verdict.entry {
            Entry::Syn => "tcp.syn.passed",
            _ => "undetermined.version",
        };
        assert_eq!(verdict.code.id, expected, "{what}: {}", verdict.entry.name());
    }
}

#[test]
fn another_version_of_the_responder_is_told_apart() {
    for v6 in [false, true] {
        for peer in [Peer::Unknown, Peer::Responder] {
            let config = |dialect| Config { peer, ..config(dialect, v6) };
            for dress in [|config| config, http] {
                let (mended, modern) = (dress(config(MENDED)), dress(config(Dialect::Modern43)));
                other_version(mended, Dialect::Modern43, Vec::new(), Version::Modern);
                other_version(modern, MENDED, Vec::new(), Version::Classic);
            }
            for dialect in [MENDED, Dialect::Modern43] {
                let boxes: Vec<Box<dyn Middlebox>> = vec![Box::new(Second)];
                other_version(config(dialect), dialect, boxes, Version::Later(2));
            }
        }
    }
}

#[test]
fn a_syn_that_is_dropped_is_seen_before_any_responder() {
    let boxes = vec![by_name("drop-syn-option").unwrap()];
    let path = Sim::through(responder(MENDED), boxes, wire(5), 1);
    let run = run(config(Dialect::Modern43, false), path);
    assert_eq!(run.peer, Peer::Foreign(Version::Classic));
    assert_eq!(run.id("SynOpt"), "tcp.opt.unknown.syn.dropped");
    assert_eq!(run.id("DataOpt"), "undetermined.version");
}

#[test]
fn an_ordinary_server_shows_what_drops_a_syn() {
    let host = Ordinary::new(Habit::Server);
    let path = Sim::through(host, vec![by_name("drop-syn-option").unwrap()], wire(5), 1);
    let run = run(config(Dialect::Modern43, false), path);
    assert_eq!(run.id("SynOpt"), "tcp.opt.unknown.syn.dropped");
    assert_eq!(run.id("SynData"), "tcp.syn.payload.answered");
}

#[test]
fn a_reflected_option_does_not_pass() {
    for dialect in [MENDED, Dialect::Modern43] {
        let run = through("reflect", config(dialect, false));
        assert_eq!(run.verdict("SynOpt").code.outcome, Outcome::Reflected);
        assert_eq!(run.verdict("SynOpt2").code.outcome, Outcome::Reflected);
    }
}

#[test]
fn evidence_names_the_packets() {
    for (dialect, unknown) in [(MENDED, classic::CAPABLE), (Dialect::Modern43, kind::EXPERIMENT_1)]
    {
        let run = through("strip-options-syn-out", config(dialect, false));
        let verdict = run.verdict("SynOpt");
        assert_eq!(verdict.code.id, "tcp.opt.unknown.syn.removed");
        let [syn, answer] = verdict.evidence[..] else {
            panic!("{:?}", verdict.evidence);
        };
        let (way, packet) = run.packet(syn);
        let tcp = packet.tcp().unwrap();
        assert_eq!((way, tcp.header.flags()), (Way::Out, Flags::SYN));
        assert!(tcp.options.find(unknown).is_some());
        let (way, packet) = run.packet(answer);
        let back = packet.tcp().unwrap();
        assert_eq!((way, back.header.flags()), (Way::In, Flags::SYN.with(Flags::ACK)));
        assert_eq!(back.header.destination_port(), tcp.header.source_port());
        assert!(back.options.find(unknown).is_none());
    }
}

#[test]
fn an_icmp_error_is_evidence() {
    let run = through("icmp-reject", config(Dialect::Modern43, false));
    let verdict = run.verdict("SynOpt");
    assert_eq!(verdict.code.outcome, Outcome::Dropped);
    let icmp = verdict.evidence.iter().map(|number| run.packet(*number));
    assert!(icmp.filter(|(way, _)| *way == Way::In).count() > 0);
}

/// The flags that each connection sent, by source port.
fn flags_by_port(run: &Run) -> BTreeMap<u16, Vec<Flags>> {
    let mut ports: BTreeMap<u16, Vec<Flags>> = BTreeMap::new();
    for packet in run.sent() {
        let header = packet.tcp().unwrap().header;
        ports.entry(header.source_port()).or_default().push(header.flags());
    }
    ports
}

#[test]
fn every_connection_has_its_own_port_and_is_closed() {
    for dialect in ALL {
        let run = clean(config(dialect, false));
        let ports = flags_by_port(&run);
        assert_eq!(ports.len(), run.connections as usize);
        for (port, flags) in ports {
            let fin = flags.iter().filter(|flags| flags.contains(Flags::FIN));
            assert_eq!(fin.count(), 1, "{port}");
            assert!(flags.iter().all(|flags| !flags.contains(Flags::RST)), "{port}");
        }
    }
}

#[test]
fn few_ports_are_enough() {
    for count in [1, 3] {
        for dialect in ALL {
            let mut config = config(dialect, false);
            config.ports.count = count;
            let run = clean(config);
            assert_eq!(run.differences(), [], "{dialect:?}, {count} ports");
            assert_eq!(flags_by_port(&run).len(), usize::from(count));
        }
    }
}

#[test]
fn what_cannot_be_closed_is_reset() {
    let run = through("drop-data-option", config(MENDED, false));
    let open = |flags: &Vec<Flags>| !flags.iter().any(|flags| flags.contains(Flags::FIN));
    let open: Vec<_> = flags_by_port(&run).into_values().filter(open).collect();
    assert!(!open.is_empty());
    for flags in open {
        assert_eq!(flags.last(), Some(&Flags::RST.with(Flags::ACK)));
    }
}

#[test]
fn only_what_is_wanted_is_reported_and_what_it_needs_is_run() {
    let config = Config {
        entries: Selection::NONE.with(Entry::SynAckData),
        ..config(Dialect::Modern43, false)
    };
    let run = clean(config);
    assert_eq!(run.verdicts.len(), 1);
    assert_eq!(run.id("SynAckData"), "tcp.syn-ack.payload.passed");
    assert_eq!(run.connections, 3, "syn, syn_data and synack_data");
}

#[test]
fn an_interrupted_run_says_what_it_knows_and_resets_the_rest() {
    for limit in [1, 2, 10, 60, 200] {
        let dialect = Dialect::Modern43;
        let path = Sim::through(responder(dialect), Vec::new(), wire(5), 1);
        let run = run_until(config(dialect, false), path, limit);
        assert_eq!(run.verdicts.len(), COUNT, "{limit}");
        let interrupted = |id: &str| id == "undetermined.interrupted";
        assert!(run.verdicts.iter().any(|verdict| interrupted(verdict.code.id)));
        for flags in flags_by_port(&run).into_values() {
            let last = flags.last().unwrap();
            let closed = flags.iter().any(|flags| flags.contains(Flags::FIN));
            assert!(closed || last.contains(Flags::RST), "{limit}: {flags:?}");
        }
    }
}

/// The segments that the classic suite sends are the ones of 2011: ports and checksums apart, they
/// are requests of the responder's test vectors.
#[test]
fn the_classic_suite_sends_the_segments_of_2011() {
    let text = include_str!("../../../../core/tests/data/responder-vectors.json");
    let table: serde_json::Value = serde_json::from_str(text).unwrap();
    let vectors = table.as_object().unwrap().values().find_map(|value| value.as_array()).unwrap();
    let runs = [
        clean(config(run::FAITHFUL, false)),
        clean(http(config(run::FAITHFUL, false))),
        clean(config(MENDED, false)),
    ];
    let sent: Vec<Vec<u8>> = runs.iter().flat_map(Run::sent).map(|packet| bare(&packet)).collect();
    for name in SENT {
        let vector = vectors.iter().find(|vector| vector["name"] == *name).unwrap();
        let hex = vector["request_hex"].as_str().unwrap();
        let bytes: Vec<u8> = (0..hex.len() / 2)
            .map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
            .collect();
        let request = bare(&Packet::from_ip(&bytes));
        assert!(sent.contains(&request), "{name} is not sent");
    }
}

/// The vectors whose requests the original's suite sends on a clean path.
const SENT: &[&str] = &[
    "syn-plain",
    "syn-mss-only",
    "syn-mpcapable-compact",
    "syn-mpcapable-aligned",
    "syn-tsecr-80001234",
    "syn-tsecr-ffff0000",
    "syn-data-128-aa",
    "syn-data-128-a1",
    "syn-data-128-c1",
    "syn-data-128-c2",
    "syn-data-512-aa",
    "syn-data-512-a1",
    "syn-data-512-c1",
    "syn-data-512-c2",
    "data-512-a1",
    "data-500-a1-ts",
    "data-500-a2-ts",
    "data-496-a1-mpdata",
    "fin",
    "pure-ack",
    "http-post-512-a1",
];

/// Gives a packet without addresses, ports, identification and checksums.
fn bare(packet: &Packet<'_>) -> Vec<u8> {
    let mut bytes = packet.bytes.to_vec();
    for range in [4..6, 10..24, 36..38] {
        bytes[range].fill(0);
    }
    bytes
}
