//! A template's packets are those of its draft with the generated values written in.

mod drafts;

use core::net::IpAddr;

use drafts::parts;
use proptest::{collection::vec, option, prelude::*, sample::select};
use tcpexposure_core::{
    craft::{Checksum, Draft, Ipv4, Ipv6, Network},
    expression::{self, Generated, Generator, Place},
    scan::{
        cookie::{Cookies, Key},
        targets::Target,
        template::{Choice, Error, Ports, Shot, Template, proving},
    },
    time::Instant,
    wire::{
        packet::Packet,
        tcp::{Flags, Seq},
    },
};

/// Tells where a field lies in a packet: first byte and number of bytes.
fn location(draft: &Draft<'_>, place: Place) -> (usize, usize) {
    let tcp = draft.network.length();
    let v4 = matches!(draft.network, Network::V4(_));
    match place {
        Place::Seq => (tcp + 4, 4),
        Place::Ack => (tcp + 8, 4),
        Place::Window => (tcp + 14, 2),
        Place::Urgent => (tcp + 18, 2),
        Place::Options { offset, width, .. } => (tcp + 20 + usize::from(offset), width.into()),
        Place::Id => (4, 2),
        Place::HopLimit => (if v4 { 8 } else { 7 }, 1),
        Place::TrafficClass if v4 => (1, 1),
        Place::TrafficClass | Place::FlowLabel => (0, 4),
    }
}

/// Reads the value of a field out of a packet.
fn value(draft: &Draft<'_>, place: Place, bytes: &[u8]) -> u32 {
    let (at, width) = location(draft, place);
    let value = bytes[at..at + width].iter().fold(0, |all, byte| all << 8 | u32::from(*byte));
    match (place, draft.network) {
        (Place::TrafficClass, Network::V6(_)) => value >> 20 & 0xff,
        (Place::FlowLabel, _) => value & 0xf_ffff,
        _ => value,
    }
}

/// Writes a value into a draft, by the name of its field.
fn set(draft: &mut Draft<'_>, options: &mut [u8], place: Place, value: u32) {
    let [_, _, high, low] = value.to_be_bytes();
    let short = u16::from_be_bytes([high, low]);
    match (place, &mut draft.network) {
        (Place::Seq, _) => draft.seq = Seq(value),
        (Place::Ack, _) => draft.ack = Seq(value),
        (Place::Window, _) => draft.window = short,
        (Place::Urgent, _) => draft.urgent = short,
        (Place::Options { offset, width, .. }, _) => {
            let (offset, width) = (usize::from(offset), usize::from(width));
            options[offset..offset + width].copy_from_slice(&value.to_be_bytes()[4 - width..]);
        }
        (Place::Id, Network::V4(header)) => header.id = short,
        (Place::HopLimit, Network::V4(header)) => header.ttl = low,
        (Place::TrafficClass, Network::V4(header)) => header.tos = low,
        (Place::HopLimit, Network::V6(header)) => header.hop_limit = low,
        (Place::TrafficClass, Network::V6(header)) => header.traffic_class = low,
        (Place::FlowLabel, Network::V6(header)) => header.flow_label = value & 0xf_ffff,
        (Place::Id, Network::V6(_)) | (Place::FlowLabel, Network::V4(_)) => unreachable!(),
    }
}

fn generator() -> impl Strategy<Value = Generator> {
    prop_oneof![
        any::<(u8, u8)>()
            .prop_map(|(a, b)| Generator::Random { low: a.min(b).into(), high: a.max(b).into() }),
        select(vec![Generator::Increment, Generator::Hash, Generator::Cookie, Generator::Now]),
    ]
}

