//! The order of an expression: what stands before the flags, the flags, the fields, and at the end
//! the checks of one field against another.

use super::{
    Block, Expression,
    diagnostic::{Message, Problem},
    keyword::{Field, Keyword},
    lexer::{Lexer, Span, Token},
};
use crate::{
    craft::{self, Draft, Payload},
    wire::options::MAX_LENGTH,
};

/// The state of one reading.
pub(super) struct Parser<'a> {
    pub(super) lexer: Lexer<'a>,
    /// Whether the text is a line that tcpdump printed: it has `Flags […]`.
    pub(super) printed: bool,
    pub(super) out: Expression<'a>,
    /// The word whose value is being read.
    pub(super) at: Span,
    /// The difference of `seq A:B`.
    pub(super) seq_length: Option<(u64, Span)>,
    /// The value of `length N`.
    pub(super) length: Option<(u64, Span)>,
    /// The length that the IP header was printed with, and whether it counts the header.
    pub(super) ip_length: Option<(usize, bool, Span)>,
    /// The IP options, if they do not fit into an IPv4 header.
    pub(super) ip_excess: Option<Span>,
    /// The first option that does not fit into a TCP header.
    pub(super) excess: Option<Span>,
    /// Something that tcpdump prints without its bytes.
    pub(super) unprinted: Option<(Field, Span, &'static str)>,
    text: &'a str,
    seen: u64,
}

