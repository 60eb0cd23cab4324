//! Words and lines that reports share.

use std::time::Duration;

use anstyle::{AnsiColor, Style};
use tcpexposure_core::experiment::{Outcome, Peer, Version};

use super::Output;
use crate::exit::Failure;

/// Counts things.
pub(crate) fn plural(count: impl Into<u64>, word: &str) -> String {
    let count = count.into();
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

/// Writes a time in seconds.
pub(crate) fn seconds(span: Duration) -> String {
    format!("{:.2} s", span.as_secs_f64())
}

/// Names what answers.
pub(crate) fn peer(peer: Peer) -> String {
    match peer {
        Peer::Unknown => "unknown".to_owned(),
        Peer::Responder => "responder".to_owned(),
        Peer::Server => "server".to_owned(),
        Peer::Foreign(Version::Classic) => "responder-classic".to_owned(),
        Peer::Foreign(Version::Modern) => "responder-modern".to_owned(),
        Peer::Foreign(Version::Later(version)) => format!("responder-{version}"),
    }
}

/// Says what answers.
pub(crate) fn peer_sentence(peer: Peer) -> String {
    let sentence = match peer {
        Peer::Unknown => "what answers there did not show",
        Peer::Responder => "a responder answers there",
        Peer::Server => "an ordinary server answers there, so that less can be told",
        Peer::Foreign(Version::Classic) => {
            "a responder of 2011 answers there: ask it with --suite classic"
        }
        Peer::Foreign(Version::Modern) => {
            "a responder of today answers there: ask it without --suite classic"
        }
        Peer::Foreign(Version::Later(version)) => {
            return format!(
                "a responder answers there whose reports have version {version}, which this \
                 program does not know: the two must be of one release"
            );
        }
    };
    sentence.to_owned()
}

/// Prints a text whose further lines begin below its own beginning.
pub(crate) fn paragraph(output: &mut Output, head: &str, text: &str) -> Result<(), Failure> {
    wrap(head, text).iter().try_for_each(|line| output.line(line))
}

/// Breaks the row of a table into lines; the outcome is coloured where that helps.
pub(crate) fn row(
    output: &Output,
    head: (&str, usize),
    (outcome, width): (Outcome, usize),
    text: &str,
) -> Vec<String> {
    let ((name, name_width), word) = (head, outcome.word());
    let mut lines = wrap(&format!("{name:<name_width$}  {word:<width$}  "), text);
    if let Some(first) = lines.first_mut().filter(|_| output.colour) {
        let style = colour(outcome);
        first.replace_range(
            name_width + 2..name_width + 2 + word.len(),
            &format!("{style}{word}{style:#}"),
        );
    }
    lines
}

/// Tells the colour of an outcome: what passed, what is open, and what the path did.
const fn colour(outcome: Outcome) -> Style {
    let colour = match outcome {
        Outcome::Passed | Outcome::Understood | Outcome::Works => AnsiColor::Green,
        Outcome::Undetermined => AnsiColor::Yellow,
        _ => AnsiColor::Red,
    };
    colour.on_default()
}

/// Breaks a text into lines, the first behind `head` and the others below it.
pub(crate) fn wrap(head: &str, text: &str) -> Vec<String> {
    let indent = head.chars().count();
    let mut lines = vec![head.to_owned()];
    let mut width = indent;
    for word in text.split(' ') {
        let length = word.chars().count();
        let fresh = width == indent;
        if !fresh && width + 1 + length > WIDTH {
            lines.push(" ".repeat(indent));
            width = indent;
        }
        if let Some(line) = lines.last_mut() {
            if width > indent {
                line.push(' ');
                width += 1;
            }
            line.push_str(word);
        }
        width += length;
    }
    lines
}

/// The width of a line.
const WIDTH: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_under_their_beginning() {
        let text = "word ".repeat(20);
        let lines = wrap("head  ", text.trim_end());
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| line.len() <= WIDTH), "{lines:?}");
        assert!(lines[1].starts_with("      word"), "{lines:?}");
        assert_eq!(wrap("", "one two"), ["one two"]);
    }
}
