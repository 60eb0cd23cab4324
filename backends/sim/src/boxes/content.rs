//! Boxes that read the payload.

use super::segment::Segment;

/// Tells whether the payload does not begin as HTTP does.
pub(crate) fn not_http(segment: &Segment<'_>) -> bool {
    !is_http(&segment.payload)
}

/// Tells whether the payload begins as HTTP does.
pub(crate) fn http(segment: &Segment<'_>) -> bool {
    is_http(&segment.payload)
}

/// Changes the last byte of a payload of more than 300 bytes.
pub(crate) fn change(segment: &mut Segment<'_>) {
    if segment.payload.len() > 300
        && let Some(last) = segment.payload.to_mut().last_mut()
    {
        *last ^= 0x20;
    }
}

/// Tells whether a stream that begins like this is HTTP/1: a request or a response.
pub(crate) fn is_http(bytes: &[u8]) -> bool {
    STARTS.iter().any(|start| bytes.starts_with(start))
}

const STARTS: [&[u8]; 7] =
    [b"GET ", b"POST ", b"HTTP/", b"HEAD ", b"PUT ", b"OPTIONS ", b"DELETE "];
