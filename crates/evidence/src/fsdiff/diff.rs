//! The comparison itself: one walk over the upper folders, with what is beneath beside it.

use super::baseline::{Baseline, Entry};
use super::ids::LayerIds;
use super::lower::{self, LowerNode};
use super::{Layer, inside, inspect};
use crate::changes::{Change, ChangeKind, FileState, FileType};
use crate::store::FileStore;
use detektr_event::Text;
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// How to compare.
#[derive(Clone, Debug, Default)]
pub struct DiffOptions {
    /// Maps of ids.
    pub ids: LayerIds,
    /// The lower folders are the host's own: the content and hash of what not every user of it may read stays
    /// out of the bundle.
    pub host_lower: bool,
    /// The most changes that are listed.
    pub max_changes: Option<usize>,
}

/// The most changes that are listed, unless the options say otherwise.
const MAX_CHANGES: usize = 200_000;

/// The difference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// What changed, by path.
    pub changes: Vec<Change>,
    /// What lies in the upper folders and is as it was, by path.
    pub copied_up: Vec<Text>,
    /// How many changes are not listed, for there are too many.
    pub not_listed: u64,
}

/// Compares what lies in the upper folders of `layers` with what was there at `baseline` and beneath; contents
/// before and after go to `store`. What can't be read is told in the change, never an error.
pub fn fsdiff(layers: &[Layer], baseline: &Baseline, options: &DiffOptions, store: &mut FileStore) -> Diff {
    let max = options.max_changes.unwrap_or(MAX_CHANGES);
    let (hash_left, diff, unlocked) = (1 << 30, Diff::default(), Vec::new());
    let mut walk = Walk { baseline, options, store, max, hash_left, diff, unlocked };
    for layer in layers {
        walk.layer(layer);
    }
    walk.lock_again();
    let mut diff = walk.diff;
    diff.changes.sort_by(|a, b| a.path.cmp(&b.path));
    diff.copied_up.sort();
    diff
}

/// A folder to compare.
struct Folder {
    /// Inside the environment.
    path: PathBuf,
    /// In the upper folder, where it is there.
    upper: Option<PathBuf>,
    /// What showed through before, and shows through after.
    lowers: [Vec<PathBuf>; 2],
}

/// What a path is, on one side of the comparison.
enum Node {
    Absent,
    Lower(LowerNode),
    Upper(PathBuf, Metadata),
    Baseline(FileState, Option<Vec<u8>>),
}

impl Node {
    fn is_dir(&self) -> bool {
        match self {
            Node::Absent => false,
            Node::Lower(node) => node.meta.is_dir(),
            Node::Upper(_, meta) => meta.is_dir(),
            Node::Baseline(state, _) => state.file_type == FileType::Directory,
        }
    }
}

struct Walk<'a> {
    baseline: &'a Baseline,
    options: &'a DiffOptions,
    store: &'a mut FileStore,
    max: usize,
    /// Bytes of removed and moved files that may still be hashed.
    hash_left: u64,
    diff: Diff,
    /// Folders that were made readable, with the mode that they had.
    unlocked: Vec<(PathBuf, u32)>,
}

