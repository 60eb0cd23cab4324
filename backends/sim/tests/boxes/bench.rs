//! A box on a bench.

use std::{net::IpAddr, time::Duration};

use tcpexposure_core::{
    craft::{Draft, Network, Payload},
    time::Instant,
    wire::{
        packet::Packet,
        tcp::{Flags, Seq},
    },
};
use tcpexposure_sim::{
    Direction::{self, Inbound, Outbound},
    Middlebox, Verdict, Visit, by_name,
};

/// A box, and the family that is spoken.
pub(crate) struct Bench {
    pub(crate) middlebox: Box<dyn Middlebox>,
    pub(crate) v6: bool,
    pub(crate) now: Instant,
}

/// Runs a test with a fresh box in each family.
pub(crate) fn both(name: &str, test: impl Fn(&mut Bench)) {
    for v6 in [false, true] {
        let middlebox = by_name(name).expect(name);
        test(&mut Bench { middlebox, v6, now: Instant::ZERO });
    }
}

impl Bench {
    /// Tells initiator and host.
    pub(crate) fn ends(&self) -> (IpAddr, IpAddr) {
        if self.v6 {
            let host = |last| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, last]);
            (host(1), host(2))
        } else {
            ([192, 0, 2, 1].into(), [198, 51, 100, 2].into())
        }
    }

    /// Tells the family's bare header of a packet that travels in `direction`.
    pub(crate) fn network(&self, direction: Direction) -> Network<'static> {
        let (initiator, host) = self.ends();
        match direction {
            Outbound => Network::between(initiator, host).unwrap(),
            Inbound => Network::between(host, initiator).unwrap(),
        }
    }

    /// Writes a draft with the addresses and ports of the bench; its own ports stay if it has any.
    pub(crate) fn write(&self, direction: Direction, draft: &Draft<'_>) -> Vec<u8> {
        let ports = match direction {
            Outbound => (INITIATOR, HOST),
            Inbound => (HOST, INITIATOR),
        };
        let ports = if draft.source_port == 0 {
            ports
        } else {
            (draft.source_port, draft.destination_port)
        };
        let own = draft.network != Draft::default().network;
        let network = if own { draft.network } else { self.network(direction) };
        let draft = Draft { network, source_port: ports.0, destination_port: ports.1, ..*draft };
        let mut buffer = vec![0; draft.length()];
        draft.write(&mut buffer).unwrap();
        buffer
    }

    /// Gives bytes to the box, and what leaves it.
    pub(crate) fn raw(
        &mut self,
        direction: Direction,
        packet: Vec<u8>,
    ) -> Vec<(Direction, Vec<u8>)> {
        let visit = Visit { now: self.now, direction, hop: 1 };
        let mut verdict = Verdict::default();
        self.middlebox.pass(visit, packet, &mut verdict);
        verdict.take()
    }

    /// Gives a segment to the box and checks what leaves it.
    #[track_caller]
    pub(crate) fn check(
        &mut self,
        direction: Direction,
        draft: Draft<'_>,
        expected: &[(Direction, Draft<'_>)],
    ) {
        let packet = self.write(direction, &draft);
        let left = self.raw(direction, packet);
        self.compare(left, expected);
    }

    /// Lets the box act by itself and checks what leaves it.
    #[track_caller]
    pub(crate) fn tick(&mut self, expected: &[(Direction, Draft<'_>)]) {
        self.now = self.middlebox.wake().expect("the box wants to act");
        let visit = Visit { now: self.now, direction: Outbound, hop: 1 };
        let mut verdict = Verdict::default();
        self.middlebox.tick(visit, &mut verdict);
        assert_eq!(self.middlebox.wake(), None);
        self.compare(verdict.take(), expected);
    }

    /// Checks that a segment passes as it is.
    #[track_caller]
    pub(crate) fn passes(&mut self, direction: Direction, draft: Draft<'_>) {
        self.check(direction, draft, &[(direction, draft)]);
    }

    /// Lets time pass.
    pub(crate) fn rest(&mut self, time: Duration) {
        self.now = self.now.after(time);
    }

    /// Checks that a segment goes nowhere, and nobody is told.
    #[track_caller]
    pub(crate) fn drops(&mut self, direction: Direction, draft: Draft<'_>) {
        self.check(direction, draft, &[]);
    }

    #[track_caller]
    fn compare(&self, left: Vec<(Direction, Vec<u8>)>, expected: &[(Direction, Draft<'_>)]) {
        let expected = expected
            .iter()
            .map(|(direction, draft)| (*direction, self.write(*direction, draft)))
            .collect::<Vec<_>>();
        assert_eq!(show(&left), show(&expected), "v6: {}", self.v6);
        assert_eq!(left, expected, "v6: {}", self.v6);
    }
}

/// Shows packets in a way that can be read.
pub(crate) fn show(packets: &[(Direction, Vec<u8>)]) -> String {
    packets.iter().fold(String::new(), |text, (direction, bytes)| {
        format!("{text}{direction:?} {:#?}\n", Draft::of(&Packet::from_ip(bytes)))
    })
}

/// Makes a SYN with the given options and payload.
pub(crate) fn syn<'a>(options: &'a [u8], payload: &'a [u8]) -> Draft<'a> {
    Draft {
        flags: Flags::SYN,
        seq: Seq(1000),
        options,
        payload: Payload::Bytes(payload),
        ..Draft::default()
    }
}

/// Makes the SYN-ACK that answers it.
pub(crate) fn syn_ack<'a>(options: &'a [u8], payload: &'a [u8]) -> Draft<'a> {
    Draft {
        flags: Flags::SYN.with(Flags::ACK),
        seq: Seq(5000),
        ack: Seq(1001),
        options,
        payload: Payload::Bytes(payload),
        ..Draft::default()
    }
}

/// Makes a segment with the ACK flag.
pub(crate) fn ack<'a>(seq: u32, ack: u32, options: &'a [u8], payload: &'a [u8]) -> Draft<'a> {
    Draft {
        flags: Flags::ACK,
        seq: Seq(seq),
        ack: Seq(ack),
        options,
        payload: Payload::Bytes(payload),
        ..Draft::default()
    }
}

/// Makes the initiator's data.
pub(crate) fn data(seq: u32, payload: &[u8]) -> Draft<'_> {
    ack(seq, 5001, &[], payload)
}

/// Makes a bare RST.
pub(crate) fn rst(seq: u32) -> Draft<'static> {
    Draft { flags: Flags::RST, seq: Seq(seq), window: 0, ..Draft::default() }
}

/// Makes a RST that acknowledges.
pub(crate) fn rst_ack(seq: u32, ack: u32) -> Draft<'static> {
    let flags = Flags::RST.with(Flags::ACK);
    Draft { flags, ack: Seq(ack), ..rst(seq) }
}

pub(crate) const INITIATOR: u16 = 20001;
pub(crate) const HOST: u16 = 34343;
/// MSS 512, an option of kind 253 of six bytes, SACK permitted.
pub(crate) const UNKNOWN: &[u8] = &[2, 4, 2, 0, 253, 6, 0xaa, 0xbb, 0x11, 0x22, 4, 2];
/// The option of the classic data segments.
pub(crate) const CLASSIC: &[u8] =
    &[31, 16, 0x12, 0x34, 0x56, 0x78, 0xab, 0xcd, 0xef, 0, 1, 0xf0, 0, 0, 0, 1];
/// Two NOPs and timestamps.
pub(crate) const STAMPS: &[u8] = &[1, 1, 8, 10, 0, 0, 0, 100, 0, 0, 0, 7];
