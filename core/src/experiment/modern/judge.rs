//! From what came back on a connection to a finding: pure functions of the log.

use super::{
    catalogue::{Aspect, Step},
    compare::{self, Compared, bits, number},
    log::{Answer, Reported, option},
    syn::{Guess, Guesses},
    trial::Trial,
    verdict::{Finding, Instead, Why},
};
use crate::{
    engine::SLOT,
    experiment::verdict::{Direction, Outcome},
    respond::report::transform,
    respond::v1::{Account, Checksum, Mode, Report, Wrap, payload_hash, twist},
    wire::{options::kind, packet::Packet, tcp::Flags},
};

/// Judges a connection that a responder answered; `guesses` are what the connections before and
/// this one leave possible for a SYN's options.
pub(crate) fn judge(trial: &Trial, guesses: Guesses) -> Finding {
    let row = trial.row;
    if !trial.is_answered() && !has_answer(trial) {
        return silent(trial);
    }
    let found = match row.aspect {
        Aspect::SynOption(kind) => syn_option(trial, kind, guesses),
        Aspect::SynAckOption(kind) => syn_ack_option(trial, kind, guesses),
        _ => plain(trial),
    };
    let (direction, compared) = match found {
        Ok(found) => found,
        Err(why) => return Finding::undetermined(row, why),
    };
    let (outcome, values) = compared;
    let direction = if outcome == Outcome::Passed { Direction::None } else { direction };
    Finding { values, ..Finding::of(trial, outcome, direction) }
}

/// What was found, and on which way.
type Found = Result<(Direction, Compared), Why>;

/// Tells whether an answer came that is none of those that carry a report.
fn has_answer(trial: &Trial) -> bool {
    let (shape, reply) = trial.question();
    let unreported = reply.mode == Mode::Silent || !shape.flags.contains(Flags::ACK);
    let silent = matches!(trial.row.step, Step::Segment(..)) && unreported;
    silent && !trial.log.answers.is_empty()
}

/// Says what silence or a reset says, if the control is answered.
pub(crate) fn silent(trial: &Trial) -> Finding {
    let outcome = if trial.log.reset.is_some() { Outcome::Reset } else { Outcome::Dropped };
    // An answer without a report: the question was put, and something else than the host took it.
    let answered = trial.log.answers.iter().any(|answer| answer.length > 0);
    let outcome =
        if answered && outcome == Outcome::Dropped { Outcome::AnsweredByBox } else { outcome };
    let direction = match trial.row.step {
        Step::Segment(..) if trial.row.aspect.is_inbound() => Direction::Inbound,
        Step::Segment(..) => Direction::Outbound,
        _ => Direction::None,
    };
    match outcome {
        Outcome::Dropped if trial.log.stray.is_some() => Finding {
            instead: Some(Instead::OtherPort),
            ..Finding::of(trial, Outcome::Changed, Direction::None)
        },
        Outcome::Dropped if trial.is_acknowledged() => Finding {
            instead: Some(Instead::Acknowledgement),
            ..Finding::of(trial, outcome, direction)
        },
        _ => Finding::of(trial, outcome, direction),
    }
}

/// Judges an option of the SYN by its answer, or by what the host told of the SYN.
fn syn_option(trial: &Trial, wanted: u8, guesses: Guesses) -> Found {
    // No option answers one without data, but a permission.
    let telling = wanted == kind::SACK_PERMITTED || has_data(trial, wanted);
    if telling && echoed(trial, wanted) == Some(Outcome::Passed) {
        return Ok((Direction::None, (Outcome::Passed, None)));
    }
    if echoed(trial, wanted) == Some(Outcome::Reflected) {
        return Ok((Direction::None, (Outcome::Reflected, None)));
    }
    let outcome = match guesses.first() {
        Some(Guess::AsSent) => Outcome::Passed,
        Some(Guess::Nops | Guess::Gone | Guess::AllGone) => Outcome::Removed,
        Some(Guess::Cleared) => Outcome::Zeroed,
        Some(Guess::NoPayload) => Outcome::Passed,
        None => Outcome::Changed,
    };
    Ok((Direction::Outbound, (outcome, None)))
}

