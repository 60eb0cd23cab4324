//! Keeping all that goes into a suite, or into what follows a packet, and comes out of it.

use std::{fs, io::BufReader, mem, net::SocketAddr, path::PathBuf};

use serde_json::{Value, json};
use tcpexposure_core::{
    engine::{Engine, Step},
    time::Instant,
    wire::packet::{Checksummed, Offload, Packet, Start, Transport},
};
use tcpexposure_link::{
    Statistics,
    savefile::{About, Format, Reader},
    tap::Direction,
};

use super::{
    account,
    caption::{Proofs, caption},
    subject::Subject,
};
use crate::{
    exit::{Exit, Failure},
    output::save::Save,
};

/// A suite or its like, and what is kept of its run.
pub(crate) struct Recorder<'k, E> {
    engine: Box<E>,
    keeping: Option<&'k mut Keeping>,
}

/// A capture that is being written, and what it does not hold.
pub(crate) struct Keeping {
    file: PathBuf,
    /// The capture, until the first failure.
    save: Result<Save, Failure>,
    captions: Vec<String>,
    /// The numbers of the packets that were sent.
    sent: Vec<u64>,
    /// What the kernel or the card did to the packets of these numbers.
    offloads: Vec<(u64, u8)>,
    /// What the packets do not tell of what is under way.
    notes: Notes,
    /// And of what was before: first the suite, then packets that were followed.
    done: Vec<Notes>,
}

/// What the packets of a run do not tell of it.
#[derive(Default)]
struct Notes {
    /// The question whose packet is followed, and from where.
    follows: Option<(&'static str, SocketAddr)>,
    /// How many packets there were before.
    first: u64,
    /// Times at which it went on without a packet, and how many packets there were by then.
    turns: Vec<(u64, u64)>,
    /// After how many packets it was ended.
    interrupted: Option<u64>,
    /// The time that it knows.
    clock: Instant,
    /// Until when it waits.
    until: Instant,
    /// Whether it has reported something since it last waited.
    moved: bool,
}

impl<'k, E: Subject> Recorder<'k, E> {
    /// Stands around a suite, and keeps what crosses if there is something to keep it in.
    pub(crate) const fn new(engine: Box<E>, keeping: Option<&'k mut Keeping>) -> Self {
        Self { engine, keeping }
    }

    /// Ends the run.
    pub(crate) fn interrupt(&mut self) {
        if let Some(keeping) = &mut self.keeping {
            keeping.notes.interrupted = Some(keeping.count());
        }
        self.engine.interrupt();
    }
}

impl<E: Subject> Engine for Recorder<'_, E> {
    type Event = E::Event;

    fn handle(&mut self, now: Instant, packet: &Packet<'_>) {
        if let Some(keeping) = &mut self.keeping {
            keeping.packet(Direction::Received, now, packet, &*self.engine);
        }
        self.engine.handle(now, packet);
    }

    fn poll(&mut self, now: Instant, slot: &mut [u8]) -> Step<Self::Event> {
        let step = self.engine.poll(now, slot);
        let Some(keeping) = &mut self.keeping else { return step };
        match &step {
            Step::Send(length) => {
                let packet = Packet::from_ip(slot.get(..*length).unwrap_or_default());
                keeping.packet(Direction::Sent, now, &packet, &*self.engine);
            }
            Step::Emit(_) => keeping.notes.moved = true,
            Step::Wait(until) => keeping.wait(now, *until),
            Step::Done => keeping.wait(now, Instant::NEVER),
        }
        step
    }
}

impl Keeping {
    /// Creates the capture file.
    pub(crate) fn begin(file: Option<&std::path::Path>) -> Result<Option<Self>, Failure> {
        let Some(file) = file else { return Ok(None) };
        Ok(Some(Self {
            file: file.to_owned(),
            save: Ok(Save::create(file)?),
            captions: Vec::new(),
            sent: Vec::new(),
            offloads: Vec::new(),
            notes: Notes::default(),
            done: Vec::new(),
        }))
    }

    /// Goes on with the packets of one that is followed, for a question, from this address.
    pub(crate) fn follow(&mut self, question: &'static str, source: SocketAddr) {
        let (follows, first) = (Some((question, source)), self.count());
        let next = Notes { follows, first, ..Notes::default() };
        self.done.push(mem::replace(&mut self.notes, next));
    }

    fn count(&self) -> u64 {
        u64::try_from(self.captions.len()).unwrap_or(u64::MAX)
    }

