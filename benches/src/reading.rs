//! What every decoder must tell of a packet.

/// The fields of one packet that a consumer reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The source address; an IPv4 address in the low 32 bits.
    pub source: u128,
    /// The destination address.
    pub destination: u128,
    /// Time to live, or hop limit.
    pub ttl: u8,
    /// The source port.
    pub source_port: u16,
    /// The destination port.
    pub destination_port: u16,
    /// The sequence number.
    pub seq: u32,
    /// The acknowledgement number.
    pub ack: u32,
    /// The eight flags that every library knows.
    pub flags: u8,
    /// The window.
    pub window: u16,
    /// The TCP checksum as it stands.
    pub checksum: u16,
    /// The urgent pointer.
    pub urgent: u16,
    /// The length of the TCP payload.
    pub payload: usize,
    /// What the options hold.
    pub options: Options,
}

/// A sum over all options, from which a lost, an invented and a changed one can be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The sum of what each option holds.
    pub sum: u64,
    /// Whether the block is malformed.
    pub malformed: bool,
}

impl Reading {
    /// Folds all fields into a number, so that none can be left unread.
    #[inline(always)]
    #[must_use]
    pub fn digest(&self) -> u64 {
        let wide = |number: u128| (number >> 64) as u64 ^ number as u64;
        wide(self.source)
            .wrapping_add(wide(self.destination) << 1)
            .wrapping_add(u64::from(self.source_port) << 16 | u64::from(self.destination_port))
            .wrapping_add(u64::from(self.seq) << 32 | u64::from(self.ack))
            .wrapping_add(u64::from(self.flags) << 48 | u64::from(self.ttl) << 40)
            .wrapping_add(u64::from(self.window) << 32 | u64::from(self.checksum) << 16)
            .wrapping_add(u64::from(self.urgent))
            .wrapping_add(self.payload as u64)
            .wrapping_add(self.options.digest())
    }
}

impl Options {
    /// Folds the sum and the flag into a number.
    #[inline(always)]
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.sum ^ u64::from(self.malformed)
    }

    /// Adds a no-operation.
    #[inline(always)]
    pub fn nop(&mut self) {
        self.add(1, 1);
    }

    /// Adds a maximum segment size.
    #[inline(always)]
    pub fn maximum_segment_size(&mut self, size: u16) {
        self.add(2, size.into());
    }

    /// Adds a window scale.
    #[inline(always)]
    pub fn window_scale(&mut self, shift: u8) {
        self.add(3, shift.into());
    }

    /// Adds the permission of selective acknowledgements.
    #[inline(always)]
    pub fn sack_permitted(&mut self) {
        self.add(4, 1);
    }

    /// Adds one block of a selective acknowledgement.
    #[inline(always)]
    pub fn sack(&mut self, left: u32, right: u32) {
        self.add(5, u64::from(left) << 32 | u64::from(right));
    }

    /// Adds timestamps.
    #[inline(always)]
    pub fn timestamps(&mut self, value: u32, echo: u32) {
        self.add(8, u64::from(value) << 32 | u64::from(echo));
    }

    /// Adds an option of another kind: its length and the first four bytes of its data.
    #[inline(always)]
    pub fn other(&mut self, kind: u8, data: &[u8]) {
        let first = data.first_chunk().map_or(0, |first| u32::from_be_bytes(*first));
        self.add(kind, (data.len() as u64) << 32 | u64::from(first));
    }

    #[inline(always)]
    fn add(&mut self, kind: u8, value: u64) {
        self.sum = self.sum.wrapping_add(value ^ u64::from(kind) << 56);
    }
}
