//! What is asked: address ranges × ports × variants of the probe, numbered from 0.
//!
//! A number is a target and a target is a number, both in logarithmic time and without memory of
//! its own: the caller lends the ranges and the ports.
//!
//! ```
//! use tcpexposure_core::scan::targets::{Range, Space};
//! let mut ranges = [Range::prefix([192, 0, 2, 0].into(), 30).unwrap()];
//! let space = Space::new(&mut ranges, &[80, 443], 1).unwrap();
//! assert_eq!(space.size(), 8);
//! let target = space.at(5).unwrap();
//! assert_eq!((target.address, target.port), ([192, 0, 2, 2].into(), 443));
//! assert_eq!(space.number(&target), Some(5));
//! ```

use core::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    num::NonZero,
};

/// Addresses of one family from a first to a last, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    version: Version,
    first: u128,
    last: u128,
    /// How many addresses the ranges before this one have.
    before: u64,
}

/// What one packet asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// The address.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
    /// Which of several probes, from 0.
    pub variant: u16,
}

/// All targets of a scan.
#[derive(Clone, Copy, Debug)]
pub struct Space<'a> {
    ranges: &'a [Range],
    ports: &'a [u16],
    port_count: NonZero<u64>,
    variants: NonZero<u64>,
    addresses: u64,
    size: u64,
}

/// Why there is no such set of targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// There is no address, no port or no probe.
    Empty,
    /// The first address and the last are of two families.
    Families(IpAddr, IpAddr),
    /// The first address comes after the last.
    Order(IpAddr, IpAddr),
    /// A prefix is longer than an address.
    Prefix(u8),
    /// An address is in two ranges.
    Overlap(IpAddr),
    /// The ports are not in ascending order, or this one is there twice.
    Ports(u16),
    /// There are more targets than can be walked, as in most IPv6 prefixes.
    TooMany,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Version {
    V4,
    V6,
}

impl Range {
    /// Takes the addresses from `first` to `last`.
    ///
    /// # Errors
    /// When the two are of two families or in the wrong order.
    pub fn new(first: IpAddr, last: IpAddr) -> Result<Self, Error> {
        let ((version, from), (other, to)) = (number(first), number(last));
        if version != other {
            return Err(Error::Families(first, last));
        }
        if from > to {
            return Err(Error::Order(first, last));
        }
        Ok(Self { version, first: from, last: to, before: 0 })
    }

    /// Takes the addresses that share their first `length` bits with `address`.
    ///
    /// # Errors
    /// When an address has fewer bits.
    pub fn prefix(address: IpAddr, length: u8) -> Result<Self, Error> {
        let (version, number) = number(address);
        let bits = if version == Version::V4 { 32 } else { 128 };
        let free = u32::checked_sub(bits, length.into()).ok_or(Error::Prefix(length))?;
        let hosts = 1_u128.checked_shl(free).unwrap_or(0).wrapping_sub(1);
        Ok(Self { version, first: number & !hosts, last: number | hosts, before: 0 })
    }

    /// Tells the first address.
    #[must_use]
    pub fn first(&self) -> IpAddr {
        self.version.address(self.first)
    }

    /// Tells the last address.
    #[must_use]
    pub fn last(&self) -> IpAddr {
        self.version.address(self.last)
    }

    /// Tells how many addresses there are; `None` when they are more than a number of 64 bits tells.
    #[must_use]
    pub fn count(&self) -> Option<u64> {
        u64::try_from(self.last.saturating_sub(self.first)).ok()?.checked_add(1)
    }

    /// Tells how many addresses the ranges before this one have, once a [`Space`] has been made.
    #[must_use]
    pub const fn before(&self) -> u64 {
        self.before
    }
}

impl<'a> Space<'a> {
    /// Makes the set of targets: sorts the ranges, and notes in each how many addresses precede it.
    /// The ports are to be in ascending order, the variants are 0 to `variants` − 1.
    ///
    /// # Errors
    /// When there is nothing in it, something twice, or more than 2^63 targets.
    pub fn new(ranges: &'a mut [Range], ports: &'a [u16], variants: u16) -> Result<Self, Error> {
        let addresses = order(ranges)?;
        let mut pairs = ports.iter().zip(ports.iter().skip(1));
        if let Some((_, twice)) = pairs.find(|(one, next)| one >= next) {
            return Err(Error::Ports(*twice));
        }
        let port_count = u64::try_from(ports.len()).ok().and_then(NonZero::new);
        let port_count = port_count.ok_or(Error::Empty)?;
        let variants = NonZero::new(variants.into()).ok_or(Error::Empty)?;
        let size = addresses
            .checked_mul(port_count.get())
            .and_then(|size| size.checked_mul(variants.get()))
            .filter(|size| *size <= MOST)
            .ok_or(Error::TooMany)?;
        Ok(Self { ranges, ports, port_count, variants, addresses, size })
    }

