//! Keeping the kernel silent on a port, as far as the system lets us.
//!
//! The kernel answers with a reset when a segment comes to a port that nobody has. A listening
//! socket has it, and is made deaf where it can be: IP_MINTTL and IPV6_MINHOPCOUNT of 255 let it
//! hear only from machines on the same link that send with 255. Where the system has no such
//! option, the port is ours all the same, and only a packet filter keeps the kernel's resets in:
//! [`System::silencing_rule`](crate::system::System::silencing_rule).

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use socket2::Socket;
use tcpexposure_link::{Cause, Error};

use super::sys;
use crate::error::{error, on};

/// A port that is ours for as long as this value lives.
#[derive(Debug)]
pub struct Guard {
    /// One socket a family; no second where the system has no IPv6.
    _sockets: Vec<Socket>,
    port: u16,
}

impl Guard {
    /// Takes a port, or any free one, on all addresses of both families.
    ///
    /// # Errors
    /// [`Cause::Unsupported`] when another program, or another guard, uses the port;
    /// [`Cause::Privilege`] for a port below 1024 without the right to it.
    pub fn new(port: Option<u16>) -> Result<Self, Error> {
        let port = port.unwrap_or(0);
        Self::open(port).map_err(|said| {
            let doing = format!("guard port {port}");
            if said.kind() == io::ErrorKind::AddrInUse {
                let why = "another program uses it, choose another source port".to_owned();
                return error(doing, Cause::Unsupported(why));
            }
            on("", doing, said)
        })
    }

    /// Tells the port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    fn open(port: u16) -> io::Result<Self> {
        let deafness = sys::HERE.deafness;
        let v4 = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        // A listener that is not deaf would answer in our stead: it only holds the port.
        let v4 = open(v4, port, deafness.min_ttl)?;
        let port = v4.local_addr()?.as_socket().map_or(port, |own| own.port());
        let v6 = open(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port, deafness.min_hops);
        let sockets = match v6 {
            Err(said) if is_without_v6(&said) => vec![v4],
            v6 => vec![v4, v6?],
        };
        Ok(Self { _sockets: sockets, port })
    }
}

fn open(address: IpAddr, port: u16, deafness: Option<i32>) -> io::Result<Socket> {
    match deafness {
        Some(option) => sys::listen(address, port, option),
        None => sys::hold(address, port),
    }
}

fn is_without_v6(said: &io::Error) -> bool {
    matches!(said.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL))
}
