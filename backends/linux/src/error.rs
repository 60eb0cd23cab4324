//! What the system says, as causes that a user acts on.

use std::io;

use tcpexposure_link::{Cause, Error};

/// Makes an error from what was tried and what came of it.
pub(crate) fn error(doing: impl Into<String>, cause: Cause) -> Error {
    Error { doing: doing.into(), cause }
}

/// Makes an error from what was tried and what the system said.
pub(crate) fn system(doing: impl Into<String>, said: io::Error) -> Error {
    error(doing, cause(said))
}

/// Tells the cause in what the system said.
pub(crate) fn cause(said: io::Error) -> Cause {
    match said.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => Cause::Privilege,
        _ => Cause::System(said),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permission_is_told_from_the_rest() {
        assert!(matches!(cause(io::Error::from_raw_os_error(libc::EPERM)), Cause::Privilege));
        assert!(matches!(cause(io::Error::from_raw_os_error(libc::EIO)), Cause::System(_)));
    }
}
