//! What a trial sends, and the timer that goes with it.

use super::{CLOSING, Moment, Phase, Trial, Turn};
use crate::{
    experiment::{
        compose::{self, Path},
        log::{Sent, Stage},
    },
    wire::tcp::{Flags, Seq},
};

impl Trial {
    /// Writes the next packet of this transmission.
    pub(super) fn transmit(
        &mut self,
        moment: &Moment<'_>,
        path: &Path<'_>,
        slot: &mut [u8],
    ) -> Turn {
        let written = match self.phase {
            Phase::Connect => self.write_opening(moment, path, slot),
            Phase::Probe(index) => self.write_piece(moment, index, path, slot),
            Phase::Close => self.write_bare(moment, Flags::FIN.with(Flags::ACK), path, slot),
            Phase::Abandon => self.write_bare(moment, Flags::RST.with(Flags::ACK), path, slot),
            _ => self.write_bare(moment, Flags::ACK, path, slot),
        };
        self.pending = self.pending.saturating_sub(1);
        if let Some(length) = written {
            return Turn::Send(length);
        }
        // Nothing fits the slot, or the addresses are of two families: there is nothing to measure.
        self.phase = Phase::Over;
        Turn::Over
    }

    fn write_opening(
        &mut self,
        moment: &Moment<'_>,
        path: &Path<'_>,
        slot: &mut [u8],
    ) -> Option<usize> {
        let opening = &self.procedure.opening;
        self.log.send(Sent {
            number: moment.number,
            stage: Stage::Opening,
            piece: 0,
            seq: self.voice.isn,
            ack: Seq(0),
            length: opening.payload.map_or(0, |(_, length)| length),
        });
        self.start_wait(moment, opening.waits);
        compose::opening(path, &self.voice, opening, slot)
    }

    fn write_piece(
        &mut self,
        moment: &Moment<'_>,
        index: u8,
        path: &Path<'_>,
        slot: &mut [u8],
    ) -> Option<usize> {
        let burst = self.burst(index)?;
        let at = burst.order.len().checked_sub(usize::from(self.pending))?;
        let piece = *burst.order.get(at)?;
        let span = compose::span(burst, usize::from(piece), self.mss)?;
        let (seq, ack) = (self.base.0.add(span.offset), self.base.1);
        self.log.send(Sent {
            number: moment.number,
            stage: Stage::Burst(index),
            piece,
            seq,
            ack,
            length: span.length,
        });
        self.start_wait(moment, burst.waits);
        let place = compose::Place { flags: Flags::ACK, seq, ack };
        let what = (burst, usize::from(piece), self.mss);
        compose::piece(path, &self.voice, place, what, slot)
    }

    fn write_bare(
        &mut self,
        moment: &Moment<'_>,
        flags: Flags,
        path: &Path<'_>,
        slot: &mut [u8],
    ) -> Option<usize> {
        let (seq, ack) = self.base;
        self.start_wait(moment, CLOSING);
        let place = compose::Place { flags, seq, ack };
        compose::bare(path, &self.voice, place, slot)
    }

    /// Sets the timer for the transmission that goes out now.
    fn start_wait(&mut self, moment: &Moment<'_>, waits: &[u8]) {
        let units = waits.get(usize::from(self.tries).saturating_sub(1));
        let units = u32::from(units.or(waits.last()).copied().unwrap_or(1));
        let wait = moment.timer.timeout().saturating_mul(units);
        self.sent_at = moment.now;
        self.deadline = moment.now.after(wait);
    }
}
