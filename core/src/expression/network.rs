//! The parenthesis of the IP header: ours and the one that tcpdump prints with `-v`.

use super::{
    Block,
    diagnostic::{Message, Problem},
    generator::Place as Filled,
    keyword::{self, Field, Keyword, Place},
    lexer::{Kind, Token},
    number::number_of,
    parser::Parser,
};
use crate::{
    craft::Checksum,
    wire::{ipv4, options::MAX_LENGTH},
};

impl<'a> Parser<'a> {
    /// Reads the parenthesis that `open` opens.
    pub(super) fn network(&mut self, open: &Token<'a>) -> Result<(), Problem> {
        loop {
            self.lexer.eat(",");
            let Some(token) = self.lexer.next() else {
                return Err(Problem::new(open.span(), Message::Unclosed));
            };
            if token.is(")") {
                return self.check_extensions(open);
            }
            self.at = token.span();
            self.network_field(&token)?;
        }
    }

    fn network_field(&mut self, token: &Token<'a>) -> Result<(), Problem> {
        if token.kind != Kind::Word {
            let closes = token.is(">") || token.is("]");
            let missing = if closes { Message::Missing(")") } else { Message::Unexpected };
            return Err(Problem::new(token.span(), missing));
        }
        let Some(keyword) = keyword::find(Place::Network, token.text) else {
            let near = keyword::nearest(Place::Network, token.text);
            return Err(Problem::new(token.span(), Message::UnknownIpField).meant(near));
        };
        self.once(keyword)?;
        self.both_versions(keyword)
    }

    /// Reads the fields that both IP versions have.
    fn both_versions(&mut self, keyword: Keyword) -> Result<(), Problem> {
        let name = keyword.word;
        match keyword.field {
            Field::HopLimit if self.generated(name, u8::MAX.into(), Filled::HopLimit)? => {}
            Field::HopLimit => self.out.network.hop_limit = Some(self.byte(name)?),
            Field::TrafficClass
                if self.generated(name, u8::MAX.into(), Filled::TrafficClass)? => {}
            Field::TrafficClass => {
                self.out.network.traffic_class = Some(self.byte(name)?);
                self.skip_ecn();
            }
            Field::Version => self.out.network.version = Some(self.number(name, 15)?),
            Field::Protocol => self.out.network.protocol = Some(self.protocol(name)?),
            Field::IpLength => self.out.network.length = Some(self.short(name)?),
            Field::FlowLabel => {
                self.bind(6)?;
                if !self.generated(name, 0x000f_ffff, Filled::FlowLabel)? {
                    self.out.network.flow_label = Some(self.number(name, 0x000f_ffff)?);
                }
            }
            Field::PayloadLengthPrinted => {
                self.bind(6)?;
                self.need("length")?;
                self.need(":")?;
                let span = self.here();
                self.ip_length = Some((self.number("length", u16::MAX.into())?, false, span));
            }
            Field::Extensions => {
                self.bind(6)?;
                let mut block = Block::new();
                self.bytes(name, &mut block)?;
                self.out.network.extensions = Some(block);
            }
            _ => {
                self.bind(4)?;
                return self.version_4(keyword);
            }
        }
        Ok(())
    }

    /// Reads the fields that only IPv4 has.
    fn version_4(&mut self, keyword: Keyword) -> Result<(), Problem> {
        let name = keyword.word;
        match keyword.field {
            Field::Id if self.generated(name, u16::MAX.into(), Filled::Id)? => {}
            Field::Id => self.out.network.id = Some(self.short(name)?),
            Field::DontFragment => self.add_flag(ipv4::Flags::DF),
            Field::MoreFragments => self.add_flag(ipv4::Flags::MF),
            Field::Evil => self.add_flag(ipv4::Flags::RESERVED),
            Field::IpFlags => self.ip_flags()?,
            Field::Fragment => self.out.network.fragment_offset = Some(self.number(name, 0x1fff)?),
            Field::FragmentBytes => self.fragment_bytes(name)?,
            Field::HeaderLength => self.out.network.header_length = Some(self.number(name, 15)?),
            Field::IpChecksum => self.out.network.checksum = Some(self.checksum(name)?),
            Field::IpChecksumBad => self.bad_checksum()?,
            Field::IpOptions => self.ip_options(name)?,
            Field::IpLengthPrinted => {
                let span = self.here();
                self.ip_length = Some((self.number(name, u16::MAX.into())?, true, span));
            }
            _ => {
                self.unprinted = Some((Field::IpOptions, self.at, "the bytes of the IP options"));
                self.need("(")?;
                self.close_parenthesis()?;
            }
        }
        Ok(())
    }

