//! The fast lane: a program in the kernel makes the packets, and the kernel hands them to the driver,
//! without a system call, a socket buffer or a copy a packet.
//!
//! [`Live::open`] assembles the program from the plan of a scan: for each packet it computes what
//! [`Prober`](tcpexposure_core::scan::Prober) does, target, source port, cookie, generated fields and
//! both checksums, and redirects the frame to the interface. BPF_PROG_TEST_RUN with live frames
//! (Linux 5.18) runs it as often as [`Live::run`] is asked to. The bytes are the same as on any other
//! way, packet by packet.

use std::{io, net::IpAddr, os::fd::AsFd};

use tcpexposure_core::{
    expression::Generator,
    scan::{Plan, Position, template::Template},
};
use tcpexposure_link::{Cause, Error, Statistics};

use self::{
    frame::Frame,
    place::{Exits, Tables},
    watch::{Seen, Watch},
};
use crate::{
    bpf::{
        Assembler,
        Condition::{Le, Ne},
        Kind, Label, Map, Operation, Program,
        Register::*,
        Size::{Double, Word},
        context, helper, verdict,
    },
    error::{error, system},
    interface::{Counters, Framing, Interface},
    link::{Options, hop, macs, source},
    packet::Header,
    route::Route,
    sys,
};

mod arithmetic;
mod frame;
mod place;
#[cfg(test)]
mod tests;
mod watch;

/// A generator in the kernel.
pub struct Live {
    generator: Generation,
    watch: Option<Watch>,
    interface: Interface,
    source: IpAddr,
    description: String,
    /// What the interface had counted before.
    before: Counters,
    /// All runs together.
    total: Statistics,
    /// Whether some frame has gone.
    proven: bool,
}

/// What came of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The packet that is next.
    pub next: Position,
    /// Packets that were made and handed on.
    pub made: u64,
    /// Steps without a packet: the target is of an IP version that has no probe.
    pub skipped: u64,
    /// Packets that the driver took; `None` where the kernel does not let us count.
    pub sent: Option<u64>,
    /// Packets that it did not take, for want of room; `None` where the kernel does not let us count.
    pub refused: Option<u64>,
}

impl Live {
    /// Assembles the program of a plan, for the next hop towards `target`, by which all packets go;
    /// `options.backend`, `interest` and `reception` are without meaning here, and so are the plan's
    /// rate and all its limits but those of targets and of packets a target.
    ///
    /// # Errors
    /// [`Cause::Privilege`] without CAP_BPF and CAP_NET_ADMIN; [`Cause::NoRoute`],
    /// [`Cause::NoInterface`], [`Cause::NoNeighbour`]; [`Cause::TooLarge`];
    /// [`Cause::Unsupported`] where the kernel, the interface or the plan is not fit for this.
    pub fn open(target: IpAddr, options: &Options, plan: &Plan<'_>) -> Result<Self, Error> {
        let route = Route::look_up(target, options.interface.as_deref(), options.source)?;
        let source = source(&route)?;
        let name = &route.interface.name;
        fit(&route.interface, plan)?;
        let macs = macs(&route, options)?;
        let headers = [libc::ETH_P_IP, libc::ETH_P_IPV6].map(|kind| Header::new(macs, kind as u16));
        let generator = Generation::new(plan, &headers, route.interface.index)
            .and_then(|generator| is_live().map(|()| generator))
            .map_err(|said| system(format!("generate packets for {name} in the kernel"), said))?;
        let description = format!("eBPF live frames on {name}{}; from {source}", hop(&route, macs));
        let watch = Watch::new().ok();
        let counted = watch.as_ref().map(|_| 0);
        let total = Statistics { sent: counted, refused: counted, ..Statistics::default() };
        let interface = route.interface;
        let before = Counters::of(interface.index)?;
        let proven = false;
        Ok(Self { generator, watch, interface, source, description, before, total, proven })
    }

    /// Tells in one line what was chosen, and why.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Tells the source address to send from.
    #[must_use]
    pub const fn source(&self) -> IpAddr {
        self.source
    }

    /// Tells the interface.
    #[must_use]
    pub const fn interface(&self) -> &Interface {
        &self.interface
    }

    /// Tells the length of the longest IP packet, in bytes, for pacing by bits.
    #[must_use]
    pub fn length(&self) -> usize {
        self.generator.longest
    }

