//! Reception by a packet socket: packet(7).

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::Duration,
};

use tcpexposure_core::{time::Instant, wire::packet::Start};
use tcpexposure_link::{Error, Frame, Statistics, echo::Echoes};

use self::{
    heard::{Heard, TAG},
    message::Messages,
    ring::Blocks,
};
use crate::{
    address::Address,
    error::system,
    filter::{Care, Interest, assemble},
    interface::{Counters, Framing, Interface},
    sys,
};

mod heard;
mod link;
mod message;
mod program;
mod ring;
mod xdp;

pub use link::{ReceiveLink, open_receive};

/// How to receive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reception {
    /// What suits the link: for many peers a ring, for one a message at a time.
    #[default]
    Auto,
    /// A system call for each frame, which is here as soon as it has come.
    Message,
    /// A mapped ring: a frame may take a millisecond longer, and a thousand cost no more than one.
    Ring,
    /// An AF_XDP socket, to which a program takes what is ours away from the kernel, which then
    /// never answers it; for links that only receive, else a ring.
    Xdp,
}

/// Hears what comes in on one interface, or on all.
pub(crate) struct Receiver {
    fd: OwnedFd,
    source: Source,
    start: Start,
    care: Care,
    echoes: Echoes,
    interface: Option<u32>,
    /// What the interface had counted when the socket was opened.
    before: Option<Counters>,
    received: u64,
    dropped: u64,
    doing: String,
}

/// Where frames are taken from.
enum Source {
    Messages(Messages),
    Blocks(Blocks),
}

impl Receiver {
    /// Opens a socket on `interface`, or on all, where the link-layer header is taken off; frames
    /// come by a ring of so many bytes, or else by messages.
    pub(crate) fn open(
        interface: Option<&Interface>,
        interest: Option<(&Interest, Care)>,
        ring: Option<usize>,
    ) -> Result<Self, Error> {
        let name = interface.map_or("all interfaces", |interface| &interface.name);
        let doing = format!("receive on {name}");
        let framing = interface.map_or(Framing::Other, |interface| interface.framing);
        let (fd, source) =
            open(interface, framing, interest, ring).map_err(|said| system(&doing, said))?;
        Ok(Self {
            fd,
            source,
            care: interest.map_or(Care::Lenient, |(_, care)| care),
            start: if framing == Framing::Ethernet { Start::Ethernet } else { Start::Ip },
            echoes: Echoes::new(interface.is_none_or(|interface| interface.loopback)),
            interface: interface.map(|interface| interface.index),
            before: interface.and_then(|interface| Counters::of(interface.index).ok()),
            received: 0,
            dropped: 0,
            doing,
        })
    }

    /// Tells in a word or two how frames are taken.
    pub(crate) const fn manner(&self) -> &'static str {
        match self.source {
            Source::Messages(_) => "messages",
            Source::Blocks(_) => "a mapped ring",
        }
    }

    /// Lets through only what is of interest, from now on.
    pub(crate) fn narrow(&self, interest: &Interest) -> Result<(), Error> {
        let framing = match self.start {
            Start::Ethernet => Framing::Ethernet,
            _ => Framing::Ip,
        };
        attach(self.fd.as_fd(), framing, (interest, self.care))
            .map_err(|said| system(&self.doing, said))
    }

    /// Notes what is sent, which comes back on loopback and is not to be heard.
    pub(crate) fn sent(&mut self, packet: &[u8]) {
        self.echoes.sent(packet);
    }

    /// Counts the frames that were kept, those that were lost for want of room, and those that the
    /// interface lost.
    pub(crate) fn statistics(&mut self) -> Result<Statistics, Error> {
        let (passed, dropped) =
            sys::statistics(self.fd.as_fd()).map_err(|said| system(&self.doing, said))?;
        self.received += u64::from(passed.saturating_sub(dropped));
        self.dropped += u64::from(dropped);
        let now = self.interface.and_then(|index| Counters::of(index).ok());
        let missed = self.before.zip(now).map(|(before, now)| now.missed - before.missed);
        Ok(Statistics {
            received: Some(self.received),
            dropped: Some(self.dropped),
            missed,
            ..Statistics::default()
        })
    }

    /// Waits for one frame until `deadline`.
    pub(crate) fn recv(&mut self, deadline: Instant) -> Result<Option<Frame<'_>>, Error> {
        match self.hear(deadline) {
            Ok(heard) => Ok(heard.map(|heard| self.frame(heard))),
            Err(said) if said.kind() == io::ErrorKind::Interrupted => Ok(None),
            Err(said) => Err(system(&self.doing, said)),
        }
    }

    fn frame(&mut self, heard: Heard) -> Frame<'_> {
        Frame {
            time: heard.time,
            start: self.start,
            offload: heard.offload,
            wire_len: heard.wire_len,
            bytes: &self.source.bytes()[heard.at],
        }
    }

    fn hear(&mut self, deadline: Instant) -> io::Result<Option<Heard>> {
        loop {
            match self.source.take(self.fd.as_fd()) {
                Ok(Some(heard)) if self.is_wanted(&heard) => return Ok(Some(self.tagged(heard))),
                Ok(_) => continue,
                Err(said) if said.kind() == io::ErrorKind::WouldBlock => {}
                Err(said) => return Err(said),
            }
            let left = (deadline != Instant::NEVER).then(|| deadline.since(clock()));
            if left == Some(Duration::ZERO) || !sys::wait(self.fd.as_fd(), left)? {
                return Ok(None);
            }
            self.source.wake(self.fd.as_fd())?;
        }
    }

    fn is_wanted(&mut self, heard: &Heard) -> bool {
        let is_ip = matches!(heard.origin.protocol, IPV4 | IPV6);
        let is_ours = heard.origin.direction != libc::PACKET_OUTGOING
            && (self.start == Start::Ethernet || is_ip);
        let header = if self.start == Start::Ethernet { HEADER } else { 0 };
        let start = (heard.at.start + header).min(heard.at.end);
        let echo =
            heard.origin.loopback && self.echoes.take(&self.source.bytes()[start..heard.at.end]);
        is_ours && !echo
    }

    /// Puts the VLAN tag back where it was on the wire.
    fn tagged(&mut self, mut heard: Heard) -> Heard {
        if self.start == Start::Ethernet {
            heard.restore_tag(self.source.bytes());
        }
        heard
    }
}

