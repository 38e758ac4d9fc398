//! What can go wrong with an environment: what the user can mend says how, the rest names the step and the
//! kernel's answer.

use crate::controls::Refusal;
use std::io;
use std::path::PathBuf;

/// An environment could not be made, used or removed.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum SandboxError {
    /// The kernel or the host's settings don't allow what is needed.
    #[error("this host does not allow {what}: {why}")]
    #[diagnostic(code(detektr::sandbox::unavailable), help("{remedy}"))]
    Unavailable {
        /// What was tried.
        what: String,
        /// What the kernel said.
        why: String,
        /// How to get it.
        remedy: String,
    },
    /// A file or folder on the host could not be used.
    #[error("{action} {path}")]
    #[diagnostic(code(detektr::sandbox::file))]
    File {
        /// What was done, as a verb.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// A step inside the environment failed.
    #[error("the environment could not be set up: {step}: {why}")]
    #[diagnostic(
        code(detektr::sandbox::setup),
        help("`detektr doctor` tries each part of an environment alone")
    )]
    Setup {
        /// The step.
        step: String,
        /// What the kernel said.
        why: String,
    },
    /// The environment's first process is gone, or speaks nonsense.
    #[error("the environment's first process was lost: {0}")]
    #[diagnostic(code(detektr::sandbox::init_lost))]
    InitLost(String),
    /// Controls that can't be enforced here.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    #[diagnostic(code(detektr::sandbox::refused))]
    Refused(Vec<Refusal>),
    /// The plan makes no sense.
    #[error("{0}")]
    #[diagnostic(code(detektr::sandbox::plan))]
    Plan(String),
}

impl SandboxError {
    /// For `map_err`: a file error with its place.
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| SandboxError::File { action, path, source }
    }

    /// For `map_err`: a failed step.
    pub(crate) fn step(step: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let step = step.into();
        move |e| SandboxError::Setup { step, why: e.to_string() }
    }
}
