//! Many suites through one link: packets find their suite by the target's address and port.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, VecDeque},
    net::IpAddr,
};

use tcpexposure_core::{
    engine::{Engine, Step},
    experiment::{Config, Event, Suite},
    time::Instant,
    wire::packet::{Packet, Transport},
};

/// The engine: it is done when all of its suites are. Events come with the index of their suite.
pub(super) struct Many {
    suites: Vec<Place>,
    /// The places that are free.
    free: Vec<usize>,
    by_target: HashMap<(IpAddr, u16), usize>,
    /// The places whose suites have something to do.
    ready: VecDeque<usize>,
    /// When suites want to be asked again. What differs from the place's own time is out of date.
    wakes: BinaryHeap<Reverse<(Instant, usize)>>,
    most: usize,
    started: u64,
}

/// A suite that is under way.
struct Place {
    suite: Option<Box<Suite<PARALLEL>>>,
    target: (IpAddr, u16),
    wake: Instant,
    queued: bool,
}

impl Many {
    /// Makes an engine for at most so many suites at a time.
    pub(super) fn new(most: usize) -> Self {
        Self {
            suites: Vec::new(),
            free: Vec::new(),
            by_target: HashMap::new(),
            ready: VecDeque::new(),
            wakes: BinaryHeap::new(),
            most,
            started: 0,
        }
    }

    /// Tells whether one more suite can be taken.
    pub(super) fn has_room(&self) -> bool {
        self.by_target.len() < self.most
    }

    /// Tells how many suites have been taken so far.
    pub(super) const fn started(&self) -> u64 {
        self.started
    }

    /// Takes a suite, and tells its place. There is none for a target that is being tested.
    pub(super) fn start(&mut self, config: Config) -> Option<usize> {
        let target = (config.target, config.port);
        if self.by_target.contains_key(&target) {
            return None;
        }
        let suite = Some(Box::new(Suite::new(config)));
        let place = Place { suite, target, wake: Instant::NEVER, queued: false };
        let index = match self.free.pop() {
            Some(index) => {
                self.suites[index] = place;
                index
            }
            None => {
                self.suites.push(place);
                self.suites.len() - 1
            }
        };
        self.by_target.insert(target, index);
        self.queue(index);
        self.started += 1;
        Some(index)
    }

    /// Ends all suites: connections are reset, and what is not decided stays so.
    pub(super) fn interrupt(&mut self) {
        for index in 0..self.suites.len() {
            if let Some(suite) = &mut self.suites[index].suite {
                suite.interrupt();
                self.queue(index);
            }
        }
    }

    fn queue(&mut self, index: usize) {
        if !self.suites[index].queued {
            self.suites[index].queued = true;
            self.ready.push_back(index);
        }
    }

    /// Queues the suites whose time has come, and tells when the next one's comes.
    fn wake(&mut self, now: Instant) -> Instant {
        while let Some(Reverse((at, index))) = self.wakes.peek().copied() {
            let current = self.suites[index].suite.is_some() && self.suites[index].wake == at;
            if current && at > now {
                return at;
            }
            self.wakes.pop();
            if current {
                self.suites[index].wake = Instant::NEVER;
                self.queue(index);
            }
        }
        Instant::NEVER
    }

    fn sleep(&mut self, index: usize, until: Instant) {
        let place = &mut self.suites[index];
        if place.wake != until {
            place.wake = until;
            self.wakes.push(Reverse((until, index)));
        }
    }

    fn remove(&mut self, index: usize) {
        let place = &mut self.suites[index];
        place.suite = None;
        place.wake = Instant::NEVER;
        self.by_target.remove(&place.target);
        self.free.push(index);
    }
}

impl Engine for Many {
    type Event = (usize, Event);

    fn handle(&mut self, now: Instant, packet: &Packet<'_>) {
        let Some(index) = target(packet).and_then(|target| self.by_target.get(&target)).copied()
        else {
            return;
        };
        if let Some(suite) = &mut self.suites[index].suite {
            suite.handle(now, packet);
            self.queue(index);
        }
    }

    fn poll(&mut self, now: Instant, slot: &mut [u8]) -> Step<Self::Event> {
        let next = self.wake(now);
        while let Some(index) = self.ready.front().copied() {
            let step = match &mut self.suites[index].suite {
                Some(suite) => suite.poll(now, slot),
                None => Step::Done,
            };
            match step {
                Step::Send(length) => return Step::Send(length),
                Step::Emit(event) => return Step::Emit((index, event)),
                Step::Wait(until) => self.sleep(index, until),
                Step::Done => self.remove(index),
            }
            self.suites[index].queued = false;
            self.ready.pop_front();
        }
        if self.by_target.is_empty() {
            return Step::Done;
        }
        Step::Wait(self.wake(now).min(next))
    }
}

/// Tells whose packet it is: where it comes from, or where what it quotes went.
fn target(packet: &Packet<'_>) -> Option<(IpAddr, u16)> {
    if let Transport::Icmp(message) = &packet.transport {
        let quote = message.quote()?;
        return Some((quote.addresses()?.1, quote.ports()?.1));
    }
    Some((packet.addresses()?.0, packet.ports()?.0))
}

/// How many connections each suite has open at a time.
const PARALLEL: usize = 8;
