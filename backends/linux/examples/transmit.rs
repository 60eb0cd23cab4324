//! Sends SYNs as fast as a way to send allows, each to another address with another sequence number
//! and right checksums, until it is ended: a yardstick for the ways, see benches/transmit.sh.
//! `cargo run --release -p tcpexposure-linux --example transmit -- WAY NEXT-HOP [COUNT]`, where WAY is
//! auto, xdp, ring, mmsg or raw; nothing is sent beyond 10.0.0.0/8.

use std::{
    env,
    error::Error,
    net::{IpAddr, Ipv4Addr},
};

use tcpexposure_core::{
    craft::{Draft, Network},
    wire::tcp::Flags,
};
use tcpexposure_link::Link;
use tcpexposure_linux::{Options, Transmit, open_transmit};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let way = match arguments.next().as_deref() {
        Some("auto") => Transmit::Auto,
        Some("xdp") => Transmit::Xdp,
        Some("ring") => Transmit::Ring,
        Some("mmsg") => Transmit::Mmsg,
        Some("raw") => Transmit::Raw,
        _ => return Err("which way?".into()),
    };
    let next_hop: IpAddr = arguments.next().ok_or("which next hop?")?.parse()?;
    let count = arguments.next().map_or(Ok(u64::MAX), |count| count.parse())?;
    let mut link = open_transmit(next_hop, &Options::default(), way)?;
    eprintln!("{}", link.description());
    let template = Template::new(link.source())?;
    for number in 0..count {
        let length = template.write(number, link.slot()?);
        link.commit(length)?;
    }
    link.flush()?;
    eprintln!("{:?}", link.statistics()?);
    Ok(())
}

/// A SYN, and what its checksums are without what changes.
struct Template {
    bytes: [u8; 40],
    ip_sum: u64,
    tcp_sum: u64,
}

impl Template {
    fn new(source: IpAddr) -> Result<Self, Box<dyn Error>> {
        let draft = Draft {
            network: Network::between(source, Ipv4Addr::new(10, 0, 0, 0).into())
                .ok_or("give a next hop of version 4")?,
            source_port: 40_000,
            destination_port: 80,
            flags: Flags::SYN,
            ..Draft::default()
        };
        let mut bytes = [0; 40];
        draft.write(&mut bytes)?;
        let sum = |at: usize| u64::from(!u16::from_be_bytes([bytes[at], bytes[at + 1]]));
        Ok(Self { ip_sum: sum(10), tcp_sum: sum(36), bytes })
    }

    /// Writes the SYN of this number, and tells its length.
    fn write(&self, number: u64, slot: &mut [u8]) -> usize {
        let host = (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u32;
        let seq = (number ^ 0x5bd1_e995).wrapping_mul(0xff51_afd7_ed55_8ccd) >> 32;
        let (high, low) = (u64::from(host >> 16), u64::from(host & 0xffff));
        slot[..40].copy_from_slice(&self.bytes);
        slot[17..20].copy_from_slice(&host.to_be_bytes()[1..]);
        slot[24..28].copy_from_slice(&(seq as u32).to_be_bytes());
        slot[10..12].copy_from_slice(&fold(self.ip_sum + high + low));
        let tcp = self.tcp_sum + high + low + (seq >> 16) + (seq & 0xffff);
        slot[36..38].copy_from_slice(&fold(tcp));
        40
    }
}

/// Folds a sum to a checksum.
fn fold(sum: u64) -> [u8; 2] {
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    (!(sum as u16)).to_be_bytes()
}
