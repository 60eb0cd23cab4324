//! Linux: no capabilities, Landlock around files and ports, and seccomp around system calls.

use std::{
    fmt::Display,
    fs::{self, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use caps::{CapSet, Capability, CapsHashSet, errors::CapsError};
use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, NetPort, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};

use super::{Fence, Programs, calls};
use crate::exit::{Exit, Failure};

/// Closes the fence, and tells in one line what it is made of.
pub(super) fn close(fence: &Fence) -> Result<String, Failure> {
    let kept = fence.kept();
    let names: Vec<String> = kept.iter().map(ToString::to_string).collect();
    give_up(&kept).map_err(|error| refused("give up capabilities", &error))?;
    let landlock = match confine(fence).map_err(|error| refused("confine ourselves", &error))? {
        RulesetStatus::FullyEnforced => "Landlock",
        RulesetStatus::PartiallyEnforced => "Landlock as far as this kernel has it",
        RulesetStatus::NotEnforced => "no Landlock, which this kernel has not",
    };
    let seccomp = match calls::restrict(fence) {
        Ok(true) => "seccomp",
        Ok(false) => "no seccomp, which this machine has not",
        Err(error) => return Err(refused("filter system calls", &error)),
    };
    let kept = if names.is_empty() { "no capability".to_owned() } else { names.join(", ") };
    Ok(format!("behind the fence with {kept}; {landlock}; {seccomp}"))
}

impl Fence {
    /// Tells the capabilities that cannot be given up.
    fn kept(&self) -> CapsHashSet {
        let mut kept = CapsHashSet::new();
        if self.links {
            kept.extend([Capability::CAP_NET_RAW, Capability::CAP_NET_ADMIN]);
        }
        if self.programs == Programs::Load {
            kept.extend([Capability::CAP_BPF, Capability::CAP_PERFMON, Capability::CAP_NET_ADMIN]);
        }
        let held = caps::read(None, CapSet::Permitted).unwrap_or_default();
        if held.contains(&Capability::CAP_DAC_OVERRIDE) && !self.may_write_as_it_stands() {
            kept.insert(Capability::CAP_DAC_OVERRIDE);
        }
        kept.intersection(&held).copied().collect()
    }

    /// Tells whether the files can be written without a capability: root may not, in somebody
    /// else's directory.
    fn may_write_as_it_stands(&self) -> bool {
        if self.files.is_empty() || caps::clear(None, CapSet::Effective).is_err() {
            return true;
        }
        self.files
            .iter()
            .all(|file| writable(file) && beside(file).is_none_or(|file| writable(&file)))
    }

    /// Gives the directories of the files.
    fn directories(&self) -> impl Iterator<Item = PathBuf> {
        self.files.iter().map(|file| match file.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        })
    }
}

/// Gives up every capability but these, in every set; where the bounding set cannot be changed, it
/// is of no use without a program to run.
fn give_up(kept: &CapsHashSet) -> Result<(), CapsError> {
    for capability in caps::all() {
        if caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP)? {
            // A kernel that does not know the capability has none to give up.
            let _ = caps::drop(None, CapSet::Bounding, capability);
        }
    }
    // Before Linux 4.3 there is no such set.
    let _ = caps::clear(None, CapSet::Ambient);
    caps::clear(None, CapSet::Inheritable)?;
    caps::clear(None, CapSet::Effective)?;
    caps::set(None, CapSet::Permitted, kept)?;
    caps::set(None, CapSet::Effective, kept)
}

/// Confines this thread by Landlock, as far as the kernel has it; sets no_new_privs in any case.
fn confine(fence: &Fence) -> Result<RulesetStatus, RulesetError> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let write =
        read | AccessFs::WriteFile | AccessFs::MakeReg | AccessFs::RemoveFile | AccessFs::Truncate;
    let ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(KNOWN))?
        .handle_access(AccessNet::from_all(KNOWN))?
        .scope(Scope::from_all(KNOWN))?
        .create()?
        .add_rules(path_beneath_rules(READ, read))?
        .add_rules(path_beneath_rules(fence.directories(), write))?;
    let ruleset = if fence.names {
        ruleset.add_rule(NetPort::new(DNS, BitFlags::from(AccessNet::ConnectTcp)))?
    } else {
        ruleset
    };
    Ok(ruleset.restrict_self()?.ruleset)
}

/// Tells whether a file can be opened to be written; leaves none behind.
fn writable(file: &Path) -> bool {
    let fresh = !file.exists();
    let opened = OpenOptions::new().append(true).create(true).open(file);
    let denied = |error: &io::Error| error.kind() == io::ErrorKind::PermissionDenied;
    if fresh && opened.is_ok() {
        let _ = fs::remove_file(file);
    }
    !opened.is_err_and(|error| denied(&error))
}

