//! Scans 10.0.0.0/8 without listening, as fast as a way to send allows: a yardstick for the ways,
//! see benches/transmit.sh. Each SYN has a target of the scan's permutation, a cookie as sequence
//! number, one of a thousand source ports, and right checksums, as `tcpexposure probe` makes them.
//! `cargo run --release -p tcpexposure-linux --example transmit -- WAY NEXT-HOP [COUNT]`, where WAY is
//! auto, xdp, ring, mmsg or raw.

use std::{
    env,
    error::Error,
    net::{IpAddr, Ipv4Addr},
    ops::ControlFlow,
    time::Duration,
};

use tcpexposure_core::{
    craft::{Draft, Ipv4, Network},
    expression,
    scan::{
        Limits, Plan, Position, Prober,
        cookie::Key,
        pace::Rate,
        permute::Shard,
        targets::{Range, Space},
        template::{Choice, Ports, Probes, Template, proving},
    },
};
use tcpexposure_link::{Link, drive};
use tcpexposure_linux::{Options, Transmit, open_transmit};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let way = match arguments.next().as_deref() {
        Some("auto") => Transmit::Auto,
        Some("xdp") => Transmit::Xdp,
        Some("ring") => Transmit::Ring,
        Some("mmsg") => Transmit::Mmsg,
        Some("raw") => Transmit::Raw,
        _ => return Err("which way?".into()),
    };
    let next_hop: IpAddr = arguments.next().ok_or("which next hop?")?.parse()?;
    let targets = arguments.next().map(|count| count.parse()).transpose()?;
    let mut link = open_transmit(next_hop, &Options::default(), way)?;
    eprintln!("{}", link.description());

    let IpAddr::V4(source) = link.source() else { return Err("give a next hop of IPv4".into()) };
    let expression =
        expression::parse("S win 1024 <mss 1460>").map_err(|error| error.to_string())?;
    let network = Network::V4(Ipv4 { source, ..Ipv4::default() });
    let draft = expression
        .draft(Draft { network, ..Draft::default() })
        .map_err(|error| error.to_string())?;
    let ports = Ports::range(40_000, 40_999).ok_or("no ports")?;
    let (mut bytes, choice) = ([0; 60], Choice::only(Key::of_seed(1), ports));
    let template = Template::new(&draft, &proving(&expression), choice, &mut bytes)?;
    let mut ranges = [Range::prefix(Ipv4Addr::new(10, 0, 0, 0).into(), 8)?];
    // Without a count, again and again.
    let retries = if targets.is_none() { u32::MAX } else { 0 };
    let plan = Plan {
        space: Space::new(&mut ranges, &[80], 1)?,
        probes: Probes { v4: &[template], v6: &[] },
        seed: 1,
        shard: Shard::WHOLE,
        rate: Rate::Unlimited,
        limits: Limits { targets, retries, cooldown: Duration::ZERO, ..Limits::default() },
    };
    let mut prober = Prober::new(plan, Position::default());
    drive(&mut prober, &mut link, |_| ControlFlow::Continue(()))?;
    eprintln!("{:?}", link.statistics()?);
    Ok(())
}
