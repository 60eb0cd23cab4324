//! What stands before the flags in a line that tcpdump printed.

use core::net::IpAddr;

use super::{
    diagnostic::{Message, Problem},
    keyword::{self, Field, Place},
    lexer::Token,
    parser::Parser,
};

/// What stands on one side of `>`.
#[derive(Clone, Copy)]
enum End {
    Both(IpAddr, u16),
    Address(IpAddr),
    Port(u16),
}

impl<'a> Parser<'a> {
    /// Reads up to the ports: passes over time stamp and link header, takes the parenthesis of the
    /// IP header and the addresses.
    pub(super) fn head(&mut self) -> Result<(), Problem> {
        while self.out.destination_port.is_none() {
            let mut ahead = self.lexer;
            let Some(token) = ahead.raw() else {
                return self.headless();
            };
            if token.text.starts_with('(') {
                self.parenthesis()?;
                continue;
            }
            self.lexer = ahead;
            let between = ahead.raw().is_some_and(|between| between.text == ">");
            let Some(right) = ahead.raw().filter(|_| between) else {
                self.extension(&token);
                continue;
            };
            self.lexer = ahead;
            if !right.text.ends_with(',') {
                self.at = token.span();
                self.endpoints(&token, &right)?;
            }
        }
        Ok(())
    }

    /// Refuses a line with something before its flags, but no addresses.
    fn headless(&self) -> Result<(), Problem> {
        let end = self.lexer.end();
        if end.start == 0 {
            return Ok(());
        }
        Err(Problem::new(end, Message::NoAddress).hint("as in `IP 10.0.0.1.1234 > 10.0.0.2.80:`"))
    }

    /// Takes the parenthesis of the IP header, or passes over another.
    fn parenthesis(&mut self) -> Result<(), Problem> {
        let Some(open) = self.lexer.next() else {
            return Ok(());
        };
        let addresses = self.out.source.is_some();
        let known = self.lexer.peek();
        if known.is_some_and(|word| keyword::find(Place::Network, word.text).is_some())
            && !addresses
        {
            return self.network(&open);
        }
        self.at = open.span();
        if self.lexer.skip_parenthesis() {
            Ok(())
        } else {
            Err(Problem::new(open.span(), Message::Unclosed))
        }
    }

    /// Notes the name of an extension header, which stands between addresses and ports.
    fn extension(&mut self, token: &Token<'a>) {
        if self.out.source.is_some() && self.unprinted.is_none() {
            let what = "the bytes of the extension headers";
            self.unprinted = Some((Field::Extensions, token.span(), what));
        }
    }

    fn endpoints(&mut self, left: &Token<'a>, right: &Token<'a>) -> Result<(), Problem> {
        let wrong = |token: &Token<'a>| {
            Problem::new(token.span(), Message::Address)
                .hint("print with `-nn`, so that addresses and ports are numbers")
        };
        let source = end(left.text).ok_or(wrong(left))?;
        let text = right.text.strip_suffix(':').unwrap_or(right.text);
        let destination = end(text).ok_or(wrong(right))?;
        if let (End::Both(from, _) | End::Address(from), End::Both(to, _) | End::Address(to)) =
            (source, destination)
        {
            if from.is_ipv4() != to.is_ipv4() {
                return Err(Problem::new(right.span(), Message::Addresses));
            }
            self.addresses(from, to)?;
        }
        match (source, destination) {
            (End::Both(_, source), End::Both(_, destination)) => self.ports(source, destination),
            (End::Address(_), End::Address(_)) => {}
            (End::Port(source), End::Port(destination)) if self.out.source.is_some() => {
                self.ports(source, destination);
            }
            _ => return Err(wrong(right)),
        }
        Ok(())
    }

    fn addresses(&mut self, source: IpAddr, destination: IpAddr) -> Result<(), Problem> {
        self.bind(if source.is_ipv4() { 4 } else { 6 })?;
        // An ICMP error names its own addresses first; those of the segment that it quotes count.
        self.unprinted.take_if(|(field, ..)| *field == Field::Extensions);
        self.out.source = Some(source);
        self.out.destination = Some(destination);
        Ok(())
    }

    fn ports(&mut self, source: u16, destination: u16) {
        self.out.source_port = Some(source);
        self.out.destination_port = Some(destination);
    }
}

/// Reads an address and a port with a dot between them, or one of the two.
fn end(text: &str) -> Option<End> {
    if let Some((address, port)) = text.rsplit_once('.')
        && let (Ok(address), Ok(port)) = (address.parse(), port.parse())
    {
        return Some(End::Both(address, port));
    }
    let address = text.parse().map(End::Address);
    address.or(text.parse().map(End::Port)).ok()
}
