//! What one file is, and what overlayfs means by it.

use super::ids::IdMaps;
use crate::changes::{FileState, FileType};
use crate::hash::{hex, of_reader};
use crate::store::{FileStore, Stored};
use detektr_event::Text;
use rustix::fs::OFlags;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Longest attribute value that is looked at.
const MAX_XATTR: usize = 64 * 1024;

/// The type of what `meta` tells.
pub(super) fn file_type(meta: &Metadata) -> FileType {
    let kind = meta.file_type();
    if kind.is_dir() {
        FileType::Directory
    } else if kind.is_symlink() {
        FileType::Symlink
    } else if kind.is_fifo() {
        FileType::Fifo
    } else if kind.is_socket() {
        FileType::Socket
    } else if kind.is_char_device() {
        FileType::CharDevice
    } else if kind.is_block_device() {
        FileType::BlockDevice
    } else {
        FileType::File
    }
}

/// The state of the file at `path`, its content apart.
pub(super) fn state(path: &Path, meta: &Metadata, ids: &IdMaps) -> FileState {
    let file_type = file_type(meta);
    let plain = matches!(file_type, FileType::File | FileType::Symlink);
    let device = matches!(file_type, FileType::CharDevice | FileType::BlockDevice);
    let mtime = || i64::checked_add(meta.mtime().checked_mul(1_000_000_000)?, meta.mtime_nsec());
    FileState {
        file_type,
        mode: meta.mode() & 0o7777,
        uid: ids.uid.inside(meta.uid()),
        gid: ids.gid.inside(meta.gid()),
        size: plain.then(|| meta.size()),
        mtime_ns: if plain { mtime() } else { None },
        sha256: None,
        stored: false,
        target: (file_type == FileType::Symlink)
            .then(|| fs::read_link(path).ok())
            .flatten()
            .map(|target| Text::from(target.as_os_str().as_bytes())),
        device: device.then(|| [rustix::fs::major(meta.rdev()), rustix::fs::minor(meta.rdev())]),
        xattrs: noted_xattrs(path),
        hard_link: (file_type == FileType::File && meta.nlink() > 1).then(|| [meta.dev(), meta.ino()]),
    }
}

/// Whether the entry hides what lies beneath.
pub(super) fn is_whiteout(path: &Path, meta: &Metadata) -> bool {
    if meta.file_type().is_char_device() {
        return meta.rdev() == 0;
    }
    meta.file_type().is_file() && meta.size() == 0 && overlay_xattr(path, "whiteout").is_some()
}

/// Whether nothing beneath the folder shows through.
pub(super) fn is_opaque(path: &Path) -> bool {
    overlay_xattr(path, "opaque").is_some_and(|value| value == b"y")
}

/// Where the lower part of a renamed folder lies: absolute within the layer, or beside the folder.
pub(super) fn redirect(path: &Path) -> Option<OsString> {
    overlay_xattr(path, "redirect").map(OsString::from_vec)
}

fn overlay_xattr(path: &Path, name: &str) -> Option<Vec<u8>> {
    ["trusted", "user"].iter().find_map(|space| xattr(path, format!("{space}.overlay.{name}").as_bytes()))
}

fn xattr(path: &Path, name: &[u8]) -> Option<Vec<u8>> {
    let mut value = vec![0; 256];
    loop {
        match rustix::fs::lgetxattr(path, name, &mut value[..]) {
            Ok(length) => {
                value.truncate(length);
                return Some(value);
            }
            Err(rustix::io::Errno::RANGE) if value.len() < MAX_XATTR => value = vec![0; MAX_XATTR],
            Err(_) => return None,
        }
    }
}

fn noted_xattrs(path: &Path) -> BTreeMap<String, String> {
    let mut names = vec![0; MAX_XATTR];
    let Ok(length) = rustix::fs::llistxattr(path, &mut names[..]) else { return BTreeMap::new() };
    let mut noted = BTreeMap::new();
    for name in names[..length].split(|b| *b == 0) {
        let of_note = name == b"security.capability"
            || name.starts_with(b"system.posix_acl_")
            || (name.starts_with(b"user.") && !name.starts_with(b"user.overlay."));
        if of_note && let Some(mut value) = xattr(path, name) {
            if name == b"security.capability" {
                forget_root_id(&mut value);
            }
            noted.insert(String::from_utf8_lossy(name).into_owned(), hex(&value));
        }
    }
    noted
}

/// Turns file capabilities of revision 3 into those of revision 2: the same capabilities, without the id that
/// says for whose root they are, which is another number on either side of an overlay.
fn forget_root_id(value: &mut Vec<u8>) {
    if value.len() == 24 && value[3] == 3 {
        value.truncate(20);
        value[3] = 2;
    }
}

/// Opens a regular file of an upper or lower folder. One of the caller's own that it may not read is made
/// readable for the moment.
pub(super) fn open_file(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC).bits().cast_signed();
    let open = || OpenOptions::new().read(true).custom_flags(flags).open(path);
    match open() {
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
            with_mode(path, 0o400, open).unwrap_or(Err(e))
        }
        opened => opened,
    }
}

/// Names in the folder.
pub(super) fn names(path: &Path) -> io::Result<Vec<OsString>> {
    fs::read_dir(path)?.map(|entry| entry.map(|e| e.file_name())).collect()
}

/// Makes a folder of the caller's own readable and searchable; yields the mode that it had, where that worked.
pub(super) fn unlock(folder: &Path) -> Option<u32> {
    let mode = folder.symlink_metadata().ok().filter(Metadata::is_dir)?.permissions().mode();
    fs::set_permissions(folder, fs::Permissions::from_mode(mode | 0o500)).ok()?;
    Some(mode)
}

/// Does `act` while `path` has the permission `bits` as well, where the caller may give it those.
fn with_mode<T>(path: &Path, bits: u32, act: impl FnOnce() -> T) -> Option<T> {
    let mode = path.symlink_metadata().ok().filter(|m| !m.is_symlink())?.permissions().mode();
    fs::set_permissions(path, fs::Permissions::from_mode(mode | bits)).ok()?;
    let done = act();
    // it is the throw-away upper folder: a mode that can't be put back harms nobody
    let _ = fs::set_permissions(path, fs::Permissions::from_mode(mode));
    Some(done)
}

/// Hashes the content of a regular file; stores it as well where a store is given.
pub(super) fn content(path: &Path, store: Option<&mut FileStore>) -> io::Result<Stored> {
    let mut file = open_file(path)?;
    match store {
        Some(store) => store.store(&mut file),
        None => {
            let (sha256, size) = of_reader(&mut file)?;
            Ok(Stored { sha256, size, kept: false })
        }
    }
}
