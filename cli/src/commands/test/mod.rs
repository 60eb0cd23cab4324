//! `test`: the 43 questions to the paths between us and targets.

mod account;
mod explain;
mod fleet;
mod list;
mod localise;
mod many;
mod modern;
mod paths;
mod resolve;
mod run;
mod targets;

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use clap::ValueEnum;
use tcpexposure_core::experiment::{
    Config, Dialect, ENTRIES, Host, Peer, Ports, Selection, modern::Choice,
};

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
use paths::Paths;
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
    /// Which questions are put; without this, the 43 of 2011 in today's form
    #[arg(long, value_enum, value_name = "SUITE")]
    suite: Option<Suite>,
    /// Judge as in 2011, with the faults of that time; with --suite classic only
    #[arg(long)]
    faithful: bool,
    /// Ask only these questions, and those that they build on; with --suite modern, also families
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    only: Vec<String>,
    /// List the questions, and test nothing
    #[arg(long)]
    list: bool,
    /// Tell what a question asks, why it matters and what relies on it, and test nothing
    #[arg(long, value_name = "ENTRY")]
    explain: Option<String>,
    /// Trace what was changed or lost on the way out, and say between which hops; with --suite
    /// modern or all
    #[arg(long)]
    localise: bool,
    /// How long a connection is silent before boxes are asked whether they remember it
    #[arg(long, default_value = "1s", value_name = "TIME", value_parser = units::time)]
    idle: Duration,
    /// How many connections to have open at a time: 1, 2, 4, 8 or 16; others are rounded down
    #[arg(long, default_value_t = 8, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u8).range(1..))]
    parallel: u8,
    /// How many targets of a file to test at a time
    #[arg(long, default_value_t = 2048, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    at_a_time: u16,
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
    /// The 43 as they were put in 2011: a responder of that time understands them
    Classic,
    /// Today's: MPTCP, Fast Open, Accurate ECN, reserved bits and more
    Modern,
    /// The 43 in today's form, and today's
    All,
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
    rows: Choice,
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
            self.list(output)?;
            return Ok(Exit::Done);
        }
        if let Some(name) = &self.explain {
            explain::print(name, self.suite, output)?;
            return Ok(Exit::Done);
        }
        let (entries, rows) = self.wanted()?;
        if format == Format::Classic && self.asks_today() {
            return Err(Failure::new(Exit::Usage, "the line of 2011 holds its 43 questions only")
                .hint("print today's with --format text or json"));
        }
        let dialect = self.dialect()?;
        let addresses = self.addresses()?;
        if self.write.is_some() && addresses.len() > 1 {
            return Err(Failure::new(Exit::Usage, "a capture holds one run only").hint(
                "name one target and one port, so that the numbers of evidence are its own",
            ));
        }
        if self.write.is_some() && self.suite == Some(Suite::All) {
            return Err(Failure::new(Exit::Usage, "a capture holds one run only")
                .hint("put the suites one by one, each with a file of its own"));
        }
        let task = Task {
            dialect,
            entries,
            rows,
            format,
            stop: Stop::install()?,
            guards: self.backend.guards(paths::ports(self))?,
            seed: self.backend.seed()?,
        };
        let tally = if self.file.is_some() && addresses.len() > 1 && !self.localise {
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
        let mut paths = Paths::open(self, addresses, &task.guards);
        Paths::fence(self, addresses).close(output)?;
        for address in addresses {
            match self.each(address, task, &mut paths, &mut tally, output) {
                Err(failure) if addresses.len() == 1 => return Err(failure),
                Err(failure) => tally.fail(address, failure)?,
                Ok(()) => {}
            }
            if tally.interrupted {
                break;
            }
        }
        Ok(tally)
    }

    /// Puts the suites that are wanted to one port.
    fn each(
        &self,
        address: &Address,
        task: &Task,
        paths: &mut Paths<'_>,
        tally: &mut Tally,
        output: &mut Output,
    ) -> Result<(), Failure> {
        if self.asks_of_2011() {
            let report = self.one(address, task, paths, output)?;
            tally.add(report.interfered(), report.interrupted, report.silence());
        }
        if self.asks_today() && !tally.interrupted {
            let findings = self.modern(address, task, paths, output)?;
            tally.add(findings.interfered(), findings.interrupted, findings.silence());
        }
        Ok(())
    }

    /// Tells whether the 43 questions are put, in either form.
    const fn asks_of_2011(&self) -> bool {
        !matches!(self.suite, Some(Suite::Modern))
    }

    /// Tells whether today's questions are put.
    const fn asks_today(&self) -> bool {
        matches!(self.suite, Some(Suite::Modern | Suite::All))
    }

    fn list(&self, output: &mut Output) -> Result<(), Failure> {
        if self.asks_of_2011() {
            list::print(output)?;
        }
        if self.asks_today() { list::print_modern(output) } else { Ok(()) }
    }

    /// Tests one port of one target, and prints what comes of it.
    fn one(
        &self,
        address: &Address,
        task: &Task,
        paths: &mut Paths<'_>,
        output: &mut Output,
    ) -> Result<Report, Failure> {
        let (target, path) = paths.to(address)?;
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
            classic: self.suite == Some(Suite::Classic),
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
            ports: Ports { first: task.guards.first(), count: Ports::WANTED },
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
            (Some(Suite::Classic), faithful) => Ok(Dialect::Classic { faithful }),
            (_, false) => Ok(Dialect::Modern43),
            (_, true) => Err(Failure::new(Exit::Usage, "--faithful is about the suite of 2011")
                .hint("add --suite classic")),
        }
    }

    /// Gives the entries and the rows that are wanted.
    fn wanted(&self) -> Result<(Selection, Choice), Failure> {
        match self.suite {
            Some(Suite::Modern) => Ok((Selection::ALL, modern::choice(&self.only)?)),
            Some(Suite::All) if !self.only.is_empty() => {
                Err(Failure::new(Exit::Usage, "--only chooses from one suite")
                    .hint("put the suites one by one"))
            }
            _ => Ok((selection(&self.only)?, Choice::ALL)),
        }
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
    /// Adds what came of other runs.
    fn join(&mut self, other: Self) {
        self.runs += other.runs;
        self.interfered |= other.interfered;
        self.interrupted |= other.interrupted;
        self.failed |= other.failed;
        self.silent.extend(other.silent);
    }

    fn add(&mut self, interfered: bool, interrupted: bool, silence: Option<String>) {
        self.runs += 1;
        self.interfered |= interfered;
        self.interrupted |= interrupted;
        self.silent.extend(silence);
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

/// Gives the entries of these names.
fn selection(names: &[String]) -> Result<Selection, Failure> {
    if names.is_empty() {
        return Ok(Selection::ALL);
    }
    names.iter().try_fold(Selection::NONE, |selection, name| {
        let row = ENTRIES.iter().find(|row| row.name.eq_ignore_ascii_case(name));
        let row = row.ok_or_else(|| {
            Failure::new(Exit::Usage, format!("no question is called {name:?}"))
                .hint("`tcpexposure test --list` lists them")
        })?;
        Ok(selection.with(row.entry))
    })
}

/// The target of a simulated path where none is named.
const SIMULATED_HOST: &str = "192.0.2.2";
