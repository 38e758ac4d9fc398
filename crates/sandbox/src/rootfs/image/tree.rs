//! The unpacked tree on disk. Every path is resolved by the kernel as if the tree's root were `/`, so that no
//! link of the image can lead out of it, and the last component is never followed.

use super::member::Record;
use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat, Timespec, Timestamps, XattrFlags, chmodat,
    chownat, fchmod, fchown, fsetxattr, futimens, linkat, mkdirat, mknodat, openat, openat2, statat,
    symlinkat, unlinkat, utimensat,
};
use rustix::io::Errno;
use rustix::process::{Gid, Uid};
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Deepest nesting that is removed; what is deeper was made to exhaust something.
const DEPTH: usize = 1024;
const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Who owns an entry, what its permission bits are, and when it changed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attributes {
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) mtime: i64,
}

impl Attributes {
    /// What folders get that no entry describes.
    const IMPLICIT: Attributes = Attributes { mode: 0o755, uid: 0, gid: 0, mtime: 0 };

    fn mode(self) -> Mode {
        Mode::from_raw_mode(self.mode & 0o7777)
    }

    fn times(self) -> Timestamps {
        let time = Timespec { tv_sec: self.mtime, tv_nsec: 0 };
        Timestamps { last_access: time, last_modification: time }
    }
}

/// A tree that is being unpacked.
#[derive(Debug)]
pub(super) struct Tree {
    root: OwnedFd,
    owners: bool,
    /// Whether the kernel refused an owner since this was last asked.
    owner_lost: bool,
    /// What was made in the current layer: inode of the folder, and name in it.
    made: HashSet<(u64, Vec<u8>)>,
    /// Attributes of folders, set at the end: a folder without write permission must first be filled.
    folders: HashMap<Vec<u8>, Attributes>,
}

/// A place in the tree: its folder and its name there.
pub(super) struct Slot<'a> {
    folder: OwnedFd,
    inode: u64,
    name: &'a [u8],
}

impl Tree {
    /// `owners`: set owners, which only the superuser can.
    pub(super) fn new(root: OwnedFd, owners: bool) -> Self {
        Tree { root, owners, owner_lost: false, made: HashSet::new(), folders: HashMap::new() }
    }

    /// The next layer begins: what is here now is older than it.
    pub(super) fn begin_layer(&mut self) {
        self.made.clear();
    }

    /// Whether an owner was lost since the last call.
    pub(super) fn take_owner_lost(&mut self) -> bool {
        std::mem::take(&mut self.owner_lost)
    }

