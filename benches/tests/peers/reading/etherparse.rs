//! etherparse: the strict and the lax slices of a whole packet.

use etherparse::{LaxSlicedPacket, SlicedPacket, TcpOptionElement, TcpSlice, TransportSlice};

use super::Reading;

pub(super) fn read(frame: &[u8], _: usize) -> Option<Reading> {
    reading(SlicedPacket::from_ethernet(frame).ok()?.transport)
}

pub(super) fn read_lax(frame: &[u8], _: usize) -> Option<Reading> {
    reading(LaxSlicedPacket::from_ethernet(frame).ok()?.transport)
}

fn reading(transport: Option<TransportSlice<'_>>) -> Option<Reading> {
    let Some(TransportSlice::Tcp(segment)) = transport else {
        return None;
    };
    let (options, fault) = options(&segment);
    Some(Reading {
        ports: (segment.source_port(), segment.destination_port()),
        seq: segment.sequence_number(),
        ack: segment.acknowledgment_number(),
        flags: segment.slice()[13],
        window: segment.window_size(),
        options,
        fault,
        payload: segment.payload().len(),
    })
}

fn options(segment: &TcpSlice<'_>) -> (Vec<Vec<u8>>, bool) {
    let mut all = Vec::new();
    for item in segment.options_iterator() {
        all.push(match item {
            Ok(TcpOptionElement::Noop) => continue,
            Ok(TcpOptionElement::MaximumSegmentSize(size)) => {
                [&[2, 4], &size.to_be_bytes()[..]].concat()
            }
            Ok(TcpOptionElement::WindowScale(shift)) => vec![3, 3, shift],
            Ok(TcpOptionElement::SelectiveAcknowledgementPermitted) => vec![4, 2],
            Ok(TcpOptionElement::SelectiveAcknowledgement(first, more)) => {
                let blocks = std::iter::once(first).chain(more.into_iter().flatten());
                super::sack(blocks)
            }
            Ok(TcpOptionElement::Timestamp(value, echo)) => {
                [&[8, 10], &value.to_be_bytes()[..], &echo.to_be_bytes()].concat()
            }
            Err(_) => return (all, true),
        });
    }
    (all, false)
}
