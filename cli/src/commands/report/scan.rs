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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(class: &str, options: &str, time: u64) -> Value {
        json!({"classification": class, "family": 4, "options_decoded": options, "rtt_us": time})
    }

    #[test]
    fn each_option_counts_once() {
        let mut scan = Scan::default();
        scan.take(&answer("synack", "mss 1460,nop,nop,opt 254 0x00,opt 253 len 3 0x00", 10));
        scan.take(&answer("synack", "mss 536,mss 1,eol", 11));
        scan.take(&answer("rst", "mss 1", 5_000_001));
        let options: Vec<_> =
            scan.options.iter().map(|(name, count)| (&name[..], *count)).collect();
        assert_eq!(options, [("mss", 2), ("opt 253", 1), ("opt 254", 1)]);
        assert_eq!((scan.total, scan.accepted, scan.timed()), (3, 2, 3));
        assert_eq!((scan.times[0], scan.times[1], scan.times[BOUNDS.len()]), (1, 1, 1));
    }

    #[test]
    fn names_without_end_are_counted_together() {
        let mut scan = Scan::default();
        (0..500).for_each(|number| scan.take(&answer(&format!("class {number}"), "", 1)));
        assert_eq!(scan.classes.len(), NAMES + 1);
        assert_eq!(scan.classes[OTHERS][0], 500 - 64);
    }
}
