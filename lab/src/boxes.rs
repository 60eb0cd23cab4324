//! Real middleboxes: what a Linux router can be told to do to TCP.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use crate::{Host, Program};

/// A middlebox that stands on a router, between `left` and `right`.
#[derive(Debug)]
pub struct Middlebox {
    /// Its name.
    pub name: &'static str,
    /// The lines of shell that set it up; besides the programs there are `both ARGUMENTS`, for
    /// iptables and ip6tables, and `forward 'RULES'`, for nft in the path of what is forwarded.
    setup: &'static str,
    daemon: Option<Daemon>,
}

/// A program that is part of a middlebox.
#[derive(Debug)]
struct Daemon {
    /// The line of shell that becomes the program; `$nfq_box` is ours.
    line: &'static str,
    /// The line of shell that succeeds once it does its work.
    ready: &'static str,
}

/// What the middleboxes need to be installed.
pub const PROGRAMS: &[&str] = &["iptables-legacy", "ip6tables-legacy", "nft", "haproxy"];

/// All of them.
pub const MIDDLEBOXES: &[Middlebox] = &[
    rules("none", ""),
    rules(
        "optstrip",
        "both -t mangle -A FORWARD -p tcp -j TCPOPTSTRIP --strip-options 30,31,32,76,253,254",
    ),
    rules(
        "optstrip-timestamp",
        "both -t mangle -A FORWARD -p tcp -j TCPOPTSTRIP --strip-options timestamp",
    ),
    rules(
        "mss-clamp",
        "both -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1200",
    ),
    rules(
        "mss-clamp-400",
        "both -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 400",
    ),
    rules(
        "synproxy",
        "both -t raw -A PREROUTING -i left -p tcp --syn -j CT --notrack
         both -A FORWARD -i left -p tcp -m conntrack --ctstate INVALID,UNTRACKED \
            -j SYNPROXY --sack-perm --timestamp --wscale 7 --mss 1460
         both -A FORWARD -p tcp -m conntrack --ctstate INVALID -j DROP
         sysctl -qw net.netfilter.nf_conntrack_tcp_loose=0",
    ),
    // It forgets what was silent for a second.
    rules(
        "forget-idle",
        "both -A FORWARD -p tcp -m conntrack --ctstate INVALID -j DROP
         both -A FORWARD -p tcp ! --syn -m conntrack --ctstate NEW -j DROP
         sysctl -qw net.netfilter.nf_conntrack_tcp_loose=0
         sysctl -qw net.netfilter.nf_conntrack_tcp_timeout_established=1",
    ),
    rules("masquerade", "both -t nat -A POSTROUTING -o right -p tcp -j MASQUERADE --random-fully"),
    rules(
        "ct-strict",
        "both -A FORWARD -p tcp -m conntrack --ctstate INVALID -j DROP
         both -A FORWARD -p tcp ! --syn -m conntrack --ctstate NEW -j DROP
         sysctl -qw net.netfilter.nf_conntrack_tcp_be_liberal=0
         sysctl -qw net.netfilter.nf_conntrack_tcp_loose=0",
    ),
    rules(
        "ct-liberal",
        "both -A FORWARD -p tcp -m conntrack --ctstate INVALID -j DROP
         sysctl -qw net.netfilter.nf_conntrack_tcp_be_liberal=1
         sysctl -qw net.netfilter.nf_conntrack_tcp_loose=1",
    ),
    rules(
        "nft-reset-option",
        "forward 'reset tcp option mptcp
                  reset tcp option 31
                  reset tcp option 32
                  reset tcp option 253
                  reset tcp option 254'",
    ),
    rules("nft-timestamp-zero", "forward 'tcp option timestamp tsval set 0'"),
    rules("nft-reset-mptcp", "forward 'reset tcp option mptcp'"),
    rules("nft-reset-fastopen", "forward 'reset tcp option fastopen'"),
    rules("nft-reset-unassigned", "forward 'reset tcp option 114'"),
    rules("nft-window", "forward 'tcp window set 1000'"),
    rules(
        "nft-isn-shift",
        "forward 'iifname left tcp sequence set tcp sequence ^ 0x80000000
                  iifname right tcp flags & ack == ack tcp ackseq set tcp ackseq ^ 0x80000000'",
    ),
    rules(
        "nft-isn-shift-both",
        "forward 'tcp sequence set tcp sequence ^ 0x80000000
                  tcp flags & ack == ack tcp ackseq set tcp ackseq ^ 0x80000000'",
    ),
    rules(
        "drop-unknown-syn-option",
        "forward 'tcp flags & (syn|ack) == syn tcp option mptcp exists drop
                  tcp flags & (syn|ack) == syn tcp option 253 exists drop
                  tcp flags & (syn|ack) == syn tcp option 254 exists drop'",
    ),
    rules(
        "reset-unknown-syn-option",
        "forward 'tcp flags & (syn|ack) == syn tcp option mptcp exists reject with tcp reset
                  tcp flags & (syn|ack) == syn tcp option 253 exists reject with tcp reset
                  tcp flags & (syn|ack) == syn tcp option 254 exists reject with tcp reset'",
    ),
    rules(
        "prohibit-unknown-syn-option",
        "forward 'tcp flags & (syn|ack) == syn tcp option mptcp exists reject with icmpx admin-prohibited
                  tcp flags & (syn|ack) == syn tcp option 253 exists reject with icmpx admin-prohibited
                  tcp flags & (syn|ack) == syn tcp option 254 exists reject with icmpx admin-prohibited'",
    ),
    rules("nft-ce-mark", "forward 'ip ecn set ce\n ip6 ecn set ce'"),
    rules(
        "ttl-set",
        "iptables-legacy -w -t mangle -A FORWARD -j TTL --ttl-set 200
         ip6tables-legacy -w -t mangle -A FORWARD -j HL --hl-set 200",
    ),
    rules("drop-large", "forward 'meta l4proto tcp meta length > 1440 drop'"),
    rules("drop-fin-in", "forward 'iifname right tcp flags & fin == fin drop'"),
    // The first bytes of GET, POST and HTTP.
    rules("drop-http", "forward '@ih,0,32 { 0x47455420, 0x504f5354, 0x48545450 } drop'"),
    // A handshake, PRI, and the type that a record has.
    rules("drop-tls", "forward '@ih,0,8 0x16 drop\n @ih,0,8 0x17 drop\n @ih,0,32 0x50524920 drop'"),
    rules("drop-syn-payload", "forward 'tcp flags & (syn|ack) == syn @ih,0,8 0-255 drop'"),
    rules("loss-10", "forward 'meta l4proto tcp numgen random mod 100 < 10 drop'"),
    // The delay lets a burst come in whole, so that what is merged is no matter of scheduling.
    Middlebox {
        name: "haproxy",
        setup: "nft 'table inet m { chain p { type filter hook prerouting priority mangle
                    meta l4proto tcp socket transparent 1 meta mark set 1 accept
                    iifname left meta l4proto tcp meta nfproto ipv4 \
                        tproxy ip to 127.0.0.1:7000 meta mark set 1 accept
                    iifname left meta l4proto tcp meta nfproto ipv6 \
                        tproxy ip6 to [::1]:7000 meta mark set 1 accept
                }
                }'
                ip rule add fwmark 1 lookup 100
                ip route add local 0.0.0.0/0 dev lo table 100
                ip -6 rule add fwmark 1 lookup 100
                ip -6 route add local ::/0 dev lo table 100",
        daemon: Some(Daemon {
            line: "exec haproxy -db -f /dev/stdin <<'END'
defaults
  mode tcp
  timeout connect 5s
  timeout client 30s
  timeout server 30s
listen v4
  bind 127.0.0.1:7000 transparent
  tcp-request inspect-delay 200ms
  tcp-request content accept if WAIT_END
  option transparent
  source 0.0.0.0 usesrc clientip
listen v6
  bind [::1]:7000 transparent
  tcp-request inspect-delay 200ms
  tcp-request content accept if WAIT_END
  option transparent
  source [::]:0 usesrc clientip
END",
            ready: "grep -q ':1B58 0*:0000 0A' /proc/net/tcp && grep -q ':1B58 0*:0000 0A' /proc/net/tcp6",
        }),
    },
    rules(
        "gro",
        "ethtool -K left gro on
         echo 1 >/sys/class/net/left/napi_defer_hard_irqs
         echo 20000000 >/sys/class/net/left/gro_flush_timeout
         ethtool -K right sg on tx on gso on tso on",
    ),
    rules(
        "gro-in",
        "ethtool -K right gro on
         echo 1 >/sys/class/net/right/napi_defer_hard_irqs
         echo 20000000 >/sys/class/net/right/gro_flush_timeout
         ethtool -K left sg on tx on gso on tso on",
    ),
    // What was merged is cut again where it was before.
    rules(
        "gro-resplit",
        "ethtool -K left gro on
         echo 1 >/sys/class/net/left/napi_defer_hard_irqs
         echo 20000000 >/sys/class/net/left/gro_flush_timeout",
    ),
    queue("retransmission-first", "exec $nfq_box retransmission-first"),
    queue("retransmission-drop", "exec $nfq_box retransmission-drop"),
    Middlebox {
        name: "retransmission-reset",
        setup: "both -t mangle -A FORWARD -i left -p tcp -j NFQUEUE --queue-num 0
                both -A FORWARD -p tcp -m mark --mark 1 -j REJECT --reject-with tcp-reset",
        daemon: Some(Daemon { line: "exec $nfq_box retransmission-mark", ready: QUEUE_READY }),
    },
    queue("hole-drop", "exec $nfq_box hole-drop"),
    both_ways("ack-hole-drop", "exec $nfq_box ack-hole-drop"),
    both_ways("ack-hole-rewrite", "exec $nfq_box ack-hole-rewrite"),
    queue("syn-data-strip", "exec $nfq_box syn-data-strip"),
];

