//! Isolated environments: made of namespaces, overlays and limits, for one run, gone after it.
//!
//! [`Plan`] says everything beforehand, [`Environment`] is the running thing. The supervisor (this process) makes
//! *init*, which mounts the root and stays outside the artifact's reach; init clones a *launcher* for each
//! program. A *reaper* removes what a SIGKILL of the supervisor would leave.

mod acct;
mod baits;
pub mod controls;
mod description;
mod environment;
mod error;
mod identity;
mod limits;
mod namespaces;
mod network;
mod plan;
mod probe;
pub mod profile;
mod reaper;
mod rng;
mod rootfs;
mod secrets;
mod sys;
mod tied;
mod wall;
mod work;

pub use acct::AcctRecord;
pub use baits::{Bait, BaitKind, default_set};
pub use description::Description;
pub use environment::{EndState, Ended, Environment, ExitStatus, Launched, Layer, Unwatched};
pub use error::SandboxError;
pub use identity::Identity;
pub use limits::{Bound, Limit, Limits};
pub use namespaces::maps::{IdRange, RANGE};
pub use namespaces::subordinate::use_subordinate_ids;
pub use network::{Addresses, Device, DeviceKind};
pub use plan::{IoUring, Job, Plan, Program, Rootfs, RunAs, Watcher, WatcherEnd};
pub use probe::{Check, Impossible, Probe, possible, probe};
pub use reaper::sweep;
pub use rootfs::image;
pub use rootfs::logs::LOG_SOCKETS;
pub use rootfs::resolved;
pub use tied::tie;
pub use wall::{Shut, wall};
pub use work::WorkFolder;

use std::ffi::OsStr;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

static HELPER: OnceLock<PathBuf> = OnceLock::new();

/// Says which program plays the hidden parts (init, reaper); it must call [`init_main`] where [`is_init`] says so.
/// Without this it is the running program itself. Only the first call counts.
pub fn use_helper(program: &Path) {
    let _ = HELPER.set(program.to_path_buf());
}

pub(crate) fn helper() -> &'static Path {
    HELPER.get().map_or(Path::new("/proc/self/exe"), PathBuf::as_path)
}

const INIT: &str = "__init";
const REAPER: &str = "__reaper";

/// Whether a command line (program name included) is that of a hidden part.
pub fn is_init<S: AsRef<OsStr>>(args: &[S]) -> bool {
    args.get(1).is_some_and(|a| [INIT, REAPER].iter().any(|role| a.as_ref() == *role))
}

/// Plays the hidden part that the command line names. Call it first thing in `main`, before any thread.
pub fn init_main() -> ! {
    let args: Vec<String> = std::env::args().collect();
    let fds: Vec<OwnedFd> = args.iter().skip(2).filter_map(|a| descriptor(a)).collect();
    let mut fds = fds.into_iter();
    match (args.get(1).map(String::as_str), fds.next(), fds.next(), fds.next()) {
        (Some(INIT), Some(channel), Some(supervisor), None) => namespaces::init::run(channel, supervisor),
        (Some(REAPER), Some(done), Some(supervisor), Some(note)) => reaper::run(done, supervisor, note),
        _ => std::process::exit(2),
    }
}

/// A descriptor that was passed by number.
fn descriptor(number: &str) -> Option<OwnedFd> {
    let fd: RawFd = number.parse().ok().filter(|n| *n > 2)?;
    // SAFETY: only asks for the flags of a number, which fails where nothing is open there.
    if unsafe { libc::fcntl(fd, libc::F_GETFD) } < 0 {
        return None;
    }
    // SAFETY: passed to us for this use; nothing else in this fresh process owns it.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    rustix::io::fcntl_setfd(&fd, rustix::io::FdFlags::CLOEXEC).ok()?;
    Some(fd)
}