    /// Tells how many targets there are.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Tells how many addresses there are.
    #[must_use]
    pub const fn addresses(&self) -> u64 {
        self.addresses
    }

    /// Tells the ranges, in ascending order.
    #[must_use]
    pub const fn ranges(&self) -> &'a [Range] {
        self.ranges
    }

    /// Tells the ports, in ascending order.
    #[must_use]
    pub const fn ports(&self) -> &'a [u16] {
        self.ports
    }

    /// Tells how many variants there are.
    #[must_use]
    pub const fn variants(&self) -> u64 {
        self.variants.get()
    }

    /// Tells the target of a number: `(address × ports + port) × variants + variant`, each counted
    /// from 0; `None` when the number is not below the size.
    #[inline(always)] // so that the target stays in registers
    #[must_use]
    pub fn at(&self, number: u64) -> Option<Target> {
        let (mut number, mut port, mut variant) = (self.known(number)?, 0, 0);
        if self.size != self.addresses {
            (number, variant) = split(number, self.variants);
            (number, port) = split(number, self.port_count);
        }
        Some(Target {
            address: self.address(number)?,
            port: *self.ports.get(usize::try_from(port).ok()?)?,
            variant: u16::try_from(variant).ok()?,
        })
    }

    /// Tells the number of a target; `None` when it is not one of these.
    #[inline]
    #[must_use]
    pub fn number(&self, target: &Target) -> Option<u64> {
        let variant = u64::from(target.variant);
        let port = self.ports.binary_search(&target.port).ok()?;
        let port = u64::try_from(port).ok()?;
        let number = self.address_number(target.address)?;
        let number = number.checked_mul(self.port_count.get())?.checked_add(port)?;
        let number = number.checked_mul(self.variants.get())?.checked_add(variant)?;
        (variant < self.variants.get()).then_some(number)
    }

    #[inline(always)]
    fn address(&self, number: u64) -> Option<IpAddr> {
        let range = match self.ranges {
            [only] => only,
            ranges => {
                let after = ranges.partition_point(|range| range.before <= number);
                ranges.get(after.checked_sub(1)?)?
            }
        };
        let address = range.first.wrapping_add(number.wrapping_sub(range.before).into());
        Some(range.version.address(address))
    }

    /// Tells the number, if there is such a target: all that stands behind it is known then.
    #[inline(always)]
    fn known(&self, number: u64) -> Option<u64> {
        (number < self.size).then_some(number)
    }

    fn address_number(&self, address: IpAddr) -> Option<u64> {
        let wanted = number(address);
        let after = self.ranges.partition_point(|range| (range.version, range.first) <= wanted);
        let range = self.ranges.get(after.checked_sub(1)?)?;
        let (version, address) = wanted;
        if version != range.version || address > range.last {
            return None;
        }
        u64::try_from(address.checked_sub(range.first)?).ok()?.checked_add(range.before)
    }
}

impl Version {
    #[inline]
    fn address(self, number: u128) -> IpAddr {
        match self {
            Self::V4 => {
                let [.., a, b, c, d] = number.to_be_bytes();
                IpAddr::V4(Ipv4Addr::new(a, b, c, d))
            }
            Self::V6 => IpAddr::V6(Ipv6Addr::from_bits(number)),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => out.write_str("there is nothing to probe"),
            Self::Families(first, last) => {
                write!(out, "{first} and {last} are not of one IP version")
            }
            Self::Order(first, last) => write!(out, "{first} comes after {last}"),
            Self::Prefix(length) => write!(out, "no address has {length} bits"),
            Self::Overlap(address) => write!(out, "{address} is in two ranges"),
            Self::Ports(port) => write!(out, "port {port} is there twice or out of order"),
            Self::TooMany => {
                out.write_str("there are more than 2^63 targets, which nobody can walk")
            }
        }
    }
}

impl core::error::Error for Error {}

/// Sorts the ranges, numbers them, and counts their addresses.
fn order(ranges: &mut [Range]) -> Result<u64, Error> {
    ranges.sort_unstable_by_key(|range| (range.version, range.first));
    let mut addresses = 0_u64;
    let mut end = None;
    for range in ranges {
        if end.is_some_and(|(version, last)| version == range.version && range.first <= last) {
            return Err(Error::Overlap(range.first()));
        }
        end = Some((range.version, range.last));
        range.before = addresses;
        let count = range.count().ok_or(Error::TooMany)?;
        addresses = addresses.checked_add(count).ok_or(Error::TooMany)?;
    }
    if addresses == 0 { Err(Error::Empty) } else { Ok(addresses) }
}

fn number(address: IpAddr) -> (Version, u128) {
    match address {
        IpAddr::V4(address) => (Version::V4, address.to_bits().into()),
        IpAddr::V6(address) => (Version::V6, address.to_bits()),
    }
}

