//! `print`: a capture or hexadecimal text, a line a packet.

use std::{
    fs::File,
    io::{self, BufReader, Chain, Cursor, IsTerminal as _, Read, Write as _},
    net::IpAddr,
    path::PathBuf,
};

use tcpexposure_core::wire::packet::{Offload, Packet, Start};
use tcpexposure_link::savefile::{self, Cause, ReadError};

use crate::{
    exit::{Exit, Failure},
    input::hex,
    output::{
        Output, json,
        lines::Lines,
        stamp::{Stamps, Style},
    },
};

/// Print a capture as `tcpdump -nn -r` does: a line a packet
///
/// The input is a pcap or pcapng capture, or packets as hexadecimal text; its first bytes tell.
#[derive(Debug, clap::Args)]
pub(crate) struct Print {
    /// The file to read; - or nothing is standard input
    file: Option<PathBuf>,
    /// The same, as tcpdump has it
    #[arg(short = 'r', value_name = "FILE", conflicts_with = "file")]
    read: Option<PathBuf>,
    /// Stop after so many packets
    #[arg(short, long, value_name = "N")]
    count: Option<u64>,
    /// Print link-layer headers
    #[arg(short = 'e', long)]
    link_layer: bool,
    /// Print absolute sequence numbers
    #[arg(short = 'S', long)]
    absolute: bool,
    /// No time stamps; -tt epoch, -ttt since the last, -tttt date, -ttttt since the first
    #[arg(short = 't', action = clap::ArgAction::Count)]
    stamps: u8,
    /// Print the bytes in hexadecimal; -xx with the link-layer header
    #[arg(short = 'x', action = clap::ArgAction::Count)]
    hex: u8,
    /// Print the bytes in hexadecimal and as characters; -XX with the link-layer header
    #[arg(short = 'X', action = clap::ArgAction::Count)]
    characters: u8,
    /// Accepted for tcpdump's sake: numbers are never turned into names
    #[arg(short = 'n', action = clap::ArgAction::Count)]
    numeric: u8,
    /// Write out every line at once
    #[arg(short = 'l')]
    line_buffered: bool,
    /// Only packets from or to this port; several may be given
    #[arg(long, value_name = "PORT")]
    port: Vec<u16>,
    /// Only packets from or to this address; several may be given
    #[arg(long, value_name = "ADDR")]
    host: Vec<IpAddr>,
    /// What packets in hexadecimal text begin with
    #[arg(long, value_name = "WHAT", default_value = "ip")]
    link: LinkLayer,
}

/// What packets in text begin with.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum LinkLayer {
    Ip,
    Ethernet,
    LinuxSll,
    LinuxSll2,
    Null,
    Loop,
    Ppp,
}

/// What is read, with what was looked at put back in front.
type Input = Chain<Cursor<Vec<u8>>, Box<dyn Read>>;

impl Print {
    pub(crate) fn run(&self, output: &mut Output) -> Result<Exit, Failure> {
        let path = self.file.as_ref().or(self.read.as_ref()).filter(|path| path.as_os_str() != "-");
        let name =
            path.map_or_else(|| "standard input".to_owned(), |path| path.display().to_string());
        if path.is_none() && io::stdin().is_terminal() {
            output.remark("reading packets from the terminal; Ctrl-D ends them");
        }
        let input: Box<dyn Read> = match path {
            None => Box::new(io::stdin().lock()),
            Some(path) => Box::new(File::open(path).map_err(|error| unreadable(&name, &error))?),
        };
        let (input, text) = peek(input).map_err(|error| unreadable(&name, &error))?;
        let mut printer = Printer::new(self, output);
        let result = if text { printer.text(input, &name) } else { printer.capture(input, &name) };
        printer.finish(result)
    }

    /// Tells whether a packet is to be printed.
    fn wanted(&self, packet: &Packet<'_>) -> bool {
        let port = self.port.is_empty()
            || packet.ports().is_some_and(|(from, to)| {
                self.port.iter().any(|port| *port == from || *port == to)
            });
        let host = self.host.is_empty()
            || packet.addresses().is_some_and(|(from, to)| {
                self.host.iter().any(|host| *host == from || *host == to)
            });
        port && host
    }
}

/// What prints one input.
struct Printer<'a> {
    options: &'a Print,
    output: &'a mut Output,
    lines: Lines,
    stamps: Stamps,
    flush: bool,
    read: u64,
    printed: u64,
}

