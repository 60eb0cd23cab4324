//! The ways to all targets, which are opened before anything is sent, and then serve one run after
//! the other.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
};

use tcpexposure_core::experiment::Ports;

use super::{Test, targets::Address};
use crate::{backend::Path, exit::Failure, fence::Fence, guards::Guards};

/// Open ways, one for each address.
pub(super) struct Paths<'a> {
    test: &'a Test,
    guards: &'a Guards,
    targets: HashMap<Address, Result<SocketAddr, Failure>>,
    open: HashMap<IpAddr, Result<Path<'static>, Failure>>,
    /// How many packets have been traced.
    traced: u16,
}

impl<'a> Paths<'a> {
    /// Opens the ways; those that cannot be opened fail when their turn comes.
    pub(super) fn open(test: &'a Test, addresses: &[Address], guards: &'a Guards) -> Self {
        let (targets, open) = (HashMap::new(), HashMap::new());
        let mut paths = Self { test, guards, targets, open, traced: 0 };
        if !are_later(test, addresses) {
            addresses.iter().for_each(|address| paths.add(address));
        }
        paths
    }

    /// Tells what is to be done behind the fence that stands when the ways are open.
    pub(super) fn fence(test: &Test, addresses: &[Address]) -> Fence {
        let fence = Fence::default().file(test.write.as_deref());
        if are_later(test, addresses) { fence.names().links(true) } else { fence }
    }

    /// Finds an address and the way there.
    pub(super) fn to(&mut self, address: &Address) -> Result<(SocketAddr, Path<'_>), Failure> {
        let target = self.target(address)?;
        let path = match self.open.get_mut(&target.ip()) {
            Some(path) => path.as_mut().map_err(|failure| failure.clone())?.lend(None)?,
            None => self.test.backend.open_from(target, &self.test.way(), self.guards)?,
        };
        Ok((target, path))
    }

    /// Gives a way to an address for one packet to be traced, from the port that is named, or from
    /// one that no run has used.
    pub(super) fn trace(
        &mut self,
        address: &Address,
        port: Option<u16>,
    ) -> Result<(SocketAddr, Path<'_>), Failure> {
        let target = self.target(address)?;
        let test = self.test;
        if let Some(path) = self.open.get_mut(&target.ip()) {
            let fresh = self.guards.first() + Ports::WANTED + self.traced % TRACES;
            self.traced = self.traced.wrapping_add(1);
            let path = path.as_mut().map_err(|failure| failure.clone())?;
            return Ok((target, path.lend(Some(port.unwrap_or(fresh)))?));
        }
        let Some(port) = port else { return Ok((target, test.backend.open(target, &test.way())?)) };
        let mut path = test.backend.open_from(target, &test.way(), self.guards)?;
        path.source.set_port(port);
        Ok((target, path))
    }

    fn add(&mut self, address: &Address) {
        let target = address.resolve();
        if let Ok(target) = target.as_ref().copied() {
            let (test, guards) = (self.test, self.guards);
            let open = || test.backend.open_from(target, &test.way(), guards);
            self.open.entry(target.ip()).or_insert_with(open);
        }
        self.targets.insert(address.clone(), target);
    }

    fn target(&self, address: &Address) -> Result<SocketAddr, Failure> {
        self.targets.get(address).cloned().unwrap_or_else(|| address.resolve())
    }
}

/// Tells how many ports are taken for the runs, and for what is traced behind them.
pub(super) const fn ports(test: &Test) -> u16 {
    if test.localise { Ports::WANTED + TRACES } else { Ports::WANTED }
}

/// Tells whether each way is opened when its turn comes: on a simulated path, each time anew; on a
/// wire, when there are so many that what each of them hears would not find room.
fn are_later(test: &Test, addresses: &[Address]) -> bool {
    test.backend.is_simulated() || addresses.len() > MOST
}

/// How many ways are open at a time.
const MOST: usize = 128;
/// How many ports there are for packets to be traced.
const TRACES: u16 = 128;
