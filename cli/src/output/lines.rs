//! Lines in tcpdump's format, with relative numbers.

use std::{
    collections::HashMap,
    fmt,
    io::{self, Write},
};

use tcpexposure_core::{
    summary::{self, Bases, Conversation, Memory, Relative, Style},
    wire::packet::Packet,
};

/// A printer of lines, which remembers the conversations that it has seen.
pub(crate) struct Lines {
    style: Style,
    absolute: bool,
    dump: Option<Dump>,
    flows: Flows,
    text: Text,
}

/// What is dumped below a line.
#[derive(Clone, Copy)]
struct Dump {
    characters: bool,
    link: bool,
}

/// A memory of conversations: as many as there are, as tcpdump has it.
#[derive(Default)]
struct Flows(HashMap<Conversation, Bases, foldhash::fast::RandomState>);

impl Memory for Flows {
    fn recall(&mut self, conversation: Conversation) -> (&mut Bases, bool) {
        use std::collections::hash_map::Entry;
        match self.0.entry(conversation) {
            Entry::Occupied(entry) => (entry.into_mut(), false),
            Entry::Vacant(entry) => (entry.insert(Bases::default()), true),
        }
    }
}

/// A line that is being put together.
#[derive(Default)]
struct Text(Vec<u8>);

impl fmt::Write for Text {
    #[inline]
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

impl Lines {
    pub(crate) fn new(verbose: u8, link: bool, absolute: bool) -> Self {
        let style = Style { verbose, link };
        Self { style, absolute, dump: None, flows: Flows::default(), text: Text::default() }
    }

    /// Adds dumps: how often `-x` and `-X` were given.
    pub(crate) fn dump(self, hex: u8, characters: u8) -> Self {
        let count = hex.max(characters);
        let dump = Dump { characters: characters > 0, link: count > 1 };
        Self { dump: (count > 0).then_some(dump), ..self }
    }

    /// Prints a packet's line and what belongs to it.
    pub(crate) fn print(&mut self, packet: &Packet<'_>, out: &mut impl Write) -> io::Result<()> {
        let base = match packet.tcp() {
            Some(segment) if !self.absolute => summary::relative(&mut self.flows, packet, segment),
            _ => Relative::default(),
        };
        self.text.0.clear();
        // Writing into memory does not fail.
        let _ = summary::line(&mut self.text, packet, &self.style, base);
        if let Some(dump) = self.dump {
            let whole = packet.bytes;
            let bytes = if dump.link { whole } else { packet.ip_bytes().unwrap_or(whole) };
            let _ = summary::dump(&mut self.text, bytes, dump.characters);
        }
        self.text.0.push(b'\n');
        out.write_all(&self.text.0)
    }
}
