//! Writing a capture.

use std::{
    borrow::Cow,
    io::{self, Write},
    path::Path,
    time::Duration,
};

use pcap_file::{
    DataLink, Endianness, PcapError, TsResolution,
    pcap::{PcapHeader, PcapPacket, PcapWriter},
    pcapng::{
        PcapNgBlock as _, PcapNgWriter,
        blocks::{
            enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption},
            interface_description::{InterfaceDescriptionBlock, InterfaceDescriptionOption},
            interface_statistics::{InterfaceStatisticsBlock, InterfaceStatisticsOption},
            section_header::{SectionHeaderBlock, SectionHeaderOption},
        },
    },
};
use tcpexposure_core::wire::packet::Start;

use super::link_type;

/// The format of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The classic one, with nanoseconds.
    Pcap,
    /// The next generation, which keeps comments.
    Pcapng,
}

impl Format {
    /// Tells the format by a file's name: pcapng if it ends so, else pcap.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        let named =
            path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("pcapng"));
        if named { Self::Pcapng } else { Self::Pcap }
    }
}

/// What a section says of itself.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// Comments, each at most 65,535 bytes.
    pub comments: &'a [String],
    /// The system that it was captured on.
    pub system: &'a str,
    /// How the packets were sent and captured.
    pub wire: &'a str,
}

/// A writer of captures, with nanoseconds.
pub struct Writer<W: Write> {
    inner: Inner<W>,
    /// What the frames of the interfaces begin with, in the order of their numbers.
    interfaces: Vec<Start>,
}

enum Inner<W: Write> {
    Pcap(PcapWriter<W>),
    Pcapng(PcapNgWriter<W>),
}

impl<W: Write> Writer<W> {
    /// Begins a capture of frames that begin with `start`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(output: W, format: Format, start: Start) -> io::Result<Self> {
        let inner = match format {
            Format::Pcap => Inner::Pcap(pcap(output, start)?),
            Format::Pcapng => {
                let mut writer = pcapng(output, Vec::new())?;
                describe(&mut writer, start, Vec::new())?;
                Inner::Pcapng(writer)
            }
        };
        Ok(Self { inner, interfaces: vec![start] })
    }

    /// Begins a capture in pcapng whose section says more: comments, the system, and how the packets
    /// were captured.
    ///
    /// # Errors
    /// When it cannot be written, or a comment is longer than 65,535 bytes.
    pub fn described(output: W, start: Start, about: &About<'_>) -> io::Result<Self> {
        let mut options: Vec<_> = about
            .comments
            .iter()
            .cloned()
            .map(|text| SectionHeaderOption::Comment(text.into()))
            .collect();
        options.push(SectionHeaderOption::OS(about.system.to_owned().into()));
        let mut writer = pcapng(output, options)?;
        let more = vec![
            InterfaceDescriptionOption::IfDescription(Cow::Borrowed(about.wire)),
            InterfaceDescriptionOption::IfOs(Cow::Borrowed(about.system)),
        ];
        describe(&mut writer, start, more)?;
        Ok(Self { inner: Inner::Pcapng(writer), interfaces: vec![start] })
    }

    /// Says how many packets were received, and how many of those were lost, until `nanos` nanoseconds
    /// after the Unix epoch. In pcap nothing is said.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn statistics(&mut self, nanos: u64, received: u64, dropped: u64) -> io::Result<()> {
        let Inner::Pcapng(writer) = &mut self.inner else { return Ok(()) };
        let block = InterfaceStatisticsBlock {
            interface_id: 0,
            // The library writes it as one number; the format has its upper half first.
            timestamp: nanos.rotate_left(32),
            options: vec![
                InterfaceStatisticsOption::IsbIfRecv(received),
                InterfaceStatisticsOption::IsbIfDrop(dropped),
            ],
        };
        writer.write_block(&block.into_block()).map_err(system).map(drop)
    }

    /// Appends a packet that was captured `nanos` nanoseconds after the Unix epoch and begins as
    /// the capture does. A comment is kept where the format has room for one.
    ///
    /// # Errors
    /// When it cannot be written, or is longer than a capture holds.
    pub fn write(
        &mut self,
        nanos: u64,
        bytes: &[u8],
        wire_len: usize,
        comment: Option<&str>,
    ) -> io::Result<()> {
        self.append(0, nanos, bytes, wire_len, comment)
    }

    /// Appends a packet that begins with `start`. In pcapng each such beginning is an interface of
    /// its own.
    ///
    /// # Errors
    /// As [`write`](Self::write), and when a pcap capture was begun with another `start`.
    pub fn write_from(
        &mut self,
        start: Start,
        nanos: u64,
        bytes: &[u8],
        wire_len: usize,
        comment: Option<&str>,
    ) -> io::Result<()> {
        let interface = match self.interfaces.iter().position(|known| *known == start) {
            Some(interface) => interface,
            None => self.interface(start)?,
        };
        self.append(interface, nanos, bytes, wire_len, comment)
    }

    /// Ends the capture and gives the output back.
    pub fn finish(self) -> W {
        match self.inner {
            Inner::Pcap(writer) => writer.into_writer(),
            Inner::Pcapng(writer) => writer.into_inner(),
        }
    }

    /// Adds an interface, and tells its number.
    fn interface(&mut self, start: Start) -> io::Result<usize> {
        let Inner::Pcapng(writer) = &mut self.inner else {
            let message = "a pcap file holds one link type only; pcapng holds many";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        };
        describe(writer, start, Vec::new())?;
        self.interfaces.push(start);
        Ok(self.interfaces.len() - 1)
    }

    fn append(
        &mut self,
        interface: usize,
        nanos: u64,
        bytes: &[u8],
        wire_len: usize,
        comment: Option<&str>,
    ) -> io::Result<()> {
        let timestamp = Duration::from_nanos(nanos);
        let too_long = |_| io::Error::new(io::ErrorKind::InvalidInput, "the packet is too long");
        let original_len = u32::try_from(wire_len).map_err(too_long)?;
        match &mut self.inner {
            Inner::Pcap(writer) => {
                let packet = PcapPacket::new(timestamp, original_len, bytes);
                writer.write_packet(&packet).map_err(system)?;
            }
            Inner::Pcapng(writer) => {
                let comment =
                    comment.map(|text| EnhancedPacketOption::Comment(Cow::Borrowed(text)));
                let block = EnhancedPacketBlock {
                    interface_id: u32::try_from(interface).map_err(too_long)?,
                    timestamp,
                    original_len,
                    data: Cow::Borrowed(bytes),
                    options: comment.into_iter().collect(),
                };
                writer.write_block(&block.into_block()).map_err(system)?;
            }
        }
        Ok(())
    }
}

