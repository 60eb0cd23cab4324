//! `test`: the 43 questions to the paths between us and targets.

mod fleet;
mod list;
mod many;
mod run;
mod targets;

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use clap::ValueEnum;
use tcpexposure_core::experiment::{Config, Dialect, ENTRIES, Host, Peer, Ports, Selection};

use crate::{
    backend::{Backend, Way},
    exit::{Exit, Failure},
    guards::Guards,
    output::{
        Output,
        verdicts::{Format, Report},
    },
    stop::Stop,
    target::Target,
    units,
};
use run::Plan;
use targets::Address;

/// Ask what the boxes on the way to a target do to TCP
///
/// Puts 43 questions to each port. All of them can be answered where the far end runs `tcpexposure
/// respond`; of an ordinary server, fewer. `--backend sim` needs neither a target nor privileges.
#[derive(Debug, clap::Args)]
pub(crate) struct Test {
    #[arg(help = "The targets: HOST[:PORT] or [IPV6]:PORT")]
    targets: Vec<Target>,
    /// The ports to test on each target that names none
    #[arg(short, long, default_value = "34343", value_delimiter = ',', value_name = "PORTS")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    port: Vec<u16>,
    /// Read more targets from a file, one a line; `#` begins a comment, `-` is standard input
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// How the questions are put: in today's form, or as in 2011
    #[arg(long, value_enum, default_value_t = Suite::Modern, value_name = "SUITE")]
    suite: Suite,
    /// Judge as in 2011, with the faults of that time; with --suite classic only
    #[arg(long)]
    faithful: bool,
    /// Ask only these questions, and those that they build on
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    only: Vec<String>,
    /// List the questions, and test nothing
    #[arg(long)]
    list: bool,
    /// How many connections to have open at a time: 1, 2, 4, 8 or 16; others are rounded down
    #[arg(long, default_value_t = 8, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u8).range(1..))]
    parallel: u8,
    /// Dress data as HTTP, for boxes that want it; the host's name is the target's by default
    #[arg(long, value_name = "HOST", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "")]
    http: Option<String>,
    /// What is known of the far end
    #[arg(long, value_enum, default_value_t = FarEnd::Auto, value_name = "WHO")]
    peer: FarEnd,
    /// How results are printed
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    format: Format,
    /// How to send: auto, raw, packet, sim[:BOX,…]
    #[arg(long, default_value = "auto", value_name = "WAY")]
    backend: Backend,
    /// The interface to use
    #[arg(short, long, value_name = "NAME")]
    interface: Option<String>,
    /// The next hop's hardware address, which is looked up otherwise
    #[arg(short = 'G', long, value_name = "MAC", value_parser = units::mac)]
    gateway_mac: Option<[u8; 6]>,
    /// Write all packets to a capture file, in which the evidence is found by its numbers
    #[arg(short, long, value_name = "FILE")]
    write: Option<PathBuf>,
}

/// How the questions are put.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Suite {
    /// As in 2011: a responder of that time understands it
    Classic,
    /// In today's form
    Modern,
}

/// What is known of the far end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FarEnd {
    /// It is told by its answers
    Auto,
    /// It runs our responder, even if no answer shows it
    Responder,
    /// It is an ordinary server
    Server,
}

/// What all runs share.
struct Task {
    dialect: Dialect,
    entries: Selection,
    format: Format,
    stop: Stop,
    guards: Guards,
    seed: u64,
}

/// What came of all runs together.
#[derive(Debug, Default)]
struct Tally {
    runs: usize,
    interfered: bool,
    interrupted: bool,
    failed: bool,
    /// What was tried where no answer came.
    silent: Vec<String>,
}

impl Test {
    pub(crate) fn run(&self, output: &mut Output) -> Result<Exit, Failure> {
        let format = if output.json { Format::Json } else { self.format };
        output.json = format == Format::Json;
        if self.list {
            list::print(output)?;
            return Ok(Exit::Done);
        }
        let entries = self.selection()?;
        let dialect = self.dialect()?;
        let addresses = self.addresses()?;
        if self.write.is_some() && addresses.len() > 1 {
            return Err(Failure::new(Exit::Usage, "a capture holds one run only").hint(
                "name one target and one port, so that the numbers of evidence are its own",
            ));
        }
        let task = Task {
            dialect,
            entries,
            format,
            stop: Stop::install()?,
            guards: self.backend.guards(Ports::WANTED)?,
            seed: self.backend.seed()?,
        };
        let tally = if self.file.is_some() && addresses.len() > 1 {
            self.many(&addresses, &task, output)?
        } else {
            self.in_turn(&addresses, &task, output)?
        };
        tally.finish()
    }

    /// Tests one port after the other, each over a link of its own.
    fn in_turn(
        &self,
        addresses: &[Address],
        task: &Task,
        output: &mut Output,
    ) -> Result<Tally, Failure> {
        let mut tally = Tally::default();
        for address in addresses {
            match self.one(address, task, output) {
                Err(failure) if addresses.len() == 1 => return Err(failure),
                Err(failure) => tally.fail(address, failure)?,
                Ok(report) => tally.add(&report),
            }
            if tally.interrupted {
                break;
            }
        }
        Ok(tally)
    }

