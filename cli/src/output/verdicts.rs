//! What `test` found: a table and a summary, JSON Lines, or the original's line of results.

use std::{net::IpAddr, time::Duration};

use clap::ValueEnum;
use serde_json::{Map, Value, json};
use tcpexposure_core::experiment::{Config, ENTRIES, Outcome, Summary, UNDETERMINED, Verdict};

use super::{
    Output,
    text::{paragraph, peer, peer_sentence, plural, row, seconds},
};
use crate::{evidence::Proofs, exit::Failure};

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table, and a summary to read
    Text,
    /// An object a line
    Json,
    /// The original's line of names and numbers
    Classic,
}

/// What came of one port of one target.
#[derive(Debug)]
pub(crate) struct Report {
    /// The target, as it was named.
    name: String,
    target: IpAddr,
    port: u16,
    format: Format,
    verdicts: Vec<Verdict>,
    /// The end, if it came.
    pub(crate) summary: Option<Summary>,
    /// How long it took.
    pub(crate) duration: Duration,
    /// Whether somebody asked to stop.
    pub(crate) interrupted: bool,
}

/// Verdicts that say the same.
struct Group<'a> {
    verdict: &'a Verdict,
    names: Vec<&'static str>,
}

impl Report {
    pub(crate) fn new(name: &str, config: &Config, format: Format) -> Self {
        Self {
            name: name.to_owned(),
            target: config.target,
            port: config.port,
            format,
            verdicts: Vec::new(),
            summary: None,
            duration: Duration::ZERO,
            interrupted: false,
        }
    }

    /// Takes in a verdict, and prints it at once if it is a line of its own.
    pub(crate) fn verdict(&mut self, verdict: Verdict, output: &mut Output) -> Result<(), Failure> {
        if self.format == Format::Json {
            output.object(&self.object(&verdict))?;
        }
        self.verdicts.push(verdict);
        Ok(())
    }

    /// Prints what remains to be printed at the end.
    pub(crate) fn print(&mut self, output: &mut Output) -> Result<(), Failure> {
        self.verdicts.sort_by_key(|verdict| verdict.entry);
        match self.format {
            Format::Classic => output.line(&self.result_line()),
            Format::Json => output.object(&self.summary_object()),
            Format::Text if self.silence().is_some() => Ok(()),
            Format::Text => {
                if !output.verbosity.quiet {
                    self.table(output)?;
                }
                self.text(output)
            }
        }
    }

    /// Tells what the packets prove.
    pub(crate) fn proofs(&self) -> Proofs {
        let mut proofs = Proofs::default();
        self.verdicts.iter().for_each(|verdict| proofs.verdict(verdict));
        proofs
    }

    /// Tells whether the path, or a box on it, did anything to what was sent.
    pub(crate) fn interfered(&self) -> bool {
        self.silence().is_none() && self.verdicts.iter().any(interferes)
    }

    /// Tells what was tried if the port is silent or closed, and nothing could be asked.
    pub(crate) fn silence(&self) -> Option<String> {
        let summary = self.summary.as_ref().filter(|_| !self.interrupted)?;
        let end = format!(
            "from {} port {}: tried {} over {}",
            self.place(),
            self.port,
            plural(summary.connections, "connection"),
            seconds(self.duration),
        );
        let silent = |what: &str| format!("{what} {end}");
        match summary.results.first() {
            Some(1) => Some(silent("no answer")),
            Some(2) => Some(silent("only resets")),
            _ => None,
        }
    }

    /// Tells the target as it was named, and its address.
    fn place(&self) -> String {
        let address = self.target.to_string();
        if self.name == address { address } else { format!("{} ({address})", self.name) }
    }

    fn object(&self, verdict: &Verdict) -> Value {
        json!({
            "type": "verdict",
            "target": self.target.to_string(),
            "port": self.port,
            "entry": verdict.entry.name(),
            "code": verdict.code.code,
            "outcome": verdict.code.outcome.word(),
            "direction": verdict.code.direction.word(),
            "id": verdict.code.id,
            "sentence": verdict.code.sentence,
            "evidence": verdict.evidence.as_slice(),
        })
    }

    fn summary_object(&self) -> Value {
        let results: Map<String, Value> =
            self.results().map(|(name, code)| (name.to_owned(), code.into())).collect();
        let (passed, interfered, open) = self.counts();
        json!({
            "type": "summary",
            "target": self.target.to_string(),
            "name": self.name,
            "port": self.port,
            "passed": passed,
            "interfered": interfered,
            "undetermined": open,
            "interrupted": self.interrupted,
            "peer": self.summary.map(|summary| peer(summary.peer)),
            "packets": self.summary.map(|summary| summary.packets),
            "connections": self.summary.map(|summary| summary.connections),
            "seconds": self.duration.as_secs_f64(),
            "results": results,
        })
    }

    /// Makes the original's line.
    fn result_line(&self) -> String {
        let mut line = "Result:".to_owned();
        for (name, code) in self.results() {
            line += &format!(" {name} {code}");
        }
        line
    }

    /// Tells the numbers of all entries in their order.
    fn results(&self) -> impl Iterator<Item = (&'static str, i8)> {
        ENTRIES.iter().map(|row| {
            let found = self.verdicts.iter().find(|verdict| verdict.entry == row.entry);
            (row.name, found.map_or(UNDETERMINED, |verdict| verdict.code.code))
        })
    }

