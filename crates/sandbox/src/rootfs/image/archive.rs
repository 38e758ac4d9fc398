//! The image file itself: an archive whose members are found by name.

use super::error::{ImageError, Place};
use super::member::{self, Member};
use super::stream::{Bounded, Budget, Compression, is_exhausted};
use rustix::fs::{AtFlags, Mode, OFlags, openat, unlinkat};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::BorrowedFd;
use std::path::Path;
use tar::Archive;

/// Largest description (manifest, index, configuration).
const DESCRIPTION: u64 = 8 << 20;
/// Most members of the outer archive.
const MEMBERS: usize = 100_000;

/// An opened image file.
#[derive(Debug)]
pub(super) struct ImageFile {
    file: File,
    place: Place,
    members: HashMap<Vec<u8>, Stored>,
    ended: bool,
}

#[derive(Clone, Debug)]
enum Stored {
    File { offset: u64, size: u64 },
    Link(Vec<u8>),
}

impl ImageFile {
    /// Opens `path` and learns where its members are. A compressed file is first unpacked into an unnamed one
    /// in `scratch`.
    pub(super) fn open(path: &Path, scratch: BorrowedFd<'_>, budget: &Budget) -> Result<Self, ImageError> {
        let place = Place::file(path);
        let unreadable = |source| ImageError::Unreadable { place: place.clone(), source };
        let mut file = File::open(path).map_err(unreadable)?;
        if !file.metadata().map_err(unreadable)?.is_file() {
            let why = "it is not a regular file".to_owned();
            return Err(ImageError::NotAnImage { place, why });
        }
        let mut start = Vec::new();
        Read::by_ref(&mut file).take(8).read_to_end(&mut start).map_err(unreadable)?;
        file.rewind().map_err(unreadable)?;
        let compression = Compression::of(&start);
        if compression != Compression::None {
            file = decompress(file, compression, scratch, budget, &place)?;
        }
        let members = index(&mut file, &place)?;
        let ended = has_end(&mut file).map_err(unreadable)?;
        Ok(ImageFile { file, place, members, ended })
    }

    /// Where errors about the whole file belong.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Whether the archive has an end, or else is a part of one.
    pub(super) fn is_ended(&self) -> bool {
        self.ended
    }

    /// Whether there is a member `name`.
    pub(super) fn has(&self, name: &str) -> bool {
        self.find(name.as_bytes()).is_some()
    }

    /// The whole of a small member.
    pub(super) fn description(&self, name: &str) -> Result<Vec<u8>, ImageError> {
        let place = self.place.entry(name);
        let mut member = self.member(name)?;
        if member.limit() > DESCRIPTION {
            return Err(ImageError::TooBig { place, limit: DESCRIPTION, unit: "bytes" });
        }
        let mut content = Vec::new();
        member.read_to_end(&mut content).map_err(|source| ImageError::Unreadable { place, source })?;
        Ok(content)
    }

    /// A reader over the member `name`; its limit is its size.
    pub(super) fn member(&self, name: &str) -> Result<io::Take<&File>, ImageError> {
        let place = self.place.entry(name);
        let Some((offset, size)) = self.find(name.as_bytes()) else {
            return Err(ImageError::Missing { place });
        };
        let mut file = &self.file;
        file.seek(SeekFrom::Start(offset)).map_err(|source| ImageError::Unreadable { place, source })?;
        Ok(file.take(size))
    }

    /// Follows links between members (docker-save has them between equal layers).
    fn find(&self, name: &[u8]) -> Option<(u64, u64)> {
        let mut name = normal(b"", name)?;
        for _ in 0..8 {
            match self.members.get(&name)? {
                Stored::File { offset, size } => return Some((*offset, *size)),
                Stored::Link(target) => {
                    let folder = name.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
                    name = normal(&name[..folder], target)?;
                }
            }
        }
        None
    }
}

/// `path` below `folder`, without `.` and `..`; `None` where it leaves the archive.
fn normal(folder: &[u8], path: &[u8]) -> Option<Vec<u8>> {
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in folder.split(|byte| *byte == b'/').chain(path.split(|byte| *byte == b'/')) {
        match part {
            b"" | b"." => {}
            b".." => {
                parts.pop()?;
            }
            _ => parts.push(part),
        }
    }
    Some(parts.join(&b'/'))
}

