//! The fence that is closed behind a command once its sockets are open: from then on the process
//! has no privilege, runs no program, and writes no file but those that were named.

#[cfg_attr(target_os = "linux", path = "linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "elsewhere.rs")]
mod system;

#[cfg(target_os = "linux")]
mod calls;

use std::{
    panic::resume_unwind,
    path::{Path, PathBuf},
    thread,
};

use crate::{exit::Failure, output::Output};

/// What is still to be done behind the fence.
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only Linux has a fence yet"))]
#[derive(Clone, Debug, Default)]
pub(crate) struct Fence {
    /// Files that are made there, or written anew.
    files: Vec<PathBuf>,
    /// Whether names are looked up there.
    names: bool,
    /// Whether more links are opened there, for which capabilities are kept.
    links: bool,
    /// What is done there with programs in the kernel.
    programs: Programs,
}

/// What is done with programs in the kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Programs {
    /// Nothing.
    #[default]
    None,
    /// Those that are loaded are run.
    Run,
    /// More are loaded, for which capabilities are kept.
    Load,
}

impl Fence {
    /// Lets a file be made or written anew; another may stand beside it while it is written.
    pub(crate) fn file(mut self, path: Option<&Path>) -> Self {
        self.files.extend(path.map(Path::to_owned));
        self
    }

    /// Lets names be looked up.
    pub(crate) fn names(self) -> Self {
        Self { names: true, ..self }
    }

    /// Lets more links be opened, if that is asked for.
    pub(crate) fn links(self, links: bool) -> Self {
        Self { links, ..self }
    }

    /// Lets programs be run, or also loaded.
    pub(crate) fn programs(self, programs: Programs) -> Self {
        Self { programs, ..self }
    }

    /// Tries the fence out on a thread of its own, and tells what it is made of.
    pub(crate) fn try_out(&self) -> Result<String, Failure> {
        thread::scope(|scope| scope.spawn(|| system::close(self)).join())
            .unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Closes the fence around this thread and all that it starts.
    ///
    /// # Errors
    /// When privileges cannot be given up: to go on with them is not what was promised.
    pub(crate) fn close(&self, output: &Output) -> Result<(), Failure> {
        let said = system::close(self)?;
        output.detail(&said);
        Ok(())
    }
}
