//! Judges of one data segment and its echo.

use super::{Findings, incoming_sequence, note, sequence};
use crate::experiment::{
    log::{Answer, Echo, Log, Seen, Stage},
    trial::Trial,
    until::all_acked,
    verdict::{Evidence, UNDETERMINED},
};

/// `Data` and what follows from it.
pub(crate) fn plain(trial: &Trial, findings: &mut Findings) {
    let code = match received(trial, 2) {
        Ok(_) => 0,
        Err(code) => code,
    };
    note(trial, 0, code, evidence(trial), findings);
    let split = split(trial);
    sides(trial, code, split, findings);
    if code != 1 && code != UNDETERMINED {
        let (code, proof) = sequence(trial, DATA);
        note(trial, 4, code, proof, findings);
        let (code, proof) = incoming_sequence(trial, DATA);
        note(trial, 5, code, proof, findings);
    } else {
        note(trial, 4, UNDETERMINED, Evidence::new(), findings);
        note(trial, 5, UNDETERMINED, Evidence::new(), findings);
    }
}

/// `DataKnownOpt` and what follows from it.
pub(crate) fn stamped(trial: &Trial, findings: &mut Findings) {
    let code = match received(trial, 8) {
        Ok(echo) => stamp_code(trial, echo, trial.voice.stamp),
        Err(code) => code,
    };
    note(trial, 0, code, evidence(trial), findings);
    let stamps = |answer: &Answer| usize::from(answer.head.stamps);
    sides(trial, code, split_options(trial, stamps), findings);
}

/// `InconTsEcr`.
pub(crate) fn inconsistent(trial: &Trial, findings: &mut Findings) {
    let code = match received(trial, 8) {
        // The original's responder died of a request without timestamp.
        Ok(echo) if trial.voice.faithful() && echo.received.stamp.is_none() => 1,
        Ok(echo) => stamp_code(trial, echo, trial.voice.stamp.wrapping_sub(1)),
        Err(code) => code,
    };
    note(trial, 0, code, evidence(trial), findings);
}

/// `DataOpt` and what follows from it.
pub(crate) fn unknown(trial: &Trial, findings: &mut Findings) {
    let code = match received(trial, 8) {
        _ if came_back(trial, Seen::Right) && trial.log.reset(DATA).is_none() => 0,
        Ok(echo) => option_code(trial, echo),
        Err(code) => code,
    };
    note(trial, 0, code, evidence(trial), findings);
    let receipts = |answer: &Answer| {
        usize::from(matches!(answer.head.receipt, Seen::Right | Seen::Other | Seen::Reflected))
    };
    sides(trial, code, split_options(trial, receipts), findings);
}

/// Gives the echo, or the code for its lack.
fn received(trial: &Trial, reset: i8) -> Result<&Echo, i8> {
    if trial.log.reset(DATA).is_some() {
        return Err(reset);
    }
    if trial.log.sent(DATA).next().is_none() {
        return Err(UNDETERMINED);
    }
    if !all_acked(&trial.log, DATA) {
        return Err(1);
    }
    trial.log.echo(DATA).map(|(_, echo)| echo).ok_or(UNDETERMINED)
}

/// Compares the timestamp that arrived with the echo that came back, which should be `good`.
fn stamp_code(trial: &Trial, echo: &Echo, good: u32) -> i8 {
    let mut answers = trial.log.answers(DATA);
    let returned = answers.find_map(|answer| answer.head.stamp.map(|(_, echo)| echo));
    let arrived = echo.received.stamp.map(|(value, _)| value);
    let sent = Some(trial.voice.stamp);
    match (returned, arrived) {
        (Some(value), _) if value == good && arrived == sent => 0,
        (Some(value), _) if value == good => 9,
        (Some(0), _) if arrived == sent => 7,
        (Some(0), Some(0)) => 4,
        (Some(0), _) => 9,
        (Some(_), _) if arrived == sent => 6,
        (Some(_), None | Some(0)) => 9,
        (Some(_), Some(_)) => 3,
        (None, _) if arrived == sent => 5,
        (None, None) => 2,
        (None, Some(_)) => 9,
    }
}

