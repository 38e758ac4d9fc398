//! What the root file system has at a path before the run, links in it followed.

use detektr_event::FilePath;
use detektr_sandbox::Rootfs;
use std::ffi::OsStr;
use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What the environment is made of, as far as it tells what ordinary permissions refuse.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Where its files come from.
    pub rootfs: Rootfs,
    /// The tree of those files on this host.
    pub root: PathBuf,
    /// It has user ids of its own, so that its root is root over all files.
    pub all_ids: bool,
}

impl Surroundings {
    /// The path in the environment, links of the root file system followed.
    pub(super) fn place(&self, path: &FilePath) -> Option<PathBuf> {
        let path = Path::new(OsStr::from_bytes(path.in_environment()?));
        Some(self.resolve(path))
    }

    /// The path, links of the root file system followed.
    pub(super) fn resolve(&self, path: &Path) -> PathBuf {
        detektr_sandbox::resolved(&self.rootfs, path)
    }

    /// What the root file system has at `path` before the run.
    pub(super) fn before(&self, path: &Path) -> Option<Metadata> {
        let inside = path.strip_prefix("/").unwrap_or(path);
        std::fs::symlink_metadata(self.root.join(inside)).ok()
    }

    /// Whether a folder is at `path` before the run.
    pub(super) fn is_folder(&self, path: &FilePath) -> bool {
        self.place(path).and_then(|path| self.before(&path)).is_some_and(|before| before.is_dir())
    }
}
