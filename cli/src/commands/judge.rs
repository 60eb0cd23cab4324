//! `judge`: the verdicts of a test, from its evidence alone.

use std::{
    collections::VecDeque, fs::File, io::BufReader, net::SocketAddr, path::PathBuf, time::Duration,
};

use serde_json::Value;
use tcpexposure_core::{
    engine::SLOT,
    experiment::{
        Config, Event, Suite,
        modern::{Modern, ModernConfig, ModernEvent, Row},
    },
    time::Instant,
    wire::packet::Offload,
};
use tcpexposure_link::savefile::Reader;

use crate::{
    evidence::{
        Follower,
        account::{self, Run},
        replay::{Course, Followed, Parted, Record, courses, replay},
    },
    exit::{Exit, Failure},
    fence::Fence,
    localise::{Flow, Flows, localise, manner, segment, tracer},
    output::{
        Output,
        findings::Findings,
        verdicts::{Format, Report},
    },
};

/// Come to the verdicts of a test again, from its evidence file alone
///
/// Puts the packets of a file that `test -w FILE.pcapng` wrote into the suite once more, at their
/// times, and prints the same table. What the suite sends must be what the file holds: a packet that
/// was changed changes a verdict, or is named.
#[derive(Debug, clap::Args)]
pub(crate) struct Judge {
    /// The evidence, as `test -w FILE.pcapng` writes it
    file: PathBuf,
    /// How results are printed
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    format: Format,
}

/// A file that has been read.
struct Evidence {
    account: Value,
    course: Course,
    followed: VecDeque<Followed>,
}

impl Judge {
    pub(crate) fn run(&self, output: &mut Output) -> Result<Exit, Failure> {
        let format = if output.json { Format::Json } else { self.format };
        output.json = format == Format::Json;
        let file = File::open(&self.file).map_err(|error| self.unreadable(&error))?;
        Fence::default().close(output)?;
        let evidence = self.read(file)?;
        match account::run(&evidence.account) {
            Some(Run::Suite(config)) => self.suite(&config, &evidence, format, output),
            Some(Run::Modern(_)) if format == Format::Classic => {
                Err(Failure::new(Exit::Usage, "the line of 2011 holds its 43 questions only")
                    .hint("print today's with --format text or json"))
            }
            Some(Run::Modern(config)) => self.modern(&config, evidence, output),
            None => Err(self.unaccounted()),
        }
    }

    fn read(&self, file: File) -> Result<Evidence, Failure> {
        let name = self.file.display();
        let reader = Reader::new(BufReader::new(file));
        let mut reader = reader.map_err(|error| self.unreadable(&error))?;
        let mut records = Vec::new();
        while let Some(record) = reader.read() {
            let record = record.map_err(|error| self.unreadable(&error))?;
            records.push(Record {
                time: Instant::from_nanos(record.time.unwrap_or_default()),
                bytes: record.bytes.to_vec(),
                wire_len: record.wire_len,
                sent: false,
                offload: Offload::default(),
            });
        }
        let account = account::read(reader.comments()).ok_or_else(|| self.unaccounted())?;
        if account["packets"] != records.len() {
            return Err(Failure::new(
                Exit::Usage,
                format!(
                    "{name} has {} packets, and tells of {}",
                    records.len(),
                    account["packets"]
                ),
            )
            .hint("packets were added or left out; judge the file as it was written"));
        }
        let (course, followed) = courses(records, &account).ok_or_else(|| self.unaccounted())?;
        Ok(Evidence { account, course, followed })
    }

    fn unreadable(&self, error: &dyn std::fmt::Display) -> Failure {
        Failure::new(Exit::Usage, format!("cannot read {}: {error}", self.file.display()))
            .hint("name a file that `tcpexposure test -w FILE.pcapng` has written")
    }

    fn unaccounted(&self) -> Failure {
        let name = self.file.display();
        Failure::new(Exit::Usage, format!("{name} holds no account of a test that can be read"))
            .hint("judge what `tcpexposure test -w FILE.pcapng` has written; editors of captures may leave comments out")
    }

    fn parted(&self, parted: Parted) -> Failure {
        Failure::new(Exit::Usage, format!("{}: {parted}", self.file.display()))
            .hint("the file was changed, or written by another version; see its comments")
    }