fn pcap<W: Write>(output: W, start: Start) -> io::Result<PcapWriter<W>> {
    let header = PcapHeader {
        snaplen: SNAPSHOT,
        datalink: DataLink::from(link_type(start)),
        ts_resolution: TsResolution::NanoSecond,
        endianness: Endianness::Little,
        ..PcapHeader::default()
    };
    PcapWriter::with_header(output, header).map_err(system)
}

fn pcapng<W: Write>(
    output: W,
    mut options: Vec<SectionHeaderOption<'static>>,
) -> io::Result<PcapNgWriter<W>> {
    let program = concat!("tcpexposure ", env!("CARGO_PKG_VERSION"));
    options.push(SectionHeaderOption::UserApplication(Cow::Borrowed(program)));
    let section = SectionHeaderBlock {
        endianness: Endianness::Little,
        options,
        ..SectionHeaderBlock::default()
    };
    PcapNgWriter::with_section_header(output, section).map_err(system)
}

/// Describes an interface whose frames begin with `start`.
fn describe<W: Write>(
    writer: &mut PcapNgWriter<W>,
    start: Start,
    mut options: Vec<InterfaceDescriptionOption<'_>>,
) -> io::Result<()> {
    options.push(InterfaceDescriptionOption::IfTsResol(9));
    let mut interface = InterfaceDescriptionBlock::new(DataLink::from(link_type(start)), SNAPSHOT);
    interface.options = options;
    writer.write_block(&interface.into_block()).map_err(system)?;
    Ok(())
}

fn system(error: PcapError) -> io::Error {
    match error {
        PcapError::IoError(error) => error,
        other => io::Error::new(io::ErrorKind::InvalidInput, other),
    }
}

/// The snapshot length that is stated: nothing is cut.
const SNAPSHOT: u32 = 1 << 18;
