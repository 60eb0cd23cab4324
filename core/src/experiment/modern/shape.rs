//! What a segment of a question looks like, from words to bytes.

use byteorder::{BigEndian, ByteOrder as _};

use crate::{
    craft::{Checksum, Draft, Network, Payload},
    experiment::draws::Draws,
    respond::v1::{ACCOUNT, Account, Mode, Order, Wrap, exid},
    wire::{
        options::{MAX_LENGTH, Writer, kind},
        protocol,
        tcp::{Flags, Seq},
    },
};

/// A segment, as far as it differs from a plain one.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// The flags, ACK included.
    pub flags: Flags,
    /// The options, in order; NOPs are put behind them.
    pub options: &'static [Opt],
    /// The payload.
    pub text: Text,
    /// The window.
    pub window: u16,
    /// The urgent pointer.
    pub urgent: u16,
    /// The type of service octet or traffic class.
    pub class: u8,
    /// The flow label (IPv6).
    pub flow: u32,
    /// Whether it has IP options that do nothing: NOPs in IPv4, padding for the destination in
    /// IPv6.
    pub ip_options: bool,
    /// Whether the checksum is wrong.
    pub wrong_sum: bool,
}

/// An option; random bytes are drawn from the nonce of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opt {
    /// The maximum segment size.
    Mss(u16),
    /// The window scale.
    Scale(u8),
    /// Selective acknowledgement is permitted.
    SackPermitted,
    /// A block of selective acknowledgement, 100 to 200 bytes behind what is acknowledged.
    Sack,
    /// Timestamps: a random value and no echo.
    Stamp,
    /// Any kind with so many random bytes.
    Random(u8, u8),
    /// Any kind with two to ten random bytes.
    Any(u8),
    /// An experiment with a random identifier and four random bytes.
    Experiment(u8),
    /// Bytes of data, and so many random ones behind them.
    With(u8, &'static [u8], u8),
    /// Asks for an account.
    Account,
    /// Two NOPs: an answer with no other option.
    Nops,
}

/// A payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    /// None.
    Nothing,
    /// Random bytes that ask a responder to acknowledge them on a SYN.
    OnSyn(u16),
    /// Random bytes that ask a responder to acknowledge and report them on a SYN.
    Asking(u16),
    /// The order alone.
    Plain,
    /// The order, and random bytes up to this length of the whole IP packet.
    Packet(u16),
    /// An HTTP/1.1 GET request with the order as its body.
    Get,
    /// An HTTP/1.1 POST request with the order as its body.
    Post,
    /// A TLS 1.2 `ClientHello` with the order in its session ticket.
    Tls,
    /// The HTTP/2 preface, settings, and the order in a frame of an unknown type.
    Http2,
    /// Random bytes, and the order behind them.
    Random,
}

/// How the answer is to look.
#[derive(Clone, Copy, Debug)]
pub struct Reply {
    /// Its segments.
    pub mode: Mode,
    /// Its dress.
    pub wrap: Wrap,
    /// Flags and reserved bits beside ACK.
    pub flags: Flags,
    /// The options.
    pub options: &'static [Opt],
    /// The urgent pointer.
    pub urgent: u16,
    /// The type of service octet or traffic class.
    pub class: u8,
    /// The payload's length.
    pub room: u16,
}

/// Option bytes.
pub(crate) type Block = heapless::Vec<u8, MAX_LENGTH>;
/// A payload.
pub(crate) type Body = heapless::Vec<u8, ROOM>;

/// The numbers of one connection, from which all random bytes of its segments are drawn.
#[derive(Clone, Copy, Debug)]
pub struct Sketch {
    /// The nonce.
    pub nonce: u64,
    /// Addresses and the rest of the IP header.
    pub network: Network<'static>,
    /// The source port.
    pub source_port: u16,
    /// The destination port.
    pub port: u16,
    /// The sequence number.
    pub seq: Seq,
    /// The acknowledgement number.
    pub ack: Seq,
    /// Whether a SYN asks for an account beside what its row says.
    pub account: bool,
}

