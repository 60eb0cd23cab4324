//! `respond`: the stateless responder, until it is asked to stop.

use std::ops::ControlFlow;

use serde_json::json;
use tcpexposure_core::respond::{Config, Counters, Ports, Responder, rate::Rate, siphash::Key};
use tcpexposure_link::drive;

use crate::{
    backend::Listener,
    exit::{Exit, Failure},
    fence::Fence,
    guards::Guards,
    output::Output,
    stop::Stop,
    units,
};

/// Answer the questions of `test` at the far end of a path
///
/// It keeps nothing of its peers. Our kernel is kept silent on the ports for as long as it runs.
#[derive(Debug, clap::Args)]
pub(crate) struct Respond {
    /// The ports to serve
    #[arg(short, long, default_value = "34343", value_delimiter = ',', value_name = "PORTS")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    port: Vec<u16>,
    /// Answer as in 2011, to serve initiators of that time; it amplifies: for closed labs
    #[arg(long)]
    classic: bool,
    /// How many answers a second each source gets: 2000 by default, no limit with --classic
    #[arg(long, value_name = "RATE", value_parser = units::rate)]
    rate: Option<u32>,
    /// The only interface to serve
    #[arg(short, long, value_name = "NAME")]
    interface: Option<String>,
}

impl Respond {
    pub(crate) fn run(&self, output: &mut Output) -> Result<Exit, Failure> {
        let stop = Stop::install()?;
        let ports = self.ports();
        let mut responder = Responder::new(self.config(&ports)?);
        let guards = Guards::each(&ports)?;
        let served = ports.iter().map(|port| *port..=*port).collect();
        let mut listener = Listener::open(self.interface.as_deref(), served)?;
        Fence::default().close(output)?;
        output.detail(&format!("{}; {}", listener.description, self.description(&guards)));
        if !output.verbosity.quiet {
            let listed: Vec<_> = ports.iter().map(u16::to_string).collect();
            eprintln!("serving ports {}", listed.join(", "));
        }
        let until = |_| {
            if stop.asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        drive(&mut responder, &mut listener, until)?;
        tell(output, responder.counters())?;
        Ok(Exit::Done)
    }

    /// Gives the ports, each of them once.
    fn ports(&self) -> Vec<u16> {
        let mut ports = Vec::new();
        for port in &self.port {
            if !ports.contains(port) {
                ports.push(*port);
            }
        }
        ports
    }

    fn config(&self, ports: &[u16]) -> Result<Config, Failure> {
        let ports = Ports::new(ports).ok_or_else(|| {
            Failure::new(Exit::Usage, format!("{} ports are too many to serve", ports.len()))
                .hint(format!("{} ports can be served at once", Ports::MAX))
        })?;
        let mut key = [0; 16];
        getrandom::fill(&mut key).map_err(|error| {
            Failure::new(Exit::Usage, format!("cannot draw a key: {error}"))
                .hint("see whether /dev/urandom can be read")
        })?;
        let config = if self.classic {
            Config { key: Key::new(key), ..Config::classic(ports) }
        } else {
            Config::modern(ports, Key::new(key))
        };
        let limit = |per_second: u32| Rate { per_second, burst: per_second.saturating_mul(2) };
        Ok(Config { rate: self.rate.map(limit).or(config.rate), ..config })
    }

    /// Tells how the ports are served.
    fn description(&self, guards: &Guards) -> String {
        let dialect = if self.classic { "answers as in 2011" } else { "answers in today's form" };
        format!("{dialect}, {} guarded", guards.count())
    }
}

/// Tells what was done.
fn tell(output: &mut Output, counters: &Counters) -> Result<(), Failure> {
    if output.json {
        return output.object(&json!({
            "type": "counters",
            "received": counters.received,
            "answered": counters.answered,
            "refused": counters.refused,
            "malformed": counters.malformed,
            "bad_checksum": counters.bad_checksum,
            "unproven": counters.unproven,
            "sent": counters.sent,
            "bytes_in": counters.bytes_in,
            "bytes_out": counters.bytes_out,
        }));
    }
    if !output.verbosity.quiet {
        let Counters { received, answered, refused, malformed, bad_checksum, .. } = counters;
        let Counters { unproven, sent, bytes_in, bytes_out, .. } = counters;
        eprintln!(
            "received {received} packets ({bytes_in} bytes), answered {answered} of them with \
             {sent} packets ({bytes_out} bytes); refused {refused}, malformed {malformed}, \
             bad checksum {bad_checksum}, unproven {unproven}"
        );
    }
    Ok(())
}
