//! Writes what libpcap hears on an interface to a file, by libpcap's own writer, until it is
//! killed: `dump INTERFACE FILE [FILTER]`.

#[cfg(unix)]
fn main() -> Result<(), pcap::Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [interface, file, rest @ ..] = arguments.as_slice() else {
        eprintln!("usage: dump INTERFACE FILE [FILTER]");
        std::process::exit(2);
    };
    let capture = pcap::Capture::from_device(interface.as_str())?;
    let mut capture = capture.immediate_mode(true).open()?;
    if let [filter, ..] = rest {
        capture.filter(filter, true)?;
    }
    let mut writer = capture.savefile(file)?;
    println!("listening on {interface}");
    loop {
        writer.write(&capture.next_packet()?);
        writer.flush()?;
    }
}

#[cfg(not(unix))]
fn main() {
    eprintln!("this needs libpcap");
}
