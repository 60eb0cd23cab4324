//! The list of TCP options: tcpdump's names for them, and ours for any bytes.

use super::{
    Block,
    diagnostic::{Message, Problem},
    keyword::{self, Field, Place},
    lexer::{Kind, Token},
    number::number_of,
    parser::Parser,
};
use crate::wire::options::{MAX_LENGTH, kind};

impl<'a> Parser<'a> {
    /// Reads the list that `open` opens.
    pub(super) fn options(&mut self, open: &Token<'a>) -> Result<(), Problem> {
        self.options_once(open)?;
        let close = if open.is("<") { ">" } else { "]" };
        let mut block = Block::new();
        loop {
            self.lexer.eat(",");
            let Some(token) = self.lexer.next() else {
                return Err(Problem::new(open.span(), Message::Unclosed));
            };
            if token.is(close) {
                self.out.options = Some(block);
                return Ok(());
            }
            self.at = token.span();
            if token.is(">") || token.is("]") || token.is(")") {
                return Err(Problem::new(self.at, Message::Missing(close)));
            }
            self.option(&token, &mut block).map_err(|problem| self.unprinted_option(problem))?;
            if block.len() > MAX_LENGTH {
                self.excess.get_or_insert(token.span());
            }
        }
    }

    /// Reads one option that begins with `token`.
    fn option(&mut self, token: &Token<'a>, block: &mut Block) -> Result<(), Problem> {
        if token.kind != Kind::Word {
            return Err(Problem::new(token.span(), Message::Unexpected));
        }
        if let Some(number) = token.text.strip_prefix("unknown-") {
            return self.unknown_option(token, number, block);
        }
        match keyword::find(Place::Option, token.text) {
            Some(keyword) => self.known_option(keyword.word, keyword.field, block),
            None => self.unnamed_option(token, block),
        }
    }

    fn known_option(
        &mut self,
        name: &'static str,
        field: Field,
        block: &mut Block,
    ) -> Result<(), Problem> {
        match field {
            Field::End => self.put(block, &[kind::END]),
            Field::Nop => self.put(block, &[kind::NOP]),
            Field::SackPermitted => self.put(block, &[kind::SACK_PERMITTED, 2]),
            Field::MaximumSegmentSize => {
                self.put(block, &[kind::MAXIMUM_SEGMENT_SIZE, 4])?;
                self.option_number(name, 2, false, block)
            }
            Field::WindowScale => {
                self.put(block, &[kind::WINDOW_SCALE, 3])?;
                self.option_number(name, 1, false, block)
            }
            Field::Timestamps => self.timestamps(block),
            Field::Sack => self.sack(block),
            Field::AnyOption => self.any_option(block),
            Field::Raw => self.bytes(name, block),
            _ => self.rare_option(name, field, block),
        }
    }

    fn rare_option(
        &mut self,
        name: &'static str,
        field: Field,
        block: &mut Block,
    ) -> Result<(), Problem> {
        match field {
            Field::Echo => self.number_option(name, ECHO, block),
            Field::EchoReply => self.number_option(name, ECHO_REPLY, block),
            Field::ConnectionCount => self.number_option(name, CC, block),
            Field::ConnectionCountNew => self.number_option(name, CC_NEW, block),
            Field::ConnectionCountEcho => self.number_option(name, CC_ECHO, block),
            Field::Md5 => self.md5(block),
            Field::Scps => self.scps(block),
            Field::UserTimeout => self.user_timeout(name, block),
            Field::Authentication => self.authentication(block),
            Field::FastOpen => self.fast_open(&[kind::FAST_OPEN, 0], block),
            Field::FastOpenExperiment => {
                self.fast_open(&[kind::EXPERIMENT_2, 0, 0xf9, 0x89], block)
            }
            _ => self.mptcp(block),
        }
    }

    fn timestamps(&mut self, block: &mut Block) -> Result<(), Problem> {
        self.need("val")?;
        self.put(block, &[kind::TIMESTAMPS, 10])?;
        self.option_number("val", 4, true, block)?;
        self.need("ecr")?;
        self.option_number("ecr", 4, false, block)
    }

