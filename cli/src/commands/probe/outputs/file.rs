//! The file under an output, or standard output.

use std::{
    cell::RefCell,
    fs::{File, OpenOptions},
    io::{self, BufReader, Read, Seek as _, SeekFrom, Write},
    path::Path,
    rc::Rc,
};

use super::Format;

/// A file that a layout writes to and its owner flushes.
#[derive(Clone)]
pub(super) struct Shared(Rc<RefCell<Inner>>);

struct Inner {
    buffer: Vec<u8>,
    to: To,
    format: Format,
    empty: bool,
}

enum To {
    Out(io::Stdout),
    File(File),
}

impl Shared {
    /// Opens a file, or standard output. To resume is to cut off what is not whole and to go on
    /// behind it.
    pub(super) fn open(path: Option<&Path>, resume: bool, format: Format) -> io::Result<Self> {
        let mut empty = true;
        let to = match path {
            None => To::Out(io::stdout()),
            Some(path) if resume => {
                let mut file = OpenOptions::new()
                    .read(true)
                    .write(true)
                    .create(true)
                    .truncate(false)
                    .open(path)?;
                empty = cut(&mut file, format)? == 0;
                To::File(file)
            }
            Some(path) => To::File(
                OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?,
            ),
        };
        let inner = Inner { buffer: Vec::new(), to, format, empty };
        Ok(Self(Rc::new(RefCell::new(inner))))
    }

    /// Tells whether nothing is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.0.borrow().empty
    }

    /// Gives the same file, for libraries that want to own it.
    #[cfg(feature = "columns")]
    pub(super) fn sendable(&self) -> io::Result<Box<dyn Write + Send>> {
        Ok(match &self.0.borrow().to {
            To::Out(_) => Box::new(io::stdout()),
            To::File(file) => Box::new(file.try_clone()?),
        })
    }

    /// Waits until the disk has all that was written.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.flush()?;
        match &self.0.borrow().to {
            To::Out(_) => Ok(()),
            To::File(file) => match file.sync_data() {
                // What is no file on a disk need not be waited for.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
                other => other,
            },
        }
    }

    /// Cuts off what is not whole, where it can be cut off.
    pub(super) fn mend(&mut self) {
        let mut inner = self.0.borrow_mut();
        inner.buffer.clear();
        let format = inner.format;
        if let To::File(file) = &mut inner.to
            && file.metadata().is_ok_and(|data| data.is_file())
        {
            let _ = cut(file, format);
        }
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let full = {
            let mut inner = self.0.borrow_mut();
            inner.buffer.extend_from_slice(bytes);
            inner.buffer.len() >= FULL
        };
        if full {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let Inner { buffer, to, .. } = &mut *self.0.borrow_mut();
        let written = match to {
            To::Out(out) => out.write_all(buffer).and_then(|()| out.flush()),
            To::File(file) => file.write_all(buffer),
        };
        buffer.clear();
        written
    }
}

/// Cuts a file behind its last whole finding, goes there, and tells its length.
fn cut(file: &mut File, format: Format) -> io::Result<u64> {
    let length = match format {
        Format::Text | Format::Jsonl | Format::Csv => whole_lines(file)?,
        Format::Pcapng => whole_blocks(file)?,
        // Their ends tell where all the rest is: a part of them is nothing.
        #[cfg(feature = "columns")]
        Format::Arrow | Format::Parquet => return file.seek(SeekFrom::End(0)),
    };
    file.set_len(length)?;
    file.seek(SeekFrom::Start(length))
}

/// Tells where the last line break is.
fn whole_lines(file: &mut File) -> io::Result<u64> {
    let mut end = file.seek(SeekFrom::End(0))?;
    let mut piece = vec![0; FULL];
    while end > 0 {
        let length = end.min(FULL as u64);
        end -= length;
        file.seek(SeekFrom::Start(end))?;
        let piece = &mut piece[..length as usize];
        file.read_exact(piece)?;
        if let Some(place) = piece.iter().rposition(|byte| *byte == b'\n') {
            return Ok(end + place as u64 + 1);
        }
    }
    Ok(0)
}

/// Tells where the last whole block of a pcapng file ends.
fn whole_blocks(file: &mut File) -> io::Result<u64> {
    let size = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(0))?;
    let mut reader = BufReader::new(file);
    let mut end = 0;
    let mut head = [0; 8];
    while end + head.len() as u64 <= size {
        reader.read_exact(&mut head)?;
        let [_, _, _, _, length @ ..] = head;
        let length = u64::from(u32::from_le_bytes(length));
        if length < 12 || end + length > size {
            break;
        }
        end += length;
        reader.seek_relative((length - head.len() as u64) as i64)?;
    }
    Ok(end)
}

/// How many bytes are kept back at most.
const FULL: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use std::{env, fs, process};

    use super::*;

    fn resumed(name: &str, format: Format, before: &[u8]) -> Vec<u8> {
        let path = env::temp_dir().join(format!("tcpexposure-{}-{name}", process::id()));
        fs::write(&path, before).unwrap();
        let mut shared = Shared::open(Some(&path), true, format).unwrap();
        shared.write_all(b"+").unwrap();
        shared.flush().unwrap();
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        bytes
    }

    #[test]
    fn half_a_line_is_cut_off() {
        assert_eq!(resumed("whole", Format::Jsonl, b"{1}\n{2}\n"), b"{1}\n{2}\n+");
        assert_eq!(resumed("half", Format::Jsonl, b"{1}\n{2"), b"{1}\n+");
        assert_eq!(resumed("nothing", Format::Csv, b"sad"), b"+");
        let long = [b"{1}\n".as_slice(), &[b'x'; 3 * FULL]].concat();
        assert_eq!(resumed("long", Format::Text, &long), b"{1}\n+");
    }

    #[test]
    fn half_a_block_is_cut_off() {
        let block = [10, 0, 0, 0, 12, 0, 0, 0, 12, 0, 0, 0];
        let half = [block.as_slice(), &block[..11]].concat();
        assert_eq!(resumed("blocks", Format::Pcapng, &half), [block.as_slice(), b"+"].concat());
    }
}