impl<'a> Printer<'a> {
    fn new(options: &'a Print, output: &'a mut Output) -> Self {
        let lines = Lines::new(output.verbosity.verbose, options.link_layer, options.absolute)
            .dump(options.hex, options.characters);
        Self {
            options,
            stamps: Stamps::new(Style::of(options.stamps)),
            flush: options.line_buffered || io::stdout().is_terminal(),
            output,
            lines,
            read: 0,
            printed: 0,
        }
    }

    fn capture(&mut self, input: Input, name: &str) -> Result<(), Failure> {
        let mut reader = savefile::Reader::new(input).map_err(|error| damaged(name, &error))?;
        while let Some(record) = reader.read() {
            let record = record.map_err(|error| damaged(name, &error))?;
            let Some(start) = record.start else {
                return Err(Failure::new(
                    Exit::Usage,
                    format!(
                        "{name} has packets of link type {}, which cannot be read",
                        record.link_type
                    ),
                )
                .hint("Ethernet, cooked, raw, loopback and PPP captures can be"));
            };
            let offload = Offload::default();
            let packet = Packet::parse(start, record.bytes, record.wire_len, offload);
            if !self.packet(record.time, &packet)? {
                break;
            }
        }
        Ok(())
    }

    fn text(&mut self, input: Input, name: &str) -> Result<(), Failure> {
        let start = self.options.link.start();
        let mut reader = hex::Reader::new(BufReader::new(input));
        while let Some(bytes) = reader.read() {
            let bytes = bytes.map_err(|error| {
                Failure::new(Exit::Usage, format!("{name}:{error}"))
                    .hint("a packet a line, or dumps as `tcpdump -x` prints them, are understood")
            })?;
            let packet = Packet::parse(start, &bytes, bytes.len(), Offload::default());
            if !self.packet(None, &packet)? {
                break;
            }
        }
        Ok(())
    }

    /// Prints one packet; false when no more are wanted.
    fn packet(&mut self, time: Option<u64>, packet: &Packet<'_>) -> Result<bool, Failure> {
        self.read += 1;
        if !self.options.wanted(packet) {
            return Ok(true);
        }
        if self.options.count.is_some_and(|most| self.printed >= most) {
            return Ok(false);
        }
        self.printed += 1;
        if self.output.json {
            let object = json::packet("packet", self.read, time, packet);
            serde_json::to_writer(&mut self.output.out, &object).map_err(io::Error::from)?;
            self.output.out.write_all(b"\n")?;
        } else {
            if let Some(time) = time {
                self.stamps.print(time, &mut self.output.out)?;
            }
            self.lines.print(packet, &mut self.output.out)?;
        }
        if self.flush {
            self.output.out.flush()?;
        }
        Ok(self.options.count.is_none_or(|most| self.printed < most))
    }

    /// Sees that all that was printed is written before a failure is told.
    fn finish(self, result: Result<(), Failure>) -> Result<Exit, Failure> {
        self.output.out.flush()?;
        result.map(|()| Exit::Done)
    }
}

impl LinkLayer {
    const fn start(self) -> Start {
        match self {
            Self::Ip => Start::Ip,
            Self::Ethernet => Start::Ethernet,
            Self::LinuxSll => Start::LinuxSll,
            Self::LinuxSll2 => Start::LinuxSll2,
            Self::Null => Start::Null,
            Self::Loop => Start::Loop,
            Self::Ppp => Start::Ppp,
        }
    }
}

/// Looks at the first bytes of an input: text has nothing but printable characters in them.
fn peek(mut input: Box<dyn Read>) -> io::Result<(Input, bool)> {
    let mut first = Vec::new();
    input.by_ref().take(8).read_to_end(&mut first)?;
    let printable = |byte: &u8| byte.is_ascii_graphic() || b" \t\r\n".contains(byte);
    let text = !first.is_empty() && first.iter().all(printable);
    Ok((Cursor::new(first).chain(input), text))
}

fn unreadable(name: &str, error: &io::Error) -> Failure {
    Failure::new(Exit::Usage, format!("cannot read {name}: {error}"))
        .hint("give a file that exists and may be read, or - for standard input")
}

fn damaged(name: &str, error: &ReadError) -> Failure {
    let hint = match error.cause {
        Cause::Empty | Cause::NoCapture(_) => "pcap, pcapng and hexadecimal text are understood",
        _ => "the packets before that place are whole and have been printed",
    };
    Failure::new(Exit::Usage, format!("{name} is damaged: {error}")).hint(hint)
}
