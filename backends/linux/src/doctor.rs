//! What works on this machine, as data: nothing is printed here, and nothing is sent.

use std::{
    fs,
    os::fd::{AsFd, OwnedFd},
};

use tcpexposure_link::Error;

use crate::{Guard, error::system, sys};

/// The capabilities that matter here, as the process holds them now: capabilities(7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// CAP_NET_RAW: packet sockets and raw sockets, without which nothing can be sent.
    pub net_raw: bool,
    /// CAP_NET_ADMIN: the guard's filter, and buffers over the system's limit.
    pub net_admin: bool,
    /// CAP_NET_BIND_SERVICE: ports below 1024.
    pub net_bind_service: bool,
    /// CAP_BPF: AF_XDP.
    pub bpf: bool,
}

/// The offloads of an interface; `None` where the driver does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offloads {
    /// The card checks checksums on reception.
    pub receive_checksum: Option<bool>,
    /// The card computes checksums on sending.
    pub send_checksum: Option<bool>,
    /// The card gathers a packet from pieces.
    pub scatter_gather: Option<bool>,
    /// The card cuts TCP super-segments up on sending.
    pub tcp_segmentation: Option<bool>,
    /// The kernel hands the driver super-segments.
    pub segmentation: Option<bool>,
    /// Segments are merged on reception: what is heard has not the boundaries of the wire.
    pub receive_merge: Option<bool>,
}

/// How the system's own connections use ECN: net.ipv4.tcp_ecn, for both families.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ecn {
    /// Neither asked for nor granted (0).
    Off,
    /// Asked for and granted (1).
    On,
    /// Granted, but not asked for (2), the default.
    WhenAsked,
    /// A mode of newer kernels (3 to 5: AccECN).
    Other(u8),
}

/// What the system lets this process have: getrlimit(2). `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Files that are open at a time, sockets among them.
    pub files: Option<u64>,
    /// Bytes of memory that is shared with a card; without meaning to CAP_IPC_LOCK.
    pub locked_memory: Option<u64>,
}

/// Whether a way to send can be opened here.
#[derive(Debug)]
pub struct Ability {
    /// Its name, as `--backend` takes it.
    pub name: &'static str,
    /// Why it cannot, if so.
    pub result: Result<(), Error>,
}

impl Capabilities {
    /// Reads those of this process.
    ///
    /// # Errors
    /// When /proc cannot be read.
    pub fn held() -> Result<Self, Error> {
        let status = fs::read_to_string("/proc/self/status")
            .map_err(|said| system("read /proc/self/status", said))?;
        Ok(Self::parse(&status))
    }

    /// Reads the line `CapEff:` of a status file; none are held if there is none.
    #[must_use]
    pub fn parse(status: &str) -> Self {
        let mask = Self::mask(status);
        let holds = |number: u32| mask >> number & 1 == 1;
        Self {
            net_raw: holds(CAP_NET_RAW),
            net_admin: holds(CAP_NET_ADMIN),
            net_bind_service: holds(CAP_NET_BIND_SERVICE),
            bpf: holds(CAP_BPF),
        }
    }

    fn mask(status: &str) -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
        line.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0)
    }
}

impl Limits {
    /// What the two directions of AF_XDP lock at most, in bytes.
    pub const XDP: u64 = 72 << 20;

    /// Reads those of this process.
    ///
    /// # Errors
    /// When /proc cannot be read.
    pub fn of_ours() -> Result<Self, Error> {
        let read =
            |path| fs::read_to_string(path).map_err(|said| system(format!("read {path}"), said));
        let free = Capabilities::mask(&read("/proc/self/status")?) >> CAP_IPC_LOCK & 1 == 1;
        let limits = Self::parse(&read("/proc/self/limits")?);
        let locked_memory = limits.locked_memory.filter(|_| !free);
        Ok(Self { locked_memory, ..limits })
    }

    /// Reads the soft limits of a file like /proc/self/limits.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let soft = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse().ok()
        };
        Self { files: soft("Max open files"), locked_memory: soft("Max locked memory") }
    }
}

impl Offloads {
    /// Reads those of an interface.
    ///
    /// # Errors
    /// When the system has no socket to ask by.
    pub fn of(interface: &str) -> Result<Self, Error> {
        let socket = sys::socket(libc::AF_INET, libc::SOCK_DGRAM, 0)
            .map_err(|said| system(format!("read the offloads of {interface}"), said))?;
        let get = |command| {
            let value = sys::ethtool(socket.as_fd(), interface, command);
            value.ok().map(|value| value != 0)
        };
        Ok(Self {
            receive_checksum: get(ETHTOOL_GRXCSUM),
            send_checksum: get(ETHTOOL_GTXCSUM),
            scatter_gather: get(ETHTOOL_GSG),
            tcp_segmentation: get(ETHTOOL_GTSO),
            segmentation: get(ETHTOOL_GGSO),
            receive_merge: get(ETHTOOL_GGRO),
        })
    }
}

