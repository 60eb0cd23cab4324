//! Reception by a packet socket: packet(7).

use std::{
    collections::VecDeque,
    io,
    ops::Range,
    os::fd::{AsFd, OwnedFd},
    time::Duration,
};

use tcpexposure_core::{time::Instant, wire::packet::Start};
use tcpexposure_link::{Error, Frame};

use crate::{
    address::{Address, Origin},
    auxiliary::Auxiliary,
    error::system,
    filter::{Interest, assemble},
    interface::{Framing, Interface},
    sys,
};

/// Hears what comes in on one interface, or on all.
pub(crate) struct Receiver {
    fd: OwnedFd,
    start: Start,
    buffer: Vec<u8>,
    control: sys::Control,
    echoes: Echoes,
    drops: u64,
    doing: String,
}

/// One frame in the buffer.
struct Heard {
    time: Instant,
    auxiliary: Auxiliary,
    at: Range<usize>,
    wire_len: usize,
}

impl Receiver {
    /// Opens a socket on `interface`, or on all, where the link-layer header is taken off.
    pub(crate) fn open(
        interface: Option<&Interface>,
        interest: Option<&Interest>,
    ) -> Result<Self, Error> {
        let name = interface.map_or("all interfaces", |interface| &interface.name);
        let doing = format!("receive on {name}");
        let framing = interface.map_or(Framing::Other, |interface| interface.framing);
        let index = interface.map_or(0, |interface| interface.index);
        let echoes = Echoes::new(interface.is_none_or(|interface| interface.loopback));
        let fd = open(index, framing, interest).map_err(|said| system(&doing, said))?;
        let start = if framing == Framing::Ethernet { Start::Ethernet } else { Start::Ip };
        let buffer = vec![0; TAG + SNAP];
        let control = sys::Control([0; 256]);
        Ok(Self { fd, start, buffer, control, echoes, drops: 0, doing })
    }

    /// Lets through only what is of interest, from now on.
    pub(crate) fn narrow(&self, interest: &Interest) -> Result<(), Error> {
        let framing = match self.start {
            Start::Ethernet => Framing::Ethernet,
            _ => Framing::Ip,
        };
        attach(&self.fd, framing, interest).map_err(|said| system(&self.doing, said))
    }

    /// Notes what is sent, which comes back on loopback and is not to be heard.
    pub(crate) fn sent(&mut self, packet: &[u8]) {
        self.echoes.sent(packet);
    }

    /// Tells how many frames were lost for want of room since the socket was opened.
    pub(crate) fn drops(&mut self) -> u64 {
        let (_, drops) = sys::statistics(self.fd.as_fd()).unwrap_or_default();
        self.drops = self.drops.saturating_add(drops.into());
        self.drops
    }

    /// Waits for one frame until `deadline`.
    pub(crate) fn recv(&mut self, deadline: Instant) -> Result<Option<Frame<'_>>, Error> {
        match self.hear(deadline) {
            Ok(heard) => Ok(heard.map(|heard| self.frame(heard))),
            Err(said) if said.kind() == io::ErrorKind::Interrupted => Ok(None),
            Err(said) => Err(system(&self.doing, said)),
        }
    }

    fn frame(&self, heard: Heard) -> Frame<'_> {
        Frame {
            time: heard.time,
            start: self.start,
            bytes: &self.buffer[heard.at],
            wire_len: heard.wire_len,
            offload: heard.auxiliary.offload,
        }
    }

    fn hear(&mut self, deadline: Instant) -> io::Result<Option<Heard>> {
        loop {
            match self.take() {
                Ok(Some(heard)) => return Ok(Some(heard)),
                Ok(None) => continue,
                Err(said) if said.kind() == io::ErrorKind::WouldBlock => {}
                Err(said) => return Err(said),
            }
            let left = (deadline != Instant::NEVER).then(|| deadline.since(clock()));
            if left == Some(Duration::ZERO) || !sys::wait(self.fd.as_fd(), left)? {
                return Ok(None);
            }
        }
    }

    /// Takes one frame from the socket, `None` if it is not for us.
    fn take(&mut self) -> io::Result<Option<Heard>> {
        let room = &mut self.buffer[TAG..];
        let got = sys::receive_message(self.fd.as_fd(), room, &mut self.control)?;
        let Some(origin) = got.from.to_origin() else {
            return Ok(None);
        };
        let at = TAG..TAG + got.length.min(SNAP);
        if !self.is_wanted(origin) || self.echoes.take(&self.buffer[self.packet_at(&at)]) {
            return Ok(None);
        }
        let auxiliary = Auxiliary::read(&self.control.0[..got.control]);
        let time = auxiliary.time.map_or_else(clock, Instant::from_nanos);
        Ok(Some(self.restore_tag(Heard { time, auxiliary, at, wire_len: got.length })))
    }

    fn is_wanted(&self, origin: Origin) -> bool {
        let is_ip = matches!(origin.protocol, IPV4 | IPV6);
        origin.direction != libc::PACKET_OUTGOING && (self.start == Start::Ethernet || is_ip)
    }

    /// Puts the VLAN tag back where it was on the wire.
    fn restore_tag(&mut self, mut heard: Heard) -> Heard {
        let Some(tag) = heard.auxiliary.tag else {
            return heard;
        };
        if self.start == Start::Ethernet && heard.at.len() >= ADDRESSES {
            self.buffer.copy_within(TAG..TAG + ADDRESSES, 0);
            self.buffer[ADDRESSES..ADDRESSES + TAG].copy_from_slice(&tag);
            heard.at.start -= TAG;
            heard.wire_len += TAG;
        }
        heard
    }

    fn packet_at(&self, frame: &Range<usize>) -> Range<usize> {
        let header = if self.start == Start::Ethernet { ADDRESSES + 2 } else { 0 };
        (frame.start + header).min(frame.end)..frame.end
    }
}

