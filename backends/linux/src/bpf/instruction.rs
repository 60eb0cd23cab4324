//! Instructions as values, and their encoding (RFC 9669, sections 3 to 5).

use std::os::fd::{AsRawFd, BorrowedFd};

/// A register.
///
/// A program starts with its context in [`R1`](Self::R1) and ends with its result in
/// [`R0`](Self::R0). Calls take their arguments in R1 to R5, which they destroy, and leave R6 to R9
/// alone; R10 leads to the end of the stack and cannot be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "numbered")]
pub enum Register {
    R0,
    R1,
    R2,
    R3,
    R4,
    R5,
    R6,
    R7,
    R8,
    R9,
    R10,
}

/// The second operand of an operation or a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// What a register holds.
    Register(Register),
    /// A number, extended with its sign to 64 bits where the operation has 64.
    Number(i32),
}

/// How many bytes are loaded or stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// One byte.
    Byte = 0x10,
    /// Two bytes, in the machine's order.
    Half = 0x08,
    /// Four bytes, in the machine's order.
    Word = 0x00,
    /// Eight bytes, in the machine's order.
    Double = 0x18,
}

/// How many bits of a register an operation looks at; one of 32 bits clears the upper half of its
/// result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bits {
    /// The lower half.
    Lower,
    /// All 64.
    All,
}

/// An arithmetic operation, `to = to OP by`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "as everywhere")]
pub enum Operation {
    Add = 0x00,
    Sub = 0x10,
    Mul = 0x20,
    /// Unsigned; by zero gives zero.
    Div = 0x30,
    Or = 0x40,
    And = 0x50,
    Shl = 0x60,
    /// Unsigned.
    Shr = 0x70,
    /// Unsigned; by zero changes nothing.
    Mod = 0x90,
    Xor = 0xa0,
    Mov = 0xb0,
}

/// A comparison; all are unsigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Equal.
    Eq = 0x10,
    /// Greater.
    Gt = 0x20,
    /// Greater or equal.
    Ge = 0x30,
    /// Some bit is set in both.
    Set = 0x40,
    /// Not equal.
    Ne = 0x50,
    /// Less.
    Lt = 0xa0,
    /// Less or equal.
    Le = 0xb0,
}

/// An instruction. Jumps are relative: over so many slots of 8 bytes behind this instruction.
#[derive(Clone, Copy, Debug)]
pub enum Instruction<'a> {
    /// `to = to OPERATION by`.
    Arithmetic(Bits, Operation, Register, Operand),
    /// Changes the lower 16, 32 or all 64 bits from the machine's order to the network's or back,
    /// and clears the rest.
    BigEndian(Register, i32),
    /// `to = *(from + offset)`.
    Load(Size, Register, Register, i16),
    /// `*(to + offset) = value`.
    Store(Size, Register, i16, Operand),
    /// `to = number`; takes two slots.
    Constant(Register, u64),
    /// `to = map`, for a call; takes two slots.
    Map(Register, BorrowedFd<'a>),
    /// `to = the address of the byte at this offset in the value of an array map's only element`;
    /// takes two slots.
    MapValue(Register, BorrowedFd<'a>, u32),
    /// Goes on elsewhere.
    Jump(i16),
    /// Goes on elsewhere if the condition holds.
    Branch(Bits, Condition, Register, Operand, i16),
    /// Calls a function of the kernel by its number in linux/bpf.h.
    Call(i32),
    /// Returns what R0 holds.
    Exit,
}

impl Instruction<'_> {
    /// Tells how many slots it takes.
    #[must_use]
    pub const fn slots(&self) -> usize {
        match self {
            Self::Constant(..) | Self::Map(..) | Self::MapValue(..) => 2,
            _ => 1,
        }
    }

    /// Encodes it; the second slot is for those that take two.
    #[must_use]
    pub fn encode(&self) -> [u64; 2] {
        let one = |slot| [slot, 0];
        match *self {
            Self::Arithmetic(bits, operation, to, by) => {
                let class = if bits == Bits::All { ALU64 } else { ALU };
                one(with_operand(class | operation as u8, to, by, 0))
            }
            Self::BigEndian(to, bits) => one(slot(ALU | REGISTER | END, to, 0, 0, bits)),
            Self::Load(size, to, from, offset) => {
                one(slot(LDX | MEMORY | size as u8, to, from as u8, offset, 0))
            }
            Self::Store(size, to, offset, Operand::Register(value)) => {
                one(slot(STX | MEMORY | size as u8, to, value as u8, offset, 0))
            }
            Self::Store(size, to, offset, Operand::Number(value)) => {
                one(slot(ST | MEMORY | size as u8, to, 0, offset, value))
            }
            Self::Constant(to, number) => wide(to, 0, number as u32, (number >> 32) as u32),
            Self::Map(to, map) => wide(to, PSEUDO_MAP, map.as_raw_fd().cast_unsigned(), 0),
            Self::MapValue(to, map, offset) => {
                wide(to, PSEUDO_MAP_VALUE, map.as_raw_fd().cast_unsigned(), offset)
            }
            Self::Jump(offset) => one(slot(JMP, Register::R0, 0, offset, 0)),
            Self::Branch(bits, condition, left, right, offset) => {
                let class = if bits == Bits::All { JMP } else { JMP32 };
                one(with_operand(class | condition as u8, left, right, offset))
            }
            Self::Call(function) => one(slot(JMP | CALL, Register::R0, 0, 0, function)),
            Self::Exit => one(slot(JMP | EXIT, Register::R0, 0, 0, 0)),
        }
    }
}

