//! What came of probes, as tables and a histogram.

use maud::{Markup, html};

use super::scan::{BOUNDS, Scan};

/// Writes the section.
pub(super) fn section(scan: &Scan) -> Markup {
    html! {
        section aria-labelledby="answers" {
            h2 id="answers" { "Answers to probes" }
            p { (scan.total) " answers; " (scan.accepted) " of them accept a connection." }
            (classes(scan))
            (times(scan))
            (options(scan))
        }
    }
}

fn classes(scan: &Scan) -> Markup {
    html! {
        table {
            caption { "Answers by class" }
            thead { tr {
                th scope="col" { "Class" }
                th.count scope="col" { "IPv4" }
                th.count scope="col" { "IPv6" }
                th.count scope="col" { "Share" }
            } }
            tbody {
                @for (class, [four, six]) in &scan.classes {
                    tr {
                        th scope="row" { (class) }
                        td.count { (four) }
                        td.count { (six) }
                        td.count { (share(four + six, scan.total)) }
                    }
                }
            }
        }
    }
}

/// Draws how long answers took, and tells it as a table below.
fn times(scan: &Scan) -> Markup {
    let timed = scan.timed();
    if timed == 0 {
        return html! { p { "No answer tells how long it took." } };
    }
    let bars: Vec<(String, u64)> = bars(scan);
    let most = bars.iter().map(|(_, count)| *count).max().unwrap_or(1).max(1);
    let words: Vec<_> = bars.iter().map(|(name, count)| format!("{name}: {count}")).collect();
    html! {
        h3 { "Round-trip times" }
        p { (timed) " answers tell how long they took." }
        figure tabindex="0" aria-label="Histogram of round-trip times" {
            svg viewBox={ "0 0 880 " (bars.len() * 22 + 10) } role="img" aria-labelledby="rtt-title rtt-words" {
                title id="rtt-title" { "Round-trip times of answers" }
                desc id="rtt-words" { (words.join(", ")) }
                @for (index, (name, count)) in bars.iter().enumerate() {
                    @let y = index * 22 + 6;
                    @let width = count * 600 / most;
                    text x="130" y=(y + 13) text-anchor="end" { (name) }
                    rect.bar x="140" y=(y) width=(width) height="16" {}
                    text x=(width + 148) y=(y + 13) { (count) }
                }
            }
        }
    }
}

/// Gives the bars from the first to the last that is not empty.
fn bars(scan: &Scan) -> Vec<(String, u64)> {
    let first = scan.times.iter().position(|count| *count > 0).unwrap_or(0);
    let last = scan.times.iter().rposition(|count| *count > 0).unwrap_or(0);
    let name = |index: usize| match BOUNDS.get(index) {
        Some(bound) => format!("≤ {}", time(*bound)),
        None => format!("> {}", time(BOUNDS[BOUNDS.len() - 1])),
    };
    (first..=last).map(|index| (name(index), scan.times[index])).collect()
}

fn options(scan: &Scan) -> Markup {
    html! {
        table {
            caption { "Options in SYN/ACKs" }
            thead { tr {
                th scope="col" { "Option" }
                th.count scope="col" { "SYN/ACKs" }
                th.count scope="col" { "Share" }
            } }
            tbody {
                @for (name, count) in &scan.options {
                    tr {
                        th scope="row" { code { (name) } }
                        td.count { (count) }
                        td.count { (share(*count, scan.accepted)) }
                    }
                }
            }
        }
    }
}

fn share(part: u64, whole: u64) -> String {
    let permille = u128::from(part) * 1000 / u128::from(whole.max(1));
    format!("{}.{} %", permille / 10, permille % 10)
}

fn time(micros: u64) -> String {
    match micros {
        1_000_000.. => format!("{} s", micros / 1_000_000),
        1000.. => format!("{} ms", micros / 1000),
        _ => format!("{micros} µs"),
    }
}
