//! The system calls on a BPF device, and how a device is made ready by them: bpf(4).

use std::{io, net::Ipv4Addr, time::Duration};

use tcpexposure_core::wire::packet::Start;
use tcpexposure_link::{Cause, Error, filter::Interest};

use crate::{
    error::{error, is_too_much, on},
    link_type, record,
    request::Request,
    system::{System, shared},
};

/// An open BPF device, one system call a method. The real one is [`sys`](crate)'s; tests have a
/// model.
pub trait Device {
    /// Asks the device for something, or tells it something: ioctl(2). The argument has at least
    /// the bytes that the request tells.
    ///
    /// # Errors
    /// The system's.
    fn control(&mut self, request: Request, argument: &mut [u8]) -> io::Result<()>;

    /// Sets the filter: BIOCSETF.
    ///
    /// # Errors
    /// The system's.
    fn set_filter(&mut self, program: &[tcpexposure_link::filter::Instruction]) -> io::Result<()>;

    /// Reads all records that are there, without waiting. `buffer` must be as long as the device's.
    ///
    /// # Errors
    /// The system's: would block, interrupted, ENXIO once the interface has gone.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes one frame.
    ///
    /// # Errors
    /// The system's.
    fn write(&mut self, frame: &[u8]) -> io::Result<usize>;

    /// Waits until there is something to read, or `timeout` has passed, which gives `false`.
    ///
    /// # Errors
    /// The system's.
    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<bool>;

    /// Reads the clock: nanoseconds since the Unix epoch.
    fn clock(&self) -> u64;
}

/// A raw IPv4 socket with the header included.
pub trait RawSocket {
    /// Sends one packet, whose header is in the byte order that the kernel wants.
    ///
    /// # Errors
    /// The system's.
    fn send(&mut self, packet: &[u8], to: Ipv4Addr) -> io::Result<()>;
}

/// What is known of a device once it is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    /// The length of its buffer, in bytes.
    pub buffer: usize,
    /// What its frames begin with.
    pub start: Start,
    /// How its records are laid out.
    pub record: record::Layout,
    /// Whether what is sent is not heard.
    pub inward: bool,
}

/// Makes a device ready to hear and to send on an interface.
///
/// # Errors
/// [`Cause::NoInterface`], [`Cause::Down`], [`Cause::Privilege`]; [`Cause::Unsupported`] for a
/// link layer that is not read.
pub fn prepare(
    device: &mut impl Device,
    system: &System,
    interface: &str,
    interest: Option<&Interest>,
) -> Result<Ready, Error> {
    let doing = || format!("open a BPF device on {interface}");
    let refused = |said: io::Error| on(interface, doing(), said);
    attach(device, system, interface).map_err(refused)?;
    let number = get(device, shared::LINK_TYPE).map_err(refused)?;
    let Some(start) = link_type::start(system, number) else {
        let why = format!("its frames have a link layer that is not read, number {number}");
        return Err(error(doing(), Cause::Unsupported(why)));
    };
    set(device, shared::IMMEDIATE, 1).map_err(refused)?;
    set(device, shared::HEADER_COMPLETE, 1).map_err(refused)?;
    let (request, value) = system.requests.inward;
    let inward = set(device, request, value).is_ok();
    let record = record(device, system);
    if let Some(program) = interest.and_then(|interest| interest.assemble(start, MAX_PROGRAM)) {
        device.set_filter(&program).map_err(refused)?;
    }
    // Only now is it the length that a read must have.
    let buffer = get(device, shared::BUFFER_LENGTH).map_err(refused)? as usize;
    Ok(Ready { buffer, start, record, inward })
}

/// Tells how many frames were lost for want of room.
///
/// The kernel's other counter, of frames that came, is from before the filter on some systems and
/// from behind it on others.
///
/// # Errors
/// The system's.
pub fn dropped(device: &mut impl Device, system: &System) -> io::Result<u64> {
    let (request, width) = system.requests.statistics;
    let mut argument = [0; shared::LARGEST];
    device.control(request, &mut argument)?;
    let [a, b, c, d, e, f, g, h, ..] = argument[width..] else { return Ok(0) };
    Ok(match width {
        8 => u64::from_ne_bytes([a, b, c, d, e, f, g, h]),
        _ => u32::from_ne_bytes([a, b, c, d]).into(),
    })
}

/// Binds the device to the interface, with the largest buffer that the system gives.
fn attach(device: &mut impl Device, system: &System, interface: &str) -> io::Result<()> {
    let mut name = [0; shared::LARGEST];
    let Some(place) = name.get_mut(..interface.len()).filter(|place| place.len() < NAME) else {
        return Err(io::Error::from_raw_os_error(crate::error::ENXIO));
    };
    place.copy_from_slice(interface.as_bytes());
    let mut length = LARGEST_BUFFER;
    loop {
        // A refusal leaves the length as it was.
        let asked = set(device, shared::SET_BUFFER_LENGTH, length);
        match asked.and_then(|()| device.control(system.requests.attach, &mut name.clone())) {
            Err(said) if is_too_much(&said) && length > SMALLEST_BUFFER => length /= 2,
            result => return result,
        }
    }
}

/// Asks for nanoseconds, and tells the layout that follows.
fn record(device: &mut impl Device, system: &System) -> record::Layout {
    let refused = system.requests.nanoseconds.map(|(request, value)| set(device, request, value));
    match refused {
        Some(Err(_)) => record::Layout { unit: 1000, ..system.record },
        _ => system.record,
    }
}

fn get(device: &mut impl Device, request: Request) -> io::Result<u32> {
    let mut argument = [0; 4];
    device.control(request, &mut argument)?;
    Ok(u32::from_ne_bytes(argument))
}

fn set(device: &mut impl Device, request: Request, value: u32) -> io::Result<()> {
    device.control(request, &mut value.to_ne_bytes())
}

/// BPF_MAXINSNS.
const MAX_PROGRAM: usize = 512;
/// IFNAMSIZ: the most bytes of an interface's name, and a NUL.
const NAME: usize = 16;
/// The buffer that is asked for first; every system has a limit of its own.
const LARGEST_BUFFER: u32 = 4 << 20;
/// The buffer below which there is no point in asking.
const SMALLEST_BUFFER: u32 = 1 << 12;
