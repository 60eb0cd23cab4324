//! The tables of layouts against the structures of the systems' own headers, as published, written
//! out here with the widths that a 64-bit machine gives them. On the systems themselves sys.rs
//! holds the same tables against the libc crate's structures when it is compiled.

use std::mem::{offset_of, size_of};

use tcpexposure_bpf::{
    sockaddr,
    system::{ALL, FREEBSD, MACOS, NETBSD, OPENBSD, shared},
};
use tcpexposure_link::filter::Instruction;

/// What is the same on every one of them: sys/net/if_dl.h (NetBSD's is 1.23, the others' differ in
/// how much room sdl_data has), sys/netinet/in.h, sys/netinet6/in6.h, and of sys/net/bpf.h the
/// filter and the counters.
mod all {
    #[repr(C)]
    pub(crate) struct SockaddrDl {
        pub(crate) len: u8,
        pub(crate) family: u8,
        pub(crate) index: u16,
        pub(crate) kind: u8,
        pub(crate) nlen: u8,
        pub(crate) alen: u8,
        pub(crate) slen: u8,
        pub(crate) data: [u8; 12],
    }

    #[repr(C)]
    pub(crate) struct SockaddrIn {
        pub(crate) len: u8,
        pub(crate) family: u8,
        pub(crate) port: u16,
        pub(crate) addr: u32,
        pub(crate) zero: [u8; 8],
    }

    #[repr(C)]
    pub(crate) struct SockaddrIn6 {
        pub(crate) len: u8,
        pub(crate) family: u8,
        pub(crate) port: u16,
        pub(crate) flowinfo: u32,
        pub(crate) addr: [u32; 4],
        pub(crate) scope_id: u32,
    }

    #[repr(C)]
    pub(crate) struct BpfProgram {
        pub(crate) len: u32,
        pub(crate) insns: u64,
    }

    #[repr(C)]
    pub(crate) struct BpfInsn {
        pub(crate) code: u16,
        pub(crate) jt: u8,
        pub(crate) jf: u8,
        pub(crate) k: u32,
    }

    /// NetBSD has another.
    #[repr(C)]
    pub(crate) struct BpfStat {
        pub(crate) recv: u32,
        pub(crate) drop: u32,
    }

    /// sys/net/if.h; NetBSD has another.
    #[repr(C)]
    pub(crate) struct Ifreq {
        pub(crate) name: [u8; 16],
        pub(crate) ifru: [u8; 16],
    }
}

/// sys/net/route.h of FreeBSD 14.
mod freebsd {
    #[repr(C)]
    pub(crate) struct RtMetrics {
        pub(crate) locks: u64,
        pub(crate) mtu: u64,
        pub(crate) hopcount_expire_pipes_thresholds_times_weight_index: [u64; 10],
        pub(crate) filler: [u64; 2],
    }

    #[repr(C)]
    pub(crate) struct RtMsghdr {
        pub(crate) msglen: u16,
        pub(crate) version: u8,
        pub(crate) kind: u8,
        pub(crate) index: u16,
        pub(crate) spare: u16,
        pub(crate) flags: i32,
        pub(crate) addrs: i32,
        pub(crate) pid: i32,
        pub(crate) seq: i32,
        pub(crate) errno: i32,
        pub(crate) fmask: i32,
        pub(crate) inits: u64,
        pub(crate) rmx: RtMetrics,
    }

    /// struct bpf_xhdr of sys/net/bpf.h, FreeBSD 9 and later; struct bpf_hdr has the same widths.
    #[repr(C)]
    pub(crate) struct BpfXhdr {
        pub(crate) sec: i64,
        pub(crate) frac: u64,
        pub(crate) caplen: u32,
        pub(crate) datalen: u32,
        pub(crate) hdrlen: u16,
    }
}

