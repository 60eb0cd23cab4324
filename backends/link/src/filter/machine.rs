//! The machine that runs a filter: BSD's bpf_filter, as every kernel has it.

use super::{
    BPF_ABS, BPF_ADD, BPF_ALU, BPF_AND, BPF_B, BPF_H, BPF_IMM, BPF_IND, BPF_JA, BPF_JEQ, BPF_JGE,
    BPF_JGT, BPF_JMP, BPF_JSET, BPF_LD, BPF_LDX, BPF_LEN, BPF_LSH, BPF_MEM, BPF_MISC, BPF_RET,
    BPF_STX, BPF_TAX, BPF_TXA, BPF_W, BPF_X, Instruction,
};

/// Runs a program over a frame, and tells how many bytes of it pass: 0 if the program lets it not
/// through, looks beyond its end, or uses what [`Interest::assemble`](super::Interest::assemble)
/// does not.
#[must_use]
pub fn run(program: &[Instruction], frame: &[u8]) -> u32 {
    let mut machine = Machine { frame, a: 0, x: 0, memory: [0; WORDS], next: 0 };
    // Jumps lead forward only, so that no instruction is run twice.
    for _ in program {
        match machine.step(program) {
            Some(Step::On) => {}
            Some(Step::Return(length)) => return length,
            None => return 0,
        }
    }
    0
}

struct Machine<'a> {
    frame: &'a [u8],
    a: u32,
    x: u32,
    memory: [u32; WORDS],
    next: usize,
}

enum Step {
    On,
    Return(u32),
}

impl Machine<'_> {
    fn step(&mut self, program: &[Instruction]) -> Option<Step> {
        let instruction = program.get(self.next)?;
        let (code, k) = (u32::from(instruction.code), instruction.k);
        self.next += 1;
        match code & 7 {
            BPF_LD => self.a = self.load(code, k)?,
            BPF_LDX if code & MODE == BPF_IMM => self.x = k,
            BPF_LDX if code & MODE == BPF_MEM => self.x = *self.memory.get(k as usize)?,
            BPF_STX => *self.memory.get_mut(k as usize)? = self.x,
            BPF_ALU => self.a = self.compute(code, k)?,
            BPF_JMP => self.next += self.distance(code, instruction)?,
            BPF_RET => return Some(Step::Return(k)),
            BPF_MISC if code & MISC == BPF_TAX => self.x = self.a,
            BPF_MISC if code & MISC == BPF_TXA => self.a = self.x,
            _ => return None,
        }
        Some(Step::On)
    }

    fn load(&self, code: u32, k: u32) -> Option<u32> {
        let at = match code & MODE {
            BPF_LEN => return u32::try_from(self.frame.len()).ok(),
            BPF_ABS => k,
            BPF_IND => self.x.checked_add(k)?,
            _ => return None,
        } as usize;
        let size = match code & SIZE {
            BPF_W => 4,
            BPF_H => 2,
            BPF_B => 1,
            _ => return None,
        };
        let bytes = self.frame.get(at..at.checked_add(size)?)?;
        Some(bytes.iter().fold(0, |value, byte| value << 8 | u32::from(*byte)))
    }

    fn compute(&self, code: u32, k: u32) -> Option<u32> {
        let by = self.operand(code, k);
        Some(match code & OPERATION {
            BPF_ADD => self.a.wrapping_add(by),
            BPF_AND => self.a & by,
            BPF_LSH => self.a.checked_shl(by)?,
            _ => return None,
        })
    }

    fn distance(&self, code: u32, instruction: &Instruction) -> Option<usize> {
        let by = self.operand(code, instruction.k);
        let holds = match code & OPERATION {
            BPF_JA => return usize::try_from(instruction.k).ok(),
            BPF_JEQ => self.a == by,
            BPF_JGE => self.a >= by,
            BPF_JGT => self.a > by,
            BPF_JSET => self.a & by != 0,
            _ => return None,
        };
        Some(usize::from(if holds { instruction.jt } else { instruction.jf }))
    }

    const fn operand(&self, code: u32, k: u32) -> u32 {
        if code & BPF_X == BPF_X { self.x } else { k }
    }
}

/// BPF_MEMWORDS.
const WORDS: usize = 16;
const MODE: u32 = 0xe0;
const SIZE: u32 = 0x18;
const OPERATION: u32 = 0xf0;
const MISC: u32 = 0xf8;

#[cfg(test)]
mod tests {
    use super::*;

    fn program(instructions: &[(u16, u32)]) -> Vec<Instruction> {
        let make = |(code, k): &(u16, u32)| Instruction { code: *code, jt: 0, jf: 0, k: *k };
        instructions.iter().map(make).collect()
    }

    #[test]
    fn what_is_no_program_lets_nothing_through() {
        assert_eq!(run(&[], &[1, 2]), 0);
        let endless = program(&[(BPF_JMP as u16, u32::MAX)]);
        assert_eq!(run(&endless, &[]), 0);
        for code in [0x0050, 0x00b4, 0x0095, 0x0002, 0xffff] {
            assert_eq!(run(&program(&[(code, 20), (BPF_RET as u16, 9)]), &[0; 4]), 0, "{code:#x}");
        }
    }

    #[test]
    fn a_load_beyond_the_end_lets_nothing_through() {
        let load = |at| program(&[((BPF_LD | BPF_H | BPF_ABS) as u16, at), (BPF_RET as u16, 9)]);
        let lengths: Vec<u32> = [2, 3, u32::MAX].map(|at| run(&load(at), &[0; 4])).to_vec();
        assert_eq!(lengths, [9, 0, 0]);
    }
}
