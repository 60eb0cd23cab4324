//! Where on the path what was found is done.

use tcpexposure_core::{
    craft::Network,
    experiment::{
        Direction, Outcome,
        modern::{Aspect, Finding, Reply, Row, Shape, Sketch, Step},
    },
    trace::{Config, Field, Place, Reason, locate, locate_loss, part},
    wire::tcp::Seq,
};

use super::{Task, Test, paths::Paths, targets::Address};
use crate::{
    commands::trace::{Flow, follow},
    exit::Failure,
    output::Output,
};

impl Test {
    /// Traces the segment of each question whose answer shows a change on the way out, and says
    /// where it was made.
    pub(super) fn localise(
        &self,
        address: &Address,
        findings: &[Finding],
        task: &Task,
        paths: &mut Paths<'_>,
        output: &mut Output,
    ) -> Result<Vec<(&'static Row, Place)>, Failure> {
        let mut places = Vec::new();
        for finding in findings {
            let Some(way) = Way::of(finding) else { continue };
            if task.stop.asked() {
                break;
            }
            let place = match way {
                Way::Unknown(reason) => Place::Unknown(reason),
                Way::Changed(field) => {
                    let mut tracer = Tracer { row: finding.row, address, paths: &mut *paths, task };
                    match tracer.trace(finding.port, TRIES)? {
                        Some(flow) => tracer.changed(field, flow)?,
                        None => Place::Unknown(Reason::Silent),
                    }
                }
                Way::Lost => {
                    let mut tracer = Tracer { row: finding.row, address, paths: &mut *paths, task };
                    let flow = tracer.trace(finding.port, TRIES)?;
                    let control = control(finding.row);
                    let control = Tracer { row: &control, ..tracer }.trace(finding.port, TRIES)?;
                    match (flow, control) {
                        (Some(flow), Some(control)) => locate_loss(&flow.hops, &control.hops),
                        _ => Place::Unknown(Reason::Silent),
                    }
                }
            };
            output.detail(&format!("{}: {place}", finding.row.name));
            places.push((finding.row, place));
        }
        Ok(places)
    }
}

/// What is looked for.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// The hop behind which this field differs.
    Changed(Field),
    /// The hop behind which nothing arrives.
    Lost,
    /// Nothing that a quote can show.
    Unknown(Reason),
}

impl Way {
    fn of(finding: &Finding) -> Option<Self> {
        let row = finding.row;
        let inbound = row.aspect.is_inbound() || finding.direction == Direction::Inbound;
        match finding.outcome {
            _ if inbound => None,
            Outcome::Dropped | Outcome::Reset | Outcome::Broken => Some(Self::Lost),
            Outcome::Removed | Outcome::Changed | Outcome::Zeroed | Outcome::Reflected => {
                Some(field(row.aspect).map_or(Self::Unknown(Reason::Short), Self::Changed))
            }
            _ => None,
        }
    }
}

/// Tells the field of a quote that an aspect is about.
const fn field(aspect: Aspect) -> Option<Field> {
    Some(match aspect {
        Aspect::SynOption(_) | Aspect::Option(_) | Aspect::SynMss | Aspect::SynScale => {
            Field::Options
        }
        Aspect::SynFlags(_) | Aspect::Flags(_) => Field::Flags,
        Aspect::SynEcn | Aspect::Class(_) => Field::Class,
        Aspect::SynPayload | Aspect::Payload => Field::Length,
        Aspect::SynWindow => Field::Window,
        Aspect::Urgent => Field::Urgent,
        Aspect::WrongSum => Field::Checksum,
        Aspect::Address => Field::Addresses,
        Aspect::Port => Field::Ports,
        Aspect::Id => Field::Id,
        Aspect::FlowLabel => Field::FlowLabel,
        Aspect::IpOptions => Field::IpOptions,
        Aspect::Seq => Field::Seq,
        Aspect::Sack => Field::Ack,
        _ => return None,
    })
}

/// Makes a row like another, whose segment is plain.
const fn control(row: &Row) -> Row {
    let step = if row.is_about_syn() { row.step } else { Step::Segment(Shape::DATA, Reply::PLAIN) };
    Row { syn: Shape::SYN, step, ..*row }
}

/// Traces the segment of a row.
struct Tracer<'a, 'p> {
    row: &'a Row,
    address: &'a Address,
    paths: &'a mut Paths<'p>,
    task: &'a Task,
}

impl Tracer<'_, '_> {
    /// Says where a field is changed. A flow that shows no change may have gone another way than the
    /// connection that did, so that others are asked before the far end is named.
    fn changed(&mut self, field: Field, first: Flow) -> Result<Place, Failure> {
        let place = locate(&first.hops, field);
        if !matches!(place, Place::Behind(_)) {
            return Ok(place);
        }
        let mut parted = false;
        for _ in 1..FLOWS {
            let Some(flow) = self.trace(None, 1)? else { continue };
            let place = locate(&flow.hops, field);
            if matches!(place, Place::Between(..)) || self.task.stop.asked() {
                return Ok(place);
            }
            parted |= part(&first.hops, &flow.hops);
        }
        Ok(if parted { Place::Unknown(Reason::Contradiction) } else { place })
    }

    /// Follows the segment; `None` where it cannot be sent. A SYN goes from the port of the one that
    /// was changed or lost, because others may go another way. What is sent inside a connection goes
    /// from a port of its own: who has seen the connection end may not let it begin again.
    fn trace(&mut self, port: Option<u16>, tries: u8) -> Result<Option<Flow>, Failure> {
        let (row, task) = (self.row, self.task);
        let port = port.filter(|_| row.is_about_syn());
        let (target, mut path) = self.paths.trace(self.address, port)?;
        let Some(network) = Network::between(path.source.ip(), target.ip()) else {
            return Ok(None);
        };
        let sketch = Sketch {
            nonce: task.seed,
            network,
            source_port: path.source.port(),
            port: target.port(),
            seq: Seq(0x1234_5678),
            ack: Seq(0),
            account: false,
        };
        let mut slot = [0; 1500];
        let Some(length) = row.write(&sketch, &mut slot) else { return Ok(None) };
        let config = Config { most: 30, tries, patience: 4, connect: !row.is_about_syn() };
        let flow = follow(config, &slot[..length], &mut path, &task.stop, |_| Ok(()))?;
        Ok(flow.connected.then_some(flow))
    }
}

/// How often each hop is asked.
const TRIES: u8 = 3;
/// How many flows are traced before the far end is named.
const FLOWS: u16 = 16;
