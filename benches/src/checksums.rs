//! The Internet checksum, by several ways, and the memory's bandwidth beside it.

use std::hint::black_box;

use tcpexposure_core::wire::checksum::Sum;

use crate::{
    race::{Race, Role},
    sys,
};

/// The sizes in bytes: a header, the usual packets, and the most that an IP packet holds.
pub const SIZES: [usize; 10] = [40, 64, 128, 256, 576, 1024, 1460, 4096, 9000, 65536];

/// Makes the races, one a size.
#[must_use]
pub fn races() -> Vec<Race> {
    SIZES.iter().map(|size| race(*size)).chain([bandwidth()]).collect()
}

fn race(size: usize) -> Race {
    let bytes: &'static [u8] = bytes(size);
    let mut race = Race::new("checksum", format!("{size} B"), 1, size as u64).with(
        "tcpexposure",
        Role::Ours,
        move || Sum::new().feed(black_box(bytes)).finish().into(),
    );
    if sys::available() {
        race = race.with("AVX2 by hand", Role::Reference, move || {
            (!fold(sys::sum(black_box(bytes)))).into()
        });
    }
    race.with("smoltcp", Role::Peer, move || {
        (!smoltcp::wire::checksum::data(black_box(bytes))).into()
    })
    .with("etherparse", Role::Peer, move || {
        let sum = etherparse::checksum::Sum16BitWords::new().add_slice(black_box(bytes));
        sum.ones_complement().to_be().into()
    })
    .with("pnet", Role::Peer, move || {
        // The word that is skipped lies behind the end.
        pnet_packet::util::checksum(black_box(bytes), usize::MAX).into()
    })
    .with("internet-checksum", Role::Peer, move || {
        u16::from_be_bytes(internet_checksum::checksum(black_box(bytes))).into()
    })
}

/// Reads memory that no cache holds: what no checksum can be faster than there.
fn bandwidth() -> Race {
    const SIZE: usize = 1 << 16;
    let bytes: &'static [u8] = bytes(SIZE);
    Race::new("read", format!("{SIZE} B"), 1, SIZE as u64).with(
        "plain sum",
        Role::Reference,
        move || {
            let (words, _) = black_box(bytes).as_chunks::<8>();
            words.iter().fold(0_u64, |sum, word| sum.wrapping_add(u64::from_ne_bytes(*word)))
        },
    )
}

/// Gives bytes that stay as long as the program runs.
fn bytes(size: usize) -> &'static [u8] {
    let mut random = fastrand::Rng::with_seed(size as u64);
    std::iter::repeat_with(|| random.u8(..)).take(size).collect::<Vec<_>>().leak()
}

/// Folds a sum of words in the machine's own order to one in network order.
fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    u16::from_be(sum as u16)
}
