//! Why a validation file can't be used.

use detektr_yaml::{Problem, locate};
use miette::Diagnostic;
use std::io;
use std::path::{Path, PathBuf};

/// Why a validation file can't be used.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum FileError {
    /// The file can't be read as text.
    #[error("can't read the validation {}", .file.display())]
    #[diagnostic(
        code(detektr::validate::unreadable),
        help("check that the file exists, that you may read it, and that it is UTF-8 text")
    )]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What it says can't be used.
    #[error("the validation {} can't be used", .file.display())]
    #[diagnostic(code(detektr::validate::invalid))]
    Invalid {
        /// The file.
        file: PathBuf,
        /// Each mistake, in the order of the file.
        #[related]
        problems: Vec<Problem>,
    },
    /// More than one file can't be used.
    #[error("{} validations can't be used", .each.len())]
    #[diagnostic(code(detektr::validate::invalid))]
    Several {
        /// Why not, for each of them.
        #[related]
        each: Vec<FileError>,
    },
}

impl FileError {
    pub(super) fn invalid(file: &Path, text: &str, problems: Vec<Problem>) -> Self {
        FileError::Invalid { file: file.to_owned(), problems: locate("validate", file, text, problems) }
    }
}