    fn suite(
        &self,
        config: &Config,
        evidence: &Evidence,
        format: Format,
        output: &mut Output,
    ) -> Result<Exit, Failure> {
        let mut report = Report::new(evidence.name(), config, format);
        let events = match evidence.account["parallel"].as_u64() {
            Some(1) => events(&mut Suite::<1>::new(config.clone()), &evidence.course),
            Some(2) => events(&mut Suite::<2>::new(config.clone()), &evidence.course),
            Some(4) => events(&mut Suite::<4>::new(config.clone()), &evidence.course),
            Some(8) => events(&mut Suite::<8>::new(config.clone()), &evidence.course),
            Some(16) => events(&mut Suite::<16>::new(config.clone()), &evidence.course),
            _ => return Err(self.unaccounted()),
        };
        for event in events.map_err(|at| self.parted(at))? {
            match event {
                Event::Verdict(verdict) => report.verdict(verdict, output)?,
                Event::Summary(summary) => report.summary = Some(summary),
                Event::Progress { .. } => {}
            }
        }
        (report.duration, report.interrupted) = (evidence.took(), evidence.interrupted());
        report.print(output)?;
        exit(report.silence(), report.interrupted, report.interfered())
    }

    fn modern(
        &self,
        config: &ModernConfig,
        evidence: Evidence,
        output: &mut Output,
    ) -> Result<Exit, Failure> {
        let mut findings = Findings::new(evidence.name(), config, output.json);
        let events = match evidence.account["parallel"].as_u64() {
            Some(1) => events(&mut Modern::<1>::new(*config), &evidence.course),
            Some(2) => events(&mut Modern::<2>::new(*config), &evidence.course),
            Some(4) => events(&mut Modern::<4>::new(*config), &evidence.course),
            Some(8) => events(&mut Modern::<8>::new(*config), &evidence.course),
            Some(16) => events(&mut Modern::<16>::new(*config), &evidence.course),
            _ => return Err(self.unaccounted()),
        };
        for event in events.map_err(|at| self.parted(at))? {
            match event {
                ModernEvent::Finding(finding) => findings.finding(finding, output)?,
                ModernEvent::Summary(summary) => findings.summary = Some(summary),
            }
        }
        (findings.duration, findings.interrupted) = (evidence.took(), evidence.interrupted());
        findings.print(output)?;
        if evidence.account["localised"] == true {
            let mut flows = InFile { judge: self, config, followed: evidence.followed };
            let places = localise(findings.all(), &mut flows, |_, _| {})?;
            findings.places(&places, output)?;
        }
        exit(findings.silence(), findings.interrupted, findings.interfered())
    }
}

impl Evidence {
    fn name(&self) -> &str {
        self.account["name"].as_str().unwrap_or_default()
    }

    fn took(&self) -> Duration {
        Duration::from_nanos(self.account["took"].as_u64().unwrap_or_default())
    }

    fn interrupted(&self) -> bool {
        !self.account["course"]["interrupted"].is_null()
    }
}

/// Packets that were followed, as the file tells it.
struct InFile<'a> {
    judge: &'a Judge,
    config: &'a ModernConfig,
    followed: VecDeque<Followed>,
}

impl Flows for InFile<'_> {
    fn follow(
        &mut self,
        row: &Row,
        _port: Option<u16>,
        tries: u8,
    ) -> Result<Option<Flow>, Failure> {
        let next = self.followed.pop_front().filter(|next| next.question == row.name);
        let Some(next) = next else { return Err(self.judge.unaccounted()) };
        let target = SocketAddr::new(self.config.target, self.config.port);
        let mut slot = [0; SLOT];
        let Some(bytes) = segment(row, self.config.seed, next.source, target, &mut slot) else {
            return Ok(None);
        };
        let mut follower = Follower::new(tracer(manner(row, tries), bytes)?, row);
        let mut flow = Flow::NEW;
        replay(&mut follower, &next.course, |event| flow.take(event))
            .map_err(|parted| self.judge.parted(parted))?;
        Ok(Some(flow))
    }

    /// The run was stopped where the file ends.
    fn stopped(&self) -> bool {
        self.followed.is_empty()
    }
}

/// Drives a suite by what the file holds, and collects what it reports.
fn events<E: crate::evidence::Subject>(
    suite: &mut E,
    course: &Course,
) -> Result<Vec<E::Event>, Parted> {
    let mut events = Vec::new();
    replay(suite, course, |event| events.push(event))?;
    Ok(events)
}

fn exit(silence: Option<String>, interrupted: bool, interfered: bool) -> Result<Exit, Failure> {
    if let Some(silence) = silence {
        return Err(
            Failure::new(Exit::NoAnswer, silence).hint("print the packets: tcpexposure print FILE")
        );
    }
    Ok(match (interrupted, interfered) {
        (true, _) => Exit::Partial,
        (false, true) => Exit::Interfered,
        (false, false) => Exit::Done,
    })
}
