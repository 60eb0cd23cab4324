//! Runs a suite over a simulated path and keeps what went over it.

use std::{net::IpAddr, time::Duration};

use tcpexposure_core::{
    engine::{Engine, Step},
    experiment::{
        COUNT, Config, Dialect, ENTRIES, Event, Host, Peer, Ports, Selection, Suite, Verdict,
    },
    respond::{self, Responder, siphash::Key},
    time::Instant,
    wire::packet::Packet,
};
use tcpexposure_link::Link;
use tcpexposure_sim::{Sim, Wire};

pub(crate) const FAITHFUL: Dialect = Dialect::Classic { faithful: true };
pub(crate) const MENDED: Dialect = Dialect::Classic { faithful: false };
pub(crate) const ALL: [Dialect; 3] = [FAITHFUL, MENDED, Dialect::Modern43];

/// What came of a run.
pub(crate) struct Run {
    pub(crate) verdicts: Vec<Verdict>,
    pub(crate) results: [i8; COUNT],
    pub(crate) connections: u32,
    pub(crate) peer: Peer,
    /// The time that passed on the path.
    pub(crate) time: Duration,
    /// All packets; the number of the first is 1.
    pub(crate) packets: Vec<(Way, Vec<u8>)>,
}

/// Which way a packet went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Out,
    In,
}

/// Makes the configuration of a run over IPv4 or IPv6.
pub(crate) fn config(dialect: Dialect, v6: bool) -> Config {
    let address = |last: u16| -> IpAddr {
        if v6 {
            [0x2001, 0xdb8, 0, 0, 0, 0, 0, last].into()
        } else {
            [192, 0, 2, last.to_le_bytes()[0]].into()
        }
    };
    Config {
        target: address(2),
        port: 34343,
        source: address(1),
        ports: Ports { first: 20000, count: Ports::WANTED },
        dialect,
        http: None,
        entries: Selection::ALL,
        peer: Peer::Unknown,
        seed: 1,
    }
}

/// The same in HTTP mode.
pub(crate) fn http(config: Config) -> Config {
    Config { http: Some(Host::try_from("example.org").unwrap()), ..config }
}

/// The responder that understands `dialect`.
pub(crate) fn responder(dialect: Dialect) -> Responder {
    let ports = respond::Ports::new(&[34343]).unwrap();
    Responder::new(match dialect {
        Dialect::Classic { .. } => respond::Config::classic(ports),
        Dialect::Modern43 => respond::Config::modern(ports, Key::new([7; 16])),
    })
}

/// A path of so many milliseconds one way.
pub(crate) fn wire(millis: u64) -> Wire {
    Wire { delay: Duration::from_millis(millis), ..Wire::default() }
}

/// Runs a suite to its end.
pub(crate) fn run<H: Engine>(config: Config, sim: Sim<H>) -> Run {
    run_until(config, sim, u64::MAX)
}

/// Runs a suite, and interrupts it after so many packets.
pub(crate) fn run_until<H: Engine>(config: Config, mut sim: Sim<H>, limit: u64) -> Run {
    let mut suite = Suite::<8>::new(config);
    let mut verdicts = Vec::new();
    let mut packets = Vec::new();
    let (connections, peer) = loop {
        if packets.len() as u64 == limit {
            suite.interrupt();
        }
        let now = sim.now();
        match suite.poll(now, sim.slot().unwrap()) {
            Step::Send(length) => {
                packets.push((Way::Out, sim.slot().unwrap()[..length].to_vec()));
                sim.commit(length).unwrap();
            }
            Step::Emit(Event::Verdict(verdict)) => verdicts.push(verdict),
            Step::Emit(Event::Progress { done, of, .. }) => assert!(done <= of),
            Step::Emit(Event::Summary(summary)) => {
                assert_eq!(summary.packets, packets.len() as u64);
                break (summary.connections, summary.peer);
            }
            Step::Wait(until) => {
                if let Some(frame) = sim.recv(until).unwrap() {
                    packets.push((Way::In, frame.bytes.to_vec()));
                    suite.handle(frame.time, &Packet::from_ip(frame.bytes));
                }
            }
            Step::Done => panic!("there was no summary"),
        }
    };
    Run {
        verdicts,
        results: suite.results(),
        connections,
        peer,
        time: sim.now().since(Instant::ZERO),
        packets,
    }
}

impl Run {
    /// Tells the entries that differ from 0.
    pub(crate) fn differences(&self) -> Vec<(&'static str, i8)> {
        let rows = ENTRIES.iter().zip(self.results);
        rows.filter(|(_, code)| *code != 0).map(|(row, code)| (row.name, code)).collect()
    }

    /// Tells the id of an entry's verdict.
    pub(crate) fn id(&self, name: &str) -> &'static str {
        self.verdict(name).code.id
    }

    pub(crate) fn verdict(&self, name: &str) -> &Verdict {
        let mut found = self.verdicts.iter().filter(|verdict| verdict.entry.name() == name);
        let verdict = found.next().unwrap();
        assert!(found.next().is_none(), "{name} was reported twice");
        verdict
    }

    /// Gives the packet with this number.
    pub(crate) fn packet(&self, number: u64) -> (Way, Packet<'_>) {
        let (way, bytes) = &self.packets[usize::try_from(number).unwrap() - 1];
        (*way, Packet::from_ip(bytes))
    }

    /// Gives all packets on the way out.
    pub(crate) fn sent(&self) -> impl Iterator<Item = Packet<'_>> {
        let out = self.packets.iter().filter(|(way, _)| *way == Way::Out);
        out.map(|(_, bytes)| Packet::from_ip(bytes))
    }
}
