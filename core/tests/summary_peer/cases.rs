//! The captures that are compared, by name.

use tcpexposure_core::wire::packet::Start;

use super::{
    Capture,
    build::{Dice, Tcp, ethernet, icmp4, icmp6, ipv4, ipv6, pseudo4, pseudo6, sum4, turn, unhex},
};

/// Lists all captures.
pub(crate) fn all() -> Vec<(&'static str, Capture)> {
    vec![
        ("flags", flags()),
        ("numbers", numbers()),
        ("options", options()),
        ("multipath", multipath()),
        ("option lists", lists()),
        ("headers", headers()),
        ("ipv4", version_4()),
        ("ipv4 options", options_4()),
        ("ipv6", version_6()),
        ("extensions", extensions()),
        ("icmp", icmp()),
        ("icmpv6", icmp_6()),
        ("ethernet", frames()),
        ("cooked", cooked()),
        ("cooked 2", cooked_2()),
        ("null", null(Start::Null)),
        ("loop", null(Start::Loop)),
        ("family of Linux", of_family(10)),
        ("ppp", ppp()),
        ("cut", cut()),
        ("random", random(6_000)),
    ]
}

/// All combinations of the eight flags, with and without data, first and later in a conversation.
fn flags() -> Capture {
    let mut all = Capture::new(Start::Ip);
    for flags in 0..256 {
        for payload in ["", "some data"] {
            let ports = (40000, 50000 + flags);
            let (payload, urgent) = (payload.as_bytes().to_vec(), 7);
            let tcp = Tcp { ports, flags, urgent, payload, ..Tcp::default() };
            let later = Tcp { seq: 1100, ack: 2200, ..tcp.clone() };
            let alone = Tcp { ports: (1234, 50000 + flags), ..tcp.clone() };
            let opened = Tcp { flags: 0x10, payload: Vec::new(), ..tcp.clone() };
            for tcp in [alone, opened, tcp, later] {
                all.push(tcp.v4());
                all.push(tcp.v6());
            }
        }
    }
    all
}

/// Conversations in both directions, with numbers that wrap, ports that are equal, and SACK.
fn numbers() -> Capture {
    let mut all = Capture::new(Start::Ip);
    let mut dice = Dice(1);
    for _ in 0..4000 {
        let (a, b) = (dice.pick(&[40000, 40001, 50000]), dice.pick(&[50000, 50001]));
        let base = dice.pick(&[0_u32, 1, 0x7fff_fff0, 0xffff_ffe0]);
        let (seq, ack) = (base.wrapping_add(dice.u32() % 64), base.wrapping_add(dice.u32() % 64));
        let flags = dice.pick(&[0x02, 0x12, 0x10, 0x10, 0x10, 0x18, 0x11, 0x04, 0x14, 0x00, 0x08]);
        let length = dice.pick(&[0, 0, 1, 50]);
        let mut options = Vec::new();
        for _ in 0..dice.below(4) {
            options.extend(seq.wrapping_add(dice.u32() % 99).to_be_bytes());
            options.extend(ack.wrapping_add(dice.u32() % 99).to_be_bytes());
        }
        if !options.is_empty() {
            let length = u8::try_from(options.len() + 2).unwrap();
            options = [&[1, 1, 5, length], &options[..]].concat();
        }
        let payload = dice.bytes(length);
        let ports = if dice.one_in(2) { (a, b) } else { (b, a) };
        let tcp = Tcp { ports, seq, ack, flags, options, payload, ..Tcp::default() };
        let mut packet = if dice.one_in(3) { tcp.v6() } else { tcp.v4() };
        if dice.one_in(2) {
            turn(&mut packet);
        }
        all.push(packet);
    }
    all
}

