//! Folders below the work folder. Each is its maker's own as long as that lives, which a lock says; what a killed process
//! left is removed by the [sweep](crate::sweep) at a later start.

use crate::reaper::{LOCK, lock_work, sweep};
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder of this process's own, for its user alone. Gone when dropped.
#[derive(Debug)]
pub struct WorkFolder {
    path: PathBuf,
    /// Says that the folder is in use, also to other processes.
    _lock: File,
}

impl WorkFolder {
    /// A new folder in `work`, which is made where it is not there; its name begins with `kind`. What killed processes left in
    /// `work` goes.
    ///
    /// # Errors
    /// Where no folder can be made there.
    pub fn new(work: &Path, kind: &str) -> io::Result<WorkFolder> {
        fs::create_dir_all(work)?;
        sweep(work);
        // several of one process are in use at once
        static NEXT: AtomicU32 = AtomicU32::new(0);
        loop {
            let name = format!("{kind}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
            let path = work.join(name);
            match make(&path) {
                Ok(lock) => return Ok(WorkFolder { path, _lock: lock }),
                // another process of this number, in another container
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for WorkFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Makes a folder, and holds its lock before a sweep can find it.
pub(crate) fn make(folder: &Path) -> io::Result<File> {
    let _alone = lock_work(folder.parent().unwrap_or(folder))?;
    DirBuilder::new().mode(0o700).create(folder)?;
    let lock = File::create(folder.join(LOCK))?;
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive)?;
    Ok(lock)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn many_at_once_have_a_folder_each_and_no_sweep_takes_one_away() {
        let home = tempfile::tempdir().unwrap();
        let kept: Vec<WorkFolder> = std::thread::scope(|scope| {
            let one = || {
                for _ in 0..50 {
                    let folder = WorkFolder::new(home.path(), "inputs").unwrap();
                    fs::write(folder.path().join("a.sh"), "true").unwrap();
                    sweep(home.path());
                    assert!(folder.path().join("a.sh").exists());
                }
                WorkFolder::new(home.path(), "inputs").unwrap()
            };
            let all: Vec<_> = (0..8).map(|_| scope.spawn(one)).collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert_eq!(kept.iter().map(WorkFolder::path).collect::<BTreeSet<_>>().len(), 8);
        drop(kept);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_a_killed_process_left_is_swept_and_what_is_in_use_is_not() {
        let home = tempfile::tempdir().unwrap();
        // a kill frees the lock, and leaves the rest
        let left = home.path().join("inputs-1-0");
        drop(make(&left).unwrap());
        fs::create_dir(left.join("0")).unwrap();
        let kept = WorkFolder::new(home.path(), "engine").unwrap();
        assert!(!left.exists());
        assert_eq!(sweep(home.path()), Vec::<String>::new());
        assert!(kept.path().is_dir());
    }
}
