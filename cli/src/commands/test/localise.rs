//! Packets that are followed on the path itself.

use tcpexposure_core::{engine::SLOT, experiment::modern::Row};

use super::{Task, modern::Evidence, paths::Paths, targets::Address};
use crate::{
    commands::trace::follow,
    evidence::{Follower, Recorder},
    exit::Failure,
    localise::{Flow, Flows, manner, segment, tracer},
};

/// The way to one target.
pub(super) struct OnPath<'a, 'p> {
    pub(super) address: &'a Address,
    pub(super) paths: &'a mut Paths<'p>,
    pub(super) task: &'a Task,
    /// Where the packets are kept.
    pub(super) evidence: Option<&'a mut Evidence>,
}

impl Flows for OnPath<'_, '_> {
    fn follow(&mut self, row: &Row, port: Option<u16>, tries: u8) -> Result<Option<Flow>, Failure> {
        let (target, mut path) = self.paths.trace(self.address, port)?;
        let mut keeping = self.evidence.as_deref_mut().map(Evidence::keeping);
        if let Some(keeping) = &mut keeping {
            keeping.follow(row.name, path.source);
        }
        let mut slot = [0; SLOT];
        let Some(bytes) = segment(row, self.task.seed, path.source, target, &mut slot) else {
            return Ok(None);
        };
        let follower = Follower::new(tracer(manner(row, tries), bytes)?, row);
        let mut recorder = Recorder::new(Box::new(follower), keeping);
        follow(&mut recorder, &mut path, &self.task.stop, |_| Ok(())).map(Some)
    }

    fn stopped(&self) -> bool {
        self.task.stop.asked()
    }
}
