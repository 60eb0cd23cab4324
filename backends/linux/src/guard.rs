//! Keeping the kernel silent on a port, without touching any firewall.
//!
//! The kernel answers with a reset when a segment comes to a port that nobody has. A listening
//! socket has it, and is made deaf: IP_MINTTL and IPV6_MINHOPCOUNT of 255 let it hear only from
//! machines on the same link that send with 255, and a filter that passes nothing (it needs
//! CAP_NET_ADMIN) shuts out those as well. Packet sockets hear everything all the same.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    os::fd::{AsFd, OwnedFd},
};

use tcpexposure_link::{Cause, Error};

use crate::{
    address::Address,
    error::{error, system},
    filter, sys,
};

/// A port that is ours, on which the kernel stays silent for as long as this value lives.
///
/// It is one file descriptor: when the process ends, however it ends, nothing is left behind.
#[derive(Debug)]
pub struct Guard {
    socket: OwnedFd,
    port: u16,
    filtered: bool,
    dual: bool,
}

impl Guard {
    /// Takes a port, or any free one, on all addresses of both families.
    ///
    /// # Errors
    /// [`Cause::Unsupported`] when another program, or another guard, uses the port;
    /// [`Cause::Privilege`] for a port below 1024 without the right to it.
    pub fn new(port: Option<u16>) -> Result<Self, Error> {
        let port = port.unwrap_or(0);
        let guard = match Self::open(Ipv6Addr::UNSPECIFIED.into(), port) {
            Err(said) if is_without_v6(&said) => Self::open(Ipv4Addr::UNSPECIFIED.into(), port),
            guard => guard,
        };
        guard.map_err(|said| {
            let doing = format!("guard port {port}");
            if said.kind() == io::ErrorKind::AddrInUse {
                let why = "another program uses it, choose another source port".to_owned();
                return error(doing, Cause::Unsupported(why));
            }
            system(doing, said)
        })
    }

    /// Tells the port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Tells whether the filter is in place, which also shuts out senders on the same link whose
    /// packets arrive with a TTL of 255.
    #[must_use]
    pub const fn filtered(&self) -> bool {
        self.filtered
    }

    /// Tells whether IPv6 is guarded too; not so where the system has none.
    #[must_use]
    pub const fn dual(&self) -> bool {
        self.dual
    }

    fn open(address: IpAddr, port: u16) -> io::Result<Self> {
        let dual = address.is_ipv6();
        let domain = if dual { libc::AF_INET6 } else { libc::AF_INET };
        let socket = sys::socket(domain, libc::SOCK_STREAM, libc::IPPROTO_TCP)?;
        let fd = socket.as_fd();
        if dual {
            sys::set_integer(fd, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 0)?;
            sys::set_integer(fd, libc::IPPROTO_IPV6, libc::IPV6_MINHOPCOUNT, 255)?;
        }
        sys::set_integer(fd, libc::IPPROTO_IP, libc::IP_MINTTL, 255)?;
        let filtered = filter(&socket)?;
        sys::bind(fd, &Address::internet(address, port, 0))?;
        sys::listen(fd, 1)?;
        let port = sys::local_address(fd)?.to_socket_address().map_or(port, |own| own.port());
        Ok(Self { socket, port, filtered, dual })
    }
}

impl AsFd for Guard {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Makes the socket deaf for good where the system lets us, and tells whether it did.
fn filter(socket: &OwnedFd) -> io::Result<bool> {
    match sys::attach_filter(socket.as_fd(), &filter::NOTHING) {
        Ok(()) => {
            let (level, name) = (libc::SOL_SOCKET, libc::SO_LOCK_FILTER);
            sys::set_integer(socket.as_fd(), level, name, 1).map(|()| true)
        }
        Err(said) if matches!(said.raw_os_error(), Some(libc::EPERM | libc::EACCES)) => Ok(false),
        Err(said) => Err(said),
    }
}

fn is_without_v6(said: &io::Error) -> bool {
    matches!(said.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn any_free_port_is_taken_and_given_back() {
        let guard = Guard::new(None).unwrap();
        let port = guard.port();
        assert_ne!(port, 0);
        assert!(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err());
        let second = Guard::new(Some(port)).unwrap_err();
        assert_eq!(
            second.to_string(),
            format!(
                "cannot guard port {port}: another program uses it, choose another source port"
            )
        );
        drop(guard);
        assert_eq!(Guard::new(Some(port)).unwrap().port(), port);
    }

    #[test]
    fn a_port_of_another_program_is_refused() {
        let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let error = Guard::new(Some(other.local_addr().unwrap().port())).unwrap_err();
        assert!(matches!(error.cause, Cause::Unsupported(_)), "{error}");
    }
}
