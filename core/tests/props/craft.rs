//! Drafts: what is written is what was meant.

use std::net::{Ipv4Addr, Ipv6Addr};

use arbitrary::{Result, Unstructured};
use tcpexposure_core::{
    craft::{Checksum, Draft, Error, Ipv4, Ipv6, Network, Payload},
    wire::{
        ipv4,
        packet::{self, Packet},
        protocol,
        tcp::{Flags, Seq},
    },
};

use super::{expression, rebuild};

/// Takes the fields of a draft.
pub(crate) fn body(data: &[u8]) {
    if let Ok(draft) = draft(&mut Unstructured::new(data)) {
        expression::draft_to_text_and_back(&draft);
        written(&draft);
        expression::canonical_line(&draft);
        for verbose in 0..=2 {
            expression::summary_line(&draft, verbose);
        }
    }
}

/// A draft is written into the bytes that it says it takes, or refused with a reason; what is
/// written is read as it was meant, unless a forced length says otherwise.
fn written(draft: &Draft<'_>) {
    let mut buffer = vec![0x5a; draft.length()];
    let bytes = match draft.write(&mut buffer) {
        Ok(bytes) => bytes,
        Err(error) => return assert!(!error.to_string().is_empty() && refused(draft, error)),
    };
    let (needed, present) = (draft.length(), draft.length() - 1);
    let short = Err(Error::Buffer { needed, present });
    assert_eq!(draft.write(&mut vec![0; present]), short);
    let packet = Packet::from_ip(bytes);
    rebuild::check(&packet);
    if forced(draft) {
        return;
    }
    assert_eq!(packet.fault, None, "{draft:?}");
    let Some(read) = Draft::of(&packet) else { panic!("{draft:?}") };
    assert_eq!(read.write(&mut vec![0; needed]), Ok(bytes));
    assert_eq!(
        (read.source_port, read.destination_port),
        (draft.source_port, draft.destination_port)
    );
    assert_eq!((read.seq, read.ack, read.flags), (draft.seq, draft.ack, draft.flags));
    assert_eq!((read.window, read.urgent), (draft.window, draft.urgent));
    assert!(read.options.starts_with(draft.options));
    assert!(read.options[draft.options.len()..].iter().all(|byte| *byte == 0));
    assert!(read.payload.bytes().eq(draft.payload.bytes()));
    let right = matches!(draft.checksum, Checksum::Computed);
    if !matches!(draft.checksum, Checksum::Forced(_)) && !fragment(draft) {
        assert_eq!(packet.checksum_ok(), Some(right));
    }
    if let packet::Network::V4(header) = packet.network {
        assert!(header.checksum_ok());
    }
}

/// Tells whether the reason is one.
fn refused(draft: &Draft<'_>, error: Error) -> bool {
    match error {
        Error::Buffer { .. } => false,
        Error::Options(length) => length > 40 && draft.data_offset.is_none(),
        Error::IpOptions(length) => length > 40,
        Error::Offset(words) => words > 15,
        Error::Length(length) => length > 65535,
    }
}

/// Tells whether a field is set to what may not be so.
fn forced(draft: &Draft<'_>) -> bool {
    let network = match draft.network {
        Network::V4(header) => {
            header.version != 4
                || header.header_length.is_some()
                || header.total_length.is_some()
                || header.protocol != protocol::TCP
                || header.fragment_offset & 0x1fff != 0
                || header.checksum != Checksum::Computed
        }
        Network::V6(header) => {
            header.version != 6
                || header.payload_length.is_some()
                || !header.extensions.is_empty()
                || header.next_header != protocol::TCP
        }
    };
    network || draft.data_offset.is_some()
}

fn fragment(draft: &Draft<'_>) -> bool {
    matches!(draft.network, Network::V4(header) if header.flags.contains(ipv4::Flags::MF))
}

/// Makes a draft of what there is.
pub(super) fn draft<'a>(data: &mut Unstructured<'a>) -> Result<Draft<'a>> {
    Ok(Draft {
        network: if data.arbitrary()? { Network::V4(v4(data)?) } else { Network::V6(v6(data)?) },
        source_port: data.arbitrary()?,
        destination_port: data.arbitrary()?,
        seq: Seq(data.arbitrary()?),
        ack: Seq(data.arbitrary()?),
        flags: Flags::from_bits(data.arbitrary()?),
        window: data.arbitrary()?,
        urgent: data.arbitrary()?,
        data_offset: sometimes(data, 17)?,
        checksum: checksum(data)?,
        options: bytes(data, 44)?,
        payload: payload(data)?,
    })
}

fn v4<'a>(data: &mut Unstructured<'a>) -> Result<Ipv4<'a>> {
    Ok(Ipv4 {
        source: Ipv4Addr::from_bits(data.arbitrary()?),
        destination: Ipv4Addr::from_bits(data.arbitrary()?),
        tos: data.arbitrary()?,
        id: data.arbitrary()?,
        flags: ipv4::Flags::from_bits(data.arbitrary()?),
        fragment_offset: if data.ratio(1, 4)? { data.int_in_range(0..=0x1fff)? } else { 0 },
        ttl: data.arbitrary()?,
        protocol: if data.ratio(1, 4)? { data.arbitrary()? } else { protocol::TCP },
        options: bytes(data, 44)?,
        version: if data.ratio(1, 8)? { data.int_in_range(0..=15)? } else { 4 },
        header_length: sometimes(data, 17)?,
        total_length: if data.ratio(1, 4)? { Some(data.arbitrary()?) } else { None },
        checksum: checksum(data)?,
    })
}

fn v6<'a>(data: &mut Unstructured<'a>) -> Result<Ipv6<'a>> {
    Ok(Ipv6 {
        source: Ipv6Addr::from_bits(data.arbitrary()?),
        destination: Ipv6Addr::from_bits(data.arbitrary()?),
        traffic_class: data.arbitrary()?,
        flow_label: data.int_in_range(0..=0xf_ffff)?,
        hop_limit: data.arbitrary()?,
        next_header: if data.ratio(1, 4)? { data.arbitrary()? } else { protocol::TCP },
        extensions: bytes(data, 80)?,
        version: if data.ratio(1, 8)? { data.int_in_range(0..=15)? } else { 6 },
        payload_length: if data.ratio(1, 4)? { Some(data.arbitrary()?) } else { None },
    })
}

fn payload<'a>(data: &mut Unstructured<'a>) -> Result<Payload<'a>> {
    Ok(match data.int_in_range(0..=3)? {
        0 => Payload::Bytes(bytes(data, 100)?),
        1 => Payload::Fill { byte: data.arbitrary()?, length: data.int_in_range(0..=3000)? },
        2 => Payload::Text(data.arbitrary()?),
        _ => Payload::default(),
    })
}

fn checksum(data: &mut Unstructured<'_>) -> Result<Checksum> {
    Ok(match data.int_in_range(0..=3)? {
        0 => Checksum::Bad,
        1 => Checksum::Forced(data.arbitrary()?),
        _ => Checksum::Computed,
    })
}

fn sometimes(data: &mut Unstructured<'_>, limit: u8) -> Result<Option<u8>> {
    if data.ratio(1, 4)? { Ok(Some(data.int_in_range(0..=limit)?)) } else { Ok(None) }
}

fn bytes<'a>(data: &mut Unstructured<'a>, most: usize) -> Result<&'a [u8]> {
    let length = data.int_in_range(0..=most)?.min(data.len());
    data.bytes(length)
}
