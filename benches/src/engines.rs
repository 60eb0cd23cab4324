//! What writes packets, answers them and puts them into words.

use std::{hint::black_box, net::Ipv4Addr};

use smoltcp::{
    phy::ChecksumCapabilities,
    wire::{IpProtocol, Ipv4Packet, Ipv4Repr, TcpControl, TcpPacket, TcpRepr, TcpSeqNumber},
};
use tcpexposure_core::{
    craft::{Draft, Ipv4, Network},
    engine::{Engine, SLOT, Step},
    experiment::{Config, Dialect, Event, Peer, Ports, Selection, Suite},
    respond::{self, Responder, siphash::Key},
    summary::{self, Relative, Style},
    time::Instant,
    wire::{
        packet::{Offload, Packet, Start},
        tcp::{Flags, Seq},
    },
};
use tcpexposure_link::Link;
use tcpexposure_sim::Sim;

use crate::{
    race::{Race, Role},
    trace::Trace,
};

/// Makes the races.
#[must_use]
pub fn races() -> Vec<Race> {
    vec![craft(), line(), answer(), suite()]
}

const SOURCE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const DESTINATION: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 2);

/// A SYN with a maximum segment size, every field set and both checksums computed.
fn craft() -> Race {
    let (mut ours, mut smoltcp, mut etherparse) = ([0; 64], [0; 64], [0; 64]);
    Race::new("craft", "SYN, 44 B", 1, 44)
        .with("tcpexposure", Role::Ours, move || {
            let network =
                Network::V4(Ipv4 { source: SOURCE, destination: DESTINATION, ..Ipv4::default() });
            let draft = Draft {
                network: black_box(network),
                source_port: 40000,
                destination_port: 443,
                seq: Seq(7),
                flags: Flags::SYN,
                window: 64240,
                options: &[2, 4, 5, 0xb4],
                ..Draft::default()
            };
            sum(draft.write(black_box(&mut ours)).unwrap_or_default())
        })
        .with("smoltcp", Role::Peer, move || sum(smoltcp_syn(black_box(&mut smoltcp))))
        .with("etherparse", Role::Peer, move || {
            let (source, destination) = black_box((SOURCE, DESTINATION));
            let length = etherparse::PacketBuilder::ipv4(source.octets(), destination.octets(), 64)
                .tcp(40000, 443, 7, 64240)
                .syn()
                .options_raw(&[2, 4, 5, 0xb4])
                .expect("options that fit")
                .write_to_slice(black_box(&mut etherparse), &[])
                .expect("room");
            sum(&etherparse[..length])
        })
}

fn smoltcp_syn(buffer: &mut [u8; 64]) -> &[u8] {
    let tcp = TcpRepr {
        src_port: 40000,
        dst_port: 443,
        control: TcpControl::Syn,
        seq_number: TcpSeqNumber(7),
        ack_number: None,
        window_len: 64240,
        window_scale: None,
        max_seg_size: Some(1460),
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: &[],
    };
    let (source, destination) = black_box((SOURCE, DESTINATION));
    let ip = Ipv4Repr {
        src_addr: source,
        dst_addr: destination,
        next_header: IpProtocol::Tcp,
        payload_len: tcp.buffer_len(),
        hop_limit: 64,
    };
    let whole = ip.buffer_len() + tcp.buffer_len();
    let checksums = ChecksumCapabilities::default();
    let mut packet = Ipv4Packet::new_unchecked(&mut buffer[..whole]);
    ip.emit(&mut packet, &checksums);
    let mut segment = TcpPacket::new_unchecked(packet.payload_mut());
    tcp.emit(&mut segment, &source.into(), &destination.into(), &checksums);
    &buffer[..whole]
}

/// Sums both checksums and the length, which differ where any byte does.
fn sum(packet: &[u8]) -> u64 {
    let word = |at: usize| u64::from(u16::from_be_bytes([packet[at], packet[at + 1]]));
    word(10) << 32 | word(36) << 16 | packet.len() as u64
}

/// The line of tcpdump for each packet of the mixed trace.
fn line() -> Race {
    let trace = &*Box::leak(Box::new(Trace::all().swap_remove(0)));
    let mut text = String::with_capacity(1024);
    Race::new("line", "mixed", trace.frames.len() as u64, trace.bytes()).with(
        "tcpexposure",
        Role::Ours,
        move || {
            let mut length = 0;
            for frame in black_box(&trace.frames) {
                let packet = Packet::parse(Start::Ethernet, frame, frame.len(), Offload::default());
                text.clear();
                let base = Relative::default();
                let _ = summary::line(&mut text, &packet, &Style::default(), base);
                length += black_box(&text).len() as u64;
            }
            length
        },
    )
}

/// The modern responder's answer to a SYN, from parsed bytes to bytes.
fn answer() -> Race {
    let ports = respond::Ports::new(&[443]).expect("one port");
    let mut responder = Responder::new(respond::Config::modern(ports, Key::new([7; 16])));
    let trace = Trace::all().into_iter().find(|trace| trace.name == "SYN").expect("a trace");
    let bytes = trace.bytes();
    let mut slot = [0; SLOT];
    Race::new("answer", "SYN", trace.frames.len() as u64, bytes).with(
        "tcpexposure",
        Role::Ours,
        move || {
            let mut sent = 0;
            for frame in black_box(&trace.frames) {
                let packet = Packet::parse(Start::Ethernet, frame, frame.len(), Offload::default());
                responder.handle(Instant::ZERO, &packet);
                while let Step::Send(length) = responder.poll(Instant::ZERO, &mut slot) {
                    sent += black_box(&slot[..length]).len() as u64;
                }
            }
            sent
        },
    )
}

/// All 43 entries against our own responder over a path without delay.
fn suite() -> Race {
    Race::new("suite", "simulated", 1, 0).with("tcpexposure", Role::Ours, || {
        let ports = respond::Ports::new(&[34343]).expect("one port");
        let responder = Responder::new(respond::Config::modern(ports, Key::new([7; 16])));
        let mut sim = Sim::new(responder, 1);
        let mut suite = Suite::<8>::new(Config {
            target: [192, 0, 2, 2].into(),
            port: 34343,
            source: [192, 0, 2, 1].into(),
            ports: Ports { first: 20000, count: Ports::WANTED },
            dialect: Dialect::Modern43,
            http: None,
            entries: Selection::ALL,
            peer: Peer::Unknown,
            seed: 1,
        });
        loop {
            let now = sim.now();
            match suite.poll(now, sim.slot().expect("a slot")) {
                Step::Send(length) => sim.commit(length).expect("a path"),
                Step::Emit(Event::Summary(summary)) => return summary.packets,
                Step::Emit(_) => {}
                Step::Wait(until) => {
                    if let Some(frame) = sim.recv(until).expect("a path") {
                        suite.handle(frame.time, &Packet::from_ip(frame.bytes));
                    }
                }
                Step::Done => return 0,
            }
        }
    })
}
