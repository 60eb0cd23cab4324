//! A link around a link that shows all that crosses it.

use tcpexposure_core::{
    time::Instant,
    wire::packet::{Offload, Start},
};

use crate::{Error, Frame, Link, Refusal, Statistics};

/// A link that shows every packet to a function: those sent as they are committed, from the IP
/// header on, and those received as they came.
#[derive(Debug)]
pub struct Tap<L, F> {
    link: L,
    show: F,
    /// The packet that is being made. The link's own slot need not keep it until the commit.
    slot: Vec<u8>,
    count: u64,
}

/// A packet that crosses the interface.
#[derive(Clone, Copy, Debug)]
pub struct Crossing<'a> {
    /// Its number among all packets of both directions, from 1: the one by which
    /// [engines](tcpexposure_core::engine) name it.
    pub number: u64,
    /// Which way it goes.
    pub direction: Direction,
    /// The packet itself. One that is sent begins with IP: the link layer is added behind us.
    pub frame: Frame<'a>,
}

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From us.
    Sent,
    /// To us.
    Received,
}

impl<L: Link, F: FnMut(Crossing<'_>)> Tap<L, F> {
    /// Puts a tap on `link`. `show` cannot fail: one that writes keeps its error for the end.
    pub fn new(link: L, show: F) -> Self {
        Self { link, show, slot: Vec::new(), count: 0 }
    }

    /// Takes the tap off again.
    pub fn into_inner(self) -> L {
        self.link
    }
}

impl<L: Link, F: FnMut(Crossing<'_>)> Link for Tap<L, F> {
    fn now(&self) -> Instant {
        self.link.now()
    }

    fn slot(&mut self) -> Result<&mut [u8], Error> {
        let room = self.link.slot()?.len();
        if self.slot.len() != room {
            self.slot.resize(room, 0);
        }
        Ok(&mut self.slot)
    }

    fn commit(&mut self, length: usize) -> Result<(), Error> {
        let bytes = &self.slot[..length];
        self.link.slot()?[..length].copy_from_slice(bytes);
        self.link.commit(length)?;
        self.count += 1;
        let frame = Frame {
            time: self.link.now(),
            start: Start::Ip,
            bytes,
            wire_len: length,
            offload: Offload::default(),
        };
        (self.show)(Crossing { number: self.count, direction: Direction::Sent, frame });
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.link.flush()
    }

    fn recv(&mut self, deadline: Instant) -> Result<Option<Frame<'_>>, Error> {
        let Some(frame) = self.link.recv(deadline)? else { return Ok(None) };
        self.count += 1;
        (self.show)(Crossing { number: self.count, direction: Direction::Received, frame });
        Ok(Some(frame))
    }

    fn refusal(&mut self) -> Option<Refusal> {
        self.link.refusal()
    }

    fn statistics(&mut self) -> Result<Statistics, Error> {
        self.link.statistics()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A link that gives back what it is sent, and whose slot forgets what was in it.
    #[derive(Default)]
    struct Mirror {
        slot: Vec<u8>,
        queued: Vec<Vec<u8>>,
        last: Vec<u8>,
    }

    impl Link for Mirror {
        fn now(&self) -> Instant {
            Instant::from_nanos(7)
        }

        fn slot(&mut self) -> Result<&mut [u8], Error> {
            self.slot = vec![0xee; 1500];
            Ok(&mut self.slot)
        }

        fn commit(&mut self, length: usize) -> Result<(), Error> {
            self.queued.push(self.slot[..length].to_vec());
            Ok(())
        }

        fn flush(&mut self) -> Result<(), Error> {
            Ok(())
        }

        fn recv(&mut self, _deadline: Instant) -> Result<Option<Frame<'_>>, Error> {
            let Some(bytes) = self.queued.pop() else { return Ok(None) };
            self.last = bytes;
            let (start, bytes) = (Start::Ethernet, self.last.as_slice());
            let (time, offload) = (Instant::from_nanos(9), Offload::default());
            Ok(Some(Frame { time, start, bytes, wire_len: bytes.len(), offload }))
        }
    }

    #[test]
    fn both_directions_are_numbered_in_one_count() {
        let mut seen = Vec::new();
        let mut tap = Tap::new(Mirror::default(), |crossing: Crossing<'_>| {
            let frame = crossing.frame;
            seen.push((crossing.number, crossing.direction, frame.start, frame.bytes.to_vec()));
        });
        for packet in [b"one".as_slice(), b"three"] {
            tap.slot().unwrap()[..packet.len()].copy_from_slice(packet);
            tap.commit(packet.len()).unwrap();
            tap.flush().unwrap();
            assert_eq!(tap.recv(Instant::NEVER).unwrap().unwrap().bytes, packet);
        }
        assert!(tap.recv(Instant::NEVER).unwrap().is_none());
        assert!(tap.into_inner().queued.is_empty());
        let (sent, received) = (Direction::Sent, Direction::Received);
        let wanted = [
            (1, sent, Start::Ip, b"one".to_vec()),
            (2, received, Start::Ethernet, b"one".to_vec()),
            (3, sent, Start::Ip, b"three".to_vec()),
            (4, received, Start::Ethernet, b"three".to_vec()),
        ];
        assert_eq!(seen, wanted);
    }
}
