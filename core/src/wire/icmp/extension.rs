//! What a multi-part ICMP error tells besides its quote (RFC 4884): labels of MPLS, interfaces.
//!
//! ```text
//!  version (4 bits) = 2 | reserved (12 bits) | checksum (2)     the structure
//!  length (2) | class (1) | type within the class (1) | data    each object in it
//! ```

use core::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use super::super::checksum::Sum;

/// An object of a multi-part message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension<'a> {
    /// Its class.
    pub class: u8,
    /// Its type within the class.
    pub kind: u8,
    /// What it carries.
    pub data: &'a [u8],
}

/// What an object means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// The labels that the datagram arrived with, outermost first (RFC 4950).
    Labels(&'a [[u8; 4]]),
    /// An interface of the router that sent the error (RFC 5837).
    Interface(Interface<'a>),
    /// The interface that is asked about (RFC 8335).
    Asked(Interface<'a>),
    /// An object of another class or type, or one that is too short for what it should hold.
    Other,
}

/// An entry of an MPLS label stack (RFC 3032, section 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// The label, 20 bits.
    pub label: u32,
    /// The traffic class, 3 bits.
    pub class: u8,
    /// Whether it is the last of the stack.
    pub bottom: bool,
    /// The time to live.
    pub ttl: u8,
}

/// What is told of an interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interface<'a> {
    /// What the interface has to do with the datagram (RFC 5837, section 4.1): 0 it arrived there,
    /// 1 it arrived at this part of one, 2 it would have left there, 3 the next hop.
    pub role: u8,
    /// Its number.
    pub index: Option<u32>,
    /// Its address.
    pub address: Option<IpAddr>,
    /// Its name, in UTF-8 by the RFC.
    pub name: Option<&'a [u8]>,
    /// Its MTU in bytes.
    pub mtu: Option<u32>,
}

impl<'a> Extension<'a> {
    /// Reads what the object means.
    #[must_use]
    pub fn content(&self) -> Content<'a> {
        match (self.class, self.kind) {
            (1, 1) => match self.data.as_chunks() {
                (labels, []) if !labels.is_empty() => Content::Labels(labels),
                _ => Content::Other,
            },
            (2, kind) => {
                Interface::read(kind, self.data).map_or(Content::Other, Content::Interface)
            }
            (3, kind) => Interface::asked(kind, self.data).map_or(Content::Other, Content::Asked),
            _ => Content::Other,
        }
    }
}

impl Label {
    /// Reads an entry.
    #[must_use]
    pub const fn read(bytes: [u8; 4]) -> Self {
        let word = u32::from_be_bytes(bytes);
        let [_, _, low, ttl] = bytes;
        Self { label: word >> 12, class: low >> 1 & 7, bottom: low & 1 == 1, ttl }
    }
}

impl<'a> Interface<'a> {
    /// Reads the parts that the type's bits name (RFC 5837, section 4.1).
    fn read(kind: u8, data: &'a [u8]) -> Option<Self> {
        let (mut rest, mut interface) = (data, Self { role: kind >> 6, ..Self::default() });
        if kind & 8 != 0 {
            interface.index = Some(word(&mut rest)?);
        }
        if kind & 4 != 0 {
            let family = rest.split_off(..4)?.first_chunk()?;
            interface.address = Some(address(u16::from_be_bytes(*family), &mut rest)?);
        }
        if kind & 2 != 0 {
            let length = usize::from(*rest.first()?);
            interface.name = Some(text(rest.split_off(..length)?.get(1..)?));
        }
        if kind & 1 != 0 {
            interface.mtu = Some(word(&mut rest)?);
        }
        Some(interface)
    }

    /// Reads the name, number or address of the interface that is asked about (RFC 8335, section
    /// 2.1).
    fn asked(kind: u8, data: &'a [u8]) -> Option<Self> {
        let mut rest = data;
        match kind {
            1 => Some(Self { name: Some(text(data)), ..Self::default() }),
            2 => Some(Self { index: Some(word(&mut rest)?), ..Self::default() }),
            3 => {
                let family = rest.split_off(..4)?.first_chunk()?;
                let address = address(u16::from_be_bytes(*family), &mut rest)?;
                Some(Self { address: Some(address), ..Self::default() })
            }
            _ => None,
        }
    }
}

/// Takes four bytes off.
fn word(rest: &mut &[u8]) -> Option<u32> {
    rest.split_off(..4)?.first_chunk().copied().map(u32::from_be_bytes)
}

/// Takes an address of a family off, by IANA's numbers.
fn address(family: u16, rest: &mut &[u8]) -> Option<IpAddr> {
    match family {
        1 => rest.split_off(..4)?.first_chunk::<4>().map(|bytes| Ipv4Addr::from(*bytes).into()),
        2 => rest.split_off(..16)?.first_chunk::<16>().map(|bytes| Ipv6Addr::from(*bytes).into()),
        _ => None,
    }
}

/// Leaves out the zeroes that a name is padded with.
fn text(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    bytes.get(..end).unwrap_or_default()
}

/// Tells whether bytes are an extension structure whose checksum says so (RFC 4884, section 7).
pub(super) fn is_structure(bytes: &[u8]) -> bool {
    matches!(bytes, [version, _, high, low, ..]
        if version >> 4 == 2 && (*high, *low) != (0, 0) && Sum::default().feed(bytes).finish() == 0)
}

/// Gives the objects of a structure, one behind the other.
pub(super) fn objects(structure: &[u8]) -> &[u8] {
    match structure {
        [version, _, _, _, rest @ ..] if version >> 4 == 2 => rest,
        _ => &[],
    }
}

/// The walk over objects; it ends at the first whose length cannot be.
#[derive(Clone, Debug)]
pub struct Extensions<'a> {
    rest: &'a [u8],
}