/// Packets of our own that loopback will hand back.
struct Echoes {
    enabled: bool,
    packets: VecDeque<Box<[u8]>>,
}

impl Echoes {
    const fn new(enabled: bool) -> Self {
        Self { enabled, packets: VecDeque::new() }
    }

    fn sent(&mut self, packet: &[u8]) {
        if self.enabled {
            if self.packets.len() == ECHOES {
                self.packets.pop_front();
            }
            self.packets.push_back(packet.into());
        }
    }

    fn take(&mut self, packet: &[u8]) -> bool {
        let place = self.packets.iter().position(|sent| **sent == *packet);
        place.is_some_and(|place| self.packets.remove(place).is_some())
    }
}

/// Reads the clock.
pub(crate) fn clock() -> Instant {
    Instant::from_nanos(sys::clock())
}

/// Opens a socket that hears nothing until all options are set.
fn open(index: u32, framing: Framing, interest: Option<&Interest>) -> io::Result<OwnedFd> {
    let kind = if framing == Framing::Other { libc::SOCK_DGRAM } else { libc::SOCK_RAW };
    let socket = sys::socket(libc::AF_PACKET, kind, 0)?;
    let fd = socket.as_fd();
    sys::set_integer(fd, libc::SOL_PACKET, libc::PACKET_AUXDATA, 1)?;
    // Before Linux 4.20 outgoing packets are told by their address only.
    sys::set_integer(fd, libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, 1).or_else(unknown)?;
    sys::set_integer(fd, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1)?;
    enlarge(&socket, libc::SO_RCVBUFFORCE, libc::SO_RCVBUF);
    if let Some(interest) = interest {
        attach(&socket, framing, interest)?;
    }
    sys::bind(fd, &Address::packet(index, libc::ETH_P_ALL as u16))?;
    Ok(socket)
}

/// Attaches the filter, or none if it would be too long: the engine sorts out the rest anyway.
fn attach(fd: &OwnedFd, framing: Framing, interest: &Interest) -> io::Result<()> {
    match assemble(interest, framing) {
        Some(program) => sys::attach_filter(fd.as_fd(), &program),
        None => Ok(()),
    }
}

/// Asks for a large buffer, over the system's limit where we may.
pub(crate) fn enlarge(fd: &OwnedFd, forced: libc::c_int, asked: libc::c_int) {
    if sys::set_integer(fd.as_fd(), libc::SOL_SOCKET, forced, QUEUE).is_err() {
        // The buffer is then as large as the system lets it be.
        drop(sys::set_integer(fd.as_fd(), libc::SOL_SOCKET, asked, QUEUE));
    }
}

fn unknown(said: io::Error) -> io::Result<()> {
    if said.raw_os_error() == Some(libc::ENOPROTOOPT) { Ok(()) } else { Err(said) }
}

/// The size of a VLAN tag.
const TAG: usize = 4;
/// The size of both hardware addresses of an Ethernet header.
const ADDRESSES: usize = 12;
/// The most bytes that are kept of a frame: the largest IPv4 packet and any link-layer header.
const SNAP: usize = (1 << 16) + 64;
/// The bytes that may wait in the kernel.
const QUEUE: libc::c_int = 4 << 20;
/// How many sent packets are remembered on loopback.
const ECHOES: usize = 256;
const IPV4: u16 = libc::ETH_P_IP as u16;
const IPV6: u16 = libc::ETH_P_IPV6 as u16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echo_is_taken_once() {
        let mut echoes = Echoes::new(true);
        echoes.sent(&[1]);
        echoes.sent(&[2]);
        echoes.sent(&[1]);
        assert!(!echoes.take(&[3]));
        assert!(echoes.take(&[1]) && echoes.take(&[1]) && !echoes.take(&[1]));
        assert!(echoes.take(&[2]));
    }

    #[test]
    fn old_echoes_are_forgotten() {
        let mut echoes = Echoes::new(true);
        for byte in 0..=255 {
            echoes.sent(&[byte]);
        }
        echoes.sent(&[0, 0]);
        assert!(!echoes.take(&[0]) && echoes.take(&[1]));
        let mut elsewhere = Echoes::new(false);
        elsewhere.sent(&[1]);
        assert!(!elsewhere.take(&[1]));
    }
}
