//! Walks a permutation of all of IPv4 and checks by a bitmap that it meets each address once.
//!
//! `cargo run --release -p tcpexposure-core --example scan_walk [SEED [BITS [SHARDS]]]`
//!
//! It takes 512 MiB of memory for the 32 bits that are the default, and exits with 1 if an address
//! is met twice. Numbers are collected by their upper bits first, so that the bitmap is written a
//! piece at a time.

use std::{process::ExitCode, time::Instant};

use tcpexposure_core::scan::permute::{Permutation, Shard};

/// The bitmap, and the numbers that are yet to be entered, by 2^23 neighbours each.
struct Bitmap {
    words: Vec<u64>,
    waiting: Vec<Vec<u64>>,
    twice: u64,
}

const NEIGHBOURS: u32 = 23;
const TOGETHER: usize = 8192;

impl Bitmap {
    fn new(size: u64) -> Self {
        let pieces = (size >> NEIGHBOURS) as usize + 1;
        let waiting = vec![Vec::with_capacity(TOGETHER); pieces];
        Self { words: vec![0; size.div_ceil(64) as usize], waiting, twice: 0 }
    }

    fn enter(&mut self, number: u64) {
        let piece = (number >> NEIGHBOURS) as usize;
        self.waiting[piece].push(number);
        if self.waiting[piece].len() == TOGETHER {
            self.flush(piece);
        }
    }

    fn flush(&mut self, piece: usize) {
        for number in self.waiting[piece].drain(..) {
            let (word, bit) = (&mut self.words[(number >> 6) as usize], 1 << (number & 63));
            self.twice += u64::from(*word & bit != 0);
            *word |= bit;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "it measures time")]
fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>().unwrap());
    let seed = arguments.next().unwrap_or(1);
    let size = 1_u64 << arguments.next().unwrap_or(32);
    let shards = arguments.next().unwrap_or(3);
    let permutation = Permutation::new(size, seed);
    let mut bitmap = Bitmap::new(size);
    let begun = Instant::now();
    for shard in (0..shards).map(|index| Shard::new(index, shards).unwrap()) {
        for step in 0..shard.length(size) {
            bitmap.enter(permutation.at(shard.place(step)));
        }
    }
    (0..bitmap.waiting.len()).for_each(|piece| bitmap.flush(piece));
    let met: u64 = bitmap.words.iter().map(|word| u64::from(word.count_ones())).sum();
    let twice = bitmap.twice;
    println!(
        "seed {seed}, {shards} shards: {met} of {size} met, {twice} twice, {:.1} s",
        begun.elapsed().as_secs_f64()
    );
    if met == size && twice == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
