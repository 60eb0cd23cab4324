//! The system calls that are left behind the fence: to send and to hear, to wait, to write what is
//! open, to look up routes and names, and what threads and memory need. All others do not exist
//! there, so that a libc of tomorrow falls back to those of today.

use std::{collections::BTreeMap, env};

use libc::{c_int, c_long};
use seccompiler::{
    BackendError, BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp,
    SeccompCondition, SeccompFilter, SeccompRule, TargetArch, apply_filter,
};

use super::{Fence, Programs};

/// Forbids this thread and all that it starts all other calls; `false` where no filter is known for the machine.
pub(super) fn restrict(fence: &Fence) -> Result<bool, Error> {
    let Ok(machine) = TargetArch::try_from(env::consts::ARCH) else { return Ok(false) };
    let filter = SeccompFilter::new(
        rules(fence)?,
        SeccompAction::Errno(libc::ENOSYS as u32),
        SeccompAction::Allow,
        machine,
    )?;
    apply_filter(&BpfProgram::try_from(filter)?).map(|()| true)
}

fn rules(fence: &Fence) -> Result<BTreeMap<c_long, Vec<SeccompRule>>, BackendError> {
    let mut rules: BTreeMap<_, _> = CALLS.iter().map(|call| (*call, Vec::new())).collect();
    rules.extend(OLD.iter().map(|call| (*call, Vec::new())));
    for (call, argument, values) in CHOSEN {
        rules.insert(*call, equal(*argument, values)?);
    }
    let thread = SeccompCmpOp::MaskedEq(libc::CLONE_THREAD as u64);
    rules.insert(libc::SYS_clone, vec![rule(0, thread, libc::CLONE_THREAD as u64)?]);
    // To put a letter into the input of a terminal is to run a program by its shell.
    rules.insert(libc::SYS_ioctl, vec![rule(1, SeccompCmpOp::Ne, TIOCSTI)?]);
    if fence.links {
        rules.extend([(libc::SYS_socket, Vec::new()), (libc::SYS_listen, Vec::new())]);
    }
    match fence.programs {
        Programs::None => {}
        Programs::Run => drop(rules.insert(libc::SYS_bpf, equal(0, BPF_RUN)?)),
        Programs::Load => drop(rules.insert(libc::SYS_bpf, Vec::new())),
    }
    Ok(rules)
}

/// Lets a call pass whose argument is one of these.
fn equal(argument: u8, values: &[c_int]) -> Result<Vec<SeccompRule>, BackendError> {
    let equal = |value: &c_int| rule(argument, SeccompCmpOp::Eq, u64::from(value.cast_unsigned()));
    values.iter().map(equal).collect()
}

fn rule(argument: u8, operator: SeccompCmpOp, value: u64) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(vec![SeccompCondition::new(
        argument,
        SeccompCmpArgLen::Dword,
        operator,
        value,
    )?])
}

/// Calls that pass whatever they are about.
const CALLS: &[c_long] = &[
    // Packets, and what is asked of routes and names.
    libc::SYS_bind,
    libc::SYS_connect,
    libc::SYS_getpeername,
    libc::SYS_getsockname,
    libc::SYS_getsockopt,
    libc::SYS_recvfrom,
    libc::SYS_recvmmsg,
    libc::SYS_recvmsg,
    libc::SYS_sendmmsg,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_setsockopt,
    libc::SYS_shutdown,
    // Waiting, and the time.
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_eventfd2,
    libc::SYS_gettimeofday,
    libc::SYS_nanosleep,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_restart_syscall,
    // Files: Landlock says which.
    libc::SYS_close,
    libc::SYS_dup,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_fcntl,
    libc::SYS_fdatasync,
    libc::SYS_fstat,
    libc::SYS_fsync,
    libc::SYS_ftruncate,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    libc::SYS_lseek,
    libc::SYS_newfstatat,
    libc::SYS_openat,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_read,
    libc::SYS_readlinkat,
    libc::SYS_readv,
    libc::SYS_renameat2,
    libc::SYS_statfs,
    libc::SYS_fstatfs,
    libc::SYS_statx,
    libc::SYS_unlinkat,
    libc::SYS_write,
    libc::SYS_writev,
    // Memory.
    libc::SYS_brk,
    libc::SYS_madvise,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    // Threads, signals, and who we are.
    libc::SYS_capget,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getrandom,
    libc::SYS_getrusage,
    libc::SYS_gettid,
    libc::SYS_getuid,
    libc::SYS_membarrier,
    libc::SYS_prlimit64,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_sigaltstack,
    libc::SYS_sysinfo,
    libc::SYS_tgkill,
    libc::SYS_uname,
];

/// Calls that newer machines have only in a newer form.
#[cfg(target_arch = "x86_64")]
const OLD: &[c_long] = &[
    libc::SYS_access,
    libc::SYS_dup2,
    libc::SYS_epoll_wait,
    libc::SYS_getrlimit,
    libc::SYS_lstat,
    libc::SYS_open,
    libc::SYS_poll,
    libc::SYS_readlink,
    libc::SYS_rename,
    libc::SYS_renameat,
    libc::SYS_select,
    libc::SYS_stat,
    libc::SYS_time,
    libc::SYS_unlink,
];
#[cfg(not(target_arch = "x86_64"))]
const OLD: &[c_long] = &[];

/// Calls that pass if an argument is one of these.
const CHOSEN: &[(c_long, u8, &[c_int])] = &[
    (libc::SYS_socket, 0, &[libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK]),
    (libc::SYS_prctl, 0, &[libc::PR_SET_NAME, libc::PR_SET_VMA]),
];

/// ioctl_tty(2); libraries do not agree on its type.
const TIOCSTI: u64 = 0x5412;
/// BPF_MAP_LOOKUP_ELEM, BPF_MAP_UPDATE_ELEM, BPF_PROG_TEST_RUN: bpf(2).
const BPF_RUN: &[c_int] = &[1, 2, 10];
