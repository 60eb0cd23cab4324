//! What each IP version does in its own way when a packet is made.

use core::net::{Ipv4Addr, Ipv6Addr};

use zerocopy::FromBytes;

use super::{Sums, Template, stir};
use crate::{
    scan::cookie::Cookies,
    wire::{ipv4, ipv6},
};

/// A destination, whose version is known where the code is made, so that it stays in registers.
pub(super) trait Destination: Copy {
    /// Tells the cookie of a probe.
    fn cookie(self, cookies: &Cookies, source_port: u16, port: u16) -> u32;

    /// Hashes the address with a secret.
    fn stir(self, secret: u64) -> u64;

    /// Writes what the IP header has of it, and adds to the segment's sum what counts there.
    fn write(self, template: &Template<'_>, frame: &mut [u8], sums: &mut Sums) -> Option<()>;
}

impl Destination for Ipv4Addr {
    #[inline(always)]
    fn cookie(self, cookies: &Cookies, source_port: u16, port: u16) -> u32 {
        cookies.of_v4(self, source_port, port)
    }

    #[inline(always)]
    fn stir(self, secret: u64) -> u64 {
        stir(secret, self.to_bits().into())
    }

    #[inline(always)]
    fn write(self, template: &Template<'_>, frame: &mut [u8], sums: &mut Sums) -> Option<()> {
        let (header, _) = ipv4::Header::mut_from_prefix(frame).ok()?;
        header.destination = self.octets();
        let words = u64::from(self.to_bits());
        sums.tcp = sums.tcp.wrapping_add(words);
        if let Some(base) = template.ip_base {
            header.checksum.set(base.with(sums.ip.wrapping_add(words)));
        }
        Some(())
    }
}

impl Destination for Ipv6Addr {
    #[inline(always)]
    fn cookie(self, cookies: &Cookies, source_port: u16, port: u16) -> u32 {
        cookies.of_v6(self, source_port, port)
    }

    #[inline(always)]
    fn stir(self, secret: u64) -> u64 {
        let [high, low] = halves(self);
        stir(stir(secret, high), low)
    }

    #[inline(always)]
    fn write(self, template: &Template<'_>, frame: &mut [u8], sums: &mut Sums) -> Option<()> {
        let (header, _) = ipv6::Header::mut_from_prefix(frame).ok()?;
        header.destination = self.octets();
        if !template.routed {
            for half in halves(self) {
                sums.tcp = sums.tcp.wrapping_add(half >> 32).wrapping_add(half & 0xffff_ffff);
            }
        }
        Some(())
    }
}

/// Cuts an address into its network half and its interface half.
#[inline(always)]
const fn halves(address: Ipv6Addr) -> [u64; 2] {
    let bits = address.to_bits();
    [(bits >> 64) as u64, bits as u64]
}