    /// Tells what became of all packets so far.
    ///
    /// # Errors
    /// When the interface has gone.
    pub fn statistics(&self) -> Result<Statistics, Error> {
        let left = Counters::of(self.interface.index)?.sent.saturating_sub(self.before.sent);
        Ok(Statistics { left: Some(left), ..self.total })
    }

    /// Sends `count` packets from `from` on, as fast as the driver takes them, but not beyond the end
    /// of the round. Fewer, when a signal comes; [`Counts::next`] is exact in any case.
    ///
    /// # Errors
    /// When the interface takes none: [`Cause::Down`], or [`Cause::Unsupported`] where its driver, or
    /// the other end of a veth, is not ready for frames that are redirected. The position is then
    /// `from`, as far as anybody has heard.
    pub fn run(&mut self, from: Position, count: u64) -> Result<Counts, Error> {
        if let Some(watch) = &mut self.watch {
            watch
                .start()
                .map_err(|said| system(format!("send on {}", self.interface.name), said))?;
        }
        let ran = self.generator.run(from, count);
        let Ran { next, made, skipped } = ran.map_err(|said| self.broke(said))?;
        let seen = self.watch.as_ref().map(Watch::seen).transpose();
        let seen = seen.map_err(|said| system(self.doing(), said))?;
        self.prove(made, seen)?;
        let (sent, refused) = (seen.map(|seen| seen.sent), seen.map(|seen| seen.refused));
        let counts = Counts { next, made, skipped, sent, refused };
        self.add(&counts);
        Ok(counts)
    }

    fn add(&mut self, counts: &Counts) {
        let sum = |all: Option<u64>, more: Option<u64>| Some(all? + more?);
        let total = &mut self.total;
        total.committed = Some(total.committed.unwrap_or(0) + counts.made);
        total.sent = sum(total.sent, counts.sent);
        total.refused = sum(total.refused, counts.refused);
    }

    /// Sees to it that the interface takes frames: it says no error, and of the first frames one at
    /// least has gone.
    fn prove(&mut self, made: u64, seen: Option<Seen>) -> Result<(), Error> {
        if let Some(seen) = seen.filter(|seen| seen.error != 0) {
            return Err(self.broke(io::Error::from_raw_os_error(seen.error)));
        }
        if self.proven || made == 0 {
            return Ok(());
        }
        self.proven = match seen {
            Some(seen) => seen.sent > 0,
            None => Counters::of(self.interface.index)?.sent > self.before.sent,
        };
        let none = io::Error::from_raw_os_error(libc::ENXIO);
        if self.proven { Ok(()) } else { Err(self.broke(none)) }
    }

    fn doing(&self) -> String {
        format!("send on {}", self.interface.name)
    }

    /// Tells what is wrong with the interface, if that is why nothing goes.
    fn broke(&self, said: io::Error) -> Error {
        let name = &self.interface.name;
        let cause = match (Interface::numbered(self.interface.index), said.raw_os_error()) {
            (Err(_), _) => Cause::NoInterface(name.clone()),
            (Ok(now), _) if !now.up || !now.carrier => Cause::Down(name.clone()),
            (Ok(_), Some(libc::ENXIO | libc::EOPNOTSUPP)) => Cause::Unsupported(format!(
                "{name} takes no redirected frames; a veth does where the interface at its other \
                 end has an XDP program of its own, a card where its driver has XDP; use \
                 another backend, or see `ip link set dev PEER xdp …`"
            )),
            (Ok(_), _) => return system(self.doing(), said),
        };
        error(self.doing(), cause)
    }
}

/// The program, and what it shares with us.
struct Generation {
    program: Program,
    control: Map,
    /// As long as the longest frame.
    frame: Vec<u8>,
    /// As long as the longest packet.
    longest: usize,
    probes: u32,
    /// How many packets a round has.
    packets: u64,
    /// What the program looks up; its maps live as long as it does, but costs nothing to keep.
    _tables: Tables,
}

/// How far a run came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ran {
    next: Position,
    made: u64,
    skipped: u64,
}

