//! The fields of the segment.

use super::{
    diagnostic::{Message, Problem},
    generator::Place as Filled,
    keyword::{self, Field, Keyword, Place},
    lexer::{Kind, Span, Token},
    number::{digits, number_of},
    parser::Parser,
};
use crate::{
    craft::{Checksum, Payload},
    wire::tcp::{Flags, Seq},
};

impl<'a> Parser<'a> {
    /// Reads `Flags [S.]`.
    pub(super) fn flags_printed(&mut self) -> Result<(), Problem> {
        self.need("Flags")?;
        self.need("[")?;
        let token = self.take("]")?;
        self.out.flags = Some(flags(&token)?);
        self.need("]")?;
        if self.lexer.peek().is_some_and(|token| token.is("[")) {
            return Err(Problem::new(self.here(), Message::Lossy("the rest of the header")));
        }
        Ok(())
    }

    /// Reads the flags of the short form, if it begins with them.
    pub(super) fn flags_short(&mut self) -> Result<(), Problem> {
        let Some(token) = self.lexer.peek().filter(|token| token.kind == Kind::Word) else {
            return Ok(());
        };
        let known = keyword::find(Place::Segment, token.text).is_some();
        let letters = token.text.chars();
        let alike = token.text == "none"
            || letters.clone().all(|letter| flag(letter).is_some() || letter == 'A')
            || letters.clone().all(|letter| letter.is_ascii_uppercase() || letter == '.');
        if known || !alike {
            return Ok(());
        }
        self.out.flags = Some(flags(&token)?);
        self.lexer.next();
        Ok(())
    }

    /// Reads all that follows the flags.
    pub(super) fn fields(&mut self) -> Result<(), Problem> {
        loop {
            self.lexer.eat(",");
            let Some(token) = self.lexer.next() else {
                return Ok(());
            };
            self.at = token.span();
            let last = self.item(&token)?;
            if last {
                return Ok(());
            }
        }
    }

    /// Reads one field; true if what follows it is no part of the expression.
    fn item(&mut self, token: &Token<'a>) -> Result<bool, Problem> {
        match token.kind {
            Kind::Text | Kind::Unclosed => self.data(token)?,
            Kind::Word if token.text.starts_with("0x") => self.data(token)?,
            Kind::Word => return self.word(token),
            Kind::Mark => match token.text {
                "[" if self.lexer.peek().is_some_and(|next| next.is("|tcp")) => {
                    let span = token.span();
                    return Err(Problem::new(span, Message::Lossy("the rest of the header")));
                }
                "<" | "[" => self.options(token)?,
                "(" => self.network(token)?,
                _ => return Err(Problem::new(token.span(), Message::Unexpected)),
            },
        }
        Ok(false)
    }

    fn word(&mut self, token: &Token<'a>) -> Result<bool, Problem> {
        let Some(keyword) = keyword::find(Place::Segment, token.text) else {
            return Err(unknown(token));
        };
        if keyword.field != Field::Options {
            self.once(keyword)?;
        }
        let name = keyword.word;
        match keyword.field {
            Field::Seq => self.seq()?,
            Field::Ack if self.generated(name, u32::MAX, Filled::Ack)? => {}
            Field::Ack => self.out.ack = Some(Seq(self.long(name)?)),
            Field::Window if self.generated(name, u16::MAX.into(), Filled::Window)? => {}
            Field::Window => self.out.window = Some(self.short(name)?),
            Field::Urgent if self.generated(name, u16::MAX.into(), Filled::Urgent)? => {}
            Field::Urgent => self.out.urgent = Some(self.short(name)?),
            Field::SourcePort => self.source_ports()?,
            Field::Checksum => self.out.checksum = Some(self.checksum(name)?),
            Field::DataOffset => self.out.data_offset = Some(self.number(name, 15)?),
            Field::Reserved => self.out.reserved = Some(self.number(name, 7)?),
            Field::Fill => self.fill()?,
            Field::Length => return self.length(),
            _ => self.options_word()?,
        }
        Ok(false)
    }