    /// Counts what passed, what did not, and what is not determined.
    fn counts(&self) -> (usize, usize, usize) {
        let count = |test: fn(&Verdict) -> bool| self.verdicts.iter().filter(|v| test(v)).count();
        (count(passed), count(interferes), count(open))
    }

    fn table(&self, output: &mut Output) -> Result<(), Failure> {
        let names = self.verdicts.iter().map(|verdict| verdict.entry.name().len());
        let words = self.verdicts.iter().map(|verdict| verdict.code.outcome.word().len());
        let (name_width, word_width) = (names.max().unwrap_or(0), words.max().unwrap_or(0));
        for verdict in &self.verdicts {
            let text = format!("{}{}", verdict.code.sentence, evidence(verdict));
            let (name, outcome) = (verdict.entry.name(), verdict.code.outcome);
            for line in row(output, (name, name_width), (outcome, word_width), &text) {
                output.line(&line)?;
            }
        }
        output.line("")
    }

    /// Prints the summary for one to read.
    fn text(&self, output: &mut Output) -> Result<(), Failure> {
        let (passed, interfered, open) = self.counts();
        let end = if self.interrupted { "; interrupted" } else { "" };
        let text = format!(
            "{} port {}: {passed} passed, {interfered} interfered with, {open} undetermined{end}.",
            self.place(),
            self.port
        );
        paragraph(output, "", &text)?;
        if let Some(summary) = &self.summary {
            let text = format!(
                "{} on {} in {}; {}.",
                plural(summary.packets, "packet"),
                plural(summary.connections, "connection"),
                seconds(self.duration),
                peer_sentence(summary.peer),
            );
            paragraph(output, "", &text)?;
        }
        if interfered == 0 && open == 0 {
            return output.line("Nothing on this path interferes with what was asked.");
        }
        self.groups(output, "What the path does:", interferes)?;
        self.groups(output, "Not determined:", self::open)?;
        self.advice(output)
    }

    /// Prints verdicts of a sort, those that say the same together.
    fn groups(
        &self,
        output: &mut Output,
        heading: &str,
        test: fn(&Verdict) -> bool,
    ) -> Result<(), Failure> {
        let mut groups: Vec<Group<'_>> = Vec::new();
        for verdict in self.verdicts.iter().filter(|verdict| test(verdict)) {
            let name = verdict.entry.name();
            match groups.iter_mut().find(|group| group.verdict.code == verdict.code) {
                Some(group) => group.names.push(name),
                None => groups.push(Group { verdict, names: vec![name] }),
            }
        }
        if groups.is_empty() {
            return Ok(());
        }
        output.line(heading)?;
        for group in groups {
            let code = &group.verdict.code;
            let way = code.direction.word().map_or_else(String::new, |way| format!(" ({way})"));
            let text = format!("{}{way} {}", code.sentence.trim_end_matches('.'), names(&group));
            paragraph(output, "  * ", &text)?;
        }
        Ok(())
    }

    /// Tells what follows for those who run hosts behind this path.
    fn advice(&self, output: &mut Output) -> Result<(), Failure> {
        let found = |prefix: &str| {
            self.verdicts.iter().any(|v| interferes(v) && v.code.id.starts_with(prefix))
        };
        let mut said = ADVICE.iter().filter(|(prefix, _)| found(prefix)).peekable();
        if said.peek().is_none() {
            return Ok(());
        }
        output.line("What follows:")?;
        for (_, advice) in said {
            paragraph(output, "  * ", advice)?;
        }
        Ok(())
    }
}

fn passed(verdict: &Verdict) -> bool {
    verdict.code.outcome == Outcome::Passed
}

fn open(verdict: &Verdict) -> bool {
    verdict.code.outcome == Outcome::Undetermined
}

fn interferes(verdict: &Verdict) -> bool {
    !passed(verdict) && !open(verdict)
}

/// Writes the numbers of the packets that prove a verdict.
fn evidence(verdict: &Verdict) -> String {
    if verdict.evidence.is_empty() {
        return String::new();
    }
    let numbers: Vec<_> = verdict.evidence.iter().map(u64::to_string).collect();
    format!(" [{}]", numbers.join(","))
}

/// Lists the names in a group, or counts them where they are many.
fn names(group: &Group<'_>) -> String {
    match group.names.len() {
        many if many > NAMES => format!("- {many} questions"),
        _ => format!("- {}", group.names.join(", ")),
    }
}

/// What follows from verdicts whose id begins so.
const ADVICE: &[(&str, &str)] = &[
    ("tcp.opt.unknown", "New TCP options do not get through; what needs them must fall back."),
    ("tcp.opt.timestamp", "Timestamps cannot be relied on for round trips or PAWS."),
    ("tcp.segment", "Segments are not kept as they were sent: no option belongs to its bytes."),
    ("tcp.hole", "A box keeps state and wants to see every byte: other paths cannot be mixed in."),
    ("tcp.retransmission", "A box wants the same bytes in a retransmission."),
    ("tcp.sequence", "Sequence numbers are rewritten: SACK and checks of data must allow for it."),
    ("tcp.window", "Windows are rewritten: flow control is not between the ends alone."),
    ("tcp.ack", "A box ends the connection: an acknowledgement does not mean that data arrived."),
    ("tcp.syn.payload", "Data on a SYN does not get through: TCP Fast Open costs time here."),
    ("tcp.syn-ack.payload", "Data on a SYN/ACK does not get through."),
];

/// The most names that are listed for one thing that the path does.
const NAMES: usize = 16;