/// Divides with a remainder; by 1, as in most scans, and by other powers of two without a division.
#[inline(always)]
fn split(value: u64, by: NonZero<u64>) -> (u64, u64) {
    if by.is_power_of_two() {
        return (value >> by.trailing_zeros(), value & by.get().wrapping_sub(1));
    }
    (value / by, value % by)
}

/// The most targets that a permutation holds.
const MOST: u64 = 1 << 63;

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    fn range(first: &str, last: &str) -> Result<Range, Error> {
        Range::new(first.parse().unwrap(), last.parse().unwrap())
    }

    #[test]
    fn both_families_in_one_space() {
        let mut ranges = [
            range("2001:db8::fffe", "2001:db8::1:1").unwrap(),
            range("255.255.255.255", "255.255.255.255").unwrap(),
            range("0.0.0.0", "0.0.0.1").unwrap(),
        ];
        let space = Space::new(&mut ranges, &[1, 65535], 2).unwrap();
        assert_eq!((space.size(), space.addresses()), (28, 7));
        let all: Vec<Target> = (0..28).map(|number| space.at(number).unwrap()).collect();
        assert_eq!(all[0].address, IpAddr::from([0, 0, 0, 0]));
        assert_eq!(all[8].address, IpAddr::from([255, 255, 255, 255]));
        assert_eq!(all[27].address, "2001:db8::1:1".parse::<IpAddr>().unwrap());
        assert_eq!((all[27].port, all[27].variant), (65535, 1));
        assert!(all.iter().zip(0..).all(|(target, i)| space.number(target) == Some(i)));
        assert_eq!(space.at(28), None);
        let near = ["0.0.0.2", "255.255.255.254", "2001:db8::fffd", "2001:db8::1:2", "::"];
        for address in near.map(|address| address.parse().unwrap()) {
            assert_eq!(space.number(&Target { address, port: 1, variant: 0 }), None);
        }
        assert_eq!(space.number(&Target { port: 2, ..all[0] }), None);
        assert_eq!(space.number(&Target { variant: 2, ..all[0] }), None);
    }

    #[test]
    fn prefixes() {
        let prefix = |text: &str, length| Range::prefix(text.parse().unwrap(), length);
        assert_eq!(prefix("10.1.2.3", 8), range("10.0.0.0", "10.255.255.255"));
        assert_eq!(prefix("10.1.2.3", 32), range("10.1.2.3", "10.1.2.3"));
        assert_eq!(prefix("10.1.2.3", 0), range("0.0.0.0", "255.255.255.255"));
        assert_eq!(prefix("2001:db8::5", 112), range("2001:db8::", "2001:db8::ffff"));
        assert_eq!(prefix("::", 0).unwrap().count(), None);
        assert_eq!(prefix("10.1.2.3", 33), Err(Error::Prefix(33)));
    }

    #[test]
    fn what_cannot_be() {
        let space = |ranges: &mut [Range], ports: &[u16], variants| {
            Space::new(ranges, ports, variants).map(|space| space.size())
        };
        let one = range("10.0.0.0", "10.0.0.9").unwrap();
        assert_eq!(
            range("10.0.0.1", "10.0.0.0").unwrap_err().to_text(),
            "10.0.0.1 comes after 10.0.0.0"
        );
        assert!(matches!(range("10.0.0.1", "::"), Err(Error::Families(..))));
        assert_eq!(space(&mut [], &[1], 1), Err(Error::Empty));
        assert_eq!(space(&mut [one], &[], 1), Err(Error::Empty));
        assert_eq!(space(&mut [one], &[1], 0), Err(Error::Empty));
        assert_eq!(space(&mut [one], &[1, 3, 3], 1), Err(Error::Ports(3)));
        let touching = range("10.0.0.10", "10.0.0.10").unwrap();
        assert_eq!(space(&mut [touching, one], &[1], 1), Ok(11));
        let overlapping = range("10.0.0.9", "10.0.0.10").unwrap();
        let error = Err(Error::Overlap([10, 0, 0, 9].into()));
        assert_eq!(space(&mut [overlapping, one], &[1], 1), error);
        let large = Range::prefix("2001:db8::".parse().unwrap(), 64).unwrap();
        assert_eq!(space(&mut [large], &[1], 1), Err(Error::TooMany));
        let half = Range::prefix("2001:db8::".parse().unwrap(), 65).unwrap();
        assert_eq!(space(&mut [half], &[1], 1), Ok(1 << 63));
        assert_eq!(space(&mut [half], &[1], 2), Err(Error::TooMany));
        assert_eq!(space(&mut [half, one], &[1], 1), Err(Error::TooMany));
    }

    trait Text {
        fn to_text(&self) -> std::string::String;
    }

    impl Text for Error {
        fn to_text(&self) -> std::string::String {
            std::string::ToString::to_string(self)
        }
    }
}
