//! How long an answer takes. Ignored: it measures and asserts nothing.
//!
//! `cargo test --release -p tcpexposure-core --test respond_speed -- --ignored --nocapture`

mod respond_peer;

use std::hint::black_box;

use respond_peer::{V4, bytes, classic, data, draft, modern, one, see, send};
use tcpexposure_core::{
    craft::Draft,
    engine::{Engine, SLOT, Step},
    respond::Responder,
    time::Instant,
    wire::{packet::Packet, tcp::Seq},
};

const ROUNDS: u32 = 1_000_000;

#[test]
#[ignore = "a measurement"]
#[expect(clippy::disallowed_methods, reason = "it measures time")]
fn nanoseconds_per_answer() {
    let options = [
        2, 4, 2, 0, 8, 10, 0, 0xcf, 0x19, 0x74, 0, 0, 0, 0, 4, 2, 3, 3, 2, 1, 253, 12, 1, 2, 3, 4,
        5, 6, 7, 8, 9, 10,
    ];
    println!("Responder: {} bytes", size_of::<Responder>());
    for (name, make) in [("classic", classic as fn() -> Responder), ("modern", modern)] {
        let mut responder = make();
        let syn = Draft { options: &options, ..draft(V4) };
        let ack = Seq(see(&one(send(&mut responder, 0, &syn))).seq).add(1);
        let requests = [
            ("SYN", bytes(&syn)),
            ("data", bytes(&data(V4, ack, &[0x99; 512]))),
            ("report", bytes(&data(V4, ack, &[0xa1; 512]))),
            ("pure ACK", bytes(&data(V4, ack, b""))),
        ];
        for (kind, request) in requests {
            let mut slot = [0; SLOT];
            let begun = std::time::Instant::now();
            for _ in 0..ROUNDS {
                responder.handle(Instant::ZERO, &Packet::from_ip(black_box(&request)));
                while let Step::Send(length) = responder.poll(Instant::ZERO, &mut slot) {
                    black_box(&slot[..length]);
                }
            }
            println!("{name} {kind}: {} ns", begun.elapsed().as_nanos() / u128::from(ROUNDS));
        }
    }
}
