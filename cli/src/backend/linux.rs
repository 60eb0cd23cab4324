//! Linux: packet sockets and raw IP sockets.

use std::{net::IpAddr, ops::RangeInclusive};

use tcpexposure_linux::{Backend as Sending, Interest, Options, Route};

use super::{Ability, Backend, Listener, Opened, Way};
use crate::exit::{Exit, Failure};

/// Opens the way to `target`, and hears what comes to `ports`.
pub(super) fn open(
    asked: &Backend,
    target: IpAddr,
    way: &Way<'_>,
    ports: RangeInclusive<u16>,
) -> Result<Opened, Failure> {
    if matches!(asked, Backend::Bpf) {
        return Err(no_bpf());
    }
    let options = Options {
        interface: way.interface.map(str::to_owned),
        source: way.source,
        backend: match asked {
            Backend::Raw => Sending::Raw,
            Backend::Packet => Sending::Packet,
            _ => Sending::Auto,
        },
        gateway_mac: way.mac,
        interest: Some(Interest { peers: Vec::new(), ports: vec![ports] }),
        ..Options::default()
    };
    let link = tcpexposure_linux::open(target, &options)?;
    let (source, description) = (link.source(), link.description().to_owned());
    Ok(Opened { link: Box::new(link), source, description })
}

/// Asks the routing table for our own address towards a target.
pub(super) fn routed(target: IpAddr, way: &Way<'_>) -> Result<IpAddr, Failure> {
    let route = Route::look_up(target, way.interface, way.source)?;
    route.source.ok_or_else(|| without_address(target))
}

/// Finds out by which interface to go, and between which hardware addresses.
#[cfg(feature = "pcap")]
pub(super) fn hop(target: IpAddr, way: &Way<'_>) -> Result<super::Hop, Failure> {
    use tcpexposure_link::frame::Macs;
    use tcpexposure_linux::{Framing, neighbour};
    let route = Route::look_up(target, way.interface, way.source)?;
    let interface = &route.interface;
    let own = interface.mac.unwrap_or_default();
    let destination = match way.mac {
        _ if interface.framing != Framing::Ethernet => None,
        Some(mac) => Some(mac),
        None if interface.loopback || interface.no_arp => Some(own),
        None => Some(neighbour::resolve(route.next_hop(), interface)?),
    };
    Ok(super::Hop {
        source: route.source.ok_or_else(|| without_address(target))?,
        macs: destination.map(|destination| Macs { destination, source: own }),
        mtu: interface.mtu,
        loopback: interface.loopback,
        interface: route.interface.name,
    })
}

/// Tries out each way to send.
pub(super) fn abilities() -> Vec<Ability> {
    let own = tcpexposure_linux::doctor::abilities().into_iter();
    let own = own.map(|ability| (ability.name, ability.result.map_err(Failure::from)));
    own.chain([("bpf", Err(no_bpf()))]).collect()
}

fn no_bpf() -> Failure {
    Failure::new(Exit::Usage, "Linux has no /dev/bpf")
        .hint("use --backend packet, which reaches the same layer here")
}

fn without_address(target: IpAddr) -> Failure {
    Failure::new(Exit::Usage, format!("there is no address to reach {target} from"))
        .hint("give the interface an address")
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
    let link = tcpexposure_linux::listen(&options)?;
    let description = link.description().to_owned();
    Ok(Listener { link: Box::new(link), description })
}
