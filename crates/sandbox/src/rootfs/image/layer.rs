//! Applies one layer to the tree: its entries, its whiteouts, and the refusal of what no honest layer has.

use super::archive::Marked;
use super::error::{ImageError, Place};
use super::info::{ImageInfo, Note, Noted};
use super::member::{self, Member};
use super::stream::{Budget, is_exhausted};
use super::tree::{Attributes, Slot, Tree};
use rustix::io::Errno;
use std::io::{self, Read};
use tar::{Archive, EntryType};

/// Prefix of the names that remove something from older layers.
const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";
/// Most folders in one name, and most bytes.
const FOLDERS: usize = 512;
const NAME: usize = 4096;

/// What happens to the layers of one image.
pub(super) struct Layers<'a> {
    pub(super) tree: Tree,
    pub(super) budget: &'a Budget,
    pub(super) limit_bytes: u64,
    pub(super) limit_entries: u64,
    pub(super) root_mode: u32,
    pub(super) notes: Vec<Note>,
    pub(super) noted: u64,
}

/// One entry that is being unpacked.
struct Entry<'a> {
    member: &'a Member,
    layer: usize,
    place: Place,
}

impl Layers<'_> {
    /// Unpacks the archive `content`, layer number `layer`; gives back how many entries it had.
    pub(super) fn apply(
        &mut self,
        content: &mut dyn Read,
        layer: usize,
        place: &Place,
    ) -> Result<u64, ImageError> {
        self.tree.begin_layer();
        let mut entries = 0;
        let limits = (self.limit_bytes, self.limit_entries);
        let mut archive = Archive::new(content);
        let walked = member::each(archive.entries(), place, &mut |member, content| {
            entries += 1;
            let entry = Entry { member: &member, layer, place: place.entry(&member.name) };
            let Some(left) = self.budget.entries.get().checked_sub(1) else {
                return Err(ImageError::TooBig { place: entry.place, limit: limits.1, unit: "entries" });
            };
            self.budget.entries.set(left);
            self.put(&entry, content)
        });
        match walked {
            Err(ImageError::Layer { source, place } | ImageError::Write { source, place })
                if is_exhausted(&source) =>
            {
                Err(ImageError::TooBig { place, limit: limits.0, unit: "bytes" })
            }
            Err(error) => Err(error),
            Ok(()) => Ok(entries),
        }
    }

    fn put(&mut self, entry: &Entry<'_>, content: &mut dyn Read) -> Result<(), ImageError> {
        let member = entry.member;
        let parts = entry.parts(&member.name, "name")?;
        if member.name.starts_with(b"/") {
            self.note(entry, Noted::AbsoluteContained);
        }
        let Some((last, folders)) = parts.split_last() else {
            if member.kind.is_dir() {
                self.root_mode = member.mode & 0o7777;
            }
            return Ok(());
        };
        if let Some(hidden) = last.strip_prefix(WHITEOUT) {
            return self.whiteout(entry, last, hidden, folders);
        }
        if let Some(folder) = folders.iter().find(|part| part.starts_with(WHITEOUT)) {
            let why = format!("its folder `{}` is a whiteout", folder.escape_ascii());
            return Err(entry.refused(why));
        }
        let wanted = matches!(
            member.kind,
            EntryType::Regular
                | EntryType::Continuous
                | EntryType::Directory
                | EntryType::Symlink
                | EntryType::Link
                | EntryType::Fifo
        );
        if !wanted {
            let device = member.kind.is_character_special() || member.kind.is_block_special();
            self.note(entry, if device { Noted::DeviceSkipped } else { Noted::UnknownSkipped });
            return Ok(());
        }
        let slot = self.tree.slot(&parts).map_err(|errno| entry.errno(errno))?;
        if self.tree.is_made(&slot) && !member.kind.is_dir() {
            self.note(entry, Noted::DuplicateReplaced);
        }
        let to = entry.attributes()?;
        match member.kind {
            EntryType::Directory => {
                self.tree.put_folder(&parts, &slot, to).map_err(|errno| entry.errno(errno))?;
                self.attributes_skipped(entry, 0);
            }
            EntryType::Symlink => {
                if member.link.is_empty() || member.link.contains(&0) {
                    return Err(entry.refused("a link without a target"));
                }
                self.tree.put_symlink(&slot, &member.link, to).map_err(|errno| entry.errno(errno))?;
            }
            EntryType::Fifo => self.tree.put_fifo(&slot, to).map_err(|errno| entry.errno(errno))?,
            EntryType::Link => self.hard_link(entry, &slot)?,
            _ => self.file(entry, &slot, to, content)?,
        }
        if self.tree.take_owner_lost() {
            self.note(entry, Noted::OwnerLost);
        }
        Ok(())
    }

    fn file(
        &mut self,
        entry: &Entry<'_>,
        slot: &Slot<'_>,
        to: Attributes,
        content: &mut dyn Read,
    ) -> Result<(), ImageError> {
        let mut file = self.tree.put_file(slot).map_err(|errno| entry.errno(errno))?;
        let mut content = Marked { inner: content, failed: false };
        let written = match io::copy(&mut content, &mut file) {
            Ok(written) => written,
            Err(error) if content.failed => return Err(member::damaged(&entry.place, error)),
            Err(source) => return Err(ImageError::Write { place: entry.place.clone(), source }),
        };
        if written < entry.member.size {
            return Err(ImageError::Truncated { place: entry.place.clone() });
        }
        let wanted: Vec<_> =
            entry.member.attributes.iter().filter(|(name, _)| is_kept(name)).cloned().collect();
        let set = self.tree.finish_file(&file, to, &wanted).map_err(|errno| entry.errno(errno))?;
        self.attributes_skipped(entry, set);
        Ok(())
    }

    fn hard_link(&mut self, entry: &Entry<'_>, slot: &Slot<'_>) -> Result<(), ImageError> {
        let parts = entry.parts(&entry.member.link, "link target")?;
        let target = match parts.as_slice() {
            [] => None,
            parts => self.tree.existing(parts).map_err(|errno| entry.errno(errno))?,
        };
        let target = target.ok_or_else(|| entry.refused("it links to what doesn't exist"))?;
        self.tree.put_link(slot, &target).map_err(|errno| match errno {
            Errno::NOENT => entry.refused("it links to what doesn't exist"),
            Errno::PERM => entry.refused("it is a hard link to a folder"),
            errno => entry.errno(errno),
        })
    }

    fn whiteout(
        &mut self,
        entry: &Entry<'_>,
        last: &[u8],
        hidden: &[u8],
        folders: &[&[u8]],
    ) -> Result<(), ImageError> {
        if last == OPAQUE {
            return self.tree.make_opaque(folders).map_err(|errno| entry.errno(errno));
        }
        if hidden.starts_with(WHITEOUT) {
            // Bookkeeping of old union file systems (`.wh..wh.aufs`, `.wh..wh.plnk`).
            return Ok(());
        }
        if matches!(hidden, b"" | b"." | b"..") {
            return Err(entry.refused("a whiteout of the folder itself, or of the one above"));
        }
        let parts: Vec<&[u8]> = folders.iter().copied().chain([hidden]).collect();
        let Some(slot) = self.tree.existing(&parts).map_err(|errno| entry.errno(errno))? else {
            return Ok(());
        };
        self.tree.remove_older(&slot).map_err(|errno| entry.errno(errno))
    }

    fn attributes_skipped(&mut self, entry: &Entry<'_>, set: usize) {
        for _ in set..entry.member.attributes.len() {
            self.note(entry, Noted::AttributeSkipped);
        }
    }

    fn note(&mut self, entry: &Entry<'_>, what: Noted) {
        self.noted += 1;
        if self.notes.len() < ImageInfo::NOTES {
            let name = entry.member.name.escape_ascii().to_string();
            self.notes.push(Note { layer: entry.layer, entry: name, what });
        }
    }
}

