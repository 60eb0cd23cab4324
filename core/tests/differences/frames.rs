//! The frames that are compared, and a capture of them.

use std::{env, fs, path::PathBuf};

use super::classes::{self, Wrong};

/// How many of each class.
const ROUNDS: usize = 100;
const SEED: u64 = 0xd1ff;

/// A frame: where it comes from, the bytes kept, and the length on the wire.
pub(crate) struct Frame {
    pub(crate) origin: &'static str,
    pub(crate) bytes: Vec<u8>,
    pub(crate) wire_len: usize,
    /// Whether it was made to have no fault.
    pub(crate) sound: bool,
}

/// All classes, and the Ethernet and IP packets that the fuzzer of packets keeps.
pub(crate) fn all() -> Vec<Frame> {
    let mut all = Vec::new();
    classes::each(SEED, ROUNDS, |origin, frame| {
        let (bytes, wire_len) = (frame.bytes.clone(), frame.wire_len);
        all.push(Frame { origin, bytes, wire_len, sound: frame.wrong == Wrong::No });
    });
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus/packet");
    let mut paths: Vec<_> =
        fs::read_dir(corpus).unwrap().map(|file| file.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let input = fs::read(path).unwrap();
        let ethertype = match *input {
            [way, first, ..] if way & 7 == 0 && first >> 4 == 4 => [8, 0],
            [way, first, ..] if way & 7 == 0 && first >> 4 == 6 => [0x86, 0xdd],
            _ => continue,
        };
        let bytes = [&[2; 12], &ethertype[..], &input[1..]].concat();
        all.push(Frame { origin: "corpus", wire_len: bytes.len(), bytes, sound: false });
    }
    all
}

/// A capture file that goes away with its owner.
pub(crate) struct Capture(pub(crate) PathBuf);

impl Capture {
    /// Writes Ethernet frames, a second apart.
    pub(crate) fn of(name: &str, frames: &[Frame]) -> Self {
        let path = env::temp_dir().join(format!("tcpexposure-{}-{name}.pcap", std::process::id()));
        let mut bytes = Vec::new();
        for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 262_144, 1] {
            bytes.extend(word.to_le_bytes());
        }
        for (index, frame) in frames.iter().enumerate() {
            for word in [1_000_000_000 + index, 0, frame.bytes.len(), frame.wire_len] {
                bytes.extend(u32::try_from(word).unwrap().to_le_bytes());
            }
            bytes.extend(&frame.bytes);
        }
        fs::write(&path, bytes).unwrap();
        Self(path)
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
