//! The link: wires, boxes and the host at the end.

use std::{cmp::Reverse, collections::BinaryHeap};

use tcpexposure_core::{
    engine::{Engine, Step},
    time::Instant,
    wire::packet::{Offload, Packet, Start},
};
use tcpexposure_link::{Cause, Error, Frame, Link};

use crate::{Direction, Middlebox, Random, Setup, Verdict, Visit, Wire, hop, icmp};

/// A simulated path with a host at its far end.
#[derive(Debug)]
pub struct Sim<H> {
    host: H,
    boxes: Vec<Box<dyn Middlebox>>,
    wires: Vec<Wire>,
    random: Random,
    now: Instant,
    /// When the host wants to be asked again.
    wake: Option<Instant>,
    flights: BinaryHeap<Reverse<Flight>>,
    launched: u64,
    /// Lent to whoever writes a packet: the engine that drives the link, or the host.
    slot: Vec<u8>,
    /// Lent to whoever drives the link: the packet that arrived last.
    arrived: Vec<u8>,
    /// Buffers that hold nothing any more.
    spare: Vec<Vec<u8>>,
    verdict: Verdict,
}

/// A packet on a wire.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Flight {
    /// When it arrives.
    at: Instant,
    /// Keeps the order of packets that arrive at the same time.
    launched: u64,
    /// The way it travels.
    direction: Direction,
    /// The wire it is on, counted from the initiator.
    wire: usize,
    bytes: Vec<u8>,
}

impl<H: Engine> Sim<H> {
    /// Makes a clean path to `host`: no delay, no loss, no boxes.
    #[must_use]
    pub fn new(host: H, seed: u64) -> Self {
        Self::through(host, Vec::new(), Wire::default(), seed)
    }

    /// Makes the path that `setup` describes.
    #[must_use]
    pub fn with(host: H, setup: Setup) -> Self {
        Self::through(host, setup.boxes, setup.wire, setup.seed)
    }

    /// Makes a path through `boxes`, the one nearest to the initiator first, with wires between
    /// them. The delay of `wire` is that of the whole path, one way, and is shared out; all else
    /// that it does, the wire next to the initiator does.
    #[must_use]
    pub fn through(host: H, boxes: Vec<Box<dyn Middlebox>>, wire: Wire, seed: u64) -> Self {
        let count = u32::try_from(boxes.len() + 1).unwrap_or(u32::MAX);
        let share = wire.delay / count;
        let mut wires = vec![Wire { delay: share, ..Wire::default() }; boxes.len() + 1];
        wires[0] = Wire { delay: wire.delay - share * (count - 1), ..wire };
        Self {
            host,
            boxes,
            wires,
            random: Random::new(seed),
            now: Instant::ZERO,
            wake: Some(Instant::ZERO),
            flights: BinaryHeap::new(),
            launched: 0,
            slot: vec![0; SLOT],
            arrived: Vec::new(),
            spare: Vec::new(),
            verdict: Verdict::default(),
        }
    }

    /// Gives the host at the far end.
    #[must_use]
    pub const fn host(&self) -> &H {
        &self.host
    }

    /// Puts the first `length` bytes of the slot on a wire.
    fn launch_slot(&mut self, direction: Direction, wire: usize, length: usize) {
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.clear();
        bytes.extend_from_slice(self.slot.get(..length).unwrap_or(&self.slot));
        self.launch(direction, wire, bytes);
    }

    /// Puts a packet on a wire, which may lose, delay or double it.
    fn launch(&mut self, direction: Direction, wire: usize, bytes: Vec<u8>) {
        let (copies, at) = self.wires[wire].carry(self.now, bytes.len(), &mut self.random);
        if copies == 2 {
            self.fly(at, direction, wire, bytes.clone());
        }
        if copies == 0 {
            self.recycle(bytes);
        } else {
            self.fly(at, direction, wire, bytes);
        }
    }

    fn fly(&mut self, at: Instant, direction: Direction, wire: usize, bytes: Vec<u8>) {
        self.launched += 1;
        let launched = self.launched;
        self.flights.push(Reverse(Flight { at, launched, direction, wire, bytes }));
    }

    /// Lets a packet arrive at the end of its wire; gives it back if that is the initiator.
    fn land(&mut self, flight: Flight) -> Option<Vec<u8>> {
        let Flight { direction, wire, bytes, .. } = flight;
        match direction {
            Direction::Inbound if wire == 0 => return Some(bytes),
            Direction::Inbound => self.pass(direction, wire - 1, bytes),
            Direction::Outbound if wire == self.boxes.len() => self.deliver(bytes),
            Direction::Outbound => self.pass(direction, wire, bytes),
        }
        None
    }

