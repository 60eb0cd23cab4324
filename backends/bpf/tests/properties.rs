//! Whatever a kernel may hand us, nothing is read beyond its end.

mod props;

use std::{fs, path::Path};

use proptest::{collection::vec, prelude::*};

/// Bytes that look a little like what a kernel writes: small numbers, and lengths that fit.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let small = prop_oneof![4 => Just(0u8), 3 => 0u8..32, 1 => any::<u8>()];
    vec(small, 0..200)
}

/// A header with a length of its own choice, and lengths that are likely to lie.
fn record() -> impl Strategy<Value = Vec<u8>> {
    (any::<bool>(), 0u16..48, 0u32..200, 0u32..200, vec(any::<u8>(), 0..120)).prop_map(
        |(wide, header, captured, wire, frame)| {
            let mut record = vec![0; if wide { 16 } else { 8 }];
            record.extend(captured.to_ne_bytes());
            record.extend(wire.to_ne_bytes());
            record.extend(header.to_ne_bytes());
            record.extend(frame);
            record.resize(record.len().next_multiple_of(8), 0);
            record
        },
    )
}

/// A message whose mask and lengths are likely to lie.
fn message() -> impl Strategy<Value = Vec<u8>> {
    (0u16..400, select_version(), bytes()).prop_map(|(length, version, mut rest)| {
        rest.resize(rest.len() + 160, 1);
        let mut message = length.to_ne_bytes().to_vec();
        message.extend([version, 4]);
        message.extend(rest);
        message
    })
}

fn select_version() -> impl Strategy<Value = u8> {
    prop::sample::select(&[4u8, 5, 3])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_bytes(system: u8, data in bytes()) {
        let data = [vec![system], data].concat();
        props::run("bpf_records", &data);
        props::run("bpf_messages", &data);
    }

    #[test]
    fn any_records(system: u8, records in vec(record(), 0..6)) {
        props::run("bpf_records", &[vec![system], records.concat()].concat());
    }

    #[test]
    fn any_messages(system: u8, messages in vec(message(), 0..4)) {
        props::run("bpf_messages", &[vec![system], messages.concat()].concat());
    }
}

#[test]
fn every_input_of_the_corpora() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (name, body) in props::BODIES {
        let mut inputs = 0;
        for file in fs::read_dir(corpora.join(name)).unwrap() {
            let path = file.unwrap().path();
            println!("{}", path.display());
            body(&fs::read(&path).unwrap());
            inputs += 1;
        }
        assert!(inputs > 0, "{name} has no corpus");
    }
}
