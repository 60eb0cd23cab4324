//! System calls, one a function: the only unsafe code of this crate.
//!
//! Arguments and results are owned or borrowed Rust values, so that nothing outside this file
//! handles a pointer.

pub(crate) mod bpf;

use std::{
    io, mem,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
    ptr,
    time::Duration,
};

use libc::{c_int, c_void, iovec, mmsghdr, msghdr, sock_filter, sock_fprog, socklen_t};

use crate::address::Address;

mod map;
pub(crate) mod ring;
pub(crate) mod xsk;

/// The most messages that one [`send_many`] takes.
pub(crate) const BATCH: usize = 64;

/// Room for the control messages of one packet, aligned as the kernel's are.
#[repr(C, align(8))]
pub(crate) struct Control(pub(crate) [u8; 256]);

/// What [`receive_message`] got.
pub(crate) struct Received {
    /// The packet's true length, which may exceed the buffer.
    pub(crate) length: usize,
    /// How many bytes of control messages there are.
    pub(crate) control: usize,
    /// Whence it came.
    pub(crate) from: Address,
}

/// Reads the wall clock in nanoseconds since the Unix epoch: clock_gettime(2).
pub(crate) fn clock() -> u64 {
    clock_of(libc::CLOCK_REALTIME)
}

/// Reads the clock that never jumps, in nanoseconds since the machine started: clock_gettime(2).
pub(crate) fn monotonic() -> u64 {
    clock_of(libc::CLOCK_MONOTONIC)
}

fn clock_of(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place for one timespec, and outlives the call.
    let result = unsafe { libc::clock_gettime(clock, &raw mut time) };
    debug_assert_eq!(result, 0, "every Linux has this clock");
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0))
}

/// Makes a socket that is closed on exec: socket(2).
pub(crate) fn socket(domain: c_int, kind: c_int, protocol: c_int) -> io::Result<OwnedFd> {
    // SAFETY: socket(2) takes three integers and touches no memory of ours.
    let fd = check(unsafe { libc::socket(domain, kind | libc::SOCK_CLOEXEC, protocol) })?;
    // SAFETY: the kernel has just given us this descriptor, nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Gives a socket its own address: bind(2).
pub(crate) fn bind(fd: BorrowedFd<'_>, address: &Address) -> io::Result<()> {
    let (pointer, length) = raw_address(address);
    // SAFETY: `pointer` leads to `length` initialised bytes, aligned as a sockaddr, that live as
    // long as `address`, which outlives the call; the kernel only reads them.
    check(unsafe { libc::bind(fd.as_raw_fd(), pointer, length) }).map(drop)
}

/// Gives a socket its peer: connect(2).
pub(crate) fn connect(fd: BorrowedFd<'_>, address: &Address) -> io::Result<()> {
    let (pointer, length) = raw_address(address);
    // SAFETY: as in `bind`: `length` readable, aligned bytes that outlive the call.
    check(unsafe { libc::connect(fd.as_raw_fd(), pointer, length) }).map(drop)
}

/// Makes a socket wait for connections: listen(2).
pub(crate) fn listen(fd: BorrowedFd<'_>, backlog: c_int) -> io::Result<()> {
    // SAFETY: listen(2) takes two integers and touches no memory of ours.
    check(unsafe { libc::listen(fd.as_raw_fd(), backlog) }).map(drop)
}

/// Tells a socket's own address: getsockname(2).
pub(crate) fn local_address(fd: BorrowedFd<'_>) -> io::Result<Address> {
    let mut address = Address::EMPTY;
    let mut length = capacity(&address);
    let pointer = address.storage_mut().as_mut_ptr().cast();
    // SAFETY: `pointer` leads to `length` writable, aligned bytes, and `length` is a valid
    // socklen_t; both outlive the call. Any bytes at all are a valid `Address`.
    check(unsafe { libc::getsockname(fd.as_raw_fd(), pointer, &raw mut length) })?;
    address.set_length(length as usize);
    Ok(address)
}

/// Sets an option that is an integer: setsockopt(2).
pub(crate) fn set_integer(
    fd: BorrowedFd<'_>,
    level: c_int,
    name: c_int,
    value: c_int,
) -> io::Result<()> {
    let length = size_of::<c_int>() as socklen_t;
    let pointer = (&raw const value).cast::<c_void>();
    // SAFETY: `pointer` leads to one c_int, `length` is its size, and it outlives the call; the
    // kernel only reads it.
    check(unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, pointer, length) }).map(drop)
}

/// Sets an option that is a structure: setsockopt(2).
fn set_option(fd: BorrowedFd<'_>, level: c_int, name: c_int, value: &[u8]) -> io::Result<()> {
    let (pointer, length) = (value.as_ptr().cast::<c_void>(), value.len() as socklen_t);
    // SAFETY: `pointer` leads to `length` bytes that outlive the call, and the kernel only reads
    // them. The one option set here that holds an address in its turn, XDP_UMEM_REG, is argued
    // where it is set.
    check(unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, pointer, length) }).map(drop)
}

