//! Prints the table of ratios alone: `cargo run --release -p tcpexposure-benches [WORD]`, where only
//! jobs and inputs with that word take part.

use std::time::Duration;

use tcpexposure_benches::{jobs, race};

fn main() {
    let word = std::env::args().nth(1).unwrap_or_default();
    let mut races = jobs::all();
    races.retain(|race| format!("{} {}", race.group, race.input).contains(&word));
    println!("{}", race::table(&mut races, 61, Duration::from_millis(1)));
}