    /// Reads `A`, `A:B` or `A:B(N)`.
    fn seq(&mut self) -> Result<(), Problem> {
        if self.generated("seq", u32::MAX, Filled::Seq)? {
            return Ok(());
        }
        let first = self.lexer.peek();
        let start = Seq(self.long("seq")?);
        self.out.seq = Some(start);
        if !self.lexer.eat(":") {
            return Ok(());
        }
        let begin = first.map_or(self.at, |token| token.span());
        let last = self.here();
        let end = Seq(self.long("seq")?);
        let difference = u64::from(end.since(start));
        let stop = last.start.saturating_add(last.length);
        let span = Span { start: begin.start, length: stop.saturating_sub(begin.start) };
        self.seq_length = Some((difference, span));
        let mut ahead = self.lexer;
        if !ahead.eat("(") || ahead.eat_number().is_none() || !ahead.eat(")") {
            return Ok(());
        }
        self.lexer.eat("(");
        let span = self.here();
        let stated = self.number("seq", u32::MAX.into())?;
        self.lexer.eat(")");
        if stated == difference {
            return Ok(());
        }
        let present = difference;
        Err(Problem::new(span, Message::DataLength { stated, present }))
    }

    /// Reads `bad` or a number, and what tcpdump found of it: a checksum that was right is computed
    /// again, so that a line can be changed.
    pub(super) fn checksum(&mut self, name: &'static str) -> Result<Checksum, Problem> {
        if self.lexer.eat("bad") {
            return Ok(Checksum::Bad);
        }
        let value = self.short(name)?;
        let mut ahead = self.lexer;
        let open = ahead.peek();
        let verdict = if ahead.eat("(") { ahead.next() } else { None };
        let Some(verdict) = verdict.filter(|word| word.is("correct") || word.is("incorrect"))
        else {
            return Ok(Checksum::Forced(value));
        };
        self.lexer = ahead;
        if !self.lexer.skip_parenthesis() {
            let span = open.map_or(self.at, |open| open.span());
            return Err(Problem::new(span, Message::Unclosed));
        }
        // No computed checksum is 0xffff, but it is correct where 0 is.
        let computed = verdict.is("correct") && value != u16::MAX;
        Ok(if computed { Checksum::Computed } else { Checksum::Forced(value) })
    }

    /// Reads `len N fill 0xNN`.
    fn fill(&mut self) -> Result<(), Problem> {
        let length = self.number("len", u16::MAX.into())?;
        let byte = if self.lexer.eat("fill") { self.byte("fill")? } else { 0 };
        self.payload(Payload::Fill { byte, length })
    }

    /// Reads tcpdump's `length N`; true if what follows is what tcpdump makes of the payload, or the
    /// bytes that it prints with `-x`.
    fn length(&mut self) -> Result<bool, Problem> {
        let span = self.here();
        self.length = Some((self.number("length", u16::MAX.into())?, span));
        let mut ahead = self.lexer;
        let next = ahead.next();
        let guess = next.is_some_and(|next| next.is(":") || next.is("["));
        let dump = next.is_some_and(|next| next.is_number()) && ahead.eat(":");
        Ok(self.printed && (guess || dump))
    }

    fn data(&mut self, token: &Token<'a>) -> Result<(), Problem> {
        let payload = match token.kind {
            Kind::Unclosed => {
                let span = Span { start: token.start, length: 1 };
                return Err(Problem::new(span, Message::Unclosed));
            }
            Kind::Text => {
                check_escapes(token)?;
                Payload::Text(token.text)
            }
            _ => Payload::Hex(digits(token)?),
        };
        self.payload(payload)
    }

    fn payload(&mut self, payload: Payload<'a>) -> Result<(), Problem> {
        if self.out.payload.is_some() {
            return Err(Problem::new(self.at, Message::Twice("data")));
        }
        self.out.payload = Some(payload);
        Ok(())
    }

