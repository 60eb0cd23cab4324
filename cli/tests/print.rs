//! `print` on whole, cut and broken captures, and on text.

#[path = "../../backends/link/tests/build/mod.rs"]
mod build;

use std::{
    io::{Read as _, Write as _},
    process::{Command, Output, Stdio},
};

use build::Capture;

const TOOL: &str = env!("CARGO_BIN_EXE_tcpexposure");

/// A SYN from 10.0.0.1:40000 to 192.0.2.80:80, from the IP header on.
const SYN: &str = "4500002c00070000400600000a000001c0000250 \
    9c4000500000000700000000 6002faf000000000 020405b4";
/// The SYN-ACK to it.
const SYN_ACK: &str = "4500002800000000400600 00c00002500a000001 \
    00509c40 00000064 00000008 5012ffff00000000";
/// The ACK to that, with data.
const DATA: &str = "4500002a00080000400600000a000001c0000250 \
    9c4000500000000800000065 5018faf000000000 6869";

const LINES: [&str; 3] = [
    "IP 10.0.0.1.40000 > 192.0.2.80.80: Flags [S], seq 7, win 64240, options [mss 1460], length 0",
    "IP 192.0.2.80.80 > 10.0.0.1.40000: Flags [S.], seq 100, ack 8, win 65535, length 0",
    "IP 10.0.0.1.40000 > 192.0.2.80.80: Flags [P.], seq 1:3, ack 1, win 64240, length 2",
];

fn packets() -> [Vec<u8>; 3] {
    [SYN, SYN_ACK, DATA].map(unhex)
}

fn frame(packet: &[u8]) -> Vec<u8> {
    [&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0], packet].concat()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

fn classic(big: bool, nanos: bool) -> Capture {
    let mut capture = Capture::pcap(big, nanos, 1);
    for (index, packet) in packets().iter().enumerate() {
        let data = frame(packet);
        let wire = u32::try_from(data.len()).unwrap();
        capture.packet(1_700_000_000, 123_456 * (index as u32 + 1), &data, wire);
    }
    capture
}

/// Two sections of unlike byte orders with two interfaces, and packet blocks of all three types.
fn sections() -> Capture {
    let [syn, syn_ack, data] = packets();
    let lengths = [&syn, &syn_ack, &data].map(|packet| u32::try_from(packet.len()).unwrap());
    let mut capture = Capture::pcapng(true);
    capture.interface(1, 0, &[(2, b"eth0")]);
    capture.interface(101, 0, &[(9, &[9])]);
    capture.enhanced(0, 1_700_000_000_123_456, &frame(&syn), lengths[0] + 14);
    capture.block(0x0bad_cafe, b"unknown!");
    capture.enhanced(1, 1_700_000_000_246_912_789, &syn_ack, lengths[1]);
    capture.section(false);
    capture.interface(101, 0, &[]);
    capture.obsolete(0, 1_700_000_000_370_368, &data, lengths[2]);
    capture.simple(&data, lengths[2]);
    capture
}

