//! The contract between an engine and the loop that drives it.
//!
//! An engine (a responder, an exchange, an experiment, a scan) is a pure state machine: packets and
//! time in, bytes and events out. It knows no sockets, files, clocks, threads or printing.
//!
//! The driver keeps two rules. It calls [`Engine::handle`] once for each packet that arrives, and
//! it calls [`Engine::poll`] again and again until the answer is [`Step::Wait`] or [`Step::Done`].
//! Packets are numbered from 1 in the order in which they cross this interface, both directions in
//! one count: a call of `handle` is one packet, a [`Step::Send`] is one packet. Engines name the
//! packets that prove a finding by these numbers, and capture files hold them in the same order.
//!
//! ```
//! use tcpexposure_core::{
//!     craft::{Draft, Ipv4, Network},
//!     engine::{Engine, SLOT, Step},
//!     respond::{Config, Ports, Responder, siphash::Key},
//!     time::Instant,
//!     wire::{packet::Packet, tcp::Flags},
//! };
//! let network = Network::V4(Ipv4 {
//!     source: [192, 0, 2, 1].into(),
//!     destination: [192, 0, 2, 2].into(),
//!     ..Ipv4::default()
//! });
//! let syn = Draft { network, source_port: 4000, destination_port: 80, flags: Flags::SYN, ..Draft::default() };
//! let (mut buffer, mut slot) = ([0; 100], [0; SLOT]);
//! let mut responder = Responder::new(Config::modern(Ports::new(&[80]).unwrap(), Key::new([7; 16])));
//! responder.handle(Instant::ZERO, &Packet::from_ip(syn.write(&mut buffer).unwrap()));
//! let Step::Send(length) = responder.poll(Instant::ZERO, &mut slot) else { panic!() };
//! let answer = Packet::from_ip(&slot[..length]);
//! let flags = answer.tcp().unwrap().header.flags();
//! assert!(flags.contains(Flags::SYN) && flags.contains(Flags::ACK));
//! ```

use crate::{time::Instant, wire::packet::Packet};

/// A sans-IO state machine.
pub trait Engine {
    /// What the engine reports: a verdict, a finding, an answer.
    type Event;

    /// Takes in one packet that arrived at `now`.
    fn handle(&mut self, now: Instant, packet: &Packet<'_>);

    /// Tells the next step, writing into `slot` the IP packet that is to be sent, if any.
    ///
    /// `slot` is at least [`SLOT`] bytes long and holds anything at all on entry.
    fn poll(&mut self, now: Instant, slot: &mut [u8]) -> Step<Self::Event>;
}

/// The smallest slot that a link may lend: one Ethernet payload of 1,500 bytes.
pub const SLOT: usize = 1500;

/// What an engine asks of its driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<Event> {
    /// The first so many bytes of the slot are an IP packet to be sent.
    Send(usize),
    /// Something to be reported.
    Emit(Event),
    /// Nothing more until a packet arrives or this time has come.
    Wait(Instant),
    /// The engine has finished.
    Done,
}
