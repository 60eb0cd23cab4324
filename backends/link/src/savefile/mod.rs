//! Capture files: pcap and pcapng, read as streams of any length and written with nanoseconds.
//!
//! Reading is ours and not a library's, because none of those at hand tells the offset of a fault,
//! keeps the time resolution of every interface, and gives packets whose comments cannot be read.

mod buffer;
mod link_type;
mod pcap;
mod pcapng;
mod reader;
mod writer;

pub use link_type::{link_type, start};
pub use reader::{Cause, ReadError, Reader, Record};
pub use writer::{About, Format, Writer};
