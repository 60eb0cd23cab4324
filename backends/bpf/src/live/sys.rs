//! The system calls: one a function, each named after its man page, each unsafe block argued.
//!
//! Nothing here has been run: there is no such machine to run it on. It is compiled for each
//! system, and the numbers and structures of our own tables are held against those that the libc
//! crate knows.

use std::{
    ffi::CStr,
    fs::{File, OpenOptions},
    io::{self, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd},
        unix::fs::OpenOptionsExt as _,
    },
    ptr, slice,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use libc::{c_int, c_void};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tcpexposure_link::filter::Instruction;

use crate::{
    device::{Device, RawSocket},
    interface::Entry,
    request::Request,
    system::{System, shared},
};

/// The system that this was compiled for.
pub(crate) static HERE: &System = {
    #[cfg(target_os = "freebsd")]
    {
        &crate::system::FREEBSD
    }
    #[cfg(target_os = "netbsd")]
    {
        &crate::system::NETBSD
    }
    #[cfg(target_os = "openbsd")]
    {
        &crate::system::OPENBSD
    }
    #[cfg(target_os = "macos")]
    {
        &crate::system::MACOS
    }
};

/// A BPF device of this machine, and the queue that tells when there is something to read.
#[derive(Debug)]
pub(crate) struct Bpf {
    file: File,
    queue: OwnedFd,
}

/// A raw IPv4 socket with the header included.
#[derive(Debug)]
pub(crate) struct Raw(Socket);

impl Bpf {
    /// Opens a device that nobody else has: the cloning one, or the first free of those with
    /// numbers.
    pub(crate) fn open() -> io::Result<Self> {
        let cloned = open("/dev/bpf".to_owned());
        let file = match cloned {
            Err(said) if said.kind() == io::ErrorKind::NotFound => numbered()?,
            other => other?,
        };
        Ok(Self { file, queue: kqueue()? })
    }
}

impl Device for Bpf {
    fn control(&mut self, request: Request, argument: &mut [u8]) -> io::Result<()> {
        ioctl(&self.file, request, argument)
    }

    fn set_filter(&mut self, program: &[Instruction]) -> io::Result<()> {
        set_filter(&self.file, program)
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }

    fn write(&mut self, frame: &[u8]) -> io::Result<usize> {
        self.file.write(frame)
    }

    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<bool> {
        wait(&self.queue, &self.file, timeout)
    }

    fn clock(&self) -> u64 {
        clock()
    }
}

impl Raw {
    /// Opens a socket whose packets the kernel routes.
    pub(crate) fn open() -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(libc::IPPROTO_RAW)))?;
        socket.set_header_included_v4(true)?;
        Ok(Self(socket))
    }
}

impl RawSocket for Raw {
    fn send(&mut self, packet: &[u8], to: Ipv4Addr) -> io::Result<()> {
        let to = SockAddr::from(SocketAddr::new(IpAddr::V4(to), 0));
        self.0.send_to(packet, &to).map(drop)
    }
}

