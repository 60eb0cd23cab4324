//! Multipath TCP options in tcpdump's words.
//!
//! tcpdump leaves out flags that it does not know. They are written as RFC 8684 sets them.

use core::net::IpAddr;

use super::{
    Block,
    diagnostic::{Message, Problem},
    keyword::{self, Field, Place},
    lexer::{Span, Token},
    number::number_of,
    options::{close_option, open_option},
    parser::Parser,
};
use crate::wire::options::kind;

impl<'a> Parser<'a> {
    /// Reads what follows `mptcp`: the option's length, the name of the subtype, and its fields.
    pub(super) fn mptcp(&mut self, block: &mut Block) -> Result<(), Problem> {
        let stated_at = self.here();
        let stated = self.byte("mptcp")?;
        let token = self.take("capable")?;
        let Some(keyword) = keyword::find(Place::Mptcp, token.text) else {
            if token.is("unknown") {
                return Err(self.lossy());
            }
            let near = keyword::nearest(Place::Mptcp, token.text);
            return Err(Problem::new(token.span(), Message::UnknownOption)
                .hint("any option can be written as `opt KIND 0x…`")
                .meant(near));
        };
        let begin = open_option(self, &[kind::MPTCP, 0], block)?;
        self.subtype(keyword.field, stated, block)?;
        close_option(self, begin, block)?;
        let present = block.len().saturating_sub(begin);
        self.mptcp_length(stated_at, stated, present)
    }

    /// Checks the length against what is told; tcpdump passes over the data length of `capable`.
    fn mptcp_length(&self, at: Span, stated: u8, present: usize) -> Result<(), Problem> {
        if self.printed && usize::from(stated) > present {
            return Err(self.lossy());
        }
        if usize::from(stated) == present {
            return Ok(());
        }
        let stated = stated.into();
        Err(Problem::new(at, Message::OptionLength { stated, present })
            .hint("`opt 30 len N 0x…` has any bytes and any length"))
    }

    fn subtype(&mut self, field: Field, stated: u8, block: &mut Block) -> Result<(), Problem> {
        match field {
            Field::Capable => self.capable(block),
            Field::Join => self.join(stated, block),
            Field::DataSequence => self.data_sequence(stated, block),
            Field::AddAddress => self.add_address(stated, block),
            Field::RemoveAddress => self.remove_address(block),
            Field::Priority => self.priority(block),
            Field::Fail => {
                self.need("seq")?;
                let seq: u64 = self.number("seq", u64::MAX)?;
                self.put(block, &[0x60, 0])?;
                self.put(block, &seq.to_be_bytes())
            }
            _ => {
                self.need("key")?;
                let key: u64 = self.number("key", u64::MAX)?;
                self.put(block, &[0x70, 0])?;
                self.put(block, &key.to_be_bytes())
            }
        }
    }

    /// Reads `v1 [csum] [{0x…[,0x…]}] [len N [csum 0x…]]`.
    fn capable(&mut self, block: &mut Block) -> Result<(), Problem> {
        let version = if self.lexer.eat("v0") { 0 } else { 1 };
        if version == 1 {
            self.need("v1")?;
        }
        let checksum = if self.lexer.eat("csum") { 0x80 } else { 0 };
        self.put(block, &[version, checksum | 1])?;
        if !self.lexer.eat("{") {
            return Ok(());
        }
        while !self.lexer.eat("}") {
            let key: u64 = self.number("capable", u64::MAX)?;
            self.put(block, &key.to_be_bytes())?;
            self.lexer.eat(",");
        }
        if self.lexer.eat("len") {
            let length = self.short("len")?;
            self.put(block, &length.to_be_bytes())?;
            self.optional_checksum(block)?;
        }
        Ok(())
    }

    /// Reads `[backup] id N token 0x… nonce 0x…`, or `… hmac 0x… nonce 0x…`, or `hmac 0x…`.
    fn join(&mut self, stated: u8, block: &mut Block) -> Result<(), Problem> {
        let backup = u8::from(self.lexer.eat("backup"));
        let id = if self.lexer.eat("id") { self.byte("id")? } else { 0 };
        self.put(block, &[0x10 | backup, id])?;
        if stated == 24 {
            self.need("hmac")?;
            return self.bytes("hmac", block);
        }
        if self.lexer.eat("token") {
            let token = self.long("token")?;
            self.put(block, &token.to_be_bytes())?;
        } else {
            self.need("hmac")?;
            let code: u64 = self.number("hmac", u64::MAX)?;
            self.put(block, &code.to_be_bytes())?;
        }
        self.need("nonce")?;
        let nonce = self.long("nonce")?;
        self.put(block, &nonce.to_be_bytes())
    }

    /// Reads `[fin] [ack N] [seq N subseq N len N [csum 0x…]]`.
    fn data_sequence(&mut self, stated: u8, block: &mut Block) -> Result<(), Problem> {
        let mut flags = if self.lexer.eat("fin") { 0x10 } else { 0 };
        let ack = self.optional_number("ack")?;
        let seq = self.optional_number("seq")?;
        let mut mapping = Block::new();
        if seq.is_some() {
            self.need("subseq")?;
            let subflow = self.long("subseq")?;
            self.put(&mut mapping, &subflow.to_be_bytes())?;
            self.need("len")?;
            let length = self.short("len")?;
            self.put(&mut mapping, &length.to_be_bytes())?;
            self.optional_checksum(&mut mapping)?;
        }
        let fixed = mapping.len().saturating_add(4);
        let room = usize::from(stated).saturating_sub(fixed);
        let (ack_long, seq_long) = widths(ack, seq, room);
        flags |= u8::from(ack.is_some()) | u8::from(ack_long) << 1;
        flags |= u8::from(seq.is_some()) << 2 | u8::from(seq_long) << 3;
        self.put(block, &[0x20, flags])?;
        self.put_number(ack, ack_long, block)?;
        self.put_number(seq, seq_long, block)?;
        self.put(block, &mapping)
    }

