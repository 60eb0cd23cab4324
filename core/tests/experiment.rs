//! Bounds and public tables of the experiments.

use tcpexposure_core::experiment::{ENTRIES, PROCEDURES, Suite};

#[test]
fn a_path_in_flight_takes_less_than_64_kib() {
    println!("{} {}", size_of::<Suite<1>>(), size_of::<Suite<8>>());
    assert!(size_of::<Suite<8>>() < 64 << 10, "{}", size_of::<Suite<8>>());
}

#[test]
fn there_are_43_entries_and_28_procedures() {
    assert_eq!((ENTRIES.len(), PROCEDURES.len()), (43, 28));
}
