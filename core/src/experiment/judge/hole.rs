//! Judges of holes: in sequence space, in acknowledgements, in time.

use super::{Findings, note};
use crate::experiment::{
    log::{Sent, Stage},
    trial::Trial,
    until::{all_acked, piece_acked},
    verdict::UNDETERMINED,
};

/// `SeqHole`.
pub(crate) fn sequence(trial: &Trial, findings: &mut Findings) {
    let code = last(trial, BEHIND).map_or(UNDETERMINED, |sent| {
        let Some(latest) = trial.log.latest_ack(BEHIND) else {
            return 1;
        };
        let ack = latest.head.ack;
        let hole = sent.seq.sub(u32::from(sent.length));
        if ack == sent.end() {
            0
        } else if ack == hole {
            2
        } else {
            3
        }
    });
    conclude(trial, BEHIND, code, findings);
}

/// `AckHole`.
pub(crate) fn ack(trial: &Trial, findings: &mut Findings) {
    let code = last(trial, BEHIND).map_or(UNDETERMINED, |sent| ack_code(trial, sent));
    conclude(trial, BEHIND, code, findings);
}

fn ack_code(trial: &Trial, sent: &Sent) -> i8 {
    let log = &trial.log;
    if !trial.voice.faithful() && log.reset(BEHIND).is_some() {
        return 4;
    }
    let sequences = log.answers(BEHIND).map(|answer| answer.head.seq);
    let Some(latest) = sequences.reduce(|best, seq| best.later(seq)) else {
        return 1;
    };
    if latest == sent.ack {
        0
    } else if latest == sent.ack.sub(u32::from(sent.length)) {
        2
    } else {
        3
    }
}

/// `TsHole`.
pub(crate) fn stamp(trial: &Trial, findings: &mut Findings) {
    conclude(trial, TOGETHER, stamp_code(trial), findings);
}

fn stamp_code(trial: &Trial) -> i8 {
    let log = &trial.log;
    if last(trial, TOGETHER).is_none() || !piece_acked(log, TOGETHER, 0) {
        return UNDETERMINED;
    }
    if log.reset(TOGETHER).is_some() {
        return 2;
    }
    if !all_acked(log, TOGETHER) {
        return 1;
    }
    let Some((_, echo)) = log.echo(TOGETHER) else {
        return UNDETERMINED;
    };
    let later = trial.voice.later;
    let mut answers = log.answers(TOGETHER);
    let returned = answers.any(|answer| answer.head.stamp.is_some_and(|(_, echo)| echo == later));
    match (returned, echo.received.stamp.map(|(value, _)| value)) {
        (true, Some(value)) if value == later => 0,
        (false, Some(value)) if value == later => 9,
        (true, None) => 3,
        (true, Some(0)) => 5,
        (true, Some(_)) => 4,
        (false, None) => 6,
        (false, Some(0)) => 8,
        (false, Some(_)) => 7,
    }
}

fn conclude(trial: &Trial, stage: Stage, code: i8, findings: &mut Findings) {
    let proof = trial.log.evidence(stage, trial.log.answers(stage));
    note(trial, 0, code, proof, findings);
}

fn last(trial: &Trial, stage: Stage) -> Option<&Sent> {
    trial.log.sent(stage).next_back()
}

const TOGETHER: Stage = Stage::Burst(0);
const BEHIND: Stage = Stage::Burst(1);
