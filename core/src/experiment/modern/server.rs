//! What an ordinary server's SYN/ACK tells: whether it took up what was offered.

use super::{
    catalogue::{Aspect, Family, Row},
    log::option,
    trial::Trial,
    verdict::Finding,
};
use crate::{
    experiment::verdict::{Direction, Outcome},
    wire::{options::kind, tcp::Flags},
};

/// Judges a SYN that a server answered; `None` where its answer tells nothing of the row.
pub(crate) fn judge(trial: &Trial) -> Option<Finding> {
    let outcome = match trial.row.aspect {
        Aspect::SynOption(kind) => offered(trial, kind)?,
        Aspect::SynFlags(mask) => negotiated(trial, mask)?,
        Aspect::SynPayload => payload(trial)?,
        Aspect::SynEcn | Aspect::Arrival => Outcome::Works,
        Aspect::Challenge => challenge(trial),
        _ => return None,
    };
    Some(Finding::of(trial, outcome, Direction::None))
}

/// Tells whether a row's question means anything to an ordinary server.
pub(crate) fn can_judge(row: &Row) -> bool {
    let aspect = matches!(
        row.aspect,
        Aspect::SynOption(_)
            | Aspect::SynFlags(_)
            | Aspect::SynPayload
            | Aspect::SynEcn
            | Aspect::Challenge
    );
    aspect || row.index() == 0
}

fn offered(trial: &Trial, wanted: u8) -> Option<Outcome> {
    let block = trial.syn().block(&trial.first_sketch()?);
    let sent = option(&block, wanted)?;
    let greeting = trial.log.syn_ack.as_ref()?;
    Some(match option(&greeting.options, wanted) {
        None => Outcome::Works,
        // A permission looks the same whoever gives it.
        Some(_) if wanted == kind::SACK_PERMITTED => Outcome::Works,
        Some(arrived) if arrived == sent => Outcome::Reflected,
        Some(arrived) if is_understood(wanted, sent, arrived) => Outcome::Understood,
        Some(arrived) if !arrived.is_empty() && arrived.iter().all(|byte| *byte == 0) => {
            Outcome::Zeroed
        }
        Some(_) => Outcome::Works,
    })
}

/// Tells whether an option answers another as only somebody does who understands it.
fn is_understood(wanted: u8, sent: &[u8], arrived: &[u8]) -> bool {
    match (wanted, arrived) {
        // The answer has a key of its own and the version that was asked for (RFC 8684, section
        // 3.1; RFC 6824, section 3.1).
        (kind::MPTCP, [first, _, key @ ..]) => {
            sent.first() == Some(first) && key.len() == 8 && is_own(sent, key)
        }
        // A cookie of 4 to 16 bytes that is not ours (RFC 7413, section 4.1.1).
        (kind::FAST_OPEN, cookie) => is_cookie(sent, cookie),
        (kind::EXPERIMENT_2, [0xf9, 0x89, cookie @ ..]) => is_cookie(sent, cookie),
        // Our value comes back as the echo (RFC 7323, section 3.2).
        (kind::TIMESTAMPS, [_, _, _, _, echo @ ..]) => {
            sent.first_chunk::<4>().is_some_and(|value| echo == value)
        }
        // The passive opener says so in a global suboption (RFC 8547, section 4.2).
        (kind::ENCRYPTION_NEGOTIATION, [global, ..]) => global & 0xe1 == 1,
        // The counters of bytes begin at a value that no SYN tells (RFC 9768, section 3.2.3).
        (kind::ACC_ECN_0 | kind::ACC_ECN_1, counters) => counters.len() % 3 == 0,
        _ => false,
    }
}

/// Tells whether this is a cookie of Fast Open that somebody made (RFC 7413, section 4.1.1).
fn is_cookie(sent: &[u8], cookie: &[u8]) -> bool {
    (4..=16).contains(&cookie.len()) && is_own(sent, cookie)
}

/// Tells whether random bytes are somebody else's: not ours come back, whole or overwritten.
fn is_own(sent: &[u8], arrived: &[u8]) -> bool {
    let blank = |bytes: &[u8]| bytes.iter().all(|byte| Some(byte) == bytes.first());
    !sent.ends_with(arrived) && !arrived.split_first().is_some_and(|(_, rest)| blank(rest))
}

/// Judges ECN and Accurate ECN by the flags of the SYN/ACK.
fn negotiated(trial: &Trial, mask: Flags) -> Option<Outcome> {
    let all = Flags::AE.with(Flags::CWR).with(Flags::ECE);
    let only = |flags: Flags| Flags::from_bits(flags.bits() & all.bits());
    let syn = trial.syn();
    let arrived = only(trial.log.syn_ack.as_ref()?.flags);
    let expected = crate::respond::modern::ecn_answer(syn.flags, syn.class & 3);
    let asked = only(mask);
    Some(match arrived {
        _ if asked == Flags::NONE => Outcome::Works,
        arrived if arrived == asked => Outcome::Reflected,
        arrived if expected != Flags::NONE && arrived == expected => Outcome::Understood,
        _ => Outcome::Works,
    })
}

/// Tells whether payload on a SYN was taken. Behind a cookie of ours that is no sign of Fast Open:
/// no server has given it out (RFC 7413, section 4.1.2).
fn payload(trial: &Trial) -> Option<Outcome> {
    let sketch = trial.first_sketch()?;
    let acked = trial.log.syn_ack.as_ref()?.ack.since(sketch.seq.add(1));
    let taken = acked > 0 && trial.row.family != Family::Tfo;
    Some(if taken { Outcome::Understood } else { Outcome::Works })
}

/// Judges the answers to a segment that somebody else might have sent (RFC 5961, sections 3.2 and
/// 4.2).
fn challenge(trial: &Trial) -> Outcome {
    if trial.is_challenged() { Outcome::Understood } else { Outcome::Works }
}