/// Judges the answer to an option of the SYN, which must have arrived itself.
fn syn_ack_option(trial: &Trial, wanted: u8, guesses: Guesses) -> Found {
    match echoed(trial, wanted) {
        Some(Outcome::Reflected) => Ok((Direction::None, (Outcome::Reflected, None))),
        Some(Outcome::Passed) => Ok((Direction::None, (Outcome::Passed, None))),
        Some(outcome) if guesses.first() == Some(Guess::AsSent) => {
            Ok((Direction::Inbound, (outcome, None)))
        }
        _ => Err(Why::Dependency),
    }
}

/// Compares the option of the SYN/ACK with the one that answers ours.
fn echoed(trial: &Trial, wanted: u8) -> Option<Outcome> {
    let sketch = trial.first_sketch()?;
    let block = trial.syn().block(&sketch);
    let sent = option(&block, wanted)?;
    let arrived = option(&trial.log.syn_ack.as_ref()?.options, wanted);
    if matches!(wanted, kind::SACK_PERMITTED | kind::TIMESTAMPS | kind::WINDOW_SCALE) {
        return Some(if arrived.is_some() { Outcome::Passed } else { Outcome::Removed });
    }
    if !sent.is_empty() && arrived == Some(sent) {
        return Some(Outcome::Reflected);
    }
    let expected: heapless::Vec<u8, 40> = transform(wanted, sent).collect();
    // An option without data is answered by none.
    let expected = (!expected.is_empty()).then_some(&expected[..]);
    Some(compare::data(expected, arrived))
}

/// Tells whether the SYN's option was answered as only a responder does that received it.
pub(crate) fn is_echoed(trial: &Trial) -> bool {
    match trial.row.aspect {
        Aspect::SynOption(kind) | Aspect::SynAckOption(kind) => {
            echoed(trial, kind) == Some(Outcome::Passed) && has_data(trial, kind)
        }
        _ => true,
    }
}

fn has_data(trial: &Trial, wanted: u8) -> bool {
    let block = trial.first_sketch().map(|sketch| trial.syn().block(&sketch));
    block.is_some_and(|block| option(&block, wanted).is_some_and(|data| !data.is_empty()))
}

fn plain(trial: &Trial) -> Found {
    let aspect = trial.row.aspect;
    let found = match aspect {
        Aspect::Arrival => Some((Outcome::Passed, None)),
        Aspect::Option(kind) if matches!(trial.row.step, Step::Acknowledgement(_)) => {
            acknowledged(trial, kind)
        }
        _ if aspect.is_inbound() => return inbound(trial),
        Aspect::SynFlags(_) | Aspect::SynEcn | Aspect::SynPayload => syn_bits(trial),
        Aspect::SynMss | Aspect::SynScale | Aspect::SynWindow => syn_number(trial),
        _ => outbound(trial),
    };
    found.map(|compared| (Direction::Outbound, compared)).ok_or(Why::Undecided)
}

/// Judges a SYN by what the host told of it in its number.
fn syn_bits(trial: &Trial) -> Option<Compared> {
    let told = trial.told()?;
    let syn = trial.syn();
    match trial.row.aspect {
        Aspect::SynFlags(mask) => Some(compare::flags(mask, syn.flags, told.flags())),
        Aspect::SynEcn => Some(bits(u32::from(syn.class & 3), told.ecn().into())),
        _ => {
            let greeting = trial.log.syn_ack.as_ref()?;
            let sketch = trial.first_sketch()?;
            let length = u32::try_from(syn.payload(&sketch, trial.row.reply())?.len()).ok()?;
            let acked = greeting.ack.since(sketch.seq.add(1));
            let (outcome, values) = number(length, acked);
            Some(if acked == 0 { (Outcome::Removed, None) } else { (outcome, values) })
        }
    }
}

