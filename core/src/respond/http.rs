//! HTTP as far as the responder dresses in it (sections 2.4 and 4.7 of the specification).

use core::fmt::Write as _;

/// What a request for the page begins with.
pub(super) const PAGE: &[u8] = b"GET /hoge.cgi";

/// The most bytes of a response header that [`ok`] writes.
pub(super) const MAX_HEADER: usize = START.len() + 4 + END.len();

/// A response header.
pub(super) type Header = heapless::String<MAX_HEADER>;

/// Takes the HTTP header off a payload, and tells whether there is one: a payload that begins with
/// `GET`, `POST` or `HTTP`. The header ends with the **last** empty line; if there is none, all of
/// the payload is the body.
pub(super) fn trim(payload: &[u8]) -> (&[u8], bool) {
    let starts: [&[u8]; 3] = [b"GET", b"POST", b"HTTP"];
    if !starts.iter().any(|start| payload.starts_with(start)) {
        return (payload, false);
    }
    let end = payload
        .windows(EMPTY_LINE.len())
        .rposition(|window| window == EMPTY_LINE)
        .map_or(0, |at| at.saturating_add(EMPTY_LINE.len()));
    (payload.get(end..).unwrap_or_default(), true)
}

/// Writes the response header that makes `total` bytes with its content; empty if they are too few
/// or too many. Where the content length gains a digit the whole is one byte short.
pub(super) fn ok(total: usize) -> Header {
    let mut header = Header::new();
    let content = (1..=4_u32).find_map(|digits| {
        let taken = (START.len().saturating_add(END.len())).checked_add(digits.try_into().ok()?)?;
        let content = total.checked_sub(taken)?;
        (content < 10_usize.pow(digits)).then_some(content)
    });
    if let Some(content) = content {
        let _ = write!(header, "{START}{content}{END}");
    }
    header
}

const EMPTY_LINE: &[u8] = b"\r\n\r\n";
const START: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: ";
const END: &str = "\r\n\r\n";

/// The page of 2011, 316 bytes with its header: as `responder-vectors.json` has it.
pub(super) const CLASSIC_PAGE: &[u8] = b"HTTP/1.1 200 OK\r\n\
    Content-Type: text/html\r\n\
    Content-Length: 251\r\n\
    \r\n\
    \n<html>\n<body>\n\
    <form action='hoge.cgi' method=\"POST\" enctype=\"multipart/form-data\">\n\
    <p style=\"font-size: 18pt\">\nSubmission Form\n</p>\n\
    <p>\n<input type='file' name='logfile' \\>\n</p>\n\n\
    <p>\n<input type='submit' value='submit'\\>\n</p>\n\
    </form>\n</body>\n</html>\n";

/// Our page, of the same length.
pub(super) const MODERN_PAGE: &[u8] = b"HTTP/1.1 200 OK\r\n\
    Content-Type: text/html\r\n\
    Content-Length: 251\r\n\
    \r\n\
    <!doctype html>\n<title>TCP path measurement</title>\n\
    <p>This port belongs to a responder of tcpexposure, which answers test packets \
    so that people can learn what the network does to TCP. It keeps nothing about you, \
    and there is no other page here.</p>\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_and_content_make_the_total() {
        let header = ok(512);
        assert_eq!(header.len(), 80);
        assert!(header.ends_with("Content-Length: 432\r\n\r\n"));
        for total in 78..10_000 {
            let header = ok(total);
            let content: usize = header[START.len()..header.len() - 4].parse().unwrap();
            let sum = header.len() + content;
            assert!(sum == total || sum + 1 == total, "{total}");
        }
        assert_eq!(ok(77), "");
        assert_eq!(ok(100_000), "");
    }

    #[test]
    fn the_last_empty_line_ends_the_header() {
        assert_eq!(trim(b"plain\r\n\r\n"), (&b"plain\r\n\r\n"[..], false));
        assert_eq!(trim(b"POST x\r\n\r\na\r\n\r\nb"), (&b"b"[..], true));
        assert_eq!(trim(b"HTTP without"), (&b"HTTP without"[..], true));
        assert_eq!(trim(b""), (&b""[..], false));
    }

    #[test]
    fn both_pages_are_as_long_as_they_say() {
        for page in [CLASSIC_PAGE, MODERN_PAGE] {
            assert_eq!(page.len(), 316);
            assert_eq!(page.windows(4).position(|w| w == EMPTY_LINE).unwrap() + 4 + 251, 316);
        }
    }
}
