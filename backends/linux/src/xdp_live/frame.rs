//! One packet of a template, as instructions: what [`Template::patch`] writes, and the bytes that
//! stay, since a frame may come back as somebody else has left it.
//!
//! R8 is the frame, R9 the context, R6 the sum of the segment, R7 that of the IP header.

use tcpexposure_core::{
    expression::Generator,
    scan::template::{
        Template,
        layout::{Layout, Patch, Spot, Sum},
    },
};

use super::{
    arithmetic::{absorb, begin, finish, fold, mix, rotate, scale, stir},
    slot,
};
use crate::bpf::{
    Assembler,
    Operation::{Mov, Mul},
    Register::{self, *},
    Size::{Byte, Double, Half, Word},
};

/// A packet and its link-layer header.
pub(super) struct Frame<'a> {
    pub(super) template: &'a Template<'a>,
    pub(super) header: &'a [u8],
}

impl Frame<'_> {
    /// Tells the bytes that stay, with zeroes where the rest goes.
    pub(super) fn bytes(&self) -> Vec<u8> {
        [self.header, self.template.bytes()].concat()
    }

    /// Writes the frame.
    pub(super) fn write(&self, code: &mut Assembler<'_>) {
        let layout = self.template.layout();
        still(code, &self.bytes());
        self.source_port(code);
        if layout.seq_is_cookie || self.has(Generator::Cookie) {
            self.cookie(code);
        }
        code.mov(R6, 0);
        code.mov(R7, 0);
        for patch in self.template.patches() {
            self.value(code, &patch, &layout);
            self.patch(code, &patch.spot, &layout);
        }
        match self.is_v6() {
            false => self.version_4(code, &layout),
            true => self.version_6(code, &layout),
        }
        self.segment(code, &layout);
    }

    /// Tells whether some field is generated like this.
    pub(super) fn has(&self, generator: Generator) -> bool {
        self.template.patches().any(|patch| patch.generator == generator)
    }

    fn is_v6(&self) -> bool {
        self.template.cookies().source().is_ipv6()
    }

    /// Tells where a byte of the packet is in the frame.
    const fn at(&self, offset: usize) -> i16 {
        (self.header.len() + offset) as i16
    }

    fn source_port(&self, code: &mut Assembler<'_>) {
        let ports = self.template.choice().ports;
        if ports.count() == 1 {
            return code.store(Double, R10, slot::SOURCE, i32::from(ports.first()));
        }
        code.constant(R0, self.template.port_secret());
        if self.is_v6() {
            code.load(Double, R1, R10, slot::HIGH);
            stir(code);
        }
        code.load(Double, R1, R10, slot::LOW);
        stir(code);
        code.load(Double, R1, R10, slot::PORT);
        stir(code);
        scale(code, ports.count().into());
        code.all(Mul, R0, i32::from(ports.step()));
        code.add(R0, i32::from(ports.first()));
        code.and(R0, 0xffff);
        code.store(Double, R10, slot::SOURCE, R0);
    }

    fn cookie(&self, code: &mut Assembler<'_>) {
        let cookies = self.template.cookies();
        if self.is_v6() {
            self.address_v6(code, cookies.state());
        } else {
            begin(code, cookies.state());
            code.load(Double, R5, R10, slot::LOW);
            code.big_endian(R5, 32);
            code.shl(R5, 32);
            code.constant(R4, self.source_v4().into());
            code.or(R5, R4);
            absorb(code);
        }
        code.load(Double, R5, R10, slot::PORT);
        code.load(Double, R4, R10, slot::SOURCE);
        code.shl(R4, 16);
        code.or(R5, R4);
        code.big_endian(R5, 32);
        code.constant(R4, if self.is_v6() { 36 } else { 12 } << 56);
        code.or(R5, R4);
        finish(code);
        code.store(Double, R10, slot::COOKIE, R0);
    }

    fn source_v4(&self) -> u32 {
        match self.template.cookies().source() {
            std::net::IpAddr::V4(source) => u32::from_le_bytes(source.octets()),
            std::net::IpAddr::V6(_) => 0,
        }
    }

    /// Begins a hash with the IPv6 address.
    fn address_v6(&self, code: &mut Assembler<'_>, state: [u64; 4]) {
        begin(code, state);
        for half in [slot::HIGH, slot::LOW] {
            code.load(Double, R5, R10, half);
            code.big_endian(R5, 64);
            absorb(code);
        }
    }

    /// R0 = a generated value.
    fn value(&self, code: &mut Assembler<'_>, patch: &Patch, layout: &Layout) {
        match patch.generator {
            Generator::Random { low, high } => random(code, patch.lane, layout, low, high),
            Generator::Increment => code.load(Double, R0, R10, slot::PLACE),
            Generator::Cookie => code.load(Double, R0, R10, slot::COOKIE),
            Generator::Hash => self.hash(code),
            Generator::Now => {
                code.load(Double, R0, R10, slot::TIME);
                if patch.timestamp {
                    code.shl(R0, layout.stamp_bits.cast_signed());
                    code.or(R0, i32::from(self.template.choice().variant));
                }
            }
        }
    }

    /// R0 = the hash of the address.
    fn hash(&self, code: &mut Assembler<'_>) {
        let state = self.template.choice().key.state();
        if self.is_v6() {
            self.address_v6(code, state);
            code.constant(R5, 16 << 56);
        } else {
            begin(code, state);
            code.load(Double, R5, R10, slot::LOW);
            code.big_endian(R5, 32);
            code.constant(R4, 4 << 56);
            code.or(R5, R4);
        }
        finish(code);
    }

    /// Writes R0 to its place, and adds it to the sum there.
    fn patch(&self, code: &mut Assembler<'_>, spot: &Spot, layout: &Layout) {
        match *spot {
            Spot::Network(offset, width) => {
                put(code, self.at(offset), width);
                add(code, R7, offset + width);
            }
            Spot::Segment(offset, width) => {
                put(code, self.at(layout.tcp + offset), width);
                add(code, R6, offset + width);
            }
            Spot::Word(shift, mask) => {
                code.shl(R0, shift.cast_signed());
                code.constant(R1, mask.into());
                code.and(R0, R1);
                code.load(Word, R1, R8, self.at(0));
                code.big_endian(R1, 32);
                code.constant(R2, (!mask).into());
                code.and(R1, R2);
                code.or(R0, R1);
                code.big_endian(R0, 32);
                code.store(Word, R8, self.at(0), R0);
            }
        }
    }

    fn version_4(&self, code: &mut Assembler<'_>, layout: &Layout) {
        code.load(Double, R0, R10, slot::LOW);
        code.add(R6, R0);
        code.add(R7, R0);
        code.big_endian(R0, 32);
        code.store(Word, R8, self.at(16), R0);
        if let Some(sum) = layout.ip_sum {
            checksum(code, R7, sum, self.at(10));
        }
    }

    fn version_6(&self, code: &mut Assembler<'_>, layout: &Layout) {
        for (half, offset) in [(slot::HIGH, 24), (slot::LOW, 32)] {
            code.load(Double, R0, R10, half);
            if !layout.routed {
                code.mov(R1, R0);
                code.shr(R1, 32);
                code.add(R6, R1);
                code.lower(Mov, R1, R0);
                code.add(R6, R1);
            }
            code.big_endian(R0, 64);
            code.store(Double, R8, self.at(offset), R0);
        }
    }

    fn segment(&self, code: &mut Assembler<'_>, layout: &Layout) {
        code.load(Double, R0, R10, slot::SOURCE);
        code.load(Double, R1, R10, slot::PORT);
        code.add(R6, R0);
        code.add(R6, R1);
        code.shl(R0, 16);
        code.or(R0, R1);
        code.big_endian(R0, 32);
        code.store(Word, R8, self.at(layout.tcp), R0);
        if layout.seq_is_cookie {
            code.load(Double, R0, R10, slot::COOKIE);
            code.add(R6, R0);
            code.big_endian(R0, 32);
            code.store(Word, R8, self.at(layout.tcp + 4), R0);
        }
        if let Some(sum) = layout.tcp_sum {
            checksum(code, R6, sum, self.at(layout.tcp + 16));
        }
    }
}