/// Judges a number of the SYN by the account in the SYN/ACK.
fn syn_number(trial: &Trial) -> Option<Compared> {
    let account = super::log::account(&trial.log.syn_ack.as_ref()?.options)?;
    let block = trial.syn().block(&trial.first_sketch()?);
    let two = |data: &[u8]| data.first_chunk().copied().map(u16::from_be_bytes);
    let mss = option(&block, kind::MAXIMUM_SEGMENT_SIZE).and_then(two).unwrap_or(0);
    let scale = option(&block, kind::WINDOW_SCALE).and_then(|data| data.first().copied());
    let (sent, arrived, none) = match trial.row.aspect {
        Aspect::SynMss => (mss.into(), account.mss.into(), 0),
        Aspect::SynScale => (scale.unwrap_or(u8::MAX).into(), account.scale.into(), 255),
        _ => (u32::from(trial.syn().window), account.window.into(), u32::MAX),
    };
    Some(match arrived {
        arrived if arrived == none && sent != none => (Outcome::Removed, None),
        arrived => number(sent, arrived),
    })
}

/// Judges an option of a pure acknowledgement by the hash in its account.
fn acknowledged(trial: &Trial, wanted: u8) -> Option<Compared> {
    let account = trial.log.account.as_ref()?;
    let (shape, _) = trial.question();
    let sent = shape.block(&trial.question_sketch()?);
    let guess = super::syn::explain(&sent, wanted, |bytes| account.options == Account::hash(bytes));
    let outcome = match guess {
        Some(Guess::AsSent) => Outcome::Passed,
        Some(Guess::Nops | Guess::Gone | Guess::AllGone) => Outcome::Removed,
        Some(Guess::Cleared) => Outcome::Zeroed,
        _ => Outcome::Changed,
    };
    Some((outcome, None))
}

/// Judges a segment by the headers in the report.
fn outbound(trial: &Trial) -> Option<Compared> {
    let report = trial.log.report.as_ref()?;
    let (shape, reply) = trial.question();
    let mut slot = [0; SLOT];
    let length = shape.write(&trial.question_sketch()?, &reply, &mut slot)?;
    let sent = Packet::from_ip(slot.get(..length)?);
    let arrived = Packet::from_ip(&report.headers);
    match trial.row.aspect {
        Aspect::WrongSum => wrong_sum(report),
        Aspect::Payload => payload(trial, report, &sent),
        Aspect::Sack => compare::sack(&sent, &arrived),
        Aspect::Option(kind) => compare::options(kind, &sent, &arrived),
        aspect => fields(aspect, &sent, &arrived, trial),
    }
}

fn wrong_sum(report: &Reported) -> Option<Compared> {
    match report.checksum {
        Checksum::Wrong => Some((Outcome::Passed, None)),
        Checksum::Right => Some((Outcome::Changed, None)),
        Checksum::Unknown => None,
    }
}

fn payload(trial: &Trial, report: &Reported, sent: &Packet<'_>) -> Option<Compared> {
    let bytes = sent.tcp()?.payload;
    let nonce = trial.question_sketch()?.nonce;
    if report.merged {
        return None; // by our own machine or the host's
    }
    let (outcome, values) = number(u32::try_from(bytes.len()).ok()?, report.length.into());
    if outcome == Outcome::Passed && payload_hash(nonce, bytes) != report.hash {
        return Some((Outcome::Changed, None));
    }
    Some((outcome, values))
}