    /// Shows a packet to the box with the given index, and sends on what it makes of it.
    fn pass(&mut self, direction: Direction, index: usize, mut bytes: Vec<u8>) {
        let visit = self.visit(direction, index);
        let mut verdict = std::mem::take(&mut self.verdict);
        if self.boxes[index].takes(&bytes) || hop::count_down(&mut bytes) {
            self.boxes[index].pass(visit, bytes, &mut verdict);
        } else if let Some(error) = self.expired(visit, index, &bytes) {
            verdict.send(direction.back(), error);
        }
        self.follow(index, verdict);
    }

    /// Writes the error about a packet whose time to live is over at a box.
    fn expired(&self, visit: Visit, index: usize, bytes: &[u8]) -> Option<Vec<u8>> {
        let quoting = self.boxes[index].quoting();
        icmp::error(icmp::TIME_EXCEEDED, visit.address(bytes), bytes, quoting)
    }

    const fn visit(&self, direction: Direction, index: usize) -> Visit {
        let hop = index.to_le_bytes()[0].wrapping_add(1);
        Visit { now: self.now, direction, hop }
    }

    /// Launches what leaves a box.
    fn follow(&mut self, index: usize, mut verdict: Verdict) {
        for (direction, bytes) in verdict.packets.drain(..) {
            let wire = index + usize::from(direction == Direction::Outbound);
            self.launch(direction, wire, bytes);
        }
        self.verdict = verdict;
    }

    /// Lets a packet arrive at the host, and takes its answers.
    fn deliver(&mut self, bytes: Vec<u8>) {
        self.host.handle(self.now, &Packet::from_ip(&bytes));
        self.recycle(bytes);
        self.poll_host();
    }

    fn poll_host(&mut self) {
        self.wake = loop {
            match self.host.poll(self.now, &mut self.slot) {
                Step::Send(length) => {
                    self.launch_slot(Direction::Inbound, self.boxes.len(), length);
                }
                Step::Emit(_) => {}
                // A host that waits for the past is woken by packets only.
                Step::Wait(at) => break Some(at).filter(|at| *at > self.now),
                Step::Done => break None,
            }
        };
    }

    /// Wakes the boxes and the host whose time has come.
    fn tick(&mut self) {
        for index in 0..self.boxes.len() {
            if self.boxes[index].wake().is_some_and(|at| at <= self.now) {
                let visit = self.visit(Direction::Outbound, index);
                let mut verdict = std::mem::take(&mut self.verdict);
                self.boxes[index].tick(visit, &mut verdict);
                self.follow(index, verdict);
            }
        }
        if self.wake.is_some_and(|at| at <= self.now) {
            self.poll_host();
        }
    }

    /// Tells when something happens next.
    fn next(&self) -> Option<Instant> {
        let flight = self.flights.peek().map(|Reverse(flight)| flight.at);
        let boxes = self.boxes.iter().filter_map(|middlebox| middlebox.wake());
        let next = boxes.chain(flight).chain(self.wake).min();
        next.filter(|at| *at != Instant::NEVER)
    }

    /// Takes the packet that arrives first, if it has.
    fn due(&mut self) -> Option<Flight> {
        let Reverse(first) = self.flights.peek()?;
        let due = first.at <= self.now;
        due.then(|| self.flights.pop()).flatten().map(|Reverse(flight)| flight)
    }

    /// Keeps a buffer for the next packet.
    fn recycle(&mut self, bytes: Vec<u8>) {
        if self.spare.len() < SPARE && bytes.capacity() <= SLOT {
            self.spare.push(bytes);
        }
    }
}

impl<H: Engine> Link for Sim<H> {
    fn now(&self) -> Instant {
        self.now
    }

    fn slot(&mut self) -> Result<&mut [u8], Error> {
        Ok(&mut self.slot)
    }

    fn commit(&mut self, length: usize) -> Result<(), Error> {
        self.launch_slot(Direction::Outbound, 0, length);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn recv(&mut self, deadline: Instant) -> Result<Option<Frame<'_>>, Error> {
        while let Some(at) = self.next().filter(|at| *at <= deadline) {
            self.now = self.now.max(at);
            self.tick();
            let Some(flight) = self.due() else { continue };
            if let Some(bytes) = self.land(flight) {
                let before = std::mem::replace(&mut self.arrived, bytes);
                self.recycle(before);
                return Ok(Some(Frame {
                    time: self.now,
                    start: Start::Ip,
                    bytes: &self.arrived,
                    wire_len: self.arrived.len(),
                    offload: Offload::default(),
                }));
            }
        }
        if deadline == Instant::NEVER {
            // Nothing will ever happen again, and a caller that waits for ever would hang.
            return Err(Error {
                doing: "wait for ever on a simulated path".to_owned(),
                cause: Cause::Unsupported("nothing is on its way".to_owned()),
            });
        }
        self.now = self.now.max(deadline);
        Ok(None)
    }
}

/// The room for one packet: the most that IP can carry.
const SLOT: usize = 65535;
/// The most buffers that are kept.
const SPARE: usize = 64;
