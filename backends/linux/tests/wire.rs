//! The link on real wires: every test in network namespaces of its own.
#![cfg(target_os = "linux")]

mod lab;
#[path = "fast/live.rs"]
mod live;
#[path = "fast/receive.rs"]
mod receive;
#[path = "fast/transmit.rs"]
mod transmit;
#[path = "fast/tun.rs"]
mod tun;

use std::{
    io::Read,
    net::{IpAddr, TcpListener},
    time::Duration,
};

use lab::{
    Capture, Helper, Machine, RST, RST_ACK, SYN, SYN_ACK, argument, header, hear, here, ip,
    isolated, join, lacking, linger, run, seal, segment, send, strip, tcp, without,
};
use tcpexposure_core::{time::Instant, wire::packet::Checksummed};
use tcpexposure_link::{Cause, Link};
use tcpexposure_linux::{
    Backend, Guard, Interest, LinuxLink, Options, Route, choose::Way, listen, open,
};

const PAIRS: [(&str, &str); 2] = [("10.99.0.1", "10.99.0.2"), ("fd99::1", "fd99::2")];

/// IP, but for what IPv6 has to say of itself (neighbours, multicast groups).
const IP: &str = "ip or (ip6 and ip6[6] != 58 and ip6[6] != 0)";

/// Packets that a kernel would not send: (what is odd, bytes).
fn odd(from: IpAddr, to: IpAddr) -> Vec<(&'static str, Vec<u8>)> {
    let make = |options: &[u8]| segment((from, 40001), (to, 9), SYN, options);
    let at = if from.is_ipv4() { 20 } else { 40 };
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut packet = make(&[]);
        change(&mut packet);
        packet
    };
    let mut packets = vec![
        ("nothing", make(&[])),
        ("unknown option", make(&[253, 4, 0xaa, 0xbb])),
        ("option of length 0", make(&[254, 0, 0, 0])),
        ("wrong checksum", with(&|packet| packet[at + 16] ^= 0x55)),
        ("data offset 4", with(&|packet| packet[at + 12] = 0x40)),
        ("data offset 15", with(&|packet| packet[at + 12] = 0xf0)),
        ("reserved bits", with(&|packet| packet[at + 12] |= 0x0f)),
        ("no TCP header at all", with(&|packet| packet.truncate(at + 3))),
    ];
    if from.is_ipv4() {
        let sealed = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut packet = with(change);
            seal(&mut packet);
            packet
        };
        let router_alert = [header(from, to, &[0x94, 4, 0, 0], 20), make(&[])[20..].to_vec()];
        packets.extend([
            ("IP options", router_alert.concat()),
            ("evil bit", sealed(&|packet| packet[6] |= 0x80)),
            ("fragment", sealed(&|packet| packet[6..8].copy_from_slice(&[0x20, 3]))),
            ("id 0 with DF", sealed(&|packet| packet[4..6].fill(0))),
            ("id 0 without DF", sealed(&|packet| packet[4..8].fill(0))),
            ("source 0.0.0.0", sealed(&|packet| packet[12..16].fill(0))),
            ("total length", sealed(&|packet| packet[3] += 9)),
            ("IP checksum", with(&|packet| packet[10] ^= 1)),
            ("header length 4", with(&|packet| packet[0] = 0x44)),
            ("version 9", with(&|packet| packet[0] = 0x95)),
        ]);
    } else {
        packets.extend([
            ("payload length", with(&|packet| packet[5] += 9)),
            ("flow label", with(&|packet| packet[1..4].copy_from_slice(&[0xff, 0xff, 0xff]))),
            ("hop limit 0", with(&|packet| packet[7] = 0)),
            ("spoofed source", with(&|packet| packet[20] ^= 0x77)),
        ]);
    }
    packets
}

/// What Ethernet pads is behind the packet; veth does not pad.
fn expect(capture: &Capture, what: &str, packet: &[u8]) {
    assert_eq!(strip(&capture.next()), packet, "{what}");
}

