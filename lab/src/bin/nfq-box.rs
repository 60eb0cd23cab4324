//! A middlebox in user space: reads the packets of NFQUEUE 0 and follows one policy.
//!
//! `nfq-box POLICY`, where the policies are those of `policy`. Only the packets that a rule sends
//! to the queue are touched; the rules of `boxes.rs` send what the client sends. It is an oracle
//! for the tests, so it shares no code with what it tests.
#![forbid(unsafe_code)]

#[cfg(target_os = "linux")]
fn main() -> std::io::Result<()> {
    let name = std::env::args().nth(1).unwrap_or_default();
    let Some(policy) = policy::named(&name) else {
        return Err(std::io::Error::other(format!("no such policy: {name:?}")));
    };
    let mut flows = policy::Flows::default();
    let mut queue = nfq::Queue::open()?;
    queue.bind(0)?;
    loop {
        let mut message = queue.recv()?;
        let verdict = match segment::Segment::parse(message.get_payload()) {
            None => policy::Verdict::Pass,
            Some(segment) => policy(&segment, &mut flows),
        };
        message.set_verdict(match verdict {
            policy::Verdict::Drop => nfq::Verdict::Drop,
            _ => nfq::Verdict::Accept,
        });
        match verdict {
            policy::Verdict::Replace(bytes) => message.set_payload(bytes),
            policy::Verdict::Mark => message.set_nfmark(1),
            policy::Verdict::Pass | policy::Verdict::Drop => {}
        }
        queue.verdict(message)?;
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {}

/// What is done with a segment.
#[cfg(target_os = "linux")]
mod policy {
    use std::collections::HashMap;

    use super::segment::Segment;

    /// What becomes of a packet.
    pub(crate) enum Verdict {
        Pass,
        Drop,
        /// It gets the mark 1, for the rules that come after.
        Mark,
        Replace(Vec<u8>),
    }

    /// What is remembered of one direction of a connection.
    #[derive(Default)]
    pub(crate) struct Flow {
        /// The first copy of every byte, by its sequence number.
        bytes: HashMap<u32, u8>,
        /// The sequence number after everything that came without a hole.
        next: Option<u32>,
    }

    /// All directions of all connections.
    #[derive(Default)]
    pub(crate) struct Flows(HashMap<Vec<u8>, Flow>);

    pub(crate) type Policy = fn(&Segment<'_>, &mut Flows) -> Verdict;

    pub(crate) fn named(name: &str) -> Option<Policy> {
        Some(match name {
            "retransmission-first" => retransmission_first,
            "retransmission-drop" => retransmission_drop,
            "retransmission-mark" => retransmission_mark,
            "hole-drop" => hole_drop,
            "ack-hole-drop" => ack_hole_drop,
            "ack-hole-rewrite" => ack_hole_rewrite,
            "syn-data-strip" => syn_data_strip,
            _ => return None,
        })
    }

    /// A byte that was seen before is what it was the first time.
    fn retransmission_first(segment: &Segment<'_>, flows: &mut Flows) -> Verdict {
        let first = flows.of(segment).first(segment);
        if first == segment.payload() { Verdict::Pass } else { segment.with_payload(&first) }
    }

    /// A segment that has another byte where one was seen before is dropped.
    fn retransmission_drop(segment: &Segment<'_>, flows: &mut Flows) -> Verdict {
        if flows.of(segment).first(segment) == segment.payload() {
            Verdict::Pass
        } else {
            Verdict::Drop
        }
    }

    /// A segment that has another byte where one was seen before is left to the rules.
    fn retransmission_mark(segment: &Segment<'_>, flows: &mut Flows) -> Verdict {
        match retransmission_drop(segment, flows) {
            Verdict::Drop => Verdict::Mark,
            other => other,
        }
    }

    /// Data that leaves a hole before it is dropped.
    fn hole_drop(segment: &Segment<'_>, flows: &mut Flows) -> Verdict {
        let flow = flows.of(segment);
        let end = segment.seq().wrapping_add(segment.length());
        if segment.is_syn() {
            flow.next = Some(end);
            return Verdict::Pass;
        }
        let next = flow.next.unwrap_or_else(|| segment.seq());
        if is_after(segment.seq(), next) && segment.length() > 0 {
            return Verdict::Drop;
        }
        flow.next = Some(if is_after(end, next) { end } else { next });
        Verdict::Pass
    }

    /// A segment that acknowledges what the box has not seen is dropped.
    fn ack_hole_drop(segment: &Segment<'_>, flows: &mut Flows) -> Verdict {
        match flows.acknowledged_too_much(segment) {
            Some(_) => Verdict::Drop,
            None => Verdict::Pass,
        }
    }

    /// A segment that acknowledges what the box has not seen acknowledges what it has seen instead.
    fn ack_hole_rewrite(segment: &Segment<'_>, flows: &mut Flows) -> Verdict {
        match flows.acknowledged_too_much(segment) {
            Some(seen) => segment.with_ack(seen),
            None => Verdict::Pass,
        }
    }

    /// A SYN loses its payload.
    fn syn_data_strip(segment: &Segment<'_>, _: &mut Flows) -> Verdict {
        if segment.is_syn() && !segment.payload().is_empty() {
            segment.with_payload(&[])
        } else {
            Verdict::Pass
        }
    }

    impl Flows {
        /// Gives what is remembered of a segment's direction.
        fn of(&mut self, segment: &Segment<'_>) -> &mut Flow {
            self.0.entry(segment.flow()).or_default()
        }

        /// Remembers what a segment brings; tells where the other direction ends, if that is before
        /// what the segment acknowledges. What was never seen ends at 0.
        fn acknowledged_too_much(&mut self, segment: &Segment<'_>) -> Option<u32> {
            let end = segment.seq().wrapping_add(segment.length());
            let flow = self.of(segment);
            flow.next = flow.next.filter(|next| !is_after(end, *next)).or(Some(end));
            let seen = self.0.get(&segment.opposite()).and_then(|flow| flow.next).unwrap_or(0);
            (segment.is_ack() && is_after(segment.ack(), seen)).then_some(seen)
        }
    }

    impl Flow {
        /// Remembers the bytes that are new, and gives all of them as they first were.
        fn first(&mut self, segment: &Segment<'_>) -> Vec<u8> {
            let start = segment.seq().wrapping_add(u32::from(segment.is_syn()));
            let byte = |(offset, byte): (u32, &u8)| {
                *self.bytes.entry(start.wrapping_add(offset)).or_insert(*byte)
            };
            (0..).zip(segment.payload()).map(byte).collect()
        }
    }

    fn is_after(a: u32, b: u32) -> bool {
        a != b && a.wrapping_sub(b) < 1 << 31
    }
}

/// A TCP segment in its IP packet, with no extension headers of IPv6 but options.
#[cfg(target_os = "linux")]
mod segment {
    use super::policy::Verdict;

    /// A TCP segment in its IP packet.
    pub(crate) struct Segment<'a> {
        packet: &'a [u8],
        tcp: usize,
        data: usize,
    }

    impl<'a> Segment<'a> {
        pub(crate) fn parse(packet: &'a [u8]) -> Option<Self> {
            let first = *packet.first()?;
            let is_v4 = first >> 4 == 4;
            let (mut tcp, mut protocol) =
                if is_v4 { (usize::from(first & 15) * 4, 9) } else { (40, 6) };
            while !is_v4 && matches!(packet.get(protocol)?, 0 | 60) {
                (protocol, tcp) = (tcp, tcp + 8 * (1 + usize::from(*packet.get(tcp + 1)?)));
            }
            let data = tcp + usize::from(packet.get(tcp + 12)? >> 4) * 4;
            let sound = packet[protocol] == 6 && data >= tcp + 20 && data <= packet.len();
            sound.then_some(Self { packet, tcp, data })
        }

        /// Tells one direction of one connection from another: the addresses and the ports.
        pub(crate) fn flow(&self) -> Vec<u8> {
            [self.addresses(), &self.packet[self.tcp..self.tcp + 4]].concat()
        }

        /// Tells the other direction of the same connection.
        pub(crate) fn opposite(&self) -> Vec<u8> {
            let (from, to) = self.addresses().split_at(self.addresses().len() / 2);
            let (source, destination) = self.packet[self.tcp..self.tcp + 4].split_at(2);
            [to, from, destination, source].concat()
        }

        pub(crate) fn seq(&self) -> u32 {
            self.number(4)
        }

        pub(crate) fn ack(&self) -> u32 {
            self.number(8)
        }

        fn number(&self, at: usize) -> u32 {
            let bytes = &self.packet[self.tcp + at..self.tcp + at + 4];
            bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
        }

        pub(crate) fn is_ack(&self) -> bool {
            self.packet[self.tcp + 13] & 16 != 0
        }

        pub(crate) fn is_syn(&self) -> bool {
            self.packet[self.tcp + 13] & 2 != 0
        }

        /// Tells how many sequence numbers it takes.
        pub(crate) fn length(&self) -> u32 {
            let flags = self.packet[self.tcp + 13];
            let data = u32::try_from(self.payload().len()).unwrap_or(0);
            data + u32::from(flags & 1 != 0) + u32::from(flags & 2 != 0)
        }

        pub(crate) fn payload(&self) -> &'a [u8] {
            &self.packet[self.data..]
        }

        /// Makes the same packet with another payload, lengths and checksums set right.
        pub(crate) fn with_payload(&self, payload: &[u8]) -> Verdict {
            self.replaced([&self.packet[..self.data], payload].concat())
        }

        /// Makes the same packet with another acknowledgement number, checksums set right.
        pub(crate) fn with_ack(&self, ack: u32) -> Verdict {
            let mut bytes = self.packet.to_vec();
            bytes[self.tcp + 8..self.tcp + 12].copy_from_slice(&ack.to_be_bytes());
            self.replaced(bytes)
        }

        /// Sets lengths and checksums of a packet that has these addresses.
        fn replaced(&self, mut bytes: Vec<u8>) -> Verdict {
            let is_v4 = bytes[0] >> 4 == 4;
            let total = u16::try_from(bytes.len()).unwrap_or(0);
            if is_v4 {
                bytes[2..4].copy_from_slice(&total.to_be_bytes());
                bytes[10..12].fill(0);
                let sum = checksum(&[&bytes[..self.tcp]]);
                bytes[10..12].copy_from_slice(&sum.to_be_bytes());
            } else {
                bytes[4..6].copy_from_slice(&(total - 40).to_be_bytes());
            }
            let sum = self.tcp + 16..self.tcp + 18;
            bytes[sum.clone()].fill(0);
            let length = u32::try_from(bytes.len() - self.tcp).unwrap_or(0);
            let pseudo = [self.addresses(), &length.to_be_bytes(), &[0, 0, 0, 6]].concat();
            let value = checksum(&[&pseudo, &bytes[self.tcp..]]);
            bytes[sum].copy_from_slice(&value.to_be_bytes());
            Verdict::Replace(bytes)
        }

        fn addresses(&self) -> &'a [u8] {
            if self.packet[0] >> 4 == 4 { &self.packet[12..20] } else { &self.packet[8..40] }
        }
    }

    /// Computes the checksum of the Internet over parts of which all but the last are even.
    fn checksum(parts: &[&[u8]]) -> u16 {
        let word = |pair: &[u8]| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
        let mut sum: u32 = parts.iter().flat_map(|part| part.chunks(2)).map(word).sum();
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !u16::try_from(sum).unwrap_or(0)
    }
}
