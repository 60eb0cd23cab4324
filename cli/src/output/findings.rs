//! What the modern suite found: a table and a summary, or JSON Lines.

use std::{net::IpAddr, time::Duration};

use serde_json::{Value, json};
use tcpexposure_core::experiment::{
    Outcome,
    modern::{Finding, ModernConfig, ModernSummary, Row},
};
use tcpexposure_core::trace::Place;

use super::{
    Output,
    hops::place_object,
    text::{paragraph, peer, peer_sentence, plural, row, seconds},
};
use crate::{evidence::Proofs, exit::Failure};

/// What came of one port of one target.
#[derive(Debug)]
pub(crate) struct Findings {
    /// The target, as it was named.
    name: String,
    target: IpAddr,
    port: u16,
    json: bool,
    findings: Vec<Finding>,
    /// The end, if it came.
    pub(crate) summary: Option<ModernSummary>,
    /// How long it took.
    pub(crate) duration: Duration,
    /// Whether somebody asked to stop.
    pub(crate) interrupted: bool,
}

impl Findings {
    pub(crate) fn new(name: &str, config: &ModernConfig, json: bool) -> Self {
        Self {
            name: name.to_owned(),
            target: config.target,
            port: config.port,
            json,
            findings: Vec::new(),
            summary: None,
            duration: Duration::ZERO,
            interrupted: false,
        }
    }

    /// Takes in a finding, and prints it at once if it is a line of its own.
    pub(crate) fn finding(&mut self, finding: Finding, output: &mut Output) -> Result<(), Failure> {
        if self.json {
            output.object(&self.object(&finding))?;
        }
        self.findings.push(finding);
        Ok(())
    }

    /// Prints what remains to be printed at the end.
    pub(crate) fn print(&mut self, output: &mut Output) -> Result<(), Failure> {
        self.findings.sort_by_key(|finding| finding.row.index());
        if self.json {
            return output.object(&self.summary_object());
        }
        if self.silence().is_some() {
            return Ok(());
        }
        if !output.verbosity.quiet {
            self.table(output)?;
        }
        self.text(output)
    }

    /// Gives all findings.
    pub(crate) fn all(&self) -> &[Finding] {
        &self.findings
    }

    /// Tells what the packets prove.
    pub(crate) fn proofs(&self) -> Proofs {
        let mut proofs = Proofs::default();
        self.findings.iter().for_each(|finding| proofs.finding(finding));
        proofs
    }

    /// Prints where on the path what was found is done.
    pub(crate) fn places(
        &mut self,
        places: &[(&'static Row, Place)],
        output: &mut Output,
    ) -> Result<(), Failure> {
        if !self.json && !places.is_empty() {
            output.line("Where on the path:")?;
        }
        for (row, place) in places {
            if self.json {
                output.object(&json!({
                    "type": "place",
                    "target": self.target.to_string(),
                    "port": self.port,
                    "entry": row.name,
                    "place": place_object(place),
                    "sentence": place.to_string(),
                }))?;
            } else {
                paragraph(output, "  * ", &format!("{}: {place}.", row.noun))?;
            }
        }
        Ok(())
    }

    /// Tells whether the path, or a box on it, did anything to what was sent.
    pub(crate) fn interfered(&self) -> bool {
        self.silence().is_none() && self.findings.iter().any(interferes)
    }

    /// Tells what was tried if the port is silent or closed, and nothing could be asked.
    pub(crate) fn silence(&self) -> Option<String> {
        let summary = self.summary.as_ref().filter(|_| !self.interrupted)?;
        let first = self.findings.iter().find(|finding| finding.row.index() == 0)?;
        let what = match first.outcome {
            Outcome::Dropped | Outcome::Offline => "no answer",
            Outcome::Reset => "only resets",
            _ => return None,
        };
        Some(format!(
            "{what} from {} port {}: tried {} over {}",
            self.place(),
            self.port,
            plural(summary.connections, "connection"),
            seconds(self.duration),
        ))
    }

    /// Tells the target as it was named, and its address.
    fn place(&self) -> String {
        let address = self.target.to_string();
        if self.name == address { address } else { format!("{} ({address})", self.name) }
    }

    fn object(&self, finding: &Finding) -> Value {
        json!({
            "type": "verdict",
            "suite": "modern",
            "target": self.target.to_string(),
            "port": self.port,
            "entry": finding.row.name,
            "family": finding.row.family.word(),
            "outcome": finding.outcome.word(),
            "direction": finding.direction.word(),
            "id": id(finding),
            "reference": finding.row.reference,
            "sentence": sentence(finding),
            "sent": finding.values.map(|(sent, _)| sent),
            "arrived": finding.values.map(|(_, arrived)| arrived),
            "evidence": finding.evidence.as_slice(),
        })
    }

    fn summary_object(&self) -> Value {
        let (passed, interfered, open) = self.counts();
        json!({
            "type": "summary",
            "suite": "modern",
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
        })
    }

    /// Counts what passed, what did not, and what is not determined.
    fn counts(&self) -> (usize, usize, usize) {
        let count = |test: fn(&Finding) -> bool| self.findings.iter().filter(|f| test(f)).count();
        (count(passed), count(interferes), count(open))
    }

    fn table(&self, output: &mut Output) -> Result<(), Failure> {
        let names = self.findings.iter().map(|finding| finding.row.name.len());
        let words = self.findings.iter().map(|finding| finding.outcome.word().len());
        let (name_width, word_width) = (names.max().unwrap_or(0), words.max().unwrap_or(0));
        for finding in &self.findings {
            let text = format!("{}{}", sentence(finding), evidence(finding));
            let (name, outcome) = (finding.row.name, finding.outcome);
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
        let mut found = self.findings.iter().filter(|finding| interferes(finding)).peekable();
        if found.peek().is_some() {
            output.line("What the path does:")?;
        }
        found.try_for_each(|finding| paragraph(output, "  * ", &sentence(finding)))
    }
}

/// Writes the stable name of a finding.
fn id(finding: &Finding) -> String {
    let mut text = String::new();
    let _ = finding.write_id(&mut text); // a String takes all
    text
}

/// Writes what was found in one sentence.
fn sentence(finding: &Finding) -> String {
    let mut text = String::new();
    let _ = finding.write_sentence(&mut text); // a String takes all
    text
}

/// Writes the numbers of the packets that prove a finding.
fn evidence(finding: &Finding) -> String {
    if finding.evidence.is_empty() {
        return String::new();
    }
    let numbers: Vec<_> = finding.evidence.iter().map(u64::to_string).collect();
    format!(" [{}]", numbers.join(","))
}

fn passed(finding: &Finding) -> bool {
    matches!(finding.outcome, Outcome::Passed | Outcome::Understood | Outcome::Works)
}

fn open(finding: &Finding) -> bool {
    finding.outcome == Outcome::Undetermined
}

fn interferes(finding: &Finding) -> bool {
    !passed(finding) && !open(finding)
}
