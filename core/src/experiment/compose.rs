//! From a row of the procedure table to the bytes of a segment.

use core::net::IpAddr;

use super::{
    procedure::{Burst, Dress, Opening, Piece, Word, command},
    voice::{Dialect, Span, Voice},
};
use crate::{
    craft::{Draft, Network, Payload},
    wire::{
        ipv4,
        options::{MAX_LENGTH, Writer},
        tcp::{Flags, Seq},
    },
};

/// Where a connection goes, and how its payload is dressed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Path<'a> {
    pub(crate) source: IpAddr,
    pub(crate) target: IpAddr,
    pub(crate) source_port: u16,
    pub(crate) target_port: u16,
    /// The host name for HTTP headers, in HTTP mode.
    pub(crate) host: Option<&'a str>,
    /// The identification of the IPv4 header.
    pub(crate) id: u16,
}

/// The place of a segment in the connection, with its flags.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) flags: Flags,
    pub(crate) seq: Seq,
    pub(crate) ack: Seq,
}

/// Writes the SYN and tells its length.
pub(crate) fn opening(
    path: &Path<'_>,
    voice: &Voice,
    opening: &Opening,
    slot: &mut [u8],
) -> Option<usize> {
    let place = Place { flags: Flags::SYN, seq: voice.isn, ack: Seq(0) };
    let mut payload = [0; ROOM];
    let (fill, length) = opening.payload.unwrap_or((0, 0));
    let payload = payload.get_mut(..usize::from(length))?;
    voice.fill(fill, 0, payload);
    let span = Span { offset: 0, length };
    write(path, voice, place, opening.options, span, payload, slot)
}

/// Writes a segment without options and payload and tells its length.
pub(crate) fn bare(path: &Path<'_>, voice: &Voice, place: Place, slot: &mut [u8]) -> Option<usize> {
    write(path, voice, place, &[], Span::default(), &[], slot)
}

/// Writes the piece of a burst with the given index and tells its length.
pub(crate) fn piece(
    path: &Path<'_>,
    voice: &Voice,
    place: Place,
    (burst, index, mss): (&Burst, usize, u16),
    slot: &mut [u8],
) -> Option<usize> {
    let piece = burst.pieces.get(index)?;
    let span = span(burst, index, mss)?;
    let mut payload = [0; ROOM];
    let payload = payload.get_mut(..usize::from(span.length))?;
    let dressed = path.host.map(|host| (host, covered(piece, burst, mss, voice)));
    let late = path.host.is_some() && piece.dress == Dress::Late && voice.faithful();
    let fill = if late { command::ECHO_HTTP } else { piece.fill };
    let header = dressed.map_or(0, |(host, total)| post(host, total, payload));
    voice.fill(fill, span.offset, payload.get_mut(header..)?);
    write(path, voice, place, piece.options, span, payload, slot)
}

/// Tells where a piece lies in its burst.
pub(crate) fn span(burst: &Burst, index: usize, mss: u16) -> Option<Span> {
    let before = burst.pieces.get(..index)?;
    let sum = |sum: u32, piece: &Piece| sum.wrapping_add(u32::from(piece.size.bytes(mss)));
    Some(Span {
        offset: before.iter().fold(0, sum),
        length: burst.pieces.get(index)?.size.bytes(mss),
    })
}

/// Tells how many bytes the HTTP header of a piece covers, itself included; 0 for no header.
fn covered(piece: &Piece, burst: &Burst, mss: u16, voice: &Voice) -> u16 {
    let whole = || {
        let sizes = burst.pieces.iter().map(|piece| piece.size.bytes(mss));
        sizes.fold(0_u16, u16::saturating_add)
    };
    match piece.dress {
        Dress::Never => 0,
        Dress::Whole => whole(),
        Dress::Own => piece.size.bytes(mss),
        Dress::Mended | Dress::Late if voice.faithful() => 0,
        Dress::Mended | Dress::Late => piece.size.bytes(mss),
    }
}

