//! What the kernel makes of our programs. Needs the right to load them.

use std::{env, io, os::fd::AsFd};

use super::{Bits, Condition::*, Operation::*, Register::*, Size::*, *};

/// Loads a program, unless that is not allowed here.
fn load(code: &Assembler<'_>) -> Option<Program> {
    allowed(Program::load(Kind::Xdp, code))
}

fn allowed<T>(result: io::Result<T>) -> Option<T> {
    match result {
        Err(said) if said.raw_os_error() == Some(libc::EPERM) => {
            assert!(env::var("CI").as_deref() != Ok("true"), "no right to load eBPF programs");
            eprintln!("skipped: no right to load eBPF programs");
            None
        }
        other => Some(other.unwrap()),
    }
}

fn run(program: &Program) -> Tested {
    program.test(&[0; 64], 1, &mut [0; 64]).unwrap()
}

/// Every operation and condition, computed by the kernel and by us.
#[test]
fn the_kernel_computes_as_we_do() {
    let (a, b) = (0x8123_4567_89ab_cdef_u64, 0x1_0000_0013_u64);
    let operations = [
        (Add, a.wrapping_add(b)),
        (Sub, a.wrapping_sub(b)),
        (Mul, a.wrapping_mul(b)),
        (Div, a / b),
        (Mod, a % b),
        (Or, a | b),
        (And, a & b),
        (Xor, a ^ b),
        (Shl, a << (b & 63)),
        (Shr, a >> (b & 63)),
        (Mov, b),
    ];
    let conditions = [(Gt, true), (Ge, true), (Lt, false), (Le, false), (Eq, false), (Ne, true)];
    let mut code = Assembler::new();
    let wrong = code.label();
    for (number, (operation, result)) in (1..).zip(operations) {
        code.mov(R0, number);
        code.constant(R1, a);
        code.constant(R2, b);
        if matches!(operation, Shl | Shr) {
            code.and(R2, 63);
        }
        code.all(operation, R1, R2);
        code.constant(R3, result);
        code.branch(Ne, R1, R3, wrong);
    }
    for (number, (condition, holds)) in (21..).zip(conditions) {
        let right = code.label();
        code.mov(R0, number);
        code.constant(R1, a);
        code.constant(R2, b);
        code.branch(condition, R1, R2, if holds { right } else { wrong });
        code.jump(if holds { wrong } else { right });
        code.place(right);
    }
    code.mov(R0, 31);
    code.lower(Mov, R1, R1);
    code.big_endian(R1, 32);
    code.constant(R2, u64::from((a as u32).swap_bytes()));
    code.branch(Ne, R1, R2, wrong);
    code.mov(R0, 32);
    code.mov(R1, -1);
    code.branch_lower(Gt, R2, R1, wrong);
    code.push(Instruction::Arithmetic(Bits::Lower, Add, R1, 1.into()));
    code.branch(Ne, R1, 0, wrong);
    code.mov(R0, 0);
    code.place(wrong);
    code.exit();
    if let Some(program) = load(&code) {
        assert_eq!(run(&program).verdict, 0, "the number of the step that went wrong");
    }
}

#[test]
fn frames_and_maps_are_read_and_written() {
    let Some(map) = allowed(Map::block(24)) else { return };
    map.set_numbers(&[7, 0x0102_0304_0506_0708, 0]).unwrap();
    let mut code = Assembler::new();
    let short = code.label();
    code.load(Word, R2, R1, context::DATA);
    code.load(Word, R3, R1, context::DATA_END);
    code.mov(R4, R2);
    code.add(R4, 60);
    code.branch(Gt, R4, R3, short);
    code.map_value(R5, map.as_fd(), 8);
    code.load(Double, R6, R5, 0);
    code.big_endian(R6, 64);
    code.store(Double, R2, 50, R6);
    code.store(Half, R2, 0, 0x1234);
    code.store(Byte, R2, 2, 0x56);
    code.load(Double, R7, R5, -8);
    code.add(R7, 1);
    code.store(Double, R5, 8, R7);
    code.place(short);
    code.give(verdict::PASS);
    let Some(program) = load(&code) else { return };
    let mut frame = [0xee; 60];
    let tested = program.test(&[0xaa; 60], 3, &mut frame).unwrap();
    assert_eq!((tested.verdict, tested.length), (verdict::PASS.cast_unsigned(), 60));
    assert_eq!(frame[..2], 0x1234_u16.to_ne_bytes());
    assert_eq!(frame[2..4], [0x56, 0xaa]);
    assert_eq!(frame[49..59], [0xaa, 1, 2, 3, 4, 5, 6, 7, 8, 0xaa]);
    assert_eq!(map.numbers().unwrap(), [7, 0x0102_0304_0506_0708, 8]);
}

#[test]
fn what_the_verifier_says_is_told() {
    let mut code = Assembler::new();
    code.load(Word, R2, R1, context::DATA);
    code.load(Byte, R0, R2, 100);
    code.exit();
    match Program::load(Kind::Xdp, &code) {
        Err(said) if said.raw_os_error() == Some(libc::EPERM) => {
            assert!(env::var("CI").as_deref() != Ok("true"), "no right to load eBPF programs");
        }
        result => {
            let said = result.unwrap_err().to_string();
            assert!(said.contains("invalid access to packet"), "{said}");
        }
    }
}

#[test]
fn sizes_are_checked_before_the_kernel_sees_them() {
    let Some(map) = allowed(Map::block(16)) else { return };
    assert_eq!(map.set(0, &[0; 8]).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    assert_eq!(map.read(0, &mut [0; 17]).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    assert!(map.numbers::<3>().is_err() && map.numbers::<17>().is_err());
    assert!(map.set(1, &[0; 16]).is_err(), "there is one element only");
}
