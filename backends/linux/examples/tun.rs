//! The responder behind a device of smoltcp, here a TUN device: what an embedder of the core writes
//! around an engine. `cargo run -p tcpexposure-linux --example tun -- DEVICE [PORT]`, with
//! CAP_NET_ADMIN; then give the device an address, and connect to any other one of its network:
//!
//! ```text
//! ip address add 10.7.0.1/24 dev DEVICE && ip link set DEVICE up && nc 10.7.0.2 34343
//! ```

#[cfg(target_os = "linux")]
mod tun {
    use std::{env, error::Error, fs::File, io::Read as _, os::fd::AsRawFd as _};

    use smoltcp::{
        phy::{Device, Medium, RxToken as _, TunTapInterface, TxToken as _, wait},
        time::Instant as Clock,
    };
    use tcpexposure_core::{
        engine::{Engine, SLOT, Step},
        respond::{Config, Ports, Responder, siphash::Key},
        time::Instant,
        wire::packet::Packet,
    };

    pub(super) fn run() -> Result<(), Box<dyn Error>> {
        let mut arguments = env::args().skip(1);
        let name = arguments.next().ok_or("which device?")?;
        let port = arguments.next().map_or(Ok(34343), |port| port.parse())?;
        let mut key = [0; 16];
        File::open("/dev/urandom")?.read_exact(&mut key)?;
        let ports = Ports::new(&[port]).ok_or("one port is not too many")?;
        let mut responder = Responder::new(Config::modern(ports, Key::new(key)));
        let mut device = TunTapInterface::new(&name, Medium::Ip)?;
        println!("answering behind {name}");
        loop {
            poll(&mut responder, &mut device, Clock::now());
            wait(device.as_raw_fd(), None)?;
        }
    }

    /// Hands over what has come and sends what is answered, until there is no more.
    fn poll(engine: &mut impl Engine, device: &mut impl Device, clock: Clock) {
        let now = Instant::from_nanos(clock.total_micros().unsigned_abs() * 1000);
        let mut slot = [0; SLOT];
        while receive(engine, device, clock, now) {
            while let Step::Send(length) = engine.poll(now, &mut slot) {
                let Some(room) = device.transmit(clock) else {
                    return;
                };
                room.consume(length, |room| room.copy_from_slice(&slot[..length]));
            }
        }
    }

    /// Hands over one packet; false when there is none.
    fn receive(
        engine: &mut impl Engine,
        device: &mut impl Device,
        clock: Clock,
        now: Instant,
    ) -> bool {
        let Some((frame, _)) = device.receive(clock) else {
            return false;
        };
        frame.consume(|bytes| engine.handle(now, &Packet::from_ip(bytes)));
        true
    }
}

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    tun::run()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("TUN devices of this kind are Linux's");
}
