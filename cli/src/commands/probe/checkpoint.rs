//! The place of a run, kept on disk so that a run that was killed can be gone on with.
//!
//! A checkpoint tells how far all that was sent has had its time to be answered: where sending was
//! one cooldown ago, when the findings up to now are on the disk. To go on from there loses nothing
//! and repeats what was sent in between.

use std::{
    collections::VecDeque,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Value, json};
use tcpexposure_core::time::Instant;

use crate::exit::{Exit, Failure};

/// What a checkpoint says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Checkpoint {
    /// The hash of all that decides what is sent.
    pub(super) configuration: u64,
    /// What the order and the cookies are drawn from.
    pub(super) seed: u64,
    /// The probes of this shard that need not be sent again.
    pub(super) position: u64,
    /// The findings that were on the disk.
    pub(super) findings: u64,
    /// Whether the run is over.
    pub(super) done: bool,
}

/// The places where sending was, as long as they are recent.
#[derive(Debug, Default)]
pub(super) struct Trail {
    places: VecDeque<(Instant, u64)>,
    settled: u64,
}

impl Checkpoint {
    /// Reads a checkpoint; `None` if there is no such file.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, Failure> {
        let unreadable = |why: String| {
            let message = format!("cannot go on from {}: {why}", path.display());
            Failure::new(Exit::Usage, message)
                .hint("name the file that an earlier run kept, or remove it to begin anew")
        };
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(error.to_string())),
        };
        let value: Value =
            serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
        let number = |name: &str| {
            value[name].as_u64().ok_or_else(|| unreadable(format!("it tells no {name}")))
        };
        Ok(Some(Self {
            configuration: number("configuration")?,
            seed: number("seed")?,
            position: number("position")?,
            findings: number("findings")?,
            done: value["done"].as_bool().unwrap_or_default(),
        }))
    }

    /// Writes it so that the file is, whatever happens, either the old one or the new one.
    pub(super) fn write(&self, path: &Path) -> Result<(), Failure> {
        self.replace(path).map_err(|error| {
            let message = format!("cannot keep the place in {}: {error}", path.display());
            Failure::new(Exit::Partial, message)
                .hint("name a file in a directory that may be written, on a disk with room")
        })
    }

    /// Puts it in the place of the one before, which stands until then.
    fn replace(&self, path: &Path) -> io::Result<()> {
        let new = beside(path);
        if let Err(error) = self.put(&new) {
            // What is half there is of no use; if it cannot be removed, the next run overwrites it.
            let _ = fs::remove_file(&new);
            return Err(error);
        }
        fs::rename(&new, path)?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
    }

    fn put(&self, path: &Path) -> io::Result<()> {
        let mut file = File::create(path)?;
        let value = json!({
            "type": "checkpoint",
            "configuration": self.configuration,
            "seed": self.seed,
            "position": self.position,
            "findings": self.findings,
            "done": self.done,
        });
        writeln!(file, "{value}")?;
        file.sync_all()
    }
}

impl Trail {
    /// Begins where a run begins.
    pub(super) fn from(position: u64) -> Self {
        Self { places: VecDeque::new(), settled: position }
    }

    /// Notes how far sending was at `sent`, and tells how far it was `patience` before `heard`, up
    /// to which all answers are known.
    pub(super) fn note(
        &mut self,
        sent: Instant,
        position: u64,
        heard: Instant,
        patience: Duration,
    ) -> u64 {
        if self.places.back().is_none_or(|(_, last)| *last != position) {
            self.places.push_back((sent, position));
        }
        while let Some((sent, position)) = self.places.front()
            && heard.since(*sent) >= patience
        {
            self.settled = *position;
            self.places.pop_front();
        }
        self.settled
    }
}

/// Names a file in the same directory.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use std::{env, process};

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let path = env::temp_dir().join(format!("tcpexposure-{}-place", process::id()));
        assert_eq!(Checkpoint::read(&path).unwrap(), None);
        let checkpoint = Checkpoint {
            configuration: u64::MAX,
            seed: 7,
            position: 1 << 60,
            findings: 3,
            done: false,
        };
        checkpoint.write(&path).unwrap();
        checkpoint.write(&path).unwrap();
        assert_eq!(Checkpoint::read(&path).unwrap(), Some(checkpoint));
        fs::write(&path, "{}").unwrap();
        let said = Checkpoint::read(&path).unwrap_err().to_string();
        assert!(said.contains("it tells no configuration"), "{said}");
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_place_settles_when_its_answers_have_had_their_time() {
        let at = |seconds: u64| Instant::ZERO.after(Duration::from_secs(seconds));
        let mut trail = Trail::from(5);
        let patience = Duration::from_secs(2);
        assert_eq!(trail.note(at(1), 10, at(1), patience), 5);
        assert_eq!(trail.note(at(2), 20, at(2), patience), 5);
        assert_eq!(trail.note(at(3), 30, at(3), patience), 10);
        // Whoever listens has fallen behind.
        assert_eq!(trail.note(at(9), 40, at(4), patience), 20);
        assert_eq!(trail.note(at(9), 40, at(10), patience), 30);
        assert_eq!(trail.note(at(9), 40, at(11), patience), 40);
    }
}
