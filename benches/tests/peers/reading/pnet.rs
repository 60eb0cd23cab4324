//! pnet_packet: its views.

use pnet_packet::{
    Packet, PacketSize,
    ethernet::{EtherType, EtherTypes, EthernetPacket},
    ip::{IpNextHeaderProtocol, IpNextHeaderProtocols},
    ipv4::Ipv4Packet,
    ipv6::{ExtensionPacket, FragmentPacket, Ipv6Packet},
    tcp::{TcpOptionNumbers, TcpPacket},
    vlan::VlanPacket,
};

use super::Reading;

pub(super) fn read(frame: &[u8], _: usize) -> Option<Reading> {
    let frame = EthernetPacket::new(frame)?;
    link(frame.get_ethertype(), frame.payload())
}

fn link(ethertype: EtherType, rest: &[u8]) -> Option<Reading> {
    match ethertype {
        EtherTypes::Ipv4 => {
            let packet = Ipv4Packet::new(rest)?;
            let first = packet.get_fragment_offset() == 0;
            let tcp = packet.get_next_level_protocol() == IpNextHeaderProtocols::Tcp;
            (first && tcp).then_some(())?;
            segment(packet.payload())
        }
        EtherTypes::Ipv6 => {
            let packet = Ipv6Packet::new(rest)?;
            chain(packet.get_next_header(), packet.payload())
        }
        EtherTypes::Vlan | EtherTypes::PBridge | EtherTypes::QinQ => {
            let tag = VlanPacket::new(rest)?;
            link(tag.get_ethertype(), rest.get(4..)?)
        }
        _ => None,
    }
}

fn chain(next: IpNextHeaderProtocol, rest: &[u8]) -> Option<Reading> {
    match next {
        IpNextHeaderProtocols::Tcp => segment(rest),
        IpNextHeaderProtocols::Hopopt
        | IpNextHeaderProtocols::Ipv6Route
        | IpNextHeaderProtocols::Ipv6Opts => {
            let header = ExtensionPacket::new(rest)?;
            let length = (usize::from(header.get_hdr_ext_len()) + 1) * 8;
            chain(header.get_next_header(), rest.get(length..)?)
        }
        IpNextHeaderProtocols::Ipv6Frag => {
            let header = FragmentPacket::new(rest)?;
            (header.get_fragment_offset_with_flags() >> 3 == 0).then_some(())?;
            chain(header.get_next_header(), rest.get(8..)?)
        }
        _ => None,
    }
}

fn segment(bytes: &[u8]) -> Option<Reading> {
    let header = TcpPacket::new(bytes)?;
    let mut options = Vec::new();
    for option in header.get_options_iter() {
        match option.get_number() {
            TcpOptionNumbers::NOP => {}
            TcpOptionNumbers::EOL => break,
            number => {
                let length = option.get_length().first().copied().unwrap_or(0);
                let data = option.payload();
                assert!(option.packet_size() >= data.len());
                options.push([&[number.0, length], data].concat());
            }
        }
    }
    Some(Reading {
        ports: (header.get_source(), header.get_destination()),
        seq: header.get_sequence(),
        ack: header.get_acknowledgement(),
        flags: header.get_flags(),
        window: header.get_window(),
        options,
        fault: false, // it has no way to tell
        payload: header.payload().len(),
    })
}
