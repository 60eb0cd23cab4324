//! A run of the modern suite through a simulated path.

use std::{collections::BTreeMap, net::IpAddr, ops::ControlFlow, time::Duration};

use tcpexposure_core::{
    experiment::{
        Peer, Ports,
        modern::{Choice, Finding, Modern, ModernConfig, ModernEvent, ModernSummary},
    },
    respond::{self, Responder, siphash::Key},
    time::Instant,
};
use tcpexposure_link::drive;
use tcpexposure_sim::{Setup, Sim};

pub(crate) type Addresses = (&'static str, &'static str);
pub(crate) const V4: Addresses = ("192.0.2.1", "198.51.100.2");
pub(crate) const V6: Addresses = ("2001:db8::1", "2001:db8:1::2");
pub(crate) const PORT: u16 = 34343;

/// What is run.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    path: String,
    addresses: Addresses,
    rows: Choice,
    peer: Peer,
}

/// What was found, by the names of the rows, and the end.
pub(crate) type Said = BTreeMap<&'static str, String>;

impl Run {
    pub(crate) fn new(path: &str) -> Self {
        Self { path: path.to_owned(), addresses: V4, rows: Choice::ALL, peer: Peer::Unknown }
    }

    pub(crate) fn addresses(self, addresses: Addresses) -> Self {
        Self { addresses, ..self }
    }

    /// Runs against our responder, and says what was found in words.
    pub(crate) fn all(&self) -> Said {
        let ports = respond::Ports::new(&[PORT]).unwrap();
        let config =
            respond::Config { rate: None, ..respond::Config::modern(ports, Key::new([7; 16])) };
        self.against(Responder::new(config)).0
    }

    /// Says what differs from a clean path, without the values.
    pub(crate) fn findings(&self) -> Said {
        let mut said = self.all();
        said.retain(|_, said| said != "passed" && !said.contains("OtherFamily"));
        for said in said.values_mut() {
            *said = said
                .split(|c: char| c.is_ascii_digit())
                .next()
                .unwrap_or_default()
                .trim()
                .to_owned();
        }
        said
    }

    pub(crate) fn against<E: tcpexposure_core::engine::Engine + 'static>(
        &self,
        host: E,
    ) -> (Said, ModernSummary, Duration) {
        let setup: Setup = self.path.parse().unwrap();
        let mut sim = Sim::with(host, setup);
        let parse = |text: &str| -> IpAddr { text.parse().unwrap() };
        let mut engine = Modern::<8>::new(ModernConfig {
            target: parse(self.addresses.1),
            port: PORT,
            source: parse(self.addresses.0),
            ports: Ports { first: 20_000, count: 1000 },
            rows: self.rows,
            peer: self.peer,
            http: false,
            idle: Duration::from_secs(1),
            seed: 1,
        });
        let (mut said, mut summary) = (Said::new(), None);
        let outcome = drive(&mut engine, &mut sim, |event| {
            match event {
                Some(ModernEvent::Finding(finding)) => {
                    said.insert(finding.row.name, word(&finding));
                }
                Some(ModernEvent::Summary(end)) => summary = Some(end),
                None => {}
            }
            ControlFlow::Continue(())
        });
        outcome.unwrap();
        let end = tcpexposure_link::Link::now(&sim);
        (said, summary.unwrap(), end.since(Instant::from_nanos(0)))
    }
}

fn word(finding: &Finding) -> String {
    let word = match finding.why {
        Some(why) => format!("undetermined ({why:?})"),
        None => finding.outcome.to_string(),
    };
    let word = match finding.direction.word() {
        Some(direction) => format!("{word} {direction}"),
        None => word,
    };
    match finding.values {
        Some((sent, arrived)) => format!("{word} {sent}->{arrived}"),
        None => word,
    }
}
