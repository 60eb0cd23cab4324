//! What `probe` takes on the command line: zmap's letters, masscan's long names as aliases.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use super::{
    limits::{self, Bandwidth, Most, Rate, Shard},
    lists::{Entry, List},
    outputs::Format,
    ports::Ports,
    targets::Set,
    way::Way,
};
use crate::{
    exit::{Exit, Failure},
    target::Target,
    units,
};

/// Which addresses are meant
#[derive(Debug, clap::Args)]
pub(super) struct Selection {
    /// Whom to probe: addresses, prefixes, ranges as in 192.0.2.1-192.0.2.9, names
    #[arg(value_name = "TARGETS")]
    targets: Vec<String>,
    /// The same, by masscan's name
    #[arg(long, value_name = "TARGETS", value_delimiter = ',', hide = true)]
    range: Vec<String>,
    /// A file of addresses, prefixes and ranges to probe, one a line, comments behind '#'
    #[arg(short = 'w', long, value_name = "FILE")]
    #[arg(visible_alias = "includefile", alias = "whitelist-file")]
    allowlist_file: Vec<PathBuf>,
    /// A file of addresses, prefixes and ranges that are never probed
    #[arg(short = 'b', long, value_name = "FILE")]
    #[arg(visible_alias = "excludefile", alias = "blacklist-file")]
    blocklist_file: Vec<PathBuf>,
    /// Addresses, prefixes and ranges that are never probed
    #[arg(long, value_name = "TARGETS", value_delimiter = ',')]
    exclude: Vec<Entry>,
}

/// The lists, read.
pub(super) struct Selected {
    /// What may be probed.
    pub(super) allowed: Vec<List>,
    /// What may not.
    pub(super) blocked: Vec<List>,
    /// The ports that targets named.
    pub(super) ports: Vec<u16>,
}

/// How fast, how much, how long
#[derive(Debug, clap::Args)]
pub(super) struct Amount {
    /// Packets a second; 0 for as many as go
    #[arg(short, long, value_name = "PPS", default_value = "10k", value_parser = limits::rate)]
    #[arg(alias = "max-rate")]
    pub(super) rate: Rate,
    /// Bits a second on the wire, Ethernet's framing counted; goes before --rate
    #[arg(short = 'B', long, value_name = "BITS", value_parser = limits::bandwidth)]
    pub(super) bandwidth: Option<Bandwidth>,
    /// The most targets to probe: a number, or a part as in 10%
    #[arg(short = 'n', long, value_name = "MAX")]
    pub(super) max_targets: Option<Most>,
    /// The most results to report; the run ends with the last
    #[arg(short = 'N', long, value_name = "MAX")]
    pub(super) max_results: Option<u64>,
    /// How many probes each target gets
    #[arg(short = 'P', long, value_name = "PROBES", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) probes: u16,
    /// How many more times all targets are probed, one round after the other
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) retries: u16,
    /// How long to send at most
    #[arg(short = 't', long, value_name = "TIME", value_parser = units::time)]
    pub(super) max_runtime: Option<Duration>,
    /// How long to wait for answers when all is sent
    #[arg(short, long, value_name = "TIME", default_value = "8s", value_parser = units::time)]
    #[arg(visible_alias = "wait", alias = "cooldown")]
    pub(super) cooldown_time: Duration,
    /// What the order of targets and the cookies are drawn from; any, if absent
    #[arg(short = 'e', long, value_name = "SEED")]
    pub(super) seed: Option<u64>,
    /// How many machines share the targets; I/N, with I from 1, is masscan's way
    #[arg(long, value_name = "N", default_value = "1")]
    pub(super) shards: Shard,
    /// Which of them this one is, from 0
    #[arg(long, value_name = "I")]
    pub(super) shard: Option<Shard>,
    /// Probe more than 65,536 addresses without a blocklist
    #[arg(long)]
    pub(super) yes: bool,
}

/// What is sent, and by what way
#[derive(Debug, clap::Args)]
pub(super) struct Sending {
    /// The ports to probe, as in 80,443,8000-8010; 80 by default
    #[arg(short, long, value_name = "PORTS")]
    #[arg(alias = "target-ports", alias = "target-port", alias = "port")]
    pub(super) ports: Option<Ports>,
    /// The segment to send; several are sent in random order
    #[arg(long = "probe", value_name = "EXPR", default_value = super::plan::PROBE)]
    pub(super) expressions: Vec<String>,
    #[arg(
        help = "How to send: auto, raw, packet, ring, xdp, xdp-live, sim[:BOX,…]",
        long,
        default_value = "auto",
        value_name = "WAY"
    )]
    pub(super) backend: Way,
    /// The ports to send from; some free ones, if absent
    #[arg(short = 's', long, value_name = "SPORTS", alias = "adapter-port")]
    pub(super) source_port: Option<Ports>,
    /// The address to send from
    #[arg(short = 'S', long, value_name = "SADDR", alias = "adapter-ip")]
    pub(super) source_ip: Option<IpAddr>,
    /// The interface to use
    #[arg(short, long, value_name = "IFACE", alias = "adapter")]
    pub(super) interface: Option<String>,
    /// The next hop's hardware address, which is looked up otherwise
    #[arg(short = 'G', long, value_name = "MAC", value_parser = units::mac, alias = "router-mac")]
    pub(super) gateway_mac: Option<[u8; 6]>,
    /// Make and print the packets; send nothing
    #[arg(short, long, alias = "dry-run")]
    pub(super) dryrun: bool,
    /// Find the highest rate at which the responders that are the targets lose nothing
    #[arg(long, conflicts_with_all = ["dryrun", "resume"])]
    pub(super) calibrate: bool,
}

