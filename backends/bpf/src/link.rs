//! The link itself: how it keeps the [`Link`] contract over a [`Device`].

use std::{io, net::IpAddr, ops::Range, thread, time::Duration};

use tcpexposure_core::{
    time::Instant,
    wire::packet::{Offload, Start},
};
use tcpexposure_link::{
    Cause, Error, Frame, Link, Statistics,
    echo::Echoes,
    filter::Interest,
    frame::{self, Header, Macs, Neighbours, Slot},
};

use crate::{
    device::{self, Device, RawSocket, Ready},
    error::{error, is_full, on},
    link_type, raw,
    system::{Order, System},
};

/// What a link is made from.
pub struct Settings<'a> {
    /// The system that the device is of.
    pub system: &'static System,
    /// The interface's name.
    pub interface: &'a str,
    /// The largest IP packet that the interface takes, in bytes.
    pub mtu: usize,
    /// Whether it leads back to this machine, so that what is sent comes back.
    pub loopback: bool,
    /// How to send.
    pub sending: Sending,
    /// What the kernel is to let through; everything, if absent.
    pub interest: Option<&'a Interest>,
}

/// How to send.
pub enum Sending {
    /// By the device, on Ethernet between these hardware addresses.
    Frames(Option<Macs>),
    /// By the device, on Ethernet from this hardware address to the one that a peer's own packets
    /// came from.
    Answers([u8; 6]),
    /// By a raw IPv4 socket.
    Raw(Box<dyn RawSocket>),
}

/// A link over a BPF device.
pub struct BpfLink<D> {
    device: D,
    system: &'static System,
    interface: String,
    mtu: usize,
    ready: Ready,
    sending: Way,
    slot: Slot,
    buffer: Vec<u8>,
    /// What of the buffer has been read and not yet handed over.
    unread: Range<usize>,
    echoes: Echoes,
    counts: Statistics,
}

/// How to send, with what is needed for it.
enum Way {
    Frames(Header),
    Answers([u8; 6], Neighbours),
    Raw(Box<dyn RawSocket>),
    Unknown,
}

impl<D: Device> BpfLink<D> {
    /// Makes an open device ready, and a link over it.
    ///
    /// # Errors
    /// As [`device::prepare`].
    pub fn new(mut device: D, settings: Settings<'_>) -> Result<Self, Error> {
        let Settings { system, interface, mtu, loopback, sending, interest } = settings;
        let ready = device::prepare(&mut device, system, interface, interest)?;
        let header = |macs| link_type::header(system, ready.start, macs).map(Way::Frames);
        let sending = match sending {
            Sending::Raw(socket) => Way::Raw(socket),
            Sending::Answers(own) if ready.start == Start::Ethernet => {
                Way::Answers(own, Neighbours::default())
            }
            Sending::Answers(_) => header(None).unwrap_or(Way::Unknown),
            Sending::Frames(macs) => header(macs).unwrap_or(Way::Unknown),
        };
        Ok(Self {
            device,
            system,
            interface: interface.to_owned(),
            mtu,
            ready,
            sending,
            slot: Slot::new(),
            buffer: vec![0; ready.buffer],
            unread: 0..0,
            echoes: Echoes::new(loopback || !ready.inward),
            counts: Statistics::default(),
        })
    }

    /// Tells what is known of the device.
    #[must_use]
    pub const fn ready(&self) -> Ready {
        self.ready
    }

    fn doing(&self, what: &str) -> String {
        format!("{what} on {}", self.interface)
    }

    /// Writes the packet in the slot by whatever way there is.
    fn send(&mut self, length: usize) -> Result<(), Error> {
        let (doing, interface) = (self.doing("send"), self.interface.clone());
        let unsupported = |why: &str| error(doing.clone(), Cause::Unsupported(why.to_owned()));
        let header = match &mut self.sending {
            Way::Raw(socket) => {
                let packet = &mut self.slot.packet_mut()[..length];
                let refused = |why: &str| unsupported(&format!("{why}; use --backend bpf"));
                raw::refuses(packet).map_or(Ok(()), |why| Err(refused(why)))?;
                let sent = send_raw(socket.as_mut(), self.system.raw_order, packet);
                return sent.map_err(|said| on(&interface, doing, said));
            }
            Way::Frames(header) => *header,
            Way::Answers(source, neighbours) => {
                let to = frame::destination(self.slot.packet(length));
                let destination = to.and_then(|to: IpAddr| neighbours.find(to));
                let unheard = || unsupported("nothing has come from that address yet");
                Header::Ethernet(Macs {
                    destination: destination.ok_or_else(unheard)?,
                    source: *source,
                })
            }
            Way::Unknown => {
                return Err(unsupported("the hardware address of the next hop is not known"));
            }
        };
        let frame = self.slot.frame(&header, length);
        send_frame(&mut self.device, frame).map_err(|said| on(&interface, doing, said))
    }

