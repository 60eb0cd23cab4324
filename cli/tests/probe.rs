//! `probe` on a real wire: two namespaces joined by veth, a kernel at the far end that has whole
//! networks for its own.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    process::{self, Child, Command, Output, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use serde_json::Value;
use tcpexposure_lab::{Family, Lab, Program};

const TOOL: &str = env!("CARGO_BIN_EXE_tcpexposure");

/// A directory that goes away with its owner.
struct Scrap(PathBuf);

impl Scrap {
    fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("tcpexposure-wire-{}-{name}", process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Scrap {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Sets up a far end that answers on port 80 for `10.99.0.0/16` and `fd99::/112`, and tells by an
/// ICMP error that there is no way to `10.98.0.0/24` and `fd98::/120`. It keeps no state of those
/// who ask.
///
/// There is one at a time, because they share the processors.
fn lab(programs: &[&str]) -> Option<(Lab, Program, MutexGuard<'static, ()>)> {
    static ONE: Mutex<()> = Mutex::new(());
    let alone = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let lab = Lab::row(2, &[&["python3", "nft"], programs].concat())?;
    let far = lab.last();
    for setting in SETTINGS {
        far.sysctl(setting);
    }
    far.ip("route add local 10.99.0.0/16 dev lo");
    far.ip("route add local 10.98.0.0/24 dev lo");
    far.ip("route add local fd99::/112 dev lo");
    far.ip("route add local fd98::/120 dev lo");
    // Routes that are unreachable have their errors counted out by ones.
    far.shell(
        "nft 'table inet none { chain input { type filter hook input priority 0
            ip daddr 10.98.0.0/24 reject with icmp host-unreachable
            ip6 daddr fd98::/120 reject with icmpv6 no-route
        }
        }'",
    );
    for net in ["10.99.0.0/16", "10.98.0.0/24"] {
        lab.first().ip(&format!("route add {net} via {}", lab.last_address(Family::V4)));
    }
    for net in ["fd99::/112", "fd98::/120"] {
        lab.first().ip(&format!("route add {net} via {}", lab.last_address(Family::V6)));
    }
    let code = "import socket,time\n\
        s=socket.socket(socket.AF_INET6);s.setsockopt(socket.IPPROTO_IPV6,socket.IPV6_V6ONLY,0)\n\
        s.bind(('::',80));s.listen(1);print('ready',flush=True);time.sleep(600)";
    let server = far.spawn("python3", &["-c", code]);
    server.wait_for("ready");
    Some((lab, server, alone))
}

fn probe(lab: &Lab, arguments: &[&str]) -> Output {
    lab.first().run(TOOL, &[&["probe"], arguments].concat())
}

fn lines(text: &[u8]) -> Vec<Value> {
    let text = String::from_utf8_lossy(text).into_owned();
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

/// Runs to the end, and gives what was found.
fn findings(lab: &Lab, arguments: &[&str]) -> Vec<Value> {
    accounted(lab, arguments).0
}

/// Runs to the end, with a word of the account if that is not to be had; gives what was found, and
/// the account.
fn accounted(lab: &Lab, arguments: &[&str]) -> (Vec<Value>, Value) {
    let scrap = Scrap::new("account");
    let account = scrap.path("metadata");
    let output = probe(lab, &[arguments, &["--json", "-m", &account]].concat());
    let told = fs::read_to_string(&account).unwrap_or_default();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said} {told}");
    let mut all: Value = serde_json::from_str(&told).unwrap();
    (lines(&output.stdout), all["account"].take())
}

/// Finds a whole network of 65,536 addresses, each once; where one is missing, tells what the
/// interfaces and the processors' backlogs have counted.
fn whole(lab: &Lab, network: &str) -> Vec<Value> {
    let found = findings(lab, &[network, "-r", "20k", "-c", "1s"]);
    if addresses(&found).len() != 65_536 || found.len() != 65_536 {
        for host in [lab.first(), lab.last()] {
            let output =
                host.run("sh", &["-c", "cat /proc/net/dev /proc/net/softnet_stat /proc/net/snmp"]);
            eprintln!("{}", String::from_utf8_lossy(&output.stdout));
        }
        panic!("{} findings, {} addresses", found.len(), addresses(&found).len());
    }
    found
}

fn addresses(findings: &[Value]) -> BTreeSet<String> {
    findings.iter().map(|finding| finding["saddr"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_whole_network_is_found() {
    let Some((lab, _server, _alone)) = lab(&[]) else { return };
    let found = whole(&lab, "10.99.0.0/16");
    let odd: Vec<_> = found.iter().filter(|one| one["classification"] != "synack").collect();
    assert!(odd.is_empty(), "{odd:?}");
    assert!(found.iter().any(|one| one["rtt_us"].as_u64().is_some()));
}

#[test]
fn a_network_of_ipv6_is_found() {
    let Some((lab, _server, _alone)) = lab(&[]) else { return };
    whole(&lab, "fd99::/112");
}

#[test]
fn every_way_finds_the_same() {
    let Some((lab, _server, _alone)) = lab(&[]) else { return };
    let mut driver = driver(&lab);
    for way in ["packet", "ring", "raw", "xdp", "xdp-live", "auto"] {
        for net in ["10.99.7.0/24", "fd99::4200/120"] {
            let found = findings(&lab, &[net, "-r", "50k", "-c", "500ms", "--backend", way]);
            assert_eq!(addresses(&found).len(), 256, "{way} {net}");
        }
    }
    drop(driver.stdin.take());
    driver.wait().unwrap();
}

#[test]
fn errors_of_routers_are_matched() {
    let Some((lab, _server, _alone)) = lab(&[]) else { return };
    for (net, kind, code) in [("10.98.0.0/24", 3, 1), ("fd98::/120", 1, 0)] {
        let found = findings(&lab, &[net, "-r", "10k", "-c", "500ms"]);
        let quoted: BTreeSet<_> =
            found.iter().map(|one| one["quoted_addr"].as_str().unwrap().to_owned()).collect();
        assert_eq!(quoted.len(), 256, "{net}");
        for one in &found {
            assert_eq!(one["classification"], "icmp", "{one}");
            assert_eq!(
                (&one["icmp_type"], &one["icmp_code"]),
                (&kind.into(), &code.into()),
                "{one}"
            );
            assert!(one["icmp_quoted_len"].as_u64().is_some_and(|length| length >= 40), "{one}");
            assert_eq!((&one["sport"], &one["seq"]), (&80.into(), &Value::Null), "{one}");
        }
    }
}

#[test]
fn our_kernel_is_silent() {
    let Some((lab, _server, _alone)) = lab(&["tcpdump"]) else { return };
    let mut capture = lab.last().capture("left", "tcp or ip6 proto 6");
    for net in ["10.99.1.0/24", "fd99::1:0/120"] {
        let net = if net.starts_with("fd") { "fd99::0/120" } else { net };
        assert_eq!(findings(&lab, &[net, "-r", "10k", "-c", "500ms"]).len(), 256);
    }
    let lines = capture.print(&["-nn", "-t"]);
    let syns = lines.iter().filter(|line| line.contains("Flags [S],")).count();
    assert_eq!(syns, 512);
    let reset = lines.iter().find(|line| line.contains("Flags [R"));
    assert_eq!(reset, None, "our kernel spoke");
}

#[test]
fn ten_replies_are_ten_classes() {
    let Some((lab, _server, _alone)) = lab(&[]) else { return };
    let expressions: Vec<_> = TEN.iter().map(|(expression, ..)| *expression).collect();
    let answers = example("answers");
    let responder = lab.last().spawn(&answers, &expressions);
    responder.wait_for("answering on 10 ports");
    for family in Family::BOTH {
        let target = lab.last_address(family).to_string();
        let probe = "S win 1024 <mss 1460>";
        let common = [&target, "-p", "1001-1010", "-c", "500ms", "--probe", probe];
        let (found, account) = accounted(&lab, &common);
        assert_eq!(found.len(), TEN.len(), "{found:#?}");
        let by_port: BTreeMap<_, _> = found.iter().map(|f| (f["sport"].as_u64(), f)).collect();
        for (port, (expression, class, options)) in (1001..).zip(TEN) {
            let one = by_port[&Some(port)];
            assert_eq!(one["classification"], *class, "{expression}: {one}");
            assert_eq!(one["options"], *options, "{expression}: {one}");
            assert_eq!(one["checksum"], *expression != "S. cksum bad", "{expression}: {one}");
            let proof = if *class == "challenge-ack" { "none" } else { "cookie" };
            assert_eq!(one["proof"], proof, "{expression}: {one}");
        }
        assert_eq!(by_port[&Some(1009)]["payload_len"], 5);
        // A challenge ACK proves nothing, so that it is told and does not count.
        let counts = ["results", "unproven", "written"].map(|name| account[name].as_u64());
        assert_eq!(counts, [Some(9), Some(1), Some(10)], "{account}");
        assert_eq!(account["found"]["challenge-ack"], Value::Null, "{account}");
        // Nor does it end a run that wants so many results.
        let (found, _) = accounted(&lab, &[&common[..], &["-N", "9"]].concat());
        let results = found.iter().filter(|one| one["proof"] == "cookie").count();
        assert_eq!(results, 9, "{found:#?}");
    }
}

#[test]
fn a_run_that_is_killed_loses_nothing() {
    let Some((lab, _server, _alone)) = lab(&[]) else { return };
    let scrap = Scrap::new("killed");
    let (out, place) = (scrap.path("out.jsonl"), scrap.path("place"));
    let common = ["10.99.0.0/17", "-r", "5k", "-c", "300ms", "-o", &out, "--resume", &place];
    let mut moment = Moments(u64::from(process::id()));
    for _ in 0..20 {
        let mut child = start(&lab, &[&common[..], &["-q"]].concat());
        thread::sleep(Duration::from_millis(moment.next(400, 1600)));
        let _ = child.kill();
        let _ = child.wait();
    }
    // The last line may be half a one.
    let before = fs::read_to_string(&out).unwrap().matches('\n').count();
    let kept = fs::read_to_string(&place).expect("no checkpoint was ever written");
    let position = lines(kept.as_bytes())[0]["position"].as_u64();
    assert!(position.is_some_and(|position| position > 0), "twenty runs came nowhere: {kept}");
    let output = probe(&lab, &common);
    assert_eq!(output.status.code(), Some(0), "{output:?} {kept}");
    let found = lines(&fs::read(&out).unwrap());
    assert_eq!(addresses(&found).len(), 32_768, "{before} before the last run, {kept}");
    println!("{} findings, {before} of them before the last run", found.len());
}

#[test]
fn to_interrupt_is_to_end_in_order() {
    let Some((lab, _server, _alone)) = lab(&[]) else { return };
    interrupt(&lab, "auto");
}

#[test]
fn what_is_made_in_the_kernel_ends_in_order_and_is_accounted_for() {
    let Some((lab, _server, _alone)) = lab(&[]) else { return };
    let mut driver = driver(&lab);
    interrupt(&lab, "xdp-live");
    drop(driver.stdin.take());
    driver.wait().unwrap();
}

/// Interrupts a run and goes on with it: each target is asked once, and each probe accounted for.
fn interrupt(lab: &Lab, way: &str) {
    let scrap = Scrap::new(&format!("interrupted-{way}"));
    let paths = ["out.jsonl", "place", "account"].map(|name| scrap.path(name));
    let [out, place, account] = paths.each_ref().map(String::as_str);
    let files = ["-o", out, "--resume", place, "-m", account];
    let common = [&["10.99.0.0/18", "-r", "20k", "-c", "300ms", "--backend", way], &files[..]];
    let common = common.concat();
    let mut child = start(lab, &common);
    wait_for(out);
    signal(&child, "INT");
    assert_eq!(child.wait().unwrap().code(), Some(5));
    let part = lines(&fs::read(out).unwrap()).len();
    assert!(part > 0 && part < 16_384, "{part}");
    let before = asked(account);
    let output = probe(lab, &common);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let found = lines(&fs::read(out).unwrap());
    assert_eq!((found.len(), addresses(&found).len()), (16_384, 16_384));
    assert_eq!(before + asked(account), 16_384, "{before} before the interruption");
}

/// Reads how many probes a run has asked for, all of which must be accounted for.
fn asked(account: &str) -> u64 {
    let all: Value = serde_json::from_str(&fs::read_to_string(account).unwrap()).unwrap();
    let number = |name: &str| all["account"][name].as_u64().unwrap_or_else(|| panic!("{all}"));
    let asked = number("asked");
    assert_eq!(number("handed_to_kernel") + number("refused_by_kernel"), asked, "{all}");
    // The kernel has its own neighbour solicitations to send.
    assert!(number("left_interface") >= number("handed_to_kernel"), "{all}");
    assert_eq!(number("received"), number("read"), "{all}");
    assert!(number("read") - number("foreign") >= number("results"), "{all}");
    assert_eq!((number("lost_sending"), number("lost_receiving")), (0, 0), "{all}");
    asked
}

#[test]
fn signals_change_the_rate() {
    let Some((lab, _server, _alone)) = lab(&[]) else { return };
    let scrap = Scrap::new("rate");
    let (out, account) = (scrap.path("out.jsonl"), scrap.path("account"));
    let common = ["10.99.0.0/18", "-r", "200", "-c", "300ms", "-o", &out, "-m", &account];
    let mut child = start(&lab, &common);
    wait_for(&out);
    // Each step is a twentieth more: 1.05 to the 150th is 1507.
    for _ in 0..150 {
        signal(&child, "USR1");
        thread::sleep(Duration::from_millis(60));
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let all: Value = serde_json::from_str(&fs::read_to_string(&account).unwrap()).unwrap();
    let nanos = all["ended"].as_u64().unwrap() - all["begun"].as_u64().unwrap();
    // At the rate asked for it would have taken 82 seconds.
    assert!(nanos < 60_000_000_000, "{nanos} ns");
}

#[test]
fn an_interface_that_goes_down_keeps_what_was_found() {
    let Some((lab, _server, _alone)) = lab(&[]) else { return };
    let scrap = Scrap::new("down");
    let (out, account) = (scrap.path("out.jsonl"), scrap.path("account"));
    let common = ["10.99.0.0/16", "-r", "10k", "-c", "300ms", "-o", &out, "-m", &account];
    let mut child = start(&lab, &common);
    wait_for(&out);
    lab.first().ip("link set right down");
    let said = said(&mut child);
    assert_eq!(child.wait().unwrap().code(), Some(5), "{said}");
    assert!(said.contains("interface right is down") && said.contains("\nhint: "), "{said}");
    let found = lines(&fs::read(&out).unwrap()).len();
    let all: Value = serde_json::from_str(&fs::read_to_string(&account).unwrap()).unwrap();
    assert_eq!(all["account"]["written"], found);
    assert!(all["failure"].as_str().is_some_and(|text| text.contains("is down")), "{all}");
}

#[test]
fn a_full_disk_keeps_what_was_found() {
    let Some((lab, _server, _alone)) = lab(&[]) else { return };
    let scrap = Scrap::new("full");
    let account = scrap.path("account");
    // The mount is that of this one process, and goes away with it.
    let line = format!(
        "mount -t tmpfs -o size=256k none {0} && cd {0} && \
         {TOOL} probe 10.99.0.0/16 -r 100k -c 300ms -o out.jsonl -q; code=$?; \
         wc -c <out.jsonl; tail -c 1 out.jsonl | od -An -tx1; exit $code",
        scrap.0.display()
    );
    drop(account);
    let output = lab.first().run("unshare", &["-m", "sh", "-c", &line]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    assert!(said.contains("cannot write out.jsonl: No space left on device"), "{said}");
    let told = String::from_utf8_lossy(&output.stdout);
    let mut told = told.lines();
    let size: u64 = told.next().unwrap().trim().parse().unwrap();
    assert!(size > 100_000, "{size} bytes are left of what was found");
    assert_eq!(told.next(), Some(" 0a"), "half a finding is left");
}

/// What the far end answers, what that is, and the bytes of the options.
const TEN: &[(&str, &str, &str)] = &[
    ("S. <mss 1460>", "synack", "020405b4"),
    ("S.E <mss 1460>", "synack-ece", "020405b4"),
    ("S. <raw 0xfe000000>", "synack", "fe000000"),
    ("S. <raw 0xfe010000>", "synack", "fe010000"),
    ("S. <raw 0xfe280000>", "synack", "fe280000"),
    ("S. <raw 0xac0b000001000001000001,nop>", "synack", "ac0b00000100000100000101"),
    ("S. cksum bad", "bad-checksum", ""),
    (". seq 77 ack 99", "challenge-ack", ""),
    ("S. \"hello\"", "synack-data", ""),
    ("S. doff 4", "bad-header", ""),
];

/// Moments that differ from run to run.
struct Moments(u64);

impl Moments {
    fn next(&mut self, from: u64, to: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        from + (self.0 >> 33) % (to - from)
    }
}

/// Gives the far end's interface a program of its own, by which ours can be given frames without the
/// kernel's stack; it goes away when its input is closed.
fn driver(lab: &Lab) -> Child {
    let mut command: Command = lab.last().command(&example("sink"));
    command.args(["left", "pass"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut ready = [0; 5];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut ready).unwrap();
    assert_eq!(&ready, b"READY");
    child
}

/// Starts the tool, so that the child is the tool itself.
fn start(lab: &Lab, arguments: &[&str]) -> Child {
    let mut command: Command = lab.first().command(TOOL);
    command.arg("probe").args(arguments).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn said(child: &mut Child) -> String {
    let mut text = String::new();
    let mut pipe = child.stderr.take().unwrap();
    std::io::Read::read_to_string(&mut pipe, &mut text).unwrap();
    text
}

fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
}

/// Waits until something was found.
fn wait_for(path: &str) {
    for _ in 0..1000 {
        if fs::metadata(path).is_ok_and(|data| data.len() > 0) {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("nothing was found within ten seconds");
}

/// Finds an example of this workspace beside the tool, built when it is not.
fn example(name: &str) -> String {
    let path = Path::new(TOOL).parent().unwrap().join("examples").join(name);
    let cargo = option_env!("CARGO").unwrap_or("cargo");
    let built = Command::new(cargo)
        .args(["build", "--locked", "-q", "-p", "tcpexposure-linux", "--example", name])
        .status();
    assert!(built.is_ok_and(|status| status.success()), "the example {name} does not build");
    path.to_str().unwrap().to_owned()
}

/// A far end that answers all, and counts no errors out by ones.
const SETTINGS: &[&str] = &[
    "net.ipv4.tcp_syncookies=2",
    "net.ipv4.icmp_msgs_per_sec=1000000",
    "net.ipv4.icmp_msgs_burst=1000000",
];
