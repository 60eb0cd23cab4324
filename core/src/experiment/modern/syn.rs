//! How a SYN arrived, from the little that a SYN/ACK's number tells of it.

use super::{
    log::account,
    shape::{Block, Shape, Sketch},
    trial::Trial,
};
use crate::{
    respond::v1::{Account, Told},
    wire::{
        options::{Item, MAX_LENGTH, Options, Writer, kind},
        packet::Packet,
    },
};

/// What may have happened to a SYN's options; the bit of each in a set of what is possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guess {
    /// They arrived as they were sent.
    AsSent,
    /// The option in question became NOPs.
    Nops,
    /// The option in question is gone, in one of the [forms](Form) that the rest can take.
    Gone,
    /// All options are gone.
    AllGone,
    /// The data of the option in question is cleared.
    Cleared,
    /// The payload is gone.
    NoPayload,
}

/// A set of guesses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Guesses(u8);

impl Guesses {
    /// All of them.
    pub(crate) const ALL: Self = Self(0x3f);

    /// Keeps those that are in both.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Tells the likeliest of them.
    pub(crate) fn first(self) -> Option<Guess> {
        GUESSES.into_iter().find(|guess| self.0 & 1 << *guess as u8 != 0)
    }
}

/// Tells which guesses agree with what the host told of the SYN of this trial, and whether they
/// stand by themselves, because an account came back. A trial that asked for one in vain tells
/// nothing: the account may be lost on either way.
pub(crate) fn guesses(trial: &Trial, wanted: u8) -> (Guesses, bool) {
    let (Some(told), Some(sketch)) = (trial.told(), trial.first_sketch()) else {
        return (Guesses::ALL, false);
    };
    let told_more = trial.log.syn_ack.as_ref().and_then(|answer| account(&answer.options));
    if sketch.account && told_more.is_none() {
        return (Guesses::ALL, false);
    }
    let mut set = 0;
    for guess in GUESSES {
        if agrees(&trial.syn(), &sketch, guess, wanted, (told, told_more)) {
            set |= 1 << guess as u8;
        }
    }
    (Guesses(set), told_more.is_some())
}

/// Finds the likeliest guess of what became of `sent` that `fits` what arrived.
pub(crate) fn explain(sent: &[u8], wanted: u8, fits: impl Fn(&[u8]) -> bool) -> Option<Guess> {
    GUESSES.into_iter().find(|guess| {
        FORMS.into_iter().any(|form| {
            let arrived = rewrite(sent, *guess, wanted, None, form);
            arrived.is_some_and(|arrived| fits(&arrived))
        })
    })
}

fn agrees(
    syn: &Shape,
    sketch: &Sketch,
    guess: Guess,
    wanted: u8,
    told: (Told, Option<Account>),
) -> bool {
    let sent = syn.block(sketch);
    let mss = told.1.map(|account| account.mss);
    FORMS.into_iter().any(|form| {
        let arrived = rewrite(&sent, guess, wanted, mss, form);
        arrived.is_some_and(|arrived| matches(syn, sketch, guess, &arrived, told) == Some(true))
    })
}

/// Tells whether a SYN with these options gives what was told.
fn matches(
    syn: &Shape,
    sketch: &Sketch,
    guess: Guess,
    arrived: &[u8],
    (told, more): (Told, Option<Account>),
) -> Option<bool> {
    if let Some(account) = more {
        return Some(account.options == Account::hash(arrived) && guess != Guess::NoPayload);
    }
    let payload = syn.payload(sketch, &super::shape::Reply::PLAIN)?;
    let payload = if guess == Guess::NoPayload { &[][..] } else { &payload };
    let mut buffer = [0; crate::engine::SLOT];
    let bytes = syn.draft(sketch, arrived, payload).write(&mut buffer).ok()?;
    let packet = Packet::from_ip(bytes);
    let expected = Told::of(&packet.network, packet.tcp()?);
    Some(expected.0 & REST == told.0 & REST)
}

/// Makes the options as they arrived if the guess is right.
fn rewrite(sent: &[u8], guess: Guess, wanted: u8, mss: Option<u16>, form: Form) -> Option<Block> {
    let mut buffer = [0; MAX_LENGTH];
    let mut out = Writer::new(&mut buffer);
    for item in Options::new(sent) {
        match (item, guess) {
            (_, Guess::AllGone) => {}
            (Item::Option { kind: kind::MAXIMUM_SEGMENT_SIZE, data: [_, _] }, _)
                if mss.is_some() =>
            {
                out.option(kind::MAXIMUM_SEGMENT_SIZE, &[&mss?.to_be_bytes()]).ok()?;
            }
            (Item::Option { kind, data }, Guess::Nops) if kind == wanted => {
                for _ in 0..data.len().saturating_add(2) {
                    out.push(Item::Nop).ok()?;
                }
            }
            (Item::Option { kind, .. }, Guess::Gone) if kind == wanted => {}
            (Item::Nop, Guess::Gone) if form == Form::Tidy => {}
            (Item::Option { kind, data }, Guess::Cleared) if kind == wanted => {
                let zeroes = [0; MAX_LENGTH];
                out.option(kind, &[zeroes.get(..data.len())?]).ok()?;
            }
            (item, _) => {
                out.push(item).ok()?;
            }
        }
    }
    while form == Form::End && out.len() & 3 != 0 {
        out.push(Item::End).ok()?;
    }
    out.align().ok()?;
    Block::from_slice(out.finish()).ok()
}

/// How a box closes the gap that an option leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// NOPs go with it, and new ones fill up the rest.
    Tidy,
    /// Other NOPs stay, and new ones fill up the rest.
    Nops,
    /// Other NOPs stay, and the end of options fills up the rest.
    End,
}

const GUESSES: [Guess; 6] =
    [Guess::AsSent, Guess::Nops, Guess::Gone, Guess::AllGone, Guess::Cleared, Guess::NoPayload];
const FORMS: [Form; 3] = [Form::Tidy, Form::Nops, Form::End];
/// The bits of what is told that are a hash.
const REST: u16 = 0x1f;