/// What is reported, and where
#[derive(Debug, clap::Args)]
pub(super) struct Reporting {
    /// Where findings go; standard output, if absent
    #[arg(short, long, value_name = "FILE", alias = "output-filename")]
    pub(super) output_file: Option<PathBuf>,
    /// What findings look like: jsonl with --json or by the file's name, else text
    #[arg(short = 'O', long, value_name = "FORMAT", alias = "output-format")]
    pub(super) output_module: Option<Format>,
    /// Which fields are reported; `help` lists them
    #[arg(short = 'f', long, value_name = "FIELDS", value_delimiter = ',')]
    pub(super) output_fields: Vec<String>,
    /// Report late answers, duplicates and what answers no probe too
    #[arg(long)]
    pub(super) all: bool,
    /// Where the account of the run goes, as JSON
    #[arg(short, long, value_name = "FILE")]
    pub(super) metadata_file: Option<PathBuf>,
    /// Keep the place in this file, and go on from there if it exists
    #[arg(long, value_name = "FILE")]
    pub(super) resume: Option<PathBuf>,
    /// The part of the packets that may be lost, in percent, before the run is called tainted
    #[arg(long, value_name = "PERCENT", default_value = "0.1", value_parser = limits::percent)]
    pub(super) drop_threshold: f64,
}

impl Selection {
    /// Reads all lists.
    pub(super) fn read(&self) -> Result<Selected, Failure> {
        let files = |paths: &[PathBuf]| {
            paths.iter().map(|path| List::read(path)).collect::<Result<Vec<_>, _>>()
        };
        let (mut named, mut ports) = (Vec::new(), Vec::new());
        for text in self.targets.iter().chain(&self.range) {
            let (entry, port) = entry(text)?;
            named.push(entry);
            ports.extend(port);
        }
        ports.sort_unstable();
        ports.dedup();
        if !ports.is_empty() && (ports.len() > 1 || named.len() > 1) {
            let message = "one run probes all targets on the same ports";
            return Err(Failure::new(Exit::Usage, message).hint("name the ports with -p"));
        }
        let mut allowed = vec![List::arguments(named)];
        allowed.extend(files(&self.allowlist_file)?);
        let mut blocked = vec![List::arguments(self.exclude.iter().copied())];
        blocked.extend(files(&self.blocklist_file)?);
        Ok(Selected { allowed, blocked, ports })
    }

    /// Tells whether anything was said about what must not be probed.
    pub(super) const fn blocks(&self) -> bool {
        !self.blocklist_file.is_empty() || !self.exclude.is_empty()
    }
}

impl Selected {
    /// Gives what is allowed and not blocked, and tells an entry that was listed twice.
    pub(super) fn addresses(&self) -> Result<(Set, Option<String>), Failure> {
        let (allowed, overlap) = Set::union(&self.allowed);
        let size = allowed.size();
        if size == 0 {
            return Err(Failure::new(Exit::Usage, "there is nothing to probe")
                .hint("name addresses, prefixes or ranges, or a file of them with -w"));
        }
        let set = allowed.without(&self.blocked);
        if set.size() == 0 {
            let message = format!("the blocklist leaves none of the {size} addresses");
            return Err(Failure::new(Exit::Usage, message)
                .hint("`tcpexposure probe why ADDR …` tells the line that blocks an address"));
        }
        Ok((set, overlap))
    }
}

/// Reads a target: what a list may hold, or a host, and perhaps a port.
fn entry(text: &str) -> Result<(Entry, Option<u16>), Failure> {
    let wrong = |why: String| {
        Failure::new(Exit::Usage, why)
            .hint("write 192.0.2.1, 192.0.2.0/24, 192.0.2.1-192.0.2.9, 2001:db8::/112 or a name")
    };
    let refused = match text.parse::<Entry>() {
        Ok(entry) => return Ok((entry, None)),
        Err(why) => why,
    };
    let is_address =
        text.split(['-', '/']).next().is_some_and(|part| part.parse::<IpAddr>().is_ok());
    if is_address || text.contains('/') {
        return Err(wrong(refused));
    }
    let target: Target = text.parse().map_err(wrong)?;
    let address = target.resolve(None)?.ip();
    Ok((Entry::one(address), target.port))
}
