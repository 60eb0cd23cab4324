//! Interfaces as the kernel describes them.

use std::{io, net::IpAddr};

use netlink_packet_route::{
    RouteNetlinkMessage,
    address::{AddressAttribute, AddressMessage},
    link::{InfoKind, LinkAttribute, LinkFlags, LinkInfo, LinkMessage},
};
use tcpexposure_link::{Cause, Error};

use crate::{
    error::{error, system},
    netlink::Socket,
};

/// An interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// Its number.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Its hardware address, if it has one of six bytes.
    pub mac: Option<[u8; 6]>,
    /// What its frames begin with.
    pub framing: Framing,
    /// The largest IP packet that it takes, in bytes.
    pub mtu: usize,
    /// Whether it is switched on.
    pub up: bool,
    /// Whether there is somebody at the other end, as far as the driver can tell.
    pub carrier: bool,
    /// Whether it leads back to this machine.
    pub loopback: bool,
    /// How many receive queues it may have.
    pub queues: u32,
    /// Whether it is one end of a pair (veth), in which nobody completes checksums that were left
    /// to a card.
    pub pair: bool,
    /// Whether its neighbours are not looked up.
    pub no_arp: bool,
}

/// An interface, and its own addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addressed {
    /// The interface.
    pub interface: Interface,
    /// Its addresses with the lengths of their prefixes.
    pub addresses: Vec<(IpAddr, u8)>,
}

/// What an interface has counted since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets that it has received.
    pub received: u64,
    /// Packets that it has sent.
    pub sent: u64,
    /// Packets that it was given to send and dropped.
    pub refused: u64,
    /// Packets that came and were lost before anyone could see them.
    pub missed: u64,
}

/// What the frames of an interface begin with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// An Ethernet II header; loopback has one too.
    Ethernet,
    /// The IP header: tun, IP-in-IP and the like.
    Ip,
    /// A header that this crate does not write (the ARPHRD number): the kernel must.
    #[default]
    Other,
}

impl Interface {
    /// Looks up an interface by its name.
    ///
    /// # Errors
    /// [`Cause::NoInterface`] if there is none of this name.
    pub fn named(name: &str) -> Result<Self, Error> {
        let mut question = LinkMessage::default();
        question.attributes.push(LinkAttribute::IfName(name.to_owned()));
        Self::ask(question, name)
    }

    /// Looks up an interface by its number.
    ///
    /// # Errors
    /// [`Cause::NoInterface`] if it has gone.
    pub fn numbered(index: u32) -> Result<Self, Error> {
        let mut question = LinkMessage::default();
        question.header.index = index;
        Self::ask(question, &format!("number {index}"))
    }

    /// Lists all interfaces with their addresses.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn list() -> Result<Vec<Addressed>, Error> {
        list().map_err(|said| system("list the interfaces", said))
    }

    fn ask(question: LinkMessage, name: &str) -> Result<Self, Error> {
        ask(question, name).map(|link| Self::read(&link))
    }

    fn read(link: &LinkMessage) -> Self {
        let flags = link.header.flags;
        let mut interface = Self {
            index: link.header.index,
            framing: Framing::of(link.header.link_layer_type.into()),
            up: flags.contains(LinkFlags::Up),
            carrier: flags.contains(LinkFlags::LowerUp),
            loopback: flags.contains(LinkFlags::Loopback),
            no_arp: flags.contains(LinkFlags::Noarp),
            ..Self::default()
        };
        for attribute in &link.attributes {
            match attribute {
                LinkAttribute::IfName(name) => interface.name.clone_from(name),
                LinkAttribute::Mtu(mtu) => interface.mtu = *mtu as usize,
                LinkAttribute::NumRxQueues(queues) => interface.queues = *queues,
                LinkAttribute::LinkInfo(infos) => {
                    interface.pair = infos.contains(&LinkInfo::Kind(InfoKind::Veth));
                }
                LinkAttribute::Address(mac) => interface.mac = mac[..].try_into().ok(),
                _ => {}
            }
        }
        interface
    }
}

impl Counters {
    /// Reads those of the interface of this number.
    ///
    /// # Errors
    /// [`Cause::NoInterface`] if it has gone.
    pub fn of(index: u32) -> Result<Self, Error> {
        let mut question = LinkMessage::default();
        question.header.index = index;
        let link = ask(question, &format!("number {index}"))?;
        let stats = link.attributes.iter().find_map(|attribute| match attribute {
            LinkAttribute::Stats64(stats) => Some(*stats),
            _ => None,
        });
        let stats = stats.unwrap_or_default();
        Ok(Self {
            received: stats.rx_packets,
            sent: stats.tx_packets,
            refused: stats.tx_dropped,
            missed: stats.rx_dropped + stats.rx_missed_errors,
        })
    }
}