/// Every kind with every length that fits, and lengths that cannot be.
fn options() -> Capture {
    let mut all = Capture::new(Start::Ip);
    let mut dice = Dice(2);
    for kind in 0..=255 {
        for length in 0..=42 {
            let mut options = vec![kind, length];
            options.extend(dice.bytes(usize::from(length).saturating_sub(2)));
            options.truncate(40);
            let flags = dice.pick(&[0x02, 0x12, 0x10, 0x18]);
            all.push(Tcp { options, flags, ..Tcp::default() }.v4());
        }
        all.push(Tcp { options: vec![1, 1, 1, kind], ..Tcp::default() }.v4());
        all.push(Tcp { options: vec![1, 1, kind, 0], ..Tcp::default() }.v4());
        all.push(Tcp { options: vec![1, kind, 4, 1], ..Tcp::default() }.v4());
        all.push(Tcp { options: vec![2, 4, 5, 0xb4, 1, 1, kind, 255], ..Tcp::default() }.v6());
    }
    for (id, length) in
        [(0xf989, 0), (0xf989, 1), (0xf989, 4), (0xf989, 5), (0xf989, 16), (0xabcd, 0)]
    {
        for kind in [253, 254] {
            let mut options = vec![kind, 4 + length];
            options.extend(u16::to_be_bytes(id));
            options.extend(dice.bytes(length.into()));
            all.push(Tcp { options, flags: 2, ..Tcp::default() }.v4());
        }
    }
    all
}

/// Multipath options of every subtype, length and first two bytes of note.
fn multipath() -> Capture {
    let mut all = Capture::new(Start::Ip);
    let mut dice = Dice(3);
    for first in 0..=255 {
        for length in 3..=40 {
            let mut options = vec![30, length, first];
            options.extend(dice.bytes(usize::from(length) - 3));
            if dice.one_in(2) && length > 3 {
                options[3] = dice.pick(&[0, 1, 0x81, 0x80, 5, 7, 15, 17, 31]);
            }
            let flags = dice.pick(&[0x02, 0x12, 0x10, 0x18]);
            all.push(Tcp { options, flags, ..Tcp::default() }.v4());
        }
    }
    for flags in 0..=31 {
        for checksum in [0, 2] {
            let field = |bit: u8, long: u8| match (flags & bit, flags & long) {
                (0, _) => 0,
                (_, 0) => 4,
                _ => 8,
            };
            let map = if flags & 4 == 0 { 0 } else { 6 + checksum };
            let length = 4 + field(1, 2) + field(4, 8) + map;
            let mut options = vec![30, length, 0x20, flags];
            options.extend(dice.bytes(usize::from(length) - 4));
            all.push(Tcp { options, ..Tcp::default() }.v4());
        }
    }
    all
}

/// Lists of several options, right and wrong, and bytes after their end.
fn lists() -> Capture {
    let mut all = Capture::new(Start::Ip);
    let mut dice = Dice(4);
    for _ in 0..6000 {
        let mut options = Vec::new();
        for _ in 0..1 + dice.below(6) {
            options.extend(option(&mut dice));
        }
        options.truncate(40);
        if dice.one_in(20) {
            let length = dice.below(41);
            options = dice.bytes(length);
        }
        let flags = dice.pick(&[0x02, 0x12, 0x10, 0x18]);
        let tcp = Tcp { options, flags, ports: (40000, 50000 + dice.u16() % 16), ..Tcp::default() };
        all.push(if dice.one_in(3) { tcp.v6() } else { tcp.v4() });
    }
    all
}

fn option(dice: &mut Dice) -> Vec<u8> {
    const RIGHT: &[(u8, u8)] = &[
        (2, 4),
        (3, 3),
        (4, 2),
        (5, 10),
        (5, 18),
        (6, 6),
        (7, 6),
        (8, 10),
        (11, 6),
        (12, 6),
        (13, 6),
        (14, 3),
        (19, 18),
        (20, 4),
        (27, 8),
        (28, 4),
        (29, 4),
        (29, 16),
        (30, 12),
        (34, 2),
        (34, 10),
        (69, 3),
        (172, 11),
        (174, 5),
        (253, 4),
        (254, 4),
        (254, 8),
    ];
    if dice.one_in(3) {
        return vec![dice.pick(&[1, 1, 1, 0])];
    }
    let (kind, mut length) = dice.pick(RIGHT);
    if dice.one_in(12) {
        length = dice.u8() % 42;
    }
    let mut bytes = vec![kind, length];
    bytes.extend(dice.bytes(usize::from(length).saturating_sub(2)));
    bytes
}

