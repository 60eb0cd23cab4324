//! Captures of all shapes, written by hand: what our own writer would never write.

/// What is being written, in one byte order.
pub(crate) struct Capture {
    big: bool,
    pub(crate) bytes: Vec<u8>,
    /// Where each packet record begins.
    pub(crate) records: Vec<usize>,
}

impl Capture {
    /// Begins a pcap capture.
    pub(crate) fn pcap(big: bool, nanos: bool, link_type: u32) -> Self {
        let mut capture = Self { big, bytes: Vec::new(), records: Vec::new() };
        capture.u32(if nanos { 0xa1b2_3c4d } else { 0xa1b2_c3d4 });
        capture.u16(2);
        capture.u16(4);
        for word in [0, 0, 65535, link_type] {
            capture.u32(word);
        }
        capture
    }

    /// Adds a packet to a pcap capture.
    pub(crate) fn packet(&mut self, seconds: u32, fraction: u32, data: &[u8], wire: u32) {
        self.records.push(self.bytes.len());
        for word in [seconds, fraction, length(data), wire] {
            self.u32(word);
        }
        self.bytes.extend(data);
    }

    /// Begins a pcapng capture.
    pub(crate) fn pcapng(big: bool) -> Self {
        let mut capture = Self { big, bytes: Vec::new(), records: Vec::new() };
        capture.section(big);
        capture
    }

    /// Begins a section of its own byte order.
    pub(crate) fn section(&mut self, big: bool) {
        self.big = big;
        let body = self.body(|body| {
            body.u32(0x1a2b_3c4d);
            body.u16(1);
            body.u16(0);
            body.u32(u32::MAX);
            body.u32(u32::MAX);
        });
        self.block(0x0a0d_0d0a, &body);
    }

    /// Describes an interface.
    pub(crate) fn interface(&mut self, link_type: u16, snapshot: u32, options: &[(u16, &[u8])]) {
        let body = self.body(|body| {
            body.u16(link_type);
            body.u16(0);
            body.u32(snapshot);
            for (code, value) in options {
                body.u16(*code);
                body.u16(u16::try_from(value.len()).unwrap());
                body.padded(value);
            }
            if !options.is_empty() {
                body.u32(0);
            }
        });
        self.block(1, &body);
    }

    /// Adds an enhanced packet block.
    pub(crate) fn enhanced(&mut self, interface: u32, ticks: u64, data: &[u8], wire: u32) {
        let body = self.body(|body| {
            body.u32(interface);
            body.u32((ticks >> 32) as u32);
            body.u32(ticks as u32);
            body.u32(length(data));
            body.u32(wire);
            body.padded(data);
        });
        self.records.push(self.bytes.len());
        self.block(6, &body);
    }

    /// Adds a simple packet block.
    pub(crate) fn simple(&mut self, data: &[u8], wire: u32) {
        let body = self.body(|body| {
            body.u32(wire);
            body.padded(data);
        });
        self.records.push(self.bytes.len());
        self.block(3, &body);
    }

    /// Adds an obsolete packet block.
    pub(crate) fn obsolete(&mut self, interface: u16, ticks: u64, data: &[u8], wire: u32) {
        let body = self.body(|body| {
            body.u16(interface);
            body.u16(0xffff);
            body.u32((ticks >> 32) as u32);
            body.u32(ticks as u32);
            body.u32(length(data));
            body.u32(wire);
            body.padded(data);
        });
        self.records.push(self.bytes.len());
        self.block(2, &body);
    }

    /// Adds a block of any type.
    pub(crate) fn block(&mut self, kind: u32, body: &[u8]) {
        let length = length(body) + 12;
        self.u32(kind);
        self.u32(length);
        self.bytes.extend(body);
        self.u32(length);
    }

    /// Puts a word in the place of another.
    pub(crate) fn patch(&mut self, at: usize, word: u32) {
        let bytes = if self.big { word.to_be_bytes() } else { word.to_le_bytes() };
        self.bytes[at..at + 4].copy_from_slice(&bytes);
    }

    fn body(&self, write: impl FnOnce(&mut Self)) -> Vec<u8> {
        let mut body = Self { big: self.big, bytes: Vec::new(), records: Vec::new() };
        write(&mut body);
        body.bytes
    }

    fn u16(&mut self, word: u16) {
        self.bytes.extend(if self.big { word.to_be_bytes() } else { word.to_le_bytes() });
    }

    fn u32(&mut self, word: u32) {
        self.bytes.extend(if self.big { word.to_be_bytes() } else { word.to_le_bytes() });
    }

    fn padded(&mut self, data: &[u8]) {
        self.bytes.extend(data);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

fn length(data: &[u8]) -> u32 {
    u32::try_from(data.len()).unwrap()
}
