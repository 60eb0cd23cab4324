//! A template taken apart, for those who write its packets by other means, such as a program in the
//! kernel: together with [`Cookies::state`](super::super::cookie::Cookies::state) this is all that
//! [`Template::patch`] goes by.

use super::{
    Template,
    field::{Base, Field, Layer},
};
use crate::expression::Generator;

/// What a template is made of beside its [bytes](Template::bytes) and its
/// [choice](Template::choice).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Where the TCP header begins in the packet.
    pub tcp: usize,
    /// The sum of what stays of an IPv4 header; `None` where its checksum stays too.
    pub ip_sum: Option<Sum>,
    /// The sum of what stays of the segment and its pseudo-header; `None` where the checksum stays.
    pub tcp_sum: Option<Sum>,
    /// Whether the destination address does not count in the segment's sum.
    pub routed: bool,
    /// Whether the sequence number is the cookie.
    pub seq_is_cookie: bool,
    /// What random values are made from.
    pub random_secret: u64,
    /// How many low bits of a time stamp hold the variant.
    pub stamp_bits: u32,
}

/// The one's complement sum of what stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sum {
    /// The sum, folded.
    pub sum: u16,
    /// Whether the checksum is the sum of everything and not its complement, which is wrong.
    pub bad: bool,
}

/// A generated value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patch {
    /// How it is made.
    pub generator: Generator,
    /// Where it goes.
    pub spot: Spot,
    /// Whether it is a time stamp option's value, which also tells the variant if it tells the time.
    pub timestamp: bool,
    /// Tells the random values of one packet apart.
    pub lane: u64,
}

/// Where a value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spot {
    /// The value's low bytes go to the IP header: where in it, and how many. They count in its sum.
    Network(usize, usize),
    /// The value's low bytes go to the segment: where in it, and how many. They count in its sum.
    Segment(usize, usize),
    /// The value goes to the first word of the IP header, shifted and masked, and counts nowhere.
    Word(u32, u32),
}

impl Template<'_> {
    /// Takes the template apart.
    #[must_use]
    pub fn layout(&self) -> Layout {
        let [_, random_secret] = self.secrets;
        let sum = |base: &Base| Sum { sum: base.sum, bad: base.bad };
        Layout {
            tcp: self.tcp,
            ip_sum: self.ip_base.as_ref().map(sum),
            tcp_sum: self.tcp_base.as_ref().map(sum),
            routed: self.routed,
            seq_is_cookie: self.seq_is_cookie,
            random_secret,
            stamp_bits: self.choice.bits(),
        }
    }

    /// Tells the generated values in the order in which they are written, but for a sequence number
    /// that is the cookie.
    pub fn patches(&self) -> impl Iterator<Item = Patch> {
        self.fields.iter().map(Patch::of)
    }
}

impl Patch {
    const fn of(field: &Field) -> Self {
        let spot = match field.layer {
            Layer::Ip => Spot::Network(field.offset, field.width),
            Layer::Tcp => Spot::Segment(field.offset, field.width),
            Layer::Word(shift, mask) => Spot::Word(shift, mask),
        };
        let Field { generator, timestamp, lane, .. } = *field;
        Self { generator, spot, timestamp, lane }
    }
}
