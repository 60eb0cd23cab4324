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
