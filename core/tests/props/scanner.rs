//! A whole scan: it ends, asks no more than it may, and counts what it told.

use std::{collections::HashMap, time::Duration};

use arbitrary::{Arbitrary, Unstructured};
use tcpexposure_core::{
    craft::{Draft, Ipv4, Ipv6, Network},
    expression,
    scan::{
        Limits, Plan, Position, Scanner, Sieve,
        cookie::{Cookies, Key},
        pace::Rate,
        permute::{Permutation, Shard},
        targets::{Range, Space},
        template::{Choice, Ports, Probes, Template, layout::Spot, proving},
    },
    time::Instant,
    wire::packet::Packet,
};

use super::trial::{Answer, drive};

/// Takes a plan and what answers its packets in turn.
pub(crate) fn body(data: &[u8]) {
    if let Ok(play) = Play::arbitrary(&mut Unstructured::new(data)) {
        play.run();
    }
}

#[derive(Arbitrary, Debug)]
struct Play {
    text: u8,
    ranges: Vec<(bool, u8, u8)>,
    ports: Vec<u16>,
    variants: u8,
    source_ports: (u16, u8),
    seed: u64,
    shard: (u8, u8),
    rate: (u8, u16),
    limits: [Option<u8>; 3],
    probes: u8,
    retries: u8,
    position: (u8, u8, u8),
    forgetful: bool,
    answers: Vec<Answer>,
}

/// Probes with every generator at every place.
const TEXTS: [&str; 8] = [
    "S win 1024 <mss 1460>",
    "S",
    "S win 1024 <sackOK,TS val now ecr 0> len 5 fill 0x41",
    ". win 7",
    "S seq cookie win rand 1-65535 <TS val now ecr 0,opt 253 0xf989 hash(dst)> (id inc)",
    "SEW seq rand 1-100000 urg rand 1-9 <opt 254 rand 1-200,TS val cookie ecr 5> (ttl rand 3-64, tos rand 0-255)",
    "R. seq hash(dst) ack inc cksum bad (flow rand 1-99, class rand 0-255, hlim rand 1-255)",
    "FP. seq 1 ack cookie win inc <mss 1,nop,nop,sackOK> \"hello\" sport 1-9 (ipopt 0x94040000)",
];

