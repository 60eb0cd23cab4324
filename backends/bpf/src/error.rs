//! What the system says, as causes that a user acts on.

use std::io;

use tcpexposure_link::{Cause, Error};

/// Makes an error from what was tried and what came of it.
pub(crate) fn error(doing: impl Into<String>, cause: Cause) -> Error {
    Error { doing: doing.into(), cause }
}

/// Makes an error from what was tried, with which interface, and what the system said.
pub(crate) fn on(interface: &str, doing: impl Into<String>, said: io::Error) -> Error {
    let cause = match said.raw_os_error() {
        Some(ENXIO | ENODEV) => Cause::NoInterface(interface.to_owned()),
        Some(ENETDOWN) => Cause::Down(interface.to_owned()),
        _ if said.kind() == io::ErrorKind::PermissionDenied => Cause::Privilege,
        _ => Cause::System(said),
    };
    error(doing, cause)
}

/// Tells whether the queue of the card or of the kernel is full for a moment.
pub(crate) fn is_full(said: &io::Error) -> bool {
    said.kind() == io::ErrorKind::WouldBlock || said.raw_os_error() == Some(ENOBUFS)
}

/// Tells whether there is no room for a buffer as large as was asked for.
pub(crate) fn is_too_much(said: &io::Error) -> bool {
    said.kind() == io::ErrorKind::OutOfMemory
        || matches!(said.raw_os_error(), Some(ENOBUFS | EINVAL))
}

// sys/errno.h, the same on every BSD.
/// Device not configured: the interface has gone, or there never was one.
pub(crate) const ENXIO: i32 = 6;
const ENODEV: i32 = 19;
const EINVAL: i32 = 22;
/// Network is down.
pub(crate) const ENETDOWN: i32 = 50;
/// No buffer space available.
pub(crate) const ENOBUFS: i32 = 55;
