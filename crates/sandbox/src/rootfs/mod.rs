//! The root file system: planned by the supervisor (which host folders, what is given in their stead), mounted
//! by init.

pub(crate) mod dir;
pub(crate) mod given;
pub(crate) mod host;
pub mod image;
pub(crate) mod logs;
pub(crate) mod mirror;
pub(crate) mod mounts;
pub(crate) mod overlay;
pub(crate) mod remove;
pub(crate) mod standard;

use crate::plan::Rootfs;
use rustix::fs::{Mode, OFlags, ResolveFlags, open, openat2};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Whether `path` exists in the root file system at `root`, links in it followed as from inside.
pub(crate) fn has(root: &Path, path: &Path) -> bool {
    look(root, path).is_some()
}

/// `path` with the links that the root file system has in it followed, as far as it exists there. What a run makes
/// is not known to it.
pub fn resolved(rootfs: &Rootfs, path: &Path) -> PathBuf {
    let root = match rootfs {
        Rootfs::Host => Path::new("/"),
        Rootfs::Dir(root) => root,
    };
    let whole = look(root, Path::new("/")).and_then(|fd| name(&fd));
    let found = path.ancestors().find_map(|known| {
        let true_path = name(&look(root, known)?)?;
        let inside = true_path.strip_prefix(whole.as_ref()?).ok()?.to_owned();
        let rest = path.strip_prefix(known).ok()?;
        Some(Path::new("/").join(inside).join(rest))
    });
    // a path joined with nothing ends in a slash, which compares equal
    found.unwrap_or_else(|| path.to_owned())
}

/// The file at `path` below `root`.
fn look(root: &Path, path: &Path) -> Option<OwnedFd> {
    let root = open(root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let inside = path.strip_prefix("/").unwrap_or(path);
    let inside = if inside.as_os_str().is_empty() { Path::new(".") } else { inside };
    openat2(&root, inside, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::IN_ROOT).ok()
}

/// What the kernel calls an open file.
fn name(fd: &OwnedFd) -> Option<PathBuf> {
    std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_as_from_inside_and_what_does_not_exist_stays() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::create_dir_all(root.join("usr/bin")).unwrap();
        std::fs::write(root.join("usr/bin/sh"), "").unwrap();
        std::os::unix::fs::symlink("usr/bin", root.join("bin")).unwrap();
        std::os::unix::fs::symlink("/usr", root.join("abs")).unwrap();
        let rootfs = Rootfs::Dir(root.to_owned());
        let at = |path: &str| resolved(&rootfs, Path::new(path));
        assert_eq!(at("/bin/sh"), Path::new("/usr/bin/sh"));
        assert_eq!(at("/bin/new/er"), Path::new("/usr/bin/new/er"));
        assert_eq!(at("/abs/bin"), Path::new("/usr/bin"));
        assert_eq!(at("/"), Path::new("/"));
        assert_eq!(at("/none"), Path::new("/none"));
    }
}
