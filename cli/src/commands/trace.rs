//! `trace`: where on the path a packet is changed.

use std::{net::SocketAddr, ops::ControlFlow};

use serde_json::json;
use tcpexposure_core::{
    engine::Engine,
    trace::{Config, Event, Field, Hop, Place, Reply, locate},
    wire::packet::Packet,
};
use tcpexposure_link::{Link as _, drive};

use super::segments::{self, Moment};
use crate::{
    backend::{Backend, Path, Way},
    exit::{Exit, Failure},
    fence::Fence,
    localise::{Flow, tracer},
    output::{
        Output,
        hops::{Ways, line, object, place_object},
    },
    stop::Stop,
    target::Target,
    units,
};

/// Find the hops between which a packet is changed
///
/// Sends copies with a rising time to live, and compares what routers quote in their ICMP errors
/// with what was sent. A packet without SYN is sent inside a connection, which is opened first.
/// The target need know nothing of this.
#[derive(Debug, clap::Args)]
pub(crate) struct Trace {
    #[arg(help = "Where to: HOST[:PORT] or [IPV6]:PORT; the port is 80 by default")]
    target: Target,
    /// The segment to trace, as in 'S <mss 1460,opt 253 0xaabb>'
    #[arg(default_value = SYN)]
    expression: String,
    #[arg(help = "How to send: auto, raw, packet, sim[:BOX,…]")]
    #[arg(long, default_value = "auto", value_name = "WAY")]
    backend: Backend,
    /// The interface to use
    #[arg(short, long, value_name = "NAME")]
    interface: Option<String>,
    /// The next hop's hardware address, which is looked up otherwise
    #[arg(short = 'G', long, value_name = "MAC", value_parser = units::mac)]
    gateway_mac: Option<[u8; 6]>,
    /// The highest time to live
    #[arg(short = 'm', long, default_value_t = 30, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u8).range(1..))]
    max_ttl: u8,
    /// How often to ask each hop that does not answer
    #[arg(long, default_value_t = 3, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u8).range(1..))]
    tries: u8,
    /// How many flows to trace, each from a port of its own: balanced paths differ by flow
    #[arg(long, default_value_t = 1, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u8).range(1..))]
    flows: u8,
}

impl Trace {
    pub(crate) fn run(&self, output: &mut Output) -> Result<Exit, Failure> {
        let texts = [self.expression.clone()];
        let expressions = segments::parse(&texts)?;
        let target = self.target.resolve(segments::version(&expressions))?;
        let stop = Stop::install()?;
        let mut exit = Exit::NoAnswer;
        let open = |flow| self.open(flow, target);
        let mut paths = (0..self.flows).map(open).collect::<Result<Vec<_>, _>>()?;
        Fence::default().close(output)?;
        let mut ways = Ways::default();
        for (flow, path) in (0..self.flows).zip(&mut paths) {
            output.detail(&path.description);
            let seed = self.backend.seed()?;
            let time = path.now();
            let moment = Moment { seed, place: flow.into(), repeat: 0, time };
            let bytes = segments::craft(&texts[0], &expressions[0], path.source, target, moment)?;
            if self.flows > 1 && !output.json {
                output.line(&format!("flow {} from port {}", flow + 1, path.source.port()))?;
            }
            let config = Config { connect: !is_syn(&bytes), ..self.config() };
            let show = |hop: &Hop| self.show(hop, flow, target, output);
            let done = follow(&mut tracer(config, &bytes)?, path, &stop, show)?;
            ways.add(&done.hops);
            exit = worse(exit, self.conclude(&done, output)?);
            if stop.asked() {
                return Ok(Exit::Partial);
            }
        }
        ways.show(output)?;
        if exit == Exit::NoAnswer {
            return Err(Failure::new(
                Exit::NoAnswer,
                format!("no hop on the way to {target} answers"),
            )
            .hint("see with `tcpexposure doctor TARGET` how it is reached"));
        }
        Ok(exit)
    }

    /// Opens the way of a flow.
    fn open(&self, flow: u8, target: SocketAddr) -> Result<Path<'static>, Failure> {
        let mut path = self.backend.open(target, &self.way())?;
        if self.backend.is_simulated() {
            path.source.set_port(path.source.port().saturating_add(flow.into()));
        }
        Ok(path)
    }

    fn way(&self) -> Way<'_> {
        Way { interface: self.interface.as_deref(), mac: self.gateway_mac, ..Way::default() }
    }

    const fn config(&self) -> Config {
        Config { most: self.max_ttl, tries: self.tries, patience: 5, connect: false }
    }

    fn show(
        &self,
        hop: &Hop,
        flow: u8,
        target: SocketAddr,
        output: &mut Output,
    ) -> Result<(), Failure> {
        if output.json {
            return output.object(&object(hop, flow, target));
        }
        output.line(&line(hop, target))
    }

    /// Says where each field was changed.
    fn conclude(&self, flow: &Flow, output: &mut Output) -> Result<Exit, Failure> {
        if !flow.connected {
            return Err(Failure::new(
                Exit::NoAnswer,
                "the connection that the packet belongs to cannot be opened",
            )
            .hint("trace a SYN, or name a port that is open"));
        }
        if flow.hops.iter().all(|hop| hop.reply == Reply::Silence) {
            return Ok(Exit::NoAnswer);
        }
        let mut exit = Exit::Done;
        for field in Field::ALL.into_iter().filter(|field| *field != Field::Checksum) {
            let Some(place) = seen(&flow.hops, field) else { continue };
            exit = Exit::Interfered;
            if output.json {
                output.object(&json!({
                    "type": "place", "field": field.word(), "place": place_object(&place),
                    "sentence": place.to_string(),
                }))?;
            } else {
                output.line(&format!("{} changed {place}", field.word()))?;
            }
        }
        if exit == Exit::Done && !output.json {
            output.line("no quote differs from what was sent")?;
        }
        Ok(exit)
    }
}

/// Lets a tracer follow its packet; `show` sees every hop as it is asked.
pub(crate) fn follow(
    tracer: &mut impl Engine<Event = Event>,
    path: &mut Path,
    stop: &Stop,
    mut show: impl FnMut(&Hop) -> Result<(), Failure>,
) -> Result<Flow, Failure> {
    let (mut flow, mut failure) = (Flow::NEW, None);
    drive(tracer, path, |event| match event {
        Some(event) => {
            flow.take(event);
            let shown = match event {
                Event::Hop(hop) => show(&hop),
                Event::Unconnected => Ok(()),
            };
            match shown {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failure = Some(error);
                    ControlFlow::Break(())
                }
            }
        }
        None if stop.asked() => ControlFlow::Break(()),
        None => ControlFlow::Continue(()),
    })?;
    failure.map_or(Ok(flow), Err)
}

/// Tells where a field was changed, if any quote shows that it was.
fn seen(hops: &[Hop], field: Field) -> Option<Place> {
    let changed = hops
        .iter()
        .any(|hop| matches!(hop.reply, Reply::Quote { changed, .. } if changed.contains(field)));
    changed.then(|| locate(hops, field))
}

fn is_syn(bytes: &[u8]) -> bool {
    use tcpexposure_core::wire::tcp::Flags;
    Packet::from_ip(bytes).tcp().is_none_or(|segment| segment.header.flags().contains(Flags::SYN))
}

fn worse(one: Exit, other: Exit) -> Exit {
    if one == Exit::Interfered || other == Exit::NoAnswer { one } else { other }
}

/// What is traced where nothing is said: a SYN as hosts send it, and an experimental option.
const SYN: &str = "S <mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7,opt 253 0x7463,opt 254 0x7463>";
