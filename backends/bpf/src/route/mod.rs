//! The way to an address, as the kernel's routing table has it.

pub mod message;

use std::net::IpAddr;

use tcpexposure_link::{Cause, Error};

use crate::{error::error, interface::Interface, system::System};
use message::{Message, RTF_BLACKHOLE, RTF_GATEWAY, RTF_REJECT};

/// The way to an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The address.
    pub target: IpAddr,
    /// The interface that leads there.
    pub interface: Interface,
    /// The source address that the kernel would use, or the one that was asked for.
    pub source: Option<IpAddr>,
    /// The router to go through; none if the target is on the link.
    pub gateway: Option<IpAddr>,
    /// The largest IP packet that goes through, in bytes, as far as this machine knows.
    pub mtu: usize,
    /// Whether the target is this machine itself.
    pub local: bool,
}

impl Route {
    /// Tells whose hardware address frames must bear: the router's, or the target's own.
    #[must_use]
    pub fn next_hop(&self) -> IpAddr {
        self.gateway.unwrap_or(self.target)
    }

    /// Reads the kernel's answer about `target`.
    ///
    /// # Errors
    /// [`Cause::NoRoute`].
    pub fn read(
        system: &System,
        target: IpAddr,
        answer: &Message<'_>,
        interfaces: &[Interface],
    ) -> Result<Self, Error> {
        let no_route = || error(format!("find the way to {target}"), Cause::NoRoute(target));
        if answer.error() != 0 || answer.has(RTF_REJECT) || answer.has(RTF_BLACKHOLE) {
            return Err(no_route());
        }
        let number = answer.interface().map_or(0, |interface| interface.index);
        let numbers = [number, answer.index()];
        let is_named = |interface: &&Interface| numbers.contains(&interface.index);
        let interface = interfaces.iter().find(is_named).ok_or_else(no_route)?.clone();
        let own = interfaces.iter().any(|one| one.addresses.iter().any(|(own, _)| *own == target));
        Ok(Self {
            target,
            source: answer.source(),
            gateway: answer.gateway().filter(|_| answer.has(RTF_GATEWAY)),
            mtu: answer.mtu().unwrap_or(interface.mtu).min(interface.mtu),
            local: own || answer.has(system.flag_local),
            interface,
        })
    }

    /// Finds the way on one interface only: to a target on its link, from its own address.
    ///
    /// # Errors
    /// [`Cause::Unsupported`] for a target that is not on the link.
    pub fn on_link(target: IpAddr, interface: &Interface) -> Result<Self, Error> {
        let Some(source) = interface.address_beside(target) else {
            let name = &interface.name;
            let why = format!("it is not on the link of {name}, and the route is by another");
            return Err(error(format!("find the way to {target}"), Cause::Unsupported(why)));
        };
        Ok(Self {
            target,
            source: Some(source),
            gateway: None,
            mtu: interface.mtu,
            local: source == target,
            interface: interface.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{
        message::tests::{FAR, Told, message},
        *,
    };
    use crate::system::ALL;

    fn interface() -> Interface {
        Interface {
            index: 3,
            name: "em0".to_owned(),
            mtu: 1500,
            addresses: vec![("192.0.2.1".parse().unwrap(), 24)],
            ..Interface::default()
        }
    }

    fn read(system: &'static System, told: Told<'_>, of: &[Interface]) -> Result<Route, Error> {
        let bytes = message(system, told, 1, 2);
        let answer = message::walk(system, &bytes).next().unwrap();
        Route::read(system, told.target.parse().unwrap(), &answer, of)
    }

    #[test]
    fn the_way_leads_through_a_router_or_does_not() {
        for system in ALL {
            let route = read(system, FAR, &[interface()]).unwrap();
            assert_eq!(route.next_hop().to_string(), "192.0.2.254");
            assert_eq!((route.mtu, route.local), (1400, false));
            let near = Told { gateway: None, flags: 1, mtu: 0, target: "192.0.2.9", ..FAR };
            let route = read(system, near, &[interface()]).unwrap();
            assert_eq!((route.next_hop().to_string(), route.mtu), ("192.0.2.9".to_owned(), 1500));
            let own = Told { target: "192.0.2.1", ..near };
            assert!(read(system, own, &[interface()]).unwrap().local);
        }
    }

    #[test]
    fn a_route_that_leads_nowhere_is_none() {
        for system in ALL {
            for flags in [RTF_REJECT, RTF_BLACKHOLE] {
                let route = read(system, Told { flags, ..FAR }, &[interface()]);
                assert!(matches!(route.unwrap_err().cause, Cause::NoRoute(_)));
            }
            assert!(read(system, FAR, &[]).is_err(), "an interface that has gone");
        }
    }

    #[test]
    fn one_interface_leads_to_its_own_link() {
        let route = Route::on_link("192.0.2.77".parse().unwrap(), &interface()).unwrap();
        assert_eq!(route.source, Some([192, 0, 2, 1].into()));
        let far = Route::on_link("192.0.3.1".parse().unwrap(), &interface()).unwrap_err();
        assert!(matches!(far.cause, Cause::Unsupported(_)));
    }
}
