//! Judges of three segments in a row.

use super::{Findings, note};
use crate::experiment::{
    compose,
    log::{Echo, Stage},
    procedure::{Burst, command},
    trial::Trial,
    verdict::UNDETERMINED,
};

/// `Coalesce` and `CoalesceFq`.
pub(crate) fn plain(trial: &Trial, findings: &mut Findings) {
    conclude(
        trial,
        merged(trial).map_or(UNDETERMINED, |merged| i8::from(merged.is_some())),
        findings,
    );
}

/// `CoalesceKnownOpt` and `CoalesceFqKnownOpt`.
pub(crate) fn stamped(trial: &Trial, findings: &mut Findings) {
    let returned = trial.log.answers(BURST).filter(|answer| answer.head.stamps > 0);
    let returned = returned.count().saturating_sub(1);
    conclude(trial, kept(trial, |echo| usize::from(echo.received.stamps), returned), findings);
}

/// `CoalesceOpt` and `CoalesceFqOpt`.
pub(crate) fn unknown(trial: &Trial, findings: &mut Findings) {
    conclude(trial, kept(trial, |echo| usize::from(echo.received.unknowns), 0), findings);
}

fn conclude(trial: &Trial, code: i8, findings: &mut Findings) {
    let proof = trial.log.evidence(BURST, trial.log.answers(BURST));
    note(trial, 0, code, proof, findings);
}

/// Tells how many of the options a merged segment has kept. The original took the answers with an
/// option for arrivals too, and two segments to be merged always.
fn kept(trial: &Trial, count: impl Fn(&Echo) -> usize, returned: usize) -> i8 {
    let (echo, segments) = match merged(trial) {
        None => return UNDETERMINED,
        Some(None) => return 0,
        Some(Some(found)) => found,
    };
    let arrived = count(echo);
    let (options, expected) =
        if trial.voice.faithful() { (arrived.max(returned), 2) } else { (arrived, segments) };
    match options.cmp(&expected) {
        _ if options == 0 => 3,
        core::cmp::Ordering::Equal => 1,
        core::cmp::Ordering::Less => 2,
        core::cmp::Ordering::Greater => 4,
    }
}

/// Tells whether the segment with the command arrived in another size, and how many segments what
/// arrived covers; `None` when there is no echo to tell by.
fn merged(trial: &Trial) -> Option<Option<(&Echo, usize)>> {
    let burst = trial.procedure.bursts.first()?;
    let (_, echo) = trial.log.echo(BURST)?;
    let commanded = burst.pieces.iter().position(|piece| piece.fill == command::ECHO)?;
    let size = burst.pieces.get(commanded)?.size.bytes(trial.mss());
    if echo.received.length == size {
        return Some(None);
    }
    let covered = covered(burst, commanded, trial.mss(), echo.received.length);
    Some(Some((echo, covered)))
}

/// Counts the segments that `length` bytes from the commanded one on touch; a shorter one was
/// joined to the segment before.
fn covered(burst: &Burst, commanded: usize, mss: u16, length: u16) -> usize {
    let start = compose::span(burst, commanded, mss).map_or(0, |span| span.offset);
    let end = start.saturating_add(u32::from(length));
    let pieces = commanded..burst.pieces.len();
    let touched = pieces.filter_map(|piece| compose::span(burst, piece, mss));
    touched.filter(|span| span.offset < end).count().max(2)
}

const BURST: Stage = Stage::Burst(0);