#[test]
fn odd_packets_arrive_byte_for_byte() {
    isolated("odd_packets_arrive_byte_for_byte", || {
        let peer = Machine::new();
        join(&peer);
        for (us, them) in PAIRS {
            let mut link = open(ip(them), &Options::default()).unwrap();
            assert_eq!(link.source(), ip(us));
            assert!(link.description().starts_with("packet socket on v0, next hop"));
            let capture = Capture::start(Some(&peer), "v1", "in", IP);
            for (what, packet) in odd(ip(us), ip(them)) {
                assert_eq!(link.choice(&packet).unwrap().way, Way::Packet, "{what}");
                send(&mut link, &packet);
                expect(&capture, what, &packet);
            }
        }
    });
}

#[test]
fn a_raw_socket_sends_what_it_can_and_refuses_the_rest() {
    isolated("a_raw_socket_sends_what_it_can_and_refuses_the_rest", || {
        let peer = Machine::new();
        join(&peer);
        for (us, them) in PAIRS {
            let options = Options { backend: Backend::Raw, ..Options::default() };
            let mut link = open(ip(them), &options).unwrap();
            let capture = Capture::start(Some(&peer), "v1", "in", IP);
            let mut refused = Vec::new();
            for (what, packet) in odd(ip(us), ip(them)) {
                link.slot().unwrap()[..packet.len()].copy_from_slice(&packet);
                match link.commit(packet.len()) {
                    Ok(()) => {
                        link.flush().unwrap();
                        expect(&capture, what, &packet);
                    }
                    Err(error) => {
                        assert!(matches!(error.cause, Cause::Unsupported(_)), "{what}: {error}");
                        refused.push(what);
                    }
                }
            }
            let v4 = vec![
                "no TCP header at all",
                "id 0 without DF",
                "source 0.0.0.0",
                "total length",
                "IP checksum",
                "header length 4",
                "version 9",
            ];
            assert_eq!(refused, if ip(us).is_ipv4() { v4 } else { vec![] });
        }
    });
}

#[test]
fn a_batch_goes_out_in_order() {
    isolated("a_batch_goes_out_in_order", || {
        let peer = Machine::new();
        join(&peer);
        for backend in [Backend::Packet, Backend::Raw] {
            let mut link = open(ip("10.99.0.2"), &Options { backend, ..<_>::default() }).unwrap();
            let capture = Capture::start(Some(&peer), "v1", "in", "tcp");
            let packets: Vec<_> = (0..500)
                .map(|n| segment((link.source(), 1000 + n), (ip("10.99.0.2"), 9), RST, &[]))
                .collect();
            for packet in &packets {
                link.slot().unwrap()[..packet.len()].copy_from_slice(packet);
                link.commit(packet.len()).unwrap();
            }
            link.flush().unwrap();
            for (number, packet) in packets.iter().enumerate() {
                expect(&capture, &number.to_string(), packet);
            }
        }
    });
}

/// Sends a SYN to a closed port, and waits for the reset.
fn knock(link: &mut LinuxLink, target: IpAddr, port: u16) -> Vec<u8> {
    let packet = segment((link.source(), port), (target, 9), SYN, &[2, 4, 5, 0xb4]);
    send(link, &packet);
    let skip = if link.interface().is_none() { 0 } else { 14 };
    hear(link, |frame| tcp(&frame[skip..]) == Some((9, port, RST_ACK))).0
}

#[test]
fn answers_are_heard_on_the_link_through_a_router_and_on_loopback() {
    isolated("answers_are_heard_on_the_link_through_a_router_and_on_loopback", || {
        let (router, far) = (Machine::new(), Machine::new());
        join(&router);
        router.run("echo 1 >/proc/sys/net/ipv4/ip_forward");
        router.run("echo 1 >/proc/sys/net/ipv6/conf/all/forwarding");
        router.run(&format!("ip link add w0 type veth peer name w1 netns {}", far.id()));
        router.run("ip addr add 10.98.0.1/24 dev w0; ip addr add fd98::1/64 dev w0 nodad");
        router.run("ip link set w0 up");
        far.run("ip addr add 10.98.0.2/24 dev w1; ip addr add fd98::2/64 dev w1 nodad");
        far.run("ip link set w1 up; ip route add default via 10.98.0.1");
        far.run("ip route add default via fd98::1");
        run("ip route add 10.98.0.0/24 via inet6 fd99::2 dev v0 mtu 1400");
        run("ip route add fd98::/64 via fd99::2");
        for (target, mtu) in [
            ("10.99.0.2", 1500),
            ("fd99::2", 1500),
            ("10.98.0.2", 1400),
            ("fd98::2", 1500),
            ("127.0.0.1", 65536),
            ("::1", 65536),
            ("10.99.0.1", 65536),
            ("fd99::1", 65536),
        ] {
            let target = ip(target);
            let mut link = open(target, &Options::default()).unwrap();
            assert_eq!(link.mtu(), mtu, "{target}");
            knock(&mut link, target, 40002);
            assert_eq!(link.drops(), 0);
        }
        let route = Route::look_up(ip("10.98.0.2"), None, None).unwrap();
        assert_eq!((route.gateway, route.source), (Some(ip("fd99::2")), Some(ip("10.99.0.1"))));
    });
}

