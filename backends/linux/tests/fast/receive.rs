//! The ways to receive: each hears all of a burst, or says what it lost.

use std::time::Duration;

use tcpexposure_core::wire::packet::Checksummed;
use tcpexposure_link::Link;
use tcpexposure_linux::{
    Interest, Options, ReceiveLink, Reception, Transmit, open_receive, open_transmit,
};

use crate::{
    PAIRS,
    lab::{
        self, Capture, Machine, RST, SYN, SYN_ACK, argument, hear, ip, isolated, join, segment,
        strip, tcp,
    },
};

const WAYS: [(Reception, &str); 3] = [
    (Reception::Message, "hearing v0 by messages"),
    (Reception::Ring, "hearing v0 by a mapped ring"),
    (Reception::Xdp, "hearing v0 by AF_XDP in the driver"),
];

/// How many packets are a burst.
const BURST: u64 = 100_000;
/// How long nothing comes when all has come.
const QUIET: Duration = Duration::from_secs(1);
/// Our port in these tests.
const PORT: u16 = 40030;

fn open(them: &str, reception: Reception) -> ReceiveLink {
    let interest = Some(Interest { peers: Vec::new(), ports: vec![PORT..=PORT] });
    open_receive(ip(them), &Options { interest, reception, ..<_>::default() }).unwrap()
}

#[test]
fn a_burst_is_heard_or_its_loss_is_told() {
    isolated("receive::a_burst_is_heard_or_its_loss_is_told", || {
        let peer = Machine::new();
        join(&peer);
        let _guard = tcpexposure_linux::Guard::new(Some(PORT)).unwrap();
        for (way, description) in WAYS {
            for (us, them) in PAIRS {
                let mut link = open(them, way);
                assert_eq!(link.description(), description);
                let _helper = peer.help("receive::helper_bursts", &format!("{us} {them}"));
                let mut heard = 0;
                let mut deadline = link.now().after(lab::PATIENCE);
                while let Some(frame) = link.recv(deadline).unwrap() {
                    assert_eq!(tcp(strip(frame.bytes)), Some((80, PORT, SYN_ACK)));
                    heard += 1;
                    deadline = link.now().after(QUIET);
                }
                let counts = link.statistics().unwrap();
                let [received, dropped, missed] =
                    [counts.received, counts.dropped, counts.missed].map(Option::unwrap);
                assert_eq!(heard, received, "{way:?} {counts:?}");
                assert_eq!(received + dropped + missed, BURST, "{way:?} {counts:?}");
                assert!(received > 0);
                eprintln!("{way:?} {us}: {counts:?}");
            }
        }
    });
}

#[test]
#[ignore = "a helper: sends a burst, and as many packets that nobody wants"]
fn helper_bursts() {
    let argument = argument();
    let (to, from) = argument.split_once(' ').unwrap();
    let mut link = open_transmit(ip(to), &Options::default(), Transmit::Ring).unwrap();
    println!("READY");
    let [wanted, other] =
        [PORT, PORT + 1].map(|port| segment((ip(from), 80), (ip(to), port), SYN_ACK, &[]));
    for number in 0..BURST {
        let packets = if number % 10 == 0 { &[&wanted, &other][..] } else { &[&wanted] };
        for packet in packets {
            link.slot().unwrap()[..packet.len()].copy_from_slice(packet);
            link.commit(packet.len()).unwrap();
        }
    }
    link.flush().unwrap();
    let counts = link.statistics().unwrap();
    assert_eq!(counts.sent, Some(BURST + BURST / 10));
    lab::linger();
}

#[test]
fn a_link_that_receives_does_not_send() {
    isolated("receive::a_link_that_receives_does_not_send", || {
        let peer = Machine::new();
        join(&peer);
        for (way, _) in WAYS {
            let mut link = open("10.99.0.2", way);
            assert!(link.slot().unwrap().len() >= 1500);
            let error = link.commit(40).unwrap_err();
            assert_eq!(error.to_string(), "cannot send on v0: this link only receives");
            let past = link.now();
            assert!(link.recv(past).unwrap().is_none());
        }
    });
}

