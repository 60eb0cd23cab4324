//! All classes of packets, and how often each reader is right.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{
    classes::{self, CLASSES, Wrong},
    reading::{Difference, READERS, ask, reference},
};

const ROUNDS: usize = 10_000;
const SEED: u64 = 0x5eed;

type Counts = BTreeMap<Difference, usize>;

pub(crate) fn document() -> String {
    let mut all = vec![Counts::new(); READERS.len()];
    let mut right = BTreeMap::<&str, Vec<usize>>::new();
    let (mut usable, mut faulty) = (0, 0);
    classes::each(SEED, ROUNDS, |class, frame| {
        usable += usize::from(reference(&frame.bytes).is_some());
        faulty += usize::from(matches!(frame.wrong, Wrong::Yes(..)));
        let row = right.entry(class).or_insert_with(|| vec![0; READERS.len()]);
        for (index, reader) in READERS.iter().enumerate() {
            let difference = ask(*reader, &frame.bytes, frame.wire_len);
            *all[index].entry(difference).or_default() += 1;
            row[index] += usize::from(difference == Difference::None);
        }
    });
    let packets = ROUNDS * CLASSES.len();
    assert_eq!(all[0].get(&Difference::None), Some(&packets), "ours: {:?}", all[0]);
    for counts in &all[1..] {
        assert!(counts[&Difference::None] < packets);
    }
    let mut text = format!(
        "\n## {packets} packets of {} classes\n\n{usable} of them are usable, and {faulty} are \
         made so that they have one certain fault. Right: all of the above, and nothing of the \
         rest.\n\n| reader | right |",
        CLASSES.len()
    );
    for difference in Difference::ALL {
        write!(text, " {} |", difference.words()).unwrap();
    }
    write!(text, "\n|---|{}\n", "---:|".repeat(1 + Difference::ALL.len())).unwrap();
    for ((name, _), counts) in READERS.iter().zip(&all) {
        let count = |difference| counts.get(&difference).copied().unwrap_or(0);
        write!(text, "| {name} | {} |", count(Difference::None)).unwrap();
        for difference in Difference::ALL {
            write!(text, " {} |", count(difference)).unwrap();
        }
        text.push('\n');
    }
    write!(text, "\nRight, of {ROUNDS} of each class:\n\n| class |").unwrap();
    for (name, _) in READERS {
        write!(text, " {name} |").unwrap();
    }
    write!(text, "\n|---|{}\n", "---:|".repeat(READERS.len())).unwrap();
    for (class, _) in CLASSES {
        write!(text, "| {class} |").unwrap();
        for count in &right[class] {
            write!(text, " {count} |").unwrap();
        }
        text.push('\n');
    }
    text
}
