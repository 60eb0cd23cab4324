//! Packets that are not as they should be, read and written back by us and by our peers.
//!
//! `docs/peers.md` holds what comes of it; `UPDATE=1` writes it anew.

#[path = "../../../core/tests/classes/mod.rs"]
mod classes;
mod disagreements;
mod reading;
mod round_trip;
mod table;

use std::{fs, panic, path::Path};

/// The document is what the tests find, and the tests find what is asserted of both sides.
#[test]
fn the_document_says_what_is_found() {
    panic::set_hook(Box::new(|_| {})); // those of the peers are counted, not printed
    let found =
        [HEAD.to_owned(), table::document(), round_trip::document(), disagreements::document()]
            .join("\n");
    drop(panic::take_hook());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/peers.md");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &found).unwrap();
    }
    let said = fs::read_to_string(&path).unwrap_or_default();
    let differs = said.lines().zip(found.lines()).find(|(said, found)| said != found);
    assert_eq!(differs, None, "`UPDATE=1 cargo test` writes what is now");
    assert_eq!(said.len(), found.len());
}

const HEAD: &str = "\
# Odd packets, and who reads them

What tcpexposure-core and three other libraries make of packets that are not as they should be. All of it is
asserted by `benches/tests/peers`, which writes this page; the packets are those of `core/tests/classes`.

Every reader is asked for ports, numbers, flags, window, the list of options, the length of the payload and whether
something is wrong with the options or the data offset, and is compared with a reader of its own that takes what
the captured bytes hold. For smoltcp the VLAN tags are taken off first; smoltcp and pnet have no walk over IPv6
extension headers, so they get one made of every header type that they offer. A packet is *usable* when the fixed
TCP header can be found in it.
";
