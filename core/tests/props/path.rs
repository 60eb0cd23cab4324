//! The suites and a responder, with a path between them that does what boxes do.

use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use tcpexposure_core::{
    craft::{Checksum, Draft, Network, Payload},
    experiment::{
        Config, Dialect, Event, Host, Outcome, Peer, Suite,
        modern::{Choice, Finding, Modern, ModernConfig, ModernEvent, by_name},
    },
    respond::{self, Responder, rate::Rate},
    time::Instant,
    wire::{
        options::{Item, Options},
        packet::Packet,
        tcp::{Flags, Seq},
    },
};

use super::{
    responder::respond_peer::{ask_bytes, classic, modern},
    trial::{config, drive},
};

/// Takes a suite, a responder, and what the path does.
pub(crate) fn body(data: &[u8]) {
    if let Ok(play) = Play::arbitrary(&mut Unstructured::new(data)) {
        play.run();
    }
}

#[derive(Arbitrary, Debug)]
pub(crate) struct Play {
    suite: u8,
    peer: u8,
    of_2011: bool,
    six: bool,
    http: bool,
    seed: u64,
    out: Way,
    back: Way,
}

/// One direction of the path.
#[derive(Arbitrary, Debug)]
struct Way {
    /// What is added to the sequence numbers, and taken off the other way's acknowledgements.
    shift: u32,
    /// What is done to the packets in turn.
    changes: Vec<Change>,
}

/// What a box does to a packet.
#[derive(Arbitrary, Clone, Debug)]
enum Change {
    Nothing,
    Drop,
    Twice,
    /// Options of a kind are overwritten by NOPs.
    Without(u8),
    /// Options of a kind are taken off every packet but SYNs.
    WithoutLater(u8),
    Options(Vec<u8>),
    Bare,
    /// A byte of the options of a kind is another.
    Data(u8, u8),
    Flags(u16),
    Window(u16),
    Class(u8),
    Cut(u8),
    Payload(Vec<u8>),
    Split(u8),
    Resegment(u16),
    Reset,
    Acknowledge,
    Checksum,
    Byte(u8, u8),
}

impl Play {
    fn run(&self) {
        let mut responder = if self.of_2011 { classic() } else { modern() };
        if self.peer >= 192 {
            let rate = Some(Rate { per_second: self.peer.into(), burst: 40 });
            responder = Responder::new(respond::Config { rate, ..responder.config().clone() });
        }
        let peer = [Peer::Unknown, Peer::Responder, Peer::Server][usize::from(self.peer % 3)];
        let dialect = match self.suite % 4 {
            0 => Dialect::Classic { faithful: true },
            1 => Dialect::Classic { faithful: false },
            _ => Dialect::Modern43,
        };
        let mut config = Config { peer, ..config(dialect, peer, self.seed) };
        if self.six {
            config.target = [0x2001, 0xdb8, 1, 0, 0, 0, 0, 2].into();
            config.source = [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1].into();
        }
        if self.http {
            config.http = Host::try_from("example.org").ok();
        }
        if self.suite % 4 == 3 {
            self.today(&config, &mut responder);
        } else {
            self.classic(config, &mut responder);
        }
    }

    /// The packets come through as they are.
    fn is_clean(&self) -> bool {
        self.out.is_clean()
            && self.back.is_clean()
            && !self.of_2011
            && self.peer < 192
            && self.peer % 3 < 2
    }

    /// Where nothing is done to packets, everything arrives.
    fn classic(&self, config: Config, responder: &mut Responder) {
        let clean = self.is_clean() && config.dialect == Dialect::Modern43;
        let mut said = 0;
        drive(&mut Suite::<4>::new(config), self.path(responder), |event| {
            if let Event::Verdict(verdict) = event {
                said += 1;
                let code = verdict.code;
                assert!(!clean || code.outcome == Outcome::Passed, "{}", verdict.entry.name());
                assert!(!code.sentence.is_empty() && !code.outcome.word().is_empty());
                assert!(!format!("{:?}", code.direction.word()).is_empty());
            }
        });
        assert!(said > 0);
    }

