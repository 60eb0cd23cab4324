//! Interfaces, as getifaddrs(3) lists them.

use std::net::IpAddr;

use crate::{sockaddr, system::System};

/// An interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// Its number.
    pub index: u16,
    /// Its name.
    pub name: String,
    /// Its hardware address, if it has one of six bytes.
    pub mac: Option<[u8; 6]>,
    /// The largest IP packet that it takes, in bytes; 0 if it does not tell.
    pub mtu: usize,
    /// Whether it is switched on.
    pub up: bool,
    /// Whether it leads back to this machine.
    pub loopback: bool,
    /// Its addresses with the lengths of their prefixes.
    pub addresses: Vec<(IpAddr, u8)>,
}

/// One line of the system's list: an interface and one of its addresses.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// The interface's name.
    pub name: String,
    /// IFF_….
    pub flags: u32,
    /// The address, of any family.
    pub address: Vec<u8>,
    /// Its mask.
    pub mask: Vec<u8>,
}

impl Interface {
    /// Puts the lines of a list together.
    #[must_use]
    pub fn gather(system: &System, entries: &[Entry]) -> Vec<Self> {
        let mut interfaces: Vec<Self> = Vec::new();
        for entry in entries {
            let known = interfaces.iter_mut().find(|interface| interface.name == entry.name);
            match known {
                Some(interface) => interface.add(system, entry),
                None => {
                    let mut interface = Self {
                        name: entry.name.clone(),
                        up: entry.flags & IFF_UP != 0,
                        loopback: entry.flags & IFF_LOOPBACK != 0,
                        ..Self::default()
                    };
                    interface.add(system, entry);
                    interfaces.push(interface);
                }
            }
        }
        interfaces
    }

    /// Tells our own address in the prefix that `other` is in.
    #[must_use]
    pub fn address_beside(&self, other: IpAddr) -> Option<IpAddr> {
        let beside = |(own, length): &&(IpAddr, u8)| shares(*own, other, *length);
        self.addresses.iter().find(beside).map(|(own, _)| *own)
    }

    fn add(&mut self, system: &System, entry: &Entry) {
        if let Some(link) = sockaddr::link(&entry.address) {
            (self.index, self.mac) = (link.index, link.mac.filter(|mac| *mac != [0; 6]));
        }
        if let Some(address) = sockaddr::ip(system, &entry.address) {
            let length = sockaddr::prefix_length(&entry.mask, address.is_ipv6());
            self.addresses.push((address, length));
        }
    }
}

fn shares(one: IpAddr, other: IpAddr, length: u8) -> bool {
    let bits = |address| match address {
        IpAddr::V4(address) => Some((u128::from(u32::from(address)) << 96, 4)),
        IpAddr::V6(address) => Some((u128::from(address), 6)),
    };
    let mask = u128::MAX.checked_shl(128 - u32::from(length.min(128))).unwrap_or(0);
    match (bits(one), bits(other)) {
        (Some((one, version)), Some((other, same))) => version == same && (one ^ other) & mask == 0,
        _ => false,
    }
}

// net/if.h, the same on every system.
const IFF_UP: u32 = 0x1;
const IFF_LOOPBACK: u32 = 0x8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::ALL;

    #[test]
    fn the_lines_of_one_interface_are_put_together() {
        for system in ALL {
            let mut link = vec![20, 18, 0, 0, 6, 3, 6, 0];
            link[2..4].copy_from_slice(&2u16.to_ne_bytes());
            link.extend(b"em0");
            link.extend([2, 0, 0, 0, 0, 9, 0, 0, 0]);
            let entry = |name: &str, flags, address: Vec<u8>| Entry {
                name: name.to_owned(),
                flags,
                address,
                mask: sockaddr::write(system, "255.255.255.0".parse().unwrap()),
            };
            let v4 = sockaddr::write(system, "192.0.2.1".parse().unwrap());
            let list = [
                entry("em0", IFF_UP, link),
                entry("lo0", IFF_UP | IFF_LOOPBACK, vec![]),
                entry("em0", IFF_UP, v4),
            ];
            let [em, lo] = &Interface::gather(system, &list)[..] else { panic!() };
            assert_eq!((em.index, em.mac), (2, Some([2, 0, 0, 0, 0, 9])));
            assert_eq!(em.addresses, [([192, 0, 2, 1].into(), 24)]);
            assert!(em.up && !em.loopback && lo.loopback && lo.addresses.is_empty());
            assert_eq!(em.address_beside([192, 0, 2, 200].into()), Some([192, 0, 2, 1].into()));
            assert_eq!(em.address_beside([192, 0, 3, 1].into()), None);
            assert_eq!(em.address_beside("::1".parse().unwrap()), None);
        }
    }
}