fn write(
    path: &Path<'_>,
    voice: &Voice,
    place: Place,
    words: &[Word],
    span: Span,
    payload: &[u8],
    slot: &mut [u8],
) -> Option<usize> {
    let mut options = [0; MAX_LENGTH];
    let mut writer = Writer::new(&mut options);
    for word in words {
        voice.write(*word, span, &mut writer).ok()?;
    }
    writer.align().ok()?;
    let draft = Draft {
        network: network(path, voice)?,
        source_port: path.source_port,
        destination_port: path.target_port,
        seq: place.seq,
        ack: place.ack,
        flags: place.flags,
        window: voice.window,
        options: writer.finish(),
        payload: Payload::Bytes(payload),
        ..Draft::default()
    };
    draft.write(slot).ok().map(<[u8]>::len)
}

fn network(path: &Path<'_>, voice: &Voice) -> Option<Network<'static>> {
    let mut network = Network::between(path.source, path.target)?;
    let classic = matches!(voice.dialect, Dialect::Classic { .. });
    match &mut network {
        Network::V4(header) => {
            header.id = path.id;
            if classic {
                (header.flags, header.ttl) = (ipv4::Flags::NONE, CLASSIC_TTL);
            }
        }
        Network::V6(header) if classic => header.hop_limit = CLASSIC_TTL,
        Network::V6(_) => {}
    }
    Some(network)
}

/// Writes the header of a POST request that covers `total` bytes, itself included, at the start of
/// `out`, and tells its length; writes nothing if there is no room for it and a command behind it.
fn post(host: &str, total: u16, out: &mut [u8]) -> usize {
    let fixed = HEAD.len().saturating_add(TYPE.len()).saturating_add(END.len());
    let fixed = fixed.saturating_add(host.len());
    let Some((digits, length)) = content_length(fixed, usize::from(total)) else {
        return 0;
    };
    let header = fixed.saturating_add(digits);
    if header.saturating_add(COMMAND_ROOM) > out.len() {
        return 0;
    }
    let mut decimal = [b'0'; 5];
    let mut rest = length;
    for digit in decimal.iter_mut().rev() {
        *digit = b'0'.wrapping_add(u8::try_from(rest % 10).unwrap_or(0));
        rest = rest.checked_div(10).unwrap_or(0);
    }
    let number = decimal.get(decimal.len().saturating_sub(digits)..);
    let parts = [HEAD, host.as_bytes(), TYPE, number.unwrap_or_default(), END];
    let bytes = parts.into_iter().flatten();
    for (to, from) in out.iter_mut().zip(bytes) {
        *to = *from;
    }
    header
}

/// Finds the digits that a content length takes, and the length.
fn content_length(fixed: usize, total: usize) -> Option<(usize, usize)> {
    let limits = [10, 100, 1_000, 10_000, 100_000];
    limits.into_iter().zip(1_usize..).find_map(|(limit, digits)| {
        let length = total.checked_sub(fixed)?.checked_sub(digits)?;
        (length < limit).then_some((digits, length))
    })
}

const HEAD: &[u8] = b"POST /hoge.cgi HTTP/1.1\r\nHost: ";
const TYPE: &[u8] = b"\r\nContent-Type: application/octet-stream\r\nContent-Length: ";
const END: &[u8] = b"\r\n\r\n";
/// The least payload behind an HTTP header.
const COMMAND_ROOM: usize = 4;
/// The most payload in a segment.
const ROOM: usize = 1460;
/// The original's time to live.
const CLASSIC_TTL: u8 = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_post_header_of_the_original() {
        let mut out = [0; 512];
        assert_eq!(post("example.org", 512, &mut out), 107);
        assert!(out.windows(21).any(|text| text == b"Content-Length: 405\r\n"));
    }

    #[test]
    fn a_length_at_a_digit_boundary_is_padded() {
        for total in 94..2_000 {
            let Some((digits, length)) = content_length(93, total) else {
                continue;
            };
            assert_eq!(93 + digits + length, total);
        }
    }
}
