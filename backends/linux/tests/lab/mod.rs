//! Network namespaces for one test: made by the test, gone with it.
//!
//! [`isolated`] runs the test's body in a copy of the test binary, inside a namespace of its own.
//! Further machines are children that hold a namespace each; they die with their parent, and the
//! kernel takes the namespaces and all that is in them away.

use std::{
    env,
    io::{BufRead, BufReader, Read},
    net::IpAddr,
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use tcpexposure_core::{time::Instant, wire::checksum::Sum};
use tcpexposure_link::Link;

/// The longest that anything in a test is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Runs `body` in a namespace of its own; `name` is the test's.
pub(crate) fn isolated(name: &str, body: impl FnOnce()) {
    if env::var_os(INSIDE).is_some() {
        return body();
    }
    let Some(unshare) = unshare() else {
        let why = "network namespaces cannot be made here (neither root nor user namespaces)";
        assert!(env::var("CI").as_deref() != Ok("true"), "{why}");
        return eprintln!("{name} skipped: {why}");
    };
    let mut command = Command::new("timeout");
    command.args(["60", "unshare"]).args(unshare).arg(env::current_exe().unwrap());
    let status = command.args(["--exact", name, "--nocapture"]).env(INSIDE, "1").status().unwrap();
    assert!(status.success(), "{name} failed in its namespace, see above: {status}");
}

/// Finds out what `unshare` needs here to make a namespace.
fn unshare() -> Option<&'static [&'static str]> {
    // Not `-r`: tcpdump, as what looks like root, would insist on becoming another user.
    [&["-n"][..], &["--map-current-user", "--keep-caps", "-n"]].into_iter().find(|options| {
        let mut command = Command::new("unshare");
        command.args(*options).args(["ip", "link", "set", "lo", "up"]).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    })
}

/// Runs a command, which must succeed.
pub(crate) fn run(line: &str) {
    succeed(Command::new("sh").args(["-c", line]), line);
}

fn succeed(command: &mut Command, line: &str) {
    let status = command.status().unwrap();
    assert!(status.success(), "`{line}`: {status}");
}

/// Another machine.
pub(crate) struct Machine {
    holder: Child,
}

impl Machine {
    /// Makes one with nothing but loopback.
    pub(crate) fn new() -> Self {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "unshare", "-n"]);
        command.args(["sh", "-c", "ip link set lo up && echo READY && exec sleep 60"]);
        let mut holder = command.stdout(Stdio::piped()).spawn().unwrap();
        await_ready(holder.stdout.take().unwrap());
        Self { holder }
    }

    /// Tells how `ip link … netns` calls it.
    pub(crate) fn id(&self) -> u32 {
        self.holder.id()
    }

    /// Runs a command there, which must succeed.
    pub(crate) fn run(&self, line: &str) {
        succeed(self.enter().args(["sh", "-c", line]), line);
    }

    /// Starts one of the ignored tests there as a helper, and waits until it says that it is ready.
    pub(crate) fn help(&self, test: &str, argument: &str) -> Helper {
        Helper::start(self.enter(), test, argument)
    }

    /// Begins a command line that runs there.
    pub(crate) fn enter(&self) -> Command {
        let mut command = here();
        command.arg("nsenter").arg(format!("--net=/proc/{}/ns/net", self.id()));
        command
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        end(&mut self.holder);
    }
}

/// One of the ignored tests of this binary in a process of its own.
pub(crate) struct Helper {
    child: Child,
    /// What it said behind READY.
    pub(crate) said: String,
}

impl Helper {
    /// Starts it behind `prefix`, a command line that is not complete.
    pub(crate) fn start(mut prefix: Command, test: &str, argument: &str) -> Self {
        prefix.arg(env::current_exe().unwrap());
        prefix.args(["--exact", test, "--ignored", "--nocapture"]).env(ARGUMENT, argument);
        let mut child = prefix.stdout(Stdio::piped()).spawn().unwrap();
        let said = await_ready(child.stdout.take().unwrap());
        Self { child, said }
    }

