//! Link-layer headers as they are written, and the room for a packet behind one.

use std::{
    collections::VecDeque,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use tcpexposure_core::wire::packet::Start;

/// What is written before the IP packets that leave by an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// Nothing.
    None,
    /// An Ethernet II header.
    Ethernet(Macs),
    /// The address family in this machine's byte order: DLT_NULL.
    Null(Families),
    /// The address family in network byte order: DLT_LOOP.
    Loop(Families),
    /// PPP in HDLC-like framing, FF 03 and the protocol (RFC 1662 section 3.1).
    Ppp,
}

/// The hardware addresses of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Macs {
    /// The next hop's.
    pub destination: [u8; 6],
    /// Our own.
    pub source: [u8; 6],
}

/// What a system calls the two address families: AF_INET and AF_INET6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Families {
    /// IPv4, 2 on every system.
    pub v4: u32,
    /// IPv6, another number on most.
    pub v6: u32,
}

/// A link-layer header in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Written {
    bytes: [u8; HEADROOM],
    length: usize,
}

/// Room for one IP packet, and before it for its link-layer header.
#[derive(Debug)]
pub struct Slot(Vec<u8>);

impl Header {
    /// Writes the header of `packet`, by its IP version. What is of neither version passes for
    /// IPv4, whose receivers look at the version again.
    #[must_use]
    pub fn write(&self, packet: &[u8]) -> Written {
        let v6 = packet.first().is_some_and(|first| first >> 4 == 6);
        let family = |families: &Families| if v6 { families.v6 } else { families.v4 };
        match self {
            Self::None => Written::new(&[]),
            Self::Null(families) => Written::new(&[&family(families).to_ne_bytes()]),
            Self::Loop(families) => Written::new(&[&family(families).to_be_bytes()]),
            Self::Ppp => Written::new(&[&[0xff, 0x03, 0x00, if v6 { 0x57 } else { 0x21 }]]),
            Self::Ethernet(Macs { destination, source }) => {
                let kind = if v6 { [0x86, 0xdd] } else { [0x08, 0x00] };
                Written::new(&[destination, source, &kind])
            }
        }
    }
}

impl Written {
    fn new(parts: &[&[u8]]) -> Self {
        let mut written = Self { bytes: [0; HEADROOM], length: 0 };
        for part in parts {
            let end = written.length + part.len();
            written.bytes[written.length..end].copy_from_slice(part);
            written.length = end;
        }
        written
    }

    /// Tells the bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl Slot {
    /// Makes room for the largest packet that loopback takes.
    #[must_use]
    pub fn new() -> Self {
        Self(vec![0; HEADROOM + SLOT])
    }

    /// Lends room for an IP packet.
    pub fn packet_mut(&mut self) -> &mut [u8] {
        &mut self.0[HEADROOM..]
    }

    /// Tells the first `length` bytes of the packet.
    #[must_use]
    pub fn packet(&self, length: usize) -> &[u8] {
        &self.0[HEADROOM..HEADROOM + length]
    }

    /// Puts `header` before the first `length` bytes of the packet, and tells the frame.
    pub fn frame(&mut self, header: &Header, length: usize) -> &[u8] {
        let written = header.write(self.packet(length));
        let start = HEADROOM - written.length;
        self.0[start..HEADROOM].copy_from_slice(written.bytes());
        &self.0[start..HEADROOM + length]
    }
}

impl Default for Slot {
    fn default() -> Self {
        Self::new()
    }
}

/// The hardware addresses that packets came from, so that answers find the way back. The oldest are
/// forgotten.
#[derive(Clone, Debug, Default)]
pub struct Neighbours(VecDeque<(IpAddr, [u8; 6])>);

impl Neighbours {
    /// Notes where an Ethernet frame with an IP packet came from.
    pub fn learn(&mut self, frame: &[u8]) {
        let mac = frame.get(6..).and_then(|rest| rest.first_chunk::<6>());
        let Some((mac, from)) = mac.zip(source(packet(Start::Ethernet, frame))) else { return };
        if self.0.back() == Some(&(from, *mac)) {
            return;
        }
        self.0.retain(|(known, _)| *known != from);
        if self.0.len() == NEIGHBOURS {
            self.0.pop_front();
        }
        self.0.push_back((from, *mac));
    }

    /// Tells the hardware address that leads to an IP address.
    #[must_use]
    pub fn find(&self, address: IpAddr) -> Option<[u8; 6]> {
        self.0.iter().rev().find(|(known, _)| *known == address).map(|(_, mac)| *mac)
    }
}

/// Tells the IP packet in a frame without VLAN tags: what follows its link-layer header.
#[must_use]
pub fn packet(start: Start, frame: &[u8]) -> &[u8] {
    let header = match start {
        Start::Ethernet => 14,
        Start::Ip => 0,
        Start::Null | Start::Loop => 4,
        Start::LinuxSll => 16,
        Start::LinuxSll2 => 20,
        Start::Ppp if frame.starts_with(&[0xff, 0x03]) => 4,
        Start::Ppp => 2,
    };
    frame.get(header..).unwrap_or_default()
}

