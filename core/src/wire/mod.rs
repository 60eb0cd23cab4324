//! The formats on the wire: a fixed header is a view of the bytes with every bit kept, a variable
//! part is a range. Host byte order in, host byte order out.

pub mod checksum;
pub mod ethernet;
pub mod icmp;
pub mod ipv4;
pub mod ipv6;
pub mod options;
pub mod packet;
pub mod protocol;
pub mod tcp;
