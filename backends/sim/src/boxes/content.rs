//! Boxes that read the payload.

use super::segment::Segment;

/// Tells whether the payload does not begin as HTTP does.
pub(crate) fn not_http(segment: &Segment<'_>) -> bool {
    !is_http(&segment.payload)
}

/// Tells whether a stream that begins like this is HTTP/1: a request or a response.
pub(crate) fn is_http(bytes: &[u8]) -> bool {
    STARTS.iter().any(|start| bytes.starts_with(start))
}

const STARTS: [&[u8]; 7] =
    [b"GET ", b"POST ", b"HTTP/", b"HEAD ", b"PUT ", b"OPTIONS ", b"DELETE "];
