//! Values that are made anew for each packet: `rand 1-100`, `inc`, `hash(dst)`, `cookie`, `now`.

use core::fmt;

use super::{
    Block,
    diagnostic::{Message, Problem},
    lexer::{Kind, Span, Token},
    number::number_of,
    parser::Parser,
};

/// How a value is made. A field takes the low bits of what does not fit it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Generator {
    /// `rand A-B`: any of these, both included, each as often as another.
    Random {
        /// The least.
        low: u32,
        /// The greatest.
        high: u32,
    },
    /// `inc`: the place of the packet in the scan, from 0.
    Increment,
    /// `hash(dst)`: a keyed hash of the destination address, 32 bits.
    Hash,
    /// `cookie`: a keyed hash of addresses and ports, 32 bits, by which an answer is known.
    Cookie,
    /// `now`: the time in microseconds.
    Now,
}

/// A field that is generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Generated {
    /// Where the value goes.
    pub place: Place,
    /// How it is made.
    pub generator: Generator,
}

/// Where a generated value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// The sequence number.
    Seq,
    /// The acknowledgement number.
    Ack,
    /// The window.
    Window,
    /// The urgent pointer.
    Urgent,
    /// Bytes of the TCP options, which hold zeroes until then.
    Options {
        /// How many bytes of options precede them.
        offset: u16,
        /// How many they are, 1 to 4.
        width: u8,
        /// Whether this is the value of a timestamps option (RFC 7323), which a reply echoes.
        timestamp: bool,
    },
    /// The identification (IPv4).
    Id,
    /// The time to live or hop limit.
    HopLimit,
    /// The type of service octet or traffic class.
    TrafficClass,
    /// The flow label (IPv6).
    FlowLabel,
}

/// The most generated fields in one expression.
pub const MOST: usize = 16;

impl Generator {
    /// Tells how many bytes hold any value: 4, or what the upper bound takes.
    const fn width(self) -> u8 {
        match self {
            Self::Random { high: 0..=0xff, .. } => 1,
            Self::Random { high: 0x100..=0xffff, .. } => 2,
            _ => 4,
        }
    }
}

impl fmt::Display for Generator {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Random { low, high } => write!(out, "rand {low}-{high}"),
            Self::Increment => out.write_str("inc"),
            Self::Hash => out.write_str("hash(dst)"),
            Self::Cookie => out.write_str("cookie"),
            Self::Now => out.write_str("now"),
        }
    }
}

impl<'a> Parser<'a> {
    /// Reads a generator where the next token begins one, and notes what it fills; false if a
    /// number is to be read instead.
    pub(super) fn generated(
        &mut self,
        name: &'static str,
        most: u32,
        place: Place,
    ) -> Result<bool, Problem> {
        let span = self.here();
        let Some(generator) = self.generator(name, most)? else {
            return Ok(false);
        };
        let generated = Generated { place, generator };
        let room = self.out.generated.push(generated);
        room.map_err(|_| Problem::new(span, Message::Generators)).map(|()| true)
    }

    /// Reads a 32-bit number of an option, or a generator that fills its place with zeroes first.
    pub(super) fn option_number(
        &mut self,
        name: &'static str,
        width: u8,
        timestamp: bool,
        block: &mut Block,
    ) -> Result<(), Problem> {
        let bits = u32::from(width).wrapping_mul(8);
        let most = u32::MAX.wrapping_shr(u32::BITS.wrapping_sub(bits));
        let offset = u16::try_from(block.len()).unwrap_or(u16::MAX);
        let place = Place::Options { offset, width, timestamp };
        let value = match self.generated(name, most, place)? {
            true => 0,
            false => self.number(name, most.into())?,
        };
        let bytes = u32::to_be_bytes(value);
        let from = bytes.len().saturating_sub(width.into());
        self.put(block, bytes.get(from..).unwrap_or_default())
    }

    /// Reads a generator behind the bytes of an option, if one is there.
    pub(super) fn option_generator(&mut self, block: &mut Block) -> Result<(), Problem> {
        let span = self.here();
        let Some(generator) = self.generator("opt", u32::MAX)? else {
            return Ok(());
        };
        let width = generator.width();
        let offset = u16::try_from(block.len()).unwrap_or(u16::MAX);
        let place = Place::Options { offset, width, timestamp: false };
        let room = self.out.generated.push(Generated { place, generator });
        room.map_err(|_| Problem::new(span, Message::Generators))?;
        self.put(block, [0; 4].get(..width.into()).unwrap_or_default())
    }

    /// Reads `sport N` or `sport A-B`.
    pub(super) fn source_ports(&mut self) -> Result<(), Problem> {
        let name = "sport";
        let span = self.here();
        if self.out.source_port.is_some() {
            return Err(Problem::new(self.at, Message::Twice(name)));
        }
        self.lexer.eat("rand");
        let token = self.lexer.eat_number().ok_or(Problem::new(span, Message::Number(name)))?;
        if token.text.contains('-') {
            let (low, high) = bounds(&token, name, u16::MAX.into())?;
            let short = |port: u32| u16::try_from(port).unwrap_or(u16::MAX);
            self.out.source_ports = Some((short(low), short(high)));
        } else {
            self.out.source_port = Some(number_of(&token, name, u16::MAX.into())?);
        }
        Ok(())
    }

    fn generator(&mut self, name: &'static str, most: u32) -> Result<Option<Generator>, Problem> {
        let mut ahead = self.lexer;
        let Some(token) = ahead.next().filter(|token| token.kind == Kind::Word) else {
            return Ok(None);
        };
        let generator = match token.text {
            "inc" => Generator::Increment,
            "cookie" => Generator::Cookie,
            "now" => Generator::Now,
            "hash" | "rand" => Generator::Hash,
            _ => return Ok(None),
        };
        self.lexer = ahead;
        match token.text {
            "rand" => self.random(name, most).map(Some),
            "hash" => self.hash().map(Some),
            _ => Ok(Some(generator)),
        }
    }

    fn random(&mut self, name: &'static str, most: u32) -> Result<Generator, Problem> {
        let span = self.here();
        let missing = Problem::new(span, Message::Missing("A-B")).hint("as in `rand 1-1000`");
        let token = self.lexer.eat_number().ok_or(missing)?;
        let (low, high) = bounds(&token, name, most.into())?;
        Ok(Generator::Random { low, high })
    }

    fn hash(&mut self) -> Result<Generator, Problem> {
        self.need("(")?;
        self.need("dst")?;
        self.need(")")?;
        Ok(Generator::Hash)
    }
}

/// Reads `A-B`, where A is not greater than B.
fn bounds(token: &Token<'_>, name: &'static str, most: u64) -> Result<(u32, u32), Problem> {
    let Some((low, high)) = token.text.split_once('-') else {
        return Err(Problem::new(token.span(), Message::Missing("A-B")).hint("as in `1-1000`"));
    };
    let after = token.start.saturating_add(low.len()).saturating_add(1);
    let first = Token { text: low, ..*token };
    let second = Token { text: high, start: after, ..*token };
    let (low, high): (u32, u32) = (number_of(&first, name, most)?, number_of(&second, name, most)?);
    if low > high {
        let span = Span { start: token.start, length: token.text.len() };
        return Err(Problem::new(span, Message::Order));
    }
    Ok((low, high))
}
