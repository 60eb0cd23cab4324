//! Hexadecimal dumps, as `-x` and `-X` print them.

use core::fmt::{self, Write};

use super::text::{Buffer, Sink, bytes, hex};
use crate::{
    fault::{Fault, Kind, Layer},
    wire::packet::Packet,
};

/// Writes the lines of a dump of `data`, each with a line break before it; with `characters`, what
/// can be printed stands at the end.
///
/// # Errors
/// Those of `out`.
pub fn dump<W: Write>(out: &mut W, data: &[u8], characters: bool) -> fmt::Result {
    let mut buffer = Buffer::new(out);
    rows(&mut buffer, data, characters)?;
    buffer.flush()
}

/// Tells which bytes of a packet tcpdump dumps: all of them with `-xx` and `-XX`, which is `link`,
/// else those behind the link-layer header.
#[must_use]
pub fn dumped<'a>(packet: &Packet<'a>, link: bool) -> &'a [u8] {
    if link {
        return packet.bytes;
    }
    let cut = matches!(
        packet.fault,
        Some(Fault { layer: Layer::Link, kind: Kind::Truncated { .. }, .. })
    );
    packet.ip_bytes().unwrap_or(if cut { &[] } else { packet.rest })
}

fn rows<W: Sink>(out: &mut W, data: &[u8], characters: bool) -> fmt::Result {
    for (index, row) in data.chunks(16).enumerate() {
        out.write_str("\n\t0x")?;
        hex(out, u64::try_from(index).unwrap_or_default() << 4, 4)?;
        out.write_str(": ")?;
        for pair in row.chunks(2) {
            out.write_str(" ")?;
            bytes(out, pair)?;
        }
        if characters {
            let used = row.len().saturating_mul(2).saturating_add(row.len().div_ceil(2));
            for _ in used..WIDTH {
                out.write_str(" ")?;
            }
            out.write_str("  ")?;
            for byte in row {
                let shown = if byte.is_ascii_graphic() { *byte } else { b'.' };
                out.write_char(shown.into())?;
            }
        }
    }
    Ok(())
}

/// The width of sixteen bytes in groups of two, with a space before each.
const WIDTH: usize = 40;
