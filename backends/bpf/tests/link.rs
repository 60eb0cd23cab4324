//! The link over a model of each system's device.

mod model;

use std::{cell::RefCell, io, net::Ipv4Addr, rc::Rc, time::Duration};

use model::{ENETDOWN, ENOBUFS, ENXIO, INTERFACE, Model};
use proptest::{collection::vec, prelude::*, sample::select};
use tcpexposure_bpf::{
    device::RawSocket,
    link::{BpfLink, Sending, Settings},
    system::{ALL, FREEBSD, MACOS, NETBSD, OPENBSD, System},
};
use tcpexposure_core::{time::Instant, wire::packet::Start};
use tcpexposure_link::{Cause, Error, Link, filter::Interest, frame::Macs};

const MACS: Macs = Macs { destination: [2; 6], source: [4; 6] };
const ETHERNET: u32 = 1;

fn settings(system: &'static System) -> Settings<'static> {
    Settings {
        system,
        interface: INTERFACE,
        mtu: 1500,
        loopback: false,
        sending: Sending::Frames(Some(MACS)),
        interest: None,
    }
}

fn open(system: &'static System) -> (Model, BpfLink<Model>) {
    let model = Model::new(system, ETHERNET);
    (model.clone(), BpfLink::new(model, settings(system)).unwrap())
}

/// A frame with TCP over IPv4 to a port, so long.
fn frame(port: u16, length: usize) -> Vec<u8> {
    let mut frame = [vec![4; 6], vec![2; 6], vec![8, 0]].concat();
    frame.extend([0x45, 0, 0, 40, 0, 7, 0x40, 0, 64, 6, 0, 0, 192, 0, 2, 9, 192, 0, 2, 1]);
    frame.extend([0, 80]);
    frame.extend(port.to_be_bytes());
    frame.resize(length.max(54), 7);
    frame
}

/// What the link hears without waiting.
fn heard(link: &mut BpfLink<Model>) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while let Some(frame) = link.recv(Instant::ZERO).unwrap() {
        assert_eq!(frame.wire_len, frame.bytes.len());
        frames.push(frame.bytes.to_vec());
    }
    frames
}

fn send(link: &mut BpfLink<Model>, packet: &[u8]) -> Result<(), Error> {
    link.slot()?[..packet.len()].copy_from_slice(packet);
    link.commit(packet.len())
}

#[test]
fn frames_are_heard_in_order_and_at_their_time() {
    for system in ALL {
        let (model, mut link) = open(system);
        let frames: Vec<_> = (0..200).map(|n| frame(n, 54 + usize::from(n) * 7)).collect();
        let mut last = Instant::ZERO;
        for (count, frame) in frames.iter().enumerate() {
            model.arrives(frame);
            let now = link.now();
            if count % 5 == 4 {
                for expected in &frames[count - 4..=count] {
                    let heard = link.recv(Instant::NEVER).unwrap().unwrap();
                    assert_eq!(heard.bytes, expected, "{}", system.name);
                    assert!(
                        heard.time > last
                            && heard.time <= now
                            && now.since(heard.time) < Duration::from_micros(6)
                    );
                    last = heard.time;
                }
            }
        }
        assert!(link.recv(Instant::ZERO).unwrap().is_none());
        assert_eq!(link.statistics().unwrap().received, Some(200));
    }
}

#[test]
fn the_filter_is_the_kernels() {
    for system in ALL {
        let model = Model::new(system, ETHERNET);
        model.arrives(&frame(9, 60));
        let interest = Interest { peers: vec![], ports: vec![40..=49] };
        let settings = Settings { interest: Some(&interest), ..settings(system) };
        let mut link = BpfLink::new(model.clone(), settings).unwrap();
        for port in 38..52 {
            model.arrives(&frame(port, 60));
        }
        let wanted: Vec<_> = (40..50).map(|port| frame(port, 60)).collect();
        assert_eq!(heard(&mut link), wanted, "{}", system.name);
    }
}

