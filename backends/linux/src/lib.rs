//! Linux as a wire: packet sockets and raw IP sockets behind one [`Link`](tcpexposure_link::Link).
//!
//! [`open`] is the paved path: it asks the kernel for the way to a target, finds out the next hop's
//! hardware address, chooses how to send so that every field goes out as it was written, and
//! listens on the interface that the answers come in by. [`Guard`] keeps the kernel from answering
//! in our stead, without touching any firewall. [`doctor`] tells what works here and what does not.
//!
//! For many packets there are [`open_transmit`] and [`open_receive`], one for each of two threads:
//! the fastest way to send that the interface has, and frames borrowed from a ring.
//!
//! ```no_run
//! use tcpexposure_link::Link;
//! use tcpexposure_linux::{Guard, Options, open};
//!
//! # fn main() -> Result<(), tcpexposure_link::Error> {
//! let guard = Guard::new(None)?;
//! let mut link = open([192, 0, 2, 1].into(), &Options::default())?;
//! println!("{}, from {} port {}", link.description(), link.source(), guard.port());
//! let packet = [0x45, 0, 0, 40]; // and so on
//! link.slot()?[..packet.len()].copy_from_slice(&packet);
//! link.commit(packet.len())?;
//! link.flush()?;
//! # Ok(())
//! # }
//! ```
#![cfg(target_os = "linux")]
#![deny(unsafe_code)]

mod address;
mod auxiliary;
pub mod bpf;
pub mod choose;
pub mod doctor;
mod error;
pub mod filter;
mod guard;
mod interface;
mod link;
pub mod neighbour;
mod netlink;
mod packet;
mod queue;
mod raw;
mod receive;
mod route;
#[expect(unsafe_code, reason = "system calls; each block is argued")]
mod sys;
mod transmit;
pub mod xdp_live;

pub use filter::Interest;
pub use guard::Guard;
pub use interface::{Addressed, Counters, Framing, Interface};
pub use link::{Backend, LinuxLink, Options, listen, open};
pub use receive::{ReceiveLink, Reception, open_receive};
pub use route::Route;
pub use transmit::{Transmit, TransmitLink, open_transmit};

/// The README, so that its example is compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
