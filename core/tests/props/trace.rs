//! A trace: it ends whatever answers, asks the hops in their order, and places every change.

use std::net::IpAddr;

use arbitrary::{Arbitrary, Unstructured};
use tcpexposure_core::{
    trace::{Config, Event, Field, Fields, Hop, Reply, Trace, differences, locate, locate_loss},
    wire::packet::{Network, Packet},
};

use super::{
    craft,
    trial::{Answer, drive},
};

/// Takes what answers the copies in turn, and the packet.
pub(crate) fn body(data: &[u8]) {
    let mut data = Unstructured::new(data);
    let Ok(play) = Play::arbitrary(&mut data) else { return };
    let Ok(mut draft) = craft::draft(&mut data) else { return };
    draft.network = match draft.network {
        tcpexposure_core::craft::Network::V4(header) if play.plain => {
            tcpexposure_core::craft::Network::between(
                header.source.into(),
                header.destination.into(),
            )
            .unwrap_or(draft.network)
        }
        other => other,
    };
    if let Ok(bytes) = draft.write(&mut vec![0; draft.length()]) {
        same(&Packet::from_ip(bytes));
    }
    let config = Config {
        most: play.most % 20,
        tries: play.tries % 4,
        patience: play.patience % 6,
        connect: play.connect,
    };
    let Some(trace) = Trace::new(config, &draft) else { return };
    let hops = play.hops(trace, config);
    told(&hops);
    assert!(hops.len() < 256);
}

#[derive(Arbitrary, Debug)]
struct Play {
    most: u8,
    tries: u8,
    patience: u8,
    connect: bool,
    plain: bool,
    interrupt: Option<u8>,
    routers: Vec<Router>,
}

/// What happens to a copy.
#[derive(Arbitrary, Debug)]
enum Router {
    Silent,
    /// An error that quotes so many bytes, some of them changed.
    Quotes {
        kind: u8,
        code: u8,
        length: u8,
        changes: Vec<(u8, u8)>,
        from: u8,
    },
    Answers(Answer),
}

impl Play {
    fn hops(&self, mut trace: Trace, config: Config) -> Vec<Hop> {
        if self.interrupt == Some(0) {
            trace.interrupt();
        }
        let (mut turn, mut hops) = (self.routers.iter().cycle(), Vec::new());
        let answer = |_, sent: &[u8]| match turn.next() {
            None | Some(Router::Silent) => Vec::new(),
            Some(Router::Answers(answer)) => answer.clone().bounded().packets(sent),
            Some(Router::Quotes { kind, code, length, changes, from }) => {
                vec![error(sent, [*kind, *code, *from], (*length).into(), changes)]
            }
        };
        drive(&mut trace, answer, |event| match event {
            Event::Hop(hop) => {
                assert!(hop.ttl <= config.most.max(1), "{hop:?}");
                hops.push(hop);
            }
            Event::Unconnected => assert!(config.connect),
        });
        assert!(hops.is_sorted_by(|one, next| one.ttl < next.ttl), "{hops:?}");
        hops
    }
}

/// Makes an ICMP error of either version.
fn error(sent: &[u8], [kind, code, from]: [u8; 3], length: usize, changes: &[(u8, u8)]) -> Vec<u8> {
    let mut quote = sent[..length.min(sent.len())].to_vec();
    for (at, to) in changes.iter().take(4) {
        if let Some(byte) = quote.get_mut(usize::from(*at)) {
            *byte = *to;
        }
    }
    let packet = Packet::from_ip(sent);
    if let Network::V6(datagram) = packet.network {
        let size = u16::try_from(8 + quote.len()).unwrap().to_be_bytes();
        let mut bytes = vec![0x60, 0, 0, 0, size[0], size[1], 58, 64];
        bytes.extend([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, from]);
        bytes.extend(datagram.header.source().octets());
        bytes.extend([if kind & 1 == 0 { 3 } else { kind }, code, 0, 0, 0, 0, 0, 0]);
        return [bytes, quote].concat();
    }
    let size = u16::try_from(28 + quote.len()).unwrap().to_be_bytes();
    let mut bytes = vec![0x45, 0, size[0], size[1], 0, 0, 0, 0, 64, 1, 0, 0, 10, 0, 0, from];
    bytes.extend([192, 0, 2, 1, if kind & 1 == 0 { 11 } else { kind }, code, 0, 0, 0, 0, 0, 0]);
    [bytes, quote].concat()
}

/// What changed has a place or a reason, and a packet does not differ from itself.
fn told(hops: &[Hop]) {
    let (control, _) = hops.split_at(hops.len() / 2);
    assert!(!locate_loss(hops, control).to_string().is_empty());
    assert!(!locate_loss(control, hops).to_string().is_empty());
    for field in Fields::ALL.iter() {
        let place = locate(hops, field);
        assert!(!place.to_string().is_empty() && !field.word().is_empty());
        let changed = hops.iter().any(
            |hop| matches!(hop.reply, Reply::Quote { changed, .. } if changed.contains(field)),
        );
        let between = matches!(place, tcpexposure_core::trace::Place::Between(..));
        assert!(changed || !between, "{field:?}: {place:?} {hops:?}");
    }
    assert!(Fields::from(Field::Window).contains(Field::Window));
    for hop in hops {
        let from: Option<IpAddr> = hop.end().and_then(|end| end.address);
        assert!(from.is_none() || hop.reply != Reply::Silence);
    }
}

/// A packet does not differ from itself in anything.
fn same(packet: &Packet<'_>) {
    let (known, changed) = differences(packet, packet);
    assert!(changed.is_empty(), "{known:?} {changed:?}");
}
