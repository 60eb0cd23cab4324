//! Judges of the SYN and its answer.

use super::{Findings, incoming_sequence, largest, note, sequence};
use crate::experiment::{
    log::{Answer, Seen, Stage},
    trial::Trial,
    verdict::{Evidence, UNDETERMINED},
    voice::Signal,
};

/// `Syn` and `UnexpAwnd`.
pub(crate) fn plain(trial: &Trial, findings: &mut Findings) {
    let Some(answer) = answered(trial, findings) else {
        return;
    };
    let window = answer.head.window != trial.voice.responder.window;
    note(trial, 0, 0, evidence(trial, answer), findings);
    note(trial, 1, i8::from(window), evidence(trial, answer), findings);
}

/// `SynOpt` and what follows from it, `SynOpt2`.
pub(crate) fn option(trial: &Trial, findings: &mut Findings) {
    let Some(answer) = answered(trial, findings) else {
        return;
    };
    let arrived = trial.voice.signs(&answer.head, Signal::Unknown);
    let code = match answer.head.receipt {
        // Without any signal the answer is not the responder's.
        Seen::Right if !arrived.any() && !trial.voice.faithful() => 7,
        Seen::Right => 0,
        Seen::Zero => 4,
        Seen::Other => 5,
        Seen::Reflected => 7,
        Seen::Absent if arrived.any() => 6,
        Seen::Absent => 3,
    };
    let cut = largest(trial, FOLLOW_UP) == Some(trial.voice.cut(Signal::Unknown));
    let refined = if code == 3 && cut { 6 } else { code };
    note(trial, 0, refined, evidence(trial, answer), findings);
    let expected = match code {
        3 | 7 => trial.voice.responder.window,
        _ => trial.voice.signalling_window(Signal::Unknown),
    };
    let changed = answer.head.window != expected;
    note(trial, 1, i8::from(changed), evidence(trial, answer), findings);
    let (code, proof) = sequence(trial, FOLLOW_UP);
    note(trial, 2, code, proof, findings);
    let (code, proof) = incoming_sequence(trial, FOLLOW_UP);
    note(trial, 3, code, proof, findings);
}

/// `SynTsEcr`.
pub(crate) fn echo(trial: &Trial, findings: &mut Findings) {
    let Some(answer) = answered(trial, findings) else {
        return;
    };
    let voice = &trial.voice;
    let other = voice.signs(&answer.head, Signal::OtherEcho);
    let right = voice.signs(&answer.head, Signal::Probe);
    let value = answer.head.stamp.map(|(value, _)| value);
    let code = if value == Some(voice.returned_probe()) {
        0
    } else if cleared(trial, answer) {
        4
    } else if other.mss || other.window {
        5
    } else if right.mss || right.window {
        6
    } else if value.is_some() {
        7
    } else {
        unstamped(trial)
    };
    note(trial, 0, code, evidence(trial, answer), findings);
}

/// Tells whether the SYN/ACK says that no echo arrived.
fn cleared(trial: &Trial, answer: &Answer) -> bool {
    let voice = &trial.voice;
    let Some((value, echo)) = answer.head.stamp else {
        return false;
    };
    if voice.is_modern() {
        let plain = answer.head.window == voice.responder.window;
        return echo == voice.stamp && plain && voice.responder.sent(&answer.head);
    }
    voice.responder.stamp == Some(value)
}

/// Tells what the follow-up says of a SYN/ACK without timestamp and without any signal.
fn unstamped(trial: &Trial) -> i8 {
    let size = largest(trial, FOLLOW_UP);
    if size == Some(trial.voice.cut(Signal::Probe)) {
        6
    } else if size == Some(trial.voice.cut(Signal::OtherEcho)) {
        5
    } else {
        3
    }
}

/// `SynData` and its kin.
pub(crate) fn data(trial: &Trial, findings: &mut Findings) {
    let Some(answer) = answered(trial, findings) else {
        return;
    };
    let signs = trial.voice.signs(&answer.head, Signal::Payload);
    let cut = largest(trial, FOLLOW_UP) == Some(trial.voice.cut(Signal::Payload));
    let arrived = signs.window || signs.mss || signs.stamp || cut;
    let code = if arrived { 0 } else { 3 };
    note(trial, 0, code, evidence(trial, answer), findings);
}

/// `SynAckData` and its kin.
pub(crate) fn answer_data(trial: &Trial, findings: &mut Findings) {
    let Some(answer) = answered(trial, findings) else {
        return;
    };
    let code = match answer.head.length {
        0 => 3,
        _ if answer.quotes_syn || trial.voice.faithful() => 0,
        _ => 4,
    };
    note(trial, 0, code, evidence(trial, answer), findings);
}

/// Gives the SYN/ACK; without one, notes what came instead, and that the rest cannot be told.
fn answered<'a>(trial: &'a Trial, findings: &mut Findings) -> Option<&'a Answer> {
    if let Some(answer) = trial.log.syn_ack() {
        return Some(answer);
    }
    let reset = trial.log.reset(Stage::Opening);
    let code = if reset.is_some() { 2 } else { 1 };
    let proof = trial.log.evidence(Stage::Opening, reset);
    note(trial, 0, code, proof, findings);
    for index in 1..trial.procedure.entries.len() {
        note(trial, index, UNDETERMINED, Evidence::new(), findings);
    }
    None
}

fn evidence(trial: &Trial, answer: &Answer) -> Evidence {
    trial.log.evidence(Stage::Opening, [answer])
}

const FOLLOW_UP: Stage = Stage::Burst(0);
