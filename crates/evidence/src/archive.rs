//! A bundle as one file: `RUN.tar.zst`.
//!
//! An uncompressed tar (ustar, entries in the order of their names, times and owners zero) in one zstd frame,
//! followed by a zstd skippable frame with the SHA-256 of all bytes before it, which other readers pass over.

use crate::bundle::{ATTESTATION, MANIFEST, check_run_id, is_file_name};
use crate::error::{At, EvidenceError, Result};
use crate::hash::Hashing;
use crate::manifest::Manifest;
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Compression level of an archive.
const LEVEL: i32 = 3;
/// Magic number and length of the skippable frame at the end.
const TRAILER_HEAD: [u8; 8] = [0x50, 0x2a, 0x4d, 0x18, 32, 0, 0, 0];
/// Length of that frame.
const TRAILER: u64 = 40;

/// An unpacked archive.
pub(crate) struct Unpacked {
    /// Goes with this value.
    pub(crate) folder: tempfile::TempDir,
    /// The bundle's folder in it.
    pub(crate) root: PathBuf,
    /// The archive ends with the right hash of itself.
    pub(crate) trailer: bool,
}

/// Packs the bundle in `root` into the new file `to`.
pub(crate) fn pack(root: &Path, manifest: &Manifest, to: &Path) -> Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).at("create", to)?;
    let packed = pack_into(root, manifest, file, to);
    if packed.is_err() {
        // half an archive is none
        let _ = fs::remove_file(to);
    }
    packed
}

fn pack_into(root: &Path, manifest: &Manifest, file: File, to: &Path) -> Result<()> {
    check_run_id(&manifest.run)?;
    let hashing = Hashing::new(BufWriter::new(file));
    let mut encoder = zstd::stream::write::Encoder::new(hashing, LEVEL).at("write", to)?;
    encoder.include_checksum(true).at("write", to)?;
    let mut tar = tar::Builder::new(encoder);
    let names: BTreeSet<&str> =
        manifest.files.keys().map(String::as_str).chain([MANIFEST, ATTESTATION]).collect();
    for name in names {
        let path = root.join(name);
        let file = File::open(&path).at("open", &path)?;
        let size = file.metadata().at("read", &path)?.len();
        let mut header = tar::Header::new_ustar();
        header.set_path(format!("{}/{name}", manifest.run)).at("write", to)?;
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(size);
        header.set_cksum();
        tar.append(&header, BufReader::new(file.take(size))).at("write", to)?;
    }
    let hashing = tar.into_inner().and_then(zstd::stream::write::Encoder::finish).at("write", to)?;
    let (hash, mut out) = hashing.into_parts();
    out.write_all(&TRAILER_HEAD).and_then(|()| out.write_all(&hash)).at("write", to)?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error).at("write", to)?;
    file.sync_all().at("sync", to)
}

/// Unpacks `archive` into a new private folder. Nothing but the regular files of one bundle is taken.
pub(crate) fn unpack(archive: &Path) -> Result<Unpacked> {
    let malformed = |why: String| EvidenceError::Malformed {
        path: archive.to_owned(),
        what: "an exported bundle (.tar.zst)",
        why,
    };
    let mut file = File::open(archive).at("open", archive)?;
    let trailer = check_trailer(&mut file).at("read", archive)?;
    file.seek(SeekFrom::Start(0)).at("read", archive)?;
    let decoder = zstd::stream::read::Decoder::new(file).at("read", archive)?;
    let folder = tempfile::Builder::new().prefix("detektr-bundle-").tempdir().at("unpack", archive)?;
    let mut run: Option<String> = None;
    let mut seen = BTreeSet::new();
    let mut tar = tar::Archive::new(decoder);
    for entry in tar.entries().at("read", archive)? {
        let mut entry = entry.map_err(|e| malformed(e.to_string()))?;
        let path = entry.path_bytes().into_owned();
        let shown = String::from_utf8_lossy(&path).into_owned();
        if entry.header().entry_type() != tar::EntryType::Regular {
            return Err(malformed(format!("{shown:?} is not a regular file")));
        }
        let (top, name) = shown.split_once('/').unwrap_or(("", &shown));
        if check_run_id(top).is_err() || !is_file_name(name) || run.as_deref().is_some_and(|run| run != top) {
            return Err(malformed(format!("{shown:?} is not a file of one bundle")));
        }
        if !seen.insert(name.to_owned()) {
            return Err(malformed(format!("{shown:?} is there twice")));
        }
        run = Some(top.to_owned());
        let target = folder.path().join(top).join(name);
        let parent = target.parent().expect("the target lies in the new folder");
        fs::DirBuilder::new().recursive(true).mode(0o700).create(parent).at("create", parent)?;
        let mut out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&target);
        let copied = out.as_mut().map_err(|e| io::Error::from(e.kind())).at("create", &target)?;
        io::copy(&mut entry, copied).map_err(|e| malformed(format!("{shown:?}: {e}")))?;
    }
    let mut decoder = tar.into_inner();
    io::copy(&mut decoder, &mut io::sink()).map_err(|e| malformed(e.to_string()))?;
    let run = run.ok_or_else(|| malformed("it is empty".into()))?;
    Ok(Unpacked { root: folder.path().join(run), folder, trailer })
}

/// Whether the file ends with the right hash of what stands before it.
fn check_trailer(file: &mut File) -> io::Result<bool> {
    let length = file.metadata()?.len();
    let Some(body) = length.checked_sub(TRAILER) else { return Ok(false) };
    let mut hashing = Hashing::new(io::sink());
    io::copy(&mut file.take(body), &mut hashing)?;
    let (hash, _) = hashing.into_parts();
    let mut trailer = Vec::new();
    file.read_to_end(&mut trailer)?;
    Ok(trailer == [&TRAILER_HEAD[..], &hash].concat())
}
