//! Ports of ours on which the kernel is kept silent.

use std::ops::RangeInclusive;

use crate::exit::Failure;

/// Ports that are ours for as long as this value lives.
#[derive(Debug)]
pub(crate) struct Guards {
    first: u16,
    count: u16,
    held: held::Held,
}

impl Guards {
    /// Takes no port: nobody answers in our stead on a simulated path.
    pub(crate) fn unneeded(first: u16, count: u16) -> Self {
        Self { first, count, held: held::Held::default() }
    }

    /// Takes one port, any free one if none is named.
    pub(crate) fn one(port: Option<u16>) -> Result<Self, Failure> {
        let (held, first) = held::one(port)?;
        Ok(Self { first, count: 1, held })
    }

    /// Takes `count` ports that follow each other.
    pub(crate) fn range(count: u16) -> Result<Self, Failure> {
        let (held, first) = held::range(count)?;
        Ok(Self { first, count, held })
    }

    /// Takes all of these ports, to serve on them.
    pub(crate) fn each(ports: &[u16]) -> Result<Self, Failure> {
        let held = held::each(ports)?;
        let count = u16::try_from(ports.len()).unwrap_or(u16::MAX);
        Ok(Self { first: ports.first().copied().unwrap_or(0), count, held })
    }

    /// Tells the first port.
    pub(crate) const fn first(&self) -> u16 {
        self.first
    }

    /// Tells how many ports there are.
    pub(crate) const fn count(&self) -> u16 {
        self.count
    }

    /// Tells the range.
    pub(crate) fn ports(&self) -> RangeInclusive<u16> {
        self.first..=self.first.saturating_add(self.count.saturating_sub(1))
    }

    /// Tells in words how far the kernel is kept silent.
    pub(crate) fn description(&self) -> String {
        let gap = self.held.gap(self.ports());
        match self.count {
            1 => format!("our kernel is kept silent on port {}{gap}", self.first),
            _ => {
                let (first, last) = self.ports().into_inner();
                format!("our kernel is kept silent on ports {first} to {last}{gap}")
            }
        }
    }
}

mod held {
    use std::ops::RangeInclusive;

    #[cfg(not(target_os = "linux"))]
    use tcpexposure_bpf::live::Guard;
    use tcpexposure_link::{Cause, Error};
    #[cfg(target_os = "linux")]
    use tcpexposure_linux::Guard;

    use crate::exit::{Exit, Failure, setcap_ports};

    /// What keeps the ports.
    #[derive(Debug, Default)]
    pub(super) struct Held(Vec<Guard>);

    impl Held {
        /// Tells in words towards whom the kernel is not silent on these ports.
        #[cfg(target_os = "linux")]
        pub(super) fn gap(&self, _: RangeInclusive<u16>) -> String {
            let complete = self.0.iter().all(Guard::filtered);
            if complete { String::new() } else { NEAR.to_owned() }
        }

        /// Tells in words towards whom the kernel is not silent on these ports.
        #[cfg(not(target_os = "linux"))]
        pub(super) fn gap(&self, ports: RangeInclusive<u16>) -> String {
            if self.0.is_empty() {
                return String::new();
            }
            let system = tcpexposure_bpf::live::system();
            match system.silencing_rule(*ports.start(), *ports.end()) {
                Some(rule) => format!("{NEAR}, and as far as this rule goes: {rule}"),
                None => NEAR.to_owned(),
            }
        }
    }

    pub(super) fn one(port: Option<u16>) -> Result<(Held, u16), Failure> {
        let guard = Guard::new(port)?;
        let port = guard.port();
        Ok((Held(vec![guard]), port))
    }

    /// Looks for ports that follow each other, from a place that the kernel chooses.
    pub(super) fn range(count: u16) -> Result<(Held, u16), Failure> {
        let start = Guard::new(None)?.port();
        let mut first = LOWEST + start % (HIGHEST - LOWEST);
        let mut guards: Vec<Guard> = Vec::new();
        for _ in 0..TRIES {
            let taken = u16::try_from(guards.len()).unwrap_or(u16::MAX);
            if taken >= count {
                return Ok((Held(guards), first));
            }
            match first.checked_add(taken).filter(|port| *port < HIGHEST) {
                None => (first, guards) = (LOWEST, Vec::new()),
                Some(port) => match Guard::new(Some(port)) {
                    Ok(guard) => guards.push(guard),
                    Err(Error { cause: Cause::Unsupported(_), .. }) => {
                        (first, guards) = (port + 1, Vec::new());
                    }
                    Err(error) => return Err(error.into()),
                },
            }
        }
        let message = format!("cannot find {count} free source ports that follow each other");
        Err(Failure::new(Exit::Usage, message).hint("end other programs that hold many ports"))
    }

    pub(super) fn each(ports: &[u16]) -> Result<Held, Failure> {
        let guard = |port: &u16| Guard::new(Some(*port)).map_err(refused);
        ports.iter().map(guard).collect::<Result<_, _>>().map(Held)
    }

    /// Tells what to do about a port on which one may not listen.
    fn refused(error: Error) -> Failure {
        let message = error.to_string();
        match error.cause {
            Cause::Privilege => Failure::new(Exit::Privilege, message).hint(setcap_ports()),
            Cause::Unsupported(_) => Failure::new(Exit::Usage, message)
                .hint("name other ports with --port, or end that program"),
            _ => error.into(),
        }
    }

    /// Those towards whom only a filter keeps the kernel silent.
    const NEAR: &str = ", but for peers on the link with TTL 255";
    /// The lowest port to take: above those of most servers.
    const LOWEST: u16 = 10_000;
    /// The end of the ports to take: below those that Linux gives to connections.
    const HIGHEST: u16 = 32_000;
    /// How many ports to try.
    const TRIES: u32 = 50_000;
}