    fn packet(
        &mut self,
        direction: Direction,
        now: Instant,
        packet: &Packet<'_>,
        subject: &impl Subject,
    ) {
        let Ok(save) = &mut self.save else { return };
        if let Err(failure) = save.packet(now, packet, None) {
            self.save = Err(failure);
            return;
        }
        let port = own_port(direction, packet);
        let purpose = port.and_then(|port| subject.purpose(port));
        self.captions.push(caption(direction, packet, purpose));
        let number = self.count();
        match direction {
            Direction::Sent => self.sent.push(number),
            Direction::Received if packet.offload != Offload::default() => {
                self.offloads.push((number, code(packet.offload)));
            }
            Direction::Received => {}
        }
        let notes = &mut self.notes;
        (notes.clock, notes.moved) = (notes.clock.max(now), false);
    }

    /// Notes that there is nothing to do; if something was done before, then when that was.
    fn wait(&mut self, now: Instant, until: Instant) {
        let count = self.count();
        let notes = &mut self.notes;
        if (notes.moved || until != notes.until) && now > notes.clock {
            notes.turns.push((count, now.as_nanos()));
            notes.clock = now;
        }
        (notes.until, notes.moved) = (until, false);
    }

    /// Completes the file: the packets get what they prove, and the section what the run was.
    pub(crate) fn finish(
        self,
        proofs: &Proofs,
        run: Value,
        statistics: &Statistics,
    ) -> Result<(), Failure> {
        self.save?.finish()?;
        if Format::of(&self.file) == Format::Pcap {
            return Ok(()); // it has no room for words
        }
        let mut run = run;
        let mut courses = self.done.iter().chain([&self.notes]).map(course);
        for (name, value) in [
            ("packets", json!(self.captions.len())),
            ("sent", json!(self.sent)),
            ("offloads", json!(self.offloads)),
            ("course", courses.next().unwrap_or_default()),
            ("followed", courses.collect()),
            ("statistics", account::statistics(statistics)),
        ] {
            run[name] = value;
        }
        rewrite(&self.file, &self.captions, proofs, &run, statistics)
    }
}

/// Writes notes down.
fn course(notes: &Notes) -> Value {
    let mut course = json!({
        "first": notes.first, "turns": notes.turns, "interrupted": notes.interrupted,
    });
    if let Some((question, source)) = notes.follows {
        course["question"] = question.into();
        course["source"] = source.to_string().into();
    }
    course
}

/// Writes the file anew, with comments.
fn rewrite(
    file: &std::path::Path,
    captions: &[String],
    proofs: &Proofs,
    run: &Value,
    statistics: &Statistics,
) -> Result<(), Failure> {
    let unreadable = |error: &dyn std::fmt::Display| {
        Failure::new(Exit::Usage, format!("cannot complete {}: {error}", file.display()))
            .hint("the packets are in it, but not what they prove; see whether the disk has room")
    };
    let part = file.with_added_extension("part");
    let input = fs::File::open(file).map_err(|error| unreadable(&error))?;
    let mut reader = Reader::new(BufReader::new(input)).map_err(|error| unreadable(&error))?;
    let comments = account::write(run);
    let system = account::system();
    let about = About {
        comments: &comments,
        system: &system,
        wire: run["path"].as_str().unwrap_or_default(),
    };
    let mut save = Save::described(&part, &about)?;
    let (mut captions, mut last) = (captions.iter().zip(1..), 0);
    while let Some(record) = reader.read() {
        let record = record.map_err(|error| unreadable(&error))?;
        last = record.time.unwrap_or(last);
        let comment = captions.next().map(|(text, number)| proofs.comment(number, text));
        save.bytes(last, record.bytes, record.wire_len, comment.as_deref())?;
    }
    save.statistics(last, statistics)?;
    save.finish()?;
    fs::rename(&part, file).map_err(|error| unreadable(&error))
}

/// Tells the port of ours that a packet, or what it quotes, is from or for.
fn own_port(direction: Direction, packet: &Packet<'_>) -> Option<u16> {
    if let Transport::Icmp(message) = &packet.transport {
        return message.quote()?.ports().map(|(from, _)| from);
    }
    let (from, to) = packet.ports()?;
    Some(if direction == Direction::Sent { from } else { to })
}

/// Writes an offload as a number.
fn code(offload: Offload) -> u8 {
    let place = CHECKSUMMED.iter().position(|one| *one == offload.checksum).unwrap_or_default();
    u8::try_from(place).unwrap_or_default() | u8::from(offload.segments) << 2
}

/// Reads an offload from a number.
pub(super) fn offload(code: u64) -> Offload {
    let place = usize::try_from(code & 3).unwrap_or_default();
    let checksum = CHECKSUMMED.get(place).copied().unwrap_or_default();
    Offload { checksum, segments: code & 4 != 0 }
}

/// What packets are kept as: IP.
pub(super) const START: Start = Start::Ip;

const CHECKSUMMED: [Checksummed; 3] =
    [Checksummed::Unknown, Checksummed::Valid, Checksummed::Partial];
