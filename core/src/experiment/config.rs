//! What a suite is told.

use core::net::IpAddr;

use super::{
    catalogue::{COUNT, ENTRIES, Entry},
    voice::Dialect,
};

/// A host name for HTTP mode.
pub type Host = heapless::String<253>;

/// What is measured, from where and how.
#[derive(Clone, Debug)]
pub struct Config {
    /// The address of the target.
    pub target: IpAddr,
    /// Its port.
    pub port: u16,
    /// Our own address, of the same family.
    pub source: IpAddr,
    /// Our own ports, which must be free and whose packets our kernel must not answer.
    pub ports: Ports,
    /// How the questions are put and judged.
    pub dialect: Dialect,
    /// The host name to be named in HTTP headers; `None` sends plain payload.
    pub http: Option<Host>,
    /// The entries that are wanted.
    pub entries: Selection,
    /// What answers at the target.
    pub peer: Peer,
    /// What random numbers are drawn from.
    pub seed: u64,
}

/// What answers at a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Peer {
    /// What it is shows in the answers. Verdicts are held back until it does, or until data was
    /// answered in no way that only a responder answers.
    #[default]
    Unknown,
    /// A responder, even if no answer of it comes through.
    Responder,
    /// An ordinary server: only what its answers allow is judged.
    Server,
    /// A responder that does not answer in the dialect that the questions are put in: what depends
    /// on its answers is not judged.
    Foreign(Version),
}

/// Which version of the responder answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// That of 2011, or one that answers as it did.
    Classic,
    /// Today's.
    Modern,
    /// One whose reports begin with this number.
    Later(u8),
}

/// A range of source ports. Every connection takes the next one, so that no state that a box keeps
/// of an earlier connection meets a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// The first.
    pub first: u16,
    /// How many. Fewer than [`Ports::WANTED`] are used in turn.
    pub count: u16,
}

/// A set of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selection(u64);

impl Ports {
    /// How many ports there should be: the most connections that one run can take.
    pub const WANTED: u16 = 256;
}

impl Selection {
    /// No entry.
    pub const NONE: Self = Self(0);
    /// Every entry.
    pub const ALL: Self = Self((1 << COUNT) - 1);

    /// Adds an entry.
    #[must_use]
    pub const fn with(self, entry: Entry) -> Self {
        Self(self.0 | 1 << entry.index())
    }

    /// Tells whether an entry is in it.
    #[must_use]
    pub const fn contains(self, entry: Entry) -> bool {
        self.0 & 1 << entry.index() != 0
    }

    /// Takes the first entry out, if the time for it has come.
    pub(super) fn pop_if(&mut self, now: bool) -> Option<Entry> {
        if !now {
            return None;
        }
        let row = ENTRIES.get(usize::try_from(self.0.trailing_zeros()).ok()?)?;
        self.0 &= self.0.wrapping_sub(1);
        Some(row.entry)
    }
}
