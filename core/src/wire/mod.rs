//! The formats on the wire: a fixed header is a view of the bytes with every bit kept, a variable
//! part is a range. Host byte order in, host byte order out.
//!
//! ```
//! use tcpexposure_core::wire::tcp;
//! use zerocopy::FromBytes as _;
//! let bytes = [0x0f, 0xa0, 0, 80, 0, 0, 0, 7, 0, 0, 0, 0, 0x50, 2, 2, 0, 0, 0, 0, 0];
//! let (header, _) = tcp::Header::ref_from_prefix(&bytes).unwrap();
//! assert_eq!((header.source_port(), header.seq(), header.window()), (4000, tcp::Seq(7), 512));
//! ```

pub mod checksum;
pub mod ethernet;
pub mod icmp;
pub mod ipv4;
pub mod ipv6;
pub mod options;
pub mod packet;
pub mod protocol;
pub mod tcp;