/// Names a file that may stand beside another while that is written.
fn beside(file: &Path) -> Option<PathBuf> {
    let name = format!(".tcpexposure-{}", std::process::id());
    Some(file.with_file_name(name)).filter(|_| file.file_name().is_some())
}

fn refused(what: &str, error: &dyn Display) -> Failure {
    Failure::new(Exit::Privilege, format!("cannot {what}: {error}"))
        .hint("see whether something around this process forbids it, as a container may")
}

/// The newest Landlock that we know.
const KNOWN: ABI = ABI::V7;
/// Where names are asked for over TCP.
const DNS: u16 = 53;
/// What may be read: the system's own files, and none of the users'.
const READ: &[&str] =
    &["/bin", "/dev", "/etc", "/lib", "/lib64", "/nix", "/proc", "/run", "/sbin", "/sys", "/usr"];

#[cfg(test)]
mod tests {
    use std::{
        fs::File,
        net::{TcpListener, TcpStream, ToSocketAddrs as _},
        process::Command,
        thread,
    };

    use super::*;

    /// Runs something behind the fence, which ends with the thread; it is told what that is made of.
    fn behind<T: Send>(fence: &Fence, run: impl FnOnce(&str) -> T + Send) -> T {
        let fenced = || run(&close(fence).unwrap());
        thread::scope(|scope| scope.spawn(fenced).join().unwrap())
    }

    fn directory(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("tcpx-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        path
    }

    #[test]
    fn only_named_directories_are_written_and_only_the_systems_are_read() {
        let (named, other) = (directory("named"), directory("other"));
        fs::write(other.join("secret"), "x").unwrap();
        let fence = Fence::default().file(Some(&named.join("place")));
        behind(&fence, |said| {
            File::create(named.join("place.new")).unwrap();
            fs::rename(named.join("place.new"), named.join("place")).unwrap();
            if said.contains("no Landlock") {
                assert!(std::env::var("CI").as_deref() != Ok("true"), "{said}");
                return eprintln!("skipped: {said}");
            }
            for denied in [File::create(other.join("new")), File::open(other.join("secret"))] {
                assert_eq!(denied.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
            }
            assert!(File::open("/etc/passwd").is_ok());
            assert!(File::create("/proc/self/comm").is_err());
        });
        assert!(named.join("place").exists());
        fs::remove_dir_all(&named).unwrap();
        fs::remove_dir_all(&other).unwrap();
    }

    #[test]
    fn no_program_is_run_and_no_connection_is_opened() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        behind(&Fence::default().names(), |said| {
            assert!(Command::new("/bin/true").status().is_err());
            if said.contains("; Landlock; ") {
                assert!(TcpStream::connect(address).is_err());
            }
            assert!(TcpListener::bind(("127.0.0.1", 0)).is_err());
            assert!(
                ("localhost", 80).to_socket_addrs().is_ok_and(|mut found| found.next().is_some())
            );
            thread::scope(|scope| {
                let run = || Command::new("/bin/true").status();
                assert!(scope.spawn(run).join().unwrap().is_err());
            });
        });
        assert!(TcpStream::connect(address).is_ok(), "the fence is around one thread");
    }

    #[test]
    fn capabilities_are_gone_but_for_those_that_are_said() {
        let held = caps::read(None, CapSet::Permitted).unwrap();
        let left = |fence: &Fence| behind(fence, |_| caps::read(None, CapSet::Effective).unwrap());
        assert!(left(&Fence::default()).is_empty());
        let loading = left(&Fence::default().programs(Programs::Load));
        assert!(loading.is_subset(&held) && loading.len() <= 3, "{loading:?}");
        if held.contains(&Capability::CAP_NET_RAW) {
            assert!(left(&Fence::default().links(true)).contains(&Capability::CAP_NET_RAW));
        }
    }

    #[test]
    fn root_keeps_what_somebody_elses_directory_takes() {
        let directory = directory("theirs");
        let fence = Fence::default().file(Some(&directory.join("place")));
        let dac = Capability::CAP_DAC_OVERRIDE;
        let changed = std::os::unix::fs::chown(&directory, Some(65_534), Some(65_534)).is_ok();
        if changed && caps::has_cap(None, CapSet::Permitted, dac).unwrap() {
            behind(&fence, |_| {
                assert_eq!(caps::read(None, CapSet::Permitted).unwrap(), CapsHashSet::from([dac]));
                File::create(directory.join("place")).unwrap();
            });
        }
        fs::remove_dir_all(&directory).unwrap();
    }
}
