//! `files/<sha256>`: content of created and changed files, each once, within a bound.

use crate::hash::Hashing;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

/// How much content a bundle may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileBounds {
    /// The longest file that is stored.
    pub per_file: u64,
    /// The most that all stored files have together.
    pub total: u64,
}

impl Default for FileBounds {
    /// 16 MiB a file, 256 MiB together.
    fn default() -> Self {
        FileBounds { per_file: 16 << 20, total: 256 << 20 }
    }
}

/// What became of a content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its hash.
    pub sha256: String,
    /// Its length.
    pub size: u64,
    /// It is in the bundle; otherwise a bound was reached.
    pub kept: bool,
}

/// Stores contents by their hash.
#[derive(Debug)]
pub struct FileStore {
    folder: PathBuf,
    bounds: FileBounds,
    used: u64,
    refused: u64,
}

impl FileStore {
    /// A store in the folder `folder`, which is made with the first content.
    pub fn new(folder: PathBuf, bounds: FileBounds) -> Self {
        FileStore { folder, bounds, used: 0, refused: 0 }
    }

    /// Bytes stored so far.
    pub fn used(&self) -> u64 {
        self.used
    }

    /// Contents that a bound kept out so far.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Hashes what `content` yields, and stores it where the bounds allow and it isn't there yet.
    pub fn store(&mut self, content: &mut dyn Read) -> io::Result<Stored> {
        let room = self.bounds.per_file.min(self.bounds.total - self.used);
        fs::create_dir_all(&self.folder)?;
        let temporary = self.folder.join(".incoming");
        let outcome = copy_bounded(content, &temporary, room);
        let result = outcome.and_then(|(sha256, size)| {
            let path = self.folder.join(&sha256);
            if path.exists() {
                return Ok(Stored { sha256, size, kept: true });
            }
            if size > room {
                self.refused += 1;
                return Ok(Stored { sha256, size, kept: false });
            }
            fs::rename(&temporary, &path)?;
            self.used += size;
            Ok(Stored { sha256, size, kept: true })
        });
        match fs::remove_file(&temporary) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        if self.used == 0 {
            // an empty folder is none of the format's; one that holds an empty file stays
            let _ = fs::remove_dir(&self.folder);
        }
        result
    }
}

/// Copies up to `room` bytes of `content` into a new file, and hashes all of it.
fn copy_bounded(content: &mut dyn Read, path: &PathBuf, room: u64) -> io::Result<(String, u64)> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    let mut hashing = Hashing::new(io::sink());
    let mut left = room;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let n = match content.read(&mut buffer) {
            Ok(0) => return Ok(hashing.finish()),
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        hashing.write_all(&buffer[..n])?;
        let keep = usize::try_from(left).unwrap_or(usize::MAX).min(n);
        file.write_all(&buffer[..keep])?;
        left -= keep as u64;
    }
}