/// Headers whose fields are at their limits: data offset, reserved bits, checksum.
fn headers() -> Capture {
    let mut all = Capture::new(Start::Ip);
    for words in 0..16 {
        for length in [0, 3, 4, 30, 100] {
            let payload = vec![b'x'; length];
            let tcp = Tcp { words: Some(words), payload, ..Tcp::default() };
            all.push(tcp.v4());
            all.push(tcp.v6());
        }
    }
    for bits in 0..16 {
        for low in [0, 0x02, 0x10, 0xc2] {
            all.push(Tcp { flags: bits << 8 | low, ..Tcp::default() }.v4());
        }
    }
    for off in [1, 0xff, 0x100, 0xffff] {
        for length in [0, 1, 2, 1000] {
            let tcp = Tcp { off, payload: vec![0xa5; length], ..Tcp::default() };
            all.push(tcp.v4());
            all.push(tcp.v6());
        }
    }
    for text in ["", "bye", "a reset that says more than tcpdump would ever want to print"] {
        for flags in [0x04, 0x14] {
            let tcp = Tcp { flags, payload: text.into(), ..Tcp::default() };
            all.push(tcp.v4());
        }
    }
    all.push(Tcp { flags: 4, payload: (0..=255).collect(), ..Tcp::default() }.v4());
    for byte in 0..=255 {
        all.push(Tcp { flags: 4, payload: vec![byte, b'a'], ..Tcp::default() }.v4());
    }
    let limits = [0, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX];
    for seq in limits {
        for ack in limits {
            for (window, urgent) in [(0, 0), (65535, 65535)] {
                let payload = vec![7; 9];
                let tcp = Tcp { seq, ack, window, urgent, payload, flags: 0x3a, ..Tcp::default() };
                all.push(tcp.v4());
            }
        }
    }
    all
}

/// IPv4 headers: every field at its limits, fragments, and lengths that lie.
fn version_4() -> Capture {
    let mut all = Capture::new(Start::Ip);
    let packet = Tcp { payload: b"0123456789abcdef".to_vec(), ..Tcp::default() }.v4();
    let mut with = |at: usize, bytes: &[u8]| {
        let mut packet = packet.clone();
        packet[at..at + bytes.len()].copy_from_slice(bytes);
        sum4(&mut packet);
        all.push(packet.clone());
        packet[10] ^= 0x55;
        all.push(packet);
    };
    for byte in 0..=255 {
        with(1, &[byte]);
    }
    for byte in [0, 1, 2, 128, 255] {
        with(8, &[byte]);
        with(4, &[byte, byte]);
    }
    for high in 0..=255 {
        with(6, &[high, 0]);
        with(6, &[high, 3]);
    }
    for length in (0..60).chain([100, 1000, 0xffff]) {
        with(2, &u16::to_be_bytes(length));
    }
    for low in 0..16 {
        with(0, &[0x40 | low]);
    }
    for length in 0..40 {
        all.push(ipv4(6, &[], &packet[20..20 + length.min(packet.len() - 20)]));
    }
    // Ethernet pads to 60 bytes; the same may stand behind any packet.
    all.push([&packet[..], &[0; 9]].concat());
    all
}

