//! TCP headers, read into the form that a library owns, and written back.

use std::{
    fmt::Write as _,
    panic::{self, AssertUnwindSafe},
};

use etherparse::TcpHeader;
use pnet_packet::{
    FromPacket,
    tcp::{MutableTcpPacket, TcpPacket},
};
use smoltcp::{
    phy::ChecksumCapabilities,
    wire::{IpAddress, TcpPacket as Segment, TcpRepr},
};
use tcpexposure_core::{craft::Draft, wire::packet::Packet};

use super::classes::{self, Frame};

/// The classes whose headers are written back.
const CLASSES: [&str; 6] = [
    "valid IPv4",
    "odd flags, ports and reserved bits",
    "an option length changed",
    "random options",
    "data offset below 5",
    "data offset beyond the segment",
];
const ROUNDS: usize = 10_000;
const SEED: u64 = 0x7ead;

/// Reads a header and writes it back.
type Writer = (&'static str, fn(&[u8]) -> Option<Vec<u8>>);

const WRITERS: [Writer; 4] = [
    ("tcpexposure Draft", ours),
    ("etherparse TcpHeader", etherparse),
    ("smoltcp TcpRepr", smoltcp),
    ("pnet_packet Tcp", pnet),
];

pub(crate) fn document() -> String {
    let mut rows = vec![vec![[0; 3]; WRITERS.len()]; CLASSES.len()];
    classes::each(SEED, ROUNDS, |class, frame| {
        if let Some(row) = CLASSES.iter().position(|name| *name == class) {
            let header = header(frame);
            for (writer, counts) in WRITERS.iter().zip(&mut rows[row]) {
                counts[outcome(*writer, &header)] += 1;
            }
        }
    });
    check(&rows);
    let total = ROUNDS * CLASSES.len();
    let mut text = format!(
        "\n## {total} TCP headers, read and written back\n\nHow many are the same bytes after they \
         went through the form that each library owns; in brackets how many make it panic.\n\n\
         | class of {ROUNDS} |"
    );
    for (name, _) in WRITERS {
        write!(text, " {name} |").unwrap();
    }
    write!(text, "\n|---|{}\n", "---:|".repeat(WRITERS.len())).unwrap();
    for (class, row) in CLASSES.iter().zip(&rows) {
        write!(text, "| {class} |").unwrap();
        for [same, _, panics] in row {
            write!(text, " {same}").unwrap();
            if *panics > 0 {
                write!(text, " ({panics})").unwrap();
            }
            text.push_str(" |");
        }
        text.push('\n');
    }
    text
}

/// Ours are all the same; of every peer's, those of at least one class are not.
fn check(rows: &[Vec<[usize; 3]>]) {
    for (class, row) in CLASSES.iter().zip(rows) {
        assert_eq!(row[0], [ROUNDS, 0, 0], "{class}");
    }
    for (index, (name, _)) in WRITERS.iter().enumerate().skip(1) {
        assert!(rows.iter().any(|row| row[index][0] < ROUNDS), "{name}");
    }
}

/// Takes the TCP header out of a frame: as much as is there of what it declares.
fn header(frame: &Frame) -> Vec<u8> {
    let packet = &frame.bytes[14..];
    let start = if packet[0] >> 4 == 6 { 40 } else { 20 };
    let segment = &packet[start..];
    let declared = usize::from(segment[12] >> 4) * 4;
    segment[..declared.clamp(20, segment.len())].to_vec()
}

/// Tells whether the bytes are the same (0), differ or are refused (1), or make it panic (2).
fn outcome(writer: Writer, header: &[u8]) -> usize {
    match panic::catch_unwind(AssertUnwindSafe(|| writer.1(header))) {
        Ok(Some(written)) if written == header => 0,
        Ok(_) => 1,
        Err(_) => 2,
    }
}

fn ours(header: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(20 + header.len()).ok()?.to_be_bytes();
    let ip = [0x45, 0, length[0], length[1], 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    let bytes = [&ip[..], header].concat();
    let draft = Draft::of(&Packet::from_ip(&bytes))?;
    Some(draft.write(&mut [0; 200]).ok()?[20..].to_vec())
}

fn etherparse(header: &[u8]) -> Option<Vec<u8>> {
    let (header, _) = TcpHeader::from_slice(header).ok()?;
    Some(header.to_bytes().to_vec())
}

fn smoltcp(header: &[u8]) -> Option<Vec<u8>> {
    let (from, to) = (IpAddress::v4(10, 0, 0, 1), IpAddress::v4(10, 0, 0, 2));
    let ignored = ChecksumCapabilities::ignored();
    let segment = Segment::new_checked(header).ok()?;
    let repr = TcpRepr::parse(&segment, &from, &to, &ignored).ok()?;
    let mut written = vec![0; repr.buffer_len()];
    let mut out = Segment::new_unchecked(&mut written[..]);
    repr.emit(&mut out, &from, &to, &ignored);
    // It leaves the checksum to the network card: take the one that was there.
    out.set_checksum(segment.checksum());
    Some(written)
}

fn pnet(header: &[u8]) -> Option<Vec<u8>> {
    let tcp = TcpPacket::new(header)?.from_packet();
    let mut written = vec![0; header.len()];
    MutableTcpPacket::new(&mut written)?.populate(&tcp);
    Some(written)
}
