//! Linux: packet sockets and raw IP sockets.

use std::{net::IpAddr, ops::RangeInclusive};

use tcpexposure_linux::{Backend as Sending, Interest, Options, Route};

use super::{Backend, Listener, Opened, Way};
use crate::exit::{Exit, Failure};

/// Opens the way to `target`, and hears what comes to `ports`.
pub(super) fn open(
    asked: &Backend,
    target: IpAddr,
    way: &Way<'_>,
    ports: RangeInclusive<u16>,
) -> Result<Opened, Failure> {
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
    route.source.ok_or_else(|| {
        Failure::new(Exit::Usage, format!("there is no address to reach {target} from"))
            .hint("give the interface an address")
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
    let link = tcpexposure_linux::listen(&options)?;
    let description = link.description().to_owned();
    Ok(Listener { link: Box::new(link), description })
}
