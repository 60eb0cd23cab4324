//! The answers to probes, counted.

use std::collections::BTreeMap;

use serde_json::Value;

use super::session::text;

/// What came of probes.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// How many answers there are.
    pub(super) total: u64,
    /// How many of each class came in IPv4 and in IPv6.
    pub(super) classes: BTreeMap<String, [u64; 2]>,
    /// How many round trips took up to each of [`BOUNDS`], and longer.
    pub(super) times: [u64; BOUNDS.len() + 1],
    /// How many SYN/ACKs there are.
    pub(super) accepted: u64,
    /// How many of them have each option.
    pub(super) options: BTreeMap<String, u64>,
}

impl Scan {
    /// Counts one answer.
    pub(super) fn take(&mut self, finding: &Value) {
        self.total += 1;
        let class = text(finding, "classification");
        let family = usize::from(finding["family"].as_u64() == Some(6));
        if class.starts_with("synack") {
            self.accepted += 1;
            self.offered(&text(finding, "options_decoded"));
        }
        bounded(&mut self.classes, class)[family] += 1;
        if let Some(time) = finding["rtt_us"].as_u64() {
            self.times[BOUNDS.partition_point(|bound| *bound < time)] += 1;
        }
    }

    /// Tells how many round trips were timed.
    pub(super) fn timed(&self) -> u64 {
        self.times.iter().sum()
    }

    fn offered(&mut self, options: &str) {
        let mut names: Vec<_> = options.split(',').map(super::facts::kind).collect();
        names.sort_unstable();
        names.dedup();
        for name in names.iter().filter(|name| !matches!(**name, "" | "nop" | "eol")) {
            *bounded(&mut self.options, (*name).to_owned()) += 1;
        }
    }
}

/// Gives the count of a name; once there are very many names, that of all others.
fn bounded<N: Default>(counts: &mut BTreeMap<String, N>, name: String) -> &mut N {
    let known = counts.len() < NAMES || counts.contains_key(&name);
    counts.entry(if known { name } else { OTHERS.to_owned() }).or_default()
}

/// The upper bounds of the histogram, in microseconds.
pub(super) const BOUNDS: [u64; 18] = [
    10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000,
    1_000_000, 2_000_000, 5_000_000,
];
/// How many names are told apart.
const NAMES: usize = 64;
const OTHERS: &str = "others";
