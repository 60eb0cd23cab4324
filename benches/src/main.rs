//! The table of ratios alone, and a capture for the measurement of `print`.
//!
//! `cargo run --release -p tcpexposure-benches [WORD]` prints the table; with a word, only of jobs
//! and inputs that have it. `… capture FILE COUNT` writes a capture of so many packets, the mixed
//! trace over and over, a microsecond apart.

use std::{
    fs::File,
    io::{self, BufWriter, Write as _},
    time::Duration,
};

use tcpexposure_benches::{jobs, race, trace::Trace};
use tcpexposure_core::wire::packet::Start;
use tcpexposure_link::savefile::{Format, Writer};

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => table(""),
        [word] => table(word),
        ["capture", path, count] => {
            let count = count.parse().map_err(io::Error::other)?;
            return capture(BufWriter::new(File::create(path)?), count);
        }
        _ => eprintln!("give a word that the jobs have, or: capture FILE COUNT"),
    }
    Ok(())
}

fn table(word: &str) {
    let mut races = jobs::all();
    races.retain(|race| format!("{} {}", race.group, race.input).contains(word));
    println!("{}", race::table(&mut races, 61, Duration::from_millis(1)));
}

fn capture(out: BufWriter<File>, count: usize) -> io::Result<()> {
    let traces = Trace::all();
    let frames = traces.iter().flat_map(|trace| &trace.frames).take(1000).cycle();
    let mut writer = Writer::new(out, Format::Pcap, Start::Ethernet)?;
    for (frame, nanos) in frames.take(count).zip((1_600_000_000_000_000_000..).step_by(1000)) {
        writer.write(nanos, frame, frame.len(), None)?;
    }
    writer.finish().flush()
}
