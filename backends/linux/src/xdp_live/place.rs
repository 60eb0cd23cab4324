//! From the number of a packet to its target, as instructions.
//!
//! ```text
//! packet ─ ÷ packets a target ─► step ─ shard ─► place ─ permutation ─► number
//!    number ─ ÷ variants ─► variant · rest ─ ÷ ports ─► port · rest ─ ranges ─► address
//! ```

use std::{io, net::IpAddr, os::fd::AsFd};

use tcpexposure_core::scan::{
    Plan,
    permute::Permutation,
    targets::{Range, Space},
};

use super::{
    arithmetic::{bound, permute, split},
    slot,
};
use crate::bpf::{
    Assembler,
    Condition::Ge,
    Label, Map,
    Operation::{self, Mov, Mul},
    Register::*,
    Size::{Double, Half},
};

/// What the program looks up; a map where there is more than one of a kind.
pub(super) struct Tables {
    ports: Option<Map>,
    /// How many addresses precede each range, then many more than there are, up to a power of 2.
    before: Option<Map>,
    /// The first address of each range, upper half and lower half.
    first: Option<Map>,
    /// The number of the first range of IPv6.
    v6: i32,
}

impl Tables {
    /// Writes ports and ranges into maps.
    pub(super) fn new(space: &Space<'_>) -> io::Result<Self> {
        let ranges = space.ranges();
        let many = ranges.len() > 1;
        let v6 = ranges.iter().take_while(|range| range.first().is_ipv4()).count();
        Ok(Self {
            ports: (space.ports().len() > 1).then(|| ports(space.ports())).transpose()?,
            before: many.then(|| before(ranges)).transpose()?,
            first: many.then(|| first(ranges)).transpose()?,
            v6: i32::try_from(v6).map_err(|_| io::ErrorKind::InvalidInput)?,
        })
    }

    /// Finds the target of packet R0: variant, port, address go to their slots. What follows at
    /// `v6` is for an IPv6 address, what follows here for an IPv4 one.
    pub(super) fn aim<'a>(&'a self, code: &mut Assembler<'a>, plan: &Plan<'_>, to: &Exits) {
        let space = &plan.space;
        step(code, plan);
        permute(code, &Permutation::new(space.size(), plan.seed), to.lost);
        if space.variants() > 1 {
            split(code, R0, R1, space.variants() as i32);
            code.store(Double, R10, slot::VARIANT, R1);
        }
        self.port(code, space.ports(), to.lost);
        self.address(code, space.ranges(), to);
    }

    fn port<'a>(&'a self, code: &mut Assembler<'a>, ports: &[u16], lost: Label) {
        match (&self.ports, ports) {
            (Some(map), _) => {
                let count = ports.len() as i32;
                split(code, R0, R1, count);
                bound(code, R1, count, lost);
                code.shl(R1, 1);
                code.map_value(R2, map.as_fd(), 0);
                code.add(R2, R1);
                code.load(Half, R1, R2, 0);
                code.store(Double, R10, slot::PORT, R1);
            }
            (None, ports) => {
                let port = ports.first().copied().unwrap_or_default();
                code.store(Double, R10, slot::PORT, i32::from(port));
            }
        }
    }

    /// Finds the address of number R0.
    fn address<'a>(&'a self, code: &mut Assembler<'a>, ranges: &[Range], to: &Exits) {
        match (&self.before, &self.first, ranges) {
            (Some(before), Some(first), _) => {
                search(code, before, ranges.len());
                code.mov(R4, R1);
                code.shl(R4, 4);
                code.map_value(R2, first.as_fd(), 0);
                code.add(R2, R4);
                code.load(Double, R3, R2, 0);
                code.load(Double, R4, R2, 8);
            }
            _ => {
                let [high, low] = ranges.first().map_or([0; 2], |range| halves(range.first()));
                code.mov(R1, 0);
                code.constant(R3, high);
                code.constant(R4, low);
            }
        }
        let whole = code.label();
        code.add(R4, R0);
        code.branch(Ge, R4, R0, whole);
        code.add(R3, 1);
        code.place(whole);
        code.store(Double, R10, slot::HIGH, R3);
        code.store(Double, R10, slot::LOW, R4);
        code.branch(Ge, R1, self.v6, to.v6);
    }
}

