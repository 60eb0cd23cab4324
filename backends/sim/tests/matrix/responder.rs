//! A responder of 2011 by the specification's sections 4.2 to 4.8, crashes and all.

use std::collections::VecDeque;

use tcpexposure_core::{
    craft::{Draft, Network, Payload},
    engine::{Engine, Step},
    time::Instant,
    wire::{
        options::{View, Writer, classic::Classic},
        packet::Packet,
        tcp::{Flags, Segment, Seq},
    },
};

/// The responder, and what it has yet to send.
#[derive(Debug, Default)]
pub(crate) struct Classic2011 {
    answers: VecDeque<Vec<u8>>,
}

impl Engine for Classic2011 {
    type Event = ();

    fn handle(&mut self, _: Instant, packet: &Packet<'_>) {
        if let Some(segment) = packet.tcp() {
            self.answers.extend(answers(packet, segment).unwrap_or_default());
        }
    }

    fn poll(&mut self, _: Instant, slot: &mut [u8]) -> Step<()> {
        let Some(answer) = self.answers.pop_front() else {
            return Step::Wait(Instant::NEVER);
        };
        slot[..answer.len()].copy_from_slice(&answer);
        Step::Send(answer.len())
    }
}

fn answers(packet: &Packet<'_>, segment: &Segment<'_>) -> Option<Vec<Vec<u8>>> {
    let header = segment.header;
    let flags = header.flags();
    let (syn, fin) = (flags.contains(Flags::SYN), flags.contains(Flags::FIN));
    if flags.contains(Flags::RST) || !syn && !fin && segment.payload.is_empty() {
        return None;
    }
    let (body, http) = undress(segment.payload);
    let commands = syn && segment.payload.len() >= 2 || !syn && !fin && segment.payload.len() >= 4;
    let command = body.first().copied().filter(|_| commands);
    let mut buffer = [0; 80];
    let (options, window) = options(segment, syn, command, &mut buffer)?;
    let length = if syn || fin { 1 } else { u32::try_from(segment.payload.len()).ok()? };
    let first = segment.payload.first();
    let end = match (command, first) {
        (Some(0xb2), _) => 0,
        (_, Some(0xc1 | 0xc2)) if syn => length + u32::try_from(segment.payload.len()).ok()?,
        _ => length,
    };
    let (source, destination) = packet.addresses()?;
    let mut draft = Draft {
        network: Network::between(destination, source)?,
        source_port: header.destination_port(),
        destination_port: header.source_port(),
        seq: if syn { Seq(0x00ab_cdef) } else { header.ack() },
        ack: header.seq().add(end),
        flags: if syn { Flags::SYN.with(Flags::ACK) } else { Flags::ACK },
        window,
        options,
        ..Draft::default()
    };
    let echoes: &[u8] = if syn { &[0xa1, 0xc2] } else { &[0xa1, 0xa2, 0xa3, 0xc2] };
    let mut payload = Vec::new();
    if command.is_some_and(|command| echoes.contains(&command)) {
        let target = if syn { segment.payload.len() } else { 512 - options.len() };
        payload = echo(packet, segment, &draft, body, target, http || command == Some(0xa3));
    }
    draft.payload = Payload::Bytes(&payload);
    let mut answers = vec![bytes(&draft)];
    if fin {
        answers.push(bytes(&Draft { flags: draft.flags.with(Flags::FIN), ..draft }));
    }
    Some(answers)
}

/// Takes an HTTP header off; tells whether there was one.
fn undress(payload: &[u8]) -> (&[u8], bool) {
    let http = [&b"GET"[..], b"POST", b"HTTP"].iter().any(|start| payload.starts_with(start));
    let end = payload.windows(4).rposition(|window| window == b"\r\n\r\n").filter(|_| http);
    (end.map_or(payload, |end| &payload[end + 4..]), http)
}

/// Writes the answer's options and tells its window; `None` where the original's child dies.
fn options<'b>(
    segment: &Segment<'_>,
    syn: bool,
    command: Option<u8>,
    buffer: &'b mut [u8],
) -> Option<(&'b [u8], u16)> {
    let data = syn && !segment.payload.is_empty();
    let mut window = 32768 - u16::from(data);
    let mut stamp = 12_345_678 - u32::from(data);
    let mut value = 0;
    let mut less = u16::from(data);
    let mut list: Vec<View<'_>> = Vec::new();
    let mut tail: Vec<Classic> = Vec::new();
    for item in segment.options {
        match (item.view(), Classic::of(item)) {
            (View::Timestamps { value: theirs, echo }, _) => {
                value = theirs;
                if syn && echo != 0 {
                    less = if echo == 0xffff_0000 { 2 } else { 4 };
                    window -= less;
                    stamp = echo;
                    list.clear();
                    tail.clear();
                }
                list.push(View::Timestamps { value: stamp, echo: theirs });
            }
            (_, Some(option @ Classic::Capable { .. })) => {
                if syn && !data {
                    less = 2;
                    window -= 2;
                    list = vec![View::Timestamps { value: stamp.wrapping_sub(2), echo: value }];
                }
                tail.push(option);
            }
            (_, Some(Classic::Data { sequence, length, .. })) => {
                tail.push(Classic::Ack { sequence: sequence.wrapping_add(length.into()) });
            }
            _ => {}
        }
    }
    if command == Some(0xa2) && !syn {
        let (theirs, _) = segment.options.timestamps()?;
        list = vec![View::Timestamps { value: 12_345_678, echo: theirs.wrapping_sub(1) }];
        tail.clear();
    }
    let mut writer = Writer::new(buffer);
    if syn {
        View::MaximumSegmentSize(512 - less).write(&mut writer).ok()?;
        View::WindowScale(6 - less.to_le_bytes()[0]).write(&mut writer).ok()?;
        View::SackPermitted.write(&mut writer).ok()?;
    }
    list.iter().try_for_each(|view| view.write(&mut writer)).ok()?;
    tail.iter().try_for_each(|option| option.write(&mut writer)).ok()?;
    writer.align().ok()?;
    let options = writer.finish();
    (options.len() <= 40).then_some((options, window))
}

/// Writes the headers that came and those that go, and a copy of the payload.
fn echo(
    packet: &Packet<'_>,
    segment: &Segment<'_>,
    draft: &Draft<'_>,
    body: &[u8],
    target: usize,
    http: bool,
) -> Vec<u8> {
    let mut payload = Vec::new();
    if http {
        for length in 0..target {
            payload = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {length}\r\n\r\n"
            )
            .into_bytes();
            if payload.len() + length == target {
                break;
            }
        }
    }
    payload.extend_from_slice(&packet.bytes[..packet.bytes.len() - segment.payload.len()]);
    payload.extend(bytes(draft));
    let room = target.saturating_sub(payload.len());
    if room == 0 {
        payload.extend_from_slice(body);
    } else {
        payload.extend(body.iter().copied().chain(std::iter::repeat(0xab)).take(room));
    }
    payload
}

fn bytes(draft: &Draft<'_>) -> Vec<u8> {
    let mut bytes = vec![0; draft.length()];
    draft.write(&mut bytes).expect("an answer fits");
    bytes
}
