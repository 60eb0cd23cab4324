//! Hosts in a row, each a network namespace of its own, for tests on a real kernel.
//!
//! ```text
//!  h0 ── 10.77.0.0/24, fd77:0::/64 ── h1 ── 10.77.1.0/24, fd77:1::/64 ── h2 …
//!     .1                        .2       .1                        .2
//! ```
//!
//! Everything between the first and the last host is a router. Offloads are off, so that what is
//! captured is what is on the wire. All of it is gone when the [`Lab`] is dropped, and a test that
//! was killed leaves namespaces that the next lab sweeps up. Nothing here can reach another machine.
#![forbid(unsafe_code)]

mod boxes;
mod host;
mod program;

use std::{
    env,
    net::IpAddr,
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

pub use boxes::{MIDDLEBOXES, Middlebox, PROGRAMS, built};
pub use host::Host;
pub use program::{Capture, Program};

/// A row of hosts.
#[derive(Debug)]
pub struct Lab {
    hosts: Vec<Host>,
    /// Those that stand beside the row.
    others: Vec<Host>,
}

/// Which of the two address families.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::V4, Self::V6];
}

impl Lab {
    /// Sets up `count` hosts in a row, at least two.
    ///
    /// `None`, with a word on stderr, when this process may not or a program is missing; in CI that
    /// is a failure.
    #[must_use]
    pub fn row(count: usize, programs: &[&str]) -> Option<Self> {
        if let Some(reason) = hindrance(programs) {
            assert!(env::var("CI").as_deref() != Ok("true"), "in CI: {reason}");
            eprintln!("skipped: {reason}");
            return None;
        }
        sweep();
        let lab = number();
        let pid = std::process::id();
        let hosts = (0..count).map(|index| Host::new(format!("tcpx-{pid}-{lab}-h{index}"), index));
        let lab = Self { hosts: hosts.collect(), others: Vec::new() };
        lab.wire();
        Some(lab)
    }

    /// Gives a host, counted from the left.
    #[must_use]
    pub fn host(&self, index: usize) -> &Host {
        &self.hosts[index]
    }

    /// Gives the leftmost host.
    #[must_use]
    pub fn first(&self) -> &Host {
        &self.hosts[0]
    }

    /// Gives the rightmost host.
    #[must_use]
    pub fn last(&self) -> &Host {
        &self.hosts[self.hosts.len() - 1]
    }

    /// Tells the address of the leftmost host.
    #[must_use]
    pub fn first_address(&self, family: Family) -> IpAddr {
        address(family, 0, 1)
    }

    /// Tells the address of the rightmost host.
    #[must_use]
    pub fn last_address(&self, family: Family) -> IpAddr {
        address(family, self.hosts.len() - 2, 2)
    }

    /// Puts another router beside the one with this index, and spreads what goes to the right over
    /// both, by addresses and ports. Gives the other's addresses, IPv4 first.
    pub fn beside(&mut self, index: usize) -> [IpAddr; 2] {
        let (before, behind) = (index - 1, index + 1);
        let name = format!("{}-beside", self.hosts[index].namespace);
        let beside = Host::new(name, self.hosts.len());
        let (left, right) = (BESIDE, BESIDE + 1);
        let wires = [(before, "beside", "left", left), (behind, "beside", "right", right)];
        for (host, far, near, wire) in wires {
            let host = &self.hosts[host];
            let (there, here) = (&host.namespace, &beside.namespace);
            run(
                "ip",
                &format!("link add {far} netns {there} type veth peer name {near} netns {here}"),
            );
            host.attach(far, wire, if wire == left { 1 } else { 2 });
            beside.attach(near, wire, if wire == left { 2 } else { 1 });
        }
        for family in Family::BOTH {
            for wire in 0..self.hosts.len() - 1 {
                let (next, end) = if wire < index { (left, 1) } else { (right, 2) };
                let via = address(family, next, end);
                beside.ip(&format!("route add {} via {via}", network(family, wire)));
            }
            let nexts = [address(family, before, 2), address(family, left, 2)];
            for wire in behind..self.hosts.len() - 1 {
                let host = &self.hosts[before];
                let [one, other] = nexts.map(|next| format!("nexthop via {next}"));
                host.ip(&format!("route replace {} {one} {other}", network(family, wire)));
            }
        }
        self.hosts[before].sysctl("net.ipv4.fib_multipath_hash_policy=1");
        self.hosts[before].sysctl("net.ipv6.fib_multipath_hash_policy=1");
        self.others.push(beside);
        Family::BOTH.map(|family| address(family, left, 2))
    }

