//! Boxes that cut segments up, or merge them.

use std::{borrow::Cow, time::Duration};

use tcpexposure_core::{time::Instant, wire::tcp::Flags};

use super::segment::{Fate, Out, Policy, Segment, When};
use crate::Direction;

/// Which of the new segments has the options of the old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Every one.
    All,
    /// The first; when segments are merged, the first one's options are kept.
    First,
    /// None.
    None,
}

/// Cuts data into segments of at most `most` bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Split {
    when: When,
    most: usize,
    keep: Keep,
}

impl Split {
    pub(crate) const fn new(when: When, most: usize, keep: Keep) -> Self {
        Self { when, most, keep }
    }
}

impl Policy for Split {
    fn judge(&mut self, out: &mut Out<'_>, segment: &mut Segment<'_>) -> Fate {
        let long = segment.payload.len() > self.most;
        if !self.when.holds(out.visit.direction, segment) || !long {
            return Fate::Pass;
        }
        let mut seq = segment.head.seq;
        let mut chunks = segment.payload.chunks(self.most).enumerate().peekable();
        while let Some((index, chunk)) = chunks.next() {
            let mut part = Segment { payload: Cow::Borrowed(chunk), ..segment.clone() };
            part.head.seq = seq;
            if chunks.peek().is_some() {
                part.head.flags = part.head.flags.without(Flags::FIN.with(Flags::PSH));
            }
            if self.keep == Keep::None || self.keep == Keep::First && index > 0 {
                part.options = Cow::Borrowed(&[]);
            }
            seq = seq.add(part.length());
            out.on(&part);
        }
        Fate::Drop
    }
}

/// Merges segments that arrive at the same time, as receive offload does.
#[derive(Debug)]
pub(crate) struct Burst {
    direction: Direction,
    most: usize,
    keep: Keep,
    held: Vec<Vec<u8>>,
    wake: Option<Instant>,
}

impl Burst {
    pub(crate) const fn new(direction: Direction, most: usize, keep: Keep) -> Self {
        Self { direction, most, keep, held: Vec::new(), wake: None }
    }
}

impl Policy for Burst {
    fn judge(&mut self, out: &mut Out<'_>, segment: &mut Segment<'_>) -> Fate {
        if out.visit.direction != self.direction {
            return Fate::Pass;
        }
        self.wake.get_or_insert(out.visit.now.after(BURST));
        self.held.extend(segment.write());
        Fate::Drop
    }

    fn wake(&self) -> Option<Instant> {
        self.wake
    }

    fn tick(&mut self, out: &mut Out<'_>) {
        self.wake = None;
        let mut merger = Merger::new(self.most, self.keep);
        self.held.drain(..).for_each(|packet| merger.add(packet));
        merger.finish().for_each(|packet| out.packet(self.direction, packet));
    }
}

/// Merges each packet with the one before it of the same connection, where the one follows the
/// other without a gap and nothing but the payload differs.
#[derive(Debug)]
pub(crate) struct Merger {
    most: usize,
    keep: Keep,
    packets: Vec<Vec<u8>>,
}

impl Merger {
    pub(crate) const fn new(most: usize, keep: Keep) -> Self {
        Self { most, keep, packets: Vec::new() }
    }

    /// Takes the next packet.
    pub(crate) fn add(&mut self, packet: Vec<u8>) {
        let merged = Segment::read(&packet).and_then(|next| {
            let same = |(_, last): &(usize, Segment<'_>)| ports(last) == ports(&next);
            let packets = self.packets.iter().enumerate().rev();
            let mut segments =
                packets.filter_map(|(index, last)| Some((index, Segment::read(last)?)));
            let (index, last) = segments.find(same)?;
            Some((index, self.merge(&last, &next)?.write()?))
        });
        match merged {
            Some((index, merged)) => self.packets[index] = merged,
            None => self.packets.push(packet),
        }
    }

    /// Gives what has become of them.
    pub(crate) fn finish(self) -> impl Iterator<Item = Vec<u8>> {
        self.packets.into_iter()
    }

    /// Merges two segments, if they are alike.
    fn merge<'s>(&self, last: &Segment<'s>, next: &Segment<'_>) -> Option<Segment<'s>> {
        let plain = |segment: &Segment<'_>| {
            let others = segment.head.flags.without(Flags::ACK.with(Flags::PSH));
            others == Flags::NONE && segment.intact() && !segment.payload.is_empty()
        };
        let adjacent = last.end() == next.head.seq && last.head.ack == next.head.ack;
        let length = last.payload.len() + next.payload.len();
        if !plain(last) || !plain(next) || !adjacent || length > self.most {
            return None;
        }
        let mut merged = last.clone();
        merged.head.flags = last.head.flags.with(next.head.flags);
        merged.payload.to_mut().extend_from_slice(&next.payload);
        if self.keep == Keep::None {
            merged.options = Cow::Borrowed(&[]);
        }
        Some(merged)
    }
}

/// Tells the connection and the way.
fn ports(segment: &Segment<'_>) -> (u16, u16, std::net::IpAddr, std::net::IpAddr) {
    let network = &segment.head.network;
    (
        segment.head.source_port,
        segment.head.destination_port,
        network.source(),
        network.destination(),
    )
}

/// How long a burst lasts.
const BURST: Duration = Duration::from_micros(1);
