//! Other people's programs as oracles.

use std::{
    env, fs,
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
};

/// Tells whether `program` is installed. Where it is not, the test that asked is skipped with a
/// word; in CI that is a failure.
pub(crate) fn installed(program: &str) -> bool {
    let run = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if run.is_ok() {
        return true;
    }
    assert!(env::var_os("CI").is_none_or(|ci| ci != "true"), "CI lacks {program}");
    eprintln!("skipped: {program} is not installed");
    false
}

/// A capture file of IP packets in Ethernet frames that goes away with its owner.
///
/// Not of bare IP packets: tshark takes one whose second and third byte are ff 03 for PPP.
pub(crate) struct Capture(pub(crate) PathBuf);

impl Capture {
    /// Writes the packets, a millisecond apart.
    pub(crate) fn of(name: &str, packets: &[Vec<u8>]) -> Self {
        let path = env::temp_dir().join(format!("tcpexposure-{}-{name}.pcap", std::process::id()));
        let mut file = std::io::BufWriter::new(fs::File::create(&path).unwrap());
        let (magic, version, zone, accuracy) = (0xa1b2_c3d4_u32, 0x0004_0002_u32, 0_u32, 0_u32);
        for word in [magic, version, zone, accuracy, 262_144, 1] {
            file.write_all(&word.to_le_bytes()).unwrap();
        }
        for (index, packet) in packets.iter().enumerate() {
            let length = u32::try_from(packet.len() + 14).unwrap();
            let ethertype = if packet[0] >> 4 == 6 { [0x86, 0xdd] } else { [8, 0] };
            let index = u32::try_from(index).unwrap();
            for word in [1_700_000_000 + index / 1000, index % 1000 * 1000, length, length] {
                file.write_all(&word.to_le_bytes()).unwrap();
            }
            file.write_all(&[[2; 12].as_slice(), &ethertype, packet].concat()).unwrap();
        }
        file.flush().unwrap();
        Self(path)
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A seeded source of randomness (SplitMix64).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.roll() % limit as u64).unwrap()
    }

    pub(crate) fn u8(&mut self) -> u8 {
        self.roll().to_le_bytes()[0]
    }

    pub(crate) fn u16(&mut self) -> u16 {
        u16::try_from(self.roll() & 0xffff).unwrap()
    }

    pub(crate) fn u32(&mut self) -> u32 {
        u32::try_from(self.roll() & 0xffff_ffff).unwrap()
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.u8()).collect()
    }
}
