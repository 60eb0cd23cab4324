//! Where packets go: addresses, names and ports as people write them.

use std::{
    fmt,
    net::{IpAddr, SocketAddr, ToSocketAddrs as _},
    str::FromStr,
};

use crate::exit::{Exit, Failure};

/// A host and perhaps a port: `192.0.2.1:80`, `[2001:db8::1]:80`, `2001:db8::1`, `example.org:80`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// The name or address.
    pub(crate) host: String,
    /// The port.
    pub(crate) port: Option<u16>,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Self { host: address.ip().to_string(), port: Some(address.port()) });
        }
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Ok(Self { host: address.to_string(), port: None });
        }
        let (host, port) = match text.split_once(':') {
            None => (text, None),
            Some((host, port)) => {
                let number = port.parse().map_err(|_| format!("{port:?} is no port"))?;
                (host, Some(number))
            }
        };
        let letter = |c: char| c.is_alphanumeric() || "-._%".contains(c);
        if host.is_empty() || !host.chars().all(letter) {
            return Err(format!("{host:?} is neither an address nor a name"));
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) if self.host.contains(':') => write!(out, "[{}]:{port}", self.host),
            Some(port) => write!(out, "{}:{port}", self.host),
            None => out.write_str(&self.host),
        }
    }
}

impl Target {
    /// Looks up the address, of the given IP version if one is given; the port is 80 by default.
    pub(crate) fn resolve(&self, version: Option<u8>) -> Result<SocketAddr, Failure> {
        let port = self.port.unwrap_or(DEFAULT_PORT);
        let fits = |address: &SocketAddr| match version {
            Some(4) => address.is_ipv4(),
            Some(6) => address.is_ipv6(),
            _ => true,
        };
        let mut found = (self.host.as_str(), port).to_socket_addrs().map_err(|error| {
            Failure::new(Exit::Usage, format!("cannot look up {}: {error}", self.host))
                .hint("give an address, or a name that this machine can resolve")
        })?;
        found.find(fits).ok_or_else(|| {
            let version = version.unwrap_or_default();
            Failure::new(Exit::Usage, format!("{} has no IPv{version} address", self.host))
                .hint("leave the IP version out, or name a host that has one")
        })
    }
}

/// The port of a target that names none.
const DEFAULT_PORT: u16 = 80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write() {
        for (text, host, port) in [
            ("192.0.2.1:80", "192.0.2.1", Some(80)),
            ("192.0.2.1", "192.0.2.1", None),
            ("[2001:db8::1]:443", "2001:db8::1", Some(443)),
            ("[2001:db8::1]", "2001:db8::1", None),
            ("2001:db8::1", "2001:db8::1", None),
            ("example.org:8080", "example.org", Some(8080)),
            ("localhost", "localhost", None),
        ] {
            assert_eq!(text.parse(), Ok(Target { host: host.to_owned(), port }), "{text}");
        }
        for text in ["", ":80", "host:", "host:99999", "a b", "[192.0.2.1:80"] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
    }
}
