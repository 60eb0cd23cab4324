//! Values: numbers and hexadecimal bytes. Generated values are read beside them.

use super::{
    Block,
    diagnostic::{Message, Problem},
    lexer::{Kind, Span, Token},
    parser::Parser,
};

impl<'a> Parser<'a> {
    /// Reads the number that `name` takes: decimal or `0x…`, from 0 to `most`.
    pub(super) fn number<T: TryFrom<u64>>(
        &mut self,
        name: &'static str,
        most: u64,
    ) -> Result<T, Problem> {
        let span = self.here();
        let Some(token) = self.lexer.eat_number() else {
            return Err(Problem::new(span, Message::Number(name)));
        };
        number_of(&token, name, most)
    }

    /// Reads the number that `name` takes, of the full range of one byte.
    pub(super) fn byte(&mut self, name: &'static str) -> Result<u8, Problem> {
        self.number(name, u8::MAX.into())
    }

    /// Reads the number that `name` takes, of the full range of two bytes.
    pub(super) fn short(&mut self, name: &'static str) -> Result<u16, Problem> {
        self.number(name, u16::MAX.into())
    }

    /// Reads the number that `name` takes, of the full range of four bytes.
    pub(super) fn long(&mut self, name: &'static str) -> Result<u32, Problem> {
        self.number(name, u32::MAX.into())
    }

    /// Reads the `0x…` that `name` takes and appends its bytes; none is enough.
    pub(super) fn bytes(&mut self, name: &'static str, block: &mut Block) -> Result<(), Problem> {
        let span = self.here();
        match self.lexer.next() {
            Some(token) if token.kind == Kind::Word && token.text.starts_with("0x") => {
                self.hex(&token, block)
            }
            _ => Err(Problem::new(span, Message::Hex(name))),
        }
    }

    /// Reads the hexadecimal bytes that `name` takes, with or without `0x`.
    pub(super) fn bare_bytes(
        &mut self,
        name: &'static str,
        block: &mut Block,
    ) -> Result<(), Problem> {
        let span = self.here();
        match self.lexer.next() {
            Some(token) if token.kind == Kind::Word => self.hex(&token, block),
            _ => Err(Problem::new(span, Message::Hex(name))),
        }
    }

    /// Appends the bytes of a token.
    pub(super) fn hex(&self, token: &Token<'a>, block: &mut Block) -> Result<(), Problem> {
        let digits = digits(token)?;
        for pair in digits.as_bytes().as_chunks::<2>().0 {
            let byte = core::str::from_utf8(pair).unwrap_or_default();
            self.put(block, &[u8::from_str_radix(byte, 16).unwrap_or_default()])?;
        }
        Ok(())
    }
}

/// Reads a number that stands in a token.
pub(super) fn number_of<T: TryFrom<u64>>(
    token: &Token<'_>,
    name: &'static str,
    most: u64,
) -> Result<T, Problem> {
    let (digits, radix) = match token.text.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None => (token.text, 10),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return Err(Problem::new(token.span(), Message::Number(name)));
    }
    let value = u64::from_str_radix(digits, radix).ok();
    value
        .filter(|value| *value <= most)
        .and_then(|value| T::try_from(value).ok())
        .ok_or(Problem::new(token.span(), Message::Range { name, most }))
}

/// Tells the hexadecimal digits of a token, two a byte, without their `0x`.
pub(super) fn digits<'a>(token: &Token<'a>) -> Result<&'a str, Problem> {
    let digits = token.text.strip_prefix("0x").unwrap_or(token.text);
    if let Some((at, wrong)) = digits.char_indices().find(|(_, c)| !c.is_ascii_hexdigit()) {
        let before = token.text.len().saturating_sub(digits.len());
        let span = Span {
            start: token.start.saturating_add(before).saturating_add(at),
            length: wrong.len_utf8(),
        };
        return Err(Problem::new(span, Message::HexDigit));
    }
    if digits.len() & 1 != 0 {
        return Err(Problem::new(token.span(), Message::HexOdd));
    }
    Ok(digits)
}