/// Compares header fields.
fn fields(
    aspect: Aspect,
    sent: &Packet<'_>,
    arrived: &Packet<'_>,
    trial: &Trial,
) -> Option<Compared> {
    let (before, after) = (sent.tcp()?.header, arrived.tcp()?.header);
    let (class, hops) = compare::class_and_hops(sent);
    let (class_after, hops_after) = compare::class_and_hops(arrived);
    Some(match aspect {
        Aspect::Flags(mask) => compare::flags(mask, before.flags(), after.flags()),
        Aspect::Urgent => bits(before.urgent().into(), after.urgent().into()),
        Aspect::Class(mask) => bits((class & mask).into(), (class_after & mask).into()),
        Aspect::Address => {
            let (before, after) = (sent.addresses()?.0, arrived.addresses()?.0);
            (if before == after { Outcome::Passed } else { Outcome::Changed }, None)
        }
        Aspect::Port => number(before.source_port().into(), after.source_port().into()),
        Aspect::Id | Aspect::FlowLabel => number(compare::label(sent), compare::label(arrived)),
        Aspect::Hops => hop_count(hops, hops_after, trial)?,
        Aspect::IpOptions => compare::ip_options(sent, arrived),
        Aspect::Seq => number(before.seq().0, after.seq().0),
        _ => return None,
    })
}

/// Judges a time to live: it may fall, and about as much as the answer's.
fn hop_count(sent: u8, arrived: u8, trial: &Trial) -> Option<Compared> {
    let answer = trial.log.answers.first()?;
    let out = sent.checked_sub(arrived);
    let back = crate::respond::modern::HOPS.checked_sub(answer.hops);
    let near = |(out, back): (u8, u8)| out.abs_diff(back) <= DETOUR;
    let right = out.zip(back).is_some_and(near);
    Some(if right {
        (Outcome::Passed, None)
    } else {
        (Outcome::Changed, Some((sent.into(), arrived.into())))
    })
}

/// Judges what came back.
fn inbound(trial: &Trial) -> Found {
    let found =
        match trial.row.aspect {
            Aspect::SynAckPayload => syn_ack_payload(trial),
            Aspect::SynAckFlags => return syn_ack_flags(trial),
            Aspect::AnswerPayload => trial.log.report.as_ref().map(|report| {
                (if report.whole { Outcome::Passed } else { Outcome::Changed }, None)
            }),
            Aspect::AnswerSegments => pieces(trial),
            _ => answer(trial),
        };
    found.map(|compared| (Direction::Inbound, compared)).ok_or(Why::Undecided)
}

fn syn_ack_payload(trial: &Trial) -> Option<Compared> {
    let length = trial.log.syn_ack.as_ref()?.length;
    Some((if length > 0 { Outcome::Passed } else { Outcome::Removed }, None))
}

/// Judges the flags of the SYN/ACK by what the SYN was like when it arrived.
fn syn_ack_flags(trial: &Trial) -> Found {
    let (told, greeting) = trial.told().zip(trial.log.syn_ack.as_ref()).ok_or(Why::Undecided)?;
    let mask = ECN.with(Flags::AE);
    let expected = crate::respond::modern::ecn_answer(told.flags(), told.ecn());
    let asked = Flags::from_bits(trial.syn().flags.bits() & mask.bits());
    if Flags::from_bits(told.flags().bits() & mask.bits()) != asked || expected == Flags::NONE {
        return Err(Why::Dependency);
    }
    let arrived = Flags::from_bits(greeting.flags.bits() & mask.bits());
    let (outcome, values) = compare::flags(mask, expected, arrived);
    let reflected = outcome != Outcome::Passed && arrived == asked;
    Ok((Direction::Inbound, if reflected { (Outcome::Reflected, None) } else { (outcome, values) }))
}

/// Judges a field of the answer by what was ordered.
fn answer(trial: &Trial) -> Option<Compared> {
    let (_, reply) = trial.question();
    let wanted = |answer: &&Answer| match reply.mode {
        Mode::Finish => answer.flags.contains(Flags::FIN),
        Mode::Silent => answer.length == 0,
        _ => answer.length > 0,
    };
    let mut answers = trial.log.answers.iter().filter(wanted);
    if let Aspect::AnswerOption(kind) = trial.row.aspect {
        let block = reply.block(&trial.question_sketch()?);
        let compared =
            answers.map(|found| compare::data(option(&block, kind), option(&found.options, kind)));
        // One that is right stands for all: others may be a box's.
        let best = compared.reduce(|best, next| if next == Outcome::Passed { next } else { best });
        return Some((best?, None));
    }
    let answer = answers.next()?;
    Some(match trial.row.aspect {
        Aspect::AnswerFlags(mask) => compare::flags(mask, reply.flags, answer.flags),
        Aspect::AnswerUrgent => bits(reply.urgent.into(), answer.urgent.into()),
        Aspect::AnswerClass(mask) => {
            bits(u32::from(reply.class & mask), u32::from(answer.class & mask))
        }
        _ => number(trial.log.report.as_ref()?.seq.0, answer.seq.0),
    })
}