    fn today(&self, config: &Config, responder: &mut Responder) {
        let suite = ModernConfig {
            target: config.target,
            port: config.port,
            source: config.source,
            ports: config.ports,
            rows: Choice::ALL,
            peer: config.peer,
            http: self.http,
            idle: Duration::from_secs(1),
            seed: self.seed,
        };
        let clean = self.is_clean();
        drive(&mut Modern::<4>::new(suite), self.path(responder), |event| {
            if let ModernEvent::Finding(finding) = event {
                assert!(!clean || fine(finding.outcome), "{finding:?}");
                told(&finding);
            }
        });
    }

    /// Makes what answers a packet at a time.
    fn path<'a>(
        &'a self,
        responder: &'a mut Responder,
    ) -> impl FnMut(Instant, &[u8]) -> Vec<Vec<u8>> {
        let (mut out, mut back) =
            (self.out.changes.iter().cycle(), self.back.changes.iter().cycle());
        let (there, here) = (self.out.shift, self.back.shift);
        move |now, sent| {
            let mut answers = Vec::new();
            let mut arrive = |sent: &[u8], answers: &mut Vec<Vec<u8>>| {
                let sent = shifted(sent, there, here);
                for answer in ask_bytes(responder, now.as_nanos(), &sent) {
                    let answer = shifted(&answer, here.wrapping_neg(), there.wrapping_neg());
                    let change = back.next().unwrap_or(&Change::Nothing);
                    answers.extend(change.done_to(&answer).0);
                }
            };
            let change = out.next().unwrap_or(&Change::Nothing);
            let (on, returned) = change.done_to(sent);
            for bytes in on {
                arrive(&bytes, &mut answers);
            }
            answers.extend(returned);
            answers
        }
    }
}

fn fine(outcome: Outcome) -> bool {
    // What a family lacks, and what only a server can tell, is undetermined.
    matches!(outcome, Outcome::Passed | Outcome::Undetermined)
}

/// Every finding can be told.
fn told(finding: &Finding) {
    let (mut id, mut sentence) = (String::new(), String::new());
    finding.write_id(&mut id).unwrap();
    finding.write_sentence(&mut sentence).unwrap();
    assert_eq!(by_name(finding.row.name).map(|row| row.id), Some(finding.row.id));
    assert!(id.starts_with(finding.row.id) && sentence.ends_with('.'), "{id} {sentence}");
}

impl Way {
    fn is_clean(&self) -> bool {
        self.shift == 0 && self.changes.iter().all(|one| matches!(one, Change::Nothing))
    }
}

/// Takes `there` to the sequence number and takes `here` off the acknowledgement number.
fn shifted(bytes: &[u8], there: u32, here: u32) -> Vec<u8> {
    if (there, here) == (0, 0) {
        return bytes.to_vec();
    }
    mended(bytes, |draft| {
        draft.seq = Seq(draft.seq.0.wrapping_add(there));
        if draft.flags.contains(Flags::ACK) {
            draft.ack = Seq(draft.ack.0.wrapping_sub(here));
        }
    })
}

/// Changes a packet and mends its lengths and checksums.
fn mended<'a>(bytes: &'a [u8], change: impl FnOnce(&mut Draft<'a>)) -> Vec<u8> {
    let packet = Packet::from_ip(bytes);
    let Some(mut draft) = Draft::of(&packet) else {
        return bytes.to_vec();
    };
    draft.checksum = Checksum::Computed;
    draft.data_offset = None;
    match &mut draft.network {
        Network::V4(header) => {
            header.checksum = Checksum::Computed;
            header.total_length = None;
        }
        Network::V6(header) => header.payload_length = None,
    }
    change(&mut draft);
    let mut slot = [0; 3000];
    draft.write(&mut slot).map_or_else(|_| bytes.to_vec(), <[u8]>::to_vec)
}