/// Runs `print` with `input` on its standard input.
fn print(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(TOOL)
        .arg("print")
        .args(arguments)
        .env("TZ", "UTC")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

fn lines(output: &Output) -> Vec<String> {
    String::from_utf8(output.stdout.clone()).unwrap().lines().map(str::to_owned).collect()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The lines of a run that must have gone well and silently.
fn printed(arguments: &[&str], input: &[u8]) -> Vec<String> {
    let output = print(arguments, input);
    assert_eq!((output.status.code(), said(&output)), (Some(0), String::new()), "{arguments:?}");
    lines(&output)
}

/// One sentence, then one hint, and exit status 2.
fn refused(output: &Output) -> String {
    let said = said(output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    let told: Vec<_> = said.lines().collect();
    assert!(told.len() == 2 && told[1].starts_with("hint: "), "{said}");
    told[0].to_owned()
}

#[test]
fn pcap_of_every_kind() {
    for (big, nanos) in [(false, false), (true, false), (false, true), (true, true)] {
        let bytes = classic(big, nanos).bytes;
        let clock =
            |micros: u32| format!("22:13:20.{:06}", if nanos { micros / 1000 } else { micros });
        let wanted: Vec<_> = (1_u32..)
            .zip(LINES)
            .map(|(number, line)| format!("{} {line}", clock(123_456 * number)))
            .collect();
        assert_eq!(printed(&[], &bytes), wanted);
    }
}

#[test]
fn pcapng_with_interfaces_and_sections() {
    let wanted = [
        format!("22:13:20.123456 {}", LINES[0]),
        format!("22:13:20.246912 {}", LINES[1]),
        format!("22:13:20.370368 {}", LINES[2]),
        LINES[2].to_owned(), // a simple packet block has no time
    ];
    assert_eq!(printed(&[], &sections().bytes), wanted);
}

#[test]
fn a_file_by_each_of_its_names() {
    let path = std::env::temp_dir().join(format!("tcpexposure-print-{}", std::process::id()));
    std::fs::write(&path, classic(false, false).bytes).unwrap();
    let name = path.to_str().unwrap();
    for arguments in [&["-t", name][..], &["-t", "-r", name], &["-nn", "-t", "-r", name]] {
        assert_eq!(printed(arguments, b""), LINES);
    }
    std::fs::remove_file(&path).unwrap();
    assert_eq!(printed(&["-t", "-"], &classic(false, false).bytes), LINES);
    let missing = refused(&print(&[name], b""));
    assert!(missing.contains(name) && missing.contains("No such file"), "{missing}");
}

#[test]
fn what_is_printed() {
    let bytes = classic(false, false).bytes;
    assert_eq!(printed(&["-t", "-c", "2"], &bytes), LINES[..2]);
    assert_eq!(printed(&["-t", "--port", "80", "--port", "1"], &bytes), LINES);
    assert_eq!(printed(&["-t", "--port", "1"], &bytes), [""; 0]);
    assert_eq!(printed(&["-t", "--host", "192.0.2.80", "-c", "1"], &bytes), LINES[..1]);
    assert_eq!(printed(&["-t", "--host", "::1"], &bytes), [""; 0]);
    assert!(printed(&["-t", "-S"], &bytes)[2].contains("seq 8:10, ack 101,"));
    assert!(
        printed(&["-t", "-e"], &bytes)[0].starts_with("02:00:00:00:00:01 > 02:00:00:00:00:02, ")
    );
    assert_eq!(
        printed(&["-t", "-x", "-c", "1"], &bytes)[1],
        "\t0x0000:  4500 002c 0007 0000 4006 0000 0a00 0001"
    );
    assert_eq!(printed(&["-tt"], &bytes)[0], format!("1700000000.123456 {}", LINES[0]));
    assert_eq!(printed(&["-ttt"], &bytes)[2], format!(" 00:00:00.123456 {}", LINES[2]));
    assert_eq!(printed(&["-tttt"], &bytes)[0], format!("2023-11-14 22:13:20.123456 {}", LINES[0]));
    assert_eq!(printed(&["-ttttt"], &bytes)[2], format!(" 00:00:00.246912 {}", LINES[2]));
}

#[test]
fn json_lines() {
    let objects: Vec<serde_json::Value> = printed(&["--json"], &sections().bytes)
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(objects.len(), 4);
    let [syn, syn_ack, data, simple] = &objects[..] else { unreachable!() };
    for (number, object) in (1..).zip(&objects) {
        assert_eq!((&object["type"], &object["number"]), (&"packet".into(), &number.into()));
    }
    assert_eq!(syn_ack["time"], 1_700_000_000_246_912_789_u64);
    assert_eq!(simple["time"], serde_json::Value::Null);
    assert_eq!((&syn["source"], &syn["destination_port"]), (&"10.0.0.1".into(), &80.into()));
    assert_eq!((&syn["tcp"]["flags"], &syn["tcp"]["flags_bits"]), (&"S".into(), &2.into()));
    assert_eq!(syn["tcp"]["options"], serde_json::json!([{"kind": 2, "mss": 1460}]));
    assert_eq!(syn["tcp"]["options_raw"], "020405b4");
    assert_eq!(syn["tcp"]["checksum_ok"], false);
    assert_eq!(
        (&data["tcp"]["payload"], &data["tcp"]["payload_length"]),
        (&"6869".into(), &2.into())
    );
}

#[test]
fn cut_at_every_byte() {
    for capture in [classic(true, false), sections()] {
        let whole = printed(&["-t"], &capture.bytes);
        for end in 0..capture.bytes.len() {
            let output = print(&["-t"], &capture.bytes[..end]);
            let got = lines(&output);
            assert_eq!(got, whole[..got.len()], "{end}");
            let begun = capture.records.iter().filter(|record| **record < end).count();
            if got.len() < begun {
                assert_eq!(got.len() + 1, begun, "{end}");
                let told = refused(&output);
                let place = format!("at byte {}", capture.records[got.len()]);
                assert!(told.ends_with(&place) && told.contains("it ends within"), "{end}: {told}");
            } else if output.status.code() != Some(0) {
                assert!(refused(&output).contains(" at byte "), "{end}");
            }
        }
    }
}

#[test]
fn broken_lengths() {
    let mut capture = classic(false, false);
    let second = capture.records[1];
    capture.patch(second + 8, 0xffff_fff0);
    let output = print(&["-t"], &capture.bytes);
    assert_eq!(lines(&output), LINES[..1]);
    let told = refused(&output);
    assert!(
        told.contains("4294967280 bytes") && told.ends_with(&format!("at byte {second}")),
        "{told}"
    );
    let mut capture = sections();
    let second = capture.records[1];
    capture.section(true); // patches are in the byte order of the last section
    capture.patch(second + 4, 0x7fff_fffc);
    let output = print(&["-t"], &capture.bytes);
    assert_eq!(lines(&output), LINES[..1]);
    assert!(refused(&output).contains("a block cannot have 2147483644 bytes"));
}

#[test]
fn what_is_no_capture() {
    for (bytes, cause) in [
        (&b""[..], "it is empty at byte 0"),
        (b"\x1f\x8b\x08\x00\x00\x00\x00\x00", "gzip"),
        (b"\x00\x01\x02\x03\x04\x05\x06\x07\x08", "neither pcap nor pcapng"),
        (&Capture::pcap(false, false, 1).bytes[..23], "it ends within the file header: 23 of 24"),
    ] {
        let output = print(&[], bytes);
        assert!(output.stdout.is_empty());
        let told = refused(&output);
        assert!(told.contains("standard input") && told.contains(cause), "{told}");
    }
    let mut capture = Capture::pcap(false, false, 147);
    capture.packet(1, 1, b"what", 4);
    assert!(refused(&print(&[], &capture.bytes)).contains("link type 147"));
}

#[test]
fn hexadecimal_text() {
    let dump = printed(&["-t", "-x"], &classic(false, false).bytes).join("\n");
    let framed = printed(&["-t", "-XX"], &classic(false, false).bytes).join("\n");
    assert_eq!(printed(&[], dump.as_bytes()), LINES);
    assert_eq!(printed(&["--link", "ethernet"], framed.as_bytes()), LINES);
    let bare = [SYN, SYN_ACK, DATA].map(|text| text.replace(' ', "")).join("\n");
    assert_eq!(printed(&["-"], bare.as_bytes()), LINES);
    let spaced = format!("# three packets\n{SYN}\n\n0x{SYN_ACK} # the answer\r\n{DATA}");
    assert_eq!(printed(&["-"], spaced.as_bytes()), LINES);
    let output = print(&[], format!("{SYN}\n45 00 0g 28\n").as_bytes());
    assert_eq!(lines(&output), LINES[..1]);
    assert!(refused(&output).contains("standard input:2:8: 'g' is no hexadecimal digit"));
}

#[test]
fn what_is_not_ip() {
    let arp = unhex(
        "ffffffffffff 020000000001 0806 0001080006040001 020000000001 0a000001 000000000000 0a000002",
    );
    let mut capture = Capture::pcap(false, false, 1);
    capture.packet(1, 1, &arp, 42);
    capture.packet(1, 2, &arp[..9], 42);
    let got = printed(&["-t"], &capture.bytes);
    assert_eq!(got.len(), 2);
    assert_eq!(got[0], "ARP, length 28");
}

#[test]
fn nobody_reads() {
    let mut capture = Capture::pcap(false, false, 101);
    for _ in 0..20_000 {
        capture.packet(1, 1, &unhex(SYN), 44);
    }
    for arguments in [&["-t"][..], &["--json"], &["-l"]] {
        let mut child = Command::new(TOOL)
            .arg("print")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let bytes = capture.bytes.clone();
        let writer = std::thread::spawn(move || drop(stdin.write_all(&bytes)));
        child.stdout.take().unwrap().read_exact(&mut [0; 10]).unwrap();
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        assert_eq!((output.status.code(), said(&output)), (Some(0), String::new()));
    }
}
