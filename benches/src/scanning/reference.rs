//! One SYN to many, by hand: what a scanner does that knows nothing but this packet.

/// The bytes that stay, and their sums.
pub(super) struct Syn {
    block: [u8; 64],
    length: usize,
    ip: u64,
    tcp: u64,
}

impl Syn {
    /// Takes a packet in which destination, ports and sequence number are 0, of whatever checksums.
    pub(super) fn new(packet: &[u8]) -> Self {
        let mut block = [0; 64];
        block[..packet.len()].copy_from_slice(packet);
        let (addresses, tcp) = if packet[0] >> 4 == 4 { (12..20, 20) } else { (8..40, 40) };
        let sum = |bytes: &[u8]| -> u64 {
            bytes.chunks(2).map(|pair| u64::from(pair[0]) << 8 | u64::from(pair[1])).sum()
        };
        let segment = &packet[tcp..];
        let pseudo = sum(&packet[addresses]) + 6 + segment.len() as u64;
        Self {
            block,
            length: packet.len(),
            ip: sum(&packet[..20]) - sum(&packet[10..12]),
            tcp: pseudo + sum(segment) - sum(&segment[16..18]) - sum(&segment[4..8]),
        }
    }

    #[inline(always)]
    pub(super) fn v4(&self, slot: &mut [u8; 64], to: u32, ports: [u16; 2], seq: u32) -> usize {
        *slot = self.block;
        slot[10..12].copy_from_slice(&fold(self.ip + u64::from(to)));
        slot[16..20].copy_from_slice(&to.to_be_bytes());
        self.segment::<20>(slot, to.into(), ports, seq)
    }

    #[inline(always)]
    pub(super) fn v6(&self, slot: &mut [u8; 64], to: u128, ports: [u16; 2], seq: u32) -> usize {
        *slot = self.block;
        slot[24..40].copy_from_slice(&to.to_be_bytes());
        let (high, low) = ((to >> 64) as u64, to as u64);
        let sum = (high >> 32) + (high & 0xffff_ffff) + (low >> 32) + (low & 0xffff_ffff);
        self.segment::<40>(slot, sum, ports, seq)
    }

    #[inline(always)]
    fn segment<const AT: usize>(
        &self,
        slot: &mut [u8; 64],
        more: u64,
        [source, destination]: [u16; 2],
        seq: u32,
    ) -> usize {
        let ports = u32::from(source) << 16 | u32::from(destination);
        slot[AT..AT + 4].copy_from_slice(&ports.to_be_bytes());
        slot[AT + 4..AT + 8].copy_from_slice(&seq.to_be_bytes());
        let sum = self.tcp + more + u64::from(ports) + u64::from(seq);
        slot[AT + 16..AT + 18].copy_from_slice(&fold(sum));
        self.length
    }
}

/// Folds to a checksum.
#[inline(always)]
fn fold(sum: u64) -> [u8; 2] {
    let sum = (sum & 0xffff_ffff) + (sum >> 32);
    let sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
    let sum = (sum & 0xffff) + (sum >> 16);
    (!((sum & 0xffff) + (sum >> 16)) as u16).to_be_bytes()
}

/// So many cycles, as many as it takes to do what waits for what was done before: a clock.
#[inline(always)]
pub(super) fn cycles<const COUNT: u64>(mut value: u64) -> u64 {
    for number in 0..COUNT / 2 {
        value = (value ^ number).rotate_left(7);
    }
    value
}
