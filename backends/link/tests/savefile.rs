//! Captures of all shapes, whole, cut and broken.

mod build;
mod props;

use build::Capture;
use props::{Sample, read};
use proptest::{collection::vec, option, prelude::*};
use tcpexposure_core::wire::packet::Start;
use tcpexposure_link::savefile::Format;

const SECOND: u64 = 1_000_000_000;

fn sections() -> Capture {
    let mut capture = Capture::pcapng(true);
    capture.interface(1, 0, &[(2, b"eth0"), (9, &[9])]);
    capture.interface(101, 3, &[(9, &[0x80 | 10]), (14, &[0, 0, 0, 0, 0, 0, 0, 5])]);
    capture.enhanced(0, 7 * SECOND + 1, b"first", 5);
    capture.enhanced(1, 3 * 1024 + 512, b"sec", 1400);
    capture.block(4, &[0; 8]); // names
    capture.simple(b"third", 5);
    capture.section(false);
    capture.interface(276, 3, &[]);
    capture.obsolete(0, 2_000_003, b"4", 1);
    capture.simple(b"fif", 5);
    capture
}

#[test]
fn pcap_in_both_byte_orders_and_both_units() {
    for (big, nanos) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut capture = Capture::pcap(big, nanos, 113);
        capture.packet(1_700_000_000, 999_999, b"abc", 3);
        capture.packet(u32::MAX, 5, b"", 60);
        let (kept, fault) = read(capture.bytes.as_slice());
        assert_eq!(fault, None);
        let unit = if nanos { 1 } else { 1000 };
        assert_eq!(kept[0].time, Some(1_700_000_000 * SECOND + 999_999 * unit));
        assert_eq!((kept[0].start, kept[0].bytes.as_slice()), (Some(Start::LinuxSll), &b"abc"[..]));
        assert_eq!(kept[1].time, Some(u64::from(u32::MAX) * SECOND + 5 * unit));
        assert_eq!((kept[1].wire_len, kept.len()), (60, 2));
    }
}

#[test]
fn pcapng_with_interfaces_and_sections() {
    let (kept, fault) = read(sections().bytes.as_slice());
    assert_eq!(fault, None);
    let rows: Vec<_> =
        kept.iter().map(|p| (p.time, p.start, p.bytes.as_slice(), p.wire_len)).collect();
    let wanted: [(_, _, &[u8], _); 5] = [
        (Some(7 * SECOND + 1), Some(Start::Ethernet), b"first", 5),
        (Some(8 * SECOND + SECOND / 2), Some(Start::Ip), b"sec", 1400),
        (None, Some(Start::Ethernet), b"third", 5),
        (Some(2_000_003_000), Some(Start::LinuxSll2), b"4", 1),
        (None, Some(Start::LinuxSll2), b"fif", 5),
    ];
    assert_eq!(rows, wanted);
}

#[test]
fn cut_at_every_byte() {
    let mut classic = Capture::pcap(false, false, 1);
    for data in [&b"one"[..], b"", b"three"] {
        classic.packet(1, 1, data, 1500);
    }
    for capture in [classic, sections()] {
        for end in 0..capture.bytes.len() {
            props::cut_anywhere(&capture.bytes, end);
            let (kept, fault) = read(&capture.bytes[..end]);
            let begun = capture.records.iter().filter(|record| **record < end).count();
            assert!(kept.len() == begun || kept.len() + 1 == begun, "{end}");
            if kept.len() < begun {
                assert_eq!(fault.unwrap().0, capture.records[kept.len()] as u64, "{end}");
            }
        }
    }
}

#[test]
fn broken_lengths_are_told_with_their_place() {
    let tell = |capture: &Capture, whole: usize| {
        let (kept, fault) = read(capture.bytes.as_slice());
        assert_eq!(kept.len(), whole);
        let (offset, cause) = fault.unwrap();
        assert_eq!(offset, capture.records[whole] as u64);
        cause
    };
    let classic = || {
        let mut capture = Capture::pcap(true, false, 1);
        capture.packet(1, 1, b"one", 3);
        capture.packet(1, 1, b"two", 3);
        let length = capture.records[1] + 8;
        (capture, length)
    };
    let (mut capture, length) = classic();
    capture.patch(length, u32::MAX);
    assert_eq!(tell(&capture, 1), "a packet cannot have 4294967295 bytes");
    let (mut capture, length) = classic();
    capture.patch(length, 65536);
    assert_eq!(tell(&capture, 1), "it ends within a packet: 19 of 65552 bytes are there");
    let broken = |at: usize, word: u32| {
        let mut capture = Capture::pcapng(false);
        capture.interface(1, 0, &[]);
        capture.enhanced(0, 1, b"one!", 4);
        capture.enhanced(0, 1, b"two!", 4);
        let at = capture.records[1] + at;
        capture.patch(at, word);
        tell(&capture, 1)
    };
    assert_eq!(broken(4, 11), "a block cannot have 11 bytes");
    assert_eq!(broken(4, 0), "a block cannot have 0 bytes");
    assert_eq!(broken(4, 1 << 31), "a block cannot have 2147483648 bytes");
    assert_eq!(broken(4, 40), "it ends within a block: 36 of 40 bytes are there");
    assert_eq!(broken(32, 32), "the same block at its end cannot have 32 bytes");
    assert_eq!(broken(8, 9), "interface 9 was never described");
    assert_eq!(broken(20, 5), "a packet cannot have 5 bytes");
    assert_eq!(broken(20, u32::MAX), "a packet cannot have 4294967295 bytes");
}