/// Tells where an IP packet is going, by its own header.
#[must_use]
pub fn destination(packet: &[u8]) -> Option<IpAddr> {
    match packet.first()? >> 4 {
        4 => Some(Ipv4Addr::from(*packet.get(16..)?.first_chunk::<4>()?).into()),
        6 => Some(Ipv6Addr::from(*packet.get(24..)?.first_chunk::<16>()?).into()),
        _ => None,
    }
}

/// Tells where an IP packet comes from, by its own header.
#[must_use]
pub fn source(packet: &[u8]) -> Option<IpAddr> {
    match packet.first()? >> 4 {
        4 => Some(Ipv4Addr::from(*packet.get(12..)?.first_chunk::<4>()?).into()),
        6 => Some(Ipv6Addr::from(*packet.get(8..)?.first_chunk::<16>()?).into()),
        _ => None,
    }
}

/// How many neighbours are remembered.
const NEIGHBOURS: usize = 256;
/// Room for the longest link-layer header, so that the packet behind it is aligned.
const HEADROOM: usize = 16;
/// Room for the largest IP packet.
const SLOT: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use tcpexposure_core::wire::packet::{Network, Offload, Packet};

    use super::*;

    const MACS: Macs = Macs { destination: [2, 0, 0, 0, 0, 9], source: [2, 0, 0, 0, 0, 1] };
    const FAMILIES: Families = Families { v4: 2, v6: 30 };

    const ALL: [(Header, Start); 5] = [
        (Header::None, Start::Ip),
        (Header::Ethernet(MACS), Start::Ethernet),
        (Header::Null(FAMILIES), Start::Null),
        (Header::Loop(FAMILIES), Start::Loop),
        (Header::Ppp, Start::Ppp),
    ];

    #[test]
    fn what_is_written_is_what_core_reads() {
        let mut v4 = [0; 20];
        v4[..4].copy_from_slice(&[0x45, 0, 0, 20]);
        v4[16..].copy_from_slice(&[192, 0, 2, 7]);
        let mut v6 = [0; 40];
        (v6[0], v6[39]) = (0x60, 7);
        for (header, start) in ALL {
            for ip in [&v4[..], &v6] {
                let mut slot = Slot::new();
                slot.packet_mut()[..ip.len()].copy_from_slice(ip);
                let frame = slot.frame(&header, ip.len());
                let read = Packet::parse(start, frame, frame.len(), Offload::default());
                match read.network {
                    Network::V4(_) => assert_eq!(ip.len(), 20, "{header:?}"),
                    Network::V6(_) => assert_eq!(ip.len(), 40, "{header:?}"),
                    Network::None => panic!("{header:?}: {frame:02x?}"),
                }
                assert_eq!(packet(start, frame), ip);
            }
        }
        assert_eq!(destination(&v4), Some([192, 0, 2, 7].into()));
        assert_eq!(destination(&v6), Some("::7".parse().unwrap()));
        assert_eq!((destination(&[]), destination(&v4[..19])), (None, None));
    }

    #[test]
    fn what_is_of_no_version_passes_for_ipv4() {
        assert_eq!(Header::Ethernet(MACS).write(&[0xf0]).bytes()[12..], [8, 0]);
        assert_eq!(Header::Ppp.write(&[]).bytes(), [0xff, 3, 0, 0x21]);
    }

    #[test]
    fn answers_find_the_way_back() {
        let mut neighbours = Neighbours::default();
        let frame = |last: u8, mac: u8| {
            let mut packet = [0; 20];
            (packet[0], packet[15]) = (0x45, last);
            let macs = Macs { destination: [2; 6], source: [mac; 6] };
            [Header::Ethernet(macs).write(&packet).bytes(), &packet].concat()
        };
        for (last, mac) in [(1, 4), (2, 6), (1, 8)] {
            neighbours.learn(&frame(last, mac));
        }
        neighbours.learn(&frame(3, 1)[..20]);
        let find = |last| neighbours.find([0, 0, 0, last].into());
        assert_eq!((find(1), find(2), find(3)), (Some([8; 6]), Some([6; 6]), None));
        for last in 3..=255 {
            neighbours.learn(&frame(last, 1));
        }
        neighbours.learn(&frame(0, 1));
        neighbours.learn(&frame(1, 9));
        assert_eq!(neighbours.0.len(), NEIGHBOURS);
    }

    #[test]
    fn a_frame_cut_short_holds_no_packet() {
        for (_, start) in ALL.into_iter().skip(1) {
            assert!(packet(start, &[0]).is_empty());
        }
    }
}
