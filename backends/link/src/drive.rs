//! The only loop.

use std::ops::ControlFlow;

use tcpexposure_core::{
    engine::{Engine, Step},
    wire::packet::Packet,
};

use crate::{Error, Link};

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The engine had finished.
    Done,
    /// The sink asked to stop.
    Stopped,
}

/// Runs `engine` over `link` until it has finished or `sink` asks to stop.
///
/// `sink` gets every event, and `None` each time the link has waited, so that a caller can stop a
/// run that has nothing to report.
///
/// # Errors
/// Whatever the link says.
pub fn drive<E: Engine>(
    engine: &mut E,
    link: &mut impl Link,
    mut sink: impl FnMut(Option<E::Event>) -> ControlFlow<()>,
) -> Result<Outcome, Error> {
    loop {
        let deadline = loop {
            let now = link.now();
            match engine.poll(now, link.slot()?) {
                Step::Send(length) => link.commit(length)?,
                Step::Emit(event) => {
                    if sink(Some(event)).is_break() {
                        link.flush()?;
                        return Ok(Outcome::Stopped);
                    }
                }
                Step::Wait(deadline) => break deadline,
                Step::Done => {
                    link.flush()?;
                    return Ok(Outcome::Done);
                }
            }
        };
        link.flush()?;
        if let Some(frame) = link.recv(deadline)? {
            let packet = Packet::parse(frame.start, frame.bytes, frame.wire_len, frame.offload);
            engine.handle(frame.time, &packet);
        }
        if sink(None).is_break() {
            return Ok(Outcome::Stopped);
        }
    }
}
