//! The link itself: how it is opened, and how it keeps the [`Link`] contract.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pcap::{Active, Capture, Device, Direction, Linktype, Precision};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};
use tcpexposure_core::{
    time::Instant,
    wire::packet::{Offload, Start},
};
use tcpexposure_link::{
    Cause, Error, Frame, Link, Statistics,
    echo::Echoes,
    filter::Interest,
    frame::{self, Families, Header, Macs, Slot},
    savefile,
};

use crate::{
    error::{error, is_any},
    expression,
};

/// How a link is to be opened.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The hardware addresses of Ethernet frames; without them such an interface is only heard.
    pub macs: Option<Macs>,
    /// The largest IP packet that goes through, in bytes; if absent, the system must say.
    pub mtu: Option<usize>,
    /// What is to be let through; everything, if absent.
    pub interest: Option<Interest>,
    /// Whether the interface leads back to this machine, so that what is sent comes back.
    pub loopback: bool,
}

/// A link through libpcap.
pub struct PcapLink {
    capture: Capture<Active>,
    interface: String,
    start: Start,
    header: Option<Header>,
    mtu: usize,
    slot: Slot,
    received: Received,
    echoes: Echoes,
    counts: Counts,
    description: String,
}

/// The frame that was received last.
#[derive(Default)]
struct Received {
    time: Instant,
    bytes: Vec<u8>,
    wire_len: usize,
}

/// What was counted on sending.
#[derive(Default)]
struct Counts {
    committed: u64,
    sent: u64,
    refused: u64,
}

/// Opens an interface by the name that libpcap has for it.
///
/// # Errors
/// [`Cause::Privilege`], [`Cause::NoInterface`], [`Cause::Unsupported`] for a link layer that we
/// cannot read.
pub fn open(interface: &str, options: &Options) -> Result<PcapLink, Error> {
    let doing = || format!("open {interface} through libpcap");
    let refused = |said: pcap::Error| error(doing(), interface, &said);
    let mut capture = activate(interface).map_err(refused)?;
    let link_type = capture.get_datalink();
    let Some(start) = start(link_type) else {
        let name = link_type.get_name().unwrap_or_else(|_| link_type.0.to_string());
        let why = format!("its frames begin with {name}, which is not read");
        return Err(Error { doing: doing(), cause: Cause::Unsupported(why) });
    };
    if let Some(interest) = &options.interest {
        capture.filter(&expression::words(interest, start), true).map_err(refused)?;
    }
    // Where the system cannot tell directions apart, what is sent comes back as on loopback.
    let deaf = capture.direction(Direction::In).is_ok();
    let capture = capture.setnonblock().map_err(refused)?;
    Ok(PcapLink {
        capture,
        description: format!("libpcap on {interface}"),
        interface: interface.to_owned(),
        start,
        header: header(start, options.macs),
        mtu: options.mtu.unwrap_or(LARGEST),
        slot: Slot::new(),
        received: Received::default(),
        echoes: Echoes::new(options.loopback || !deaf),
        counts: Counts::default(),
    })
}

/// Finds out whether libpcap may be used here, by opening an interface; nothing is sent.
///
/// # Errors
/// [`Cause::Privilege`], or [`Cause::Unsupported`] when there is no interface that is up.
pub fn probe() -> Result<(), Error> {
    let doing = "open an interface through libpcap";
    let devices = Device::list().map_err(|said| error(doing, "", &said))?;
    let Some(device) = devices.into_iter().find(|device| device.flags.is_up()) else {
        let cause = Cause::Unsupported("it finds none that is up".to_owned());
        return Err(Error { doing: doing.to_owned(), cause });
    };
    let result = activate(&device.name);
    result.map(drop).map_err(|said| error(doing, &device.name, &said))
}

impl PcapLink {
    /// Tells in one line what was opened.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Tells what the interface's frames begin with.
    #[must_use]
    pub const fn start(&self) -> Start {
        self.start
    }

    fn doing(&self, what: &str) -> String {
        format!("{what} on {} through libpcap", self.interface)
    }

    fn header(&self) -> Result<Header, Error> {
        self.header.ok_or_else(|| {
            let why = match self.start {
                Start::Ethernet => "the hardware address of the next hop is not known",
                _ => "libpcap does not write cooked headers",
            };
            Error { doing: self.doing("send"), cause: Cause::Unsupported(why.to_owned()) }
        })
    }

    /// Takes one frame that is for us, if there is one.
    fn take(&mut self) -> Result<bool, Error> {
        loop {
            match self.capture.next_packet() {
                Ok(packet) => self.received.keep(&packet),
                Err(pcap::Error::TimeoutExpired) => return Ok(false),
                Err(said) => return Err(error(self.doing("receive"), &self.interface, &said)),
            }
            if !self.echoes.take(frame::packet(self.start, &self.received.bytes)) {
                return Ok(true);
            }
        }
    }

    /// Waits for something to read; `false` when the time has come or a signal did.
    fn wait(&self, deadline: Instant) -> Result<bool, Error> {
        let left = (deadline != Instant::NEVER).then(|| deadline.since(clock()));
        if left == Some(Duration::ZERO) {
            return Ok(false);
        }
        let left = left.and_then(|left| Timespec::try_from(left).ok());
        match poll(&mut [PollFd::new(&self.capture, PollFlags::IN)], left.as_ref()) {
            Ok(ready) => Ok(ready > 0),
            Err(Errno::INTR) => Ok(false),
            Err(said) => {
                Err(Error { doing: self.doing("receive"), cause: Cause::System(said.into()) })
            }
        }
    }
}

