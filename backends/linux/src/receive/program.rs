//! The kernel's filter as an XDP program: what the filter lets through goes to a socket, the rest
//! goes the ordinary way.
//!
//! The program is translated from the classic one instruction by instruction, so that the two
//! cannot differ. A is R8, X is R9, the frame lies from R6 to R7; R1 stays the context.

use std::io;

use tcpexposure_link::filter::Instruction;

use crate::bpf::{
    Assembler, Condition, Label, Operand, Operation, Register, Size, context, verdict,
};

/// Translates a filter, of which no part needs scratch memory or the frame's length; `take` writes
/// what is done with a frame that it lets through.
///
/// # Errors
/// [`io::ErrorKind::Unsupported`] if the filter has an instruction that is not translated.
pub(super) fn translate<'a>(
    filter: &[Instruction],
    take: impl FnOnce(&mut Assembler<'a>),
) -> io::Result<Assembler<'a>> {
    let mut code = Assembler::new();
    let labels = filter.iter().map(|_| code.label()).collect();
    let (taken, pass) = (code.label(), code.label());
    let mut program = Program { code, labels, taken, pass };
    program.begin();
    for (index, (instruction, reached)) in filter.iter().zip(reached(filter)).enumerate() {
        // The kernel refuses what cannot be reached.
        if reached {
            program.code.place(program.labels[index]);
            program.step(index, *instruction)?;
        }
    }
    program.code.place(program.taken);
    take(&mut program.code);
    program.code.place(program.pass);
    program.code.give(verdict::PASS);
    Ok(program.code)
}

/// A program in the making.
struct Program<'a> {
    code: Assembler<'a>,
    /// Where each instruction of the filter begins.
    labels: Vec<Label>,
    taken: Label,
    pass: Label,
}

impl Program<'_> {
    fn begin(&mut self) {
        self.code.load(Size::Word, START, Register::R1, context::DATA);
        self.code.load(Size::Word, END, Register::R1, context::DATA_END);
        self.code.mov(A, 0);
        self.code.mov(X, 0);
    }

    fn step(&mut self, index: usize, instruction: Instruction) -> io::Result<()> {
        let Instruction { code, k, .. } = instruction;
        match u32::from(code) & CLASS {
            LD => self.load(code, k)?,
            LDX if u32::from(code) & MODE == IMM => self.code.constant(X, k.into()),
            ALU => self.arithmetic(code, k)?,
            JMP => self.jump(index, instruction)?,
            RET => self.code.jump(if k == 0 { self.pass } else { self.taken }),
            MISC if u32::from(code) & TXA == TXA => self.code.mov(A, X),
            MISC => self.code.mov(X, A),
            _ => return Err(io::ErrorKind::Unsupported.into()),
        }
        Ok(())
    }

    /// Loads from the frame, or ends the filter with nothing where there is none.
    fn load(&mut self, code: u16, k: u32) -> io::Result<()> {
        let code = u32::from(code);
        let (size, length) = match code & SIZE {
            BYTE => (Size::Byte, 1),
            HALF => (Size::Half, 2),
            WORD => (Size::Word, 4),
            _ => return Err(io::ErrorKind::Unsupported.into()),
        };
        let offset = i16::try_from(k).map_err(|_| io::ErrorKind::Unsupported)?;
        self.code.mov(AT, START);
        match code & MODE {
            ABSOLUTE => {}
            INDIRECT => {
                // X is never so large: this is for the kernel to see.
                self.code.mov(SCRATCH, X);
                self.code.and(SCRATCH, 0x3fff);
                self.code.add(AT, SCRATCH);
            }
            _ => return Err(io::ErrorKind::Unsupported.into()),
        }
        self.code.mov(SCRATCH, AT);
        self.code.add(SCRATCH, i32::from(offset) + length);
        self.code.branch(Condition::Gt, SCRATCH, END, self.pass);
        self.code.load(size, A, AT, offset);
        if length > 1 {
            self.code.big_endian(A, length * 8);
        }
        Ok(())
    }

    fn arithmetic(&mut self, code: u16, k: u32) -> io::Result<()> {
        let operation = match u32::from(code) & OPERATION {
            ADD => Operation::Add,
            AND => Operation::And,
            SHIFT => Operation::Shl,
            _ => return Err(io::ErrorKind::Unsupported.into()),
        };
        self.code.lower(operation, A, operand(code, k));
        Ok(())
    }

    fn jump(
        &mut self,
        index: usize,
        Instruction { code, jt, jf, k }: Instruction,
    ) -> io::Result<()> {
        let condition = match u32::from(code) & OPERATION {
            ALWAYS => {
                self.code.jump(self.labels[index + 1 + k as usize]);
                return Ok(());
            }
            EQUAL => Condition::Eq,
            GREATER => Condition::Gt,
            AT_LEAST => Condition::Ge,
            ANY_BIT => Condition::Set,
            _ => return Err(io::ErrorKind::Unsupported.into()),
        };
        let [holds, else_] = [jt, jf].map(|over| self.labels[index + 1 + usize::from(over)]);
        self.code.branch_lower(condition, A, operand(code, k), holds);
        if jf != 0 {
            self.code.jump(else_);
        }
        Ok(())
    }
}