#[test]
fn loopback_does_not_hand_back_what_we_send() {
    isolated("loopback_does_not_hand_back_what_we_send", || {
        run("ip link set lo up");
        for (target, backend) in [("127.0.0.1", Backend::Auto), ("::1", Backend::Packet)] {
            let target = ip(target);
            let mut link = open(target, &Options { backend, ..<_>::default() }).unwrap();
            let packet = segment((link.source(), 40003), (target, 9), SYN, &[]);
            send(&mut link, &packet);
            let (first, _) = hear(&mut link, |_| true);
            assert_eq!(tcp(strip(&first)), Some((9, 40003, RST_ACK)), "{target}");
        }
    });
}

#[test]
fn the_filter_passes_answers_only() {
    isolated("the_filter_passes_answers_only", || {
        let peer = Machine::new();
        join(&peer);
        for (_, them) in PAIRS {
            let them = ip(them);
            let interest = Interest { peers: vec![them], ports: vec![40004..=40004] };
            let options = Options { interest: Some(interest), ..Options::default() };
            let mut link = open(them, &options).unwrap();
            let other = segment((link.source(), 40005), (them, 9), SYN, &[]);
            send(&mut link, &other);
            let asked = segment((link.source(), 40004), (them, 9), SYN, &[]);
            send(&mut link, &asked);
            let (first, _) = hear(&mut link, |frame| tcp(strip(frame)).is_some());
            assert_eq!(tcp(strip(&first)), Some((9, 40004, RST_ACK)), "{them}");
            link.narrow(&Interest { peers: vec![them], ports: vec![40005..=40005] }).unwrap();
            send(&mut link, &asked);
            send(&mut link, &other);
            let (first, _) = hear(&mut link, |frame| tcp(strip(frame)).is_some());
            assert_eq!(tcp(strip(&first)), Some((9, 40005, RST_ACK)), "{them}");
        }
    });
}

#[test]
fn a_listener_hears_all_interfaces_and_answers() {
    isolated("a_listener_hears_all_interfaces_and_answers", || {
        let peer = Machine::new();
        join(&peer);
        for (us, them) in PAIRS {
            let mut link = listen(&Options::default()).unwrap();
            let capture = Capture::start(Some(&peer), "v1", "in", "tcp or ip6 proto 6");
            let helper = peer.help("helper_knocks", &format!("{us} {them}"));
            let (heard, _) = hear(&mut link, |packet| tcp(packet) == Some((40006, 81, SYN)));
            assert_eq!(heard, segment((ip(them), 40006), (ip(us), 81), SYN, &[]));
            let answer = segment((ip(us), 81), (ip(them), 40006), SYN_ACK, &[]);
            send(&mut link, &answer);
            // The kernel's own reset comes first.
            assert!((0..2).any(|_| strip(&capture.next()) == answer));
            drop(helper);
        }
    });
}

#[test]
#[ignore = "a helper: sends a SYN to 81 at its argument"]
fn helper_knocks() {
    let argument = argument();
    let (to, from) = argument.split_once(' ').unwrap();
    let mut link = open(ip(to), &Options::default()).unwrap();
    send(&mut link, &segment((ip(from), 40006), (ip(to), 81), SYN, &[]));
    println!("READY");
    linger();
}

