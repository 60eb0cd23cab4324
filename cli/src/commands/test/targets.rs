//! Which ports of which hosts are tested.

use std::{
    collections::HashSet,
    fmt,
    fs::File,
    io::{self, BufRead as _, BufReader, Read},
    net::{IpAddr, SocketAddr},
    path::Path,
};

use crate::{
    exit::{Exit, Failure},
    target::Target,
};

/// A port of a host, which is looked up when its turn comes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Address {
    /// The host, as it was named.
    pub(super) host: String,
    port: u16,
}

impl Address {
    /// Tells the port.
    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    /// Tells whether the host is an address, which need not be looked up.
    pub(super) fn is_literal(&self) -> bool {
        self.host.parse::<IpAddr>().is_ok()
    }

    /// Looks up the host.
    pub(super) fn resolve(&self) -> Result<SocketAddr, Failure> {
        Target { host: self.host.clone(), port: Some(self.port) }.resolve(None)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} port {}", self.host, self.port)
    }
}

/// Gives each host each of the ports, but for hosts that name their own; nothing comes twice.
pub(super) fn with_ports(hosts: &[Target], ports: &[u16]) -> Vec<Address> {
    let mut addresses = Vec::new();
    let mut known = HashSet::new();
    for host in hosts {
        let own = host.port.as_slice();
        let ports = if own.is_empty() { ports } else { own };
        let each = ports.iter().map(|port| Address { host: host.host.clone(), port: *port });
        addresses.extend(each.filter(|address| known.insert(address.clone())));
    }
    addresses
}

/// Reads a list of targets.
pub(super) fn read(path: &Path) -> Result<Vec<Target>, Failure> {
    let name = path.display();
    let failed = |error: &io::Error| {
        Failure::new(Exit::Usage, format!("cannot read {name}: {error}"))
            .hint("give a file that exists and may be read, or - for standard input")
    };
    let input: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(path).map_err(|error| failed(&error))?)
    };
    let mut targets = Vec::new();
    for (number, line) in BufReader::new(input).lines().enumerate() {
        let line = line.map_err(|error| failed(&error))?;
        let text = line.split('#').next().unwrap_or_default().trim();
        if text.is_empty() {
            continue;
        }
        let target = text.parse().map_err(|why: String| {
            Failure::new(Exit::Usage, format!("{name}:{}: {why}", number + 1))
                .hint("write one target a line, as in 192.0.2.1, example.org or [2001:db8::1]:80")
        })?;
        targets.push(target);
    }
    Ok(targets)
}
