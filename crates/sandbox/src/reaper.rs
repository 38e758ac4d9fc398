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
use std::time::{Duration, Instant};

/// What must go at a run's end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Leftover {
    pub run_dir: PathBuf,
    pub cgroups: Vec<PathBuf>,
}

impl Leftover {
    /// Writes it into the run's folder, for a sweep.
    pub(crate) fn note(&self) -> io::Result<()> {
        fs::write(self.run_dir.join(NOTE), serde_json::to_vec(self)?)
    }

    /// Removes it all, and the cgroups that bear the run's name without being noted.
    pub(crate) fn remove(&self) -> io::Result<()> {
        let end = Instant::now() + Duration::from_secs(5);
        let mut paths = self.cgroups.clone();
        if let Some(run) = self.run_dir.file_name() {
            let all = cgroup::left_by(&run.to_string_lossy());
            paths.extend(all.into_iter().filter(|p| !self.cgroups.contains(p)));
        }
        let cgroups = cgroup::remove(&paths, Duration::from_secs(5));
        // Where no cgroup tells of the last process's end, one may still be writing.
        loop {
            match remove_tree(&self.run_dir) {
                Err(_) if Instant::now() < end => std::thread::sleep(Duration::from_millis(5)),
                result => return result.and(cgroups),
            }
        }
    }
}

impl Leftover {
    /// The supervisor's death frees the lock, a little later than its pidfd tells.
    fn lock_falls_free(&self, lock: &File) -> bool {
        let end = Instant::now() + Duration::from_secs(1);
        while Instant::now() < end {
            if rustix::fs::flock(lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_ok() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        false
    }
}

/// The file in a run's folder that says what must go.
const NOTE: &str = "leftover.json";
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
    // Another living run's folder of the same name is not ours.
    if let Ok(lock) = File::open(leftover.run_dir.join(LOCK))
        && rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_err()
        && !leftover.lock_falls_free(&lock)
    {
        std::process::exit(1);
    }
    // Init ends by itself when the supervisor does, and takes all with it; the folder goes when it has.
    std::process::exit(i32::from(leftover.remove().is_err()))
}

/// Holds a work folder for a moment, against a sweep and other runs' beginnings.
pub(crate) fn lock_work(work: &Path) -> io::Result<File> {
    let folder = File::open(work)?;
    rustix::fs::flock(&folder, rustix::fs::FlockOperation::LockExclusive)?;
    Ok(folder)
}

/// Removes what dead runs left below a work folder. Returns the ids of the runs removed.
pub fn sweep(work_root: &Path) -> Vec<String> {
    let mut swept = Vec::new();
    let Ok(alone) = lock_work(work_root) else { return swept };
    let mut dead = Vec::new();
    for entry in fs::read_dir(work_root).into_iter().flatten().flatten() {
        let folder = entry.path();
        let Ok(lock) = File::open(folder.join(LOCK)) else {
            // Killed before there was a lock, so before there was anything else; of others' folders none is empty.
            let _ = fs::remove_dir(&folder);
            continue;
        };
        if rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_ok() {
            dead.push((entry.file_name().to_string_lossy().into_owned(), folder, lock));
        }
    }
    drop(alone);
    for (run, folder, _lock) in dead {
        let note = fs::read(folder.join(NOTE)).ok().and_then(|b| serde_json::from_slice::<Leftover>(&b).ok());
        let cgroups = note.map(|n| n.cgroups).unwrap_or_default();
        if (Leftover { run_dir: folder, cgroups }).remove().is_ok() {
            swept.push(run);
        }
    }
    swept
}