/// Makes a middlebox that needs no program.
const fn rules(name: &'static str, setup: &'static str) -> Middlebox {
    Middlebox { name, setup, daemon: None }
}

/// Makes a middlebox that handles what comes from the left in a program of ours.
const fn queue(name: &'static str, line: &'static str) -> Middlebox {
    Middlebox {
        name,
        setup: "both -t mangle -A FORWARD -i left -p tcp -j NFQUEUE --queue-num 0",
        daemon: Some(Daemon { line, ready: QUEUE_READY }),
    }
}

/// Makes a middlebox that handles what comes from either side in a program of ours.
const fn both_ways(name: &'static str, line: &'static str) -> Middlebox {
    Middlebox {
        name,
        setup: "both -t mangle -A FORWARD -p tcp -j NFQUEUE --queue-num 0",
        daemon: Some(Daemon { line, ready: QUEUE_READY }),
    }
}

/// Without a reader the queue drops, and the kernel lists the queues that have one.
const QUEUE_READY: &str = "grep -q . /proc/net/netfilter/nfnetlink_queue";

/// What the lines of shell may use.
const PRELUDE: &str = r#"
both() { iptables-legacy -w "$@"; ip6tables-legacy -w "$@"; }
forward() {
    nft "table inet m { chain f { type filter hook forward priority -150
        $1
    }
    }"
}
"#;

