//! What the races rest on: equal answers, and no allocation where the core reads or writes.

use std::hint::black_box;

use tcpexposure_benches::{decode, jobs, trace::Trace};

/// A race is only put together when all who take part give the same.
#[test]
fn all_contenders_give_the_same() {
    let races = jobs::all();
    assert!(races.len() > 20);
    assert!(races.iter().all(|race| !race.contenders.is_empty()));
}

#[test]
fn the_core_and_both_references_read_all_kinds_alike() {
    for trace in Trace::all() {
        assert_eq!(jobs::wrong(&trace, decode::ours::read), 0, "{}", trace.name);
        assert_eq!(jobs::wrong(&trace, decode::reference::read), 0, "{}", trace.name);
    }
}

/// What the table says of the peers: these lose options of kinds that they do not know, or blocks.
#[test]
fn peers_that_lose_options_are_named() {
    let traces = Trace::all();
    let all = traces.iter().find(|trace| trace.name == "mixed, all kinds").unwrap();
    assert!(jobs::wrong(all, decode::etherparse::read) > 0);
    assert!(jobs::wrong(all, decode::smoltcp::read) > 0);
    assert_eq!(jobs::wrong(all, decode::pnet::read), 0);
}

#[test]
fn reading_a_packet_allocates_nothing() {
    for trace in Trace::all() {
        let count = allocation_counter::measure(|| {
            for frame in &trace.frames {
                black_box(decode::ours::read(black_box(frame)));
            }
        });
        assert_eq!(count.count_total, 0, "{}", trace.name);
    }
}

/// The counter counts: otherwise the test above could not fail.
#[test]
fn an_allocation_is_counted() {
    let count = allocation_counter::measure(|| drop(black_box(vec![0_u8; 100])));
    assert_eq!(count.count_total, 1);
}
