//! Many suites through one link: packets find their suite by the target's address and port.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, VecDeque},
    net::IpAddr,
    time::Duration,
};

use tcpexposure_core::{
    engine::{Engine, Step},
    experiment::{Config, Event, Suite},
    time::Instant,
    wire::packet::{Packet, Transport},
};

/// The engine: it is done when all of its suites are, and none waits for its turn.
pub(super) struct Many<const PARALLEL: usize> {
    suites: Vec<Place<PARALLEL>>,
    /// The places that are free.
    free: Vec<usize>,
    by_target: HashMap<(IpAddr, u16), usize>,
    /// Those that have not been started.
    queue: VecDeque<(u64, Config)>,
    /// When the next of them may be.
    next_start: Instant,
    /// Whether the poll to come is for a packet, and not because there was time to ask.
    handled: bool,
    /// The places whose suites have something to do.
    ready: VecDeque<usize>,
    /// When suites want to be asked again. What differs from the place's own time is out of date.
    wakes: BinaryHeap<Reverse<(Instant, usize)>>,
    most: usize,
}

/// What happens to a suite.
pub(super) struct Note {
    /// The number that its owner gave it.
    pub(super) ticket: u64,
    pub(super) time: Instant,
    /// What it reports; nothing when it is started.
    pub(super) event: Option<Event>,
}

/// A suite that is under way.
struct Place<const PARALLEL: usize> {
    suite: Option<Box<Suite<PARALLEL>>>,
    ticket: u64,
    target: (IpAddr, u16),
    wake: Instant,
    queued: bool,
}

impl<const PARALLEL: usize> Many<PARALLEL> {
    /// Makes an engine for at most so many suites at a time.
    pub(super) fn new(most: usize) -> Self {
        Self {
            suites: Vec::new(),
            free: Vec::new(),
            by_target: HashMap::new(),
            queue: VecDeque::new(),
            next_start: Instant::ZERO,
            handled: false,
            ready: VecDeque::new(),
            wakes: BinaryHeap::new(),
            most,
        }
    }

    /// Takes a suite that is to be started as soon as there is room.
    pub(super) fn queue(&mut self, ticket: u64, config: Config) {
        self.queue.push_back((ticket, config));
    }

    /// Tells how many wait to be started.
    pub(super) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Tells whether there is nothing to do.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.by_target.is_empty()
    }

    /// Ends all suites: connections are reset, and what is not decided stays so.
    pub(super) fn interrupt(&mut self) {
        self.queue.clear();
        for index in 0..self.suites.len() {
            if let Some(suite) = &mut self.suites[index].suite {
                suite.interrupt();
                self.make_ready(index);
            }
        }
    }

    /// Forgets the suites for an address to which nothing can be sent, and tells their numbers.
    pub(super) fn forget(&mut self, target: IpAddr) -> Vec<u64> {
        let places = self.by_target.iter().filter(|((address, _), _)| *address == target);
        let places: Vec<usize> = places.map(|(_, index)| *index).collect();
        places.iter().for_each(|index| self.remove(*index));
        places.iter().map(|index| self.suites[*index].ticket).collect()
    }

    /// Starts the next suite that can be, and tells its number. A target that has several names
    /// waits while it is tested under another.
    fn start(&mut self, now: Instant) -> Option<u64> {
        let room = self.by_target.len() < self.most && now >= self.next_start && !self.handled;
        let new = |(_, config): &(u64, Config)| {
            !self.by_target.contains_key(&(config.target, config.port))
        };
        let at = self.queue.iter().position(new).filter(|_| room)?;
        let (ticket, config) = self.queue.remove(at)?;
        let target = (config.target, config.port);
        let suite = Some(Box::new(Suite::new(config)));
        let place = Place { suite, ticket, target, wake: Instant::NEVER, queued: false };
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
        self.make_ready(index);
        self.next_start = now.after(SPACING);
        Some(ticket)
    }

    fn make_ready(&mut self, index: usize) {
        if !self.suites[index].queued {
            self.suites[index].queued = true;
            self.ready.push_back(index);
        }
    }

    /// Makes the suites ready whose time has come, and tells when the next one's comes.
    fn wake(&mut self, now: Instant) -> Instant {
        while let Some(Reverse((at, index))) = self.wakes.peek().copied() {
            let current = self.suites[index].suite.is_some() && self.suites[index].wake == at;
            if current && at > now {
                return at;
            }
            self.wakes.pop();
            if current {
                self.suites[index].wake = Instant::NEVER;
                self.make_ready(index);
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

    /// Lets the suites that are ready take their next steps.
    fn turn(&mut self, now: Instant, slot: &mut [u8]) -> Option<Step<Note>> {
        while let Some(index) = self.ready.front().copied() {
            let place = &mut self.suites[index];
            let ticket = place.ticket;
            let step = match &mut place.suite {
                Some(suite) => suite.poll(now, slot),
                None => Step::Wait(Instant::NEVER), // it was forgotten
            };
            match step {
                Step::Send(length) => return Some(Step::Send(length)),
                Step::Emit(event) => {
                    return Some(Step::Emit(Note { ticket, time: now, event: Some(event) }));
                }
                Step::Wait(until) if self.suites[index].suite.is_some() => self.sleep(index, until),
                Step::Wait(_) => {}
                Step::Done => self.remove(index),
            }
            self.suites[index].queued = false;
            self.ready.pop_front();
        }
        None
    }
}

impl<const PARALLEL: usize> Engine for Many<PARALLEL> {
    type Event = Note;

    fn handle(&mut self, now: Instant, packet: &Packet<'_>) {
        self.handled = true;
        let Some(index) = target(packet).and_then(|target| self.by_target.get(&target)).copied()
        else {
            return;
        };
        if let Some(suite) = &mut self.suites[index].suite {
            suite.handle(now, packet);
            self.make_ready(index);
        }
    }

    /// A suite is started only in a poll that no packet has caused: where packets wait to be taken
    /// in, there are suites enough.
    fn poll(&mut self, now: Instant, slot: &mut [u8]) -> Step<Note> {
        self.wake(now);
        if let Some(step) = self.turn(now, slot) {
            return step;
        }
        if let Some(ticket) = self.start(now) {
            return Step::Emit(Note { ticket, time: now, event: None });
        }
        self.handled = false;
        if self.is_empty() {
            return Step::Done;
        }
        let next = self.wake(now);
        let room = !self.queue.is_empty() && self.by_target.len() < self.most;
        Step::Wait(if room { next.min(self.next_start.max(now.after(SPACING))) } else { next })
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

/// The time between the starts of two suites, so that many of them do not begin as one burst.
const SPACING: Duration = Duration::from_micros(500);
