//! Hexadecimal dumps, as `-x` and `-X` print them.

use core::fmt::{self, Write};

use super::text::{bytes, hex};

/// Writes the lines of a dump of `data`, each with a line break before it; with `characters`, what
/// can be printed stands at the end.
///
/// # Errors
/// Those of `out`.
pub fn dump<W: Write>(out: &mut W, data: &[u8], characters: bool) -> fmt::Result {
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
