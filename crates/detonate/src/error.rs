//! What stops a detonation before there is a bundle to say so.

use crate::artifact::ArtifactError;
use crate::images::UnpackError;
use detektr_evidence::EvidenceError;
use detektr_sandbox::controls::Refusal;
use std::io;
use std::path::PathBuf;

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum DetonateError {
    /// The artifact can't be run.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The image can't be used.
    #[error(transparent)]
    Image(#[from] UnpackError),
    /// The root file system can't be read.
    #[error("can't read the root file system {}", path.display())]
    Rootfs {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file for stdin can't be read.
    #[error("can't read {} for stdin", path.display())]
    Stdin {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The data folder can't be used.
    #[error("can't use the data folder {}", path.display())]
    Home {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The bundle can't be written.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// No thread can be had.
    #[error("can't start a thread")]
    Thread {
        /// Why.
        source: io::Error,
    },
    /// A control can't be enforced on this host, or says something impossible.
    #[error("{}", refusals(.0))]
    Refused(Vec<Refusal>),
    /// The recorder failed: a bug of Detektr's.
    #[error("the recorder failed; what it wrote until then is kept unsealed")]
    Recorder,
}

impl DetonateError {
    /// Whether the user's request was wrong (exit code 2), rather than this host or Detektr (4).
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            DetonateError::Artifact(_)
                | DetonateError::Image(_)
                | DetonateError::Rootfs { .. }
                | DetonateError::Stdin { .. }
                | DetonateError::Home { .. }
                | DetonateError::Refused(_)
                | DetonateError::Evidence(EvidenceError::Key { .. })
        )
    }
}

fn refusals(refusals: &[Refusal]) -> String {
    refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
