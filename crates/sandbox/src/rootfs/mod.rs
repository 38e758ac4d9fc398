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

use rustix::fs::{Mode, OFlags, ResolveFlags, open, openat2};
use std::path::Path;

/// Whether `path` exists in the root file system at `root`, links in it followed as from inside.
pub(crate) fn has(root: &Path, path: &Path) -> bool {
    let Ok(root) = open(root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) else {
        return false;
    };
    let inside = path.strip_prefix("/").unwrap_or(path);
    let inside = if inside.as_os_str().is_empty() { Path::new(".") } else { inside };
    openat2(&root, inside, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::IN_ROOT).is_ok()
}
