//! The scan's arithmetic as instructions: what `core::scan` computes, computed in the kernel.
//!
//! All of it works in R0 to R5; what stays over it is in R6 to R10.

use tcpexposure_core::scan::permute::{MULTIPLIER, Permutation};

use crate::bpf::{
    Assembler,
    Condition::{Ge, Lt, Ne},
    Label,
    Operation::{Div, Mod, Mov, Mul},
    Register::{self, *},
};

/// R0 = what stands at the place R0; R6 is used. Goes to `lost` after more steps outside the size
/// than there ever were.
pub(super) fn permute(code: &mut Assembler<'_>, permutation: &Permutation, lost: Label) {
    let [a, b, c, d] = permutation.keys();
    let (low, high) = permutation.widths();
    let (found, again) = (code.label(), code.label());
    code.constant(R5, MULTIPLIER);
    code.mov(R6, WALK);
    code.place(again);
    code.mov(R1, R0);
    code.shr(R1, low.cast_signed());
    keep(code, R0, low);
    for (half, other, width, key) in
        [(R1, R0, high, a), (R0, R1, low, b), (R1, R0, high, c), (R0, R1, low, d)]
    {
        code.constant(R2, key);
        code.xor(R2, other);
        code.all(Mul, R2, R5);
        code.shr(R2, 32);
        keep(code, R2, width);
        code.xor(half, R2);
    }
    code.shl(R1, low.cast_signed());
    code.or(R0, R1);
    if permutation.size() != 1 << (low + high) {
        code.constant(R1, permutation.size());
        code.branch(Lt, R0, R1, found);
        code.add(R6, -1);
        code.branch(Ne, R6, 0, again);
        code.jump(lost);
    }
    code.place(found);
}

/// Keeps the lowest `width` bits, at most 32.
fn keep(code: &mut Assembler<'_>, register: Register, width: u32) {
    match 1_i32.checked_shl(width) {
        None => code.lower(Mov, register, register),
        Some(bit) => code.and(register, bit.wrapping_sub(1)),
    }
}

/// `value`, `rest` = quotient and remainder of `value` by a constant, at most 65,536.
pub(super) fn split(code: &mut Assembler<'_>, value: Register, rest: Register, by: i32) {
    code.mov(rest, value);
    if by & (by - 1) == 0 {
        code.and(rest, by - 1);
        code.shr(value, by.trailing_zeros().cast_signed());
    } else {
        code.all(Mod, rest, by);
        code.all(Div, value, by);
    }
}

/// Begins a hash: its state is in R0 to R3.
pub(super) fn begin(code: &mut Assembler<'_>, state: [u64; 4]) {
    for (register, word) in [R0, R1, R2, R3].into_iter().zip(state) {
        code.constant(register, word);
    }
}

/// Adds the word R5 to a hash.
pub(super) fn absorb(code: &mut Assembler<'_>) {
    code.xor(R3, R5);
    round(code);
    code.xor(R0, R5);
}

/// Ends a hash with the last word R5, which holds the message's length, too: R0 = the lower half.
pub(super) fn finish(code: &mut Assembler<'_>) {
    absorb(code);
    code.xor(R2, 0xff);
    (0..3).for_each(|_| round(code));
    code.xor(R0, R1);
    code.xor(R2, R3);
    code.xor(R0, R2);
    code.lower(Mov, R0, R0);
}

fn round(code: &mut Assembler<'_>) {
    code.add(R0, R1);
    rotate(code, R1, 13);
    code.xor(R1, R0);
    rotate(code, R0, 32);
    code.add(R2, R3);
    rotate(code, R3, 16);
    code.xor(R3, R2);
    code.add(R0, R3);
    rotate(code, R3, 21);
    code.xor(R3, R0);
    code.add(R2, R1);
    rotate(code, R1, 17);
    code.xor(R1, R2);
    rotate(code, R2, 32);
}

/// Rotates to the left by way of R4.
pub(super) fn rotate(code: &mut Assembler<'_>, register: Register, by: i32) {
    code.mov(R4, register);
    code.shl(R4, by);
    code.shr(register, 64 - by);
    code.or(register, R4);
}

/// R0 = `stir(R0, R1)` of core's source ports.
pub(super) fn stir(code: &mut Assembler<'_>) {
    code.xor(R0, R1);
    code.constant(R2, MULTIPLIER);
    code.all(Mul, R0, R2);
    xor_shifted(code, 32);
}

/// R0 = `mix(R0, R1)`.
pub(super) fn mix(code: &mut Assembler<'_>) {
    code.constant(R2, GOLDEN);
    code.all(Mul, R1, R2);
    code.add(R0, R1);
    for (shift, factor) in [(30, MIX[0]), (27, MIX[1])] {
        xor_shifted(code, shift);
        code.constant(R2, factor);
        code.all(Mul, R0, R2);
    }
    xor_shifted(code, 31);
}

/// `R0 ^= R0 >> shift`.
fn xor_shifted(code: &mut Assembler<'_>, shift: i32) {
    code.mov(R1, R0);
    code.shr(R1, shift);
    code.xor(R0, R1);
}

/// R0 = the lower half of R0, scaled to `0..span`; `span` is at most 2^32.
pub(super) fn scale(code: &mut Assembler<'_>, span: u64) {
    code.lower(Mov, R0, R0);
    code.constant(R1, span);
    code.all(Mul, R0, R1);
    code.shr(R0, 32);
}

/// Folds a sum of fewer than 2^8 words of 32 bits and as many of 16 to 16 bits; R0 is used.
pub(super) fn fold(code: &mut Assembler<'_>, sum: Register) {
    for _ in 0..3 {
        code.mov(R0, sum);
        code.shr(R0, 16);
        code.and(sum, 0xffff);
        code.add(sum, R0);
    }
}

/// Goes to `lost` unless the register is below a limit, which holds always; the verifier is to know.
pub(super) fn bound(code: &mut Assembler<'_>, register: Register, limit: i32, lost: Label) {
    code.branch(Ge, register, limit, lost);
}

/// The most steps outside the size: each is a miss with a chance of at most one half.
const WALK: i32 = 128;

// As in `core::scan::permute::mix`.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
const MIX: [u64; 2] = [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb];
