//! The judge of a retransmission with other content.

use super::{Findings, note};
use crate::experiment::{log::Stage, procedure::command, trial::Trial, verdict::UNDETERMINED};

/// `PseudoRtx`, `PseudoRtxL` and `PseudoRtxS`.
pub(crate) fn retransmission(trial: &Trial, findings: &mut Findings) {
    let proof = trial.log.evidence(AGAIN, trial.log.answers(AGAIN));
    note(trial, 0, code(trial), proof, findings);
}

fn code(trial: &Trial) -> i8 {
    let log = &trial.log;
    let Some(sent) = log.sent(AGAIN).next_back() else {
        return UNDETERMINED;
    };
    if let Some((_, echo)) = log.echo(AGAIN) {
        let new = echo.copy == [command::ECHO; 2];
        return match (new, echo.received.length == sent.length) {
            (true, true) => 0,
            (true, false) => 4,
            (false, _) => 6,
        };
    }
    let Some(latest) = log.latest_ack(AGAIN) else {
        return if log.reset(AGAIN).is_some() { 5 } else { 1 };
    };
    match latest.head.ack.distance(sent.seq) {
        0 => 3,
        1.. => 2,
        _ => 6,
    }
}

const AGAIN: Stage = Stage::Burst(1);
