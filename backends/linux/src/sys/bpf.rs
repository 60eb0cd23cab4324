//! bpf(2): maps, programs, and what a program is attached to; one command a function.
//!
//! The layouts are those of `union bpf_attr` in linux/bpf.h, cut off behind the last field that is
//! used: the kernel takes what is missing as zero.

use std::{
    ffi::CStr,
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
    ptr,
};

use libc::c_long;

/// A map, and the sizes that make it safe to pass keys and values by reference.
#[derive(Debug)]
pub(crate) struct Map {
    fd: OwnedFd,
    key: usize,
    value: usize,
}

/// What is asked of a test run; see [`test_run`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Test<'a> {
    /// The frame that the program is given.
    pub(crate) frame: &'a [u8],
    /// The context, for programs that have no frame.
    pub(crate) context: &'a [u8],
    /// How often it runs; 0 is once.
    pub(crate) repeat: u32,
    /// How many frames go out together, with [`LIVE_FRAMES`]; 0 is the kernel's choice.
    pub(crate) batch: u32,
    /// [`LIVE_FRAMES`] or 0.
    pub(crate) flags: u32,
}

/// What a test run gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tested {
    /// What the program returned, the last time.
    pub verdict: u32,
    /// How many bytes its frame has now.
    pub length: usize,
    /// The mean time of a run, in nanoseconds.
    pub nanoseconds: u32,
}

/// In [`Test::flags`]: what the program does with a frame is done, not only told
/// (BPF_F_TEST_XDP_LIVE_FRAMES).
pub(crate) const LIVE_FRAMES: u32 = 1 << 1;

/// Makes a map: BPF_MAP_CREATE.
pub(crate) fn map_create(kind: u32, key: u32, value: u32, entries: u32) -> io::Result<Map> {
    #[repr(C)]
    struct Attributes {
        kind: u32,
        key_size: u32,
        value_size: u32,
        max_entries: u32,
    }
    let mut attributes =
        Attributes { kind, key_size: key, value_size: value, max_entries: entries };
    // SAFETY: the attributes hold no pointer.
    let fd = descriptor(unsafe { bpf(MAP_CREATE, &mut attributes) })?;
    Ok(Map { fd, key: key as usize, value: value as usize })
}