impl From<Register> for Operand {
    fn from(register: Register) -> Self {
        Self::Register(register)
    }
}

impl From<i32> for Operand {
    fn from(number: i32) -> Self {
        Self::Number(number)
    }
}

fn with_operand(code: u8, to: Register, operand: Operand, offset: i16) -> u64 {
    match operand {
        Operand::Register(from) => slot(code | REGISTER, to, from as u8, offset, 0),
        Operand::Number(number) => slot(code, to, 0, offset, number),
    }
}

fn wide(to: Register, source: u8, low: u32, high: u32) -> [u64; 2] {
    let first = slot(LD | IMMEDIATE | Size::Double as u8, to, source, 0, low.cast_signed());
    [first, slot(0, Register::R0, 0, 0, high.cast_signed())]
}

/// Packs the fields of a slot: a byte of code, the registers, each in its half byte (in the order
/// of C's bit fields), the offset, the number; all in the machine's order.
fn slot(code: u8, to: Register, from: u8, offset: i16, number: i32) -> u64 {
    let registers =
        if cfg!(target_endian = "little") { from << 4 | to as u8 } else { (to as u8) << 4 | from };
    let ([a, b], [c, d, e, f]) = (offset.to_ne_bytes(), number.to_ne_bytes());
    u64::from_ne_bytes([code, registers, a, b, c, d, e, f])
}

const LD: u8 = 0x00;
const LDX: u8 = 0x01;
const ST: u8 = 0x02;
const STX: u8 = 0x03;
const ALU: u8 = 0x04;
const JMP: u8 = 0x05;
const JMP32: u8 = 0x06;
const ALU64: u8 = 0x07;

const REGISTER: u8 = 0x08;
const IMMEDIATE: u8 = 0x00;
const MEMORY: u8 = 0x60;
const CALL: u8 = 0x80;
const EXIT: u8 = 0x90;
const END: u8 = 0xd0;

const PSEUDO_MAP: u8 = 1;
const PSEUDO_MAP_VALUE: u8 = 2;

#[cfg(all(test, target_endian = "little"))]
mod tests {
    use super::{Register::*, *};

