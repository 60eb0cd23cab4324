//! Reading a capture, whichever format it has.

use std::{
    fmt,
    io::{self, Read},
};

use tcpexposure_core::wire::packet::Start;

use super::{buffer::Buffer, pcap, pcapng, start};

/// A reader of captures: pcap in both byte orders with micro- or nanoseconds, pcapng with any
/// number of sections and interfaces.
///
/// Memory is bounded by the largest record, whatever the length of the stream.
#[derive(Debug)]
pub struct Reader<R> {
    input: Buffer<R>,
    format: Format,
    /// Set by the first fault: nothing can be read behind it.
    failed: bool,
}

/// A packet of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// When it was captured, in nanoseconds since the Unix epoch; `None` where the capture does
    /// not say (simple packet blocks of pcapng).
    pub time: Option<u64>,
    /// The link type's number.
    pub link_type: u32,
    /// What the bytes begin with, if we can read that link type.
    pub start: Option<Start>,
    /// The bytes that were kept.
    pub bytes: &'a [u8],
    /// The length on the wire.
    pub wire_len: usize,
}

/// Why a capture cannot be read on.
#[derive(Debug)]
pub struct ReadError {
    /// Where, in bytes from the start of the capture.
    pub offset: u64,
    /// Why.
    pub cause: Cause,
}

/// What is wrong with a capture.
#[derive(Debug)]
pub enum Cause {
    /// There is nothing in it at all.
    Empty,
    /// It begins like no capture; this is what it begins like, if we know.
    NoCapture(Option<&'static str>),
    /// It ends in the middle of something.
    Truncated {
        /// What it ends in.
        within: &'static str,
        /// The bytes that this takes.
        needed: usize,
        /// The bytes that are there.
        present: usize,
    },
    /// A length that cannot be.
    Length {
        /// Of what.
        of: &'static str,
        /// The length.
        length: usize,
    },
    /// A block that speaks of an interface that was not described.
    Interface(u32),
    /// The system could not read it.
    System(io::Error),
}

#[derive(Debug)]
enum Format {
    Pcap(pcap::Header),
    Pcapng(pcapng::Section),
}

impl fmt::Display for ReadError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} at byte {}", self.cause, self.offset)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => out.write_str("it is empty"),
            Self::NoCapture(Some(like)) => write!(out, "it is no capture but {like}"),
            Self::NoCapture(None) => out.write_str("it is neither pcap nor pcapng"),
            Self::Truncated { within, needed, present } => {
                write!(out, "it ends within {within}: {present} of {needed} bytes are there")
            }
            Self::Length { of, length } => write!(out, "{of} cannot have {length} bytes"),
            Self::Interface(number) => write!(out, "interface {number} was never described"),
            Self::System(error) => write!(out, "it cannot be read: {error}"),
        }
    }
}

impl std::error::Error for ReadError {}

impl<R: Read> Reader<R> {
    /// Reads the beginning of a capture, and tells its format by that.
    ///
    /// # Errors
    /// When it begins like no capture.
    pub fn new(input: R) -> Result<Self, ReadError> {
        let mut input = Buffer::new(input);
        let format = match Self::begin(&mut input) {
            Ok(format) => format,
            Err(cause) => return Err(ReadError { offset: input.offset(), cause }),
        };
        Ok(Self { input, format, failed: false })
    }

    /// Reads the next packet; `None` at the end.
    ///
    /// # Errors
    /// When the capture is damaged here; `None` after that.
    pub fn read(&mut self) -> Option<Result<Record<'_>, ReadError>> {
        if self.failed {
            return None;
        }
        let offset = self.input.offset();
        let found = match &mut self.format {
            Format::Pcap(header) => header.read(&mut self.input),
            Format::Pcapng(section) => section.read(&mut self.input),
        };
        match found {
            Ok(None) => None,
            Ok(Some(found)) => Some(Ok(found.record(&mut self.input))),
            Err((at, cause)) => {
                self.failed = true;
                Some(Err(ReadError { offset: at.unwrap_or(offset), cause }))
            }
        }
    }

    /// Tells the comments of the section that the last packet was in; none in pcap.
    #[must_use]
    pub fn comments(&self) -> &[String] {
        match &self.format {
            Format::Pcap(_) => &[],
            Format::Pcapng(section) => &section.comments,
        }
    }

    fn begin(input: &mut Buffer<R>) -> Result<Format, Cause> {
        match input.fill(4).map_err(Cause::System)? {
            0 => return Err(Cause::Empty),
            4 => {}
            present => {
                return Err(Cause::Truncated { within: "the file header", needed: 24, present });
            }
        }
        let magic = input.peek(4);
        if let Some(shape) = pcap::Header::shape(magic) {
            return pcap::Header::parse(input, shape).map(Format::Pcap);
        }
        if magic == pcapng::MAGIC {
            return Ok(Format::Pcapng(pcapng::Section::default()));
        }
        let like = LIKENESSES.iter().find(|(bytes, _)| magic.starts_with(bytes));
        Err(Cause::NoCapture(like.map(|(_, like)| *like)))
    }
}

/// A packet that lies filled in the buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) time: Option<u64>,
    pub(super) link_type: u32,
    /// What comes before the packet's bytes.
    pub(super) skip: usize,
    pub(super) captured: usize,
    /// What comes behind the packet's bytes.
    pub(super) behind: usize,
    pub(super) wire_len: usize,
}

impl Found {
    fn record<R: Read>(self, input: &mut Buffer<R>) -> Record<'_> {
        let whole = input.take(self.skip + self.captured + self.behind);
        Record {
            time: self.time,
            link_type: self.link_type,
            start: start(self.link_type),
            bytes: &whole[self.skip..][..self.captured],
            wire_len: self.wire_len.max(self.captured),
        }
    }
}

/// A fault, and its place if that is not the start of the record.
pub(super) type Fault = (Option<u64>, Cause);

/// Fills the buffer, or tells that the capture ends too early.
pub(super) fn fill<R: Read>(
    input: &mut Buffer<R>,
    needed: usize,
    within: &'static str,
) -> Result<(), Fault> {
    let present = input.fill(needed).map_err(|error| (None, Cause::System(error)))?;
    if present < needed {
        return Err((None, Cause::Truncated { within, needed, present }));
    }
    Ok(())
}

/// What other files begin with.
const LIKENESSES: &[(&[u8], &str)] = &[
    (&[0x1f, 0x8b], "a gzip file; decompress it first, as in `zcat FILE | tcpexposure print -`"),
    (&[0x28, 0xb5, 0x2f, 0xfd], "a zstd file; decompress it first"),
    (&[0xfd, b'7', b'z', b'X'], "an xz file; decompress it first"),
    (b"snoo", "a snoop file; `editcap FILE OUT.pcapng` makes a capture of it"),
    (&[0x34, 0xcd, 0xb2, 0xa1], "a capture of Alexey Kuznetsov's pcap; `editcap` converts it"),
    (&[0xa1, 0xb2, 0xcd, 0x34], "a capture of Alexey Kuznetsov's pcap; `editcap` converts it"),
];