#[test]
fn the_buffer_is_as_large_as_the_system_gives() {
    for system in ALL {
        for (limit, memory, expected) in [(1 << 16, u32::MAX, 1 << 16), (1 << 24, 1 << 19, 1 << 19)]
        {
            let model = Model::new(system, ETHERNET);
            (model.0.borrow_mut().limit, model.0.borrow_mut().most_memory) = (limit, memory);
            let link = BpfLink::new(model, settings(system)).unwrap();
            assert_eq!(link.ready().buffer, expected, "{}", system.name);
        }
        let model = Model::new(system, ETHERNET);
        model.0.borrow_mut().most_memory = 64;
        let error = BpfLink::new(model, settings(system)).err().unwrap();
        assert!(matches!(error.cause, Cause::System(_)), "{error}");
    }
}

#[test]
fn a_frame_larger_than_the_buffer_is_cut_short() {
    for system in ALL {
        let model = Model::new(system, ETHERNET);
        model.0.borrow_mut().limit = 4096;
        let mut link = BpfLink::new(model.clone(), settings(system)).unwrap();
        model.arrives(&frame(1, 9000));
        model.arrives(&frame(2, 60));
        let cut = link.recv(Instant::NEVER).unwrap().unwrap();
        assert_eq!(cut.wire_len, 9000, "{}", system.name);
        assert!(cut.bytes.len() > 4000 && cut.bytes == &frame(1, 9000)[..cut.bytes.len()]);
        assert_eq!(heard(&mut link), [frame(2, 60)]);
    }
}

#[test]
fn a_signal_ends_a_wait_and_loses_nothing() {
    for system in ALL {
        let (model, mut link) = open(system);
        model.arrives(&frame(1, 60));
        model.0.borrow_mut().read_errors.push_back(io::ErrorKind::Interrupted.into());
        assert!(link.recv(Instant::NEVER).unwrap().is_none());
        assert_eq!(heard(&mut link), [frame(1, 60)], "{}", system.name);
        model.0.borrow_mut().wait_errors.push_back(io::ErrorKind::Interrupted.into());
        assert!(link.recv(Instant::NEVER).unwrap().is_none(), "a signal while it waits");
        model.0.borrow_mut().write_errors.push_back(io::ErrorKind::Interrupted.into());
        send(&mut link, &frame(1, 60)[14..]).unwrap();
        assert_eq!(model.0.borrow().written.len(), 1);
    }
}

#[test]
fn an_interface_that_goes_or_is_down_is_named() {
    for system in ALL {
        let (model, mut link) = open(system);
        model.arrives(&frame(1, 60));
        assert!(link.recv(Instant::NEVER).unwrap().is_some());
        model.0.borrow_mut().gone = true;
        for error in [
            link.recv(Instant::NEVER).unwrap_err(),
            send(&mut link, &frame(1, 60)[14..]).unwrap_err(),
        ] {
            assert!(
                matches!(&error.cause, Cause::NoInterface(name) if name == INTERFACE),
                "{error}"
            );
        }
        model.0.borrow_mut().write_errors.push_back(io::Error::from_raw_os_error(ENETDOWN));
        let error = send(&mut link, &frame(1, 60)[14..]).unwrap_err();
        assert!(matches!(&error.cause, Cause::Down(name) if name == INTERFACE), "{error}");
    }
}

#[test]
fn an_interface_that_goes_while_we_wait_is_named() {
    for system in ALL {
        let (model, mut link) = open(system);
        model.0.borrow_mut().wait_errors.push_back(io::Error::from_raw_os_error(ENXIO));
        let error = link.recv(Instant::NEVER).unwrap_err();
        assert!(matches!(&error.cause, Cause::NoInterface(name) if name == INTERFACE), "{error}");
    }
}

#[test]
fn a_frame_that_goes_in_part_is_refused() {
    for system in ALL {
        let (model, mut link) = open(system);
        model.0.borrow_mut().takes = Some(20);
        send(&mut link, &frame(1, 60)[14..]).unwrap_err();
        let counts = link.statistics().unwrap();
        assert_eq!((counts.committed, counts.sent, counts.refused), (Some(1), None, Some(1)));
    }
}

