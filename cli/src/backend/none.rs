//! Systems without a way to the wire.

use std::{net::IpAddr, ops::RangeInclusive};

use super::{Ability, Backend, Listener, Opened, Way};
use crate::exit::{Exit, Failure};

/// Tells that there is no way to open.
pub(super) fn open(
    _: &Backend,
    _: IpAddr,
    _: &Way<'_>,
    _: RangeInclusive<u16>,
) -> Result<Opened, Failure> {
    Err(missing())
}

/// Tells that there is no routing table to ask.
pub(super) fn routed(_: IpAddr, _: &Way<'_>) -> Result<IpAddr, Failure> {
    Err(missing())
}

/// Tells that there is nothing to listen with.
pub(super) fn listen(_: Option<&str>, _: Vec<RangeInclusive<u16>>) -> Result<Listener, Failure> {
    Err(missing())
}

/// Tells that there is nothing to try out.
pub(super) fn abilities() -> Vec<Ability> {
    ["raw", "packet", "bpf"].map(|name| (name, Err(missing()))).into()
}

fn missing() -> Failure {
    Failure::new(Exit::Usage, "there is no way to the wire on this system yet")
        .hint("use a simulated path: --backend sim")
}