impl Link for PcapLink {
    fn now(&self) -> Instant {
        clock()
    }

    fn slot(&mut self) -> Result<&mut [u8], Error> {
        Ok(self.slot.packet_mut())
    }

    /// Sends at once: libpcap has no queue but on Windows.
    fn commit(&mut self, length: usize) -> Result<(), Error> {
        self.counts.committed += 1;
        if length > self.mtu {
            let cause = Cause::TooLarge { size: length, most: self.mtu };
            return Err(Error { doing: self.doing("send"), cause });
        }
        let header = self.header()?;
        self.echoes.sent(self.slot.packet(length));
        let frame = self.slot.frame(&header, length);
        match send(&mut self.capture, frame) {
            Ok(()) => self.counts.sent += 1,
            Err(said) => {
                self.counts.refused += 1;
                return Err(error(self.doing("send"), &self.interface, &said));
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn recv(&mut self, deadline: Instant) -> Result<Option<Frame<'_>>, Error> {
        loop {
            if self.take()? {
                return Ok(Some(self.received.frame(self.start)));
            }
            if !self.wait(deadline)? {
                return Ok(None);
            }
        }
    }

    fn statistics(&mut self) -> Result<Statistics, Error> {
        let stat = self.capture.stats();
        let stat = stat.map_err(|said| error(self.doing("count"), &self.interface, &said))?;
        // What Linux calls received holds what was dropped; elsewhere it may even be counted
        // before the filter.
        let received = stat.received.saturating_sub(stat.dropped);
        Ok(Statistics {
            committed: Some(self.counts.committed),
            sent: Some(self.counts.sent),
            refused: Some(self.counts.refused),
            received: cfg!(target_os = "linux").then_some(received.into()),
            dropped: Some(stat.dropped.into()),
            missed: Some(stat.if_dropped.into()),
            ..Statistics::default()
        })
    }
}

impl Received {
    fn keep(&mut self, packet: &pcap::Packet<'_>) {
        let time = packet.header.ts;
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let fraction = u64::try_from(time.tv_usec).unwrap_or(0).saturating_mul(UNIT);
        let nanos = seconds.saturating_mul(1_000_000_000).saturating_add(fraction);
        self.time = Instant::from_nanos(nanos);
        self.wire_len = packet.header.len as usize;
        self.bytes.clear();
        self.bytes.extend_from_slice(packet.data);
    }

    fn frame(&self, start: Start) -> Frame<'_> {
        let offload = Offload::default();
        let wire_len = self.wire_len.max(self.bytes.len());
        Frame { time: self.time, start, bytes: &self.bytes, wire_len, offload }
    }
}

fn activate(interface: &str) -> Result<Capture<Active>, pcap::Error> {
    let capture =
        Capture::from_device(interface)?.immediate_mode(true).snaplen(SNAP).buffer_size(BUFFER);
    // Elsewhere libpcap may keep to microseconds without saying so.
    let capture = match UNIT {
        1 => capture.precision(Precision::Nano),
        _ => capture,
    };
    capture.open()
}

/// Sends one frame, and waits a little where the queue of the card is full.
fn send(capture: &mut Capture<Active>, frame: &[u8]) -> Result<(), pcap::Error> {
    let mut patience = PATIENCE;
    loop {
        match capture.sendpacket(frame) {
            Err(said) if is_any(&said, &FULL) && patience > 0 => {
                patience -= 1;
                std::thread::sleep(BACK_OFF);
            }
            result => return result,
        }
    }
}

fn start(link_type: Linktype) -> Option<Start> {
    savefile::start(u32::try_from(link_type.0).ok()?)
}

/// Tells what is to be written before packets; nothing can be before those of a cooked capture.
fn header(start: Start, macs: Option<Macs>) -> Option<Header> {
    match start {
        Start::Ethernet => macs.map(Header::Ethernet),
        Start::Ip => Some(Header::None),
        Start::Null => Some(Header::Null(FAMILIES)),
        Start::Loop => Some(Header::Loop(FAMILIES)),
        Start::Ppp => Some(Header::Ppp),
        Start::LinuxSll | Start::LinuxSll2 => None,
    }
}

#[expect(clippy::disallowed_methods, reason = "a link reads the clock")]
fn clock() -> Instant {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Instant::ZERO.after(since)
}

/// AF_INET and AF_INET6 of sys/socket.h.
const FAMILIES: Families = Families {
    v4: 2,
    v6: if cfg!(any(target_os = "macos", target_os = "ios")) {
        30
    } else if cfg!(target_os = "freebsd") {
        28
    } else if cfg!(any(target_os = "netbsd", target_os = "openbsd")) {
        24
    } else {
        10
    },
};
/// The nanoseconds in what libpcap calls microseconds.
const UNIT: u64 = if cfg!(target_os = "linux") { 1 } else { 1000 };
/// The largest IP packet without extensions.
const LARGEST: usize = 65_535;
/// The most bytes that are kept of a frame: the largest IPv4 packet and any link-layer header.
const SNAP: i32 = (1 << 16) + 64;
/// The bytes that may wait in the kernel.
const BUFFER: i32 = 8 << 20;
/// The queue of the card or of the kernel is full for a moment.
const FULL: [Errno; 3] = [Errno::NOBUFS, Errno::AGAIN, Errno::NOMEM];
/// How often to try again when a queue is full.
const PATIENCE: u32 = 2000;
/// How long to let a full queue drain.
const BACK_OFF: Duration = Duration::from_micros(500);
