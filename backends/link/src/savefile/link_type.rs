//! Link types (the tcpdump group's "Link-Layer Header Types").

use tcpexposure_core::wire::packet::Start;

/// What capture files call the beginnings of frames; where several numbers mean the same, the first
/// is the one that is written.
const LINK_TYPES: &[(u32, Start)] = &[
    (1, Start::Ethernet),
    (101, Start::Ip),
    (12, Start::Ip),  // DLT_RAW on most systems
    (14, Start::Ip),  // DLT_RAW on OpenBSD
    (228, Start::Ip), // IPv4 only
    (229, Start::Ip), // IPv6 only
    (0, Start::Null),
    (108, Start::Loop),
    (113, Start::LinuxSll),
    (276, Start::LinuxSll2),
    (9, Start::Ppp),
    (50, Start::Ppp), // in HDLC-like framing
];

/// Tells what frames of a link type begin with, if we can read them.
#[must_use]
pub fn start(link_type: u32) -> Option<Start> {
    LINK_TYPES.iter().find(|(number, _)| *number == link_type).map(|(_, start)| *start)
}

/// Tells the link type of frames that begin with `start`.
#[must_use]
pub fn link_type(start: Start) -> u32 {
    LINK_TYPES.iter().find(|(_, known)| *known == start).map_or(101, |(number, _)| *number)
}