#[test]
fn the_guarded_kernel_is_silent() {
    isolated("the_guarded_kernel_is_silent", || {
        let peer = Machine::new();
        join(&peer);
        let _server = peer.help("helper_listens", "");
        let capture = Capture::start(Some(&peer), "v1", "inout", "tcp or ip6 proto 6");
        for (_, them) in PAIRS {
            let guard = Guard::new(None).unwrap();
            assert!(guard.filtered() && guard.dual());
            stay_silent(&guard, ip(them));
            only_ours(&capture, guard.port());
            without("net_admin", "helper_guards", them);
            only_ours(&capture, 40007);
            // Without a guard, the kernel does answer.
            begin(ip(them), 40008);
            assert!(std::iter::from_fn(|| Some(capture.next())).any(|frame| {
                matches!(tcp(strip(&frame)), Some((40008, 80, flags)) if flags & RST != 0)
            }));
        }
    });
}

/// Sends a SYN, and gets the SYN-ACK.
fn begin(them: IpAddr, port: u16) -> LinuxLink {
    let mut link = open(them, &Options::default()).unwrap();
    let syn = segment((link.source(), port), (them, 80), SYN, &[]);
    send(&mut link, &syn);
    let (_, offload) = hear(&mut link, |frame| tcp(strip(frame)) == Some((80, port, SYN_ACK)));
    // A veth leaves the kernel's checksums to nobody.
    assert_eq!(offload.checksum, Checksummed::Partial);
    link
}

/// The peer says SYN-ACK twice, which it does only if there was no reset.
fn stay_silent(guard: &Guard, them: IpAddr) {
    let mut link = begin(them, guard.port());
    hear(&mut link, |frame| tcp(strip(frame)) == Some((80, guard.port(), SYN_ACK)));
}

fn only_ours(capture: &Capture, port: u16) {
    let frames: Vec<_> = capture.so_far().iter().filter_map(|frame| tcp(strip(frame))).collect();
    let ours = frames.iter().filter(|(from, ..)| *from == port);
    assert!(ours.clone().all(|(.., flags)| *flags == SYN), "{frames:?}");
    assert_eq!(ours.count(), 1, "{frames:?}");
    assert!(frames.iter().filter(|tcp| **tcp == (80, port, SYN_ACK)).count() >= 2, "{frames:?}");
}

#[test]
#[ignore = "a helper: runs without CAP_NET_ADMIN"]
fn helper_guards() {
    let guard = Guard::new(Some(40007)).unwrap();
    assert!(!guard.filtered());
    stay_silent(&guard, ip(&argument()));
}

#[test]
#[ignore = "a helper: a server whose kernel does everything"]
fn helper_listens() {
    let _listener = TcpListener::bind("[::]:80").unwrap();
    println!("READY");
    linger();
}

#[test]
fn whatever_comes_to_a_guarded_port_is_not_answered() {
    isolated("whatever_comes_to_a_guarded_port_is_not_answered", || {
        let peer = Machine::new();
        join(&peer);
        let capture = Capture::start(Some(&peer), "v1", "in", "tcp or ip6 proto 6");
        // Without the filter, a neighbour that sends with 255 is answered.
        for (command, hops) in [(here(), ["64", "255"]), (lacking("net_admin"), ["64", "254"])] {
            let holder = Helper::start(command, "helper_holds", "");
            for (us, them) in PAIRS {
                for hops in hops {
                    let argument = format!("{us} {them} {hops} {}", holder.said);
                    drop(peer.help("helper_provokes", &argument));
                    // The answer to the last packet, which is for a port without a guard.
                    let answer = tcp(strip(&capture.next()));
                    assert_eq!(answer, Some((UNGUARDED, 80, RST)), "{argument}");
                }
            }
        }
    });
}

#[test]
#[ignore = "a helper: sends what a kernel answers"]
fn helper_provokes() {
    let argument = argument();
    let mut words = argument.split(' ');
    let [us, them] = [(); 2].map(|()| ip(words.next().unwrap()));
    let hops: u8 = words.next().unwrap().parse().unwrap();
    let guarded: u16 = words.next().unwrap().parse().unwrap();
    let mut link = open(us, &Options::default()).unwrap();
    let make = |port, flags| {
        let mut packet = segment((them, 80), (us, port), flags, &[]);
        if us.is_ipv4() {
            packet[8] = hops;
            seal(&mut packet);
        } else {
            packet[7] = hops;
        }
        packet
    };
    for flags in [SYN_ACK, 0x10, 0x18, 0x11, 0x01, 0x00, SYN, 0x29] {
        send(&mut link, &make(guarded, flags));
        let mut wrong = make(guarded, flags);
        *wrong.last_mut().unwrap() ^= 1;
        send(&mut link, &wrong);
    }
    send(&mut link, &make(UNGUARDED, SYN_ACK));
    println!("READY");
}

