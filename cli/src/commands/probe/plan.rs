//! What a run is to do, worked out from the command line.

use std::fmt::Write as _;

use tcpexposure_core::{
    respond::siphash::Key,
    scan::{
        pace::Rate,
        permute::Shard,
        prober::{self, Limits, Position},
        sieve::Sieve,
        targets::{self, Range, Space},
    },
};

use super::{
    Probe, arguments::Selected, checkpoint::Checkpoint, limits, probes::Load, targets::Set,
    way::Way,
};
use crate::{
    exit::{Exit, Failure},
    output::Output,
};

/// What is probed, and in which order.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// The addresses, sorted and disjoint.
    pub(super) ranges: Vec<Range>,
    /// The ports, in ascending order.
    pub(super) ports: Vec<u16>,
    /// How many probes there are for each address and port.
    pub(super) variants: u16,
    /// How many probes there are.
    pub(super) size: u64,
    /// How many addresses there are.
    pub(super) addresses: u64,
    /// What the order and the cookies are drawn from.
    pub(super) seed: u64,
    /// Which part of how many is ours.
    pub(super) shard: Shard,
    /// When to stop.
    pub(super) limits: Limits,
    /// The rate to begin with, of packets or bits a second; 0 is no limit.
    pub(super) rate: u64,
    /// Whether bits are counted.
    pub(super) bits: bool,
    /// A hash of all that decides what is sent.
    pub(super) configuration: u64,
    /// Where to begin: how many probes are behind us.
    pub(super) start: Option<Checkpoint>,
}

impl Plan {
    /// Works out what is to be done, and refuses what should not be.
    pub(super) fn new(probe: &Probe, output: &Output) -> Result<Self, Failure> {
        let selected = probe.selection.read()?;
        let (set, overlap) = selected.addresses()?;
        if let Some(twice) = overlap {
            output.warn(&format!("{twice} is listed twice, at least in part: it is probed once"));
        }
        let addresses = set.size();
        probe.refuse_many(addresses)?;
        let ports = ports(probe, &selected, output)?;
        let (mut ranges, shard) = (ranges(&set)?, shard(probe)?);
        let variants = variants(probe)?;
        let size = size(&mut ranges, &ports, variants)?;
        let mut plan = Self {
            limits: limits(probe, size, variants),
            rate: probe.amount.bandwidth.unwrap_or(probe.amount.rate.unwrap_or(0).into()),
            bits: probe.amount.bandwidth.is_some(),
            ranges,
            ports,
            variants,
            size,
            addresses: u64::try_from(addresses).unwrap_or(u64::MAX),
            seed: 0,
            shard,
            configuration: 0,
            start: None,
        };
        plan.configuration = plan.hash(probe);
        plan.resume(probe, output)?;
        plan.seed = plan.draw(probe)?;
        Ok(plan)
    }

    /// Tells how many targets our shard has, each variant of the probe being one.
    pub(super) fn steps(&self) -> u64 {
        self.shard.length(self.size).min(self.limits.targets.unwrap_or(u64::MAX))
    }

    /// Tells how many packets our shard has.
    pub(super) fn total(&self) -> u64 {
        let each = u64::from(self.limits.probes) * (u64::from(self.limits.retries) + 1);
        self.steps().saturating_mul(each)
    }

    /// Tells how many steps of all rounds are behind a position.
    pub(super) fn behind(&self, position: Position) -> u64 {
        self.steps().saturating_mul(position.round.into()).saturating_add(position.step)
    }

    /// Tells the position behind so many steps.
    pub(super) fn position(&self, behind: u64) -> Position {
        let steps = self.steps().max(1);
        // The last round ends at its end, and not at the start of one that is none.
        let round = (behind / steps).min(self.limits.retries.into());
        let step = behind - round * steps;
        Position { round: u32::try_from(round).unwrap_or(u32::MAX), step, repeat: 0 }
    }

    /// Tells the rate that a number stands for: of bits or of packets; 0 is no limit.
    pub(super) const fn pace(&self, number: u64) -> Rate {
        match (number, self.bits) {
            (0, _) => Rate::Unlimited,
            (number, true) => Rate::Bits(number),
            (number, false) => Rate::Packets(number),
        }
    }

    /// Tells where to begin.
    pub(super) fn start(&self) -> u64 {
        self.start.map_or(0, |start| start.position)
    }

    /// Tells how many words of memory tell duplicates: for all targets, or what is bearable.
    pub(super) fn memory(&self) -> usize {
        usize::try_from(Sieve::words(self.size)).unwrap_or(usize::MAX).min(MEMORY)
    }