    fn wire(&self) {
        for (wire, pair) in self.hosts.windows(2).enumerate() {
            let [left, right] = pair else { continue };
            let (l, r) = (&left.namespace, &right.namespace);
            run("ip", &format!("link add right netns {l} type veth peer name left netns {r}"));
            left.attach("right", wire, 1);
            right.attach("left", wire, 2);
        }
        let wires = self.hosts.len() - 1;
        for (index, host) in self.hosts.iter().enumerate() {
            for wire in (0..wires).filter(|wire| *wire != index && wire + 1 != index) {
                host.route(wire, index);
            }
        }
    }
}

/// Tells the address at one end of a wire: 1 is its left end, 2 its right.
#[must_use]
pub fn address(family: Family, wire: usize, end: usize) -> IpAddr {
    let text = match family {
        Family::V4 => format!("10.77.{wire}.{end}"),
        Family::V6 => format!("fd77:{wire}::{end}"),
    };
    text.parse().expect("an address of the lab")
}

/// Tells the network of a wire.
fn network(family: Family, wire: usize) -> String {
    match family {
        Family::V4 => format!("10.77.{wire}.0/24"),
        Family::V6 => format!("fd77:{wire}::/64"),
    }
}

/// The first wire of a router beside the row.
const BESIDE: usize = 101;

/// Gives a number that nothing else in this process has, for tests run side by side.
fn number() -> u32 {
    static NUMBERS: AtomicU32 = AtomicU32::new(0);
    NUMBERS.fetch_add(1, Ordering::Relaxed)
}

/// Tells what stands in the way of a lab.
fn hindrance(programs: &[&str]) -> Option<String> {
    let runs = |program: &&&str| {
        let flag = if matches!(**program, "ip" | "ping") { "-V" } else { "--version" };
        Command::new(program)
            .arg(flag)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok()
    };
    let needed = ["ip", "ethtool", "sysctl"];
    if let Some(missing) = needed.iter().chain(programs).find(|program| !runs(program)) {
        return Some(format!("{missing} is not installed"));
    }
    let probe = format!("tcpx-{}-{}-probe", std::process::id(), number());
    let made = Command::new("ip").args(["netns", "add", &probe]).output();
    if !made.is_ok_and(|output| output.status.success()) {
        return Some("no network namespace can be made without root".to_owned());
    }
    run("ip", &format!("netns del {probe}"));
    None
}

/// Takes away what a test that was killed has left: namespaces of ours whose process is gone.
fn sweep() {
    let Ok(list) = Command::new("ip").args(["netns", "list"]).output() else {
        return;
    };
    for line in String::from_utf8_lossy(&list.stdout).lines() {
        let name = line.split(' ').next().unwrap_or_default();
        let owner = name.strip_prefix("tcpx-").and_then(|rest| rest.split('-').next());
        if owner.is_some_and(|pid| !std::path::Path::new("/proc").join(pid).exists()) {
            let _ = Command::new("ip").args(["netns", "del", name]).output();
        }
    }
}

/// Runs a program with arguments that are separated by spaces; it must succeed.
pub(crate) fn run(program: &str, arguments: &str) {
    let output = Command::new(program)
        .args(arguments.split_whitespace())
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments}: {said}");
}
