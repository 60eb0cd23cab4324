//! What the readers tell of a frame, in one shape.

use std::panic::{self, AssertUnwindSafe};

mod etherparse;
mod ours;
mod pnet;
mod reference;
mod smoltcp;

/// The fields of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) ports: (u16, u16),
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    /// The eight flags that every reader knows.
    pub(crate) flags: u8,
    pub(crate) window: u16,
    /// The options but for padding, each with its kind, length byte and data.
    pub(crate) options: Vec<Vec<u8>>,
    /// Whether something is said to be wrong with the options or the data offset.
    pub(crate) fault: bool,
    /// The length of the payload that is there.
    pub(crate) payload: usize,
}

/// A reader: its name, and what it tells of an Ethernet frame, if anything.
pub(crate) type Reader = (&'static str, fn(&[u8], usize) -> Option<Reading>);

/// Ours first.
pub(crate) const READERS: [Reader; 5] = [
    ("tcpexposure", ours::read),
    ("etherparse SlicedPacket", etherparse::read),
    ("etherparse LaxSlicedPacket", etherparse::read_lax),
    ("smoltcp", smoltcp::read),
    ("pnet_packet", pnet::read),
];

/// How a reading differs from what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Difference {
    None,
    /// There is a segment, and nothing is told of it.
    Refuses,
    /// There is none, and one is told of.
    Imagines,
    /// A fixed field differs.
    Fields,
    /// Options are missing.
    Loses,
    /// Options are there that are not, or others.
    Invents,
    /// Something is wrong, and it is not said.
    Silent,
    /// The payload is longer or shorter.
    Payload,
    Panics,
}

impl Difference {
    /// All but [`Difference::None`].
    pub(crate) const ALL: [Self; 8] = [
        Self::Refuses,
        Self::Imagines,
        Self::Fields,
        Self::Loses,
        Self::Invents,
        Self::Silent,
        Self::Payload,
        Self::Panics,
    ];

    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::None => "right",
            Self::Refuses => "refuses",
            Self::Imagines => "reads what is none",
            Self::Fields => "misreads fields",
            Self::Loses => "loses options",
            Self::Invents => "invents options",
            Self::Silent => "tells no fault",
            Self::Payload => "wrong payload",
            Self::Panics => "panics",
        }
    }
}

/// Reads a frame as it is.
pub(crate) fn reference(frame: &[u8]) -> Option<Reading> {
    reference::read(frame)
}

/// Asks a reader, and compares.
pub(crate) fn ask(reader: Reader, frame: &[u8], wire_len: usize) -> Difference {
    let found = panic::catch_unwind(AssertUnwindSafe(|| reader.1(frame, wire_len)));
    match (found, reference(frame)) {
        (Err(_), _) => Difference::Panics,
        (Ok(None), None) => Difference::None,
        (Ok(None), Some(_)) => Difference::Refuses,
        (Ok(Some(_)), None) => Difference::Imagines,
        (Ok(Some(found)), Some(wanted)) => compare(&found, &wanted),
    }
}

fn compare(found: &Reading, wanted: &Reading) -> Difference {
    let fields = |it: &Reading| (it.ports, it.seq, it.ack, it.flags, it.window);
    let missing = wanted.options.iter().any(|option| !found.options.contains(option));
    let invented = found.options.iter().any(|option| !wanted.options.contains(option));
    if fields(found) != fields(wanted) {
        Difference::Fields
    } else if invented {
        Difference::Invents
    } else if missing || found.options.len() < wanted.options.len() {
        Difference::Loses
    } else if found.options != wanted.options {
        Difference::Invents
    } else if wanted.fault && !found.fault {
        Difference::Silent
    } else if found.payload != wanted.payload {
        Difference::Payload
    } else {
        Difference::None
    }
}

/// Makes the bytes of a SACK option.
fn sack(blocks: impl Iterator<Item = (u32, u32)>) -> Vec<u8> {
    let data: Vec<u8> =
        blocks.flat_map(|(a, b)| [a.to_be_bytes(), b.to_be_bytes()].concat()).collect();
    [&[5, u8::try_from(data.len() + 2).unwrap()], &data[..]].concat()
}