fn places() -> impl Strategy<Value = Vec<(Place, Generator)>> {
    let fixed = select(vec![
        Place::Seq,
        Place::Ack,
        Place::Window,
        Place::Urgent,
        Place::Id,
        Place::HopLimit,
        Place::TrafficClass,
        Place::FlowLabel,
    ]);
    let options = (0_u16..12, 1_u8..=4).prop_map(|(offset, width)| Place::Options {
        offset: offset * 4 + u16::from(4 - width),
        width,
        timestamp: false,
    });
    vec((prop_oneof![2 => fixed, 1 => options], generator()), 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn as_the_draft_would_be_written(
        parts in parts(),
        places in places(),
        key: [u8; 16],
        last: u16,
        (place, repeat, time) in any::<(u64, u32, u64)>(),
        before in option::of(any::<u64>()),
    ) {
        let draft = parts.draft();
        let ports = Ports::range(draft.source_port.min(last), last).unwrap();
        let choice = Choice::only(Key::new(key), ports);
        let target = Target {
            address: draft.network.destination(),
            port: draft.destination_port,
            variant: 0,
        };
        let shot = Shot { target, place, repeat, time: Instant::from_nanos(time) };
        check(draft, &places, choice, &shot, before.map(|place| Shot { place, ..shot }))?;
    }
}

/// Leaves out the places that the draft does not have, or that are there twice.
fn fitting(draft: &Draft<'_>, places: &[(Place, Generator)]) -> Vec<Generated> {
    let v4 = matches!(draft.network, Network::V4(_));
    let room = draft.options.len();
    let mut taken = vec![];
    let fits = |place| match place {
        Place::Id => v4,
        Place::FlowLabel => !v4,
        Place::Options { offset, width, .. } => usize::from(offset) + usize::from(width) <= room,
        _ => true,
    };
    let mut list = vec![];
    for (place, generator) in places {
        // Two places in the options meet only within four bytes.
        let slot = match *place {
            Place::Options { offset, .. } => format!("{}", offset / 4),
            other => format!("{other:?}"),
        };
        if fits(*place) && !taken.contains(&slot) {
            taken.push(slot);
            list.push(Generated { place: *place, generator: *generator });
        }
    }
    list
}

fn check(
    draft: Draft<'_>,
    places: &[(Place, Generator)],
    choice: Choice,
    shot: &Shot,
    before: Option<Shot>,
) -> Result<(), TestCaseError> {
    let generated = fitting(&draft, places);
    let mut options = draft.options.to_vec();
    generated.iter().for_each(|one| {
        if matches!(one.place, Place::Options { .. }) {
            set(&mut draft.clone(), &mut options, one.place, 0);
        }
    });
    let mut buffer = vec![0; draft.length() + usize::try_from(shot.place % 70).unwrap()];
    let blank = Draft { options: &options, ..draft };
    let template = match Template::new(&blank, &generated, choice, &mut buffer) {
        Ok(template) => template,
        Err(error) => {
            let mut room = vec![0; draft.length()];
            prop_assert_eq!(draft.write(&mut room).map_err(Error::Draft), Err(error));
            return Ok(());
        }
    };
    let mut frame = vec![0x55; draft.length() + 3];
    if let Some(before) = before {
        prop_assert_eq!(template.write(&mut frame, &before), Some(draft.length()));
    }
    let length = match before {
        None => template.write(&mut frame, shot),
        Some(_) => template.patch(&mut frame, shot),
    };
    prop_assert_eq!(length, Some(draft.length()));
    let mut expected = draft;
    expected.source_port = template.source_port(&shot.target);
    prop_assert!(choice.ports.contains(expected.source_port));
    let cookies = Cookies::new(choice.key, draft.network.source());
    let cookie = cookies.of(shot.target.address, expected.source_port, shot.target.port);
    for one in &generated {
        let made = value(&draft, one.place, &frame);
        let whole = match one.generator {
            Generator::Cookie => cookie,
            Generator::Hash => choice.key.address(shot.target.address),
            Generator::Increment => shot.place as u32,
            Generator::Now => (shot.time.as_nanos() / 1000) as u32,
            Generator::Random { low, high } => {
                prop_assert!((low..=high).contains(&made), "{made} in {low}-{high}");
                made
            }
        };
        set(&mut expected, &mut options, one.place, whole);
    }
    let expected = Draft { options: &options, ..expected };
    let mut written = vec![0; draft.length()];
    expected.write(&mut written).unwrap();
    prop_assert_eq!(&frame[..draft.length()], &written[..]);
    if frame.len() < 64 || before.is_some() && draft.length() > 64 {
        prop_assert_eq!(&frame[draft.length()..], &[0x55; 3]);
    }
    Ok(())
}

fn v4() -> Draft<'static> {
    Draft {
        network: Network::V4(Ipv4 { source: [192, 0, 2, 1].into(), ..Ipv4::default() }),
        ..Draft::default()
    }
}

