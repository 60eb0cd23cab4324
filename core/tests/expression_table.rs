//! Expressions and the packets that they stand for.
//!
//! `expression_table.txt` holds packets in hexadecimal, each with its expression. The packets were
//! put together apart from this crate, option bytes by hand. They go from 10.0.0.1 port 1234 to
//! 10.0.0.2 port 80, or from 2001:db8::1 to 2001:db8::2.

use tcpexposure_core::{
    craft::{Draft, Network},
    expression,
};

#[test]
fn expressions_and_their_packets() {
    let mut count = 0;
    for row in include_str!("expression_table.txt").lines() {
        let (hex, text) = row.split_once('\t').unwrap();
        let addresses = if hex.len() >= 80 && hex.contains("20010db8") {
            ("2001:db8::1", "2001:db8::2")
        } else {
            ("10.0.0.1", "10.0.0.2")
        };
        let defaults = Draft {
            network: Network::between(addresses.0.parse().unwrap(), addresses.1.parse().unwrap())
                .unwrap(),
            source_port: 1234,
            destination_port: 80,
            ..Draft::default()
        };
        let expression = expression::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let draft = expression.draft(defaults).unwrap();
        let mut buffer = [0; 1500];
        let bytes = draft.write(&mut buffer).unwrap();
        let made: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(made, hex, "{text}");
        count += 1;
    }
    assert!(count >= 60);
}

#[test]
fn a_field_of_the_other_version() {
    let four = expression::parse("S (flow 5)").unwrap();
    assert_eq!(four.version(), Some(6));
    let error = four.draft(Draft::default()).unwrap_err();
    assert_eq!((error.line, error.column), (1, 4));
    assert_eq!(error.to_string(), "this is of IPv6 only");
}