/// A port that nobody has.
const UNGUARDED: u16 = 40099;

#[test]
fn a_killed_guard_leaves_nothing_behind() {
    isolated("a_killed_guard_leaves_nothing_behind", || {
        let machine = Machine::new();
        let helper = machine.help("helper_holds", "");
        machine.help("helper_is_refused", &helper.said);
        let port = helper.said.clone();
        helper.kill();
        assert_eq!(machine.help("helper_takes", &port).said, port);
    });
}

#[test]
#[ignore = "a helper: guards any port until it is killed"]
fn helper_holds() {
    let guard = Guard::new(None).unwrap();
    println!("READY {}", guard.port());
    linger();
}

#[test]
#[ignore = "a helper: cannot guard the port in its argument"]
fn helper_is_refused() {
    let error = Guard::new(Some(argument().parse().unwrap())).unwrap_err();
    assert!(error.to_string().contains("another program uses it"), "{error}");
    println!("READY");
}

#[test]
#[ignore = "a helper: guards the port in its argument"]
fn helper_takes() {
    println!("READY {}", Guard::new(Some(argument().parse().unwrap())).unwrap().port());
}

#[test]
fn failures_are_told_apart() {
    isolated("failures_are_told_apart", || {
        let peer = Machine::new();
        join(&peer);
        let on = |interface: &str| Options {
            interface: Some(interface.to_owned()),
            ..Options::default()
        };
        let cause = |target: &str, options: &Options| match open(ip(target), options) {
            Ok(link) => panic!("{target}: {}", link.description()),
            Err(error) => error.cause,
        };
        for target in ["192.0.2.1", "2001:db8::1"] {
            let none = cause(target, &Options::default());
            assert!(matches!(none, Cause::NoRoute(address) if address == ip(target)), "{none}");
        }
        run("ip route add unreachable 192.0.2.0/24; ip route add blackhole 198.51.100.0/24");
        run("ip route add unreachable 2001:db8::/32");
        for target in ["192.0.2.1", "198.51.100.1", "2001:db8::1"] {
            let none = cause(target, &Options::default());
            assert!(matches!(none, Cause::NoRoute(_)), "{target}: {none}");
        }
        let none = cause("10.99.0.2", &on("nosuch0"));
        assert!(matches!(none, Cause::NoInterface(_)), "{none}");
        run("ip link add down0 type veth peer name down1");
        let none = cause("10.99.0.2", &on("down0"));
        assert!(none.to_string().contains("is down"), "{none}");
        for target in ["224.0.0.1", "ff02::1", "255.255.255.255"] {
            let none = cause(target, &on("v0"));
            assert!(none.to_string().contains("not the address of one machine"), "{none}");
        }
        without("net_raw", "helper_has_no_privilege", "");
        let mut link = open(ip("10.99.0.2"), &Options::default()).unwrap();
        let error = link.commit(1501).unwrap_err();
        assert!(matches!(error.cause, Cause::TooLarge { size: 1501, most: 1500 }), "{error}");
    });
}

#[test]
#[ignore = "a helper: runs without CAP_NET_RAW"]
fn helper_has_no_privilege() {
    for target in ["10.99.0.2", "fd99::2", "127.0.0.1"] {
        for backend in [Backend::Auto, Backend::Raw, Backend::Packet] {
            let result = open(ip(target), &Options { backend, ..Options::default() });
            assert!(matches!(result.err().unwrap().cause, Cause::Privilege), "{target}");
        }
    }
}

