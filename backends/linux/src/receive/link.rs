//! A link that only receives, for a thread of its own.

use std::net::IpAddr;

use tcpexposure_core::time::Instant;
use tcpexposure_link::{Cause, Error, Frame, Link, Statistics};

use super::{Receiver, Reception, clock, xdp::Xdp};
use crate::{
    error::error,
    filter::{Care, Interest},
    interface::Interface,
    link::Options,
    route::Route,
};

/// A link that only receives.
pub struct ReceiveLink {
    source: Source,
    interface: Interface,
    /// What an engine may write to, for nothing.
    slot: Vec<u8>,
    description: String,
}

/// Where frames come from.
enum Source {
    Packet(Box<Receiver>),
    Xdp(Box<Xdp>),
}

/// Opens a link that hears the interface that leads to `target`: what is of interest, exactly.
///
/// `options.backend`, `source` and `gateway_mac` are without meaning here. Unless something else is
/// asked for, frames come by a ring: an XDP program makes some drivers start anew.
///
/// # Errors
/// [`Cause::Privilege`] without CAP_NET_RAW, or for AF_XDP CAP_BPF and CAP_NET_ADMIN;
/// [`Cause::NoRoute`], [`Cause::NoInterface`].
pub fn open_receive(target: IpAddr, options: &Options) -> Result<ReceiveLink, Error> {
    let interface = Route::look_up(target, options.interface.as_deref(), None)?.interface;
    let (source, manner) = if options.reception == Reception::Xdp {
        let everything = Interest::default();
        let xdp = Xdp::open(&interface, options.interest.as_ref().unwrap_or(&everything))?;
        let manner = xdp.manner();
        (Source::Xdp(Box::new(xdp)), manner)
    } else {
        let ring = (options.reception != Reception::Message).then_some(RING);
        let interest = options.interest.as_ref().map(|interest| (interest, Care::Scan));
        let receiver = Receiver::open(Some(&interface), interest, ring)?;
        let manner = receiver.manner();
        (Source::Packet(Box::new(receiver)), manner)
    };
    let description = format!("hearing {} by {manner}", interface.name);
    Ok(ReceiveLink { source, interface, slot: vec![0; SLOT], description })
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

    /// Tells whether what is heard is taken away from the kernel, which then needs no guard.
    #[must_use]
    pub const fn is_silent(&self) -> bool {
        matches!(self.source, Source::Xdp(_))
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
        match &mut self.source {
            Source::Packet(receiver) => receiver.recv(deadline),
            Source::Xdp(xdp) => xdp.recv(deadline),
        }
    }

    fn statistics(&mut self) -> Result<Statistics, Error> {
        match &mut self.source {
            Source::Packet(receiver) => receiver.statistics(),
            Source::Xdp(xdp) => xdp.statistics(),
        }
    }
}

/// The bytes of a ring: a tenth of a second at a million answers a second.
const RING: usize = 16 << 20;
/// Room for any packet.
const SLOT: usize = 1 << 16;
