//! Sending by a packet socket, with our own link-layer header: packet(7).

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use tcpexposure_core::engine::SLOT;

use crate::{address::Address, interface::Interface, receive::enlarge, sys};

/// Sends frames on one interface.
pub(crate) struct Sender {
    fd: OwnedFd,
    index: u32,
    macs: Option<Macs>,
}

/// The hardware addresses of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Macs {
    /// The next hop's.
    pub(crate) destination: [u8; 6],
    /// Our own.
    pub(crate) source: [u8; 6],
}

/// A link-layer header, empty where there is none.
#[derive(Clone, Copy)]
pub(crate) struct Header {
    bytes: [u8; 14],
    length: usize,
}

impl Sender {
    /// Opens a socket for frames between `macs`, or without a link-layer header.
    pub(crate) fn open(interface: &Interface, macs: Option<Macs>) -> io::Result<Self> {
        // A socket of protocol 0 hears nothing.
        let fd = sys::socket(libc::AF_PACKET, libc::SOCK_RAW, 0)?;
        enlarge(fd.as_fd(), libc::SO_SNDBUFFORCE, libc::SO_SNDBUF);
        Ok(Self { fd, index: interface.index, macs })
    }

    pub(crate) const fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// Makes the header for `packet`, and the socket address that goes with it.
    pub(crate) fn address(&self, packet: &[u8]) -> (Header, Address) {
        let protocol = ether_type(packet);
        (Header::new(self.macs, protocol), Address::packet(self.index, protocol))
    }
}

impl Header {
    /// The header where there is none.
    pub(crate) const NONE: Self = Self { bytes: [0; 14], length: 0 };

    pub(crate) fn new(macs: Option<Macs>, protocol: u16) -> Self {
        let mut bytes = [0; 14];
        let Some(macs) = macs else {
            return Self { bytes, length: 0 };
        };
        bytes[..6].copy_from_slice(&macs.destination);
        bytes[6..12].copy_from_slice(&macs.source);
        bytes[12..].copy_from_slice(&protocol.to_be_bytes());
        Self { bytes, length: 14 }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Writes the header at the start of a frame.
    pub(crate) const fn write(&self, frame: &mut [u8]) {
        // The length is one that the compiler knows.
        if self.length > 0
            && let Some(room) = frame.first_chunk_mut()
        {
            *room = self.bytes;
        }
    }
}

/// Opens a socket whose frames go past the queueing discipline, to one interface only.
pub(crate) fn bypass(interface: &Interface) -> io::Result<OwnedFd> {
    // A socket of protocol 0 hears nothing.
    let fd = sys::socket(libc::AF_PACKET, libc::SOCK_RAW, 0)?;
    enlarge(fd.as_fd(), libc::SO_SNDBUFFORCE, libc::SO_SNDBUF);
    sys::set_integer(fd.as_fd(), libc::SOL_PACKET, libc::PACKET_QDISC_BYPASS, 1)?;
    sys::bind(fd.as_fd(), &Address::packet(interface.index, 0))?;
    Ok(fd)
}

/// Tells the most that a frame takes on an interface, in bytes.
pub(crate) fn frame_room(interface: &Interface) -> usize {
    interface.mtu.clamp(SLOT, LARGEST) + HEADER
}

/// Tells the EtherType that leads a receiver to read `packet` as IP. What is of neither version
/// passes for IPv4, whose receivers look at the version again.
fn ether_type(packet: &[u8]) -> u16 {
    match packet.first().map(|byte| byte >> 4) {
        Some(6) => libc::ETH_P_IPV6 as u16,
        _ => libc::ETH_P_IP as u16,
    }
}

/// The size of an Ethernet header.
const HEADER: usize = 14;
/// The largest IP packet without extensions.
const LARGEST: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_follows_the_version() {
        let macs = Macs { destination: [2, 0, 0, 0, 0, 9], source: [2, 0, 0, 0, 0, 1] };
        for (first, expected) in [(0x45, [8, 0]), (0x60, [0x86, 0xdd]), (0xf0, [8, 0])] {
            let header = Header::new(Some(macs), ether_type(&[first]));
            let bytes = header.bytes();
            assert_eq!(bytes[..6], macs.destination);
            assert_eq!(bytes[6..12], macs.source);
            assert_eq!(bytes[12..], expected);
        }
        assert!(Header::new(None, 0x0800).bytes().is_empty());
    }
}
