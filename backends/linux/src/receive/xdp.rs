//! Reception by AF_XDP: what a program picks out in the driver comes here past the kernel's own
//! stack, which therefore never answers it.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd},
    thread,
    time::Duration,
};

use tcpexposure_core::{
    time::Instant,
    wire::{
        checksum::Sum,
        packet::{Checksummed, Offload, Packet, Start, Transport},
        protocol,
    },
};
use tcpexposure_link::{Cause, Error, Frame, Statistics};

use super::{clock, program::translate};
use crate::{
    address::Address,
    bpf::{Assembler, Kind, Link, Map, Mode, Program, Register, Size, context, helper, verdict},
    error::{error, system},
    filter::{Care, Interest},
    interface::{Counters, Framing, Interface},
    sys::{self, xsk},
};

/// Sockets on all queues of an interface.
pub(super) struct Xdp {
    // First of all the program is taken away, which sends frames to the sockets.
    _link: Link,
    _program: Program,
    _map: Map,
    sockets: Vec<xsk::Receiver>,
    /// The socket that is looked at first.
    turn: usize,
    /// Whether frames have come since we slept last.
    busy: bool,
    interface: Interface,
    mode: Mode,
    before: Counters,
}

impl Xdp {
    /// Opens sockets and attaches the program, in the driver if that is possible.
    pub(super) fn open(interface: &Interface, interest: &Interest) -> Result<Self, Error> {
        let doing = || format!("receive by AF_XDP on {}", interface.name);
        if interface.framing != Framing::Ethernet {
            let why = format!("{} is no Ethernet interface", interface.name);
            return Err(error(doing(), Cause::Unsupported(why)));
        }
        let Some(filter) = interest.assemble_with(Care::Exact, Start::Ethernet, MOST) else {
            let why = "there are too many peers and ports for one program".to_owned();
            return Err(error(doing(), Cause::Unsupported(why)));
        };
        let before = Counters::of(interface.index)?;
        let sockets = open_sockets(interface).map_err(|said| system(doing(), said))?;
        let attached = || -> io::Result<_> {
            let map = Map::sockets(sockets.len() as u32)?;
            for (queue, socket) in sockets.iter().enumerate() {
                map.set(queue as u32, &socket.fd().as_raw_fd().to_ne_bytes())?;
            }
            let program =
                Program::load(Kind::Xdp, &translate(&filter, |code| to_socket(code, &map))?)?;
            let (link, mode) = attach(&program, interface.index)?;
            Ok((link, mode, program, map))
        };
        let (link, mode, program, map) = attached().map_err(|said| system(doing(), said))?;
        Ok(Self {
            _link: link,
            _program: program,
            _map: map,
            sockets,
            turn: 0,
            busy: false,
            interface: interface.clone(),
            mode,
            before,
        })
    }

    /// Tells in a few words how frames are taken.
    pub(super) const fn manner(&self) -> &'static str {
        match self.mode {
            Mode::Native => "AF_XDP in the driver",
            _ => "AF_XDP behind the driver",
        }
    }

    /// Counts the frames that were kept, those that found no room, and those that the interface
    /// lost.
    pub(super) fn statistics(&self) -> Result<Statistics, Error> {
        let (mut received, mut dropped) = (0, 0);
        for socket in &self.sockets {
            let counts = socket.statistics().map_err(|said| system(self.doing(), said))?;
            (received, dropped) = (received + counts.0, dropped + counts.1);
        }
        let missed = Counters::of(self.interface.index)?.missed - self.before.missed;
        // A pair counts what our sockets have dropped among its own losses.
        let counted = if self.interface.pair && self.mode == Mode::Native { dropped } else { 0 };
        Ok(Statistics {
            received: Some(received),
            dropped: Some(dropped),
            missed: Some(missed.saturating_sub(counted)),
            ..Statistics::default()
        })
    }

    /// Waits for one frame until `deadline`.
    pub(super) fn recv(&mut self, deadline: Instant) -> Result<Option<Frame<'_>>, Error> {
        match self.hear(deadline) {
            Ok(true) => Ok(Some(self.frame())),
            Ok(false) => Ok(None),
            Err(said) if said.kind() == io::ErrorKind::Interrupted => Ok(None),
            Err(said) => Err(self.broke(said)),
        }
    }

    /// Tells what came of the interface, if that is why the system refused.
    fn broke(&self, said: io::Error) -> Error {
        let name = self.interface.name.clone();
        let cause = match Interface::numbered(self.interface.index) {
            Err(_) => Cause::NoInterface(name),
            Ok(now) if !now.up || !now.carrier => Cause::Down(name),
            Ok(_) => Cause::System(said),
        };
        error(self.doing(), cause)
    }

    fn doing(&self) -> String {
        format!("receive on {}", self.interface.name)
    }

    /// Lends the frame that was taken last.
    fn frame(&mut self) -> Frame<'_> {
        let is_pair = self.interface.pair;
        let bytes = &*self.sockets[self.turn].frame();
        let checksum =
            if is_pair && is_partial(bytes) { Checksummed::Partial } else { Checksummed::Unknown };
        let offload = Offload { checksum, segments: false };
        Frame { time: clock(), start: Start::Ethernet, bytes, wire_len: bytes.len(), offload }
    }

    /// Waits for a frame. A wait for each would cost more than all the rest: as long as frames
    /// come, they are left to gather for a while.
    fn hear(&mut self, deadline: Instant) -> io::Result<bool> {
        loop {
            if self.take() {
                self.busy = true;
                return Ok(true);
            }
            let left = deadline.since(clock());
            if left.is_zero() {
                return Ok(false);
            }
            if self.busy {
                self.busy = false;
                thread::sleep(left.min(GATHER));
            } else if !self.wait(left.min(GLANCE))? {
                self.look()?;
            }
        }
    }

    /// Moves on to the next frame of any socket.
    fn take(&mut self) -> bool {
        for _ in 0..self.sockets.len() {
            if self.sockets[self.turn].advance() {
                return true;
            }
            self.turn = (self.turn + 1) % self.sockets.len();
        }
        false
    }

    fn wait(&self, time: Duration) -> io::Result<bool> {
        let fds: Vec<BorrowedFd<'_>> = self.sockets.iter().map(xsk::Receiver::fd).collect();
        let ready = sys::wait_any(&fds, Some(time))?;
        if ready {
            fds.iter().try_for_each(|fd| sys::pending_error(fd.as_fd()))?;
        }
        Ok(ready)
    }

    /// Looks after the interface, of which these sockets are told its end only.
    fn look(&self) -> io::Result<()> {
        match Interface::numbered(self.interface.index) {
            Ok(now) if now.up => Ok(()),
            _ => Err(io::Error::from_raw_os_error(libc::ENETDOWN)),
        }
    }
}

