//! `doctor`: what works here, what does not, and what mends it.

use anstyle::{AnsiColor, Style};
use serde_json::json;
use tcpexposure_link::Error;

use crate::{
    backend::{Ability, abilities},
    exit::{Exit, Failure},
    fence::Fence,
    output::Output,
    target::Target,
};

/// Tell what works on this machine, and what is missing
#[derive(Debug, clap::Args)]
pub(crate) struct Doctor {
    /// Whom you want to reach, to see interface, next hop and its hardware address
    targets: Vec<Target>,
}

/// One thing that was looked at.
#[derive(Debug)]
struct Finding {
    /// What was looked at.
    about: String,
    /// Whether it is as it should be; `None` for what is only told.
    good: Option<bool>,
    /// What was found.
    found: String,
    /// What mends it.
    mend: Option<String>,
}

impl Doctor {
    pub(crate) fn run(&self, output: &mut Output) -> Result<Exit, Failure> {
        let targets = self
            .targets
            .iter()
            .map(|target| target.resolve(None).map(|address| address.ip()))
            .collect::<Result<Vec<_>, _>>()?;
        for finding in examine::all(&targets) {
            finding.print(output)?;
        }
        Ok(Exit::Done)
    }
}

impl Finding {
    fn told(about: impl Into<String>, found: impl Into<String>) -> Self {
        Self { about: about.into(), good: None, found: found.into(), mend: None }
    }

    fn judged(good: bool, about: impl Into<String>, found: impl Into<String>) -> Self {
        Self { good: Some(good), ..Self::told(about, found) }
    }

    fn mend(self, mend: impl Into<String>) -> Self {
        Self { mend: Some(mend.into()), ..self }
    }

    fn print(&self, output: &mut Output) -> Result<(), Failure> {
        if output.json {
            return output.object(&json!({
                "type": "finding",
                "about": self.about,
                "good": self.good,
                "found": self.found,
                "mend": self.mend,
            }));
        }
        let (mark, colour) = match self.good {
            Some(true) => ("ok", AnsiColor::Green),
            Some(false) => ("--", AnsiColor::Red),
            None => ("  ", AnsiColor::White),
        };
        let style = if output.colour { colour.on_default() } else { Style::new() };
        output.line(&format!("{style}{mark}{style:#} {:<22}{}", self.about, self.found))?;
        match &self.mend {
            Some(mend) => output.line(&format!("   {:<22}hint: {mend}", "")),
            None => Ok(()),
        }
    }
}

/// Tells what is given up once sockets are open.
fn fence() -> Finding {
    match Fence::default().try_out().map_err(Failure::into_parts) {
        Ok(found) if cfg!(target_os = "linux") => Finding::judged(true, "fence", found),
        Ok(found) => Finding::told("fence", found),
        Err((why, mend)) => Finding { mend, ..Finding::judged(false, "fence", why) },
    }
}

/// Takes what went wrong for a finding.
fn broken(about: &str, error: Error) -> Finding {
    let (found, mend) = Failure::from(error).into_parts();
    Finding { mend, ..Finding::judged(false, about, found) }
}

/// Looks at every backend there is.
fn backends() -> Vec<Finding> {
    let finding = |(name, result): Ability| match result.map_err(Failure::into_parts) {
        Ok(()) => Finding::judged(true, format!("backend {name}"), "works"),
        Err((why, hint)) => {
            Finding { mend: hint, ..Finding::judged(false, format!("backend {name}"), why) }
        }
    };
    abilities().into_iter().map(finding).collect()
}

#[cfg(target_os = "linux")]
mod examine {
    use std::net::IpAddr;

    use tcpexposure_linux::{
        Addressed, Interface, Route,
        doctor::{self, Capabilities, Ecn, Limits, Offloads},
        neighbour,
    };

    use super::{Finding, broken, colons};
    use crate::exit::setcap;

    /// Looks at everything; what cannot be looked at is a finding too.
    pub(super) fn all(targets: &[IpAddr]) -> Vec<Finding> {
        let mut findings = privileges();
        findings.push(guard());
        findings.push(super::fence());
        findings.extend(limits());
        findings.extend(super::backends());
        findings.extend(ecn());
        findings.extend(interfaces());
        findings.extend(targets.iter().flat_map(|target| way(*target)));
        findings
    }

