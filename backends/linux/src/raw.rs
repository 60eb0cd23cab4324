//! Sending by raw IP sockets with the header included: raw(7), ipv6(7).

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    os::fd::{AsFd, OwnedFd},
};

use crate::{address::Address, interface::Interface, receive::enlarge, sys};

/// Sends IP packets the way that the kernel routes them.
pub(crate) struct Sender {
    v4: OwnedFd,
    /// None where the system has no IPv6.
    v6: Option<OwnedFd>,
    scope: u32,
}

impl Sender {
    /// Opens sockets for both versions, bound to `interface` if given.
    pub(crate) fn open(interface: Option<&Interface>) -> io::Result<Self> {
        let v4 = sys::socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_RAW)?;
        sys::set_integer(v4.as_fd(), libc::IPPROTO_IP, libc::IP_HDRINCL, 1)?;
        // Fragments are to leave as they are, even where connections are tracked.
        sys::set_integer(v4.as_fd(), libc::IPPROTO_IP, libc::IP_NODEFRAG, 1)?;
        let v6 = open_v6()?;
        for fd in [Some(&v4), v6.as_ref()].into_iter().flatten() {
            enlarge(fd.as_fd(), libc::SO_SNDBUFFORCE, libc::SO_SNDBUF);
            if let Some(interface) = interface {
                let index = interface.index.try_into().map_err(|_| io::ErrorKind::InvalidInput)?;
                sys::set_integer(fd.as_fd(), libc::SOL_SOCKET, libc::SO_BINDTOIFINDEX, index)?;
            }
        }
        let scope = interface.map_or(0, |interface| interface.index);
        Ok(Self { v4, v6, scope })
    }

    /// Tells the socket for packets to this address.
    pub(crate) fn fd(&self, to: &Address) -> io::Result<&OwnedFd> {
        let v6 = to.to_socket_address().is_some_and(|address| address.is_ipv6());
        let fd = if v6 { self.v6.as_ref() } else { Some(&self.v4) };
        fd.ok_or_else(|| io::Error::from_raw_os_error(libc::EAFNOSUPPORT))
    }

    /// Tells where `packet` is going, by its own header.
    pub(crate) fn address(&self, packet: &[u8]) -> Option<Address> {
        let destination = match packet.first()? >> 4 {
            4 => IpAddr::V4(Ipv4Addr::from(*packet.get(16..)?.first_chunk::<4>()?)),
            6 => IpAddr::V6(Ipv6Addr::from(*packet.get(24..)?.first_chunk::<16>()?)),
            _ => return None,
        };
        Some(Address::internet(destination, 0, self.scope))
    }
}

fn open_v6() -> io::Result<Option<OwnedFd>> {
    let fd = match sys::socket(libc::AF_INET6, libc::SOCK_RAW, libc::IPPROTO_RAW) {
        Err(said) if said.raw_os_error() == Some(libc::EAFNOSUPPORT) => return Ok(None),
        fd => fd?,
    };
    sys::set_integer(fd.as_fd(), libc::IPPROTO_IPV6, libc::IPV6_HDRINCL, 1)?;
    Ok(Some(fd))
}
