//! The way to an address, as the kernel's routing tables have it.

use std::{io, net::IpAddr};

use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    route::{
        RouteAddress, RouteAttribute, RouteFlags, RouteMessage, RouteMetric, RouteType, RouteVia,
    },
};
use tcpexposure_link::{Cause, Error};

use crate::{
    error::{error, system},
    interface::Interface,
    netlink::Socket,
};

/// The way to an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The address.
    pub target: IpAddr,
    /// The interface that leads there.
    pub interface: Interface,
    /// The source address that the kernel would use, or the one that was asked for.
    pub source: Option<IpAddr>,
    /// The router to go through; none if the target is on the link. It may be of the other family.
    pub gateway: Option<IpAddr>,
    /// The largest IP packet that goes through, in bytes, as far as this machine knows.
    pub mtu: usize,
    /// Whether the target is this machine itself.
    pub local: bool,
}

impl Route {
    /// Asks the kernel for the way to `target`, on `interface` only and from `source` if given.
    ///
    /// A source address that is not this machine's own is allowed: the way is then the one that
    /// the kernel's own address would take.
    ///
    /// # Errors
    /// [`Cause::NoRoute`], [`Cause::NoInterface`], or [`Cause::Unsupported`] when the interface is
    /// down or the target is not one machine.
    pub fn look_up(
        target: IpAddr,
        interface: Option<&str>,
        source: Option<IpAddr>,
    ) -> Result<Self, Error> {
        let interface = interface.map(Interface::named).transpose()?;
        let doing = || format!("find the way to {target}");
        let unsupported = |why: String| Err(error(doing(), Cause::Unsupported(why)));
        if let Some(Interface { up: false, name, .. }) = &interface {
            return unsupported(format!("interface {name} is down"));
        }
        if interface.is_none() && is_link_local(target) {
            return unsupported("a link-local address needs the name of an interface".to_owned());
        }
        let answer = ask(target, interface.as_ref(), source).map_err(|said| {
            let cause = if is_no_route(&said) { Some(Cause::NoRoute(target)) } else { None };
            cause.map_or_else(|| system(doing(), said), |cause| error(doing(), cause))
        })?;
        match answer.header.kind {
            RouteType::Unicast | RouteType::Local | RouteType::Anycast => {
                Self::read(target, &answer, source)
            }
            RouteType::Broadcast | RouteType::Multicast => {
                unsupported(format!("{target} is not the address of one machine"))
            }
            _ => Err(error(doing(), Cause::NoRoute(target))),
        }
    }

    /// Tells whose hardware address frames must bear: the router's, or the target's own.
    #[must_use]
    pub fn next_hop(&self) -> IpAddr {
        self.gateway.unwrap_or(self.target)
    }

    fn read(target: IpAddr, answer: &RouteMessage, source: Option<IpAddr>) -> Result<Self, Error> {
        let Parts { index, gateway, preferred, mtu } = Parts::read(answer);
        let Some(index) = index else {
            return Err(error(format!("find the way to {target}"), Cause::NoRoute(target)));
        };
        let interface = Interface::numbered(index)?;
        let mtu = mtu.unwrap_or(interface.mtu).min(interface.mtu);
        let local = matches!(answer.header.kind, RouteType::Local | RouteType::Anycast);
        Ok(Self { target, interface, source: source.or(preferred), gateway, mtu, local })
    }
}

/// What an answer holds.
#[derive(Debug, Default, PartialEq, Eq)]
struct Parts {
    index: Option<u32>,
    gateway: Option<IpAddr>,
    preferred: Option<IpAddr>,
    mtu: Option<usize>,
}

impl Parts {
    fn read(answer: &RouteMessage) -> Self {
        let mut parts = Self::default();
        for attribute in &answer.attributes {
            match attribute {
                RouteAttribute::Oif(index) => parts.index = Some(*index),
                RouteAttribute::Gateway(address) => parts.gateway = to_ip(address),
                RouteAttribute::Via(via) => parts.gateway = via_to_ip(via),
                RouteAttribute::PrefSource(address) => parts.preferred = to_ip(address),
                RouteAttribute::Metrics(metrics) => parts.mtu = metrics.iter().find_map(mtu),
                _ => {}
            }
        }
        parts
    }
}

fn ask(
    target: IpAddr,
    interface: Option<&Interface>,
    source: Option<IpAddr>,
) -> io::Result<RouteMessage> {
    let mut socket = Socket::open(0)?;
    let mut get = |source| match socket.get(question(target, interface, source))? {
        RouteNetlinkMessage::NewRoute(route) => Ok(route),
        _ => Err(io::ErrorKind::InvalidData.into()),
    };
    match get(source) {
        // The kernel looks up ways from its own addresses only.
        Err(_) if source.is_some() => get(None),
        answer => answer,
    }
}

fn question(
    target: IpAddr,
    interface: Option<&Interface>,
    source: Option<IpAddr>,
) -> RouteNetlinkMessage {
    let mut message = RouteMessage::default();
    message.header.address_family =
        if target.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    message.header.destination_prefix_length = bits(target);
    message.header.flags = RouteFlags::LookupTable;
    message.attributes.push(RouteAttribute::Destination(target.into()));
    if let Some(source) = source.filter(|source| source.is_ipv4() == target.is_ipv4()) {
        message.header.source_prefix_length = bits(source);
        message.attributes.push(RouteAttribute::Source(source.into()));
    }
    if let Some(interface) = interface {
        message.attributes.push(RouteAttribute::Oif(interface.index));
    }
    RouteNetlinkMessage::GetRoute(message)
}

const fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

const fn to_ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(address) => Some(IpAddr::V4(*address)),
        RouteAddress::Inet6(address) => Some(IpAddr::V6(*address)),
        _ => None,
    }
}

const fn via_to_ip(via: &RouteVia) -> Option<IpAddr> {
    match via {
        RouteVia::Inet(address) => Some(IpAddr::V4(*address)),
        RouteVia::Inet6(address) => Some(IpAddr::V6(*address)),
        _ => None,
    }
}

const fn mtu(metric: &RouteMetric) -> Option<usize> {
    match metric {
        RouteMetric::Mtu(mtu) => Some(*mtu as usize),
        _ => None,
    }
}

const fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

/// The kernel's words for no route, and for routes of type unreachable, prohibit and blackhole.
fn is_no_route(said: &io::Error) -> bool {
    matches!(
        said.raw_os_error(),
        Some(libc::ENETUNREACH | libc::EHOSTUNREACH | libc::EACCES | libc::EINVAL)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::{Reply, read};

    fn parts(recorded: &str) -> Parts {
        let byte = |at| u8::from_str_radix(&recorded[at..at + 2], 16).unwrap();
        let bytes: Vec<u8> = (0..recorded.len()).step_by(2).map(byte).collect();
        match read(&bytes, 1).into_iter().next().unwrap().unwrap() {
            Reply::Message(RouteNetlinkMessage::NewRoute(route)) => Parts::read(&route),
            other => panic!("{other:?}"),
        }
    }

    fn expect(recorded: &str, gateway: Option<&str>, preferred: &str, mtu: Option<usize>) {
        let gateway = gateway.map(|address| address.parse().unwrap());
        let preferred = Some(preferred.parse().unwrap());
        assert_eq!(parts(recorded), Parts { index: Some(3), gateway, preferred, mtu });
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn recorded_answers_are_read() {
        expect(VIA_ROUTER_MTU_1400, Some("192.0.2.254"), "192.0.2.1", Some(1400));
        expect(VIA_ROUTER_OF_IPV6, Some("2001:db8::ff"), "192.0.2.1", None);
        expect(IPV6_VIA_ROUTER, Some("2001:db8::ff"), "2001:db8::1", None);
        expect(ON_LINK, None, "192.0.2.1", None);
    }

    #[test]
    fn this_machine_is_reached_over_loopback() {
        for target in ["127.0.0.1", "::1"] {
            let target: IpAddr = target.parse().unwrap();
            let route = Route::look_up(target, None, None).unwrap();
            assert!(route.local && route.interface.loopback, "{route:?}");
            assert_eq!((route.source, route.gateway), (Some(target), None));
            assert_eq!(route.mtu, route.interface.mtu);
        }
    }

    #[test]
    fn what_is_not_one_machine_is_refused() {
        let error = Route::look_up("fe80::1".parse().unwrap(), None, None).unwrap_err();
        assert!(error.to_string().contains("needs the name of an interface"), "{error}");
        let error = Route::look_up("127.0.0.1".parse().unwrap(), Some("nosuch0"), None);
        assert!(matches!(error.unwrap_err().cause, Cause::NoInterface(_)));
    }

    // Recorded from Linux 6.18 on a little-endian machine.
    /// `ip route get 198.51.100.7`, which goes `via 192.0.2.254 mtu 1400`.
    const VIA_ROUTER_MTU_1400: &str = "\
        7c0000001800000001000000a831000002200000fe0000010002000008000f00fe00000008000100\
        c6336407080004000300000008000700c000020108000500c00002fe0c0008000800020078050000\
        080019000000000024000c0002000000000000000000000000000000000000000000000000000000\
        00000000";
    /// `ip route get 203.0.113.7`, which goes `via inet6 2001:db8::ff`.
    const VIA_ROUTER_OF_IPV6: &str = "\
        800000001800000001000000a831000002200000fe0000010002000008000f00fe00000008000100\
        cb007107080004000300000008000700c0000201160012000a0020010db800000000000000000000\
        00ff0000080019000000000024000c00020000000000000000000000000000000000000000000000\
        0000000000000000";
    /// `ip route get 2001:db8:9::7`, which goes `via 2001:db8::ff`.
    const IPV6_VIA_ROUTER: &str = "\
        b00000001800000001000000a83100000a808000fe0300010000000008000f00fe00000014000100\
        20010db8000900000000000000000007140002000000000000000000000000000000000014000700\
        20010db800000000000000000000000108000600000400001400050020010db80000000000000000\
        000000ff080004000300000024000c00020000000000000000000000000000000000000000000000\
        00000000000000000500140000000000";
    /// `ip route get 192.0.2.2`, which is on the link.
    const ON_LINK: &str = "\
        680000001800000001000000a831000002200000fe0000010002000008000f00fe00000008000100\
        c0000202080004000300000008000700c0000201080019000000000024000c000200000000000000\
        000000000000000000000000000000000000000000000000";
}
