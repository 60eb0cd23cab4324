//! Where on the path what was found is done: which questions are followed, and what comes of it.

use std::net::SocketAddr;

use tcpexposure_core::{
    craft::{Draft, Network},
    experiment::{
        Direction, Outcome,
        modern::{Aspect, Finding, Reply, Row, Shape, Sketch, Step},
    },
    trace::{Config, Event, Field, Hop, Place, Reason, Trace, locate, locate_loss, part},
    wire::{packet::Packet, tcp::Seq},
};

use crate::exit::{Exit, Failure};

/// What came of one packet that was followed.
pub(crate) struct Flow {
    pub(crate) hops: Vec<Hop>,
    /// Whether the connection could be opened that the packet belongs to.
    pub(crate) connected: bool,
}

impl Flow {
    /// Nothing yet.
    pub(crate) const NEW: Self = Self { hops: Vec::new(), connected: true };

    /// Takes in what was found out.
    pub(crate) fn take(&mut self, event: Event) {
        match event {
            Event::Hop(hop) => self.hops.push(hop),
            Event::Unconnected => self.connected = false,
        }
    }
}

/// Who can follow packets: a path, or a file that tells how they were followed.
pub(crate) trait Flows {
    /// Follows the segment of a row from a port of ours, or from one that nothing has used, and asks
    /// each hop so often; `None` where it cannot be sent.
    fn follow(&mut self, row: &Row, port: Option<u16>, tries: u8) -> Result<Option<Flow>, Failure>;

    /// Tells whether somebody asked to stop.
    fn stopped(&self) -> bool;
}

/// Follows the segment of each question whose answer shows a change on the way out, and says where
/// it was made; `told` hears it at once.
pub(crate) fn localise(
    findings: &[Finding],
    flows: &mut impl Flows,
    mut told: impl FnMut(&'static Row, Place),
) -> Result<Vec<(&'static Row, Place)>, Failure> {
    let mut places = Vec::new();
    for finding in findings {
        let Some(way) = Way::of(finding) else { continue };
        if way.is_followed() && flows.stopped() {
            break;
        }
        let place = way.place(finding, flows)?;
        told(finding.row, place);
        places.push((finding.row, place));
    }
    Ok(places)
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

    /// Tells whether it takes packets to say where.
    const fn is_followed(&self) -> bool {
        !matches!(self, Self::Unknown(_))
    }

    fn place(self, finding: &Finding, flows: &mut impl Flows) -> Result<Place, Failure> {
        let row = finding.row;
        let mut follow = |row, tries| trace(flows, row, finding.port, tries);
        match self {
            Self::Unknown(reason) => Ok(Place::Unknown(reason)),
            Self::Changed(field) => match follow(row, TRIES)? {
                Some(flow) => changed(row, field, &flow, flows),
                None => Ok(Place::Unknown(Reason::Silent)),
            },
            Self::Lost => {
                let (flow, control) = (follow(row, TRIES)?, follow(&control(row), TRIES)?);
                Ok(match (flow, control) {
                    (Some(flow), Some(control)) => locate_loss(&flow.hops, &control.hops),
                    _ => Place::Unknown(Reason::Silent),
                })
            }
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

/// Says where a field is changed. A flow that shows no change may have gone another way than the
/// connection that did, so that others are asked before the far end is named.
fn changed(
    row: &Row,
    field: Field,
    first: &Flow,
    flows: &mut impl Flows,
) -> Result<Place, Failure> {
    let place = locate(&first.hops, field);
    if !matches!(place, Place::Behind(_)) {
        return Ok(place);
    }
    let mut parted = false;
    for _ in 1..FLOWS {
        if flows.stopped() {
            break;
        }
        let Some(flow) = trace(flows, row, None, 1)? else { continue };
        let place = locate(&flow.hops, field);
        if matches!(place, Place::Between(..)) {
            return Ok(place);
        }
        parted |= part(&first.hops, &flow.hops);
    }
    Ok(if parted { Place::Unknown(Reason::Contradiction) } else { place })
}

/// Follows a segment; `None` where it cannot be sent. A SYN goes from the port of the one that was
/// changed or lost, because others may go another way. What is sent inside a connection goes from a
/// port of its own: who has seen the connection end may not let it begin again.
fn trace(
    flows: &mut impl Flows,
    row: &Row,
    port: Option<u16>,
    tries: u8,
) -> Result<Option<Flow>, Failure> {
    let flow = flows.follow(row, port.filter(|_| row.is_about_syn()), tries)?;
    Ok(flow.filter(|flow| flow.connected))
}

/// Writes the segment of a row that is to be followed.
pub(crate) fn segment<'s>(
    row: &Row,
    nonce: u64,
    source: SocketAddr,
    target: SocketAddr,
    slot: &'s mut [u8],
) -> Option<&'s [u8]> {
    let sketch = Sketch {
        nonce,
        network: Network::between(source.ip(), target.ip())?,
        source_port: source.port(),
        port: target.port(),
        seq: Seq(0x1234_5678),
        ack: Seq(0),
        account: false,
    };
    let length = row.write(&sketch, slot)?;
    slot.get(..length)
}

/// Tells how the segment of a row is followed.
pub(crate) const fn manner(row: &Row, tries: u8) -> Config {
    Config { most: 30, tries, patience: 4, connect: !row.is_about_syn() }
}

/// Makes what follows a packet.
pub(crate) fn tracer(config: Config, bytes: &[u8]) -> Result<Trace, Failure> {
    let draft = Draft::of(&Packet::from_ip(bytes));
    draft.and_then(|draft| Trace::new(config, &draft)).ok_or_else(|| {
        Failure::new(Exit::Usage, "this packet cannot be traced")
            .hint("it needs a whole TCP header and at most 1500 bytes")
    })
}

/// How often each hop is asked.
const TRIES: u8 = 3;
/// How many flows are traced before the far end is named.
const FLOWS: u16 = 16;