/// IPv4 options of every kind, right and wrong.
fn options_4() -> Capture {
    const RIGHT: &[&str] = &[
        "01",
        "00",
        "010101",
        "94040000",
        "94040001",
        "9404ffff",
        "940300",
        "9402",
        "07070400000000",
        "07070401020304",
        "07070801020304",
        "070b080102030405060708",
        "070b0c0102030405060708",
        "070b040102030405060708",
        "070b050102030405060708",
        "83070401020304",
        "830b0401020304c0000201",
        "830b0801020304c0000201",
        "89070401020304",
        "890b0c01020304c0000201",
        "8303 04",
        "070300",
        "0702",
        "07",
        "44",
        "4404",
        "440c0500 00000001 00000002",
        "440c0d00 00000001 00000002",
        "440c0501 0a000001 00000002",
        "440c0d01 0a000001 00000002",
        "440c0503 0a000001 00000002",
        "440c0d21 0a000001 00000002",
        "440c0502 0a000001 00000002",
        "440c05f0 0a000001 00000002",
        "4408050000000001",
        "44080900 80000001",
        "44040500",
        "4405050001",
        "820b0000000000000000000000",
        "cd0401020304",
        "880400ff",
        "5e06aabbccdd",
        "ff04aabb",
        "ff02",
        "ff01",
        "ff00",
        "ff",
        "ff50",
        "0101019404000001",
        "86081234567890ab",
        "9404000007070400000000",
        "07040400",
        "0705040a00",
        "07060400aa01",
    ];
    let mut all = Capture::new(Start::Ip);
    let mut dice = Dice(5);
    let segment = Tcp { payload: b"data".to_vec(), ..Tcp::default() }.segment(&pseudo4(6));
    for options in RIGHT {
        all.push(ipv4(6, &unhex(options), &segment));
    }
    for _ in 0..1500 {
        let mut options = Vec::new();
        while options.len() < 40 && !dice.one_in(3) {
            let kind = dice.pick(&[0, 1, 1, 7, 68, 130, 131, 134, 136, 137, 148, 205, 99]);
            let length = dice.pick(&[2, 3, 4, 7, 8, 11, 12]);
            options.extend([kind]);
            if kind > 1 {
                options.extend([length]);
                options.extend(dice.bytes(usize::from(length) - 2));
                let pointer = options.len() + 2 - usize::from(length);
                if dice.one_in(2) && pointer < options.len() {
                    options[pointer] = dice.pick(&[4, 5, 8, 9, 12]);
                }
            }
        }
        options.truncate(40);
        all.push(ipv4(6, &options, &segment));
    }
    all
}

/// IPv6 headers: every field at its limits, addresses of every shape, and lengths that lie.
fn version_6() -> Capture {
    let mut all = Capture::new(Start::Ip);
    let packet = Tcp { payload: b"0123456789abcdef".to_vec(), ..Tcp::default() }.v6();
    let mut with = |at: usize, bytes: &[u8]| {
        let mut packet = packet.clone();
        packet[at..at + bytes.len()].copy_from_slice(bytes);
        all.push(packet);
    };
    for byte in 0..=255 {
        with(0, &[0x60 | byte >> 4, byte << 4]);
    }
    for label in [0, 1, 0x0f_ffff, 0x12345, 0xff] {
        with(0, &(0x6000_0000_u32 | label).to_be_bytes());
    }
    for byte in [0, 1, 255] {
        with(7, &[byte]);
    }
    for length in (0..60).chain([100, 0xffff]) {
        with(4, &u16::to_be_bytes(length));
    }
    let mut dice = Dice(6);
    for _ in 0..500 {
        let address: Vec<u8> = (0..8)
            .flat_map(|_| dice.pick(&[0, 0, 0, 1, 0xffff, 0xab, 0x1234_u16]).to_be_bytes())
            .collect();
        with(8, &address);
        with(24, &address);
    }
    for text in ["::", "::1", "::ffff:1.2.3.4", "::1.2.3.4", "::0.0.0.1", "::1:0:0", "ff02::1"] {
        with(8, &text.parse::<std::net::Ipv6Addr>().unwrap().octets());
    }
    for length in 0..40 {
        all.push(ipv6(6, &packet[40..40 + length.min(packet.len() - 40)]));
    }
    all
}

/// IPv6 extension headers.
fn extensions() -> Capture {
    let mut all = Capture::new(Start::Ip);
    let mut dice = Dice(7);
    for payload in ["", "data"] {
        let payload = payload.as_bytes().to_vec();
        let segment = Tcp { payload, ..Tcp::default() }.segment(&pseudo6(6));
        for (kind, text) in EXTENSIONS {
            let extension = [unhex(text), segment.clone()].concat();
            all.push(ipv6(*kind, &extension));
            let outer = [vec![*kind, 0, 1, 4, 0, 0, 0, 0], extension].concat();
            all.push(ipv6(0, &outer));
        }
    }
    let segment = Tcp::default().segment(&pseudo6(6));
    for _ in 0..600 {
        // A chain of one to four headers, laid from the back.
        let (mut next, mut bytes) = (6, segment.clone());
        for _ in 0..1 + dice.below(3) {
            let (kind, text) = dice.pick(EXTENSIONS);
            let mut extension = unhex(text);
            extension[0] = next;
            bytes = [extension, bytes].concat();
            next = kind;
        }
        all.push(ipv6(next, &bytes));
    }
    all
}

