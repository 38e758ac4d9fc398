//! Paths that are remembered by the million: by their hash alone.

use detektr_event::FilePath;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// A path's hash, the same in every run; `None` for a path that is none of the environment's own.
pub(super) fn hash(path: &FilePath) -> Option<u64> {
    path.in_environment().map(hash_bytes)
}

/// The hash of a path's bytes.
pub(super) fn hash_bytes(path: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    hasher.finish()
}

/// The folder that a path is in.
pub(super) fn folder(path: &[u8]) -> &[u8] {
    path.iter().rposition(|byte| *byte == b'/').map_or(&[], |at| &path[..at])
}
