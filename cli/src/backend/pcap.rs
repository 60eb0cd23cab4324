//! libpcap, on any system that has it.

use std::{net::IpAddr, ops::RangeInclusive};

use tcpexposure_link::filter::Interest;
use tcpexposure_pcap::Options;

use super::{Opened, Way, system};
use crate::exit::Failure;

/// Opens the way to `target`, and hears what comes to `ports`.
pub(super) fn open(
    target: IpAddr,
    way: &Way<'_>,
    ports: RangeInclusive<u16>,
) -> Result<Opened, Failure> {
    let hop = system::hop(target, way)?;
    let options = Options {
        macs: hop.macs,
        mtu: Some(hop.mtu),
        interest: Some(Interest { peers: Vec::new(), ports: vec![ports] }),
        loopback: hop.loopback,
    };
    let link = tcpexposure_pcap::open(&hop.interface, &options)?;
    let description = format!("{}; from {}", link.description(), hop.source);
    Ok(Opened { link: Box::new(link), source: hop.source, description })
}

/// Finds out whether libpcap may be used here.
pub(super) fn probe() -> Result<(), Failure> {
    tcpexposure_pcap::probe().map_err(Failure::from)
}
