//! `--calibrate`: the highest rate at which our responder at the far end answers every probe, and
//! we hear every answer.

use std::{sync::mpsc::Receiver, time::Duration};

use serde_json::json;
use tcpexposure_core::scan::prober::Limits;

use super::{
    Probe,
    account::Traffic,
    plan::Plan,
    receive::{Batch, Keep},
    shared::Shared,
    signals::Signals,
    threads::{self, Work},
    way::Way,
    wire::Wire,
};
use crate::{
    exit::{Exit, Failure},
    fence::{Fence, Programs},
    output::Output,
};

/// One try at a rate.
#[derive(Clone, Copy, Debug)]
struct Try {
    /// The rate that was asked for.
    asked: u32,
    /// Packets a second that went out.
    reached: u32,
    sent: u64,
    answered: u64,
    /// Packets that are known to be lost here.
    lost: u64,
}

/// Finds the rate.
pub(super) fn run(probe: &Probe, plan: &Plan, output: &mut Output) -> Result<Exit, Failure> {
    if matches!(probe.sending.backend, Way::Sim(_)) {
        return Err(Failure::new(Exit::Usage, "a simulated path takes any rate")
            .hint("name a target at which `tcpexposure respond` runs"));
    }
    let signals = Signals::install()?;
    let mut wire = Wire::open(probe, plan)?;
    output.detail(&wire.description);
    let programs = if wire.generator.is_some() { Programs::Load } else { Programs::None };
    Fence::default().programs(programs).close(output)?;
    let mut measure = |rate| -> Result<Option<Try>, Failure> {
        let mut once = || {
            let found = measure(probe, plan, &mut wire, rate, &signals)?;
            found.print(output).map(|()| found)
        };
        // What others do on this machine may lose something once.
        let first = once()?;
        let found = if first.is_complete() || signals.stop() { first } else { once()? };
        Ok((!signals.stop()).then_some(found))
    };
    let Some(best) = search(&mut measure)? else { return Ok(Exit::Partial) };
    conclude(best, output)
}

/// Doubles the rate until something is lost or it goes no faster, then halves the gap.
fn search(
    measure: &mut impl FnMut(u32) -> Result<Option<Try>, Failure>,
) -> Result<Option<Try>, Failure> {
    let (mut good, mut bad) = (None, None);
    let mut rate = FIRST;
    for _ in 0..TRIES {
        let Some(found) = measure(rate)? else { return Ok(None) };
        if !found.is_complete() {
            bad = Some(rate);
        } else if found.is_limit() {
            return Ok(Some(found));
        } else {
            good = Some(found);
        }
        rate = match (good, bad) {
            (None, _) => return Err(found.failure()),
            (Some(good), None) => good.asked.saturating_mul(2),
            (Some(good), Some(bad)) => good.asked.midpoint(bad),
        };
        if good.is_some_and(|good| rate - good.asked <= good.asked / PRECISION) {
            break;
        }
    }
    Ok(good)
}

fn conclude(best: Try, output: &mut Output) -> Result<Exit, Failure> {
    let rate = best.asked.min(best.reached);
    if output.json {
        output.object(&json!({"type": "calibration", "rate": rate}))?;
    } else {
        let why = if best.is_limit() { ", which is as fast as it goes" } else { "" };
        output.line(&format!("nothing is lost at {rate} packets a second{why}"))?;
    }
    Ok(Exit::Done)
}

