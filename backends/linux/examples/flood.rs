//! Floods a responder with packets of all sorts from sources that never prove a handshake, counts
//! what comes back for each source, and fails where one got more bytes than it sent. For networks
//! of one's own, in namespaces: `.ci/flood` sets them up.
//!
//! `cargo run --release --example flood -- TARGET PORT [PACKETS A SECOND] [SECONDS]`

use std::{
    env, error,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    process::ExitCode,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    thread,
    time::Duration,
};

use tcpexposure_core::{
    craft::{Checksum, Draft, Ipv4, Network, Payload},
    engine::SLOT,
    wire::{
        ipv4,
        packet::Packet,
        tcp::{Flags, Seq},
    },
};
use tcpexposure_link::Link as _;
use tcpexposure_linux::{Options, Transmit, open_receive, open_transmit};

/// Bytes that each source has sent and got.
struct Ledger {
    sent: Vec<AtomicU64>,
    got: Vec<AtomicU64>,
}

/// What was asked for.
#[derive(Clone, Copy)]
struct Flood {
    target: IpAddr,
    port: u16,
    rate: u64,
    time: Duration,
}

/// A packet that is sent again and again, and the source that it names.
struct Shot {
    bytes: Vec<u8>,
    source: usize,
}

fn main() -> Result<ExitCode, Box<dyn error::Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [target, port, rest @ ..] = &arguments[..] else {
        return Err("say which target and port".into());
    };
    let number = |at: usize, other: u64| rest.get(at).map_or(Ok(other), |text| text.parse());
    let flood = Flood {
        target: target.parse()?,
        port: port.parse()?,
        rate: number(0, 200_000)?,
        time: Duration::from_secs(number(1, 5)?),
    };
    let ledger = Ledger { sent: zeroes(), got: zeroes() };
    let over = AtomicBool::new(false);
    let (answers, took) = thread::scope(|scope| -> Result<_, Box<dyn error::Error>> {
        let mut heard = open_receive(flood.target, &Options::default())?;
        let (ledger, over) = (&ledger, &over);
        let listener = scope.spawn(move || listen(&mut heard, &flood, ledger, over));
        let took = send(&flood, ledger);
        thread::sleep(Duration::from_secs(1));
        over.store(true, Relaxed);
        let answers = listener.join().map_err(|_| "the listener failed")??;
        Ok((answers, took?))
    })?;
    Ok(tell(&ledger, answers, took))
}

fn zeroes() -> Vec<AtomicU64> {
    (0..SOURCES).map(|_| AtomicU64::new(0)).collect()
}

/// Sends at the rate that was asked for, and tells how many packets went in what time.
fn send(flood: &Flood, ledger: &Ledger) -> Result<(u64, Duration), tcpexposure_link::Error> {
    let shots = shots(flood);
    let mut link = open_transmit(flood.target, &Options::default(), Transmit::Auto)?;
    eprintln!("{}, {} different packets", link.description(), shots.len());
    let begin = link.now();
    let mut count = 0;
    for shot in shots.iter().cycle() {
        if count % BATCH == 0 {
            link.flush()?;
            let due = Duration::from_secs_f64(count as f64 / flood.rate as f64);
            thread::sleep(due.saturating_sub(link.now().since(begin)));
            if link.now().since(begin) >= flood.time {
                break;
            }
        }
        link.slot()?[..shot.bytes.len()].copy_from_slice(&shot.bytes);
        link.commit(shot.bytes.len())?;
        ledger.sent[shot.source].fetch_add(shot.bytes.len() as u64, Relaxed);
        count += 1;
    }
    Ok((count, link.now().since(begin)))
}

/// Counts what comes for any of the sources, and tells how many packets did.
fn listen(
    link: &mut impl tcpexposure_link::Link,
    flood: &Flood,
    ledger: &Ledger,
    over: &AtomicBool,
) -> Result<u64, tcpexposure_link::Error> {
    let mut answers = 0;
    while !over.load(Relaxed) {
        let deadline = link.now().after(Duration::from_millis(100));
        let Some(frame) = link.recv(deadline)? else { continue };
        let packet = Packet::parse(frame.start, frame.bytes, frame.wire_len, frame.offload);
        let ends = packet.addresses().filter(|(from, _)| *from == flood.target);
        if let Some(source) = ends.and_then(|(_, to)| place(to)) {
            let length = frame.wire_len - (frame.bytes.len() - ip(frame.bytes).len());
            ledger.got[source].fetch_add(length as u64, Relaxed);
            answers += 1;
        }
    }
    Ok(answers)
}

/// Takes off the Ethernet header.
fn ip(frame: &[u8]) -> &[u8] {
    frame.get(14..).unwrap_or_default()
}