/// Opens a socket for each queue that there is.
fn open_sockets(interface: &Interface) -> io::Result<Vec<xsk::Receiver>> {
    let chunk = if interface.mtu > SMALL { 4096 } else { 2048 };
    let share = FRAMES / interface.queues.max(1);
    let frames = share.clamp(LEAST, FRAMES / 2).next_power_of_two();
    let mut sockets = Vec::new();
    for queue in 0..QUEUES {
        let socket = xsk::Receiver::open(frames, chunk)?;
        let address = |flags| Address::xdp(interface.index, queue, flags);
        match xsk::bind(socket.fd(), &address(libc::XDP_COPY | libc::XDP_USE_NEED_WAKEUP)) {
            Ok(()) => sockets.push(socket),
            // There is no queue of this number.
            Err(said) if queue > 0 && said.raw_os_error() == Some(libc::EINVAL) => break,
            Err(said) => return Err(said),
        }
    }
    Ok(sockets)
}

/// Hands the frame to its queue's socket, if there is one; else it goes the ordinary way.
fn to_socket<'a>(code: &mut Assembler<'a>, sockets: &'a Map) {
    code.load(Size::Word, Register::R2, Register::R1, context::RX_QUEUE);
    code.map(Register::R1, sockets.as_fd());
    code.mov(Register::R3, verdict::PASS);
    code.call(helper::REDIRECT_MAP);
    code.exit();
}

fn attach(program: &Program, interface: u32) -> io::Result<(Link, Mode)> {
    match program.attach(interface, Mode::Native) {
        Ok(link) => Ok((link, Mode::Native)),
        // Another program is there, and stays.
        Err(said) if said.raw_os_error() == Some(libc::EBUSY) => Err(said),
        Err(_) => program.attach(interface, Mode::Generic).map(|link| (link, Mode::Generic)),
    }
}

/// Tells whether a TCP checksum is only the pseudo-header's sum, left for a card to complete that a
/// pair of interfaces does not have. The kernel knows, and cannot say so here.
fn is_partial(frame: &[u8]) -> bool {
    let packet = Packet::parse(Start::Ethernet, frame, frame.len(), Offload::default());
    let (Transport::Tcp(segment), Some((from, to))) = (packet.transport, packet.addresses()) else {
        return false;
    };
    let length = segment.header.data_offset().max(20) + segment.payload_length;
    let sum = Sum::new().pseudo(from, to, protocol::TCP, length).finish();
    segment.header.checksum() == !sum
}

/// BPF_MAXINSNS, of a filter.
const MOST: usize = 4096;
/// How many frames all queues together may hold back.
const FRAMES: u32 = 16_384;
/// The least that each may.
const LEAST: u32 = 512;
/// The largest MTU whose frames find room in half a page.
const SMALL: usize = 1700;
/// The most queues.
const QUEUES: u32 = 64;
/// How long frames are left to gather.
const GATHER: Duration = Duration::from_millis(1);
/// How long to wait before looking after the interface.
const GLANCE: Duration = Duration::from_millis(500);
