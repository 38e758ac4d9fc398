//! For ordinary users, and on hosts whose root is an overlay: the host's folders belong to ids that don't exist inside, so nobody could write there.
//! Folders of the caller's own are laid above them, and in `/etc` copies of the small files too.

use super::given::Given;
use super::host::kept_empty;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Folder, how deep below it, and whether its small files are copied.
const MIRRORED: [(&str, u32, bool); 5] =
    [("/etc", 8, true), ("/var", 6, false), ("/opt", 3, false), ("/usr", 2, false), ("/usr/local", 4, false)];

/// Bounds: folders in all, bytes of one copied file, bytes of all.
const FOLDERS: u32 = 6_000;
const ONE_FILE: u64 = 256 << 10;
const ALL_FILES: u64 = 16 << 20;

/// Setuid programs of root, wherever a distribution has them at all.
const SETUID: [&str; 10] =
    ["su", "sudo", "passwd", "chsh", "chfn", "newgrp", "gpasswd", "mount", "umount", "pkexec"];

/// Copies the host's setuid programs, as root's: the host's own belong to nobody inside, and have no effect.
pub(crate) fn setuid_programs(given: &Given) {
    for path in SETUID.iter().map(|name| Path::new("/usr/bin").join(name)) {
        let Ok(mut file) = File::open(&path) else { continue };
        let Ok(meta) = file.metadata() else { continue };
        if meta.is_file() && meta.mode() & 0o4005 == 0o4005 && meta.len() <= 4 * ONE_FILE {
            // One that can't be given is the host's still, without effect.
            let _ = given.file(&path, &mut file, meta.mode() & 0o7777, 0, 0);
        }
    }
}

/// Lays them. What can't be laid stays as the host has it.
pub(crate) fn mirror(given: &Given) {
    let (mut folders, mut bytes) = (0, 0);
    for (root, depth, files) in MIRRORED {
        let mut todo: Vec<(PathBuf, u32)> = vec![(PathBuf::from(root), depth)];
        while let Some((folder, depth)) = todo.pop() {
            // What others can't enter and list must stay so: merged with ours, it could not be listed at all.
            let open = fs::symlink_metadata(&folder).is_ok_and(|m| m.is_dir() && m.mode() & 0o005 == 0o005);
            if !open || kept_empty(&folder) || folders >= FOLDERS || given.bare_dir(&folder).is_err() {
                continue;
            }
            folders += 1;
            let Ok(list) = fs::read_dir(&folder) else { continue };
            for entry in list.flatten() {
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() && depth > 0 => todo.push((entry.path(), depth - 1)),
                    Ok(kind) if kind.is_file() && files => {
                        bytes += copy(given, &entry.path(), ALL_FILES - bytes)
                    }
                    _ => {}
                }
            }
        }
    }
}

/// Gives the files and links of one folder; folders in it are left to others.
pub(crate) fn files_of(given: &Given, folder: &Path) {
    let mut bytes = 0;
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_file() => bytes += copy(given, &path, ALL_FILES - bytes),
            Ok(kind) if kind.is_symlink() => {
                // One that can't be given is simply not there.
                if let Ok(to) = fs::read_link(&path) {
                    let _ = given.link(&path, &to);
                }
            }
            _ => {}
        }
    }
}

/// Copies a file that everyone may read; says how many bytes.
fn copy(given: &Given, path: &Path, left: u64) -> u64 {
    let Ok(mut file) = File::open(path) else { return 0 };
    let Ok(meta) = file.metadata() else { return 0 };
    if meta.mode() & 0o004 == 0 || meta.len() > ONE_FILE.min(left) {
        return 0;
    }
    match given.file(path, &mut file, meta.mode() & 0o1777, 0, 0) {
        Ok(()) => meta.len(),
        Err(_) => 0,
    }
}
