//! All races.

use std::hint::black_box;

use crate::{
    checksums,
    decode::{self, Decode, DecodeOptions},
    engines,
    race::{Race, Role},
    scanning,
    trace::{self, Trace},
};

/// Makes all races, in the order of the table.
#[must_use]
pub fn all() -> Vec<Race> {
    let mut races: Vec<Race> = Trace::all().into_iter().map(parse).collect();
    races.extend(trace::blocks().into_iter().map(|(name, block)| options(name, block)));
    races.extend(checksums::races());
    races.extend(engines::races());
    races.extend(scanning::races());
    races
}

/// From an Ethernet frame to all fields and options.
fn parse(trace: Trace) -> Race {
    let trace: &'static Trace = Box::leak(Box::new(trace));
    let mut race = Race::new("parse", trace.name, trace.frames.len() as u64, trace.bytes());
    /// A macro, so that every decoder is inlined into a loop of its own.
    macro_rules! enter {
        ($name:literal, $role:ident, $read:path) => {
            match wrong(trace, $read) {
                0 => {
                    race = race.with($name, Role::$role, move || {
                        let frames = black_box(&trace.frames[..]);
                        frames.iter().fold(0, |sum: u64, frame| {
                            sum.wrapping_add($read(frame).map_or(0, |found| found.digest()))
                        })
                    });
                }
                count => race.unfit.push(($name, count, trace.frames.len())),
            }
        };
    }
    enter!("tcpexposure", Ours, decode::ours::read);
    enter!("reference", Reference, decode::reference::read);
    enter!("reference, no short cuts", Reference, decode::reference::read_generic);
    enter!("pnet", Peer, decode::pnet::read);
    enter!("etherparse, slices", Peer, decode::etherparse::read);
    enter!("etherparse, packet", Peer, decode::etherparse::read_sliced);
    enter!("smoltcp", Peer, decode::smoltcp::read);
    race
}

/// From a block of options to all of them.
fn options(name: &'static str, block: Vec<u8>) -> Race {
    let block: &'static [u8] = block.leak();
    let mut race = Race::new("options", name, 1, block.len() as u64);
    let right = decode::reference::options_generic(block);
    macro_rules! enter {
        ($name:literal, $role:ident, $read:path) => {
            let read: DecodeOptions = $read;
            if read(block) == right {
                race = race.with($name, Role::$role, move || $read(black_box(block)).digest());
            } else {
                race.unfit.push(($name, 1, 1));
            }
        };
    }
    enter!("tcpexposure", Ours, decode::ours::options);
    enter!("tcpexposure, typed", Ours, decode::ours::options_typed);
    enter!("reference", Reference, decode::reference::options);
    enter!("reference, no short cuts", Reference, decode::reference::options_generic);
    enter!("pnet", Peer, decode::pnet::options);
    enter!("etherparse", Peer, decode::etherparse::options);
    enter!("smoltcp", Peer, decode::smoltcp::options);
    race
}

/// Tells how many frames of a trace a decoder reads otherwise than the reference without short
/// cuts does.
#[must_use]
pub fn wrong(trace: &Trace, read: Decode) -> usize {
    let right = |frame: &&Vec<u8>| read(frame) != decode::reference::read_generic(frame);
    trace.frames.iter().filter(right).count()
}
