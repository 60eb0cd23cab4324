//! When the evidence of a burst is in, and what to do when it is not.

use super::{
    log::{Log, Stage},
    procedure::Until,
    trial::Next,
};

impl Until {
    /// Tells whether nothing more can come that would change a verdict.
    pub(crate) fn complete(self, log: &Log, stage: Stage, faithful: bool) -> bool {
        let echo = log.echo(stage).is_some();
        match self {
            Self::Echo | Self::Pair => log.reset(stage).is_some() || echo && all_acked(log, stage),
            Self::Acks => log.acks(stage).count() >= pieces(log, stage),
            Self::FirstEcho | Self::EchoOrAck => echo,
            Self::Exact => all_acked(log, stage),
            Self::Answer => answered(log, stage, faithful),
        }
    }

    /// Tells what to do when the time is over and the evidence is not complete.
    pub(crate) fn expired(self, log: &Log, stage: Stage) -> Next {
        let echo = log.echo(stage).is_some();
        let acks = log.acks(stage).next().is_some();
        let reset = log.reset(stage).is_some();
        match self {
            Self::Echo => match (all_acked(log, stage), echo) {
                (false, _) => Next::Again,
                (true, false) => Next::Forward,
                (true, true) => Next::Done,
            },
            Self::Pair if !all_acked(log, stage) && !reset => Next::Again,
            Self::FirstEcho if !echo && !reset => Next::Again,
            Self::EchoOrAck if !acks && !reset => Next::Again,
            Self::Acks | Self::Exact if !acks && !reset => Next::Again,
            Self::Answer if log.answers(stage).next().is_none() => Next::Again,
            _ if reset => Next::Stop,
            _ => Next::Done,
        }
    }
}

/// Tells how many pieces the burst has.
fn pieces(log: &Log, stage: Stage) -> usize {
    let last = log.sent(stage).map(|sent| sent.piece).max();
    usize::from(last.unwrap_or(0)).saturating_add(1)
}

/// Tells whether a piece was acknowledged exactly, in one of its transmissions.
pub(crate) fn piece_acked(log: &Log, stage: Stage, piece: u8) -> bool {
    let mut sent = log.sent(stage).filter(|sent| sent.piece == piece);
    sent.any(|sent| log.exact(stage, sent.end()).is_some())
}

/// Tells whether each piece was acknowledged exactly.
pub(crate) fn all_acked(log: &Log, stage: Stage) -> bool {
    let mut sent = log.sent(stage).map(|sent| sent.piece);
    sent.all(|piece| piece_acked(log, stage, piece))
}

/// Tells whether an answer begins where the burst's acknowledgement says.
fn answered(log: &Log, stage: Stage, faithful: bool) -> bool {
    let Some(sent) = log.sent(stage).next_back() else {
        return false;
    };
    let mut answers = log.answers(stage);
    answers.any(|answer| answer.head.seq == sent.ack && (faithful || !answer.resets()))
}
