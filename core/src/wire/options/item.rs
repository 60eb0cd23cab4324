//! The walk over an option block.

use super::{View, kind};

/// The option bytes of a TCP header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options<'a> {
    bytes: &'a [u8],
}

impl<'a> Options<'a> {
    /// Takes the bytes between the fixed TCP header and the payload.
    #[inline]
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Tells the bytes.
    #[inline]
    #[must_use]
    pub const fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Walks the options.
    #[inline]
    #[must_use]
    pub const fn iter(self) -> Items<'a> {
        Items { rest: self.bytes, ended: false }
    }

    /// Gives every item to `visitor`, as [`iter`](Self::iter) would, but faster: the two layouts
    /// that nearly every segment has are told at a glance, and then no byte is looked at twice.
    #[inline(always)]
    pub fn visit(self, visitor: impl Visit<'a>) {
        drop(self.gather(visitor));
    }

    /// Gives every item to `visitor`, as [`visit`](Self::visit) does, and gives it back, so that what
    /// it gathers need have no place in memory.
    #[inline(always)]
    #[must_use]
    pub fn gather<V: Visit<'a>>(self, mut visitor: V) -> V {
        if self.bytes.is_empty() {
            return visitor;
        }
        match self.timestamps_first(&mut visitor) {
            Some([]) => visitor,
            Some(rest) => Self::new(rest).walk(visitor),
            None => self.walk(visitor),
        }
    }

    #[inline(never)] // so that the usual ways stay short
    fn walk<V: Visit<'a>>(self, mut visitor: V) -> V {
        let mut rest = self.linux_syn(&mut visitor).unwrap_or(self.bytes);
        while let Some((&first, after)) = rest.split_first() {
            if first == kind::NOP {
                visitor.item(Item::Nop);
                rest = after;
            } else if let Some((kind, data, after)) = option(rest).filter(|_| first != kind::END) {
                visitor.item(Item::Option { kind, data });
                rest = after;
            } else {
                // The end of the list, or of what can be told.
                Self::new(rest).iter().for_each(|item| visitor.item(item));
                break;
            }
        }
        visitor
    }

    /// Finds the first option of the given kind that is well-formed.
    #[must_use]
    pub fn find(self, kind: u8) -> Option<Item<'a>> {
        self.iter().find(|item| item.kind() == Some(kind))
    }

    /// Tells whether every byte is in a well-formed option or in zeroes after the end of the list.
    #[must_use]
    pub fn well_formed(self) -> bool {
        self.iter().all(|item| match item {
            Item::Malformed { .. } => false,
            Item::Trailing(bytes) => bytes.iter().all(|byte| *byte == 0),
            _ => true,
        })
    }

    /// Tells the timestamps, if there are any of the right length.
    #[must_use]
    pub fn timestamps(self) -> Option<(u32, u32)> {
        self.iter().find_map(|item| match item.view() {
            View::Timestamps { value, echo } => Some((value, echo)),
            _ => None,
        })
    }
}

