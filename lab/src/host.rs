//! One host: a network namespace.

use std::process::{Command, Output, Stdio};

use crate::{Capture, Family, Program, address, network, run};

/// A host of a [`Lab`](crate::Lab).
///
/// Its interface to the left is called `left`, the one to the right `right`.
#[derive(Debug)]
pub struct Host {
    pub(crate) namespace: String,
}

impl Host {
    pub(crate) fn new(namespace: String, _index: usize) -> Self {
        run("ip", &format!("netns add {namespace}"));
        let host = Self { namespace };
        host.ip("link set lo up");
        for setting in SETTINGS {
            host.sysctl(setting);
        }
        host
    }

    /// Tells the name of the namespace, for `ip netns exec`.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Runs `ip` with arguments that are separated by spaces.
    pub fn ip(&self, arguments: &str) {
        run("ip", &format!("-n {} {arguments}", self.namespace));
    }

    /// Sets a kernel parameter, as in `net.ipv4.tcp_ecn=1`.
    pub fn sysctl(&self, setting: &str) {
        run("ip", &format!("netns exec {} sysctl -qw {setting}", self.namespace));
    }

    /// Runs a line of shell on this host; it must succeed.
    pub fn shell(&self, line: &str) {
        let output = self.command("sh").args(["-ec", line]).output().expect("sh");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {said}");
    }

    /// Makes a command that runs on this host.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace, program]).stdin(Stdio::null());
        command
    }

    /// Runs a program to its end.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn run(&self, program: &str, arguments: &[&str]) -> Output {
        self.command(program).args(arguments).output().expect("ip netns exec")
    }

    /// Starts a program that ends with its owner.
    #[must_use]
    pub fn spawn(&self, program: &str, arguments: &[&str]) -> Program {
        let mut command = self.command(program);
        command.args(arguments);
        Program::start(command)
    }

    /// Captures what crosses an interface from now on, by tcpdump.
    #[must_use]
    pub fn capture(&self, interface: &str, filter: &str) -> Capture {
        Capture::start(self, interface, filter)
    }

    /// Gives an interface its addresses and switches its offloads off.
    pub(crate) fn attach(&self, interface: &str, wire: usize, end: usize) {
        let off = "rx off tx off sg off tso off gso off gro off";
        let exec = format!("netns exec {}", self.namespace);
        run("ip", &format!("{exec} ethtool -K {interface} {off}"));
        let v4 = address(Family::V4, wire, end);
        let v6 = address(Family::V6, wire, end);
        self.ip(&format!("addr add {v4}/24 dev {interface}"));
        self.ip(&format!("addr add {v6}/64 dev {interface} nodad"));
        self.ip(&format!("link set {interface} up"));
    }

    /// Adds the route to a wire that this host is not on.
    pub(crate) fn route(&self, wire: usize, index: usize) {
        let rightward = wire >= index;
        for family in Family::BOTH {
            let (next, end) = if rightward { (index, 2) } else { (index - 1, 1) };
            let via = address(family, next, end);
            self.ip(&format!("route add {} via {via}", network(family, wire)));
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.namespace]).output();
    }
}

/// What every host is set to before it has an interface.
const SETTINGS: &[&str] = &[
    "net.ipv6.conf.all.accept_dad=0",
    "net.ipv6.conf.default.accept_dad=0",
    "net.ipv6.conf.all.accept_ra=0",
    "net.ipv6.conf.default.accept_ra=0",
    "net.ipv4.ip_forward=1",
    "net.ipv6.conf.all.forwarding=1",
    "net.ipv4.conf.all.rp_filter=0",
    "net.ipv4.conf.default.rp_filter=0",
    "net.ipv4.icmp_ratelimit=0",
    "net.ipv6.icmp.ratelimit=0",
];
