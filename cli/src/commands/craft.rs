//! `craft`: the bytes of one segment.

use std::{io::Write as _, path::PathBuf};

use tcpexposure_core::{time::Instant, wire::packet::Packet};

use super::segments::{self, Moment};
use crate::{
    exit::{Exit, Failure},
    output::{Output, json::hex, save::Save},
    target::Target,
};

/// Make the bytes of one segment; nothing is sent
#[derive(Debug, clap::Args)]
pub(crate) struct Craft {
    #[arg(help = "Where it is to go: HOST[:PORT] or [IPV6]:PORT; the port is 80 by default")]
    target: Target,
    /// The segment, as in 'S win 64240 <mss 1460,nop,wscale 7>'
    #[arg(required = true, num_args = 1..)]
    expression: Vec<String>,
    #[arg(help = "Where it comes from: ADDRESS[:PORT]", long, value_name = "ADDR[:PORT]")]
    from: Option<Target>,
    /// What `cookie`, `rand`, `hash(dst)` and source ports are made of; `now` is 0
    #[arg(short = 'e', long, default_value_t = 0, value_name = "N")]
    seed: u64,
    /// Print hexadecimal digits (the default)
    #[arg(long, conflicts_with_all = ["raw"])]
    hex: bool,
    /// Print the bytes as they are
    #[arg(long)]
    raw: bool,
    /// Write a capture file: pcapng if its name says so, else pcap
    #[arg(short, value_name = "FILE")]
    write: Option<PathBuf>,
}

impl Craft {
    pub(crate) fn run(&self, output: &mut Output) -> Result<Exit, Failure> {
        let text = self.expression.join(" ");
        let texts = [text];
        let expressions = segments::parse(&texts)?;
        let [expression] = &expressions[..] else { return Ok(Exit::Done) };
        let from = self.from.as_ref();
        let target = self.target.resolve(segments::version(&expressions))?;
        let source = segments::source(from, target.ip())?;
        let moment = Moment { seed: self.seed, place: 0, repeat: 0, time: Instant::ZERO };
        let bytes = segments::craft(&texts[0], expression, source, target, moment)?;
        if let Some(path) = &self.write {
            let mut file = Save::create(path)?;
            let packet = Packet::from_ip(&bytes);
            // It has never been on a wire, so that it has no time.
            file.packet(Instant::ZERO, &packet, None)?;
            return file.finish().map(|()| Exit::Done);
        }
        if self.raw {
            output.out.write_all(&bytes)?;
        } else {
            writeln!(output.out, "{}", hex(&bytes))?;
        }
        Ok(Exit::Done)
    }
}
