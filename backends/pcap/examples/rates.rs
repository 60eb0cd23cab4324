//! How many packets a second a link sends, or hears, by our own packet socket and by libpcap:
//! `rates send|hear linux|pcap INTERFACE NEXT-HOP MAC SECONDS`, see benches/pcap.sh.

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("this compares with packet sockets, which only Linux has");
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{env, error::Error, net::IpAddr, time::Duration};

    use tcpexposure_link::{Link, frame::Macs};
    use tcpexposure_linux::{Backend, Interface};

    pub(super) fn main() -> Result<(), Box<dyn Error>> {
        let arguments: Vec<String> = env::args().skip(1).collect();
        let [what, way, interface, hop, mac, seconds] = arguments.as_slice() else {
            return Err("rates send|hear linux|pcap INTERFACE NEXT-HOP MAC SECONDS".into());
        };
        let mut link = open(way, interface, hop.parse()?, read_mac(mac)?)?;
        let span = Duration::from_secs_f64(seconds.parse()?);
        let count = match what.as_str() {
            "send" => send(link.as_mut(), span)?,
            _ => hear(link.as_mut(), span)?,
        };
        println!("{:.0}", count as f64 / span.as_secs_f64());
        eprintln!("{:?}", link.statistics()?);
        Ok(())
    }

    fn open(
        way: &str,
        interface: &str,
        hop: IpAddr,
        mac: [u8; 6],
    ) -> Result<Box<dyn Link>, Box<dyn Error>> {
        if way == "linux" {
            let options = tcpexposure_linux::Options {
                interface: Some(interface.to_owned()),
                backend: Backend::Packet,
                gateway_mac: Some(mac),
                ..tcpexposure_linux::Options::default()
            };
            return Ok(Box::new(tcpexposure_linux::open(hop, &options)?));
        }
        let own = Interface::named(interface)?.mac.ok_or("it has no hardware address")?;
        let macs = Some(Macs { destination: mac, source: own });
        let options = tcpexposure_pcap::Options { macs, ..tcpexposure_pcap::Options::default() };
        Ok(Box::new(tcpexposure_pcap::open(interface, &options)?))
    }

    /// Sends SYNs until the time is up, and tells how many.
    fn send(link: &mut dyn Link, span: Duration) -> Result<u64, Box<dyn Error>> {
        let end = link.now().after(span);
        let mut count = 0;
        while link.now() < end {
            for _ in 0..64 {
                link.slot()?[..SYN.len()].copy_from_slice(&SYN);
                link.commit(SYN.len())?;
                count += 1;
            }
            link.flush()?;
        }
        Ok(count)
    }

    /// Hears until the time is up, and tells how many frames.
    fn hear(link: &mut dyn Link, span: Duration) -> Result<u64, Box<dyn Error>> {
        let end = link.now().after(span);
        let mut count = 0;
        while let Some(frame) = link.recv(end)? {
            count += u64::from(frame.time <= end);
            if frame.time > end {
                break;
            }
        }
        Ok(count)
    }

    fn read_mac(text: &str) -> Result<[u8; 6], Box<dyn Error>> {
        let bytes: Result<Vec<u8>, _> =
            text.split(':').map(|byte| u8::from_str_radix(byte, 16)).collect();
        Ok(bytes?.try_into().map_err(|_| "a hardware address has six bytes")?)
    }

    /// A SYN from 10.99.0.1 to 10.99.0.2, port 80.
    const SYN: [u8; 40] = [
        0x45, 0, 0, 40, 0, 7, 0x40, 0, 64, 6, 0x65, 0xf1, 10, 99, 0, 1, 10, 99, 0, 2, //
        0x9c, 0x40, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xfa, 0xf0, 0, 0, 0, 0,
    ];
}