/// Asks the routing socket one question, and hears the kernel until `answered` or the time is up.
pub(crate) fn ask_route(
    question: &[u8],
    patience: Duration,
    mut answered: impl FnMut(&[u8]) -> bool,
) -> io::Result<()> {
    let mut socket = Socket::new(Domain::from(libc::PF_ROUTE), Type::RAW, None)?;
    socket.set_read_timeout(Some(patience))?;
    socket.write_all(question)?;
    let mut buffer = [0; 2048];
    // Others' news comes by the same socket.
    for _ in 0..MOST_NEWS {
        let length = socket.read(&mut buffer)?;
        if answered(&buffer[..length]) {
            return Ok(());
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

/// Opens a listening socket that is deaf, by this option, to all but the nearest: IP_MINTTL in
/// ip(4), IPV6_MINHOPCOUNT in ip6(4).
pub(crate) fn listen(address: IpAddr, port: u16, deafness: c_int) -> io::Result<Socket> {
    let level = if address.is_ipv4() { libc::IPPROTO_IP } else { libc::IPPROTO_IPV6 };
    let socket = stream(address)?;
    set_integer(&socket, level, deafness, NEAREST)?;
    socket.bind(&SockAddr::from(SocketAddr::new(address, port)))?;
    socket.listen(1)?;
    Ok(socket)
}

/// Opens a socket that has a port and does not listen: nobody else can have it.
pub(crate) fn hold(address: IpAddr, port: u16) -> io::Result<Socket> {
    let socket = stream(address)?;
    socket.bind(&SockAddr::from(SocketAddr::new(address, port)))?;
    Ok(socket)
}

/// Tells which process this is.
pub(crate) fn pid() -> u32 {
    std::process::id()
}

/// Reads the clock: nanoseconds since the Unix epoch.
#[expect(clippy::disallowed_methods, reason = "a link reads the clock")]
pub(crate) fn clock() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Reads an interface's MTU: SIOCGIFMTU in netintro(4).
pub(crate) fn mtu(interface: &str) -> io::Result<usize> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    let mut argument = [0; shared::LARGEST];
    let name = argument.get_mut(..interface.len().min(15)).unwrap_or_default();
    name.copy_from_slice(&interface.as_bytes()[..name.len()]);
    ioctl(&socket, HERE.requests.mtu, &mut argument)?;
    let mtu = argument[16..].first_chunk().map_or(0, |mtu| i32::from_ne_bytes(*mtu));
    Ok(usize::try_from(mtu).unwrap_or(0))
}

/// Lists the interfaces with their addresses: getifaddrs(3).
pub(crate) fn interfaces() -> io::Result<Vec<Entry>> {
    let mut list = ptr::null_mut();
    // SAFETY: the pointer leads to a writable pointer, in which the function puts a list.
    check(unsafe { libc::getifaddrs(&raw mut list) })?;
    let mut entries = Vec::new();
    let mut next: *const libc::ifaddrs = list;
    // SAFETY: `next` is null or leads to an element of the list, which lives until it is freed
    // below; nothing else has a pointer to it.
    while let Some(element) = unsafe { next.as_ref() } {
        // SAFETY: the system ends the name of every element with a NUL, and it lives as long as
        // the list.
        let name = unsafe { CStr::from_ptr(element.ifa_name) };
        entries.push(Entry {
            name: name.to_string_lossy().into_owned(),
            flags: element.ifa_flags,
            // SAFETY: both are null or lead to a socket address of the list.
            address: unsafe { copy_address(element.ifa_addr) },
            // SAFETY: as above.
            mask: unsafe { copy_address(element.ifa_netmask) },
        });
        next = element.ifa_next;
    }
    // SAFETY: `list` came from getifaddrs, is freed once, and nothing points into it any more.
    unsafe { libc::freeifaddrs(list) };
    Ok(entries)
}

/// Lists the routes of a family that have these flags: NET_RT_FLAGS in sysctl(3).
pub(crate) fn routes(family: u32, flags: c_int) -> io::Result<Vec<u8>> {
    let family = c_int::try_from(family).unwrap_or(0);
    let name = [libc::CTL_NET, libc::PF_ROUTE, 0, family, libc::NET_RT_FLAGS, flags];
    let mut length = sysctl(&name, &mut [])?;
    // The list may grow between the two calls.
    length += length / 4 + 4096;
    let mut list = vec![0; length];
    length = sysctl(&name, &mut list)?;
    list.truncate(length);
    Ok(list)
}

fn stream(address: IpAddr) -> io::Result<Socket> {
    let domain = if address.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

fn open(path: String) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(path)
}

fn numbered() -> io::Result<File> {
    for number in 0..DEVICES {
        match open(format!("/dev/bpf{number}")) {
            Err(said) if said.kind() == io::ErrorKind::ResourceBusy => {}
            other => return other,
        }
    }
    Err(io::ErrorKind::ResourceBusy.into())
}

/// Asks a descriptor for something, or tells it something: ioctl(2).
fn ioctl(fd: &impl AsRawFd, request: Request, argument: &mut [u8]) -> io::Result<()> {
    if argument.len() < request.size() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let pointer = argument.as_mut_ptr();
    // SAFETY: the request's number tells the kernel how many bytes it may read and write at most,
    // and `argument` has as many; none of the requests made here has a pointer in its argument
    // that is not valid. Any bytes are a valid argument to write back.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), request.number().into(), pointer) })
}

/// Sets the filter of a BPF device: BIOCSETF in bpf(4).
fn set_filter(fd: &File, program: &[Instruction]) -> io::Result<()> {
    let count = u32::try_from(program.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut argument = Program { count, instructions: program.as_ptr() };
    let pointer = &raw mut argument;
    // SAFETY: `pointer` leads to a struct bpf_program, whose `instructions` leads to `count`
    // instructions; both outlive the call, and the kernel only reads them.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), shared::SET_FILTER.number().into(), pointer) })
}

/// Makes an event queue: kqueue(2).
fn kqueue() -> io::Result<OwnedFd> {
    // SAFETY: the function takes nothing.
    let fd = unsafe { libc::kqueue() };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Waits until there is something to read, or `timeout` has passed, which gives `false`: kevent(2).
///
/// The wish is told anew each time: macOS refuses it while the device has no interface.
fn wait(queue: &OwnedFd, file: &File, timeout: Option<Duration>) -> io::Result<bool> {
    let time = timeout.map(|span| libc::timespec {
        tv_sec: span.as_secs().try_into().unwrap_or(LONGEST),
        tv_nsec: span.subsec_nanos().into(),
    });
    let time = time.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: a kevent is integers and a pointer that is given back as it is, for which all zeroes
    // are valid.
    let (mut wish, mut event): (libc::kevent, libc::kevent) = unsafe { std::mem::zeroed() };
    wish.ident = usize::try_from(file.as_raw_fd()).unwrap_or(0);
    wish.filter = libc::EVFILT_READ;
    wish.flags = libc::EV_ADD;
    let (queue, wishes, events) = (queue.as_raw_fd(), &raw const wish, &raw mut event);
    // SAFETY: `wishes` leads to one kevent that is only read, `events` to one writable; `time` is
    // null or leads to a timespec. All outlive the call.
    let count = unsafe { libc::kevent(queue, wishes, 1, events, 1, time) };
    check(count)?;
    if count > 0 && event.flags & libc::EV_ERROR != 0 {
        return Err(io::Error::from_raw_os_error(event.data.try_into().unwrap_or(0)));
    }
    Ok(count > 0)
}

/// Reads a setting into a buffer, and tells its length; an empty buffer only asks for it: sysctl(3).
fn sysctl(name: &[c_int; 6], buffer: &mut [u8]) -> io::Result<usize> {
    let mut name = *name;
    let mut length = buffer.len();
    let room = if buffer.is_empty() { ptr::null_mut() } else { buffer.as_mut_ptr() };
    let (name, old) = (name.as_mut_ptr(), room.cast::<c_void>());
    // SAFETY: `name` leads to six integers; `old` is null or leads to `length` writable bytes, of
    // which any are valid; `length` is written; there is no new value. All outlive the call.
    check(unsafe { libc::sysctl(name, 6, old, &raw mut length, ptr::null_mut(), 0) })?;
    Ok(length)
}

/// Sets an option that is an integer: setsockopt(2).
fn set_integer(socket: &Socket, level: c_int, name: c_int, value: c_int) -> io::Result<()> {
    let length = size_of::<c_int>() as libc::socklen_t;
    let (fd, pointer) = (socket.as_raw_fd(), (&raw const value).cast::<c_void>());
    // SAFETY: `pointer` leads to one c_int, `length` is its size, and it outlives the call; the
    // kernel only reads it.
    check(unsafe { libc::setsockopt(fd, level, name, pointer, length) })
}

/// Copies a socket address, as long as it says it is.
///
/// # Safety
/// `address` is null, or leads to a socket address that lives for the call.
unsafe fn copy_address(address: *const libc::sockaddr) -> Vec<u8> {
    if address.is_null() {
        return Vec::new();
    }
    // SAFETY: every socket address of these systems begins with its own length, and has as many
    // bytes.
    unsafe { slice::from_raw_parts(address.cast::<u8>(), (*address).sa_len.into()) }.to_vec()
}

fn check(result: c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// struct bpf_program in net/bpf.h.
#[repr(C)]
struct Program {
    count: u32,
    instructions: *const Instruction,
}

/// How many numbered devices are tried.
const DEVICES: u32 = 256;
/// How many messages of the routing socket are read before the answer must have come.
const MOST_NEWS: u32 = 256;
/// The TTL of a sender on the same link that means it.
const NEAREST: c_int = 255;
/// The longest wait in seconds that every system takes.
const LONGEST: libc::time_t = 86_400 * 365;

// What the libc crate knows too.
const _: () = {
    assert!(size_of::<Program>() == shared::SET_FILTER.size());
    assert!(size_of::<Instruction>() == 8);
    assert!(HERE.families.v4 == libc::AF_INET as u32);
    assert!(HERE.families.v6 == libc::AF_INET6 as u32);
    assert!(HERE.message.version as c_int == libc::RTM_VERSION as c_int);
    assert!(HERE.requests.attach.size() == size_of::<libc::ifreq>());
    assert!(crate::sockaddr::AF_LINK as c_int == libc::AF_LINK);
    assert!(crate::route::message::RTF_GATEWAY == libc::RTF_GATEWAY as c_int);
    assert!(crate::error::ENXIO == libc::ENXIO);
    assert!(crate::error::ENOBUFS == libc::ENOBUFS);
    assert!(crate::error::ENETDOWN == libc::ENETDOWN);
};

// Of NetBSD the crate knows none of these.
#[cfg(not(target_os = "netbsd"))]
const _: () = {
    assert!(shared::BUFFER_LENGTH.number() as u64 == libc::BIOCGBLEN as u64);
    assert!(shared::SET_BUFFER_LENGTH.number() as u64 == libc::BIOCSBLEN as u64);
    assert!(shared::LINK_TYPE.number() as u64 == libc::BIOCGDLT as u64);
    assert!(shared::IMMEDIATE.number() as u64 == libc::BIOCIMMEDIATE as u64);
    assert!(shared::HEADER_COMPLETE.number() as u64 == libc::BIOCSHDRCMPLT as u64);
};

#[cfg(any(target_os = "freebsd", target_os = "macos"))]
const _: () = {
    use std::mem::offset_of;
    let layout = &HERE.message;
    assert!(shared::SET_FILTER.number() as u64 == libc::BIOCSETF as u64);
    assert!(HERE.requests.attach.number() as u64 == libc::BIOCSETIF as u64);
    assert!(HERE.requests.inward.0.number() as u64 == libc::BIOCSSEESENT as u64);
    assert!(HERE.requests.statistics.0.number() as u64 == libc::BIOCGSTATS as u64);
    assert!(layout.length == size_of::<libc::rt_msghdr>());
    assert!(layout.index == offset_of!(libc::rt_msghdr, rtm_index));
    assert!(layout.flags == offset_of!(libc::rt_msghdr, rtm_flags));
    assert!(layout.addresses == offset_of!(libc::rt_msghdr, rtm_addrs));
    assert!(layout.pid == offset_of!(libc::rt_msghdr, rtm_pid));
    assert!(layout.sequence == offset_of!(libc::rt_msghdr, rtm_seq));
    assert!(layout.error == offset_of!(libc::rt_msghdr, rtm_errno));
    let mtu = offset_of!(libc::rt_msghdr, rtm_rmx) + offset_of!(libc::rt_metrics, rmx_mtu);
    assert!(layout.mtu.0 == mtu);
    assert!(HERE.record.lengths_at() == offset_of!(libc::bpf_hdr, bh_caplen));
    assert!(HERE.record.align == libc::BPF_ALIGNMENT as usize);
};

#[cfg(target_os = "freebsd")]
const _: () = assert!(matches!(HERE.deafness.min_ttl, Some(libc::IP_MINTTL)));
