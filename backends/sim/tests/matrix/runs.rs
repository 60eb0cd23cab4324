//! A suite, a path and a responder: what comes of it.

use std::{collections::BTreeMap, net::IpAddr, ops::ControlFlow};

use tcpexposure_core::{
    engine::Engine,
    experiment::{Config, Dialect, ENTRIES, Host, Peer, Ports, Selection, Suite},
    respond::{self, Responder, siphash::Key},
};
use tcpexposure_link::drive;
use tcpexposure_sim::{Setup, Sim};

use crate::responder::Classic2011;

/// What differs from 0.
pub(crate) type Codes = BTreeMap<String, i8>;

/// Who answers at the far end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Far {
    /// The responder of 2011, which dies of some packets.
    Original,
    /// Ours, in the dialect of 2011.
    Classic,
    /// Ours, in that of today.
    Modern,
}

/// A run of the suite.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) dialect: Dialect,
    pub(crate) far: Far,
    pub(crate) v6: bool,
    pub(crate) http: bool,
}

pub(crate) const FAITHFUL: Dialect = Dialect::Classic { faithful: true };
pub(crate) const MENDED: Dialect = Dialect::Classic { faithful: false };
pub(crate) const MODERN: Dialect = Dialect::Modern43;

impl Run {
    /// Makes a run over IPv4, without HTTP.
    pub(crate) const fn new(dialect: Dialect, far: Far) -> Self {
        Self { dialect, far, v6: false, http: false }
    }

    /// Runs over both families, which must not differ.
    #[track_caller]
    pub(crate) fn both(self, setup: &str) -> Codes {
        let [v4, v6] = [false, true].map(|v6| Self { v6, ..self });
        let (v4, v6) = std::thread::scope(|scope| {
            let v6 = scope.spawn(|| v6.through(setup));
            (v4.through(setup), v6.join().unwrap())
        });
        assert_eq!(difference(&v6, &v4), None, "{setup}, {self:?}: IPv6 and IPv4");
        v4
    }

    /// Runs through a path, and gives what differs from 0.
    pub(crate) fn through(self, setup: &str) -> Codes {
        let setup: Setup = setup.parse().unwrap();
        let ports = respond::Ports::new(&[PORT]).unwrap();
        let responder = |config| Responder::new(respond::Config { rate: None, ..config });
        match self.far {
            Far::Original => self.against(Classic2011::default(), setup),
            Far::Classic => self.against(responder(respond::Config::classic(ports)), setup),
            Far::Modern => {
                let key = Key::new([7; 16]);
                self.against(responder(respond::Config::modern(ports, key)), setup)
            }
        }
    }

    fn against(self, host: impl Engine, setup: Setup) -> Codes {
        let mut suite = Suite::<8>::new(self.config(setup.seed));
        let mut sim = Sim::with(host, setup);
        drive(&mut suite, &mut sim, |_| ControlFlow::Continue(())).unwrap();
        let codes = ENTRIES.iter().zip(suite.results()).filter(|(_, code)| *code != 0);
        codes.map(|(entry, code)| (entry.name.to_owned(), code)).collect()
    }

    fn config(self, seed: u64) -> Config {
        let address = |last: u16| -> IpAddr {
            if self.v6 {
                [0x2001, 0xdb8, 0, 0, 0, 0, 0, last].into()
            } else {
                [192, 0, 2, last.to_le_bytes()[0]].into()
            }
        };
        Config {
            target: address(2),
            port: PORT,
            source: address(1),
            ports: Ports { first: 20000, count: 256 },
            dialect: self.dialect,
            http: self.http.then(|| Host::try_from("example.org").unwrap()),
            entries: Selection::ALL,
            peer: Peer::Responder,
            seed,
        }
    }
}

/// Tells how two rows differ, for one to read.
pub(crate) fn difference(got: &Codes, expected: &Codes) -> Option<String> {
    let differs = names(got, expected)
        .map(|(name, got, expected)| format!("{name} {got} instead of {expected}"));
    let text = differs.collect::<Vec<_>>().join(", ");
    (!text.is_empty()).then_some(text)
}

/// Writes codes in the order of the entries.
pub(crate) fn show(codes: &Codes) -> String {
    show_changes(codes, &Codes::new())
}

/// Writes the codes that are not as in `before`.
pub(crate) fn show_changes(codes: &Codes, before: &Codes) -> String {
    let changed = names(codes, before).map(|(name, code, _)| format!("{name} {code}"));
    changed.collect::<Vec<_>>().join(", ")
}

/// Gives the entries in which two rows differ, with both codes.
fn names<'c>(
    one: &'c Codes,
    other: &'c Codes,
) -> impl Iterator<Item = (&'static str, i8, i8)> + 'c {
    let code = |codes: &Codes, name| codes.get(name).copied().unwrap_or(0);
    let all = ENTRIES
        .iter()
        .map(move |entry| (entry.name, code(one, entry.name), code(other, entry.name)));
    all.filter(|(_, one, other)| one != other)
}

const PORT: u16 = 34343;