/// Where the program goes when it does not go straight on.
#[derive(Clone, Copy)]
pub(super) struct Exits {
    /// There is no such target.
    pub(super) lost: Label,
    /// The target has an IPv6 address.
    pub(super) v6: Label,
}

/// R0 = the place of packet R0, which goes to its slot, as does the repeat.
fn step(code: &mut Assembler<'_>, plan: &Plan<'_>) {
    if plan.limits.probes > 1 {
        // Not `split`: the divisor has 32 bits.
        code.constant(R2, plan.limits.probes.into());
        code.mov(R1, R0);
        code.all(Operation::Mod, R1, R2);
        code.all(Operation::Div, R0, R2);
        code.load(Double, R2, R10, slot::REPEAT);
        code.add(R1, R2);
        code.lower(Mov, R1, R1);
        code.store(Double, R10, slot::REPEAT, R1);
    }
    if plan.shard.count() > 1 {
        code.constant(R1, plan.shard.count());
        code.all(Mul, R0, R1);
        code.constant(R1, plan.shard.index());
        code.add(R0, R1);
    }
    code.store(Double, R10, slot::PLACE, R0);
}

/// R1 = the last range that no more than R0 addresses precede, R0 = the address's number in it:
/// one bit of the answer after the other, without a branch, so that neither the processor nor the
/// verifier has to guess.
fn search<'a>(code: &mut Assembler<'a>, before: &'a Map, ranges: usize) {
    code.mov(R1, 0);
    code.map_value(R2, before.as_fd(), 0);
    for bit in (0..bits(ranges)).rev() {
        code.mov(R3, R1);
        code.or(R3, 1 << bit);
        code.shl(R3, 3);
        code.add(R3, R2);
        code.load(Double, R4, R3, 0);
        // The top bit of `before - R0 - 1` tells whether `before` is R0 at most.
        code.all(Operation::Sub, R4, R0);
        code.add(R4, -1);
        code.shr(R4, 63);
        code.shl(R4, bit.cast_signed());
        code.or(R1, R4);
    }
    code.mov(R3, R1);
    code.shl(R3, 3);
    code.add(R3, R2);
    code.load(Double, R4, R3, 0);
    code.all(Operation::Sub, R0, R4);
}

/// Tells how many bits the number of a range takes.
const fn bits(ranges: usize) -> u32 {
    ranges.next_power_of_two().trailing_zeros()
}

fn ports(ports: &[u16]) -> io::Result<Map> {
    let bytes: Vec<u8> = ports.iter().flat_map(|port| port.to_ne_bytes()).collect();
    block(&bytes)
}

fn before(ranges: &[Range]) -> io::Result<Map> {
    let mut numbers: Vec<u64> = ranges.iter().map(Range::before).collect();
    numbers.resize(1 << bits(ranges.len()), i64::MAX.cast_unsigned());
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_ne_bytes()).collect();
    block(&bytes)
}

fn first(ranges: &[Range]) -> io::Result<Map> {
    let words = ranges.iter().flat_map(|range| halves(range.first()));
    let mut bytes: Vec<u8> = words.flat_map(u64::to_ne_bytes).collect();
    bytes.resize(16 << bits(ranges.len()), 0);
    block(&bytes)
}

fn block(bytes: &[u8]) -> io::Result<Map> {
    let map = Map::block(bytes.len())?;
    map.set(0, bytes)?;
    Ok(map)
}

/// Tells the upper and the lower half of an address; an IPv4 address is all in the lower.
fn halves(address: IpAddr) -> [u64; 2] {
    match address {
        IpAddr::V4(address) => [0, address.to_bits().into()],
        IpAddr::V6(address) => {
            let bits = address.to_bits();
            [(bits >> 64) as u64, bits as u64]
        }
    }
}
