//! Bounds that no kernel mechanism keeps: they are watched, and the run is ended.

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags};
use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Resident memory in bytes of all processes of this pid namespace but its init.
///
/// # Errors
/// `/proc` can't be listed.
pub(crate) fn memory_here() -> io::Result<u64> {
    let page = rustix::param::page_size() as u64;
    let mut memory = 0;
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|n| n.parse::<u32>().ok()).filter(|p| *p != 1) else {
            continue;
        };
        // One that is gone meanwhile has none. The second number of proc_pid_statm(5) is what is resident.
        let Ok(statm) = fs::read_to_string(format!("/proc/{pid}/statm")) else { continue };
        memory += statm.split(' ').nth(1).and_then(|f| f.parse::<u64>().ok()).unwrap_or(0) * page;
    }
    Ok(memory)
}

/// Bytes on disk below some folders, hard links counted once. Stops counting past `enough`. A file that is
/// deleted and still open is not seen. However deep a folder lies and whatever is swapped for a link meanwhile,
/// only what is below is counted.
pub(crate) fn disk_usage(folders: &[PathBuf], enough: u64) -> u64 {
    let mut total = 0;
    let mut links = HashSet::new();
    let mut todo: Vec<(Rc<OwnedFd>, PathBuf)> = Vec::new();
    for folder in folders {
        if let Ok(fd) = rustix::fs::open(folder, FOLDER, Mode::empty()) {
            todo.push((Rc::new(fd), PathBuf::from(".")));
        }
    }
    while let Some((anchor, path)) = todo.pop() {
        let stay = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        let Ok(fd) = rustix::fs::openat2(&*anchor, &path, FOLDER, Mode::empty(), stay) else { continue };
        let Ok(list) = Dir::read_from(&fd) else { continue };
        let fd = Rc::new(fd);
        for entry in list.flatten() {
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let Ok(stat) = rustix::fs::statat(&*fd, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
            let name = Path::new(std::ffi::OsStr::from_bytes(name.to_bytes()));
            if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
                // A new anchor before the path grows longer than the kernel takes.
                let far = path.as_os_str().len() > ANCHOR;
                let below = if far { (fd.clone(), name.into()) } else { (anchor.clone(), path.join(name)) };
                todo.push(below);
            } else if stat.st_nlink > 1 && !links.insert(stat.st_ino) {
                continue;
            }
            total += u64::try_from(stat.st_blocks).unwrap_or(0) * 512;
            if total > enough {
                return total;
            }
        }
    }
    total
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const ANCHOR: usize = 3_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rootfs::remove::remove_tree;

    #[test]
    fn a_tree_deeper_than_any_path_is_counted_and_removed_and_links_lead_nowhere() {
        let root = tempfile::tempdir().expect("a folder");
        let top = root.path().join("top");
        std::fs::create_dir(&top).expect("mkdir");
        std::os::unix::fs::symlink("/usr", top.join("link")).expect("symlink");
        let mut here = rustix::fs::open(&top, FOLDER, Mode::empty()).expect("open");
        for _ in 0..1200 {
            rustix::fs::mkdirat(&here, "dddddddddd", Mode::RWXU).expect("mkdirat");
            here = rustix::fs::openat(&here, "dddddddddd", FOLDER, Mode::empty()).expect("openat");
        }
        let flags = OFlags::WRONLY | OFlags::CREATE;
        let file = rustix::fs::openat(&here, "file", flags, Mode::RWXU).expect("create");
        rustix::io::write(&file, &[1; 100_000]).expect("write");
        rustix::fs::fsync(&file).expect("fsync");
        let used = disk_usage(std::slice::from_ref(&top), u64::MAX);
        assert!((100_000..20_000_000).contains(&used), "{used}");
        remove_tree(&top).expect("remove");
        assert!(!top.exists() && Path::new("/usr").exists());
    }
}