    /// Reads `flags [+, DF, rsvd]` or `flags [none]`.
    fn ip_flags(&mut self) -> Result<(), Problem> {
        self.add_flag(ipv4::Flags::default());
        if !self.lexer.eat("[") {
            return self.need("none");
        }
        loop {
            self.lexer.eat(",");
            let token = self.take("]")?;
            match token.text {
                "]" if token.kind == Kind::Mark => return Ok(()),
                "none" => {}
                "+" | "MF" => self.add_flag(ipv4::Flags::MF),
                "DF" => self.add_flag(ipv4::Flags::DF),
                "rsvd" | "evil" => self.add_flag(ipv4::Flags::RESERVED),
                _ => return Err(Problem::new(token.span(), Message::Flag)),
            }
        }
    }

    fn add_flag(&mut self, flag: ipv4::Flags) {
        let flags = self.out.network.flags.unwrap_or_default();
        self.out.network.flags = Some(flags.with(flag));
    }

    fn fragment_bytes(&mut self, name: &'static str) -> Result<(), Problem> {
        let span = self.here();
        let bytes: u16 = self.number(name, 0x1fff << 3)?;
        if bytes & 7 != 0 {
            return Err(Problem::new(span, Message::FragmentBytes));
        }
        self.out.network.fragment_offset = Some(bytes >> 3);
        Ok(())
    }

    /// Reads tcpdump's `bad cksum 26c9 (->dead)!`, whose digits have no `0x`.
    fn bad_checksum(&mut self) -> Result<(), Problem> {
        self.need("cksum")?;
        let token = self.take("cksum")?;
        let value = u16::from_str_radix(token.text, 16)
            .map_err(|_| Problem::new(token.span(), Message::Number("cksum")))?;
        self.out.network.checksum = Some(Checksum::Forced(value));
        if self.lexer.eat("(") {
            self.close_parenthesis()?;
        }
        self.lexer.eat("!");
        Ok(())
    }

    fn ip_options(&mut self, name: &'static str) -> Result<(), Problem> {
        let span = self.here();
        let mut block = Block::new();
        self.bytes(name, &mut block)?;
        self.ip_excess = (block.len() > MAX_LENGTH).then_some(span);
        self.out.network.options = Some(block);
        Ok(())
    }

    /// Reads a number, or tcpdump's name with the number in parentheses.
    fn protocol(&mut self, name: &'static str) -> Result<u8, Problem> {
        let span = self.here();
        if self.lexer.peek().is_some_and(|token| token.is_number()) {
            return self.byte(name);
        }
        let word = self.lexer.next();
        if word.is_none_or(|word| word.kind != Kind::Word) || !self.lexer.eat("(") {
            return Err(Problem::new(span, Message::Number(name)));
        }
        let token = self.take(")")?;
        self.need(")")?;
        number_of(&token, name, u8::MAX.into())
    }

    /// Passes over the name that tcpdump gives the ECN field: `tos 0x3,CE`.
    fn skip_ecn(&mut self) {
        let mut ahead = self.lexer;
        ahead.eat(",");
        let name = ahead.eat("CE")
            || ahead.eat("ECT") && ahead.eat("(") && ahead.eat_number().is_some() && ahead.eat(")");
        if name {
            self.lexer = ahead;
        }
    }

    fn close_parenthesis(&mut self) -> Result<(), Problem> {
        if self.lexer.skip_parenthesis() {
            Ok(())
        } else {
            Err(Problem::new(self.at, Message::Unclosed))
        }
    }

    /// Checks what one field of the parenthesis means for another.
    fn check_extensions(&mut self, open: &Token<'a>) -> Result<(), Problem> {
        let network = &self.out.network;
        if network.extensions.is_some() && network.protocol.is_none() {
            return Err(Problem::new(open.span(), Message::NextHeader));
        }
        let needed = network.options.as_ref().map_or(0, |block| block.len());
        match self.ip_excess {
            Some(span) if network.header_length.is_none() => {
                Err(Problem::new(span, Message::IpOptionsTooLong { needed })
                    .hint("`ihl N` forces a header of another length"))
            }
            _ => Ok(()),
        }
    }
}
