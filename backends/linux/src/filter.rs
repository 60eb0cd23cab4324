//! The filter of an interest, as Linux takes it.

use libc::sock_filter;
use tcpexposure_core::wire::packet::Start;
use tcpexposure_link::filter::Instruction;
pub use tcpexposure_link::filter::{Care, Interest};

use crate::interface::Framing;

/// Assembles the program for frames of this framing; [`Framing::Other`] is seen as
/// [`Framing::Ip`], as a cooked socket is.
///
/// `None` when it would be longer than the kernel takes (4,096 instructions).
#[must_use]
pub fn assemble(interest: &Interest, care: Care, framing: Framing) -> Option<Vec<sock_filter>> {
    let start = match framing {
        Framing::Ethernet => Start::Ethernet,
        Framing::Ip | Framing::Other => Start::Ip,
    };
    let program = interest.assemble_with(care, start, MOST)?;
    Some(program.into_iter().map(instruction).collect())
}

const fn instruction(Instruction { code, jt, jf, k }: Instruction) -> sock_filter {
    sock_filter { code, jt, jf, k }
}

/// BPF_MAXINSNS.
const MOST: usize = 4096;

/// A program that lets nothing through, for sockets that must stay deaf.
pub(crate) const NOTHING: [sock_filter; 1] = [instruction(tcpexposure_link::filter::NOTHING[0])];