/// Extension headers, the next one being TCP.
const EXTENSIONS: &[(u8, &str)] = &[
    (0, "0600 010400000000"),
    (0, "0600 050200000100"),
    (0, "0600 c20400010000"),
    (0, "0601 0102 0000 0002 0000 010400000000"),
    (60, "0600 010400000000"),
    (60, "0600 1e0400000000"),
    (60, "0600 000000000000"),
    (60, "0602 c910 20010db8000000000000000000000009 0102 0000"),
    (44, "0600 0000 12345678"),
    (44, "0600 0001 12345678"),
    (44, "0600 0010 00000001"),
    (44, "0600 0011 00000001"),
    (44, "0600 0006 00000001"),
    (43, "0602 0001 00000000 20010db8000000000000000000000009"),
    (43, "0602 0000 00000000 20010db8000000000000000000000009"),
    (43, "0602 0201 00000000 20010db8000000000000000000000009"),
    (43, "0602 0401 00000000 20010db8000000000000000000000009"),
    (43, "0600 0300 00000000"),
];

/// ICMP errors with quotes of every length.
fn icmp() -> Capture {
    let mut all = Capture::new(Start::Ip);
    let syn = Tcp { flags: 2, options: unhex("020405b4"), ..Tcp::default() };
    let data = Tcp { flags: 0x18, payload: b"some data".to_vec(), ..Tcp::default() };
    let first = all_but_the_flags(&data);
    let odd = Tcp { flags: 0x0b02, words: Some(3), options: unhex("fe00fe00"), ..Tcp::default() };
    for quote in [syn.v4(), data.v4(), odd.v4(), first] {
        for length in 0..=quote.len() {
            for (kind, code) in [(3, 1), (3, 3), (3, 4), (11, 0), (5, 1), (12, 0)] {
                all.push(icmp4(kind, code, 0x05dc, &quote[..length]));
            }
        }
    }
    let quote = data.v4();
    let kinds = [(3, 0..20), (11, 0..3), (4, 0..2), (5, 0..6), (12, 0..3)];
    for (kind, codes) in kinds {
        for code in codes {
            for rest in [0, 0x0000_05dc, 0x1400_0000, 0xc000_0201] {
                for length in [28, 40, quote.len()] {
                    all.push(icmp4(kind, code, rest, &quote[..length]));
                }
                let mut wrong = icmp4(kind, code, rest, &quote);
                wrong[22] ^= 0x80;
                all.push(wrong);
            }
        }
    }
    // Quotes of other protocols, of fragments, and of headers that came back changed.
    for protocol in [0, 1, 2, 6, 17, 47, 132] {
        let quote = ipv4(protocol, &[], &data.segment(&pseudo4(6)));
        all.push(icmp4(3, 2, 0, &quote));
        all.push(icmp4(3, 3, 0, &quote));
    }
    for at in [0, 1, 6, 7, 8, 10, 24, 32, 33] {
        let mut changed = quote.clone();
        changed[at] ^= 5;
        all.push(icmp4(3, 1, 0, &changed));
        all.push(icmp4(11, 0, 0, &changed[..28]));
    }
    // The same conversation on the wire and in quotes.
    for seq in [1000, 1100, 1200] {
        let tcp = Tcp { ports: (40007, 50007), seq, ..data.clone() };
        all.push(icmp4(3, 4, 1400, &tcp.v4()));
        all.push(tcp.v4());
        all.push(icmp4(3, 4, 1400, &tcp.v4()[..40]));
    }
    let with_options = ipv4(6, &unhex("94040000"), &data.segment(&pseudo4(6)));
    all.push(icmp4(11, 0, 0, &with_options));
    all
}

