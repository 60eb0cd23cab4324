//! SYNs from a program in the kernel, as fast as they go, to one port of all addresses of a prefix,
//! again and again until it is ended, or so many.
//! `cargo run -p tcpexposure-linux --example live -- NEXT-HOP ADDRESS/LENGTH [COUNT]`, with CAP_BPF,
//! CAP_NET_ADMIN and CAP_NET_RAW.

use std::{env, error::Error, net::IpAddr};

use tcpexposure_core::{
    craft::{Draft, Network},
    expression,
    scan::{
        Limits, Plan, Position,
        cookie::Key,
        pace::Rate,
        permute::Shard,
        targets::{Range, Space},
        template::{Choice, Ports, Probes, Template, proving},
    },
};
use tcpexposure_linux::{Options, Route, xdp_live::Live};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [hop, prefix, count @ ..] = &arguments[..] else {
        return Err("live NEXT-HOP ADDRESS/LENGTH [COUNT]".into());
    };
    let hop: IpAddr = hop.parse()?;
    let count = count.first().map_or(Ok(u64::MAX), |count| count.parse())?;
    let (address, length) = prefix.split_once('/').ok_or("ADDRESS/LENGTH")?;
    let mut ranges = [Range::prefix(address.parse()?, length.parse()?)?];
    let space = Space::new(&mut ranges, &[80], 1)?;

    let source = Route::look_up(hop, None, None)?.source.ok_or("no source address")?;
    let expression =
        expression::parse("S win 1024 <mss 1460>").map_err(|error| error.to_string())?;
    let network = Network::between(source, hop).ok_or("two IP versions")?;
    let draft = Draft { network, ..Draft::default() };
    let draft = expression.draft(draft).map_err(|error| error.to_string())?;
    let ports = Ports::range(32_768, 60_999).ok_or("no ports")?;
    let choice = Choice::only(Key::of_seed(1), ports);
    let mut buffer = [0; 200];
    let template = [Template::new(&draft, &proving(&expression), choice, &mut buffer)?];
    let (v4, v6) =
        if source.is_ipv4() { (&template[..], &[][..]) } else { (&[][..], &template[..]) };
    let plan = Plan {
        space,
        probes: Probes { v4, v6 },
        seed: 1,
        shard: Shard::WHOLE,
        rate: Rate::Unlimited,
        limits: Limits::default(),
    };
    let mut live = Live::open(hop, &Options::default(), &plan)?;
    eprintln!("{}", live.description());

    let (mut position, mut left) = (Position::default(), count);
    while left > 0 {
        let counts = live.run(position, left)?;
        left -= counts.made;
        position = if counts.made > 0 { counts.next } else { Position::default() };
    }
    eprintln!("{:?}", live.statistics()?);
    Ok(())
}
