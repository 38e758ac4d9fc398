//! The reaper: a process in a session of its own that outlives the supervisor for a moment, to remove what a
//! SIGKILL of it leaves. And the sweep at the next start, for what survives both.

use crate::limits::cgroup;
use crate::rootfs::remove::remove_tree;
use crate::sys;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What must go at a run's end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Leftover {
    pub run_dir: PathBuf,
    pub cgroups: Vec<PathBuf>,
}

impl Leftover {
    /// Removes it all.
    pub(crate) fn remove(&self) -> io::Result<()> {
        let cgroups = cgroup::remove(&self.cgroups, Duration::from_secs(5));
        remove_tree(&self.run_dir).and(cgroups)
    }
}

/// The file in a run's folder that says what must go.
pub(crate) const NOTE: &str = "leftover.json";
/// The file in a run's folder whose lock says that its supervisor lives.
pub(crate) const LOCK: &str = "lock";

/// The reaper's life: wait for the supervisor's end or for the word that all is done.
pub(crate) fn run(done: OwnedFd, supervisor: OwnedFd, note: OwnedFd) -> ! {
    let mut text = String::new();
    let read = File::from(note).read_to_string(&mut text);
    let Ok(leftover) = read.and_then(|_| Ok(serde_json::from_str::<Leftover>(&text)?)) else {
        std::process::exit(1);
    };
    let _ = sys::prctl(libc::PR_SET_DUMPABLE, 0);
    // SAFETY: ignoring signals that are meant for the supervisor's terminal; no handler is involved.
    unsafe {
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT, libc::SIGPIPE] {
            libc::signal(signal, libc::SIG_IGN);
        }
    }
    loop {
        let Ok(ready) = sys::poll_in(&[done.as_fd(), supervisor.as_fd()], -1) else { std::process::exit(1) };
        if ready[1] {
            break;
        }
        if ready[0] {
            let mut word = [0u8; 1];
            if matches!(rustix::io::read(&done, &mut word), Ok(1)) {
                std::process::exit(0);
            }
            // The other end is closed without a word: the supervisor is ending.
            let _ = sys::poll_in(&[supervisor.as_fd()], -1);
            break;
        }
    }
    // Init ends by itself when the supervisor does, and takes all with it; the folder goes when it has.
    std::process::exit(i32::from(leftover.remove().is_err()))
}

/// Removes what dead runs left below a work folder. Returns the ids of the runs removed.
pub fn sweep(work_root: &Path) -> Vec<String> {
    let mut swept = Vec::new();
    let Ok(list) = fs::read_dir(work_root) else { return swept };
    for entry in list.flatten() {
        let folder = entry.path();
        let Ok(lock) = File::open(folder.join(LOCK)) else { continue };
        if rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_err() {
            continue;
        }
        let note = fs::read(folder.join(NOTE)).ok().and_then(|b| serde_json::from_slice::<Leftover>(&b).ok());
        let cgroups = note.map(|n| n.cgroups).unwrap_or_default();
        if (Leftover { run_dir: folder, cgroups }).remove().is_ok() {
            swept.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    swept
}
