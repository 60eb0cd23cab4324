//! The example of 2010: resolve, shake hands, send one data segment, print every answer, close.
//! `cargo run -p tcpexposure-linux --example handshake -- HOST [PORT]`, with CAP_NET_RAW.

use std::{env, error::Error, hash::BuildHasher as _, net::ToSocketAddrs as _, time::Duration};

use tcpexposure_core::{
    craft::{Draft, Network, Payload},
    exchange::Policy,
    summary::{Line, Style},
    wire::tcp::{Flags, Seq},
};
use tcpexposure_link::{Answer, exchange, until};
use tcpexposure_linux::{Guard, LinuxLink, Options, open};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let mut arguments = env::args().skip(1);
    let host = arguments.next().ok_or("which host?")?;
    let port = arguments.next().map_or(Ok(80), |port| port.parse())?;
    let target = (host.as_str(), port).to_socket_addrs()?.next().ok_or("no address")?;
    let guard = Guard::new(None)?; // keeps our own kernel from resetting the connection
    let mut link = open(target.ip(), &Options::default())?;
    let mut flow = Draft {
        network: Network::between(link.source(), target.ip()).ok_or("two IP versions")?,
        source_port: guard.port(),
        destination_port: port,
        seq: Seq(std::hash::RandomState::new().hash_one(port) as u32),
        ..Draft::default()
    };
    let syn = Draft { flags: Flags::SYN, options: &[2, 4, 5, 0xb4], ..flow };
    follow(&mut flow, &send(&mut link, &syn, Flags::SYN.with(Flags::RST))?);
    flow.flags = Flags::PSH.with(Flags::ACK);
    let request = format!("GET / HTTP/1.0\r\nHost: {host}\r\n\r\n");
    let data = Draft { payload: Payload::Bytes(request.as_bytes()), ..flow };
    follow(&mut flow, &send(&mut link, &data, Flags::FIN.with(Flags::RST))?);
    let fin = Draft { flags: Flags::FIN.with(Flags::ACK), ..flow };
    send(&mut link, &fin, Flags::ACK).map(drop)
}

/// Sends a segment and prints what comes, up to an answer with one of the flags.
fn send(link: &mut LinuxLink, draft: &Draft<'_>, last: Flags) -> Outcome<Vec<Answer>> {
    let mut buffer = [0; 1500];
    let policy = Policy { retries: 3, linger: Duration::from_secs(1), ..Policy::default() };
    let answers = exchange(link, &[draft.write(&mut buffer)?], policy, until(last))?;
    for answer in &answers {
        println!("{}", Line::new(&answer.packet(), &Style::default()));
    }
    if answers.is_empty() { Err("no answer".into()) } else { Ok(answers) }
}

/// Moves on to what the other side has acknowledged, and acknowledges what it has sent.
fn follow(flow: &mut Draft<'_>, answers: &[Answer]) {
    for answer in answers {
        if let Some(segment) = answer.packet().tcp() {
            (flow.seq, flow.ack) = (segment.header.ack(), segment.end());
        }
    }
}