/// Reads an option that is an integer: getsockopt(2).
fn integer(fd: BorrowedFd<'_>, level: c_int, name: c_int) -> io::Result<c_int> {
    let mut value = [0; size_of::<c_int>()];
    option(fd, level, name, &mut value)?;
    Ok(c_int::from_ne_bytes(value))
}

/// Reads an option that is a structure, and tells how many bytes it has: getsockopt(2).
fn option(fd: BorrowedFd<'_>, level: c_int, name: c_int, value: &mut [u8]) -> io::Result<usize> {
    let mut length = value.len() as socklen_t;
    let pointer = value.as_mut_ptr().cast::<c_void>();
    // SAFETY: `pointer` leads to `length` writable bytes, and `length` is a valid socklen_t; both
    // outlive the call.
    check(unsafe { libc::getsockopt(fd.as_raw_fd(), level, name, pointer, &raw mut length) })?;
    Ok(length as usize)
}

/// Takes the error that waits at a socket, if there is one: SO_ERROR in socket(7).
pub(crate) fn pending_error(fd: BorrowedFd<'_>) -> io::Result<()> {
    match integer(fd, libc::SOL_SOCKET, libc::SO_ERROR)? {
        0 => Ok(()),
        number => Err(io::Error::from_raw_os_error(number)),
    }
}

