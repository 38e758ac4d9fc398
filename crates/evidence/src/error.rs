//! Why evidence could not be written or read.

use std::io;
use std::path::{Path, PathBuf};

/// A failure to write or read evidence. What verification finds wrong is not an error but a
/// [`Problem`](crate::Problem).
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The file system refused.
    #[error("can't {what} {}", path.display())]
    Io {
        /// What was tried, as a verb (`read`, `create`).
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The path leads to no sealed bundle.
    #[error("{} is not a sealed bundle: {why}", path.display())]
    NotABundle {
        /// The path that was given.
        path: PathBuf,
        /// What is missing or odd.
        why: String,
    },
    /// A file of the bundle doesn't read as its format says.
    #[error("{} does not read as {what}: {why}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The bundle was written in a format that this program doesn't know.
    #[error(
        "bundle format {found:?} is not one that this program reads (it reads {known:?}): use the version of Detektr that wrote it, or a newer one"
    )]
    UnknownFormat {
        /// What the bundle says.
        found: String,
        /// What this program reads.
        known: &'static str,
    },
    /// The run id can't name a folder.
    #[error("run id {0:?} is not 1 to 64 letters, digits, '-', '_' or '.', beginning with a letter or digit")]
    RunId(String),
    /// A bundle or a leftover of this run exists already.
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    /// Another process is writing this bundle.
    #[error("{} is being written by a running detektr", .0.display())]
    InUse(PathBuf),
    /// A key can't be used.
    #[error("{} holds no usable key: {why}", path.display())]
    Key {
        /// The key file.
        path: PathBuf,
        /// What is wrong, and what would be right.
        why: String,
    },
}

/// The result of writing or reading evidence.
pub type Result<T, E = EvidenceError> = std::result::Result<T, E>;

/// Turns an I/O result into one that says what was done to which file.
pub(crate) trait At<T> {
    fn at(self, what: &'static str, path: &Path) -> Result<T>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, what: &'static str, path: &Path) -> Result<T> {
        self.map_err(|source| EvidenceError::Io { what, path: path.to_owned(), source })
    }
}

impl<T> At<T> for rustix::io::Result<T> {
    fn at(self, what: &'static str, path: &Path) -> Result<T> {
        self.map_err(io::Error::from).at(what, path)
    }
}