#[test]
fn what_is_no_capture() {
    let tell = |bytes: &[u8]| read(bytes).1.unwrap();
    assert_eq!(tell(b""), (0, "it is empty".to_owned()));
    assert_eq!(tell(b"\x01\x02\x03\x04"), (0, "it is neither pcap nor pcapng".to_owned()));
    assert!(tell(&[0x1f, 0x8b, 8, 0, 0]).1.contains("gzip"));
    assert!(tell(&[0x28, 0xb5, 0x2f, 0xfd]).1.contains("zstd"));
    assert_eq!(tell(&[0xa1, 0xb2]).1, "it ends within the file header: 2 of 24 bytes are there");
    let mut wrong = Capture::pcapng(true);
    wrong.patch(8, 0x1234_5678);
    assert_eq!(tell(&wrong.bytes), (0, "it is neither pcap nor pcapng".to_owned()));
}

#[test]
fn an_unknown_link_type_is_told_by_its_number() {
    let mut capture = Capture::pcap(false, false, 147);
    capture.packet(1, 1, b"one", 3);
    let mut reader = tcpexposure_link::savefile::Reader::new(capture.bytes.as_slice()).unwrap();
    let record = reader.read().unwrap().unwrap();
    assert_eq!((record.link_type, record.start), (147, None));
}

#[test]
fn pcap_holds_one_link_type_only() {
    let writer = tcpexposure_link::savefile::Writer::new(Vec::new(), Format::Pcap, Start::Ip);
    let error = writer.unwrap().write_from(Start::Ethernet, 0, b"x", 1, None).unwrap_err();
    assert_eq!(error.to_string(), "a pcap file holds one link type only; pcapng holds many");
}

fn starts() -> impl Strategy<Value = Start> {
    use Start::{Ethernet, Ip, LinuxSll, LinuxSll2, Loop, Null, Ppp};
    prop::sample::select(vec![Ethernet, Ip, LinuxSll, LinuxSll2, Loop, Null, Ppp])
}

fn samples() -> impl Strategy<Value = Vec<Sample>> {
    let nanos = 0..u64::from(u32::MAX) * SECOND;
    let sample = (starts(), nanos, vec(any::<u8>(), 0..200), 0..3000_usize, option::of(".{0,40}"));
    let sample = sample.prop_map(|(start, nanos, bytes, cut, comment)| Sample {
        start,
        nanos,
        bytes,
        cut,
        comment,
    });
    vec(sample, 0..8)
}

/// Captures with a few bytes changed: nearer to the code than bytes at random.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let whole = prop::sample::select(vec![sections().bytes, {
        let mut capture = Capture::pcap(false, true, 101);
        capture.packet(1, 1, b"one", 3);
        capture.packet(2, 2, b"two", 3);
        capture.bytes
    }]);
    (whole, vec((any::<prop::sample::Index>(), any::<u8>()), 0..6)).prop_map(
        |(mut bytes, changes)| {
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read(samples in samples()) {
        props::write_then_read(Format::Pcap, &samples);
        props::write_then_read(Format::Pcapng, &samples);
    }

    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..300), piece in 1..64_usize) {
        props::any_bytes(&bytes, piece);
    }

    #[test]
    fn any_input(data in vec(any::<u8>(), 0..200)) {
        props::body(&data);
    }

    #[test]
    fn damaged_captures(bytes in damaged(), piece in 1..64_usize, end in 0..400_usize) {
        props::any_bytes(&bytes, piece);
        props::cut_anywhere(&bytes, end);
    }
}

#[test]
fn every_input_of_the_corpus() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/savefile");
    let mut inputs = 0;
    for file in std::fs::read_dir(corpus).unwrap() {
        let path = file.unwrap().path();
        println!("{}", path.display());
        props::body(&std::fs::read(path).unwrap());
        inputs += 1;
    }
    assert!(inputs > 0);
}