    /// Kills it with SIGKILL.
    pub(crate) fn kill(mut self) {
        end(&mut self.child);
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Tells a helper its argument.
pub(crate) fn argument() -> String {
    env::var(ARGUMENT).unwrap()
}

/// Runs an ignored test to its end without a capability, which must succeed.
pub(crate) fn without(capability: &str, test: &str, argument: &str) {
    let mut command = lacking(capability);
    command.arg(env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture"]).env(ARGUMENT, argument);
    succeed(&mut command, test);
}

/// Begins a command line that runs without a capability.
pub(crate) fn lacking(capability: &str) -> Command {
    let mut command = here();
    for set in ["--bounding-set", "--inh-caps", "--ambient-caps"] {
        command.arg(format!("{set}=-{capability}"));
    }
    command
}

/// Reads until a line holds READY, and tells what stands behind it.
fn await_ready(stdout: ChildStdout) -> String {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if let Some((_, said)) = line.split_once("READY") {
                drop(sender.send(said.trim().to_owned()));
            }
        }
    });
    receiver.recv_timeout(PATIENCE).expect("the helper never was ready")
}

fn end(child: &mut Child) {
    drop(child.kill());
    drop(child.wait());
}

/// Stays until the parent ends it; it dies with its parent too.
pub(crate) fn linger() {
    thread::sleep(Duration::from_secs(60));
}

/// What tcpdump hears on an interface, link-layer header included.
pub(crate) struct Capture {
    child: Child,
    frames: Receiver<Vec<u8>>,
}

impl Capture {
    /// Begins to listen, on another machine or here.
    pub(crate) fn start(
        machine: Option<&Machine>,
        interface: &str,
        direction: &str,
        what: &str,
    ) -> Self {
        let mut command = machine.map_or_else(here, Machine::enter);
        command.args(["tcpdump", "-i", interface, "-Q", direction, "--immediate-mode"]);
        command
            .args(["-Z", "root", "-U", "-s", "2000", "-w", "-", what])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (sender, frames) = channel();
        thread::spawn(move || {
            let mut stdout = BufReader::new(stdout);
            let mut header = [0; 24];
            stdout.read_exact(&mut header).unwrap();
            while let Some(frame) = record(&mut stdout) {
                if sender.send(frame).is_err() {
                    break;
                }
            }
        });
        let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
        assert!(lines.any(|line| line.contains("listening on")), "tcpdump did not start");
        // Whatever else it says must not fill the pipe.
        thread::spawn(move || lines.for_each(drop));
        Self { child, frames }
    }

    /// Waits for the next frame.
    pub(crate) fn next(&self) -> Vec<u8> {
        self.frames.recv_timeout(PATIENCE).expect("nothing was captured")
    }

