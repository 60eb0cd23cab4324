//! Version 1 of the conversation between an initiator and the modern responder.
//!
//! * A SYN/ACK tells by the low half of its sequence number what the SYN was like when it arrived
//!   ([`Told`]), so that this outlasts the loss of every option; and by an option of its own, where
//!   the SYN has one that asks for it ([`Account`]), in full.
//! * A data segment carries an [`Order`]: how the answer is to look, and a nonce. The order may
//!   stand anywhere in the payload, so that it can be dressed in any protocol.
//! * The answer is a [`Report`]: the headers as they arrived, length and hash of the payload, what
//!   the checksum was like, the headers as they are sent, and a seal over all of it. It is sent
//!   only to a source that has proven the handshake by acknowledging our sequence number.
//!
//! Version 0 is [`report`](super::report). A responder answers both, and tells them apart by the
//! order's magic. All of it is stateless: an answer is computed from one packet.
//!
//! ```
//! use tcpexposure_core::respond::v1::{self, Order};
//! assert_eq!(v1::VERSION, 1);
//! assert!(Order::find(b"no order here").is_none());
//! ```

mod order;
mod report;
mod told;

pub use order::{Mode, Order, Wrap};
pub use report::{Checksum, Content, HEADER, HOLE, Parts, Report, filler, payload_hash, twist};
pub use told::{ACCOUNT, Account, Told, exid};

/// The version that is spoken here.
pub const VERSION: u8 = 1;

/// Finds `magic` in a payload and gives what follows from there.
fn find(payload: &[u8], magic: [u8; 4]) -> Option<&[u8]> {
    let at = payload.windows(magic.len()).position(|window| window == magic)?;
    payload.get(at..)
}
