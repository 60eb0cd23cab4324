//! Captures made by hand, what tcpdump prints of them, and what we do.

use std::{
    collections::HashMap,
    env, fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use tcpexposure_core::{
    summary::{self, Bases, Conversation, Memory, Relative, Style},
    wire::packet::{Offload, Packet, Start},
};

pub(crate) mod build;
pub(crate) mod cases;

/// A frame: the bytes kept, and the length on the wire.
pub(crate) type Frame = (Vec<u8>, usize);

/// A row of frames of one link layer.
pub(crate) struct Capture {
    pub(crate) start: Start,
    pub(crate) frames: Vec<Frame>,
}

/// What to print: the arguments of tcpdump, and the same for us.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Way {
    pub(crate) verbose: u8,
    pub(crate) link: bool,
    pub(crate) absolute: bool,
    /// `-x` is 1, `-xx` 2, `-X` 3, `-XX` 4.
    pub(crate) dump: u8,
}

/// All that is compared of every capture.
pub(crate) const WAYS: &[Way] = &[
    Way { verbose: 0, link: false, absolute: false, dump: 0 },
    Way { verbose: 0, link: false, absolute: true, dump: 0 },
    Way { verbose: 1, link: false, absolute: false, dump: 0 },
    Way { verbose: 2, link: false, absolute: true, dump: 0 },
    Way { verbose: 0, link: true, absolute: false, dump: 0 },
    Way { verbose: 1, link: true, absolute: false, dump: 0 },
    Way { verbose: 0, link: false, absolute: true, dump: 1 },
    Way { verbose: 0, link: false, absolute: true, dump: 4 },
];

impl Way {
    fn arguments(self) -> Vec<&'static str> {
        let mut all = vec!["-nn", "-tt"];
        all.extend([None, Some("-v"), Some("-vv")][usize::from(self.verbose)]);
        all.extend(self.link.then_some("-e"));
        all.extend(self.absolute.then_some("-S"));
        let dumps = [None, Some("-x"), Some("-xx"), Some("-X"), Some("-XX")];
        all.extend(dumps[usize::from(self.dump)]);
        all
    }
}

impl Capture {
    pub(crate) fn new(start: Start) -> Self {
        Self { start, frames: Vec::new() }
    }

    pub(crate) fn of(start: Start, frames: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let frames = frames.into_iter().map(|frame| (frame.clone(), frame.len())).collect();
        Self { start, frames }
    }

    pub(crate) fn push(&mut self, frame: Vec<u8>) {
        let length = frame.len();
        self.frames.push((frame, length));
    }

    /// Adds a frame of which all but the first `kept` bytes were lost.
    pub(crate) fn cut(&mut self, frame: &[u8], kept: usize) {
        self.frames.push((frame[..frame.len().min(kept)].to_vec(), frame.len()));
    }

    /// Tells what tcpdump prints, one text a frame.
    pub(crate) fn theirs(&self, way: Way) -> Vec<String> {
        let file = self.write();
        let output = Command::new("tcpdump")
            .args(way.arguments())
            .arg("-r")
            .arg(&file.0)
            .env("TZ", "UTC")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let mut all = Vec::with_capacity(self.frames.len());
        let mut rest = text.strip_suffix('\n').unwrap_or(&text);
        // Every frame has its own second, so that its text is found even where it has lines.
        for second in EPOCH..EPOCH + self.frames.len() {
            let mark = format!("{second}.000000 ");
            rest = rest.strip_prefix(&mark).unwrap_or_else(|| panic!("{second} of {rest:.300}"));
            let end = rest.find(&format!("\n{}.000000 ", second + 1)).unwrap_or(rest.len());
            let (text, after) = rest.split_at(end);
            all.push(text.to_owned());
            rest = after.strip_prefix('\n').unwrap_or(after);
        }
        assert_eq!(rest, "");
        all
    }

    /// Tells what we print, one text a frame.
    pub(crate) fn ours(&self, way: Way) -> Vec<String> {
        let mut flows = Table::default();
        self.frames.iter().map(|frame| self.one(frame, way, &mut flows)).collect()
    }

    pub(crate) fn parse<'f>(&self, (bytes, length): &'f Frame) -> Packet<'f> {
        Packet::parse(self.start, bytes, *length, Offload::default())
    }

    fn one(&self, frame: &Frame, way: Way, flows: &mut Table) -> String {
        let packet = self.parse(frame);
        let style = Style { verbose: way.verbose, link: way.link };
        let base =
            if way.absolute { Relative::default() } else { summary::base(flows, &packet, &style) };
        let mut text = String::new();
        summary::line(&mut text, &packet, &style, base).unwrap();
        if way.dump > 0 {
            let bytes = summary::dumped(&packet, way.dump.is_multiple_of(2));
            summary::dump(&mut text, bytes, way.dump > 2).unwrap();
        }
        text
    }

    fn write(&self) -> File {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tcpexposure-summary-{}-{next}.pcap", std::process::id());
        let path = env::temp_dir().join(name);
        let link_type = match self.start {
            Start::Ethernet => 1,
            Start::LinuxSll => 113,
            Start::LinuxSll2 => 276,
            Start::Ip => 101,
            Start::Null => 0,
            Start::Loop => 108,
            Start::Ppp => 9,
        };
        let mut bytes = Vec::new();
        for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 262_144, link_type] {
            bytes.extend(word.to_le_bytes());
        }
        for (index, (frame, length)) in self.frames.iter().enumerate() {
            for word in [EPOCH + index, 0, frame.len(), *length] {
                bytes.extend(u32::try_from(word).unwrap().to_le_bytes());
            }
            bytes.extend(frame);
        }
        fs::write(&path, bytes).unwrap();
        File(path)
    }
}

/// The second of the first frame.
const EPOCH: usize = 1_000_000_000;

/// A file that goes away with its owner.
struct File(PathBuf);

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A memory of conversations without an end.
#[derive(Default)]
pub(crate) struct Table(HashMap<Conversation, Bases>);

impl Memory for Table {
    fn recall(&mut self, conversation: Conversation) -> (&mut Bases, bool) {
        let new = !self.0.contains_key(&conversation);
        (self.0.entry(conversation).or_default(), new)
    }
}

/// Tells whether tcpdump is installed. Where it is not, a test is skipped with a word; in CI that
/// is a failure.
pub(crate) fn installed() -> bool {
    let run = Command::new("tcpdump")
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if run.is_ok() {
        return true;
    }
    assert!(env::var("CI").as_deref() != Ok("true"), "CI lacks tcpdump");
    eprintln!("skipped: tcpdump is not installed");
    false
}
