//! `cargo bench -p tcpexposure-benches`: criterion's figures, and the table of ratios.

use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput};
use tcpexposure_benches::{jobs, race};

fn main() {
    let mut races = jobs::all();
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(400))
        .sample_size(10)
        .configure_from_args();
    for race in &mut races {
        let mut group = criterion.benchmark_group(race.group);
        group
            .throughput(Throughput::ElementsAndBytes { elements: race.packets, bytes: race.bytes });
        for contender in &mut race.contenders {
            let id = BenchmarkId::new(contender.name, &race.input);
            group.bench_function(id, |bencher| bencher.iter_custom(|times| time(contender, times)));
        }
        group.finish();
    }
    criterion.final_summary();
    if std::env::args().any(|argument| argument == "--bench") {
        println!("\n{}", race::table(&mut races, ROUNDS, TURN));
    }
}

#[expect(clippy::disallowed_methods, reason = "it measures time")]
fn time(contender: &mut race::Contender, times: u64) -> Duration {
    let begun = Instant::now();
    std::hint::black_box((contender.run)(times));
    begun.elapsed()
}

/// How many turns each contender has.
const ROUNDS: usize = 61;
/// How long a turn is.
const TURN: Duration = Duration::from_millis(1);