/// Makes the packets of an expression to a row of ports.
fn packets(text: &str, choice: Choice, shots: &[Shot]) -> Vec<Vec<u8>> {
    let expression = expression::parse(text).unwrap();
    let v6 = Ipv6 { source: [1; 16].into(), ..Ipv6::default() };
    let defaults = match shots[0].target.address {
        IpAddr::V4(_) => v4(),
        IpAddr::V6(_) => Draft { network: Network::V6(v6), ..Draft::default() },
    };
    let draft = expression.draft(defaults).unwrap();
    let mut buffer = [0; 200];
    let template = Template::new(&draft, &proving(&expression), choice, &mut buffer).unwrap();
    let mut slot = [0; 1500];
    let one = |shot| {
        let length = template.write(&mut slot, shot).unwrap();
        slot[..length].to_vec()
    };
    shots.iter().map(one).collect()
}

/// Every checksum that there is, right and wrong: 0 and 0xffff are one number, and neither is a
/// wrong one where the other is right.
#[test]
fn every_checksum() {
    let choice = Choice::only(Key::of_seed(3), Ports::one(7));
    for checksum in [Checksum::Computed, Checksum::Bad, Checksum::Forced(5)] {
        let mut draft = v4();
        draft.checksum = checksum;
        if let Network::V4(header) = &mut draft.network {
            header.checksum = checksum;
        }
        let (mut buffer, mut slot, mut expected) = ([0; 64], [0; 64], [0; 64]);
        let template = Template::new(&draft, &[], choice, &mut buffer).unwrap();
        for low in 0..=u16::MAX {
            let [c, d] = low.to_be_bytes();
            let target = Target { address: [198, 51, c, d].into(), port: 80, variant: 0 };
            let shot = Shot { target, place: 0, repeat: 0, time: Instant::ZERO };
            let length = template.write(&mut slot, &shot).unwrap();
            if let Network::V4(header) = &mut draft.network {
                header.destination = [198, 51, c, d].into();
            }
            let draft = Draft { source_port: 7, destination_port: 80, ..draft };
            assert_eq!(slot[..length], *draft.write(&mut expected).unwrap(), "{checksum:?} {low}");
        }
    }
}

fn shots(count: u16, address: IpAddr) -> Vec<Shot> {
    let target = |port| Target { address, port, variant: 0 };
    let time = Instant::from_nanos(1_000_000);
    (1..=count)
        .map(|port| Shot { target: target(port), place: port.into(), repeat: 0, time })
        .collect()
}

#[test]
fn every_generator_in_an_expression() {
    let text = "S win rand 1000-1009 urg inc <TS val now ecr hash(dst),opt 254 0xf989 cookie> \
                (ttl rand 60-64, id inc, tos rand 0-3)";
    let choice = Choice::only(Key::of_seed(3), Ports::range(40000, 40099).unwrap());
    let made = packets(text, choice, &shots(2000, [198, 51, 100, 7].into()));
    let (mut windows, mut ports) = (vec![0; 10], vec![0; 100]);
    for (bytes, count) in made.iter().zip(1_u16..) {
        let packet = Packet::from_ip(bytes);
        assert_eq!(packet.checksum_ok(), Some(true));
        let draft = Draft::of(&packet).unwrap();
        let Network::V4(header) = draft.network else { panic!("{packet:?}") };
        assert_eq!((header.id, draft.urgent), (count, count));
        assert!((60..=64).contains(&header.ttl) && header.tos <= 3);
        let (time, hash) = packet.tcp().unwrap().options.timestamps().unwrap();
        assert_eq!((time, hash), (1000, choice.key.address([198, 51, 100, 7].into())));
        assert_eq!(draft.options[14..18], draft.seq.0.to_be_bytes());
        windows[usize::from(draft.window) - 1000] += 1;
        ports[usize::from(draft.source_port) - 40000] += 1;
    }
    // About 200 and 20 of each; nothing is left out or drawn twice as often.
    assert!(windows.iter().all(|hits| (130..300).contains(hits)), "{windows:?}");
    assert!(ports.iter().all(|hits| (2..60).contains(hits)), "{ports:?}");
}