impl Shape {
    /// A SYN with nothing but a segment size.
    pub const SYN: Self = Self { options: &[Opt::Mss(1460)], ..Self::bare(Flags::SYN) };
    /// A data segment with an order.
    pub const DATA: Self = Self { text: Text::Plain, ..Self::bare(Flags::ACK.with(Flags::PSH)) };
    /// A pure acknowledgement.
    pub const ACK: Self = Self::bare(Flags::ACK);
    /// A FIN with an order.
    pub const FIN: Self = Self { text: Text::Plain, ..Self::bare(Flags::FIN.with(Flags::ACK)) };

    const fn bare(flags: Flags) -> Self {
        Self {
            flags,
            options: &[],
            text: Text::Nothing,
            window: 64240,
            urgent: 0,
            class: 0,
            flow: 0,
            ip_options: false,
            wrong_sum: false,
        }
    }

    /// Adds options.
    #[must_use]
    pub const fn with_options(self, options: &'static [Opt]) -> Self {
        Self { options, ..self }
    }

    /// Adds flags or reserved bits.
    #[must_use]
    pub const fn with_flags(self, flags: Flags) -> Self {
        Self { flags: self.flags.with(flags), ..self }
    }

    /// Sets the type of service octet or traffic class.
    #[must_use]
    pub const fn with_class(self, class: u8) -> Self {
        Self { class, ..self }
    }

    /// Sets the payload.
    #[must_use]
    pub const fn with_text(self, text: Text) -> Self {
        Self { text, ..self }
    }

    /// Writes the segment and tells its length; `None` when it does not fit.
    pub(crate) fn write(&self, sketch: &Sketch, reply: &Reply, slot: &mut [u8]) -> Option<usize> {
        let options = self.block(sketch);
        let payload = self.payload(sketch, reply)?;
        self.draft(sketch, &options, &payload).write(slot).ok().map(<[u8]>::len)
    }

    /// Makes the option bytes.
    pub(crate) fn block(&self, sketch: &Sketch) -> Block {
        let mut block = block(self.options, sketch);
        if sketch.account && self.flags.contains(Flags::SYN) {
            let _ = block.extend_from_slice(&self::block(&[Opt::Account], sketch));
        }
        block
    }

    /// Lays out the segment with these options and this payload.
    pub(crate) fn draft<'a>(
        &self,
        sketch: &Sketch,
        options: &'a [u8],
        payload: &'a [u8],
    ) -> Draft<'a> {
        Draft {
            network: self.network(sketch.network),
            source_port: sketch.source_port,
            destination_port: sketch.port,
            seq: sketch.seq,
            ack: sketch.ack,
            flags: self.flags,
            window: self.window_of(sketch),
            urgent: self.urgent,
            options,
            payload: Payload::Bytes(payload),
            checksum: if self.wrong_sum { Checksum::Bad } else { Checksum::Computed },
            ..Draft::default()
        }
    }

    /// Gives the window. That of a SYN of which little is told differs from one connection to the
    /// next, so that no two forms of it are told alike every time.
    fn window_of(&self, sketch: &Sketch) -> u16 {
        let told = self.options.iter().any(|option| matches!(option, Opt::Account));
        let [salt, ..] = sketch.nonce.to_le_bytes();
        if !self.flags.contains(Flags::SYN) || told {
            self.window
        } else {
            self.window.saturating_sub(salt.into())
        }
    }

    fn network(&self, mut network: Network<'static>) -> Network<'static> {
        match &mut network {
            Network::V4(header) => {
                header.tos = self.class;
                header.options = if self.ip_options { &[1, 1, 1, 0] } else { &[] };
            }
            Network::V6(header) => {
                (header.traffic_class, header.flow_label) = (self.class, self.flow);
                if self.ip_options {
                    header.next_header = protocol::DESTINATION_OPTIONS;
                    header.extensions = &[protocol::TCP, 0, 1, 4, 0, 0, 0, 0];
                }
            }
        }
        network
    }

    /// Makes the payload.
    pub(crate) fn payload(&self, sketch: &Sketch, reply: &Reply) -> Option<Body> {
        let mut order = [0; Order::MAX_LENGTH];
        let options = reply.block(sketch);
        let length = reply.order(sketch, &options).write(&mut order)?;
        let order = order.get(..length)?;
        let mut draws = Draws(!sketch.nonce);
        let mut body = Body::new();
        match self.text {
            Text::Nothing => {}
            Text::OnSyn(length) => {
                body.push(0xc1).ok()?;
                random(&mut body, length.into(), &mut draws)?;
            }
            Text::Asking(length) => {
                body.push(0xc2).ok()?;
                random(&mut body, length.into(), &mut draws)?;
            }
            Text::Plain => body.extend_from_slice(order).ok()?,
            Text::Packet(total) => {
                body.extend_from_slice(order).ok()?;
                let options = block(self.options, sketch);
                let head = self.draft(sketch, &options, &[]).length();
                random(&mut body, usize::from(total).checked_sub(head)?, &mut draws)?;
            }
            Text::Random => {
                random(&mut body, 200, &mut draws)?;
                body.extend_from_slice(order).ok()?;
            }
            other => dress(other, order, &mut body)?,
        }
        Some(body)
    }
}

