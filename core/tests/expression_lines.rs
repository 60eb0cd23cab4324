//! Lines that tcpdump 4.99.3 printed, read back: the header that comes of a line is the one that
//! was printed.
//!
//! `expression_lines.txt` holds packets in hexadecimal, each with what `tcpdump -nn -S` printed of
//! it under various options and link layers, `\n` for a line feed.

use tcpexposure_core::{
    craft::{Draft, Network},
    expression::{self, Message},
    wire::packet::Packet,
};

#[test]
fn lines_that_tcpdump_printed() {
    let mut refused = 0;
    let all: Vec<_> = include_str!("expression_lines.txt").lines().collect();
    for row in &all {
        let (hex, line) = row.split_once('\t').unwrap();
        let line = line.replace("\\n", "\n");
        let packet = bytes(hex);
        match expression::parse(&line) {
            Ok(expression) => {
                assert!(!loses(&line), "{line}");
                let network =
                    Network::between(expression.source.unwrap(), expression.destination.unwrap());
                let draft = expression
                    .draft(Draft {
                        network: network.unwrap(),
                        source_port: expression.source_port.unwrap(),
                        destination_port: expression.destination_port.unwrap(),
                        ..Draft::default()
                    })
                    .unwrap();
                let mut buffer = [0; 1500];
                compare(&packet, draft.write(&mut buffer).unwrap(), &line);
            }
            Err(diagnostic) => {
                refused += 1;
                let mut report = String::new();
                diagnostic.render(&line, &mut report).unwrap();
                assert!(loses(&line), "{report}");
                let lossy = matches!(diagnostic.message, Message::Lossy(_) | Message::UnknownWord);
                assert!(lossy, "{report}");
            }
        }
    }
    assert!(refused * 3 < all.len(), "{refused} of {} were refused", all.len());
}

/// Compares all that a line tells: the TCP header but its checksum, and with `-v` the IP header.
fn compare(printed: &[u8], made: &[u8], line: &str) {
    let (one, two) = (Packet::from_ip(printed), Packet::from_ip(made));
    let (a, b) = (one.tcp().unwrap(), two.tcp().unwrap());
    assert_eq!(one.ports(), two.ports(), "{line}");
    assert_eq!(one.addresses(), two.addresses(), "{line}");
    // `seq` is left out where the segment takes no sequence numbers.
    if line.contains(" seq ") {
        assert_eq!(a.header.seq(), b.header.seq(), "{line}");
    }
    if line.contains(" ack ") {
        assert_eq!(a.header.ack(), b.header.ack(), "{line}");
    }
    assert_eq!(a.header.flags().bits() & 0xff, b.header.flags().bits(), "{line}");
    assert_eq!(a.header.window(), b.header.window(), "{line}");
    assert_eq!(a.payload_length, b.payload_length, "{line}");
    if told_in_full(line) {
        assert_eq!(a.options.bytes(), b.options.bytes(), "{line}");
    }
    if line.contains("cksum 0xabcd") {
        assert_eq!(b.header.checksum(), 0xabcd, "{line}");
    }
    if line.contains("(tos") || line.contains("hlim") {
        let ip = printed.len().min(if printed[0] >> 4 == 4 { 20 } else { 40 });
        assert_eq!(printed[..ip], made[..ip], "{line}");
    }
}

/// Tells whether a line leaves out what cannot be made again.
fn loses(line: &str) -> bool {
    let marks = [
        "[bad opt]",
        "(invalid)",
        "invalid sack",
        "mptcp 3 unknown",
        "mptcp 4 unknown",
        "mptcp 6 unknown",
        "mptcp 22 capable",
        "[len ",
        "[bad hdr length",
        "[|tcp]",
        "DSTOPT",
        "RT6",
        "frag (",
        "options (",
    ];
    marks.iter().any(|mark| line.contains(mark))
}

/// Tells whether the option bytes follow from the line: not where tcpdump passes over data, over
/// flags, or over what follows the end of the list.
fn told_in_full(line: &str) -> bool {
    !line.contains("exp-abcd") && !line.contains("[eol]")
}

fn bytes(hex: &str) -> Vec<u8> {
    let pairs = hex.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
