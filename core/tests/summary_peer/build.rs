//! Packets, byte by byte and without the code under test.

/// Builds a TCP segment; `words` forces the data offset.
#[derive(Clone, Debug)]
pub(crate) struct Tcp {
    pub(crate) ports: (u16, u16),
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    /// The twelve bits behind the data offset.
    pub(crate) flags: u16,
    pub(crate) window: u16,
    pub(crate) urgent: u16,
    pub(crate) options: Vec<u8>,
    pub(crate) payload: Vec<u8>,
    pub(crate) words: Option<u8>,
    /// What is added to the checksum that would be right.
    pub(crate) off: u16,
}

impl Default for Tcp {
    fn default() -> Self {
        Self {
            ports: (40000, 50000),
            seq: 1000,
            ack: 2000,
            flags: 0x10,
            window: 512,
            urgent: 0,
            options: Vec::new(),
            payload: Vec::new(),
            words: None,
            off: 0,
        }
    }
}

impl Tcp {
    /// The segment over IPv4 between two addresses of 10.0.0.0/24.
    pub(crate) fn v4(&self) -> Vec<u8> {
        ipv4(6, &[], &self.segment(&pseudo4(6)))
    }

    /// The segment over IPv6.
    pub(crate) fn v6(&self) -> Vec<u8> {
        ipv6(6, &self.segment(&pseudo6(6)))
    }

    /// The segment alone, its checksum beginning with the sum of a pseudo-header without length.
    pub(crate) fn segment(&self, pseudo: &[u8]) -> Vec<u8> {
        let mut options = self.options.clone();
        options.resize(options.len().next_multiple_of(4), 0);
        let words = self.words.unwrap_or(u8::try_from(5 + options.len() / 4).unwrap());
        let mut bytes = Vec::new();
        bytes.extend(self.ports.0.to_be_bytes());
        bytes.extend(self.ports.1.to_be_bytes());
        bytes.extend(self.seq.to_be_bytes());
        bytes.extend(self.ack.to_be_bytes());
        bytes.extend((u16::from(words) << 12 | self.flags).to_be_bytes());
        bytes.extend(self.window.to_be_bytes());
        bytes.extend([0; 2]);
        bytes.extend(self.urgent.to_be_bytes());
        bytes.extend(options);
        bytes.extend(&self.payload);
        put_sum(&mut bytes, 16, pseudo, self.off);
        bytes
    }
}

/// Puts an IPv4 header before a payload.
pub(crate) fn ipv4(protocol: u8, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut header = unhex("4500 0000 1234 4000 4000 0000");
    header.extend(FROM4);
    header.extend(TO4);
    header.extend(options);
    header.resize(header.len().next_multiple_of(4), 0);
    header[0] = 0x40 | u8::try_from(header.len() / 4).unwrap();
    header[9] = protocol;
    let length = u16::try_from(header.len() + payload.len()).unwrap();
    header[2..4].copy_from_slice(&length.to_be_bytes());
    sum4(&mut header);
    [header, payload.to_vec()].concat()
}

/// Makes the checksum of an IPv4 header right.
pub(crate) fn sum4(packet: &mut [u8]) {
    let length = usize::from(packet[0] & 15) * 4;
    if let Some(header) = packet.get_mut(..length.max(20)) {
        header[10..12].fill(0);
        let sum = !sum(header);
        header[10..12].copy_from_slice(&sum.to_be_bytes());
    }
}

/// Puts an IPv6 header before a payload.
pub(crate) fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    [&[0x60, 0, 0, 0, length[0], length[1], next, 64][..], &FROM6, &TO6, payload].concat()
}

pub(crate) fn pseudo4(protocol: u8) -> Vec<u8> {
    [&FROM4[..], &TO4, &[0, protocol]].concat()
}

pub(crate) fn pseudo6(protocol: u8) -> Vec<u8> {
    [&FROM6[..], &TO6, &[0, protocol]].concat()
}

/// An ICMP message over IPv4, quoting.
pub(crate) fn icmp4(kind: u8, code: u8, rest: u32, quote: &[u8]) -> Vec<u8> {
    let mut message = [&[kind, code, 0, 0][..], &rest.to_be_bytes(), quote].concat();
    let sum = !sum(&message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    ipv4(1, &[], &message)
}

/// An ICMPv6 message, quoting.
pub(crate) fn icmp6(kind: u8, code: u8, rest: u32, quote: &[u8]) -> Vec<u8> {
    let mut message = [&[kind, code, 0, 0][..], &rest.to_be_bytes(), quote].concat();
    put_sum(&mut message, 2, &pseudo6(58), 0);
    ipv6(58, &message)
}

/// An Ethernet frame, with tags before the ethertype.
pub(crate) fn ethernet(tags: &str, packet: &[u8]) -> Vec<u8> {
    let ethertype = if packet[0] >> 4 == 6 { [0x86, 0xdd] } else { [8, 0] };
    [&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1], &unhex(tags)[..], &ethertype, packet].concat()
}

/// Swaps the addresses; the checksum stays right.
pub(crate) fn turn(packet: &mut [u8]) {
    let (at, half) = if packet[0] >> 4 == 6 { (8, 16) } else { (12, 4) };
    packet[at..at + 2 * half].rotate_left(half);
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn put_sum(bytes: &mut [u8], at: usize, pseudo: &[u8], off: u16) {
    bytes[at..at + 2].fill(0);
    let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
    let whole = [pseudo, &length, bytes].concat();
    bytes[at..at + 2].copy_from_slice(&(!sum(&whole)).wrapping_add(off).to_be_bytes());
}

fn sum(bytes: &[u8]) -> u16 {
    let mut sum = 0_u32;
    for pair in bytes.chunks(2) {
        sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    u16::try_from(sum).unwrap()
}

/// A seeded source of randomness (SplitMix64).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.roll() % u64::try_from(limit).unwrap()).unwrap()
    }

    pub(crate) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub(crate) fn u8(&mut self) -> u8 {
        self.roll().to_le_bytes()[0]
    }

    pub(crate) fn u16(&mut self) -> u16 {
        u16::try_from(self.roll() & 0xffff).unwrap()
    }

    pub(crate) fn u32(&mut self) -> u32 {
        u32::try_from(self.roll() & 0xffff_ffff).unwrap()
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.u8()).collect()
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

pub(crate) const FROM4: [u8; 4] = [10, 0, 0, 1];
pub(crate) const TO4: [u8; 4] = [10, 0, 0, 2];
pub(crate) const FROM6: [u8; 16] = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
pub(crate) const TO6: [u8; 16] = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2];
