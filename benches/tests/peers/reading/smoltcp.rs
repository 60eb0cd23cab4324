//! smoltcp: its checked views.

use smoltcp::wire::{
    EthernetFrame, EthernetProtocol, IpProtocol, Ipv4Packet, Ipv6ExtHeader, Ipv6FragmentHeader,
    Ipv6Packet, TcpOption, TcpPacket,
};

use super::Reading;

pub(super) fn read(frame: &[u8], _: usize) -> Option<Reading> {
    let frame = without_tags(frame);
    let frame = EthernetFrame::new_checked(&frame[..]).ok()?;
    match frame.ethertype() {
        EthernetProtocol::Ipv4 => {
            let packet = Ipv4Packet::new_checked(frame.payload()).ok()?;
            let first = packet.frag_offset() == 0;
            (first && packet.next_header() == IpProtocol::Tcp).then_some(())?;
            segment(packet.payload())
        }
        EthernetProtocol::Ipv6 => {
            let packet = Ipv6Packet::new_checked(frame.payload()).ok()?;
            chain(packet.next_header(), packet.payload())
        }
        _ => None,
    }
}

/// Takes off what smoltcp does not know.
fn without_tags(frame: &[u8]) -> Vec<u8> {
    let mut frame = frame.to_vec();
    while let [0x81, 0] | [0x88, 0xa8] | [0x91, 0] = frame.get(12..14).unwrap_or_default() {
        frame.drain(12..16.min(frame.len()));
    }
    frame
}

fn chain(next: IpProtocol, rest: &[u8]) -> Option<Reading> {
    match next {
        IpProtocol::Tcp => segment(rest),
        IpProtocol::HopByHop | IpProtocol::Ipv6Route | IpProtocol::Ipv6Opts => {
            let header = Ipv6ExtHeader::new_checked(rest).ok()?;
            let length = (usize::from(header.header_len()) + 1) * 8;
            chain(header.next_header(), rest.get(length..)?)
        }
        IpProtocol::Ipv6Frag => {
            let header = Ipv6ExtHeader::new_checked(rest.get(..8)?).ok()?;
            let fragment = Ipv6FragmentHeader::new_checked(header.payload()).ok()?;
            (fragment.frag_offset() == 0).then_some(())?;
            chain(header.next_header(), rest.get(8..)?)
        }
        _ => None,
    }
}

fn segment(bytes: &[u8]) -> Option<Reading> {
    let header = TcpPacket::new_checked(bytes).ok()?;
    let flags = [
        header.fin(),
        header.syn(),
        header.rst(),
        header.psh(),
        header.ack(),
        header.urg(),
        header.ece(),
        header.cwr(),
    ];
    let (options, fault) = options(header.options());
    Some(Reading {
        ports: (header.src_port(), header.dst_port()),
        seq: header.seq_number().0.cast_unsigned(),
        ack: header.ack_number().0.cast_unsigned(),
        flags: flags.iter().rev().fold(0, |all, flag| all << 1 | u8::from(*flag)),
        window: header.window_len(),
        options,
        fault,
        payload: header.payload().len(),
    })
}

fn options(mut rest: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let mut all = Vec::new();
    while !rest.is_empty() {
        let Ok((after, option)) = TcpOption::parse(rest) else {
            return (all, true);
        };
        rest = after;
        all.push(match option {
            TcpOption::EndOfList => break,
            TcpOption::NoOperation => continue,
            TcpOption::MaxSegmentSize(size) => [&[2, 4], &size.to_be_bytes()[..]].concat(),
            TcpOption::WindowScale(shift) => vec![3, 3, shift],
            TcpOption::SackPermitted => vec![4, 2],
            TcpOption::SackRange(ranges) => super::sack(ranges.into_iter().flatten()),
            TcpOption::TimeStamp { tsval, tsecr } => {
                [&[8, 10], &tsval.to_be_bytes()[..], &tsecr.to_be_bytes()].concat()
            }
            TcpOption::Unknown { kind, data } => {
                [&[kind, u8::try_from(data.len() + 2).unwrap()], data].concat()
            }
        });
    }
    (all, false)
}