/// Has the kernel look at a socket's rings, without waiting: sendto(2) of nothing.
pub(crate) fn kick(fd: BorrowedFd<'_>) -> io::Result<()> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: there is neither data nor an address: the null pointers go with lengths of 0.
    let result = unsafe { libc::sendto(fd.as_raw_fd(), ptr::null(), 0, flags, ptr::null(), 0) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Attaches a classic BPF program: SO_ATTACH_FILTER in socket(7).
pub(crate) fn attach_filter(fd: BorrowedFd<'_>, program: &[sock_filter]) -> io::Result<()> {
    let count = u16::try_from(program.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    // The kernel copies the program and never writes to it, though the field is not const.
    let program = sock_fprog { len: count, filter: program.as_ptr().cast_mut() };
    let pointer = (&raw const program).cast::<c_void>();
    let length = size_of::<sock_fprog>() as socklen_t;
    let (level, name) = (libc::SOL_SOCKET, libc::SO_ATTACH_FILTER);
    // SAFETY: `pointer` leads to one sock_fprog of size `length`, whose `filter` leads to `len`
    // instructions; all outlive the call, and the kernel only reads them.
    check(unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, pointer, length) }).map(drop)
}

/// Takes and resets a packet socket's counters, (packets that passed the filter, those of them
/// that were dropped): PACKET_STATISTICS in packet(7).
pub(crate) fn statistics(fd: BorrowedFd<'_>) -> io::Result<(u32, u32)> {
    let mut counts = [0; 8];
    option(fd, libc::SOL_PACKET, libc::PACKET_STATISTICS, &mut counts)?;
    let [packets, drops] = [0, 4].map(|at| {
        let word = counts[at..].first_chunk().copied().unwrap_or_default();
        u32::from_ne_bytes(word)
    });
    Ok((packets, drops))
}

/// Waits until there is something to read, or `timeout` has passed, which gives `false`: ppoll(2).
pub(crate) fn wait(fd: BorrowedFd<'_>, timeout: Option<Duration>) -> io::Result<bool> {
    wait_any(&[fd], timeout)
}

/// Waits until there is something to read on one of these: ppoll(2).
pub(crate) fn wait_any(fds: &[BorrowedFd<'_>], timeout: Option<Duration>) -> io::Result<bool> {
    let entry =
        |fd: &BorrowedFd<'_>| libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let mut entries: Vec<_> = fds.iter().map(entry).collect();
    let time = timeout.map(|span| libc::timespec {
        tv_sec: span.as_secs().try_into().unwrap_or(i32::MAX.into()),
        tv_nsec: span.subsec_nanos().into(),
    });
    let time = time.as_ref().map_or(ptr::null(), ptr::from_ref);
    let (pointer, count) = (entries.as_mut_ptr(), entries.len() as libc::nfds_t);
    // SAFETY: `pointer` leads to `count` pollfds; `time` is null or leads to a timespec; a null
    // signal mask is allowed. All outlive the call.
    let ready = check(unsafe { libc::ppoll(pointer, count, time, ptr::null()) })?;
    Ok(ready > 0)
}

/// Receives one datagram and its control messages without waiting; the length told is the true
/// one: recvmsg(2).
pub(crate) fn receive_message(
    fd: BorrowedFd<'_>,
    buffer: &mut [u8],
    control: &mut Control,
) -> io::Result<Received> {
    let mut from = Address::EMPTY;
    let mut vector = iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let mut message = empty_message();
    message.msg_name = from.storage_mut().as_mut_ptr().cast();
    message.msg_namelen = capacity(&from);
    message.msg_iov = &raw mut vector;
    message.msg_iovlen = 1;
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = control.0.len() as _;
    let flags = libc::MSG_DONTWAIT | libc::MSG_TRUNC;
    // SAFETY: every pointer in `message` leads to as many writable bytes as its length field
    // tells, in `from`, `buffer` and `control`, which are borrowed mutably here and outlive the
    // call; any bytes are valid values of all three.
    let length = unsafe { libc::recvmsg(fd.as_raw_fd(), &raw mut message, flags) };
    let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
    from.set_length(message.msg_namelen as usize);
    #[expect(clippy::useless_conversion, reason = "socklen_t on musl, size_t on glibc")]
    let control = usize::try_from(message.msg_controllen).unwrap_or(0);
    Ok(Received { length, control, from })
}

/// Receives one datagram, waiting if need be: recv(2).
pub(crate) fn receive(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    let pointer = buffer.as_mut_ptr().cast::<c_void>();
    // SAFETY: `pointer` leads to `buffer.len()` writable bytes, borrowed mutably for the call.
    let length = unsafe { libc::recv(fd.as_raw_fd(), pointer, buffer.len(), 0) };
    usize::try_from(length).map_err(|_| io::Error::last_os_error())
}

/// Sends one datagram to the socket's peer: send(2).
pub(crate) fn send(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<()> {
    let pointer = bytes.as_ptr().cast::<c_void>();
    // SAFETY: `pointer` leads to `bytes.len()` readable bytes that outlive the call.
    let length = unsafe { libc::send(fd.as_raw_fd(), pointer, bytes.len(), libc::MSG_NOSIGNAL) };
    usize::try_from(length).map(drop).map_err(|_| io::Error::last_os_error())
}

/// Sends up to [`BATCH`] datagrams, each to its own address, and tells how many went:
/// sendmmsg(2).
pub(crate) fn send_many<'a>(
    fd: BorrowedFd<'_>,
    datagrams: impl Iterator<Item = (&'a [u8], Option<&'a Address>)>,
) -> io::Result<usize> {
    let mut vectors = [iovec { iov_base: ptr::null_mut(), iov_len: 0 }; BATCH];
    let mut messages = [mmsghdr { msg_hdr: empty_message(), msg_len: 0 }; BATCH];
    let mut count = 0;
    for ((bytes, to), (vector, message)) in
        datagrams.zip(vectors.iter_mut().zip(messages.iter_mut()))
    {
        let (name, length) = to.map_or((ptr::null(), 0), raw_address);
        *vector = iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
        message.msg_hdr.msg_name = name.cast_mut().cast();
        message.msg_hdr.msg_namelen = length;
        message.msg_hdr.msg_iov = vector;
        message.msg_hdr.msg_iovlen = 1;
        count += 1;
    }
    let pointer = messages.as_mut_ptr();
    // SAFETY: `pointer` leads to `count` messages; the pointers in each lead to readable bytes,
    // to an address and to one iovec, which all live for 'a or in this frame, and the kernel
    // writes to none of them but `msg_len`.
    check(unsafe { libc::sendmmsg(fd.as_raw_fd(), pointer, count, libc::MSG_NOSIGNAL as _) })
        .map(|sent| usize::try_from(sent).unwrap_or(0))
}

/// Reads one integer setting of an interface: SIOCETHTOOL in netdevice(7), `ethtool_value` in
/// linux/ethtool.h.
pub(crate) fn ethtool(fd: BorrowedFd<'_>, interface: &str, command: u32) -> io::Result<u32> {
    #[repr(C)]
    struct Value {
        command: u32,
        data: u32,
    }
    let mut value = Value { command, data: 0 };
    // SAFETY: ifreq is integers, arrays and pointers in a union, for which all zeroes are valid.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    let room = request.ifr_name.len() - 1;
    for (to, from) in request.ifr_name.iter_mut().zip(interface.bytes().take(room)) {
        *to = from as _;
    }
    request.ifr_ifru.ifru_data = (&raw mut value).cast();
    // SAFETY: the name ends in NUL, and `ifru_data` leads to one writable ethtool_value whose
    // `command` is one of those that read one integer into `data`; both outlive the call.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::SIOCETHTOOL as _, &raw mut request) })?;
    Ok(value.data)
}

fn empty_message() -> msghdr {
    // SAFETY: msghdr is pointers and integers, for which all zeroes are valid.
    unsafe { mem::zeroed() }
}

fn raw_address(address: &Address) -> (*const libc::sockaddr, socklen_t) {
    (address.bytes().as_ptr().cast(), address.bytes().len() as socklen_t)
}

fn capacity(address: &Address) -> socklen_t {
    address.storage().len() as socklen_t
}

fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
