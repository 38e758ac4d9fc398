//! What shows through from beneath: the lower folders of an overlay merged as overlayfs does it.

use super::Layer;
use super::inspect::{is_opaque, is_whiteout};
use std::ffi::OsStr;
use std::fs::Metadata;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

/// A file of the merged lower folders.
#[derive(Debug)]
pub(super) struct LowerNode {
    /// The topmost file of that name.
    pub(super) path: PathBuf,
    /// What it is.
    pub(super) meta: Metadata,
    /// For a folder: all folders that are merged in it, topmost first.
    pub(super) folders: Vec<PathBuf>,
}

/// The file `name` in the merged `folders` (topmost first).
pub(super) fn child(folders: &[PathBuf], name: &OsStr) -> std::io::Result<Option<LowerNode>> {
    let mut found: Option<LowerNode> = None;
    for folder in folders {
        let path = folder.join(name);
        let meta = match path.symlink_metadata() {
            Ok(meta) => meta,
            Err(e)
                if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) =>
            {
                continue;
            }
            Err(e) => return Err(e),
        };
        if is_whiteout(&path, &meta) {
            break;
        }
        let opaque = meta.is_dir() && is_opaque(&path);
        match &mut found {
            None if meta.is_dir() => {
                found = Some(LowerNode { path: path.clone(), meta, folders: vec![path] });
            }
            None => return Ok(Some(LowerNode { path, meta, folders: Vec::new() })),
            Some(node) if meta.is_dir() => node.folders.push(path),
            Some(_) => break,
        }
        if opaque {
            break;
        }
    }
    Ok(found)
}

/// The folders merged at `relative` below the merged `folders`; none where that is no folder.
pub(super) fn descend(folders: &[PathBuf], relative: &Path) -> Vec<PathBuf> {
    let mut here = folders.to_vec();
    for component in relative.components() {
        if let Component::Normal(name) = component {
            here = child(&here, name).ok().flatten().map_or_else(Vec::new, |node| node.folders);
        }
    }
    here
}

/// The file system beneath an environment, over all its layers. It answers what symbolic links are in it, for
/// [`reconcile`](crate::reconcile).
#[derive(Clone, Debug)]
pub struct LowerView {
    layers: Vec<Layer>,
}

impl LowerView {
    /// The view beneath `layers`.
    pub fn new(layers: &[Layer]) -> Self {
        let mut layers = layers.to_vec();
        // the deepest mount point that fits a path is the one that counts
        layers.sort_by_key(|layer| std::cmp::Reverse(layer.mount_point.components().count()));
        LowerView { layers }
    }

    /// What the symbolic link at the absolute path `path` holds; `None` where there is none. Folders on the way
    /// are taken as they are: the caller resolves their links first.
    pub fn read_link(&self, path: &[u8]) -> Option<Vec<u8>> {
        let path = Path::new(OsStr::from_bytes(path));
        let layer = self.layers.iter().find(|layer| path.starts_with(&layer.mount_point))?;
        let relative = path.strip_prefix(&layer.mount_point).ok()?;
        let name = relative.file_name()?;
        let folders = descend(&layer.lowers, relative.parent()?);
        let node = child(&folders, name).ok()??;
        node.meta
            .is_symlink()
            .then(|| std::fs::read_link(&node.path).ok())
            .flatten()
            .map(|target| target.into_os_string().into_vec())
    }
}