    /// The slot of `parts`, its folders made where they lack.
    pub(super) fn slot<'a>(&mut self, parts: &[&'a [u8]]) -> Result<Slot<'a>, Errno> {
        let (name, folders) = parts.split_last().ok_or(Errno::INVAL)?;
        let folder = match self.folder(folders) {
            Err(Errno::NOENT) => self.make_folders(folders)?,
            other => other?,
        };
        Slot::new(folder, name)
    }

    /// The slot of `parts`, or `None` where its folder doesn't exist.
    pub(super) fn existing<'a>(&self, parts: &[&'a [u8]]) -> Result<Option<Slot<'a>>, Errno> {
        let (name, folders) = parts.split_last().ok_or(Errno::INVAL)?;
        match self.folder(folders) {
            Ok(folder) => Slot::new(folder, name).map(Some),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    /// Whether the current layer made this already.
    pub(super) fn is_made(&self, slot: &Slot<'_>) -> bool {
        self.made.contains(&slot.key())
    }

    /// A folder; one that is here stays, with new attributes.
    pub(super) fn put_folder(
        &mut self,
        parts: &[&[u8]],
        slot: &Slot<'_>,
        to: Attributes,
    ) -> Result<(), Errno> {
        match slot.stat()? {
            Some(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Directory => {}
            found => {
                self.clear(slot, found)?;
                mkdirat(&slot.folder, slot.name, Mode::RWXU)?;
            }
        }
        self.made.insert(slot.key());
        self.folders.insert(parts.join(&b'/'), to);
        Ok(())
    }

    /// An empty file, open for writing.
    pub(super) fn put_file(&mut self, slot: &Slot<'_>) -> Result<File, Errno> {
        self.make_room(slot)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        openat(&slot.folder, slot.name, flags, Mode::RUSR | Mode::WUSR).map(File::from)
    }

    /// Gives a written file its attributes. Owner first: a change of owner clears the setuid bit and
    /// capabilities.
    pub(super) fn finish_file(
        &mut self,
        file: &File,
        to: Attributes,
        extended: &[Record],
    ) -> Result<usize, Errno> {
        if self.owners {
            let owned = fchown(file, Some(Uid::from_raw(to.uid)), Some(Gid::from_raw(to.gid)));
            self.allow_lost_owner(owned)?;
        }
        fchmod(file, to.mode())?;
        let mut set = 0;
        for (name, value) in extended {
            set += usize::from(fsetxattr(file, name.as_slice(), value, XattrFlags::empty()).is_ok());
        }
        futimens(file, &to.times())?;
        Ok(set)
    }

    /// A symbolic link. Its target is content, and nothing here follows it.
    pub(super) fn put_symlink(
        &mut self,
        slot: &Slot<'_>,
        target: &[u8],
        to: Attributes,
    ) -> Result<(), Errno> {
        self.make_room(slot)?;
        symlinkat(target, &slot.folder, slot.name)?;
        self.own(slot, to)?;
        utimensat(&slot.folder, slot.name, &to.times(), AtFlags::SYMLINK_NOFOLLOW)
    }

    /// A named pipe.
    pub(super) fn put_fifo(&mut self, slot: &Slot<'_>, to: Attributes) -> Result<(), Errno> {
        self.make_room(slot)?;
        mknodat(&slot.folder, slot.name, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
        self.own(slot, to)?;
        chmodat(&slot.folder, slot.name, to.mode(), AtFlags::empty())?;
        utimensat(&slot.folder, slot.name, &to.times(), AtFlags::SYMLINK_NOFOLLOW)
    }

    /// A second name for `target`.
    pub(super) fn put_link(&mut self, slot: &Slot<'_>, target: &Slot<'_>) -> Result<(), Errno> {
        let found = target.stat()?.ok_or(Errno::NOENT)?;
        if FileType::from_raw_mode(found.st_mode) == FileType::Directory {
            return Err(Errno::PERM);
        }
        if slot.stat()?.is_some_and(|here| (here.st_dev, here.st_ino) == (found.st_dev, found.st_ino)) {
            self.made.insert(slot.key());
            return Ok(());
        }
        self.make_room(slot)?;
        linkat(&target.folder, target.name, &slot.folder, slot.name, AtFlags::empty())
    }

    /// Removes what older layers put at `slot`; what this layer made there, and the way to it, stays.
    pub(super) fn remove_older(&mut self, slot: &Slot<'_>) -> Result<(), Errno> {
        let Some(stat) = slot.stat()? else { return Ok(()) };
        let is_folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        self.remove_older_at(slot.folder.as_fd(), slot.inode, slot.name, is_folder, 0)
    }

    /// Removes what older layers put into the folder `parts`.
    pub(super) fn make_opaque(&mut self, parts: &[&[u8]]) -> Result<(), Errno> {
        let folder = match self.folder(parts) {
            Err(Errno::NOENT) => return Ok(()),
            other => other?,
        };
        let folder = openat(&folder, ".", FOLDER | OFlags::RDONLY, Mode::empty())?;
        self.empty_of_older(&folder, 0)
    }

    /// Sets the attributes of all folders but the root, innermost first.
    pub(super) fn finish(&mut self) -> Result<(), (Vec<u8>, Errno)> {
        let mut folders: Vec<_> = std::mem::take(&mut self.folders).into_iter().collect();
        folders.sort_unstable_by_key(|(path, _)| {
            (std::cmp::Reverse(path.iter().filter(|byte| **byte == b'/').count()), path.clone())
        });
        for (path, to) in folders {
            let parts: Vec<&[u8]> = path.split(|byte| *byte == b'/').collect();
            self.finish_folder(&parts, to).map_err(|errno| (path.clone(), errno))?;
        }
        Ok(())
    }

    fn finish_folder(&mut self, parts: &[&[u8]], to: Attributes) -> Result<(), Errno> {
        let Some(slot) = self.existing(parts)? else { return Ok(()) };
        let folder = match openat(&slot.folder, slot.name, FOLDER | OFlags::RDONLY, Mode::empty()) {
            // A later layer removed or replaced it.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(()),
            other => other?,
        };
        if self.owners {
            let owned = fchown(&folder, Some(Uid::from_raw(to.uid)), Some(Gid::from_raw(to.gid)));
            self.allow_lost_owner(owned)?;
        }
        fchmod(&folder, to.mode())?;
        futimens(&folder, &to.times())
    }

    fn folder(&self, parts: &[&[u8]]) -> Result<OwnedFd, Errno> {
        let path = if parts.is_empty() { b".".to_vec() } else { parts.join(&b'/') };
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        // EAGAIN: the kernel can't tell whether a rename elsewhere made the path leave the root, and asks to retry.
        for _ in 0..128 {
            match openat2(&self.root, path.as_slice(), flags, Mode::empty(), resolve) {
                Err(Errno::AGAIN) => {}
                other => return other,
            }
        }
        Err(Errno::AGAIN)
    }

    fn make_folders(&mut self, parts: &[&[u8]]) -> Result<OwnedFd, Errno> {
        let mut folder = self.folder(&[])?;
        for end in 1..=parts.len() {
            let (upto, name) = (&parts[..end], parts[end - 1]);
            folder = match self.folder(upto) {
                Err(Errno::NOENT) => {
                    // EEXIST here: a link that leads to nothing stands where a folder is needed.
                    mkdirat(&folder, name, Mode::RWXU)?;
                    let made = self.folder(upto)?;
                    self.made.insert(Slot::new(folder, name)?.key());
                    self.folders.insert(upto.join(&b'/'), Attributes::IMPLICIT);
                    made
                }
                other => other?,
            };
        }
        Ok(folder)
    }

    fn make_room(&mut self, slot: &Slot<'_>) -> Result<(), Errno> {
        let found = slot.stat()?;
        self.clear(slot, found)?;
        self.made.insert(slot.key());
        Ok(())
    }

    fn clear(&self, slot: &Slot<'_>, found: Option<Stat>) -> Result<(), Errno> {
        match found {
            Some(_) => remove(slot.folder.as_fd(), slot.name, 0),
            None => Ok(()),
        }
    }

    fn own(&mut self, slot: &Slot<'_>, to: Attributes) -> Result<(), Errno> {
        if !self.owners {
            return Ok(());
        }
        let (uid, gid) = (Uid::from_raw(to.uid), Gid::from_raw(to.gid));
        let owned = chownat(&slot.folder, slot.name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW);
        self.allow_lost_owner(owned)
    }

    /// Root of a user namespace can't give files to ids that aren't mapped there.
    fn allow_lost_owner(&mut self, owned: Result<(), Errno>) -> Result<(), Errno> {
        match owned {
            Err(Errno::PERM | Errno::INVAL) => {
                self.owner_lost = true;
                Ok(())
            }
            other => other,
        }
    }

    fn remove_older_at(
        &self,
        folder: BorrowedFd<'_>,
        inode: u64,
        name: &[u8],
        is_folder: bool,
        depth: usize,
    ) -> Result<(), Errno> {
        let made = self.made.contains(&(inode, name.to_vec()));
        if !is_folder {
            return if made { Ok(()) } else { unlinkat(folder, name, AtFlags::empty()) };
        }
        let inner = openat(folder, name, FOLDER | OFlags::RDONLY, Mode::empty())?;
        self.empty_of_older(&inner, depth + 1)?;
        if made {
            return Ok(());
        }
        match unlinkat(folder, name, AtFlags::REMOVEDIR) {
            // It holds what this layer made.
            Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(()),
            other => other,
        }
    }

    fn empty_of_older(&self, folder: &OwnedFd, depth: usize) -> Result<(), Errno> {
        if depth > DEPTH {
            return Err(Errno::NAMETOOLONG);
        }
        let inode = rustix::fs::fstat(folder)?.st_ino;
        for (name, is_folder) in names(folder)? {
            self.remove_older_at(folder.as_fd(), inode, &name, is_folder, depth)?;
        }
        Ok(())
    }
}

impl<'a> Slot<'a> {
    fn new(folder: OwnedFd, name: &'a [u8]) -> Result<Self, Errno> {
        let inode = rustix::fs::fstat(&folder)?.st_ino;
        Ok(Slot { folder, inode, name })
    }

    fn key(&self) -> (u64, Vec<u8>) {
        (self.inode, self.name.to_vec())
    }

    fn stat(&self) -> Result<Option<Stat>, Errno> {
        match statat(&self.folder, self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno),
        }
    }
}

/// Removes `name` in `folder` with all below it, following no link.
fn remove(folder: BorrowedFd<'_>, name: &[u8], depth: usize) -> Result<(), Errno> {
    if depth > DEPTH {
        return Err(Errno::NAMETOOLONG);
    }
    match unlinkat(folder, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(errno) => return Err(errno),
    }
    let inner = openat(folder, name, FOLDER | OFlags::RDONLY, Mode::empty())?;
    for (name, _) in names(&inner)? {
        remove(inner.as_fd(), &name, depth + 1)?;
    }
    unlinkat(folder, name, AtFlags::REMOVEDIR)
}

/// The names in `folder`, and whether each is a folder itself.
fn names(folder: &OwnedFd) -> Result<Vec<(Vec<u8>, bool)>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes().to_vec();
        if name == b"." || name == b".." {
            continue;
        }
        let is_folder = match entry.file_type() {
            FileType::Unknown => {
                let stat = statat(folder, name.as_slice(), AtFlags::SYMLINK_NOFOLLOW)?;
                FileType::from_raw_mode(stat.st_mode) == FileType::Directory
            }
            known => known == FileType::Directory,
        };
        names.push((name, is_folder));
    }
    Ok(names)
}