    /// Tells what has been captured by now.
    pub(crate) fn so_far(&self) -> Vec<Vec<u8>> {
        self.frames.try_iter().collect()
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Begins a command line that runs here.
pub(crate) fn here() -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    command
}

fn record(stdout: &mut impl Read) -> Option<Vec<u8>> {
    let mut header = [0; 16];
    stdout.read_exact(&mut header).ok()?;
    let length = u32::from_ne_bytes(header[8..12].try_into().unwrap());
    let mut frame = vec![0; length as usize];
    stdout.read_exact(&mut frame).ok()?;
    Some(frame)
}

/// Joins this machine (v0: 10.99.0.1, fd99::1) to another (v1: 10.99.0.2, fd99::2).
pub(crate) fn join(other: &Machine) {
    let id = other.id();
    run("ip link set lo up");
    run(&format!("ip link add v0 type veth peer name v1 netns {id}"));
    run("ip addr add 10.99.0.1/24 dev v0 && ip addr add fd99::1/64 dev v0 nodad");
    run("ip link set v0 up");
    other.run("ip addr add 10.99.0.2/24 dev v1 && ip addr add fd99::2/64 dev v1 nodad");
    other.run("ip link set v1 up");
}

/// Reads an address.
pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Sends one packet at once.
pub(crate) fn send(link: &mut impl Link, packet: &[u8]) {
    link.slot().unwrap()[..packet.len()].copy_from_slice(packet);
    link.commit(packet.len()).unwrap();
    link.flush().unwrap();
}

/// Receives until a packet satisfies `wanted`; gives all bytes of the frame, and its offload.
pub(crate) fn hear(
    link: &mut impl Link,
    wanted: impl Fn(&[u8]) -> bool,
) -> (Vec<u8>, tcpexposure_core::wire::packet::Offload) {
    let deadline = link.now().after(PATIENCE);
    while link.now() < deadline {
        if let Some(frame) = link.recv(deadline).unwrap() {
            assert!(frame.wire_len >= frame.bytes.len());
            assert!(frame.time > Instant::ZERO && frame.time < deadline);
            if wanted(frame.bytes) {
                return (frame.bytes.to_vec(), frame.offload);
            }
        }
    }
    panic!("what was wanted was never heard");
}

/// Makes an IP packet with a TCP segment, whose checksums are right.
pub(crate) fn segment(
    from: (IpAddr, u16),
    to: (IpAddr, u16),
    flags: u8,
    options: &[u8],
) -> Vec<u8> {
    let length = 20 + options.len();
    let mut tcp = [from.1.to_be_bytes(), to.1.to_be_bytes()].concat();
    tcp.extend([0x01, 0x02, 0x03, 0x04, 0, 0, 0, 0, (length as u8 / 4) << 4, flags]);
    tcp.extend([0xfa, 0xf0, 0, 0, 0, 0]);
    tcp.extend(options);
    let sum = Sum::new().pseudo(from.0, to.0, 6, length).feed(&tcp).finish();
    tcp[16..18].copy_from_slice(&sum.to_be_bytes());
    [header(from.0, to.0, &[], length), tcp].concat()
}

/// Makes an IP header, with options in IPv4.
pub(crate) fn header(from: IpAddr, to: IpAddr, options: &[u8], length: usize) -> Vec<u8> {
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let own = 20 + options.len();
            let mut header = vec![0x40 + (own / 4) as u8, 0];
            header.extend(((own + length) as u16).to_be_bytes());
            header.extend([0x12, 0x34, 0x40, 0, 64, 6, 0, 0]);
            header.extend([from.octets(), to.octets()].concat());
            header.extend(options);
            seal(&mut header);
            header
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let mut header = vec![0x60, 0, 0, 0];
            header.extend((length as u16).to_be_bytes());
            header.extend([6, 64]);
            header.extend([from.octets(), to.octets()].concat());
            header
        }
        _ => panic!("two families"),
    }
}

/// Puts the right checksum into an IPv4 packet's header.
pub(crate) fn seal(packet: &mut [u8]) {
    let own = usize::from(packet[0] & 15) * 4;
    packet[10..12].fill(0);
    let sum = Sum::new().feed(&packet[..own]).finish();
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
}

/// The bytes of an IP packet behind an Ethernet header.
pub(crate) fn strip(frame: &[u8]) -> &[u8] {
    &frame[14..]
}

/// Tells source port, destination port and flags of a TCP packet, if it is one.
pub(crate) fn tcp(packet: &[u8]) -> Option<(u16, u16, u8)> {
    let at = match packet[0] >> 4 {
        4 if packet[9] == 6 => usize::from(packet[0] & 15) * 4,
        6 if packet[6] == 6 => 40,
        _ => return None,
    };
    let port = |at: usize| u16::from_be_bytes([packet[at], packet[at + 1]]);
    Some((port(at), port(at + 2), packet[at + 13]))
}

/// Flags.
pub(crate) const SYN: u8 = 2;
/// Flags.
pub(crate) const RST: u8 = 4;
/// Flags.
pub(crate) const SYN_ACK: u8 = 0x12;
/// Flags.
pub(crate) const RST_ACK: u8 = 0x14;

const INSIDE: &str = "TCPEXPOSURE_TEST_INSIDE";
const ARGUMENT: &str = "TCPEXPOSURE_TEST_ARGUMENT";