#[test]
fn an_absent_neighbour_is_asked_for_and_nobody_else_is() {
    isolated("an_absent_neighbour_is_asked_for_and_nobody_else_is", || {
        let peer = Machine::new();
        join(&peer);
        run("ip route add 10.98.0.0/24 via 10.99.0.66");
        let capture = Capture::start(Some(&peer), "v1", "in", "arp or ip or ip6");
        for (target, next_hop) in [("10.99.0.77", "10.99.0.77"), ("10.98.0.1", "10.99.0.66")] {
            let error = open(ip(target), &Options::default()).err().unwrap();
            assert!(
                matches!(error.cause, Cause::NoNeighbour(hop) if hop == ip(next_hop)),
                "{error}"
            );
            let asked: Vec<_> = capture.so_far();
            assert!(asked.iter().filter(|frame| frame[12..14] == [8, 6]).count() >= 1);
            for frame in asked.iter().filter(|frame| frame[12..14] != [0x86, 0xdd]) {
                assert_eq!(frame[12..14], [8, 6], "only ARP");
                let IpAddr::V4(hop) = ip(next_hop) else { unreachable!() };
                assert_eq!(frame[38..42], hop.octets(), "only for the next hop");
            }
        }
        let error = open(ip("fd99::77"), &Options::default()).err().unwrap();
        assert!(matches!(error.cause, Cause::NoNeighbour(_)), "{error}");
        for frame in capture.so_far().iter().filter(|frame| frame[12..14] == [0x86, 0xdd]) {
            assert_eq!(strip(frame)[6], 58, "only neighbour discovery");
        }
        // Asked again when it has appeared, a failed entry does not stand in the way.
        peer.run("ip addr add 10.99.0.77/24 dev v1; ip addr add fd99::77/64 dev v1 nodad");
        for target in ["10.99.0.77", "fd99::77"] {
            knock(&mut open(ip(target), &Options::default()).unwrap(), ip(target), 40009);
        }
        // With its address given, nobody is asked.
        let options = Options { gateway_mac: Some([2, 0, 0, 0, 0, 9]), ..Options::default() };
        assert!(
            open(ip("10.99.0.88"), &options).unwrap().description().contains("02:00:00:00:00:09")
        );
    });
}

#[test]
fn a_spoofed_source_is_sent_from() {
    isolated("a_spoofed_source_is_sent_from", || {
        let peer = Machine::new();
        join(&peer);
        for (them, spoofed) in [("10.99.0.2", "192.0.2.77"), ("fd99::2", "2001:db8::77")] {
            let options = Options { source: Some(ip(spoofed)), ..Options::default() };
            let mut link = open(ip(them), &options).unwrap();
            assert_eq!(link.source(), ip(spoofed));
            let capture = Capture::start(Some(&peer), "v1", "in", "tcp or ip6 proto 6");
            let packet = segment((ip(spoofed), 40010), (ip(them), 9), SYN, &[]);
            send(&mut link, &packet);
            expect(&capture, spoofed, &packet);
        }
    });
}

#[test]
fn a_link_local_target_is_reached_on_a_named_interface() {
    isolated("a_link_local_target_is_reached_on_a_named_interface", || {
        let peer = Machine::new();
        join(&peer);
        run("ip addr add fe80::99:1/64 dev v0 nodad");
        peer.run("ip addr add fe80::99:2/64 dev v1 nodad");
        let target = ip("fe80::99:2");
        for backend in [Backend::Auto, Backend::Raw] {
            let interface = Some("v0".to_owned());
            let options = Options { interface, backend, ..Options::default() };
            let mut link = open(target, &options).unwrap();
            knock(&mut link, target, 40011);
        }
    });
}

#[test]
fn a_vlan_tag_is_put_back() {
    isolated("a_vlan_tag_is_put_back", || {
        let peer = Machine::new();
        join(&peer);
        let mut link = open(ip("10.99.0.2"), &Options::default()).unwrap();
        for tags in ["81002005", "88a8000981002005"] {
            let packet = segment((ip("10.99.0.2"), 40012), (ip("10.99.0.1"), 9), SYN, &[]);
            let mut frame = "ffffffffffff020000000009".to_owned() + tags + "0800";
            frame.extend(packet.iter().map(|byte| format!("{byte:02x}")));
            let script = "import socket,sys\n\
                s=socket.socket(socket.AF_PACKET,socket.SOCK_RAW,0)\n\
                s.bind(('v1',0))\n\
                s.send(bytes.fromhex(sys.argv[1]))";
            let mut command = peer.enter();
            assert!(command.args(["python3", "-c", script, &frame]).status().unwrap().success());
            let (heard, _) = hear(&mut link, |bytes| bytes[6..12] == [2, 0, 0, 0, 0, 9]);
            let heard: String = heard.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(heard, frame);
        }
    });
}

