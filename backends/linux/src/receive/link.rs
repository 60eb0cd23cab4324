//! A link that only receives, for a thread of its own.

use std::net::IpAddr;

use tcpexposure_core::time::Instant;
use tcpexposure_link::{Cause, Error, Frame, Link, Statistics};

use super::{Receiver, Reception, clock};
use crate::{
    error::error,
    filter::{Care, Interest},
    interface::Interface,
    link::Options,
    route::Route,
};

/// A link that only receives.
pub struct ReceiveLink {
    receiver: Receiver,
    interface: Interface,
    /// What an engine may write to, for nothing.
    slot: Vec<u8>,
    description: String,
}

/// Opens a link that hears the interface that leads to `target`: what is of interest, exactly.
///
/// `options.backend`, `source` and `gateway_mac` are without meaning here. Unless messages are
/// asked for, frames come by a ring.
///
/// # Errors
/// [`Cause::Privilege`] without CAP_NET_RAW; [`Cause::NoRoute`], [`Cause::NoInterface`].
pub fn open_receive(target: IpAddr, options: &Options) -> Result<ReceiveLink, Error> {
    let interface = Route::look_up(target, options.interface.as_deref(), None)?.interface;
    let ring = (options.reception != Reception::Message).then_some(RING);
    let interest = options.interest.as_ref().map(|interest| (interest, Care::Scan));
    let receiver = Receiver::open(Some(&interface), interest, ring)?;
    let description = format!("hearing {} by {}", interface.name, receiver.manner());
    Ok(ReceiveLink { receiver, interface, slot: vec![0; SLOT], description })
}

impl ReceiveLink {
    /// Tells in one line what was chosen.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Tells the interface.
    #[must_use]
    pub const fn interface(&self) -> &Interface {
        &self.interface
    }

    /// Lets the kernel pass only what is of interest, from now on.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn narrow(&self, interest: &Interest) -> Result<(), Error> {
        self.receiver.narrow(interest)
    }
}

impl Link for ReceiveLink {
    fn now(&self) -> Instant {
        clock()
    }

    fn slot(&mut self) -> Result<&mut [u8], Error> {
        Ok(&mut self.slot)
    }

    /// Refuses: this link only receives.
    fn commit(&mut self, _: usize) -> Result<(), Error> {
        let why = "this link only receives".to_owned();
        Err(error(format!("send on {}", self.interface.name), Cause::Unsupported(why)))
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn recv(&mut self, deadline: Instant) -> Result<Option<Frame<'_>>, Error> {
        self.receiver.recv(deadline)
    }

    fn statistics(&mut self) -> Result<Statistics, Error> {
        self.receiver.statistics()
    }
}

/// The bytes of a ring: a tenth of a second at a million answers a second.
const RING: usize = 16 << 20;
/// Room for any packet.
const SLOT: usize = 1 << 16;
