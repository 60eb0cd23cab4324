//! `craft` with values that are made anew for each packet.

use std::process::{Command, Output};

use tcpexposure_core::{
    craft::Draft,
    scan::cookie::{Cookies, Key},
    wire::packet::Packet,
};

fn craft(arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_tcpexposure");
    Command::new(program).arg("craft").args(arguments).output().unwrap()
}

fn bytes(arguments: &[&str]) -> Vec<u8> {
    let output = craft(&[arguments, &["--raw"]].concat());
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

#[test]
fn generated_values_are_those_of_the_seed() {
    for (target, from) in [("10.0.0.2:80", "10.0.0.1:7"), ("[2001:db8::2]:80", "[2001:db8::1]:7")] {
        let text = "S seq cookie win rand 100-200 <TS val now ecr hash(dst)> sport 1000-1999";
        let one = bytes(&[target, "--from", from, "-e", "5", text]);
        assert_eq!(one, bytes(&[target, "--from", from, "--seed", "5", text]));
        assert_ne!(one, bytes(&[target, "--from", from, "-e", "6", text]));
        let packet = Packet::from_ip(&one);
        assert_eq!(packet.checksum_ok(), Some(true));
        let draft = Draft::of(&packet).unwrap();
        let (source, destination) = packet.addresses().unwrap();
        let cookies = Cookies::new(Key::of_seed(5), source);
        assert_eq!(draft.seq.0, cookies.of(destination, draft.source_port, 80));
        assert!((100..=200).contains(&draft.window) && (1000..=1999).contains(&draft.source_port));
        let echo = Key::of_seed(5).address(destination);
        assert_eq!(packet.tcp().unwrap().options.timestamps(), Some((0, echo)));
    }
}

#[test]
fn what_is_not_generated_is_as_it_was() {
    let stated = bytes(&["10.0.0.2:80", "--from", "10.0.0.1:7", "S seq 5 sport 9"]);
    let draft = Draft::of(&Packet::from_ip(&stated)).unwrap();
    assert_eq!((draft.seq.0, draft.source_port, draft.destination_port), (5, 9, 80));
    let other = bytes(&["10.0.0.2:80", "--from", "10.0.0.1:9", "-e", "3", "S seq 5"]);
    assert_eq!(stated, other);
}

#[test]
fn a_generator_that_is_wrong_is_shown() {
    let output = craft(&["10.0.0.2", "S win rand 5-4"]);
    assert_eq!(output.status.code(), Some(2));
    let expected = "tcpexposure: 1:12: the first number is greater than the second\n\
                    S win rand 5-4\n           ^^^\nhint: ";
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with(expected), "{said}");
}