impl Generation {
    fn new(plan: &Plan<'_>, headers: &[Header; 2], interface: u32) -> io::Result<Self> {
        let tables = Tables::new(&plan.space)?;
        let control = Map::block(8 * 4)?;
        let frames = frames(plan, headers);
        let longest = frames.iter().flatten().map(|frame| frame.bytes().len()).max().unwrap_or(0);
        let code = Code { plan, control: &control, frames: &frames, longest, interface };
        let program = Program::load(Kind::Xdp, &code.assemble(&tables))?;
        let steps = plan.shard.length(plan.space.size());
        let steps = steps.min(plan.limits.targets.unwrap_or(u64::MAX));
        let probes = plan.limits.probes.max(1);
        let packets = steps.saturating_mul(probes.into());
        let frame = vec![0; longest];
        let longest = frames.iter().flatten().map(|frame| frame.template.bytes().len()).max();
        let longest = longest.unwrap_or(0);
        Ok(Self { program, control, frame, longest, probes, packets, _tables: tables })
    }

    fn run(&self, from: Position, count: u64) -> io::Result<Ran> {
        let first = self.aim(from)?;
        let last = first.saturating_add(count).min(self.packets);
        let mut next = first;
        while next < last {
            let some = u32::try_from(last - next).unwrap_or(u32::MAX).min(STRETCH);
            let sent = self.program.send(&self.frame, some, BATCH);
            let [now, ..] = self.control.numbers::<4>()?;
            match sent {
                Err(said) if said.kind() != io::ErrorKind::Interrupted => return Err(said),
                Ok(()) if now > next => next = now,
                _ => {
                    next = now;
                    break;
                }
            }
        }
        let [_, skipped, ..] = self.control.numbers::<4>()?;
        let made = next.saturating_sub(first).saturating_sub(skipped);
        Ok(Ran { next: self.position(from.round, next), made, skipped })
    }

    /// Tells the program which packet is next, and tells its number in the round.
    fn aim(&self, from: Position) -> io::Result<u64> {
        let probes = u64::from(self.probes);
        let first = from.step.saturating_mul(probes).saturating_add(from.repeat.into());
        let repeat = from.round.wrapping_mul(self.probes);
        let numbers = [first, 0, repeat.into(), sys::clock().wrapping_sub(sys::monotonic())];
        self.control.set_numbers(&numbers).map(|()| first)
    }

    fn position(&self, round: u32, packet: u64) -> Position {
        let probes = u64::from(self.probes);
        Position { round, step: packet / probes, repeat: (packet % probes) as u32 }
    }
}

/// The program as a text to be written.
struct Code<'a> {
    plan: &'a Plan<'a>,
    control: &'a Map,
    frames: &'a [Vec<Frame<'a>>; 2],
    longest: usize,
    interface: u32,
}

impl<'a> Code<'a> {
    fn assemble(&self, tables: &'a Tables) -> Assembler<'a> {
        let mut code = Assembler::new();
        let exits = Exits { lost: code.label(), v6: code.label() };
        self.begin(&mut code);
        tables.aim(&mut code, self.plan, &exits);
        let [v4, v6] = self.frames;
        self.write(&mut code, v4, exits.lost);
        code.place(exits.v6);
        self.write(&mut code, v6, exits.lost);
        code.place(exits.lost);
        self.count(&mut code, SKIPPED);
        code.give(verdict::DROP);
        code
    }

    /// R8 = the frame, R9 = the context, R0 = the number of the packet.
    fn begin(&self, code: &mut Assembler<'a>) {
        let enough = code.label();
        code.mov(R9, R1);
        code.load(Word, R8, R9, context::DATA);
        code.load(Word, R2, R9, context::DATA_END);
        code.mov(R1, R8);
        code.add(R1, self.longest as i32);
        code.branch(Le, R1, R2, enough);
        code.give(verdict::ABORTED);
        code.place(enough);
        self.count(code, NEXT);
        code.mov(R6, R0);
        code.load(Double, R0, R7, REPEAT);
        code.store(Double, R10, slot::REPEAT, R0);
        if self.frames.iter().flatten().any(|frame| frame.has(Generator::Now)) {
            code.call(helper::KTIME_GET_NS);
            code.load(Double, R1, R7, LAG);
            code.add(R0, R1);
            code.all(Operation::Div, R0, 1000);
            code.store(Double, R10, slot::TIME, R0);
        }
        code.mov(R0, R6);
    }

    /// R7 = the control block, R0 = a counter there, which then is one more.
    fn count(&self, code: &mut Assembler<'a>, counter: i16) {
        code.map_value(R7, self.control.as_fd(), 0);
        code.load(Double, R0, R7, counter);
        code.mov(R1, R0);
        code.add(R1, 1);
        code.store(Double, R7, counter, R1);
    }

    /// Writes the frame of the variant and lets it go.
    fn write(&self, code: &mut Assembler<'a>, frames: &[Frame<'_>], lost: Label) {
        if let [frame] = frames {
            frame.write(code);
            return self.release(code, frame, lost);
        }
        for (variant, frame) in (0..).zip(frames) {
            let other = code.label();
            code.load(Double, R0, R10, slot::VARIANT);
            code.branch(Ne, R0, variant, other);
            frame.write(code);
            self.release(code, frame, lost);
            code.place(other);
        }
        code.jump(lost);
    }