impl Middlebox {
    /// Finds a middlebox.
    ///
    /// # Panics
    /// When there is none of that name.
    #[must_use]
    pub fn named(name: &str) -> &'static Self {
        let found = MIDDLEBOXES.iter().find(|middlebox| middlebox.name == name);
        found.unwrap_or_else(|| panic!("no middlebox is called {name}"))
    }

    /// Sets it up on a router, and gives the program that must live as long as it shall work.
    ///
    /// # Panics
    /// When it does not work within ten seconds.
    #[must_use]
    pub fn stand(&self, router: &Host) -> Option<Program> {
        router.shell(&format!("{PRELUDE}{}", self.setup));
        let daemon = self.daemon.as_ref()?;
        let line = if daemon.line.contains("$nfq_box") {
            daemon.line.replace("$nfq_box", &nfq_box())
        } else {
            daemon.line.to_owned()
        };
        let program = router.spawn("sh", &["-c", &line]);
        let ready = daemon.ready;
        router.shell(&format!(
            "i=0; until {ready}; do i=$((i+1)); test $i -lt 1000; sleep 0.01; done"
        ));
        Some(program)
    }
}

/// Builds the middlebox in user space, once a process, and tells where it is.
fn nfq_box() -> String {
    static BUILT: OnceLock<String> = OnceLock::new();
    BUILT.get_or_init(|| built("tcpexposure-lab", "nfq-box")).clone()
}

/// Builds a program of this workspace as the running test was built, and tells where it is.
///
/// # Panics
/// When it does not build.
#[must_use]
pub fn built(package: &str, program: &str) -> String {
    let test = env::current_exe().expect("a test has a path");
    // target/PROFILE/deps/TEST
    let directory: PathBuf = test.ancestors().nth(2).map(Path::to_owned).expect("a directory");
    let profile = match directory.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let target = directory.parent().expect("the directory of targets");
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--locked", "-q", "-p", package, "--bin", program, "--profile", profile])
        .arg("--target-dir")
        .arg(target)
        .output()
        .expect("cargo");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} does not build: {said}");
    directory.join(program).to_str().expect("a path in UTF-8").to_owned()
}
