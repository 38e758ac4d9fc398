//! What lies in the upper folders before the artifact starts (Detektr's own doing: baits, homes, masks).

use super::ids::LayerIds;
use super::{Layer, inside, inspect};
use crate::changes::{FileState, FileType};
use crate::error::{At, Result};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::{Path, PathBuf};

/// Contents are remembered up to this length each, and this much together.
const MAX_CONTENT: u64 = 64 << 10;
const MAX_CONTENTS: u64 = 8 << 20;

/// The upper folders as they were at one moment.
#[derive(Clone, Debug, Default)]
pub struct Baseline {
    /// By mount point of the layer, then by path: layers may cover each other's folders.
    layers: BTreeMap<PathBuf, BTreeMap<PathBuf, Entry>>,
}

/// One entry of an upper folder.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    /// It hides what lies beneath.
    Whiteout,
    /// A file.
    File {
        /// What it is.
        state: FileState,
        /// Nothing beneath the folder shows through.
        opaque: bool,
        /// Its content, where it is short.
        content: Option<Vec<u8>>,
    },
}

impl Baseline {
    /// Looks at the upper folders now. Call it when Detektr has put everything in place and before the artifact
    /// starts.
    pub fn take(layers: &[Layer], ids: &LayerIds) -> Result<Self> {
        let mut baseline = Baseline::default();
        let mut remembered = 0;
        for layer in layers {
            let mut entries = BTreeMap::new();
            let meta = layer.upper.symlink_metadata().at("read", &layer.upper)?;
            let state = inspect::state(&layer.upper, &meta, &ids.upper);
            let root = Entry::File { state, opaque: false, content: None };
            entries.insert(inside(&layer.mount_point, Path::new("")), root);
            let mut folders = vec![PathBuf::new()];
            while let Some(relative) = folders.pop() {
                let folder = layer.upper.join(&relative);
                let names = match inspect::names(&folder) {
                    // another user's: what is in it can't be compared later either, and is told then
                    Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => continue,
                    names => names.at("read", &folder)?,
                };
                for name in names {
                    let relative = relative.join(name);
                    let path = layer.upper.join(&relative);
                    let meta = path.symlink_metadata().at("read", &path)?;
                    let mut content = None;
                    let entry = if inspect::is_whiteout(&path, &meta) {
                        Entry::Whiteout
                    } else {
                        let mut state = inspect::state(&path, &meta, &ids.upper);
                        if state.file_type == FileType::File {
                            match inspect::content(&path, None) {
                                Ok(stored) => {
                                    if stored.size <= MAX_CONTENT && remembered + stored.size <= MAX_CONTENTS
                                    {
                                        content = Some(read(&path)?);
                                        remembered += stored.size;
                                    }
                                    state.sha256 = Some(stored.sha256);
                                }
                                Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => {}
                                Err(e) => return Err(e).at("read", &path),
                            }
                        }
                        let opaque = meta.is_dir() && inspect::is_opaque(&path);
                        Entry::File { state, opaque, content }
                    };
                    if meta.is_dir() {
                        folders.push(relative.clone());
                    }
                    entries.insert(inside(&layer.mount_point, &relative), entry);
                }
            }
            baseline.layers.insert(inside(&layer.mount_point, Path::new("")), entries);
        }
        Ok(baseline)
    }

    /// The entry at `path`, inside the environment, in the layer mounted at `layer`.
    pub(super) fn get(&self, layer: &Path, path: &Path) -> Option<&Entry> {
        self.layers.get(layer)?.get(path)
    }

    /// Names of the entries right below `folder` in the layer mounted at `layer`.
    pub(super) fn names<'a>(
        &'a self,
        layer: &Path,
        folder: &'a Path,
    ) -> impl Iterator<Item = &'a std::ffi::OsStr> {
        let entries = self.layers.get(layer).into_iter();
        entries
            .flat_map(move |entries| entries.range::<Path, _>((Bound::Excluded(folder), Bound::Unbounded)))
            .take_while(move |(path, _)| path.starts_with(folder))
            .filter(move |(path, _)| path.parent() == Some(folder))
            .filter_map(|(path, _)| path.file_name())
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut file = inspect::open_file(path).at("open", path)?;
    std::io::Read::read_to_end(&mut file, &mut bytes).at("read", path)?;
    Ok(bytes)
}