    fn release(&self, code: &mut Assembler<'a>, frame: &Frame<'_>, lost: Label) {
        let length = frame.bytes().len();
        if length < self.longest {
            code.mov(R1, R9);
            code.mov(R2, length as i32 - self.longest as i32);
            code.call(helper::XDP_ADJUST_TAIL);
            code.branch(Ne, R0, 0, lost);
        }
        code.mov(R1, self.interface.cast_signed());
        code.mov(R2, 0);
        code.call(helper::REDIRECT);
        code.exit();
    }
}

/// Where the program keeps what it has found out, on its stack.
mod slot {
    pub(super) const PLACE: i16 = -8;
    pub(super) const REPEAT: i16 = -16;
    pub(super) const TIME: i16 = -24;
    pub(super) const HIGH: i16 = -32;
    pub(super) const LOW: i16 = -40;
    pub(super) const PORT: i16 = -48;
    pub(super) const SOURCE: i16 = -56;
    pub(super) const COOKIE: i16 = -64;
    pub(super) const VARIANT: i16 = -72;
}

/// Refuses what cannot be done.
fn fit(interface: &Interface, plan: &Plan<'_>) -> Result<(), Error> {
    let name = &interface.name;
    let doing = || format!("generate packets for {name} in the kernel");
    if cfg!(target_endian = "big") {
        let why = "the generator is written for little-endian machines".to_owned();
        return Err(error(doing(), Cause::Unsupported(why)));
    }
    if interface.framing != Framing::Ethernet || interface.loopback {
        let why = format!("{name} is no Ethernet; use another backend");
        return Err(error(doing(), Cause::Unsupported(why)));
    }
    let most = interface.mtu.min(PAGE);
    let templates = plan.probes.v4.iter().chain(plan.probes.v6);
    match templates.map(|template| template.bytes().len()).max() {
        Some(size) if size > most => Err(error(doing(), Cause::TooLarge { size, most })),
        _ => Ok(()),
    }
}

/// Finds out whether the kernel has live frames, with a program that sends none.
fn is_live() -> io::Result<()> {
    let mut code = Assembler::new();
    code.give(verdict::DROP);
    let program = Program::load(Kind::Xdp, &code)?;
    program.send(&[0; 64], 1, BATCH).map_err(|said| match said.raw_os_error() {
        Some(libc::EINVAL) => {
            io::Error::other("it has no live frames in test runs, as Linux 5.18 and later have")
        }
        _ => said,
    })
}

/// The frames by IP version; none where no target is of that version.
fn frames<'a>(plan: &Plan<'a>, headers: &'a [Header; 2]) -> [Vec<Frame<'a>>; 2] {
    let [v4, v6] = headers;
    [(plan.probes.v4, v4, true), (plan.probes.v6, v6, false)].map(|(templates, header, is_v4)| {
        let mut ranges = plan.space.ranges().iter();
        if !ranges.any(|range| range.first().is_ipv4() == is_v4) {
            return Vec::new();
        }
        let frame = |template: &'a Template<'a>| Frame { template, header: header.bytes() };
        templates.iter().map(frame).collect()
    })
}

/// How many frames the driver is given at once: as many as it takes to make the kernel's work on
/// each batch small, and few enough that a veth, which has room for 256, hardly ever overruns.
const BATCH: u32 = 64;
/// The most packets of one system call.
const STRETCH: u32 = 1 << 24;
/// What fits a page beside the kernel's own book-keeping.
const PAGE: usize = 3000;

// Where things are in the control block.
const NEXT: i16 = 0;
const SKIPPED: i16 = 8;
const REPEAT: i16 = 16;
const LAG: i16 = 24;