impl Reply {
    /// A report without options.
    pub const PLAIN: Self = Self {
        mode: Mode::Plain,
        wrap: Wrap::Bare,
        flags: Flags::NONE,
        options: &[Opt::Nops],
        urgent: 0,
        class: 0,
        room: 0,
    };

    /// A report in these segments.
    #[must_use]
    pub const fn in_mode(mode: Mode) -> Self {
        Self { mode, room: 1200, ..Self::PLAIN }
    }

    /// A report with these options.
    #[must_use]
    pub const fn with_options(options: &'static [Opt]) -> Self {
        Self { options, ..Self::PLAIN }
    }

    /// Dresses the report in HTTP, unless it is dressed already.
    #[must_use]
    pub(crate) fn in_http(self) -> Self {
        let wrap = if self.wrap == Wrap::Bare { Wrap::Http } else { self.wrap };
        Self { wrap, ..self }
    }

    /// Makes the option bytes of the answer; their random bytes are others than the question's.
    pub(crate) fn block(&self, sketch: &Sketch) -> Block {
        block(self.options, &Sketch { nonce: sketch.nonce.rotate_left(17), ..*sketch })
    }

    fn order<'a>(&self, sketch: &Sketch, options: &'a [u8]) -> Order<'a> {
        Order {
            mode: self.mode,
            wrap: self.wrap,
            nonce: sketch.nonce,
            flags: self.flags,
            urgent: self.urgent,
            traffic_class: self.class,
            hops: 0,
            room: self.room,
            options,
        }
    }
}

/// Makes the bytes of options, with NOPs behind them.
pub(crate) fn block(options: &[Opt], sketch: &Sketch) -> Block {
    let mut buffer = [0; MAX_LENGTH];
    let mut writer = Writer::new(&mut buffer);
    let mut draws = Draws(sketch.nonce);
    for option in options {
        // The catalogue's test holds every row to forty bytes.
        let _ = push(*option, sketch, &mut draws, &mut writer);
    }
    let _ = writer.align();
    Block::from_slice(writer.finish()).unwrap_or_default()
}

fn push(option: Opt, sketch: &Sketch, draws: &mut Draws, out: &mut Writer<'_>) -> Option<()> {
    match option {
        Opt::Mss(mss) => out.option(kind::MAXIMUM_SEGMENT_SIZE, &[&mss.to_be_bytes()]),
        Opt::Scale(scale) => out.option(kind::WINDOW_SCALE, &[&[scale]]),
        Opt::SackPermitted => out.option(kind::SACK_PERMITTED, &[]),
        Opt::Sack => {
            let (left, right) = (sketch.ack.add(100), sketch.ack.add(200));
            out.option(kind::SACK, &[&left.0.to_be_bytes(), &right.0.to_be_bytes()])
        }
        Opt::Stamp => out.option(kind::TIMESTAMPS, &[&(draws.word() | 1).to_be_bytes(), &[0; 4]]),
        Opt::Random(kind, length) => out.option(kind, &[&bytes(length, draws)]),
        Opt::Any(kind) => {
            let length = draws.next().checked_rem(9).and_then(|length| u8::try_from(length).ok());
            out.option(kind, &[&bytes(length?.wrapping_add(2), draws)])
        }
        Opt::Experiment(kind) => out.option(kind, &[&bytes(6, draws)]),
        Opt::With(kind, data, length) => out.option(kind, &[data, &bytes(length, draws)]),
        Opt::Account => {
            let mut data = [0; Account::LENGTH];
            let [a, b] = exid();
            data[0] = a;
            data[1] = b;
            data[2] = Account::ASKS;
            out.option(ACCOUNT, &[&data])
        }
        Opt::Nops => out.bytes(&[kind::NOP, kind::NOP]),
    }
    .ok()
    .map(|_| ())
}