/// sys/net/route.h 1.114 and sys/net/bpf.h 1.78 of NetBSD.
mod netbsd {
    #[repr(C)]
    pub(crate) struct RtMetrics {
        pub(crate) locks: u64,
        pub(crate) mtu: u64,
        pub(crate) hopcount_pipes_threshold_times: [u64; 6],
        pub(crate) expire: i64,
        pub(crate) pksent: i64,
    }

    #[repr(C, align(8))]
    pub(crate) struct RtMsghdr {
        pub(crate) msglen: u16,
        pub(crate) version: u8,
        pub(crate) kind: u8,
        pub(crate) index: u16,
        pub(crate) flags: i32,
        pub(crate) addrs: i32,
        pub(crate) pid: i32,
        pub(crate) seq: i32,
        pub(crate) errno: i32,
        pub(crate) used: i32,
        pub(crate) inits: i32,
        pub(crate) rmx: RtMetrics,
    }

    #[repr(C)]
    pub(crate) struct BpfHdr {
        pub(crate) sec: i64,
        pub(crate) usec: i64,
        pub(crate) caplen: u32,
        pub(crate) datalen: u32,
        pub(crate) hdrlen: u16,
    }

    #[repr(C)]
    pub(crate) struct BpfStat {
        pub(crate) recv: u64,
        pub(crate) drop: u64,
        pub(crate) capt: u64,
        pub(crate) padding: [u64; 13],
    }

    /// sys/net/if.h: the union holds a struct sockaddr_storage.
    #[repr(C, align(8))]
    pub(crate) struct Ifreq {
        pub(crate) name: [u8; 16],
        pub(crate) ifru: [u8; 128],
    }
}

/// sys/net/route.h from 1.174 on and sys/net/bpf.h 1.74 of OpenBSD.
mod openbsd {
    #[repr(C)]
    pub(crate) struct RtMetrics {
        pub(crate) pksent: u64,
        pub(crate) expire: i64,
        pub(crate) locks: u32,
        pub(crate) mtu: u32,
        pub(crate) refcnt_hopcount_pipes_threshold_times_pad: [u32; 8],
    }

    #[repr(C)]
    pub(crate) struct RtMsghdr {
        pub(crate) msglen: u16,
        pub(crate) version: u8,
        pub(crate) kind: u8,
        pub(crate) hdrlen: u16,
        pub(crate) index: u16,
        pub(crate) tableid: u16,
        pub(crate) priority: u8,
        pub(crate) mpls: u8,
        pub(crate) addrs: i32,
        pub(crate) flags: i32,
        pub(crate) fmask: i32,
        pub(crate) pid: i32,
        pub(crate) seq: i32,
        pub(crate) errno: i32,
        pub(crate) inits: u32,
        pub(crate) rmx: RtMetrics,
    }

    #[repr(C)]
    pub(crate) struct BpfHdr {
        pub(crate) sec: u32,
        pub(crate) usec: u32,
        pub(crate) caplen: u32,
        pub(crate) datalen: u32,
        pub(crate) hdrlen: u16,
        pub(crate) ifidx: u16,
        pub(crate) flowid: u16,
        pub(crate) flags: u8,
        pub(crate) drops: u8,
        pub(crate) csumflags: u16,
    }
}

/// bsd/net/route.h and bsd/net/bpf.h of xnu.
mod macos {
    #[repr(C)]
    pub(crate) struct RtMetrics {
        pub(crate) locks: u32,
        pub(crate) mtu: u32,
        pub(crate) hopcount_expire_pipes_threshold_times_pksent: [u32; 8],
        pub(crate) filler: [u32; 4],
    }

    #[repr(C)]
    pub(crate) struct RtMsghdr {
        pub(crate) msglen: u16,
        pub(crate) version: u8,
        pub(crate) kind: u8,
        pub(crate) index: u16,
        pub(crate) flags: i32,
        pub(crate) addrs: i32,
        pub(crate) pid: i32,
        pub(crate) seq: i32,
        pub(crate) errno: i32,
        pub(crate) used: i32,
        pub(crate) inits: u32,
        pub(crate) rmx: RtMetrics,
    }

