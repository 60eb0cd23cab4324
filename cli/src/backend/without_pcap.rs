//! A build without libpcap.

use std::{net::IpAddr, ops::RangeInclusive};

use super::{Opened, Way};
use crate::exit::{Exit, Failure};

/// Tells that this was built without libpcap.
pub(super) fn open(_: IpAddr, _: &Way<'_>, _: RangeInclusive<u16>) -> Result<Opened, Failure> {
    Err(missing())
}

/// Tells that this was built without libpcap.
pub(super) fn probe() -> Result<(), Failure> {
    Err(missing())
}

fn missing() -> Failure {
    Failure::new(Exit::Usage, "this tcpexposure was built without libpcap")
        .hint("install libpcap with its headers, and build with --features pcap")
}