/// A first fragment.
fn all_but_the_flags(tcp: &Tcp) -> Vec<u8> {
    let mut packet = tcp.v4();
    packet[6] = 0x20;
    sum4(&mut packet);
    packet
}

/// ICMPv6 errors with quotes of every length.
fn icmp_6() -> Capture {
    let mut all = Capture::new(Start::Ip);
    let data = Tcp { flags: 0x18, payload: b"some data".to_vec(), ..Tcp::default() };
    let quote = data.v6();
    let kinds = [(1, 3), (1, 4), (2, 0), (3, 0), (4, 0)];
    for length in 0..=quote.len() {
        for (kind, code) in kinds {
            all.push(icmp6(kind, code, 1280, &quote[..length]));
        }
    }
    for (kind, codes) in [(1, 0..9), (2, 0..2), (3, 0..3), (4, 0..5)] {
        for code in codes {
            for rest in [0, 40, 1280, u32::MAX] {
                all.push(icmp6(kind, code, rest, &quote));
                all.push(icmp6(kind, code, rest, &quote[..48]));
                let mut wrong = icmp6(kind, code, rest, &quote);
                wrong[42] ^= 0x80;
                all.push(wrong);
            }
        }
    }
    for next in [0, 17, 44, 58, 59] {
        let quote = ipv6(next, &data.segment(&pseudo6(6)));
        all.push(icmp6(1, 4, 0, &quote));
        all.push(icmp6(1, 0, 0, &quote));
    }
    let extended = ipv6(60, &[unhex("0600010400000000"), data.segment(&pseudo6(6))].concat());
    all.push(icmp6(1, 4, 0, &extended));
    all
}

fn frames() -> Capture {
    let mut all = Capture::new(Start::Ethernet);
    for packet in [Tcp::default().v4(), Tcp::default().v6(), icmp4(3, 1, 0, &Tcp::default().v4())] {
        for tags in [
            "",
            "81000005",
            "8100a005",
            "81001005",
            "8100f005",
            "81000fff",
            "88a80005 81000064",
            "91000005 81000064",
            "81000005 81000006 81000007",
            "88a8f005",
            "92000005",
        ] {
            let frame = ethernet(tags, &packet);
            all.push(frame.clone());
            all.push([&frame[..], &[0; 6]].concat());
            all.push([&frame[..], b"after the end"].concat());
        }
    }
    all
}

fn cooked() -> Capture {
    let mut all = Capture::new(Start::LinuxSll);
    for way in 0..7 {
        for (length, address) in [
            (6, "0200000000010000"),
            (0, "0000000000000000"),
            (8, "0102030405060708"),
            (20, "01020304050607ff"),
        ] {
            let head = [&[0, way, 0, 1, 0, length][..], &unhex(address)].concat();
            all.push([&head[..], &[8, 0], &Tcp::default().v4()].concat());
            all.push([&head[..], &[0x86, 0xdd], &Tcp::default().v6()].concat());
            all.push([&head[..], &unhex("8100a0050800"), &Tcp::default().v4()].concat());
        }
    }
    all
}

fn cooked_2() -> Capture {
    let mut all = Capture::new(Start::LinuxSll2);
    for way in 0..7 {
        for (length, address) in [
            (6, "0200000000010000"),
            (0, "0000000000000000"),
            (8, "0102030405060708"),
            (20, "01020304050607ff"),
        ] {
            let head = [&[0, 0, 0x7f, 0, 0, 9, 0, 1, way, length][..], &unhex(address)].concat();
            all.push([&[8, 0], &head[..], &Tcp::default().v4()].concat());
            all.push([&[0x86, 0xdd], &head[..], &Tcp::default().v6()].concat());
            all.push([&[0x81, 0], &head[..], &unhex("a0050800"), &Tcp::default().v4()].concat());
        }
    }
    all
}

