//! Answers a SYN to each of ports 1001, 1002, … by the segment that the expression of that place
//! says, as in `answers 'S. <mss 1460>' 'S.E' 'S. cksum bad'`; `seq` and `ack` fit the SYN unless
//! the expression states them. With CAP_NET_RAW.

use std::{convert::Infallible, env, error::Error, ops::ControlFlow};

use tcpexposure_core::{
    craft::{Draft, Network},
    engine::{Engine, Step},
    expression::{self, Expression},
    time::Instant,
    wire::{
        packet::Packet,
        tcp::{Flags, Seq},
    },
};
use tcpexposure_link::drive;
use tcpexposure_linux::{Guard, Interest, Options, listen};

/// The port of the first expression.
const FIRST: u16 = 1001;

/// Answers one packet at a time.
struct Answers<'a> {
    expressions: Vec<Expression<'a>>,
    waiting: Vec<Vec<u8>>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let texts: Vec<String> = env::args().skip(1).collect();
    let parsed = texts.iter().map(|text| expression::parse(text).map_err(|_| text.clone()));
    let expressions = parsed.collect::<Result<Vec<_>, _>>()?;
    let last = FIRST + u16::try_from(expressions.len())? - 1;
    let guards =
        (FIRST..=last).map(|port| Guard::new(Some(port))).collect::<Result<Vec<_>, _>>()?;
    let interest = Interest { peers: Vec::new(), ports: vec![FIRST..=last] };
    let mut link = listen(&Options { interest: Some(interest), ..Options::default() })?;
    println!("answering on {} ports", guards.len());
    let mut answers = Answers { expressions, waiting: Vec::new() };
    drive(&mut answers, &mut link, |_| ControlFlow::Continue(()))?;
    Ok(())
}

impl Answers<'_> {
    /// Makes the answer to a SYN.
    fn answer(&self, packet: &Packet<'_>) -> Option<Vec<u8>> {
        let (us, them) = packet.addresses().map(|(source, destination)| (destination, source))?;
        let header = packet.tcp().filter(|tcp| tcp.header.flags() == Flags::SYN)?.header;
        let place = header.destination_port().checked_sub(FIRST)?;
        let usual = Draft {
            network: Network::between(us, them)?,
            source_port: header.destination_port(),
            destination_port: header.source_port(),
            seq: Seq(7),
            ack: header.seq().add(1),
            window: 512,
            ..Draft::default()
        };
        let draft = self.expressions.get(usize::from(place))?.draft(usual).ok()?;
        let mut bytes = vec![0; draft.length()];
        draft.write(&mut bytes).ok()?;
        Some(bytes)
    }
}

impl Engine for Answers<'_> {
    type Event = Infallible;

    fn handle(&mut self, _: Instant, packet: &Packet<'_>) {
        self.waiting.extend(self.answer(packet));
    }

    fn poll(&mut self, _: Instant, slot: &mut [u8]) -> Step<Infallible> {
        match self.waiting.pop() {
            Some(bytes) => {
                slot[..bytes.len()].copy_from_slice(&bytes);
                Step::Send(bytes.len())
            }
            None => Step::Wait(Instant::NEVER),
        }
    }
}
