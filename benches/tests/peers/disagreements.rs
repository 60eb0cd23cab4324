//! Single packets on which the readers do not agree.

use std::fmt::Write as _;

use tcpexposure_core::{
    summary::{Line, Style},
    wire::packet::{Offload, Packet, Start},
};

use super::{
    classes::build::{Tcp, ethernet, hex, icmp4, icmp6, ipv4, ipv6, pseudo4, pseudo6, sum4, unhex},
    reading::{
        Difference::{self, Imagines, Invents, Loses, None as Right, Refuses, Silent},
        READERS, ask,
    },
};

/// A packet, and what the peers make of it, in the order of [`READERS`] without ours.
struct Case {
    name: &'static str,
    bytes: Vec<u8>,
    lost: usize,
    /// Who is right.
    rule: &'static str,
    peers: [Difference; 4],
    /// What stands in our line.
    ours: &'static str,
}

pub(crate) fn document() -> String {
    let cases = cases();
    let mut text = String::from(
        "\n## Packets on which they disagree\n\nThe bytes are an Ethernet frame. Our reader is right \
         on each, and its line is given as `print` has it.\n",
    );
    assert!(cases.iter().filter(|case| case.peers != [Right; 4]).count() >= 10);
    for case in &cases {
        let wire_len = case.bytes.len() + case.lost;
        for (reader, wanted) in READERS.iter().zip([Right].iter().chain(&case.peers)) {
            let found = ask(*reader, &case.bytes, wire_len);
            assert_eq!(found, *wanted, "{}: {}", reader.0, case.name);
        }
        let packet = Packet::parse(Start::Ethernet, &case.bytes, wire_len, Offload::default());
        let line = Line::new(&packet, &Style::default()).to_string();
        assert!(line.contains(case.ours), "{}: {line}", case.name);
        let fault = packet.fault.map_or("none".to_owned(), |fault| fault.to_string());
        write!(text, "\n### {}\n\n{}\n\n```text\n", case.name, case.rule).unwrap();
        for row in case.bytes.chunks(32) {
            writeln!(text, "{}", hex(row)).unwrap();
        }
        write!(text, "\n{line}\nfault: {fault}\n```\n\n|").unwrap();
        for (name, _) in &READERS[1..] {
            write!(text, " {name} |").unwrap();
        }
        text.push_str("\n|---|---|---|---|\n|");
        for difference in case.peers {
            write!(text, " {} |", difference.words()).unwrap();
        }
        text.push('\n');
    }
    text
}

fn case(
    name: &'static str,
    packet: &[u8],
    rule: &'static str,
    ours: &'static str,
    peers: [Difference; 4],
) -> Case {
    Case { name, bytes: ethernet("", packet), lost: 0, rule, peers, ours }
}

fn cases() -> Vec<Case> {
    let with = |options: &str| Tcp { options: unhex(options), ..Tcp::default() };
    let data = Tcp { payload: b"0123456789".to_vec(), ..Tcp::default() };
    let mut all = vec![
        case(
            "An option of length 0",
            &with("020405b4 0402 0101 0800 5a5b 0506 0708").v4(),
            "RFC 9293, 3.2: the length counts kind and length byte, so that it is 2 at the least; \
             what follows cannot be read, and must not be made up.",
            "opt 8 len 0",
            [Right, Right, Right, Invents],
        ),
        case(
            "Fast open before the segment size",
            &with("220a1122334455667788 0101 020405b4").v4(),
            "RFC 9293, 3.1: a kind that is not known is skipped by its length. Kind 34 is RFC 7413.",
            "tfo  cookie 1122334455667788,nop,nop,mss 1460",
            [Loses, Loses, Right, Right],
        ),
        case(
            "Four SACK blocks",
            &with(
                "0101 0522 00000001 00000002 00000003 00000004 00000005 00000006 00000007 00000008",
            )
            .v4(),
            "RFC 2018, 3: forty bytes of options hold four blocks.",
            "sack 4",
            [Right, Right, Invents, Right],
        ),
        case(
            "A segment size of five bytes",
            &with("0205aabbcc 010101 0303 07 01").v4(),
            "RFC 9293, 3.2: its length is 4. The length still tells where the next option begins, \
             and the window scale is there.",
            "opt 2 0xaabbcc,nop,nop,nop,wscale 7",
            [Loses, Loses, Loses, Right],
        ),
        case(
            "Data offset 4",
            &Tcp { words: Some(4), ..data.clone() }.v4(),
            "RFC 9293, 3.1: the header is five words at the least. The fixed fields stand all the \
             same, and what follows them is no option.",
            "doff 4, length 10",
            [Refuses, Refuses, Refuses, Silent],
        ),
        case(
            "Data offset 7 in a segment of 24 bytes",
            &Tcp { words: Some(7), options: unhex("020405b4"), ..Tcp::default() }.v4(),
            "RFC 9293, 3.1: the options would end behind the segment; those that are there are there.",
            "mss 1460], doff 7",
            [Refuses, Refuses, Refuses, Silent],
        ),
    ];
    all.extend(lengths(&data));
    all.extend(fragments_and_chains(&data));
    all
}

