//! macOS, FreeBSD, NetBSD and OpenBSD as a wire: BPF devices behind one
//! [`Link`](tcpexposure_link::Link).
//!
//! `live::open` is the paved path: it asks the routing socket for the way to a target, finds out the
//! next hop's hardware address, and sends and hears by a BPF device on that interface. `live::Guard`
//! keeps the kernel from answering in our stead as far as the system lets it.
//!
//! Whatever can be is pure, and is compiled and tested everywhere: the [records](record) of a read
//! buffer, [link types](link_type), [requests](request) to devices, [socket addresses](sockaddr),
//! [routing messages](route::message), [raw packets](raw), and the [link] over any
//! [`Device`](device::Device), a model included. What differs between the systems is one table,
//! [`system`]. The system calls themselves are in one file, which no machine of ours can run: they
//! are compiled for each of these systems, and that is all that is known of them.
#![deny(unsafe_code)]

pub mod device;
mod error;
pub mod interface;
pub mod link;
pub mod link_type;
#[cfg(all(
    target_pointer_width = "64",
    any(target_os = "macos", target_os = "freebsd", target_os = "netbsd", target_os = "openbsd")
))]
pub mod live;
pub mod raw;
pub mod record;
pub mod request;
pub mod route;
pub mod sockaddr;
pub mod system;
