//! Simulated paths, with our own responder at their end.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tcpexposure_core::respond::{Config, Ports, Responder, siphash::Key};
use tcpexposure_link::Link;
use tcpexposure_sim::{Setup, Sim};

use super::{Path, Way};
use crate::{
    commands::SOURCE_PORT,
    exit::{Exit, Failure},
};

/// Opens a simulated path with our own responder at its end.
pub(super) fn open(
    description: &str,
    target: SocketAddr,
    way: &Way<'_>,
) -> Result<Path<'static>, Failure> {
    let setup = setup(description)?;
    let host = Responder::new(host(&[target.port()], way)?);
    let source = way.source.unwrap_or_else(|| own_address(target.ip()));
    Ok(Path {
        link: Box::new(Sim::with(host, setup)),
        source: SocketAddr::new(source, way.port.unwrap_or(SOURCE_PORT)),
        description: format!("a simulated path ({description}) to our own responder"),
        _guard: None,
    })
}

/// Opens a simulated path to one host that plays all targets.
pub(super) fn open_any(
    description: &str,
    ports: &[u16],
    way: &Way<'_>,
) -> Result<Box<dyn Link>, Failure> {
    // No source may have too many of its answers.
    let config = Config { rate: None, ..host(ports, way)? };
    Ok(Box::new(Sim::with(Responder::new(config), setup(description)?)))
}

/// Tells our own address on a simulated path.
pub(crate) fn own_address(target: IpAddr) -> IpAddr {
    match target {
        IpAddr::V4(_) => Ipv4Addr::new(192, 0, 2, 1).into(),
        IpAddr::V6(_) => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(),
    }
}

fn setup(description: &str) -> Result<Setup, Failure> {
    description.parse().map_err(|error| {
        Failure::new(Exit::Usage, format!("{error}")).hint("`--backend sim` alone is a clean path")
    })
}

/// Tells what the host at the end of a simulated path does.
fn host(ports: &[u16], way: &Way<'_>) -> Result<Config, Failure> {
    let ports = Ports::new(ports).ok_or_else(|| {
        Failure::new(Exit::Usage, "the simulated host cannot listen on so many ports")
            .hint(format!("name at most {} ports", Ports::MAX))
    })?;
    if way.classic {
        return Ok(Config::classic(ports));
    }
    // Simulations are to be the same each time, so that the key is no secret.
    Ok(Config::modern(ports, Key::new([0; 16])))
}
