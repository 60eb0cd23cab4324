//! Programs for the kernel's own machine (eBPF), put together at run time: no compiler, no object
//! files.
//!
//! An [`Assembler`] takes instructions and labels, [`Program::load`] gives the result to the kernel,
//! a [`Map`] is what both sides can see of it.

mod assembler;
mod instruction;
mod program;

pub use assembler::{Assembler, Error, Label};
pub use instruction::{Bits, Condition, Instruction, Operand, Operation, Register, Size};
pub use program::{Kind, Link, Map, Mode, Program, Tested};

/// What an XDP program says of a frame: `enum xdp_action` of linux/bpf.h.
pub mod verdict {
    /// Something is wrong with the program; the frame is dropped, and a tracepoint tells.
    pub const ABORTED: i32 = 0;
    /// The frame is dropped.
    pub const DROP: i32 = 1;
    /// The frame goes the ordinary way.
    pub const PASS: i32 = 2;
    /// The frame goes out where it came in.
    pub const TX: i32 = 3;
    /// The frame goes where a call has said.
    pub const REDIRECT: i32 = 4;
}

/// Functions of the kernel, by their numbers in linux/bpf.h; see bpf-helpers(7).
pub mod helper {
    /// `ktime_get_ns()`: the monotonic clock in nanoseconds.
    pub const KTIME_GET_NS: i32 = 5;
    /// `get_current_pid_tgid()`: process (upper half) and thread that run on this CPU.
    pub const GET_CURRENT_PID_TGID: i32 = 14;
    /// `redirect(interface, flags)`: sends the frame out of another interface.
    pub const REDIRECT: i32 = 23;
    /// `xdp_adjust_tail(context, delta)`: moves the end of the frame.
    pub const XDP_ADJUST_TAIL: i32 = 65;
    /// `redirect_map(map, key, flags)`: hands the frame to an element of a map.
    pub const REDIRECT_MAP: i32 = 51;
}

/// Where things are in an XDP program's context: `struct xdp_md` of linux/bpf.h, all words.
pub mod context {
    /// The address of the frame's first byte.
    pub const DATA: i16 = 0;
    /// The address behind the frame's last byte.
    pub const DATA_END: i16 = 4;
    /// The number of the interface that the frame came in by.
    pub const INGRESS_INTERFACE: i16 = 12;
    /// The queue that the frame came in by.
    pub const RX_QUEUE: i16 = 16;
}

#[cfg(test)]
mod tests;
