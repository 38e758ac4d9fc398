//! Paths that say how true they are.

use crate::text::Copied;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a field's value comes from, from the most to the least trustworthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// Read from the kernel's own object, at the moment of the act.
    KernelObject,
    /// The kernel's own copy of what the process gave.
    KernelCopy,
    /// The process's memory, which another thread of it may change.
    UserMemory,
    /// A look at `/proc` beside the act.
    Procfs,
}

/// A path with what is known of its truth.
///
/// Calls that yield or take a descriptor, and exec, tell the kernel's own object: `resolved` is true, and
/// `path` is the true path in the environment. Path calls tell `given` and the true path of its `base`; `path`
/// is then their join, `.` and `..` folded lexically, and `resolved` is false (a symbolic link in it was not
/// followed) unless a later look resolved it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FilePath {
    /// The absolute path, as true as `resolved` says.
    pub path: Copied,
    /// The string as the call gave it, where it gave one that is not `path`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given: Option<Copied>,
    /// The true path of the directory that `given` is relative to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Copied>,
    /// Whether `path` is the true path.
    pub resolved: bool,
    /// Where `path` comes from.
    pub provenance: Provenance,
    /// Device number of the file (`st_dev` in the kernel's own 12:20 form), where the object is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dev: Option<u64>,
    /// Inode number of the file, where the object is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ino: Option<u64>,
    /// File-system type (`overlay`, `tmpfs`, `proc`, …), where the object is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fs: Option<String>,
    /// Set where the path is not one of the environment's own tree: it was seen from a mount namespace or a
    /// root directory that the artifact made. The value tells the namespace's inode number and, where the
    /// root was changed, the root's path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_root: Option<PathRoot>,
    /// The file had no name any more when it was seen (deleted, O_TMPFILE, memfd).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unlinked: bool,
}

/// Whose idea of `/` a path is relative to, where it is not the environment's.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PathRoot {
    /// Inode number of the mount namespace.
    pub mount_namespace: u64,
    /// The process's root directory as seen from the namespace's root, where it is not `/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<Copied>,
}

impl FilePath {
    /// A true path, read from the kernel's object.
    pub fn resolved(path: Copied) -> Self {
        FilePath {
            path,
            given: None,
            base: None,
            resolved: true,
            provenance: Provenance::KernelObject,
            dev: None,
            ino: None,
            fs: None,
            path_root: None,
            unlinked: false,
        }
    }

    /// The path for people.
    pub fn lossy(&self) -> std::borrow::Cow<'_, str> {
        self.path.lossy()
    }

    /// The path as bytes, where it is whole and one of the environment's own tree.
    pub fn in_environment(&self) -> Option<&[u8]> {
        if self.path_root.is_some() {
            return None;
        }
        self.path.as_whole().map(|text| text.as_bytes())
    }
}
