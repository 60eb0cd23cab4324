//! Programs and maps in the kernel.

use std::{
    ffi::CStr,
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use super::assembler::Assembler;
use crate::sys::bpf as sys;

/// What a program is for; the number is that of `enum bpf_prog_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It judges the frames that an interface receives.
    Xdp = 6,
    /// It watches a tracepoint.
    RawTracepoint = 17,
}

/// A program that the kernel has taken; it lives as long as this or a [`Link`] of it.
#[derive(Debug)]
pub struct Program(OwnedFd);

/// A program at work; it ends when this is dropped.
#[derive(Debug)]
pub struct Link {
    _fd: OwnedFd,
}

/// How an XDP program is attached to an interface; the number is XDP_FLAGS_… of linux/if_link.h.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// As the driver can best.
    #[default]
    Any = 0,
    /// Behind the driver, after a socket buffer has been made.
    Generic = 1 << 1,
    /// In the driver.
    Native = 1 << 2,
}

/// A test run's result.
pub use sys::Tested;

/// A map: memory that programs and user space share.
#[derive(Debug)]
pub struct Map(sys::Map);

impl Program {
    /// Gives a program to the kernel.
    ///
    /// # Errors
    /// When it cannot be assembled, or the kernel refuses it; then the error holds the last lines
    /// of what its verifier says.
    pub fn load(kind: Kind, code: &Assembler<'_>) -> io::Result<Self> {
        let slots =
            code.assemble().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        match sys::program_load(kind as u32, &slots, LICENSE, &mut []) {
            Ok(fd) => Ok(Self(fd)),
            Err(said) if is_verdict(&said) => Err(explained(kind, &slots, said)),
            Err(said) => Err(said),
        }
    }

    /// Attaches an XDP program to an interface.
    ///
    /// # Errors
    /// When the kernel refuses, because there is one already, for example.
    pub fn attach(&self, interface: u32, mode: Mode) -> io::Result<Link> {
        sys::link_xdp(self.as_fd(), interface, mode as u32).map(|fd| Link { _fd: fd })
    }

    /// Attaches a raw tracepoint program to its tracepoint.
    ///
    /// # Errors
    /// When the kernel refuses, or has no such tracepoint.
    pub fn watch(&self, tracepoint: &CStr) -> io::Result<Link> {
        sys::link_tracepoint(self.as_fd(), tracepoint).map(|fd| Link { _fd: fd })
    }

    /// Runs an XDP program `repeat` times on a frame; `output` gets the frame as the last run left
    /// it.
    ///
    /// # Errors
    /// When the kernel refuses; ENOSPC when `output` is too short.
    pub fn test(&self, frame: &[u8], repeat: u32, output: &mut [u8]) -> io::Result<Tested> {
        let test = sys::Test { frame, repeat, ..sys::Test::default() };
        sys::test_run(self.as_fd(), &test, output)
    }

    /// Runs a raw tracepoint program once, in the thread that calls, with the arguments given.
    ///
    /// # Errors
    /// When the kernel refuses, because the program looks at more arguments, for example.
    pub fn test_context(&self, arguments: &[u8]) -> io::Result<Tested> {
        let test = sys::Test { context: arguments, ..sys::Test::default() };
        sys::test_run(self.as_fd(), &test, &mut [])
    }

    /// Runs an XDP program on `count` copies of a frame, and does with each, `batch` (at most 256)
    /// at a time, what the program says. A frame may come back as an earlier run has left it.
    ///
    /// # Errors
    /// When the kernel refuses; EINTR when a signal has ended it early.
    pub fn send(&self, frame: &[u8], count: u32, batch: u32) -> io::Result<()> {
        let flags = sys::LIVE_FRAMES;
        let test = sys::Test { frame, repeat: count, batch, flags, ..sys::Test::default() };
        sys::test_run(self.as_fd(), &test, &mut []).map(drop)
    }
}

impl AsFd for Program {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Map {
    /// Makes an array of one element of so many bytes, all zero, which a program can address
    /// directly.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn block(size: usize) -> io::Result<Self> {
        let size = u32::try_from(size).map_err(|_| io::ErrorKind::InvalidInput)?;
        sys::map_create(ARRAY, 4, size, 1).map(Self)
    }

    /// Makes a map of so many AF_XDP sockets, by queue.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn sockets(queues: u32) -> io::Result<Self> {
        sys::map_create(SOCKETS, 4, 4, queues).map(Self)
    }

    /// Writes the element of a key.
    ///
    /// # Errors
    /// When the kernel refuses, or the value is not as long as the map's are.
    pub fn set(&self, key: u32, value: &[u8]) -> io::Result<()> {
        sys::map_update(&self.0, &key.to_ne_bytes(), value)
    }

    /// Reads the element of a key.
    ///
    /// # Errors
    /// When there is none, or `value` is not as long as the map's are.
    pub fn read(&self, key: u32, value: &mut [u8]) -> io::Result<()> {
        sys::map_lookup(&self.0, &key.to_ne_bytes(), value)
    }

    /// Reads a [block](Self::block) of 64-bit numbers in the machine's order.
    ///
    /// # Errors
    /// When the block is not as long.
    pub fn numbers<const N: usize>(&self) -> io::Result<[u64; N]> {
        let mut bytes = [0; 8 * 16];
        let bytes = bytes.get_mut(..8 * N).ok_or(io::ErrorKind::InvalidInput)?;
        self.read(0, bytes)?;
        let mut numbers = [0; N];
        for (number, bytes) in numbers.iter_mut().zip(bytes.as_chunks().0) {
            *number = u64::from_ne_bytes(*bytes);
        }
        Ok(numbers)
    }

    /// Writes a [block](Self::block) of 64-bit numbers in the machine's order.
    ///
    /// # Errors
    /// When the block is not as long.
    pub fn set_numbers(&self, numbers: &[u64]) -> io::Result<()> {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_ne_bytes()).collect();
        self.set(0, &bytes)
    }
}

impl AsFd for Map {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Tells whether it may be the verifier that speaks; it gives EACCES for what is not safe, and
/// EPERM is about privileges.
fn is_verdict(said: &io::Error) -> bool {
    matches!(said.raw_os_error(), Some(libc::EACCES | libc::EINVAL | libc::E2BIG))
}

/// Has a program judged again to hear why it is refused.
fn explained(kind: Kind, slots: &[u64], said: io::Error) -> io::Error {
    let mut log = vec![0; 1 << 24];
    let _refused_again = sys::program_load(kind as u32, slots, LICENSE, &mut log);
    let end = log.iter().position(|byte| *byte == 0).unwrap_or(log.len());
    let text = String::from_utf8_lossy(&log[..end]);
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("processed ")).collect();
    let last = &lines[lines.len().saturating_sub(3)..];
    if last.is_empty() { said } else { io::Error::other(format!("{said}: {}", last.join("; "))) }
}

/// Nothing here calls a function that asks for the GPL.
const LICENSE: &CStr = c"MIT";

const ARRAY: u32 = 2;
const SOCKETS: u32 = 17;