/// Sends a frame from the other end, as it is written.
fn send_from(peer: &Machine, frame: &str) {
    let script = "import socket,sys\n\
        s=socket.socket(socket.AF_PACKET,socket.SOCK_RAW,0)\n\
        s.bind(('v1',0))\n\
        s.send(bytes.fromhex(sys.argv[1]))";
    let mut command = peer.enter();
    assert!(command.args(["python3", "-c", script, frame]).status().unwrap().success());
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn frames_by_any_way_are_the_same() {
    isolated("receive::frames_by_any_way_are_the_same", || {
        let peer = Machine::new();
        join(&peer);
        let packet = segment((ip("10.99.0.2"), 9), (ip("10.99.0.1"), PORT), SYN_ACK, &[1; 8]);
        for (way, _) in WAYS {
            let mut link = open("10.99.0.2", way);
            for tags in ["", "81002005"] {
                let frame = format!("ffffffffffff020000000009{tags}0800{}", hex(&packet));
                send_from(&peer, &frame);
                let (heard, _) = hear(&mut link, |bytes| bytes[6..12] == [2, 0, 0, 0, 0, 9]);
                assert_eq!(hex(&heard), frame, "{way:?}");
            }
        }
    });
}

#[test]
fn what_xdp_takes_the_kernel_does_not_answer() {
    isolated("receive::what_xdp_takes_the_kernel_does_not_answer", || {
        let peer = Machine::new();
        join(&peer);
        let mac = std::process::Command::new("sh")
            .args(["-c", "ip -br link show v0 | tr -s ' ' | cut -d' ' -f3 | tr -d :"])
            .output()
            .unwrap();
        let mac = String::from_utf8(mac.stdout).unwrap();
        for (us, them) in PAIRS {
            let mut link = open(them, Reception::Xdp);
            assert!(link.is_silent());
            let capture = Capture::start(Some(&peer), "v1", "in", "tcp or ip6 proto 6");
            let kind = if ip(us).is_ipv4() { "0800" } else { "86dd" };
            for port in [PORT, PORT + 1] {
                let packet = segment((ip(them), 80), (ip(us), port), SYN_ACK, &[]);
                send_from(&peer, &format!("{}020000000009{kind}{}", mac.trim(), hex(&packet)));
            }
            let (heard, _) = hear(&mut link, |_| true);
            assert_eq!(tcp(strip(&heard)), Some((80, PORT, SYN_ACK)));
            // The first answer is to what was not taken.
            assert_eq!(tcp(strip(&capture.next())), Some((PORT + 1, 80, RST)), "{us}");
            assert_eq!(link.statistics().unwrap().received, Some(1));
        }
    });
}

#[test]
fn a_checksum_left_to_a_card_is_told() {
    isolated("receive::a_checksum_left_to_a_card_is_told", || {
        let peer = Machine::new();
        join(&peer);
        let _server = peer.help("helper_listens", "");
        for (way, _) in WAYS {
            for (us, them) in PAIRS {
                let interest = Some(Interest { peers: Vec::new(), ports: vec![PORT..=PORT] });
                let options = Options { interest, reception: way, ..<_>::default() };
                let mut link = open_receive(ip(them), &options).unwrap();
                let mut out = open_transmit(ip(them), &options, Transmit::Mmsg).unwrap();
                let syn = segment((ip(us), PORT), (ip(them), 80), SYN, &[]);
                lab::send(&mut out, &syn);
                let (_, offload) =
                    hear(&mut link, |bytes| tcp(strip(bytes)) == Some((80, PORT, SYN_ACK)));
                assert_eq!(offload.checksum, Checksummed::Partial, "{way:?} {us}");
            }
        }
    });
}

#[test]
fn a_vanished_interface_ends_the_wait_for_a_ring() {
    isolated("receive::a_vanished_interface_ends_the_wait_for_a_ring", || {
        for fate in ["ip link del v0", "ip link set v0 down"] {
            let peer = Machine::new();
            join(&peer);
            for (way, _) in WAYS {
                let mut link = open("10.99.0.2", way);
                lab::run(fate);
                let deadline = link.now().after(lab::PATIENCE);
                let error = loop {
                    match link.recv(deadline) {
                        Ok(Some(_)) => {}
                        Ok(None) => panic!("nobody told"),
                        Err(error) => break error,
                    }
                };
                assert!(error.to_string().starts_with("cannot receive on v0"), "{error}");
                lab::run("ip link del v0 2>/dev/null; true");
                join(&peer);
            }
            lab::run("ip link del v0");
        }
    });
}
