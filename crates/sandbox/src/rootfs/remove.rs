//! Removing what a run left: trees of any depth and any mode, in which every name may be a trap.

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

/// Deeper folders are moved up first, so that neither stack nor descriptors run out.
const DEPTH: u32 = 100;

/// Removes a folder and all below it, never following a link.
pub(crate) fn remove_tree(root: &Path) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let top = match rustix::fs::open(root, flags, Mode::empty()) {
        Err(rustix::io::Errno::NOENT) => return Ok(()),
        other => other?,
    };
    let mut moved = 0;
    loop {
        let before = moved;
        empty(top.as_fd(), top.as_fd(), DEPTH, &mut moved)?;
        if moved == before {
            break;
        }
    }
    match rustix::fs::rmdir(root) {
        Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
        Err(e) => Err(e.into()),
    }
}

fn empty(folder: BorrowedFd<'_>, top: BorrowedFd<'_>, depth: u32, moved: &mut u64) -> io::Result<()> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            names.push((entry.file_name().to_owned(), entry.file_type()));
        }
    }
    for (name, kind) in names {
        let is_dir = match kind {
            FileType::Unknown => {
                let stat = rustix::fs::statat(folder, &name, AtFlags::SYMLINK_NOFOLLOW)?;
                FileType::from_raw_mode(stat.st_mode) == FileType::Directory
            }
            kind => kind == FileType::Directory,
        };
        if !is_dir {
            gone(rustix::fs::unlinkat(folder, &name, AtFlags::empty()))?;
            continue;
        }
        if depth == 0 {
            let place = format!(".deep-{moved}");
            *moved += 1;
            rustix::fs::renameat(folder, &name, top, place.as_str())?;
            continue;
        }
        let open = || {
            rustix::fs::openat(
                folder,
                &name,
                OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
                Mode::empty(),
            )
        };
        // Nobody else is here any more, and it was a folder: no link is followed. Root needs no permission.
        if crate::sys::euid() != 0 {
            let _ = rustix::fs::chmodat(folder, &name, Mode::RWXU, AtFlags::empty());
        }
        let below = open()?;
        empty(below.as_fd(), top, depth - 1, moved)?;
        gone(rustix::fs::unlinkat(folder, &name, AtFlags::REMOVEDIR))?;
    }
    Ok(())
}

fn gone(result: rustix::io::Result<()>) -> io::Result<()> {
    match result {
        Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
        Err(e) => Err(e.into()),
    }
}
