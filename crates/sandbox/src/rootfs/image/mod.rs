//! Container images as root file systems: one archive (OCI image layout, or what `docker save` writes) unpacked
//! into a folder. An image is content from strangers: every digest is checked, no entry can reach outside of the
//! folder, device nodes are left out, and size and number of entries are bounded.

mod archive;
mod described;
mod docker;
mod error;
mod info;
mod layer;
mod member;
mod oci;
mod stream;
#[cfg(test)]
mod tests;
mod tree;

pub use error::{ImageError, Place};
pub use info::{ImageConfig, ImageInfo, LayerInfo, Note, Noted};

use archive::ImageFile;
use described::{Described, DescribedLayer};
use layer::Layers;
use rustix::fs::{Mode, OFlags};
use std::cell::Cell;
use std::io::{self, BufReader, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use stream::{Bounded, Budget, Compression, Hashing, is_exhausted};
use tree::Tree;

/// How much an image may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of all layers together, uncompressed.
    pub bytes: u64,
    /// Entries of all layers together.
    pub entries: u64,
}

impl Default for Bounds {
    /// 16 GiB, a million entries.
    fn default() -> Self {
        Bounds { bytes: 16 << 30, entries: 1_000_000 }
    }
}

/// Unpacks the image `file` for linux/amd64 into the folder `into`, which is made, or must be empty.
///
/// The folder stays closed to other users (see [`ImageInfo::root_mode`]). After an error it holds a part of
/// the image, and is to be thrown away.
pub fn unpack(file: &Path, into: &Path) -> Result<ImageInfo, ImageError> {
    unpack_within(file, into, Bounds::default())
}

/// As [`unpack`], with other bounds.
pub fn unpack_within(file: &Path, into: &Path, bounds: Bounds) -> Result<ImageInfo, ImageError> {
    let root = target(into)?;
    let budget = Budget { bytes: Cell::new(bounds.bytes), entries: Cell::new(bounds.entries) };
    let image = ImageFile::open(file, root.as_fd(), &budget)?;
    let described = Described::read(&image)?;
    let owners_kept = crate::environment::real_root();
    let mut layers = Layers {
        tree: Tree::new(root, owners_kept),
        budget: &budget,
        limit_bytes: bounds.bytes,
        limit_entries: bounds.entries,
        root_mode: 0o755,
        notes: Vec::new(),
        noted: 0,
    };
    let count = described.layers.len();
    let mut infos = Vec::with_capacity(count);
    for (number, layer) in (1..).zip(&described.layers) {
        let place = image.place().layer(format!("layer {number} of {count} ({})", layer.label()));
        infos.push(unpack_layer(&image, layer, number, &place, &mut layers)?);
    }
    layers.tree.finish().map_err(|(path, errno)| ImageError::Write {
        place: image.place().entry(path),
        source: errno.into(),
    })?;
    Ok(ImageInfo {
        digest: described.digest,
        format: described.format.to_owned(),
        names: described.names,
        config: described.config,
        layers: infos,
        root_mode: layers.root_mode,
        owners_kept,
        notes: layers.notes,
        noted: layers.noted,
    })
}

impl DescribedLayer {
    fn label(&self) -> &str {
        self.digest.as_deref().unwrap_or(&self.diff_id)
    }
}

fn unpack_layer(
    image: &ImageFile,
    layer: &DescribedLayer,
    number: usize,
    place: &Place,
    layers: &mut Layers<'_>,
) -> Result<LayerInfo, ImageError> {
    let damaged = |error: io::Error| match is_exhausted(&error) {
        true => ImageError::TooBig { place: place.clone(), limit: layers.limit_bytes, unit: "bytes" },
        false => member::damaged(place, error),
    };
    let mut start = Vec::new();
    image.member(&layer.member)?.take(8).read_to_end(&mut start).map_err(damaged)?;
    let compression = Compression::of(&start);
    let mut stored = Hashing::new(BufReader::with_capacity(1 << 18, image.member(&layer.member)?));
    let plain = compression.reader(&mut stored).map_err(damaged)?;
    let mut plain = Hashing::new(Bounded::new(plain, &layers.budget.bytes));
    let entries = layers.apply(&mut plain, number, place)?;
    // What stands behind the end of the archive counts for the digests as well.
    let damaged = |error: io::Error| match is_exhausted(&error) {
        true => ImageError::TooBig { place: place.clone(), limit: layers.limit_bytes, unit: "bytes" },
        false => member::damaged(place, error),
    };
    io::copy(&mut plain, &mut io::sink()).map_err(damaged)?;
    let (diff_id, bytes) = plain.finish();
    io::copy(&mut stored, &mut io::sink()).map_err(damaged)?;
    let (digest, _) = stored.finish();
    check(place, layer.digest.as_deref().unwrap_or(&digest), &digest)?;
    check(place, &layer.diff_id, &diff_id)?;
    Ok(LayerInfo { digest, diff_id, compression: compression.name().to_owned(), entries, bytes })
}

fn check(place: &Place, expected: &str, found: &str) -> Result<(), ImageError> {
    if expected == found {
        return Ok(());
    }
    let (expected, found) = (expected.to_owned(), found.to_owned());
    Err(ImageError::Digest { place: place.clone(), expected, found })
}

/// Makes or opens the folder, and sees that it is empty.
fn target(into: &Path) -> Result<OwnedFd, ImageError> {
    let unusable = |why: String| ImageError::Target { folder: into.to_owned(), why };
    match rustix::fs::mkdir(into, Mode::RWXU) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => {}
        Err(errno) => return Err(unusable(errno.to_string())),
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let root = rustix::fs::open(into, flags, Mode::empty()).map_err(|errno| unusable(errno.to_string()))?;
    let mut names = std::fs::read_dir(into).map_err(|error| unusable(error.to_string()))?;
    if names.next().is_some() {
        return Err(unusable("it is not empty".to_owned()));
    }
    rustix::fs::fchmod(&root, Mode::RWXU).map_err(|errno| unusable(errno.to_string()))?;
    Ok(root)
}
