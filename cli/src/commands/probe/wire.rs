//! The links of a run on a real wire: one to send, one to listen, each for a thread of its own.

use tcpexposure_core::scan::{self, Position};
use tcpexposure_link::{Error, Link, Statistics};

use super::{Probe, account::Traffic, plan::Plan, ports::Ports, probes::Source};
use crate::{
    exit::{Exit, Failure},
    fence::Programs,
    guards::Guards,
};

/// Makes a generator for what is to be sent.
pub(super) type Maker = Box<dyn Fn(&scan::Plan<'_>) -> Result<Box<dyn Generate>, Failure>>;

/// Packets that are made and sent by somebody else.
pub(super) trait Generate: Send {
    /// Sends so many packets from a position on, not beyond the end of the round, and tells the
    /// packet that is next, and how many were made.
    fn send(&mut self, from: Position, count: u64) -> Result<(Position, u64), Error>;

    /// Tells the length of the longest packet, in bytes.
    fn length(&self) -> usize;

    /// Tells what became of all packets.
    fn statistics(&mut self) -> Result<Statistics, Error>;
}

/// An open way to the targets.
pub(super) struct Wire {
    /// Sends.
    pub(super) transmit: Box<dyn Link + Send>,
    /// Makes packets in the kernel, where that is asked for; `transmit` is then only the clock.
    pub(super) generator: Option<Maker>,
    /// Listens.
    pub(super) receive: Box<dyn Link + Send>,
    /// Where probes come from.
    pub(super) source: Source,
    /// The interface.
    pub(super) interface: String,
    /// What was chosen, and why.
    pub(super) description: String,
    /// Keeps the kernel silent on the source ports.
    _guards: Guards,
}

impl Wire {
    /// Tells what is done with programs in the kernel when the generator is made.
    pub(super) const fn programs(&self) -> Programs {
        if self.generator.is_some() { Programs::Run } else { Programs::None }
    }

    /// Tells what the links have counted so far.
    pub(super) fn statistics(&mut self) -> Result<Traffic, Failure> {
        let (transmit, receive) = (self.transmit.statistics()?, self.receive.statistics()?);
        Ok(Traffic { transmit, receive, ..Traffic::default() })
    }
}

/// Gives ports as a list, in which each follows the one before.
pub(super) fn consecutive(ports: &Ports) -> Result<Vec<u16>, Failure> {
    let list = ports.list();
    if list.windows(2).all(|pair| pair[0].checked_add(1) == Some(pair[1])) {
        return Ok(list);
    }
    Err(Failure::new(Exit::Usage, "the source ports do not follow each other")
        .hint("name one port or one range, as in -s 40000-40099"))
}

#[cfg(target_os = "linux")]
mod linux {
    use std::net::IpAddr;

    use tcpexposure_core::scan::{Plan as Sent, Position};
    use tcpexposure_link::{Error, Statistics};
    use tcpexposure_linux::{
        Framing, Interest, Options, Route, Transmit, open_receive, open_transmit, xdp_live::Live,
    };

    use super::{
        Failure, Generate, Guards, Maker, Plan, Probe, SOURCES, Source, Wire, consecutive,
    };
    use crate::{commands::probe::way::Way, exit::Exit};

    impl Probe {
        /// Takes the source ports: those that were named, or some that are free.
        fn guards(&self, plan: &Plan) -> Result<Guards, Failure> {
            match &self.sending.source_port {
                Some(ports) => Guards::each(&consecutive(ports)?),
                None => Guards::range(SOURCES.max(plan.variants)),
            }
        }

        /// Picks targets by which the way is found, one of each IP version that is probed.
        fn guides(&self, plan: &Plan) -> Result<Vec<IpAddr>, Failure> {
            let find = |v4: bool| plan.ranges.iter().find(|range| range.first().is_ipv4() == v4);
            let guides: Vec<_> = [find(true), find(false)].into_iter().flatten().collect();
            let guides: Vec<IpAddr> = guides.iter().map(|range| range.first()).collect();
            if guides.len() > 1 && self.sending.gateway_mac.is_none() {
                let message = "the targets are of both IP versions, whose next hops may be two";
                return Err(Failure::new(Exit::Usage, message).hint(
                    "probe them in two runs, or name the next hop's hardware address with -G",
                ));
            }
            if let Some(source) = self.sending.source_ip
                && guides.iter().any(|guide| guide.is_ipv4() != source.is_ipv4())
            {
                let message = format!("{source} cannot send to targets of the other IP version");
                return Err(Failure::new(Exit::Usage, message).hint("name another source with -S"));
            }
            Ok(guides)
        }
    }

    impl Wire {
        /// Opens the links.
        pub(in super::super) fn open(probe: &Probe, plan: &Plan) -> Result<Self, Failure> {
            let guides = probe.guides(plan)?;
            let Some(first) = guides.first().copied() else {
                return Err(
                    Failure::new(Exit::Usage, "there is nothing to probe").hint("name targets")
                );
            };
            let guards = probe.guards(plan)?;
            let sending = &probe.sending;
            let options = Options {
                interface: sending.interface.clone(),
                source: sending.source_ip,
                gateway_mac: sending.gateway_mac,
                interest: Some(Interest { peers: Vec::new(), ports: vec![guards.ports()] }),
                ..Options::default()
            };
            let (way, why) = transmit(probe, plan, first)?;
            // Listening begins before the first probe goes out.
            let receive = open_receive(first, &options)?;
            let transmit = open_transmit(first, &options, way)?;
            let mut source = Source { v4: None, v6: None, ports: guards.ports() };
            for guide in guides {
                let own = if guide == first { transmit.source() } else { own(guide, probe)? };
                match own {
                    IpAddr::V4(address) => source.v4 = Some(address),
                    IpAddr::V6(address) => source.v6 = Some(address),
                }
            }
            let interface = transmit.interface().name.clone();
            let (out, back) = (transmit.description(), receive.description());
            let live = sending.backend == Way::XdpLive;
            let out = if live {
                format!("eBPF live frames on {interface}")
            } else {
                format!("{out}{why}")
            };
            let description = format!("{out}; {back}; {}", guards.description());
            Ok(Self {
                source,
                interface,
                description,
                transmit: Box::new(transmit),
                generator: live.then(|| generator(first, options)),
                receive: Box::new(receive),
                _guards: guards,
            })
        }
    }

    /// Makes generators in the kernel.
    fn generator(first: IpAddr, options: Options) -> Maker {
        Box::new(move |sent: &Sent<'_>| Ok(Box::new(Live::open(first, &options, sent)?)))
    }

    impl Generate for Live {
        fn send(&mut self, from: Position, count: u64) -> Result<(Position, u64), Error> {
            self.run(from, count).map(|counts| (counts.next, counts.made))
        }

        fn length(&self) -> usize {
            Self::length(self)
        }

        fn statistics(&mut self) -> Result<Statistics, Error> {
            Self::statistics(self)
        }
    }

    /// Chooses how to send.
    fn transmit(probe: &Probe, plan: &Plan, first: IpAddr) -> Result<(Transmit, String), Failure> {
        let asked = match probe.sending.backend {
            Way::Raw => Transmit::Raw,
            Way::Packet | Way::XdpLive => Transmit::Mmsg,
            Way::Ring => Transmit::Ring,
            Way::Xdp => Transmit::Xdp,
            _ => Transmit::Auto,
        };
        if asked == Transmit::Raw || probe.sending.gateway_mac.is_some() {
            return Ok((asked, String::new()));
        }
        let Some(neighbour) = neighbour(probe, plan, first)? else {
            return Ok((asked, String::new()));
        };
        if asked == Transmit::Auto {
            let why = format!(", because {neighbour} is another neighbour than {first}");
            return Ok((Transmit::Raw, why));
        }
        let message = format!("{first} and {neighbour} have two next hops, this way has one");
        Err(Failure::new(Exit::Usage, message)
            .hint("send with --backend raw, or name the next hop's hardware address with -G"))
    }

    /// Finds a target that is not reached by the same next hop as the first, among the ends of the
    /// ranges.
    fn neighbour(probe: &Probe, plan: &Plan, first: IpAddr) -> Result<Option<IpAddr>, Failure> {
        let sending = &probe.sending;
        let look_up =
            |target| Route::look_up(target, sending.interface.as_deref(), sending.source_ip);
        let route = look_up(first)?;
        if route.interface.framing != Framing::Ethernet || route.interface.loopback {
            return Ok(None);
        }
        for range in plan.ranges.iter().take(LOOKED_AT) {
            for target in [range.first(), range.last()] {
                if look_up(target).is_ok_and(|other| other.next_hop() != route.next_hop()) {
                    return Ok(Some(target));
                }
            }
        }
        Ok(None)
    }

    /// Tells our own address towards a target.
    fn own(target: IpAddr, probe: &Probe) -> Result<IpAddr, Failure> {
        let route = Route::look_up(target, probe.sending.interface.as_deref(), None)?;
        route.source.ok_or_else(|| {
            Failure::new(Exit::Usage, format!("there is no address to reach {target} from"))
                .hint("give the interface an address")
        })
    }

    /// How many ranges' ends are looked at.
    const LOOKED_AT: usize = 32;
}

#[cfg(not(target_os = "linux"))]
impl Wire {
    /// Tells that there is no wire.
    pub(super) fn open(_: &Probe, _: &Plan) -> Result<Self, Failure> {
        Err(Failure::new(Exit::Usage, "there is no way to the wire on this system yet")
            .hint("use a simulated path: --backend sim"))
    }
}

/// How many source ports are taken when none is named.
pub(super) const SOURCES: u16 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_ports_follow_each_other() {
        assert_eq!(consecutive(&"40000-40002".parse().unwrap()).unwrap(), [40000, 40001, 40002]);
        assert_eq!(consecutive(&"7".parse().unwrap()).unwrap(), [7]);
        assert!(consecutive(&"1,3".parse().unwrap()).is_err());
    }
}
