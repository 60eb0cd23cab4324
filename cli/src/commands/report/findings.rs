//! What the path does, one article for each thing.

use std::collections::HashMap;

use maud::{Markup, html};

use super::{
    capture::Capture,
    draw,
    ladder::Ladder,
    matrix::{asks, rank},
    session::{Run, Sense, Session, Suite, Verdict},
};

/// What was found for an entry, in one or more runs.
#[derive(Debug)]
pub(super) struct Finding<'a> {
    suite: Suite,
    /// Where it was found, and the verdict there.
    seen: Vec<(&'a Run, &'a Verdict)>,
}

/// Collects what was found, in the order of the catalogue.
pub(super) fn collect(session: &Session) -> Vec<Finding<'_>> {
    let mut findings: Vec<Finding<'_>> = Vec::new();
    let mut known = HashMap::new();
    for run in &session.runs {
        for verdict in run.verdicts.iter().filter(|verdict| verdict.sense() == Sense::Bad) {
            let key = (run.suite, &verdict.entry, &verdict.id, &verdict.sentence);
            let at = *known.entry(key).or_insert_with(|| {
                findings.push(Finding { suite: run.suite, seen: Vec::new() });
                findings.len() - 1
            });
            findings[at].seen.push((run, verdict));
        }
    }
    findings.sort_by_key(|finding| (finding.suite, rank(finding.suite, finding.entry())));
    findings
}

impl<'a> Finding<'a> {
    /// Tells whether this is where a verdict is explained.
    pub(super) fn tells(&self, suite: Suite, verdict: &Verdict) -> bool {
        self.suite == suite
            && self.seen.iter().any(|(_, seen)| {
                seen.entry == verdict.entry
                    && seen.id == verdict.id
                    && seen.sentence == verdict.sentence
            })
    }

    fn entry(&self) -> &'a str {
        self.seen.first().map_or("", |(_, verdict)| &verdict.entry)
    }
}

/// Writes all articles.
pub(super) fn section(findings: &[Finding<'_>], captures: &[Capture]) -> Markup {
    html! {
        section aria-labelledby="findings" {
            h2 id="findings" { "Findings" }
            @if findings.is_empty() { p { "Nothing on these paths interferes with what was asked." } }
            @for (index, finding) in findings.iter().enumerate() {
                (article(finding, &format!("finding-{}", index + 1), captures))
            }
        }
    }
}

fn article(finding: &Finding<'_>, anchor: &str, captures: &[Capture]) -> Markup {
    let drawn = finding.seen.iter().find_map(|(run, verdict)| {
        let capture = captures.get(run.source)?;
        let ladder = Ladder::of_packets(verdict, &run.target, run.port, capture)?;
        Some((*run, *verdict, ladder, capture.name.as_str()))
    });
    let Some((first, told)) = finding.seen.first().copied() else { return Markup::default() };
    let (run, verdict, ladder, capture) = match drawn {
        Some((run, verdict, ladder, name)) => (run, verdict, ladder, Some(name)),
        None => (first, told, Ladder::of_verdict(told), None),
    };
    let heading = format!("{anchor}-head");
    html! {
        article id=(anchor) aria-labelledby=(heading) {
            h3 id=(heading) { (told.entry) ": " span.bad { (told.outcome) } }
            p.sentence { (told.sentence) }
            (facts(finding, verdict))
            figure.ladder tabindex="0" aria-label={ "Ladder diagram of " (told.entry) } {
                (draw::ladder(&ladder, anchor, &title(verdict), &place(run)))
                figcaption { (caption(&ladder, run, verdict, capture)) }
            }
        }
    }
}

fn facts(finding: &Finding<'_>, verdict: &Verdict) -> Markup {
    let places = finding
        .seen
        .iter()
        .filter_map(|(run, verdict)| Some((*run, run.places.get(&verdict.entry)?)));
    let places: Vec<_> = places.take(SHOWN).collect();
    html! {
        dl {
            @if let Some(asks) = asks(finding.suite, &verdict.entry) { dt { "Asked" } dd { (asks) } }
            dt { "Way" } dd { (verdict.way()) }
            @if let Some((sent, arrived)) = verdict.values {
                dt { "Values" } dd { "sent " (sent) ", arrived " (arrived) }
            }
            @if !places.is_empty() {
                dt { "Where on the path" }
                @for (run, sentence) in &places { dd { (place(run)) ": " (sentence) } }
            }
            dt { "Seen at" }
            @for (run, _) in finding.seen.iter().take(SHOWN) { dd { (place(run)) } }
            @if finding.seen.len() > SHOWN { dd { "and " (finding.seen.len() - SHOWN) " more" } }
            dt { "Name" } dd { code { (verdict.id) } }
        }
    }
}

fn caption(ladder: &Ladder, run: &Run, verdict: &Verdict, capture: Option<&str>) -> Markup {
    let numbers: Vec<_> = verdict.evidence.iter().map(u64::to_string).collect();
    html! {
        @match capture {
            Some(name) if ladder.packets => {
                "Packets of " (name) ", by their numbers; the verdict rests on "
                (numbers.join(", ")) " (" (place(run)) ")."
            }
            _ => {
                "Drawn from the verdict alone; no packets were given."
                @if !numbers.is_empty() { " It rests on packets " (numbers.join(", ")) " of the run." }
            }
        }
    }
}

fn title(verdict: &Verdict) -> String {
    format!("{}: what was sent, what arrived, what came back", verdict.entry)
}

fn place(run: &Run) -> String {
    format!("{} port {}", run.target, run.port)
}

/// How many places are listed.
const SHOWN: usize = 12;
