//! `send`: put segments on the wire and print what comes back.

use std::{ops::ControlFlow, path::PathBuf, time::Duration};

use tcpexposure_core::{exchange::Policy, wire::packet::Packet};
use tcpexposure_link::{Link as _, Seen, exchange};

use super::segments::{self, Moment};
use crate::{
    backend::{Backend, Path, Way},
    exit::{Exit, Failure},
    fence::Fence,
    output::{
        Output,
        packets::{ANSWER, Packets, SENT},
    },
    target::Target,
    units,
};

/// Send segments and print what comes back
///
/// All expressions go out back to back. Answers are segments with mirrored addresses and ports, and
/// ICMP errors that quote what was sent. The exchange ends when every segment has an answer.
#[derive(Debug, clap::Args)]
pub(crate) struct Send {
    #[arg(help = "Where to: HOST[:PORT] or [IPV6]:PORT; the port is 80 by default")]
    target: Target,
    /// The segments, each as in 'S win 64240 <mss 1460,nop,wscale 7>'
    #[arg(required = true)]
    expressions: Vec<String>,
    #[arg(
        help = "How to send: auto, raw, packet, sim[:BOX,…]",
        long,
        default_value = "auto",
        value_name = "WAY"
    )]
    backend: Backend,
    #[arg(help = "Where they come from: ADDRESS[:PORT]", long, value_name = "ADDR[:PORT]")]
    from: Option<Target>,
    /// The interface to use
    #[arg(short, long, value_name = "NAME")]
    interface: Option<String>,
    /// The next hop's hardware address, which is looked up otherwise
    #[arg(short = 'G', long, value_name = "MAC", value_parser = units::mac)]
    gateway_mac: Option<[u8; 6]>,
    /// Send all of it so many times
    #[arg(short, long, default_value_t = 1, value_name = "N")]
    count: u32,
    /// How long to wait for an answer
    #[arg(long, default_value = "1s", value_parser = units::time, value_name = "TIME")]
    timeout: Duration,
    /// How often to send again what has no answer
    #[arg(long, default_value_t = 0, value_name = "N")]
    retries: u32,
    /// How long to listen on when everything has an answer
    #[arg(long, default_value = "0s", value_parser = units::time, value_name = "TIME")]
    linger: Duration,
    /// What `cookie`, `rand`, `hash(dst)` and source ports are made of
    #[arg(short = 'e', long, default_value_t = 0, value_name = "N")]
    seed: u64,
    /// Write what was sent and what came back to a capture file: pcapng if its name says so
    #[arg(short, long, value_name = "FILE")]
    write: Option<PathBuf>,
}

impl Send {
    pub(crate) fn run(&self, output: &mut Output) -> Result<Exit, Failure> {
        let expressions = segments::parse(&self.expressions)?;
        let target = self.target.resolve(segments::version(&expressions))?;
        let source = segments::source(self.from.as_ref(), target.ip())?;
        let stated = self.from.is_some();
        let way = Way {
            interface: self.interface.as_deref(),
            source: stated.then(|| source.ip()),
            port: self.from.as_ref().and_then(|from| from.port),
            mac: self.gateway_mac,
            classic: false,
        };
        let mut path = self.backend.open(target, &way)?;
        output.detail(&path.description);
        let mut shown = Packets::new(output.verbosity.verbose, self.write.as_deref())?;
        Fence::default().close(output)?;
        let mut answers = 0;
        for repeat in 0..self.count {
            let (seed, time) = (self.seed, path.now());
            let packets = (0..)
                .zip(self.expressions.iter().zip(&expressions))
                .map(|(place, (text, expression))| {
                    let moment = Moment { seed, place, repeat, time };
                    segments::craft(text, expression, path.source, target, moment)
                })
                .collect::<Result<Vec<_>, _>>()?;
            answers += self.round(&mut path, &packets, &mut shown, output)?;
        }
        shown.finish()?;
        if answers > 0 {
            return Ok(Exit::Done);
        }
        let times = self.count * (self.retries + 1);
        Err(Failure::new(
            Exit::NoAnswer,
            format!("no answer from {target}: sent {times} times, waited {:?} each", self.timeout),
        )
        .hint("a longer --timeout or more --retries may help; -v tells the way that was taken"))
    }

    /// Sends all segments once, and tells how many answers came.
    fn round(
        &self,
        path: &mut Path,
        packets: &[Vec<u8>],
        shown: &mut Packets,
        output: &mut Output,
    ) -> Result<usize, Failure> {
        let policy = Policy { timeout: self.timeout, retries: self.retries, linger: self.linger };
        let bytes: Vec<&[u8]> = packets.iter().map(Vec::as_slice).collect();
        let mut failure = None;
        let answers = exchange(path, &bytes, policy, |seen| {
            let result = match seen {
                Seen::Sent { request, number, time } => {
                    shown.show(output, SENT, number, time, &Packet::from_ip(bytes[request]))
                }
                Seen::Answer(answer) => {
                    shown.show(output, ANSWER, answer.number, answer.time, &answer.packet())
                }
                Seen::Unanswered { request } => shown.silence(output, request),
            };
            result.map_or_else(
                |error| {
                    failure = Some(error);
                    ControlFlow::Break(())
                },
                ControlFlow::Continue,
            )
        })?;
        failure.map_or(Ok(answers.len()), Err)
    }
}