#[test]
fn a_full_queue_is_given_time() {
    let (model, mut link) = open(&FREEBSD);
    for _ in 0..3 {
        model.0.borrow_mut().write_errors.push_back(io::Error::from_raw_os_error(ENOBUFS));
    }
    send(&mut link, &frame(1, 60)[14..]).unwrap();
    let sent = link.statistics().unwrap();
    assert_eq!((sent.committed, sent.sent, sent.refused), (Some(1), Some(1), None));
    assert_eq!(
        model.0.borrow().written,
        [[vec![2; 6], vec![4; 6], vec![8, 0], frame(1, 60)[14..].to_vec()].concat()]
    );
}

#[test]
fn what_was_dropped_is_told() {
    for system in ALL {
        let (model, mut link) = open(system);
        for _ in 0..2000 {
            model.arrives(&frame(1, 1514));
        }
        let count = heard(&mut link).len() as u64;
        let told = link.statistics().unwrap();
        assert_eq!(told.received, Some(count));
        assert!(count > 60 && told.dropped == Some(2000 - count), "{}: {told:?}", system.name);
    }
}

#[test]
fn what_is_sent_is_not_heard_even_where_directions_are_not_told() {
    for system in ALL {
        for tells in [true, false] {
            let model = Model::new(system, ETHERNET);
            model.0.borrow_mut().tells_direction = tells;
            let mut link = BpfLink::new(model.clone(), settings(system)).unwrap();
            assert_eq!(link.ready().inward, tells);
            send(&mut link, &frame(1, 60)[14..]).unwrap();
            model.arrives(&frame(2, 60));
            assert_eq!(heard(&mut link), [frame(2, 60)], "{}", system.name);
        }
    }
}

#[test]
fn an_old_freebsd_tells_microseconds() {
    let model = Model::new(&FREEBSD, ETHERNET);
    model.0.borrow_mut().tells_nanoseconds = false;
    let mut link = BpfLink::new(model.clone(), settings(&FREEBSD)).unwrap();
    model.arrives(&frame(1, 60));
    let now = link.now();
    assert_eq!(link.recv(Instant::NEVER).unwrap().unwrap().time, now);
}

#[test]
fn loopback_and_tunnels_have_headers_of_their_own() {
    let cases = [
        (&FREEBSD, 0, Start::Null, 28u32.to_ne_bytes().to_vec()),
        (&MACOS, 0, Start::Null, 30u32.to_ne_bytes().to_vec()),
        (&OPENBSD, 12, Start::Loop, vec![0, 0, 0, 24]),
        (&NETBSD, 9, Start::Ppp, vec![0xff, 3, 0, 0x57]),
        (&NETBSD, 12, Start::Ip, vec![]),
    ];
    for (system, number, start, header) in cases {
        let model = Model::new(system, number);
        let frames = Settings { sending: Sending::Frames(None), ..settings(system) };
        let mut link = BpfLink::new(model.clone(), frames).unwrap();
        assert_eq!(link.ready().start, start);
        send(&mut link, &[0x60; 40]).unwrap();
        assert_eq!(
            model.0.borrow().written,
            [[header, vec![0x60; 40]].concat()],
            "{}",
            system.name
        );
    }
}

#[test]
fn answers_go_where_the_questions_came_from() {
    let model = Model::new(&NETBSD, ETHERNET);
    let answers = Settings { sending: Sending::Answers([9; 6]), ..settings(&NETBSD) };
    let mut link = BpfLink::new(model.clone(), answers).unwrap();
    let mut answer = frame(1, 60)[14..].to_vec();
    answer[12..20].copy_from_slice(&[192, 0, 2, 1, 192, 0, 2, 9]);
    let error = send(&mut link, &answer).unwrap_err();
    assert!(error.to_string().contains("nothing has come from"), "{error}");
    model.arrives(&frame(1, 60));
    link.recv(Instant::NEVER).unwrap().unwrap();
    send(&mut link, &answer).unwrap();
    assert_eq!(model.0.borrow().written[0][..12], [[2; 6], [9; 6]].concat());
}