/// Draws random bytes, none of them 0: what is cleared is told from what was sent.
fn bytes(length: u8, draws: &mut Draws) -> heapless::Vec<u8, MAX_LENGTH> {
    (0..length.min(38)).map(|_| draws.next().to_le_bytes()[0] | 1).collect()
}

/// Fills up to `length` with random bytes in which no order is found.
fn random(body: &mut Body, length: usize, draws: &mut Draws) -> Option<()> {
    while body.len() < length {
        body.push(draws.next().to_le_bytes()[0] | 0x80).ok()?;
    }
    Some(())
}

/// Dresses an order in a protocol.
fn dress(text: Text, order: &[u8], body: &mut Body) -> Option<()> {
    let length = u16::try_from(order.len()).ok()?;
    match text {
        Text::Get | Text::Post => {
            let method: &[u8] = if text == Text::Get { b"GET" } else { b"POST" };
            let (tens, ones) = (decimal(length, 10)?, decimal(length, 1)?);
            for part in [method, REQUEST, &[tens, ones], b"\r\n\r\n", order] {
                body.extend_from_slice(part).ok()?;
            }
            Some(())
        }
        Text::Tls => {
            // Record, handshake, version, random, no session, one suite, no compression, one
            // extension: a session ticket (RFC 5077), which is opaque to all but its server.
            let extension = length.checked_add(4)?;
            let hello = extension.checked_add(2 + 2 + 32 + 1 + 4 + 2)?;
            let record = hello.checked_add(4)?;
            body.extend_from_slice(&[0x16, 3, 1]).ok()?;
            body.extend_from_slice(&record.to_be_bytes()).ok()?;
            body.extend_from_slice(&[1, 0]).ok()?;
            body.extend_from_slice(&hello.to_be_bytes()).ok()?;
            body.extend_from_slice(&[3, 3]).ok()?;
            body.extend_from_slice(&[0x5a; 32]).ok()?;
            body.extend_from_slice(&[0, 0, 2, 0xc0, 0x2f, 1, 0]).ok()?;
            body.extend_from_slice(&extension.to_be_bytes()).ok()?;
            body.extend_from_slice(&[0, 35]).ok()?;
            body.extend_from_slice(&length.to_be_bytes()).ok()?;
            body.extend_from_slice(order).ok()
        }
        _ => {
            body.extend_from_slice(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").ok()?;
            body.extend_from_slice(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).ok()?;
            let mut frame = [0, 0, 0, 0xfe, 0, 0, 0, 0, 0];
            BigEndian::write_u16(frame.get_mut(1..3)?, length);
            body.extend_from_slice(&frame).ok()?;
            body.extend_from_slice(order).ok()
        }
    }
}

/// Tells a decimal digit of an order's length, which has two.
fn decimal(length: u16, place: u16) -> Option<u8> {
    let digit = length.checked_div(place)?.checked_rem(10)?;
    u8::try_from(digit).ok()?.checked_add(b'0')
}

/// What follows the method, up to the length of the body.
const REQUEST: &[u8] = b" / HTTP/1.1\r\nHost: example.com\r\nContent-Length: ";
/// The most payload: that of a full IPv4 packet on Ethernet.
const ROOM: usize = 1460;