    /// Gives the sending half what it needs.
    pub(super) const fn prober<'a>(&self, load: Load<'a>) -> prober::Plan<'a> {
        let Load { space, probes } = load;
        let (seed, shard, limits) = (self.seed, self.shard, self.limits);
        prober::Plan { space, probes, seed, shard, rate: self.pace(self.rate), limits }
    }

    /// Reads the checkpoint, if there is one, and holds it against what is asked for now.
    fn resume(&mut self, probe: &Probe, output: &Output) -> Result<(), Failure> {
        let Some(path) = &probe.reporting.resume else { return Ok(()) };
        let Some(found) = Checkpoint::read(path)? else {
            output.remark(&format!("{} does not exist yet: beginning anew", path.display()));
            return Ok(());
        };
        let other = probe.amount.seed.is_some_and(|seed| seed != found.seed);
        if found.configuration != self.configuration || other {
            let message = format!("{} belongs to another run", path.display());
            return Err(Failure::new(Exit::Usage, message).hint(
                "repeat the targets, lists, ports, probes, shards, limits and seed of that run, \
                 or name another file",
            ));
        }
        let (behind, all) = (found.position, self.steps());
        output.remark(&format!("going on behind {behind} of {all} targets"));
        self.start = Some(found);
        Ok(())
    }

    /// Tells what order and cookies are drawn from.
    fn draw(&self, probe: &Probe) -> Result<u64, Failure> {
        let stated = self.start.map(|start| start.seed).or(probe.amount.seed);
        match (stated, &probe.sending.backend) {
            (Some(seed), _) => Ok(seed),
            (None, Way::Sim(description)) => {
                let setup = description.parse::<tcpexposure_sim::Setup>().unwrap_or_default();
                Ok(setup.seed)
            }
            (None, _) => getrandom::u64().map_err(|error| {
                Failure::new(Exit::Usage, format!("cannot draw random numbers: {error}"))
                    .hint("name a seed with -e")
            }),
        }
    }

    /// Hashes all that decides what is sent, but for the seed.
    fn hash(&self, probe: &Probe) -> u64 {
        let mut text = String::new();
        let sending = &probe.sending;
        // Writing into memory does not fail.
        let _ = write!(text, "{:?} {:?} {:?}", sending.expressions, self.ports, self.variants);
        let Limits { targets, probes, retries, .. } = self.limits;
        let _ = write!(text, "{:?} {targets:?} {probes} {retries}", self.shard);
        let _ = write!(text, "{:?} {:?}", sending.source_port, sending.source_ip);
        for range in &self.ranges {
            let _ = write!(text, " {}-{}", range.first(), range.last());
        }
        Key::new([0; 16]).hash(text.as_bytes())
    }
}

impl Probe {
    /// Refuses to probe many addresses when nobody said which must not be.
    fn refuse_many(&self, addresses: u128) -> Result<(), Failure> {
        let harmless = self.sending.dryrun || matches!(self.sending.backend, Way::Sim(_));
        if addresses <= FEW || harmless || self.selection.blocks() || self.amount.yes {
            return Ok(());
        }
        let message = format!("{addresses} addresses are many, and there is no blocklist");
        Err(Failure::new(Exit::Usage, message)
            .hint("say with -b which addresses must not be probed, or say --yes"))
    }
}

fn ports(probe: &Probe, selected: &Selected, output: &Output) -> Result<Vec<u16>, Failure> {
    let Some(ports) = &probe.sending.ports else {
        let named = &selected.ports;
        return Ok(if named.is_empty() { vec![PORT] } else { named.clone() });
    };
    if !selected.ports.is_empty() {
        let message = "ports are named with -p and with a target";
        return Err(Failure::new(Exit::Usage, message).hint("name them with -p only"));
    }
    if let Some(twice) = &ports.overlap {
        output.warn(&format!("port {twice} is listed twice, at least in part: it is probed once"));
    }
    Ok(ports.list())
}

fn ranges(set: &Set) -> Result<Vec<Range>, Failure> {
    set.ranges()
        .iter()
        .map(|entry| Range::new(entry.first, entry.last))
        .collect::<Result<_, _>>()
        .map_err(refused)
}

fn size(ranges: &mut [Range], ports: &[u16], variants: u16) -> Result<u64, Failure> {
    Space::new(ranges, ports, variants).map(|space| space.size()).map_err(refused)
}

fn refused(error: targets::Error) -> Failure {
    let failure = Failure::new(Exit::Usage, error.to_string());
    match error {
        targets::Error::TooMany => {
            failure.hint("name longer prefixes: an IPv6 /96 is as large as all of IPv4")
        }
        _ => failure.hint("`tcpexposure probe why ADDR …` tells what is made of the lists"),
    }
}

fn shard(probe: &Probe) -> Result<Shard, Failure> {
    let (shards, shard) = (probe.amount.shards, probe.amount.shard);
    let found = limits::Shard::resolve(shards, shard).and_then(|(index, count)| {
        let none = || format!("there is no shard {index} of {count}");
        Shard::new(index.into(), count.into()).ok_or_else(none)
    });
    found.map_err(|why| {
        Failure::new(Exit::Usage, why).hint("as in --shards 3 --shard 0, or --shards 1/3")
    })
}

/// Tells how many different probes there are.
fn variants(probe: &Probe) -> Result<u16, Failure> {
    u16::try_from(probe.sending.expressions.len()).map_err(|_| {
        Failure::new(Exit::Usage, "these are too many probes for each target")
            .hint("65,535 go to each at most")
    })
}

/// Tells when to stop. The most targets are counted without variants on the command line.
fn limits(probe: &Probe, size: u64, variants: u16) -> Limits {
    let amount = &probe.amount;
    let variants = u64::from(variants);
    let targets = amount.max_targets.map(|most| most.of(size / variants).saturating_mul(variants));
    Limits {
        targets,
        results: amount.max_results,
        time: amount.max_runtime,
        probes: amount.probes.into(),
        retries: amount.retries.into(),
        cooldown: amount.cooldown_time,
    }
}

/// Where a SYN goes when no port is named.
const PORT: u16 = 80;
/// The most words that tell duplicates: 64 MiB, for 178 million targets.
const MEMORY: usize = 1 << 23;
/// How many addresses may be probed without further ado: a /16.
const FEW: u128 = 1 << 16;
/// The segment that is sent where none is named.
pub(super) const PROBE: &str = "S win 64240 <mss 1460,sackOK,TS val now ecr 0,nop,wscale 7>";