#[test]
fn a_vlan_interface_is_sent_on() {
    isolated("a_vlan_interface_is_sent_on", || {
        let peer = Machine::new();
        join(&peer);
        let add = "ip link add link v0 name v0.5 type vlan id 5 2>/dev/null";
        if !std::process::Command::new("sh").args(["-c", add]).status().unwrap().success() {
            return eprintln!("skipped: this kernel has no VLAN interfaces");
        }
        run("ip addr add 10.97.0.1/24 dev v0.5; ip link set v0.5 up");
        peer.run("ip link add link v1 name v1.5 type vlan id 5");
        peer.run("ip addr add 10.97.0.2/24 dev v1.5; ip link set v1.5 up");
        let target = ip("10.97.0.2");
        let mut link = open(target, &Options::default()).unwrap();
        let capture = Capture::start(Some(&peer), "v1", "in", "vlan 5 and tcp");
        knock(&mut link, target, 40013);
        assert_eq!(capture.next()[12..18], [0x81, 0, 0, 5, 8, 0]);
    });
}

#[test]
fn a_tun_interface_has_no_link_layer() {
    isolated("a_tun_interface_has_no_link_layer", || {
        // Holds the other end: prints what is sent, and sends back what it answers, swapped.
        let script = "import fcntl,os,struct,sys\n\
            fd=os.open('/dev/net/tun',os.O_RDWR)\n\
            fcntl.ioctl(fd,0x400454ca,struct.pack('16sH22x',b't0',0x1001))\n\
            os.system('ip addr add 10.96.0.1/24 dev t0; ip addr add fd96::1/64 dev t0 nodad')\n\
            os.system('ip link set t0 up')\n\
            print('READY',flush=True)\n\
            while True:\n\
            \x20p=os.read(fd,70000)\n\
            \x20if p[0]>>4==4 and p[9]==6: os.write(fd,p[:12]+p[16:20]+p[12:16]+p[20:])\n\
            \x20if p[0]>>4==6 and p[6]==6: os.write(fd,p[:8]+p[24:40]+p[8:24]+p[40:])\n";
        let mut child = std::process::Command::new("python3");
        let mut child =
            child.args(["-c", script]).stdout(std::process::Stdio::piped()).spawn().unwrap();
        let mut ready = [0; 5];
        if child.stdout.as_mut().unwrap().read_exact(&mut ready).is_err() {
            let why = "neither Python nor the right to /dev/net/tun is here";
            child.wait().unwrap();
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{why}");
            return eprintln!("skipped: {why}");
        }
        for (us, them) in [("10.96.0.1", "10.96.0.2"), ("fd96::1", "fd96::2")] {
            for backend in [Backend::Auto, Backend::Raw] {
                let interest = Some(Interest { peers: vec![ip(them)], ports: vec![9..=9] });
                let options = Options { backend, interest, ..Options::default() };
                let mut link = open(ip(them), &options).unwrap();
                let packet = segment((ip(us), 40014), (ip(them), 9), SYN, &[253, 4, 1, 2]);
                send(&mut link, &packet);
                let (heard, _) = hear(&mut link, |packet| tcp(packet).is_some());
                let at = if ip(us).is_ipv4() { 20 } else { 40 };
                assert_eq!(heard[at..], packet[at..], "{them} {backend:?}");
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
    });
}

#[test]
fn a_deadline_is_kept() {
    isolated("a_deadline_is_kept", || {
        run("ip link set lo up");
        let mut link = open(ip("127.0.0.1"), &Options::default()).unwrap();
        let start = link.now();
        let deadline = start.after(Duration::from_millis(50));
        assert!(link.recv(deadline).unwrap().is_none());
        assert!(link.now() >= deadline, "too early");
        assert!(link.now() < deadline.after(Duration::from_secs(5)), "too late");
        assert!(link.recv(Instant::ZERO).unwrap().is_none(), "a past deadline does not wait");
    });
}

#[test]
fn a_vanished_interface_ends_the_wait() {
    isolated("a_vanished_interface_ends_the_wait", || {
        let peer = Machine::new();
        join(&peer);
        let mut link = open(ip("10.99.0.2"), &Options::default()).unwrap();
        run("ip link del v0");
        let deadline = link.now().after(lab::PATIENCE);
        let error = loop {
            match link.recv(deadline) {
                Ok(Some(_)) => {}
                Ok(None) => panic!("nobody told"),
                Err(error) => break error,
            }
        };
        assert!(error.to_string().starts_with("cannot receive on v0"), "{error}");
    });
}
