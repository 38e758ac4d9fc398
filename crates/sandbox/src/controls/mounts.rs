//! Paths that are read-only, from which nothing is executed, whose setuid bits do nothing, or that are masked: changes
//! of mounts.

use super::hardening::{Mount, Place, Problem, Steps};
use crate::plan::Rootfs;
use crate::rootfs::standard;
use std::path::{Component, Path, PathBuf};

pub(super) const READ_ONLY: u64 = libc::MOUNT_ATTR_RDONLY;
pub(super) const NOEXEC: u64 = libc::MOUNT_ATTR_NOEXEC;
pub(super) const NOSUID: u64 = libc::MOUNT_ATTR_NOSUID;

/// Everything from each path down gets `attribute`, called `word`.
pub(super) fn attributes(
    steps: &mut Steps,
    paths: &[PathBuf],
    place: Place<'_>,
    attribute: u64,
    word: &str,
) -> Result<Vec<String>, Vec<Problem>> {
    let paths = existing(paths, place)?;
    steps.mounts.extend(paths.iter().cloned().map(|path| Mount::Attributes(path, attribute)));
    Ok(paths.iter().map(|path| format!("{word}: {}", path.display())).collect())
}

/// The paths, each of which is there.
pub(super) fn existing(paths: &[PathBuf], place: Place<'_>) -> Result<Vec<PathBuf>, Vec<Problem>> {
    let problems: Vec<Problem> = paths
        .iter()
        .filter_map(|path| {
            let (what, remedy) = if !is_plain(path) {
                ("is no absolute path", "write it from the root, without `..`")
            } else if there(path, place.rootfs) {
                return None;
            } else {
                (
                    "is not in the root file system",
                    "name a path that exists, or the folder that it would be in",
                )
            };
            Some(("no_such_path", format!("{} {what}", path.display()), remedy.to_owned()))
        })
        .collect();
    if problems.is_empty() { Ok(paths.to_vec()) } else { Err(problems) }
}

/// Whether a path is absolute and goes nowhere but down.
pub(super) fn is_plain(path: &Path) -> bool {
    path.is_absolute()
        && path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)))
}

fn there(path: &Path, rootfs: &Rootfs) -> bool {
    let made_anyway = ["/dev/shm", "/proc", "/sys", "/tmp", "/dev", "/run", "/root", "/home"];
    let exists = match rootfs {
        Rootfs::Host => path.exists(),
        Rootfs::Dir(root) => crate::rootfs::has(root, path),
    };
    exists
        || made_anyway.iter().any(|made| path == Path::new(made))
        || standard::FOLDERS.iter().any(|folder| Path::new(folder).starts_with(path))
}

/// Each path is hidden behind an empty read-only file or folder.
pub(super) fn masked(
    steps: &mut Steps,
    paths: &[PathBuf],
    place: Place<'_>,
) -> Result<Vec<String>, Vec<Problem>> {
    let paths = existing(paths, place)?;
    steps.mounts.extend(paths.iter().cloned().map(Mount::Mask));
    Ok(paths.iter().map(|path| format!("masked: {}", path.display())).collect())
}