    fn privileges() -> Vec<Finding> {
        let held = match Capabilities::held() {
            Ok(held) => held,
            Err(error) => return vec![broken("privileges", error)],
        };
        let row = |good, name: &str, yes: &str, no: &str| {
            let finding = Finding::judged(good, name, if good { yes } else { no });
            if good { finding } else { finding.mend(setcap()) }
        };
        vec![
            row(held.net_raw, "cap_net_raw", "sending works", "nothing can be sent"),
            row(
                held.net_admin,
                "cap_net_admin",
                "the guard is complete",
                "the guard leaves out peers on the link that send with TTL 255",
            ),
        ]
    }

    fn guard() -> Finding {
        let about = "RST guard";
        match doctor::guard() {
            Ok(true) => Finding::judged(true, about, "our kernel stays silent"),
            Ok(false) => {
                let found = "our kernel stays silent, but for peers on the link with TTL 255";
                Finding::judged(true, about, found)
            }
            Err(error) => broken(about, error),
        }
    }

    /// Looks at what a shell limits.
    fn limits() -> Vec<Finding> {
        let Ok(limits) = Limits::of_ours() else { return Vec::new() };
        let row = |has: Option<u64>, wants, about, of: &dyn Fn(u64) -> String, mend| {
            let good = has.is_none_or(|has| has >= wants);
            let has = has.map_or_else(|| "no limit".to_owned(), of);
            let finding =
                Finding::judged(good, about, format!("{has}, up to {} wanted", of(wants)));
            if good { finding } else { finding.mend(mend) }
        };
        let whole = |count: u64| count.to_string();
        let mebibytes = |bytes: u64| format!("{} MiB for --backend xdp", bytes >> 20);
        vec![
            row(limits.files, FILES, "open files", &whole, format!("ulimit -n {FILES}")),
            row(
                limits.locked_memory,
                Limits::XDP,
                "locked memory",
                &mebibytes,
                "sudo prlimit --memlock=unlimited --pid $$".to_owned(),
            ),
        ]
    }

    fn ecn() -> Option<Finding> {
        let found = match Ecn::mode()? {
            Ecn::Off => "off (0)".to_owned(),
            Ecn::On => "asked for and granted (1)".to_owned(),
            Ecn::WhenAsked => "granted when asked for (2)".to_owned(),
            Ecn::Other(mode) => format!("mode {mode}"),
        };
        Some(Finding::told("kernel's ECN", found))
    }

    fn interfaces() -> Vec<Finding> {
        match Interface::list() {
            Ok(list) => list.iter().flat_map(interface).collect(),
            Err(error) => vec![broken("interfaces", error)],
        }
    }

    fn interface(addressed: &Addressed) -> Vec<Finding> {
        let interface = &addressed.interface;
        let about = format!("interface {}", interface.name);
        if !interface.up {
            let mend = format!("sudo ip link set {} up", interface.name);
            return vec![Finding::judged(false, about, "is down").mend(mend)];
        }
        let addresses: Vec<String> = addressed
            .addresses
            .iter()
            .map(|(address, length)| format!("{address}/{length}"))
            .collect();
        let mac = interface.mac.map_or_else(String::new, |mac| format!(", {}", colons(mac)));
        let found = format!("mtu {}{mac}, {}", interface.mtu, addresses.join(" "));
        let mut findings = vec![Finding::judged(true, about, found)];
        findings.extend(offloads(&interface.name));
        findings
    }

    fn offloads(name: &str) -> Option<Finding> {
        let offloads = Offloads::of(name).ok()?;
        let on: Vec<&str> = [
            ("rx-checksum", offloads.receive_checksum),
            ("tx-checksum", offloads.send_checksum),
            ("sg", offloads.scatter_gather),
            ("tso", offloads.tcp_segmentation),
            ("gso", offloads.segmentation),
            ("gro", offloads.receive_merge),
        ]
        .into_iter()
        .filter_map(|(name, state)| (state == Some(true)).then_some(name))
        .collect();
        let found = if on.is_empty() { "none".to_owned() } else { on.join(" ") };
        let finding = Finding::told("  its offloads", found);
        Some(if offloads.receive_merge == Some(true) {
            finding.mend(format!(
                "segments are merged before we see them: sudo ethtool -K {name} gro off"
            ))
        } else {
            finding
        })
    }