    #[repr(C)]
    pub(crate) struct BpfHdr {
        pub(crate) sec: i32,
        pub(crate) usec: i32,
        pub(crate) caplen: u32,
        pub(crate) datalen: u32,
        pub(crate) hdrlen: u16,
    }
}

/// Holds the layout of a system's routing messages against its structure.
macro_rules! same_message {
    ($system:expr, $module:ident) => {
        let layout = &$system.message;
        let mtu = offset_of!($module::RtMsghdr, rmx) + offset_of!($module::RtMetrics, mtu);
        assert_eq!(layout.length, size_of::<$module::RtMsghdr>(), "{}", $system.name);
        assert_eq!(
            (offset_of!($module::RtMsghdr, version), offset_of!($module::RtMsghdr, kind)),
            (2, 3)
        );
        assert_eq!(offset_of!($module::RtMsghdr, msglen), 0);
        assert_eq!(layout.index, offset_of!($module::RtMsghdr, index));
        assert_eq!(layout.flags, offset_of!($module::RtMsghdr, flags));
        assert_eq!(layout.addresses, offset_of!($module::RtMsghdr, addrs));
        assert_eq!(layout.pid, offset_of!($module::RtMsghdr, pid));
        assert_eq!(layout.sequence, offset_of!($module::RtMsghdr, seq));
        assert_eq!(layout.error, offset_of!($module::RtMsghdr, errno));
        assert_eq!(layout.mtu.0, mtu);
    };
}

/// Holds the layout of a system's records against its structure.
macro_rules! same_record {
    ($system:expr, $header:ty, $second:ident) => {
        let lengths = $system.record.lengths_at();
        assert_eq!(offset_of!($header, $second), lengths / 2, "{}", $system.name);
        assert_eq!(offset_of!($header, caplen), lengths);
        assert_eq!(offset_of!($header, datalen), lengths + 4);
        assert_eq!(offset_of!($header, hdrlen), lengths + 8);
    };
}

#[test]
fn routing_messages_are_laid_out_as_the_headers_say() {
    same_message!(FREEBSD, freebsd);
    same_message!(NETBSD, netbsd);
    same_message!(OPENBSD, openbsd);
    same_message!(MACOS, macos);
    assert_eq!(OPENBSD.message.own_length, Some(offset_of!(openbsd::RtMsghdr, hdrlen)));
    let sizes = [
        size_of::<freebsd::RtMsghdr>(),
        size_of::<netbsd::RtMsghdr>(),
        size_of::<openbsd::RtMsghdr>(),
        size_of::<macos::RtMsghdr>(),
    ];
    assert_eq!(sizes, [152, 120, 96, 92]);
}

#[test]
fn records_are_laid_out_as_the_headers_say() {
    same_record!(FREEBSD, freebsd::BpfXhdr, frac);
    same_record!(NETBSD, netbsd::BpfHdr, usec);
    same_record!(OPENBSD, openbsd::BpfHdr, usec);
    same_record!(MACOS, macos::BpfHdr, usec);
    // BPF_ALIGNMENT is sizeof(long) on the first two, and of 32 bits on the others.
    let aligned = [&FREEBSD, &NETBSD, &OPENBSD, &MACOS].map(|system| system.record.align);
    assert_eq!(aligned, [8, 8, 4, 4]);
    assert_eq!(size_of::<openbsd::BpfHdr>(), 28);
}

