//! What became of redirected frames: two programs at the kernel's tracepoints count them.
//!
//! The driver takes frames in bulk, after the generator has returned, and tells nobody but the
//! tracepoint `xdp_devmap_xmit` how many; a frame that does not get that far is told by
//! `xdp_redirect_err`. Both count what happens in the thread that sends; should an XDP program of
//! somebody else redirect in the same moment on the same thread, that counts, too.

use std::{
    io,
    os::fd::AsFd,
    thread::{self, ThreadId},
};

use crate::bpf::{
    Assembler,
    Condition::{Eq, Ne},
    Kind, Link, Map,
    Operation::Mov,
    Program,
    Register::{self, *},
    Size::{Double, Word},
    helper::GET_CURRENT_PID_TGID,
};

/// The counting programs.
pub(super) struct Watch {
    counters: Map,
    introduction: Program,
    _links: [Link; 2],
    thread: Option<ThreadId>,
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Frames that the driver took.
    pub(super) sent: u64,
    /// Frames that it did not take, or that never got there.
    pub(super) refused: u64,
    /// The last error, a number of errno(3); 0 if there was room missing only.
    pub(super) error: i32,
}

impl Watch {
    /// Attaches the programs, which takes CAP_PERFMON.
    pub(super) fn new() -> io::Result<Self> {
        let counters = Map::block(8 * 4)?;
        let transmitted = Program::load(Kind::RawTracepoint, &transmitted(&counters))?;
        let failed = Program::load(Kind::RawTracepoint, &failed(&counters))?;
        let links = [transmitted.watch(c"xdp_devmap_xmit")?, failed.watch(c"xdp_redirect_err")?];
        Ok(Self { counters, introduction: transmitted, _links: links, thread: None })
    }

    /// Starts to count for the thread that calls.
    pub(super) fn start(&mut self) -> io::Result<()> {
        let thread = Some(thread::current().id());
        let [_, _, _, mut number] = self.counters.numbers()?;
        if self.thread != thread {
            // A number as the kernel knows it, whatever the namespace: the program is called
            // without an interface, which no tracepoint does.
            self.introduction.test_context(&[0; 8 * ARGUMENTS])?;
            [_, _, _, number] = self.counters.numbers()?;
            self.thread = thread;
        }
        self.counters.set_numbers(&[0, 0, 0, number])
    }

    /// Tells what has been counted since the start.
    pub(super) fn seen(&self) -> io::Result<Seen> {
        let [sent, refused, error, _] = self.counters.numbers()?;
        Ok(Seen { sent, refused, error: (error as i32).wrapping_abs() })
    }
}

/// Counts `xdp_devmap_xmit(from, to, sent, drops, error)`; called with nothing, it notes who calls.
fn transmitted(counters: &Map) -> Assembler<'_> {
    let mut code = Assembler::new();
    let (counting, done) = (code.label(), code.label());
    begin(&mut code, counters);
    code.load(Double, R1, R6, 0);
    code.branch(Ne, R1, 0, counting);
    code.store(Double, R7, THREAD, R0);
    code.place(counting);
    code.load(Double, R1, R7, THREAD);
    code.branch(Ne, R0, R1, done);
    for (argument, counter) in [(2, SENT), (3, REFUSED)] {
        code.load(Double, R1, R6, 8 * argument);
        code.lower(Mov, R1, R1);
        count(&mut code, R1, counter);
    }
    note_error(&mut code, 4);
    code.place(done);
    code.give(0);
    code
}

/// Counts `xdp_redirect_err(from, program, target, error, …)`.
fn failed(counters: &Map) -> Assembler<'_> {
    let mut code = Assembler::new();
    let done = code.label();
    begin(&mut code, counters);
    code.load(Double, R1, R7, THREAD);
    code.branch(Ne, R0, R1, done);
    code.mov(R1, 1);
    count(&mut code, R1, REFUSED);
    note_error(&mut code, 3);
    code.place(done);
    code.give(0);
    code
}

/// R6 = arguments, R7 = counters, R0 = number of the thread.
fn begin<'a>(code: &mut Assembler<'a>, counters: &'a Map) {
    code.mov(R6, R1);
    code.map_value(R7, counters.as_fd(), 0);
    code.call(GET_CURRENT_PID_TGID);
}

fn count(code: &mut Assembler<'_>, by: Register, counter: i16) {
    code.load(Double, R2, R7, counter);
    code.add(R2, by);
    code.store(Double, R7, counter, R2);
}

/// Keeps an argument that tells an error.
fn note_error(code: &mut Assembler<'_>, argument: i16) {
    let none = code.label();
    code.load(Word, R1, R6, 8 * argument);
    code.branch(Eq, R1, 0, none);
    code.store(Double, R7, ERROR, R1);
    code.place(none);
}

/// How many arguments a tracepoint has that the programs look at.
const ARGUMENTS: usize = 5;

const SENT: i16 = 0;
const REFUSED: i16 = 8;
const ERROR: i16 = 16;
const THREAD: i16 = 24;