/// Compares the unknown option that arrived with the wrong answer that came back, if any.
fn option_code(trial: &Trial, echo: &Echo) -> i8 {
    let arrived = echo.received.unknown;
    if came_back(trial, Seen::Other) || came_back(trial, Seen::Reflected) {
        if arrived == Seen::Right { 6 } else { 3 }
    } else if came_back(trial, Seen::Zero) {
        if arrived == Seen::Zero { 4 } else { 7 }
    } else if arrived == Seen::Absent {
        2
    } else {
        5
    }
}

fn came_back(trial: &Trial, seen: Seen) -> bool {
    let mut answers = trial.log.answers(DATA);
    answers.any(|answer| answer.head.receipt == seen)
}

/// Notes split, window and indirect acknowledgement, which the own code must allow to be told.
fn sides(trial: &Trial, own: i8, split: i8, findings: &mut Findings) {
    let told = own != 1 && own != UNDETERMINED;
    let codes = [split, window(trial), indirect(trial)];
    for (index, code) in (1_usize..).zip(codes) {
        let code = if told { code } else { UNDETERMINED };
        let proof = if told { evidence(trial) } else { Evidence::new() };
        note(trial, index, code, proof, findings);
    }
}

/// Tells whether the segment was cut up.
fn split(trial: &Trial) -> i8 {
    let sent = trial.log.sent(DATA).next_back().map(|sent| sent.length);
    match (trial.log.echo(DATA), sent) {
        (Some((_, echo)), Some(sent)) if echo.received.length < sent => 1,
        (Some((_, echo)), Some(sent)) if echo.received.length == sent => 0,
        _ => UNDETERMINED,
    }
}

/// Tells which parts of a segment that was cut up have the option, by what `count` finds of it in
/// the answers.
fn split_options(trial: &Trial, count: impl Fn(&Answer) -> usize) -> i8 {
    let code = split(trial);
    if code != 1 {
        return code;
    }
    let options: usize = trial.log.answers(DATA).map(count).sum();
    let parts = trial.log.acks(DATA).count();
    match options.cmp(&parts) {
        _ if options == 0 => 3,
        core::cmp::Ordering::Equal => 1,
        core::cmp::Ordering::Less => 2,
        core::cmp::Ordering::Greater => 4,
    }
}

/// Tells whether the window was changed on the way out.
fn window(trial: &Trial) -> i8 {
    match trial.log.echo(DATA) {
        Some((_, echo)) => i8::from(echo.received.window != trial.voice.window),
        None => UNDETERMINED,
    }
}

/// Tells whether a box acknowledged: the responder's own answer has payload.
fn indirect(trial: &Trial) -> i8 {
    if trial.voice.faithful() {
        return i8::from(trial.log.answers(DATA).any(is_bare));
    }
    let log = &trial.log;
    if log.acks(DATA).any(|answer| is_bare(answer) && is_new(log, answer)) {
        return 1;
    }
    let sure = log.echo(DATA).is_some() && !log.overflow;
    if sure { 0 } else { UNDETERMINED }
}

fn is_bare(answer: &Answer) -> bool {
    let flags = answer.head.flags;
    flags.contains(crate::wire::tcp::Flags::ACK)
        && answer.head.ack.0 != 0
        && answer.head.length == 0
}

/// Tells whether an answer acknowledges something of the burst.
fn is_new(log: &Log, answer: &Answer) -> bool {
    let mut sent = log.sent(DATA);
    sent.any(|sent| sent.seq.precedes(answer.head.ack))
}

fn evidence(trial: &Trial) -> Evidence {
    let log = &trial.log;
    if log.sent(DATA).next().is_none() {
        return log.evidence(Stage::Opening, log.answers(Stage::Opening));
    }
    log.evidence(DATA, log.answers(DATA))
}

const DATA: Stage = Stage::Burst(0);