impl Walk<'_> {
    fn layer(&mut self, layer: &Layer) {
        self.root(layer);
        let mut folders = vec![Folder {
            path: inside(&layer.mount_point, Path::new("")),
            upper: Some(layer.upper.clone()),
            lowers: [layer.lowers.clone(), layer.lowers.clone()],
        }];
        while let Some(folder) = folders.pop() {
            for name in self.names(layer, &folder) {
                match self.entry(layer, &folder, &name) {
                    Ok(Some(next)) => folders.push(next),
                    Ok(None) => {}
                    Err(e) => self.unreadable(&folder.path.join(&name), &e),
                }
            }
        }
    }

    /// The mount point itself, which stands beside its own baseline only: what is beneath has another owner.
    fn root(&mut self, layer: &Layer) {
        let path = inside(&layer.mount_point, Path::new(""));
        if let (Some(Entry::File { state, .. }), Ok(meta)) =
            (self.baseline.get(&path, &path), layer.upper.symlink_metadata())
        {
            let before = Node::Baseline(state.clone(), None);
            self.compare(&path, before, Node::Upper(layer.upper.clone(), meta));
        }
    }

    /// Names in a folder. An upper folder of the caller's own that it may not read is made readable, after its
    /// state was taken and until the walk ends.
    fn list(&mut self, path: &Path, upper: bool) -> std::io::Result<Vec<OsString>> {
        if upper
            && let Ok(meta) = path.symlink_metadata()
            && std::os::unix::fs::MetadataExt::mode(&meta) & 0o500 != 0o500
            && let Some(mode) = inspect::unlock(path)
        {
            self.unlocked.push((path.to_owned(), mode));
        }
        inspect::names(path)
    }

    /// Gives unlocked folders the mode that they had, the deepest first.
    fn lock_again(&mut self) {
        use std::os::unix::fs::PermissionsExt as _;
        for (path, mode) in self.unlocked.drain(..).rev() {
            // it is the throw-away upper folder: a mode that can't be put back harms nobody
            let _ = std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode));
        }
    }

    /// Every name in the folder that may have changed.
    fn names(&mut self, layer: &Layer, folder: &Folder) -> BTreeSet<OsString> {
        let mount_point = inside(&layer.mount_point, Path::new(""));
        let mut names: BTreeSet<OsString> =
            self.baseline.names(&mount_point, &folder.path).map(OsStr::to_os_string).collect();
        let lowers = folder.lowers.iter().flatten().filter(|_| folder.lowers[0] != folder.lowers[1]);
        for path in folder.upper.iter().chain(lowers) {
            match self.list(path, Some(path) == folder.upper.as_ref()) {
                Ok(found) => names.extend(found),
                Err(e) => self.unreadable(&folder.path, &e),
            }
        }
        names
    }

    /// Compares one name; yields the folder to go on with, where it is one.
    fn entry(&mut self, layer: &Layer, folder: &Folder, name: &OsStr) -> std::io::Result<Option<Folder>> {
        let path = folder.path.join(name);
        let (before, lowers_before) = self.before(layer, folder, &path, name)?;
        let (after, lowers_after) = self.after(layer, folder, name)?;
        let same_lower = match (&before, &after) {
            (Node::Absent, Node::Absent) => return Ok(None),
            (Node::Lower(a), Node::Lower(b)) => a.path == b.path,
            _ => false,
        };
        let folders = before.is_dir() || after.is_dir();
        let upper = match &after {
            Node::Upper(path, meta) if meta.is_dir() => Some(path.clone()),
            _ => None,
        };
        if !same_lower {
            self.compare(&path, before, after);
        }
        let stays = same_lower && lowers_before == lowers_after;
        Ok((folders && !stays).then_some(Folder { path, upper, lowers: [lowers_before, lowers_after] }))
    }

    /// What `name` was, and the folders beneath it.
    fn before(
        &self,
        layer: &Layer,
        folder: &Folder,
        path: &Path,
        name: &OsStr,
    ) -> std::io::Result<(Node, Vec<PathBuf>)> {
        match self.baseline.get(&inside(&layer.mount_point, Path::new("")), path) {
            Some(Entry::Whiteout) => Ok((Node::Absent, Vec::new())),
            Some(Entry::File { state, opaque, content }) => {
                let merged = state.file_type == FileType::Directory && !opaque;
                let lowers =
                    if merged { lower::descend(&folder.lowers[0], Path::new(name)) } else { Vec::new() };
                Ok((Node::Baseline(state.clone(), content.clone()), lowers))
            }
            None => Ok(match lower::child(&folder.lowers[0], name)? {
                Some(node) => {
                    let folders = node.folders.clone();
                    (Node::Lower(node), folders)
                }
                None => (Node::Absent, Vec::new()),
            }),
        }
    }

    /// What `name` is now, and the folders beneath it.
    fn after(&self, layer: &Layer, folder: &Folder, name: &OsStr) -> std::io::Result<(Node, Vec<PathBuf>)> {
        if let Some(upper) = folder.upper.as_ref().map(|upper| upper.join(name)) {
            match upper.symlink_metadata() {
                Ok(meta) if inspect::is_whiteout(&upper, &meta) => return Ok((Node::Absent, Vec::new())),
                Ok(meta) if meta.is_dir() => {
                    let lowers = if inspect::is_opaque(&upper) {
                        Vec::new()
                    } else {
                        match inspect::redirect(&upper) {
                            Some(to) if to.as_bytes().first() == Some(&b'/') => {
                                lower::descend(&layer.lowers, Path::new(&to))
                            }
                            Some(to) => lower::descend(&folder.lowers[1], Path::new(&to)),
                            None => lower::descend(&folder.lowers[1], Path::new(name)),
                        }
                    };
                    return Ok((Node::Upper(upper, meta), lowers));
                }
                Ok(meta) => return Ok((Node::Upper(upper, meta), Vec::new())),
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) => return Err(e),
            }
        }
        Ok(match lower::child(&folder.lowers[1], name)? {
            Some(node) => {
                let folders = node.folders.clone();
                (Node::Lower(node), folders)
            }
            None => (Node::Absent, Vec::new()),
        })
    }

    fn compare(&mut self, path: &Path, before: Node, after: Node) {
        let text = Text::from(path.as_os_str().as_bytes());
        let mut old = self.state(&before);
        let mut new = self.state(&after);
        let mut unreadable = None;
        let mut note = |side: &str, e: std::io::Error| unreadable = Some(format!("content {side}: {e}"));
        let both = old.is_some() && new.is_some();
        if let Some(state) = &mut old
            && let Err(e) = self.content(&before, state, both, false)
        {
            note("before", e);
        }
        if let Some(state) = &mut new
            && let Err(e) = self.content(&after, state, both, !both)
        {
            note("after", e);
        }
        let change = match (&old, &new) {
            (None, None) => return,
            (None, Some(_)) => ChangeKind::Created,
            (Some(_), None) => ChangeKind::Removed,
            (Some(a), Some(b)) => match difference(a, b) {
                Some(kind) => kind,
                None => {
                    if unreadable.is_none() {
                        if matches!(after, Node::Upper(..)) {
                            self.diff.copied_up.push(text);
                        }
                        return;
                    }
                    ChangeKind::Modified
                }
            },
        };
        if self.diff.changes.len() >= self.max {
            self.diff.not_listed += 1;
            return;
        }
        if both && change == ChangeKind::Modified {
            for (node, state) in [(&before, &mut old), (&after, &mut new)] {
                if let Some(state) = state {
                    self.keep(node, state);
                }
            }
        }
        for (node, state) in [(&before, &mut old), (&after, &mut new)] {
            if let Some(state) = state.as_mut().filter(|_| self.is_secret(node)) {
                state.sha256 = None;
            }
        }
        self.diff.changes.push(Change { path: text, change, before: old, after: new, unreadable });
    }

    fn state(&self, node: &Node) -> Option<FileState> {
        match node {
            Node::Absent => None,
            Node::Lower(node) => {
                let mut state = inspect::state(&node.path, &node.meta, &self.options.ids.lower);
                // a name that is not in the upper folder shares nothing with those that are
                state.hard_link = None;
                Some(state)
            }
            Node::Upper(path, meta) => Some(inspect::state(path, meta, &self.options.ids.upper)),
            Node::Baseline(state, _) => Some(state.clone()),
        }
    }

    /// Hashes a regular file's content. What has only one side (`both` is false) and lies beneath is hashed only
    /// while the budget lasts: a removed tree can be the whole system. `keep` stores it at once.
    fn content(&mut self, node: &Node, state: &mut FileState, both: bool, keep: bool) -> std::io::Result<()> {
        if state.file_type != FileType::File {
            return Ok(());
        }
        let stored = match node {
            Node::Upper(path, _) => inspect::content(path, keep.then_some(&mut *self.store))?,
            Node::Lower(lower) => {
                if !both {
                    let size = state.size.unwrap_or(0);
                    if size > self.hash_left {
                        return Ok(());
                    }
                    self.hash_left -= size;
                }
                inspect::content(&lower.path, None)?
            }
            Node::Absent | Node::Baseline(..) => return Ok(()),
        };
        state.sha256 = Some(stored.sha256);
        state.stored = stored.kept;
        Ok(())
    }

    /// Stores the content of one side of a modified file.
    fn keep(&mut self, node: &Node, state: &mut FileState) {
        if state.file_type != FileType::File || self.is_secret(node) {
            return;
        }
        let stored = match node {
            Node::Upper(path, _) => inspect::content(path, Some(self.store)),
            Node::Lower(lower) => inspect::content(&lower.path, Some(self.store)),
            Node::Baseline(_, Some(content)) => self.store.store(&mut content.as_slice()),
            Node::Absent | Node::Baseline(_, None) => return,
        };
        // what can't be read twice is not stored, and `stored` says so
        state.stored =
            stored.is_ok_and(|stored| stored.kept && Some(&stored.sha256) == state.sha256.as_ref());
    }

    /// Of the host's own files only what every user may read goes into a bundle.
    fn is_secret(&self, node: &Node) -> bool {
        use std::os::unix::fs::MetadataExt as _;
        matches!(node, Node::Lower(node) if self.options.host_lower && node.meta.mode() & 0o004 == 0)
    }

    /// Tells that something at `path` could not be looked at.
    fn unreadable(&mut self, path: &Path, error: &std::io::Error) {
        self.diff.changes.push(Change {
            path: Text::from(path.as_os_str().as_bytes()),
            change: ChangeKind::Modified,
            before: None,
            after: None,
            unreadable: Some(error.to_string()),
        });
    }
}

/// In which way two states differ.
fn difference(before: &FileState, after: &FileState) -> Option<ChangeKind> {
    let identity = |s: &FileState| (s.file_type, s.target.clone(), s.device);
    // without both hashes, size and time must do
    let content = matches!((&before.sha256, &after.sha256), (Some(a), Some(b)) if a != b);
    let size = |s: &FileState| s.size.filter(|_| s.file_type == FileType::File);
    let metadata = |s: &FileState| (s.mode, s.uid, s.gid, s.mtime_ns, s.xattrs.clone());
    if content || identity(before) != identity(after) || size(before) != size(after) {
        Some(ChangeKind::Modified)
    } else if metadata(before) != metadata(after) {
        Some(ChangeKind::Metadata)
    } else {
        None
    }
}