/// Tells whether an answer is as it was ordered.
pub(crate) fn is_passed(trial: &Trial) -> bool {
    answer(trial).is_some_and(|(outcome, _)| outcome == Outcome::Passed)
}

/// A segment of an answer: its place, its length, and how its payload begins, if that is known.
type Piece = (u32, u16, Option<[u8; 4]>);

/// Tells the segments that the answer was ordered in.
fn ordered(trial: &Trial) -> heapless::Vec<Piece, 4> {
    let (_, reply) = trial.question();
    let length = usize::from(reply.room);
    let mut pieces = heapless::Vec::new();
    for (index, &(offset, from, end)) in reply.mode.parts(length).iter().enumerate() {
        let dress = match reply.wrap {
            Wrap::Http => *b"HTTP",
            _ => Report::MAGIC,
        };
        let mut start = (from == 0 && end > 0).then_some(dress);
        if reply.mode == Mode::Overlap && index > 0 {
            start = start.map(|bytes| bytes.map(twist));
        }
        let length = u16::try_from(end.saturating_sub(from)).unwrap_or(u16::MAX);
        let _ = pieces.push((offset, length, start));
    }
    pieces
}

/// Tells how many segments of the answer have not come as they were ordered; `None` when some came
/// in other pieces.
pub(crate) fn segments(trial: &Trial) -> Option<usize> {
    let base = trial.question_sketch()?.ack;
    let wanted = ordered(trial);
    let fits = |answer: &Answer, &(offset, length, start): &Piece| {
        answer.seq.since(base) == offset
            && answer.length == length
            && start.is_none_or(|start| start == answer.start)
    };
    let answers = &trial.log.answers;
    let missing = wanted.iter().filter(|piece| !answers.iter().any(|answer| fits(answer, piece)));
    let fin = trial.question().1.mode == Mode::Finish
        && !answers.iter().any(|answer| answer.flags.contains(Flags::FIN));
    Some(missing.count().saturating_add(fin.into()))
}

/// Judges the segments of the answer.
fn pieces(trial: &Trial) -> Option<Compared> {
    let base = trial.question_sketch()?.ack;
    let missing = segments(trial)?;
    if missing == 0 {
        return Some((Outcome::Passed, None));
    }
    let wanted = ordered(trial);
    let loaded = trial.log.answers.iter().filter(|answer| answer.length > 0);
    let count = u32::try_from(loaded.clone().count()).ok()?;
    let ordered = u32::try_from(wanted.len()).ok()?;
    let known = |answer: &Answer| {
        wanted.iter().any(|piece| piece.0 == answer.seq.since(base) && piece.1 == answer.length)
    };
    let longest = wanted.iter().map(|piece| piece.1).max()?;
    let outcome = match () {
        () if loaded.clone().any(|answer| answer.length > longest) => Outcome::Merged,
        () if loaded.clone().any(|answer| !known(answer) && answer.length < longest) => {
            Outcome::Split
        }
        () if trial.question().1.mode == Mode::Hole && count > 0 => Outcome::Changed,
        () if count < ordered => Outcome::Removed,
        () => Outcome::Changed,
    };
    let numbers = matches!(outcome, Outcome::Merged | Outcome::Split);
    Some((outcome, numbers.then_some((ordered, count))))
}

/// How many hops the two ways may differ by before the time to live is taken for rewritten.
const DETOUR: u8 = 6;
const ECN: Flags = Flags::ECE.with(Flags::CWR);