    /// Instructions, and what LLVM's assembler (llvm-mc -triple bpfel) makes of the same in its own
    /// notation.
    const TABLE: &[(Instruction<'_>, u64, u64)] = {
        use {Bits::*, Condition::*, Instruction::*, Operation::*, Size::*};
        const fn r(register: Register) -> Operand {
            Operand::Register(register)
        }
        const fn n(number: i32) -> Operand {
            Operand::Number(number)
        }
        &[
            (Arithmetic(All, Mov, R6, r(R1)), 0x0000_0000_0000_16bf, 0),
            (Arithmetic(All, Add, R1, n(-1)), 0xffff_ffff_0000_0107, 0),
            (Arithmetic(All, Mul, R2, r(R9)), 0x0000_0000_0000_922f, 0),
            (Arithmetic(Lower, Mov, R0, n(4)), 0x0000_0004_0000_00b4, 0),
            (Arithmetic(Lower, Sub, R3, r(R4)), 0x0000_0000_0000_431c, 0),
            (Arithmetic(Lower, Shr, R3, n(16)), 0x0000_0010_0000_0374, 0),
            (Arithmetic(All, Shl, R3, n(13)), 0x0000_000d_0000_0367, 0),
            (Arithmetic(All, Div, R3, n(3)), 0x0000_0003_0000_0337, 0),
            (Arithmetic(All, Mod, R3, r(R5)), 0x0000_0000_0000_539f, 0),
            (Arithmetic(All, Or, R3, r(R5)), 0x0000_0000_0000_534f, 0),
            (Arithmetic(All, And, R3, n(255)), 0x0000_00ff_0000_0357, 0),
            (Arithmetic(All, Xor, R8, r(R7)), 0x0000_0000_0000_78af, 0),
            (BigEndian(R2, 16), 0x0000_0010_0000_02dc, 0),
            (BigEndian(R2, 64), 0x0000_0040_0000_02dc, 0),
            (Load(Word, R2, R1, 4), 0x0000_0000_0004_1261, 0),
            (Load(Byte, R2, R1, -1), 0x0000_0000_ffff_1271, 0),
            (Load(Half, R2, R10, -8), 0x0000_0000_fff8_a269, 0),
            (Load(Double, R2, R1, 0), 0x0000_0000_0000_1279, 0),
            (Store(Word, R7, 30, r(R2)), 0x0000_0000_001e_2763, 0),
            (Store(Double, R10, -16, r(R2)), 0x0000_0000_fff0_2a7b, 0),
            (Store(Half, R7, 12, n(8)), 0x0000_0008_000c_076a, 0),
            (Store(Byte, R7, 12, n(69)), 0x0000_0045_000c_0772, 0),
            (Constant(R3, 0x1122_3344_5566_7788), 0x5566_7788_0000_0318, 0x1122_3344_0000_0000),
            (Jump(-3), 0x0000_0000_fffd_0005, 0),
            (Branch(All, Gt, R2, r(R8), 7), 0x0000_0000_0007_822d, 0),
            (Branch(All, Ge, R2, n(5), 7), 0x0000_0005_0007_0235, 0),
            (Branch(Lower, Lt, R2, r(R8), 7), 0x0000_0000_0007_82ae, 0),
            (Branch(Lower, Ne, R2, n(0), 7), 0x0000_0000_0007_0256, 0),
            (Branch(All, Eq, R2, n(0), 7), 0x0000_0000_0007_0215, 0),
            (Branch(All, Le, R2, n(0), 7), 0x0000_0000_0007_02b5, 0),
            (Branch(All, Set, R2, n(1), 7), 0x0000_0001_0007_0245, 0),
            (Call(23), 0x0000_0017_0000_0085, 0),
            (Exit, 0x0000_0000_0000_0095, 0),
        ]
    };

    #[test]
    fn encodings() {
        for (instruction, first, second) in TABLE {
            assert_eq!(instruction.encode(), [*first, *second], "{instruction:?}");
            assert!(*second == 0 || instruction.slots() == 2);
        }
    }

    #[test]
    fn maps_are_named_by_their_descriptors() {
        use std::os::fd::AsFd;
        let input = std::io::stdin();
        let number = u64::from(input.as_fd().as_raw_fd().cast_unsigned());
        let map = Instruction::Map(R1, input.as_fd());
        assert_eq!((map.encode(), map.slots()), ([number << 32 | 0x1118, 0], 2));
        let value = Instruction::MapValue(R2, input.as_fd(), 24);
        assert_eq!((value.encode(), value.slots()), ([number << 32 | 0x2218, 24 << 32], 2));
    }
}