#[test]
fn the_same_shot_is_the_same_packet_and_the_seed_tells_it() {
    let text = "S win rand 0-65535 (flow rand 0-1000000, class hash(dst), hlim inc)";
    let address: IpAddr = "2001:db8::7".parse().unwrap();
    let make = |seed| {
        let choice = Choice::only(Key::of_seed(seed), Ports::one(7));
        packets(text, choice, &shots(50, address))
    };
    assert_eq!(make(1), make(1));
    assert_ne!(make(1), make(2));
}

#[test]
fn a_repeat_draws_anew_and_keeps_its_cookie() {
    let choice = Choice::only(Key::of_seed(3), Ports::range(1, 65535).unwrap());
    let [shot, ..] = shots(1, [198, 51, 100, 7].into())[..] else { unreachable!() };
    let both = packets("S win rand 0-65535", choice, &[shot, Shot { repeat: 1, ..shot }]);
    let [one, two] = [&both[0], &both[1]].map(|bytes| {
        let packet = Packet::from_ip(bytes);
        (packet.ports(), packet.tcp().unwrap().header.seq(), packet.tcp().unwrap().header.window())
    });
    assert_eq!((one.0, one.1), (two.0, two.1));
    assert_ne!(one.2, two.2);
}

#[test]
fn what_proves() {
    let choice = Choice::only(Key::of_seed(3), Ports::one(7));
    for (text, expected) in [
        ("S", true),
        ("S seq 5", false),
        ("S seq hash(dst)", true),
        ("S seq rand 0-9", false),
        (". seq 5", true),
        (". seq 5 ack 6", false),
    ] {
        let expression = expression::parse(text).unwrap();
        let mut buffer = [0; 60];
        let draft = expression.draft(v4()).unwrap();
        let template = Template::new(&draft, &proving(&expression), choice, &mut buffer).unwrap();
        assert_eq!(template.is_proving(), expected, "{text}");
        assert_eq!(template.flags().contains(Flags::ACK), text.starts_with('.'));
    }
}

#[test]
fn what_cannot_be() {
    let choice = Choice::only(Key::of_seed(3), Ports::one(7));
    let flow = Generated { place: Place::FlowLabel, generator: Generator::Cookie };
    let error = Template::new(&v4(), &[flow], choice, &mut [0; 60]).unwrap_err();
    assert_eq!(error, Error::Place(Place::FlowLabel));
    let error = Template::new(&v4(), &[], choice, &mut [0; 30]).unwrap_err();
    assert_eq!(error.to_string(), "the packet takes 40 bytes, the buffer has 30");
    let mut buffer = [0; 60];
    let template = Template::new(&v4(), &[], choice, &mut buffer).unwrap();
    let [shot, ..] = shots(1, "2001:db8::7".parse().unwrap())[..] else { unreachable!() };
    assert_eq!(template.write(&mut [0; 60], &shot), None);
    let [shot, ..] = shots(1, [198, 51, 100, 7].into())[..] else { unreachable!() };
    assert_eq!(template.write(&mut [0; 39], &shot), None);
    assert_eq!(template.write(&mut [0; 40], &shot), Some(40));
}

#[test]
fn shares_of_ports_are_disjoint_and_complete() {
    let all = Ports::range(100, 119).unwrap();
    for variants in 1..=20 {
        let shares: Vec<Ports> = (0..variants).map(|one| all.share(one, variants)).collect();
        for port in 0..=200 {
            let holders = shares.iter().filter(|share| share.contains(port)).count();
            assert_eq!(holders, usize::from(all.contains(port)), "port {port} of {variants}");
        }
        for share in shares {
            let picked = [0, u32::MAX / 2, u32::MAX].map(|bits| share.pick(bits));
            assert!(picked.iter().all(|port| share.contains(*port)));
        }
    }
    assert_eq!(all.share(3, 21), all);
    assert_eq!(Ports::range(5, 4), None);
    assert_eq!(Ports::range(0, 65535).unwrap().pick(u32::MAX), 65535);
}
