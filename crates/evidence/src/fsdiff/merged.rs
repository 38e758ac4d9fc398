//! The merged file system of an environment, as it is or as it was, read as a [`Tree`].

use super::ids::LayerIds;
use super::lower::{child, descend};
use super::{Layer, inspect};
use crate::persistence::{Node, Tree};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Component, Path, PathBuf};

/// The most of one file that is read.
const READ: u64 = 4 << 20;
/// The most symbolic links that are followed for one path, as the kernel does.
const LINKS: usize = 40;

/// The layers of an environment from outside.
#[derive(Clone, Debug)]
pub struct MergedView {
    layers: Vec<(PathBuf, Vec<PathBuf>)>,
    uppers: Vec<PathBuf>,
    ids: LayerIds,
}

impl MergedView {
    /// The files as they are.
    pub fn after(layers: &[Layer], ids: &LayerIds) -> Self {
        let folders = |layer: &Layer| std::iter::once(&layer.upper).chain(&layer.lowers).cloned().collect();
        Self::new(layers, ids, folders)
    }

    /// The files as they were before anything was written.
    pub fn before(layers: &[Layer], ids: &LayerIds) -> Self {
        Self::new(layers, ids, |layer| layer.lowers.clone())
    }

    fn new(layers: &[Layer], ids: &LayerIds, folders: impl Fn(&Layer) -> Vec<PathBuf>) -> Self {
        let mut all: Vec<_> =
            layers.iter().map(|layer| (layer.mount_point.clone(), folders(layer))).collect();
        all.sort_by_key(|(mount_point, _)| std::cmp::Reverse(mount_point.components().count()));
        let uppers = layers.iter().map(|layer| layer.upper.clone()).collect();
        MergedView { layers: all, uppers, ids: ids.clone() }
    }

    /// The folders that are merged at `path`, whose folders on the way are no links.
    fn folders(&self, path: &Path) -> Option<Vec<PathBuf>> {
        let (mount_point, folders) =
            self.layers.iter().find(|(mount_point, _)| path.starts_with(mount_point))?;
        Some(descend(folders, path.strip_prefix(mount_point).ok()?))
    }

    /// Where the file at `path` lies outside; its folders are no links.
    fn outside(&self, path: &Path) -> Option<(PathBuf, fs::Metadata)> {
        if let Some((_, folders)) = self.layers.iter().find(|(mount_point, _)| path == mount_point) {
            let folder = folders.first()?;
            return Some((folder.clone(), folder.symlink_metadata().ok()?));
        }
        let (folder, name) = (path.parent()?, path.file_name()?);
        let node = child(&self.folders(folder)?, name).ok()??;
        Some((node.path, node.meta))
    }

    /// `path` without links, and what is there.
    fn follow(&self, path: &str) -> Option<(PathBuf, PathBuf, fs::Metadata)> {
        let mut open: Vec<PathBuf> = components(Path::new(path));
        open.reverse();
        let (mut here, mut links) = (PathBuf::from("/"), 0);
        while let Some(part) = open.pop() {
            if part == Path::new("..") {
                here.pop();
                continue;
            }
            let next = here.join(&part);
            let (outside, meta) = self.outside(&next)?;
            if meta.is_symlink() {
                links += 1;
                if links > LINKS {
                    return None;
                }
                let target = fs::read_link(&outside).ok()?;
                if target.is_absolute() {
                    here = PathBuf::from("/");
                }
                open.extend(components(&target).into_iter().rev());
                continue;
            }
            here = next;
        }
        let (outside, meta) = self.outside(&here)?;
        Some((here, outside, meta))
    }
}

fn components(path: &Path) -> Vec<PathBuf> {
    path.components()
        .filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir))
        .map(|part| PathBuf::from(part.as_os_str()))
        .collect()
}

impl Tree for MergedView {
    fn node(&self, path: &str) -> Option<Node> {
        let (_, outside, meta) = self.follow(path)?;
        let upper = self.uppers.iter().any(|upper| outside.starts_with(upper));
        let ids = if upper { &self.ids.upper } else { &self.ids.lower };
        let state = inspect::state(&outside, &meta, ids);
        Some(Node { file_type: state.file_type, mode: state.mode, uid: state.uid, gid: state.gid })
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        let (_, outside, meta) = self.follow(path)?;
        let mut bytes = Vec::new();
        meta.is_file().then_some(())?;
        File::open(outside).ok()?.take(READ).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    fn list(&self, path: &str) -> Vec<String> {
        let Some((real, _, meta)) = self.follow(path) else { return Vec::new() };
        if !meta.is_dir() {
            return Vec::new();
        }
        let folders = self.folders(&real).unwrap_or_default();
        let mut names: Vec<String> = folders
            .iter()
            .filter_map(|folder| fs::read_dir(folder).ok())
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| matches!(child(&folders, OsStr::new(name)), Ok(Some(_))))
            .collect();
        names.sort();
        names.dedup();
        names
    }

    fn link(&self, path: &str) -> Option<String> {
        let path = Path::new(path);
        let (folder, _, _) = self.follow(path.parent()?.to_str()?)?;
        let (outside, meta) = self.outside(&folder.join(path.file_name()?))?;
        meta.is_symlink().then(|| fs::read_link(outside).ok()).flatten()?.into_os_string().into_string().ok()
    }

    fn resolve(&self, path: &str) -> Option<String> {
        self.follow(path)?.0.into_os_string().into_string().ok()
    }
}