fn lengths(data: &Tcp) -> Vec<Case> {
    let forced = |at: usize, bytes: &[u8]| {
        let mut packet = data.v4();
        packet[at..at + bytes.len()].copy_from_slice(bytes);
        sum4(&mut packet);
        packet
    };
    let cut = |packet: &[u8], lost: usize| Case {
        bytes: ethernet("", &packet[..packet.len() - lost]),
        lost,
        ..case("", packet, "", "", [Right; 4])
    };
    let mut zero = data.v6();
    zero[4..6].fill(0);
    vec![
        case(
            "IPv4 total length 0",
            &forced(2, &[0, 0]),
            "No packet has it on the wire (RFC 791, 3.1), and captures are full of them: a segment \
             that the network card was yet to cut up.",
            "length 10",
            [Refuses, Right, Refuses, Refuses],
        ),
        case(
            "IPv4 total length 7, below the header's",
            &forced(2, &[0, 7]),
            "RFC 791, 3.1: wrong. Everything behind the field stands.",
            "bad-len 7",
            [Refuses, Right, Refuses, Refuses],
        ),
        case(
            "IPv4 header length 3",
            &forced(0, &[0x43]),
            "RFC 791, 3.1: five words are the least. Where the payload begins cannot be told, and \
             the ports that are read at byte 20 are a guess.",
            "bad-hlen 12",
            [Right, Right, Right, Imagines],
        ),
        Case {
            name: "A capture of the first 60 bytes",
            rule: "The total length says more than was kept; nothing is wrong with the packet.",
            ours: "length 10",
            peers: [Refuses, Right, Refuses, Right],
            ..cut(&data.v4(), 4)
        },
        Case {
            name: "A capture that ends within the options",
            rule: "The options that are there are there; the rest is missing from the capture, and \
                   must not be made up.",
            ours: "mss 1460",
            peers: [Refuses, Refuses, Refuses, Invents],
            ..cut(
                &Tcp {
                    options: unhex("020405b4 0402 080a 0000000100000000 0101"),
                    ..Tcp::default()
                }
                .v4(),
                8,
            )
        },
        case(
            "IPv6 payload length 0",
            &zero,
            "RFC 2675, 3 takes it for a jumbogram; captures have it in segments that the network \
             card was yet to cut up.",
            "length 10",
            [Right, Right, Refuses, Refuses],
        ),
    ]
}

fn fragments_and_chains(data: &Tcp) -> Vec<Case> {
    let mut first = data.v4();
    first[6] = 0x20;
    sum4(&mut first);
    let chain =
        |kind: u8, header: &str| ipv6(kind, &[unhex(header), data.segment(&pseudo6(6))].concat());
    let tagged = Case {
        bytes: ethernet("88a8 0005 8100 0064 8100 0007 9100 0008", &data.v4()),
        ..case(
            "Four VLAN tags",
            &data.v4(),
            "IEEE 802.1Q sets no limit to the depth.",
            "length 10",
            [Refuses, Refuses, Right, Right],
        )
    };
    vec![
        case(
            "The first fragment",
            &first,
            "RFC 791, 2.3: the first fragment has the header of the protocol above.",
            "length 10",
            [Refuses, Refuses, Right, Right],
        ),
        case(
            "A mobility header before TCP",
            &chain(135, "06 01 05 00 0000 0000 0000000000000000"),
            "RFC 6275, 6.1.1: its length is told as that of other extension headers.",
            "length 10",
            [Refuses, Refuses, Refuses, Refuses],
        ),
        case(
            "An authentication header before TCP",
            &chain(51, "06 04 0000 00000001 00000002 000000000000000000000000"),
            "RFC 4302, 2.2: its length counts words of four bytes, less two.",
            "length 10",
            [Right, Right, Refuses, Refuses],
        ),
        tagged,
        case(
            "An ICMP error that quotes 28 bytes",
            &icmp4(3, 4, 1400, &data.v4()[..28]),
            "RFC 792: the message is no segment, and its quote has ports and sequence number.",
            "unreachable - need to frag",
            [Right; 4],
        ),
        case(
            "An ICMPv6 error that quotes a segment",
            &icmp6(2, 0, 1280, &data.v6()),
            "RFC 4443, 3.2.",
            "packet too big, mtu 1280",
            [Right; 4],
        ),
        case(
            "IPv4 options, and a protocol that is not TCP",
            &ipv4(17, &unhex("94040000"), &data.segment(&pseudo4(17))),
            "RFC 791, 3.1: nothing of it is TCP.",
            "ip-proto-17",
            [Right; 4],
        ),
    ]
}