fn null(start: Start) -> Capture {
    let mut all = Capture::new(start);
    for (family, packet) in [
        (2, Tcp::default().v4()),
        (24, Tcp::default().v6()),
        (28, Tcp::default().v6()),
        (30, Tcp::default().v6()),
    ] {
        let little = start == Start::Null;
        let family: u32 = family;
        let head = if little { family.to_le_bytes() } else { family.to_be_bytes() };
        all.push([&head[..], &packet].concat());
        all.push([&family.to_be_bytes()[..], &packet].concat());
    }
    all
}

/// An IPv6 packet behind an address family in network byte order.
fn of_family(family: u32) -> Capture {
    Capture::of(Start::Loop, [[&family.to_be_bytes()[..], &Tcp::default().v6()].concat()])
}

fn ppp() -> Capture {
    let mut all = Capture::new(Start::Ppp);
    for (head, packet) in [
        ("ff030021", Tcp::default().v4()),
        ("ff030057", Tcp::default().v6()),
        ("0021", Tcp::default().v4()),
        ("0057", Tcp::default().v6()),
    ] {
        all.push([unhex(head), packet].concat());
    }
    all
}

/// Captures of which only the first bytes were kept: every length.
fn cut() -> Capture {
    let mut all = Capture::new(Start::Ethernet);
    let options = unhex("020405b4 0402 080a0000000100000000 01 030307");
    let tcp = Tcp { options, payload: b"some data".to_vec(), ..Tcp::default() };
    let data = Tcp { payload: b"some data".to_vec(), ..Tcp::default() };
    let with_options = ipv4(6, &unhex("07070400000000 01"), &tcp.segment(&pseudo4(6)));
    let extended = ipv6(0, &[unhex("0600010400000000"), tcp.segment(&pseudo6(6))].concat());
    for frame in [
        ethernet("", &tcp.v4()),
        ethernet("8100a005", &tcp.v4()),
        ethernet("", &tcp.v6()),
        ethernet("", &with_options),
        ethernet("", &extended),
        ethernet("", &icmp4(3, 3, 0, &data.v4())),
        ethernet("", &icmp4(11, 0, 0, &tcp.v4())),
        ethernet("", &icmp6(1, 4, 0, &data.v6())),
        ethernet("", &icmp6(2, 0, 1280, &data.v6())),
    ] {
        for kept in 1..frame.len() {
            all.cut(&frame, kept);
        }
    }
    all
}

/// Segments whose every field is random.
fn random(count: usize) -> Capture {
    let mut all = Capture::new(Start::Ip);
    let mut dice = Dice(8);
    for _ in 0..count {
        let mut options = Vec::new();
        for _ in 0..dice.below(4) {
            options.extend(option(&mut dice));
        }
        options.truncate(40);
        let length = dice.pick(&[0, 0, 1, 7, 100, 1400]);
        let tcp = Tcp {
            ports: (40000 + dice.u16() % 9, 50000 + dice.u16() % 9),
            seq: dice.u32(),
            ack: dice.u32(),
            flags: if dice.one_in(8) { dice.u16() & 0xfff } else { dice.u16() & 0xff },
            window: dice.u16(),
            urgent: dice.u16(),
            options,
            payload: dice.bytes(length),
            words: dice.one_in(30).then(|| dice.u8() & 15),
            off: if dice.one_in(10) { dice.u16() } else { 0 },
        };
        let mut packet = if dice.one_in(2) {
            let mut packet = tcp.v4();
            (packet[1], packet[4], packet[5], packet[8]) =
                (dice.u8(), dice.u8(), dice.u8(), dice.u8());
            packet[6] = dice.pick(&[0, 0x40, 0x40, 0x40, 0x20, 0x80, 0xe0]);
            sum4(&mut packet);
            packet
        } else {
            let mut packet = tcp.v6();
            (packet[1], packet[2], packet[3], packet[7]) =
                (dice.u8(), dice.u8(), dice.u8(), dice.u8());
            packet
        };
        if dice.one_in(2) {
            turn(&mut packet);
        }
        let kept = if dice.one_in(20) { 1 + dice.below(packet.len()) } else { packet.len() };
        all.cut(&packet, kept);
    }
    all
}