#[test]
fn what_cannot_be_is_told_when_it_is_opened() {
    let model = Model::new(&MACOS, ETHERNET);
    let nowhere = Settings { interface: "em1", ..settings(&MACOS) };
    let error = BpfLink::new(model.clone(), nowhere).err().unwrap();
    assert!(matches!(error.cause, Cause::NoInterface(_)), "{error}");
    let long = Settings { interface: "an-interface-with-a-name", ..settings(&MACOS) };
    let error = BpfLink::new(model, long).err().unwrap();
    assert!(matches!(error.cause, Cause::NoInterface(_)), "{error}");
    let error = BpfLink::new(Model::new(&MACOS, 105), settings(&MACOS)).err().unwrap();
    assert!(error.to_string().contains("a link layer that is not read, number 105"), "{error}");
    let (_, mut link) = open(&MACOS);
    let error = send(&mut link, &[0x45; 1501]).unwrap_err();
    assert!(matches!(error.cause, Cause::TooLarge { size: 1501, most: 1500 }), "{error}");
}

/// What a raw socket was given, and to whom.
type Given = Rc<RefCell<Vec<(Vec<u8>, Ipv4Addr)>>>;

/// A raw socket that keeps what it is given.
struct Kept(Given);

impl RawSocket for Kept {
    fn send(&mut self, packet: &[u8], to: Ipv4Addr) -> io::Result<()> {
        self.0.borrow_mut().push((packet.to_vec(), to));
        Ok(())
    }
}

#[test]
fn a_raw_socket_gets_the_order_of_its_system() {
    let mut packet = frame(1, 54)[14..].to_vec();
    packet[6..8].copy_from_slice(&[0x20, 0x01]);
    let sum = tcpexposure_core::wire::checksum::Sum::new().feed(&packet[..20]).finish();
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    for system in ALL {
        let sent = Given::default();
        let raw = Sending::Raw(Box::new(Kept(Rc::clone(&sent))));
        let raw = Settings { sending: raw, ..settings(system) };
        let mut link = BpfLink::new(Model::new(system, ETHERNET), raw).unwrap();
        send(&mut link, &packet).unwrap();
        let (bytes, to) = sent.borrow()[0].clone();
        assert_eq!(to, Ipv4Addr::new(192, 0, 2, 1));
        let expected = match system.name {
            "macOS" | "NetBSD" => (40u16.to_ne_bytes(), 0x2001u16.to_ne_bytes()),
            _ => ([0, 40], [0x20, 0x01]),
        };
        assert_eq!(
            (&bytes[2..4], &bytes[6..8]),
            (&expected.0[..], &expected.1[..]),
            "{}",
            system.name
        );
        let error = send(&mut link, &[0x60; 60]).unwrap_err();
        assert!(error.to_string().contains("use --backend bpf"), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever comes between, every frame that was caught is handed over once, in order.
    #[test]
    fn nothing_is_lost_or_doubled(
        system in select(&ALL),
        steps in vec((0u8..8, 54usize..1514), 0..400),
    ) {
        let (model, mut link) = open(system);
        let (mut caught, mut got) = (Vec::new(), Vec::new());
        for (number, (step, length)) in steps.into_iter().enumerate() {
            match step {
                0..5 => {
                    let frame = frame(number as u16, length);
                    model.arrives(&frame);
                    caught.push(frame);
                }
                5 => model.0.borrow_mut().read_errors.push_back(io::ErrorKind::Interrupted.into()),
                6 => model.0.borrow_mut().read_errors.push_back(io::ErrorKind::WouldBlock.into()),
                _ => got.extend(link.recv(Instant::ZERO).unwrap().map(|frame| frame.bytes.to_vec())),
            }
        }
        model.0.borrow_mut().read_errors.clear();
        got.extend(heard(&mut link));
        let dropped = link.statistics().unwrap().dropped.unwrap() as usize;
        prop_assert_eq!(got.len() + dropped, caught.len());
        let mut rest = caught.iter();
        prop_assert!(got.iter().all(|frame| rest.any(|one| one == frame)), "out of order");
    }
}