#[test]
fn arguments_are_as_large_as_the_headers_say() {
    let (request, width) = NETBSD.requests.statistics;
    assert_eq!(request.size(), size_of::<netbsd::BpfStat>());
    assert_eq!(width, offset_of!(netbsd::BpfStat, drop));
    assert_eq!(NETBSD.requests.attach.size(), size_of::<netbsd::Ifreq>());
    assert_eq!(NETBSD.requests.mtu.size(), size_of::<netbsd::Ifreq>());
    for system in [&FREEBSD, &OPENBSD, &MACOS] {
        let (request, width) = system.requests.statistics;
        assert_eq!(request.size(), size_of::<all::BpfStat>(), "{}", system.name);
        assert_eq!(width, offset_of!(all::BpfStat, drop));
        assert_eq!(system.requests.attach.size(), size_of::<all::Ifreq>());
        assert_eq!(system.requests.mtu.size(), size_of::<all::Ifreq>());
    }
    assert_eq!(shared::SET_FILTER.size(), size_of::<all::BpfProgram>());
    assert_eq!(size_of::<Instruction>(), size_of::<all::BpfInsn>());
}

#[test]
fn socket_addresses_are_laid_out_as_the_headers_say() {
    let link = all::SockaddrDl {
        len: 20,
        family: 18,
        index: 7,
        kind: 6,
        nlen: 3,
        alen: 6,
        slen: 0,
        data: *b"em0\x01\x02\x03\x04\x05\x06\0\0\0",
    };
    let read = sockaddr::link(&bytes(&link)).unwrap();
    assert_eq!((read.index, read.name.as_str(), read.mac), (7, "em0", Some([1, 2, 3, 4, 5, 6])));
    for system in ALL {
        let (v4, v6) = (system.families.v4 as u8, system.families.v6 as u8);
        let addr = u32::from_ne_bytes([192, 0, 2, 1]);
        let v4 = all::SockaddrIn { len: 16, family: v4, port: 0, addr, zero: [0; 8] };
        assert_eq!(sockaddr::ip(system, &bytes(&v4)), Some([192, 0, 2, 1].into()));
        assert!(sockaddr::write(system, [192, 0, 2, 1].into()).starts_with(&bytes(&v4)));
        let addr = [0x2001_0db8u32, 0, 0, 9].map(u32::to_be);
        let (flowinfo, scope_id) = (0, 0);
        let v6 = all::SockaddrIn6 { len: 28, family: v6, port: 0, flowinfo, addr, scope_id };
        let address = [0x2001, 0xdb8, 0, 0, 0, 0, 0, 9].into();
        assert_eq!(sockaddr::ip(system, &bytes(&v6)), Some(address), "{}", system.name);
        assert!(sockaddr::write(system, address).starts_with(&bytes(&v6)));
    }
}

/// Gives the bytes of a structure that has no padding, by its fields' own layout.
fn bytes<T: Fields>(value: &T) -> Vec<u8> {
    let mut bytes = vec![0; size_of::<T>()];
    for (at, field) in value.fields() {
        bytes[at..at + field.len()].copy_from_slice(&field);
    }
    bytes
}

/// A structure whose fields can be told with their offsets.
trait Fields {
    fn fields(&self) -> Vec<(usize, Vec<u8>)>;
}

/// Tells each field with its offset, by the layout that the compiler gave it.
macro_rules! fields {
    ($structure:ty, $($field:ident),+) => {
        impl Fields for $structure {
            fn fields(&self) -> Vec<(usize, Vec<u8>)> {
                vec![$((offset_of!($structure, $field), self.$field.native())),+]
            }
        }
    };
}

fields!(all::SockaddrDl, len, family, index, kind, nlen, alen, slen, data);
fields!(all::SockaddrIn, len, family, port, addr, zero);
fields!(all::SockaddrIn6, len, family, port, flowinfo, addr, scope_id);

/// A field in the machine's own byte order.
trait Native {
    fn native(&self) -> Vec<u8>;
}

/// Integers are as the machine has them.
macro_rules! native {
    ($($integer:ty),+) => {
        $(impl Native for $integer {
            fn native(&self) -> Vec<u8> {
                self.to_ne_bytes().to_vec()
            }
        })+
    };
}

native!(u8, u16, u32);

impl<T: Native, const N: usize> Native for [T; N] {
    fn native(&self) -> Vec<u8> {
        self.iter().flat_map(Native::native).collect()
    }
}
