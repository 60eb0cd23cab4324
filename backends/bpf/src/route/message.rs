//! Messages of the routing socket: route(4).
//!
//! Each is a struct rt_msghdr and the socket addresses that its mask tells of, each rounded up.

use std::net::IpAddr;

use crate::{
    sockaddr::{self, LinkAddress},
    system::System,
};

/// How a system lays a struct rt_msghdr out: where its fields begin, in bytes. The length, the
/// version and the type are in the first four bytes everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// RTM_VERSION.
    pub version: u8,
    /// The length of the header.
    pub length: usize,
    /// Where the header tells its own length, if it does.
    pub own_length: Option<usize>,
    /// The interface's number, two bytes.
    pub index: usize,
    /// RTF_…, four bytes.
    pub flags: usize,
    /// RTA_…, four bytes.
    pub addresses: usize,
    /// The process that asked, four bytes.
    pub pid: usize,
    /// The number of the question, four bytes.
    pub sequence: usize,
    /// What went wrong, four bytes.
    pub error: usize,
    /// The MTU and its width.
    pub mtu: (usize, usize),
}

/// One message about a route.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    system: &'static System,
    bytes: &'a [u8],
    addresses: [Option<&'a [u8]>; ADDRESSES],
}

/// Walks over the messages in a buffer. What has another version, or is too short for a header of
/// a route, is passed over.
pub fn walk<'a>(
    system: &'static System,
    mut buffer: &'a [u8],
) -> impl Iterator<Item = Message<'a>> {
    std::iter::from_fn(move || {
        loop {
            let length = usize::from(u16::from_ne_bytes(*buffer.first_chunk()?));
            if length < 4 {
                return None;
            }
            let bytes = buffer.get(..length)?;
            buffer = buffer.get(length..).unwrap_or_default();
            if let Some(message) = Message::read(system, bytes) {
                return Some(message);
            }
        }
    })
}

impl<'a> Message<'a> {
    fn read(system: &'static System, bytes: &'a [u8]) -> Option<Self> {
        let layout = &system.message;
        if *bytes.get(2)? != layout.version || bytes.len() < layout.length {
            return None;
        }
        let own = layout.own_length.and_then(|at| half(bytes, at)).map(usize::from);
        let mut rest = bytes.get(own.unwrap_or(layout.length).max(layout.length)..)?;
        let mask = number(bytes, layout.addresses)?;
        let mut addresses = [None; ADDRESSES];
        for (bit, place) in addresses.iter_mut().enumerate() {
            if mask >> bit & 1 == 1 {
                let Some((address, more)) = sockaddr::split(system, rest) else { break };
                (*place, rest) = (Some(address), more);
            }
        }
        Some(Self { system, bytes, addresses })
    }

    /// Tells what it is: RTM_….
    #[must_use]
    pub fn kind(&self) -> u8 {
        self.bytes.get(3).copied().unwrap_or(0)
    }

    /// Tells whether it answers the question of this number from this process.
    #[must_use]
    pub fn answers(&self, pid: u32, sequence: u32) -> bool {
        let layout = &self.system.message;
        self.kind() == RTM_GET
            && number(self.bytes, layout.pid) == Some(pid)
            && number(self.bytes, layout.sequence) == Some(sequence)
    }

    /// Tells the number of the system's error; 0 if there is none.
    #[must_use]
    pub fn error(&self) -> i32 {
        number(self.bytes, self.system.message.error).unwrap_or(0).cast_signed()
    }

    /// Tells the interface's number.
    #[must_use]
    pub fn index(&self) -> u16 {
        half(self.bytes, self.system.message.index).unwrap_or(0)
    }

    /// Tells whether all of these flags, RTF_…, are set.
    #[must_use]
    pub fn has(&self, flags: i32) -> bool {
        let own = number(self.bytes, self.system.message.flags).unwrap_or(0).cast_signed();
        own & flags == flags
    }

    /// Tells the path's MTU in bytes, if one is known.
    #[must_use]
    pub fn mtu(&self) -> Option<usize> {
        let (at, width) = self.system.message.mtu;
        let mtu = match width {
            8 => u64::from_ne_bytes(self.bytes.get(at..at + 8)?.try_into().ok()?),
            _ => number(self.bytes, at)?.into(),
        };
        usize::try_from(mtu).ok().filter(|mtu| *mtu > 0)
    }

    /// Tells the destination.
    #[must_use]
    pub fn destination(&self) -> Option<IpAddr> {
        sockaddr::ip(self.system, self.addresses[RTAX_DST]?)
    }