/// Sends for a second at a rate, and counts what comes back.
fn measure(
    probe: &Probe,
    plan: &Plan,
    wire: &mut Wire,
    rate: u32,
    signals: &Signals,
) -> Result<Try, Failure> {
    let each = u64::from(rate).div_ceil(plan.size.max(1));
    let limits = Limits {
        targets: None,
        results: None,
        time: Some(SPAN),
        probes: u32::try_from(each).unwrap_or(u32::MAX),
        retries: 0,
        cooldown: plan.limits.cooldown,
    };
    let plan = Plan { limits, rate: rate.into(), bits: false, ..plan.clone() };
    let shared = Shared::new(plan.rate, 0);
    let (mut answered, mut begun) = (0, None);
    let source = wire.source.clone();
    let before = wire.statistics()?;
    let traffic = plan.with_load(probe, &source, |load| {
        let keep = Keep { frames: false, all: false };
        let work = Work { plan: &plan, load, keep, shared: &shared };
        let watch = |batches: &Receiver<Batch>| {
            for batch in batches {
                begun = begun.or(Some(batch.until));
                answered += batch.classes.len() as u64;
                let over = shared
                    .ended()
                    .is_some_and(|end| batch.until.since(end) >= plan.limits.cooldown);
                if signals.stop() {
                    shared.halt();
                }
                if over || signals.stop() {
                    shared.close();
                }
            }
            Ok(())
        };
        let generator = threads::generator(wire, work)?;
        let (traffic, result) = threads::run(wire, generator, work, watch);
        result.map(|()| traffic)
    })?;
    let span = begun.zip(shared.ended()).map_or(SPAN, |(begun, ended)| ended.since(begun));
    Ok(Try::new(rate, &traffic.since(&before), answered, span))
}

impl Try {
    fn new(asked: u32, traffic: &Traffic, answered: u64, span: Duration) -> Self {
        let nanos = span.as_nanos().max(1);
        let reached = u128::from(traffic.asked) * Duration::from_secs(1).as_nanos() / nanos;
        Self {
            asked,
            reached: u32::try_from(reached).unwrap_or(u32::MAX),
            sent: traffic.asked,
            answered,
            lost: traffic.unsent().saturating_add(traffic.unheard()),
        }
    }

    /// Tells whether every probe was answered and nothing was lost.
    const fn is_complete(&self) -> bool {
        self.answered >= self.sent && self.lost == 0
    }

    /// Tells whether the wire takes no more: less than three quarters of what was asked for went out.
    fn is_limit(&self) -> bool {
        u64::from(self.reached) * 4 < u64::from(self.asked) * 3
    }

    fn failure(&self) -> Failure {
        let Self { asked, sent, answered, .. } = self;
        let message =
            format!("even at {asked} packets a second {answered} of {sent} probes are answered");
        Failure::new(Exit::NoAnswer, message)
            .hint("run `tcpexposure respond --port 80 --rate 4G` at the target, and name its port")
    }

    fn print(&self, output: &mut Output) -> Result<(), Failure> {
        let Self { asked, reached, sent, answered, lost } = self;
        if output.json {
            return output.object(&json!({
                "type": "try",
                "rate": asked,
                "reached": reached,
                "sent": sent,
                "answered": answered,
                "lost_here": lost,
            }));
        }
        output.remark(&format!(
            "at {asked} packets a second ({reached} reached): sent {sent}, answered {answered}, \
             lost here {lost}"
        ));
        Ok(())
    }
}

/// The rate to begin with.
const FIRST: u32 = 1000;
/// How long to send at each rate.
const SPAN: Duration = Duration::from_secs(1);
/// How often to try.
const TRIES: u32 = 40;
/// The result is right to one part in so many.
const PRECISION: u32 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays a wire that takes so much, and loses what is above a threshold.
    fn found(takes: u32, keeps: u32) -> Result<Option<Try>, Failure> {
        search(&mut |asked: u32| {
            let reached = asked.min(takes);
            let (sent, answered) = (u64::from(reached), u64::from(reached.min(keeps)));
            Ok(Some(Try { asked, reached, sent, answered, lost: 0 }))
        })
    }

    #[test]
    fn the_threshold_is_found() {
        for keeps in [1000, 1500, 77_777, 1_000_000, 123_456_789] {
            let best = found(u32::MAX, keeps).unwrap().unwrap();
            assert!(best.asked <= keeps && best.asked >= keeps - keeps / 8, "{best:?} of {keeps}");
        }
    }

    #[test]
    fn a_wire_that_goes_no_faster_ends_the_search() {
        let best = found(300_000, u32::MAX).unwrap().unwrap();
        assert!(best.reached == 300_000 && best.is_limit(), "{best:?}");
        assert!(found(u32::MAX, 10).unwrap_err().to_string().contains("10 of 1000 probes"));
    }
}