    /// Reads `sack N {a:b}{c:d}`; the number may be left out.
    fn sack(&mut self, block: &mut Block) -> Result<(), Problem> {
        if self.lexer.peek().is_some_and(|token| token.is("invalid")) {
            return Err(Problem::new(self.here(), Message::Unexpected));
        }
        let stated = self.lexer.eat_number();
        let begin = open_option(self, &[kind::SACK, 0], block)?;
        let mut present = 0_u64;
        while self.lexer.eat("{") {
            let left = self.long("sack")?;
            self.need(":")?;
            let right = self.long("sack")?;
            self.need("}")?;
            self.put(block, &left.to_be_bytes())?;
            self.put(block, &right.to_be_bytes())?;
            present = present.saturating_add(1);
        }
        if let Some(token) = stated {
            let stated = number_of(&token, "sack", u64::MAX)?;
            if stated != present {
                return Err(Problem::new(token.span(), Message::Blocks { stated, present }));
            }
        }
        close_option(self, begin, block)
    }

    /// Reads `opt KIND [len N] [0xHEX] [GENERATOR]`.
    fn any_option(&mut self, block: &mut Block) -> Result<(), Problem> {
        let kind = self.byte("opt")?;
        let length = if self.lexer.eat("len") { Some(self.byte("len")?) } else { None };
        let begin = open_option(self, &[kind, 0], block)?;
        self.optional_bytes("opt", block)?;
        self.option_generator(block)?;
        match (length, block.get_mut(begin.saturating_add(1))) {
            (Some(length), Some(slot)) => {
                *slot = length;
                Ok(())
            }
            _ => close_option(self, begin, block),
        }
    }

    /// Reads `unknown-NN [0xHEX]`.
    fn unknown_option(
        &mut self,
        token: &Token<'a>,
        number: &'a str,
        block: &mut Block,
    ) -> Result<(), Problem> {
        let skipped = token.text.len().saturating_sub(number.len());
        let number = Token { text: number, start: token.start.saturating_add(skipped), ..*token };
        let kind: u8 = number_of(&number, "unknown-", u8::MAX.into())?;
        let begin = open_option(self, &[kind, 0], block)?;
        self.optional_bytes("unknown-", block)?;
        close_option(self, begin, block)
    }

    /// Reads `exp-aabb [0xHEX]`, or the bare number that tcpdump prints for `ccecho`.
    fn unnamed_option(&mut self, token: &Token<'a>, block: &mut Block) -> Result<(), Problem> {
        let id = token.text.strip_prefix("exp-");
        let id = id.filter(|id| id.len() == 4 && id.bytes().all(|b| b.is_ascii_hexdigit()));
        if let Some(id) = id.and_then(|id| u16::from_str_radix(id, 16).ok()) {
            let [a, b] = id.to_be_bytes();
            let begin = open_option(self, &[kind::EXPERIMENT_2, 0, a, b], block)?;
            self.optional_bytes("exp-", block)?;
            return close_option(self, begin, block);
        }
        if self.printed && token.is_number() {
            let value: u32 = number_of(token, "ccecho", u32::MAX.into())?;
            self.put(block, &[CC_ECHO, 6])?;
            return self.put(block, &value.to_be_bytes());
        }
        let near = keyword::nearest(Place::Option, token.text);
        let problem = Problem::new(token.span(), Message::UnknownOption).meant(near);
        Err(if near.is_none() {
            problem.hint("any option can be written as `opt KIND 0x…`")
        } else {
            problem
        })
    }

    fn number_option(
        &mut self,
        name: &'static str,
        kind: u8,
        block: &mut Block,
    ) -> Result<(), Problem> {
        self.put(block, &[kind, 6])?;
        self.option_number(name, 4, false, block)
    }

    /// Reads `md5 0x…`, or tcpdump's `md5 shared secret not supplied with -M, can't check - …`.
    fn md5(&mut self, block: &mut Block) -> Result<(), Problem> {
        let begin = open_option(self, &[kind::MD5, 0], block)?;
        let at = self.here();
        while let Some(token) = self.lexer.peek() {
            if token.text.starts_with("0x") || is_digest(&token) {
                break;
            }
            if token.kind != Kind::Word && !token.is(",") {
                return Err(self.lossy());
            }
            self.lexer.next();
        }
        let digest = self.here();
        self.bare_bytes("md5", block).map_err(|problem| match problem.message {
            Message::Hex(_) => Problem::new(at, problem.message),
            _ => problem,
        })?;
        let needed = 16;
        if block.len() != begin.saturating_add(2).saturating_add(needed) {
            let name = "md5";
            return Err(Problem::new(digest, Message::Bytes { name, needed })
                .hint("`opt 19 0x…` has any length"));
        }
        close_option(self, begin, block)
    }

