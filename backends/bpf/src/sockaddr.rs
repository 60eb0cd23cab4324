//! Socket addresses as the BSDs lay them out, their length and family in a byte each: made and read
//! without pointers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::system::System;

/// A link-layer socket address: struct sockaddr_dl.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkAddress {
    /// The interface's number; 0 if it is not told.
    pub index: u16,
    /// The interface's name, if it is told.
    pub name: String,
    /// The hardware address, if it has six bytes.
    pub mac: Option<[u8; 6]>,
}

/// Splits off the first socket address, its padding passed over; an empty one is padding alone.
#[must_use]
pub fn split<'a>(system: &System, bytes: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let length = usize::from(*bytes.first()?);
    let address = bytes.get(..length)?;
    let taken = length.max(1).next_multiple_of(system.rounding);
    Some((address, bytes.get(taken..).unwrap_or_default()))
}

/// Reads an IP address; the interface that kernels put into link-local ones is taken out.
#[must_use]
pub fn ip(system: &System, address: &[u8]) -> Option<IpAddr> {
    let family = u32::from(*address.get(1)?);
    if family == system.families.v4 {
        return Some(Ipv4Addr::from(field::<4>(address, 4)?).into());
    }
    if family != system.families.v6 {
        return None;
    }
    let mut octets = field::<16>(address, 8)?;
    if Ipv6Addr::from(octets).is_unicast_link_local() {
        octets[2..4].fill(0);
    }
    Some(Ipv6Addr::from(octets).into())
}

/// Reads a link-layer address.
#[must_use]
pub fn link(address: &[u8]) -> Option<LinkAddress> {
    let [_, AF_LINK, a, b, _, name_length, mac_length, _] = *address.first_chunk::<8>()? else {
        return None;
    };
    let data = address.get(8..).unwrap_or_default();
    let name = data.get(..usize::from(name_length)).unwrap_or_default();
    let mac = data.get(name.len()..name.len() + usize::from(mac_length));
    Some(LinkAddress {
        index: u16::from_ne_bytes([a, b]),
        name: String::from_utf8_lossy(name).into_owned(),
        mac: mac.and_then(|mac| mac.try_into().ok()),
    })
}

/// Reads the length of a prefix from a mask, which may be cut short behind its last bit.
#[must_use]
pub fn prefix_length(mask: &[u8], v6: bool) -> u8 {
    let length = usize::from(mask.first().copied().unwrap_or(0));
    let (start, most) = if v6 { (8, 16) } else { (4, 4) };
    let bytes = mask.get(start..length.min(start + most).min(mask.len())).unwrap_or_default();
    bytes.iter().map(|byte| byte.leading_ones() as u8).take_while(|ones| *ones > 0).sum()
}

/// Writes an IP address, padded as in a routing message.
#[must_use]
pub fn write(system: &System, address: IpAddr) -> Vec<u8> {
    let mut bytes = match address {
        IpAddr::V4(address) => {
            let mut bytes = vec![16, system.families.v4 as u8, 0, 0];
            bytes.extend(address.octets());
            bytes.extend([0; 8]);
            bytes
        }
        IpAddr::V6(address) => {
            let mut bytes = vec![28, system.families.v6 as u8, 0, 0, 0, 0, 0, 0];
            bytes.extend(address.octets());
            bytes.extend([0; 4]);
            bytes
        }
    };
    bytes.resize(bytes.len().next_multiple_of(system.rounding), 0);
    bytes
}

/// Writes an empty link-layer address, padded, which asks for the interface.
#[must_use]
pub fn write_empty_link(system: &System) -> Vec<u8> {
    let mut bytes = vec![0; LINK_LENGTH.next_multiple_of(system.rounding)];
    (bytes[0], bytes[1]) = (LINK_LENGTH as u8, AF_LINK);
    bytes
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

/// AF_LINK, the same on every system.
pub(crate) const AF_LINK: u8 = 18;
/// The least bytes of a struct sockaddr_dl that every system takes.
const LINK_LENGTH: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::{ALL, FREEBSD, MACOS};

    #[test]
    fn addresses_are_read_back_and_rounded() {
        for system in ALL {
            for text in ["192.0.2.7", "2001:db8::7"] {
                let address: IpAddr = text.parse().unwrap();
                let mut bytes = write(system, address);
                bytes.push(0xaa);
                let (first, rest) = split(system, &bytes).unwrap();
                assert_eq!(ip(system, first), Some(address), "{}", system.name);
                assert_eq!(rest, [0xaa], "{}", system.name);
            }
            let bytes = write_empty_link(system);
            assert_eq!(link(&bytes), Some(LinkAddress::default()));
            assert_eq!(split(system, &bytes).unwrap().1, [0u8; 0]);
        }
    }

    #[test]
    fn an_empty_address_takes_its_padding() {
        let bytes = [0, 0, 0, 0, 16, 2, 0, 0];
        assert_eq!(split(&MACOS, &bytes).unwrap(), (&[][..], &bytes[4..]));
        assert_eq!(split(&FREEBSD, &bytes).unwrap(), (&[][..], &[][..]));
        assert_eq!((split(&MACOS, &[]), split(&MACOS, &[9, 2])), (None, None));
    }

    #[test]
    fn the_scope_is_taken_out_of_link_local_addresses() {
        let mut bytes = write(&FREEBSD, "fe80::1".parse().unwrap());
        bytes[8 + 3] = 5;
        assert_eq!(ip(&FREEBSD, &bytes), Some("fe80::1".parse().unwrap()));
    }

    #[test]
    fn a_link_address_tells_interface_and_hardware() {
        let mut bytes = vec![20, 18, 0, 0, 6, 3, 6, 0];
        bytes[2..4].copy_from_slice(&7u16.to_ne_bytes());
        bytes.extend(b"em0");
        bytes.extend([2, 0, 0, 0, 0, 9]);
        let read = link(&bytes).unwrap();
        assert_eq!((read.index, read.name.as_str()), (7, "em0"));
        assert_eq!(read.mac, Some([2, 0, 0, 0, 0, 9]));
        assert_eq!(link(&bytes[..12]).unwrap().mac, None, "cut short");
        assert_eq!(link(&write(&FREEBSD, "192.0.2.1".parse().unwrap())), None);
    }

    #[test]
    fn masks_may_be_cut_short() {
        assert_eq!(prefix_length(&[16, 2, 0, 0, 255, 255, 254, 0], false), 23);
        assert_eq!(prefix_length(&[7, 0, 0, 0, 255, 255, 255], false), 24);
        assert_eq!(prefix_length(&[], false), 0);
        let mut mask = vec![28, 24, 0, 0, 0, 0, 0, 0];
        mask.extend([255; 8]);
        mask.extend([0; 12]);
        assert_eq!(prefix_length(&mask, true), 64);
    }
}
