//! What a segment carries.

/// What a segment carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// One byte, so many times.
    Fill {
        /// The byte.
        byte: u8,
        /// How many times.
        length: usize,
    },
    /// Hexadecimal digits, two a byte; what stands before a missing digit counts.
    Hex(&'a str),
    /// Text with the escapes `\r \n \t \0 \\ \" \xNN`, without its quotes; a backslash before
    /// anything else stands for itself.
    Text(&'a str),
}

impl Default for Payload<'_> {
    fn default() -> Self {
        Self::Bytes(&[])
    }
}

impl Payload<'_> {
    /// Tells the number of bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Fill { length, .. } => *length,
            Self::Hex(digits) => digits.len() >> 1,
            Self::Text(text) => Unescape { rest: text.as_bytes() }.count(),
        }
    }

    /// Tells whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Walks the bytes.
    pub fn bytes(&self) -> impl Iterator<Item = u8> + use<'_> {
        let (given, fill, pairs, text): (&[u8], _, &[[u8; 2]], &str) = match *self {
            Self::Bytes(bytes) => (bytes, (0, 0), &[], ""),
            Self::Fill { byte, length } => (&[], (byte, length), &[], ""),
            Self::Hex(digits) => (&[], (0, 0), digits.as_bytes().as_chunks().0, ""),
            Self::Text(text) => (&[], (0, 0), &[], text),
        };
        let rest = text.as_bytes();
        let hex = pairs.iter().map(|[a, b]| digit(*a) << 4 | digit(*b));
        let given = given.iter().copied();
        let fill = core::iter::repeat_n(fill.0, fill.1);
        given.chain(fill).chain(hex).chain(Unescape { rest })
    }

    /// Writes the bytes to the start of `out`, as many as it holds.
    pub fn write(&self, out: &mut [u8]) {
        match self {
            Self::Bytes(bytes) => out.iter_mut().zip(*bytes).for_each(|(to, from)| *to = *from),
            Self::Fill { byte, length } => out.iter_mut().take(*length).for_each(|to| *to = *byte),
            Self::Hex(digits) => {
                let (pairs, _) = digits.as_bytes().as_chunks::<2>();
                let bytes = pairs.iter().map(|[a, b]| digit(*a) << 4 | digit(*b));
                out.iter_mut().zip(bytes).for_each(|(to, byte)| *to = byte);
            }
            Self::Text(text) => {
                let bytes = Unescape { rest: text.as_bytes() };
                out.iter_mut().zip(bytes).for_each(|(to, byte)| *to = byte);
            }
        }
    }
}

/// The bytes of a text with escapes.
struct Unescape<'a> {
    rest: &'a [u8],
}

impl Iterator for Unescape<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let (byte, rest) = match self.rest {
            [b'\\', b'x', a, b, rest @ ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => {
                (digit(*a) << 4 | digit(*b), rest)
            }
            [b'\\', b'r', rest @ ..] => (b'\r', rest),
            [b'\\', b'n', rest @ ..] => (b'\n', rest),
            [b'\\', b't', rest @ ..] => (b'\t', rest),
            [b'\\', b'0', rest @ ..] => (0, rest),
            [b'\\', byte @ (b'\\' | b'"'), rest @ ..] => (*byte, rest),
            [byte, rest @ ..] => (*byte, rest),
            [] => return None,
        };
        self.rest = rest;
        Some(byte)
    }
}

/// Tells the value of a hexadecimal digit; 0 for anything else.
const fn digit(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => byte.wrapping_sub(b'0'),
        b'a'..=b'f' => byte.wrapping_sub(b'a').wrapping_add(10),
        b'A'..=b'F' => byte.wrapping_sub(b'A').wrapping_add(10),
        _ => 0,
    }
}
