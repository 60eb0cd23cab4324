//! Names are looked up beside the tests that are under way: each takes as long as it takes.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver, Sender},
    },
    thread,
    time::Duration,
};

use super::targets::Address;
use crate::exit::Failure;

/// What came of looking up an address.
pub(super) type Found = (Address, Result<SocketAddr, Failure>);

/// How a name is looked up.
type LookUp = fn(&Address) -> Result<SocketAddr, Failure>;

/// Looks up names in threads of its own, which end with the process.
pub(super) struct Resolver {
    look_up: LookUp,
    asked: Sender<Address>,
    names: Arc<Mutex<Receiver<Address>>>,
    answers: (Sender<Found>, Receiver<Found>),
    threads: usize,
    pending: usize,
}

impl Resolver {
    pub(super) fn new(look_up: LookUp) -> Self {
        let (asked, names) = mpsc::channel();
        let names = Arc::new(Mutex::new(names));
        Self { look_up, asked, names, answers: mpsc::channel(), threads: 0, pending: 0 }
    }

    /// Asks for an address. What is no name is found at once.
    pub(super) fn ask(&mut self, address: Address) {
        self.pending += 1;
        if address.is_literal() {
            let found = address.resolve();
            drop(self.answers.0.send((address, found)));
            return;
        }
        if self.threads < THREADS {
            self.threads += 1;
            self.start();
        }
        drop(self.asked.send(address));
    }

    /// Tells how many have been asked for and not been taken yet.
    pub(super) const fn pending(&self) -> usize {
        self.pending
    }

    /// Takes the next that was found, in no particular order; waits for one so long.
    pub(super) fn next(&mut self, patience: Duration) -> Option<Found> {
        let found = self.answers.1.recv_timeout(patience).ok()?;
        self.pending -= 1;
        Some(found)
    }

    fn start(&self) {
        let (names, answers) = (Arc::clone(&self.names), self.answers.0.clone());
        let look_up = self.look_up;
        thread::spawn(move || {
            loop {
                let next = names.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok(address) = next else { return };
                let found = look_up(&address);
                if answers.send((address, found)).is_err() {
                    return;
                }
            }
        });
    }
}

/// How many names are looked up at a time.
const THREADS: usize = 16;

#[cfg(test)]
mod tests {
    use super::{super::targets, *};

    /// Whoever looks up a slow name waits for it.
    static SLOW: Mutex<()> = Mutex::new(());

    fn look_up(address: &Address) -> Result<SocketAddr, Failure> {
        let slow = address.host == "slow";
        let _turn = slow.then(|| SLOW.lock().unwrap());
        Ok(SocketAddr::new([192, 0, 2, if slow { 1 } else { 2 }].into(), address.port()))
    }

    fn take(resolver: &mut Resolver) -> (String, bool) {
        let (address, result) = resolver.next(Duration::from_secs(600)).unwrap();
        (address.host, result.is_ok())
    }

    #[test]
    fn a_name_that_takes_long_keeps_no_other_waiting() {
        let hold = SLOW.lock().unwrap();
        let mut resolver = Resolver::new(look_up);
        let hosts = ["slow", "192.0.2.9", "quick", "2001:db8::1"].map(|host| host.parse().unwrap());
        targets::with_ports(&hosts, &[80]).into_iter().for_each(|address| resolver.ask(address));
        let mut others = [take(&mut resolver), take(&mut resolver), take(&mut resolver)];
        others.sort();
        assert_eq!(others.map(|(host, _)| host), ["192.0.2.9", "2001:db8::1", "quick"]);
        assert_eq!(resolver.pending(), 1);
        drop(hold);
        assert_eq!(take(&mut resolver), ("slow".to_owned(), true));
        assert_eq!(resolver.pending(), 0);
    }
}
