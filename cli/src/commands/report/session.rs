//! What was found, as it is read from JSON Lines.

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    io::{self, BufRead, BufReader},
    net::IpAddr,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::scan::Scan;
use crate::exit::{Exit, Failure};

/// All that the files hold.
#[derive(Debug, Default)]
pub(super) struct Session {
    /// The names of the files.
    pub(super) sources: Vec<String>,
    /// A run of a suite against a port each.
    pub(super) runs: Vec<Run>,
    /// The answers to probes.
    pub(super) scan: Scan,
    /// Where each run stands in `runs`.
    index: HashMap<Key, usize>,
}

/// What tells runs apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    source: usize,
    suite: Suite,
    target: String,
    port: u64,
}

/// Which questions were put.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Suite {
    /// The 43 of 2011.
    Classic,
    /// Today's.
    Modern,
}

/// A suite against one port.
#[derive(Debug)]
pub(super) struct Run {
    /// Which file it is from.
    pub(super) source: usize,
    pub(super) suite: Suite,
    pub(super) target: String,
    pub(super) port: u64,
    pub(super) verdicts: Vec<Verdict>,
    /// Where on the path, by the names of entries.
    pub(super) places: BTreeMap<String, String>,
    /// The end, if it came.
    pub(super) summary: Option<Value>,
}

/// What was found for an entry.
#[derive(Clone, Debug, Default)]
pub(super) struct Verdict {
    pub(super) entry: String,
    pub(super) outcome: String,
    pub(super) direction: Option<String>,
    pub(super) id: String,
    pub(super) sentence: String,
    /// What was sent and what arrived, where both are numbers.
    pub(super) values: Option<(u64, u64)>,
    /// The numbers of packets.
    pub(super) evidence: Vec<u64>,
}

/// What a verdict means to a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sense {
    /// The path let it be.
    Good,
    /// The path did something.
    Bad,
    /// It could not be told.
    Open,
}

impl Session {
    /// Reads all files.
    pub(super) fn read(paths: &[PathBuf]) -> Result<Self, Failure> {
        let mut session = Self::default();
        for path in paths {
            session.file(path)?;
        }
        if session.runs.is_empty() && session.scan.total == 0 {
            return Err(Failure::new(Exit::Usage, "there is no verdict and no finding to report")
                .hint("make them with `tcpexposure test --json TARGET` or `probe -O jsonl`"));
        }
        Ok(session)
    }

    fn file(&mut self, path: &Path) -> Result<(), Failure> {
        let name = path.display().to_string();
        let input: Box<dyn BufRead> = if path.as_os_str() == "-" {
            Box::new(io::stdin().lock())
        } else {
            Box::new(BufReader::new(File::open(path).map_err(|error| unreadable(&name, &error))?))
        };
        self.sources.push(name.clone());
        for (number, line) in input.lines().enumerate() {
            let line = line.map_err(|error| unreadable(&name, &error))?;
            if line.trim().is_empty() {
                continue;
            }
            let object = serde_json::from_str(&line).map_err(|error| {
                Failure::new(Exit::Usage, format!("{name}:{} is no JSON: {error}", number + 1))
                    .hint("give what `tcpexposure test --json` or `probe -O jsonl` wrote")
            })?;
            self.take(object);
        }
        Ok(())
    }

    /// Takes in an object; those of other commands tell nothing here.
    pub(super) fn take(&mut self, object: Value) {
        match object["type"].as_str() {
            Some("verdict") => {
                let verdict = Verdict::of(&object);
                self.run(&object).verdicts.push(verdict);
            }
            Some("place") => {
                // Only today's questions are localised.
                let (entry, place) = (text(&object, "entry"), text(&object, "sentence"));
                self.run_of(&object, Suite::Modern).places.insert(entry, place);
            }
            Some("summary") => {
                let run = self.run(&object);
                run.summary = Some(object);
            }
            Some("finding") => self.scan.take(&object),
            _ => {}
        }
    }

    fn run(&mut self, object: &Value) -> &mut Run {
        let modern = object["suite"].as_str() == Some("modern");
        self.run_of(object, if modern { Suite::Modern } else { Suite::Classic })
    }

    fn run_of(&mut self, object: &Value, suite: Suite) -> &mut Run {
        let source = self.sources.len().saturating_sub(1);
        let (target, port) = (text(object, "target"), object["port"].as_u64().unwrap_or_default());
        let key = Key { source, suite, target: target.clone(), port };
        let runs = &mut self.runs;
        let at = *self.index.entry(key).or_insert_with(|| {
            runs.push(Run::new(source, suite, target, port));
            runs.len() - 1
        });
        &mut self.runs[at]
    }
}

impl Run {
    fn new(source: usize, suite: Suite, target: String, port: u64) -> Self {
        let (verdicts, places, summary) = (Vec::new(), BTreeMap::new(), None);
        Self { source, suite, target, port, verdicts, places, summary }
    }

    /// Tells the IP version.
    pub(super) fn family(&self) -> &'static str {
        match self.target.parse() {
            Ok(IpAddr::V4(_)) => "IPv4",
            Ok(IpAddr::V6(_)) => "IPv6",
            Err(_) => "unknown",
        }
    }

    /// Names the target, by its name and its address.
    pub(super) fn place(&self) -> String {
        match self.summary.as_ref().map(|summary| text(summary, "name")) {
            Some(name) if !name.is_empty() && name != self.target => {
                format!("{name} ({})", self.target)
            }
            _ => self.target.clone(),
        }
    }

    /// Counts the verdicts of a sense.
    pub(super) fn count(&self, sense: Sense) -> usize {
        self.verdicts.iter().filter(|verdict| verdict.sense() == sense).count()
    }
}

impl Verdict {
    fn of(object: &Value) -> Self {
        let numbers = object["evidence"].as_array().into_iter().flatten();
        Self {
            entry: text(object, "entry"),
            outcome: text(object, "outcome"),
            direction: object["direction"].as_str().map(str::to_owned),
            id: text(object, "id"),
            sentence: text(object, "sentence"),
            values: object["sent"].as_u64().zip(object["arrived"].as_u64()),
            evidence: numbers.filter_map(Value::as_u64).collect(),
        }
    }

    /// Tells what it means.
    pub(super) fn sense(&self) -> Sense {
        match self.outcome.as_str() {
            "passed" | "understood" | "works" => Sense::Good,
            "undetermined" => Sense::Open,
            _ => Sense::Bad,
        }
    }

    /// Says on which way, for people.
    pub(super) fn way(&self) -> &'static str {
        match self.direction.as_deref() {
            Some("outbound") => "on the way to the target",
            Some("inbound") => "on the way back",
            Some("both") => "on both ways",
            _ => "no direction to tell",
        }
    }
}

impl Suite {
    /// Names the suite in one word.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::Modern => "modern",
        }
    }

    /// Names the suite.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Classic => "The 43 questions of 2011",
            Self::Modern => "Today’s questions",
        }
    }
}

impl Sense {
    /// Names the style of what has this sense.
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Open => "open",
        }
    }
}

/// Reads a text, or nothing.
pub(super) fn text(object: &Value, key: &str) -> String {
    object[key].as_str().unwrap_or_default().to_owned()
}

fn unreadable(name: &str, error: &io::Error) -> Failure {
    Failure::new(Exit::Usage, format!("cannot read {name}: {error}"))
        .hint("give a file of text that exists and may be read, or - for standard input")
}