    /// Reads the list that follows the word `options`.
    fn options_word(&mut self) -> Result<(), Problem> {
        let token = self.take("[")?;
        if token.is("[") || token.is("<") {
            self.options(&token)
        } else {
            Err(Problem::new(token.span(), Message::Missing("[")))
        }
    }

    /// Notes that the list of options begins.
    pub(super) fn options_once(&mut self, open: &Token<'a>) -> Result<(), Problem> {
        self.at = open.span();
        self.once(Keyword { word: "options", place: Place::Segment, field: Field::Options })
    }
}

/// Reads the letters of the flags.
fn flags(token: &Token<'_>) -> Result<Flags, Problem> {
    if token.text == "none" {
        return Ok(Flags::NONE);
    }
    let mut flags = Flags::NONE;
    for (at, letter) in token.text.char_indices() {
        let span = Span { start: token.start.saturating_add(at), length: letter.len_utf8() };
        flags = match flag(letter) {
            Some(flag) => flags.with(flag),
            None if letter == 'A' => {
                return Err(
                    Problem::new(span, Message::LetterA).hint("use `.` for ACK, `e` for AE")
                );
            }
            None => {
                return Err(Problem::new(span, Message::Flag)
                    .hint("the flags are letters of `S F R P . U E W e`, or `none`"));
            }
        };
    }
    Ok(flags)
}

fn flag(letter: char) -> Option<Flags> {
    FLAGS.iter().find(|(known, _)| *known == letter).map(|(_, flag)| *flag)
}

fn unknown(token: &Token<'_>) -> Problem {
    let near = keyword::nearest(Place::Segment, token.text);
    let letters = |letter| flag(letter).is_some() || letter == 'A';
    if near.is_none() && token.text.chars().all(letters) {
        return match flags(token) {
            Ok(_) => Problem::new(token.span(), Message::FlagsFirst),
            Err(problem) => problem,
        };
    }
    let problem = Problem::new(token.span(), Message::UnknownWord);
    if near.is_none() && keyword::find(Place::Option, token.text).is_some() {
        return problem.hint("options stand in `<…>`");
    }
    if near.is_none() && keyword::find(Place::Network, token.text).is_some() {
        return problem.hint("fields of the IP header stand in `(…)`");
    }
    if number_of::<u64>(token, "data", u64::MAX).is_ok() {
        return problem.hint("data stands in quotes, or as `0x…`");
    }
    problem.meant(near)
}

/// Refuses a backslash that begins no escape.
fn check_escapes(token: &Token<'_>) -> Result<(), Problem> {
    let mut rest = token.text;
    while let Some((_, after)) = rest.split_once('\\') {
        let escape = escape_length(after);
        let Some(tail) = after.get(escape..).filter(|_| escape > 0) else {
            let before = token.text.len().saturating_sub(after.len());
            let wrong = after.chars().next().map_or(0, char::len_utf8);
            let span =
                Span { start: token.start.saturating_add(before), length: wrong.saturating_add(1) };
            return Err(Problem::new(span, Message::Escape)
                .hint(r#"the escapes are `\r \n \t \0 \\ \" \xNN`"#));
        };
        rest = tail;
    }
    Ok(())
}

/// Tells how long the escape after a backslash is; 0 if it is none.
fn escape_length(after: &str) -> usize {
    match after.as_bytes() {
        [b'r' | b'n' | b't' | b'0' | b'\\' | b'"', ..] => 1,
        [b'x', a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => 3,
        _ => 0,
    }
}

/// The letters in the order in which tcpdump prints them.
pub(super) const FLAGS: [(char, Flags); 9] = [
    ('F', Flags::FIN),
    ('S', Flags::SYN),
    ('R', Flags::RST),
    ('P', Flags::PSH),
    ('.', Flags::ACK),
    ('U', Flags::URG),
    ('E', Flags::ECE),
    ('W', Flags::CWR),
    ('e', Flags::AE),
];
