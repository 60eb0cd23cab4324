//! The probes of a run: expressions made into templates, one for each variant and IP version.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::RangeInclusive,
};

use serde_json::{Value, json};
use tcpexposure_core::{
    craft::{Draft, Network},
    engine::SLOT,
    expression::Expression,
    scan::{
        cookie::Key,
        targets::Space,
        template::{Choice, Ports, Probes, Template, proving},
    },
};

use super::{Probe, plan::Plan};
use crate::{
    backend,
    commands::segments,
    exit::{Exit, Failure},
};

/// Where probes come from.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// Our address of IPv4, where it is needed.
    pub(super) v4: Option<Ipv4Addr>,
    /// Our address of IPv6, where it is needed.
    pub(super) v6: Option<Ipv6Addr>,
    /// Our ports.
    pub(super) ports: RangeInclusive<u16>,
}

/// All that says what is sent.
#[derive(Clone, Copy)]
pub(super) struct Load<'a> {
    /// The targets.
    pub(super) space: Space<'a>,
    /// What they get.
    pub(super) probes: Probes<'a>,
}

impl Source {
    /// Takes what is named, else what packets that go nowhere come from.
    pub(super) fn simulated(probe: &Probe, ports: RangeInclusive<u16>) -> Self {
        let (dry, named) = (probe.sending.dryrun, probe.sending.source_ip);
        let usual = |target: IpAddr| match target {
            _ if !dry => backend::own_address(target),
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let v4 = match named.unwrap_or_else(|| usual(Ipv4Addr::UNSPECIFIED.into())) {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        };
        let v6 = match named.unwrap_or_else(|| usual(Ipv6Addr::UNSPECIFIED.into())) {
            IpAddr::V6(address) => Some(address),
            IpAddr::V4(_) => None,
        };
        Self { v4, v6, ports }
    }

    /// Gives it as JSON.
    pub(super) fn json(&self) -> Value {
        json!({
            "ipv4": self.v4.map(|address| address.to_string()),
            "ipv6": self.v6.map(|address| address.to_string()),
            "first_port": self.ports.start(),
            "last_port": self.ports.end(),
        })
    }
}

impl Plan {
    /// Makes the probes, and runs something with them.
    pub(super) fn with_load<R>(
        &self,
        probe: &Probe,
        source: &Source,
        run: impl FnOnce(Load<'_>) -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        let texts = &probe.sending.expressions;
        let expressions = segments::parse(texts)?;
        let probed = |v4: bool| self.ranges.iter().any(|range| range.first().is_ipv4() == v4);
        let versions = [
            source.v4.map(IpAddr::V4).filter(|_| probed(true)),
            source.v6.map(IpAddr::V6).filter(|_| probed(false)),
        ];
        let mut room = vec![[0; SLOT]; usize::from(self.variants) * versions.len()];
        let mut lists = [Vec::new(), Vec::new()];
        let rooms = room.chunks_mut(self.variants.into());
        for ((list, from), rooms) in lists.iter_mut().zip(versions).zip(rooms) {
            let Some(from) = from else { continue };
            for (variant, room) in (0..self.variants).zip(rooms) {
                let place = usize::from(variant) % expressions.len();
                let choice = self.choice(source, variant)?;
                list.push(template(&texts[place], &expressions[place], from, choice, room)?);
            }
        }
        let [v4, v6] = &lists;
        let mut ranges = self.ranges.clone();
        let space = Space::new(&mut ranges, &self.ports, self.variants).map_err(|error| {
            Failure::new(Exit::Usage, error.to_string()).hint("name other targets")
        })?;
        run(Load { space, probes: Probes { v4, v6 } })
    }

    fn choice(&self, source: &Source, variant: u16) -> Result<Choice, Failure> {
        let (first, last) = source.ports.clone().into_inner();
        let ports = Ports::range(first, last).ok_or_else(|| {
            Failure::new(Exit::Usage, "there is no port to send from").hint("name some with -s")
        })?;
        let ports = ports.share(variant, self.variants);
        Ok(Choice { key: Key::of_seed(self.seed), ports, variant, variants: self.variants })
    }
}

/// Makes one template. Each expression goes to all targets, so that it may not name one.
fn template<'b>(
    text: &str,
    expression: &Expression<'_>,
    from: IpAddr,
    choice: Choice,
    room: &'b mut [u8],
) -> Result<Template<'b>, Failure> {
    let named = expression.destination.is_some() || expression.destination_port.is_some();
    if named || expression.source.is_some() || expression.source_port.is_some() {
        let message =
            format!("{text:?} names an address or a port, which differ from probe to probe");
        return Err(Failure::new(Exit::Usage, message)
            .hint("begin with the flags, and name targets and ports as arguments, -S and -s"));
    }
    let to = match from {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let network = Network::between(from, to).unwrap_or(Draft::default().network);
    let defaults = Draft { network, window: segments::WINDOW, ..Draft::default() };
    let draft = expression.draft(defaults).map_err(|error| segments::rejected(text, &error))?;
    Template::new(&draft, &proving(expression), choice, room).map_err(|error| {
        Failure::new(Exit::Usage, format!("{text:?} cannot be a probe: {error}"))
            .hint("see with `tcpexposure craft` what can be written")
    })
}