/// Writes what stays.
fn still(code: &mut Assembler<'_>, bytes: &[u8]) {
    let (words, rest) = bytes.as_chunks();
    for (offset, word) in (0..).step_by(4).zip(words) {
        code.store(Word, R8, offset, i32::from_ne_bytes(*word));
    }
    for (offset, byte) in (bytes.len() as i16 - rest.len() as i16..).zip(rest) {
        code.store(Byte, R8, offset, i32::from(*byte));
    }
}

/// R0 = a random value of the target.
fn random(code: &mut Assembler<'_>, lane: u64, layout: &Layout, low: u32, high: u32) {
    code.load(Double, R0, R10, slot::REPEAT);
    rotate(code, R0, 40);
    code.constant(R1, layout.random_secret);
    code.xor(R0, R1);
    code.load(Double, R1, R10, slot::PLACE);
    code.shl(R1, 5);
    code.constant(R2, lane);
    code.add(R1, R2);
    mix(code);
    scale(code, u64::from(high - low) + 1);
    code.constant(R1, low.into());
    code.add(R0, R1);
}

/// Cuts R0 to its lowest `width` bytes, 1 to 4, and stores them in the network's order.
fn put(code: &mut Assembler<'_>, at: i16, width: usize) {
    code.mov(R1, R0);
    match width {
        1 => {
            code.and(R0, 0xff);
            code.store(Byte, R8, at, R0);
        }
        2 => {
            code.and(R0, 0xffff);
            code.big_endian(R1, 16);
            code.store(Half, R8, at, R1);
        }
        3 => {
            code.and(R0, 0xff_ffff);
            code.store(Byte, R8, at + 2, R0);
            code.shr(R1, 8);
            code.big_endian(R1, 16);
            code.store(Half, R8, at, R1);
        }
        _ => {
            code.lower(Mov, R0, R0);
            code.big_endian(R1, 32);
            code.store(Word, R8, at, R1);
        }
    }
}

/// Adds R0, which ends at `end` in its header, to a sum of words.
fn add(code: &mut Assembler<'_>, sum: Register, end: usize) {
    if !end.is_multiple_of(2) {
        code.shl(R0, 8);
    }
    code.add(sum, R0);
}

/// Makes a checksum out of what changes and what stays.
fn checksum(code: &mut Assembler<'_>, sum: Register, stays: Sum, at: i16) {
    code.add(sum, i32::from(stays.sum));
    fold(code, sum);
    if !stays.bad {
        code.xor(sum, 0xffff);
    }
    code.big_endian(sum, 16);
    code.store(Half, R8, at, sum);
}
