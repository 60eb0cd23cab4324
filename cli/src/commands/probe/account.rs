//! What became of all packets: asked for, sent, heard, lost, found.

use serde_json::{Map, Value, json};
use tcpexposure_core::scan::finding::{Classification, Finding};
use tcpexposure_link::Statistics;

/// The packets of a run.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Traffic {
    /// Probes that were made and handed to the link.
    pub(super) asked: u64,
    /// What the sending link says.
    pub(super) transmit: Statistics,
    /// What the listening link says.
    pub(super) receive: Statistics,
    /// Frames that were read.
    pub(super) heard: u64,
    /// Frames that have nothing to do with the run.
    pub(super) foreign: u64,
}

/// The sort of a finding, as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// A class.
    Of(Classification),
    /// Nothing shows that it was asked for, whatever it is.
    Unproven,
}

/// The account of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    /// The packets.
    pub(super) traffic: Traffic,
    /// Findings by their class, but for those that prove nothing.
    found: [u64; Classification::ALL.len()],
    /// Findings that prove nothing.
    unproven: u64,
    /// Findings that were written.
    pub(super) written: u64,
}

impl Traffic {
    /// Tells what the links have counted since.
    pub(super) fn since(&self, before: &Self) -> Self {
        let transmit = difference(&self.transmit, &before.transmit);
        let receive = difference(&self.receive, &before.receive);
        Self { transmit, receive, ..*self }
    }

    /// Tells how many probes did not leave the interface.
    pub(super) fn unsent(&self) -> u64 {
        let refused = self.transmit.refused.unwrap_or_default();
        // Others send by the same interface too, so that what has left may be more.
        let left = self.transmit.left.map_or(0, |left| self.asked.saturating_sub(left));
        refused.max(left)
    }

    /// Tells how many answers are known to be lost on this machine.
    pub(super) fn unheard(&self) -> u64 {
        let Statistics { dropped, missed, .. } = self.receive;
        dropped.unwrap_or_default().saturating_add(missed.unwrap_or_default())
    }

    /// Tells whether more than so many in a hundred were lost, one way or the other.
    pub(super) fn is_tainted(&self, percent: f64) -> bool {
        let above = |lost: u64, of: u64| lost as f64 * 100.0 > of as f64 * percent;
        let unheard = self.unheard();
        above(self.unsent(), self.asked) || above(unheard, self.heard.saturating_add(unheard))
    }
}

impl Sort {
    /// Tells the sort of a finding.
    pub(super) const fn of(finding: &Finding<'_>) -> Self {
        if finding.is_unproven() { Self::Unproven } else { Self::Of(finding.classification) }
    }
}

impl Account {
    /// Counts a finding.
    pub(super) fn count(&mut self, sort: Sort) {
        let Sort::Of(classification) = sort else {
            self.unproven += 1;
            return;
        };
        let place = Classification::ALL.iter().position(|class| *class == classification);
        if let Some(count) = place.and_then(|place| self.found.get_mut(place)) {
            *count += 1;
        }
    }

    /// Tells how many findings there are of each class.
    pub(super) fn classes(&self) -> impl Iterator<Item = (Classification, u64)> + '_ {
        Classification::ALL.into_iter().zip(self.found)
    }

    /// Tells how many targets have answered.
    pub(super) fn results(&self) -> u64 {
        self.classes().filter(|(class, _)| class.is_result()).map(|(_, count)| count).sum()
    }

    /// Tells how many findings prove nothing.
    pub(super) const fn unproven(&self) -> u64 {
        self.unproven
    }

    /// Gives it as JSON.
    pub(super) fn json(&self) -> Value {
        let found = self.classes().filter(|(_, count)| *count > 0);
        let found: Map<_, _> =
            found.map(|(class, count)| (class.name().to_owned(), count.into())).collect();
        json!({
            "asked": self.traffic.asked,
            "handed_to_kernel": self.traffic.transmit.sent,
            "refused_by_kernel": self.traffic.transmit.refused,
            "left_interface": self.traffic.transmit.left,
            "received": self.traffic.receive.received,
            "dropped_by_ring": self.traffic.receive.dropped,
            "dropped_by_interface": self.traffic.receive.missed,
            "read": self.traffic.heard,
            "foreign": self.traffic.foreign,
            "found": found,
            "unproven": self.unproven,
            "results": self.results(),
            "written": self.written,
            "lost_sending": self.traffic.unsent(),
            "lost_receiving": self.traffic.unheard(),
        })
    }

    /// Gives it in words.
    pub(super) fn text(&self) -> String {
        let number = |count: Option<u64>| count.map_or_else(|| "?".to_owned(), |n| n.to_string());
        let Statistics { sent, refused, left, .. } = self.traffic.transmit;
        let Statistics { received, dropped, missed, .. } = self.traffic.receive;
        let found: Vec<_> = self
            .classes()
            .filter(|(_, count)| *count > 0)
            .map(|(class, count)| format!("{count} {class}"))
            .chain((self.unproven > 0).then(|| format!("{} unproven", self.unproven)))
            .collect();
        let found = if found.is_empty() { "nothing".to_owned() } else { found.join(", ") };
        format!(
            "asked {}, handed to the kernel {} (it refused {}), left the interface {}\n\
             received {}, dropped by the ring {} and by the interface {}, read {}, foreign {}\n\
             found {found}; wrote {}",
            self.traffic.asked,
            number(sent),
            number(refused),
            number(left),
            number(received),
            number(dropped),
            number(missed),
            self.traffic.heard,
            self.traffic.foreign,
            self.written
        )
    }
}

fn difference(now: &Statistics, before: &Statistics) -> Statistics {
    let since = |read: fn(&Statistics) -> Option<u64>| {
        let (now, before) = (read(now)?, read(before).unwrap_or_default());
        Some(now.saturating_sub(before))
    };
    Statistics {
        committed: since(|all| all.committed),
        sent: since(|all| all.sent),
        refused: since(|all| all.refused),
        left: since(|all| all.left),
        received: since(|all| all.received),
        dropped: since(|all| all.dropped),
        missed: since(|all| all.missed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_above_the_threshold_taint() {
        let mut traffic = Traffic { asked: 1000, heard: 100, ..Traffic::default() };
        assert!(!traffic.is_tainted(0.0));
        traffic.transmit.left = Some(1200);
        traffic.transmit.refused = Some(1);
        assert_eq!(traffic.unsent(), 1);
        assert!(traffic.is_tainted(0.05) && !traffic.is_tainted(0.1));
        traffic.transmit.left = Some(990);
        assert_eq!(traffic.unsent(), 10);
        assert!(traffic.is_tainted(0.9) && !traffic.is_tainted(1.0));
        let deaf = Statistics { dropped: Some(1), missed: Some(2), ..Statistics::default() };
        let traffic = Traffic { heard: 97, receive: deaf, ..Traffic::default() };
        assert!(traffic.is_tainted(2.9) && !traffic.is_tainted(3.0));
    }

    #[test]
    fn results_are_first_answers() {
        let mut account = Account::default();
        for class in Classification::ALL {
            account.count(Sort::Of(class));
        }
        account.count(Sort::Unproven);
        assert_eq!(account.results(), 9);
        assert_eq!(account.json()["unproven"], 1);
        assert_eq!(account.json()["found"]["rst-bare"], 1);
        assert!(account.text().contains("1 synack, 1 synack-ece"), "{}", account.text());
    }
}