    /// Takes the next frame that is for us from the buffer.
    fn take(&mut self) -> Option<Heard> {
        loop {
            let record = self.ready.record.read(&self.buffer[..self.unread.end], self.unread.start);
            let Some(record) = record else {
                self.unread = 0..0;
                return None;
            };
            self.unread.start = record.next;
            let bytes = &self.buffer[record.at.clone()];
            if self.echoes.take(frame::packet(self.ready.start, bytes)) {
                continue;
            }
            if let Way::Answers(_, neighbours) = &mut self.sending {
                neighbours.learn(bytes);
            }
            *self.counts.received.get_or_insert(0) += 1;
            let time = Instant::from_nanos(record.time);
            return Some(Heard { time, at: record.at, wire_len: record.wire_len });
        }
    }

    /// Reads or waits until there is a frame, the time has come, or a signal did.
    fn hear(&mut self, deadline: Instant) -> io::Result<Option<Heard>> {
        loop {
            if let Some(heard) = self.take() {
                return Ok(Some(heard));
            }
            match self.device.read(&mut self.buffer) {
                Ok(0) => {}
                Ok(length) => {
                    self.unread = 0..length.min(self.buffer.len());
                    continue;
                }
                Err(said) if said.kind() == io::ErrorKind::WouldBlock => {}
                Err(said) => return Err(said),
            }
            let left = (deadline != Instant::NEVER).then(|| deadline.since(self.now()));
            if left == Some(Duration::ZERO) || !self.device.wait(left)? {
                return Ok(None);
            }
        }
    }
}

/// A frame in the buffer.
struct Heard {
    time: Instant,
    at: Range<usize>,
    wire_len: usize,
}

impl<D: Device> Link for BpfLink<D> {
    fn now(&self) -> Instant {
        Instant::from_nanos(self.device.clock())
    }

    fn slot(&mut self) -> Result<&mut [u8], Error> {
        Ok(self.slot.packet_mut())
    }

    /// Sends at once: a device takes one frame a call.
    fn commit(&mut self, length: usize) -> Result<(), Error> {
        *self.counts.committed.get_or_insert(0) += 1;
        if length > self.mtu {
            let cause = Cause::TooLarge { size: length, most: self.mtu };
            return Err(error(self.doing("send"), cause));
        }
        self.echoes.sent(self.slot.packet(length));
        let result = self.send(length);
        let counter = if result.is_ok() { &mut self.counts.sent } else { &mut self.counts.refused };
        *counter.get_or_insert(0) += 1;
        result
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn recv(&mut self, deadline: Instant) -> Result<Option<Frame<'_>>, Error> {
        match self.hear(deadline) {
            Ok(heard) => Ok(heard.map(|heard| Frame {
                time: heard.time,
                start: self.ready.start,
                bytes: &self.buffer[heard.at],
                wire_len: heard.wire_len,
                offload: Offload::default(),
            })),
            Err(said) if said.kind() == io::ErrorKind::Interrupted => Ok(None),
            Err(said) => Err(on(&self.interface, self.doing("receive"), said)),
        }
    }

    fn statistics(&mut self) -> Result<Statistics, Error> {
        let dropped = device::dropped(&mut self.device, self.system);
        let dropped = dropped.map_err(|said| on(&self.interface, self.doing("count"), said))?;
        Ok(Statistics { dropped: Some(dropped), ..self.counts })
    }
}

fn send_raw(socket: &mut dyn RawSocket, order: Order, packet: &mut [u8]) -> io::Result<()> {
    let Some(to) = raw::prepare(order, packet) else { return Ok(()) };
    patiently(|| socket.send(packet, to))
}

/// Writes one frame, all or nothing.
fn send_frame(device: &mut impl Device, frame: &[u8]) -> io::Result<()> {
    match patiently(|| device.write(frame))? {
        written if written == frame.len() => Ok(()),
        _ => Err(io::ErrorKind::WriteZero.into()),
    }
}

/// Tries again while a signal comes between, or a queue is full.
fn patiently<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let mut patience = PATIENCE;
    loop {
        match call() {
            Err(said) if said.kind() == io::ErrorKind::Interrupted => {}
            Err(said) if is_full(&said) && patience > 0 => {
                patience -= 1;
                thread::sleep(BACK_OFF);
            }
            result => return result,
        }
    }
}

/// How often to try again when a queue is full.
const PATIENCE: u32 = 2000;
/// How long to let a full queue drain.
const BACK_OFF: Duration = Duration::from_micros(500);
