//! What the numbers of BIOCGDLT mean, and what is written before packets of each kind.

use tcpexposure_core::wire::packet::Start;
use tcpexposure_link::frame::{Header, Macs};

use crate::system::System;

/// Tells what the frames of a link type begin with; `None` for what is not read.
#[must_use]
pub fn start(system: &System, number: u32) -> Option<Start> {
    match number {
        DLT_EN10MB => Some(Start::Ethernet),
        DLT_NULL => Some(Start::Null),
        DLT_PPP | DLT_PPP_SERIAL => Some(Start::Ppp),
        raw if raw == system.dlt_raw => Some(Start::Ip),
        looped if Some(looped) == system.dlt_loop => Some(Start::Loop),
        _ => None,
    }
}

/// Tells what is written before packets; `None` for Ethernet between unknown hardware addresses.
#[must_use]
pub fn header(system: &System, start: Start, macs: Option<Macs>) -> Option<Header> {
    match start {
        Start::Ethernet => macs.map(Header::Ethernet),
        Start::Null => Some(Header::Null(system.families)),
        Start::Loop => Some(Header::Loop(system.families)),
        Start::Ppp => Some(Header::Ppp),
        Start::Ip => Some(Header::None),
        Start::LinuxSll | Start::LinuxSll2 => None,
    }
}

// net/dlt.h, or net/bpf.h where there is none; the same on every system.
const DLT_NULL: u32 = 0;
const DLT_EN10MB: u32 = 1;
const DLT_PPP: u32 = 9;
const DLT_PPP_SERIAL: u32 = 50;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::{ALL, FREEBSD, OPENBSD};

    #[test]
    fn numbers_mean_what_the_system_says() {
        for system in ALL {
            assert_eq!(start(system, 1), Some(Start::Ethernet));
            assert_eq!(start(system, 0), Some(Start::Null));
            assert_eq!(start(system, 9), Some(Start::Ppp));
            assert_eq!(start(system, 105), None, "IEEE 802.11");
        }
        assert_eq!((start(&FREEBSD, 12), start(&FREEBSD, 14)), (Some(Start::Ip), None));
        assert_eq!(
            (start(&OPENBSD, 12), start(&OPENBSD, 14)),
            (Some(Start::Loop), Some(Start::Ip))
        );
    }

    #[test]
    fn loopback_names_the_family_as_the_system_does() {
        let header = header(&OPENBSD, Start::Loop, None).unwrap();
        assert_eq!(header.write(&[0x60]).bytes(), [0, 0, 0, 24]);
        assert!(super::header(&FREEBSD, Start::Ethernet, None).is_none());
    }
}
