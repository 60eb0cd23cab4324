//! The bodies of the property tests. A body takes what a generator or a fuzzer gives it and panics
//! if the property does not hold.

use tcpexposure_bpf::{
    interface::{Entry, Interface},
    route::{Route, message},
    sockaddr,
    system::{ALL, System},
};

/// A body: it takes the bytes that a fuzzer makes.
pub(crate) type Body = fn(&[u8]);

/// The bodies by the names of their fuzz targets, which are those of their corpora too.
pub(crate) const BODIES: &[(&str, Body)] = &[("bpf_messages", messages), ("bpf_records", records)];

/// Gives `data` to the body of that name.
pub(crate) fn run(name: &str, data: &[u8]) {
    let (_, body) = BODIES.iter().find(|(known, _)| *known == name).expect("the name of a body");
    body(data);
}

/// Takes a system (one byte) and what was read from its BPF device.
fn records(data: &[u8]) {
    let Some((system, buffer)) = system(data) else { return };
    let mut end = 0;
    for record in system.record.walk(buffer) {
        // The kernel's header, the frame and its padding follow each other, within the buffer.
        assert!(record.at.start >= end + system.record.lengths_at() + 10);
        assert!(record.at.end <= record.next && record.next <= buffer.len());
        assert!(record.wire_len >= record.at.len());
        assert!(record.next % system.record.align == 0 || record.next == buffer.len());
        assert!(buffer.get(record.at.clone()).is_some());
        end = record.next;
    }
}

/// Takes a system (one byte) and what was read from its routing socket.
fn messages(data: &[u8]) {
    let Some((system, buffer)) = system(data) else { return };
    let interface = Interface { index: 3, mtu: 1500, ..Interface::default() };
    let target = [192, 0, 2, 1].into();
    for message in message::walk(system, buffer) {
        let (destination, gateway) = (message.destination(), message.gateway());
        assert!(gateway.is_none() || message.neighbour().is_none());
        let _ = (message.answers(7, 1), message.has(1), message.source(), message.interface());
        if let Ok(route) = Route::read(system, target, &message, std::slice::from_ref(&interface)) {
            assert!(route.mtu <= 1500 && message.error() == 0);
            assert!(route.next_hop() == target || Some(route.next_hop()) == gateway);
        }
        if let Some(address) = destination {
            let written = sockaddr::write(system, address);
            assert_eq!(sockaddr::ip(system, &written), Some(address));
        }
    }
    let mut rest = buffer;
    while let Some((address, more)) = sockaddr::split(system, rest) {
        assert!(more.len() < rest.len());
        let entry = Entry { address: address.to_vec(), mask: address.to_vec(), ..Entry::default() };
        assert_eq!(Interface::gather(system, &[entry]).len(), 1);
        rest = more;
    }
}

fn system(data: &[u8]) -> Option<(&'static System, &[u8])> {
    let (first, rest) = data.split_first()?;
    Some((ALL[usize::from(*first) % ALL.len()], rest))
}
