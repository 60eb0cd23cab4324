//! The hardware address of the next hop, which the kernel finds out for us.
//!
//! A missing entry is provoked with an empty UDP datagram to the discard port of the next hop, and
//! to nobody else: the socket is bound to the interface, may not go through a router, and the
//! datagram dies after one hop.

use std::{io, net::IpAddr, os::fd::AsFd, time::Duration};

use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState},
};
use tcpexposure_link::{Cause, Error};

use crate::{
    address::Address,
    error::{error, system},
    interface::Interface,
    netlink::Socket,
    sys,
};

/// Finds out the hardware address of `next_hop` on `interface`, waiting up to about three seconds.
///
/// # Errors
/// [`Cause::NoNeighbour`] when it does not answer.
pub fn resolve(next_hop: IpAddr, interface: &Interface) -> Result<[u8; 6], Error> {
    let name = &interface.name;
    let doing = || format!("find the hardware address of {next_hop} on {name}");
    match find(next_hop, interface) {
        Ok(Some(mac)) => Ok(mac),
        Ok(None) => Err(error(doing(), Cause::NoNeighbour(next_hop))),
        Err(said) => Err(system(doing(), said)),
    }
}

/// What the kernel knows of a neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    /// Nothing, or it is still asking.
    Unknown,
    /// It asked, and had no answer.
    Failed,
    /// Its hardware address.
    Known([u8; 6]),
}

fn find(next_hop: IpAddr, interface: &Interface) -> io::Result<Option<[u8; 6]>> {
    let mut notices = Socket::open(NOTICES)?;
    let mut questions = Socket::open(0)?;
    if let Entry::Known(mac) = look(&mut questions, next_hop, interface)? {
        return Ok(Some(mac));
    }
    provoke(next_hop, interface)?;
    let end = sys::clock().saturating_add(PATIENCE.as_nanos() as u64);
    loop {
        match look(&mut questions, next_hop, interface)? {
            Entry::Known(mac) => return Ok(Some(mac)),
            Entry::Failed => return Ok(None),
            Entry::Unknown => {}
        }
        let left = Duration::from_nanos(end.saturating_sub(sys::clock()));
        if left.is_zero() {
            return Ok(None);
        }
        match notices.notice(left.min(AT_LEAST_EVERY)) {
            Err(said) if said.kind() != io::ErrorKind::Interrupted => return Err(said),
            _ => {}
        }
    }
}

fn look(socket: &mut Socket, next_hop: IpAddr, interface: &Interface) -> io::Result<Entry> {
    let mut question = NeighbourMessage::default();
    question.header.ifindex = interface.index;
    let (family, destination) = match next_hop {
        IpAddr::V4(address) => (AddressFamily::Inet, NeighbourAddress::Inet(address)),
        IpAddr::V6(address) => (AddressFamily::Inet6, NeighbourAddress::Inet6(address)),
    };
    question.header.family = family;
    question.attributes.push(NeighbourAttribute::Destination(destination));
    match socket.get(RouteNetlinkMessage::GetNeighbour(question)) {
        Ok(RouteNetlinkMessage::NewNeighbour(answer)) => Ok(Entry::read(&answer)),
        Ok(_) => Ok(Entry::Unknown),
        Err(said) if said.raw_os_error() == Some(libc::ENOENT) => Ok(Entry::Unknown),
        Err(said) => Err(said),
    }
}

impl Entry {
    fn read(answer: &NeighbourMessage) -> Self {
        match answer.header.state {
            NeighbourState::Failed => return Self::Failed,
            NeighbourState::Incomplete | NeighbourState::None => return Self::Unknown,
            _ => {}
        }
        let mac = answer.attributes.iter().find_map(|attribute| match attribute {
            NeighbourAttribute::LinkLayerAddress(mac) => mac[..].try_into().ok(),
            _ => None,
        });
        mac.map_or(Self::Unknown, Self::Known)
    }
}

fn provoke(next_hop: IpAddr, interface: &Interface) -> io::Result<()> {
    let (domain, level, hops) = match next_hop {
        IpAddr::V4(_) => (libc::AF_INET, libc::IPPROTO_IP, libc::IP_TTL),
        IpAddr::V6(_) => (libc::AF_INET6, libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS),
    };
    let fd = sys::socket(domain, libc::SOCK_DGRAM | libc::SOCK_NONBLOCK, 0)?;
    let fd = fd.as_fd();
    let index = i32::try_from(interface.index).map_err(|_| io::ErrorKind::InvalidInput)?;
    sys::set_integer(fd, libc::SOL_SOCKET, libc::SO_BINDTOIFINDEX, index)?;
    sys::set_integer(fd, libc::SOL_SOCKET, libc::SO_DONTROUTE, 1)?;
    sys::set_integer(fd, level, hops, 1)?;
    sys::connect(fd, &Address::internet(next_hop, DISCARD, interface.index))?;
    match sys::send(fd, &[]) {
        // The answer to an earlier datagram, or a full queue of those that wait for this address.
        Err(said) if is_transient(&said) => Ok(()),
        result => result,
    }
}

fn is_transient(said: &io::Error) -> bool {
    let known = [libc::ECONNREFUSED, libc::EHOSTUNREACH, libc::EAGAIN, libc::ENOBUFS];
    said.raw_os_error().is_some_and(|number| known.contains(&number))
}

/// A little more than the kernel's three requests, one a second.
const PATIENCE: Duration = Duration::from_millis(3500);
/// How often to look again, should a notice have been lost.
const AT_LEAST_EVERY: Duration = Duration::from_millis(250);
/// The discard port.
const DISCARD: u16 = 9;
/// RTMGRP_NEIGH: notices of neighbours.
const NOTICES: u32 = 1 << (libc::RTNLGRP_NEIGH - 1);

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(state: NeighbourState, mac: Option<[u8; 6]>) -> Entry {
        let mut message = NeighbourMessage::default();
        message.header.state = state;
        let mac = mac.map(|mac| NeighbourAttribute::LinkLayerAddress(mac.to_vec()));
        message.attributes.extend(mac);
        Entry::read(&message)
    }

    #[test]
    fn only_a_usable_entry_is_known() {
        let mac = [2, 0, 0, 0, 0, 1];
        for state in [
            NeighbourState::Reachable,
            NeighbourState::Stale,
            NeighbourState::Delay,
            NeighbourState::Probe,
            NeighbourState::Noarp,
            NeighbourState::Permanent,
        ] {
            assert_eq!(entry(state, Some(mac)), Entry::Known(mac), "{state:?}");
        }
        assert_eq!(entry(NeighbourState::Failed, Some(mac)), Entry::Failed);
        assert_eq!(entry(NeighbourState::Incomplete, None), Entry::Unknown);
        assert_eq!(entry(NeighbourState::None, None), Entry::Unknown);
        assert_eq!(entry(NeighbourState::Reachable, None), Entry::Unknown);
    }
}