fn operand(code: u16, k: u32) -> Operand {
    if u32::from(code) & BY_X == BY_X { X.into() } else { k.cast_signed().into() }
}

/// Tells which instructions can be reached; jumps lead forward only.
fn reached(filter: &[Instruction]) -> Vec<bool> {
    let mut reached = vec![false; filter.len()];
    let mark = |at: usize, reached: &mut Vec<bool>| {
        if let Some(place) = reached.get_mut(at) {
            *place = true;
        }
    };
    mark(0, &mut reached);
    for (index, Instruction { code, jt, jf, k }) in filter.iter().enumerate() {
        let class = u32::from(*code) & CLASS;
        if !reached[index] || class == RET {
            continue;
        }
        let always = class == JMP && u32::from(*code) & OPERATION == ALWAYS;
        let [jt, jf] = match class {
            JMP if always => [*k as usize; 2],
            JMP => [*jt, *jf].map(usize::from),
            _ => [0; 2],
        };
        mark(index + 1 + jt, &mut reached);
        mark(index + 1 + jf, &mut reached);
    }
    reached
}

const START: Register = Register::R6;
const END: Register = Register::R7;
const A: Register = Register::R8;
const X: Register = Register::R9;
const AT: Register = Register::R2;
const SCRATCH: Register = Register::R3;

