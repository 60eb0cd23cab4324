//! Valid, mutated and malformed packets, by classes.

#[path = "../summary_peer/build.rs"]
pub(crate) mod build;

use build::{
    Dice, Tcp, ethernet, hex, icmp4, icmp6, ipv4, ipv6, pseudo4, pseudo6, sum4, turn, unhex,
};
use tcpexposure_core::fault::{Kind, Layer};

/// An Ethernet frame, and what is wrong with it.
pub(crate) struct Frame {
    pub(crate) bytes: Vec<u8>,
    /// The length that it had before it was cut.
    pub(crate) wire_len: usize,
    pub(crate) wrong: Wrong,
}

/// What is wrong with a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Wrong {
    /// Nothing.
    No,
    /// Perhaps something, which the mutation does not tell.
    Perhaps,
    /// This.
    Yes(Layer, Kind),
}

/// A class: its name, and how a frame of it is made.
pub(crate) type Class = (&'static str, fn(&mut Dice) -> Frame);

/// All classes.
pub(crate) const CLASSES: &[Class] = &[
    ("valid IPv4", valid_4),
    ("valid IPv6", valid_6),
    ("IPv4 options", ip_options),
    ("odd flags, ports and reserved bits", odd),
    ("bits turned in the IPv4 header", turned_4),
    ("bits turned in the IPv6 header", turned_6),
    ("bits turned in the TCP header", turned_tcp),
    ("random options", random_options),
    ("an option length changed", option_length),
    ("data offset below 5", offset_below),
    ("data offset beyond the segment", offset_beyond),
    ("total length above what is captured", cut_payload),
    ("total length below what is captured", padded_4),
    ("payload length below what is captured", padded_6),
    ("total length above what was delivered", total_above),
    ("total length 0", total_zero),
    ("total length below the header length", total_below),
    ("header length below 5", header_below),
    ("header length beyond the packet", header_beyond),
    ("first fragment", first_fragment),
    ("later fragment", later_fragment),
    ("captured bytes end in the options", cut_options),
    ("captured bytes end anywhere", cut_anywhere),
    ("a segment shorter than its header", short_segment),
    ("IPv6 extension headers in order", chain_in_order),
    ("IPv6 extension headers in any order", chain_in_disorder),
    ("IPv6 extension headers, broken", chain_broken),
    ("IPv6 mobility, HIP and Shim6 headers", chain_of_mobility),
    ("IPv6 payload length 0", payload_zero),
    ("IPv6 no next header", no_next_header),
    ("VLAN tags, stacked", tags),
    ("ICMP errors with quotes", quotes),
];

/// Makes one frame of every class in turn, so many rounds.
pub(crate) fn each(seed: u64, rounds: usize, mut take: impl FnMut(&'static str, &Frame)) {
    for (name, make) in CLASSES {
        let mut dice = Dice(seed);
        for round in 0..rounds {
            let frame = make(&mut dice);
            assert!(frame.wire_len >= frame.bytes.len(), "{name} {round}");
            take(name, &frame);
        }
    }
}

fn whole(packet: &[u8], wrong: Wrong) -> Frame {
    let bytes = ethernet("", packet);
    Frame { wire_len: bytes.len(), bytes, wrong }
}

fn faulty(packet: &[u8], layer: Layer, kind: Kind) -> Frame {
    whole(packet, Wrong::Yes(layer, kind))
}

/// Keeps the first bytes of a packet.
fn cut(packet: &[u8], kept: usize) -> Frame {
    let mut bytes = ethernet("", packet);
    let wire_len = bytes.len();
    bytes.truncate(14 + kept);
    Frame { bytes, wire_len, wrong: Wrong::Perhaps }
}

/// A segment as hosts send it.
fn tcp(dice: &mut Dice) -> Tcp {
    let length = dice.pick(&[0, 0, 1, 7, 40, 100]);
    Tcp {
        ports: (dice.u16() | 1, dice.u16() | 1),
        seq: dice.u32(),
        ack: dice.u32(),
        flags: dice.pick(&[0x02, 0x12, 0x10, 0x10, 0x18, 0x11, 0x04, 0x14, 0xc2, 0x52, 0x110]),
        window: dice.u16(),
        urgent: 0,
        options: options(dice),
        payload: dice.bytes(length),
        words: None,
        off: 0,
    }
}

/// A list of options of all kinds, each of a length that its kind allows, padded by NOPs.
fn options(dice: &mut Dice) -> Vec<u8> {
    let mut all = Vec::new();
    for _ in 0..dice.below(6) {
        let one = option(dice);
        if all.len() + one.len() <= 40 {
            all.extend(one);
        }
    }
    all.resize(all.len().next_multiple_of(4), 1);
    all
}

fn option(dice: &mut Dice) -> Vec<u8> {
    const KINDS: &[(u8, u8)] = &[
        (2, 4),
        (3, 3),
        (4, 2),
        (5, 10),
        (5, 18),
        (5, 26),
        (5, 34),
        (8, 10),
        (8, 10),
        (19, 18),
        (27, 8),
        (28, 4),
        (29, 16),
        (30, 4),
        (30, 12),
        (34, 2),
        (34, 10),
        (69, 3),
        (99, 7),
        (172, 11),
        (174, 5),
        (253, 4),
        (254, 6),
    ];
    if dice.one_in(4) {
        return vec![1];
    }
    let (kind, length) = dice.pick(KINDS);
    [&[kind, length][..], &dice.bytes(usize::from(length) - 2)].concat()
}

fn valid_4(dice: &mut Dice) -> Frame {
    whole(&v4(&tcp(dice), dice), Wrong::No)
}

fn valid_6(dice: &mut Dice) -> Frame {
    whole(&v6(&tcp(dice), dice), Wrong::No)
}

/// The segment in IPv4 whose other fields are random.
fn v4(tcp: &Tcp, dice: &mut Dice) -> Vec<u8> {
    let mut packet = tcp.v4();
    for at in [1, 4, 5, 8] {
        packet[at] = dice.u8();
    }
    packet[6] = dice.pick(&[0, 0x40, 0x80, 0xc0]);
    if dice.one_in(2) {
        turn(&mut packet);
    }
    sum4(&mut packet);
    packet
}

/// The segment in IPv6 whose other fields are random.
fn v6(tcp: &Tcp, dice: &mut Dice) -> Vec<u8> {
    let mut packet = tcp.v6();
    packet[0] |= dice.u8() & 15;
    for at in [1, 2, 3, 7] {
        packet[at] = dice.u8();
    }
    packet
}

fn either(dice: &mut Dice, tcp: &Tcp) -> Vec<u8> {
    if dice.one_in(2) { v6(tcp, dice) } else { v4(tcp, dice) }
}

/// Where TCP begins.
fn start(packet: &[u8]) -> usize {
    if packet[0] >> 4 == 6 { 40 } else { usize::from(packet[0] & 15) * 4 }
}

fn ip_options(dice: &mut Dice) -> Frame {
    let length = 1 + dice.below(40);
    let options = dice.bytes(length);
    whole(&ipv4(6, &options, &tcp(dice).segment(&pseudo4(6))), Wrong::No)
}

fn odd(dice: &mut Dice) -> Frame {
    let ports = (dice.u16() & dice.u16(), dice.pick(&[0, 1, 65535]));
    let tcp = Tcp { ports, flags: dice.u16() & 0xfff, urgent: dice.u16(), ..tcp(dice) };
    whole(&either(dice, &tcp), Wrong::No)
}

fn turned_4(dice: &mut Dice) -> Frame {
    let packet = v4(&tcp(dice), dice);
    turned(packet, 0, 20, dice)
}

fn turned_6(dice: &mut Dice) -> Frame {
    let packet = v6(&tcp(dice), dice);
    turned(packet, 0, 40, dice)
}

fn turned_tcp(dice: &mut Dice) -> Frame {
    let tcp = tcp(dice);
    let packet = either(dice, &tcp);
    let start = start(&packet);
    turned(packet, start, start + 20, dice)
}

/// Turns one to three bits from `from` to `to`.
fn turned(mut packet: Vec<u8>, from: usize, to: usize, dice: &mut Dice) -> Frame {
    for _ in 0..1 + dice.below(3) {
        packet[from + dice.below(to - from)] ^= 1 << dice.below(8);
    }
    whole(&packet, Wrong::Perhaps)
}

fn random_options(dice: &mut Dice) -> Frame {
    let length = 4 * dice.below(11);
    let tcp = Tcp { options: dice.bytes(length), ..tcp(dice) };
    whole(&either(dice, &tcp), Wrong::No)
}

fn option_length(dice: &mut Dice) -> Frame {
    let mut options = option(dice);
    options.extend(option(dice));
    options.truncate(38);
    let length = dice.pick(&[0, 1, 2, 3, 5, 12, 40, 255]);
    options[1.min(dice.below(2))] = length;
    options.resize(options.len().next_multiple_of(4), 1);
    let tcp = Tcp { options, ..tcp(dice) };
    whole(&either(dice, &tcp), Wrong::No)
}

fn offset_below(dice: &mut Dice) -> Frame {
    let words = dice.u8() % 5;
    with_offset(words, dice)
}

fn offset_beyond(dice: &mut Dice) -> Frame {
    let (options, payload) = (vec![1; 4 * dice.below(3)], dice.bytes(3));
    let least = 5 + options.len() / 4 + 1;
    let words = u8::try_from(least + dice.below(16 - least)).unwrap();
    let tcp = Tcp { options, payload, words: Some(words), ..tcp(dice) };
    offset(&tcp, words, dice)
}

fn with_offset(words: u8, dice: &mut Dice) -> Frame {
    let tcp = Tcp { words: Some(words), ..tcp(dice) };
    offset(&tcp, words, dice)
}

fn offset(tcp: &Tcp, words: u8, dice: &mut Dice) -> Frame {
    let segment = 20 + tcp.options.len() + tcp.payload.len();
    let kind = Kind::DataOffset { declared: usize::from(words) * 4, segment };
    faulty(&either(dice, tcp), Layer::Tcp, kind)
}

fn cut_payload(dice: &mut Dice) -> Frame {
    let tcp = Tcp { payload: dice.bytes(100), ..tcp(dice) };
    let packet = either(dice, &tcp);
    let kept = packet.len() - 1 - dice.below(100);
    let (layer, kind) = match packet[0] >> 4 {
        4 => (Layer::Ipv4, Kind::Cut { declared: packet.len(), present: kept }),
        _ => (Layer::Ipv6, Kind::Cut { declared: packet.len(), present: kept }),
    };
    Frame { wrong: Wrong::Yes(layer, kind), ..cut(&packet, kept) }
}

fn padded_4(dice: &mut Dice) -> Frame {
    let packet = v4(&tcp(dice), dice);
    let more = 1 + dice.below(46);
    whole(&[packet, dice.bytes(more)].concat(), Wrong::No)
}

fn padded_6(dice: &mut Dice) -> Frame {
    let packet = v6(&tcp(dice), dice);
    let more = 1 + dice.below(46);
    whole(&[packet, dice.bytes(more)].concat(), Wrong::No)
}

/// Forces the total length.
fn total(length: usize, dice: &mut Dice) -> Vec<u8> {
    let mut packet = v4(&tcp(dice), dice);
    packet[2..4].copy_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
    sum4(&mut packet);
    packet
}

fn total_above(dice: &mut Dice) -> Frame {
    let declared = 1000 + dice.below(60_000);
    let packet = total(declared, dice);
    faulty(&packet, Layer::Ipv4, Kind::LengthLong { declared, delivered: packet.len() })
}

fn total_zero(dice: &mut Dice) -> Frame {
    faulty(&total(0, dice), Layer::Ipv4, Kind::LengthShort { declared: 0, least: 20 })
}

fn total_below(dice: &mut Dice) -> Frame {
    let declared = 1 + dice.below(19);
    faulty(&total(declared, dice), Layer::Ipv4, Kind::LengthShort { declared, least: 20 })
}

fn header_below(dice: &mut Dice) -> Frame {
    let mut packet = v4(&tcp(dice), dice);
    let words = dice.u8() % 5;
    packet[0] = 0x40 | words;
    sum4(&mut packet);
    faulty(&packet, Layer::Ipv4, Kind::HeaderLength(usize::from(words) * 4))
}

fn header_beyond(dice: &mut Dice) -> Frame {
    let tcp = Tcp { options: Vec::new(), payload: Vec::new(), ..tcp(dice) };
    let mut packet = v4(&tcp, dice);
    let words = 11 + dice.u8() % 5;
    packet[0] = 0x40 | words;
    let (needed, present) = (usize::from(words) * 4, packet.len());
    faulty(&packet, Layer::Ipv4, Kind::Truncated { needed, present })
}

fn first_fragment(dice: &mut Dice) -> Frame {
    let tcp = tcp(dice);
    if dice.one_in(2) {
        let head = [&[6, 0, 0, 1][..], &dice.bytes(4)].concat();
        return whole(&ipv6(44, &[head, tcp.segment(&pseudo6(6))].concat()), Wrong::No);
    }
    let mut packet = v4(&tcp, dice);
    packet[6] = 0x20;
    sum4(&mut packet);
    whole(&packet, Wrong::No)
}

fn later_fragment(dice: &mut Dice) -> Frame {
    let tcp = tcp(dice);
    let offset = 1 + dice.u16() % 0x1fff;
    if dice.one_in(2) {
        let head = [&[6, 0][..], &(offset << 3).to_be_bytes(), &dice.bytes(4)].concat();
        return whole(&ipv6(44, &[head, tcp.segment(&pseudo6(6))].concat()), Wrong::No);
    }
    let mut packet = v4(&tcp, dice);
    packet[6..8].copy_from_slice(&offset.to_be_bytes());
    sum4(&mut packet);
    whole(&packet, Wrong::No)
}

fn cut_options(dice: &mut Dice) -> Frame {
    let options = [&[2, 4, 5, 0xb4, 4, 2, 8, 10][..], &dice.bytes(8), &[1, 3, 3, 7]].concat();
    let tcp = Tcp { options, ..tcp(dice) };
    let packet = either(dice, &tcp);
    let kept = start(&packet) + 20 + dice.below(20);
    cut(&packet, kept)
}

fn cut_anywhere(dice: &mut Dice) -> Frame {
    let tcp = tcp(dice);
    let packet = either(dice, &tcp);
    let kept = dice.below(packet.len());
    cut(&packet, kept)
}

fn short_segment(dice: &mut Dice) -> Frame {
    let present = dice.below(20);
    let kind = Kind::Truncated { needed: 20, present };
    let tcp = tcp(dice);
    if dice.one_in(2) {
        faulty(&ipv4(6, &[], &tcp.segment(&pseudo4(6))[..present]), Layer::Tcp, kind)
    } else if present == 0 {
        // A payload length of 0 has a meaning of its own.
        let packet = ipv6(60, &unhex("06000104 00000000"));
        faulty(&packet, Layer::Tcp, kind)
    } else {
        faulty(&ipv6(6, &tcp.segment(&pseudo6(6))[..present]), Layer::Tcp, kind)
    }
}

/// An extension header of a kind, the next one being `next`.
fn extension(kind: u8, next: u8, dice: &mut Dice) -> Vec<u8> {
    let units = dice.below(3);
    match kind {
        44 => [&[next, 0, 0, dice.u8() & 1][..], &dice.bytes(4)].concat(),
        51 => {
            let length = u8::try_from(1 + 2 * units).unwrap();
            [&[next, length, 0, 0][..], &dice.bytes(8 * units + 8)].concat()
        }
        // A routing header without segments left, so that it does not change the checksum.
        43 => {
            [&[next, u8::try_from(units).unwrap(), 3, 0][..], &dice.bytes(8 * units + 4)].concat()
        }
        0 | 60 => {
            let (length, filler) = (u8::try_from(units).unwrap(), 8 * units + 4);
            let head = [next, length, 1, u8::try_from(filler).unwrap()];
            [&head[..], &dice.bytes(filler)].concat()
        }
        _ => {
            let length = u8::try_from(units).unwrap();
            [&[next, length][..], &dice.bytes(8 * units + 6)].concat()
        }
    }
}

/// A chain of the kinds, with a segment behind it.
fn chain(kinds: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = tcp(dice).segment(&pseudo6(6));
    let mut next = 6;
    for kind in kinds.iter().rev() {
        bytes = [extension(*kind, next, dice), bytes].concat();
        next = *kind;
    }
    ipv6(next, &bytes)
}

fn chain_in_order(dice: &mut Dice) -> Frame {
    let kinds: Vec<u8> = [0, 60, 43, 44, 51, 60].into_iter().filter(|_| dice.one_in(2)).collect();
    whole(&chain(&kinds, dice), Wrong::No)
}

fn chain_in_disorder(dice: &mut Dice) -> Frame {
    let kinds: Vec<u8> =
        (0..1 + dice.below(8)).map(|_| dice.pick(&[0, 43, 44, 51, 60, 135, 139, 140])).collect();
    whole(&chain(&kinds, dice), Wrong::No)
}

fn chain_of_mobility(dice: &mut Dice) -> Frame {
    let kinds = [dice.pick(&[0, 60]), dice.pick(&[135, 139, 140])];
    whole(&chain(&kinds, dice), Wrong::No)
}

fn chain_broken(dice: &mut Dice) -> Frame {
    let kinds: Vec<u8> = (0..1 + dice.below(4)).map(|_| dice.pick(&[0, 43, 44, 51, 60])).collect();
    let mut packet = chain(&kinds, dice);
    let at = 40 + dice.below(8);
    packet[at] = dice.u8();
    if dice.one_in(2) {
        let kept = 40 + dice.below(packet.len() - 40);
        packet.truncate(kept);
    }
    whole(&packet, Wrong::Perhaps)
}

fn payload_zero(dice: &mut Dice) -> Frame {
    let mut packet = v6(&tcp(dice), dice);
    packet[4..6].fill(0);
    faulty(&packet, Layer::Ipv6, Kind::LengthShort { declared: 0, least: 40 })
}

fn no_next_header(dice: &mut Dice) -> Frame {
    let mut packet = chain(&[60, 60], dice);
    packet[40] = 59;
    whole(&packet, Wrong::No)
}

fn tags(dice: &mut Dice) -> Frame {
    let mut tags = Vec::new();
    for _ in 0..1 + dice.below(4) {
        tags.extend(dice.pick(&[[0x81, 0], [0x88, 0xa8], [0x91, 0]]));
        tags.extend(dice.bytes(2));
    }
    let tcp = tcp(dice);
    let bytes = ethernet(&hex(&tags), &either(dice, &tcp));
    Frame { wire_len: bytes.len(), bytes, wrong: Wrong::No }
}

fn quotes(dice: &mut Dice) -> Frame {
    let tcp = tcp(dice);
    if dice.one_in(2) {
        let quote = v4(&tcp, dice);
        let kept = dice.below(quote.len() + 1);
        let kind = dice.pick(&[3, 4, 5, 11, 12]);
        whole(&icmp4(kind, dice.u8() % 16, dice.u32(), &quote[..kept]), Wrong::No)
    } else {
        let quote = v6(&tcp, dice);
        let kept = dice.below(quote.len() + 1);
        whole(&icmp6(1 + dice.u8() % 4, dice.u8() % 8, dice.u32(), &quote[..kept]), Wrong::No)
    }
}