    /// Tells the router, if the way leads through one.
    #[must_use]
    pub fn gateway(&self) -> Option<IpAddr> {
        sockaddr::ip(self.system, self.addresses[RTAX_GATEWAY]?)
    }

    /// Tells the neighbour's hardware address, where the message is about one.
    #[must_use]
    pub fn neighbour(&self) -> Option<LinkAddress> {
        sockaddr::link(self.addresses[RTAX_GATEWAY]?)
    }

    /// Tells the interface.
    #[must_use]
    pub fn interface(&self) -> Option<LinkAddress> {
        sockaddr::link(self.addresses[RTAX_IFP]?)
    }

    /// Tells our own address on the way.
    #[must_use]
    pub fn source(&self) -> Option<IpAddr> {
        sockaddr::ip(self.system, self.addresses[RTAX_IFA]?)
    }
}

/// Asks for the way to `target`, and for the interface.
#[must_use]
pub fn question(system: &System, target: IpAddr, sequence: u32) -> Vec<u8> {
    let layout = &system.message;
    let mut bytes = vec![0; layout.length];
    bytes.extend(sockaddr::write(system, target));
    bytes.extend(sockaddr::write_empty_link(system));
    let length = bytes.len() as u16;
    bytes[..2].copy_from_slice(&length.to_ne_bytes());
    (bytes[2], bytes[3]) = (layout.version, RTM_GET);
    if let Some(at) = layout.own_length {
        bytes[at..at + 2].copy_from_slice(&(layout.length as u16).to_ne_bytes());
    }
    let asked = 1u32 << RTAX_DST | 1 << RTAX_IFP;
    let flags = (RTF_UP | RTF_HOST).cast_unsigned();
    for (at, value) in
        [(layout.addresses, asked), (layout.flags, flags), (layout.sequence, sequence)]
    {
        bytes[at..at + 4].copy_from_slice(&value.to_ne_bytes());
    }
    bytes
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

// net/route.h, the same on every system.
const RTM_GET: u8 = 4;
const RTF_UP: i32 = 1;
/// The way leads through a router.
pub const RTF_GATEWAY: i32 = 2;
const RTF_HOST: i32 = 4;
/// There is no way: the sender is told.
pub const RTF_REJECT: i32 = 8;
/// There is no way: nobody is told.
pub const RTF_BLACKHOLE: i32 = 0x1000;
/// A neighbour: RTF_LLINFO, also called RTF_LLDATA.
pub const RTF_LLINFO: i32 = 0x400;
const RTAX_DST: usize = 0;
const RTAX_GATEWAY: usize = 1;
const RTAX_IFP: usize = 4;
const RTAX_IFA: usize = 5;
/// How many kinds of addresses are read: up to RTAX_IFA.
const ADDRESSES: usize = 6;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::system::ALL;

    /// What a message tells.
    #[derive(Clone, Copy)]
    pub(crate) struct Told<'a> {
        pub(crate) target: &'a str,
        pub(crate) gateway: Option<&'a str>,
        pub(crate) mac: Option<[u8; 6]>,
        pub(crate) source: &'a str,
        pub(crate) flags: i32,
        pub(crate) mtu: u32,
    }

    pub(crate) const FAR: Told<'static> = Told {
        target: "198.51.100.7",
        gateway: Some("192.0.2.254"),
        mac: None,
        source: "192.0.2.1",
        flags: RTF_UP | RTF_GATEWAY,
        mtu: 1400,
    };

    fn link_address(system: &System, index: u16, name: &str, mac: Option<[u8; 6]>) -> Vec<u8> {
        let mac = mac.map_or(Vec::new(), |mac| mac.to_vec());
        let mut bytes = vec![0, sockaddr::AF_LINK, 0, 0, 6, name.len() as u8, mac.len() as u8, 0];
        bytes[2..4].copy_from_slice(&index.to_ne_bytes());
        bytes.extend(name.as_bytes());
        bytes.extend(mac);
        bytes.resize(bytes.len().max(20), 0);
        bytes[0] = bytes.len() as u8;
        bytes.resize(bytes.len().next_multiple_of(system.rounding), 0);
        bytes
    }

    /// Makes a message as the kernel of a system does.
    pub(crate) fn message(system: &System, told: Told<'_>, pid: u32, sequence: u32) -> Vec<u8> {
        let layout = &system.message;
        // OpenBSD's headers may be longer in a later version, which they tell themselves.
        let length = layout.length + if layout.own_length.is_some() { 8 } else { 0 };
        let mut bytes = vec![0; length];
        let mut mask = 1u32 << RTAX_DST | 1 << RTAX_IFP | 1 << RTAX_IFA;
        bytes.extend(sockaddr::write(system, told.target.parse().unwrap()));
        if let Some(gateway) = told.gateway {
            mask |= 1 << RTAX_GATEWAY;
            bytes.extend(sockaddr::write(system, gateway.parse().unwrap()));
        } else if told.mac.is_some() {
            mask |= 1 << RTAX_GATEWAY;
            bytes.extend(link_address(system, 3, "", told.mac));
        }
        // An empty mask, as for a default route.
        mask |= 1 << 2;
        bytes.extend(vec![0; system.rounding]);
        bytes.extend(link_address(system, 3, "em0", Some([2, 0, 0, 0, 0, 1])));
        bytes.extend(sockaddr::write(system, told.source.parse().unwrap()));
        let whole = bytes.len() as u16;
        let mut set = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        set(0, &whole.to_ne_bytes());
        set(2, &[layout.version, RTM_GET]);
        set(layout.index, &3u16.to_ne_bytes());
        if let Some(at) = layout.own_length {
            set(at, &(length as u16).to_ne_bytes());
        }
        set(layout.flags, &told.flags.to_ne_bytes());
        set(layout.addresses, &mask.to_ne_bytes());
        set(layout.pid, &pid.to_ne_bytes());
        set(layout.sequence, &sequence.to_ne_bytes());
        match layout.mtu {
            (at, 8) => set(at, &u64::from(told.mtu).to_ne_bytes()),
            (at, _) => set(at, &told.mtu.to_ne_bytes()),
        }
        bytes
    }

    #[test]
    fn each_systems_messages_are_read() {
        for system in ALL {
            let mut buffer = vec![4, 0, 99, 0];
            buffer[..2].copy_from_slice(&4u16.to_ne_bytes());
            buffer.extend(message(system, FAR, 77, 5));
            let v6 = Told {
                target: "2001:db8:9::7",
                gateway: Some("fe80::ff"),
                source: "2001:db8::1",
                mtu: 0,
                ..FAR
            };
            buffer.extend(message(system, v6, 77, 6));
            let found: Vec<_> = walk(system, &buffer).collect();
            let [v4, v6] = found[..] else { panic!("{}: {found:?}", system.name) };
            assert!(v4.answers(77, 5) && !v4.answers(77, 6) && !v4.answers(78, 5));
            assert_eq!((v4.index(), v4.error(), v4.mtu(), v6.mtu()), (3, 0, Some(1400), None));
            assert_eq!(v4.destination(), Some([198, 51, 100, 7].into()), "{}", system.name);
            assert_eq!(v4.gateway(), Some([192, 0, 2, 254].into()));
            assert_eq!(v4.source(), Some([192, 0, 2, 1].into()));
            assert_eq!(v4.interface().unwrap().name, "em0");
            assert!(v4.has(RTF_GATEWAY) && !v4.has(system.flag_local));
            assert_eq!(v6.gateway(), Some("fe80::ff".parse().unwrap()));
            assert_eq!(v6.source(), Some("2001:db8::1".parse().unwrap()));
        }
    }

    #[test]
    fn a_neighbour_is_told_by_its_hardware_address() {
        for system in ALL {
            let mac = Some([2, 0, 0, 0, 0, 9]);
            let told = Told { gateway: None, mac, flags: RTF_LLINFO, ..FAR };
            let bytes = message(system, told, 0, 0);
            let found = walk(system, &bytes).next().unwrap();
            assert_eq!(found.neighbour().unwrap().mac, mac);
            assert_eq!(found.gateway(), None);
        }
    }

    #[test]
    fn a_question_is_a_message_of_its_own_kind() {
        for system in ALL {
            for target in ["192.0.2.7", "2001:db8::7"] {
                let target: IpAddr = target.parse().unwrap();
                let bytes = question(system, target, 9);
                let asked = walk(system, &bytes).next().unwrap();
                assert_eq!(asked.destination(), Some(target), "{}", system.name);
                assert!(asked.answers(0, 9) && asked.interface().is_some());
                assert_eq!((asked.gateway(), asked.source()), (None, None));
            }
        }
    }

    #[test]
    fn messages_cut_short_are_read_as_far_as_they_go() {
        for system in ALL {
            let whole = message(system, FAR, 77, 5);
            for length in 0..whole.len() {
                assert_eq!(walk(system, &whole[..length]).count(), 0, "beyond the buffer");
                let mut cut = whole[..length].to_vec();
                if let Some(told) = cut.first_chunk_mut() {
                    *told = (length as u16).to_ne_bytes();
                }
                for message in walk(system, &cut) {
                    let _ = (message.gateway(), message.interface(), message.source());
                }
            }
            assert_eq!(walk(system, &[0; 64]).count(), 0);
        }
    }
}