impl Change {
    /// Gives what goes on, and what goes back.
    fn done_to(&self, bytes: &[u8]) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
        let packet = Packet::from_ip(bytes);
        let Some(tcp) = packet.tcp() else {
            return (vec![bytes.to_vec()], vec![]);
        };
        let one = |bytes| (vec![bytes], vec![]);
        let syn = tcp.header.flags().contains(Flags::SYN);
        match self {
            Self::Nothing => one(bytes.to_vec()),
            Self::Drop => (vec![], vec![]),
            Self::Twice => (vec![bytes.to_vec(); 2], vec![]),
            Self::WithoutLater(_) if syn => one(bytes.to_vec()),
            Self::Without(kind) | Self::WithoutLater(kind) => {
                let options = without(tcp.options, *kind);
                one(mended(bytes, |draft| draft.options = &options))
            }
            Self::Options(options) => {
                one(mended(bytes, |draft| draft.options = &options[..options.len().min(40)]))
            }
            Self::Bare => one(mended(bytes, |draft| draft.options = &[])),
            Self::Data(kind, to) => {
                let options = with(tcp.options, *kind, *to);
                one(mended(bytes, |draft| draft.options = &options))
            }
            Self::Flags(flags) => {
                one(mended(bytes, |draft| draft.flags = Flags::from_bits(*flags)))
            }
            Self::Window(window) => one(mended(bytes, |draft| draft.window = *window)),
            Self::Class(class) => one(mended(bytes, |draft| match &mut draft.network {
                Network::V4(header) => header.tos = *class,
                Network::V6(header) => header.traffic_class = *class,
            })),
            Self::Cut(length) => {
                let payload = &tcp.payload[..tcp.payload.len().min((*length).into())];
                one(mended(bytes, |draft| draft.payload = Payload::Bytes(payload)))
            }
            Self::Payload(payload) => {
                let payload = &payload[..payload.len().min(1000)];
                one(mended(bytes, |draft| draft.payload = Payload::Bytes(payload)))
            }
            Self::Split(at) => (split(bytes, tcp.payload, usize::from(*at) + 1), vec![]),
            Self::Resegment(at) => (split(bytes, tcp.payload, usize::from(*at) + 1), vec![]),
            Self::Reset => (vec![], vec![reply(&packet, Flags::RST.with(Flags::ACK))]),
            Self::Acknowledge => {
                let flags = if syn { Flags::SYN.with(Flags::ACK) } else { Flags::ACK };
                (vec![bytes.to_vec()], vec![reply(&packet, flags)])
            }
            Self::Checksum => one(mended(bytes, |draft| draft.checksum = Checksum::Bad)),
            Self::Byte(at, to) => {
                let mut bytes = bytes.to_vec();
                let at = usize::from(*at) % bytes.len();
                bytes[at] = *to;
                one(mended(&bytes, |_| ()))
            }
        }
    }
}

/// Overwrites the options of a kind by NOPs.
fn without(options: Options<'_>, kind: u8) -> Vec<u8> {
    edited(options, |item, bytes| {
        if item.kind() == Some(kind) {
            bytes.fill(1);
        }
    })
}

/// Overwrites the data of the options of a kind.
fn with(options: Options<'_>, kind: u8, to: u8) -> Vec<u8> {
    edited(options, |item, bytes| {
        if matches!(item, Item::Option { .. }) && item.kind() == Some(kind) {
            bytes[2..].fill(to);
        }
    })
}

fn edited(options: Options<'_>, edit: impl Fn(Item<'_>, &mut [u8])) -> Vec<u8> {
    let (mut bytes, mut at) = (options.bytes().to_vec(), 0);
    for item in options {
        let length = match item {
            Item::End | Item::Nop => 1,
            Item::Option { data, .. } => data.len() + 2,
            Item::Malformed { rest } | Item::Trailing(rest) => rest.len(),
        };
        edit(item, &mut bytes[at..at + length]);
        at += length;
    }
    bytes
}

/// Cuts a segment into two.
fn split(bytes: &[u8], payload: &[u8], at: usize) -> Vec<Vec<u8>> {
    if at >= payload.len() {
        return vec![bytes.to_vec()];
    }
    let (first, second) = payload.split_at(at);
    let later = u32::try_from(at).unwrap();
    vec![
        mended(bytes, |draft| draft.payload = Payload::Bytes(first)),
        mended(bytes, |draft| {
            draft.seq = draft.seq.add(later);
            draft.payload = Payload::Bytes(second);
        }),
    ]
}

/// What a box says in the target's place.
fn reply(packet: &Packet<'_>, flags: Flags) -> Vec<u8> {
    let tcp = packet.tcp().unwrap();
    let (source, target) = packet.addresses().unwrap();
    let draft = Draft {
        network: Network::between(target, source).unwrap(),
        source_port: tcp.header.destination_port(),
        destination_port: tcp.header.source_port(),
        seq: tcp.header.ack(),
        ack: tcp.end(),
        flags,
        window: 1000,
        ..Draft::default()
    };
    draft.write(&mut [0; 100]).unwrap().to_vec()
}
