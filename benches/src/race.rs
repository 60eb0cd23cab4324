//! Contenders that take turns.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

/// One job on one input, and all who can do it.
pub struct Race {
    /// The job.
    pub group: &'static str,
    /// The input.
    pub input: String,
    /// The packets of one round.
    pub packets: u64,
    /// The bytes of one round.
    pub bytes: u64,
    /// Who takes part: ours first, then the reference, if there is one.
    pub contenders: Vec<Contender>,
    /// Who cannot, because the answer is wrong, and how often it is, of how many.
    pub unfit: Vec<(&'static str, usize, usize)>,
}

/// One way to do the job.
pub struct Contender {
    /// Its name in tables.
    pub name: &'static str,
    /// What it is.
    pub role: Role,
    /// Does the job so many times, and gives something that depends on all of its results.
    pub run: Box<dyn FnMut(u64) -> u64>,
}

/// What a contender is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The core.
    Ours,
    /// Hand-written for this job alone.
    Reference,
    /// Another library.
    Peer,
}

/// How a contender did.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub role: Role,
    /// The least time that one packet took in any turn, in nanoseconds.
    pub nanoseconds: f64,
    /// The median over all turns of its time in units of the time of ours.
    pub ratio: f64,
}

impl Race {
    /// Begins a race without contenders.
    #[must_use]
    pub fn new(group: &'static str, input: impl Into<String>, packets: u64, bytes: u64) -> Self {
        let (contenders, unfit) = (Vec::new(), Vec::new());
        Self { group, input: input.into(), packets, bytes, contenders, unfit }
    }

    /// Adds a contender that does the job on the input once, and is run that often. What it gives
    /// must be the same for all.
    ///
    /// # Panics
    /// When it is not.
    #[must_use]
    pub fn with(
        mut self,
        name: &'static str,
        role: Role,
        mut once: impl FnMut() -> u64 + 'static,
    ) -> Self {
        let result = once();
        if let Some(first) = self.contenders.first_mut() {
            let (group, input) = (self.group, &self.input);
            assert_eq!((first.run)(1), result, "{group}, {input}: {name} gives something else");
        }
        let run = Box::new(move |times| {
            (0..times).fold(0, |sum: u64, _| sum.wrapping_add(black_box(once())))
        });
        self.contenders.push(Contender { name, role, run });
        self
    }

    /// Lets the contenders take `rounds` turns of `turn` each, in an order that changes, and tells
    /// how they did.
    #[must_use]
    pub fn run(&mut self, rounds: usize, turn: Duration) -> Vec<Standing> {
        let times: Vec<u64> = self.contenders.iter_mut().map(|one| one.fit(turn)).collect();
        let mut turns = vec![Vec::with_capacity(rounds); self.contenders.len()];
        for round in 0..rounds {
            for place in 0..self.contenders.len() {
                let who = (place + round) % self.contenders.len();
                turns[who].push(self.contenders[who].time(times[who]));
            }
        }
        let ours = turns.first().cloned().unwrap_or_default();
        let standing = |(one, turns): (&Contender, &Vec<f64>)| Standing {
            name: one.name,
            role: one.role,
            nanoseconds: turns.iter().copied().fold(f64::INFINITY, f64::min) / self.packets as f64,
            ratio: median(turns.iter().zip(&ours).map(|(theirs, ours)| theirs / ours).collect()),
        };
        self.contenders.iter().zip(&turns).map(standing).collect()
    }
}

impl Contender {
    /// Tells how often the job is done within `turn`.
    fn fit(&mut self, turn: Duration) -> u64 {
        let mut times = 1;
        loop {
            let taken = self.time(times) * times as f64;
            if taken * 4.0 > turn.as_nanos() as f64 {
                return ((times as f64 * turn.as_nanos() as f64 / taken) as u64).max(1);
            }
            times *= 2;
        }
    }

    /// Tells the nanoseconds that the job takes once, when it is done so many times.
    #[expect(clippy::disallowed_methods, reason = "it measures time")]
    fn time(&mut self, times: u64) -> f64 {
        let begun = Instant::now();
        black_box((self.run)(times));
        begun.elapsed().as_nanos() as f64 / times as f64
    }
}

/// Tells the table of all races, one line a contender, in Markdown.
#[must_use]
pub fn table(races: &mut [Race], rounds: usize, turn: Duration) -> String {
    let mut out = String::from(
        "| job | input | contender | ns a packet | M packets/s | GB/s | time, ours = 1 |\n\
         |---|---|---|---:|---:|---:|---:|\n",
    );
    for race in races {
        for standing in race.run(rounds, turn) {
            let Standing { name, nanoseconds, ratio, .. } = standing;
            let bytes = race.bytes as f64 / race.packets as f64;
            out += &format!(
                "| {} | {} | {name} | {nanoseconds:.1} | {:.2} | {:.2} | {ratio:.2} |\n",
                race.group,
                race.input,
                1e3 / nanoseconds,
                bytes / nanoseconds,
            );
        }
        for (name, wrong, of) in &race.unfit {
            out += &format!(
                "| {} | {} | {name} | | | | wrong on {wrong} of {of} |\n",
                race.group, race.input
            );
        }
    }
    out
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