    /// Reads `v1 id N ADDRESS[:PORT] [hmac 0x…]`.
    fn add_address(&mut self, stated: u8, block: &mut Block) -> Result<(), Problem> {
        let token = self.take("v1")?;
        let low = match token.text {
            "v1" => 0,
            "v1-echo" => 1,
            "v0-ip4" => 4,
            "v0-ip6" => 6,
            _ => return Err(Problem::new(token.span(), Message::Missing("v1"))),
        };
        self.need("id")?;
        let id = self.byte("id")?;
        self.put(block, &[0x30 | low, id])?;
        let ends = |c: char| c.is_whitespace() || matches!(c, ',' | ']' | '>');
        let Some(token) = self.lexer.until(ends) else {
            return Err(Problem::new(self.here(), Message::Address));
        };
        let (address, port) = address(&token, stated)?;
        match address {
            IpAddr::V4(address) => self.put(block, &address.octets())?,
            IpAddr::V6(address) => self.put(block, &address.octets())?,
        }
        if let Some(port) = port {
            self.put(block, &port.to_be_bytes())?;
        }
        if self.lexer.eat("hmac") {
            let code: u64 = self.number("hmac", u64::MAX)?;
            self.put(block, &code.to_be_bytes())?;
        }
        Ok(())
    }

    /// Reads `id N N N`.
    fn remove_address(&mut self, block: &mut Block) -> Result<(), Problem> {
        self.need("id")?;
        self.put(block, &[0x40])?;
        let first = self.byte("id")?;
        self.put(block, &[first])?;
        while let Some(token) = self.lexer.eat_number() {
            self.put(block, &[number_of(&token, "id", u8::MAX.into())?])?;
        }
        Ok(())
    }

    /// Reads `backup|non-backup [id N]`.
    fn priority(&mut self, block: &mut Block) -> Result<(), Problem> {
        let backup = self.lexer.eat("backup");
        if !backup {
            self.need("non-backup")?;
        }
        self.put(block, &[0x50 | u8::from(backup)])?;
        if self.lexer.eat("id") {
            let id = self.byte("id")?;
            self.put(block, &[id])?;
        }
        Ok(())
    }

    fn optional_number(&mut self, name: &'static str) -> Result<Option<u64>, Problem> {
        if self.lexer.eat(name) { self.number(name, u64::MAX).map(Some) } else { Ok(None) }
    }

    fn optional_checksum(&mut self, block: &mut Block) -> Result<(), Problem> {
        if self.lexer.eat("csum") {
            let checksum = self.short("csum")?;
            self.put(block, &checksum.to_be_bytes())?;
        }
        Ok(())
    }

    fn put_number(&self, value: Option<u64>, long: bool, out: &mut Block) -> Result<(), Problem> {
        let bytes = value.unwrap_or_default().to_be_bytes();
        match value {
            None => Ok(()),
            Some(_) if long => self.put(out, &bytes),
            Some(_) => self.put(out, bytes.last_chunk::<4>().map_or(&[], |low| low)),
        }
    }
}

/// Tells whether the data acknowledgement and the data sequence number have 64 bits, where they
/// have `room` bytes. Where it could be either of them, it is the sequence number, as with Linux.
fn widths(ack: Option<u64>, seq: Option<u64>, room: usize) -> (bool, bool) {
    let large = |value: Option<u64>| value.is_some_and(|value| value > u32::MAX.into());
    match (ack, seq) {
        (Some(_), Some(_)) => match room {
            0..12 => (large(ack), large(seq)),
            12 if large(ack) => (true, large(seq)),
            12 => (false, true),
            _ => (true, true),
        },
        _ => {
            let long = room >= 8 || large(ack) || large(seq);
            (long && ack.is_some(), long && seq.is_some())
        }
    }
}

/// Reads an address, and the port behind a colon if the option's length has room for it.
fn address(token: &Token<'_>, stated: u8) -> Result<(IpAddr, Option<u16>), Problem> {
    let wrong = Problem::new(token.span(), Message::Address);
    if !matches!(stated, 10 | 18 | 22 | 30) {
        return token.text.parse().map(|address| (address, None)).map_err(|_| wrong);
    }
    let (address, port) = token.text.rsplit_once(':').ok_or(wrong)?;
    match (address.parse(), port.parse()) {
        (Ok(address), Ok(port)) => Ok((address, Some(port))),
        _ => Err(wrong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_follow_from_the_room() {
        let (small, large) = (Some(1), Some(1 << 32));
        assert_eq!(widths(small, None, 4), (false, false));
        assert_eq!(widths(small, None, 8), (true, false));
        assert_eq!(widths(None, small, 8), (false, true));
        assert_eq!(widths(small, small, 8), (false, false));
        assert_eq!(widths(small, small, 12), (false, true));
        assert_eq!(widths(large, small, 12), (true, false));
        assert_eq!(widths(small, small, 16), (true, true));
    }
}
