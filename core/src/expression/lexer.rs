//! Text to tokens. Every step moves forward, so that reading a text takes linear time.

/// A stretch of the text, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) length: usize,
}

/// A piece of the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    /// The text, of a [`Kind::Text`] without its quotes.
    pub(super) text: &'a str,
    pub(super) start: usize,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Anything between white space and marks.
    Word,
    /// Text in quotes.
    Text,
    /// A quote that nothing closes.
    Unclosed,
    /// One of the characters of [`MARKS`].
    Mark,
}

/// A place in the text. It is copied to look ahead, by a bounded number of tokens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl Token<'_> {
    pub(super) const fn span(&self) -> Span {
        let quotes = if matches!(self.kind, Kind::Text) { 2 } else { 0 };
        Span { start: self.start, length: self.text.len().saturating_add(quotes) }
    }

    /// Tells whether this is the mark or the word `text`.
    pub(super) fn is(&self, text: &str) -> bool {
        matches!(self.kind, Kind::Mark | Kind::Word) && self.text == text
    }

    /// Tells whether this is a word that begins with a digit.
    pub(super) fn is_number(&self) -> bool {
        self.kind == Kind::Word && self.text.starts_with(|first: char| first.is_ascii_digit())
    }
}

impl<'a> Lexer<'a> {
    pub(super) const fn new(text: &'a str, at: usize) -> Self {
        Self { text, at }
    }

    /// Takes the next token; `None` at the end.
    pub(super) fn next(&mut self) -> Option<Token<'a>> {
        let rest = self.skip_space();
        let first = rest.chars().next()?;
        let (kind, length) = match first {
            '"' => match quoted(rest) {
                Some(length) => (Kind::Text, length),
                None => (Kind::Unclosed, rest.len()),
            },
            mark if MARKS.contains(mark) => (Kind::Mark, mark.len_utf8()),
            _ => (Kind::Word, rest.find(ends_word).unwrap_or(rest.len())),
        };
        let text = rest.get(..length)?;
        let token = Token {
            kind,
            text: if kind == Kind::Text { text.get(1..length.saturating_sub(1))? } else { text },
            start: self.at,
        };
        self.at = self.at.saturating_add(length);
        Some(token)
    }

    /// Looks at the next token.
    pub(super) fn peek(&self) -> Option<Token<'a>> {
        let mut ahead = *self;
        ahead.next()
    }

    /// Takes what is up to the next white space.
    pub(super) fn raw(&mut self) -> Option<Token<'a>> {
        self.until(char::is_whitespace)
    }

    /// Takes what is up to the next character that ends it; `None` if there is nothing.
    pub(super) fn until(&mut self, ends: impl Fn(char) -> bool) -> Option<Token<'a>> {
        let rest = self.skip_space();
        let length = rest.find(ends).unwrap_or(rest.len());
        let text = rest.get(..length).filter(|text| !text.is_empty())?;
        let start = self.at;
        self.at = self.at.saturating_add(length);
        Some(Token { kind: Kind::Word, text, start })
    }

    /// Takes the next token if it is the mark or the word `text`.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        let mut ahead = *self;
        let found = ahead.next().is_some_and(|token| token.is(text));
        if found {
            *self = ahead;
        }
        found
    }

    /// Takes the next token if it is a number.
    pub(super) fn eat_number(&mut self) -> Option<Token<'a>> {
        let mut ahead = *self;
        let token = ahead.next().filter(Token::is_number)?;
        *self = ahead;
        Some(token)
    }

    /// Takes the tokens up to the `)` that belongs to a `(` already taken; false if it is missing.
    pub(super) fn skip_parenthesis(&mut self) -> bool {
        let mut depth = 1_usize;
        while let Some(token) = self.next() {
            if token.is("(") {
                depth = depth.saturating_add(1);
            } else if token.is(")") {
                depth = depth.saturating_sub(1);
            }
            if depth == 0 {
                return true;
            }
        }
        false
    }

    /// Tells the place after the last token that there is.
    pub(super) fn end(&self) -> Span {
        Span { start: self.text.trim_end().len(), length: 0 }
    }

    fn skip_space(&mut self) -> &'a str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let trimmed = rest.trim_start();
        let skipped = rest.len().saturating_sub(trimmed.len());
        self.at = self.at.saturating_add(skipped);
        trimmed
    }
}

/// Tells the length of the quoted text at the start of `rest`, quotes included.
fn quoted(rest: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at.saturating_add(1)),
            _ => {}
        }
    }
    None
}

fn ends_word(character: char) -> bool {
    character.is_whitespace() || character == '"' || MARKS.contains(character)
}

const MARKS: &str = ",:<>[](){}";

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    fn tokens(text: &str) -> Vec<(Kind, &str)> {
        let mut lexer = Lexer::new(text, 0);
        std::iter::from_fn(|| lexer.next()).map(|token| (token.kind, token.text)).collect()
    }

    #[test]
    fn words_marks_and_texts() {
        let expected = [
            (Kind::Word, "P."),
            (Kind::Word, "1"),
            (Kind::Mark, ":"),
            (Kind::Word, "19"),
            (Kind::Text, r#"a \" <b>"#),
            (Kind::Mark, "<"),
            (Kind::Word, "tcp-ao"),
            (Kind::Unclosed, "\">"),
        ];
        assert_eq!(tokens("P. 1:19\"a \\\" <b>\"\n <tcp-ao \">"), expected);
        assert_eq!(tokens(" \n\t"), []);
    }

    #[test]
    fn spans_are_those_of_the_text() {
        let text = "é \"ab\" >";
        let mut lexer = Lexer::new(text, 0);
        let pieces = std::iter::from_fn(|| lexer.next()).map(|token| {
            let Span { start, length } = token.span();
            &text[start..start + length]
        });
        assert_eq!(pieces.collect::<Vec<_>>(), ["é", "\"ab\"", ">"]);
    }
}
