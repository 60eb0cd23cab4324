//! The line on a terminal that tells how a run goes.

use std::{
    io::{self, IsTerminal as _},
    time::Duration,
};

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tcpexposure_core::time::Instant;

use crate::output::Verbosity;

/// Tells once a second how far a run is.
pub(super) struct Status {
    way: Way,
    last: Option<Seen>,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// When it was seen.
    pub(super) now: Instant,
    /// Probes that were made.
    pub(super) sent: u64,
    /// Answers that were found.
    pub(super) found: u64,
    /// Packets that are known to be lost.
    pub(super) lost: u64,
    /// Whether everything is sent.
    pub(super) cooling: bool,
}

enum Way {
    /// A line that is written over, on a terminal.
    Bar(ProgressBar),
    /// A line each time.
    Lines(u64),
    /// Nobody looks.
    Silent,
}

impl Status {
    /// Begins to tell of a run of `total` probes.
    pub(super) fn new(verbosity: Verbosity, total: u64) -> Self {
        let way = if verbosity.quiet {
            Way::Silent
        } else if io::stderr().is_terminal() {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{elapsed_precise} {percent:>3}% {msg}");
            Way::Bar(style.map_or_else(|_| bar.clone(), |style| bar.clone().with_style(style)))
        } else if verbosity.verbose > 0 {
            Way::Lines(total)
        } else {
            Way::Silent
        };
        Self { way, last: None }
    }

    /// Tells how far the run is, once a second at most.
    pub(super) fn tell(&mut self, seen: Seen) {
        let Some(last) = self.last else {
            self.last = Some(seen);
            return;
        };
        let passed = seen.now.since(last.now);
        if passed < SECOND {
            return;
        }
        self.last = Some(seen);
        let rate = per_second(seen.sent.saturating_sub(last.sent), passed);
        match &self.way {
            Way::Bar(bar) => {
                bar.set_position(seen.sent);
                let total = bar.length().unwrap_or(seen.sent);
                bar.set_message(line(&seen, total, rate));
            }
            Way::Lines(total) => eprintln!("{}", line(&seen, *total, rate)),
            Way::Silent => {}
        }
    }

    /// Takes the line away.
    pub(super) fn end(&self) {
        if let Way::Bar(bar) = &self.way {
            bar.finish_and_clear();
        }
    }
}

fn line(seen: &Seen, total: u64, rate: u64) -> String {
    let left = if seen.cooling {
        "waiting for answers".to_owned()
    } else {
        match total.saturating_sub(seen.sent).checked_div(rate) {
            Some(seconds) => format!("{} left", clock(seconds)),
            None => "stalled".to_owned(),
        }
    };
    format!(
        "{left}; sent {} at {}/s, found {}, lost {}",
        HumanCount(seen.sent),
        HumanCount(rate),
        HumanCount(seen.found),
        HumanCount(seen.lost)
    )
}

fn per_second(count: u64, passed: Duration) -> u64 {
    let nanos = passed.as_nanos().max(1);
    u64::try_from(u128::from(count) * SECOND.as_nanos() / nanos).unwrap_or(u64::MAX)
}

/// Writes a time as people do: `0:07`, `1:02:03`.
fn clock(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        return format!("{hours}:{minutes:02}:{seconds:02}");
    }
    format!("{minutes}:{seconds:02}")
}

const SECOND: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left() {
        let seen = Seen { sent: 600_000, found: 7, ..Seen::default() };
        assert_eq!(
            line(&seen, 1_000_000, 100_000),
            "0:04 left; sent 600,000 at 100,000/s, found 7, lost 0"
        );
        assert!(line(&seen, 1_000_000, 0).starts_with("stalled"));
        assert!(line(&Seen { cooling: true, ..seen }, 1, 1).starts_with("waiting"));
        assert_eq!(clock(3723), "1:02:03");
        assert_eq!(per_second(50, Duration::from_millis(500)), 100);
    }
}
