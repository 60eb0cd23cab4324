//! Programs, written down instruction by instruction, with labels to jump to.

use std::os::fd::BorrowedFd;

use super::instruction::{Bits, Condition, Instruction, Operand, Operation, Register, Size};

/// A program in the making.
///
/// ```
/// use tcpexposure_linux::bpf::{Assembler, Condition::Gt, Register::*};
/// let mut code = Assembler::new();
/// let large = code.label();
/// code.mov(R0, 1);
/// code.branch(Gt, R1, 9, large);
/// code.mov(R0, 0);
/// code.place(large);
/// code.exit();
/// assert_eq!(code.assemble().unwrap().len(), 4);
/// ```
#[derive(Debug, Default)]
pub struct Assembler<'a> {
    steps: Vec<Step<'a>>,
    /// How many slots the steps take.
    slots: usize,
    /// Where each label is, in slots.
    labels: Vec<Option<usize>>,
}

/// A place in a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label(usize);

/// Why a program cannot be assembled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// A label is jumped to that was never placed.
    Unplaced,
    /// A jump goes over more than 32,767 slots.
    TooFar,
}

impl<'a> Assembler<'a> {
    /// Starts with no instruction.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a label that is to be [placed](Self::place).
    pub fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    /// Puts a label before the next instruction.
    pub fn place(&mut self, label: Label) {
        self.labels[label.0] = Some(self.slots);
    }

    /// Makes a label before the next instruction.
    pub fn here(&mut self) -> Label {
        let label = self.label();
        self.place(label);
        label
    }

    /// Adds any instruction that does not jump.
    pub fn push(&mut self, instruction: Instruction<'a>) {
        self.slots += instruction.slots();
        self.steps.push(Step { instruction, to: None });
    }

    /// `to = by`.
    pub fn mov(&mut self, to: Register, by: impl Into<Operand>) {
        self.all(Operation::Mov, to, by);
    }

    /// `to = to + by`.
    pub fn add(&mut self, to: Register, by: impl Into<Operand>) {
        self.all(Operation::Add, to, by);
    }

    /// `to = to & by`.
    pub fn and(&mut self, to: Register, by: impl Into<Operand>) {
        self.all(Operation::And, to, by);
    }

    /// `to = to | by`.
    pub fn or(&mut self, to: Register, by: impl Into<Operand>) {
        self.all(Operation::Or, to, by);
    }

    /// `to = to ^ by`.
    pub fn xor(&mut self, to: Register, by: impl Into<Operand>) {
        self.all(Operation::Xor, to, by);
    }

    /// `to = to << by`.
    pub fn shl(&mut self, to: Register, by: impl Into<Operand>) {
        self.all(Operation::Shl, to, by);
    }

    /// `to = to >> by`, with zeroes from above.
    pub fn shr(&mut self, to: Register, by: impl Into<Operand>) {
        self.all(Operation::Shr, to, by);
    }

    /// Any operation on all 64 bits.
    pub fn all(&mut self, operation: Operation, to: Register, by: impl Into<Operand>) {
        self.push(Instruction::Arithmetic(Bits::All, operation, to, by.into()));
    }

    /// Any operation on the lower 32 bits, which clears the upper ones.
    pub fn lower(&mut self, operation: Operation, to: Register, by: impl Into<Operand>) {
        self.push(Instruction::Arithmetic(Bits::Lower, operation, to, by.into()));
    }

    /// Changes the lower `bits` (16, 32 or 64) from the machine's order to the network's or back.
    pub fn big_endian(&mut self, to: Register, bits: i32) {
        self.push(Instruction::BigEndian(to, bits));
    }

    /// `to = number`, in one slot where its sign extension from 32 bits gives it, else in two.
    pub fn constant(&mut self, to: Register, number: u64) {
        match i32::try_from(number.cast_signed()) {
            Ok(number) => self.mov(to, number),
            Err(_) => self.push(Instruction::Constant(to, number)),
        }
    }

    /// `to = *(from + offset)`.
    pub fn load(&mut self, size: Size, to: Register, from: Register, offset: i16) {
        self.push(Instruction::Load(size, to, from, offset));
    }

    /// `*(to + offset) = value`.
    pub fn store(&mut self, size: Size, to: Register, offset: i16, value: impl Into<Operand>) {
        self.push(Instruction::Store(size, to, offset, value.into()));
    }

    /// `to = map`, as an argument of a call.
    pub fn map(&mut self, to: Register, map: BorrowedFd<'a>) {
        self.push(Instruction::Map(to, map));
    }

    /// `to` = the address of the byte at `offset` in the value of an array map's only element.
    pub fn map_value(&mut self, to: Register, map: BorrowedFd<'a>, offset: u32) {
        self.push(Instruction::MapValue(to, map, offset));
    }

