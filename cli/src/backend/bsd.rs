//! macOS, FreeBSD, NetBSD and OpenBSD: BPF devices, and raw sockets for IPv4.

use std::{net::IpAddr, ops::RangeInclusive};

use tcpexposure_bpf::live::{self, Options};
use tcpexposure_link::filter::Interest;

use super::{Ability, Backend, Listener, Opened, Way, pcap};
use crate::exit::{Exit, Failure};

/// Opens the way to `target`, and hears what comes to `ports`.
pub(super) fn open(
    asked: &Backend,
    target: IpAddr,
    way: &Way<'_>,
    ports: RangeInclusive<u16>,
) -> Result<Opened, Failure> {
    match asked {
        Backend::Packet => Err(no_packet()),
        Backend::Raw => device(target, way, ports, true),
        Backend::Auto => device(target, way, ports.clone(), false)
            .or_else(|why| pcap::open(target, way, ports).map_err(|_| why)),
        _ => device(target, way, ports, false),
    }
}

/// Asks the routing table for our own address towards a target.
pub(super) fn routed(target: IpAddr, way: &Way<'_>) -> Result<IpAddr, Failure> {
    let route = live::look_up(target, way.interface, way.source)?;
    route.source.ok_or_else(|| without_address(target))
}

/// Finds out by which interface to go, and between which hardware addresses.
#[cfg(feature = "pcap")]
pub(super) fn hop(target: IpAddr, way: &Way<'_>) -> Result<super::Hop, Failure> {
    let route = live::look_up(target, way.interface, way.source)?;
    Ok(super::Hop {
        source: route.source.ok_or_else(|| without_address(target))?,
        macs: live::macs(&route, way.mac)?,
        mtu: route.interface.mtu,
        loopback: route.interface.loopback,
        interface: route.interface.name,
    })
}

/// Listens for what comes to ports that are guarded already.
pub(super) fn listen(
    interface: Option<&str>,
    ports: Vec<RangeInclusive<u16>>,
) -> Result<Listener, Failure> {
    let options = Options {
        interface: interface.map(str::to_owned),
        interest: Some(Interest { peers: Vec::new(), ports }),
        ..Options::default()
    };
    let link = live::listen(&options)?;
    let description = link.description().to_owned();
    Ok(Listener { link: Box::new(link), description })
}

/// Tries out each way to send.
pub(super) fn abilities() -> Vec<Ability> {
    vec![
        ("bpf", live::probe().map_err(Failure::from)),
        ("raw", live::probe_raw().map_err(Failure::from)),
        ("packet", Err(no_packet())),
    ]
}

fn device(
    target: IpAddr,
    way: &Way<'_>,
    ports: RangeInclusive<u16>,
    raw: bool,
) -> Result<Opened, Failure> {
    let options = Options {
        interface: way.interface.map(str::to_owned),
        source: way.source,
        raw,
        gateway_mac: way.mac,
        interest: Some(Interest { peers: Vec::new(), ports: vec![ports] }),
    };
    let link = live::open(target, &options)?;
    let (source, description) = (link.source(), link.description().to_owned());
    Ok(Opened { link: Box::new(link), source, description })
}

fn no_packet() -> Failure {
    Failure::new(Exit::Usage, "only Linux has packet sockets")
        .hint("use --backend bpf, which reaches the same layer here")
}

fn without_address(target: IpAddr) -> Failure {
    Failure::new(Exit::Usage, format!("there is no address to reach {target} from"))
        .hint("give the interface an address")
}
