//! What replies are taken for.

use core::{net::IpAddr, time::Duration};

use tcpexposure_core::{
    craft::{Checksum, Draft, Ipv4, Ipv6, Network, Payload},
    expression,
    scan::{
        Classification, Finding, Kept, Sieve,
        cookie::Key,
        finding::{Icmp, Proof},
        targets::{Range, Space, Target},
        template::{Choice, Ports, Probes, Shot, Template, proving},
    },
    time::Instant,
    wire::{
        checksum::Sum,
        packet::{Checksummed, Offload, Packet, Start},
        tcp::{Flags, Seq},
    },
};

const SECOND: u64 = 1_000_000_000;
const SENT: Instant = Instant::from_nanos(1_700_000_000 * SECOND);
const BACK: Instant = Instant::from_nanos(1_700_000_000 * SECOND + 25_000_000);

/// The probes of a scan, the same for both IP versions, and the place of their bytes.
struct Bench {
    texts: Vec<&'static str>,
    shares: bool,
    strict: bool,
    patience: Duration,
}

/// What a reply is made of: the probe that it answers, and the fields that it has.
type Reply<'r> = dyn Fn(&Draft<'_>, Draft<'static>) -> Vec<Vec<u8>> + 'r;

/// Makes one reply of another.
type Change = dyn Fn(Draft<'static>) -> Draft<'static>;

impl Bench {
    fn new(texts: &[&'static str]) -> Self {
        Self {
            texts: texts.to_vec(),
            shares: true,
            strict: false,
            patience: Duration::from_secs(8),
        }
    }

    /// Sends the probe of `variant` to a target and sieves the replies that come back.
    fn answer(&self, address: &str, variant: u16, reply: &Reply<'_>) -> Vec<Option<Kept>> {
        let offload = Offload::default();
        self.answer_as(address, variant, offload, BACK, reply)
    }

    fn answer_as(
        &self,
        address: &str,
        variant: u16,
        offload: Offload,
        at: Instant,
        reply: &Reply<'_>,
    ) -> Vec<Option<Kept>> {
        let variants = u16::try_from(self.texts.len()).unwrap();
        let expressions: Vec<_> =
            self.texts.iter().map(|text| expression::parse(text).unwrap()).collect();
        let mut buffers = vec![[0; 200]; self.texts.len() * 2];
        let mut templates = vec![];
        for (at, (expression, buffers)) in
            expressions.iter().zip(buffers.as_chunks_mut::<2>().0).enumerate()
        {
            let all = Ports::range(40000, 49999).unwrap();
            let variant = u16::try_from(at).unwrap();
            let ports = if self.shares { all.share(variant, variants) } else { Ports::one(40000) };
            let choice = Choice { key: Key::of_seed(1), ports, variant, variants };
            let v4 = Network::V4(Ipv4 { source: [192, 0, 2, 1].into(), ..Ipv4::default() });
            let source = "2001:db8::1".parse().unwrap();
            let v6 = Network::V6(Ipv6 { source, ..Ipv6::default() });
            for (network, buffer) in [v4, v6].into_iter().zip(buffers) {
                let draft = expression.draft(Draft { network, ..Draft::default() }).unwrap();
                let made = Template::new(&draft, &proving(expression), choice, buffer);
                templates.push(made.unwrap());
            }
        }
        let (v4, v6): (Vec<_>, Vec<_>) =
            templates.into_iter().partition(|one| one.cookies().source().is_ipv4());
        let probes = Probes { v4: &v4, v6: &v6 };
        let mut ranges = [
            Range::prefix([198, 51, 100, 0].into(), 24).unwrap(),
            Range::prefix("2001:db8:1::".parse().unwrap(), 112).unwrap(),
        ];
        let space = Space::new(&mut ranges, &[80, 443], variants).unwrap();
        let mut memory = vec![0; usize::try_from(Sieve::words(space.size())).unwrap()];
        let mut sieve = Sieve::new(space, probes, &mut memory).patient(self.patience);
        if self.strict {
            sieve = sieve.strict();
        }
        sieve.start(SENT);
        let target = Target { address: address.parse().unwrap(), port: 80, variant };
        let mut slot = [0; 1500];
        let shot = Shot { target, place: 0, repeat: 0, time: SENT };
        let length = probes.of(&target).unwrap().write(&mut slot, &shot).unwrap();
        let probe = Packet::from_ip(&slot[..length]);
        let draft = Draft::of(&probe).unwrap();
        let network = Network::between(target.address, draft.network.source()).unwrap();
        let back = Draft {
            network,
            source_port: draft.destination_port,
            destination_port: draft.source_port,
            seq: Seq(7),
            window: 512,
            ..Draft::default()
        };
        let replies = reply(&draft, back);
        let mut sieved = vec![];
        for bytes in &replies {
            let packet = Packet::parse(Start::Ip, bytes, bytes.len(), offload);
            sieved.push(sieve.handle(at, &packet).map(|finding| Kept::of(&finding)));
        }
        let counters = sieve.counters();
        let counted: u64 = Classification::ALL.iter().map(|one| counters.of(*one)).sum();
        assert_eq!(counted + counters.unproven + counters.foreign, replies.len() as u64);
        sieved
    }

    /// As [`answer`](Self::answer), for one reply that is a finding, over both IP versions.
    fn one(&self, variant: u16, reply: impl Fn(&Draft<'_>, Draft<'static>) -> Vec<u8>) -> Kept {
        let mut both = ["198.51.100.9", "2001:db8:1::9"].map(|address| {
            let made = self.answer(address, variant, &|probe, back| vec![reply(probe, back)]);
            made.into_iter().next().unwrap().unwrap()
        });
        let [v4, v6] = both.each_ref().map(Kept::finding);
        assert_eq!(v4.classification, v6.classification);
        assert_eq!((v4.proof, v4.rtt, v4.variant), (v6.proof, v6.rtt, v6.variant));
        assert_eq!((v4.id, v6.id), (Some(0), None));
        let [v4, _] = &mut both;
        v4.clone()
    }
}

fn bytes(draft: &Draft<'_>) -> Vec<u8> {
    let mut buffer = vec![0; draft.length()];
    draft.write(&mut buffer).unwrap();
    buffer
}

fn synack<'a>(probe: &Draft<'_>, back: Draft<'a>) -> Draft<'a> {
    Draft { flags: Flags::SYN.with(Flags::ACK), ack: probe.seq.add(1), ..back }
}

/// Tells the classes of a probe's replies, over IPv4.
fn classes(text: &'static str, reply: &Reply<'_>) -> Vec<Option<Classification>> {
    let sieved = Bench::new(&[text]).answer("198.51.100.9", 0, reply);
    sieved.iter().map(|kept| kept.as_ref().map(|kept| kept.finding().classification)).collect()
}

const SYN: &str = "S win 1024 <mss 1460,sackOK,TS val now ecr 0,nop,wscale 7>";

/// The ten replies: whatever a host sends, it is told apart, and its options are kept.
#[test]
fn ten_replies() {
    use Classification::{BadChecksum, BadHeader, ChallengeAck, SynAck, SynAckData, SynAckEce};
    let accurate: &[u8] = &[172, 11, 0, 0, 1, 0, 0, 0, 0, 0, 1, 1];
    let plain: &[u8] = &[2, 4, 5, 0xb4];
    let ece = |draft| Draft { flags: Flags::SYN.with(Flags::ACK).with(Flags::ECE), ..draft };
    let wrong = |draft| Draft { checksum: Checksum::Bad, ..draft };
    let old = |draft| Draft { flags: Flags::ACK, ack: Seq(0x1234_5678), ..draft };
    let data = |draft| Draft { payload: Payload::Bytes(b"hello"), ..draft };
    let small = |draft| Draft { data_offset: Some(4), ..draft };
    let same = |draft| draft;
    let all: [(&[u8], &Change, Classification); 10] = [
        (plain, &same, SynAck),
        (plain, &ece, SynAckEce),
        (&[254, 0, 0, 0], &same, SynAck),
        (&[254, 1, 0, 0], &same, SynAck),
        (&[254, 40, 0, 0], &same, SynAck),
        (accurate, &same, SynAck),
        (plain, &wrong, BadChecksum),
        (plain, &old, ChallengeAck),
        (plain, &data, SynAckData),
        (&[], &small, BadHeader),
    ];
    for (options, change, class) in all {
        let kept = Bench::new(&[SYN]).one(0, |probe, back| {
            let draft = change(synack(probe, back));
            bytes(&Draft { options, ..draft })
        });
        let finding = kept.finding();
        assert_eq!((finding.classification, finding.options), (class, options));
        let proof = (class != ChallengeAck).then_some(Proof::Cookie);
        assert_eq!((finding.proof, finding.is_result()), (proof, proof.is_some()), "{class}");
        assert_eq!(finding.checksum, Some(class != BadChecksum), "{class}");
        assert_eq!(finding.payload_length, if class == SynAckData { 5 } else { 0 });
        assert_eq!(finding.source, IpAddr::from([198, 51, 100, 9]));
        assert_eq!((finding.source_port, finding.window, finding.hops), (80, 512, 64));
        let target = Target { address: [198, 51, 100, 9].into(), port: 80, variant: 0 };
        assert_eq!((finding.target, finding.variant), (Some(target), Some(0)));
    }
}

#[test]
fn a_segment_acknowledges_its_probe_and_nothing_else() {
    use Classification::{SynAck, Unmatched};
    let made = classes("S \"abc\"", &|probe, back| {
        let ack = |ack| bytes(&Draft { ack: probe.seq.add(ack), ..synack(probe, back) });
        [1, 4, 0, 2, 3, 5, 0x8000_0000].map(ack).to_vec()
    });
    let [first, second] = [Some(SynAck), Some(Classification::Duplicate)];
    assert_eq!(made[..2], [first, second]);
    assert!(made[2..].iter().all(|class| *class == Some(Unmatched)), "{made:?}");
}

#[test]
fn resets_as_the_rfc_has_them() {
    use Classification::{Rst, RstBare, Unmatched};
    let reset = |flags: Flags, seq: u32, ack: u32, back: Draft<'static>| {
        bytes(&Draft { flags: Flags::RST.with(flags), seq: Seq(seq), ack: Seq(ack), ..back })
    };
    let (ack, none) = (Flags::ACK, Flags::NONE);
    let class = |text, flags, seq: fn(&Draft<'_>) -> u32, number: fn(&Draft<'_>) -> u32| {
        classes(text, &|probe, back| vec![reset(flags, seq(probe), number(probe), back)])[0]
    };
    for (text, length) in [("S", 1), ("S \"ab\"", 3), ("F", 1), ("none", 0), ("FPU \"ab\"", 3)] {
        let made = classes(text, &|probe, back| vec![reset(ack, 0, probe.seq.add(length).0, back)]);
        assert_eq!(made, [Some(Rst)], "{text}");
    }
    assert_eq!(class("S", ack, |_| 0, |probe| probe.seq.0), Some(Rst));
    assert_eq!(class("S", ack, |_| 0, |probe| probe.seq.add(2).0), Some(Unmatched));
    assert_eq!(class("S", none, |_| 0, |_| 0), Some(Unmatched));
    assert_eq!(class("S", none, |_| 0, |probe| probe.seq.add(1).0), Some(RstBare));
    assert_eq!(class("S", none, |probe| probe.seq.0, |_| 0), Some(RstBare));
    assert_eq!(class(".", none, |probe| probe.ack.0, |_| 0), Some(Rst));
    assert_eq!(class("F.", none, |probe| probe.ack.add(1).0, |_| 0), Some(Unmatched));
}

#[test]
fn a_challenge_proves_itself_or_is_set_apart() {
    let challenge = |_: &Draft<'_>, back| Draft { flags: Flags::ACK, ack: Seq(99), ..back };
    let bench = Bench::new(&["S"]);
    let kept = bench.one(0, |probe, back| bytes(&challenge(probe, back)));
    assert_eq!(kept.finding().classification, Classification::ChallengeAck);
    assert_eq!((kept.finding().proof, kept.finding().is_unproven()), (None, true));
    let proven =
        |probe: &Draft<'_>, back| Draft { ack: probe.seq.add(1), ..challenge(probe, back) };
    let kept = bench.one(0, |probe, back| bytes(&proven(probe, back)));
    assert_eq!(kept.finding().classification, Classification::ChallengeAck);
    assert_eq!(kept.finding().proof, Some(Proof::Cookie));
    let strict = Bench { strict: true, ..Bench::new(&["S"]) };
    let kept = strict.one(0, |probe, back| bytes(&challenge(probe, back)));
    assert_eq!(kept.finding().classification, Classification::Unmatched);
    // Neither another of our ports, nor anything but a pure ACK, nor one to a probe with ACK.
    let unmatched = |text, change: fn(Draft<'_>) -> Draft<'_>| {
        let made = classes(text, &|probe, back| vec![bytes(&change(challenge(probe, back)))]);
        assert_eq!(made, [Some(Classification::Unmatched)], "{text}");
    };
    unmatched("S", |draft| Draft { destination_port: draft.destination_port ^ 1, ..draft });
    unmatched("S", |draft| Draft { flags: Flags::ACK.with(Flags::FIN), ..draft });
    unmatched("S", |draft| Draft { payload: Payload::Bytes(b"x"), ..draft });
    unmatched("S.", |draft| draft);
}

/// Wraps a quote into an ICMP error from `router`.
fn error(probe: &Draft<'_>, router: &str, quoted: usize, spoil: bool) -> Vec<u8> {
    let v4 = matches!(probe.network, Network::V4(_));
    let quote = bytes(probe);
    let mut message = vec![if v4 { 3 } else { 1 }, 4, 0, 0, 0, 0, 0, 0];
    message.extend(&quote[..quoted.min(quote.len())]);
    let (router, home): (IpAddr, _) = (router.parse().unwrap(), probe.network.source());
    let sum = match router {
        IpAddr::V4(_) => Sum::new().feed(&message),
        IpAddr::V6(_) => Sum::new().pseudo(router, home, 58, message.len()).feed(&message),
    };
    let sum = if spoil { !sum.finish() } else { sum.finish() };
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let mut packet = match (router, home) {
        (IpAddr::V4(router), IpAddr::V4(home)) => {
            let length = 20 + u8::try_from(message.len()).unwrap();
            let mut header = vec![0x45, 0, 0, length, 0, 0, 0, 0, 64, 1, 0, 0];
            header.extend(router.octets());
            header.extend(home.octets());
            let sum = Sum::new().feed(&header).finish();
            header[10..12].copy_from_slice(&sum.to_be_bytes());
            header
        }
        (IpAddr::V6(router), IpAddr::V6(home)) => {
            let length = u8::try_from(message.len()).unwrap();
            let mut header = vec![0x60, 0, 0, 0, 0, length, 58, 64];
            header.extend(router.octets());
            header.extend(home.octets());
            header
        }
        _ => unreachable!(),
    };
    packet.extend(message);
    packet
}

fn find(sieved: Vec<Option<Kept>>) -> Kept {
    sieved.into_iter().next().unwrap().unwrap()
}

#[test]
fn errors_that_quote_a_probe() {
    let bench = Bench::new(&[SYN]);
    for (address, router, header) in
        [("198.51.100.9", "203.0.113.1", 20), ("2001:db8:1::9", "2001:db8:f::1", 40)]
    {
        for quoted in [header + 8, header + 19, header + 20, 1500] {
            let made =
                bench.answer(address, 0, &|probe, _| vec![error(probe, router, quoted, false)]);
            let kept = find(made);
            let finding = kept.finding();
            assert_eq!(finding.classification, Classification::Icmp, "{address} {quoted}");
            assert_eq!(finding.proof, Some(Proof::Cookie));
            assert_eq!((finding.source, finding.source_port), (router.parse().unwrap(), 80));
            let Icmp { kind, code, quoted_address, .. } = finding.icmp.unwrap();
            assert_eq!((kind, code), (if header == 20 { 3 } else { 1 }, 4));
            assert_eq!(quoted_address, address.parse::<IpAddr>().unwrap());
            assert_eq!(finding.target.unwrap().address, quoted_address);
        }
        let one = |change: fn(Draft<'_>) -> Draft<'_>, quoted, spoil| {
            let made = bench.answer(address, 0, &|probe, _| {
                vec![error(&change(*probe), router, quoted, spoil)]
            });
            find(made).finding().classification
        };
        assert_eq!(one(|probe| probe, 1500, true), Classification::BadChecksum);
        assert_eq!(one(|probe| probe, header + 7, false), Classification::Unmatched);
        let made = one(|probe| Draft { seq: probe.seq.add(1), ..probe }, 1500, false);
        assert_eq!(made, Classification::Unmatched);
        let made = bench.answer(address, 0, &|probe, _| {
            let foreign = match probe.network {
                Network::V4(header) => Network::V4(Ipv4 { source: [9; 4].into(), ..header }),
                Network::V6(header) => Network::V6(Ipv6 { source: [9; 16].into(), ..header }),
            };
            vec![error(&Draft { network: foreign, ..*probe }, router, 1500, false)]
        });
        assert_eq!(made, [None]);
    }
}

#[test]
fn the_first_answer_counts_and_an_error_beside_it() {
    use Classification::{Duplicate, Icmp, SynAck};
    let made = classes("S", &|probe, back| {
        let reply = bytes(&synack(probe, back));
        let error = error(probe, "203.0.113.1", 1500, false);
        vec![error.clone(), reply.clone(), reply, error]
    });
    assert_eq!(made, [Some(Icmp), Some(SynAck), Some(Duplicate), Some(Duplicate)]);
    let made = Bench::new(&["S"]).answer("198.51.100.9", 0, &|probe, back| {
        let reset = Draft { flags: Flags::RST.with(Flags::ACK), ack: probe.seq.add(1), ..back };
        vec![bytes(&synack(probe, back)), bytes(&reset)]
    });
    let second = made[1].as_ref().unwrap().finding();
    assert_eq!((second.classification, second.kind), (Duplicate, Classification::Rst));
}

/// Nobody who knows no number can take the place of an answer.
#[test]
fn what_proves_nothing_hides_no_answer() {
    use Classification::{ChallengeAck, Duplicate, SynAck};
    let made = Bench::new(&["S"]).answer("198.51.100.9", 0, &|probe, back| {
        let forged = bytes(&Draft { flags: Flags::ACK, ack: Seq(99), ..back });
        let reply = bytes(&synack(probe, back));
        vec![forged.clone(), forged.clone(), reply.clone(), reply, forged]
    });
    let told = |kept: &Option<Kept>| {
        let finding = kept.as_ref().map(Kept::finding).unwrap();
        (finding.classification, finding.is_result())
    };
    let told: Vec<_> = made.iter().map(told).collect();
    let again = (Duplicate, false);
    assert_eq!(told, [(ChallengeAck, false), again, (SynAck, true), again, again]);
}

/// Of probes that share their ports, that is answered which is proven to be.
#[test]
fn what_is_proven_goes_before_what_is_not() {
    let bench = Bench { shares: false, ..Bench::new(&["S", "S win 9"]) };
    for variant in 0..2 {
        let kept = bench.one(variant, |probe, back| {
            bytes(&Draft { flags: Flags::ACK, ack: probe.seq.add(1), ..back })
        });
        assert_eq!(kept.finding().proof, Some(Proof::Cookie));
    }
}

#[test]
fn the_time_is_told_by_the_echo() {
    let echo = |options: &[u8], probe: &Draft<'_>, back| {
        // The probe's options are MSS, SACK permitted, and the time stamps from the seventh byte.
        let mut options = options.to_vec();
        options.extend_from_slice(&probe.options[8..12]);
        let options: &'static [u8] = options.leak();
        synack(probe, Draft { options, ..back })
    };
    let bench = Bench::new(&[SYN]);
    let kept = bench.one(0, |probe, back| bytes(&echo(&[8, 10, 1, 2, 3, 4], probe, back)));
    assert_eq!(kept.finding().rtt, Some(Duration::from_millis(25)));
    assert_eq!(kept.finding().classification, Classification::SynAck);
    // No echo, or one that the scan is too young for, is no time.
    let kept = bench.one(0, |probe, back| bytes(&synack(probe, back)));
    assert_eq!(kept.finding().rtt, None);
    let forged: &'static [u8] = &[8, 10, 1, 2, 3, 4, 0, 0, 0, 1];
    let kept = bench.one(0, |probe, back| bytes(&synack(probe, Draft { options: forged, ..back })));
    assert_eq!((kept.finding().rtt, kept.finding().proof), (None, Some(Proof::Cookie)));
    let hasty = Bench { patience: Duration::from_millis(24), ..Bench::new(&[SYN]) };
    let kept = hasty.one(0, |probe, back| bytes(&echo(&[8, 10, 1, 2, 3, 4], probe, back)));
    let finding = kept.finding();
    assert_eq!(
        (finding.classification, finding.kind),
        (Classification::Late, Classification::SynAck)
    );
}

#[test]
fn several_probes_are_told_apart_by_port_or_by_time_stamp() {
    let texts = [SYN, "S <nop,nop,TS val now ecr 0>", "S win 5 <nop,nop,TS val now ecr 0>"];
    for variant in 0..3 {
        let kept = Bench::new(&texts).one(variant, |probe, back| bytes(&synack(probe, back)));
        let finding = kept.finding();
        assert_eq!(finding.variant, Some(variant));
        assert_eq!(finding.target.map(|target| target.variant), Some(variant));
        let shared = Bench { shares: false, ..Bench::new(&texts) };
        let kept = shared.one(variant, |probe, back| bytes(&synack(probe, back)));
        let finding = kept.finding();
        assert_eq!((finding.variant, finding.proof), (None, Some(Proof::Cookie)));
        let kept = shared.one(variant, |probe, back| {
            let stamps = if variant == 0 { 8 } else { 4 };
            let mut options = vec![8, 10, 1, 2, 3, 4];
            options.extend_from_slice(&probe.options[stamps..stamps + 4]);
            bytes(&synack(probe, Draft { options: options.leak(), ..back }))
        });
        let finding = kept.finding();
        assert_eq!(
            (finding.variant, finding.rtt),
            (Some(variant), Some(Duration::from_millis(25)))
        );
    }
}

#[test]
fn what_is_not_ours_is_no_finding() {
    let made = classes("S", &|probe, back| {
        let Network::V4(header) = back.network else { unreachable!() };
        let elsewhere = Network::V4(Ipv4 { destination: [192, 0, 2, 2].into(), ..header });
        let stranger = Network::V4(Ipv4 { source: [203, 0, 113, 9].into(), ..header });
        let reply = synack(probe, back);
        vec![
            bytes(&Draft { network: elsewhere, ..reply }),
            bytes(&Draft { destination_port: 22, ..reply }),
            bytes(probe),
            bytes(&Draft { network: stranger, ..reply }),
            bytes(&Draft { source_port: 81, ..reply }),
            bytes(&Draft { flags: Flags::SYN, ..reply }),
            vec![],
        ]
    });
    let unmatched = Some(Classification::Unmatched);
    assert_eq!(made, [None, None, None, unmatched, unmatched, unmatched, None]);
}

#[test]
fn offloads_are_known() {
    let bench = Bench::new(&[SYN]);
    let reply: &Reply<'_> =
        &|probe, back| vec![bytes(&Draft { checksum: Checksum::Bad, ..synack(probe, back) })];
    let class = |checksum| {
        let offload = Offload { checksum, segments: false };
        let made = bench.answer_as("198.51.100.9", 0, offload, BACK, reply);
        let kept = find(made);
        (kept.finding().classification, kept.finding().checksum)
    };
    assert_eq!(class(Checksummed::Unknown), (Classification::BadChecksum, Some(false)));
    assert_eq!(class(Checksummed::Partial), (Classification::SynAck, None));
    assert_eq!(class(Checksummed::Valid), (Classification::SynAck, Some(true)));
}

#[test]
fn headers_that_are_not_what_they_say() {
    use Classification::{BadChecksum, BadHeader, Unmatched};
    let made = classes("S", &|probe, back| {
        let reply = synack(probe, back);
        let Network::V4(header) = reply.network else { unreachable!() };
        let mut cut = bytes(&reply)[..34].to_vec();
        cut[3] = 34;
        let sum = {
            cut[10..12].fill(0);
            Sum::new().feed(&cut[..20]).finish()
        };
        cut[10..12].copy_from_slice(&sum.to_be_bytes());
        let mut random = cut.clone();
        random[28] ^= 1;
        let long = Network::V4(Ipv4 { total_length: Some(2000), ..header });
        let sum = Network::V4(Ipv4 { checksum: Checksum::Bad, ..header });
        vec![
            bytes(&Draft { data_offset: Some(15), ..reply }),
            bytes(&Draft { network: long, ..reply }),
            cut,
            random,
            bytes(&Draft { network: sum, ..reply }),
        ]
    });
    let duplicate = Some(Classification::Duplicate);
    assert_eq!(made, [Some(BadHeader), duplicate, duplicate, Some(Unmatched), duplicate]);
    let kinds = Bench::new(&["S"]).answer("198.51.100.9", 0, &|probe, back| {
        let reply = synack(probe, back);
        let Network::V4(header) = reply.network else { unreachable!() };
        let sum = Network::V4(Ipv4 { checksum: Checksum::Bad, ..header });
        vec![bytes(&Draft { network: sum, ..reply })]
    });
    assert_eq!(find(kinds).finding().kind, BadChecksum);
}

/// Replies of random numbers to the right addresses and ports: not one in a million is believed.
#[test]
fn guesses_do_not_pass() {
    let mut state = 1_u64;
    let mut next = move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 32) as u32
    };
    let replies: Vec<(u32, u32, u16)> =
        (0..100_000).map(|_| (next(), next(), next() as u16)).collect();
    let made = Bench::new(&[SYN]).answer("198.51.100.9", 0, &|_, back| {
        let one = |(seq, ack, flags): &(u32, u32, u16)| {
            let flags = Flags::from_bits(*flags);
            bytes(&Draft { seq: Seq(*seq), ack: Seq(*ack), flags, ..back })
        };
        replies.iter().map(one).collect()
    });
    let count = |is: fn(&Finding<'_>) -> bool| {
        made.iter().flatten().filter(|kept| is(&kept.finding())).count()
    };
    assert_eq!(count(|finding| finding.proof.is_some() || finding.is_result()), 0);
    // Pure ACKs: one combination of the six control flags, whatever the six others are. The target
    // is told of once.
    let challenges = count(|finding| finding.is_unproven());
    assert!((1000..2200).contains(&challenges), "{challenges}");
    assert_eq!(count(|finding| finding.classification == Classification::ChallengeAck), 1);
}

#[test]
fn a_finding_outlives_its_packet() {
    let kept = Bench::new(&[SYN]).one(0, |probe, back| bytes(&synack(probe, back)));
    let finding: Finding<'_> = kept.finding();
    assert_eq!(Kept::of(&finding), kept);
    assert_eq!(Kept::of(&Finding { options: &[7; 50], ..finding }).finding().options, [7; 40]);
    let names = Classification::ALL.map(|class| class.to_string());
    let expected = "synack synack-ece synack-data rst rst-bare challenge-ack icmp bad-checksum \
                    bad-header late duplicate unmatched";
    assert_eq!(names.join(" "), expected);
}