impl Framing {
    /// Tells the framing of a hardware type, an ARPHRD number of linux/if_arp.h.
    const fn of(hardware: u16) -> Self {
        match hardware {
            ARPHRD_ETHER | ARPHRD_LOOPBACK => Self::Ethernet,
            ARPHRD_NONE | ARPHRD_RAWIP | ARPHRD_TUNNEL | ARPHRD_TUNNEL6 | ARPHRD_SIT => Self::Ip,
            _ => Self::Other,
        }
    }
}

fn ask(question: LinkMessage, name: &str) -> Result<LinkMessage, Error> {
    let doing = || format!("use interface {name}");
    let no_interface = || error(doing(), Cause::NoInterface(name.to_owned()));
    if name.is_empty() || name.len() >= libc::IFNAMSIZ && !name.starts_with("number ") {
        return Err(no_interface());
    }
    let mut socket = Socket::open(0).map_err(|said| system(doing(), said))?;
    match socket.get(RouteNetlinkMessage::GetLink(question)) {
        Ok(RouteNetlinkMessage::NewLink(link)) => Ok(link),
        Err(said) if !is_missing(&said) => Err(system(doing(), said)),
        _ => Err(no_interface()),
    }
}

fn list() -> io::Result<Vec<Addressed>> {
    let mut socket = Socket::open(0)?;
    let links = socket.list(RouteNetlinkMessage::GetLink(LinkMessage::default()))?;
    let addresses = socket.list(RouteNetlinkMessage::GetAddress(AddressMessage::default()))?;
    let addresses: Vec<_> = addresses.iter().filter_map(address).collect();
    Ok(links
        .iter()
        .filter_map(|message| match message {
            RouteNetlinkMessage::NewLink(link) => Some(Interface::read(link)),
            _ => None,
        })
        .map(|interface| {
            let own = addresses.iter().filter(|(index, _)| *index == interface.index);
            let addresses = own.map(|(_, address)| *address).collect();
            Addressed { interface, addresses }
        })
        .collect())
}

/// Reads an interface's number and its own address there; the other one of a point-to-point link
/// is the peer's.
fn address(message: &RouteNetlinkMessage) -> Option<(u32, (IpAddr, u8))> {
    let RouteNetlinkMessage::NewAddress(message) = message else {
        return None;
    };
    let mut found = None;
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Local(address) => found = Some(*address),
            AddressAttribute::Address(address) => found = found.or(Some(*address)),
            _ => {}
        }
    }
    Some((message.header.index, (found?, message.header.prefix_len)))
}

fn is_missing(said: &io::Error) -> bool {
    said.kind() == io::ErrorKind::NotFound
        || matches!(said.raw_os_error(), Some(libc::ENODEV | libc::ENOENT | libc::EINVAL))
}

const ARPHRD_ETHER: u16 = 1;
const ARPHRD_RAWIP: u16 = 519;
const ARPHRD_TUNNEL: u16 = 768;
const ARPHRD_TUNNEL6: u16 = 769;
const ARPHRD_LOOPBACK: u16 = 772;
const ARPHRD_SIT: u16 = 776;
const ARPHRD_NONE: u16 = 65534;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_found_by_name_and_by_number() {
        let by_name = Interface::named("lo").unwrap();
        assert!(by_name.loopback && by_name.framing == Framing::Ethernet);
        assert_eq!(by_name.mac, Some([0; 6]));
        assert_eq!(Interface::numbered(by_name.index).unwrap(), by_name);
        let all = Interface::list().unwrap();
        assert!(all.iter().any(|one| one.interface == by_name));
    }

    #[test]
    fn a_missing_interface_is_named() {
        for name in ["nosuch0", "", "a-name-that-is-far-too-long-for-linux"] {
            let error = Interface::named(name).unwrap_err();
            assert!(matches!(error.cause, Cause::NoInterface(_)), "{error}");
        }
        let error = Interface::numbered(0x7fff_fff0).unwrap_err();
        assert!(matches!(error.cause, Cause::NoInterface(_)), "{error}");
    }
}
