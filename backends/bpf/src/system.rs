//! What differs from system to system, as data: structure layouts, numbers and habits.
//!
//! All of it is for 64-bit machines. It was taken from the systems' own headers, as published:
//! FreeBSD 14 (sys/net/bpf.h, sys/net/route.h, sys/netinet/in.h), NetBSD 10 (sys/net/bpf.h 1.78,
//! sys/net/route.h 1.114, sys/netinet/in.h), OpenBSD 7.7 (sys/net/bpf.h 1.74, sys/net/route.h from
//! 1.174 on, sys/netinet6/in6.h) and xnu (bsd/net/bpf.h of 2022, bsd/net/route.h of 2017). Where
//! the libc crate knows a number or a structure, sys.rs holds ours against it when it is compiled
//! for that system.

use tcpexposure_link::frame::Families;

use crate::{
    record, request,
    request::{Request, read, read_write, write},
    route::message,
};

/// A system that has BPF devices.
#[derive(Debug)]
pub struct System {
    /// Its name.
    pub name: &'static str,
    /// How a record in a read buffer is laid out.
    pub record: record::Layout,
    /// How a routing message is laid out.
    pub message: message::Layout,
    /// What socket addresses in routing messages are rounded up to, in bytes.
    pub rounding: usize,
    /// The address families.
    pub families: Families,
    /// DLT_RAW, which has a number of its own on OpenBSD.
    pub dlt_raw: u32,
    /// DLT_LOOP; `None` where no interface has it.
    pub dlt_loop: Option<u32>,
    /// What is asked of the devices.
    pub requests: Requests,
    /// RTF_LOCAL: a route to this machine itself.
    pub flag_local: i32,
    /// How a raw IPv4 socket wants total length and fragment offset.
    pub raw_order: Order,
    /// How far a deaf listener can be had.
    pub deafness: Deafness,
}

/// The ioctl requests that differ, and what to ask by them.
#[derive(Debug)]
pub struct Requests {
    /// BIOCSETIF.
    pub attach: Request,
    /// How to hear only what comes in, and the value that says so.
    pub inward: (Request, u32),
    /// BIOCSTSTAMP and the value for nanoseconds.
    pub nanoseconds: Option<(Request, u32)>,
    /// BIOCGSTATS, and the bytes of each of its counters.
    pub statistics: (Request, usize),
    /// SIOCGIFMTU.
    pub mtu: Request,
}

/// The byte order of two fields of an IPv4 header that is given to a raw socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As on the wire.
    Network,
    /// As the machine has it.
    Host,
}

/// Which socket options make a listener deaf to all but senders on the same link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deafness {
    /// IP_MINTTL.
    pub min_ttl: Option<i32>,
    /// IPV6_MINHOPCOUNT.
    pub min_hops: Option<i32>,
}

/// FreeBSD, since 11.
pub static FREEBSD: System = System {
    name: "FreeBSD",
    record: record::Layout { wide: true, unit: 1, align: 8 },
    message: message::Layout {
        version: 5,
        length: 152,
        own_length: None,
        index: 4,
        flags: 8,
        addresses: 12,
        pid: 16,
        sequence: 20,
        error: 24,
        mtu: (48, 8),
    },
    rounding: 8,
    families: Families { v4: 2, v6: 28 },
    dlt_raw: 12,
    dlt_loop: Some(108),
    requests: Requests {
        attach: write(b'B', 108, 32),
        inward: (write(b'B', 119, 4), 0),
        nanoseconds: Some((write(b'B', 132, 4), 1)),
        statistics: (read(b'B', 111, 8), 4),
        mtu: read_write(b'i', 51, 32),
    },
    flag_local: 0x20_0000,
    raw_order: Order::Network,
    deafness: Deafness { min_ttl: Some(66), min_hops: None },
};

/// NetBSD.
pub static NETBSD: System = System {
    name: "NetBSD",
    record: record::Layout { wide: true, unit: 1000, align: 8 },
    message: message::Layout {
        version: 4,
        length: 120,
        own_length: None,
        index: 4,
        flags: 8,
        addresses: 12,
        pid: 16,
        sequence: 20,
        error: 24,
        mtu: (48, 8),
    },
    rounding: 8,
    families: Families { v4: 2, v6: 24 },
    dlt_raw: 12,
    dlt_loop: None,
    requests: Requests {
        attach: write(b'B', 108, 144),
        inward: (write(b'B', 121, 4), 0),
        nanoseconds: None,
        statistics: (read(b'B', 111, 128), 8),
        mtu: read_write(b'i', 126, 144),
    },
    flag_local: 0x4_0000,
    raw_order: Order::Host,
    deafness: Deafness { min_ttl: Some(24), min_hops: None },
};

/// OpenBSD.
pub static OPENBSD: System = System {
    name: "OpenBSD",
    record: record::Layout { wide: false, unit: 1000, align: 4 },
    message: message::Layout {
        version: 5,
        length: 96,
        own_length: Some(4),
        index: 6,
        flags: 16,
        addresses: 12,
        pid: 24,
        sequence: 28,
        error: 32,
        mtu: (60, 4),
    },
    rounding: 8,
    families: Families { v4: 2, v6: 24 },
    dlt_raw: 14,
    dlt_loop: Some(12),
    requests: Requests {
        attach: write(b'B', 108, 32),
        // BIOCSDIRFILT names what is to be left out: BPF_DIRECTION_OUT.
        inward: (write(b'B', 125, 4), 2),
        nanoseconds: None,
        statistics: (read(b'B', 111, 8), 4),
        mtu: read_write(b'i', 126, 32),
    },
    flag_local: 0x20_0000,
    raw_order: Order::Network,
    deafness: Deafness { min_ttl: Some(32), min_hops: Some(65) },
};

