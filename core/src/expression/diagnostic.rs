//! What is wrong with an expression: where, and what to do about it.

use core::fmt;

use super::lexer::Span;

/// The first place at which a text is no expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// Where the faulty piece begins, in bytes from the start of the text.
    pub offset: usize,
    /// How long it is, in bytes; 0 at the end of the text.
    pub length: usize,
    /// What is wrong.
    pub message: Message,
    /// What can be done.
    pub hint: Option<Hint>,
}

/// What is wrong. Its `Display` is one sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Message {
    /// There is nothing in the text.
    Empty,
    /// A word that is not known among the fields of the segment.
    UnknownWord,
    /// A word that is not known among the options.
    UnknownOption,
    /// A word that is not known in the parenthesis of the IP header.
    UnknownIpField,
    /// Something that cannot stand here.
    Unexpected,
    /// The letter `A` among the flags.
    LetterA,
    /// A letter that is no flag.
    Flag,
    /// The flags stand behind something else.
    FlagsFirst,
    /// A field is stated twice.
    Twice(&'static str),
    /// A number is missing.
    Number(&'static str),
    /// A number is beyond what the field holds.
    Range {
        /// The field.
        name: &'static str,
        /// The greatest value.
        most: u64,
    },
    /// Hexadecimal bytes are missing.
    Hex(&'static str),
    /// A character among hexadecimal digits that is none.
    HexDigit,
    /// An odd number of hexadecimal digits.
    HexOdd,
    /// A field takes so many bytes and no other number.
    Bytes {
        /// The field.
        name: &'static str,
        /// The number of bytes.
        needed: usize,
    },
    /// A word or mark that must stand here is missing.
    Missing(&'static str),
    /// Something is opened and not closed.
    Unclosed,
    /// An escape in a text that is none.
    Escape,
    /// The length that is stated is not that of the data.
    DataLength {
        /// What the text says.
        stated: u64,
        /// What the data has.
        present: u64,
    },
    /// More data than a packet holds.
    DataTooLong(u64),
    /// The length that is stated in the IP header is not that of the packet.
    IpLength {
        /// What the text says.
        stated: usize,
        /// What the packet takes.
        present: usize,
    },
    /// The options do not fit into the header.
    OptionsTooLong {
        /// The bytes that they take.
        needed: usize,
    },
    /// The IP options do not fit into the header.
    IpOptionsTooLong {
        /// The bytes that they take.
        needed: usize,
    },
    /// One option is longer than its length byte can say.
    OptionTooLong,
    /// The length that is stated for an option is not the one that it has.
    OptionLength {
        /// What the text says.
        stated: u64,
        /// What the option takes.
        present: usize,
    },
    /// The number of blocks is not the one that is stated.
    Blocks {
        /// What the text says.
        stated: u64,
        /// How many there are.
        present: u64,
    },
    /// More bytes of options than an expression can hold.
    Capacity,
    /// The line does not tell all that is needed to make the packet again.
    Lossy(&'static str),
    /// Something that is no address and port.
    Address,
    /// No addresses and ports stand before the flags.
    NoAddress,
    /// The fragment offset in bytes is no multiple of eight.
    FragmentBytes,
    /// A field of one IP version, and addresses or another field of the other.
    Family {
        /// The version that has the field.
        needs: u8,
    },
    /// More generated fields than an expression can hold.
    Generators,
    /// The lower bound is above the upper.
    Order,
    /// The two addresses are of different IP versions.
    Addresses,
    /// Extension headers without the kind of the first.
    NextHeader,
}

/// What can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hint {
    /// A word that was perhaps meant.
    Meant(&'static str),
    /// Advice.
    Advice(&'static str),
}

/// A diagnostic whose line and column are yet to be counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Problem {
    pub(super) span: Span,
    pub(super) message: Message,
    pub(super) hint: Option<Hint>,
}

impl Diagnostic {
    pub(super) fn new(text: &str, problem: Problem) -> Self {
        let Span { start, length } = problem.span;
        let before = text.get(..start).unwrap_or(text);
        let line = before.matches('\n').count().saturating_add(1);
        let column = before.rsplit('\n').next().unwrap_or_default();
        Self {
            line,
            column: column.chars().count().saturating_add(1),
            offset: start,
            length,
            message: problem.message,
            hint: problem.hint,
        }
    }

    /// Writes `line:column: message`, the line of `text` with carets under the faulty piece, and
    /// the hint. Each ends in a line feed; control characters are not written.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn render(&self, text: &str, out: &mut impl fmt::Write) -> fmt::Result {
        writeln!(out, "{}:{}: {}", self.line, self.column, self.message)?;
        let line = text.split('\n').nth(self.line.saturating_sub(1));
        let line = line.unwrap_or_default().trim_end_matches('\r');
        line.chars().try_for_each(|c| out.write_char(visible(c)))?;
        out.write_char('\n')?;
        for character in line.chars().take(self.column.saturating_sub(1)) {
            out.write_char(if character == '\t' { '\t' } else { ' ' })?;
        }
        for _ in 0..self.width(text, line) {
            out.write_char('^')?;
        }
        out.write_char('\n')?;
        match self.hint {
            Some(hint) => writeln!(out, "hint: {hint}"),
            None => Ok(()),
        }
    }

    /// Counts the characters of the faulty piece that are on its first line.
    fn width(&self, text: &str, line: &str) -> usize {
        let end = self.offset.saturating_add(self.length);
        let piece = text.get(self.offset..end).unwrap_or_default();
        let piece = piece.split('\n').next().unwrap_or_default();
        let left = line.chars().count().saturating_add(1);
        let left = left.saturating_sub(self.column).max(1);
        piece.chars().count().clamp(1, left)
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message.fmt(out)
    }
}

impl core::error::Error for Diagnostic {}

impl fmt::Display for Message {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Twice(name) => write!(out, "`{name}` is stated twice"),
            Self::Number(name) => write!(out, "`{name}` takes a number"),
            Self::Range { name, most } => write!(out, "`{name}` takes a number from 0 to {most}"),
            Self::Hex(name) => write!(out, "`{name}` takes bytes as `0x…`"),
            Self::Bytes { name, needed } => write!(out, "`{name}` takes {needed} bytes"),
            Self::Missing(word) => write!(out, "`{word}` is missing here"),
            Self::Lossy(what) => write!(out, "this does not tell {what}"),
            Self::Family { needs } => write!(out, "this is of IPv{needs} only"),
            other => other.counts(out),
        }
    }
}

impl Message {
    /// Writes the sentences that compare two lengths, and those that are always the same.
    fn counts(self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DataLength { stated, present } => {
                write!(out, "{stated} bytes of data are stated, there are {present}")
            }
            Self::DataTooLong(length) => {
                write!(out, "{length} bytes of data are more than the 65535 of a packet")
            }
            Self::IpLength { stated, present } => {
                write!(out, "the IP length says {stated} bytes, what is stated takes {present}")
            }
            Self::OptionsTooLong { needed } => {
                write!(out, "the options take {needed} bytes, a TCP header holds 40")
            }
            Self::IpOptionsTooLong { needed } => {
                write!(out, "the IP options take {needed} bytes, an IPv4 header holds 40")
            }
            Self::OptionLength { stated, present } => {
                write!(out, "the length {stated} is stated, the option takes {present}")
            }
            Self::Blocks { stated, present } => {
                write!(out, "{stated} blocks are stated, there are {present}")
            }
            other => out.write_str(other.fixed()),
        }
    }

    /// Tells the sentences that hold neither number nor name.
    const fn fixed(self) -> &'static str {
        match self {
            Self::Empty => "the expression is empty",
            Self::UnknownWord => "this word is not known",
            Self::UnknownOption => "this option is not known",
            Self::UnknownIpField => "this field of the IP header is not known",
            Self::LetterA => "`A` is no flag",
            Self::Flag => "this is no flag",
            Self::FlagsFirst => "the flags stand at the beginning",
            Self::HexDigit => "this is no hexadecimal digit",
            Self::HexOdd => "the number of hexadecimal digits is odd",
            Self::Unclosed => "this is not closed",
            Self::Escape => "this is no escape",
            Self::OptionTooLong => "this option takes more than 255 bytes",
            Self::Capacity => "this is more than the 320 bytes that an expression holds",
            Self::Address => "this is no address and port",
            Self::NoAddress => "no addresses and ports stand before the flags",
            Self::FragmentBytes => "a fragment offset in bytes is a multiple of 8",
            Self::Generators => "these are more than the 16 generated fields of an expression",
            Self::Order => "the first number is greater than the second",
            Self::Addresses => "this address is not of the other's IP version",
            Self::NextHeader => "`ext` needs `next N`, the kind of the first extension header",
            _ => "this has no place here",
        }
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Meant(word) => write!(out, "did you mean `{word}`?"),
            Self::Advice(advice) => out.write_str(advice),
        }
    }
}

impl Problem {
    pub(super) const fn new(span: Span, message: Message) -> Self {
        Self { span, message, hint: None }
    }

    pub(super) const fn hint(self, advice: &'static str) -> Self {
        Self { hint: Some(Hint::Advice(advice)), ..self }
    }

    pub(super) const fn meant(self, word: Option<&'static str>) -> Self {
        match word {
            Some(word) => Self { hint: Some(Hint::Meant(word)), ..self },
            None => self,
        }
    }
}

/// Keeps a terminal from obeying the text.
fn visible(character: char) -> char {
    match character {
        '\t' => '\t',
        control if control.is_control() => char::REPLACEMENT_CHARACTER,
        other => other,
    }
}
