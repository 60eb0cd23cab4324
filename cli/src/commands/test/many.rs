//! Many runs through one link: packets find their run by the target's address and port.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, VecDeque},
    net::IpAddr,
    time::Duration,
};

use tcpexposure_core::{
    engine::{Engine, Step},
    experiment::{
        Config, Suite,
        modern::{Modern, ModernConfig},
    },
    time::Instant,
    wire::packet::{Packet, Transport},
};

/// What is run against one target.
pub(super) trait Run: Engine {
    type Config;

    /// How long after one run the next may start, so that many of them do not begin as one burst.
    const SPACING: Duration;

    fn new(config: Self::Config) -> Self;
    /// Ends the run: connections are reset, and what is not decided stays so.
    fn interrupt(&mut self);
    /// Whose packets it wants.
    fn target(config: &Self::Config) -> (IpAddr, u16);
}

/// The engine: it is done when all of its runs are, and none waits for its turn.
pub(super) struct Many<R: Run> {
    runs: Vec<Place<R>>,
    /// The places that are free.
    free: Vec<usize>,
    by_target: HashMap<(IpAddr, u16), usize>,
    /// Those that have not been started.
    queue: VecDeque<(u64, R::Config)>,
    /// When the next of them may be.
    next_start: Instant,
    /// Whether the poll to come is for a packet, and not because there was time to ask.
    handled: bool,
    /// The places whose runs have something to do.
    ready: VecDeque<usize>,
    /// When runs want to be asked again. What differs from the place's own time is out of date.
    wakes: BinaryHeap<Reverse<(Instant, usize)>>,
    most: usize,
}

/// What happens to a run.
pub(super) struct Note<Event> {
    /// The number that its owner gave it.
    pub(super) ticket: u64,
    pub(super) time: Instant,
    /// What it reports; nothing when it is started.
    pub(super) event: Option<Event>,
}

/// A run that is under way.
struct Place<R> {
    run: Option<Box<R>>,
    ticket: u64,
    target: (IpAddr, u16),
    wake: Instant,
    queued: bool,
}

impl<R: Run> Many<R> {
    /// Makes an engine for at most so many runs at a time.
    pub(super) fn new(most: usize) -> Self {
        Self {
            runs: Vec::new(),
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

    /// Takes a run that is to be started as soon as there is room.
    pub(super) fn queue(&mut self, ticket: u64, config: R::Config) {
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

    /// Ends all runs: connections are reset, and what is not decided stays so.
    pub(super) fn interrupt(&mut self) {
        self.queue.clear();
        for index in 0..self.runs.len() {
            if let Some(run) = &mut self.runs[index].run {
                run.interrupt();
                self.make_ready(index);
            }
        }
    }

    /// Forgets the runs for an address to which nothing can be sent, and tells their numbers.
    pub(super) fn forget(&mut self, target: IpAddr) -> Vec<u64> {
        let places = self.by_target.iter().filter(|((address, _), _)| *address == target);
        let places: Vec<usize> = places.map(|(_, index)| *index).collect();
        places.iter().for_each(|index| self.remove(*index));
        places.iter().map(|index| self.runs[*index].ticket).collect()
    }

    /// Starts the next run that can be, and tells its number. A target that has several names
    /// waits while it is tested under another.
    fn start(&mut self, now: Instant) -> Option<u64> {
        let room = self.by_target.len() < self.most && now >= self.next_start && !self.handled;
        let new = |(_, config): &(u64, R::Config)| !self.by_target.contains_key(&R::target(config));
        let at = self.queue.iter().position(new).filter(|_| room)?;
        let (ticket, config) = self.queue.remove(at)?;
        let target = R::target(&config);
        let run = Some(Box::new(R::new(config)));
        let place = Place { run, ticket, target, wake: Instant::NEVER, queued: false };
        let index = match self.free.pop() {
            Some(index) => {
                self.runs[index] = place;
                index
            }
            None => {
                self.runs.push(place);
                self.runs.len() - 1
            }
        };
        self.by_target.insert(target, index);
        self.make_ready(index);
        self.next_start = now.after(R::SPACING);
        Some(ticket)
    }

    fn make_ready(&mut self, index: usize) {
        if !self.runs[index].queued {
            self.runs[index].queued = true;
            self.ready.push_back(index);
        }
    }

    /// Makes the runs ready whose time has come, and tells when the next one's comes.
    fn wake(&mut self, now: Instant) -> Instant {
        while let Some(Reverse((at, index))) = self.wakes.peek().copied() {
            let current = self.runs[index].run.is_some() && self.runs[index].wake == at;
            if current && at > now {
                return at;
            }
            self.wakes.pop();
            if current {
                self.runs[index].wake = Instant::NEVER;
                self.make_ready(index);
            }
        }
        Instant::NEVER
    }

    fn sleep(&mut self, index: usize, until: Instant) {
        let place = &mut self.runs[index];
        if place.wake != until {
            place.wake = until;
            self.wakes.push(Reverse((until, index)));
        }
    }

    fn remove(&mut self, index: usize) {
        let place = &mut self.runs[index];
        place.run = None;
        place.wake = Instant::NEVER;
        self.by_target.remove(&place.target);
        self.free.push(index);
    }

    /// Lets the runs that are ready take their next steps.
    fn turn(&mut self, now: Instant, slot: &mut [u8]) -> Option<Step<Note<R::Event>>> {
        while let Some(index) = self.ready.front().copied() {
            let place = &mut self.runs[index];
            let ticket = place.ticket;
            let step = match &mut place.run {
                Some(run) => run.poll(now, slot),
                None => Step::Wait(Instant::NEVER), // it was forgotten
            };
            match step {
                Step::Send(length) => return Some(Step::Send(length)),
                Step::Emit(event) => {
                    return Some(Step::Emit(Note { ticket, time: now, event: Some(event) }));
                }
                Step::Wait(until) if self.runs[index].run.is_some() => self.sleep(index, until),
                Step::Wait(_) => {}
                Step::Done => self.remove(index),
            }
            self.runs[index].queued = false;
            self.ready.pop_front();
        }
        None
    }
}

impl<R: Run> Engine for Many<R> {
    type Event = Note<R::Event>;

    fn handle(&mut self, now: Instant, packet: &Packet<'_>) {
        self.handled = true;
        let Some(index) = target(packet).and_then(|target| self.by_target.get(&target)).copied()
        else {
            return;
        };
        if let Some(run) = &mut self.runs[index].run {
            run.handle(now, packet);
            self.make_ready(index);
        }
    }

    /// A run is started only in a poll that no packet has caused: where packets wait to be taken
    /// in, there are runs enough.
    fn poll(&mut self, now: Instant, slot: &mut [u8]) -> Step<Self::Event> {
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
        Step::Wait(if room { next.min(self.next_start.max(now.after(R::SPACING))) } else { next })
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

impl<const PARALLEL: usize> Run for Suite<PARALLEL> {
    type Config = Config;

    const SPACING: Duration = Duration::from_micros(500);

    fn new(config: Config) -> Self {
        Self::new(config)
    }

    fn interrupt(&mut self) {
        self.interrupt();
    }

    fn target(config: &Config) -> (IpAddr, u16) {
        (config.target, config.port)
    }
}

impl<const PARALLEL: usize> Run for Modern<PARALLEL> {
    type Config = ModernConfig;

    const SPACING: Duration = Duration::from_micros(100);

    fn new(config: ModernConfig) -> Self {
        Self::new(config)
    }

    fn interrupt(&mut self) {
        self.interrupt();
    }

    fn target(config: &ModernConfig) -> (IpAddr, u16) {
        (config.target, config.port)
    }
}