/// macOS.
pub static MACOS: System = System {
    name: "macOS",
    record: record::Layout { wide: false, unit: 1000, align: 4 },
    message: message::Layout {
        version: 5,
        length: 92,
        own_length: None,
        index: 4,
        flags: 8,
        addresses: 12,
        pid: 16,
        sequence: 20,
        error: 24,
        mtu: (40, 4),
    },
    rounding: 4,
    families: Families { v4: 2, v6: 30 },
    dlt_raw: 12,
    dlt_loop: Some(108),
    requests: Requests {
        attach: write(b'B', 108, 32),
        // BIOCSSEESENT.
        inward: (write(b'B', 119, 4), 0),
        nanoseconds: None,
        statistics: (read(b'B', 111, 8), 4),
        mtu: read_write(b'i', 51, 32),
    },
    flag_local: 0x20_0000,
    raw_order: Order::Host,
    deafness: Deafness { min_ttl: None, min_hops: None },
};

/// All of them.
pub static ALL: [&System; 4] = [&FREEBSD, &NETBSD, &OPENBSD, &MACOS];

impl Deafness {
    /// Tells whether a listener is deaf to nobody, so that a packet filter must keep the kernel
    /// silent.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.min_ttl.is_none() && self.min_hops.is_none()
    }
}

impl System {
    /// Tells the rule of the system's packet filter that keeps the kernel's resets from these
    /// ports, in the families that no deaf listener covers; `None` where none is needed.
    #[must_use]
    pub fn silencing_rule(&self, first: u16, last: u16) -> Option<String> {
        let npf = self.name == "NetBSD";
        let family = match (self.deafness.min_ttl, self.deafness.min_hops) {
            (Some(_), Some(_)) => return None,
            (Some(_), None) if npf => " family inet6",
            (Some(_), None) => " inet6",
            (None, _) => "",
        };
        Some(if npf {
            format!(
                "in npf.conf: block out final{family} proto tcp flags R/R \
                 from any port {first}-{last}"
            )
        } else {
            format!(
                "in pf.conf: block drop out quick{family} proto tcp from any port {first}:{last} \
                 to any flags R/R"
            )
        })
    }
}

/// The requests that all systems share.
pub mod shared {
    use super::{Request, read, read_write, request, write};

    /// BIOCGBLEN: the length of the buffer, which a read must have exactly.
    pub const BUFFER_LENGTH: Request = read(b'B', 102, 4);
    /// BIOCSBLEN.
    pub const SET_BUFFER_LENGTH: Request = read_write(b'B', 102, 4);
    /// BIOCSETF, whose argument is a struct bpf_program.
    pub const SET_FILTER: Request = write(b'B', 103, 16);
    /// BIOCGDLT.
    pub const LINK_TYPE: Request = read(b'B', 106, 4);
    /// BIOCIMMEDIATE.
    pub const IMMEDIATE: Request = write(b'B', 112, 4);
    /// BIOCSHDRCMPLT.
    pub const HEADER_COMPLETE: Request = write(b'B', 117, 4);

    /// The most bytes that the argument of any request has.
    pub const LARGEST: usize = request::LARGEST;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_those_of_the_headers() {
        let numbers = |system: &System| {
            let Requests { attach, inward, statistics, mtu, .. } = &system.requests;
            [attach.number(), inward.0.number(), statistics.0.number(), mtu.number()]
        };
        let bsd = [0x8020_426c, 0x8004_4277, 0x4008_426f, 0xc020_6933];
        assert_eq!(numbers(&FREEBSD), bsd);
        assert_eq!(numbers(&MACOS), bsd);
        assert_eq!(numbers(&NETBSD), [0x8090_426c, 0x8004_4279, 0x4080_426f, 0xc090_697e]);
        assert_eq!(numbers(&OPENBSD), [0x8020_426c, 0x8004_427d, 0x4008_426f, 0xc020_697e]);
        assert_eq!(
            FREEBSD.requests.nanoseconds.map(|(request, _)| request.number()),
            Some(0x8004_4284)
        );
        let all = [
            (shared::BUFFER_LENGTH, 0x4004_4266),
            (shared::SET_BUFFER_LENGTH, 0xc004_4266),
            (shared::SET_FILTER, 0x8010_4267),
            (shared::LINK_TYPE, 0x4004_426a),
            (shared::IMMEDIATE, 0x8004_4270),
            (shared::HEADER_COMPLETE, 0x8004_4275),
        ];
        assert!(all.iter().all(|(request, number)| request.number() == *number), "{all:x?}");
    }

    #[test]
    fn the_rule_covers_what_the_listener_does_not() {
        let rule = |system: &System| system.silencing_rule(40_000, 40_007).unwrap_or_default();
        assert!(rule(&FREEBSD).contains("quick inet6 proto tcp from any port 40000:40007"));
        assert!(rule(&NETBSD).contains("final family inet6 proto tcp"));
        assert!(rule(&MACOS).contains("quick proto tcp"));
        assert!(rule(&OPENBSD).is_empty() && MACOS.deafness.is_none());
    }
}
