//! The same packets at the same times, once more.

use std::{collections::VecDeque, fmt, net::SocketAddr};

use serde_json::Value;
use tcpexposure_core::{
    engine::{SLOT, Step},
    time::Instant,
    wire::packet::{Offload, Packet},
};

use super::{recorder, subject::Subject};

/// A packet of the file.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) time: Instant,
    pub(crate) bytes: Vec<u8>,
    pub(crate) wire_len: usize,
    /// Whether it was sent.
    pub(crate) sent: bool,
    pub(crate) offload: Offload,
}

/// What a suite was driven by, or what followed a packet.
#[derive(Debug)]
pub(crate) struct Course {
    /// How many packets of the file are before its own.
    first: usize,
    records: Vec<Record>,
    /// Times at which it went on without a packet, behind so many packets.
    turns: Vec<(usize, Instant)>,
    /// After how many packets it was interrupted.
    interrupted: Option<usize>,
}

/// Why a file cannot be what the account says: the first packet that the suite would not have sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parted {
    /// The number of the packet.
    pub(crate) number: usize,
}

impl fmt::Display for Parted {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "packet {} is not what the run that the file tells of would have", self.number)
    }
}

/// A packet that was followed.
#[derive(Debug)]
pub(crate) struct Followed {
    /// For which question.
    pub(crate) question: String,
    /// From where.
    pub(crate) source: SocketAddr,
    pub(crate) course: Course,
}

/// Joins the packets of a file with what its account says of them: what drove the suite, and which
/// packets were followed then; `None` where it says nothing.
pub(crate) fn courses(
    mut records: Vec<Record>,
    account: &Value,
) -> Option<(Course, VecDeque<Followed>)> {
    for sent in account["sent"].as_array()? {
        records.get_mut(number(sent)?.checked_sub(1)?)?.sent = true;
    }
    for pair in account["offloads"].as_array()? {
        let record = records.get_mut(number(&pair[0])?.checked_sub(1)?)?;
        record.offload = recorder::offload(pair[1].as_u64()?);
    }
    let mut followed = VecDeque::new();
    for notes in account["followed"].as_array()?.iter().rev() {
        followed.push_front(Followed {
            question: notes["question"].as_str()?.to_owned(),
            source: notes["source"].as_str()?.parse().ok()?,
            course: Course::cut(&mut records, notes)?,
        });
    }
    Some((Course::cut(&mut records, &account["course"])?, followed))
}

impl Course {
    /// Cuts the packets off from where a course begins.
    fn cut(records: &mut Vec<Record>, notes: &Value) -> Option<Self> {
        let first = number(&notes["first"]).filter(|first| *first <= records.len())?;
        let place = |value: &Value| number(value)?.checked_sub(first);
        let turn = |pair: &Value| Some((place(&pair[0])?, Instant::from_nanos(pair[1].as_u64()?)));
        Some(Self {
            first,
            records: records.split_off(first),
            turns: notes["turns"].as_array()?.iter().map(turn).collect::<Option<_>>()?,
            interrupted: place(&notes["interrupted"]),
        })
    }
}

fn number(value: &Value) -> Option<usize> {
    usize::try_from(value.as_u64()?).ok()
}

/// Drives a suite, or what follows a packet, by a course; `sink` gets what it reports.
pub(crate) fn replay<E: Subject>(
    engine: &mut E,
    course: &Course,
    sink: impl FnMut(E::Event),
) -> Result<(), Parted> {
    let turns = course.turns.iter().copied().peekable();
    let mut player =
        Player { engine, course, turns, sink, place: 0, now: Instant::ZERO, slot: [0; SLOT] };
    player.play()
}

struct Player<'a, E, S, T: Iterator> {
    engine: &'a mut E,
    course: &'a Course,
    turns: std::iter::Peekable<T>,
    sink: S,
    /// How many packets are done.
    place: usize,
    now: Instant,
    slot: [u8; SLOT],
}

impl<E, S, T> Player<'_, E, S, T>
where
    E: Subject,
    S: FnMut(E::Event),
    T: Iterator<Item = (usize, Instant)>,
{
    fn play(&mut self) -> Result<(), Parted> {
        let mut interrupted = self.course.interrupted;
        loop {
            while let Some((_, time)) = self.turns.next_if(|(place, _)| *place == self.place) {
                self.go_on(time)?;
            }
            if interrupted.take_if(|place| *place <= self.place).is_some() {
                self.engine.interrupt();
            }
            let Some(record) = self.course.records.get(self.place) else {
                return self.go_on(self.now);
            };
            let before = self.place;
            if !record.sent {
                self.place += 1;
                let (bytes, length) = (record.bytes.as_slice(), record.wire_len);
                let packet = Packet::parse(recorder::START, bytes, length, record.offload);
                self.engine.handle(record.time, &packet);
            }
            self.go_on(record.time)?;
            if self.place == before {
                return Err(Parted { number: self.course.first + before + 1 });
            }
        }
    }

    /// Lets the suite do all that it does at a time, and compares what it sends.
    fn go_on(&mut self, time: Instant) -> Result<(), Parted> {
        self.now = self.now.max(time);
        loop {
            match self.engine.poll(self.now, &mut self.slot) {
                Step::Send(length) => {
                    let record = self.course.records.get(self.place);
                    let same = |record: &&Record| {
                        record.sent && self.slot.get(..length) == Some(&record.bytes[..])
                    };
                    self.place += 1;
                    if record.filter(same).is_none() {
                        return Err(Parted { number: self.course.first + self.place });
                    }
                }
                Step::Emit(event) => (self.sink)(event),
                Step::Wait(_) | Step::Done => return Ok(()),
            }
        }
    }
}
