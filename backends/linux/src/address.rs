//! Socket addresses as the kernel lays them out, made and read without pointers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A socket address of any family, in the kernel's layout.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(crate) struct Address {
    storage: [u8; CAPACITY],
    length: usize,
}

/// Where a packet socket got a packet from: sockaddr_ll in packet(7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The EtherType, in host order.
    pub(crate) protocol: u16,
    /// PACKET_HOST, PACKET_OUTGOING and so on.
    pub(crate) direction: u8,
    /// Whether it crossed the loopback interface.
    pub(crate) loopback: bool,
}

impl Address {
    /// Room for an address that the kernel writes.
    pub(crate) const EMPTY: Self = Self { storage: [0; CAPACITY], length: 0 };

    /// An interface (or all, if 0) and an EtherType in host order.
    pub(crate) fn packet(index: u32, protocol: u16) -> Self {
        Self::from_parts(&[
            &family(libc::AF_PACKET),
            &protocol.to_be_bytes(),
            &index.to_ne_bytes(),
            &[0; 12],
        ])
    }

    /// An IP address and a port; `scope` is the interface's number for a link-local one.
    pub(crate) fn internet(address: IpAddr, port: u16, scope: u32) -> Self {
        let port = port.to_be_bytes();
        match address {
            IpAddr::V4(address) => {
                Self::from_parts(&[&family(libc::AF_INET), &port, &address.octets(), &[0; 8]])
            }
            IpAddr::V6(address) => {
                let scope = if address.is_unicast_link_local() { scope } else { 0 };
                Self::from_parts(&[
                    &family(libc::AF_INET6),
                    &port,
                    &[0; 4],
                    &address.octets(),
                    &scope.to_ne_bytes(),
                ])
            }
        }
    }

    /// The kernel's end of netlink, or our own with these multicast groups.
    pub(crate) fn netlink(groups: u32) -> Self {
        Self::from_parts(&[&family(libc::AF_NETLINK), &[0; 6], &groups.to_ne_bytes()])
    }

    /// A queue of an interface, for an AF_XDP socket: sockaddr_xdp of linux/if_xdp.h.
    pub(crate) fn xdp(index: u32, queue: u32, flags: u16) -> Self {
        Self::from_parts(&[
            &family(libc::AF_XDP),
            &flags.to_ne_bytes(),
            &index.to_ne_bytes(),
            &queue.to_ne_bytes(),
            &[0; 4],
        ])
    }

    /// Tells the bytes in use.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.storage[..self.length]
    }

    /// Tells all bytes.
    pub(crate) const fn storage(&self) -> &[u8; CAPACITY] {
        &self.storage
    }

    /// Lends all bytes for the kernel to write.
    pub(crate) const fn storage_mut(&mut self) -> &mut [u8; CAPACITY] {
        &mut self.storage
    }

    /// Tells how many bytes the kernel has written.
    pub(crate) fn set_length(&mut self, length: usize) {
        self.length = length.min(CAPACITY);
    }

    /// Reads it as an IP address and port.
    pub(crate) fn to_socket_address(self) -> Option<SocketAddr> {
        let port = u16::from_be_bytes(self.field(2)?);
        match libc::c_int::from(u16::from_ne_bytes(self.field(0)?)) {
            libc::AF_INET => Some(SocketAddr::from((Ipv4Addr::from(self.field::<4>(4)?), port))),
            libc::AF_INET6 => Some(SocketAddr::from((Ipv6Addr::from(self.field::<16>(8)?), port))),
            _ => None,
        }
    }

    /// Reads it as the origin of a packet.
    pub(crate) fn to_origin(self) -> Option<Origin> {
        let [direction] = self.field(10)?;
        let loopback = u16::from_ne_bytes(self.field(8)?) == libc::ARPHRD_LOOPBACK;
        Some(Origin { protocol: u16::from_be_bytes(self.field(2)?), direction, loopback })
    }

    fn from_parts(parts: &[&[u8]]) -> Self {
        let mut address = Self::EMPTY;
        for part in parts {
            let end = address.length + part.len();
            address.storage[address.length..end].copy_from_slice(part);
            address.length = end;
        }
        address
    }

    fn field<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        self.bytes().get(offset..offset + N)?.try_into().ok()
    }
}

fn family(family: libc::c_int) -> [u8; 2] {
    (family as u16).to_ne_bytes()
}

/// The size of sockaddr_storage.
const CAPACITY: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_are_the_kernels() {
        assert_eq!(Address::packet(1, 3).bytes().len(), size_of::<libc::sockaddr_ll>());
        let v4 = Address::internet([192, 0, 2, 1].into(), 80, 7);
        assert_eq!(v4.bytes().len(), size_of::<libc::sockaddr_in>());
        let v6 = Address::internet("fe80::1".parse().unwrap(), 80, 7);
        assert_eq!(v6.bytes().len(), size_of::<libc::sockaddr_in6>());
        assert_eq!(v6.bytes()[24..], 7u32.to_ne_bytes());
        assert_eq!(Address::xdp(1, 0, 2).bytes().len(), size_of::<libc::sockaddr_xdp>());
        assert_eq!(Address::netlink(4).bytes().len(), size_of::<libc::sockaddr_nl>());
        assert_eq!(size_of_val(v6.storage()), size_of::<libc::sockaddr_storage>());
    }

    #[test]
    fn addresses_are_read_back() {
        for text in ["192.0.2.1:80", "[2001:db8::1]:443"] {
            let address: SocketAddr = text.parse().unwrap();
            let made = Address::internet(address.ip(), address.port(), 0);
            assert_eq!(made.to_socket_address(), Some(address));
        }
        let origin = Address::packet(9, 0x86dd).to_origin();
        assert_eq!(origin, Some(Origin { protocol: 0x86dd, direction: 0, loopback: false }));
        assert_eq!(Address::EMPTY.to_origin(), None);
    }
}