    /// Tests one port of one target, and prints what comes of it.
    fn one(&self, address: &Address, task: &Task, output: &mut Output) -> Result<Report, Failure> {
        let target = address.resolve()?;
        let path = self.backend.open_from(target, &self.way(), &task.guards)?;
        output.detail(&path.description);
        output.remark(&format!("testing {} port {}", target.ip(), target.port()));
        let config = self.config(address, target, path.source.ip(), task)?;
        let (name, format) = (address.host.as_str(), task.format);
        let plan = Plan { config, name, write: self.write.as_deref(), format };
        plan.run(self.parallel, path, &task.stop, output)
    }

    fn way(&self) -> Way<'_> {
        Way {
            interface: self.interface.as_deref(),
            mac: self.gateway_mac,
            classic: self.suite == Suite::Classic,
            ..Way::default()
        }
    }

    fn config(
        &self,
        address: &Address,
        target: SocketAddr,
        source: IpAddr,
        task: &Task,
    ) -> Result<Config, Failure> {
        Ok(Config {
            target: target.ip(),
            port: target.port(),
            source,
            ports: Ports { first: task.guards.first(), count: task.guards.count() },
            dialect: task.dialect,
            http: self.host(&address.host)?,
            entries: task.entries,
            peer: self.peer(),
            seed: task.seed,
        })
    }

    fn peer(&self) -> Peer {
        match self.peer {
            FarEnd::Auto if self.backend.is_simulated() => Peer::Responder,
            FarEnd::Auto => Peer::Unknown,
            FarEnd::Responder => Peer::Responder,
            FarEnd::Server => Peer::Server,
        }
    }

    fn dialect(&self) -> Result<Dialect, Failure> {
        match (self.suite, self.faithful) {
            (Suite::Modern, false) => Ok(Dialect::Modern43),
            (Suite::Modern, true) => {
                Err(Failure::new(Exit::Usage, "--faithful is about the suite of 2011")
                    .hint("add --suite classic"))
            }
            (Suite::Classic, faithful) => Ok(Dialect::Classic { faithful }),
        }
    }

    /// Gives the entries that are wanted.
    fn selection(&self) -> Result<Selection, Failure> {
        if self.only.is_empty() {
            return Ok(Selection::ALL);
        }
        let mut selection = Selection::NONE;
        for name in &self.only {
            let row = ENTRIES.iter().find(|row| row.name.eq_ignore_ascii_case(name));
            let row = row.ok_or_else(|| {
                Failure::new(Exit::Usage, format!("no question is called {name:?}"))
                    .hint("`tcpexposure test --list` lists them")
            })?;
            selection = selection.with(row.entry);
        }
        Ok(selection)
    }

    /// Gives the name to be told in HTTP headers.
    fn host(&self, target: &str) -> Result<Option<Host>, Failure> {
        let Some(name) = &self.http else { return Ok(None) };
        let name = if name.is_empty() { target } else { name };
        let printable = name.bytes().all(|byte| byte.is_ascii_graphic());
        match Host::try_from(name) {
            Ok(host) if printable => Ok(Some(host)),
            _ => Err(Failure::new(Exit::Usage, format!("{name:?} is no name of a host"))
                .hint("give a name of at most 253 characters: --http=HOST")),
        }
    }

    /// Gives each port of each target.
    fn addresses(&self) -> Result<Vec<Address>, Failure> {
        let mut hosts = self.targets.clone();
        if let Some(file) = &self.file {
            hosts.extend(targets::read(file)?);
        }
        if hosts.is_empty() && self.backend.is_simulated() {
            hosts.push(Target { host: SIMULATED_HOST.to_owned(), port: None });
        }
        if hosts.is_empty() {
            return Err(Failure::new(Exit::Usage, "there is no target to test")
                .hint("name one, or try a simulated path: tcpexposure test --backend sim"));
        }
        Ok(targets::with_ports(&hosts, &self.port))
    }
}

impl Tally {
    fn add(&mut self, report: &Report) {
        self.runs += 1;
        self.interfered |= report.interfered();
        self.interrupted |= report.interrupted;
        self.silent.extend(report.silence());
    }

    /// Notes a run that could not be made, and says so, because the others go on; unless none can.
    fn fail(&mut self, address: &Address, failure: Failure) -> Result<(), Failure> {
        if matches!(failure.exit(), Exit::Privilege | Exit::Done) {
            return Err(failure);
        }
        self.runs += 1;
        self.failed = true;
        eprintln!("{}", failure.about(address));
        Ok(())
    }

    /// Tells how the process is to end.
    fn finish(self) -> Result<Exit, Failure> {
        if self.interrupted {
            return Ok(Exit::Partial);
        }
        if let Some(first) = self.silent.first().filter(|_| !self.interfered) {
            let message = match self.silent.len() {
                1 => first.clone(),
                many => format!("{many} of {} tests got no answer; the first: {first}", self.runs),
            };
            return Err(Failure::new(Exit::NoAnswer, message).hint(
                "see with `tcpexposure doctor TARGET` how it is reached, or name a port that is \
                 open with --port",
            ));
        }
        Ok(match (self.interfered, self.failed) {
            (true, _) => Exit::Interfered,
            (false, true) => Exit::Partial,
            (false, false) => Exit::Done,
        })
    }
}

/// The target of a simulated path where none is named.
const SIMULATED_HOST: &str = "192.0.2.2";