impl Entry<'_> {
    /// The components of a path of the archive, which may only lead downwards.
    fn parts<'n>(&self, path: &'n [u8], what: &str) -> Result<Vec<&'n [u8]>, ImageError> {
        if path.len() > NAME || path.contains(&0) {
            return Err(self.refused(format!("its {what} is no possible path")));
        }
        let mut parts = Vec::new();
        for part in path.split(|byte| *byte == b'/') {
            match part {
                b"" | b"." => {}
                b".." => return Err(self.refused(format!("its {what} leads upwards with `..`"))),
                _ => parts.push(part),
            }
        }
        if parts.len() > FOLDERS {
            return Err(self.refused(format!("its {what} is nested more than {FOLDERS} deep")));
        }
        Ok(parts)
    }

    fn attributes(&self) -> Result<Attributes, ImageError> {
        let id = |id: u64| {
            u32::try_from(id)
                .ok()
                .filter(|id| *id != u32::MAX)
                .ok_or_else(|| self.refused("its owner is no possible id"))
        };
        let Member { uid, gid, mode, mtime, .. } = *self.member;
        Ok(Attributes { mode, uid: id(uid)?, gid: id(gid)?, mtime })
    }

    fn refused(&self, why: impl Into<String>) -> ImageError {
        ImageError::Refused { place: self.place.clone(), why: why.into() }
    }

    fn errno(&self, errno: Errno) -> ImageError {
        match errno {
            Errno::LOOP | Errno::EXIST => self.refused("a link stands where it needs a folder"),
            Errno::NOTDIR => self.refused("a file stands where it needs a folder"),
            Errno::XDEV => self.refused("its folder is on another file system"),
            Errno::NAMETOOLONG => self.refused("a name or a nesting that no file system takes"),
            errno => ImageError::Write { place: self.place.clone(), source: errno.into() },
        }
    }
}

/// Attributes that are content. All others steer something: an overlay (`trusted.overlay.*`,
/// `user.overlay.*`), access rules of the host, its labels.
fn is_kept(name: &[u8]) -> bool {
    name == b"security.capability" || (name.starts_with(b"user.") && !name.starts_with(b"user.overlay."))
}