impl Ecn {
    /// Reads the mode; `None` when the system does not tell.
    #[must_use]
    pub fn mode() -> Option<Self> {
        Self::parse(&fs::read_to_string("/proc/sys/net/ipv4/tcp_ecn").ok()?)
    }

    /// Reads the setting's text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text.trim().parse().ok()? {
            0 => Self::Off,
            1 => Self::On,
            2 => Self::WhenAsked,
            other => Self::Other(other),
        })
    }
}

/// Tries out each way to send, without sending anything.
#[must_use]
pub fn abilities() -> Vec<Ability> {
    let raw = sys::socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_RAW);
    let packet = sys::socket(libc::AF_PACKET, libc::SOCK_RAW, 0);
    let xdp = sys::socket(libc::AF_XDP, libc::SOCK_RAW, 0);
    let result = |socket: std::io::Result<OwnedFd>, doing: &str| {
        socket.map(drop).map_err(|said| system(doing, said))
    };
    vec![
        Ability { name: "packet", result: result(packet, "open a packet socket") },
        Ability { name: "raw", result: result(raw, "open a raw socket") },
        Ability { name: "xdp", result: result(xdp, "open an AF_XDP socket") },
    ]
}

/// Tries out the guard on any free port, and tells whether its filter takes hold.
///
/// # Errors
/// When there is no guarding here.
pub fn guard() -> Result<bool, Error> {
    Guard::new(None).map(|guard| guard.filtered())
}

const CAP_NET_BIND_SERVICE: u32 = 10;
const CAP_NET_ADMIN: u32 = 12;
const CAP_NET_RAW: u32 = 13;
const CAP_IPC_LOCK: u32 = 14;
const CAP_BPF: u32 = 39;
const ETHTOOL_GRXCSUM: u32 = 0x14;
const ETHTOOL_GTXCSUM: u32 = 0x16;
const ETHTOOL_GSG: u32 = 0x18;
const ETHTOOL_GTSO: u32 = 0x1e;
const ETHTOOL_GGSO: u32 = 0x23;
const ETHTOOL_GGRO: u32 = 0x2b;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_bits_of_the_effective_set() {
        let raw_only = "Name:\tx\nCapPrm:\t000001ffffffffff\nCapEff:\t0000000000002000\n";
        let held = Capabilities::parse(raw_only);
        assert_eq!(held, Capabilities { net_raw: true, ..Capabilities::default() });
        let all = Capabilities::parse("CapEff:\t000001ffffffffff");
        assert!(all.net_raw && all.net_admin && all.net_bind_service && all.bpf);
        assert_eq!(Capabilities::parse(""), Capabilities::default());
        assert!(Capabilities::held().is_ok());
    }

    #[test]
    fn limits_are_the_soft_ones() {
        let text = "Limit  Soft Limit  Hard Limit  Units\n\
                    Max open files            1024                 524288               files\n\
                    Max locked memory         unlimited            unlimited            bytes\n";
        assert_eq!(Limits::parse(text), Limits { files: Some(1024), locked_memory: None });
        assert!(Limits::of_ours().is_ok_and(|limits| limits.files.is_none_or(|files| files > 9)));
    }

    #[test]
    fn ecn_modes_are_told_apart() {
        let modes = ["0\n", "1\n", "2\n", "3\n", "x"].map(Ecn::parse);
        let [off, on, when, other, none] = modes;
        assert_eq!((off, on), (Some(Ecn::Off), Some(Ecn::On)));
        assert_eq!((when, other, none), (Some(Ecn::WhenAsked), Some(Ecn::Other(3)), None));
    }

    #[test]
    fn loopback_has_offloads_and_a_missing_interface_none() {
        assert!(Offloads::of("lo").unwrap().receive_merge.is_some());
        assert_eq!(Offloads::of("nosuch0").unwrap(), Offloads::default());
    }

    #[test]
    fn every_ability_is_named() {
        assert_eq!(
            abilities().iter().map(|ability| ability.name).collect::<Vec<_>>(),
            ["packet", "raw", "xdp"]
        );
        assert!(guard().is_ok());
    }
}
