//! Why a profile can't be used.

use detektr_yaml::{Problem, locate};
use miette::Diagnostic;
use std::io;
use std::path::{Path, PathBuf};

/// Why a profile can't be used.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum ProfileError {
    /// The file can't be read as text.
    #[error("can't read the profile {}", detektr_yaml::shown(.file))]
    #[diagnostic(
        code(detektr::profile::unreadable),
        help("check that the file exists, that you may read it, and that it is UTF-8 text")
    )]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What it says can't be used.
    #[error("the profile {} can't be used", detektr_yaml::shown(.file))]
    #[diagnostic(code(detektr::profile::invalid))]
    Invalid {
        /// The file.
        file: PathBuf,
        /// Each mistake, in the order of the file.
        #[related]
        problems: Vec<Problem>,
    },
}

impl ProfileError {
    pub(super) fn invalid(file: &Path, text: &str, problems: Vec<Problem>) -> Self {
        ProfileError::Invalid { file: file.to_owned(), problems: locate("profile", file, text, problems) }
    }
}