    /// Calls a function of the kernel; the numbers are in [`helper`](super::helper).
    pub fn call(&mut self, function: i32) {
        self.push(Instruction::Call(function));
    }

    /// Returns what R0 holds.
    pub fn exit(&mut self) {
        self.push(Instruction::Exit);
    }

    /// Returns a number.
    pub fn give(&mut self, number: i32) {
        self.mov(Register::R0, number);
        self.exit();
    }

    /// Goes on at a label.
    pub fn jump(&mut self, to: Label) {
        self.push_jump(Instruction::Jump(0), to);
    }

    /// Goes on at a label if the condition holds of all 64 bits.
    pub fn branch(
        &mut self,
        condition: Condition,
        left: Register,
        right: impl Into<Operand>,
        to: Label,
    ) {
        let right = right.into();
        self.push_jump(Instruction::Branch(Bits::All, condition, left, right, 0), to);
    }

    /// Goes on at a label if the condition holds of the lower 32 bits.
    pub fn branch_lower(
        &mut self,
        condition: Condition,
        left: Register,
        right: impl Into<Operand>,
        to: Label,
    ) {
        let right = right.into();
        self.push_jump(Instruction::Branch(Bits::Lower, condition, left, right, 0), to);
    }

    /// Encodes the program.
    ///
    /// # Errors
    /// When a jump leads nowhere or too far.
    pub fn assemble(&self) -> Result<Vec<u64>, Error> {
        let mut slots = Vec::with_capacity(self.slots);
        for step in &self.steps {
            let instruction = match step.to {
                Some(label) => step.instruction.led_by(self.distance(slots.len(), label)?),
                None => step.instruction,
            };
            slots.extend_from_slice(&instruction.encode()[..instruction.slots()]);
        }
        Ok(slots)
    }

    fn push_jump(&mut self, instruction: Instruction<'a>, to: Label) {
        self.push(instruction);
        if let Some(step) = self.steps.last_mut() {
            step.to = Some(to);
        }
    }

    /// Tells how far it is from behind the jump at slot `from` to a label.
    fn distance(&self, from: usize, label: Label) -> Result<i16, Error> {
        let to = self.labels[label.0].ok_or(Error::Unplaced)?;
        i16::try_from(to.cast_signed() - (from + 1).cast_signed()).map_err(|_| Error::TooFar)
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Unplaced => "the program jumps to a place that it does not have",
            Self::TooFar => "the program is too long for its jumps",
        })
    }
}

impl std::error::Error for Error {}

#[derive(Debug)]
struct Step<'a> {
    instruction: Instruction<'a>,
    /// Where it jumps to.
    to: Option<Label>,
}

impl Instruction<'_> {
    /// Gives a jump its distance.
    const fn led_by(self, distance: i16) -> Self {
        match self {
            Self::Jump(_) => Self::Jump(distance),
            Self::Branch(bits, condition, left, right, _) => {
                Self::Branch(bits, condition, left, right, distance)
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Condition::*, Register::*, *};

    #[test]
    fn jumps_go_forth_and_back_over_slots() {
        let mut code = Assembler::new();
        let end = code.label();
        let start = code.here();
        code.constant(R1, 1 << 40);
        code.branch(Eq, R1, R2, end);
        code.jump(start);
        code.place(end);
        code.exit();
        let slots = code.assemble().unwrap();
        let all = [
            Instruction::Constant(R1, 1 << 40).encode().to_vec(),
            vec![Instruction::Branch(Bits::All, Eq, R1, R2.into(), 1).encode()[0]],
            vec![Instruction::Jump(-4).encode()[0]],
            vec![Instruction::Exit.encode()[0]],
        ];
        assert_eq!(slots, all.concat());
    }

    #[test]
    fn constants_take_no_more_slots_than_they_must() {
        for (number, slots) in [
            (0, 1),
            (0x7fff_ffff, 1),
            (0x8000_0000, 2),
            (0xffff_ffff_8000_0000, 1),
            (0xffff_ffff_7fff_ffff, 2),
            (u64::MAX, 1),
        ] {
            let mut code = Assembler::new();
            code.constant(R1, number);
            assert_eq!(code.assemble().unwrap().len(), slots, "{number:#x}");
        }
    }

    #[test]
    fn what_cannot_be_assembled() {
        let mut code = Assembler::new();
        let nowhere = code.label();
        code.jump(nowhere);
        assert_eq!(code.assemble(), Err(Error::Unplaced));
        (0..32_768).for_each(|_| code.mov(R0, 0));
        code.place(nowhere);
        assert_eq!(code.assemble(), Err(Error::TooFar));
    }
}
