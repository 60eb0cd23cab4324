//! What libpcap says, as causes that a user acts on. It tells the system's errors by their text
//! only.

use std::io;

use rustix::io::Errno;
use tcpexposure_link::{Cause, Error};

/// Makes an error from what was tried, with which interface, and what libpcap said.
pub(crate) fn error(doing: impl Into<String>, interface: &str, said: &pcap::Error) -> Error {
    Error { doing: doing.into(), cause: cause(interface, said) }
}

fn cause(interface: &str, said: &pcap::Error) -> Cause {
    if is_any(said, &[Errno::PERM, Errno::ACCESS]) {
        return Cause::Privilege;
    }
    let text = text(said);
    if is_any(said, &[Errno::NODEV, Errno::NXIO]) || text.contains(NO_SUCH_DEVICE) {
        return Cause::NoInterface(interface.to_owned());
    }
    Cause::System(io::Error::other(text))
}

/// Tells whether libpcap means one of these.
pub(crate) fn is_any(said: &pcap::Error, errors: &[Errno]) -> bool {
    let text = text(said);
    errors.iter().any(|error| text.contains(&words(*error)))
}

/// Tells how the system words an error, without the number that Rust adds.
fn words(error: Errno) -> String {
    let text = io::Error::from(error).to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

fn text(said: &pcap::Error) -> String {
    match said {
        pcap::Error::PcapError(text) => text.clone(),
        other => other.to_string(),
    }
}

/// libpcap's own words for an interface that there is not.
const NO_SUCH_DEVICE: &str = "No such device exists";

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Cause {
        cause("eth7", &pcap::Error::PcapError(text.to_owned()))
    }

    #[test]
    fn causes_are_told_by_the_systems_words() {
        let denied = format!("eth7: You don't have permission (socket: {})", words(Errno::PERM));
        assert!(matches!(said(&denied), Cause::Privilege));
        assert!(matches!(said("BIOCSETIF: eth7: No such device exists"), Cause::NoInterface(_)));
        let full = pcap::Error::PcapError(format!("send: {}", words(Errno::NOBUFS)));
        assert!(is_any(&full, &[Errno::AGAIN, Errno::NOBUFS]) && !is_any(&full, &[Errno::PERM]));
        assert_eq!(said("something else").to_string(), "something else");
    }
}