impl<'a> Extensions<'a> {
    /// Walks objects that stand one behind the other.
    #[must_use]
    pub const fn of(objects: &'a [u8]) -> Self {
        Self { rest: objects }
    }

    /// Gives the bytes of the next object.
    fn next_bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(u16::from_be_bytes(*self.rest.first_chunk()?));
        if length < 4 {
            return None;
        }
        self.rest.split_off(..length)
    }
}

impl<'a> Iterator for Extensions<'a> {
    type Item = Extension<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let [_, _, class, kind, data @ ..] = self.next_bytes()? else {
            return None;
        };
        Some(Extension { class: *class, kind: *kind, data })
    }
}

/// Objects that are kept when the message is gone: those that fit, from the first on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Objects {
    bytes: [u8; Self::ROOM],
    length: usize,
}

impl Objects {
    /// How many bytes are kept.
    pub const ROOM: usize = 128;
    /// No object.
    pub const NONE: Self = Self { bytes: [0; Self::ROOM], length: 0 };

    /// Keeps objects.
    #[must_use]
    pub fn keep(mut objects: Extensions<'_>) -> Self {
        let mut kept = Self::NONE;
        while let Some(bytes) = objects.next_bytes() {
            let end = kept.length.saturating_add(bytes.len());
            let Some(room) = kept.bytes.get_mut(kept.length..end) else { break };
            room.copy_from_slice(bytes);
            kept.length = end;
        }
        kept
    }

    /// Walks them.
    #[must_use]
    pub fn iter(&self) -> Extensions<'_> {
        Extensions::of(self.bytes.get(..self.length).unwrap_or_default())
    }
}

impl Default for Objects {
    fn default() -> Self {
        Self::NONE
    }
}

impl fmt::Debug for Objects {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(self.iter()).finish()
    }
}

impl fmt::Display for Extension<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.content() {
            Content::Labels(labels) => {
                out.write_str("MPLS")?;
                labels.iter().try_for_each(|entry| write!(out, " {}", Label::read(*entry)))
            }
            Content::Interface(interface) => {
                let role = ROLES.get(usize::from(interface.role)).copied().unwrap_or_default();
                write!(out, "{role}{interface}")
            }
            Content::Asked(interface) => write!(out, "asked about{interface}"),
            Content::Other => {
                write!(out, "object of class {}, type {}, ", self.class, self.kind)?;
                write!(out, "{} bytes", self.data.len())
            }
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "label {} tc {} ttl {}", self.label, self.class, self.ttl)?;
        out.write_str(if self.bottom { "" } else { "," })
    }
}

impl fmt::Display for Interface<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = self.name {
            write!(out, " {}", name.escape_ascii())?;
        }
        if let Some(index) = self.index {
            write!(out, " number {index}")?;
        }
        if let Some(address) = self.address {
            write!(out, " address {address}")?;
        }
        self.mtu.map_or(Ok(()), |mtu| write!(out, " mtu {mtu}"))
    }
}

const ROLES: [&str; 4] =
    ["arrived at interface", "arrived at part of interface", "left by interface", "next hop"];

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn objects_are_read_as_their_documents_say() {
        let objects: &[(&[u8], &str)] = &[
            (&[0, 8, 1, 1, 0, 1, 0x41, 1], "MPLS label 20 tc 0 ttl 1"),
            (
                &[0, 12, 1, 1, 0x05, 0xdc, 0x2a, 254, 0, 1, 0x41, 1],
                "MPLS label 24002 tc 5 ttl 254, label 20 tc 0 ttl 1",
            ),
            (
                &[
                    0, 28, 2, 0x0f, 0, 0, 0, 5, 0, 1, 0, 0, 192, 0, 2, 1, 8, b'e', b't', b'h',
                    b'0', 0, 0, 0, 0, 0, 5, 0xdc,
                ],
                "arrived at interface eth0 number 5 address 192.0.2.1 mtu 1500",
            ),
            (&[0, 8, 2, 0x88, 0, 0, 0, 7], "left by interface number 7"),
            (&[0, 8, 3, 1, b'g', b'e', b'0', 0], "asked about ge0"),
            (&[0, 12, 3, 3, 0, 1, 4, 0, 10, 0, 0, 1], "asked about address 10.0.0.1"),
            // Too short for what their type says.
            (&[0, 6, 2, 0x08, 0, 0], "object of class 2, type 8, 2 bytes"),
            (&[0, 7, 1, 1, 0, 1, 0x41], "object of class 1, type 1, 3 bytes"),
            (&[0, 4, 247, 9], "object of class 247, type 9, 0 bytes"),
        ];
        for (bytes, expected) in objects {
            let kept = Objects::keep(Extensions::of(bytes));
            let lines: std::vec::Vec<_> = kept.iter().map(|object| object.to_string()).collect();
            assert_eq!(lines, [*expected]);
        }
    }

    #[test]
    fn a_length_that_cannot_be_ends_the_walk() {
        assert_eq!(Extensions::of(&[0, 3, 1, 1]).count(), 0);
        assert_eq!(Extensions::of(&[0, 5, 1, 1]).count(), 0);
        assert_eq!(Extensions::of(&[0, 4, 1, 1, 0, 0]).count(), 1);
    }

    #[test]
    fn what_does_not_fit_is_left_out_whole() {
        let large: std::vec::Vec<u8> =
            [&[0, 100, 9, 9][..], &[1; 96], &[0, 32, 9, 8], &[2; 28]].concat();
        let kept = Objects::keep(Extensions::of(&large));
        assert_eq!(kept.iter().map(|object| object.kind).collect::<std::vec::Vec<_>>(), [9]);
    }
}
