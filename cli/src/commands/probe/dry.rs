//! A dry run: the packets as they would be sent, and nothing sent.

use std::{io::Write as _, ops::RangeInclusive};

use tcpexposure_core::{
    engine::{Engine as _, SLOT, Step},
    scan::prober::Prober,
    time::Instant,
    wire::packet::{Packet, Start},
};
use tcpexposure_link::savefile::{self, Writer};

use super::{
    Probe,
    outputs::{self, Format},
    plan::Plan,
    probes::Source,
    wire,
};
use crate::{
    commands::SOURCE_PORT,
    exit::{Exit, Failure},
    output::{Output, json, lines::Lines},
};

/// Where packets go.
enum Shown {
    Lines(Lines),
    Json,
    Capture(Writer<Box<dyn std::io::Write>>, String),
}

/// Prints all packets of a plan.
pub(super) fn run(
    probe: &Probe,
    plan: &Plan,
    format: Format,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let mut shown = Shown::open(probe, format)?;
    let source = Source::simulated(probe, ports(probe)?);
    plan.with_load(probe, &source, |load| {
        let mut prober = Prober::new(plan.prober(load), plan.position(plan.start()));
        let mut slot = vec![0; SLOT];
        let mut now = Instant::ZERO;
        loop {
            match prober.poll(now, &mut slot) {
                Step::Send(length) => {
                    shown.packet(prober.sent(), now, &slot[..length], output)?;
                }
                Step::Wait(_) if prober.is_cooling() => return shown.finish(),
                Step::Wait(due) => now = due,
                Step::Done => return shown.finish(),
                Step::Emit(never) => match never {},
            }
        }
    })?;
    Ok(Exit::Done)
}

/// Tells the source ports: as many as are named, else the one that `craft` has.
fn ports(probe: &Probe) -> Result<RangeInclusive<u16>, Failure> {
    let Some(ports) = &probe.sending.source_port else { return Ok(SOURCE_PORT..=SOURCE_PORT) };
    let list = wire::consecutive(ports)?;
    let ends = list.first().copied().zip(list.last().copied());
    Ok(ends.map_or(SOURCE_PORT..=SOURCE_PORT, |(first, last)| first..=last))
}

impl Shown {
    fn open(probe: &Probe, format: Format) -> Result<Self, Failure> {
        match format {
            Format::Text => Ok(Self::Lines(Lines::new(0, false, true))),
            Format::Jsonl => Ok(Self::Json),
            Format::Pcapng => {
                let path = probe.reporting.output_file.as_deref();
                let name = path.map_or("the output".to_owned(), |path| path.display().to_string());
                let open = || -> std::io::Result<_> {
                    let file: Box<dyn std::io::Write> = match path {
                        Some(path) => {
                            Box::new(std::io::BufWriter::new(std::fs::File::create(path)?))
                        }
                        None => Box::new(std::io::BufWriter::new(std::io::stdout())),
                    };
                    Writer::new(file, savefile::Format::Pcapng, Start::Ip)
                };
                let writer =
                    open().map_err(|error| outputs::unwritable(Exit::Usage, &name, &error))?;
                Ok(Self::Capture(writer, name))
            }
            _ => Err(Failure::new(Exit::Usage, "a dry run has packets and no findings")
                .hint("print them with -O text, jsonl or pcapng")),
        }
    }

    fn packet(
        &mut self,
        number: u64,
        time: Instant,
        bytes: &[u8],
        output: &mut Output,
    ) -> Result<(), Failure> {
        let packet = Packet::from_ip(bytes);
        match self {
            Self::Lines(lines) => lines.print(&packet, &mut output.out)?,
            Self::Json => {
                let object = json::packet("probe", number, None, &packet);
                writeln!(output.out, "{object}")?;
            }
            Self::Capture(writer, name) => writer
                .write(time.as_nanos(), bytes, bytes.len(), None)
                .map_err(|error| outputs::unwritable(Exit::Partial, name, &error))?,
        }
        Ok(())
    }

    fn finish(self) -> Result<(), Failure> {
        match self {
            Self::Capture(writer, name) => writer
                .finish()
                .flush()
                .map_err(|error| outputs::unwritable(Exit::Partial, &name, &error)),
            _ => Ok(()),
        }
    }
}
