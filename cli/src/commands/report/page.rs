//! The page.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::Value;

use super::{
    capture::Capture,
    chart, findings, matrix,
    session::{Run, Sense, Session, Suite, text},
};

/// Writes the page.
pub(super) fn page(session: &Session, captures: &[Capture]) -> Markup {
    let found = findings::collect(session);
    let tested = !session.runs.is_empty();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content={ "tcpexposure " (env!("CARGO_PKG_VERSION")) };
                title { (TITLE) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to the report" }
                header {
                    h1 { (TITLE) }
                    p { "Made by tcpexposure " (env!("CARGO_PKG_VERSION")) " from "
                        (session.sources.join(", ")) "." }
                    (contents(session))
                }
                main id="main" {
                    @if tested {
                        (tested_section(session, captures))
                        section aria-labelledby="verdicts" {
                            h2 id="verdicts" { "Verdicts" }
                            p { "A word in red leads to what was found there." }
                            (matrix::table(session, Suite::Classic, &found))
                            (matrix::table(session, Suite::Modern, &found))
                        }
                        (findings::section(&found, captures))
                    }
                    @if session.scan.total > 0 { (chart::section(&session.scan)) }
                    (glossary())
                }
                footer { p { "This page needs no network and holds all that it shows." } }
            }
        }
    }
}

fn contents(session: &Session) -> Markup {
    let tested =
        [("tested", "What was tested"), ("verdicts", "Verdicts"), ("findings", "Findings")];
    let tested = tested.into_iter().filter(|_| !session.runs.is_empty());
    let answers = Some(("answers", "Answers to probes")).filter(|_| session.scan.total > 0);
    html! {
        nav aria-label="Contents" {
            ul {
                @for (name, title) in tested.chain(answers).chain([("glossary", "Glossary")]) {
                    li { a href={ "#" (name) } { (title) } }
                }
            }
        }
    }
}

fn tested_section(session: &Session, captures: &[Capture]) -> Markup {
    let count = |sense| session.runs.iter().map(|run| run.count(sense)).sum::<usize>();
    let (good, bad, open) = (count(Sense::Good), count(Sense::Bad), count(Sense::Open));
    html! {
        section aria-labelledby="tested" {
            h2 id="tested" { "What was tested" }
            p.short {
                @if bad == 0 { "Nothing on these paths interferes with what was asked: " }
                @else { "The path interferes: " }
                strong { (bad) " of " (good + bad + open) } " answers show something other than what was sent, "
                (good) " passed, " (open) " could not be told."
            }
            @if !captures.is_empty() {
                p { "With the packets of "
                    @for (index, capture) in captures.iter().enumerate() {
                        @if index > 0 { ", " } (capture.name) " (" (capture.count()) ")"
                    } "." }
            }
            div.wide tabindex="0" role="region" aria-label="The runs" {
                table {
                    caption { "The runs" }
                    thead { tr {
                        @for head in ["Target", "IP", "Port", "Suite", "Passed", "Interfered with",
                            "Undetermined", "Far end", "Packets", "Connections", "Seconds"] {
                            th scope="col" { (head) }
                        }
                    } }
                    tbody { @for run in session.runs.iter().take(RUNS) { (row(run)) } }
                }
            }
            @if session.runs.len() > RUNS {
                p { "And " (session.runs.len() - RUNS) " more." }
            }
        }
    }
}

fn row(run: &Run) -> Markup {
    let summary = run.summary.as_ref().unwrap_or(&Value::Null);
    let interrupted = summary["interrupted"].as_bool() == Some(true);
    html! {
        tr {
            th scope="row" { (run.place()) @if interrupted { " (interrupted)" } }
            td { (run.family()) }
            td.count { (run.port) }
            td { (run.suite.word()) }
            td.count { (run.count(Sense::Good)) }
            td.count { (run.count(Sense::Bad)) }
            td.count { (run.count(Sense::Open)) }
            td { (text(summary, "peer")) }
            td.count { (number(&summary["packets"])) }
            td.count { (number(&summary["connections"])) }
            td.count { (seconds(&summary["seconds"])) }
        }
    }
}

fn number(value: &Value) -> String {
    value.as_u64().map_or("–".to_owned(), |number| number.to_string())
}

fn seconds(value: &Value) -> String {
    value.as_f64().map_or("–".to_owned(), |seconds| format!("{seconds:.2}"))
}

fn glossary() -> Markup {
    html! {
        section aria-labelledby="glossary" {
            h2 id="glossary" { "Glossary" }
            dl.glossary {
                @for (word, meaning) in GLOSSARY { dt { (word) } dd { (meaning) } }
            }
        }
    }
}

const TITLE: &str = "What the path does to TCP";
const STYLE: &str = include_str!("page.css");
/// Nothing is fetched, and no script runs, whatever stands in the page.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
/// How many runs are listed.
const RUNS: usize = 200;

/// The words of a report, and what they mean.
const GLOSSARY: &[(&str, &str)] = &[
    ("passed", "It arrived as it was sent, and so did the answer."),
    ("removed", "What was asked about was taken away; the rest arrived."),
    ("changed", "It arrived with other values."),
    ("zeroed", "It arrived with its values cleared."),
    ("reflected", "It came back as a copy, from something that does not understand it."),
    ("dropped", "Nothing came back."),
    ("reset", "A reset came back: the connection was ended by the target or by a box."),
    ("answered-by-box", "A box on the path answered in the target’s place."),
    ("split", "It arrived in more pieces than it was sent in."),
    ("merged", "It arrived in fewer pieces than it was sent in."),
    ("understood", "An ordinary server took up what was offered."),
    ("works", "An ordinary server answers with and without it."),
    ("broken", "An ordinary server answers without it, but not with it."),
    ("offline", "An ordinary server answers neither with nor without it."),
    ("transient", "An ordinary server answered with it, but not without it."),
    ("undetermined", "What came back does not decide the question, or it was not put."),
    (
        "box, middlebox",
        "A device between two hosts that does more than forward: a firewall, an address translator, a proxy, a load balancer.",
    ),
    ("responder", "tcpexposure at the far end; its answers tell as what a segment arrived."),
    ("SYN, SYN/ACK", "The first segment of a connection, and the answer that accepts it."),
    ("RST", "A segment that ends a connection at once."),
    (
        "option",
        "An extension in the header of a segment, as the segment size (mss), the window scale (wscale) or timestamps (TS).",
    ),
    (
        "seq, ack, win",
        "The number of the first byte, the number of the byte that is expected next, and how much may be sent.",
    ),
    (
        "evidence",
        "The packets that a verdict rests on, by their numbers in the capture of the run; the first is 1.",
    ),
    ("outbound, inbound", "From us to the target, and back."),
    (
        "≠ in a diagram",
        "This field is not as it was sent; a field struck through does not arrive so.",
    ),
    ("not told in a diagram", "No answer says what the packet was like there."),
];
