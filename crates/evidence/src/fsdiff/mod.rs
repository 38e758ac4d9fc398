//! The witness `fsdiff`: what a run left in its overlay, held against the file system beneath.
//!
//! It reads the upper folders after the run and knows overlayfs: whiteouts (device 0:0, or marked by an
//! attribute), opaque folders, redirected folders. What was copied up and is the same as below is no change.

mod baseline;
mod diff;
mod ids;
mod inspect;
mod lower;
mod merged;

pub use baseline::Baseline;
pub use diff::{Diff, DiffOptions, fsdiff};
pub use ids::{IdMap, IdMaps, IdRange, LayerIds};
pub use lower::LowerView;
pub use merged::MergedView;

use std::path::{Path, PathBuf};

/// One overlay of the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Where it is mounted, inside the environment.
    pub mount_point: PathBuf,
    /// Its upper folder.
    pub upper: PathBuf,
    /// Its lower folders, topmost first; none for a folder that has nothing beneath.
    pub lowers: Vec<PathBuf>,
}

/// The absolute path inside the environment of `relative` below `mount_point`.
fn inside(mount_point: &Path, relative: &Path) -> PathBuf {
    let joined = Path::new("/").join(mount_point).join(relative);
    // joining an empty path leaves a slash at the end
    joined.components().collect()
}