// linux/bpf_common.h
const CLASS: u32 = 0x07;
const LD: u32 = 0x00;
const LDX: u32 = 0x01;
const ALU: u32 = 0x04;
const JMP: u32 = 0x05;
const RET: u32 = 0x06;
const MISC: u32 = 0x07;
const SIZE: u32 = 0x18;
const WORD: u32 = 0x00;
const HALF: u32 = 0x08;
const BYTE: u32 = 0x10;
const MODE: u32 = 0xe0;
const IMM: u32 = 0x00;
const ABSOLUTE: u32 = 0x20;
const INDIRECT: u32 = 0x40;
const OPERATION: u32 = 0xf0;
const ADD: u32 = 0x00;
const AND: u32 = 0x50;
const SHIFT: u32 = 0x60;
const ALWAYS: u32 = 0x00;
const EQUAL: u32 = 0x10;
const GREATER: u32 = 0x20;
const AT_LEAST: u32 = 0x30;
const ANY_BIT: u32 = 0x40;
const BY_X: u32 = 0x08;
const TXA: u32 = 0x80;

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use tcpexposure_core::wire::packet::Start;
    use tcpexposure_link::filter::{Care, Interest};

    use super::*;
    use crate::bpf::{Kind, Map, Program};

    /// A frame behind so many VLAN tags.
    fn frame(tags: usize, packet: &[u8]) -> Vec<u8> {
        let kind = if packet[0] >> 4 == 4 { [8, 0] } else { [0x86, 0xdd] };
        [&[2; 12][..], &[0x81, 0, 0, 5].repeat(tags), &kind, packet, &[0; 20]].concat()
    }

    /// An IPv4 packet from 192.0.2.9 with so many words of options.
    fn v4(protocol: u8, options: u8, body: &[u8]) -> Vec<u8> {
        let start = [0x45 + options, 0, 0, 80, 0, 0, 0, 0, 64, protocol, 0, 0];
        let padding = vec![1; usize::from(options) * 4];
        [&start[..], &[192, 0, 2, 9, 10, 0, 0, 1], &padding, body].concat()
    }

    /// An IPv6 packet from 2001:db8::9.
    fn v6(next: u8, body: &[u8]) -> Vec<u8> {
        let peer = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
        [&[0x60, 0, 0, 0, 0, 60, next, 64][..], &peer, &[0xfd; 16], body].concat()
    }

    fn ports(from: u16, to: u16) -> Vec<u8> {
        [from.to_be_bytes(), to.to_be_bytes(), [0; 2], [0; 2]].concat()
    }

    /// Frames, and whether those to our port 40000 or quoting it are taken.
    fn examples() -> Vec<(&'static str, Vec<u8>, bool)> {
        let (ours, other) = (ports(80, 40_000), ports(80, 40_001));
        let (sent, strange) = (ports(40_000, 80), ports(40_001, 80));
        let error = |kind: u8, quote: &[u8]| [&[kind, 0, 0, 0, 0, 0, 0, 0], quote].concat();
        let mut fragment = v4(6, 0, &ours);
        fragment[7] = 1;
        let mut arp = frame(0, &v4(6, 0, &ours));
        arp[13] = 6;
        let longest = v4(1, 10, &error(11, &v4(6, 10, &sent)));
        vec![
            ("v4", frame(0, &v4(6, 0, &ours)), true),
            ("v4 options", frame(0, &v4(6, 10, &ours)), true),
            ("v4 three tags", frame(3, &v4(6, 1, &ours)), true),
            ("v4 four tags", frame(4, &v4(6, 1, &ours)), false),
            ("v4 another port", frame(0, &v4(6, 0, &other)), false),
            ("v4 a fragment", frame(0, &fragment), false),
            ("v4 UDP", frame(0, &v4(17, 0, &ours)), false),
            ("v4 an error", frame(0, &longest), true),
            ("v4 another's error", frame(0, &v4(1, 0, &error(3, &v4(6, 0, &strange)))), false),
            ("v4 UDP's error", frame(0, &v4(1, 0, &error(3, &v4(17, 0, &sent)))), false),
            ("v4 echo", frame(0, &v4(1, 0, &error(8, &v4(6, 0, &sent)))), false),
            ("v4 cut short", frame(0, &v4(6, 0, &ours))[..36].to_vec(), false),
            ("v6", frame(0, &v6(6, &ours)), true),
            ("v6 a tag", frame(1, &v6(6, &ours)), true),
            ("v6 another port", frame(0, &v6(6, &other)), false),
            ("v6 an error", frame(0, &v6(58, &error(1, &v6(6, &sent)))), true),
            ("v6 another's error", frame(0, &v6(58, &error(1, &v6(6, &strange)))), false),
            ("v6 neighbours", frame(0, &v6(58, &error(135, &v6(6, &sent)))), false),
            ("v6 an extension", frame(0, &v6(0, &[6, 0, 0, 0, 0, 0, 0, 0])), false),
            ("ARP", arp, false),
            ("little", vec![2; 14], false),
        ]
    }

    #[test]
    fn the_kernel_runs_the_program_as_the_filter_says() {
        if let Err(said) = Map::sockets(1) {
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{said}");
            return eprintln!("skipped: no programs here: {said}");
        }
        let peers: Vec<IpAddr> = vec!["192.0.2.9".parse().unwrap(), "2001:db8::9".parse().unwrap()];
        let others: Vec<IpAddr> =
            vec!["192.0.2.8".parse().unwrap(), "2001:db8::8".parse().unwrap()];
        let near = vec![80..=90, 40_000..=40_000, 50_000..=60_000];
        for (peers, ports, from_peers) in
            [(Vec::new(), near.clone(), true), (peers, near.clone(), true), (others, near, false)]
        {
            let interest = Interest { peers, ports };
            let filter = interest.assemble_with(Care::Exact, Start::Ethernet, 4096).unwrap();
            let code = translate(&filter, |code| code.give(verdict::TX)).unwrap();
            let program = Program::load(Kind::Xdp, &code).unwrap();
            for (what, frame, taken) in examples() {
                let mut output = [0; 2048];
                let tested = program.test(&frame, 1, &mut output).unwrap();
                // Errors are let through whoever sent them.
                let expected = taken && (from_peers || what.contains("error"));
                let expected = if expected { verdict::TX } else { verdict::PASS };
                assert_eq!(tested.verdict, expected.cast_unsigned(), "{what} {interest:?}");
            }
        }
    }

    #[test]
    fn what_cannot_be_reached_is_seen() {
        let op = |code: u32, k| Instruction { code: code as u16, jt: 0, jf: 0, k };
        let filter = [op(JMP | ALWAYS, 1), op(RET, 0), op(RET, 1), op(RET, 0)];
        assert_eq!(reached(&filter), [true, false, true, false]);
        let branch = Instruction { code: (JMP | EQUAL) as u16, jt: 2, jf: 0, k: 7 };
        let filter = [branch, op(RET, 0), op(RET, 1), op(RET, 2)];
        assert_eq!(reached(&filter), [true, true, false, true]);
    }

    #[test]
    fn what_is_not_translated_is_refused() {
        // The lenient filter asks for the frame's length.
        let lenient = Interest { ports: vec![80..=80], ..Interest::default() };
        let filter = lenient.assemble(Start::Ethernet, 4096).unwrap();
        let error = translate(&filter, |code| code.give(verdict::TX)).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::Unsupported);
    }
}
