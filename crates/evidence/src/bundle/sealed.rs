//! A sealed bundle, to read. Whether it is what was sealed is told by [`verify`](crate::verify) alone.

use super::{ATTESTATION, CHANGES, EVENTS, FILES, MANIFEST, MONITOR, PERSISTENCE, STDERR, STDOUT};
use crate::archive;
use crate::changes::{self, Change};
use crate::error::{At, EvidenceError, Result};
use crate::hash::sha256_hex;
use crate::manifest::{FORMAT, Manifest};
use crate::persistence::{self, Persistence};
use crate::stream::EventReader;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

/// Longest manifest that is read.
const MAX_MANIFEST: u64 = 256 << 20;
/// What a beginning of a content is, in bytes.
const BEGINNING: u64 = 64 << 10;

/// A sealed bundle.
#[derive(Debug)]
pub struct Bundle {
    root: PathBuf,
    manifest: Manifest,
    /// Where an archive was unpacked to; goes with the bundle.
    _unpacked: Option<tempfile::TempDir>,
}

impl Bundle {
    /// Opens the sealed bundle at `path`, a folder or a `.tar.zst`. It is not verified.
    pub fn open(path: &Path) -> Result<Self> {
        if path.is_dir() {
            return Self::open_folder(path.to_owned(), None);
        }
        let unpacked = archive::unpack(path)?;
        Self::open_folder(unpacked.root, Some(unpacked.folder))
    }

    fn open_folder(root: PathBuf, unpacked: Option<tempfile::TempDir>) -> Result<Self> {
        for name in [MANIFEST, ATTESTATION] {
            if !root.join(name).is_file() {
                let why = if root.join(super::START).exists() {
                    "its recording was never finished".to_owned()
                } else {
                    format!("it has no {name}")
                };
                return Err(EvidenceError::NotABundle { path: root, why });
            }
        }
        let manifest = parse_manifest(&read_bounded(&root.join(MANIFEST), MAX_MANIFEST)?, &root)?;
        Ok(Bundle { root, manifest, _unpacked: unpacked })
    }

    /// The folder that it is read from (for an archive, a temporary one that goes with `self`).
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// SHA-256 of the manifest's bytes, hexadecimal.
    pub fn manifest_sha256(&self) -> Result<String> {
        read_bounded(&self.root.join(MANIFEST), MAX_MANIFEST).map(|bytes| sha256_hex(&bytes))
    }

    /// The events, in order.
    pub fn events(&self) -> Result<EventReader<File>> {
        let path = self.root.join(EVENTS);
        EventReader::new(File::open(&path).at("open", &path)?).at("read", &path)
    }

    /// The file-system difference.
    pub fn changes(&self) -> Result<Vec<Change>> {
        let path = self.root.join(CHANGES);
        changes::read(BufReader::new(File::open(&path).at("open", &path)?)).at("read", &path)
    }

    /// What the run installed to be started again; `None` where it installed nothing.
    pub fn persistence(&self) -> Result<Option<Persistence>> {
        if !self.manifest.files.contains_key(PERSISTENCE) {
            return Ok(None);
        }
        let path = self.root.join(PERSISTENCE);
        persistence::parse(&read_bounded(&path, MAX_MANIFEST)?, &path).map(Some)
    }

    /// The artifact's standard output, as far as it was kept.
    pub fn stdout(&self) -> Result<File> {
        self.open_file(STDOUT)
    }

    /// The artifact's standard error, as far as it was kept.
    pub fn stderr(&self) -> Result<File> {
        self.open_file(STDERR)
    }

    /// What the watching program at this place of [`Manifest::monitors`] put out, as far as it was kept.
    pub fn monitor(&self, number: usize) -> Result<File> {
        self.open_file(&format!("{MONITOR}{number}"))
    }

    /// The content with this hash, where it is stored.
    pub fn file(&self, sha256: &str) -> Result<Option<File>> {
        let name = format!("{FILES}/{sha256}");
        if self.manifest.files.contains_key(&name) { self.open_file(&name).map(Some) } else { Ok(None) }
    }

    /// The first 64 KiB of the content with this hash, where it is stored and can be read.
    pub fn beginning(&self, sha256: &str) -> Option<Vec<u8>> {
        let mut content = Vec::new();
        let file = self.file(sha256).ok().flatten()?;
        file.take(BEGINNING).read_to_end(&mut content).ok()?;
        Some(content)
    }

    fn open_file(&self, name: &str) -> Result<File> {
        let path = self.root.join(name);
        File::open(&path).at("open", &path)
    }

    /// Writes the bundle as one archive to the file `to`, which must not exist. The same bundle gives the same
    /// bytes with the same version of zstd.
    pub fn export(&self, to: &Path) -> Result<()> {
        archive::pack(&self.root, &self.manifest, to)
    }
}

/// Reads a manifest, and refuses by name the format of another version.
pub(crate) fn parse_manifest(bytes: &[u8], root: &Path) -> Result<Manifest> {
    #[derive(serde::Deserialize)]
    struct Format {
        format: String,
    }
    let malformed = |e: serde_json::Error| EvidenceError::Malformed {
        path: root.join(MANIFEST),
        what: "a manifest",
        why: e.to_string(),
    };
    let Format { format } = serde_json::from_slice(bytes).map_err(malformed)?;
    if format != FORMAT {
        return Err(EvidenceError::UnknownFormat { found: format, known: FORMAT });
    }
    serde_json::from_slice(bytes).map_err(malformed)
}

/// The content of a file of the bundle that must not be longer than `bound`.
pub(crate) fn read_bounded(path: &Path, bound: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(bound + 1).read_to_end(&mut bytes)).at("read", path)?;
    if bytes.len() as u64 > bound {
        let why = format!("it is longer than {bound} bytes");
        return Err(EvidenceError::Malformed { path: path.to_owned(), what: "a file of a bundle", why });
    }
    Ok(bytes)
}
