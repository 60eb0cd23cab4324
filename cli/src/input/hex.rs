//! Packets as hexadecimal text, in the forms that tools print them.
//!
//! * A packet a line: `4500002800…`, with or without spaces or `0x`.
//! * A dump: lines that begin with an offset (`0x0000:`, `0000`, `00000000:`), of `tcpdump -x` or
//!   `-X`, `xxd`, `hexdump -C`, `od -Ax -tx1` or `tshark -x`. Offset 0 begins a packet, and an offset
//!   alone ends one.
//!
//! Empty lines end a packet, `#` begins a comment, and other lines of `tcpdump` are passed over.

use std::{fmt, io::BufRead};

/// A reader of packets from text.
pub(crate) struct Reader<R> {
    input: R,
    line: u64,
    /// A dump that is being put together.
    packet: Vec<u8>,
    /// Packets that are whole, the first of them first.
    whole: std::collections::VecDeque<Vec<u8>>,
    ended: bool,
}

/// Why the text cannot be read on.
#[derive(Debug)]
pub(crate) enum HexError {
    /// Something that is no digit.
    Digit { line: u64, column: usize, found: char },
    /// A byte with one digit only.
    Half { line: u64, column: usize },
    /// An offset that is not where the dump is.
    Offset { line: u64, expected: usize, found: usize },
    /// The system could not read it.
    System(std::io::Error),
}

impl fmt::Display for HexError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Digit { line, column, found } => {
                write!(out, "{line}:{column}: {found:?} is no hexadecimal digit")
            }
            Self::Half { line, column } => {
                write!(out, "{line}:{column}: the last byte has one digit only")
            }
            Self::Offset { line, expected, found } => {
                write!(out, "{line}:1: the dump goes on at 0x{found:x}, 0x{expected:x} is next")
            }
            Self::System(error) => write!(out, "{error}"),
        }
    }
}

impl<R: BufRead> Reader<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, line: 0, packet: Vec::new(), whole: [].into(), ended: false }
    }

    /// Reads the next packet.
    pub(crate) fn read(&mut self) -> Option<Result<Vec<u8>, HexError>> {
        while self.whole.is_empty() && !self.ended {
            if let Err(error) = self.step() {
                self.ended = true;
                return Some(Err(error));
            }
        }
        self.whole.pop_front().map(Ok)
    }

    /// Reads one line.
    fn step(&mut self) -> Result<(), HexError> {
        let mut text = Vec::new();
        let count = self.input.read_until(b'\n', &mut text).map_err(HexError::System)?;
        self.line += 1;
        if count == 0 {
            self.ended = true;
            self.finish();
            return Ok(());
        }
        let text = String::from_utf8_lossy(&text);
        let text = text.trim_end();
        let text = text.split('#').next().unwrap_or_default();
        if text.trim().is_empty() || self.is_end(text) {
            self.finish();
            return Ok(());
        }
        match dump(text) {
            Some((offset, bytes)) => self.append(offset, &bytes),
            None if looks_printed(text) => {
                self.finish();
                Ok(())
            }
            None => {
                self.finish();
                let bytes = digits(text, self.line)?;
                self.whole.push_back(bytes);
                Ok(())
            }
        }
    }

    /// Tells whether a line is only the offset at which the dump ends.
    fn is_end(&self, text: &str) -> bool {
        let text = text.trim();
        !self.packet.is_empty()
            && text.len() >= 6
            && usize::from_str_radix(text, 16) == Ok(self.packet.len())
    }

    /// Adds a line of a dump.
    fn append(&mut self, offset: usize, bytes: &[u8]) -> Result<(), HexError> {
        if offset == 0 {
            self.finish();
        }
        if offset != self.packet.len() {
            let (line, expected) = (self.line, self.packet.len());
            return Err(HexError::Offset { line, expected, found: offset });
        }
        self.packet.extend(bytes);
        Ok(())
    }

    fn finish(&mut self) {
        if !self.packet.is_empty() {
            self.whole.push_back(std::mem::take(&mut self.packet));
        }
    }
}

/// Reads a line of a dump: its offset, and its bytes up to the column of characters.
fn dump(text: &str) -> Option<(usize, Vec<u8>)> {
    let text = text.trim_start();
    let (offset, rest) = text.split_once(|c: char| c == ':' || c.is_whitespace())?;
    let bare = offset.strip_prefix("0x").unwrap_or(offset);
    if bare.len() < 4 || bare.len() > 8 {
        return None;
    }
    let marked = text[offset.len()..].starts_with(':');
    let offset = usize::from_str_radix(bare, 16).ok()?;
    let bytes = rest.trim_start();
    // Without a colon, an offset is told from a packet that is written in groups by two spaces, or
    // by being longer than the bytes behind it.
    let longer = bytes.split(' ').next().is_some_and(|word| word.len() == 2);
    if !marked && !rest.starts_with(' ') && !longer || offset % 16 != 0 {
        return None;
    }
    Some((offset, columns(bytes)))
}