impl Play {
    fn run(self) {
        let variants = u16::from(self.variants % 3) + 1;
        let mut ranges: Vec<Range> = self.ranges.iter().take(4).map(range).collect();
        let mut ports = self.ports.clone();
        ports.truncate(3);
        let space = match Space::new(&mut ranges, &ports, variants) {
            Ok(space) => space,
            Err(error) => return assert!(!error.to_string().is_empty()),
        };
        let Ok(expression) = expression::parse(TEXTS[usize::from(self.text % 8)]) else { return };
        let proving = proving(&expression);
        let first = self.source_ports.0;
        let Some(source) = Ports::range(first, first.saturating_add(self.source_ports.1.into()))
        else {
            return;
        };
        let mut buffers = vec![[0; 200]; usize::from(variants) * 2];
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for (at, buffer) in (0_u16..).zip(&mut buffers) {
            let (variant, six) = (at / 2, at % 2 == 1);
            let ports = source.share(variant, variants);
            let choice = Choice { key: Key::of_seed(self.seed), ports, variant, variants };
            let defaults = Draft { network: network(six), ..Draft::default() };
            let Ok(draft) = expression.draft(defaults) else { continue };
            match Template::new(&draft, &proving, choice, buffer) {
                Ok(template) if six => v6.push(template),
                Ok(template) => v4.push(template),
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
        if v4.len() == usize::from(variants) && v6.len() == usize::from(variants) {
            self.scan(self.plan(space, Probes { v4: &v4, v6: &v6 }));
        }
    }

    fn plan<'a>(&self, space: Space<'a>, probes: Probes<'a>) -> Plan<'a> {
        let count = u64::from(self.shard.1 % 4) + 1;
        let speed = u64::from(self.rate.1) + 1;
        let [targets, results, time] = self.limits;
        Plan {
            space,
            probes,
            seed: self.seed,
            shard: Shard::new(u64::from(self.shard.0) % count, count).unwrap(),
            rate: match self.rate.0 % 3 {
                0 => Rate::Unlimited,
                1 => Rate::Packets(speed),
                _ => Rate::Bits(speed * 1000),
            },
            limits: Limits {
                targets: targets.map(u64::from),
                results: results.map(u64::from),
                time: time.map(|time| Duration::from_millis(time.into())),
                probes: u32::from(self.probes % 3) + 1,
                retries: u32::from(self.retries % 3),
                cooldown: Duration::from_millis(10),
            },
        }
    }

    /// What is written down of a plan says what the plan does.
    fn written_down(&self, plan: &Plan<'_>) {
        let space = &plan.space;
        let order = Permutation::new(space.size(), self.seed);
        assert_eq!((order.size(), order.keys().len()), (space.size(), 4));
        assert!(1_u128 << (order.widths().0 + order.widths().1) >= space.size().into());
        for index in (0..space.size()).take(50) {
            assert_eq!(order.place(order.at(index)), index);
            let target = space.at(index).unwrap();
            assert_eq!(space.number(&target), Some(index));
            let mut ranges = space.ranges().iter();
            assert!(
                ranges.any(|one| one.first() <= target.address && target.address <= one.last())
            );
            assert!(space.ports().contains(&target.port));
        }
        let counts = space.ranges().iter().filter_map(Range::count);
        assert_eq!(counts.sum::<u64>(), space.addresses());
        assert!(space.ranges().is_sorted_by_key(Range::before));
        assert!(plan.shard.index() < plan.shard.count());
        for template in plan.probes.v4.iter().chain(plan.probes.v6) {
            described(template);
        }
    }

    /// Runs it to its end.
    fn scan(&self, plan: Plan<'_>) {
        self.written_down(&plan);
        let answers: Vec<_> =
            self.answers.iter().take(20).map(|one| one.clone().bounded()).collect();
        let words = if self.forgetful { 8 } else { Sieve::words(plan.space.size()) };
        let mut memory = vec![0; usize::try_from(words).unwrap()];
        let (round, step, repeat) = self.position;
        let position = Position { round: round.into(), step: step.into(), repeat: repeat.into() };
        let mut scanner = Scanner::new(plan, position, &mut memory);
        let (mut turn, mut asked) = (answers.iter().cycle(), HashMap::<_, u32>::new());
        let most = plan.limits.probes * (plan.limits.retries + 1);
        let answer = |_: Instant, sent: &[u8]| {
            let packet = Packet::from_ip(sent);
            let times =
                asked.entry((packet.addresses().unwrap(), packet.ports().unwrap())).or_default();
            *times += 1;
            assert!(*times <= most * u32::from(plan.space.variants() as u16), "{packet:?}");
            turn.next().unwrap_or(&Answer::Nothing).packets(sent)
        };
        drive(&mut scanner, answer, |kept| {
            let finding = kept.finding();
            assert!(!finding.classification.to_string().is_empty());
            assert!(finding.options.len() <= 40);
        });
        let sent: u32 = asked.values().sum();
        assert_eq!(u64::from(sent), scanner.prober().sent());
        assert!(scanner.prober().end().is_some());
    }
}

/// A template's layout lies within its packet, and its key is not shown.
fn described(template: &Template<'_>) {
    let (layout, length) = (template.layout(), template.bytes().len());
    assert!(layout.tcp + 20 <= length);
    for patch in template.patches() {
        assert!(!patch.generator.to_string().is_empty());
        assert!(match patch.spot {
            Spot::Network(at, width) => at + width <= layout.tcp,
            Spot::Segment(at, width) => layout.tcp + at + width <= length,
            Spot::Word(_, mask) => mask != 0,
        });
    }
    let cookies = template.cookies();
    let key = Key::new(cookies.key().words().map(u64::to_le_bytes).concat().try_into().unwrap());
    let again = Cookies::new(key, cookies.source());
    assert_eq!((again.state(), key.state()), (cookies.state(), cookies.key().state()));
    assert_eq!(key.address(cookies.source()), cookies.key().address(cookies.source()));
    assert_eq!(format!("{key:?}{again:?}"), format!("{:?}{cookies:?}", Key::of_seed(1)));
}

fn range(&(six, gap, more): &(bool, u8, u8)) -> Range {
    let (gap, more) = (u32::from(gap), u32::from(more % 16));
    if six {
        let base = 0x2001_0db8_u128 << 96 | u128::from(gap) << 8;
        Range::new((base.to_be_bytes()).into(), ((base + u128::from(more)).to_be_bytes()).into())
            .unwrap()
    } else {
        let base = 0xc633_6400 + (gap << 8);
        Range::new(base.to_be_bytes().into(), (base + more).to_be_bytes().into()).unwrap()
    }
}

fn network(six: bool) -> Network<'static> {
    if six {
        Network::V6(Ipv6 { source: [7; 16].into(), ..Ipv6::default() })
    } else {
        Network::V4(Ipv4 { source: [192, 0, 2, 1].into(), ..Ipv4::default() })
    }
}