fn tell(ledger: &Ledger, answers: u64, (count, took): (u64, Duration)) -> ExitCode {
    let bytes = |column: &[AtomicU64]| column.iter().map(|each| each.load(Relaxed)).sum::<u64>();
    let rows = ledger.sent.iter().zip(&ledger.got);
    let rows = rows.map(|(sent, got)| (sent.load(Relaxed), got.load(Relaxed)));
    let most = rows.clone().map(|(sent, got)| got as f64 / sent.max(1) as f64).fold(0., f64::max);
    println!(
        "{count} packets in {:.1} s: {:.0} a second, {} bytes; {answers} answers, {} bytes; \
         at most {most:.3} bytes for each that a source sent",
        took.as_secs_f64(),
        count as f64 / took.as_secs_f64(),
        bytes(&ledger.sent),
        bytes(&ledger.got),
    );
    let mut greedy = rows.enumerate().filter(|(_, (sent, got))| got > sent).peekable();
    let failed = greedy.peek().is_some() || answers == 0;
    for (source, (sent, got)) in greedy.take(10) {
        println!("{} sent {sent} bytes and got {got}", address(source));
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Makes the packets: SYNs of all kinds, data that proves nothing, and what is no TCP at all.
fn shots(flood: &Flood) -> Vec<Shot> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    (0..SHOTS).map(|at| shot(flood, at, &mut random)).collect()
}

fn shot(flood: &Flood, at: usize, random: &mut Random) -> Shot {
    let half = SOURCES / 2;
    let index = random.below(half as u64) as usize;
    let source = if flood.target.is_ipv4() { index } else { half + index };
    let payload = vec![random.next() as u8 | 0x80; random.below(513) as usize];
    let options = OPTIONS[random.below(OPTIONS.len() as u64) as usize];
    let network = Network::between(address(source), flood.target).expect("two of one family");
    let mut draft = Draft {
        network,
        source_port: 1024 | random.next() as u16,
        destination_port: flood.port,
        seq: Seq(random.next() as u32),
        ack: Seq(random.next() as u32),
        window: random.next() as u16,
        flags: Flags::SYN,
        options,
        ..Draft::default()
    };
    match at % 12 {
        0..4 => draft.ack = Seq(0),
        4 => draft.payload = Payload::Bytes(&payload),
        5 => (draft.flags, draft.payload) = (Flags::ACK, Payload::Bytes(&payload)),
        6 => draft.flags = Flags::from_bits(random.next() as u16 & 0xfff),
        7 => draft.checksum = Checksum::Forced(random.next() as u16),
        8 => draft.data_offset = Some(random.below(16) as u8),
        9 if flood.target.is_ipv4() => draft.network = damaged(network, random),
        _ => {}
    }
    let mut slot = [0; SLOT];
    let mut bytes = draft.write(&mut slot).expect("it fits").to_vec();
    match at % 12 {
        10 => bytes.truncate(1 + random.below(bytes.len() as u64) as usize),
        11 => {
            // The ends stay as they are, so that it comes to the port.
            let start = if flood.target.is_ipv4() { 24 } else { 44 };
            bytes[start..].iter_mut().for_each(|byte| *byte = random.next() as u8);
        }
        _ => {}
    }
    Shot { bytes, source }
}

/// Writes an IPv4 header that is not as it should be.
fn damaged<'a>(network: Network<'a>, random: &mut Random) -> Network<'a> {
    let Network::V4(header) = network else { return network };
    Network::V4(match random.below(4) {
        0 => Ipv4 { total_length: Some(random.next() as u16), ..header },
        1 => Ipv4 { flags: ipv4::Flags::MF, ..header },
        2 => Ipv4 { checksum: Checksum::Forced(random.next() as u16), ..header },
        _ => Ipv4 { ttl: 1, ..header },
    })
}

/// Tells the address of a source: the first half has IPv4, the second IPv6, each in a /64.
fn address(source: usize) -> IpAddr {
    let index = (source % (SOURCES / 2)) as u16;
    let [high, low] = index.to_be_bytes();
    if source < SOURCES / 2 {
        Ipv4Addr::new(10, 96, high, low).into()
    } else {
        Ipv6Addr::new(0xfd96, 0, 0, index, 0, 0, 0, 1).into()
    }
}

/// Tells which source has an address.
fn place(address: IpAddr) -> Option<usize> {
    match address {
        IpAddr::V4(address) => match address.octets() {
            [10, 96, high, low] => Some(u16::from_be_bytes([high, low]).into()),
            _ => None,
        },
        IpAddr::V6(address) => match address.segments() {
            [0xfd96, 0, 0, index, ..] => Some(SOURCES / 2 + usize::from(index)),
            _ => None,
        },
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, most: u64) -> u64 {
        self.next() % most
    }
}

/// The options of SYNs, right and wrong ones.
const OPTIONS: &[&[u8]] = &[
    &[],
    &[2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7],
    &[2, 4, 2, 0, 30, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    &[253, 12, 0x74, 0x58, 1, 2, 3, 4, 5, 6, 7, 8],
    &[8, 10, 0, 0, 0, 1, 0x80, 0, 0x12, 0x34, 1, 1],
    &[2, 0, 0, 0],
    &[8, 1, 2, 3],
    &[254, 40, 1, 1],
    &[34, 2, 1, 1],
];
/// How many sources there are, of both families.
const SOURCES: usize = 1 << 17;
/// How many different packets there are.
const SHOTS: usize = 12 * 8192;
/// How many packets are sent in one go.
const BATCH: u64 = 64;