    /// Reads `scps cap 0a id 5`.
    fn scps(&mut self, block: &mut Block) -> Result<(), Problem> {
        self.need("cap")?;
        let begin = open_option(self, &[SCPS, 0], block)?;
        self.bare_bytes("cap", block)?;
        self.need("id")?;
        let id = self.byte("id")?;
        self.put(block, &[id])?;
        close_option(self, begin, block)
    }

    /// Reads `uto 0x800a`, and passes over what tcpdump makes of the number.
    fn user_timeout(&mut self, name: &'static str, block: &mut Block) -> Result<(), Problem> {
        let [a, b] = self.short(name)?.to_be_bytes();
        self.lexer.eat_number();
        self.put(block, &[kind::USER_TIMEOUT, 4, a, b])
    }

    /// Reads `tcp-ao keyid N rnextkeyid N [mac 0x…]`.
    fn authentication(&mut self, block: &mut Block) -> Result<(), Problem> {
        self.need("keyid")?;
        let key = self.byte("keyid")?;
        self.need("rnextkeyid")?;
        let next = self.byte("rnextkeyid")?;
        let begin = open_option(self, &[kind::AUTHENTICATION, 0, key, next], block)?;
        if self.lexer.eat("mac") {
            self.bytes("mac", block)?;
        }
        close_option(self, begin, block)
    }

    /// Reads `cookiereq` or `cookie HEX` behind the bytes that begin the option.
    fn fast_open(&mut self, start: &[u8], block: &mut Block) -> Result<(), Problem> {
        let begin = open_option(self, start, block)?;
        if !self.lexer.eat("cookiereq") {
            self.need("cookie")?;
            self.bare_bytes("cookie", block)?;
        }
        close_option(self, begin, block)
    }

    /// Finds whether what is wrong with an option is that tcpdump did not print all of it: `[bad
    /// opt]`, `[len 5]`, `(invalid)`, `invalid sack`.
    fn unprinted_option(&self, problem: Problem) -> Problem {
        let text = self.out.text.get(problem.span.start..).unwrap_or_default();
        let next = self.lexer.peek();
        if text.starts_with(['[', '('])
            || text.starts_with("invalid sack")
            || next.is_some_and(|next| next.is("["))
        {
            self.lossy()
        } else {
            problem
        }
    }

    /// Refuses an option of which tcpdump did not print all.
    pub(super) fn lossy(&self) -> Problem {
        Problem::new(self.at, Message::Lossy("the bytes of the option"))
            .hint("write the option as `opt KIND [len N] 0x…`")
    }

    fn optional_bytes(&mut self, name: &'static str, block: &mut Block) -> Result<(), Problem> {
        match self.lexer.peek() {
            Some(token) if token.kind == Kind::Word && token.text.starts_with("0x") => {
                self.bytes(name, block)
            }
            _ => Ok(()),
        }
    }
}

/// Writes the start of an option, kind and a length yet to be known, and tells its place.
pub(super) fn open_option(
    parser: &Parser<'_>,
    start: &[u8],
    block: &mut Block,
) -> Result<usize, Problem> {
    let begin = block.len();
    parser.put(block, start)?;
    Ok(begin)
}

/// Sets the length of the option that begins at `begin`.
pub(super) fn close_option(
    parser: &Parser<'_>,
    begin: usize,
    block: &mut Block,
) -> Result<(), Problem> {
    let length = u8::try_from(block.len().saturating_sub(begin))
        .map_err(|_| Problem::new(parser.at, Message::OptionTooLong))?;
    if let Some(slot) = block.get_mut(begin.saturating_add(1)) {
        *slot = length;
    }
    Ok(())
}

/// Tells whether this is a digest as tcpdump prints it.
fn is_digest(token: &Token<'_>) -> bool {
    token.text.len() == 32 && token.text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

// Kinds that are obsolete or no standard, and that tcpdump has names for.
const ECHO: u8 = 6;
const ECHO_REPLY: u8 = 7;
const CC: u8 = 11;
const CC_NEW: u8 = 12;
const CC_ECHO: u8 = 13;
const SCPS: u8 = 20;