/// Reads the bytes of a dump's line up to its column of characters: that stands behind two spaces or
/// a bar, but one space more in the middle, after eight bytes, is none.
fn columns(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut gap = 0;
    for word in text.split(' ') {
        if word.is_empty() {
            gap += 1;
            continue;
        }
        let middle = gap == 1 && bytes.len() == 8;
        let full = bytes.len() >= 16 || gap > 0 && !middle;
        if full || !(word.len() == 2 || word.len() == 4) || !is_hex(word) {
            break;
        }
        gap = 0;
        bytes.extend(pairs(word));
    }
    bytes
}

/// Tells whether a line is what tcpdump prints above a dump.
fn looks_printed(text: &str) -> bool {
    [" > ", "IP (", "IP6 (", ", length "].iter().any(|part| text.contains(part))
}

/// Reads a line that holds a whole packet.
fn digits(text: &str, line: u64) -> Result<Vec<u8>, HexError> {
    let prefix = text.len() - text.trim_start().len();
    let body = text.trim_start();
    let skip = if body.starts_with("0x") { prefix + 2 } else { prefix };
    let mut digits = Vec::new();
    for (index, found) in text.char_indices().filter(|(index, _)| *index >= skip) {
        if found.is_whitespace() || found == ':' {
            continue;
        }
        let column = text[..index].chars().count() + 1;
        let digit = found.to_digit(16).ok_or(HexError::Digit { line, column, found })?;
        digits.push(u8::try_from(digit).unwrap_or_default());
    }
    let (bytes, half) = digits.as_chunks::<2>();
    if !half.is_empty() {
        return Err(HexError::Half { line, column: text.chars().count() });
    }
    Ok(bytes.iter().map(|[high, low]| high << 4 | low).collect())
}

fn is_hex(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn pairs(word: &str) -> impl Iterator<Item = u8> + '_ {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or_default();
    word.as_bytes()
        .chunks_exact(2)
        .map(move |pair| u8::try_from(digit(pair[0]) << 4 | digit(pair[1])).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Result<Vec<u8>, String>> {
        let mut reader = Reader::new(text.as_bytes());
        std::iter::from_fn(|| reader.read())
            .map(|packet| packet.map_err(|error| error.to_string()))
            .collect()
    }

    #[test]
    fn a_packet_a_line() {
        let packets = read("45000028\n# a comment\n0x4500 0028 # another\n\n45:00:00:28\n");
        assert_eq!(packets, vec![Ok(vec![0x45, 0, 0, 0x28]); 3]);
    }

    #[test]
    fn dumps_of_all_tools() {
        let bytes: Vec<u8> = (0x40..0x54).collect();
        for text in [
            "IP 1.2.3.4.5 > 6.7.8.9.1: Flags [S]\n\t0x0000:  4041 4243 4445 4647 4849 4a4b 4c4d 4e4f\n\t0x0010:  5051 5253\n",
            "\t0x0000:  4041 4243 4445 4647 4849 4a4b 4c4d 4e4f  @ABCDEFGHIJKLMNO\n\t0x0010:  5051 5253                                PQRS\n",
            "00000000: 4041 4243 4445 4647 4849 4a4b 4c4d 4e4f  @ABCDEFGHIJKLMNO\n00000010: 5051 5253                                PQRS\n",
            "00000000  40 41 42 43 44 45 46 47  48 49 4a 4b 4c 4d 4e 4f  |@ABCDEFGHIJKLMNO|\n00000010  50 51 52 53                                       |PQRS|\n",
            "0000  40 41 42 43 44 45 46 47 48 49 4a 4b 4c 4d 4e 4f   @ABCDEFGHIJKLMNO\n0010  50 51 52 53                                       PQRS\n",
            "000000 40 41 42 43 44 45 46 47 48 49 4a 4b 4c 4d 4e 4f\n000010 50 51 52 53\n000014\n",
        ] {
            assert_eq!(read(text), [Ok(bytes.clone())], "{text}");
            assert_eq!(read(&format!("{text}\n{text}")), vec![Ok(bytes.clone()); 2], "{text}");
        }
    }

    #[test]
    fn characters_that_look_like_digits() {
        let text = "0000  61 62 20 63 64 65 66 67                           ab cdefg\n";
        assert_eq!(read(text), [Ok(b"ab cdefg".to_vec())]);
    }

    #[test]
    fn what_is_wrong_has_a_place() {
        assert_eq!(read("45\n4g00\n45")[1], Err("2:2: 'g' is no hexadecimal digit".to_owned()));
        assert_eq!(read("450")[0], Err("1:3: the last byte has one digit only".to_owned()));
        let skipped = read("0x0000:  4041\n0x0010:  5051\n");
        assert_eq!(skipped[0], Err("2:1: the dump goes on at 0x10, 0x2 is next".to_owned()));
    }
}