impl Source {
    /// Takes one frame, `None` if its origin cannot be told.
    fn take(&mut self, fd: BorrowedFd<'_>) -> io::Result<Option<Heard>> {
        match self {
            Self::Messages(messages) => messages.take(fd),
            Self::Blocks(blocks) => blocks.take(),
        }
    }

    /// Lends the bytes that the frame taken last lies in.
    fn bytes(&mut self) -> &mut [u8] {
        match self {
            Self::Messages(messages) => messages.bytes(),
            Self::Blocks(blocks) => blocks.bytes(),
        }
    }

    /// Tells the error that ended a wait, if it was one: a ring does not tell it.
    fn wake(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        match self {
            Self::Messages(_) => Ok(()),
            Self::Blocks(_) => sys::pending_error(fd),
        }
    }
}

/// Reads the clock.
pub(crate) fn clock() -> Instant {
    Instant::from_nanos(sys::clock())
}

/// Opens a socket that hears nothing until all options are set.
fn open(
    interface: Option<&Interface>,
    framing: Framing,
    interest: Option<(&Interest, Care)>,
    ring: Option<usize>,
) -> io::Result<(OwnedFd, Source)> {
    let kind = if framing == Framing::Other { libc::SOCK_DGRAM } else { libc::SOCK_RAW };
    let socket = sys::socket(libc::AF_PACKET, kind, 0)?;
    let fd = socket.as_fd();
    // Before Linux 4.20 outgoing packets are told by their address only.
    sys::set_integer(fd, libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, 1).or_else(unknown)?;
    let mtu = interface.map_or(SNAP, |interface| interface.mtu);
    let source = match ring.map(|bytes| Blocks::open(fd, bytes, mtu)) {
        Some(Ok(blocks)) => Source::Blocks(blocks),
        // The system has not so much memory in one piece, or no rings.
        Some(Err(_)) | None => Source::Messages(Messages::open(fd)?),
    };
    if let Some(interest) = interest {
        attach(fd, framing, interest)?;
    }
    let index = interface.map_or(0, |interface| interface.index);
    sys::bind(fd, &Address::packet(index, libc::ETH_P_ALL as u16))?;
    Ok((socket, source))
}

/// Attaches the filter, or none if it would be too long: the engine sorts out the rest anyway.
fn attach(
    fd: BorrowedFd<'_>,
    framing: Framing,
    (interest, care): (&Interest, Care),
) -> io::Result<()> {
    match assemble(interest, care, framing) {
        Some(program) => sys::attach_filter(fd, &program),
        None => Ok(()),
    }
}

/// Asks for a large buffer, over the system's limit where we may.
pub(crate) fn enlarge(fd: BorrowedFd<'_>, forced: libc::c_int, asked: libc::c_int) {
    if sys::set_integer(fd, libc::SOL_SOCKET, forced, QUEUE).is_err() {
        // The buffer is then as large as the system lets it be.
        drop(sys::set_integer(fd, libc::SOL_SOCKET, asked, QUEUE));
    }
}

fn unknown(said: io::Error) -> io::Result<()> {
    if said.raw_os_error() == Some(libc::ENOPROTOOPT) { Ok(()) } else { Err(said) }
}

/// The size of an Ethernet header.
const HEADER: usize = heard::ADDRESSES + 2;
/// The most bytes that are kept of a frame: the largest IPv4 packet and any link-layer header.
const SNAP: usize = (1 << 16) + 64;
/// The bytes that may wait in the kernel.
const QUEUE: libc::c_int = 4 << 20;
const IPV4: u16 = libc::ETH_P_IP as u16;
const IPV6: u16 = libc::ETH_P_IPV6 as u16;
