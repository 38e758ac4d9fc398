//! The files that a finder looks into, whoever holds them.

use crate::changes::FileType;

/// What one file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its type.
    pub file_type: FileType,
    /// Permission bits, with setuid, setgid and sticky.
    pub mode: u32,
    /// Owner, inside the environment.
    pub uid: u32,
    /// Group, inside the environment.
    pub gid: u32,
}

impl Node {
    /// Whether anybody may execute it.
    pub fn executable(&self) -> bool {
        self.file_type == FileType::File && self.mode & 0o111 != 0
    }
}

/// A file system, read only. All paths are absolute; symbolic links are followed within the tree.
pub trait Tree {
    /// What is at `path`, links followed.
    fn node(&self, path: &str) -> Option<Node>;
    /// What the file at `path` holds (at most a bound of the tree's own).
    fn read(&self, path: &str) -> Option<Vec<u8>>;
    /// The names in the folder `path`, sorted; none where it is no folder.
    fn list(&self, path: &str) -> Vec<String>;
    /// What the symbolic link `path` itself holds.
    fn link(&self, path: &str) -> Option<String>;
    /// Where `path` leads, all links followed; `None` where there is nothing.
    fn resolve(&self, path: &str) -> Option<String>;
}
