//! Lists of addresses: what may be probed and what may not, and which line says so.

use std::{
    fmt,
    fs::File,
    io::{self, BufRead as _, BufReader, Read},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::Path,
    str::FromStr,
};

use ipnet::IpNet;

use crate::exit::{Exit, Failure};

/// Addresses that follow each other, all of one IP version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The lowest.
    pub(super) first: IpAddr,
    /// The highest.
    pub(super) last: IpAddr,
}

/// An entry and the place where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The number of the line, from 1.
    pub(super) number: usize,
    /// What it says.
    pub(super) entry: Entry,
}

/// A list, in the order in which it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct List {
    /// The file's name, or what stands for it.
    pub(super) name: String,
    /// Its entries.
    pub(super) lines: Vec<Line>,
}

impl Entry {
    /// Takes one address.
    pub(super) const fn one(address: IpAddr) -> Self {
        Self { first: address, last: address }
    }

    /// Tells whether an address is among them.
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.first.is_ipv4() && (self.first..=self.last).contains(&address)
    }

    fn range(first: &str, last: &str) -> Result<Self, String> {
        let address = |text: &str| {
            text.trim().parse::<IpAddr>().map_err(|_| format!("{text:?} is no address"))
        };
        let (first, last) = (address(first)?, address(last)?);
        if first.is_ipv4() != last.is_ipv4() {
            return Err(format!("{first}-{last} begins in one IP version and ends in the other"));
        }
        if first > last {
            return Err(format!("{first}-{last} is empty: it ends before it begins"));
        }
        Ok(Self { first, last })
    }
}

impl From<IpNet> for Entry {
    fn from(net: IpNet) -> Self {
        // Not the broadcast address by name: the highest address, of both versions.
        Self { first: net.network(), last: net.broadcast() }
    }
}

impl FromStr for Entry {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse() {
            return Ok(Self::one(address));
        }
        if let Some((first, last)) = text.split_once('-')
            && first.trim().parse::<IpAddr>().is_ok()
        {
            return Self::range(first, last);
        }
        if text.contains('/') {
            let net: IpNet = text.parse().map_err(|_| format!("{text:?} is no prefix"))?;
            return Ok(net.into());
        }
        Err(format!("{text:?} is no address, prefix or range"))
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            return self.first.fmt(out);
        }
        match prefix_length(self.first, self.last) {
            Some(length) => write!(out, "{}/{length}", self.first),
            None => write!(out, "{}-{}", self.first, self.last),
        }
    }
}

impl List {
    /// Takes what stands on the command line.
    pub(super) fn arguments(entries: impl IntoIterator<Item = Entry>) -> Self {
        let lines = entries.into_iter().map(|entry| Line { number: 0, entry }).collect();
        Self { name: "the command line".to_owned(), lines }
    }

    /// Reads a file: one entry a line, comments behind `#` or `;`; `-` is standard input.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let failed = |error: &io::Error| {
            Failure::new(Exit::Usage, format!("cannot read {name}: {error}"))
                .hint("give a text file that exists and may be read, or - for standard input")
        };
        let input: Box<dyn Read> = if path == Path::new("-") {
            Box::new(io::stdin())
        } else {
            Box::new(File::open(path).map_err(|error| failed(&error))?)
        };
        let mut lines = Vec::new();
        for (index, line) in BufReader::new(input).lines().enumerate() {
            let (line, number) = (line.map_err(|error| failed(&error))?, index + 1);
            let text = line.split(['#', ';']).next().unwrap_or_default().trim();
            if !text.is_empty() {
                let entry = text.parse().map_err(|why: String| wrong(&name, number, &why))?;
                lines.push(Line { number, entry });
            }
        }
        Ok(Self { name, lines })
    }

    /// Finds the first line that holds an address.
    pub(super) fn find(&self, address: IpAddr) -> Option<&Line> {
        self.lines.iter().find(|line| line.entry.contains(address))
    }

    /// Tells where a line of this list stands.
    pub(super) fn place(&self, line: &Line) -> String {
        match line.number {
            0 => self.name.clone(),
            number => format!("{}:{number}", self.name),
        }
    }
}

fn wrong(name: &str, number: usize, why: &str) -> Failure {
    Failure::new(Exit::Usage, format!("{name}:{number}: {why}"))
        .hint("write one entry a line, as in 192.0.2.1, 192.0.2.0/24 or 2001:db8::1-2001:db8::9")
}

/// Tells the length of the prefix that these addresses are, if they are one.
fn prefix_length(first: IpAddr, last: IpAddr) -> Option<u32> {
    let (low, high, width) = match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => {
            (u128::from(u32::from(first)), u128::from(u32::from(last)), Ipv4Addr::BITS)
        }
        (IpAddr::V6(first), IpAddr::V6(last)) => (first.into(), last.into(), Ipv6Addr::BITS),
        _ => return None,
    };
    let span = low ^ high;
    let is_prefix = span & span.wrapping_add(1) == 0 && low & span == 0;
    is_prefix.then(|| width - (u128::BITS - span.leading_zeros()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(text: &str) -> Entry {
        text.parse().unwrap()
    }

    #[test]
    fn what_people_write() {
        for (text, shown) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.77/24", "192.0.2.0/24"),
            ("192.0.2.1/32", "192.0.2.1"),
            ("192.0.2.8 - 192.0.2.15", "192.0.2.8/29"),
            ("192.0.2.1-192.0.2.3", "192.0.2.1-192.0.2.3"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("::/0", "::/0"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("2001:db8::/112", "2001:db8::/112"),
            ("2001:db8::1-2001:db8::9", "2001:db8::1-2001:db8::9"),
        ] {
            assert_eq!(entry(text).to_string(), shown, "{text}");
        }
    }

    #[test]
    fn what_is_refused() {
        for (text, why) in [
            ("192.0.2.9-192.0.2.1", "is empty"),
            ("192.0.2.1-2001:db8::1", "the other"),
            ("192.0.2.0/33", "no prefix"),
            ("192.0.2.1-x", "no address"),
            ("example.org", "no address, prefix or range"),
        ] {
            let error = text.parse::<Entry>().unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn versions_are_kept_apart() {
        assert!(entry("0.0.0.0/0").contains([192, 0, 2, 1].into()));
        assert!(!entry("0.0.0.0/0").contains("::ffff:192.0.2.1".parse().unwrap()));
        assert!(!entry("::/0").contains([192, 0, 2, 1].into()));
    }
}