/// An archive ends in blocks of zeros.
fn has_end(file: &mut File) -> io::Result<bool> {
    let mut end = [1; 512];
    Ok(file.metadata()?.len() >= 512
        && file.seek(SeekFrom::End(-512)).and_then(|_| file.read_exact(&mut end)).is_ok()
        && end.iter().all(|byte| *byte == 0))
}

fn index(file: &mut File, place: &Place) -> Result<HashMap<Vec<u8>, Stored>, ImageError> {
    let unreadable = |source| ImageError::Unreadable { place: place.clone(), source };
    let length = file.metadata().map_err(unreadable)?.len();
    let mut members = HashMap::new();
    let mut archive = Archive::new(&mut *file);
    let walked = member::each(archive.entries_with_seek(), place, &mut |entry: Member, _| {
        let at = place.entry(&entry.name);
        let Some(name) = normal(b"", &entry.name) else {
            return Err(ImageError::Refused { place: at, why: "its name leaves the archive".to_owned() });
        };
        let stored = if entry.kind.is_file() {
            if entry.offset.checked_add(entry.size).is_none_or(|end| end > length) {
                return Err(ImageError::Truncated { place: at });
            }
            Stored::File { offset: entry.offset, size: entry.size }
        } else if entry.kind.is_symlink() {
            Stored::Link(entry.link)
        } else if entry.kind.is_hard_link() {
            // Hard links name their target from the top of the archive.
            let depth = name.iter().filter(|byte| **byte == b'/').count();
            Stored::Link([b"../".repeat(depth), entry.link].concat())
        } else {
            return Ok(());
        };
        if members.len() >= MEMBERS {
            return Err(ImageError::TooBig { place: place.clone(), limit: MEMBERS as u64, unit: "entries" });
        }
        match members.insert(name, stored) {
            None => Ok(()),
            Some(_) => {
                Err(ImageError::Refused { place: at, why: "the archive has two of that name".to_owned() })
            }
        }
    });
    match walked {
        Ok(()) => Ok(members),
        // No archive at all, rather than a broken one.
        Err(ImageError::Layer { .. } | ImageError::Truncated { .. }) if members.is_empty() => {
            Err(ImageError::NotAnImage { place: place.clone(), why: "it is not a tar archive".to_owned() })
        }
        Err(error) => Err(error),
    }
}

fn decompress(
    file: File,
    compression: Compression,
    scratch: BorrowedFd<'_>,
    budget: &Budget,
    place: &Place,
) -> Result<File, ImageError> {
    const NAME: &str = ".image";
    let write = |source: io::Error| ImageError::Write { place: place.clone(), source };
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let unnamed =
        openat(scratch, NAME, flags, Mode::RUSR | Mode::WUSR).map_err(|errno| write(errno.into()))?;
    unlinkat(scratch, NAME, AtFlags::empty()).map_err(|errno| write(errno.into()))?;
    let mut plain = File::from(unnamed);
    let limit = budget.bytes.get();
    let left = std::cell::Cell::new(limit);
    let reader = compression.reader(file).map_err(|source| member::damaged(place, source))?;
    let mut reader = Marked { inner: Bounded::new(reader, &left), failed: false };
    match io::copy(&mut reader, &mut plain) {
        Ok(_) => {}
        Err(error) if is_exhausted(&error) => {
            return Err(ImageError::TooBig { place: place.clone(), limit, unit: "bytes" });
        }
        Err(error) if reader.failed => return Err(member::damaged(place, error)),
        Err(error) => return Err(write(error)),
    }
    plain.rewind().map_err(write)?;
    Ok(plain)
}

/// Remembers that reading, not writing, failed.
pub(super) struct Marked<R> {
    pub(super) inner: R,
    pub(super) failed: bool,
}

impl<R: Read> Read for Marked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = self.inner.read(buffer);
        self.failed |= result.is_err();
        result
    }
}