impl AsFd for Map {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Writes an element: BPF_MAP_UPDATE_ELEM.
pub(crate) fn map_update(map: &Map, key: &[u8], value: &[u8]) -> io::Result<()> {
    if key.len() != map.key || value.len() != map.value {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut attributes = Element::new(map, key.as_ptr(), value.as_ptr());
    // SAFETY: `key` and `value` lead to as many readable bytes as the map's keys and values have,
    // and outlive the call; the kernel only reads them.
    check(unsafe { bpf(MAP_UPDATE_ELEM, &mut attributes) }).map(drop)
}

/// Reads an element: BPF_MAP_LOOKUP_ELEM.
pub(crate) fn map_lookup(map: &Map, key: &[u8], value: &mut [u8]) -> io::Result<()> {
    if key.len() != map.key || value.len() != map.value {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut attributes = Element::new(map, key.as_ptr(), value.as_mut_ptr());
    // SAFETY: `key` leads to as many readable bytes as the map's keys have, `value`, borrowed
    // mutably, to as many writable ones as its values have; no map here has a value for each CPU,
    // which would take more.
    check(unsafe { bpf(MAP_LOOKUP_ELEM, &mut attributes) }).map(drop)
}

/// Gives a program to the kernel, which verifies it and tells in `log` (if that is not empty; else
/// nothing) what it finds: BPF_PROG_LOAD.
pub(crate) fn program_load(
    kind: u32,
    instructions: &[u64],
    license: &CStr,
    log: &mut [u8],
) -> io::Result<OwnedFd> {
    #[repr(C)]
    struct Attributes {
        kind: u32,
        instruction_count: u32,
        instructions: u64,
        license: u64,
        log_level: u32,
        log_size: u32,
        log: u64,
    }
    let count = u32::try_from(instructions.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let log_size = u32::try_from(log.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut attributes = Attributes {
        kind,
        instruction_count: count,
        instructions: address(instructions.as_ptr()),
        license: address(license.as_ptr()),
        log_level: u32::from(log_size > 0),
        log_size,
        log: if log_size > 0 { address(log.as_mut_ptr()) } else { 0 },
    };
    // SAFETY: `instructions` leads to `instruction_count` readable instructions of 8 bytes,
    // `license` to a string that ends in NUL, `log` is null or leads to `log_size` bytes that are
    // borrowed mutably; all outlive the call, and the kernel writes to the log only.
    descriptor(unsafe { bpf(PROG_LOAD, &mut attributes) })
}

/// Runs a program on what nobody received, and writes the last frame to `output` (which is to be
/// empty with [`LIVE_FRAMES`] and where there is no frame): BPF_PROG_TEST_RUN.
pub(crate) fn test_run(
    program: BorrowedFd<'_>,
    test: &Test<'_>,
    output: &mut [u8],
) -> io::Result<Tested> {
    #[repr(C)]
    struct Attributes {
        program: u32,
        verdict: u32,
        input_size: u32,
        output_size: u32,
        input: u64,
        output: u64,
        repeat: u32,
        duration: u32,
        context_size: u32,
        context_output_size: u32,
        context: u64,
        context_output: u64,
        flags: u32,
        cpu: u32,
        batch: u32,
        reserved: u32,
    }
    let size = |length: usize| u32::try_from(length).map_err(|_| io::ErrorKind::InvalidInput);
    let mut attributes = Attributes {
        program: number(program),
        verdict: 0,
        input_size: size(test.frame.len())?,
        output_size: size(output.len())?,
        input: some_address(test.frame),
        output: if output.is_empty() { 0 } else { address(output.as_mut_ptr()) },
        repeat: test.repeat,
        duration: 0,
        context_size: size(test.context.len())?,
        context_output_size: 0,
        context: some_address(test.context),
        context_output: 0,
        flags: test.flags,
        cpu: 0,
        batch: test.batch,
        reserved: 0,
    };
    // SAFETY: `input` and `context` are null or lead to `input_size` and `context_size` readable
    // bytes, `output` is null or leads to `output_size` writable ones, borrowed mutably; all outlive
    // the call, and the context is not written back.
    check(unsafe { bpf(PROG_TEST_RUN, &mut attributes) })?;
    let length = attributes.output_size as usize;
    Ok(Tested { verdict: attributes.verdict, length, nanoseconds: attributes.duration })
}

/// Attaches an XDP program to an interface until the link is closed: BPF_LINK_CREATE. The flags are
/// XDP_FLAGS_… of linux/if_link.h.
pub(crate) fn link_xdp(program: BorrowedFd<'_>, interface: u32, flags: u32) -> io::Result<OwnedFd> {
    #[repr(C)]
    struct Attributes {
        program: u32,
        interface: u32,
        attach_type: u32,
        flags: u32,
    }
    let program = number(program);
    let mut attributes = Attributes { program, interface, attach_type: ATTACH_XDP, flags };
    // SAFETY: the attributes hold no pointer.
    descriptor(unsafe { bpf(LINK_CREATE, &mut attributes) })
}

/// Attaches a program to a tracepoint until the link is closed: BPF_RAW_TRACEPOINT_OPEN.
pub(crate) fn link_tracepoint(program: BorrowedFd<'_>, name: &CStr) -> io::Result<OwnedFd> {
    #[repr(C)]
    struct Attributes {
        name: u64,
        program: u32,
        reserved: u32,
    }
    let program = number(program);
    let mut attributes = Attributes { name: address(name.as_ptr()), program, reserved: 0 };
    // SAFETY: `name` leads to a string that ends in NUL and outlives the call.
    descriptor(unsafe { bpf(RAW_TRACEPOINT_OPEN, &mut attributes) })
}

#[repr(C)]
struct Element {
    map: u32,
    reserved: u32,
    key: u64,
    value: u64,
    flags: u64,
}

impl Element {
    fn new(map: &Map, key: *const u8, value: *const u8) -> Self {
        let (key, value) = (address(key), address(value));
        Self { map: number(map.fd.as_fd()), reserved: 0, key, value, flags: 0 }
    }
}

/// # Safety
///
/// `attributes` must be laid out as the command's, and every pointer in it must lead to what the
/// command reads or writes there.
unsafe fn bpf<T>(command: u32, attributes: &mut T) -> c_long {
    // SAFETY: the pointer leads to `size_of::<T>()` bytes that are borrowed mutably; for what they
    // hold, the caller stands.
    unsafe { libc::syscall(libc::SYS_bpf, command, ptr::from_mut(attributes), size_of::<T>()) }
}

fn descriptor(result: c_long) -> io::Result<OwnedFd> {
    let fd = check(result)?;
    // SAFETY: the kernel has just given us this descriptor (closed on exec), nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn check(result: c_long) -> io::Result<i32> {
    i32::try_from(result).ok().filter(|result| *result >= 0).ok_or_else(io::Error::last_os_error)
}

fn address<T>(pointer: *const T) -> u64 {
    pointer.expose_provenance() as u64
}

/// The address of what is not empty.
fn some_address(bytes: &[u8]) -> u64 {
    if bytes.is_empty() { 0 } else { address(bytes.as_ptr()) }
}

fn number(fd: BorrowedFd<'_>) -> u32 {
    fd.as_raw_fd().cast_unsigned()
}

const MAP_CREATE: u32 = 0;
const MAP_LOOKUP_ELEM: u32 = 1;
const MAP_UPDATE_ELEM: u32 = 2;
const PROG_LOAD: u32 = 5;
const PROG_TEST_RUN: u32 = 10;
const RAW_TRACEPOINT_OPEN: u32 = 17;
const LINK_CREATE: u32 = 28;

const ATTACH_XDP: u32 = 37;