impl<'a> Options<'a> {
    /// Visits `nop,nop,TS`, with which nearly every segment of an established connection begins,
    /// and gives what follows.
    #[inline(always)]
    fn timestamps_first(self, visitor: &mut impl Visit<'a>) -> Option<&'a [u8]> {
        let (start, rest) = self.bytes.split_first_chunk::<12>()?;
        let (head, data) = start.split_first_chunk()?;
        if !is(head, [kind::NOP, kind::NOP, kind::TIMESTAMPS, 10], [ALL; 4]) {
            return None;
        }
        visitor.item(Item::Nop);
        visitor.item(Item::Nop);
        visitor.item(Item::Option { kind: kind::TIMESTAMPS, data });
        Some(rest)
    }

    /// Visits `mss,sackOK,TS,nop,wscale`, with which the SYNs of Linux begin, and gives what
    /// follows.
    #[inline]
    fn linux_syn(self, visitor: &mut impl Visit<'a>) -> Option<&'a [u8]> {
        let (start, rest) = self.bytes.split_first_chunk::<20>()?;
        let (first, after) = start.split_first_chunk()?;
        let (second, after) = after.split_first_chunk()?;
        let (times, last) = after.split_first_chunk::<8>()?;
        let last = last.first_chunk()?;
        let usual = is(first, [kind::MAXIMUM_SEGMENT_SIZE, 4, 0, 0], [ALL, ALL, 0, 0])
            && is(second, [kind::SACK_PERMITTED, 2, kind::TIMESTAMPS, 10], [ALL; 4])
            && is(last, [kind::NOP, kind::WINDOW_SCALE, 3, 0], [ALL, ALL, ALL, 0]);
        let ([_, _, mss @ ..], [_, _, _, scale @ ..], true) = (first, last, usual) else {
            return None;
        };
        visitor.item(Item::Option { kind: kind::MAXIMUM_SEGMENT_SIZE, data: mss });
        visitor.item(Item::Option { kind: kind::SACK_PERMITTED, data: &[] });
        visitor.item(Item::Option { kind: kind::TIMESTAMPS, data: times });
        visitor.item(Item::Nop);
        visitor.item(Item::Option { kind: kind::WINDOW_SCALE, data: scale });
        Some(rest)
    }
}

/// Tells whether four bytes are these where the mask has ones: compared as one word.
#[inline(always)]
fn is(bytes: &[u8; 4], expected: [u8; 4], mask: [u8; 4]) -> bool {
    u32::from_ne_bytes(*bytes) & u32::from_ne_bytes(mask) == u32::from_ne_bytes(expected)
}

/// A byte that counts as a whole.
const ALL: u8 = 0xff;

/// What takes the items of [`Options::visit`]: a closure, or a type of the caller's own, whose
/// method can be inlined into each of the places that call it.
pub trait Visit<'a> {
    /// Takes the next item.
    fn item(&mut self, item: Item<'a>);
}

impl<'a, F: FnMut(Item<'a>)> Visit<'a> for F {
    #[inline]
    fn item(&mut self, item: Item<'a>) {
        self(item);
    }
}

impl<'a> IntoIterator for Options<'a> {
    type Item = Item<'a>;
    type IntoIter = Items<'a>;

    #[inline]
    fn into_iter(self) -> Items<'a> {
        self.iter()
    }
}

/// One piece of an option block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// The end of the option list, one byte.
    End,
    /// No operation, one byte.
    Nop,
    /// Kind, length (that of `data` and 2) and data, of any kind whatever.
    Option {
        /// The kind, neither 0 nor 1 when it was read.
        kind: u8,
        /// What follows the length byte.
        data: &'a [u8],
    },
    /// An option whose length byte is missing, below 2, or beyond the end of the block. What it
    /// holds cannot be told, nor can what follows it; this is always the last item.
    Malformed {
        /// All bytes from the kind on.
        rest: &'a [u8],
    },
    /// The bytes after the end of the option list, which should be zeroes (RFC 9293, section 3.1).
    Trailing(&'a [u8]),
}

impl<'a> Item<'a> {
    /// Tells the kind; `None` for trailing bytes and for an option that is malformed.
    #[inline]
    #[must_use]
    pub const fn kind(&self) -> Option<u8> {
        match *self {
            Self::End => Some(kind::END),
            Self::Nop => Some(kind::NOP),
            Self::Option { kind, .. } => Some(kind),
            Self::Malformed { .. } | Self::Trailing(_) => None,
        }
    }

    /// Reads the option by the rules of its kind.
    #[inline]
    #[must_use]
    pub fn view(&self) -> View<'a> {
        View::of(*self)
    }
}

/// An iterator over the items of an option block.
#[derive(Clone, Copy, Debug)]
pub struct Items<'a> {
    rest: &'a [u8],
    ended: bool,
}

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        let (&first, after) = self.rest.split_first()?;
        if self.ended {
            return Some(Item::Trailing(core::mem::take(&mut self.rest)));
        }
        if first <= kind::NOP {
            self.rest = after;
            self.ended = first == kind::END;
            return Some(if self.ended { Item::End } else { Item::Nop });
        }
        let Some((kind, data, rest)) = option(self.rest) else {
            return Some(Item::Malformed { rest: core::mem::take(&mut self.rest) });
        };
        self.rest = rest;
        Some(Item::Option { kind, data })
    }
}

impl core::iter::FusedIterator for Items<'_> {}

/// Cuts off an option with a length byte: its kind, its data and what follows.
#[inline]
fn option(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let length = usize::from(*bytes.get(1)?);
    match bytes.split_at_checked(length)? {
        (&[kind, _, ref data @ ..], rest) => Some((kind, data, rest)),
        _ => None,
    }
}