    /// Looks up interface, next hop and hardware address towards a target.
    fn way(target: IpAddr) -> Vec<Finding> {
        let about = format!("way to {target}");
        let route = match Route::look_up(target, None, None) {
            Ok(route) => route,
            Err(error) => return vec![broken(&about, error)],
        };
        let hop = route.next_hop();
        let source = route.source.map_or_else(String::new, |source| format!(", from {source}"));
        let found =
            format!("by {}, next hop {hop}{source}, mtu {}", route.interface.name, route.mtu);
        let mut findings = vec![Finding::judged(true, about, found)];
        if !route.local && route.interface.mac.is_some() && !route.interface.no_arp {
            findings.push(match neighbour::resolve(hop, &route.interface) {
                Ok(mac) => {
                    Finding::judged(true, "  its next hop", format!("is at {}", colons(mac)))
                }
                Err(error) => broken("  its next hop", error),
            });
        }
        findings
    }

    /// How many files `test --localise` has open: a port for each connection, and its sockets.
    const FILES: u64 = 512;
}

#[cfg(not(target_os = "linux"))]
mod examine {
    use std::net::IpAddr;

    use tcpexposure_bpf::{
        interface::Interface,
        live::{self, Guard},
    };

    use super::{Finding, broken, colons};

    /// Looks at everything; what cannot be looked at is a finding too.
    pub(super) fn all(targets: &[IpAddr]) -> Vec<Finding> {
        let mut findings = vec![guard(), super::fence()];
        findings.extend(super::backends());
        findings.extend(interfaces());
        findings.extend(targets.iter().flat_map(|target| way(*target)));
        findings
    }

    fn guard() -> Finding {
        let about = "RST guard";
        if let Err(error) = Guard::new(None) {
            return broken(about, error);
        }
        let system = live::system();
        match system.silencing_rule(1024, 65_535) {
            None => Finding::judged(
                true,
                about,
                "our kernel stays silent, but for peers on the link with TTL 255",
            ),
            Some(rule) => {
                let left_out =
                    if system.deafness.is_none() { "" } else { " towards peers over IPv6" };
                let found = format!("{} cannot be kept silent{left_out}", system.name);
                Finding::judged(false, about, found).mend(rule)
            }
        }
    }

    fn interfaces() -> Vec<Finding> {
        match live::interfaces() {
            Ok(list) => list.iter().map(interface).collect(),
            Err(error) => vec![broken("interfaces", error)],
        }
    }

    fn interface(interface: &Interface) -> Finding {
        let about = format!("interface {}", interface.name);
        if !interface.up {
            let mend = format!("sudo ifconfig {} up", interface.name);
            return Finding::judged(false, about, "is down").mend(mend);
        }
        let listed = interface.addresses.iter();
        let addresses: Vec<_> =
            listed.map(|(address, length)| format!("{address}/{length}")).collect();
        let mac = interface.mac.map_or_else(String::new, |mac| format!(", {}", colons(mac)));
        let found = format!("mtu {}{mac}, {}", interface.mtu, addresses.join(" "));
        Finding::judged(true, about, found)
    }

    /// Looks up interface, next hop and hardware address towards a target.
    fn way(target: IpAddr) -> Vec<Finding> {
        let about = format!("way to {target}");
        let route = match live::look_up(target, None, None) {
            Ok(route) => route,
            Err(error) => return vec![broken(&about, error)],
        };
        let hop = route.next_hop();
        let source = route.source.map_or_else(String::new, |source| format!(", from {source}"));
        let found =
            format!("by {}, next hop {hop}{source}, mtu {}", route.interface.name, route.mtu);
        let mut findings = vec![Finding::judged(true, about, found)];
        match live::macs(&route, None) {
            Ok(None) => {}
            Ok(Some(macs)) => {
                let found = format!("is at {}", colons(macs.destination));
                findings.push(Finding::judged(true, "  its next hop", found));
            }
            Err(error) => findings.push(broken("  its next hop", error)),
        }
        findings
    }
}

fn colons([a, b, c, d, e, f]: [u8; 6]) -> String {
    format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
}
