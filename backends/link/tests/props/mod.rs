//! The bodies of the property tests. A body takes what a generator or a fuzzer gives it and panics
//! if the property does not hold.

use std::io::Read;

use arbitrary::Unstructured;
use tcpexposure_core::wire::packet::Start;
use tcpexposure_link::savefile::{Format, Reader, Writer};

/// A packet to be written.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) start: Start,
    pub(crate) nanos: u64,
    pub(crate) bytes: Vec<u8>,
    /// The bytes that the capture left out.
    pub(crate) cut: usize,
    pub(crate) comment: Option<String>,
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) time: Option<u64>,
    pub(crate) start: Option<Start>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) wire_len: usize,
}

/// Takes zero and the fields of samples, or the size of the pieces in which a capture is read, the
/// place (two bytes) at which it is cut, and the capture.
pub(crate) fn body(data: &[u8]) {
    match data {
        [] | [_] => {}
        [0, fields @ ..] => {
            let samples = samples(&mut Unstructured::new(fields)).unwrap_or_default();
            write_then_read(Format::Pcap, &samples);
            write_then_read(Format::Pcapng, &samples);
        }
        [piece, high, low, capture @ ..] => {
            any_bytes(capture, (*piece).into());
            cut_anywhere(capture, u16::from_be_bytes([*high, *low]).into());
        }
        _ => {}
    }
}

/// Makes samples of what there is.
fn samples(data: &mut Unstructured<'_>) -> arbitrary::Result<Vec<Sample>> {
    use Start::{Ethernet, Ip, LinuxSll, LinuxSll2, Loop, Null, Ppp};
    let mut samples = Vec::new();
    while !data.is_empty() && samples.len() < 8 {
        samples.push(Sample {
            start: *data.choose(&[Ethernet, Ip, LinuxSll, LinuxSll2, Loop, Null, Ppp])?,
            nanos: u64::from(data.arbitrary::<u32>()?) * 1_000_000_000,
            cut: data.arbitrary::<u8>()?.into(),
            comment: data.arbitrary()?,
            bytes: data.arbitrary()?,
        });
    }
    Ok(samples)
}

/// What is written is what is read; pcap knows one link type only, that of the first sample.
pub(crate) fn write_then_read(format: Format, samples: &[Sample]) {
    let first = samples.first().map_or(Start::Ip, |sample| sample.start);
    let mut writer = Writer::new(Vec::new(), format, first).unwrap();
    let mut wanted = Vec::new();
    for sample in samples {
        let start = if format == Format::Pcap { first } else { sample.start };
        let wire_len = sample.bytes.len() + sample.cut;
        let comment = sample.comment.as_deref();
        writer.write_from(start, sample.nanos, &sample.bytes, wire_len, comment).unwrap();
        let (time, start, bytes) = (Some(sample.nanos), Some(start), sample.bytes.clone());
        wanted.push(Kept { time, start, bytes, wire_len });
    }
    let (kept, fault) = read(writer.finish().as_slice());
    assert_eq!(fault, None);
    assert_eq!(kept, wanted);
}

/// Any bytes are read to their end or to a fault that lies within them, in pieces of any size.
pub(crate) fn any_bytes(bytes: &[u8], piece: usize) {
    let whole = read(bytes);
    assert_eq!(read(Pieces { bytes, piece: piece.max(1) }), whole);
    if let Some((offset, _)) = whole.1 {
        assert!(offset <= bytes.len() as u64, "{offset} in {} bytes", bytes.len());
    }
}

/// A capture that ends early gives the packets that are whole, and a fault if it ends within one.
pub(crate) fn cut_anywhere(bytes: &[u8], end: usize) {
    let (all, fault) = read(bytes);
    let (some, early) = read(&bytes[..end.min(bytes.len())]);
    assert_eq!(some, all[..some.len()]);
    if let (None, Some((offset, cause))) = (fault, early) {
        assert!(offset as usize <= end, "{offset}");
        assert!(end == 0 && cause == "it is empty" || cause.contains("it ends within"), "{cause}");
    }
}

/// Reads all packets, and the place and sentence of the fault.
pub(crate) fn read(input: impl Read) -> (Vec<Kept>, Option<(u64, String)>) {
    let mut reader = match Reader::new(input) {
        Ok(reader) => reader,
        Err(error) => return (Vec::new(), Some((error.offset, error.cause.to_string()))),
    };
    let mut kept = Vec::new();
    while let Some(record) = reader.read() {
        match record {
            Ok(record) => kept.push(Kept {
                time: record.time,
                start: record.start,
                bytes: record.bytes.to_vec(),
                wire_len: record.wire_len,
            }),
            Err(error) => {
                let fault = (error.offset, error.cause.to_string());
                assert!(reader.read().is_none(), "there is something behind the fault");
                return (kept, Some(fault));
            }
        }
    }
    (kept, None)
}

/// An input that gives few bytes at once.
struct Pieces<'a> {
    bytes: &'a [u8],
    piece: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = buffer.len().min(self.piece);
        self.bytes.read(&mut buffer[..length])
    }
}
