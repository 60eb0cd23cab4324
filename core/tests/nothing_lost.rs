//! Of 320,000 valid, mutated and malformed packets, every byte can be had again from the fields
//! that are told, and the fault is named.

mod classes;
#[path = "props/rebuild.rs"]
mod rebuild;

use std::collections::BTreeMap;

use classes::{CLASSES, Frame, Wrong};
use tcpexposure_core::wire::packet::{Offload, Packet, Start};

/// Fewer where a machine is emulated.
const ROUNDS: usize =
    if cfg!(any(target_endian = "big", target_pointer_width = "32")) { 300 } else { 10_000 };
const SEED: u64 = 0x5eed;

#[test]
fn every_field_is_told_and_every_fault_is_named() {
    let mut faults = BTreeMap::<&str, [usize; 2]>::new();
    classes::each(SEED, ROUNDS, |class, frame| {
        let packet = parse(frame);
        rebuild::check(&packet);
        named(class, frame, &packet);
        faults.entry(class).or_default()[usize::from(packet.fault.is_some())] += 1;
    });
    for (class, [sound, faulty]) in &faults {
        println!("{class}: {sound} sound, {faulty} with a fault");
    }
    assert!(faults.len() == CLASSES.len() && CLASSES.len() >= 26);
    assert!(faults.values().all(|counts| counts.iter().sum::<usize>() == ROUNDS));
}

fn parse(frame: &Frame) -> Packet<'_> {
    Packet::parse(Start::Ethernet, &frame.bytes, frame.wire_len, Offload::default())
}

/// Checks the fault where the class tells which it is.
fn named(class: &str, frame: &Frame, packet: &Packet<'_>) {
    let found = packet.fault.map(|fault| (fault.layer, fault.kind));
    match frame.wrong {
        Wrong::No => assert_eq!(found, None, "{class}: {packet:?}"),
        Wrong::Yes(layer, kind) => assert_eq!(found, Some((layer, kind)), "{class}: {packet:?}"),
        Wrong::Perhaps => {}
    }
}