impl<'a> Parser<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self {
            lexer: Lexer::new(text, 0),
            printed: false,
            out: Expression::new(text),
            at: Span { start: 0, length: 0 },
            seq_length: None,
            length: None,
            ip_length: None,
            ip_excess: None,
            excess: None,
            unprinted: None,
            text,
            seen: 0,
        }
    }

    /// Reads all of the text.
    pub(super) fn parse(mut self) -> Result<Expression<'a>, Problem> {
        if self.text.trim().is_empty() {
            return Err(Problem::new(self.lexer.end(), Message::Empty)
                .hint("begin with the flags, such as `S`"));
        }
        match flags_printed(self.text) {
            Some(flags) => {
                self.printed = true;
                self.lexer = Lexer::new(self.text.get(..flags).unwrap_or_default(), 0);
                self.head()?;
                self.lexer = Lexer::new(self.text, flags);
                self.flags_printed()?;
            }
            None => {
                if self.lexer.peek().is_some_and(|token| is_ip(&token)) {
                    self.head()?;
                }
                self.flags_short()?;
            }
        }
        self.fields()?;
        self.settle_data()?;
        self.settle_options()?;
        self.settle_network()?;
        Ok(self.out)
    }

    /// Takes the next token, which `missing` names.
    pub(super) fn take(&mut self, missing: &'static str) -> Result<Token<'a>, Problem> {
        match self.lexer.next() {
            Some(token) => Ok(token),
            None => Err(Problem::new(self.lexer.end(), Message::Missing(missing))),
        }
    }

    /// Takes the mark or word `text`, which must be there.
    pub(super) fn need(&mut self, text: &'static str) -> Result<(), Problem> {
        if self.lexer.eat(text) {
            return Ok(());
        }
        let span = self.here();
        Err(Problem::new(span, Message::Missing(text)))
    }

    /// Tells where the next token is.
    pub(super) fn here(&self) -> Span {
        match self.lexer.peek() {
            Some(token) => token.span(),
            None => self.lexer.end(),
        }
    }

    /// Notes that a field is stated, and refuses it the second time.
    pub(super) fn once(&mut self, keyword: Keyword) -> Result<(), Problem> {
        let bit = 1_u64.wrapping_shl(keyword.field as u32);
        if self.seen & bit != 0 {
            return Err(Problem::new(self.at, Message::Twice(keyword.word)));
        }
        self.seen |= bit;
        Ok(())
    }

    /// Appends option bytes.
    pub(super) fn put(&self, block: &mut Block, bytes: &[u8]) -> Result<(), Problem> {
        block.extend_from_slice(bytes).map_err(|_| Problem::new(self.at, Message::Capacity))
    }

    /// Binds the expression to an IP version.
    pub(super) fn bind(&mut self, version: u8) -> Result<(), Problem> {
        match self.out.family {
            Some((other, _)) if other != version => {
                Err(Problem::new(self.at, Message::Family { needs: version })
                    .hint("the text also states an address or a field of the other version"))
            }
            Some(_) => Ok(()),
            None => {
                self.out.family = Some((version, self.at));
                Ok(())
            }
        }
    }

    /// Checks `seq A:B` and `length N` against the data, or makes zeroes where there is none.
    fn settle_data(&mut self) -> Result<(), Problem> {
        let stated = [self.seq_length, self.length];
        let data = self.out.payload.map(|payload| count(&payload));
        let Some((first, _)) = stated.into_iter().flatten().next() else {
            return Ok(());
        };
        let present = data.unwrap_or(match self.length {
            Some((length, _)) => length,
            None => first,
        });
        for (stated, span) in stated.into_iter().flatten() {
            if stated > u64::from(u16::MAX) {
                return Err(Problem::new(span, Message::DataTooLong(stated)));
            }
            if stated != present {
                return Err(Problem::new(span, Message::DataLength { stated, present }));
            }
        }
        if data.is_none() {
            let length = usize::try_from(present).unwrap_or(usize::MAX);
            self.out.payload = Some(Payload::Fill { byte: 0, length });
        }
        Ok(())
    }

    /// Checks that the options fit, unless the data offset is forced.
    fn settle_options(&self) -> Result<(), Problem> {
        let needed = self.out.options.as_ref().map_or(0, |block| block.len());
        match self.excess {
            Some(span) if self.out.data_offset.is_none() && needed > MAX_LENGTH => {
                Err(Problem::new(span, Message::OptionsTooLong { needed })
                    .hint("`doff N` forces a header of another length"))
            }
            _ => Ok(()),
        }
    }

    /// Checks that the IP header is stated in full, and its length against the rest.
    fn settle_network(&self) -> Result<(), Problem> {
        let network = &self.out.network;
        if let Some((field, span, what)) = self.unprinted {
            let (stated, advice) = match field {
                Field::Extensions => (
                    network.extensions.is_some(),
                    "add `(ext 0x… next N)` with the bytes of the extension headers",
                ),
                _ => (network.options.is_some(), "add `(ipopt 0x…)`"),
            };
            if !stated {
                return Err(Problem::new(span, Message::Lossy(what)).hint(advice));
            }
        }
        let Some((stated, whole, span)) = self.ip_length.filter(|_| network.length.is_none())
        else {
            return Ok(());
        };
        let present = self.packet_length(whole);
        if stated == present {
            return Ok(());
        }
        Err(Problem::new(span, Message::IpLength { stated, present }).hint("`(len N)` forces it"))
    }

    /// Tells the length of the packet that is stated, IPv4 header included or IPv6 header left out.
    fn packet_length(&self, v4: bool) -> usize {
        let network = if v4 {
            craft::Network::V4(craft::Ipv4::default())
        } else {
            craft::Network::V6(craft::Ipv6::default())
        };
        let draft = self.out.over(Draft { network, ..Draft::default() });
        let header = if v4 { 0 } else { 40 };
        draft.length().saturating_sub(header)
    }
}

/// Counts the bytes of a payload.
fn count(payload: &Payload<'_>) -> u64 {
    u64::try_from(payload.len()).unwrap_or(u64::MAX)
}

/// Tells whether a token begins what stands before the flags in a printed line.
fn is_ip(token: &Token<'_>) -> bool {
    token.is("IP") || token.is("IP6") || token.is("ip") || token.is("ip6")
}

/// Finds the `Flags […]` of a printed line: outside of quotes, as only a short form has them
/// before its end.
fn flags_printed(text: &str) -> Option<usize> {
    let before = text.split('"').next()?;
    before.find("Flags [")
}
