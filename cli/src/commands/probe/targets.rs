//! The addresses that are probed: what is allowed, less what is blocked.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::RangeInclusive,
};

use rangemap::RangeInclusiveSet;

use super::lists::{Entry, List};

/// Addresses of both IP versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Set {
    v4: RangeInclusiveSet<u32>,
    v6: RangeInclusiveSet<u128>,
}

impl Set {
    /// Takes what any of the lists holds, and tells the first entry that was there before.
    pub(super) fn union(lists: &[List]) -> (Self, Option<String>) {
        let mut set = Self::default();
        let mut overlap = None;
        for list in lists {
            for line in &list.lines {
                if overlap.is_none() && set.overlaps(&line.entry) {
                    overlap = Some(format!("{} ({})", line.entry, list.place(line)));
                }
                set.insert(&line.entry);
            }
        }
        (set, overlap)
    }

    /// Takes away what any of the lists holds.
    pub(super) fn without(mut self, lists: &[List]) -> Self {
        for line in lists.iter().flat_map(|list| &list.lines) {
            match line.entry.span() {
                Span::V4(range) => self.v4.remove(range),
                Span::V6(range) => self.v6.remove(range),
            }
        }
        self
    }

    /// Tells how many addresses there are, as far as can be counted.
    pub(super) fn size(&self) -> u128 {
        let v4: u128 =
            self.v4.iter().map(|range| u128::from(range.end() - range.start()) + 1).sum();
        let v6 = self.v6.iter().map(|range| (range.end() - range.start()).saturating_add(1));
        v6.fold(v4, u128::saturating_add)
    }

    /// Lists the ranges, sorted and disjoint, IPv4 first.
    pub(super) fn ranges(&self) -> Vec<Entry> {
        let v4 = self.v4.iter().map(|range| Entry {
            first: Ipv4Addr::from(*range.start()).into(),
            last: Ipv4Addr::from(*range.end()).into(),
        });
        let v6 = self.v6.iter().map(|range| Entry {
            first: Ipv6Addr::from(*range.start()).into(),
            last: Ipv6Addr::from(*range.end()).into(),
        });
        v4.chain(v6).collect()
    }

    fn insert(&mut self, entry: &Entry) {
        match entry.span() {
            Span::V4(range) => self.v4.insert(range),
            Span::V6(range) => self.v6.insert(range),
        }
    }

    fn overlaps(&self, entry: &Entry) -> bool {
        match entry.span() {
            Span::V4(range) => self.v4.overlaps(&range),
            Span::V6(range) => self.v6.overlaps(&range),
        }
    }
}

/// An entry as numbers.
enum Span {
    V4(RangeInclusive<u32>),
    V6(RangeInclusive<u128>),
}

impl Entry {
    fn span(&self) -> Span {
        match (self.first, self.last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => Span::V4(first.into()..=last.into()),
            (first, last) => Span::V6(number(first)..=number(last)),
        }
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().into(),
        IpAddr::V6(address) => address.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[&str]) -> List {
        List::arguments(entries.iter().map(|text| text.parse().unwrap()))
    }

    fn shown(set: &Set) -> Vec<String> {
        set.ranges().iter().map(Entry::to_string).collect()
    }

    #[test]
    fn allowed_less_blocked() {
        let allowed = list(&["10.0.0.0/24", "10.0.1.0/24", "2001:db8::/126"]);
        let (set, overlap) = Set::union(&[allowed]);
        assert_eq!((set.size(), overlap), (516, None));
        assert_eq!(shown(&set), ["10.0.0.0/23", "2001:db8::/126"]);
        let set = set.without(&[list(&["10.0.0.128/25", "10.0.1.7", "2001:db8::2", "::1"])]);
        assert_eq!(
            shown(&set),
            [
                "10.0.0.0/25",
                "10.0.1.0-10.0.1.6",
                "10.0.1.8-10.0.1.255",
                "2001:db8::/127",
                "2001:db8::3"
            ]
        );
        assert_eq!(set.size(), 128 + 255 + 3);
    }

    #[test]
    fn an_overlap_is_told_and_counted_once() {
        let (set, overlap) = Set::union(&[list(&["10.0.0.0/24", "10.0.0.5", "10.0.0.6"])]);
        assert_eq!(set.size(), 256);
        assert_eq!(overlap.as_deref(), Some("10.0.0.5 (the command line)"));
    }

    #[test]
    fn everything_can_be_counted() {
        let (set, _) = Set::union(&[list(&["0.0.0.0/0", "::/0"])]);
        assert_eq!(set.size(), u128::MAX);
        assert_eq!(set.without(&[list(&["0.0.0.0/0", "::/0"])]).ranges(), []);
    }
}
