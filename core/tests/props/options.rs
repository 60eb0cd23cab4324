//! Options: every block is the same after it was read and written.

use tcpexposure_core::{
    craft::Draft,
    wire::options::{Item, Options, View, Writer, classic::Classic},
};

use super::expression;

/// Takes an option block.
pub(crate) fn body(data: &[u8]) {
    block(data);
}

/// An option block of up to 40 bytes is the same after its items, and after their views, are
/// written, and after it went through an expression.
pub(crate) fn block(block: &[u8]) {
    let block = &block[..block.len().min(40)];
    let options = Options::new(block);
    written(block, |item, writer| _ = writer.push(item).unwrap());
    written(block, |item, writer| item.view().write(writer).unwrap());
    for item in options {
        alone(item);
    }
    let mut visited = Vec::new();
    options.visit(|item| visited.push(item));
    assert!(options.iter().eq(visited));
    assert!(options.find(8).is_some() || options.timestamps().is_none());
    assert_eq!(options.iter().all(sound), options.well_formed());
    let draft = Draft { options: block, ..Draft::default() };
    expression::draft_to_text_and_back(&draft);
    expression::summary_line(&draft, 1);
}

/// Writes the items, and compares.
fn written(block: &[u8], push: impl Fn(Item<'_>, &mut Writer<'_>)) {
    let mut buffer = [0; 40];
    let mut writer = Writer::new(&mut buffer);
    for item in Options::new(block) {
        push(item, &mut writer);
    }
    assert_eq!(writer.finish(), block);
}

/// What holds of one item: what its view tells is all that its bytes hold.
fn alone(item: Item<'_>) {
    let mut buffer = [0; 40];
    let mut writer = Writer::new(&mut buffer);
    writer.push(item).unwrap();
    let bytes = writer.finish();
    if let Some(classic) = Classic::of(item) {
        let mut buffer = [0; 40];
        let mut writer = Writer::new(&mut buffer);
        classic.write(&mut writer).unwrap();
        assert_eq!(writer.finish(), bytes);
    }
    for room in 0..bytes.len() {
        let mut buffer = [0; 40];
        let mut writer = Writer::new(&mut buffer[..room]);
        assert!(item.view().write(&mut writer).is_err(), "{item:?} in {room} bytes");
        assert!(writer.is_empty());
    }
    match item.view() {
        View::Sack(blocks) => {
            let all = blocks.iter().flat_map(|(a, b)| [a.to_be_bytes(), b.to_be_bytes()]);
            assert_eq!(all.collect::<Vec<_>>().concat(), bytes[2..]);
        }
        View::AccEcn(counters) => {
            let all: Vec<_> = counters.iter().flat_map(|c| c.to_be_bytes()[1..].to_vec()).collect();
            assert_eq!(all, bytes[2..]);
            let (ect_0, ce, ect_1) = counters.counters();
            assert_eq!([ect_0, ce, ect_1].iter().flatten().count(), counters.iter().len());
            assert_eq!(counters.kind(), bytes[0]);
        }
        View::Mptcp(option) => assert_eq!(option.bytes(), &bytes[2..]),
        _ => {}
    }
}

/// Tells whether an item is as it should be.
fn sound(item: Item<'_>) -> bool {
    match item.view() {
        View::Malformed(_) => false,
        View::Trailing(bytes) => bytes.iter().all(|byte| *byte == 0),
        _ => true,
    }
}
